//! Bodies whose form the sender tells: multipart and gRPC. Parts and messages are content of their
//! own; headers, names and what stands around them are read.

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
#[path = "framing/streams.rs"]
mod streams;
#[path = "framing/text.rs"]
mod text;

use dlp::{Catalog, Evidence, Hint, Limits, Scanner, Status};
use proptest::prelude::*;
use read::in_pieces;

const NOTE: &[u8] = b"Patient note. SSN 219-45-6183.\n";
const FORM: Hint<'_> = Hint {
    content_encoding: None,
    content_type: Some("multipart/form-data; boundary=\"a-b=c\""),
    grpc_encoding: None,
};
const GRPC: Hint<'_> = Hint {
    content_encoding: None,
    content_type: Some("application/grpc+proto"),
    grpc_encoding: Some("gzip"),
};

fn scan_by(bytes: &[u8], hint: &Hint<'_>, size: usize) -> Evidence {
    in_pieces(Scanner::new(Catalog::builtin(), hint, Limits::default()), bytes, size)
}

fn scan(bytes: &[u8], hint: &Hint<'_>) -> Evidence {
    scan_by(bytes, hint, 11)
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

fn part(headers: &str, body: &[u8]) -> Vec<u8> {
    [b"--a-b=c\r\n", headers.as_bytes(), b"\r\n\r\n", body, b"\r\n"].concat()
}

fn field(name: &str, value: &str) -> Vec<u8> {
    part(&format!("Content-Disposition: form-data; name=\"{name}\""), value.as_bytes())
}

fn file(name: &str, more: &str, body: &[u8]) -> Vec<u8> {
    let head = "Content-Disposition: form-data; name=\"file\"; filename=";
    part(&format!("{head}\"{name}\"{more}"), body)
}

fn form(parts: &[Vec<u8>]) -> Vec<u8> {
    [parts.concat(), b"--a-b=c--\r\n".to_vec()].concat()
}

#[test]
fn parts_are_content_and_a_fields_name_is_its_label() {
    let body = form(&[
        field("comment", "nothing here"),
        field("ssn", "219456183"),
        field("patient_mrn", "4481723"),
        field("ssn", "000000000"),
        file("notes.txt", "", NOTE),
        file("notes.gz", "\r\nContent-Type: application/gzip", &encode::gzip(NOTE)),
        file("encoded.txt", "\r\nContent-Encoding: zstd", &encode::zstd(NOTE)),
    ]);
    let evidence = scan(&body, &FORM);
    let expected = ["ssn", "patient_mrn", "notes.txt", "notes.gz!gzip", "encoded.txt!zstd"];
    assert_eq!(members(&evidence), expected, "{:?}", evidence.findings);
    assert_eq!(evidence.findings[0].locus.as_deref(), Some("field"));
    assert_eq!(reasons(&evidence), [""; 0]);
    assert_eq!(evidence.coverage.unidentified, 0, "{:?}", evidence.coverage);
    assert_eq!(members(&scan(&body, &Hint::default())), expected, "the first line tells it too");
    let clean = scan(&form(&[field("comment", "nothing here")]), &FORM);
    assert_eq!(clean.status(), Status::Clean, "{clean:?}");
}

#[test]
fn a_body_is_counted_once() {
    let body = form(&[field("comment", "nothing here"), file("a.txt", "", b"hello\r\n--a-b=\r\n")]);
    let coverage = scan(&body, &FORM).coverage;
    assert_eq!(coverage.read, body.len() as u64);
}

#[test]
fn transfer_encodings_are_undone() {
    let base64 = "UGF0aWVudCBub3RlLiBTU04gMjE5LTQ1LT\r\nYxODMuCg==";
    let quoted = "Patient=20note. SSN 219-=\r\n45-61=383.";
    let encoded = |name: &str, body: &str| {
        file("a.txt", &format!("\r\nContent-Transfer-Encoding: {name}"), body.as_bytes())
    };
    for (name, body) in
        [("base64", base64), ("Quoted-Printable", quoted), ("8bit", "SSN 219-45-6183")]
    {
        let evidence = scan(&form(&[encoded(name, body)]), &FORM);
        let inner =
            if name == "8bit" { String::new() } else { format!("!{}", name.to_lowercase()) };
        assert_eq!(members(&evidence), [format!("a.txt{inner}")], "{name}");
        assert_eq!(reasons(&evidence), [""; 0], "{name}");
    }
    let evidence = scan(&form(&[encoded("x-uuencode", "SSN 219-45-6183")]), &FORM);
    assert_eq!(reasons(&evidence), ["unknown-encoding@a.txt"]);
    assert_eq!(members(&evidence), ["a.txt"]);
    let evidence = scan(&form(&[encoded("base64", "UGF0!SSN 219-45-6183")]), &FORM);
    assert_eq!(reasons(&evidence), ["damaged@a.txt"]);
}

#[test]
fn what_stands_around_parts_is_read() {
    let inner = "Content-Type: multipart/mixed; boundary=inner";
    let nested = [b"--inner\r\n\r\n", NOTE, b"\r\n--inner--"].concat();
    let body = [b"SSN 219-45-6183\r\n".to_vec(), form(&[part(inner, &nested)]), NOTE.to_vec()];
    let evidence = scan(&body.concat(), &FORM);
    assert_eq!(members(&evidence), ["preamble", "#1!#1", "behind"]);
    assert_eq!(reasons(&evidence), [""; 0]);
    let body = form(&[file("ssn 219-45-6183.txt", "", NOTE)]);
    let evidence = scan(&body, &FORM);
    assert_eq!(members(&evidence), ["#1", "#1"]);
    assert!(!format!("{evidence:?}").contains("219-45"));
}

#[test]
fn a_multipart_that_is_none_or_cut_is_told_and_read() {
    let evidence = scan(NOTE, &FORM);
    assert_eq!(members(&evidence), ["preamble"]);
    assert_eq!(reasons(&evidence), ["damaged"]);
    let evidence = scan(&encode::gzip(NOTE), &FORM);
    assert_eq!(members(&evidence), ["preamble!gzip"]);
    let whole = form(&[file("a.txt", "", NOTE)]);
    for len in [whole.len() - 5, whole.len() - 20, 40] {
        assert_eq!(reasons(&scan(&whole[..len], &FORM)), ["truncated"], "{len}");
    }
    let headers = "x".repeat(20_000);
    let evidence = scan(&form(&[part(&headers, NOTE)]), &FORM);
    assert_eq!(reasons(&evidence), ["header-max"]);
    assert_eq!(members(&evidence), ["#1"]);
}

fn message(flag: u8, data: &[u8]) -> Vec<u8> {
    [&[flag][..], &(data.len() as u32).to_be_bytes(), data].concat()
}

#[test]
fn grpc_messages_are_content() {
    let body = [
        message(0, b"hello world"),
        message(0, b""),
        message(0, NOTE),
        message(1, &encode::gzip(NOTE)),
        message(0x80, b"x-note: SSN 219-45-6183\r\n"),
    ];
    let evidence = scan(&body.concat(), &GRPC);
    assert_eq!(members(&evidence), ["grpc#3", "grpc#4!gzip", "grpc#5"]);
    assert_eq!(reasons(&evidence), [""; 0]);
    let unknown = Hint { grpc_encoding: None, ..GRPC };
    let evidence = scan(&body.concat(), &unknown);
    assert_eq!(reasons(&evidence), ["unknown-encoding@grpc#4"]);
}

#[test]
fn grpc_messages_are_protocol_buffers() {
    // Field 1: a number; field 2: text; field 3: a message with such a text.
    let text = b"\x0a\x0bSSN 219-45-";
    let inner = b"\x12\x0f219-45-6183 SSN";
    let message_of = |fields: &[&[u8]]| fields.concat();
    let nested = message_of(&[b"\x1a\x11", inner]);
    let proto = message_of(&[b"\x08\x96\x01", text, &nested]);
    let evidence = scan(&message(0, &proto), &GRPC);
    assert_eq!(evidence.coverage.unidentified, 0, "{:?}", evidence.coverage);
    assert_eq!(reasons(&evidence), [""; 0]);
    assert_eq!(evidence.findings.len(), 1, "{:?}", evidence.findings);
    assert!(members(&evidence)[0].starts_with("grpc#1"), "{:?}", members(&evidence));
    let compressed = scan(&message(1, &encode::gzip(&proto)), &GRPC);
    assert_eq!(compressed.coverage.unidentified, 0);
    assert!(members(&compressed)[0].starts_with("grpc#1!gzip"));
}

#[test]
fn a_message_alone_is_protocol_buffers_where_its_media_type_says_so() {
    for content_type in ["application/protobuf", "application/x-protobuf; charset=none"] {
        let hint = Hint { content_type: Some(content_type), ..Hint::default() };
        // As Flower tells a node its number, of ten bytes as a varint.
        let id = [&[0x08][..], &[0xf3; 9], &[0x01]].concat();
        let evidence = scan(&id, &hint);
        assert_eq!(evidence.status(), Status::Clean, "{evidence:?}");
        assert_eq!(scan(&id, &Hint::default()).coverage.unidentified, id.len() as u64);
        let note = [&id[..], b"\x1a\x11\x12\x0fSSN 219-45-6183"].concat();
        assert_eq!(scan(&note, &hint).findings.len(), 1, "{content_type}");
        let prose = scan(NOTE, &hint);
        assert_eq!((prose.findings.len(), prose.coverage.unidentified), (1, 0), "{prose:?}");
    }
}

#[test]
fn a_number_that_begins_like_zlib_is_a_number_where_the_media_type_says_so() {
    let hint = Hint { content_type: Some("application/x-protobuf"), ..Hint::default() };
    let mut alike = 0;
    for (second, fill) in
        (0x80..=0xff_u8).flat_map(|second| (0x80..=0xff).map(move |fill| (second, fill)))
    {
        let id = [&[0x08, second][..], &[fill; 7], &[0x01]].concat();
        alike += u32::from(!reasons(&scan(&id, &Hint::default())).is_empty());
        let evidence = scan(&id, &hint);
        assert_eq!(evidence.status(), Status::Clean, "{id:02x?} {evidence:?}");
    }
    assert!(alike > 0, "none of them is taken for zlib by its bytes alone");
    // What compressors write is looked into all the same.
    let zlib = scan(&encode::zlib(NOTE), &hint);
    assert_eq!(zlib.findings.len(), 1, "{zlib:?}");
}

fn text_message(texts: &[&str]) -> Vec<u8> {
    let field = |(number, text): (u8, &&str)| {
        [&[number << 3 | 2, text.len() as u8], text.as_bytes()].concat()
    };
    message(0, &(1..).zip(texts).flat_map(field).collect::<Vec<_>>())
}

#[test]
fn a_grpc_message_leaves_whole_and_at_once() {
    let (first, second) = (text_message(&["round 1"]), text_message(&["round 2, the last"]));
    let mut scanner = Scanner::new(Catalog::builtin(), &GRPC, Limits::default());
    scanner.feed(&first);
    assert_eq!(scanner.cleared(), first.len() as u64, "it waits for nothing");
    scanner.feed(&second[..3]);
    assert_eq!(scanner.cleared(), first.len() as u64);
    scanner.feed(&second[3..second.len() - 1]);
    assert_eq!(scanner.cleared(), first.len() as u64, "half a message left");
    scanner.feed(&second[second.len() - 1..]);
    assert_eq!(scanner.cleared(), (first.len() + second.len()) as u64);
}

#[test]
fn grpc_that_is_none_or_cut_is_told_and_read() {
    let evidence = scan(NOTE, &GRPC);
    assert_eq!(reasons(&evidence), ["damaged"]);
    assert_eq!(members(&evidence), ["behind"]);
    let whole = message(0, NOTE);
    for len in [3, whole.len() - 1] {
        assert_eq!(reasons(&scan(&whole[..len], &GRPC)), ["truncated"], "{len}");
    }
}

#[test]
fn encodings_around_a_told_form_are_undone_first() {
    let body = encode::gzip(&form(&[file("notes.txt", "", NOTE)]));
    let hint = Hint { content_encoding: Some("gzip"), ..FORM };
    assert_eq!(members(&scan(&body, &hint)), ["gzip!notes.txt"]);
}

/// A body of some parts or messages, changed somewhere.
fn hostile() -> impl Strategy<Value = (Vec<u8>, bool)> {
    let piece = prop::sample::select(vec![
        "SSN 219-45-6183",
        "\r\n--a-b=c\r\n",
        "\r\n--a-b=c--",
        "--a-b=c",
        "\n--a-b=",
        "\r",
        "\n",
        "\r\n",
        "\r\n\r\n",
        "Content-Disposition: form-data; name=\"ssn\"",
        "Content-Transfer-Encoding: base64",
        "Content-Transfer-Encoding: quoted-printable",
        "U1NOIDIxOS00NS02MTgz",
        "=\r\n",
        "=4",
        "219456183",
        " ",
        "\0\0\0\0\x0f",
        "\u{1}\0\0\0\x05",
        "the quick brown fox ",
    ]);
    let pieces =
        prop::collection::vec(piece, 0..25).prop_map(|pieces| pieces.concat().into_bytes());
    let parts = prop::collection::vec(
        prop_oneof![
            Just(field("ssn", "219456183")),
            Just(file("a.txt", "\r\nContent-Transfer-Encoding: base64", b"U1NOIDIxOS00NS02MTgz")),
            Just(file("a.gz", "", &encode::gzip(NOTE))),
            pieces.clone().prop_map(|body| file("b", "", &body)),
        ],
        0..5,
    );
    let messages = prop::collection::vec(
        (prop::sample::select(vec![0u8, 1, 0x80, 2]), pieces.clone()).prop_map(|(flag, data)| {
            message(flag, &if flag == 1 { encode::gzip(&data) } else { data })
        }),
        0..5,
    );
    (
        prop_oneof![
            pieces.prop_map(|bytes| (bytes, false)),
            parts.prop_map(|parts| (form(&parts), false)),
            messages.prop_map(|messages| (messages.concat(), true)),
        ],
        prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
    )
        .prop_map(|((mut bytes, is_grpc), change)| {
            if let Some((at, byte)) = change.filter(|_| !bytes.is_empty()) {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            (bytes, is_grpc)
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_chunking_gives_the_same_evidence((bytes, is_grpc) in hostile(), size in 1usize..200) {
        let hint = if is_grpc { GRPC } else { FORM };
        let whole = scan_by(&bytes, &hint, bytes.len().max(1));
        prop_assert_eq!(&whole, &scan_by(&bytes, &hint, size));
        prop_assert_eq!(&whole, &scan_by(&bytes, &hint, 1));
    }
}
