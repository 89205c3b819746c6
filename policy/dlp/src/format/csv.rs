//! Tables as text (RFC 4180 and its kin with tabs, semicolons or bars): the first line names the
//! columns, and those that announce something are told. Invariant: nothing is told before the first
//! row has as many columns as the header; at most one cell, and of the first row its cells, are
//! held.

mod cell;
mod header;
mod marks;
mod number;

use header::{Column, Header, Line};

use super::dialect::{Dialect, FIELD_MAX};
use crate::finding::Span;
use crate::locus::{Field, Written};

/// Bytes of the first row that are waited for; a longer one counts as it is.
const ROW_MAX: u64 = 2048;
/// Bytes between quotes: beyond, the quote opened nothing, and the next line is a row again.
const QUOTED_MAX: u64 = 1 << 16;
/// Rows on end that are too short for the table, after which it is none any more.
const SHORT_MAX: u32 = 16;
/// The column where nobody knows which one it is: behind all.
const LOST: usize = usize::MAX / 2;

/// Where the reader stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Header,
    /// In a column that announces nothing.
    Pass,
    /// In a column that does.
    Read,
    /// It is no table, or none that announces anything.
    Off,
}

/// What the quotes of a cell say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quote {
    /// There is none, or the cell ended behind the second.
    Outside,
    Inside,
    /// Behind one that ends the cell or is the first of a doubled one.
    Behind,
}

/// A cell that is told later.
#[derive(Debug)]
struct Cell {
    column: usize,
    start: u64,
    bytes: Vec<u8>,
}

/// Reads one table.
#[derive(Debug)]
pub(super) struct Csv {
    header: Header,
    state: State,
    quote: Quote,
    /// Bytes since the quote.
    quoted: u64,
    /// The header line, or the cell, as far as it was read.
    held: Vec<u8>,
    /// Where the cell begins.
    start: u64,
    /// Whether the cell has ended, and only its closing quote's rest is left.
    is_closed: bool,
    /// Offset of the next byte.
    offset: u64,
    /// Where the row begins.
    row: u64,
    column: usize,
    /// The byte before the next one.
    before: u8,
    /// Cells of the first row; nothing once the table is known to be one.
    waiting: Option<Vec<Cell>>,
    short: u32,
}

/// A reader for content that begins with `head`, where that is the header of a table.
pub(super) fn csv(head: &[u8]) -> Option<Csv> {
    Some(Csv {
        header: Header::new(header::separator(head)?),
        state: State::Header,
        quote: Quote::Outside,
        quoted: 0,
        held: Vec::new(),
        start: 0,
        is_closed: false,
        offset: 0,
        row: 0,
        column: 0,
        before: b'\n',
        waiting: Some(Vec::new()),
        short: 0,
    })
}

impl Csv {
    /// Takes what is next and tells how many bytes that were: never none of some.
    fn step(&mut self, bytes: &[u8], sink: &mut dyn FnMut(&Field<'_>)) -> usize {
        match (self.state, self.quote) {
            (State::Off, _) => bytes.len(),
            (State::Header, _) => self.name(bytes),
            (State::Pass, Quote::Inside) => self.pass_quoted(bytes),
            (State::Pass, Quote::Behind) if bytes.first() == Some(&b'"') => {
                self.quote = Quote::Inside;
                1
            }
            (State::Pass, Quote::Behind | Quote::Outside) => self.pass(bytes, sink),
            (State::Read, _) => {
                if let Some(len) = self.plain_len(bytes) {
                    let cell = bytes.get(..len).unwrap_or_default();
                    self.tell((self.column, self.offset, cell), self.offset + len as u64 + 1, sink);
                    return self.begin_next(len);
                }
                match self.hold_plain(bytes) {
                    0 => {
                        bytes.first().inspect(|b| self.read(**b, sink));
                        1
                    }
                    held => held,
                }
            }
        }
    }

    /// Reads the header line.
    fn name(&mut self, bytes: &[u8]) -> usize {
        let end = memchr::memchr(b'\n', bytes);
        let part = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
        if self.held.len() + part.len() > header::LINE_MAX {
            self.stop();
            return bytes.len();
        }
        self.held.extend_from_slice(part);
        let Some(end) = end else { return bytes.len() };
        match self.header.read(&self.held) {
            Line::Beside => self.held.clear(),
            Line::Names => self.begin_row(self.offset + end as u64 + 1),
            Line::Nothing => self.stop(),
        }
        end + 1
    }

    /// Goes on without telling anything.
    fn stop(&mut self) {
        self.state = State::Off;
        self.held = Vec::new();
        self.waiting = None;
    }

    fn begin_row(&mut self, offset: u64) {
        (self.row, self.column, self.before) = (offset, 0, b'\n');
        self.begin_cell(offset);
    }

    fn begin_cell(&mut self, offset: u64) {
        self.held.clear();
        (self.start, self.quote, self.is_closed) = (offset, Quote::Outside, false);
        let announces = self.header.column(self.column).is_some();
        self.state = if announces { State::Read } else { State::Pass };
    }

    /// Passes over columns that announce nothing, up to the next one that does.
    fn pass(&mut self, bytes: &[u8], sink: &mut dyn FnMut(&Field<'_>)) -> usize {
        self.quote = Quote::Outside;
        let Some(at) = self.next_mark(bytes) else {
            self.before = bytes.last().copied().unwrap_or_default();
            return bytes.len();
        };
        let mut upto = bytes.get(..=at).unwrap_or_default().iter().rev();
        let byte = upto.next().copied().unwrap_or_default();
        let before = upto.next().copied().unwrap_or(self.before);
        self.before = byte;
        let next = self.offset + at as u64 + 1;
        match byte {
            b'\n' => self.end_row(next, before == self.header.separator, sink),
            b'"' if before == self.header.separator || before == b'\n' => {
                (self.quote, self.quoted) = (Quote::Inside, 0);
            }
            b'"' => {}
            _ => self.begin_cell(next),
        }
        at + 1
    }

    /// The next byte that ends the row, or the column before one that announces something, or that
    /// is a quote. Counts the columns before it.
    fn next_mark(&mut self, bytes: &[u8]) -> Option<usize> {
        let separator = self.header.separator;
        let target = match self.header.next(self.column) {
            Some(target) => target,
            // Only the end of the row still counts.
            None if self.waiting.is_none() => return memchr::memchr2(b'\n', b'"', bytes),
            None => usize::MAX,
        };
        marks::next(bytes, separator, &mut self.column, target)
    }

    /// Passes over what stands between quotes.
    fn pass_quoted(&mut self, bytes: &[u8]) -> usize {
        let room = usize::try_from(QUOTED_MAX.saturating_sub(self.quoted)).unwrap_or(usize::MAX);
        let seen = bytes.get(..room).unwrap_or(bytes);
        if let Some(at) = memchr::memchr(b'"', seen) {
            (self.quote, self.before) = (Quote::Behind, b'"');
            self.quoted += at as u64 + 1;
            return at + 1;
        }
        self.quoted += seen.len() as u64;
        if self.quoted >= QUOTED_MAX {
            self.lose();
        }
        seen.len().max(1)
    }

    /// Goes on with the next line: a quote that opened nothing hid where the columns are.
    fn lose(&mut self) {
        (self.column, self.before) = (LOST, b'"');
        self.begin_cell(self.offset);
    }

    /// Goes on behind the separator that stands `ahead` of the next byte; how many bytes that is.
    fn begin_next(&mut self, ahead: usize) -> usize {
        self.column += 1;
        self.before = self.header.separator;
        self.begin_cell(self.offset + ahead as u64 + 1);
        ahead + 1
    }

    fn end_cell(&mut self, sink: &mut dyn FnMut(&Field<'_>)) {
        if self.held.len() <= FIELD_MAX {
            let (column, start) = (self.column, self.start);
            let cell = Cell { column, start, bytes: std::mem::take(&mut self.held) };
            match &mut self.waiting {
                Some(waiting) => waiting.push(cell),
                None => {
                    self.tell((cell.column, cell.start, &cell.bytes), self.offset + 1, sink);
                    self.held = cell.bytes;
                }
            }
        }
        self.held.clear();
    }

    /// Ends the row before `next`. `is_trailing` says that its last column is empty.
    fn end_row(&mut self, next: u64, is_trailing: bool, sink: &mut dyn FnMut(&Field<'_>)) {
        let is_blank = self.column == 0 && next - self.row <= 2;
        if !is_blank {
            self.confirm(next - 1, sink);
            let columns = self.column + 1;
            if let Some(waiting) = self.waiting.take() {
                if columns != self.header.len && (columns != self.header.len + 1 || !is_trailing) {
                    return self.stop();
                }
                self.tell_all(&waiting, sink);
            }
            let is_cut = self.state == State::Read && self.column + 1 < self.header.len;
            let is_short = is_cut || self.column < self.header.last();
            self.short = if is_short { self.short + 1 } else { 0 };
            if self.short >= SHORT_MAX {
                return self.stop();
            }
        }
        self.begin_row(next);
    }

    /// Takes a first row that is longer than is waited for as it is.
    fn confirm(&mut self, end: u64, sink: &mut dyn FnMut(&Field<'_>)) {
        if matches!(self.state, State::Pass | State::Read) && end - self.row > ROW_MAX {
            let waiting = self.waiting.take().unwrap_or_default();
            self.tell_all(&waiting, sink);
        }
    }

    /// Tells the cells of the first row.
    fn tell_all(&self, cells: &[Cell], sink: &mut dyn FnMut(&Field<'_>)) {
        for cell in cells {
            self.tell((cell.column, cell.start, &cell.bytes), u64::MAX, sink);
        }
    }

    fn tell(
        &self,
        (column, start, cell): (usize, u64, &[u8]),
        seen: u64,
        sink: &mut dyn FnMut(&Field<'_>),
    ) {
        let Some(Column { family, name, .. }) = self.header.column(column) else { return };
        let Some(value) = number::plain(cell.trim_ascii(), *family) else { return };
        let lead = cell.len() - cell.trim_ascii_start().len();
        let start = start + lead as u64;
        let text = match value.contains(&b'"') {
            true => String::from_utf8_lossy(value).replace("\"\"", "\"").into_bytes().into(),
            false => std::borrow::Cow::Borrowed(value),
        };
        sink(&Field {
            form: "csv",
            locus: name,
            family: *family,
            span: Span { start, end: start + value.len() as u64 },
            text: &text,
            written: Written::Text,
            seen,
        });
    }
}

impl Dialect for Csv {
    fn feed(&mut self, bytes: &[u8], sink: &mut dyn FnMut(&Field<'_>)) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let taken = self.step(rest, sink);
            self.offset += taken as u64;
            rest = rest.get(taken..).unwrap_or_default();
        }
        self.confirm(self.offset, sink);
    }

    fn finish(&mut self, sink: &mut dyn FnMut(&Field<'_>)) {
        if matches!(self.state, State::Pass | State::Read) && self.offset > self.row {
            if self.state == State::Read && self.column + 1 >= self.header.len {
                self.end_cell(sink);
            }
            self.end_row(self.offset + 1, self.before == self.header.separator, sink);
        }
        self.stop();
    }

    fn settled(&self) -> u64 {
        match (&self.waiting, self.state) {
            (Some(_), State::Read | State::Pass) => self.row,
            (None, State::Read) if self.held.len() <= FIELD_MAX => self.start.min(self.offset),
            _ => self.offset,
        }
    }
}
