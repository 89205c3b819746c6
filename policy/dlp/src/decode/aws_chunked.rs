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
    chunks: Chunks,
    content: Node,
}

/// The framing of an aws-chunked body, whose content is somebody else's: of this body alone, or of an
/// artifact of which it is a part.
#[derive(Debug)]
pub(crate) struct Chunks {
    place: Place,
    state: State,
    /// The line that is not yet whole.
    line: Vec<u8>,
    input: u64,
    /// Content bytes so far.
    output: u64,
    /// Whether the content ends with this body.
    ends_content: bool,
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
        let content = Node::new(place.inside("aws-chunked"));
        AwsChunked { chunks: Chunks { ends_content: true, ..Chunks::part(place) }, content }
    }
}

impl Chunks {
    /// The framing of a part, whose content goes on in the next one.
    pub(crate) fn part(place: Place) -> Chunks {
        let (state, line) = (State::Size, Vec::new());
        Chunks { place, state, line, input: 0, output: 0, ends_content: false }
    }

    /// Takes the next bytes and feeds their content.
    pub(crate) fn feed(&mut self, scan: &mut Scan, mut bytes: &[u8], content: &mut dyn Reader) {
        while !bytes.is_empty() {
            let used = self.step(scan, bytes, content);
            self.input += used as u64;
            bytes = bytes.get(used..).unwrap_or_default();
        }
    }

    /// Says that the body has ended; whether its content has, is not known here.
    pub(crate) fn finish(&mut self, scan: &mut Scan, content: &mut dyn Reader) {
        if !matches!(self.state, State::Behind { .. }) {
            let member = self.place.member.as_ref();
            scan.evidence.add_incomplete(IncompleteReason::Truncated, member);
            self.go_behind(scan, self.input - self.line.len() as u64, content);
        }
        if let State::Behind { leaf, .. } = &mut self.state {
            leaf.finish(scan);
        }
    }

    /// Content bytes so far.
    pub(crate) fn output(&self) -> u64 {
        self.output
    }

    /// How much of the body may be released when so many bytes of its content may.
    pub(crate) fn cleared(&self, content: u64) -> u64 {
        match &self.state {
            // Framing only adds to the offset, so this many input bytes hold no more content than
            // is cleared.
            State::Data(_) | State::DataEnd | State::Size => content,
            State::Behind { leaf, start } if self.ends_content => start + leaf.cleared(),
            State::Behind { .. } => content,
        }
    }

    /// Takes some of the bytes and says how many.
    fn step(&mut self, scan: &mut Scan, bytes: &[u8], content: &mut dyn Reader) -> usize {
        match &mut self.state {
            State::Data(left) => {
                let take = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                content.feed(scan, bytes.get(..take).unwrap_or_default());
                *left -= take as u64;
                self.output += take as u64;
                if *left == 0 {
                    self.state = State::DataEnd;
                }
                take
            }
            State::DataEnd | State::Size => self.take_line(scan, bytes, content),
            State::Behind { leaf, .. } => {
                leaf.feed(scan, bytes);
                bytes.len()
            }
        }
    }

    fn take_line(&mut self, scan: &mut Scan, bytes: &[u8], content: &mut dyn Reader) -> usize {
        let room = LINE_MAX - self.line.len();
        let end = memchr::memchr(b'\n', bytes).map(|at| at + 1);
        let take = end.unwrap_or(bytes.len()).min(room);
        let start = self.input - self.line.len() as u64;
        self.line.extend_from_slice(bytes.get(..take).unwrap_or_default());
        if self.line.ends_with(b"\n") {
            self.end_line(scan, start, content);
        } else if self.line.len() == LINE_MAX {
            self.break_off(scan, start, content);
        }
        take
    }

    fn end_line(&mut self, scan: &mut Scan, start: u64, content: &mut dyn Reader) {
        let text = self.line.trim_ascii();
        if matches!(self.state, State::DataEnd) {
            if text.is_empty() {
                scan.evidence.coverage.read += self.line.len() as u64;
                self.line.clear();
                self.state = State::Size;
            } else {
                self.break_off(scan, start, content);
            }
            return;
        }
        let Some(size) = chunk_size(text) else { return self.break_off(scan, start, content) };
        if size == 0 {
            // The last size line stands at the head of the trailers.
            return self.go_behind(scan, start, content);
        }
        let mut leaf = self.place.leaf_inside("chunk", Declared::Nothing);
        leaf.field(scan, &self.line);
        leaf.finish(scan);
        self.line.clear();
        self.state = State::Data(size);
    }

    fn break_off(&mut self, scan: &mut Scan, start: u64, content: &mut dyn Reader) {
        let member = self.place.member.as_ref();
        scan.evidence.add_incomplete(IncompleteReason::Damaged, member);
        self.go_behind(scan, start, content);
    }

    /// Reads on as text, from what is held, which begins at `start`.
    fn go_behind(&mut self, scan: &mut Scan, start: u64, content: &mut dyn Reader) {
        if self.ends_content {
            content.finish(scan);
        }
        let mut leaf = Box::new(self.place.leaf_inside("trailer", Declared::Nothing));
        leaf.feed(scan, &std::mem::take(&mut self.line));
        self.state = State::Behind { leaf, start };
    }
}

impl Reader for AwsChunked {
    fn feed(&mut self, scan: &mut Scan, bytes: &[u8]) {
        self.chunks.feed(scan, bytes, &mut self.content);
    }

    fn finish(&mut self, scan: &mut Scan) {
        self.chunks.finish(scan, &mut self.content);
    }

    fn cleared(&self) -> u64 {
        self.chunks.cleared(self.content.cleared())
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
