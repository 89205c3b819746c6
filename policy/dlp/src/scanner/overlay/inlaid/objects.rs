//! JSON objects in other text: as they stand, in a string of JSON (`{\"a\": 1}`), in a cell of CSV
//! (`{""a"": 1}`), in XML (`{&quot;a&quot;: 1}`). Each is read by the dialect of JSON until it closes or
//! what it stands in ends. Invariant: nothing is held but the few bytes by which an object is known.

mod text;

use super::Part;
use crate::format::dialect::{Dialect, Form};
use crate::format::json::{self, Json};
use crate::gate::Places;
use crate::locus::Field;
use text::{Spelling, Text};

/// Bytes by which an object is known: a brace, a key and a colon.
const HEAD: usize = 96;
/// Bytes of an object that are decoded first.
const STEP: usize = 16;
/// Bytes of its head that are decoded at a time: its key is short, mostly.
const KEY: usize = 16;
/// Bytes of an object that are read; what never closes is no object.
const OBJECT_MAX: u64 = 16 << 20;

/// An object that goes on at the end of the bytes seen.
#[derive(Debug, Default)]
struct Object {
    json: Json,
    text: Text,
    /// Where its first line ends, in its text. Of objects over several lines, which documentation and
    /// source code are full of, only what is FHIR is told.
    line_end: Option<u64>,
    /// Objects in its strings. Each level takes a backslash, so they are few.
    inner: Objects,
}

/// What takes a value, and whether escapes are among its bytes.
type Sink<'s> = &'s mut dyn FnMut(&Field<'_>, bool);

/// The objects of one leaf.
#[derive(Debug, Default)]
pub(super) struct Objects {
    open: Option<Box<Object>>,
    /// One that has closed, for its room: small objects stand in great numbers.
    spare: Option<Box<Object>>,
    /// What the start of one says; kept for its room.
    room: Text,
    /// What may begin one, at the end of the bytes seen, and its offset.
    tail: Vec<u8>,
    tail_start: u64,
    /// Where the braces are of bytes of JSON; kept for its room.
    braces: Places,
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
        let is_json = part.form == Form::Json;
        if is_json {
            self.braces.find(part.bytes, *b"{");
        }
        loop {
            let rest = part.bytes.get(at..).unwrap_or_default();
            if let Some(open) = &mut self.open {
                let Some(used) = open.feed(rest, sink) else { return };
                at += used.max(1);
                self.close(sink);
                continue;
            }
            // Other text has hardly any.
            let brace = match is_json {
                true => self.braces.next(at),
                false => memchr::memchr(b'{', rest).map(|brace| at + brace),
            };
            let Some(brace) = brace else { return };
            at = brace;
            let rest = part.bytes.get(at..).unwrap_or_default();
            // The dialect of the leaf reads its own objects, which most braces there begin.
            if is_json && matches!(rest, [_, b'"', next, ..] if *next != b'"') {
                at += 1;
                continue;
            }
            let start = part.offset + at as u64;
            if rest.len() < HEAD && !is_end {
                (self.tail, self.tail_start) = (rest.to_vec(), start);
                return;
            }
            let spelling = begins(rest.get(..HEAD).unwrap_or(rest), &mut self.room);
            match spelling.filter(|s| *s != Spelling::Plain || part.form != Form::Json) {
                Some(spelling) => self.open(spelling, start),
                None => at += 1,
            }
        }
    }

    fn open(&mut self, spelling: Spelling, start: u64) {
        let mut object = self.spare.take().unwrap_or_default();
        object.begin(spelling, start);
        self.open = Some(object);
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
            self.spare = Some(open);
        }
    }
}

/// How the object is written that begins with `head`, if one does.
fn begins(head: &[u8], text: &mut Text) -> Option<Spelling> {
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
    text.begin(spelling, 0);
    // No more of it than tells.
    let is_object = head.chunks(KEY).find_map(|piece| {
        let is_over = text.decode(piece).is_some();
        json::begins_object(&text.decoded).or(is_over.then_some(true))
    });
    is_object.unwrap_or(true).then_some(spelling)
}

/// Whether a value is told of an object whose first line ends at `line_end`.
fn is_told(field: &Field<'_>, line_end: Option<u64>) -> bool {
    field.form == "fhir" || line_end.is_none_or(|end| field.span.start < end)
}

impl Object {
    /// Begins an object at offset `start` of the leaf. What the last one left is forgotten.
    fn begin(&mut self, spelling: Spelling, start: u64) {
        let Object { json, text, line_end, inner } = self;
        json.begin(if spelling == Spelling::Plain { start } else { 0 });
        text.begin(spelling, start);
        *line_end = None;
        inner.tail.clear();
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
        // A brace may stand before the backslash that begins what comes next.
        let may_begin = bytes.trim_ascii_end().ends_with(b"{");
        if memchr::memchr(b'\\', bytes).is_some() || may_begin || inner.is_open() {
            let part = Part { before: &[], bytes, offset, form: Form::Json };
            inner.read(part, &mut |field, is_escaped| text.tell(field, is_escaped, sink));
        }
        used
    }
}
