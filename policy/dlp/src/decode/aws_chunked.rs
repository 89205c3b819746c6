//! Amazon S3's `aws-chunked` content: `size[;chunk-signature=...]`, data, ..., a chunk of size 0,
//! trailers (AWS SigV4 streaming). Sizes, extensions and trailers are read as text.

use crate::coverage::Declared;
use crate::evidence::IncompleteReason;
use crate::scanner::{Leaf, Node, Place, Reader, Scan};

/// Bytes of a line with a size or a trailer.
const LINE_MAX: usize = 4096;

/// An aws-chunked body.
#[derive(Debug)]
pub(crate) struct AwsChunked {
    place: Place,
    state: State,
    /// The line that is not yet whole.
    line: Vec<u8>,
    content: Node,
    input: u64,
    /// Content bytes so far.
    output: u64,
}

#[derive(Debug)]
enum State {
    /// In a chunk that has so many bytes left.
    Data(u64),
    /// In the line feed behind a chunk.
    DataEnd,
    /// In the line with a chunk's size.
    Size,
    /// Behind the last chunk, where trailers begin; or, from this offset on, what is no such body.
    Behind { leaf: Box<Leaf>, start: u64 },
}

impl AwsChunked {
    pub(crate) fn new(place: Place) -> AwsChunked {
        AwsChunked {
            content: Node::new(place.inside("aws-chunked")),
            place,
            state: State::Size,
            line: Vec::new(),
            input: 0,
            output: 0,
        }
    }

    /// Takes some of the bytes and says how many.
    fn step(&mut self, scan: &mut Scan, bytes: &[u8]) -> usize {
        match &mut self.state {
            State::Data(left) => {
                let take = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                self.content.feed(scan, bytes.get(..take).unwrap_or_default());
                *left -= take as u64;
                self.output += take as u64;
                if *left == 0 {
                    self.state = State::DataEnd;
                }
                take
            }
            State::DataEnd | State::Size => self.take_line(scan, bytes),
            State::Behind { leaf, .. } => {
                leaf.feed(scan, bytes);
                bytes.len()
            }
        }
    }

    fn take_line(&mut self, scan: &mut Scan, bytes: &[u8]) -> usize {
        let room = LINE_MAX - self.line.len();
        let end = memchr::memchr(b'\n', bytes).map(|at| at + 1);
        let take = end.unwrap_or(bytes.len()).min(room);
        let start = self.input - self.line.len() as u64;
        self.line.extend_from_slice(bytes.get(..take).unwrap_or_default());
        if self.line.ends_with(b"\n") {
            self.end_line(scan, start);
        } else if self.line.len() == LINE_MAX {
            self.break_off(scan, start);
        }
        take
    }

    fn end_line(&mut self, scan: &mut Scan, start: u64) {
        let text = self.line.trim_ascii();
        if matches!(self.state, State::DataEnd) {
            if text.is_empty() {
                scan.evidence.coverage.read += self.line.len() as u64;
                self.line.clear();
                self.state = State::Size;
            } else {
                self.break_off(scan, start);
            }
            return;
        }
        let Some(size) = chunk_size(text) else { return self.break_off(scan, start) };
        if size == 0 {
            // The last size line stands at the head of the trailers.
            return self.go_behind(scan, start);
        }
        let mut leaf = self.place.leaf_inside("chunk", Declared::Nothing);
        leaf.field(scan, &self.line);
        leaf.finish(scan);
        self.line.clear();
        self.state = State::Data(size);
    }

    fn break_off(&mut self, scan: &mut Scan, start: u64) {
        let member = self.place.member.as_ref();
        scan.evidence.add_incomplete(IncompleteReason::Damaged, member);
        self.go_behind(scan, start);
    }

    /// Reads on as text, from what is held, which begins at `start`.
    fn go_behind(&mut self, scan: &mut Scan, start: u64) {
        self.content.finish(scan);
        let mut leaf = Box::new(self.place.leaf_inside("trailer", Declared::Nothing));
        leaf.feed(scan, &std::mem::take(&mut self.line));
        self.state = State::Behind { leaf, start };
    }
}

impl Reader for AwsChunked {
    fn feed(&mut self, scan: &mut Scan, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let used = self.step(scan, bytes);
            self.input += used as u64;
            bytes = bytes.get(used..).unwrap_or_default();
        }
    }

    fn finish(&mut self, scan: &mut Scan) {
        if !matches!(self.state, State::Behind { .. }) {
            let member = self.place.member.as_ref();
            scan.evidence.add_incomplete(IncompleteReason::Truncated, member);
            self.go_behind(scan, self.input - self.line.len() as u64);
        }
        if let State::Behind { leaf, .. } = &mut self.state {
            leaf.finish(scan);
        }
    }

    fn cleared(&self) -> u64 {
        match &self.state {
            // Framing only adds to the offset, so this many input bytes hold no more content than
            // is cleared.
            State::Data(_) | State::DataEnd | State::Size => self.content.cleared(),
            State::Behind { leaf, start } => start + leaf.cleared(),
        }
    }
}

/// The size in a chunk's line: hexadecimal digits up to the extensions.
fn chunk_size(line: &[u8]) -> Option<u64> {
    const DIGITS_MAX: usize = 15;
    let digits = line.split(|b| *b == b';').next()?.trim_ascii();
    if digits.is_empty() || digits.len() > DIGITS_MAX {
        return None;
    }
    digits.iter().try_fold(0u64, |size, &byte| {
        let digit = char::from(byte).to_digit(16)?;
        Some(size << 4 | u64::from(digit))
    })
}
