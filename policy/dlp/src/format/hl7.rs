//! HL7 v2 (chapter 2, "Control"): segments of fields, repetitions, components and subcomponents,
//! parted as each message's own MSH says. Tells the values at the places of [`table`]. Invariant:
//! one repetition is held at most; what is no segment is passed over to the end of its line.

mod datatype;
mod shape;
mod table;

use datatype::{Datatype, Repetition};

use super::dialect::{Dialect, Form};
use super::marks::Places;
use crate::locus::Field;

/// Bytes of one repetition that are looked at; what follows them is free text.
const REPETITION_MAX: usize = 2048;
/// Bytes of MSH-2 (four characters, five since v2.7) that are looked at.
const MARKS_MAX: usize = 8;
/// The byte before a message and the one behind it, where MLLP frames it (HL7 "Transport
/// Specification: MLLP", release 1).
const FRAME: [u8; 2] = [0x0b, 0x1c];

/// The characters that part a message (chapter 2.5.4, "Message delimiters").
#[derive(Clone, Copy, Debug)]
struct Marks {
    field: u8,
    component: u8,
    repetition: u8,
    escape: u8,
    subcomponent: u8,
}

impl Default for Marks {
    /// Those that the standard recommends.
    fn default() -> Marks {
        Marks { field: b'|', component: b'^', repetition: b'~', escape: b'\\', subcomponent: b'&' }
    }
}

impl Marks {
    /// Those of a message whose MSH-1 is `field`. What MSH-2 leaves out stays as recommended.
    fn of(field: u8, second: &[u8]) -> Marks {
        let mut marks = Marks { field, ..Marks::default() };
        if second.iter().all(u8::is_ascii_punctuation) {
            let Marks { component, repetition, escape, subcomponent, .. } = &mut marks;
            for (mark, byte) in
                [component, repetition, escape, subcomponent].into_iter().zip(second)
            {
                *mark = *byte;
            }
        }
        marks
    }
}

/// Where the reader stands.
#[derive(Clone, Copy, Debug)]
enum State {
    /// In the three letters of a segment.
    Segment,
    /// In MSH-2.
    Marks,
    /// In a field that announces nothing.
    Pass,
    /// In a field of this type.
    Read(Datatype),
    /// Behind the last field of the segment that announces something.
    Rest,
}

/// Reads messages one after the other.
#[derive(Debug)]
pub(crate) struct Hl7 {
    marks: Marks,
    state: State,
    /// What has been read of the segment's name, of MSH-2, or of a repetition.
    held: Vec<u8>,
    /// Offset of the next byte.
    offset: u64,
    /// Whether the repetition is longer than what is held of it.
    is_over: bool,
    segment: [u8; 3],
    field: u8,
    /// The fields of the segment that are still to come.
    places: &'static [table::Place],
    /// What OBX-2 says of OBX-5.
    observed: Option<Datatype>,
}

/// Whether content that begins with `head` is HL7: a header segment, also framed, or the segments
/// of a message that lost its own.
pub(super) fn is_hl7(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let start = head.iter().position(|b| !is_between(*b)).unwrap_or(head.len());
    let Some((name, [mark, rest @ ..])) = head.get(start..).and_then(|h| h.split_first_chunk())
    else {
        return false;
    };
    if is_header(name) {
        let second = rest.iter().take_while(|b| *b != mark);
        return *mark == b'|'
            || mark.is_ascii_punctuation()
                && (3..=5).contains(&second.clone().count())
                && second.into_iter().all(u8::is_ascii_punctuation);
    }
    let line = rest.split(|b| is_line_end(*b)).next().unwrap_or_default();
    let is_counted = |first: &[u8]| first.len() <= 4 && first.iter().all(u8::is_ascii_digit);
    *mark == b'|'
        && table::is_known(name)
        && memchr::memchr_iter(b'|', line).count() >= 3
        // Of a table with such a column the first one is a word.
        && (!table::is_counted(name) || line.split(|b| *b == b'|').next().is_some_and(is_counted))
}

/// Whether a segment of this name announces something or begins a message.
pub(crate) fn is_name(name: &[u8]) -> bool {
    let known = |name: &[u8; 3]| is_header(name) || table::is_own(name) || table::is_known(name);
    <&[u8; 3]>::try_from(name).is_ok_and(known)
}

/// Whether a line of other text is a segment: a header, or one with fields enough whose first field
/// counts it; any that is known where a message goes on.
pub(crate) fn is_segment(line: &[u8], is_in_message: bool) -> bool {
    const FIELDS_MIN: usize = 3;
    let Some((name, [b'|', rest @ ..])) = line.split_first_chunk() else { return false };
    if is_header(name) {
        return rest.starts_with(b"^~");
    }
    let first = rest.split(|b| *b == b'|').next().unwrap_or_default();
    let is_counted = first.len() <= 4 && first.iter().all(u8::is_ascii_digit);
    memchr::memchr_iter(b'|', line).count() >= FIELDS_MIN
        && (is_in_message || table::is_counted(name) && is_counted)
}

fn is_header(name: &[u8; 3]) -> bool {
    matches!(name, b"MSH" | b"FHS" | b"BHS")
}

fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

/// Whether a byte may stand between two segments.
fn is_between(byte: u8) -> bool {
    byte.is_ascii_whitespace() || FRAME.contains(&byte)
}

impl Hl7 {
    pub(crate) fn new() -> Hl7 {
        Hl7 {
            marks: Marks::default(),
            state: State::Segment,
            held: Vec::new(),
            offset: 0,
            is_over: false,
            segment: *b"   ",
            field: 0,
            places: &[],
            observed: None,
        }
    }

    /// Reads one segment of other text, which stands at `start`, by the marks of the message before.
    pub(crate) fn segment(&mut self, start: u64, bytes: &[u8], sink: &mut dyn FnMut(&Field<'_>)) {
        self.offset = start;
        self.feed(bytes, sink);
        self.finish(sink);
        if self.marks.subcomponent == self.marks.escape {
            // In a string the escape character is written twice.
            self.marks = Marks { field: self.marks.field, ..Marks::default() };
        }
    }

    /// Takes what is next and tells how many bytes that were: never none of some.
    fn step(&mut self, bytes: &[u8], sink: &mut dyn FnMut(&Field<'_>)) -> usize {
        match self.state {
            State::Segment => {
                if let Some(name) = self.whole_name(bytes) {
                    self.begin(name);
                    return name.len() + 1;
                }
                bytes.first().inspect(|b| self.name(**b));
                1
            }
            State::Marks => {
                bytes.first().inspect(|b| self.mark(**b));
                1
            }
            State::Rest => match memchr::memchr2(b'\r', b'\n', bytes) {
                Some(end) => {
                    self.state = State::Segment;
                    end + 1
                }
                None => bytes.len(),
            },
            State::Pass => self.pass(bytes),
            State::Read(datatype) => self.read(bytes, datatype, sink),
        }
    }

    /// Takes a byte where a segment begins.
    fn name(&mut self, byte: u8) {
        if self.held.is_empty() && (is_between(byte) || !byte.is_ascii()) {
            return;
        }
        let Some(name) = self.held.first_chunk().copied() else {
            self.held.push(byte);
            return if !byte.is_ascii_alphanumeric() {
                self.start(State::Rest, byte)
            };
        };
        if is_header(&name) && byte.is_ascii_punctuation() {
            self.marks.field = byte;
            self.places = &[];
            return self.start(State::Marks, 0);
        }
        if byte != self.marks.field {
            return self.start(State::Rest, byte);
        }
        self.begin(name);
    }

    /// The name that the bytes begin with, where it is that of a segment and no header's.
    fn whole_name(&self, bytes: &[u8]) -> Option<[u8; 3]> {
        let (name, [mark, ..]) = bytes.split_first_chunk::<3>()? else { return None };
        let is_name = self.held.is_empty()
            && *mark == self.marks.field
            && name.iter().all(u8::is_ascii_alphanumeric)
            && !is_header(name);
        is_name.then_some(*name)
    }

    /// Begins a segment behind the mark of its first field.
    fn begin(&mut self, name: [u8; 3]) {
        (self.segment, self.field, self.places) = (name, 0, table::places(&name));
        self.observed = None;
        self.end_field(None);
    }

    /// Passes over fields up to the next one that announces something, or over the end of the segment.
    fn pass(&mut self, bytes: &[u8]) -> usize {
        let next = self.places.first().map_or(0, |(field, _)| *field);
        for end in Places::of(bytes, [self.marks.field, b'\r', b'\n']) {
            let byte = bytes.get(end).copied();
            if byte == Some(self.marks.field) && self.field.saturating_add(1) < next {
                self.field += 1;
                continue;
            }
            self.end_field(byte);
            return end + 1;
        }
        bytes.len()
    }

    /// Takes a byte of MSH-2.
    fn mark(&mut self, byte: u8) {
        if byte != self.marks.field && !is_line_end(byte) && self.held.len() < MARKS_MAX {
            return self.held.push(byte);
        }
        self.marks = Marks::of(self.marks.field, &self.held);
        self.start(State::Rest, byte);
    }

    /// Goes on in `state`, or with the next segment where `byte` ends this one.
    fn start(&mut self, state: State, byte: u8) {
        self.held.clear();
        self.is_over = false;
        self.state = if is_line_end(byte) { State::Segment } else { state };
    }

    /// Goes on with the next field, or with the next segment where `end` ends this one.
    fn end_field(&mut self, end: Option<u8>) {
        self.field = self.field.saturating_add(1);
        let state = match self.places.split_first() {
            None if table::is_own(&self.segment) => State::Read(Datatype::Shape),
            None => State::Rest,
            Some(((field, datatype), later)) if *field == self.field => {
                self.places = later;
                match (datatype, self.observed) {
                    (Datatype::Observation, Some(observed)) => State::Read(observed),
                    (Datatype::Observation, None) => State::Pass,
                    (datatype, _) => State::Read(*datatype),
                }
            }
            Some(_) => State::Pass,
        };
        self.start(state, end.unwrap_or_default());
    }

    /// Reads on in a field that announces something.
    fn read(
        &mut self,
        bytes: &[u8],
        datatype: Datatype,
        sink: &mut dyn FnMut(&Field<'_>),
    ) -> usize {
        let Marks { field, repetition, .. } = self.marks;
        let is_end = |b: &u8| *b == field || *b == repetition || is_line_end(*b);
        let end = bytes.iter().position(is_end);
        let part = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
        let room = REPETITION_MAX - self.held.len();
        let kept = part.get(..room).unwrap_or(part);
        if !self.is_over {
            self.held.extend_from_slice(kept);
        }
        if end.is_some() || part.len() > room {
            self.tell(self.offset + kept.len() as u64, datatype, sink);
        }
        let Some(end) = end else { return bytes.len() };
        match bytes.get(end) {
            Some(byte) if *byte == repetition && *byte != field => self.start(self.state, 0),
            byte => self.end_field(byte.copied()),
        }
        end + 1
    }

    /// Tells what is held of a repetition, which ends before `end`.
    fn tell(&mut self, end: u64, datatype: Datatype, sink: &mut dyn FnMut(&Field<'_>)) {
        if std::mem::replace(&mut self.is_over, true) || self.held.is_empty() {
            return;
        }
        if let Datatype::ObservationType = datatype {
            self.observed = Datatype::observed(&self.held);
            return;
        }
        let repetition = Repetition {
            bytes: &self.held,
            start: end.saturating_sub(self.held.len() as u64),
            marks: self.marks,
            segment: std::str::from_utf8(&self.segment).unwrap_or_default(),
            field: self.field,
        };
        repetition.tell(datatype, sink);
        self.held.clear();
    }
}

impl Dialect for Hl7 {
    fn feed(&mut self, bytes: &[u8], sink: &mut dyn FnMut(&Field<'_>)) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let taken = self.step(rest, sink);
            self.offset += taken as u64;
            rest = rest.get(taken..).unwrap_or_default();
        }
    }

    fn finish(&mut self, sink: &mut dyn FnMut(&Field<'_>)) {
        if let State::Read(datatype) = self.state {
            self.tell(self.offset, datatype, sink);
        }
        self.start(State::Segment, 0);
    }

    fn settled(&self) -> u64 {
        match self.state {
            State::Read(_) => self.offset - self.held.len() as u64,
            State::Segment | State::Marks | State::Pass | State::Rest => self.offset,
        }
    }

    fn form(&self) -> Form {
        Form::Hl7
    }
}
