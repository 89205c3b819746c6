//! A page: levels, then values in one of the encodings (the parquet-format Encodings page).

use super::delta;
use super::schema::{self, Physical, statistics};
use super::thrift::Struct;
use crate::coverage::Declared;
use crate::evidence::IncompleteReason;
use crate::format::column::Column;
use crate::format::unpack::{Packing, unpack};
use crate::format::walk::u32_at;
use crate::format::whole::count_read;
use crate::scanner::{Place, Scan};

/// Days between the Julian epoch and 1970.
const JULIAN_1970: i64 = 2_440_588;

/// A page of a column chunk.
#[derive(Debug)]
pub(super) struct Page<'a> {
    kind: Kind,
    encoding: i64,
    values: u64,
    /// Levels before the packed part (data pages of version 2).
    levels: usize,
    is_packed: bool,
    size: u64,
    pub(super) statistics: Vec<&'a [u8]>,
    pub(super) body: &'a [u8],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Data,
    /// With levels before the packed part.
    Data2,
    Dictionary,
    /// Of a kind that holds no values.
    Other,
}

impl<'a> Page<'a> {
    /// The page that `header` tells of, where its body is there.
    pub(super) fn of(header: &Struct<'a>, behind: &'a [u8]) -> Option<Page<'a>> {
        let body = behind.get(..usize::try_from(header.integer(3)?).ok()?)?;
        let (kind, inner) = match header.integer(1)? {
            0 => (Kind::Data, header.structure(5)?),
            2 => (Kind::Dictionary, header.structure(7)?),
            3 => (Kind::Data2, header.structure(8)?),
            _ => (Kind::Other, header),
        };
        let (encoding, statistic) = match kind {
            Kind::Data => (inner.integer(2)?, inner.structure(5)),
            Kind::Data2 => (inner.integer(4)?, inner.structure(8)),
            Kind::Dictionary => (0, None),
            Kind::Other => (0, None),
        };
        let len = |id| usize::try_from(inner.integer(id).unwrap_or(0)).ok();
        let levels = if kind == Kind::Data2 { len(5)?.checked_add(len(6)?)? } else { 0 };
        Some(Page {
            kind,
            encoding,
            values: u64::try_from(inner.integer(1)?).ok()?,
            levels,
            is_packed: kind != Kind::Data2 || inner.integer(7) != Some(0),
            size: u64::try_from(header.integer(2)?).ok()?,
            statistics: statistic.map(statistics).unwrap_or_default(),
            body,
        })
    }

    /// Reads its values into the column.
    pub(super) fn read(
        &self,
        scan: &mut Scan,
        column: &mut Column,
        (place, leaf, packing): (&Place, &schema::Leaf, Packing),
    ) -> Result<(), IncompleteReason> {
        let (levels, packed) = self.body.split_at_checked(self.levels).unwrap_or((&[], self.body));
        count_read(scan, levels.len());
        let packing = if self.is_packed { packing } else { Packing::Nothing };
        let size = self.size.saturating_sub(levels.len() as u64);
        let unpacked;
        let body = match packing {
            Packing::Nothing => packed,
            Packing::Coded(_) | Packing::HadoopLz4 | Packing::Lz4 | Packing::Unknown => {
                match unpack(scan, place, (packing, size), packed) {
                    Ok(bytes) => {
                        unpacked = bytes;
                        &unpacked
                    }
                    Err(reason) => {
                        column.numbers(scan, packed, Declared::Opaque);
                        return Err(reason);
                    }
                }
            }
        };
        let values = match self.kind {
            Kind::Data => self.skip_levels(leaf, body),
            Kind::Data2 | Kind::Dictionary => Some(body),
            Kind::Other => None,
        };
        let Some(values) = values else {
            column.numbers(scan, body, Declared::Nothing);
            return if self.kind == Kind::Other { Ok(()) } else { Err(IncompleteReason::Damaged) };
        };
        count_read(scan, body.len() - values.len());
        self.values(scan, column, leaf, values)
    }

    /// What stands behind the levels of a data page of version 1.
    fn skip_levels<'b>(&self, leaf: &schema::Leaf, body: &'b [u8]) -> Option<&'b [u8]> {
        let mut rest = body;
        for max in [leaf.repetition_max, leaf.definition_max] {
            if max > 0 {
                let len = usize::try_from(u32_at(rest, 0, false)?).ok()?;
                rest = rest.get(len.checked_add(4)?..)?;
            }
        }
        Some(rest)
    }

    fn values(
        &self,
        scan: &mut Scan,
        column: &mut Column,
        leaf: &schema::Leaf,
        bytes: &[u8],
    ) -> Result<(), IncompleteReason> {
        let is_whole = match (self.encoding, leaf.physical) {
            (0, Physical::ByteArray) => plain_strings(scan, column, bytes),
            (0 | 2, _) if self.kind == Kind::Dictionary => {
                plain(scan, column, leaf, bytes);
                true
            }
            (0, _) => {
                plain(scan, column, leaf, bytes);
                true
            }
            (5, Physical::Int32 | Physical::Int64) => {
                column.numbers(scan, bytes, Declared::Integers);
                !column.is_labelled() || self.deltas(scan, column, bytes)
            }
            (6, Physical::ByteArray) => delta::strings(scan, column, bytes, false),
            (7, Physical::ByteArray | Physical::Fixed(_)) => {
                delta::strings(scan, column, bytes, true)
            }
            // Runs of booleans, levels and dictionary indices.
            (2 | 3 | 4 | 8, _) => {
                column.numbers(scan, bytes, Declared::Integers);
                true
            }
            (9, physical) => {
                self.split(scan, column, physical, bytes);
                true
            }
            _ => {
                column.numbers(scan, bytes, Declared::Opaque);
                return Err(IncompleteReason::UnknownEncoding);
            }
        };
        if is_whole { Ok(()) } else { Err(IncompleteReason::Damaged) }
    }

    fn deltas(&self, scan: &mut Scan, column: &mut Column, bytes: &[u8]) -> bool {
        let Some((values, _)) = delta::integers(bytes) else { return false };
        values.iter().for_each(|value| column.integer(scan, *value));
        values.len() as u64 <= self.values
    }

    /// The bytes of all values' first places, then those of the second, and so on.
    fn split(&self, scan: &mut Scan, column: &mut Column, physical: Physical, bytes: &[u8]) {
        // The lanes of mantissas look like noise.
        let declared =
            if width(physical).is_some() { Declared::Integers } else { Declared::Tensor };
        column.numbers(scan, bytes, declared);
        let width = width(physical).unwrap_or(1);
        let count = bytes.len() / width;
        if column.is_labelled() && count > 0 {
            let mut value = Vec::with_capacity(width);
            for first in 0..count {
                value.clear();
                value.extend(bytes.iter().skip(first).step_by(count).take(width));
                number(scan, column, physical, &value);
            }
        }
    }
}

/// A least or greatest value, which statistics hold as it stands; counted with them.
pub(super) fn statistic(scan: &mut Scan, column: &mut Column, leaf: &schema::Leaf, value: &[u8]) {
    if width(leaf.physical).is_some() && column.is_labelled() {
        number(scan, column, leaf.physical, value);
    }
    if leaf.physical == Physical::ByteArray {
        column.again(scan, value);
    }
}

/// Byte arrays, each behind its length.
fn plain_strings(scan: &mut Scan, column: &mut Column, bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while !rest.is_empty() {
        let len = u32_at(rest, 0, false).and_then(|len| usize::try_from(len).ok());
        let value = len.and_then(|len| rest.get(4..len.checked_add(4)?));
        let Some(value) = value else {
            column.numbers(scan, rest, Declared::Nothing);
            return false;
        };
        count_read(scan, 4);
        column.value(scan, value);
        rest = rest.get(4 + value.len()..).unwrap_or_default();
    }
    true
}

/// Values of fixed width.
fn plain(scan: &mut Scan, column: &mut Column, leaf: &schema::Leaf, bytes: &[u8]) {
    let physical = leaf.physical;
    let declared = match physical {
        Physical::ByteArray => {
            plain_strings(scan, column, bytes);
            return;
        }
        Physical::Fixed(len) => {
            let values = bytes.chunks(len);
            if values.clone().all(crate::scanner::is_plain_text) {
                return values.for_each(|value| column.value(scan, value));
            }
            if leaf.is_number { Declared::Integers } else { Declared::Tensor }
        }
        Physical::Float | Physical::Double => Declared::Floats,
        Physical::Boolean | Physical::Int32 | Physical::Int64 | Physical::Int96 => {
            Declared::Integers
        }
    };
    column.numbers(scan, bytes, declared);
    if let (true, Some(width)) = (column.is_labelled(), width(physical)) {
        bytes.chunks_exact(width).for_each(|value| number(scan, column, physical, value));
    }
}

/// Bytes of a value that is a number.
fn width(physical: Physical) -> Option<usize> {
    match physical {
        Physical::Float | Physical::Int32 => Some(4),
        Physical::Double | Physical::Int64 => Some(8),
        Physical::Int96 => Some(12),
        Physical::Boolean | Physical::ByteArray | Physical::Fixed(_) => None,
    }
}

/// A number that stands where an identifier does.
fn number(scan: &mut Scan, column: &mut Column, physical: Physical, value: &[u8]) {
    let narrow = value.first_chunk::<4>().copied().unwrap_or_default();
    let wide = value.first_chunk::<8>().copied().unwrap_or_default();
    match physical {
        Physical::Int32 => column.integer(scan, i32::from_le_bytes(narrow).into()),
        Physical::Int64 => column.integer(scan, i64::from_le_bytes(wide)),
        Physical::Float => column.float(scan, f32::from_le_bytes(narrow).into()),
        Physical::Double => column.float(scan, f64::from_le_bytes(wide)),
        // Nanoseconds of the day, then the Julian day.
        Physical::Int96 => {
            if let Some(day) = u32_at(value, 8, false) {
                column.integer(scan, i64::from(day) - JULIAN_1970);
            }
        }
        Physical::Boolean | Physical::ByteArray | Physical::Fixed(_) => {}
    }
}
