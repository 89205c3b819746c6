//! Stream filters (ISO 32000-1 section 7.4).

use super::lexer::unhex;
use crate::decode::codec::Compression;
use crate::evidence::IncompleteReason;
use crate::format::unpack::{Packing, UNPACKED_MAX, unpack};
use crate::scanner::{Place, Scan};

/// Filters of one stream.
const FILTERS_MAX: usize = 8;

/// What the filters made of a stream.
#[derive(Debug)]
pub(super) enum Decoded {
    Bytes(Vec<u8>),
    /// A picture in a form of its own: JPEG.
    Jpeg(Vec<u8>),
    /// Pixels in another compression of pictures (CCITT, JBIG2, JPEG 2000).
    Pixels(Vec<u8>),
}

/// Undoes the filters, the first of which was applied last.
pub(super) fn decode(
    scan: &mut Scan,
    place: &Place,
    filters: &[&[u8]],
    bytes: &[u8],
) -> Result<Decoded, IncompleteReason> {
    if filters.len() > FILTERS_MAX {
        return Err(IncompleteReason::DepthMax);
    }
    let mut bytes = bytes.to_vec();
    for filter in filters {
        bytes = match *filter {
            b"ASCII85Decode" | b"A85" => ascii85(&bytes).ok_or(IncompleteReason::Damaged)?,
            b"ASCIIHexDecode" | b"AHx" => {
                let end = memchr::memchr(b'>', &bytes).unwrap_or(bytes.len());
                unhex(bytes.get(..end).unwrap_or_default())
            }
            b"FlateDecode" | b"Fl" => {
                let packing = Packing::Coded(Compression::Zlib);
                // A line end before `endstream` is no part of it, but the check value before that may
                // end like one.
                let by_line = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
                let by_line = by_line.strip_suffix(b"\r").unwrap_or(by_line);
                let by_blanks = bytes.trim_ascii_end();
                let feed = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
                let mut ends = [feed, by_line, by_blanks].into_iter();
                let packing = (packing, UNPACKED_MAX);
                let first = unpack(scan, place, packing, &bytes);
                ends.try_fold(first, |known, bytes| match known {
                    Ok(_) => Err(known),
                    Err(_) => Ok(unpack(scan, place, packing, bytes)),
                })
                .unwrap_or_else(|known| known)?
            }
            b"RunLengthDecode" | b"RL" => run_length(&bytes),
            b"DCTDecode" | b"DCT" => return Ok(Decoded::Jpeg(bytes)),
            b"CCITTFaxDecode" | b"CCF" | b"JBIG2Decode" | b"JPXDecode" => {
                return Ok(Decoded::Pixels(bytes));
            }
            b"Crypt" => return Err(IncompleteReason::Encrypted),
            _ => return Err(IncompleteReason::UnknownEncoding),
        };
    }
    Ok(Decoded::Bytes(bytes))
}

/// Five characters for four bytes, `z` for four zeros, `~>` at the end.
fn ascii85(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let (mut group, mut count) = (0u64, 0usize);
    for &byte in bytes {
        match byte {
            b'~' => break,
            b'z' if count == 0 => out.extend([0; 4]),
            b'!'..=b'u' => {
                group = group * 85 + u64::from(byte - b'!');
                count += 1;
                if count == 5 {
                    out.extend(u32::try_from(group).ok()?.to_be_bytes());
                    (group, count) = (0, 0);
                }
            }
            _ if byte.is_ascii_whitespace() || byte == 0 => {}
            _ => return None,
        }
    }
    if count > 1 {
        for _ in count..5 {
            group = group * 85 + 84;
        }
        out.extend(u32::try_from(group).ok()?.to_be_bytes().iter().take(count - 1));
    }
    Some(out)
}

/// Literal runs and repeated bytes; at most 64 bytes for each of the input.
fn run_length(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = bytes;
    while let Some((&length, tail)) = rest.split_first() {
        let count = usize::from(length);
        match length {
            0..=127 => {
                let (run, later) = tail.split_at_checked(count + 1).unwrap_or((tail, &[]));
                out.extend_from_slice(run);
                rest = later;
            }
            128 => break,
            129.. => {
                let Some((byte, later)) = tail.split_first() else { break };
                out.extend(std::iter::repeat_n(*byte, 257 - count));
                rest = later;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_become_bytes() {
        assert_eq!(ascii85(b"87cURD]i,\"Ebo80~>").as_deref(), Some(&b"Hello World!"[..]));
        assert_eq!(ascii85(b"z87cUR~>").as_deref(), Some(&b"\0\0\0\0Hell"[..]));
        assert_eq!(ascii85(b"\x80"), None);
        assert_eq!(run_length(&[2, b'a', b'b', b'c', 254, b'x', 128]), b"abcxxx");
    }
}
