//! TIFF directories as EXIF uses them (CIPA DC-008): where and when a picture was taken, by whom and
//! with which device. Their text passes the leaf with the block; here its places are told, and wide
//! text is read. Invariant: a directory is read once, however they point at each other.

use super::FORM;
use crate::coverage::Declared;
use crate::finding::{Confidence, Identifier, Span};
use crate::format::walk::{part_at, u16_at, u32_at};
use crate::locus;
use crate::scanner::{Leaf, Place, Reader, Scan};

/// Directories of one block; EXIF has five.
const DIRECTORIES_MAX: usize = 64;
/// Bytes of an entry: tag, type, count, value or its offset.
const ENTRY: usize = 12;

/// An entry of a directory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'a> {
    pub(super) tag: u16,
    /// Offset of the value in the block, and its bytes.
    at: u64,
    value: &'a [u8],
    width: usize,
    is_big: bool,
}

impl Entry<'_> {
    /// The values as numbers, of two or four bytes.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u32> {
        self.value.chunks_exact(self.width.max(1)).filter_map(|value| match value.len() {
            2 => u16_at(value, 0, self.is_big).map(u32::from),
            4 => u32_at(value, 0, self.is_big),
            _ => None,
        })
    }
}

/// Every entry of every directory that a block tells of.
pub(super) fn entries(block: &[u8]) -> Vec<Entry<'_>> {
    let is_big = block.starts_with(b"MM");
    let mut found = Vec::new();
    let mut ahead: Vec<u32> = u32_at(block, 4, is_big).into_iter().collect();
    let mut known: Vec<u32> = Vec::new();
    while let Some(at) = ahead.pop() {
        if known.contains(&at) || known.len() >= DIRECTORIES_MAX {
            continue;
        }
        known.push(at);
        let Some(directory) = usize::try_from(at).ok().and_then(|at| block.get(at..)) else {
            continue;
        };
        let count = usize::from(u16_at(directory, 0, is_big).unwrap_or(0));
        let rows = directory.get(2..).unwrap_or_default();
        for row in rows.chunks_exact(ENTRY).take(count) {
            let Some(entry) = entry(block, row, is_big) else { continue };
            // Sub-directories, EXIF, GPS, interoperability.
            if matches!(entry.tag, 0x014a | 0x8769 | 0x8825 | 0xa005) {
                ahead.extend(entry.numbers());
            }
            found.push(entry);
        }
        ahead.extend(u32_at(rows, count * ENTRY, is_big));
    }
    found
}

fn entry<'a>(block: &'a [u8], row: &[u8], is_big: bool) -> Option<Entry<'a>> {
    let width = match u16_at(row, 2, is_big)? {
        1 | 2 | 6 | 7 => 1,
        3 | 8 => 2,
        4 | 9 | 11 | 13 => 4,
        5 | 10 | 12 => 8,
        _ => return None,
    };
    let len = u64::from(u32_at(row, 4, is_big)?).checked_mul(width)?;
    let at = if len <= 4 {
        // In the row itself, which is part of the block.
        (row.as_ptr().addr() - block.as_ptr().addr()) as u64 + 8
    } else {
        u64::from(u32_at(row, 8, is_big)?)
    };
    let value = part_at(block, at, len)?;
    let width = usize::try_from(width).ok()?;
    Some(Entry { tag: u16_at(row, 0, is_big)?, at, value, width, is_big })
}

/// Tells what the entries of a block are that begins at `start` of the leaf.
pub(crate) fn tell(scan: &mut Scan, leaf: &mut Leaf, (place, start): (&Place, u64), block: &[u8]) {
    for entry in entries(block) {
        wide(scan, place, &entry);
        let (name, class) = match entry.tag {
            // A position on earth; GPSVersionID and the like are none.
            0x0002 | 0x0004 if entry.width == 8 => {
                ("exif GPS", (Identifier::Geographic, Confidence::High))
            }
            0x013b => ("exif Artist", (Identifier::Name, Confidence::Low)),
            0xa430 => ("exif CameraOwnerName", (Identifier::Name, Confidence::Medium)),
            0xa431 => ("exif BodySerialNumber", (Identifier::Device, Confidence::Medium)),
            0xa435 => ("exif LensSerialNumber", (Identifier::Device, Confidence::Low)),
            0xa420 => ("exif ImageUniqueID", (Identifier::OtherId, Confidence::Low)),
            0x0132 | 0x9003 | 0x9004 => ("exif DateTime", (Identifier::Date, Confidence::Low)),
            _ => continue,
        };
        let is_value = if entry.width == 8 {
            entry.value.iter().any(|b| *b != 0)
        } else {
            let text = entry.value.trim_ascii();
            !text.is_empty() && !locus::is_placeholder(text)
        };
        if is_value {
            let first = start + entry.at;
            let span = Span { start: first, end: first + entry.value.len() as u64 };
            leaf.tell(FORM, name, span, class);
        }
    }
}

/// Reads text in UTF-16: Windows' title, comment, author, keywords and subject, and user comments.
fn wide(scan: &mut Scan, place: &Place, entry: &Entry<'_>) {
    let units = match entry.tag {
        0x9c9b..=0x9c9f => entry.value,
        0x9286 => match entry.value.strip_prefix(b"UNICODE\0") {
            Some(units) => units,
            None => return,
        },
        _ => return,
    };
    let is_big = entry.is_big && entry.tag == 0x9286;
    let units = units.chunks_exact(2).filter_map(|unit| u16_at(unit, 0, is_big));
    let text: String = char::decode_utf16(units).map(|c| c.unwrap_or('\u{fffd}')).collect();
    let mut leaf = place.leaf_inside("exif", Declared::Nothing);
    leaf.watch(scan, text.as_bytes());
    leaf.finish(scan);
}
