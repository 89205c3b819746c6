//! Parts of a file that are compressed each by itself: pages, buffers, chunks. Invariant: what is
//! decoded stays below `UNPACKED_MAX` and the scan's limits, whatever size is declared.

use crate::decode::codec::Compression;
use crate::decode::stream::{Progress, Stream};
use crate::evidence::IncompleteReason;
use crate::format::walk::u32_at;
use crate::scanner::{Place, Scan};

/// Decoded bytes of one part.
pub(crate) const UNPACKED_MAX: u64 = 64 << 20;
/// Decoded bytes that a byte of an LZ4 block can stand for.
const LZ4_RATIO: usize = 256;

/// How a part is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    /// A compression whose stream tells its own end.
    Coded(Compression),
    /// LZ4 as Hadoop frames it: both sizes, big endian, before each block.
    HadoopLz4,
    /// A bare LZ4 block.
    Lz4,
    Nothing,
    Unknown,
}

impl Packing {
    /// Parquet's `CompressionCodec`.
    pub(crate) fn of_parquet(codec: i64) -> Packing {
        match codec {
            0 => Packing::Nothing,
            1 => Packing::Coded(Compression::SnappyBlock),
            2 => Packing::Coded(Compression::Gzip),
            4 => Packing::Coded(Compression::Brotli),
            5 => Packing::HadoopLz4,
            6 => Packing::Coded(Compression::Zstd),
            7 => Packing::Lz4,
            _ => Packing::Unknown,
        }
    }
}

/// Decodes a part, declared to have so many bytes then.
pub(crate) fn unpack(
    scan: &mut Scan,
    place: &Place,
    (packing, size): (Packing, u64),
    bytes: &[u8],
) -> Result<Vec<u8>, IncompleteReason> {
    let size = size.min(UNPACKED_MAX);
    match packing {
        Packing::Coded(compression) => coded(scan, place, (compression, size), bytes),
        // Some writers mean a bare block.
        Packing::HadoopLz4 => hadoop(scan, size, bytes).or_else(|_| lz4(scan, size, bytes)),
        Packing::Lz4 => lz4(scan, size, bytes),
        Packing::Nothing => Ok(bytes.to_vec()),
        Packing::Unknown => Err(IncompleteReason::UnknownEncoding),
    }
}

fn coded(
    scan: &mut Scan,
    place: &Place,
    (compression, size): (Compression, u64),
    bytes: &[u8],
) -> Result<Vec<u8>, IncompleteReason> {
    let mut stream = Stream::new(compression, place, &scan.limits);
    let mut out = Vec::new();
    let mut rest = bytes;
    loop {
        let mut sink = |_: &mut Scan, part: &[u8]| {
            let room = usize::try_from(size).unwrap_or(usize::MAX).saturating_sub(out.len());
            // A byte more than declared shows that the declaration lies.
            out.extend_from_slice(part.get(..room.saturating_add(1)).unwrap_or(part));
        };
        match stream.feed(scan, rest, &mut sink) {
            Progress::Ended(used) => rest = rest.get(used..).unwrap_or_default(),
            Progress::More => {
                if !stream.finish(scan, &mut sink) {
                    return Err(IncompleteReason::Truncated);
                }
                rest = &[];
            }
            Progress::Failed(_, reason) => return Err(reason),
        }
        if out.len() as u64 > size {
            return Err(IncompleteReason::DecodedBytesMax);
        }
        if rest.is_empty() {
            return Ok(out);
        }
        // Another frame, or nothing that belongs here.
        if compression != Compression::Zstd && compression != Compression::Gzip {
            return Err(IncompleteReason::Damaged);
        }
        stream.restart(compression, &scan.limits);
    }
}

fn lz4(scan: &mut Scan, size: u64, bytes: &[u8]) -> Result<Vec<u8>, IncompleteReason> {
    let most = bytes.len().saturating_mul(LZ4_RATIO);
    let size = usize::try_from(size).unwrap_or(usize::MAX).min(most);
    if !scan.may_decode(size) {
        return Err(IncompleteReason::DecodedBytesMax);
    }
    lz4_flex::block::decompress(bytes, size).map_err(|_| IncompleteReason::Damaged)
}

fn hadoop(scan: &mut Scan, size: u64, bytes: &[u8]) -> Result<Vec<u8>, IncompleteReason> {
    let mut out = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let sizes = u32_at(rest, 0, true).zip(u32_at(rest, 4, true));
        let (decoded, encoded) = sizes.ok_or(IncompleteReason::Damaged)?;
        let end = usize::try_from(encoded).ok().and_then(|len| len.checked_add(8));
        let block = end.and_then(|end| rest.get(8..end)).ok_or(IncompleteReason::Damaged)?;
        out.extend(lz4(scan, u64::from(decoded).min(size), block)?);
        if out.len() as u64 > size {
            return Err(IncompleteReason::DecodedBytesMax);
        }
        rest = rest.get(8 + block.len()..).unwrap_or_default();
    }
    Ok(out)
}
