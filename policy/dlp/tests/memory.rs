//! What a hostile file makes the scanner allocate: never what it declares.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "tests"
)]

#[path = "build/encode.rs"]
#[allow(dead_code, reason = "shared")]
mod encode;

use dlp::{Catalog, Evidence, Hint, Limits, Scanner};
use peak_alloc::PeakAlloc;

#[global_allocator]
static PEAK: PeakAlloc = PeakAlloc;

/// Scans, and says how many MiB that took at most.
fn scan(bytes: &[u8], told: Option<&str>, limits: Limits) -> (Evidence, f32) {
    let hint = Hint { content_encoding: told, ..Hint::default() };
    let mut scanner = Scanner::new(Catalog::builtin(), &hint, limits);
    let before = PEAK.current_usage_as_mb();
    PEAK.reset_peak_usage();
    for chunk in bytes.chunks(64 * 1024) {
        scanner.feed(chunk);
    }
    scanner.finish();
    (scanner.evidence().clone(), PEAK.peak_usage_as_mb() - before)
}

/// Headers of a few bytes that declare as much as their format can, then some content.
fn declared() -> Vec<(&'static str, Option<&'static str>, Vec<u8>)> {
    let xz_header = |dictionary: u8| {
        let block = [2, 0, 0x21, 1, dictionary, 0, 0, 0];
        let flags = [0, 1];
        let check = |bytes: &[u8]| crc32fast::hash(bytes).to_le_bytes();
        [b"\xfd7zXZ\0".as_slice(), &flags, &check(&flags), &block, &check(&block), &[0xe0; 20]]
            .concat()
    };
    let tar = {
        let mut header = vec![0; 512];
        header[..5].copy_from_slice(b"a.txt");
        header[124..136].copy_from_slice(b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff");
        header[156] = b'x';
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        header
    };
    vec![
        ("zstd window", None, b"\x28\xb5\x2f\xfd\x00\xa0\x01\x00\x00hello".to_vec()),
        ("zstd size", None, b"\x28\xb5\x2f\xfd\xe0\0\0\0\0\x02\0\0\0\x01\x00\x00".to_vec()),
        ("xz dictionary", None, xz_header(40)),
        ("lz4 block", None, b"\x04\x22\x4d\x18\x60\x70\x73\xff\xff\x3f\x00hello".to_vec()),
        ("lz4 legacy block", None, b"\x02\x21\x4c\x18\xff\xff\x7f\x00hello".to_vec()),
        (
            "snappy length",
            Some("snappy"),
            b"\xff\xff\xff\xff\x0f\xfc\xff\xff\xff\xffhello".to_vec(),
        ),
        ("brotli window", Some("br"), b"\x0f\xff\xff\xff\xff\xff\xff".to_vec()),
        ("bzip2 block", None, b"BZh91AY&SY\x12\x34\x56\x78hello".to_vec()),
        ("tar header", None, tar),
        ("safetensors header", None, b"\0\xe1\xf5\x05\0\0\0\0{\"a\":".to_vec()),
        ("npy header", None, b"\x93NUMPY\x02\0\xff\xff\xff\xff{'descr': ".to_vec()),
        ("zip sizes", None, [b"PK\x03\x04".as_slice(), &[0xff; 40]].concat()),
    ]
}

#[test]
fn nothing_is_allocated_by_a_declared_size() {
    for (name, told, bytes) in declared() {
        let (evidence, mebibytes) = scan(&bytes, told, Limits::default());
        assert!(mebibytes < 17.0, "{name} takes {mebibytes} MiB");
        assert_ne!(evidence.incomplete, [], "{name}");
    }
    let small = Limits { window_max: 1 << 20, ..Limits::default() };
    for (name, encode) in [("zstd", encode::zstd as fn(&[u8]) -> _), ("xz", encode::xz)] {
        let (_, mebibytes) = scan(&encode(&vec![0; 24 << 20]), None, small);
        assert!(mebibytes < 3.0, "{name} takes {mebibytes} MiB");
    }
    for codec in encode::CODECS {
        let zeros = (codec.encode)(&vec![0; 24 << 20]);
        let (_, mebibytes) = scan(&zeros, codec.told, Limits::default());
        assert!(mebibytes < 20.0, "{codec:?} takes {mebibytes} MiB");
    }
}
