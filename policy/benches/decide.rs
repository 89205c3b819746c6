//! What a decision costs, by the number of rules: `cargo bench -p policy`. Prints nanoseconds for each.

#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on stops")]
#![expect(clippy::print_stdout, reason = "the figures are the point")]

use std::fmt::Write;
use std::hint::black_box;
use std::time::Instant;

use jiff::Timestamp;
use policy::{EgressFacts, Host, Policy, Source};
use spiffe::SpiffeId;

/// Rules that a file of the generated folder holds.
const RULES_A_FILE: usize = 5_000;

/// A folder of `rules` egress rules, each to an endpoint of its own; every tenth has a wildcard host.
fn folder(rules: usize) -> Vec<Source> {
    let mut sources = Vec::new();
    for (file, first) in (0..rules).step_by(RULES_A_FILE).enumerate() {
        let mut endpoints = String::from("endpoints:\n");
        let mut egress = String::from("egress:\n");
        for n in first..rules.min(first + RULES_A_FILE) {
            let host = if n % 10 == 3 { format!("*.h{n}") } else { format!("h{n}") };
            writeln!(
                endpoints,
                "  - {{name: e{n}, hosts: [\"{host}.ml.internal\"], addresses: [10.0.0.0/8], ports: [443], \
                 tls: {{mode: mutual}}}}"
            )
            .unwrap();
            writeln!(
                egress,
                "  - {{name: r{n}, to: [e{n}], from: [\"spiffe://h.example/ns/train/sa/*\"], methods: [PUT, \
                 POST], paths: [\"/v2/models/**\"], content: {{exempt: true, because: bench}}}}"
            )
            .unwrap();
        }
        let text = format!("apiVersion: lazaret/v1\nkind: Policy\n{endpoints}{egress}");
        sources.push(Source { name: format!("{file:04}.yaml"), text });
    }
    sources
}

fn nanos(label: &str, rules: usize, mut work: impl FnMut()) {
    const ROUNDS: u32 = 200_000;
    for _ in 0..ROUNDS / 10 {
        work();
    }
    let mut best = f64::MAX;
    for _ in 0..5 {
        let start = Instant::now();
        for _ in 0..ROUNDS {
            work();
        }
        best = best.min(start.elapsed().as_secs_f64() * 1e9 / f64::from(ROUNDS));
    }
    println!("{rules:>7} rules  {label:<34} {best:>8.0} ns");
}

fn main() {
    let id = SpiffeId::parse("spiffe://h.example/ns/train/sa/trainer").unwrap();
    let now: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
    for rules in [10, 1_000, 100_000] {
        let sources = folder(rules);
        let start = Instant::now();
        let policy = Policy::compile(&sources).unwrap().policy;
        println!("{rules:>7} rules  compiled in {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
        let decide = |host: &Host, path: &str| {
            let source = Some(&id);
            let facts = EgressFacts {
                source,
                host,
                port: None,
                is_grpc: false,
                method: "PUT",
                path,
                upgrade: None,
                now,
            };
            black_box(policy.decide_egress(black_box(&facts)).is_ok())
        };
        let last = Host::parse(&format!("h{}.ml.internal", rules - 1)).unwrap();
        let wild = Host::parse(&format!("a.h{}.ml.internal", rules - 7)).unwrap();
        let unknown = Host::parse("paste.example.com").unwrap();
        assert!(decide(&last, "/v2/models/x") && decide(&wild, "/v2/models/x"));
        assert!(!decide(&unknown, "/v2/models/x") && !decide(&last, "/admin"));
        nanos("permit, last rule, exact host", rules, || {
            decide(&last, "/v2/models/chest-xray/weights");
        });
        nanos("permit, wildcard host", rules, || {
            decide(&wild, "/v2/models/chest-xray/weights");
        });
        nanos("refuse, host not listed", rules, || {
            decide(&unknown, "/v2/models/x");
        });
        nanos("refuse, path not allowed", rules, || {
            decide(&last, "/admin");
        });
        nanos("parse a host", rules, || {
            black_box(Host::parse(black_box("Registry.ML.internal")).is_ok());
        });
        let source = Some(&id);
        let path = "/v2/models/x";
        let facts = EgressFacts {
            source,
            host: &last,
            port: None,
            is_grpc: false,
            method: "PUT",
            path,
            upgrade: None,
            now,
        };
        let permit = policy.decide_egress(&facts).unwrap();
        let addr = "10.20.3.4".parse().unwrap();
        nanos("vet an address", rules, || {
            black_box(permit.vet(black_box(addr)).is_ok());
        });
    }
}
