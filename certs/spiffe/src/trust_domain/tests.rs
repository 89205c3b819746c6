//! Trust domain names: what the standard admits, and what it does not.

use super::*;

#[test]
fn accepts_what_the_standard_allows() {
    let longest = "a".repeat(TRUST_DOMAIN_BYTES_MAX);
    for text in ["a", "hospital.example", "9.0-x_y", "10.0.0.1", "_", longest.as_str()] {
        assert_eq!(TrustDomain::parse(text).unwrap().as_str(), text);
        assert_eq!(TrustDomain::parse_id(&format!("spiffe://{text}")).unwrap().as_str(), text);
    }
}

#[test]
fn refuses_what_the_standard_does_not() {
    use InvalidSpiffeId as E;
    let too_long = "a".repeat(TRUST_DOMAIN_BYTES_MAX + 1);
    let cases = [
        ("", E::EmptyTrustDomain),
        ("Hospital.example", E::TrustDomainByte { at: 0 }),
        ("hospital.Example", E::TrustDomainByte { at: 9 }),
        ("hospital example", E::TrustDomainByte { at: 8 }),
        ("hospital/example", E::TrustDomainByte { at: 8 }),
        ("hôpital", E::TrustDomainByte { at: 1 }),
        ("host:443", E::Port),
        ("me@host", E::UserInfo),
        ("[::1]", E::Port),
        ("a%62", E::TrustDomainByte { at: 1 }),
        ("a\0", E::TrustDomainByte { at: 1 }),
        (too_long.as_str(), E::TrustDomainTooLong { bytes: 256 }),
    ];
    for (text, error) in cases {
        assert_eq!(TrustDomain::parse(text), Err(error), "{text}");
    }
}

#[test]
fn the_id_of_a_trust_domain_has_no_path() {
    use InvalidSpiffeId as E;
    let domain = TrustDomain::parse("hospital.example").unwrap();
    assert_eq!(domain.id(), "spiffe://hospital.example");
    assert_eq!(TrustDomain::parse_id(&domain.id()), Ok(domain));
    for (text, error) in [
        ("spiffe://a/", E::UnexpectedPath),
        ("spiffe://a/b", E::UnexpectedPath),
        ("https://a", E::Scheme),
        ("a", E::Scheme),
        ("spiffe://", E::EmptyTrustDomain),
    ] {
        assert_eq!(TrustDomain::parse_id(text), Err(error), "{text}");
    }
}
