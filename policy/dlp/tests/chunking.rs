//! The promises of streaming: any chunking gives the same evidence, and nothing is cleared too
//! early.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "tests"
)]

#[path = "build/archive.rs"]
mod archive;

use std::io::Read;

use archive::{Entry, gzip, zip};
use dlp::{Catalog, Evidence, Hint, Limits, Scanner};
use proptest::prelude::*;

/// Pieces of what is found, and of what is near to it.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let texts = prop::sample::select(vec![
        "SSN 219-45-6183 ",
        "social security number: 219456183\n",
        "MRN: 4481723, ",
        "{\"mrn\": 4481723}\n",
        "DOB 04/23/1956 ",
        "born on April 23, 1956 ",
        "(212) 736-5000 ",
        "Fax +1 212 736 5000\n",
        "jane.roe@stlukes-clinic.org ",
        "card 4539 1488 0343 6467 ",
        "7K49-QH2-MD15 ",
        "NPI 1679576722 ",
        "Member ID: XYZ123456789, ",
        "IBAN GB82 WEST 1234 5698 7654 32 ",
        "(01)00643169001763(17)251231(21)SN3535976 ",
        "the car 1HGCM82633A004352 was ",
        "plate 7XY 6824 ",
        "SSN (last 4): 6183 ",
        "device ee:bc:98:fd:1d:2f ",
        "1.2.840.113619.2.55.3.604688119.971.1234567890.123 ",
        "Patient: John Smith, 92 y/o, ",
        "Mrs. Mary Ann Jones-Miller, MD ",
        "12 Oak Street Apt 4, Springfield, IL 62704 ",
        "seen 04/23/2024 ",
        "https://mychart.example.org/p/27474341 ",
        "client 81.2.69.142 2a02:26f0:10::5f64 ",
        "voiceprint: QUJDREVGR0hJSktMTU5PUFE0 ",
        "219-45-",
        "6183",
        "@",
        "PK\x03\x04",
        "PK\x07\x08",
        "\r\n\n",
        "the quick brown fox ",
        "0.219456183e-5, ",
        "**SSN:** ",
        "recv MSH|^~\\&|A|B|C|D|20260402||ADT^A01\r",
        "PID|1||4481723^^^A^MR||ROE^JANE||19560423\\r",
        "NM1*IL*1*ROE*JANE****MI*7K49QH2MD15~",
        "REF*SY*219456183~\n",
        "SSN 219\u{2011}45\u{2011}6183, 219456183\u{a0}",
        "219456183, 219456184 and 219456185.0 ",
        "[77, 82, 78, 58, 32, 52, 52, 56, 49, 55, 50, 51, 44, 32, 83, 83, 78, 10]",
        "JVJE4ORAGQ2DQMJXGIZSYICTKNHCAMRRHEWTINJNGYYTQMY= ",
        "body={\"resourceType\":\"Patient\",\"name\":[{\"family\":\"Roe\"}],",
        "\"birthDate\":\"1956-04-23\"}",
        "{\"log\":\"{\\\"name\\\":\\\"Jane Roe\\\",\\\"dob\\\":\\\"1956-04-23\\\"}\"}",
    ]);
    prop_oneof![
        6 => texts.prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..40),
        1 => (any::<u8>(), 0usize..5000).prop_map(|(byte, len)| vec![byte; len]),
        1 => (0u32..2000).prop_map(|n| {
            (0..n).flat_map(|i| ((i as f32).sin() * 0.02).to_le_bytes()).collect()
        }),
    ]
}

fn content() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(piece(), 0..30).prop_map(|pieces| pieces.concat())
}

/// Content in some form, and the encoding that is told of it.
fn body() -> impl Strategy<Value = (Vec<u8>, Option<&'static str>)> {
    let entry = (content(), any::<bool>(), any::<bool>()).prop_map(|(data, deflated, streamed)| {
        let name = "notes/4481723.txt";
        let entry =
            if deflated { Entry::deflated(name, &data) } else { Entry::stored(name, &data) };
        if streamed { entry.streamed() } else { entry }
    });
    let archive = prop::collection::vec(entry, 0..4);
    let archive = archive.prop_map(|entries| zip(&entries, b"219-45-6183")).boxed();
    prop_oneof![
        3 => content().prop_map(|bytes| (bytes, None)),
        1 => content().prop_map(|bytes| (gzip(&bytes), None)),
        2 => archive.clone().prop_map(|bytes| (bytes, None)),
        1 => archive.prop_map(|bytes| (gzip(&bytes), Some("gzip"))),
        1 => (content(), 1usize..200).prop_map(|(bytes, size)| {
            let chunks = bytes.chunks(size).map(|chunk| {
                [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat()
            });
            let body = chunks.flatten().chain(*b"0\r\n\r\n").collect();
            (body, Some("aws-chunked"))
        }),
        1 => content().prop_map(|bytes| {
            let len = (bytes.len() as u32).to_le_bytes();
            ([b"\x80\x04X", len.as_slice(), &bytes, b"B", len.as_slice(), &bytes, b"."].concat(), None)
        }),
    ]
}

fn scanner(encoding: Option<&str>) -> Scanner {
    let hint = Hint { content_encoding: encoding, ..Hint::default() };
    Scanner::new(Catalog::builtin(), &hint, Limits::default())
}

fn whole(bytes: &[u8], encoding: Option<&str>) -> Evidence {
    let mut scanner = scanner(encoding);
    scanner.feed(bytes);
    scanner.finish();
    scanner.evidence().clone()
}

/// Feeds in pieces of the given sizes, in turn; after each, says what was cleared and how much was
/// found.
fn watch(bytes: &[u8], encoding: Option<&str>, sizes: &[usize]) -> (Evidence, Vec<(u64, usize)>) {
    let mut scanner = scanner(encoding);
    let mut seen = Vec::new();
    let mut rest = bytes;
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
    assert_eq!(scanner.cleared(), bytes.len() as u64);
    (scanner.evidence().clone(), seen)
}

/// So many cases; a failure is told by its input, not kept in a file.
fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn any_chunking_gives_the_same_evidence(
        (bytes, encoding) in body(),
        sizes in prop::collection::vec(1usize..4000, 1..20),
    ) {
        let (evidence, seen) = watch(&bytes, encoding, &sizes);
        prop_assert_eq!(&evidence, &whole(&bytes, encoding));
        prop_assert!(seen.is_sorted_by_key(|(cleared, _)| *cleared));
        prop_assert!(seen.iter().all(|(cleared, _)| *cleared <= bytes.len() as u64));
    }

    #[test]
    fn single_bytes_give_the_same_evidence((bytes, encoding) in body()) {
        let (evidence, seen) = watch(&bytes, encoding, &[1]);
        prop_assert_eq!(&evidence, &whole(&bytes, encoding));
        prop_assert!(seen.is_sorted_by_key(|(cleared, _)| *cleared));
    }

    #[test]
    fn nothing_is_found_in_what_was_cleared(
        bytes in content(),
        sizes in prop::collection::vec(1usize..700, 1..20),
    ) {
        let (evidence, seen) = watch(&bytes, None, &sizes);
        for (cleared, found) in seen {
            for late in &evidence.findings[found..] {
                prop_assert!(late.member.is_some() || late.span.start >= cleared);
            }
        }
    }

    #[test]
    fn what_was_cleared_of_gzip_decodes_to_nothing_found_later(
        bytes in content(),
        sizes in prop::collection::vec(1usize..300, 1..20),
    ) {
        let encoded = gzip(&bytes);
        let (evidence, seen) = watch(&encoded, None, &sizes);
        for (cleared, found) in seen {
            let mut decoded = Vec::new();
            // What is cut off makes an error, after all that could be decoded.
            let released = &encoded[..cleared as usize];
            flate2::read::GzDecoder::new(released).read_to_end(&mut decoded).ok();
            for late in &evidence.findings[found..] {
                prop_assert!(late.member.as_deref() != Some("gzip") || late.span.start >= decoded.len() as u64);
            }
        }
    }
}

#[test]
fn a_long_clean_body_is_released_as_it_comes() {
    let text = b"the quick brown fox jumps over the lazy dog\n".repeat(20_000);
    let stored = zip(&[Entry::stored("a.txt", &text)], b"");
    for (bytes, encoding) in [(text.clone(), None), (gzip(&text), Some("gzip")), (stored, None)] {
        let (_, seen) = watch(&bytes, encoding, &[1000]);
        let behind =
            seen.iter().enumerate().map(|(i, (cleared, _))| (i as u64 + 1) * 1000 - cleared);
        let behind = behind.take(seen.len() - 1).max().unwrap_or(0);
        // The last chunk, the look-back, and a block of the ledger whose class is not known yet.
        assert!(behind <= 6000, "holds back {behind} bytes");
    }
}

#[test]
fn noise_is_not_released_before_the_ledger_has_judged_it() {
    let noise: Vec<u8> =
        (0..4000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let mut scanner = Scanner::new(Catalog::builtin(), &Hint::default(), Limits::default());
    scanner.feed(&noise);
    assert_eq!(scanner.cleared(), 0, "nothing is known of these bytes yet");
    scanner.feed(&noise);
    assert!(scanner.evidence().coverage.unidentified > 0);
}

#[test]
fn lines_and_columns_count_from_one() {
    let text = b"first\n\n  SSN 219-45-6183\n".repeat(4000);
    let evidence = whole(&text, None);
    assert_eq!(evidence.findings.len(), 4000);
    for (i, finding) in (0u64..).zip(&evidence.findings) {
        assert_eq!((finding.line, finding.column), (i * 3 + 3, 7));
    }
}
