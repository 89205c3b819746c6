//! The fields of a schema, as trees, and which buffers each has in a batch (the Arrow columnar
//! format, Buffer Listing for Each Layout).

use super::flat::Table;

/// Fields inside each other.
const DEPTH_MAX: u32 = 32;
/// Fields of a schema.
pub(super) const FIELDS_MAX: u32 = 1 << 16;
/// Bytes of a path that are kept.
const PATH_MAX: usize = 512;

/// How the values of a field lie in buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// Offsets of four or eight bytes, then all values.
    Bytes(usize),
    /// Values of this many bytes each.
    Fixed(Number, usize),
    /// Offsets (and sizes) that tell which children belong together: so many buffers.
    List(u32),
    /// Nothing of its own but, where it may be absent, which values are there.
    Struct,
    /// Types, and offsets too where it is dense.
    Union(u32),
    /// Short values or references to longer ones.
    View,
    /// No buffers at all.
    Without,
}

/// What values of fixed width are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    Float,
    Integer,
    /// Bytes that may be text.
    Raw,
}

/// A field of a schema.
#[derive(Clone, Debug)]
pub(super) struct Field {
    /// Its path, parts joined by dots.
    pub(super) path: Vec<u8>,
    pub(super) layout: Layout,
    /// Where its values come from a dictionary: which.
    pub(super) dictionary: Option<u64>,
    pub(super) children: Vec<Field>,
}

impl Field {
    /// The field that a table tells of, inside of `outer`.
    /// `budget` is how many more there may be, since tables can point at each other.
    pub(super) fn of(
        table: &Table<'_>,
        outer: &[u8],
        (depth, budget): (u32, &mut u32),
    ) -> Option<Field> {
        *budget = budget.checked_sub(1).filter(|_| depth <= DEPTH_MAX)?;
        let name = table.text(0);
        let mut path = outer.to_vec();
        if !path.is_empty() {
            path.push(b'.');
        }
        path.extend_from_slice(name);
        path.truncate(PATH_MAX);
        let children = table.tables(5);
        let children: Option<Vec<Field>> =
            children.iter().map(|child| Field::of(child, &path, (depth + 1, budget))).collect();
        let dictionary = table.table(4).map(|dictionary| dictionary.long(0));
        Some(Field { layout: layout(table)?, dictionary, children: children?, path })
    }
}

fn layout(field: &Table<'_>) -> Option<Layout> {
    let kind = field.table(3);
    let int = |i: usize| kind.map_or(0, |kind| kind.int(i));
    let bytes = |bits: u32| usize::try_from(bits / 8).unwrap_or(0);
    let integer = |bytes: usize| Layout::Fixed(Number::Integer, bytes);
    Some(match field.byte(2) {
        1 => Layout::Without,
        2 => integer(bytes(int(0))),
        3 => {
            Layout::Fixed(Number::Float, [2, 4, 8].get(usize::try_from(int(0) & 3).ok()?).copied()?)
        }
        4 | 5 => Layout::Bytes(4),
        // Bits, decimals, intervals: read as they stand.
        6 | 7 | 11 => integer(0),
        // Dates are of milliseconds, which is the default and left out, or of days.
        8 => integer(if kind.is_some_and(|kind| kind.has(0) && kind.byte(0) == 0) { 4 } else { 8 }),
        9 => integer(match int(1) {
            64 => 8,
            _ => 4,
        }),
        10 | 18 => integer(8),
        12 | 17 | 21 => Layout::List(1),
        13 | 16 => Layout::Struct,
        14 => Layout::Union(1 + u32::from(int(0) & 0xff == 1)),
        15 => Layout::Fixed(Number::Raw, usize::try_from(int(0)).ok()?),
        19 | 20 => Layout::Bytes(8),
        22 => Layout::Without,
        23 | 24 => Layout::View,
        25 | 26 => Layout::List(2),
        _ => return None,
    })
}
