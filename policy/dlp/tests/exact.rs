//! Rosters in a scan: found like anything else, in any chunks and inside containers, and masked.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "tests"
)]

#[path = "build/archive.rs"]
#[allow(dead_code, reason = "only gzip is needed here")]
mod archive;

use std::sync::Arc;

use dlp::exact::{Column, ColumnKind, ExactBuilder, ExactSet};
use dlp::{Catalog, Confidence, Evidence, Hint, Identifier, Key, Limits, Scanner};
use proptest::prelude::*;

fn catalog() -> Arc<Catalog> {
    let key = Key::new(&[b'k'; 32]).unwrap();
    let column = |(name, kind): (&str, ColumnKind)| Column { name: name.to_owned(), kind };
    let columns = [("patient", ColumnKind::Name), ("study", ColumnKind::Other)].map(column);
    let mut builder = ExactBuilder::new(columns.to_vec(), &key).unwrap();
    assert!(builder.add(["Xiomara Quillfeather", "4481723"]));
    assert!(builder.add(["Jory Vantongeren", "ZX-99812"]));
    let set = ExactSet::open(builder.finish().0, &key).unwrap();
    Arc::new(Catalog::builtin().with_exact(vec![Arc::new(set)]))
}

fn scanned(bytes: &[u8], sizes: &[usize]) -> (Evidence, Vec<(u64, usize)>) {
    let mut scanner = Scanner::new(catalog(), &Hint::default(), Limits::default());
    let (mut rest, mut seen) = (bytes, Vec::new());
    for size in sizes.iter().cycle() {
        let (chunk, later) = rest.split_at((*size).min(rest.len()));
        scanner.feed(chunk);
        seen.push((scanner.cleared(), scanner.evidence().findings.len()));
        rest = later;
        if rest.is_empty() {
            break;
        }
    }
    scanner.finish();
    (scanner.evidence().clone(), seen)
}

fn exact(evidence: &Evidence) -> Vec<(Identifier, String)> {
    let exact = evidence.findings.iter().filter(|finding| &*finding.detector == "exact");
    exact
        .inspect(|finding| assert_eq!(finding.confidence, Confidence::High))
        .map(|f| (f.identifier, f.locus.as_deref().unwrap_or_default().to_owned()))
        .collect()
}

#[test]
fn a_patient_of_the_roster_is_found_and_nobody_else() {
    let (evidence, _) = scanned(b"quillfeather, xiomara took 4481723 steps", &[1000]);
    let expected =
        [(Identifier::Name, "patient".to_owned()), (Identifier::OtherId, "study".to_owned())];
    assert_eq!(exact(&evidence), expected);
    let (evidence, _) = scanned(b"quillfeather, xiomara took ZX99812 steps", &[1000]);
    assert_eq!(exact(&evidence), []);
}

#[test]
fn rosters_reach_into_containers() {
    let packed = archive::gzip(b"Jory Vantongeren, ZX-99812");
    let (evidence, _) = scanned(&packed, &[7]);
    assert_eq!(exact(&evidence).len(), 2);
    assert!(evidence.findings.iter().all(|f| f.member.as_deref() == Some("gzip")));
}

#[test]
fn a_bare_json_number_keeps_its_mask_a_number() {
    let text = br#"{"who": "Xiomara Quillfeather", "steps": 4481723}"#;
    let (evidence, _) = scanned(text, &[1000]);
    let mut bytes = text.to_vec();
    dlp::redact::mask(&evidence.findings, 0, &mut bytes, |_| true);
    let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(value["steps"], 0);
    assert_eq!(value["who"], "******* ************");
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        5 => prop::sample::select(vec![
            "Xiomara Quillfeather", "QUILLFEATHER, XIOMARA", "4481723", "ZX-99812", "Jory Vantongeren",
            "SSN 219-45-6183", "{\"steps\": 4481723}", "jory.vantongeren@x.org",
        ]).prop_map(|text| text.as_bytes().to_vec()),
        4 => prop::sample::select(vec![" ", ", ", "\n", "the patient took ", "-", "'"])
            .prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..40),
        1 => (any::<u8>(), 0usize..6000).prop_map(|(byte, len)| vec![byte; len]),
    ];
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_chunking_gives_the_same_evidence_and_clears_nothing_too_early(
        bytes in text(),
        sizes in prop::collection::vec(1usize..3000, 1..20),
    ) {
        let (whole, _) = scanned(&bytes, &[usize::MAX]);
        let (evidence, seen) = scanned(&bytes, &sizes);
        prop_assert_eq!(&evidence, &whole);
        for (cleared, found) in seen {
            for late in &evidence.findings[found..] {
                prop_assert!(late.member.is_some() || late.span.start >= cleared);
            }
        }
    }
}
