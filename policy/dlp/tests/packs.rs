//! git's packs and pushes: objects are content, names are read, and what a delta means is never called read.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "tests"
)]

#[path = "build/encode.rs"]
#[allow(dead_code, reason = "shared")]
mod encode;
#[path = "build/read.rs"]
mod read;

use dlp::{Catalog, Evidence, Hint, Limits, Scanner, Status};
use proptest::prelude::*;
use read::in_pieces;

const NOTE: &[u8] = b"Patient note. SSN 219-45-6183.\n";
const COMMIT: u8 = 1;
const TREE: u8 = 2;
const BLOB: u8 = 3;
const OFFSET_DELTA: u8 = 6;
const NAMED_DELTA: u8 = 7;

fn scan_by(bytes: &[u8], size: usize) -> Evidence {
    in_pieces(Scanner::new(Catalog::builtin(), &Hint::default(), Limits::default()), bytes, size)
}

fn scan(bytes: &[u8]) -> Evidence {
    scan_by(bytes, 11)
}

fn members(evidence: &Evidence) -> Vec<&str> {
    evidence.findings.iter().map(|finding| finding.member.as_deref().unwrap_or("-")).collect()
}

fn reasons(evidence: &Evidence) -> Vec<String> {
    let reason = |i: &dlp::Incomplete| {
        i.member.as_ref().map_or(i.reason.name().to_owned(), |m| format!("{}@{m}", i.reason.name()))
    };
    evidence.incomplete.iter().map(reason).collect()
}

/// Kind and size, what a delta is added to, and the content.
fn object(kind: u8, content: &[u8]) -> Vec<u8> {
    let size = content.len();
    let mut header = vec![kind << 4 | (size & 15) as u8];
    let mut left = size >> 4;
    while left > 0 {
        *header.last_mut().unwrap() |= 0x80;
        header.push((left & 0x7f) as u8);
        left >>= 7;
    }
    let base = match kind {
        OFFSET_DELTA => vec![0x81, 0x02],
        NAMED_DELTA => vec![0xab; 20],
        _ => Vec::new(),
    };
    [header, base, encode::zlib(content)].concat()
}

fn pack(objects: &[Vec<u8>]) -> Vec<u8> {
    let count = (objects.len() as u32).to_be_bytes();
    [b"PACK\0\0\0\x02", &count[..], &objects.concat(), &[0x9d; 20]].concat()
}

fn tree(names: &[&str]) -> Vec<u8> {
    let entry = |name: &&str| [b"100644 ", name.as_bytes(), b"\0", &[0xc3; 20]].concat();
    object(TREE, &names.iter().flat_map(entry).collect::<Vec<_>>())
}

fn commit() -> Vec<u8> {
    let head = format!("tree {}\n", "c3".repeat(20));
    let who = "author trainer <> 1763800000 +0000\ncommitter trainer <> 1763800000 +0000\n";
    object(COMMIT, format!("{head}{who}\nCount the beds\n").as_bytes())
}

/// The lines of a push to `name`.
fn push(name: &str) -> Vec<u8> {
    let line =
        format!("{} {} {name}\0 report-status agent=git/2\n", "0".repeat(40), "c3".repeat(20));
    format!("{:04x}{line}0000", line.len() + 4).into_bytes()
}

#[test]
fn objects_are_content_and_what_is_clean_is_read_to_the_end() {
    let clean = pack(&[commit(), tree(&["notes.txt"]), object(BLOB, b"beds: 12\n")]);
    for bytes in [clean.clone(), [push("refs/heads/main"), clean].concat()] {
        let evidence = scan(&bytes);
        assert_eq!(evidence.status(), Status::Clean, "{evidence:?}");
        assert_eq!(evidence.coverage.unidentified, 0, "{evidence:?}");
    }
    let leak = pack(&[
        commit(),
        tree(&["notes.txt", "a.gz"]),
        object(BLOB, NOTE),
        object(BLOB, &encode::gzip(NOTE)),
    ]);
    let evidence = scan(&[push("refs/heads/main"), leak].concat());
    assert_eq!(members(&evidence), ["git#3", "git#4!gzip"]);
    assert_eq!(reasons(&evidence), [""; 0]);
}

#[test]
fn names_of_files_and_branches_are_read() {
    let evidence = scan(&pack(&[tree(&["README.md", "ssn 219-45-6183.txt"])]));
    assert_eq!(evidence.findings.len(), 1, "{evidence:?}");
    assert!(!members(&evidence)[0].contains("219"), "{evidence:?}");
    // A push that only deletes has no pack.
    let evidence = scan(&push("refs/heads/ssn-219-45-6183"));
    assert_eq!(evidence.findings.len(), 1, "{evidence:?}");
    assert_eq!(scan(&push("refs/heads/old")).status(), Status::Clean);
}

#[test]
fn what_a_delta_adds_is_read_and_what_it_means_is_not() {
    for kind in [OFFSET_DELTA, NAMED_DELTA] {
        // From 100 bytes to 31: all of them new.
        let delta = [&[100, 31, 31][..], NOTE].concat();
        let evidence = scan(&pack(&[object(BLOB, &[b'a'; 100]), object(kind, &delta)]));
        assert_eq!(members(&evidence), ["git#2!delta"], "{evidence:?}");
        assert_eq!(reasons(&evidence), ["unknown-encoding@git#2!delta"]);
        assert_eq!(evidence.coverage.unidentified, delta.len() as u64);
    }
}

#[test]
fn a_pack_that_is_cut_or_goes_on_is_told_and_read() {
    let whole = pack(&[commit(), object(BLOB, NOTE)]);
    for len in 9..whole.len() {
        assert_ne!(scan(&whole[..len]).status(), Status::Clean, "{len} of {}", whole.len());
    }
    for (more, place) in [(NOTE, "behind"), (&[b' '; 30], "-")] {
        let evidence = scan(&[&whole, more].concat());
        assert_eq!(reasons(&evidence), ["damaged"], "{more:?}");
        assert!(place == "-" || members(&evidence).contains(&place), "{evidence:?}");
    }
    let many = [b"PACK\0\0\0\x02\0\0\xff\xff".to_vec(), object(BLOB, b"a").repeat(10_001)].concat();
    assert_eq!(reasons(&scan_by(&many, 4096)), ["entries-max"]);
}

/// A push of some objects, changed somewhere.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let contents = prop::sample::select(vec![
        NOTE.to_vec(),
        b"beds: 12\n".to_vec(),
        encode::gzip(NOTE),
        (0..=255).cycle().take(9000).collect::<Vec<u8>>(),
        Vec::new(),
    ]);
    let kinds = prop::sample::select(vec![COMMIT, TREE, BLOB, OFFSET_DELTA, NAMED_DELTA, 0]);
    let objects = prop::collection::vec((kinds, contents), 0..5);
    let change = prop::option::of((any::<prop::sample::Index>(), any::<u8>()));
    (objects, any::<bool>(), change).prop_map(|(objects, is_pushed, change)| {
        let objects: Vec<_> =
            objects.iter().map(|(kind, content)| object(*kind, content)).collect();
        let lines = if is_pushed { push("refs/heads/main") } else { Vec::new() };
        let mut bytes = [lines, pack(&objects)].concat();
        if let Some((at, byte)) = change {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_chunking_gives_the_same_evidence(bytes in hostile(), size in 1usize..5000) {
        prop_assert_eq!(scan_by(&bytes, bytes.len().max(1)), scan_by(&bytes, size));
    }
}
