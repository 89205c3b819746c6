//! Forms that are text as they stand: what each tells and by which name, what it leaves alone, and
//! that neither chunks nor damage change it. All messages are made up.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "tests"
)]

#[path = "dialects/csv.rs"]
mod csv;
#[path = "dialects/hl7.rs"]
mod hl7;
#[path = "build/pieces.rs"]
mod pieces;
#[path = "dialects/x12.rs"]
mod x12;

use dlp::redact::mask;
use dlp::{Confidence, Evidence};
use pieces::evidence;
use proptest::prelude::*;

fn whole(bytes: &[u8]) -> Evidence {
    evidence(bytes, &[usize::MAX])
}

/// What stands at a place that is known: place, class, text.
fn told(text: &str) -> Vec<(String, &'static str, String)> {
    let evidence = whole(text.as_bytes());
    let told = evidence.findings.iter().filter_map(|f| {
        let span = f.span.start as usize..f.span.end as usize;
        let value = String::from_utf8_lossy(&text.as_bytes()[span]).into_owned();
        f.locus.as_ref().map(|locus| (locus.to_string(), f.identifier.name(), value))
    });
    told.collect()
}

/// Asserts that exactly this is told.
#[track_caller]
fn tells(text: &str, wanted: &[(&str, &str, &str)]) {
    let told = told(text);
    let told: Vec<_> = told.iter().map(|(l, i, v)| (l.as_str(), *i, v.as_str())).collect();
    assert_eq!(told, wanted, "in {text:?}");
}

/// Asserts that any split gives the same evidence as the whole.
#[track_caller]
fn is_chunk_invariant(text: &str) {
    let bytes = text.as_bytes();
    let wanted = whole(bytes);
    assert!(wanted.tally.total() > 0);
    for split in 0..bytes.len() {
        assert_eq!(evidence(bytes, &[split.max(1), usize::MAX]), wanted, "split at {split}");
    }
    assert_eq!(evidence(bytes, &[1]), wanted);
}

/// The text with everything masked, in which nothing may be found any more.
#[track_caller]
fn masked(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    mask(&whole(&bytes).findings, 0, &mut bytes, |_| true);
    let masked = String::from_utf8(bytes).unwrap();
    let left = whole(masked.as_bytes());
    assert_eq!(left.findings, [], "in {masked:?}");
    masked
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damage_neither_stops_a_scan_nor_depends_on_chunks(
        text in prop::sample::select(vec![hl7::ADMISSION, x12::CLAIM, csv::PATIENTS]),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0u8..4, any::<u8>()), 1..12),
        sizes in prop::collection::vec(1usize..200, 1..8),
    ) {
        let mut bytes = text.repeat(3).into_bytes();
        for (at, kind, byte) in edits {
            let at = at.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 => { bytes.remove(at); }
                _ => {
                    let part: Vec<u8> = bytes[at..].iter().take(40).copied().collect();
                    bytes.splice(at..at, part);
                }
            }
        }
        let wanted = whole(&bytes);
        prop_assert_eq!(&evidence(&bytes, &sizes), &wanted);
        for finding in &wanted.findings {
            prop_assert!(finding.span.start < finding.span.end);
            prop_assert!(finding.span.end <= bytes.len() as u64);
        }
    }

    #[test]
    fn what_is_told_has_a_sure_class(text in prop::sample::select(vec![hl7::ADMISSION, x12::CLAIM, csv::PATIENTS])) {
        let evidence = whole(text.as_bytes());
        let told: Vec<_> = evidence.findings.iter().filter(|f| f.locus.is_some()).collect();
        prop_assert!(told.len() > 10);
        prop_assert!(told.iter().all(|f| f.confidence >= Confidence::Medium));
    }
}
