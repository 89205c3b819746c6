//! CSV as spreadsheets and databases write it (RFC 4180): quotes, line breaks inside them, and the
//! mark that parts the header's cells. Invariant: a record is bounded.

use std::io::{self, BufRead};

/// Bytes of one record.
const RECORD_MAX: usize = 1024 * 1024;

/// Reads records one by one.
#[derive(Debug)]
pub(super) struct Records<R> {
    source: R,
    mark: Option<u8>,
    line: Vec<u8>,
    record: Vec<String>,
    lines: u64,
}

impl<R: BufRead> Records<R> {
    pub(super) fn new(source: R) -> Records<R> {
        Records { source, mark: None, line: Vec::new(), record: Vec::new(), lines: 0 }
    }

    /// The next record, without empty lines; bytes that are no UTF-8 are replaced.
    pub(super) fn next_record(&mut self) -> io::Result<Option<&[String]>> {
        loop {
            self.line.clear();
            if !self.read_line()? {
                return Ok(None);
            }
            if self.lines == 1 && self.line.starts_with(b"\xef\xbb\xbf") {
                self.line.drain(..3);
            }
            if !self.line.trim_ascii().is_empty() {
                break;
            }
        }
        // An odd number of quotes: the record goes on in the next line.
        while self.line.iter().filter(|byte| **byte == b'"').count() % 2 == 1 {
            if !self.read_line()? {
                return Err(self.error("a quote is never closed"));
            }
        }
        let mark = *self.mark.get_or_insert_with(|| mark(&self.line));
        split(&self.line, mark, &mut self.record);
        Ok(Some(&self.record))
    }

    /// Adds a line, with its end.
    fn read_line(&mut self) -> io::Result<bool> {
        self.lines += 1;
        let room = (RECORD_MAX + 1).saturating_sub(self.line.len());
        let mut limited = io::Read::take(&mut self.source, room as u64);
        let read = limited.read_until(b'\n', &mut self.line)?;
        if self.line.len() > RECORD_MAX {
            return Err(self.error("a record is larger than 1 MiB"));
        }
        Ok(read > 0)
    }

    fn error(&self, what: &str) -> io::Error {
        io::Error::other(format!("line {}: {what}", self.lines))
    }
}

/// What parts the cells: the mark that the header has most of.
fn mark(header: &[u8]) -> u8 {
    let count = |mark: u8| header.iter().filter(|byte| **byte == mark).count();
    // Of equals the last one, which is the usual one.
    *b"|;\t,".iter().max_by_key(|mark| count(**mark)).unwrap_or(&b',')
}

fn split(line: &[u8], mark: u8, record: &mut Vec<String>) {
    record.clear();
    let mut cell = Vec::new();
    let mut is_quoted = false;
    let mut bytes = line.trim_ascii_end().iter().copied().peekable();
    let mut end = |cell: &mut Vec<u8>| {
        record.push(String::from_utf8_lossy(cell).trim().to_owned());
        cell.clear();
    };
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' if is_quoted && bytes.peek() == Some(&b'"') => {
                bytes.next();
                cell.push(b'"');
            }
            b'"' => is_quoted = !is_quoted,
            _ if byte == mark && !is_quoted => end(&mut cell),
            _ => cell.push(byte),
        }
    }
    end(&mut cell);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(text: &str) -> io::Result<Vec<Vec<String>>> {
        let mut records = Records::new(text.as_bytes());
        let mut found = Vec::new();
        while let Some(record) = records.next_record()? {
            found.push(record.to_vec());
        }
        Ok(found)
    }

    #[test]
    fn quotes_line_ends_and_other_marks_are_understood() {
        let found = records("\u{feff}a,b\r\n\"Roe, \"\"J\"\"\",x\r\n\n\"two\nlines\",\n").unwrap();
        assert_eq!(found, [["a", "b"], ["Roe, \"J\"", "x"], ["two\nlines", ""]]);
        assert_eq!(records("a;b;c\n1,5;2;3\n").unwrap()[1], ["1,5", "2", "3"]);
        assert_eq!(records("a\tb\nx\ty").unwrap()[1], ["x", "y"]);
    }

    #[test]
    fn a_record_without_end_is_an_error() {
        assert!(records("a,b\n\"open,\nx\n").unwrap_err().to_string().contains("never closed"));
        let long = format!("a,b\n{}\n", "x".repeat(RECORD_MAX + 10));
        assert!(records(&long).unwrap_err().to_string().contains("line 2"));
    }
}
