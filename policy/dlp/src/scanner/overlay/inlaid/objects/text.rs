//! The text of an object as what it stands in spells it, and the way back. Invariant: what is decoded
//! depends on the bytes, never on their pieces.

use super::{Sink, json};
use crate::finding::Span;
use crate::locus::Field;

/// Escapes remembered, for the way back.
const PLACES_MAX: usize = 16 * 1024;
/// Bytes of the longest reference: `&quot;`.
const REFERENCE_MAX: usize = 6;

/// How an object's quotes are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Spelling {
    #[default]
    Plain,
    /// Behind so many backslashes: one in a string, three in a string of a string.
    Escaped(usize),
    /// Twice, as in a cell of CSV (RFC 4180).
    Doubled,
    /// As in XML.
    Reference,
}

/// The text of an object without what it stands in.
#[derive(Debug, Default)]
pub(super) struct Text {
    pub(super) spelling: Spelling,
    /// Bytes that wait for the next ones: backslashes, a quote, a reference.
    held: Vec<u8>,
    pub(super) decoded: Vec<u8>,
    /// Bytes decoded so far.
    pub(super) len: u64,
    /// Offset in the leaf of the next byte.
    pub(super) next: u64,
    /// Offset in the leaf of the first one.
    pub(super) start: u64,
    /// For each escape, the offset behind it: decoded, and as written.
    places: Vec<(u64, u64)>,
}

impl Text {
    /// Begins a text at offset `start` of the leaf.
    pub(super) fn begin(&mut self, spelling: Spelling, start: u64) {
        self.held.clear();
        self.decoded.clear();
        self.places.clear();
        (self.spelling, self.len, self.start, self.next) = (spelling, 0, start, start);
    }

    /// Decodes the next bytes; how many there are before the end of what the object stands in, where
    /// that is among them.
    pub(super) fn decode(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while let Some(rest) = bytes.get(at..) {
            if self.held.is_empty() {
                let plain = rest.get(..self.plain_len(rest)).unwrap_or_default();
                self.decoded.extend_from_slice(plain);
                self.len += plain.len() as u64;
                self.next += plain.len() as u64;
                at += plain.len();
            }
            let Some(byte) = bytes.get(at) else { break };
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
            at += 1;
        }
        None
    }

    /// How many bytes stand for themselves before one that may not.
    fn plain_len(&self, bytes: &[u8]) -> usize {
        let mark = match self.spelling {
            Spelling::Plain => None,
            Spelling::Escaped(_) => json::in_text(bytes),
            Spelling::Doubled => memchr::memchr(b'"', bytes),
            Spelling::Reference => memchr::memchr3(b'&', b'<', b'"', bytes),
        };
        mark.unwrap_or(bytes.len())
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
    pub(super) fn written(&self, decoded: u64) -> u64 {
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
    pub(super) fn tell(&self, field: &Field<'_>, is_escaped: bool, sink: Sink<'_>) {
        let Span { start, end } = field.span;
        let span = Span { start: self.written(start), end: self.written(end) };
        let is_escaped = is_escaped || span.end - span.start != end - start;
        sink(&Field { span, ..*field }, is_escaped);
    }
}
