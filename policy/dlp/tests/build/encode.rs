//! Compressed streams as other programs write them, for tests.

use std::io::{Read, Write};

/// How one compression is written and told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Codec {
    /// The name in a finding's member.
    pub(crate) name: &'static str,
    /// The `Content-Encoding` that tells it, where its first bytes do not.
    pub(crate) told: Option<&'static str>,
    pub(crate) encode: fn(&[u8]) -> Vec<u8>,
    /// Whether streams in a row are one.
    pub(crate) joins: bool,
    /// Whether a cut or changed stream is always known by its structure and check values.
    pub(crate) checks: bool,
    /// Whether it can compress two bytes in turn by more than the limit on ratio.
    pub(crate) bombs: bool,
}

pub(crate) const CODECS: &[Codec] = &[
    Codec { joins: true, ..by_magic("gzip", gzip) },
    by_magic("zlib", zlib),
    Codec { checks: false, ..by_name("deflate", deflate) },
    by_name("deflate", zlib),
    Codec { checks: false, ..by_name("br", brotli) },
    Codec { joins: true, ..by_magic("bzip2", bzip2) },
    Codec { joins: true, ..by_magic("xz", xz) },
    Codec { joins: true, ..by_magic("zstd", zstd) },
    Codec { joins: true, ..by_magic("lz4", lz4) },
    Codec { joins: true, checks: false, ..by_magic("lz4", lz4_legacy) },
    Codec { bombs: false, ..by_magic("snappy", snappy) },
    Codec { bombs: false, checks: false, ..by_name("snappy", snappy_block) },
];

const fn by_magic(name: &'static str, encode: fn(&[u8]) -> Vec<u8>) -> Codec {
    Codec { name, told: None, encode, joins: false, checks: true, bombs: true }
}

const fn by_name(name: &'static str, encode: fn(&[u8]) -> Vec<u8>) -> Codec {
    Codec { told: Some(name), ..by_magic(name, encode) }
}

pub(crate) fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zlib(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn deflate(data: &[u8]) -> Vec<u8> {
    let mut encoder =
        flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn brotli(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    brotli::CompressorReader::new(data, 4096, 5, 22).read_to_end(&mut out).unwrap();
    out
}

pub(crate) fn bzip2(data: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::new(1));
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn xz(data: &[u8]) -> Vec<u8> {
    let options = lzma_rust2::XzOptions::with_preset(1);
    let mut encoder = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zstd(data: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(data, ruzstd::encoding::CompressionLevel::Fastest)
}

pub(crate) fn lz4(data: &[u8]) -> Vec<u8> {
    use lz4_flex::frame::{BlockMode, FrameEncoder, FrameInfo};
    let info = FrameInfo::new().block_mode(BlockMode::Linked).content_checksum(true);
    let mut encoder = FrameEncoder::with_frame_info(info.block_checksums(true), Vec::new());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

/// As `lz4 -l` writes it.
pub(crate) fn lz4_legacy(data: &[u8]) -> Vec<u8> {
    let mut out = b"\x02\x21\x4c\x18".to_vec();
    for block in data.chunks(8 << 20) {
        let block = lz4_flex::block::compress(block);
        out.extend((block.len() as u32).to_le_bytes());
        out.extend(block);
    }
    out
}

pub(crate) fn snappy(data: &[u8]) -> Vec<u8> {
    let mut encoder = snap::write::FrameEncoder::new(Vec::new());
    encoder.write_all(data).unwrap();
    // The identifier comes with the first write, which an empty one is not.
    let out = encoder.into_inner().unwrap();
    if out.is_empty() { b"\xff\x06\x00\x00sNaPpY".to_vec() } else { out }
}

pub(crate) fn snappy_block(data: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(data).unwrap()
}
