//! SPIFFE IDs: what the standard admits, and what it does not.

use proptest::prelude::*;

use super::*;

#[test]
fn accepts_what_the_standard_allows() {
    let longest = format!("spiffe://a/{}", "b".repeat(SPIFFE_ID_BYTES_MAX - 11));
    for (text, domain, path) in [
        ("spiffe://hospital.example/ns/train/sa/loader", "hospital.example", "/ns/train/sa/loader"),
        ("spiffe://a/b", "a", "/b"),
        ("spiffe://a_b-c.9/A.b-c_9/...", "a_b-c.9", "/A.b-c_9/..."),
        (longest.as_str(), "a", &longest[10..]),
    ] {
        let id = SpiffeId::parse(text).unwrap();
        assert_eq!(id.as_str(), text);
        assert_eq!(id.trust_domain().as_str(), domain);
        assert_eq!(id.path(), path);
    }
}

#[test]
fn refuses_what_the_standard_does_not() {
    use InvalidSpiffeId as E;
    let too_long = format!("spiffe://a/{}", "b".repeat(SPIFFE_ID_BYTES_MAX - 10));
    let long_domain = format!("spiffe://{}/b", "a".repeat(256));
    let cases = [
        ("", E::Scheme),
        ("spiffe:", E::Scheme),
        ("spiffe:/a/b", E::Scheme),
        ("SPIFFE://a/b", E::Scheme),
        ("https://a/b", E::Scheme),
        (" spiffe://a/b", E::Scheme),
        ("spiffe://", E::EmptyTrustDomain),
        ("spiffe:///b", E::EmptyTrustDomain),
        ("spiffe://a", E::MissingPath),
        ("spiffe://a/", E::TrailingSlash),
        ("spiffe://a/b/", E::TrailingSlash),
        ("spiffe://a//b", E::EmptySegment { at: 1 }),
        ("spiffe://a/b//c", E::EmptySegment { at: 3 }),
        ("spiffe://a/./b", E::DotSegment { at: 1 }),
        ("spiffe://a/b/..", E::DotSegment { at: 3 }),
        ("spiffe://a/b?x", E::Query),
        ("spiffe://a?x", E::Query),
        ("spiffe://a/b#x", E::Fragment),
        ("spiffe://a/b%20c", E::PercentEncoding),
        ("spiffe://a%2e/b", E::PercentEncoding),
        ("spiffe://a/b c", E::PathByte { at: 2 }),
        ("spiffe://a/b:c", E::PathByte { at: 2 }),
        ("spiffe://a/b/ç", E::PathByte { at: 3 }),
        ("spiffe://a/*", E::PathByte { at: 1 }),
        ("spiffe://a/b\n", E::PathByte { at: 2 }),
        ("spiffe://a/b\0", E::PathByte { at: 2 }),
        ("spiffe://A/b", E::TrustDomainByte { at: 0 }),
        ("spiffe://a:443/b", E::Port),
        ("spiffe://me@a/b", E::UserInfo),
        ("spiffe://me:pw@a/b", E::UserInfo),
        (too_long.as_str(), E::TooLong { bytes: 2049 }),
        (long_domain.as_str(), E::TrustDomainTooLong { bytes: 256 }),
    ];
    for (text, error) in cases {
        assert_eq!(SpiffeId::parse(text), Err(error), "{text}");
    }
}

#[test]
fn equal_only_when_the_bytes_are() {
    let id = |text| SpiffeId::parse(text).unwrap();
    assert_eq!(id("spiffe://a/b"), id("spiffe://a/b"));
    assert_ne!(id("spiffe://a/b"), id("spiffe://a/B"));
    assert_ne!(id("spiffe://a/b"), id("spiffe://a.b/b"));
}

proptest! {
    #[test]
    fn every_id_of_the_grammar_parses_and_prints_itself(
        domain in "[a-z0-9._-]{1,60}",
        segments in prop::collection::vec("[a-zA-Z0-9_-][a-zA-Z0-9._-]{0,20}", 1..8),
    ) {
        let path = format!("/{}", segments.join("/"));
        let text = format!("spiffe://{domain}{path}");
        let id = SpiffeId::parse(&text).unwrap();
        prop_assert_eq!(id.to_string(), text.clone());
        prop_assert_eq!(id.path(), path);
        prop_assert_eq!(id.trust_domain().as_str(), domain);
        prop_assert_eq!(text.parse::<SpiffeId>().unwrap(), id);
    }

    #[test]
    fn whatever_parses_fits_the_grammar(text in "(spiffe://)?[a-cA-C./@:%?#_-]{0,40}") {
        if let Ok(id) = SpiffeId::parse(&text) {
            let domain = id.trust_domain().as_str();
            prop_assert!(!domain.is_empty());
            prop_assert!(domain.bytes().all(|b| b.is_ascii_lowercase() || b".-_".contains(&b)));
            for segment in id.path().split('/').skip(1) {
                prop_assert!(!matches!(segment, "" | "." | ".."));
                prop_assert!(segment.bytes().all(|b| b.is_ascii_alphabetic() || b".-_".contains(&b)));
            }
            prop_assert_eq!(format!("spiffe://{domain}{}", id.path()), text);
        }
    }

    #[test]
    fn any_text_is_answered_without_panic(text in any::<String>()) {
        let _ = SpiffeId::parse(&text);
        let _ = TrustDomain::parse(&text);
        let _ = TrustDomain::parse_id(&text);
    }
}
