//! Tape archives: entries, names and what stands between them are read, by whatever program they
//! were written.

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
#[path = "build/tape.rs"]
mod tape;

use dlp::{Catalog, Evidence, Hint, Limits, Scanner, Status};
use proptest::prelude::*;
use read::in_pieces;
use tape::{change, entry, file, tar};

const NOTE: &[u8] = b"Patient note. SSN 219-45-6183.\n";

fn scanner() -> Scanner {
    Scanner::new(Catalog::builtin(), &Hint::default(), Limits::default())
}

fn scan_by(bytes: &[u8], size: usize) -> Evidence {
    in_pieces(scanner(), bytes, size)
}

fn scan(bytes: &[u8]) -> Evidence {
    scan_by(bytes, 700)
}

fn members(evidence: &Evidence) -> Vec<String> {
    evidence.findings.iter().map(|f| f.member.as_deref().unwrap_or("-").to_owned()).collect()
}

fn reasons(evidence: &Evidence) -> Vec<String> {
    let reason = |i: &dlp::Incomplete| {
        i.member.as_ref().map_or(i.reason.name().to_owned(), |m| format!("{}@{m}", i.reason.name()))
    };
    evidence.incomplete.iter().map(reason).collect()
}

fn pax(key: &str, value: &str) -> Vec<u8> {
    let rest = format!(" {key}={value}\n");
    let len = (1..).find(|len| len.to_string().len() + rest.len() == *len).unwrap();
    entry("PaxHeaders/x", b'x', format!("{len}{rest}").as_bytes())
}

#[test]
fn entries_are_read_and_told_by_name() {
    let inner = encode::gzip(&tar(&[file("notes/b.txt", NOTE)]));
    let archive = tar(&[
        entry("notes", b'5', b""),
        file("notes/a.txt", NOTE),
        file("empty", b""),
        file("inner.tar.gz", &inner),
        file("clean.txt", b"nothing here"),
    ]);
    let evidence = scan(&archive);
    assert_eq!(members(&evidence), ["notes/a.txt", "inner.tar.gz!gzip!notes/b.txt"]);
    assert_eq!(reasons(&evidence), [""; 0]);
    assert_eq!(evidence.coverage.unidentified, 0, "{:?}", evidence.coverage);
    let clean = scan(&tar(&[file("clean.txt", b"nothing here"), entry("d", b'5', b"")]));
    assert_eq!(clean.status(), Status::Clean);
    assert_eq!(clean.coverage.read, 4 * 512 + 512, "every byte is counted once");
}

#[test]
fn names_of_all_kinds_are_content_and_a_telling_name_is_not_told() {
    let name = "ssn-219-45-6183.txt";
    let long = format!("{}/{name}", "folder/".repeat(20));
    let mut owned = file("owned.txt", NOTE);
    change(&mut owned, 265, b"SSN 219-45-6183");
    let archives = [
        (tar(&[file(name, NOTE)]), vec!["#1", "#1"]),
        (tar(&[entry(name, b'5', b"")]), vec!["#1"]),
        (tar(&[pax("path", &long), file("short", NOTE)]), vec!["header", "#1"]),
        (tar(&[pax("comment", "SSN 219-45-6183"), file("a.txt", b"hi")]), vec!["header"]),
        (
            tar(&[entry("././@LongLink", b'L', long.as_bytes()), file(&long[..100], NOTE)]),
            vec!["header", "#1"],
        ),
        (tar(&[owned]), vec!["#1", "#1"]),
    ];
    for (archive, expected) in archives {
        let evidence = scan(&archive);
        assert_eq!(members(&evidence), expected);
        assert_eq!(reasons(&evidence), [""; 0]);
        assert!(!format!("{evidence:?}").contains("219-45"));
    }
}

#[test]
fn a_long_name_is_told() {
    let long = format!("{}a.txt", "folder/".repeat(18));
    let archive = tar(&[pax("path", &long), file("short", NOTE), file("b.txt", NOTE)]);
    assert_eq!(members(&scan(&archive)), [long.as_str(), "b.txt"]);
}

#[test]
fn the_size_of_a_pax_header_is_the_size() {
    let mut entry = file("a.txt", NOTE);
    change(&mut entry, 124, b"00000000000");
    let size = NOTE.len().to_string();
    let evidence = scan(&tar(&[pax("size", &size), entry]));
    assert_eq!(members(&evidence), ["a.txt"]);
    assert_eq!(reasons(&evidence), [""; 0]);
}

#[test]
fn what_stands_between_and_behind_is_read() {
    let mut filled = file("a.txt", b"hello");
    filled[700..700 + NOTE.len()].copy_from_slice(NOTE);
    assert_eq!(members(&scan(&tar(&[filled]))), ["slack"]);
    let behind = [tar(&[file("a.txt", b"hello")]), NOTE.repeat(40)].concat();
    let evidence = scan(&behind);
    assert_eq!(members(&evidence).first().map(String::as_str), Some("behind"));
    assert_eq!(evidence.findings.len(), 40);
    let second = [tar(&[file("a.txt", b"hello")]), tar(&[file("b.txt", NOTE)])].concat();
    assert_eq!(members(&scan(&second)), ["b.txt"], "some readers read on behind the end");
    let mut hidden = file("a.txt", b"hello");
    change(&mut hidden, 329, b"219-45-6183 SSN");
    let evidence = scan(&tar(&[hidden]));
    assert_ne!(evidence.findings.len() + evidence.coverage.unidentified as usize, 0);
}

#[test]
fn what_is_wrong_is_told() {
    let whole = tar(&[file("a.txt", NOTE), file("b.txt", NOTE)]);
    assert_eq!(reasons(&scan(&whole[..520])), ["truncated"]);
    assert_eq!(reasons(&scan(&whole[..1024])), ["truncated"]);
    assert_eq!(reasons(&scan(&whole[..2048])), ["truncated"], "the end is missing");
    let mut damaged = whole.clone();
    damaged[1024] ^= 1;
    let evidence = scan(&damaged);
    assert_eq!(reasons(&evidence), ["damaged"]);
    assert_eq!(members(&evidence), ["a.txt", "behind"]);
    let sparse = tar(&[pax("GNU.sparse.major", "1"), file("a.txt", b"hello")]);
    assert_eq!(reasons(&scan(&sparse)), ["unknown-encoding@a.txt"]);
    let link = tar(&[entry("link", b'2', NOTE)]);
    assert_eq!(reasons(&scan(&link))[0], "damaged@link", "readers do not agree on its content");
    let many = Limits { entries_max: 1, ..Limits::default() };
    let mut scanner = Scanner::new(Catalog::builtin(), &Hint::default(), many);
    scanner.feed(&whole);
    scanner.finish();
    assert_eq!(reasons(scanner.evidence()), ["entries-max"]);
    assert_eq!(members(scanner.evidence()), ["a.txt", "behind"]);
}

#[test]
fn an_artifact_in_parts_is_read_by_whoever_has_the_scanner() {
    let archive = tar(&[file("a.txt", &b"clean line\n".repeat(9000)), file("b.txt", NOTE)]);
    for encode in [encode::gzip, encode::zstd, encode::xz, encode::bzip2] {
        let artifact = encode(&archive);
        let whole = scan_by(&artifact, artifact.len());
        // As the parts of an upload come in on several connections.
        let mut scanner = scanner();
        for part in artifact.chunks(artifact.len().div_ceil(5)) {
            let part = part.to_vec();
            scanner = std::thread::spawn(move || {
                scanner.feed(&part);
                scanner
            })
            .join()
            .unwrap();
        }
        scanner.finish();
        assert_eq!(scanner.evidence(), &whole);
        assert_eq!(whole.findings.len(), 1);
    }
}

/// An archive that was changed somewhere.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let kind = prop::sample::select(b"0\x0012567xgLKSX".to_vec());
    let data = prop_oneof![
        3 => (0usize..3000).prop_map(|len| NOTE.repeat(40)[..len.min(1200)].to_vec()),
        1 => Just(b"20 path=notes/x.txt\n".to_vec()),
        1 => Just(b"14 size=999999\n".to_vec()),
        1 => Just(encode::gzip(NOTE)),
    ];
    let name = prop::sample::select(vec!["a.txt", "notes/219-45-6183", "archive/data/1"]);
    let entry = (name, kind, data).prop_map(|(name, kind, data)| entry(name, kind, &data));
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3);
    let cut = prop::option::weighted(0.3, any::<prop::sample::Index>());
    (prop::collection::vec(entry, 1..6), changes, cut).prop_map(|(entries, changes, cut)| {
        let mut bytes = tar(&entries);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_chunking_gives_the_same_evidence(bytes in hostile(), size in 1usize..3000) {
        let whole = scan_by(&bytes, bytes.len().max(1));
        prop_assert_eq!(&whole, &scan_by(&bytes, size));
        prop_assert_eq!(&whole, &scan_by(&bytes, 1));
    }
}
