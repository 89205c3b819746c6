//! HDF5 (file format versions 0 to 3) at the level of its bytes: names, attributes, heaps and plain
//! data sets are read as they stand, and every deflated chunk is found by its own check value, whatever
//! index points at it; shuffled ones are put in order by the element sizes that the filters tell.
//! Invariant: no byte but those of sound chunks is read in another form than it has.

use std::collections::BTreeSet;

use crate::coverage::{Blocks, Coverage, Declared};
use crate::decode::codec::Compression;
use crate::decode::stream::{Progress, Stream};
use crate::evidence::IncompleteReason;
use crate::format::unpack::UNPACKED_MAX;
use crate::format::walk::u32_at;
use crate::format::whole::{Whole, count_read};
use crate::scanner::{Leaf, Place, Reader, Scan};

/// Bytes of a chunk fed to the decoder at a time.
const PIECE: usize = 16 * 1024;
/// Bytes fed to decoders for each byte of the file: chunks once, and what merely begins like one.
const TRIED_RATIO: u64 = 8;
/// Element sizes of shuffled chunks that are told apart.
const SIZES_MAX: usize = 16;
/// The largest element that is shuffled.
const ELEMENT_MAX: u32 = 64 * 1024;

/// A reader of an HDF5 file.
pub(crate) fn reader(place: Place) -> Whole {
    Whole::new(place, read)
}

fn read(scan: &mut Scan, place: &Place, bytes: &[u8]) {
    let sizes = element_sizes(bytes);
    let mut leaf = Leaf::new(place.member.clone(), Declared::Tensor);
    let mut tries = Tries { left: (bytes.len() as u64).saturating_mul(TRIED_RATIO) };
    let mut from = 0;
    let mut at = 0;
    while let Some(found) = next_chunk(bytes, at) {
        at = found + 1;
        let Some((used, content)) =
            tries.inflate(scan, place, bytes.get(found..).unwrap_or_default())
        else {
            if tries.left == 0 {
                let member = place.member.as_ref();
                scan.evidence.add_incomplete(IncompleteReason::RatioMax, member);
                break;
            }
            continue;
        };
        plain(scan, &mut leaf, bytes.get(from..found).unwrap_or_default());
        leaf.watch(scan, b"\n");
        chunk(scan, place, &sizes, &content);
        (from, at) = (found + used, found + used);
    }
    let rest = bytes.get(from..).unwrap_or_default();
    plain(scan, &mut leaf, rest);
    leaf.finish(scan);
}

/// Bytes between chunks: data sets, heaps, and the structure around them, which is known by its many
/// empty bytes (addresses and counts of eight bytes), as nothing encrypted or compressed has them.
fn plain(scan: &mut Scan, leaf: &mut Leaf, bytes: &[u8]) {
    const PART: usize = 512;
    for part in bytes.chunks(PART) {
        let empty = part.iter().filter(|b| matches!(**b, 0 | 0xff)).count();
        if empty * 3 >= part.len() {
            count_read(scan, part.len());
            leaf.watch(scan, part);
        } else {
            leaf.feed(scan, part);
        }
    }
    leaf.declare(scan, Declared::Tensor);
}

/// The next place where a zlib stream may begin: method 8, a window of at most 32 KiB, a check value
/// of five bits (RFC 1950).
fn next_chunk(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    memchr::memchr_iter(0x78, rest)
        .find(|at| matches!(rest.get(at + 1), Some(0x01 | 0x5e | 0x9c | 0xda)))
        .map(|at| from + at)
}

/// How many bytes may still be tried as chunks.
struct Tries {
    left: u64,
}

impl Tries {
    /// A zlib stream at the start of `bytes` whose check value agrees: its length, and its content.
    fn inflate(
        &mut self,
        scan: &mut Scan,
        place: &Place,
        bytes: &[u8],
    ) -> Option<(usize, Vec<u8>)> {
        let mut stream = Stream::new(Compression::Zlib, place, &scan.limits);
        let mut content = Vec::new();
        let mut used = 0;
        for piece in bytes.chunks(PIECE) {
            self.left = self.left.saturating_sub(piece.len() as u64);
            let mut sink = |_: &mut Scan, part: &[u8]| content.extend_from_slice(part);
            match stream.feed(scan, piece, &mut sink) {
                Progress::Ended(last) => return Some((used + last, content)),
                Progress::More => used += piece.len(),
                Progress::Failed(..) => return None,
            }
            if self.left == 0 || content.len() as u64 > UNPACKED_MAX {
                return None;
            }
        }
        None
    }
}

/// Reads a chunk in the order that its bytes make most sense in, and watches the others.
fn chunk(scan: &mut Scan, place: &Place, sizes: &BTreeSet<usize>, content: &[u8]) {
    let orders: Vec<Vec<u8>> = sizes.iter().map(|size| unshuffle(content, *size)).collect();
    let all = || orders.iter().map(Vec::as_slice).chain([content]);
    let best = all().enumerate().min_by_key(|(_, bytes)| unidentified(bytes)).map(|(i, _)| i);
    for (i, bytes) in all().enumerate() {
        let mut leaf = place.leaf_inside("chunk", Declared::Tensor);
        if Some(i) == best {
            leaf.feed(scan, bytes);
        } else {
            leaf.watch(scan, bytes);
        }
        leaf.finish(scan);
    }
}

/// How many bytes the ledger would not know.
fn unidentified(bytes: &[u8]) -> u64 {
    let (mut blocks, mut coverage) = (Blocks::new(Declared::Tensor), Coverage::default());
    blocks.feed(bytes, &mut coverage);
    blocks.finish(&mut coverage);
    coverage.unidentified
}

/// Undoes the shuffle filter: all first bytes of the elements, then all second ones, and so on.
fn unshuffle(bytes: &[u8], size: usize) -> Vec<u8> {
    let count = bytes.len() / size.max(1);
    let mut out = Vec::with_capacity(bytes.len());
    for first in 0..count {
        out.extend(bytes.iter().skip(first).step_by(count).take(size));
    }
    // A rest that is no whole element stays where it is.
    out.extend_from_slice(bytes.get(out.len()..).unwrap_or_default());
    out
}

/// The element sizes that shuffle filters in the file tell: by the filter's name in the first version
/// of the message, by its number and the deflate filter behind it in the second.
fn element_sizes(bytes: &[u8]) -> BTreeSet<usize> {
    const NAME: &[u8] = b"shuffle\0";
    const DEFLATE: &[u8] = &[1, 0];
    let named = memchr::memmem::find_iter(bytes, NAME).map(|at| at + NAME.len());
    // Number 2, flags, one value; then number 1.
    let numbered = memchr::memchr_iter(2, bytes)
        .filter(|at| matches!(bytes.get(*at..), Some([2, 0, _, 0, 1, 0, ..])))
        .map(|at| at + 6)
        .filter(|at| bytes.get(at + 4..).is_some_and(|behind| behind.starts_with(DEFLATE)));
    let sizes = named.chain(numbered).filter_map(|at| u32_at(bytes, at, false));
    let sizes = sizes.filter(|size| (2..=ELEMENT_MAX).contains(size));
    sizes
        .filter_map(|size| usize::try_from(size).ok())
        .take(1 << 12)
        .collect::<BTreeSet<_>>()
        .into_iter()
        .take(SIZES_MAX)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shuffled_elements_are_put_in_order() {
        assert_eq!(unshuffle(b"ace-bdf-!", 2), b"abcdef--!");
        assert_eq!(unshuffle(b"abc", 9), b"abc");
    }

    #[test]
    fn element_sizes_are_found_in_both_versions_of_the_message() {
        let named = b"\x02\0\x08\0\x01\0\x01\0shuffle\0\x28\0\0\0";
        let numbered = [2, 0, 1, 0, 1, 0, 4, 0, 0, 0, 1, 0, 1, 0, 1, 0, 4, 0, 0, 0];
        let both = [named.as_slice(), &numbered].concat();
        assert_eq!(element_sizes(&both).into_iter().collect::<Vec<_>>(), [4, 40]);
    }
}
