//! Content profiles on real scans: the tables of `cases/judgements.toml`, what monitor softens, and that a
//! verdict never gets milder as evidence grows.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails there")]

use dlp::{Catalog, Hint, Limits, Scanner};
use jiff::Timestamp;
use policy::{
    Action, EgressFacts, EgressPermit, Enforcement, Host, InboundFacts, Place, Policy, Source,
};
use proptest::prelude::*;
use serde::Deserialize;
use spiffe::SpiffeId;

#[derive(Deserialize)]
struct Table {
    group: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    name: String,
    profile: String,
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    body: String,
    #[serde(default)]
    random: usize,
    wrap: Option<String>,
    #[serde(default)]
    cut: usize,
    encoding: Option<String>,
    kept: Option<usize>,
    place: Option<String>,
    has: Vec<String>,
    want: String,
    #[serde(default)]
    says: String,
}

impl Case {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.body.clone().into_bytes();
        bytes.extend(noise(self.random));
        let mut bytes = match self.wrap.as_deref() {
            None => bytes,
            Some("gzip") => gzip(&bytes),
            Some(other) => panic!("unknown wrapping {other}"),
        };
        bytes.truncate(bytes.len() - self.cut);
        bytes
    }

    fn place(&self) -> Place {
        match self.place.as_deref() {
            None => Place::Body,
            Some("head") => Place::Head,
            Some(other) => panic!("unknown place {other}"),
        }
    }

    fn scanned(&self, permit: &EgressPermit) -> Scanner {
        let hint = Hint { content_encoding: self.encoding.as_deref(), ..Hint::default() };
        let mut limits = Limits::default();
        if let Some(kept) = self.kept {
            limits.findings_max = kept;
        }
        let mut scanner = permit.content().scanner(&hint, limits);
        scanner.feed(&self.bytes());
        scanner.finish();
        scanner
    }
}

fn noise(length: usize) -> impl Iterator<Item = u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()[2]
    })
    .take(length)
}

/// A gzip member with one stored block (RFC 1951 section 3.2.4, RFC 1952).
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap();
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 1];
    out.extend(length.to_le_bytes());
    out.extend((!length).to_le_bytes());
    out.extend(bytes);
    let crc = bytes.iter().fold(!0u32, |crc, byte| {
        (0..8)
            .fold(crc ^ u32::from(*byte), |c, _| (c >> 1) ^ (0xedb8_8320 & (c & 1).wrapping_neg()))
    });
    out.extend((!crc).to_le_bytes());
    out.extend(u32::from(length).to_le_bytes());
    out
}

fn policy_of(profile: &str, rule: &str) -> Policy {
    let text = format!(
        "apiVersion: lazaret/v1\nkind: Policy\nendpoints:\n  - {{name: e, hosts: [e.example.org], \
         addresses: [192.0.2.0/24], ports: [443], tls: {{mode: server}}}}\negress:\n  - name: out\n    \
         to: [e]\n    content: p\n{rule}inbound:\n  - name: in\n    from: [\"spiffe://h.example/a\"]\n    \
         content: p\n{rule}content:\n  - name: p\n    {profile}\n"
    );
    let source = Source { name: "p.yaml".to_owned(), text };
    Policy::compile(&[source]).unwrap_or_else(|errors| panic!("{errors:#?}")).policy
}

fn permit(policy: &Policy, now: &str) -> EgressPermit {
    let host = Host::parse("e.example.org").unwrap();
    let now = now.parse().unwrap();
    let facts = EgressFacts {
        source: None,
        host: &host,
        port: None,
        is_grpc: false,
        method: "PUT",
        path: "/",
        upgrade: None,
        now,
    };
    policy.decide_egress(&facts).unwrap()
}

const NOW: &str = "2026-11-21T12:00:00Z";

#[test]
fn judgements() {
    let table: Table = toml::from_str(include_str!("cases/judgements.toml")).unwrap();
    let mut wrong = Vec::new();
    for group in &table.group {
        let policy = policy_of(&group.profile, "");
        let permit = permit(&policy, NOW);
        for case in &group.case {
            let scanner = case.scanned(&permit);
            let evidence = scanner.evidence();
            let has: Vec<String> = evidence
                .tally
                .iter()
                .map(|(class, confidence, _, count)| format!("{class} {confidence} {count}"))
                .collect();
            let verdict = permit.judge(case.place(), evidence);
            let rule = verdict.rule.as_deref().map_or_else(String::new, |rule| format!(" {rule}"));
            let got = format!("{} {}{rule}", verdict.action.name(), verdict.reason.code);
            if has != case.has || got != case.want || !verdict.reason.text.contains(&case.says) {
                let text = &verdict.reason.text;
                wrong.push(format!("{}: {:?}: {has:?}, {got}: {text}", group.name, case.body));
            }
            assert_eq!(verdict.stops(), verdict.action == Action::Block, "{}", case.body);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_verdict_repeats_nothing_of_what_was_found() {
    let table: Table = toml::from_str(include_str!("cases/judgements.toml")).unwrap();
    let secrets =
        ["536", "8726", "4829105", "jane", "roe", "stmarys", "617", "1957", "1EG4", "123456"];
    for group in &table.group {
        let permit = permit(&policy_of(&group.profile, ""), NOW);
        for case in &group.case {
            let verdict = permit.judge(case.place(), case.scanned(&permit).evidence());
            for secret in secrets {
                assert!(!format!("{verdict:?}").contains(secret), "{}: {verdict:?}", group.name);
            }
        }
    }
}

fn ssn() -> Scanner {
    let mut scanner = Scanner::new(Catalog::builtin(), &Hint::default(), Limits::default());
    scanner.feed(b"Patient SSN: 536-22-8726, mail jane.roe@stmarys.org");
    scanner.finish();
    scanner
}

#[test]
fn monitor_records_what_it_would_have_stopped_until_its_end() {
    let rule = "    enforcement: monitor\n    until: 2026-12-01T00:00:00Z\n";
    let policy = policy_of("rules: [{when: {identifiers: [email]}, action: redact}]", rule);
    let scanner = ssn();
    let monitored = permit(&policy, NOW);
    let verdict = monitored.judge(Place::Body, scanner.evidence());
    assert_eq!((verdict.action, verdict.enforcement), (Action::Block, Enforcement::Monitor));
    assert!(!verdict.stops());
    assert_eq!(monitored.verdict().enforcement, Enforcement::Monitor);
    let email = &scanner.evidence().findings[1];
    assert!(monitored.content().redacts(email) && !monitored.redacts(email), "nothing is altered");

    let enforced = permit(&policy, "2026-12-01T00:00:00Z");
    assert!(enforced.judge(Place::Body, scanner.evidence()).stops());
    assert!(enforced.redacts(email));
}

#[test]
fn monitor_never_softens_the_address_guard() {
    let rule = "    enforcement: monitor\n    until: 2026-12-01T00:00:00Z\n";
    let permit = permit(&policy_of("inspect: hold", rule), NOW);
    for addr in ["169.254.169.254", "::ffff:169.254.169.254", "10.0.0.1", "192.0.3.1"] {
        let refusal = permit.vet(addr.parse().unwrap()).unwrap_err();
        assert!(refusal.verdict.stops(), "{addr}");
    }
    assert!(permit.vet("192.0.2.1".parse().unwrap()).is_ok());
}

#[test]
fn skipped_bytes_are_unread_bytes() {
    let permit = permit(&policy_of("inspect: hold", ""), NOW);
    let mut evidence = dlp::Evidence::default();
    assert!(!permit.judge(Place::Body, &evidence).stops());
    evidence.coverage.skipped = 7;
    let verdict = permit.judge(Place::Body, &evidence);
    assert!(verdict.stops());
    assert_eq!(
        (verdict.reason.code, &*verdict.reason.text),
        ("unreadable", "7 bytes were not looked at")
    );
}

#[test]
fn a_permit_that_outlives_its_rule_says_so() {
    let rule = "    expires: 2026-12-01T00:00:00Z\n    approval: {ticket: T, by: me}\n";
    let permit = permit(&policy_of("inspect: hold", rule), NOW);
    assert!(permit.check(NOW.parse().unwrap()).is_ok());
    let end: Timestamp = "2026-12-01T00:00:00Z".parse().unwrap();
    assert!(permit.is_expired(end));
    assert_eq!(permit.check(end).unwrap_err().code(), "rule-expired");
}

#[test]
fn a_ruling_judges_as_its_permit_does() {
    let permit =
        permit(&policy_of("rules: [{when: {identifiers: [email]}, action: redact}]", ""), NOW);
    let ruling = permit.ruling();
    let scanner = ssn();
    let evidence = scanner.evidence();
    let none = dlp::Tally::default();
    assert_eq!(ruling.judge(Place::Body, &none, evidence), permit.judge(Place::Body, evidence));
    assert_eq!(ruling.rule().map(|rule| &**rule), Some("out"));
    let redacted: Vec<bool> = evidence.findings.iter().map(|f| ruling.redacts(f)).collect();
    assert_eq!(redacted, [false, true], "the e-mail address alone");
    assert!(permit.ruling_in().is_none());
}

#[test]
fn what_a_head_held_counts_with_the_body() {
    let rules = |action: &str| {
        let rule = format!("{{when: {{identifiers: [ssn, email], count: 4}}, action: {action}}}");
        permit(&policy_of(&format!("rules: [{rule}]"), ""), NOW).ruling()
    };
    let (none, two) = (dlp::Tally::default(), ssn());
    let (before, evidence) = (&two.evidence().tally, two.evidence());
    assert_eq!(before.total(), 2);
    for action in ["block", "redact"] {
        let ruling = rules(action);
        assert_eq!(ruling.judge(Place::Body, &none, evidence).action, Action::Allow, "{action}");
        // What is in the head cannot be masked any more.
        let verdict = ruling.judge(Place::Body, before, evidence);
        assert!(verdict.stops(), "{action}");
        assert!(
            verdict.reason.text.starts_with("4 findings ("),
            "all are told: {}",
            verdict.reason.text
        );
        assert!(ruling.judge(Place::Head, before, evidence).stops(), "{action}");
    }
    let empty = dlp::Evidence::default();
    assert!(!rules("block").judge(Place::Body, before, &empty).stops(), "two are not four");
}

#[test]
fn an_inbound_rule_judges_its_responses() {
    let policy = policy_of("inspect: hold", "");
    let peer = SpiffeId::parse("spiffe://h.example/a").unwrap();
    let now: Timestamp = NOW.parse().unwrap();
    let facts = InboundFacts { peer: &peer, method: "GET", path: "/", upgrade: None, now };
    let permit = policy.authorize_inbound(&facts).unwrap();
    let scanner = ssn();
    assert!(permit.judge(Place::Body, scanner.evidence()).stops());
    assert!(!permit.judge_in(Place::Body, scanner.evidence()).stops(), "no contentIn, not read");
    assert_eq!(&**permit.content().name(), "p");
    assert!(permit.content_in().is_none());
}

#[test]
fn an_exemption_is_for_the_body_alone() {
    let text = "apiVersion: lazaret/v1\nkind: Policy\nendpoints:\n  - {name: e, hosts: [e.example.org], \
                addresses: [192.0.2.0/24], ports: [443], tls: {mode: server}}\negress:\n  - {name: out, \
                to: [e], content: {exempt: true, because: \"ciphertext of secure aggregation\"}}\n";
    let source = Source { name: "p.yaml".to_owned(), text: text.to_owned() };
    let policy = Policy::compile(&[source]).unwrap().policy;
    let permit = permit(&policy, NOW);
    assert_eq!(permit.content().exempt(), Some("ciphertext of secure aggregation"));
    let scanner = ssn();
    assert_eq!(permit.judge(Place::Body, scanner.evidence()).action, Action::Allow);
    assert!(permit.judge(Place::Head, scanner.evidence()).stops());
    assert!(!permit.redacts(&scanner.evidence().findings[0]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Bodies made of findings, noise and text, judged after every part: once stopped, always stopped.
    #[test]
    fn once_stopped_always_stopped(
        parts in proptest::collection::vec(0usize..8, 1..12),
        count in 1u64..4,
        action in proptest::sample::select(vec!["redact", "quarantine", "block"]),
        class in proptest::sample::select(vec!["any", "email", "ssn"]),
    ) {
        let profile = format!(
            "rules: [{{when: {{identifiers: [{class}], count: {count}}}, action: {action}}}, \
             {{when: {{identifiers: [mrn]}}, action: allow}}]"
        );
        let policy = policy_of(&profile, "");
        let permit = permit(&policy, NOW);
        let limits = Limits { findings_max: 4, ..Limits::default() };
        let mut scanner = Scanner::new(Catalog::builtin(), &Hint::default(), limits);
        let mut stopped = [false; 2];
        let noisy: Vec<u8> = noise(4096).collect();
        for part in parts {
            let piece: &[u8] = match part {
                0 => b"SSN: 536-22-8726\n",
                1 => b"mail jane.roe@stmarys.org\n",
                2 => b"MRN: 4829105\n",
                3 => b"phone: 617-484-2931\n",
                4 => &noisy,
                _ => b"loss 0.25 after epoch 7, nothing else to say here\n",
            };
            scanner.feed(piece);
            for (place, stopped) in [Place::Body, Place::Head].into_iter().zip(&mut stopped) {
                let stops = permit.judge(place, scanner.evidence()).stops();
                prop_assert!(stops || !*stopped, "{place:?} was stopped and went on");
                *stopped = stops;
            }
        }
        scanner.finish();
        for (place, stopped) in [Place::Body, Place::Head].into_iter().zip(stopped) {
            prop_assert!(permit.judge(place, scanner.evidence()).stops() || !stopped);
        }
    }
}
