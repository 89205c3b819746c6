//! From the rows of a roster to its file. Invariant: no value is kept, only its fingerprint.

use super::file::{self, ExactHeader};
use super::filter::{self, Hash};
use super::normal::{self, Form, Value};
use super::{COLUMNS_MAX, COMMON_ROWS, Column, ROWS_MAX};
use crate::keyed::Key;

/// Builds a roster file row by row. Needs about 25 bytes for each value.
#[derive(Debug)]
pub struct ExactBuilder {
    key: Key,
    hash: Hash,
    columns: Vec<Column>,
    rows: usize,
    /// Of each column, fingerprint and row in one number.
    entries: Vec<Vec<u64>>,
    sizes: Vec<u32>,
    empty: Vec<usize>,
    word_hashes: Vec<u64>,
    places: Vec<u64>,
    /// At this length the lists of hashes are rid of repetitions.
    tidy_at: usize,
}

/// Hashes at which the lists are first rid of repetitions.
const TIDY_AT: usize = 1 << 20;

/// What was built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildReport {
    /// Rows taken.
    pub rows: usize,
    /// Of each column: rows without a value that can be compared, distinct values, and distinct
    /// values that are common.
    pub columns: Vec<ColumnReport>,
}

/// What became of one column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ColumnReport {
    /// Rows without a value that can be compared.
    pub empty: usize,
    /// Distinct values.
    pub distinct: usize,
    /// Distinct values of more than [`COMMON_ROWS`] rows.
    pub common: usize,
}

impl ExactBuilder {
    /// A builder; nothing where there are no columns, or more than [`COLUMNS_MAX`].
    pub fn new(columns: Vec<Column>, key: &Key) -> Option<ExactBuilder> {
        let count = columns.len();
        (1..=COLUMNS_MAX).contains(&count).then(|| ExactBuilder {
            key: key.clone(),
            hash: Hash::new(key),
            columns,
            rows: 0,
            entries: vec![Vec::new(); count],
            sizes: vec![0; count],
            empty: vec![0; count],
            word_hashes: Vec::new(),
            places: Vec::new(),
            tidy_at: TIDY_AT,
        })
    }

    /// Takes a row's cells, in the order of the columns. False where the roster is full.
    pub fn add<'a>(&mut self, cells: impl IntoIterator<Item = &'a str>) -> bool {
        if self.rows >= ROWS_MAX {
            return false;
        }
        let row = self.rows as u64;
        self.rows += 1;
        for (at, cell) in cells.into_iter().enumerate().take(self.columns.len()) {
            let Some(column) = self.columns.get(at) else { break };
            let values = normal::of_cell(column.kind, &self.hash, cell);
            if let (true, Some(empty)) = (values.is_empty(), self.empty.get_mut(at)) {
                *empty += 1;
            }
            for value in values {
                self.add_value(at, row, &value);
            }
        }
        self.tidy();
        true
    }

    fn add_value(&mut self, column: usize, row: u64, value: &Value) {
        if let Some(entries) = self.entries.get_mut(column) {
            entries.push(value.fingerprint(&self.key) << 24 | row);
        }
        if let Some(sizes) = self.sizes.get_mut(column) {
            *sizes |= 1 << value.size.min(31);
        }
        self.places.push(value.place);
        if matches!(value.form, Form::Address | Form::Name) {
            let words = value.canonical.split(|byte| *byte == b' ');
            self.word_hashes.extend(words.map(|word| self.hash.of(word)));
        }
    }

    /// Keeps the lists of hashes to about the distinct ones.
    fn tidy(&mut self) {
        if self.word_hashes.len().max(self.places.len()) < self.tidy_at {
            return;
        }
        for hashes in [&mut self.word_hashes, &mut self.places] {
            hashes.sort_unstable();
            hashes.dedup();
        }
        self.tidy_at = TIDY_AT + 2 * self.word_hashes.len().max(self.places.len());
    }

    /// The file, and what it holds.
    pub fn finish(mut self) -> (Vec<u8>, BuildReport) {
        let mut columns = Vec::new();
        for (entries, empty) in self.entries.iter_mut().zip(&self.empty) {
            entries.sort_unstable();
            entries.dedup();
            let mut report = ColumnReport { empty: *empty, ..ColumnReport::default() };
            for same in entries.chunk_by(|a, b| a >> 24 == b >> 24) {
                report.distinct += 1;
                report.common += usize::from(same.len() > COMMON_ROWS);
            }
            columns.push(report);
        }
        let words = filter::build(std::mem::take(&mut self.word_hashes));
        let places = filter::build(std::mem::take(&mut self.places));
        let header = ExactHeader {
            columns: self.columns,
            rows: self.rows,
            values: self.entries.iter().map(Vec::len).collect(),
            sizes: self.sizes,
            filters: (words.len(), places.len()),
        };
        let mut body = Vec::with_capacity(header.body_len());
        for entries in self.entries {
            body.extend(entries.iter().flat_map(|entry| entry.to_le_bytes()));
        }
        body.extend(words);
        body.extend(places);
        (file::seal(&header, body, &self.key), BuildReport { rows: self.rows, columns })
    }
}
