//! TIFF (revision 6.0): directories and what they tell, pixels in strips or tiles.

use super::{FORM, MAGIC, exif};
use crate::coverage::Declared;
use crate::finding::{Confidence, Identifier, Span};
use crate::format::walk::part_at;
use crate::format::whole::count_read;
use crate::scanner::{Leaf, Place, Reader, Scan};

/// Strips or tiles of a picture that are taken as such; what lies in others is judged by its bytes.
const STRIPS_MAX: usize = 1 << 16;

/// Whether `head` begins a TIFF: byte order, the number 42, and a directory not far away.
pub(crate) fn is_tiff(head: &[u8]) -> bool {
    matches!(head, [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..]) && head.len() >= 16
}

/// Reads a whole TIFF.
pub(super) fn read(scan: &mut Scan, place: &Place, bytes: &[u8]) {
    let mut leaf = Leaf::new(place.member.clone(), Declared::Tensor);
    let mut at = 0;
    for (start, end) in strips(bytes) {
        let before = bytes.get(at..start).unwrap_or_default();
        other(scan, &mut leaf, before);
        leaf.declare(scan, Declared::Integers);
        leaf.feed(scan, bytes.get(start..end).unwrap_or_default());
        at = end;
    }
    other(scan, &mut leaf, bytes.get(at..).unwrap_or_default());
    leaf.tell(FORM, "tiff", Span { start: 0, end: MAGIC }, (Identifier::Photo, Confidence::Low));
    exif::tell(scan, &mut leaf, (place, 0), bytes);
    leaf.finish(scan);
}

/// Headers, directories and their values.
fn other(scan: &mut Scan, leaf: &mut Leaf, bytes: &[u8]) {
    const SHORT: usize = 4096;
    if bytes.len() <= SHORT {
        // Too short and too mixed for statistics: offsets, counts and text.
        count_read(scan, bytes.len());
        leaf.watch(scan, bytes);
    } else {
        leaf.declare(scan, Declared::Tensor);
        leaf.feed(scan, bytes);
    }
}

/// Where the pixels lie: in order, not overlapping.
fn strips(bytes: &[u8]) -> Vec<(usize, usize)> {
    let entries = exif::entries(bytes);
    let values = |tag: u16| {
        let entries = entries.iter().filter(move |entry| entry.tag == tag);
        entries.flat_map(|entry| entry.numbers()).take(STRIPS_MAX)
    };
    let mut strips: Vec<(usize, usize)> = Vec::new();
    for (at, len) in [(0x0111, 0x0117), (0x0144, 0x0145)] {
        for (at, len) in values(at).zip(values(len)) {
            let Some(part) = part_at(bytes, at.into(), len.into()) else { continue };
            let start = usize::try_from(at).unwrap_or(usize::MAX);
            strips.push((start, start.saturating_add(part.len())));
        }
    }
    strips.sort_unstable();
    let mut upto = 0;
    strips.retain(|(start, end)| {
        let is_free = *start >= upto && start < end;
        upto = if is_free { *end } else { upto };
        is_free
    });
    strips
}
