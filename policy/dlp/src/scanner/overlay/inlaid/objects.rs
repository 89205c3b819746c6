//! JSON objects in other text: as they stand, in a string of JSON (`{\"a\": 1}`), in a cell of CSV
//! (`{""a"": 1}`), in XML (`{&quot;a&quot;: 1}`). Each is read by the dialect of JSON until it closes or
//! what it stands in ends. Invariant: nothing is held but the few bytes by which an object is known.

use super::Part;
use crate::finding::Span;
use crate::format::dialect::{Dialect, Form};
use crate::format::json::{self, Json};
use crate::locus::Field;

/// Bytes by which an object is known: a brace, a key and a colon.
const HEAD: usize = 96;
/// Bytes of an object that are decoded first.
const STEP: usize = 32;
/// Bytes of an object that are read; what never closes is no object.
const OBJECT_MAX: u64 = 16 << 20;
/// Escapes remembered, for the way back.
const PLACES_MAX: usize = 16 * 1024;
/// Bytes of the longest reference: `&quot;`.
const REFERENCE_MAX: usize = 6;

/// How an object's quotes are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spelling {
    Plain,
    /// Behind so many backslashes: one in a string, three in a string of a string.
    Escaped(usize),
    /// Twice, as in a cell of CSV (RFC 4180).
    Doubled,
    /// As in XML.
    Reference,
}

/// An object that goes on at the end of the bytes seen.
#[derive(Debug)]
struct Object {
    json: Json,
    text: Text,
    /// Where its first line ends, in its text. Of objects over several lines, which documentation and
    /// source code are full of, only what is FHIR is told.
    line_end: Option<u64>,
    /// Objects in its strings. Each level takes a backslash, so they are few.
    inner: Objects,
}

/// The text of an object without what it stands in.
#[derive(Debug)]
struct Text {
    spelling: Spelling,
    /// Bytes that wait for the next ones: backslashes, a quote, a reference.
    held: Vec<u8>,
    decoded: Vec<u8>,
    /// Bytes decoded so far.
    len: u64,
    /// Offset in the leaf of the next byte.
    next: u64,
    /// Offset in the leaf of the first one.
    start: u64,
    /// For each escape, the offset behind it: decoded, and as written.
    places: Vec<(u64, u64)>,
}

/// What takes a value, and whether escapes are among its bytes.
type Sink<'s> = &'s mut dyn FnMut(&Field<'_>, bool);

/// The objects of one leaf.
#[derive(Debug, Default)]
pub(super) struct Objects {
    open: Option<Box<Object>>,
    /// What may begin one, at the end of the bytes seen, and its offset.
    tail: Vec<u8>,
    tail_start: u64,
}

impl Objects {
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some() || !self.tail.is_empty()
    }

    pub(super) fn settled(&self) -> u64 {
        let inner = |open: &Object| open.inner.settled().min(open.json.settled());
        let settled = |open: &Object| open.text.written(inner(open));
        self.open.as_deref().map_or(u64::MAX, settled)
    }

    pub(super) fn read(&mut self, part: Part<'_>, sink: Sink<'_>) {
        if self.tail.is_empty() {
            return self.read_on(part, false, sink);
        }
        let mut bytes = std::mem::take(&mut self.tail);
        bytes.extend_from_slice(part.bytes);
        self.read_on(Part { bytes: &bytes, offset: self.tail_start, ..part }, false, sink);
    }

    pub(super) fn finish(&mut self, form: Form, sink: Sink<'_>) {
        let bytes = std::mem::take(&mut self.tail);
        let part = Part { before: &[], bytes: &bytes, offset: self.tail_start, form };
        self.read_on(part, true, sink);
        self.close(sink);
    }

    fn read_on(&mut self, part: Part<'_>, is_end: bool, sink: Sink<'_>) {
        let mut at = 0;
        loop {
            let rest = part.bytes.get(at..).unwrap_or_default();
            if let Some(open) = &mut self.open {
                let Some(used) = open.feed(rest, sink) else { return };
                at += used.max(1);
                self.close(sink);
                continue;
            }
            let Some(brace) = memchr::memchr(b'{', rest) else { return };
            at += brace;
            let rest = rest.get(brace..).unwrap_or_default();
            let start = part.offset + at as u64;
            if rest.len() < HEAD && !is_end {
                (self.tail, self.tail_start) = (rest.to_vec(), start);
                return;
            }
            let spelling = begins(rest.get(..HEAD).unwrap_or(rest));
            // The dialect of the leaf reads its own objects.
            match spelling.filter(|s| *s != Spelling::Plain || part.form != Form::Json) {
                Some(spelling) => self.open = Some(Box::new(Object::new(spelling, start))),
                None => at += 1,
            }
        }
    }

    fn close(&mut self, sink: Sink<'_>) {
        if let Some(mut open) = self.open.take() {
            let Object { json, text, line_end, inner } = open.as_mut();
            let is_told = |field: &Field<'_>| is_told(field, *line_end);
            json.finish(&mut |field| {
                if is_told(field) {
                    text.tell(field, false, sink)
                }
            });
            inner.finish(Form::Json, &mut |field, is_escaped| text.tell(field, is_escaped, sink));
        }
    }
}

/// How the object is written that begins with `head`, if one does.
fn begins(head: &[u8]) -> Option<Spelling> {
    let mut rest = head.get(1..)?;
    loop {
        rest = rest.trim_ascii_start();
        // The end of a line in a string.
        let [b'\\', b'n' | b'r' | b't', later @ ..] = rest else { break };
        rest = later;
    }
    let slashes = rest.iter().take_while(|b| **b == b'\\').count();
    let spelling = match rest.get(slashes..)? {
        [b'"', b'"', b, ..] if slashes == 0 && b.is_ascii_alphabetic() => Spelling::Doubled,
        [b'"', ..] if slashes == 0 => Spelling::Plain,
        // As many as strings within strings need.
        [b'"', ..] if slashes < 8 && (slashes + 1).is_power_of_two() => Spelling::Escaped(slashes),
        [b'&', b'q', b'u', b'o', b't', b';', ..] if slashes == 0 => Spelling::Reference,
        _ => return None,
    };
    if spelling == Spelling::Plain {
        return json::is_json(head).then_some(spelling);
    }
    let mut text = Text::new(spelling, 0);
    let _ = text.decode(head);
    json::is_json(&text.decoded).then_some(spelling)
}

/// Whether a value is told of an object whose first line ends at `line_end`.
fn is_told(field: &Field<'_>, line_end: Option<u64>) -> bool {
    field.form == "fhir" || line_end.is_none_or(|end| field.span.start < end)
}

impl Object {
    fn new(spelling: Spelling, start: u64) -> Object {
        let json = Json::at(if spelling == Spelling::Plain { start } else { 0 });
        Object { json, text: Text::new(spelling, start), line_end: None, inner: Objects::default() }
    }

    /// Takes the next bytes; how many of them are its own, where it ends among them.
    fn feed(&mut self, bytes: &[u8], sink: Sink<'_>) -> Option<usize> {
        let from = self.text.next;
        if from - self.text.start > OBJECT_MAX {
            return Some(0);
        }
        if self.text.spelling == Spelling::Plain {
            self.text.next += bytes.len() as u64;
            return self.take(bytes, from, sink);
        }
        // In steps: most objects are short, and what follows one is not its own.
        let (mut at, mut step) = (0, STEP);
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let piece = rest.get(..step).unwrap_or(rest);
            if let Some(used) = self.feed_piece(piece, sink) {
                return Some(at + used);
            }
            at += piece.len();
            step *= 2;
        }
        None
    }

    /// As [`Object::feed`], of bytes that are decoded at once.
    fn feed_piece(&mut self, bytes: &[u8], sink: Sink<'_>) -> Option<usize> {
        let (before, from) = (self.text.len, self.text.next);
        let end = self.text.decode(bytes);
        let decoded = std::mem::take(&mut self.text.decoded);
        let used = self.take(&decoded, before, sink);
        self.text.decoded = decoded;
        self.text.decoded.clear();
        let Some(used) = used else { return end };
        let behind = self.text.written(before + used as u64).saturating_sub(from);
        Some(usize::try_from(behind).unwrap_or(usize::MAX).min(bytes.len()))
    }

    /// Takes what stands at `offset` of the text; how much of it, where the object ends there.
    fn take(&mut self, bytes: &[u8], offset: u64, sink: Sink<'_>) -> Option<usize> {
        let Object { json, text, line_end, inner } = self;
        if line_end.is_none() {
            *line_end = memchr::memchr(b'\n', bytes).map(|at| offset + at as u64);
        }
        let is_told = |field: &Field<'_>| is_told(field, *line_end);
        let tell = &mut |field: &Field<'_>| {
            if is_told(field) {
                text.tell(field, false, sink)
            }
        };
        let used = json.feed_object(bytes, tell);
        let bytes = bytes.get(..used.unwrap_or(bytes.len())).unwrap_or_default();
        if memchr::memchr(b'\\', bytes).is_some() || inner.is_open() {
            let part = Part { before: &[], bytes, offset, form: Form::Json };
            inner.read(part, &mut |field, is_escaped| text.tell(field, is_escaped, sink));
        }
        used
    }
}

impl Text {
    fn new(spelling: Spelling, start: u64) -> Text {
        let (held, places) = (Vec::new(), Vec::new());
        let decoded = Vec::with_capacity(HEAD);
        Text { spelling, held, decoded, len: 0, start, next: start, places }
    }

    /// Decodes the next bytes; how many there are before the end of what the object stands in, where
    /// that is among them.
    fn decode(&mut self, bytes: &[u8]) -> Option<usize> {
        for (at, byte) in bytes.iter().enumerate() {
            let goes_on = match self.spelling {
                Spelling::Plain => self.put(*byte),
                Spelling::Escaped(depth) => self.escaped(*byte, depth),
                Spelling::Doubled => self.doubled(*byte),
                Spelling::Reference => self.reference(*byte),
            };
            if !goes_on {
                return Some(at);
            }
            self.next += 1;
        }
        None
    }

    fn put(&mut self, byte: u8) -> bool {
        self.decoded.push(byte);
        self.len += 1;
        true
    }

    /// Takes a byte of a string: backslashes wait for what they escape.
    fn escaped(&mut self, byte: u8, depth: usize) -> bool {
        const HELD_MAX: usize = 64;
        if byte == b'\\' {
            self.held.push(byte);
            return self.held.len() <= HELD_MAX;
        }
        let slashes = self.held.len();
        self.held.clear();
        let (whole, rest) = (slashes / (depth + 1), slashes % (depth + 1));
        if byte == b'"' && rest < depth || byte == b'\n' {
            return false;
        }
        (0..whole).for_each(|_| _ = self.put(b'\\'));
        match byte {
            // The end of a line, between two words of the object.
            b'n' if rest > 0 => self.put(b'\n'),
            b'r' | b't' if rest > 0 => self.put(b' '),
            b'u' if rest > 0 => self.put(b'\\') && self.put(byte),
            _ => self.put(byte),
        };
        self.note(slashes > 0)
    }

    /// Takes a byte of a cell: a quote waits for the second one.
    fn doubled(&mut self, byte: u8) -> bool {
        let is_second = self.held.pop().is_some();
        match (byte, is_second) {
            (b'"', false) => {
                self.held.push(byte);
                true
            }
            (b'"', true) => self.put(byte) && self.note(true),
            (_, true) => false,
            (_, false) => self.put(byte),
        }
    }

    /// Takes a byte of an element or attribute: a reference waits for its end.
    fn reference(&mut self, byte: u8) -> bool {
        if matches!(byte, b'<' | b'"') {
            return false;
        }
        if self.held.is_empty() && byte != b'&' {
            return self.put(byte);
        }
        self.held.push(byte);
        if byte != b';' && self.held.len() < REFERENCE_MAX {
            return true;
        }
        let held = std::mem::take(&mut self.held);
        match held.as_slice() {
            b"&quot;" | b"&#34;" | b"&#x22;" => self.put(b'"'),
            b"&apos;" | b"&#39;" | b"&#x27;" => self.put(b'\''),
            b"&amp;" | b"&#38;" => self.put(b'&'),
            b"&lt;" => self.put(b'<'),
            b"&gt;" => self.put(b'>'),
            other => other.iter().fold(true, |_, byte| self.put(*byte)),
        };
        self.note(true)
    }

    /// Notes the place behind the byte that is being decoded.
    fn note(&mut self, is_escape: bool) -> bool {
        if is_escape {
            if self.places.len() >= PLACES_MAX {
                self.places.drain(..PLACES_MAX / 2);
            }
            self.places.push((self.len, self.next + 1));
        }
        true
    }

    /// Where a decoded offset stands in the leaf.
    fn written(&self, decoded: u64) -> u64 {
        if self.spelling == Spelling::Plain {
            return decoded;
        }
        if decoded == u64::MAX {
            return decoded;
        }
        let at = self.places.partition_point(|(place, _)| *place <= decoded);
        let place = at.checked_sub(1).and_then(|at| self.places.get(at)).copied();
        let (from, written) = place.unwrap_or((0, self.start));
        written + (decoded - from)
    }

    /// Passes a value on, at its place in the leaf.
    fn tell(&self, field: &Field<'_>, is_escaped: bool, sink: Sink<'_>) {
        let Span { start, end } = field.span;
        let span = Span { start: self.written(start), end: self.written(end) };
        let is_escaped = is_escaped || span.end - span.start != end - start;
        sink(&Field { span, ..*field }, is_escaped);
    }
}
