//! Contracts on payloads: the table of `cases/contracts.toml` on bodies that are built from it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails there")]

use std::collections::BTreeMap;

use dlp::{Hint, Limits, Scanner};
use jiff::Timestamp;
use policy::{ContentProfile, EgressFacts, EgressPermit, Host, Place, Policy, Source};
use proptest::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
struct Table {
    group: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    name: String,
    payload: String,
    case: Vec<Case>,
}

/// A body: tensors in a file of `form`, with whatever else stands in it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Case {
    form: String,
    /// A dtype and values each.
    tensors: Vec<String>,
    metadata: BTreeMap<String, String>,
    /// The name of the first tensor or member.
    named: String,
    slack: String,
    cut: usize,
    /// Instead of all that: the body as it stands.
    raw: Option<String>,
    want: String,
}

impl Case {
    fn body(&self) -> Vec<u8> {
        if let Some(raw) = &self.raw {
            return raw.clone().into_bytes();
        }
        let mut body = match self.form.as_str() {
            "safetensors" => self.safetensors(),
            "npy" => self.npy(),
            other => panic!("unknown form {other}"),
        };
        body.extend(self.slack.as_bytes());
        body.truncate(body.len() - self.cut);
        body
    }

    fn safetensors(&self) -> Vec<u8> {
        let mut fields = Vec::new();
        if !self.metadata.is_empty() {
            let pairs: Vec<String> =
                self.metadata.iter().map(|(key, value)| format!("{key:?}:{value:?}")).collect();
            fields.push(format!("\"__metadata__\":{{{}}}", pairs.join(",")));
        }
        let mut data = Vec::new();
        for (place, tensor) in self.tensors.iter().enumerate() {
            let (dtype, count, bytes) = tensor_of(tensor);
            let name = match self.named.as_str() {
                name if place == 0 && !name.is_empty() => name.to_owned(),
                _ => format!("layers.{place}.weight"),
            };
            let (start, end) = (data.len(), data.len() + bytes.len());
            let dtype = dtype.to_uppercase();
            fields.push(format!(
                "{name:?}:{{\"dtype\":\"{dtype}\",\"shape\":[{count}],\"data_offsets\":[{start},{end}]}}"
            ));
            data.extend(bytes);
        }
        let header = format!("{{{}}}", fields.join(","));
        let mut file = (header.len() as u64).to_le_bytes().to_vec();
        file.extend(header.into_bytes());
        file.extend(data);
        file
    }

    fn npy(&self) -> Vec<u8> {
        let (code, count, bytes) = match self.tensors.first().unwrap().as_str() {
            objects if objects.starts_with("object") => ("|O", 1, b"\x80\x04N.".to_vec()),
            text if text.starts_with("text") => {
                ("<U4", 1, b"n\0\0\0o\0\0\0t\0\0\0e\0\0\0".to_vec())
            }
            numbers => {
                let (dtype, count, bytes) = tensor_of(numbers);
                (if dtype == "f32" { "<f4" } else { "<i8" }, count, bytes)
            }
        };
        let header =
            format!("{{'descr': '{code}', 'fortran_order': False, 'shape': ({count},), }}\n");
        let mut file = b"\x93NUMPY\x01\x00".to_vec();
        file.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
        file.extend(header.into_bytes());
        file.extend(bytes);
        file
    }
}

/// `f32 3 -4 nan`, or `f32 0.5 * 100`.
fn tensor_of(text: &str) -> (&str, usize, Vec<u8>) {
    let (dtype, values) = text.split_once(' ').unwrap_or((text, ""));
    let values: Vec<f64> = match values.split_once(" * ") {
        Some((value, count)) => vec![value.parse().unwrap(); count.parse().unwrap()],
        None => values.split_whitespace().map(|value| value.parse().unwrap()).collect(),
    };
    #[expect(clippy::cast_possible_truncation, reason = "values that a table wrote")]
    let bytes = values
        .iter()
        .flat_map(|value| match dtype {
            "f32" => (*value as f32).to_le_bytes().to_vec(),
            "i64" => (*value as i64).to_le_bytes().to_vec(),
            "bf16" => (*value as f32).to_le_bytes()[2..].to_vec(),
            "f64" | "odd" => value.to_le_bytes().to_vec(),
            other => panic!("unknown dtype {other}"),
        })
        .collect();
    (dtype, values.len(), bytes)
}

fn permit(payload: &str) -> EgressPermit {
    let text = format!(
        "apiVersion: lazaret/v1\nkind: Policy\nendpoints:\n  - {{name: e, hosts: [e.example.org], \
         addresses: [192.0.2.0/24], ports: [443], tls: {{mode: server}}}}\negress:\n  - {{name: out, \
         to: [e], content: p}}\ncontent:\n  - name: p\n    payload: {payload}\n"
    );
    let source = Source { name: "p.yaml".to_owned(), text };
    let policy = Policy::compile(&[source]).unwrap_or_else(|errors| panic!("{errors:#?}")).policy;
    let host = Host::parse("e.example.org").unwrap();
    let now = Timestamp::UNIX_EPOCH;
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

fn scanned(profile: &ContentProfile, body: &[u8]) -> Scanner {
    let mut scanner = profile.scanner(&Hint::default(), Limits::default());
    scanner.feed(body);
    scanner.finish();
    scanner
}

fn table() -> Table {
    toml::from_str(include_str!("cases/contracts.toml")).unwrap()
}

#[test]
fn contracts() {
    let mut wrong = Vec::new();
    for group in &table().group {
        let permit = permit(&group.payload);
        for case in &group.case {
            let scanner = scanned(permit.content(), &case.body());
            let verdict = permit.judge(Place::Body, scanner.evidence());
            let got = match verdict.reason.code {
                "permitted" => "allow".to_owned(),
                "payload" => verdict.reason.text.clone(),
                code => format!("{code}: {}", verdict.reason.text),
            };
            if got != case.want {
                wrong.push(format!("{}: wanted {}, got {got}", group.name, case.want));
            }
            assert_eq!(verdict.stops(), case.want != "allow", "{case:?}");
            let label = verdict.rule.as_deref();
            assert!(verdict.reason.code != "payload" || label == Some("content/p#payload"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_body_that_was_not_measured_is_refused() {
    let permit = permit("{kinds: [safetensors], dtypes: [f32]}");
    let mut scanner = Scanner::new(dlp::Catalog::builtin(), &Hint::default(), Limits::default());
    scanner.finish();
    let verdict = permit.judge(Place::Body, scanner.evidence());
    assert_eq!((verdict.stops(), verdict.reason.code), (true, "payload"));
    assert!(!permit.judge(Place::Head, scanner.evidence()).stops(), "a contract is on bodies");
}

#[test]
fn an_empty_body_takes_nothing_out() {
    let permit = permit("{kinds: [safetensors], dtypes: [f32]}");
    let scanner = scanned(permit.content(), b"");
    assert!(!permit.judge(Place::Body, scanner.evidence()).stops());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Judged after every piece: once refused, always refused.
    #[test]
    fn a_broken_contract_stays_broken(
        group in 0usize..table().group.len(),
        case in 0usize..64,
        size in 1usize..300,
    ) {
        let group = &table().group[group];
        let case = &group.case[case % group.case.len()];
        let permit = permit(&group.payload);
        let mut scanner = permit.content().scanner(&Hint::default(), Limits::default());
        let mut was_refused = false;
        for piece in case.body().chunks(size) {
            scanner.feed(piece);
            let is_refused = permit.judge(Place::Body, scanner.evidence()).stops();
            prop_assert!(is_refused || !was_refused);
            was_refused = is_refused;
        }
        scanner.finish();
        let is_refused = permit.judge(Place::Body, scanner.evidence()).stops();
        prop_assert_eq!(is_refused, case.want != "allow");
        prop_assert!(is_refused || !was_refused);
    }
}
