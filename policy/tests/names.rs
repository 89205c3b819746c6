//! Which names may be resolved, to which addresses, and by whose content profiles they are read.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy.toml's leave for tests does not reach their helpers; a test fails by panicking"
)]

use policy::{Host, NameFacts, NamePermit, Policy, Refusal, Source};

const POLICY: &str = r#"
apiVersion: lazaret/v1
kind: Policy
metadata: {name: names, owner: tests, purpose: tests}
endpoints:
  - {name: registry, hosts: [registry.ml.internal, "*.registry.ml.internal"], addresses: [10.20.0.0/16], ports: [443], tls: {mode: server}}
  - {name: mirror, hosts: [registry.ml.internal], addresses: [10.30.0.0/16, "fd12::/32"], ports: [8443], tls: {mode: server}}
  - {name: bare, hosts: ["10.20.0.9"], addresses: [10.20.0.0/16], ports: [443], tls: {mode: server}}
  - {name: others, hosts: [others.ml.internal], addresses: [10.20.0.0/16], ports: [443], tls: {mode: server}}
  - {name: old, hosts: [old.ml.internal], addresses: [10.20.0.0/16], ports: [443], tls: {mode: server}}
  - {name: ruleless, hosts: [ruleless.ml.internal], addresses: [10.20.0.0/16], ports: [443], tls: {mode: server}}
egress:
  - {name: reads, to: [registry], methods: [GET], paths: ["/v2/**"], content: held}
  - {name: writes, to: [registry, mirror], methods: [PUT], content: held}
  - {name: watched, to: [mirror], content: streamed, enforcement: monitor, until: 2030-01-01T00:00:00Z}
  - {name: literal, to: [bare], content: held}
  - {name: theirs, to: [others], from: ["spiffe://hospital.example/ns/train/sa/other"], content: held}
  - {name: ended, to: [old], content: held, expires: 2026-01-01T00:00:00Z, approval: {ticket: SEC-1, by: privacy-office}}
content:
  - {name: held, inspect: hold, rules: [{when: {identifiers: [any], confidence: medium}, action: block}]}
  - {name: streamed, inspect: stream, rules: [{when: {identifiers: [any], confidence: medium}, action: block}]}
"#;

fn decide(name: &str) -> Result<NamePermit, Refusal> {
    let source = Source { name: "names.yaml".to_owned(), text: POLICY.to_owned() };
    let policy = Policy::compile(&[source]).unwrap_or_else(|errors| panic!("{errors:#?}")).policy;
    let source = "spiffe://hospital.example/ns/train/sa/job".parse().unwrap();
    policy.decide_name(&NameFacts {
        source: Some(&source),
        host: &Host::parse(name).unwrap(),
        now: "2026-06-01T00:00:00Z".parse().unwrap(),
    })
}

#[test]
fn a_name_that_some_rule_goes_to_may_be_asked_for() {
    for (name, rule, endpoint) in [
        ("registry.ml.internal", "reads", "registry"),
        ("REGISTRY.ml.internal.", "reads", "registry"),
        ("a7.registry.ml.internal", "reads", "registry"),
    ] {
        let permit = decide(name).unwrap_or_else(|refusal| panic!("{name}: {refusal:?}"));
        assert_eq!(permit.verdict().rule.as_deref(), Some(rule), "{name}");
        assert_eq!(permit.endpoint().map(|name| &**name), Some(endpoint), "{name}");
    }
}

#[test]
fn a_name_under_a_wildcard_is_not_the_policys_own() {
    assert!(decide("registry.ml.internal").unwrap().is_listed_by_name());
    assert!(!decide("a7.registry.ml.internal").unwrap().is_listed_by_name());
}

#[test]
fn any_other_name_may_not() {
    for (name, code) in [
        ("example.com", "host-not-listed"),
        ("ml.internal", "host-not-listed"),
        ("a.b.registry.ml.internal", "host-not-listed"),
        ("ruleless.ml.internal", "no-rule"),
        ("others.ml.internal", "source-not-allowed"),
        ("old.ml.internal", "rule-expired"),
        // A resolver that is asked for an address is asked for something else.
        ("10.20.0.9", "host-not-listed"),
    ] {
        assert_eq!(decide(name).expect_err(name).code(), code, "{name}");
    }
    let source: Option<&spiffe::SpiffeId> = None;
    let host = Host::parse("registry.ml.internal").unwrap();
    let facts = NameFacts { source, host: &host, now: "2026-06-01T00:00:00Z".parse().unwrap() };
    let refusal = Policy::broken("a story").decide_name(&facts).expect_err("a broken policy");
    assert_eq!(refusal.code(), "policy-broken");
}

#[test]
fn addresses_of_every_rule_that_goes_there_may_be_told() {
    let both = decide("registry.ml.internal").unwrap();
    for address in ["10.20.1.1", "10.30.1.1", "fd12::7", "::ffff:10.20.1.1"] {
        assert_eq!(both.vet(address.parse().unwrap()), Ok(()), "{address}");
    }
    for (address, code) in [
        ("10.40.1.1", "address-not-listed"),
        ("93.184.216.34", "address-not-listed"),
        ("169.254.169.254", "never-dial-address"),
        ("fd00:ec2::254", "never-dial-address"),
        ("127.0.0.1", "address-not-listed"),
    ] {
        assert_eq!(
            both.vet(address.parse().unwrap()).expect_err(address).code(),
            code,
            "{address}"
        );
    }
    let one = decide("a7.registry.ml.internal").unwrap();
    let refusal = one.vet("10.30.1.1".parse().unwrap()).expect_err("the mirror's address");
    assert_eq!(refusal.code(), "address-not-listed");
    assert_eq!(refusal.verdict.rule.as_deref(), Some("reads"));
}

#[test]
fn every_profile_of_those_rules_reads_the_name_once() {
    let rulings = decide("registry.ml.internal").unwrap().rulings();
    let names: Vec<_> = rulings.iter().map(|ruling| ruling.rule().unwrap().to_string()).collect();
    assert_eq!(names, ["reads", "watched"], "`writes` reads by the profile of `reads`");
    assert_eq!(decide("a7.registry.ml.internal").unwrap().rulings().len(), 1);
}
