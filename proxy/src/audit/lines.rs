//! Reads a segment line by line in bounded memory.
//! Invariant: every byte of the input belongs to exactly one piece, and no more than one line is
//! held at a time.

use std::io::{self, BufRead, Read};

use super::chain::LINE_BYTES_MAX;

/// One piece of a segment.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Piece<'a> {
    /// A line, without its newline.
    Line(&'a [u8]),
    /// A line longer than [`LINE_BYTES_MAX`]; its bytes are passed over.
    Overlong,
    /// The end, where it has no newline: how it begins, and how many bytes it has.
    Torn(&'a [u8], u64),
}

/// Splits a reader into [`Piece`]s.
#[derive(Debug)]
pub(super) struct Lines<R> {
    reader: R,
    line: Vec<u8>,
    /// Number of the piece returned last; the first has 1.
    pub(super) number: u64,
    /// Offset of the first byte behind the piece returned last.
    pub(super) offset: u64,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(reader: R) -> Lines<R> {
        Lines { reader, line: Vec::new(), number: 0, offset: 0 }
    }

    /// The next piece; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Piece<'_>>> {
        let bytes_max = LINE_BYTES_MAX as u64 + 1;
        self.line.clear();
        let bytes = (&mut self.reader).take(bytes_max).read_until(b'\n', &mut self.line)? as u64;
        if bytes == 0 {
            return Ok(None);
        }
        self.number += 1;
        self.offset += bytes;
        if self.line.pop_if(|byte| *byte == b'\n').is_some() {
            return Ok(Some(Piece::Line(&self.line)));
        }
        let mut torn_bytes = bytes;
        if bytes == bytes_max {
            let (skipped, ended) = self.skip()?;
            self.offset += skipped;
            torn_bytes += skipped;
            if ended {
                return Ok(Some(Piece::Overlong));
            }
        }
        Ok(Some(Piece::Torn(&self.line, torn_bytes)))
    }

    /// Passes over the rest of a line. How many bytes, and did it end in a newline?
    fn skip(&mut self) -> io::Result<(u64, bool)> {
        let mut skipped = 0;
        loop {
            let chunk = match self.reader.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            };
            let newline = chunk.iter().position(|byte| *byte == b'\n');
            let used = newline.map_or(chunk.len(), |at| at + 1);
            let is_end = chunk.is_empty();
            self.reader.consume(used);
            skipped += used as u64;
            if newline.is_some() || is_end {
                return Ok((skipped, newline.is_some()));
            }
        }
    }
}
