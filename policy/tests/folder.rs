//! A policy is a folder: how files come together, what is warned of, and what a review says.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use jiff::Timestamp;
use policy::review::{Outcome, check, test};
use policy::{EgressFacts, Host, InvalidPolicy, Policy, Source};

const HEAD: &str = "apiVersion: lazaret/v1\nkind: Policy\n";
const ENDPOINT: &str = "endpoints:\n  - {name: e, hosts: [e.ml.internal], addresses: [10.1.0.0/16], \
                        ports: [443], region: us-east-1, tls: {mode: server}}\n";
const CONTENT: &str = "content: [{name: c}]\n";

fn source(name: &str, parts: &[&str]) -> Source {
    Source { name: name.to_owned(), text: HEAD.to_owned() + &parts.concat() }
}

fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn errors(sources: &[Source]) -> Vec<String> {
    let errors = Policy::compile(sources).map(|_| ()).unwrap_err();
    errors.iter().map(InvalidPolicy::to_string).collect()
}

fn warnings(sources: &[Source]) -> Vec<String> {
    let compiled = Policy::compile(sources).unwrap();
    compiled.warnings.iter().map(ToString::to_string).collect()
}

/// Whether the texts start as wanted, one for one.
#[track_caller]
fn assert_starts(got: &[String], wanted: &[&str]) {
    let same = got.len() == wanted.len() && got.iter().zip(wanted).all(|(g, w)| g.starts_with(w));
    assert!(same, "wanted {wanted:#?}, got {got:#?}");
}

fn rule_for(policy: &Policy, method: &str) -> Option<String> {
    let host = Host::parse("e.ml.internal").unwrap();
    let facts = EgressFacts {
        source: None,
        host: &host,
        port: None,
        is_grpc: false,
        method,
        path: "/",
        upgrade: None,
        now: now(),
    };
    let permit = policy.decide_egress(&facts).ok()?;
    permit.verdict().rule.as_ref().map(ToString::to_string)
}

#[test]
fn files_are_merged_in_the_order_of_their_names() {
    let rules = source("b.yaml", &["egress: [{name: second, to: [e], content: c}]\n"]);
    let first =
        source("a.yaml", &["egress: [{name: first, to: [e], methods: [GET], content: c}]\n"]);
    let base = source("z.yaml", &[ENDPOINT, CONTENT]);
    let one = Policy::compile(&[rules.clone(), base.clone(), first.clone()]).unwrap().policy;
    assert_eq!(rule_for(&one, "GET").as_deref(), Some("first"));
    assert_eq!(rule_for(&one, "PUT").as_deref(), Some("second"));
    let other = Policy::compile(&[first, rules, base]).unwrap().policy;
    assert_eq!(one.hash(), other.hash(), "the order of arrival means nothing");
}

#[test]
fn the_hash_changes_with_every_byte_and_name() {
    let hash = |name: &str, text: &str| {
        let source = Source { name: name.to_owned(), text: format!("{HEAD}{text}") };
        Policy::compile(&[source]).unwrap().policy.hash().to_string()
    };
    let plain = hash("a.yaml", "");
    assert!(plain.starts_with("sha256:") && plain.len() == 7 + 64, "{plain}");
    assert_eq!(plain, hash("a.yaml", ""));
    assert_ne!(plain, hash("b.yaml", ""));
    assert_ne!(plain, hash("a.yaml", "# a comment\n"));
    let moved = |name: &str, text: String| {
        let source = Source { name: name.to_owned(), text };
        Policy::compile(&[source]).unwrap().policy.hash().to_string()
    };
    assert_ne!(moved("a", format!("#\n{HEAD}")), moved("a#\n", HEAD.to_owned()));
}

#[test]
fn every_file_tells_its_errors() {
    let sources = [
        source("a.yaml", &["egres: []\n"]),
        source("b.yaml", &["egress: [{name: r, to: [nowhere], content: c, methods: [get]}]\n"]),
        source(
            "c.yaml",
            &[
                "endpoints: [{name: e, hosts: [\"*\"], addresses: [], ports: [0], tls: {mode: x}}]\n",
            ],
        ),
    ];
    // `nowhere` and `c` may stand in a.yaml, which could not be read: they are not reported as missing.
    assert_starts(
        &errors(&sources),
        &[
            "a.yaml:3:1: unknown field `egres`; the fields here are",
            "b.yaml:3:57: methods are case-sensitive",
            "c.yaml:3:31: bad host `*`",
            "c.yaml:3:48: `addresses` is empty",
            "c.yaml:3:60: 0 is no port",
            "c.yaml:3:76: `x` is no tls mode",
        ],
    );
}

#[test]
fn names_are_unique_across_files() {
    let sources = [
        source("a.yaml", &[ENDPOINT, CONTENT, "egress: [{name: r, to: [e], content: c}]\n"]),
        source("b.yaml", &[ENDPOINT, CONTENT, "egress: [{name: r, to: [e], content: c}]\n"]),
    ];
    assert_starts(
        &errors(&sources),
        &[
            "b.yaml:4:12: the endpoint name `e` is taken; choose another one: it stands at a.yaml:4",
            "b.yaml:5:18: the content profile name `c` is taken",
            "b.yaml:6:17: the rule name `r` is taken",
        ],
    );
}

#[test]
fn the_folder_itself_can_be_wrong() {
    assert_starts(&errors(&[]), &["the folder holds no policy file; add one"]);
    let empty = Source { name: "a.yaml".to_owned(), text: " \n".to_owned() };
    assert_starts(&errors(&[empty]), &["a.yaml: the file is empty"]);
    let twice = [source("a.yaml", &[]), source("a.yaml", &[])];
    assert_starts(&errors(&twice), &["a.yaml: this file was given twice"]);
    let large = source("a.yaml", &[&"#".repeat(policy::compile::FILE_BYTES_MAX)]);
    assert_starts(&errors(&[large]), &["a.yaml: the file is too large"]);
    let many: Vec<Source> =
        (0..=policy::compile::FILES_MAX).map(|n| source(&format!("{n}.yaml"), &[])).collect();
    assert_starts(&errors(&many), &["the folder holds too many files"]);
}

#[test]
fn the_index_of_rules_is_bounded() {
    let hosts: Vec<String> = (0..1000).map(|n| format!("h{n}.ml.internal")).collect();
    let endpoint = format!(
        "endpoints:\n  - {{name: e, hosts: [{}], addresses: [10.1.0.0/16], ports: [443], tls: {{mode: server}}}}\n",
        hosts.join(", ")
    );
    let rules: String = (0..2001)
        .map(|n| format!("  - {{name: r{n}, to: [e], paths: [/{n}], content: c}}\n"))
        .collect();
    let sources = [source("a.yaml", &[&endpoint, CONTENT, "egress:\n", &rules])];
    assert_starts(
        &errors(&sources),
        &["a.yaml:2007:12: up to this rule, rules go to 2001000 hosts"],
    );
}

#[test]
fn yaml_bombs_are_refused() {
    let mut bomb = String::from("permittedRegions: &a0 [x]\n");
    for level in 1..12 {
        let alias = format!("*a{}, ", level - 1).repeat(10);
        bomb.push_str(&format!("x{level}: &a{level} [{alias}]\n"));
    }
    assert_eq!(errors(&[source("a.yaml", &[&bomb])]).len(), 1);
    let deep = format!("endpoints: {}{}\n", "[".repeat(400), "]".repeat(400));
    assert_eq!(errors(&[source("a.yaml", &[&deep])]).len(), 1);
    let cycle = "endpoints: &a [*a]\n";
    assert_eq!(errors(&[source("a.yaml", &[cycle])]).len(), 1);
}

#[test]
fn a_file_can_only_narrow_the_permitted_regions() {
    let rule = "egress: [{name: r, to: [e], content: c}]\n";
    let base =
        source("a.yaml", &[ENDPOINT, CONTENT, rule, "permittedRegions: [us-east-1, us-east-2]\n"]);
    let narrower = source("b.yaml", &["permittedRegions: [us-east-2, us-west-2]\n"]);
    assert_starts(
        &errors(&[base.clone(), narrower]),
        &["a.yaml:4:87: region `us-east-1` is not among `permittedRegions`"],
    );
    let apart = source("b.yaml", &["permittedRegions: [eu-west-1]\n"]);
    let got = errors(&[base, apart]);
    assert!(got.iter().any(|e| e.starts_with("b.yaml:3:19: no region is permitted")), "{got:#?}");
}

#[test]
fn what_is_likely_not_meant_is_warned_of() {
    let text = "\
endpoints:
  - {name: e, hosts: [e.ml.internal], addresses: [10.1.0.0/16], ports: [443], tls: {mode: server}}
  - {name: idle, hosts: [i.ml.internal], addresses: [10.2.0.0/16], ports: [443], region: us-east-9, tls: {mode: server}}
  - {name: s3, hosts: [\"*.s3.us-east-1.amazonaws.com\"], addresses: [10.3.0.0/16], ports: [443], tls: {mode: server, pins: [\"sha256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\"]}}
egress:
  - {name: all, to: [e], methods: [GET, PUT], paths: [\"/a/**\"], content: c}
  - {name: shadowed, to: [e], methods: [PUT], paths: [\"/a/b\", \"/a/*/c/**\"], content: c}
  - {name: other-method, to: [e], methods: [POST], paths: [\"/a/b\"], content: c}
  - {name: other-path, to: [e], methods: [PUT], paths: [\"/**\"], content: c}
  - {name: bucket, to: [s3, e], content: c, from: [\"spiffe://h.example/a/*\"]}
  - {name: narrower, to: [s3], content: c, from: [\"spiffe://h.example/a/b\"], methods: [GET]}
content:
  - name: c
    unreadable: quarantine
    rules:
      - {when: {identifiers: [any], count: 5}, action: quarantine}
  - {name: unused}
";
    assert_starts(
        &warnings(&[source("p.yaml", &[text])]),
        &[
            "p.yaml:5:12: no egress rule goes to endpoint `idle`; add a rule",
            "p.yaml:5:90: `us-east-9` is not a region that cloud providers publish; check the name; did you",
            "p.yaml:6:24: anybody can have a name under `s3.us-east-1.amazonaws.com`",
            "p.yaml:6:124: one pin alone",
            "p.yaml:9:12: rule `shadowed` never matches: `all` before it takes everything",
            "p.yaml:13:12: rule `narrower` never matches: `bucket` before it",
            "p.yaml:16:17: `quarantine` blocks and keeps nothing",
            "p.yaml:18:44: up to 4 such findings in an exchange are tolerated",
            "p.yaml:18:56: `quarantine` blocks and keeps nothing",
            "p.yaml:19:12: no rule uses content profile `unused`",
        ],
    );
}

#[test]
fn what_a_protocol_makes_pointless_is_told() {
    let text = "\
egress:
  - {name: web, to: [e], methods: [GET], content: c}
  - {name: raw, to: [e], protocol: tcp, content: s}
  - {name: calls, to: [e], protocol: grpc, content: c}
  - {name: gets, to: [e], methods: [GET], upgrades: [websocket], content: c}
  - {name: waits, to: [e], protocol: tcp, content: {exempt: true, because: none}, contentIn: c}
content:
  - {name: c}
  - {name: s, inspect: stream}
";
    assert_starts(
        &warnings(&[source("p.yaml", &[ENDPOINT, text])]),
        &[
            "p.yaml:7:12: rule `raw` takes no CONNECT or SOCKS5 connection: `web` before it",
            "p.yaml:8:53: rule `calls` holds a whole gRPC call",
            "p.yaml:10:12: rule `waits` never matches: `raw` before it",
            "p.yaml:10:94: content profile `c` holds, and a raw tunnel cannot wait",
        ],
    );
}

#[test]
fn a_policys_tests_ask_for_tunnels_calls_and_upgrades() {
    let text = "\
egress:
  - {name: raw, to: [e], protocol: tcp, content: c}
  - {name: calls, to: [e], protocol: grpc, content: c}
  - {name: feed, to: [e], upgrades: [websocket], content: c}
content: [{name: c, inspect: stream}]
tests:
  - {name: a, request: {protocol: tcp, host: e.ml.internal, port: 443, address: 10.1.2.3}, expect: {action: allow, rule: raw}}
  - {name: b, request: {protocol: tcp, port: 443, address: 10.1.2.3}, expect: {action: allow, rule: raw}}
  - {name: c, request: {protocol: tcp, port: 443, address: 10.2.2.3}, expect: {action: block, reason: address-not-listed}}
  - {name: d, request: {protocol: grpc, host: e.ml.internal, method: POST, path: /a/B}, expect: {action: allow, rule: calls}}
  - {name: e, request: {host: e.ml.internal, method: GET, path: /a, upgrade: websocket}, expect: {action: allow, rule: feed}}
";
    let report = check(&[source("p.yaml", &[ENDPOINT, text])], now());
    assert_eq!(report.outcome, Outcome::Pass, "{}", report.text);
    assert!(report.text.contains("5 tests, 0 warnings"), "{}", report.text);
}

#[test]
fn an_expiring_rule_shadows_only_what_ends_before_it() {
    let rule = |name: &str, end: &str| {
        format!(
            "  - {{name: {name}, to: [e], content: c, expires: {end}, approval: {{ticket: T, by: me}}}}\n"
        )
    };
    let text = format!(
        "egress:\n{}{}{}",
        rule("first", "2027-01-01T00:00:00Z"),
        rule("sooner", "2026-12-01T00:00:00Z"),
        rule("later", "2027-02-01T00:00:00Z"),
    );
    let got = warnings(&[source("p.yaml", &[ENDPOINT, CONTENT, &text])]);
    assert_starts(&got, &["p.yaml:8:12: rule `sooner` never matches: `first` before it"]);
}

const REVIEWED: &str = "\
egress:
  - {name: r, to: [e], methods: [PUT], content: c}
  - name: old
    to: [e]
    methods: [GET]
    content: c
    expires: 2026-11-01T00:00:00Z
    approval: {ticket: SEC-1, by: privacy-office}
  - {name: watched, to: [e], methods: [POST], content: c, enforcement: monitor, until: 2026-11-02T00:00:00Z}
tests:
  - {name: uploads pass, request: {host: e.ml.internal, method: PUT, path: /x}, expect: {action: allow, rule: r}}
  - {name: reads are over, request: {host: e.ml.internal, method: GET, path: /x}, expect: {action: block, reason: rule-expired}}
";

#[test]
fn a_check_tells_what_it_saw() {
    let report = check(&[source("p.yaml", &[ENDPOINT, CONTENT, REVIEWED])], now());
    assert_eq!(report.outcome, Outcome::Pass, "{}", report.text);
    let lines: Vec<&str> = report.text.lines().collect();
    assert!(lines[0].starts_with("warning: p.yaml:12:14: rule `old` expired"), "{}", report.text);
    assert!(
        lines[1].starts_with("warning: p.yaml:14:88: rule `watched` is enforced again"),
        "{}",
        report.text
    );
    assert_eq!(lines[2], "ok: 1 endpoint, 3 egress rules, 0 inbound rules, 2 tests, 2 warnings");
    assert!(lines[3].starts_with("hash: sha256:"), "{}", report.text);

    let before = check(&[source("p.yaml", &[ENDPOINT, CONTENT, REVIEWED])], Timestamp::UNIX_EPOCH);
    assert_eq!(before.outcome, Outcome::TestsFail, "the exception still held then");
    assert!(!before.text.contains("warning: "), "{}", before.text);
}

#[test]
fn a_policy_whose_tests_fail_does_not_pass() {
    let wrong = REVIEWED.replace("rule: r}", "rule: old}");
    let sources = [source("p.yaml", &[ENDPOINT, CONTENT, &wrong])];
    let wanted =
        "FAIL: p.yaml:16: uploads pass: expected allow, old; got allow, r, permitted: rule";
    for report in [check(&sources, now()), test(&sources, now())] {
        assert_eq!(report.outcome, Outcome::TestsFail);
        assert!(report.text.contains(wanted), "{}", report.text);
    }
    let report = test(&sources, now());
    assert!(report.text.contains("pass: reads are over (block, old)"), "{}", report.text);
    assert!(report.text.ends_with("1 passed, 1 failed\n"), "{}", report.text);
    assert!(check(&sources, now()).text.contains("failed: 1 endpoint, 3 egress rules"));
}

#[test]
fn a_policy_that_does_not_compile_is_invalid_to_both() {
    let sources = [source("p.yaml", &["egres: []\n"])];
    for report in [check(&sources, now()), test(&sources, now())] {
        assert_eq!(report.outcome, Outcome::Invalid);
        assert!(
            report.text.starts_with("error: p.yaml:3:1: unknown field `egres`"),
            "{}",
            report.text
        );
        assert!(report.text.ends_with("invalid: 1 error\n"), "{}", report.text);
    }
}

#[test]
fn a_rule_may_name_any_class_of_identifier() {
    for class in dlp::Identifier::ALL {
        let rule = format!(
            "content: [{{name: c, rules: [{{when: {{identifiers: [{class}]}}, action: block}}]}}]\n"
        );
        let compiled = Policy::compile(&[source("a.yaml", &[ENDPOINT, &rule])]);
        assert!(compiled.is_ok(), "{class}");
    }
}
