//! Reading a cell that is told. Invariant: at most one byte more than can be told is held of it.

use super::{Csv, FIELD_MAX, QUOTED_MAX, Quote};
use crate::locus::Field;

impl Csv {
    /// Takes a byte of a cell that is told.
    pub(super) fn read(&mut self, byte: u8, sink: &mut dyn FnMut(&Field<'_>)) {
        match self.quote {
            Quote::Inside => {
                self.quoted += 1;
                if byte == b'"' {
                    self.quote = Quote::Behind;
                } else {
                    self.hold(byte);
                }
                if self.quoted >= QUOTED_MAX {
                    self.lose();
                }
            }
            Quote::Behind if byte == b'"' => {
                self.hold(byte);
                self.hold(byte);
                self.quote = Quote::Inside;
            }
            Quote::Outside
                if byte == b'"' && !self.is_closed && self.held.trim_ascii().is_empty() =>
            {
                self.held.clear();
                self.start = self.offset + 1;
                (self.quote, self.quoted) = (Quote::Inside, 0);
            }
            Quote::Behind | Quote::Outside => {
                self.is_closed |= self.quote == Quote::Behind;
                self.quote = Quote::Outside;
                if byte == b'\n' {
                    // The last cell of a short row is some other line.
                    if self.column + 1 >= self.header.len {
                        self.end_cell(sink);
                    }
                    self.end_row(self.offset + 1, false, sink);
                } else if byte == self.header.separator {
                    self.end_cell(sink);
                    self.begin_next(0);
                } else if !self.is_closed {
                    self.hold(byte);
                }
            }
        }
    }

    /// How long the cell is that the bytes begin with, where all of it is there and it needs no more than
    /// to be told: most are read where they stand.
    pub(super) fn plain_len(&self, bytes: &[u8]) -> Option<usize> {
        let is_at_start = self.held.is_empty() && self.quote == Quote::Outside && !self.is_closed;
        let first = bytes.first().filter(|_| is_at_start && self.waiting.is_none())?;
        if first.is_ascii_whitespace() || *first == b'"' {
            return None;
        }
        let seen = bytes.get(..=FIELD_MAX).unwrap_or(bytes);
        let separator = self.header.separator;
        let len = seen.iter().position(|b| *b == separator || *b == b'\n')?;
        (seen.get(len) == Some(&separator)).then_some(len)
    }

    /// Holds what is part of the cell for sure, and tells how many bytes that were.
    pub(super) fn hold_plain(&mut self, bytes: &[u8]) -> usize {
        let separator = self.header.separator;
        if self.quote == Quote::Inside {
            return self.hold_quoted(bytes);
        }
        let is_plain = |b: &u8| *b != separator && *b != b'\n';
        let may =
            bytes.first().is_some_and(|b| is_plain(b) && !b.is_ascii_whitespace() && *b != b'"');
        if !may || self.quote != Quote::Outside || self.is_closed {
            return 0;
        }
        let len = bytes.iter().position(|b| !is_plain(b)).unwrap_or(bytes.len());
        self.hold_all(bytes.get(..len).unwrap_or_default());
        len
    }

    /// The same before the quote that may end it; the last byte of what is too long is not taken.
    fn hold_quoted(&mut self, bytes: &[u8]) -> usize {
        let room = usize::try_from((QUOTED_MAX - 1).saturating_sub(self.quoted)).unwrap_or(0);
        let seen = bytes.get(..room).unwrap_or(bytes);
        let len = memchr::memchr(b'"', seen).unwrap_or(seen.len());
        self.quoted += len as u64;
        self.hold_all(seen.get(..len).unwrap_or_default());
        len
    }

    fn hold_all(&mut self, part: &[u8]) {
        let room = (FIELD_MAX + 1).saturating_sub(self.held.len());
        self.held.extend_from_slice(part.get(..room).unwrap_or(part));
    }

    /// One byte more than can be told is held, so that a longer cell is known as one.
    fn hold(&mut self, byte: u8) {
        if self.held.len() <= FIELD_MAX {
            self.held.push(byte);
        }
    }
}
