//! A roster in memory: the file's own bytes, opened in place. Invariant: immutable and shared; a
//! lookup touches a few cache lines.

use std::ops::Range;
use std::sync::Arc;

use super::file::{self, ExactHeader, InvalidExactSet};
use super::filter::{self, Hash};
use super::normal::{self, Form};
use super::{COMMON_ROWS, ColumnKind};
use crate::finding::Identifier;
use crate::keyed::Key;

/// A roster that text can be compared with.
pub struct ExactSet {
    key: Key,
    pub(super) hash: Hash,
    bytes: Vec<u8>,
    header: ExactHeader,
    pub(super) columns: Vec<SetColumn>,
    words: Range<usize>,
    places: Range<usize>,
}

/// One column.
#[derive(Debug)]
pub(super) struct SetColumn {
    pub(super) name: Arc<str>,
    pub(super) kind: ColumnKind,
    pub(super) form: Form,
    pub(super) sizes: u32,
    /// Where its entries stand, each eight bytes: fingerprint and row in one number, sorted.
    entries: Range<usize>,
}

impl std::fmt::Debug for ExactSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExactSet").field("header", &self.header).finish_non_exhaustive()
    }
}

impl ExactSet {
    /// Opens a roster file.
    ///
    /// # Errors
    /// It is none, of another key, or damaged.
    pub fn open(mut bytes: Vec<u8>, key: &Key) -> Result<ExactSet, InvalidExactSet> {
        let (header, mut at) = file::open(&mut bytes, key)?;
        let mut take = |len: usize| {
            at += len;
            at - len..at
        };
        let mut columns = Vec::new();
        for ((column, values), sizes) in
            header.columns.iter().zip(&header.values).zip(&header.sizes)
        {
            columns.push(SetColumn {
                name: Arc::from(column.name.as_str()),
                kind: column.kind,
                form: Form::of(column.kind),
                sizes: *sizes,
                entries: take(values * 8),
            });
        }
        let (words, places) = (take(header.filters.0), take(header.filters.1));
        let hash = Hash::new(key);
        Ok(ExactSet { key: key.clone(), hash, bytes, header, columns, words, places })
    }

    /// What the roster is made of.
    pub fn header(&self) -> &ExactHeader {
        &self.header
    }

    /// Whether one of its columns is of this class.
    pub(crate) fn covers(&self, identifier: Identifier) -> bool {
        self.columns.iter().any(|column| column.kind.identifier() == identifier)
    }

    /// Whether the word with this hash is part of any name or address.
    pub(super) fn knows_word(&self, hash: u64) -> bool {
        filter::holds(self.eights(&self.words), hash)
    }

    /// Whether there may be a value at this place; where there is one, always.
    pub(super) fn may_hold(&self, place: u64) -> bool {
        filter::holds(self.eights(&self.places), place)
    }

    pub(super) fn fingerprint(&self, form: Form, canonical: &[u8]) -> u64 {
        normal::fingerprint(&self.key, form, canonical)
    }

    fn eights(&self, range: &Range<usize>) -> &[[u8; 8]] {
        self.bytes.get(range.clone()).unwrap_or_default().as_chunks().0
    }

    /// The entries of a column that have this fingerprint.
    pub(super) fn find(&self, column: &SetColumn, fingerprint: u64) -> Range<usize> {
        let entries = self.eights(&column.entries);
        let first = lower_bound(entries, fingerprint << 24);
        let same = entries.get(first..).unwrap_or_default();
        let near = same.iter().take(COMMON_ROWS + 1);
        let count =
            near.take_while(|entry| u64::from_le_bytes(**entry) >> 24 == fingerprint).count();
        first..first + count
    }

    /// The rows of such entries.
    pub(super) fn rows(
        &self,
        column: &SetColumn,
        found: Range<usize>,
    ) -> impl Iterator<Item = u64> {
        let entries = self.eights(&column.entries).get(found).unwrap_or_default();
        entries.iter().map(|entry| u64::from_le_bytes(*entry) & 0xff_ffff)
    }

    /// Whether a row has a value of this fingerprint in a column.
    pub(super) fn has(&self, column: &SetColumn, fingerprint: u64, row: u64) -> bool {
        let entries = self.eights(&column.entries);
        let wanted = fingerprint << 24 | row;
        let at = lower_bound(entries, wanted);
        entries.get(at).is_some_and(|entry| u64::from_le_bytes(*entry) == wanted)
    }
}

/// The place of the first entry that is not smaller. Fingerprints are spread evenly, so the search
/// begins where the wanted one should stand.
fn lower_bound(entries: &[[u8; 8]], wanted: u64) -> usize {
    let is_before =
        |at: usize| entries.get(at).is_some_and(|entry| u64::from_le_bytes(*entry) < wanted);
    let guess = ((u128::from(wanted) * entries.len() as u128) >> 64).try_into().unwrap_or(0);
    let (mut low, mut high) = (guess, guess);
    let mut step = 16;
    while low > 0 && !is_before(low - 1) {
        high = low;
        low = low.saturating_sub(step);
        step *= 2;
    }
    step = 16;
    while high < entries.len() && is_before(high) {
        low = high;
        high = (high + step).min(entries.len());
        step *= 2;
    }
    while low < high {
        let middle = low + (high - low) / 2;
        if is_before(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}
