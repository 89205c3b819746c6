//! A record batch: the buffers of each field in order, and the values in them.

use std::collections::VecDeque;

use super::flat::Table;
use super::schema::{Field, Layout, Number};
use crate::coverage::Declared;
use crate::decode::codec::Compression;
use crate::format::column::Column;
use crate::format::unpack::{Packing, unpack};
use crate::format::walk::{part_at, u32_at, u64_at};
use crate::format::whole::{Claims, count_read};
use crate::scanner::{Place, Scan};

/// Buffers of a batch.
const BUFFERS_MAX: usize = 1 << 16;

/// A batch whose buffers are taken one after another.
#[derive(Debug)]
pub(super) struct Batch<'a> {
    place: &'a Place,
    /// The body, of which buffers are parts.
    claims: Claims<'a>,
    buffers: VecDeque<&'a [u8]>,
    /// How many data buffers each view has.
    variadic: VecDeque<u64>,
    packing: Option<Compression>,
    /// Columns so far.
    number: u64,
    /// Whether the batch is there as its metadata says.
    is_whole: bool,
}

impl<'a> Batch<'a> {
    pub(super) fn of(place: &'a Place, table: &Table<'_>, body: &'a [u8]) -> Batch<'a> {
        let mut is_whole = true;
        let mut claims = Claims::new(body);
        let mut buffers = VecDeque::new();
        for buffer in table.structs(2, 16).take(BUFFERS_MAX) {
            let place = u64_at(buffer, 0, false).zip(u64_at(buffer, 8, false));
            let bytes = place.and_then(|(at, len)| claims.take(at, len));
            is_whole &= bytes.is_some();
            buffers.push_back(bytes.unwrap_or_default());
        }
        let variadic = table.structs(4, 8).filter_map(|count| u64_at(count, 0, false)).collect();
        let packing = table.table(3).map(|packing| match packing.byte(0) {
            1 => Compression::Zstd,
            _ => Compression::Lz4,
        });
        Batch { place, claims, buffers, variadic, packing, number: 0, is_whole }
    }

    /// Reads the values of these fields; says whether all was there.
    pub(super) fn read(mut self, scan: &mut Scan, fields: &[Field]) -> bool {
        for field in fields {
            self.field(scan, field);
        }
        // Buffers that no field has, or that a field unknown here would have.
        while !self.buffers.is_empty() {
            let rest = self.buffer(scan);
            let mut leaf = self.place.leaf_inside("unclaimed", Declared::Tensor);
            crate::scanner::Reader::feed(&mut leaf, scan, &rest);
            crate::scanner::Reader::finish(&mut leaf, scan);
        }
        self.claims.read_rest(scan, self.place);
        self.is_whole
    }

    /// The next buffer, decoded.
    fn buffer(&mut self, scan: &mut Scan) -> Vec<u8> {
        let Some(bytes) = self.buffers.pop_front() else {
            self.is_whole = false;
            return Vec::new();
        };
        let (Some(compression), Some(size)) = (self.packing, u64_at(bytes, 0, false)) else {
            return bytes.to_vec();
        };
        count_read(scan, 8);
        let packed = bytes.get(8..).unwrap_or_default();
        if size == u64::MAX {
            return packed.to_vec();
        }
        let outcome = unpack(scan, self.place, (Packing::Coded(compression), size), packed);
        outcome.unwrap_or_else(|reason| {
            scan.evidence.add_incomplete(reason, self.place.member.as_ref());
            packed.to_vec()
        })
    }

    fn field(&mut self, scan: &mut Scan, field: &Field) {
        self.number += 1;
        let name = (field.path.as_slice(), self.number);
        let mut column = Column::new(scan, self.place, "arrow", name);
        // Which values there are; unions and nulls do not tell.
        if !matches!(field.layout, Layout::Union(_) | Layout::Without) {
            let validity = self.buffer(scan);
            column.numbers(scan, &validity, Declared::Integers);
        }
        if field.dictionary.is_some() {
            let indices = self.buffer(scan);
            column.numbers(scan, &indices, Declared::Integers);
            return column.finish(scan);
        }
        match field.layout {
            Layout::Bytes(width) => self.bytes(scan, &mut column, width),
            Layout::Fixed(number, width) => self.fixed(scan, &mut column, (number, width)),
            Layout::List(count) | Layout::Union(count) => {
                for _ in 0..count {
                    let offsets = self.buffer(scan);
                    column.numbers(scan, &offsets, Declared::Integers);
                }
            }
            Layout::View => self.views(scan, &mut column),
            Layout::Struct | Layout::Without => {}
        }
        column.finish(scan);
        for child in &field.children {
            self.field(scan, child);
        }
    }

    fn bytes(&mut self, scan: &mut Scan, column: &mut Column, width: usize) {
        let offsets = self.buffer(scan);
        let data = self.buffer(scan);
        column.numbers(scan, &offsets, Declared::Integers);
        let mut upto = 0;
        for pair in 1..offsets.len() / width.max(1) {
            let end = match width {
                4 => u32_at(&offsets, pair * 4, false).map(u64::from),
                _ => u64_at(&offsets, pair * 8, false),
            };
            let end = end.and_then(|end| usize::try_from(end).ok());
            let Some((end, value)) = end.and_then(|end| Some((end, data.get(upto..end)?))) else {
                self.is_whole = false;
                break;
            };
            column.value(scan, value);
            upto = end;
        }
        column.numbers(scan, data.get(upto..).unwrap_or_default(), Declared::Tensor);
    }

    fn fixed(&mut self, scan: &mut Scan, column: &mut Column, (number, width): (Number, usize)) {
        let data = self.buffer(scan);
        let declared = match number {
            Number::Float => Declared::Floats,
            Number::Integer => Declared::Integers,
            Number::Raw => {
                let values = data.chunks(width.max(1));
                if values.clone().all(crate::scanner::is_plain_text) {
                    return values.for_each(|value| column.value(scan, value));
                }
                Declared::Tensor
            }
        };
        column.numbers(scan, &data, declared);
        if !column.is_labelled() {
            return;
        }
        for value in data.chunks_exact(width.max(1)) {
            match (number, value) {
                (Number::Float, [a, b, c, d]) => {
                    column.float(scan, f32::from_le_bytes([*a, *b, *c, *d]).into());
                }
                (Number::Float, _) => {
                    let wide = value.first_chunk::<8>().map(|raw| f64::from_le_bytes(*raw));
                    wide.into_iter().for_each(|wide| column.float(scan, wide));
                }
                (Number::Integer, [a, b, c, d]) => {
                    column.integer(scan, i32::from_le_bytes([*a, *b, *c, *d]).into());
                }
                (Number::Integer, _) => {
                    let wide = value.first_chunk::<8>().map(|raw| i64::from_le_bytes(*raw));
                    wide.into_iter().for_each(|wide| column.integer(scan, wide));
                }
                (Number::Raw, _) => {}
            }
        }
    }

    /// Views of sixteen bytes: a length, then the value, or where in which buffer it stands.
    fn views(&mut self, scan: &mut Scan, column: &mut Column) {
        const VIEW: usize = 16;
        const INLINE_MAX: usize = 12;
        let views = self.buffer(scan);
        let count = self.variadic.pop_front().unwrap_or(0);
        let mut data = Vec::new();
        for _ in 0..count {
            if self.buffers.is_empty() {
                self.is_whole = false;
                break;
            }
            data.push(self.buffer(scan));
        }
        column.numbers(scan, &views, Declared::Integers);
        for bytes in &data {
            column.numbers(scan, bytes, Declared::Tensor);
        }
        for view in views.chunks_exact(VIEW) {
            let len = u32_at(view, 0, false).and_then(|len| usize::try_from(len).ok()).unwrap_or(0);
            let value = if len <= INLINE_MAX {
                view.get(4..4 + len)
            } else {
                let place = u32_at(view, 8, false).zip(u32_at(view, 12, false));
                place.and_then(|(buffer, at)| {
                    let bytes = data.get(usize::try_from(buffer).ok()?)?;
                    part_at(bytes, at.into(), len as u64)
                })
            };
            match value {
                Some(value) => column.again(scan, value),
                None => self.is_whole = false,
            }
        }
    }
}
