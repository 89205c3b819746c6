//! Host names: one spelling each, and patterns that a naive oracle agrees with.

use proptest::prelude::*;

use super::*;

fn canonical(text: &str) -> String {
    Host::parse(text).unwrap_or_else(|error| panic!("{text}: {error}")).to_string()
}

#[test]
fn spellings_of_one_host_are_one_host() {
    let table = [
        ("Registry.ML.internal", "registry.ml.internal"),
        ("registry.ml.internal.", "registry.ml.internal"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("bu\u{308}cher.example", "xn--bcher-kva.example"),
        ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
        ("ｅｘａｍｐｌｅ．org", "example.org"),
        ("exa\u{ad}mple.org", "example.org"),
        ("_grpc.tracker.internal", "_grpc.tracker.internal"),
        ("r3---sn.example.org", "r3---sn.example.org"),
        ("localhost", "localhost"),
        ("10.0.0.1", "10.0.0.1"),
        ("10.0.0.1.", "10.0.0.1"),
        ("[::1]", "[::1]"),
        ("::1", "[::1]"),
        ("[2001:DB8:0:0::1]", "[2001:db8::1]"),
        ("1password.example", "1password.example"),
        ("0xcafe.example", "0xcafe.example"),
    ];
    for (text, want) in table {
        assert_eq!(canonical(text), want, "{text}");
        assert_eq!(canonical(want), want, "{want} is stable");
    }
}

#[test]
fn what_is_no_host_is_refused_by_name() {
    let long_label = format!("{}.example", "a".repeat(64));
    let long_name = format!("{}example.org", "a.".repeat(130));
    let huge = "a".repeat(5000);
    let table = [
        ("", InvalidHost::Empty),
        (".", InvalidHost::Empty),
        ("a..b", InvalidHost::Empty),
        ("example.org..", InvalidHost::Empty),
        (".example.org", InvalidHost::Empty),
        (&long_label, InvalidHost::TooLong),
        (&long_name, InvalidHost::TooLong),
        (&huge, InvalidHost::TooLong),
        ("127.1", InvalidHost::Number),
        ("2130706433", InvalidHost::Number),
        ("0x7f000001", InvalidHost::Number),
        ("0x7f.0.0.0x1", InvalidHost::Number),
        ("a.0x", InvalidHost::Number),
        ("010.0.0.1", InvalidHost::Number),
        ("1.2.3.4.5", InvalidHost::Number),
        ("example.123", InvalidHost::Number),
        ("１２７.0.0.1", InvalidHost::Number),
        ("127。0。0。1", InvalidHost::Number),
        ("a b", InvalidHost::Grammar),
        ("a/b", InvalidHost::Grammar),
        ("a@b", InvalidHost::Grammar),
        ("a%2eb", InvalidHost::Grammar),
        ("a:80", InvalidHost::Grammar),
        ("a\0b", InvalidHost::Grammar),
        ("a!b", InvalidHost::Grammar),
        ("-a.example", InvalidHost::Grammar),
        ("a-.example", InvalidHost::Grammar),
        ("xn--zz-.example", InvalidHost::Grammar),
        ("*.example.org", InvalidHost::Grammar),
        ("[::1", InvalidHost::Grammar),
        ("[10.0.0.1]", InvalidHost::Grammar),
        ("[fe80::1%eth0]", InvalidHost::Grammar),
        ("fe80::1%25eth0", InvalidHost::Grammar),
        ("[::1]:443", InvalidHost::Grammar),
        ("\u{202e}example.org", InvalidHost::Grammar),
    ];
    for (text, want) in table {
        assert_eq!(Host::parse(text), Err(want), "{text:?}");
    }
}

#[test]
fn a_homograph_is_another_host() {
    let latin = Host::parse("paypal.example").unwrap();
    let cyrillic = Host::parse("pаypal.example").unwrap();
    assert_ne!(latin, cyrillic);
    assert!(cyrillic.as_str().starts_with("xn--"));
}

#[test]
fn a_literal_is_no_name() {
    assert!(!Host::parse("10.0.0.1").unwrap().is_name());
    assert_eq!(Host::parse("[::ffff:10.0.0.1]").unwrap().as_str(), "[::ffff:10.0.0.1]");
    assert_ne!(Host::parse("[::ffff:10.0.0.1]").unwrap(), Host::parse("10.0.0.1").unwrap());
}

#[test]
fn bad_patterns_are_refused_by_name() {
    let table = [
        ("*", InvalidHost::WideWildcard),
        ("*.com", InvalidHost::WideWildcard),
        ("*.*.com", InvalidHost::WideWildcard),
        ("a.*.com", InvalidHost::WideWildcard),
        ("example.org.*", InvalidHost::WideWildcard),
        ("**.example.org", InvalidHost::PartialWildcard),
        ("a*.example.org", InvalidHost::PartialWildcard),
        ("*.", InvalidHost::WideWildcard),
        ("*.10.0.1", InvalidHost::Number),
        ("*..example.org", InvalidHost::Empty),
        ("*.exa mple.org", InvalidHost::Grammar),
    ];
    for (text, want) in table {
        assert_eq!(HostPattern::parse(text), Err(want), "{text:?}");
    }
}

#[test]
fn a_pattern_is_normalised_like_a_host() {
    let pattern = HostPattern::parse("*.BÜCHER.Example.").unwrap();
    assert_eq!(pattern.as_str(), "*.xn--bcher-kva.example");
    assert!(pattern.matches(&Host::parse("a.bücher.example").unwrap()));
}

/// Whether the pattern covers the host, said in the plainest way.
fn oracle(pattern: &str, host: &str) -> bool {
    let pattern: Vec<&str> = pattern.split('.').collect();
    let host: Vec<&str> = host.split('.').collect();
    if pattern.len() != host.len() {
        return false;
    }
    (0..pattern.len()).all(|i| pattern[i] == "*" || pattern[i] == host[i])
}

proptest! {
    #[test]
    fn patterns_agree_with_the_oracle(
        pattern in proptest::collection::vec(proptest::sample::select(vec!["*", "a", "b"]), 1..5),
        host in proptest::collection::vec(proptest::sample::select(vec!["a", "b", "ab"]), 1..5),
    ) {
        let (pattern, host) = (pattern.join(".") + ".example.org", host.join(".") + ".example.org");
        let parsed = HostPattern::parse(&pattern).unwrap();
        let target = Host::parse(&host).unwrap();
        prop_assert_eq!(parsed.matches(&target), oracle(&pattern, &host));
        // The index finds a pattern exactly where the pattern matches.
        let mut key = String::new();
        let found = parsed.shape().key(&target, &mut key) && key == parsed.as_str();
        prop_assert_eq!(found, oracle(&pattern, &host));
    }

    #[test]
    fn parsing_never_panics_and_is_stable(text in "\\PC{0,40}|[a-zA-Z0-9.*\\[\\]:%-]{0,40}") {
        if let Ok(host) = Host::parse(&text) {
            prop_assert_eq!(Host::parse(host.as_str()), Ok(host.clone()));
            prop_assert!(host.as_str().is_ascii());
            prop_assert!(!host.as_str().ends_with('.'));
            prop_assert_eq!(Host::parse(&text.to_uppercase()).is_ok_and(|up| up != host) && text.is_ascii(), false);
        }
        let _ = HostPattern::parse(&text);
    }
}
