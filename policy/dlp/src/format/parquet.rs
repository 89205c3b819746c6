//! Parquet (the parquet-format specification): footer, page headers and every page, so that each
//! string of each column is read, dictionaries and statistics too. Column names are the labels of
//! their values. Invariant: a page that cannot be understood is still read as bytes, and told.

mod delta;
mod page;
mod schema;
mod thrift;

use crate::coverage::Declared;
use crate::evidence::IncompleteReason;
use crate::format::column::Column;
use crate::format::unpack::Packing;
use crate::format::walk::u32_at;
use crate::format::whole::{Claims, Whole, count_read};
use crate::scanner::{Leaf, Place, Reader, Scan};
use schema::{Chunk, File};
use thrift::Cursor;

/// The magic at both ends, and behind the footer its length.
const MAGIC: &[u8; 4] = b"PAR1";
/// The magic where the footer is encrypted.
const MAGIC_ENCRYPTED: &[u8; 4] = b"PARE";
const TAIL: u64 = 8;

/// A reader of a Parquet file.
pub(crate) fn reader(place: Place) -> Whole {
    Whole::new(place, read)
}

fn read(scan: &mut Scan, place: &Place, bytes: &[u8]) {
    let mut table = Table {
        place,
        claims: Claims::new(bytes),
        structure: place.leaf_inside("footer", Declared::Nothing),
    };
    let reason = table.footer(scan, bytes);
    if let Some(reason) = reason {
        scan.evidence.add_incomplete(reason, place.member.as_ref());
    }
    table.structure.finish(scan);
    table.claims.read_rest(scan, place);
}

/// A file that is being read.
struct Table<'a> {
    place: &'a Place,
    claims: Claims<'a>,
    /// Text within footer, indices and page headers: names, metadata, least and greatest values.
    structure: Leaf,
}

impl<'a> Table<'a> {
    /// Reads everything, and says why not, if so.
    fn footer(&mut self, scan: &mut Scan, bytes: &'a [u8]) -> Option<IncompleteReason> {
        let end = bytes.len() as u64;
        let Some(tail) =
            end.checked_sub(TAIL).and_then(|at| bytes.get(usize::try_from(at).ok()?..))
        else {
            return Some(IncompleteReason::Truncated);
        };
        if tail.ends_with(MAGIC_ENCRYPTED) {
            return Some(IncompleteReason::Encrypted);
        }
        let len = u64::from(u32_at(tail, 0, false).unwrap_or(0));
        let start = end.saturating_sub(TAIL).checked_sub(len);
        let (Some(start), true) = (start, tail.ends_with(MAGIC)) else {
            return Some(IncompleteReason::Truncated);
        };
        let Some(footer) = self.claims.take(start, len) else {
            return Some(IncompleteReason::Damaged);
        };
        self.claims.take(end - TAIL, TAIL);
        self.claims.take(0, MAGIC.len() as u64);
        count_read(scan, MAGIC.len() + tail.len());
        self.structure(scan, footer);
        let Some(file) = schema::file(footer) else { return Some(IncompleteReason::Damaged) };
        if file.is_encrypted {
            return Some(IncompleteReason::Encrypted);
        }
        self.chunks(scan, &file)
    }

    /// Bytes of Thrift, whose text is read. Between their strings stand only numbers.
    fn structure(&mut self, scan: &mut Scan, bytes: &[u8]) {
        count_read(scan, bytes.len());
        self.structure.watch(scan, bytes);
        self.structure.watch(scan, b"\n");
    }

    fn chunks(&mut self, scan: &mut Scan, file: &File<'_>) -> Option<IncompleteReason> {
        let mut reason = None;
        for chunk in &file.chunks {
            let Some(leaf) = file.leaves.get(chunk.leaf) else {
                reason = Some(IncompleteReason::Damaged);
                continue;
            };
            if chunk.is_encrypted {
                reason = Some(IncompleteReason::Encrypted);
                continue;
            }
            let name = (leaf.path.as_slice(), chunk.leaf as u64 + 1);
            let mut column = Column::new(scan, self.place, "parquet", name);
            for value in &chunk.statistics {
                page::statistic(scan, &mut column, leaf, value);
            }
            self.indices(scan, chunk);
            if let Err(why) = self.pages(scan, &mut column, (chunk, leaf)) {
                scan.evidence.add_incomplete(why, self.place.member.as_ref());
            }
            column.finish(scan);
        }
        if file.is_damaged { Some(IncompleteReason::Damaged) } else { reason }
    }

    /// The column index, which holds least and greatest values of each page, the offset index, and
    /// the Bloom filter.
    fn indices(&mut self, scan: &mut Scan, chunk: &Chunk<'_>) {
        for (at, len) in chunk.indices {
            if let Some(index) = self.claims.take(at, len)
                && Cursor::new(index).structure().is_some()
            {
                self.structure(scan, index);
            }
        }
        let (at, len) = chunk.filter;
        if let Some(filter) = self.claims.take(at, len) {
            // Hashes of the values, a few bits each.
            self.structure.declare(scan, Declared::Integers);
            self.structure.feed(scan, filter);
        }
    }

    fn pages(
        &mut self,
        scan: &mut Scan,
        column: &mut Column,
        (chunk, leaf): (&Chunk<'_>, &schema::Leaf),
    ) -> Result<(), IncompleteReason> {
        let packing = Packing::of_parquet(chunk.codec);
        let Some(mut rest) = self.claims.take(chunk.start, chunk.len) else {
            return Err(IncompleteReason::Damaged);
        };
        let mut outcome = Ok(());
        while !rest.is_empty() {
            let mut cursor = Cursor::new(rest);
            let header = cursor.structure();
            let (head, behind) = rest.split_at_checked(cursor.taken()).unwrap_or((rest, &[]));
            let page = header.as_ref().and_then(|header| page::Page::of(header, behind));
            let Some(page) = page else {
                column.numbers(scan, rest, Declared::Nothing);
                return Err(IncompleteReason::Damaged);
            };
            self.structure(scan, head);
            for value in &page.statistics {
                page::statistic(scan, column, leaf, value);
            }
            outcome = outcome.and(page.read(scan, column, (self.place, leaf, packing)));
            rest = behind.get(page.body.len()..).unwrap_or_default();
        }
        outcome
    }
}
