//! Arrow IPC (the Arrow columnar format), as a stream or a file (Feather 2): schema, dictionaries and
//! batches, so that every string is read under its field's name. Invariant: what no message claims
//! is still read.

mod batch;
mod flat;
mod schema;

use crate::coverage::Declared;
use crate::evidence::IncompleteReason;
use crate::format::walk::u32_at;
use crate::format::whole::{Claims, Whole, count_read};
use crate::scanner::{Leaf, Place, Reader, Scan};
use batch::Batch;
use flat::Table;
use schema::{FIELDS_MAX, Field};

/// The magic of a file, padded; it stands at the end too, without padding.
const MAGIC: &[u8; 8] = b"ARROW1\0\0";
const MAGIC_END: u64 = 6;
/// What stands before a message's length.
const CONTINUATION: u32 = u32::MAX;

/// A reader of a stream or file.
pub(crate) fn reader(place: Place) -> Whole {
    Whole::new(place, read)
}

/// Whether `head` begins a file, or a stream: with a schema.
pub(crate) fn is_arrow(head: &[u8]) -> bool {
    const SCHEMA: u8 = 1;
    const VERSION_MAX: u8 = 4;
    if head.starts_with(MAGIC) {
        return true;
    }
    let len = u32_at(head, 4, false).filter(|len| *len > 0 && len.is_multiple_of(4));
    let message = head.get(8..).and_then(Table::root);
    u32_at(head, 0, false) == Some(CONTINUATION)
        && len.is_some()
        && message.is_some_and(|m| m.byte(0) <= VERSION_MAX && m.byte(1) == SCHEMA && m.has(2))
}

fn read(scan: &mut Scan, place: &Place, bytes: &[u8]) {
    let mut stream = Stream {
        place,
        claims: Claims::new(bytes),
        structure: place.leaf_inside("schema", Declared::Nothing),
        fields: Vec::new(),
        at: 0,
    };
    if let Err(reason) = stream.messages(scan, bytes) {
        scan.evidence.add_incomplete(reason, place.member.as_ref());
    }
    stream.structure.finish(scan);
    stream.claims.read_rest(scan, place);
}

/// A stream that is being read.
struct Stream<'a> {
    place: &'a Place,
    claims: Claims<'a>,
    /// Text within metadata: names, and what writers add.
    structure: Leaf,
    fields: Vec<Field>,
    at: u64,
}

impl<'a> Stream<'a> {
    fn take(&mut self, scan: &mut Scan, len: u64) -> Result<&'a [u8], IncompleteReason> {
        let bytes = self.claims.take(self.at, len).ok_or(IncompleteReason::Truncated)?;
        self.at += len;
        count_read(scan, bytes.len());
        Ok(bytes)
    }

    fn messages(&mut self, scan: &mut Scan, bytes: &'a [u8]) -> Result<(), IncompleteReason> {
        let is_file = bytes.starts_with(MAGIC);
        if is_file {
            self.take(scan, MAGIC.len() as u64)?;
        }
        while self.at < bytes.len() as u64 {
            let mut len = u32_at(self.take(scan, 4)?, 0, false).unwrap_or(0);
            if len == CONTINUATION {
                len = u32_at(self.take(scan, 4)?, 0, false).unwrap_or(0);
            }
            if len == 0 {
                break;
            }
            let metadata = self.take(scan, len.into())?;
            self.structure.watch(scan, metadata);
            self.structure.watch(scan, b"\n");
            let message = Table::root(metadata).ok_or(IncompleteReason::Damaged)?;
            let body_len = message.long(3);
            let body = self.claims.take(self.at, body_len).ok_or(IncompleteReason::Truncated)?;
            self.at += body_len;
            self.message(scan, &message, body)?;
        }
        // The footer tells the schema once more, and where the batches lie.
        let rest = bytes.len() as u64 - self.at;
        if is_file && rest > MAGIC_END {
            let footer = self.take(scan, rest)?;
            self.structure.watch(scan, footer);
        }
        Ok(())
    }

    fn message(
        &mut self,
        scan: &mut Scan,
        message: &Table<'_>,
        body: &[u8],
    ) -> Result<(), IncompleteReason> {
        let header = message.table(2).ok_or(IncompleteReason::Damaged)?;
        match message.byte(1) {
            1 => {
                let fields = header.tables(1);
                let mut budget = FIELDS_MAX;
                let fields: Option<Vec<Field>> =
                    fields.iter().map(|field| Field::of(field, b"", (0, &mut budget))).collect();
                self.fields = fields.ok_or(IncompleteReason::UnknownEncoding)?;
                self.plain(scan, body);
                Ok(())
            }
            2 => {
                let id = header.long(0);
                let field =
                    find(&self.fields, id).map(|field| Field { dictionary: None, ..field.clone() });
                let (Some(field), Some(table)) = (field, header.table(1)) else {
                    self.plain(scan, body);
                    return Err(IncompleteReason::Damaged);
                };
                let is_whole = Batch::of(self.place, &table, body).read(scan, &[field]);
                if is_whole { Ok(()) } else { Err(IncompleteReason::Damaged) }
            }
            3 => {
                let is_whole = Batch::of(self.place, &header, body).read(scan, &self.fields);
                if is_whole { Ok(()) } else { Err(IncompleteReason::Damaged) }
            }
            // Tensors, sparse ones too.
            _ => {
                self.plain(scan, body);
                Ok(())
            }
        }
    }

    /// A body of no told structure.
    fn plain(&self, scan: &mut Scan, body: &[u8]) {
        if !body.is_empty() {
            let mut leaf = self.place.leaf_inside("body", Declared::Tensor);
            leaf.feed(scan, body);
            leaf.finish(scan);
        }
    }
}

/// The field whose values come from this dictionary.
fn find(fields: &[Field], id: u64) -> Option<&Field> {
    fields.iter().find_map(|field| {
        if field.dictionary == Some(id) { Some(field) } else { find(&field.children, id) }
    })
}
