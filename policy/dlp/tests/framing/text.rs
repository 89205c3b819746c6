//! gRPC-Web's text form: base64 of which each flushed piece is padded by itself.

use super::{GRPC, NOTE, encode, hostile, members, message, reasons, scan, scan_by, text_message};
use dlp::{Catalog, Evidence, Hint, Limits, Scanner, Status};
use proptest::prelude::*;

const TEXT: Hint<'_> = Hint { content_type: Some("application/grpc-web-text+proto"), ..GRPC };

fn base64(bytes: &[u8]) -> Vec<u8> {
    base64_simd::STANDARD.encode_type(bytes)
}

/// Each piece of so many bytes by itself.
fn pieces(bytes: &[u8], size: usize) -> Vec<u8> {
    bytes.chunks(size).flat_map(base64).collect()
}

fn scan_in_two(bytes: &[u8], at: usize) -> Evidence {
    let mut scanner = Scanner::new(Catalog::builtin(), &TEXT, Limits::default());
    scanner.feed(&bytes[..at]);
    scanner.feed(&bytes[at..]);
    scanner.finish();
    assert_eq!(scanner.cleared(), bytes.len() as u64);
    scanner.evidence().clone()
}

fn patients() -> Vec<u8> {
    let line = |serial| format!("Patient SSN 219-45-{serial} admitted\n").into_bytes();
    (6100..6400).flat_map(line).collect()
}

#[test]
fn messages_in_padded_base64_are_content() {
    let body =
        [message(0, b"hello world"), message(0, &patients()), message(1, &encode::gzip(NOTE))];
    let body = body.concat();
    for size in [1, 2, 3, 4, 5, 1000, 4096, body.len()] {
        let evidence = scan(&pieces(&body, size), &TEXT);
        assert_eq!(reasons(&evidence), [""; 0], "{size}");
        assert_eq!(evidence.tally.total(), 301, "{size}");
        assert_eq!(members(&evidence)[0], "grpc#2", "{size}");
        assert_eq!(members(&evidence)[300], "grpc#3!gzip", "{size}");
        assert_eq!(evidence.findings, scan(&body, &GRPC).findings, "{size}");
    }
}

#[test]
fn compressed_messages_are_read_whatever_the_case_and_suffix() {
    let body = base64(&message(1, &encode::gzip(&patients())));
    for content_type in [
        "application/grpc-web-text",
        "application/grpc-web-text+proto",
        "Application/GRPC-Web-Text+JSON; charset=utf-8",
    ] {
        let hint = Hint { content_type: Some(content_type), ..TEXT };
        assert_eq!(scan(&body, &hint).tally.total(), 300, "{content_type}");
        let untold = Hint { grpc_encoding: None, ..hint };
        assert_eq!(reasons(&scan(&body, &untold)), ["unknown-encoding@grpc#1"]);
    }
    let around = Hint { content_encoding: Some("gzip"), ..TEXT };
    assert_eq!(members(&scan(&encode::gzip(&body), &around))[0], "gzip!grpc#1!gzip");
}

#[test]
fn the_cut_changes_nothing() {
    let whole = [
        text_message(&["the ssn is 219-45"]),
        text_message(&["-6183 and no more"]),
        message(1, &encode::gzip(NOTE)),
        message(0x80, b"grpc-status: 0\r\n"),
    ];
    let texts = [pieces(&whole.concat(), 7), whole.iter().flat_map(|m| base64(m)).collect()];
    let broken = [&texts[0][..30], b"-", &texts[0][30..]].concat();
    let cut = texts[1][..texts[1].len() - 3].to_vec();
    for text in texts.into_iter().chain([broken, cut, base64(NOTE), NOTE.to_vec()]) {
        let evidence = scan_by(&text, &TEXT, text.len());
        for at in 0..=text.len() {
            assert_eq!(scan_in_two(&text, at), evidence, "{at}");
        }
        assert_eq!(scan_by(&text, &TEXT, 1), evidence);
    }
}

#[test]
fn a_value_that_is_split_across_messages_and_pieces_is_found() {
    let split = [text_message(&["the ssn is 219-45"]), text_message(&["-6183 and no more"])];
    for size in 1..30 {
        let evidence = scan(&pieces(&split.concat(), size), &TEXT);
        assert_eq!((evidence.findings.len(), reasons(&evidence).len()), (1, 0), "{size}");
    }
}

#[test]
fn what_is_no_base64_is_told_and_read() {
    let good = pieces(&message(0, b"hello world"), 4);
    assert_eq!(scan(&good, &TEXT).status(), Status::Clean);
    assert_eq!(scan(b"", &TEXT).status(), Status::Clean);
    for bad in ["QQ=A", "Q===", "====", "=QQQ", "QQ-_", "QQ\r\n", "Q Q="] {
        let evidence = scan(&[&good[..], bad.as_bytes(), NOTE].concat(), &TEXT);
        assert_eq!(reasons(&evidence), ["damaged"], "{bad}");
        assert_eq!(members(&evidence), ["behind"], "{bad}");
    }
    // A last group without its padding is read, one of a single character cannot be.
    let note = base64(&message(0, &[b"a ", NOTE].concat()));
    let end = note.iter().position(|b| *b == b'=').unwrap();
    let evidence = scan(&note[..end], &TEXT);
    assert_eq!((evidence.findings.len(), reasons(&evidence)), (1, vec!["truncated".to_owned()]));
    assert!(!reasons(&scan(&[&good[..], b"Q"].concat(), &TEXT)).is_empty());
    // The length of a message says more than there is.
    let evidence = scan(&note[..note.len() - 8], &TEXT);
    assert_eq!(reasons(&evidence), ["truncated"]);
}

#[test]
fn a_message_leaves_whole_and_at_once() {
    let (first, second) = (text_message(&["round 1"]), text_message(&["round 2, the last"]));
    let (one, two) = (base64(&first), base64(&second));
    let mut scanner = Scanner::new(Catalog::builtin(), &TEXT, Limits::default());
    scanner.feed(&one);
    assert_eq!(scanner.cleared(), one.len() as u64, "it waits for nothing");
    scanner.feed(&two[..two.len() - 1]);
    assert_eq!(scanner.cleared(), one.len() as u64, "half a message left");
    scanner.feed(&two[two.len() - 1..]);
    assert_eq!(scanner.cleared(), (one.len() + two.len()) as u64);
    // Both in one chunk, the second not whole.
    let mut scanner = Scanner::new(Catalog::builtin(), &TEXT, Limits::default());
    scanner.feed(&[&one[..], &two[..8]].concat());
    assert_eq!(scanner.cleared(), one.len() as u64);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_chunking_gives_the_same_evidence(
        (bytes, _) in hostile(),
        (piece, size) in (1usize..50, 1usize..200),
        change in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
    ) {
        let mut text = pieces(&bytes, piece);
        if let Some((at, byte)) = change.filter(|_| !text.is_empty()) {
            let at = at.index(text.len());
            text[at] = byte;
        }
        let whole = scan_by(&text, &TEXT, text.len().max(1));
        prop_assert_eq!(&whole, &scan_by(&text, &TEXT, size));
        prop_assert_eq!(&whole, &scan_by(&text, &TEXT, 1));
    }
}
