//! Artifacts in parts: what spans a border is read as in one piece, whatever the parts' framing, and
//! each part's evidence is told once.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "tests"
)]

#[path = "build/archive.rs"]
#[allow(dead_code, reason = "shared")]
mod archive;

use archive::{Entry, gzip, zip};
use dlp::{Artifact, Catalog, Evidence, Hint, Limits, Scanner, Tally};
use proptest::prelude::*;

const NOTE: &[u8] = b"Patient note. SSN 219-45-6183. Seen on 03/04/2021.\n";
const CHUNKED: Hint<'_> =
    Hint { content_encoding: Some("aws-chunked"), content_type: None, grpc_encoding: None };

/// A part as an S3 client frames it.
fn chunked(content: &[u8], size: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for chunk in content.chunks(size) {
        out.extend(format!("{:x}\r\n", chunk.len()).bytes());
        out.extend(chunk);
        out.extend(b"\r\n");
    }
    out.extend(b"0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n");
    out
}

fn artifact() -> Artifact {
    Artifact::new(Catalog::builtin(), Limits::default(), None)
}

/// The evidence of each part, and of the end.
fn read(parts: &[Vec<u8>], hint: &Hint<'_>) -> Vec<Evidence> {
    let mut artifact = artifact();
    let mut told = Vec::new();
    for part in parts {
        artifact.begin_part(hint);
        for piece in part.chunks(777) {
            artifact.feed(piece);
            assert!(artifact.cleared() <= part.len() as u64);
        }
        artifact.end_part();
        told.push(artifact.take_evidence());
    }
    artifact.finish();
    told.push(artifact.take_evidence());
    told
}

fn sum(told: &[Evidence]) -> (Tally, Vec<&'static str>, u64) {
    let mut tally = Tally::default();
    told.iter().for_each(|evidence| tally.extend(&evidence.tally));
    let reasons = told.iter().flat_map(|evidence| &evidence.incomplete).map(|i| i.reason.name());
    let bytes = |evidence: &Evidence| {
        let ledger = &evidence.coverage;
        ledger.read + ledger.numeric + ledger.unidentified + ledger.skipped
    };
    (tally, reasons.collect(), told.iter().map(bytes).sum())
}

fn whole(bytes: &[u8]) -> (Tally, Vec<&'static str>, u64) {
    let mut scanner = Scanner::new(Catalog::builtin(), &Hint::default(), Limits::default());
    scanner.feed(bytes);
    scanner.finish();
    sum(std::slice::from_ref(scanner.evidence()))
}

fn cut(bytes: &[u8], at: &[usize]) -> Vec<Vec<u8>> {
    let mut ends: Vec<usize> = at.iter().map(|at| (*at).min(bytes.len())).collect();
    ends.extend([0, bytes.len()]);
    ends.sort_unstable();
    ends.windows(2).map(|pair| bytes[pair[0]..pair[1]].to_vec()).collect()
}

fn samples() -> Vec<Vec<u8>> {
    let text = NOTE.repeat(40);
    let entries = [Entry::deflated("weights/a.txt", &text), Entry::stored("b.txt", NOTE)];
    let archive = zip(&entries, b"");
    vec![gzip(&archive), archive, text]
}

#[test]
fn an_identifier_across_the_border_of_two_parts_is_told_with_the_second() {
    let told = read(&cut(NOTE, &[24]), &Hint::default());
    assert!(NOTE[..24].ends_with(b"219-45"), "the border stands in the number");
    assert_eq!(told[0].tally.total(), 0);
    let (found, ..) = sum(&told);
    assert_eq!(found, whole(NOTE).0);
    assert!(found.total() > 0);
}

#[test]
fn a_container_that_spans_parts_is_no_broken_one() {
    for bytes in samples() {
        let told = read(&cut(&bytes, &[bytes.len() / 3, bytes.len() / 2]), &Hint::default());
        let (found, reasons, _) = sum(&told);
        assert!(reasons.is_empty(), "{reasons:?}");
        assert_eq!(found, whole(&bytes).0);
    }
}

#[test]
fn a_container_whose_last_part_is_missing_is_incomplete_at_its_end() {
    let bytes = &samples()[1];
    let told = read(&cut(&bytes[..bytes.len() / 2], &[100]), &Hint::default());
    assert!(told[0].incomplete.is_empty() && told[1].incomplete.is_empty());
    assert!(!told[2].incomplete.is_empty(), "{told:?}");
}

#[test]
fn the_end_of_a_part_is_read_before_the_next_one_comes() {
    for padding in [0, 3, 5_000, 100_000] {
        for hint in [Hint::default(), CHUNKED] {
            let mut artifact = artifact();
            let content = [b"weather ".repeat(padding / 8), NOTE.to_vec()].concat();
            for part in cut(&content, &[content.len() - NOTE.len() + 24]) {
                assert_eq!(artifact.tail_evidence().tally.total(), 0, "{padding}");
                artifact.begin_part(&hint);
                let is_chunked = hint.content_encoding.is_some();
                let part = if is_chunked { chunked(&part, 7) } else { part };
                part.chunks(1000).for_each(|piece| artifact.feed(piece));
            }
            assert!(artifact.tail_evidence().tally.total() > 0, "{padding} {hint:?}");
        }
    }
}

#[test]
fn another_encoding_of_a_part_is_incomplete() {
    let hint = Hint { content_encoding: Some("gzip"), ..Hint::default() };
    let told = read(&[gzip(NOTE)], &hint);
    assert_eq!(told[0].incomplete[0].reason.name(), "unknown-encoding");
}

#[test]
fn what_stands_beside_the_chunks_is_read() {
    let mut part = chunked(b"nothing here\n", 5);
    part.truncate(part.len() - 2);
    part.extend(b"x-amz-meta-note: SSN 219-45-6183\r\n\r\n");
    let told = read(&[part, chunked(b"more\n", 2)], &CHUNKED);
    assert!(told[0].tally.total() > 0, "{told:?}");
    assert_eq!(told[1].tally.total(), 0, "told once");
}

proptest! {
    #[test]
    fn parts_are_read_as_one_piece(
        sample in 0usize..3,
        at in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        size in 1usize..600,
    ) {
        let bytes = &samples()[sample];
        let at: Vec<usize> = at.iter().map(|at| at.index(bytes.len())).collect();
        let parts = cut(bytes, &at);
        let plain = sum(&read(&parts, &Hint::default()));
        prop_assert_eq!(&plain, &whole(bytes));
        let framed: Vec<Vec<u8>> = parts.iter().map(|part| chunked(part, size)).collect();
        let (found, reasons, _) = sum(&read(&framed, &CHUNKED));
        prop_assert_eq!((found, reasons), (plain.0, plain.1));
    }
}
