//! The first bytes of compressed streams.

pub(crate) const XZ: &[u8] = b"\xfd7zXZ\0";
/// The first chunk of a framed stream (framing_format.txt).
pub(crate) const SNAPPY: &[u8] = b"\xff\x06\x00\x00sNaPpY";
/// RFC 8878 section 3.1.1, little-endian as are those below.
pub(crate) const ZSTD: u32 = 0xfd2f_b528;
pub(crate) const LZ4: u32 = 0x184d_2204;
/// Of `lz4 -l` and Linux kernels.
pub(crate) const LZ4_LEGACY: u32 = 0x184c_2102;
/// What follows `BZh` and the level: a block, or the end of an empty stream.
pub(crate) const BZIP2: [&[u8]; 2] = [b"1AY&SY", b"\x17\x72\x45\x38\x50\x90"];

/// Whether a frame that begins so is the sender's own, in zstd (RFC 8878 section 3.1.2) and LZ4.
pub(crate) fn is_skippable(first: u32) -> bool {
    first & 0xffff_fff0 == 0x184d_2a50
}
