//! What the footer tells: the leaves of the schema, and where each column chunk lies.

use super::thrift::{Cursor, Struct, Value};

/// Parts of a path; deeper schemas are not understood.
const DEPTH_MAX: usize = 64;
/// Bytes of a path that are kept.
const PATH_MAX: usize = 1024;
/// Leaves and chunks of a file, all row groups together.
const CHUNKS_MAX: usize = 1 << 20;

/// The types in which values are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Physical {
    Boolean,
    ByteArray,
    Double,
    /// Of so many bytes.
    Fixed(usize),
    Float,
    Int32,
    Int64,
    Int96,
}

/// A column.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    /// Its path, parts joined by dots.
    pub(super) path: Vec<u8>,
    pub(super) physical: Physical,
    /// Whether a logical type (decimal, UUID, half float) says that bytes are numbers.
    pub(super) is_number: bool,
    pub(super) definition_max: u32,
    pub(super) repetition_max: u32,
}

/// A column's pages within a row group.
#[derive(Clone, Debug)]
pub(super) struct Chunk<'a> {
    /// Index of its leaf.
    pub(super) leaf: usize,
    pub(super) codec: i64,
    pub(super) start: u64,
    pub(super) len: u64,
    pub(super) statistics: Vec<&'a [u8]>,
    /// Column index and offset index: offset and length.
    pub(super) indices: [(u64, u64); 2],
    pub(super) filter: (u64, u64),
    pub(super) is_encrypted: bool,
}

/// What the footer tells.
#[derive(Debug, Default)]
pub(super) struct File<'a> {
    pub(super) leaves: Vec<Leaf>,
    pub(super) chunks: Vec<Chunk<'a>>,
    pub(super) is_encrypted: bool,
    /// Whether a part of it was not understood.
    pub(super) is_damaged: bool,
}

/// Reads a footer.
pub(super) fn file(footer: &[u8]) -> Option<File<'_>> {
    let mut cursor = Cursor::new(footer);
    let mut file = File::default();
    let mut last = 0;
    while let Some((id, kind)) = cursor.next_field(last)? {
        last = id;
        match (id, kind) {
            (2, 9) => file.leaves = leaves(&mut cursor)?,
            (4, 9) => file.row_groups(&mut cursor)?,
            (8, _) => {
                file.is_encrypted = true;
                cursor.value(kind, 0)?;
            }
            (_, 1 | 2) => {}
            _ => {
                cursor.value(kind, 0)?;
            }
        }
    }
    Some(file)
}

impl<'a> File<'a> {
    fn row_groups(&mut self, cursor: &mut Cursor<'a>) -> Option<()> {
        let (_, count) = cursor.list_header()?;
        for _ in 0..count {
            let group = cursor.structure()?;
            for (leaf, column) in group.list(1).iter().enumerate() {
                let chunk = match column {
                    Value::Struct(column) => chunk(column, leaf),
                    Value::Bytes(_) | Value::Integer(_) | Value::List(_) | Value::Other => None,
                };
                match chunk {
                    Some(chunk) if self.chunks.len() < CHUNKS_MAX => self.chunks.push(chunk),
                    Some(_) | None => self.is_damaged = true,
                }
            }
        }
        Some(())
    }
}

/// The leaves of the schema, a tree in depth-first order.
fn leaves(cursor: &mut Cursor<'_>) -> Option<Vec<Leaf>> {
    let (_, count) = cursor.list_header()?;
    let mut leaves: Vec<Leaf> = Vec::new();
    let mut groups: Vec<Group> = Vec::new();
    for number in 0..count {
        let element = cursor.structure()?;
        while groups.last().is_some_and(|group| group.left == 0) {
            groups.pop();
        }
        let outer = groups.last_mut().map(|group| {
            group.left -= 1;
            group.clone()
        });
        let mut group = outer.unwrap_or_default();
        if number > 0 {
            if !group.path.is_empty() {
                group.path.push(b'.');
            }
            group.path.extend_from_slice(element.bytes(4)?);
            group.path.truncate(PATH_MAX);
            let repetition = element.integer(3).unwrap_or(0);
            group.definition_max += u32::from(repetition != 0);
            group.repetition_max += u32::from(repetition == 2);
        }
        let children = element.integer(5).filter(|children| *children > 0 || number == 0);
        if groups.len() >= DEPTH_MAX || leaves.len() >= CHUNKS_MAX {
            return None;
        }
        match children {
            Some(children) => {
                group.left = u64::try_from(children).ok()?;
                groups.push(group);
            }
            None => leaves.push(leaf(&element, group)?),
        }
    }
    Some(leaves)
}

/// An open group of the schema.
#[derive(Clone, Debug, Default)]
struct Group {
    path: Vec<u8>,
    /// Children still to come.
    left: u64,
    definition_max: u32,
    repetition_max: u32,
}

fn leaf(element: &Struct<'_>, group: Group) -> Option<Leaf> {
    let physical = match element.integer(1)? {
        0 => Physical::Boolean,
        1 => Physical::Int32,
        2 => Physical::Int64,
        3 => Physical::Int96,
        4 => Physical::Float,
        5 => Physical::Double,
        6 => Physical::ByteArray,
        7 => Physical::Fixed(usize::try_from(element.integer(2)?).ok().filter(|len| *len > 0)?),
        _ => return None,
    };
    // ConvertedType DECIMAL and INTERVAL; LogicalType DECIMAL, UUID, FLOAT16.
    let is_number = matches!(element.integer(6), Some(5 | 21))
        || element
            .structure(10)
            .is_some_and(|l| [5, 14, 15].iter().any(|id| l.field(*id).is_some()));
    Some(Leaf {
        path: group.path,
        physical,
        is_number,
        definition_max: group.definition_max,
        repetition_max: group.repetition_max,
    })
}

fn chunk<'a>(column: &Struct<'a>, leaf: usize) -> Option<Chunk<'a>> {
    let place = |at: Option<i64>, len: Option<i64>| {
        Some((u64::try_from(at?).ok()?, u64::try_from(len?).ok()?))
    };
    let index = |at, len| place(column.integer(at), column.integer(len)).unwrap_or((0, 0));
    let indices = [index(4, 5), index(6, 7)];
    // Without metadata of its own it is another file's, or encrypted.
    let Some(meta) = column.structure(3) else {
        return Some(Chunk {
            leaf,
            codec: 0,
            start: 0,
            len: 0,
            statistics: Vec::new(),
            indices,
            filter: (0, 0),
            is_encrypted: true,
        });
    };
    let data = u64::try_from(meta.integer(9)?).ok()?;
    let dictionary = meta.integer(11).and_then(|at| u64::try_from(at).ok()).filter(|at| *at > 0);
    Some(Chunk {
        leaf,
        codec: meta.integer(4)?,
        start: dictionary.map_or(data, |at| at.min(data)),
        len: u64::try_from(meta.integer(7)?).ok()?,
        statistics: meta.structure(12).map(statistics).unwrap_or_default(),
        indices,
        filter: place(meta.integer(14), meta.integer(15)).unwrap_or((0, 0)),
        is_encrypted: column.field(8).is_some(),
    })
}

/// The least and greatest values, as both generations of the format name them.
pub(super) fn statistics<'a>(statistics: &Struct<'a>) -> Vec<&'a [u8]> {
    let (max, min) = (statistics.bytes(5), statistics.bytes(6));
    let (max, min) = (max.or(statistics.bytes(1)), min.or(statistics.bytes(2)));
    max.into_iter().chain(min).collect()
}
