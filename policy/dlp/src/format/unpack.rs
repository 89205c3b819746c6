//! Parts of a file that are compressed each by itself: pages, buffers, chunks. Invariant: what is
//! decoded stays below `UNPACKED_MAX` and the scan's limits, whatever size is declared.

use crate::decode::inflate::{Inflate, Progress};
use crate::evidence::IncompleteReason;
use crate::scanner::{Place, Scan};

/// Decoded bytes of one part.
pub(crate) const UNPACKED_MAX: u64 = 64 << 20;

/// How a part is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    Gzip,
    Nothing,
    Unknown,
    Zlib,
}

impl Packing {
    /// Parquet's `CompressionCodec`.
    pub(crate) fn of_parquet(codec: i64) -> Packing {
        match codec {
            0 => Packing::Nothing,
            2 => Packing::Gzip,
            _ => Packing::Unknown,
        }
    }
}

/// Decodes a part, declared to have so many bytes then.
pub(crate) fn unpack(
    scan: &mut Scan,
    _place: &Place,
    (packing, size): (Packing, u64),
    bytes: &[u8],
) -> Result<Vec<u8>, IncompleteReason> {
    let mut out = Vec::new();
    let max = size.min(UNPACKED_MAX);
    let mut inflate = match packing {
        Packing::Gzip => Inflate::new(false),
        Packing::Zlib => Inflate::new(true),
        Packing::Nothing => return Ok(bytes.to_vec()),
        Packing::Unknown => return Err(IncompleteReason::UnknownEncoding),
    };
    let body = if packing == Packing::Gzip { bytes.get(10..).unwrap_or_default() } else { bytes };
    let progress = inflate.feed(scan, body, &mut |_, part| out.extend_from_slice(part));
    match progress {
        Progress::Ended(_) if out.len() as u64 <= max => Ok(out),
        Progress::Ended(_) => Err(IncompleteReason::DecodedBytesMax),
        Progress::More => Err(IncompleteReason::Truncated),
        Progress::Failed(_, reason) => Err(reason),
    }
}
