//! Every compression: what is in it is found, what follows it is read, what is wrong with it is
//! told, and no chunking changes that.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "tests"
)]

#[path = "build/encode.rs"]
mod encode;
#[path = "build/read.rs"]
mod read;

use dlp::{Catalog, Evidence, Hint, Limits, Scanner, Status};
use encode::{CODECS, Codec};
use proptest::prelude::*;
use read::in_pieces;

const NOTE: &[u8] = b"Patient note. SSN 219-45-6183.\n";

fn scan_by(bytes: &[u8], told: Option<&str>, limits: Limits, size: usize) -> Evidence {
    let hint = Hint { content_encoding: told, ..Hint::default() };
    in_pieces(Scanner::new(Catalog::builtin(), &hint, limits), bytes, size)
}

fn scan(codec: &Codec, bytes: &[u8]) -> Evidence {
    scan_by(bytes, codec.told, Limits::default(), 1000)
}

fn members(evidence: &Evidence) -> Vec<String> {
    evidence.findings.iter().map(|f| f.member.as_deref().unwrap_or("-").to_owned()).collect()
}

fn reasons(evidence: &Evidence) -> Vec<&'static str> {
    evidence.incomplete.iter().map(|i| i.reason.name()).collect()
}

/// Text that compresses somewhat, `len` bytes of it.
fn text(len: usize) -> Vec<u8> {
    let mut state = 7u32;
    let words = ["the ", "quick ", "brown ", "fox ", "jumps ", "over ", "lazy ", "dogs ", "\n"];
    let mut out = Vec::new();
    while out.len() < len {
        state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        out.extend(words[(state >> 16) as usize % words.len()].bytes());
    }
    out.truncate(len);
    out
}

#[test]
fn what_is_clean_is_clean() {
    for codec in CODECS {
        for len in [1, 100, 5000, 300_000] {
            let data = text(len);
            let evidence = scan(codec, &(codec.encode)(&data));
            assert_eq!(evidence.status(), Status::Clean, "{codec:?} of {len}: {evidence:?}");
            assert_eq!(evidence.coverage.read, len as u64, "{codec:?} of {len}");
        }
    }
}

#[test]
fn what_is_inside_is_found_where_it_stands() {
    for codec in CODECS {
        for before in [0, 70_000, 300_000] {
            let data = [text(before), b"\n".to_vec(), NOTE.to_vec(), text(50)].concat();
            let evidence = scan(codec, &(codec.encode)(&data));
            assert_eq!(members(&evidence), [codec.name], "{codec:?}");
            assert_eq!(evidence.findings[0].span.start, before as u64 + 19, "{codec:?}");
            assert_eq!(reasons(&evidence), [""; 0], "{codec:?}");
        }
    }
}

#[test]
fn streams_in_a_row_are_one() {
    for codec in CODECS.iter().filter(|codec| codec.joins) {
        let streams = [(codec.encode)(b"SSN 219-45"), (codec.encode)(b"-6183 on file")].concat();
        let evidence = scan(codec, &streams);
        assert_eq!(members(&evidence), [codec.name], "{codec:?}");
        assert_eq!(reasons(&evidence), [""; 0], "{codec:?}");
    }
}

#[test]
fn what_follows_is_read() {
    for codec in CODECS {
        let bytes = [(codec.encode)(&text(500)), NOTE.to_vec()].concat();
        let evidence = scan(codec, &bytes);
        assert_eq!(members(&evidence), ["behind"], "{codec:?}");
    }
}

#[test]
fn what_is_cut_is_truncated() {
    for codec in CODECS {
        let whole = (codec.encode)(&text(200_000));
        for len in [whole.len() / 2, whole.len() - 1] {
            let evidence = scan(codec, &whole[..len]);
            assert_eq!(reasons(&evidence), ["truncated"], "{codec:?} at {len}");
        }
    }
}

#[test]
fn what_was_decoded_before_a_cut_is_read() {
    for codec in CODECS.iter().filter(|codec| !matches!(codec.name, "bzip2" | "lz4")) {
        let whole = (codec.encode)(&[NOTE, &text(300_000)].concat());
        let evidence = scan(codec, &whole[..whole.len() - 1]);
        assert_eq!(members(&evidence), [codec.name], "{codec:?}");
    }
}

#[test]
fn what_was_changed_is_told() {
    for codec in CODECS.iter().filter(|codec| codec.checks) {
        let whole = (codec.encode)(&text(20_000));
        for at in (20..whole.len()).step_by(whole.len() / 50) {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x10;
            let evidence = scan(codec, &bytes);
            // Some bits of a header say nothing about the content.
            let is_same = evidence.coverage.read == 20_000;
            assert!(is_same || evidence.status() != Status::Clean, "{codec:?} at {at}");
        }
    }
}

#[test]
fn what_only_claims_to_be_encoded_is_read_all_the_same() {
    for told in ["br", "bzip2", "deflate", "gzip", "lz4", "snappy", "xz", "zlib", "zstd"] {
        let evidence = scan_by(NOTE, Some(told), Limits::default(), 7);
        assert_eq!(members(&evidence), ["behind"], "{told}");
        assert_ne!(reasons(&evidence), [""; 0], "{told}");
    }
}

#[test]
fn a_bomb_is_told_and_a_tensor_of_zeros_is_none() {
    for codec in CODECS {
        let evidence = scan(codec, &(codec.encode)(&b"ab".repeat(4 << 20)));
        let expected: &[&str] = if codec.bombs { &["ratio-max"] } else { &[] };
        assert_eq!(reasons(&evidence), expected, "{codec:?}");
        let evidence = scan(codec, &(codec.encode)(&vec![0; 4 << 20]));
        assert_eq!(reasons(&evidence), [""; 0], "{codec:?}");
        assert_eq!(evidence.coverage.numeric, 4 << 20, "{codec:?}");
    }
}

#[test]
fn the_limit_on_decoded_bytes_is_told() {
    let small = Limits { decoded_bytes_max: 10_000, ..Limits::default() };
    for codec in CODECS {
        let bytes = (codec.encode)(&text(100_000));
        let evidence = scan_by(&bytes, codec.told, small, 1000);
        assert_eq!(reasons(&evidence), ["decoded-bytes-max"], "{codec:?}");
    }
}

#[test]
fn a_window_beyond_the_limit_is_told() {
    let small = Limits { window_max: 100_000, ..Limits::default() };
    for codec in CODECS.iter().filter(|codec| matches!(codec.name, "xz" | "zstd")) {
        let bytes = (codec.encode)(&text(400_000));
        let evidence = scan_by(&bytes, codec.told, small, 1000);
        assert_eq!(reasons(&evidence), ["window-max"], "{codec:?}");
        assert!(evidence.coverage.unidentified > 0, "{codec:?}");
    }
}

#[test]
fn frames_of_the_senders_own_are_read() {
    let skipped = [b"\x5a\x2a\x4d\x18\x1f\0\0\0".as_slice(), NOTE].concat();
    for (name, encode) in [("zstd", encode::zstd as fn(&[u8]) -> _), ("lz4", encode::lz4)] {
        let bytes = [encode(b"hello"), skipped.clone(), encode(b"hello")].concat();
        let evidence = scan_by(&bytes, None, Limits::default(), 9);
        assert_eq!(members(&evidence), ["skipped"], "{name}");
        assert_eq!(reasons(&evidence), [""; 0], "{name}");
    }
    let chunk = [b"\x80\x1f\0\0".as_slice(), NOTE].concat();
    let bytes = [encode::snappy(b"hello"), chunk].concat();
    let evidence = scan_by(&bytes, None, Limits::default(), 9);
    assert_eq!(members(&evidence), ["skipped"]);
    assert_eq!(reasons(&evidence), [""; 0]);
}

#[test]
fn a_gzip_header_is_content() {
    let fields = [b"\x1f\x8b\x08\x08\0\0\0\0\0\x03".as_slice(), b"SSN 219-45-6183.txt\0"].concat();
    let bytes = [fields, encode::gzip(b"hello")[10..].to_vec()].concat();
    let evidence = scan_by(&bytes, None, Limits::default(), 3);
    assert_eq!(members(&evidence), ["header"]);
    assert_eq!(reasons(&evidence), [""; 0]);
}

#[test]
fn text_is_not_taken_for_zlib() {
    for text in ["x^2 + 3x = 0, SSN 219-45-6183", "8O \u{1}SSN 219-45-6183", "HG SSN 219-45-6183"] {
        let evidence = scan_by(text.as_bytes(), None, Limits::default(), 5);
        assert_eq!(members(&evidence), ["-"], "{text}");
        assert_eq!(reasons(&evidence), [""; 0], "{text}");
    }
}

/// Text with a finding somewhere, compressed, then changed and followed by anything.
fn hostile() -> impl Strategy<Value = (usize, Vec<u8>)> {
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    let tail = prop::collection::vec(any::<u8>(), 0..40);
    let cut = prop::option::weighted(0.3, any::<prop::sample::Index>());
    (0..CODECS.len(), 0usize..30_000, changes, tail, cut).prop_map(
        |(codec, len, changes, tail, cut)| {
            let data = [text(len), NOTE.to_vec(), text(len / 3)].concat();
            let mut bytes = (CODECS[codec].encode)(&data);
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            bytes.extend(tail);
            if let Some(cut) = cut {
                bytes.truncate(cut.index(bytes.len()));
            }
            (codec, bytes)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_chunking_gives_the_same_evidence((codec, bytes) in hostile(), size in 1usize..9000) {
        let codec = &CODECS[codec];
        let whole = scan_by(&bytes, codec.told, Limits::default(), bytes.len().max(1));
        let parts = scan_by(&bytes, codec.told, Limits::default(), size);
        prop_assert_eq!(whole, parts);
    }

    #[test]
    fn any_bytes_under_any_encoding_are_survived(
        bytes in prop::collection::vec(any::<u8>(), 0..3000),
        codec in 0..CODECS.len(),
        keep in 0usize..16,
    ) {
        let codec = &CODECS[codec];
        let head = (codec.encode)(b"hello");
        let bytes = [&head[..keep.min(head.len())], &bytes].concat();
        let evidence = scan_by(&bytes, codec.told, Limits::default(), 700);
        prop_assert!(evidence.coverage.skipped == 0);
    }
}
