//! X12 EDI (ASC X12.5 "Interchange control structures", X12.6 "Application control structure"):
//! segments of elements, parted as each interchange's own ISA says. Tells the values at the places
//! of [`segment`]. Invariant: one segment is held at most.

mod fragment;
mod party;
mod segment;

pub(crate) use fragment::Fragment;
use segment::{Party, Segment};

use super::dialect::{Dialect, Form};
use crate::locus::Field;

/// Bytes of one segment that are looked at; longer ones are free text or binary.
const SEGMENT_MAX: usize = 2048;
/// Elements of an ISA. Its length is fixed (106 bytes), but not everyone pads as the standard says.
const HEADER_ELEMENTS: usize = 16;
/// Bytes of an ISA that are looked at.
const HEADER_MAX: usize = 256;
/// Name and first separator of an ISA.
const NAME_LEN: usize = 4;

/// The characters that part an interchange: ISA's own, ISA11 has none of them before 00402.
#[derive(Clone, Copy, Debug)]
struct Marks {
    element: u8,
    component: u8,
    segment: u8,
}

impl Default for Marks {
    /// Those that most use, for what lost its ISA.
    fn default() -> Marks {
        Marks { element: b'*', component: b':', segment: b'~' }
    }
}

/// Where the reader stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// In a segment.
    Segment,
    /// In an ISA.
    Header,
    /// Behind an ISA that is none: nobody could read what follows.
    Broken,
}

/// Reads interchanges one after the other.
#[derive(Debug)]
pub(super) struct X12 {
    marks: Marks,
    state: State,
    /// What has been read of the segment.
    held: Vec<u8>,
    /// Offset of the next byte.
    offset: u64,
    /// Whether the segment is longer than what is held of it.
    is_over: bool,
    /// Separators of an ISA that have been read.
    separators: usize,
    /// Whom the last NM1 or N1 named.
    party: Party,
}

/// A reader for content that begins with `head`, where that is X12: an interchange, or the group or
/// transaction of one that lost its header.
pub(super) fn x12(head: &[u8]) -> Option<X12> {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    let marks = match head {
        [b'I', b'S', b'A', element, rest @ ..] if element.is_ascii_punctuation() => {
            let elements = memchr::memchr_iter(*element, rest).take(HEADER_ELEMENTS - 1);
            let known = rest.first_chunk::<2>()?;
            if !known.iter().all(u8::is_ascii_alphanumeric)
                || elements.count() < HEADER_ELEMENTS - 1
            {
                return None;
            }
            Marks::default()
        }
        [b'G', b'S', element, ..] if element.is_ascii_punctuation() => headless(head, *element, 8)?,
        [b'S', b'T', element, a, b, c, next, ..]
            if next == element && [a, b, c].into_iter().all(u8::is_ascii_digit) =>
        {
            headless(head, *element, 2)?
        }
        _ => return None,
    };
    let held = Vec::new();
    let (state, party) = (State::Segment, Party::Unknown);
    Some(X12 { marks, state, held, offset: 0, is_over: false, separators: 0, party })
}

/// The separators where no ISA tells them: what ends the element behind so many others ends the
/// segment.
fn headless(head: &[u8], element: u8, elements: usize) -> Option<Marks> {
    let last = memchr::memchr_iter(element, head).nth(elements - 1)?;
    let is_part = |b: u8| b.is_ascii_alphanumeric() || b == element;
    let segment = head.get(last..)?.iter().copied().find(|b| !is_part(*b))?;
    (!matches!(segment, b' ' | b'\t')).then_some(Marks { element, segment, ..Marks::default() })
}

impl X12 {
    /// Takes what is next and tells how many bytes that were: never none of some.
    fn step(&mut self, bytes: &[u8], sink: &mut dyn FnMut(&Field<'_>)) -> usize {
        if let Some(end) = self.whole_end(bytes) {
            let part = bytes.get(..end).unwrap_or_default();
            let segment = Segment::new(self.offset, part, self.marks);
            self.party = segment.tell(self.party, sink);
            return end + 1;
        }
        match self.state {
            State::Broken => bytes.len(),
            State::Header => {
                bytes.first().inspect(|b| self.header(**b));
                1
            }
            State::Segment if self.held.len() < NAME_LEN && !self.is_over => {
                bytes.first().inspect(|b| self.name(**b, sink));
                1
            }
            State::Segment => {
                let end = memchr::memchr(self.marks.segment, bytes);
                let part = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
                let room = SEGMENT_MAX.saturating_sub(self.held.len());
                if !self.is_over {
                    self.held.extend_from_slice(part.get(..room).unwrap_or(part));
                }
                if part.len() > room {
                    self.tell(self.offset + room as u64, sink);
                }
                let Some(end) = end else { return bytes.len() };
                self.end(self.offset + end as u64, sink);
                end + 1
            }
        }
    }

    /// Where the segment ends that the bytes begin with, if all of it is there, and it is no ISA: most
    /// are read where they stand.
    fn whole_end(&self, bytes: &[u8]) -> Option<usize> {
        let is_at_start = self.state == State::Segment && self.held.is_empty() && !self.is_over;
        let name = bytes.first_chunk::<NAME_LEN>().filter(|_| is_at_start)?;
        let begins = name.first().is_some_and(|b| b.is_ascii() && !b.is_ascii_whitespace());
        if !begins || name.starts_with(b"ISA") {
            return None;
        }
        let seen = bytes.get(..=SEGMENT_MAX).unwrap_or(bytes);
        memchr::memchr(self.marks.segment, seen).filter(|end| *end >= NAME_LEN)
    }

    /// Takes a byte where a segment begins.
    fn name(&mut self, byte: u8, sink: &mut dyn FnMut(&Field<'_>)) {
        // Of an ISA not even the separators are known.
        if byte == self.marks.segment && self.held != b"ISA" {
            return self.end(self.offset, sink);
        }
        if self.held.is_empty() && (byte.is_ascii_whitespace() || !byte.is_ascii()) {
            return;
        }
        self.held.push(byte);
        if self.held.starts_with(b"ISA")
            && self.held.len() == NAME_LEN
            && byte.is_ascii_punctuation()
        {
            self.marks.element = byte;
            self.separators = 1;
            self.state = State::Header;
        }
    }

    /// Takes a byte of an ISA: the one behind the last separator parts components, the next ends
    /// the segment.
    fn header(&mut self, byte: u8) {
        let separators = self.separators;
        self.separators += usize::from(byte == self.marks.element);
        self.held.push(byte);
        if separators < HEADER_ELEMENTS {
            if self.held.len() > HEADER_MAX {
                self.held.clear();
                self.state = State::Broken;
            }
        } else if self.held.iter().rev().nth(1) == Some(&self.marks.element) {
            self.marks.component = byte;
        } else {
            self.marks.segment = byte;
            self.held.clear();
            self.party = Party::Unknown;
            self.state = State::Segment;
        }
    }

    /// Ends the segment, whose last byte stands before `end`.
    fn end(&mut self, end: u64, sink: &mut dyn FnMut(&Field<'_>)) {
        self.tell(end, sink);
        self.is_over = false;
    }

    /// Tells what is held of a segment, which ends before `end`.
    fn tell(&mut self, end: u64, sink: &mut dyn FnMut(&Field<'_>)) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        let start = end.saturating_sub(self.held.len() as u64);
        let segment = Segment::new(start, &self.held, self.marks);
        self.party = segment.tell(self.party, sink);
        self.held.clear();
    }
}

impl Dialect for X12 {
    fn feed(&mut self, bytes: &[u8], sink: &mut dyn FnMut(&Field<'_>)) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let taken = self.step(rest, sink);
            self.offset += taken as u64;
            rest = rest.get(taken..).unwrap_or_default();
        }
    }

    fn finish(&mut self, sink: &mut dyn FnMut(&Field<'_>)) {
        if self.state == State::Segment {
            self.end(self.offset, sink);
        }
    }

    fn settled(&self) -> u64 {
        self.offset - self.held.len() as u64
    }

    fn form(&self) -> Form {
        Form::X12
    }

    /// `*` parts the elements of nearly every interchange.
    fn mask(&self) -> u8 {
        b'X'
    }
}
