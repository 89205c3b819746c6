//! Multipart bodies (RFC 2046 section 5.1; forms: RFC 7578) as a stream. Headers of a part are
//! content, its body is content of its own, and what stands before the first and behind the last
//! part is read too.

mod part;

use crate::coverage::Declared;
use crate::evidence::IncompleteReason;
use crate::format::told::BOUNDARY_MAX;
use crate::scanner::{Node, Place, Reader, Rest, Scan};
use part::Part;

/// Bytes of a part's headers that are understood.
const HEADERS_MAX: usize = 16 * 1024;
/// White space behind a boundary.
const BLANKS_MAX: usize = 64;

/// A multipart body.
#[derive(Debug)]
pub(crate) struct Multipart {
    place: Place,
    /// A line feed, two hyphens and the boundary; nothing until the first line tells it.
    delimiter: Option<Vec<u8>>,
    state: State,
    /// Bytes that wait for more.
    held: Vec<u8>,
    /// Offset of the first byte that has not been dealt with.
    offset: u64,
    parts: u64,
    is_last: bool,
}

#[derive(Debug)]
enum State {
    /// Before the first part.
    Preamble(Box<Node>),
    /// In the headers of a part.
    Headers,
    /// In the body of a part, which begins at this offset.
    Body(Box<Part>, u64),
    Rest(Box<Rest>),
}

/// What stands at a possible delimiter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    /// More bytes are needed to tell.
    More,
    /// No delimiter.
    Other,
    /// One of so many bytes.
    Next(usize),
    /// The last one, of so many bytes.
    Close(usize),
}

impl Multipart {
    /// A body with this boundary, or with that of its first line.
    pub(crate) fn new(place: Place, boundary: Option<&[u8]>) -> Multipart {
        let preamble = Node::new(place.inside("preamble"));
        Multipart {
            place,
            delimiter: boundary.map(delimiter),
            state: State::Preamble(Box::new(preamble)),
            held: Vec::new(),
            offset: 0,
            parts: 0,
            is_last: false,
        }
    }

    fn add_incomplete(&self, scan: &mut Scan, reason: IncompleteReason) {
        scan.evidence.add_incomplete(reason, self.place.member.as_ref());
    }

    fn take(&mut self, scan: &mut Scan, bytes: &[u8]) -> usize {
        let mut taken = 0;
        while let Some(rest) = bytes.get(taken..).filter(|rest| !rest.is_empty()) {
            let Some(used) = self.step(scan, rest) else { break };
            self.offset += used as u64;
            taken += used;
        }
        taken
    }

    /// Takes some of the bytes and says how many; nothing where more are needed first.
    fn step(&mut self, scan: &mut Scan, bytes: &[u8]) -> Option<usize> {
        if self.delimiter.is_none() {
            self.delimiter = Some(delimiter(boundary(bytes)?));
        }
        match &mut self.state {
            State::Preamble(_) | State::Body(..) => self.content(scan, bytes),
            State::Headers => self.headers(scan, bytes),
            State::Rest(rest) => {
                rest.feed(scan, bytes);
                Some(bytes.len())
            }
        }
    }

    fn content(&mut self, scan: &mut Scan, bytes: &[u8]) -> Option<usize> {
        let delimiter = self.delimiter.as_deref()?;
        let bare = delimiter.get(1..)?;
        // Content may be empty, and its delimiter the line behind the headers.
        let is_first = self.offset == self.start();
        let line = if is_first && bytes.starts_with(bare) {
            line(bytes, bare.len())
        } else if is_first && bare.starts_with(bytes) {
            Line::More
        } else {
            let end = next_delimiter(bytes, delimiter);
            if end > 0 {
                self.pass(scan, bytes.get(..end)?);
                return Some(end);
            }
            let feeds = 1 + usize::from(bytes.first() == Some(&b'\r'));
            let start = feeds - 1;
            if bytes.len() < start + delimiter.len() {
                Line::More
            } else {
                line(bytes, start + delimiter.len())
            }
        };
        match line {
            Line::More if !self.is_last => None,
            Line::More | Line::Other => {
                // At least the line feed is no delimiter's.
                let len =
                    bytes.iter().take(2).position(|byte| *byte == b'\n').map_or(1, |at| at + 1);
                self.pass(scan, bytes.get(..len)?);
                Some(len)
            }
            Line::Next(len) => {
                self.end_content(scan, len);
                self.state = State::Headers;
                Some(len)
            }
            Line::Close(len) => {
                self.end_content(scan, len);
                let start = self.offset + len as u64;
                let rest = Rest::new(&self.place, "behind", Declared::Nothing, start);
                self.state = State::Rest(Box::new(rest));
                Some(len)
            }
        }
    }

    /// Where the content that is being read begins.
    fn start(&self) -> u64 {
        match &self.state {
            State::Body(_, start) => *start,
            State::Headers | State::Preamble(_) | State::Rest(_) => 0,
        }
    }

    fn pass(&mut self, scan: &mut Scan, bytes: &[u8]) {
        match &mut self.state {
            State::Preamble(node) => node.feed(scan, bytes),
            State::Body(part, _) => part.feed(scan, bytes),
            State::Headers | State::Rest(_) => {}
        }
    }

    fn end_content(&mut self, scan: &mut Scan, delimiter: usize) {
        scan.evidence.coverage.read += delimiter as u64;
        match &mut self.state {
            State::Preamble(node) => node.finish(scan),
            State::Body(part, _) => part.finish(scan),
            State::Headers | State::Rest(_) => {}
        }
    }

    fn headers(&mut self, scan: &mut Scan, bytes: &[u8]) -> Option<usize> {
        let len = match headers_len(bytes) {
            Some(len) if len <= HEADERS_MAX => len,
            None if bytes.len() <= HEADERS_MAX && !self.is_last => return None,
            None if bytes.len() <= HEADERS_MAX => bytes.len(),
            Some(_) | None => {
                self.add_incomplete(scan, IncompleteReason::HeaderMax);
                0
            }
        };
        self.parts += 1;
        let part = Part::open(scan, &self.place, self.parts, bytes.get(..len)?);
        self.state = State::Body(Box::new(part), self.offset + len as u64);
        Some(len)
    }
}

impl Reader for Multipart {
    fn feed(&mut self, scan: &mut Scan, bytes: &[u8]) {
        if self.held.is_empty() {
            let used = self.take(scan, bytes);
            self.held.extend_from_slice(bytes.get(used..).unwrap_or_default());
        } else {
            let mut held = std::mem::take(&mut self.held);
            held.extend_from_slice(bytes);
            let used = self.take(scan, &held);
            held.drain(..used);
            self.held = held;
        }
    }

    fn finish(&mut self, scan: &mut Scan) {
        self.is_last = true;
        let held = std::mem::take(&mut self.held);
        let used = self.take(scan, &held);
        self.pass(scan, held.get(used..).unwrap_or_default());
        let reason = match &mut self.state {
            State::Rest(rest) => return rest.finish(scan),
            State::Preamble(node) => {
                node.finish(scan);
                IncompleteReason::Damaged
            }
            State::Body(part, _) => {
                part.finish(scan);
                IncompleteReason::Truncated
            }
            State::Headers => IncompleteReason::Truncated,
        };
        self.add_incomplete(scan, reason);
    }

    fn cleared(&self) -> u64 {
        match &self.state {
            State::Preamble(node) => node.cleared(),
            State::Headers => self.offset,
            State::Body(part, start) => start + part.cleared(),
            State::Rest(rest) => rest.cleared(),
        }
    }
}

/// Whether a body begins with a boundary and the headers of a part.
pub(crate) fn looks_like_multipart(head: &[u8]) -> bool {
    let Some(boundary) = boundary(head) else { return false };
    let headers = head.get(boundary.len() + 4..).unwrap_or_default();
    let known: [&[u8]; 2] = [b"content-disposition:", b"content-type:"];
    known.iter().any(|name| headers.get(..name.len()).is_some_and(|h| h.eq_ignore_ascii_case(name)))
}

/// The boundary that stands in the first line.
fn boundary(bytes: &[u8]) -> Option<&[u8]> {
    let line = bytes.strip_prefix(b"--")?;
    let end = memchr::memchr(b'\r', line.get(..=BOUNDARY_MAX).unwrap_or(line))?;
    let boundary = line.get(..end)?;
    let is_right = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
    (end > 0 && line.get(end + 1) == Some(&b'\n') && boundary.iter().all(is_right))
        .then_some(boundary)
}

fn delimiter(boundary: &[u8]) -> Vec<u8> {
    [b"\n--", boundary].concat()
}

/// How many bytes stand before the next delimiter, or before what may become one.
fn next_delimiter(bytes: &[u8], delimiter: &[u8]) -> usize {
    let feed = memchr::memmem::find(bytes, delimiter).unwrap_or_else(|| {
        let from = bytes.len().saturating_sub(delimiter.len() - 1);
        let tail = bytes.get(from..).unwrap_or_default();
        let cut = memchr::memchr_iter(b'\n', tail)
            .find(|at| tail.get(*at..).is_some_and(|rest| delimiter.starts_with(rest)));
        cut.map_or(bytes.len(), |at| from + at)
    });
    // The carriage return before the line feed is the delimiter's.
    let has_return = feed.checked_sub(1).and_then(|at| bytes.get(at)) == Some(&b'\r');
    feed - usize::from(has_return)
}

/// What the delimiter at the start of `bytes`, of which `len` are known, turns out to be.
fn line(bytes: &[u8], len: usize) -> Line {
    let rest = bytes.get(len..).unwrap_or_default();
    if rest.starts_with(b"--") {
        return Line::Close(len + 2);
    }
    let blanks = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    match rest.get(blanks..).unwrap_or_default() {
        _ if blanks > BLANKS_MAX => Line::Other,
        [b'\n', ..] => Line::Next(len + blanks + 1),
        [b'\r', b'\n', ..] => Line::Next(len + blanks + 2),
        [] | [b'\r'] => Line::More,
        [b'-'] if blanks == 0 => Line::More,
        _ => Line::Other,
    }
}

/// Bytes up to and with the empty line behind the headers.
fn headers_len(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let rest = bytes.get(at..)?;
        if rest.starts_with(b"\n") {
            return Some(at + 1);
        }
        if rest.starts_with(b"\r\n") {
            return Some(at + 2);
        }
        at += memchr::memchr(b'\n', rest)? + 1;
    }
}
