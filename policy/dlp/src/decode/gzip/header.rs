//! The headers before a deflate stream. Pure: bytes held so far in, how long the header is out.

/// What the first bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parsed {
    /// No header of this kind.
    Other,
    /// The beginning of one.
    Partial,
    /// A whole one of `len` bytes; `is_zlib` where the decoder itself reads what follows as zlib.
    Whole { len: usize, is_zlib: bool },
}

/// A gzip member's header (RFC 1952 section 2.3).
pub(super) fn gzip(bytes: &[u8]) -> Parsed {
    const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];
    const RESERVED: u8 = 0xe0;
    let known = bytes.len().min(MAGIC.len());
    if bytes.get(..known) != MAGIC.get(..known) {
        return Parsed::Other;
    }
    let Some(&flags) = bytes.get(3) else { return Parsed::Partial };
    if flags & RESERVED != 0 {
        return Parsed::Other;
    }
    match gzip_end(bytes, flags) {
        Some(len) if len <= bytes.len() => Parsed::Whole { len, is_zlib: false },
        Some(_) | None => Parsed::Partial,
    }
}

/// Where the header ends; nothing where that is not yet to be seen.
fn gzip_end(bytes: &[u8], flags: u8) -> Option<usize> {
    const HEADER_CHECK: u8 = 2;
    const EXTRA: u8 = 4;
    const NAME: u8 = 8;
    const COMMENT: u8 = 16;
    let mut end = 10;
    if flags & EXTRA != 0 {
        let len = bytes.get(end..)?.first_chunk::<2>()?;
        end += 2 + usize::from(u16::from_le_bytes(*len));
    }
    for text in [NAME, COMMENT] {
        if flags & text != 0 {
            end += memchr::memchr(0, bytes.get(end..)?)? + 1;
        }
    }
    Some(if flags & HEADER_CHECK != 0 { end + 2 } else { end })
}

/// Whether HTTP's `deflate` begins with a zlib header (RFC 1950 section 2.2) or is bare. Nothing is
/// taken.
pub(super) fn zlib(bytes: &[u8]) -> Parsed {
    let Some(&[method, check]) = bytes.first_chunk::<2>() else { return Parsed::Partial };
    let is_zlib = method & 0x0f == 8 && u16::from_be_bytes([method, check]).is_multiple_of(31);
    Parsed::Whole { len: 0, is_zlib }
}
