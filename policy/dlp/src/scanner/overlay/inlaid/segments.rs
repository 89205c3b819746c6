//! Segments of HL7 and X12 in other text, each by itself: known by its name before a bar or a star, and
//! by what such a segment begins with. Invariant: one segment is held, of at most [`SEGMENT_MAX`]
//! bytes.

use super::Part;
use crate::format::dialect::Form;
use crate::format::hl7::{self, Hl7};
use crate::format::x12::Fragment;
use crate::gate;
use crate::locus::Field;

/// Bytes of a segment that are read; with a block, less than a leaf keeps for places.
const SEGMENT_MAX: usize = 3072;
/// Bytes of an ISA, whose last one ends every segment.
const ISA_LEN: usize = 106;
/// Bytes between two segments of one message: a line of its log with its prefix.
const MESSAGE_GAP: u64 = 4096;
/// Bytes between two segments of X12: their mark and the end of a line, perhaps escaped.
const FRAGMENT_GAP: u64 = 8;

/// What a segment is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Hl7,
    X12,
}

/// A segment that goes on at the end of the bytes seen.
#[derive(Debug)]
struct Open {
    kind: Kind,
    start: u64,
    bytes: Vec<u8>,
}

/// The segments of one leaf.
#[derive(Debug, Default)]
pub(super) struct Segments {
    open: Option<Open>,
    /// The marks of the last message, and where its last segment ended.
    hl7: Option<Hl7>,
    message_end: u64,
    /// The marks and the party of the last X12, and where its last segment ended.
    x12: Fragment,
    fragment_end: u64,
    /// Where a mark stands behind what may be a name; kept for its room.
    named: Vec<u64>,
}

impl Segments {
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    pub(super) fn settled(&self) -> u64 {
        self.open.as_ref().map_or(u64::MAX, |open| open.start)
    }

    pub(super) fn read(&mut self, part: Part<'_>, sink: &mut dyn FnMut(&Field<'_>)) {
        let mut named = std::mem::take(&mut self.named);
        if is_dense(part) {
            gate::segment_marks(part.bytes, &mut named);
        }
        self.read_marked(part, &named, sink);
        self.named = named;
    }

    fn read_marked(&mut self, part: Part<'_>, named: &[u64], sink: &mut dyn FnMut(&Field<'_>)) {
        let mut at = 0;
        // Behind the mark that opened a segment, wherever it ends, lest the same one opens it again.
        let mut opened = 0;
        loop {
            if self.open.is_some() {
                match self.follow(part.bytes.get(at..).unwrap_or_default()) {
                    Some(len) => {
                        at = opened.max(at + len);
                        self.close(sink);
                    }
                    None => return,
                }
            }
            let Some(mark) = next_mark(part, at, named) else { return };
            at = mark;
            self.open = if is_own(part, at) { None } else { self.begins(part, at) };
            at += usize::from(self.open.is_none());
            opened = at + usize::from(self.open.is_some());
        }
    }

    pub(super) fn finish(&mut self, sink: &mut dyn FnMut(&Field<'_>)) {
        self.close(sink);
    }

    /// The segment whose name ends before the mark at `at`.
    fn begins(&self, part: Part<'_>, at: usize) -> Option<Open> {
        let [a, b, c] = [3, 2, 1].map(|back| part.byte_before(at, back));
        let is_letter = |b: u8| b.is_ascii_uppercase();
        let is_sign = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit();
        if !is_sign(b) || !is_sign(c) {
            return None;
        }
        let len = if is_letter(a) && is_sign(a) { 3 } else { 2 };
        let name: &[u8] = if len == 3 { &[a, b, c] } else { &[b, c] };
        if !name.first().is_some_and(|b| is_letter(*b)) || !is_start(part, at, len) {
            return None;
        }
        let start = (part.offset + at as u64).checked_sub(len as u64)?;
        let is_line = is_line_start(part, at, len);
        let mark = part.bytes.get(at).copied();
        let kind = if mark == Some(b'|') && hl7::is_name(name) {
            Kind::Hl7
        } else if self.is_next(start) || Fragment::is_known(name) {
            Kind::X12
        } else {
            return None;
        };
        // The dialect of the leaf reads its own lines.
        let is_own = match (kind, part.form) {
            (Kind::Hl7, Form::Hl7) => is_line,
            (Kind::X12, Form::X12) => is_line || part.byte_before(at, len + 1) == b'~',
            (Kind::Hl7 | Kind::X12, Form::Hl7 | Form::X12 | Form::Json | Form::Other) => false,
        };
        (!is_own).then(|| Open { kind, start, bytes: name.to_vec() })
    }

    /// Whether X12 goes on at `start`.
    fn is_next(&self, start: u64) -> bool {
        self.fragment_end > 0
            && (self.fragment_end..=self.fragment_end + FRAGMENT_GAP).contains(&start)
    }

    /// Takes what belongs to the open segment; how much that is, where it ends in these bytes.
    fn follow(&mut self, bytes: &[u8]) -> Option<usize> {
        let open = self.open.as_mut()?;
        let mark = match open.kind {
            Kind::X12 => self.x12.mark(),
            Kind::Hl7 => b'\n',
        };
        for (at, byte) in bytes.iter().enumerate() {
            let last = open.bytes.last().copied().unwrap_or(0);
            let is_pair = matches!(
                (last, byte),
                (b'\\', b'r' | b'n') | (b'<', b'/') | (b']', b']') | (b'&', b'#')
            );
            // Of HL7 two quotes are a value that is deleted.
            let is_quoted = last == b'"' && !b"\"|^~&".contains(byte);
            if is_pair || is_quoted {
                open.bytes.pop();
                // In a string of a string the backslash has others before it.
                while open.bytes.last() == Some(&b'\\') {
                    open.bytes.pop();
                }
                return Some(at);
            }
            let is_end = matches!(byte, b'\r' | b'\n' | 0 | 0x0b | 0x1c) || *byte == mark;
            if is_end || open.bytes.len() >= SEGMENT_MAX {
                return Some(at);
            }
            open.bytes.push(*byte);
            if open.bytes.len() == ISA_LEN && open.bytes.starts_with(b"ISA") {
                return Some(at + 1);
            }
        }
        None
    }

    /// Tells what is held of a segment, if it is one.
    fn close(&mut self, sink: &mut dyn FnMut(&Field<'_>)) {
        let Some(Open { kind, start, mut bytes }) = self.open.take() else { return };
        if bytes.last() == Some(&b'"') && !bytes.ends_with(b"\"\"") {
            bytes.pop();
        }
        let end = start + bytes.len() as u64;
        match kind {
            Kind::Hl7 => {
                let is_in_message = self.message_end > 0 && start < self.message_end + MESSAGE_GAP;
                if hl7::is_segment(&bytes, is_in_message) {
                    let hl7 = self.hl7.get_or_insert_with(Hl7::new);
                    hl7.segment(start, &bytes, sink);
                    self.message_end = end;
                }
            }
            Kind::X12 => {
                let is_next = self.is_next(start);
                if is_next || Fragment::begins(&bytes) {
                    self.x12.segment((start, &bytes), is_next, sink);
                    self.fragment_end = end;
                }
            }
        }
    }
}

/// The next bar or star from `from` on. In the forms themselves, where they stand close together, only
/// one behind what may be a name, by the bits of `named`.
fn next_mark(part: Part<'_>, from: usize, named: &[u64]) -> Option<usize> {
    const WORD: usize = 64;
    if !is_dense(part) {
        return memchr::memchr2(b'|', b'*', part.bytes.get(from..)?).map(|at| from + at);
    }
    let mut word = named.get(from / WORD)? & u64::MAX << (from % WORD);
    let mut index = from / WORD;
    while word == 0 {
        index += 1;
        word = *named.get(index)?;
    }
    Some(index * WORD + word.trailing_zeros() as usize)
}

/// Whether the marks of segments stand close together.
fn is_dense(part: Part<'_>) -> bool {
    matches!(part.form, Form::Hl7 | Form::X12)
}

/// Whether a line of the leaf's own X12 begins before the mark at `at`, without a look at the name.
fn is_own(part: Part<'_>, at: usize) -> bool {
    let near = at.checked_sub(4).and_then(|from| part.bytes.get(from..=at));
    part.form == Form::X12
        && match near {
            Some([before, a, _, _, b'*']) => {
                *a == b'~' || *before == b'~' && a.is_ascii_uppercase()
            }
            Some(_) | None => false,
        }
}

/// Whether a name of `len` bytes before `at` begins there: behind a space, a mark or the end of a line,
/// also an escaped one.
fn is_start(part: Part<'_>, at: usize, len: usize) -> bool {
    let before = |back| part.byte_before(at, len + back);
    let near = before(1);
    let is_escape = matches!(near, b'r' | b'n') && before(2) == b'\\';
    let is_code = before(6) == b'\\' && before(5) == b'u' && before(4) == b'0';
    let is_word = near.is_ascii_alphanumeric() || b"_-.|*$/%^".contains(&near);
    !is_word || is_escape || is_code
}

fn is_line_start(part: Part<'_>, at: usize, len: usize) -> bool {
    matches!(part.byte_before(at, len + 1), 0 | b'\r' | b'\n' | 0x0b | 0x1c)
}
