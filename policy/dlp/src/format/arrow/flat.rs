//! FlatBuffers (the FlatBuffers internals page): tables by field number, as much of it as Arrow's
//! metadata uses. Invariant: every offset is checked, so that a table never lies outside.

use crate::format::walk::{u16_at, u32_at, u64_at};

/// A table within a buffer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Table<'a> {
    /// The root of a buffer.
    pub(super) fn root(bytes: &'a [u8]) -> Option<Table<'a>> {
        Table::behind(bytes, 0)
    }

    /// The table that the offset at `at` points at.
    fn behind(bytes: &'a [u8], at: usize) -> Option<Table<'a>> {
        let target = at.checked_add(usize::try_from(u32_at(bytes, at, false)?).ok()?)?;
        bytes.get(target..target.checked_add(4)?)?;
        Some(Table { bytes, at: target })
    }

    /// Where the value of a field stands; nothing where the field is left out.
    fn place(&self, field: usize) -> Option<usize> {
        let back = i64::from(u32_at(self.bytes, self.at, false)?.cast_signed());
        let table = usize::try_from(i64::try_from(self.at).ok()? - back).ok()?;
        let len = usize::from(u16_at(self.bytes, table, false)?);
        let entry = 4 + field * 2;
        if entry + 2 > len {
            return None;
        }
        let offset = usize::from(u16_at(self.bytes, table + entry, false)?);
        (offset > 0).then_some(self.at + offset)
    }

    /// Whether a field is there.
    pub(super) fn has(&self, field: usize) -> bool {
        self.place(field).is_some()
    }

    pub(super) fn byte(&self, field: usize) -> u8 {
        self.place(field).and_then(|at| self.bytes.get(at)).copied().unwrap_or(0)
    }

    pub(super) fn int(&self, field: usize) -> u32 {
        self.place(field).and_then(|at| u32_at(self.bytes, at, false)).unwrap_or(0)
    }

    pub(super) fn long(&self, field: usize) -> u64 {
        self.place(field).and_then(|at| u64_at(self.bytes, at, false)).unwrap_or(0)
    }

    pub(super) fn table(&self, field: usize) -> Option<Table<'a>> {
        Table::behind(self.bytes, self.place(field)?)
    }

    /// The elements of a vector, each of `width` bytes.
    fn vector(&self, field: usize, width: usize) -> Option<(usize, &'a [u8])> {
        let at = self.place(field)?;
        let start = at.checked_add(usize::try_from(u32_at(self.bytes, at, false)?).ok()?)?;
        let len = usize::try_from(u32_at(self.bytes, start, false)?).ok()?;
        let end = start.checked_add(4)?.checked_add(len.checked_mul(width)?)?;
        Some((start + 4, self.bytes.get(start + 4..end)?))
    }

    pub(super) fn text(&self, field: usize) -> &'a [u8] {
        self.vector(field, 1).map_or(&[], |(_, text)| text)
    }

    pub(super) fn structs(&self, field: usize, width: usize) -> std::slice::ChunksExact<'a, u8> {
        self.vector(field, width).map_or(&[][..], |(_, bytes)| bytes).chunks_exact(width)
    }

    pub(super) fn tables(&self, field: usize) -> Vec<Table<'a>> {
        let Some((start, offsets)) = self.vector(field, 4) else { return Vec::new() };
        let places = (0..offsets.len() / 4).map(|i| start + i * 4);
        places.filter_map(|at| Table::behind(self.bytes, at)).collect()
    }
}
