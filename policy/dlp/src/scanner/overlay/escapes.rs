//! Escapes within text: `\u0031` (JSON, RFC 8259), `%31` (URLs, RFC 3986), `=31` (quoted-printable,
//! RFC 2045), `&#49;` (XML), and characters that read like ASCII. Where a block holds any, it is
//! decoded with what stands around it and read a second time; what only this shows is told at its
//! place in the leaf.

pub(super) mod folded;

use std::sync::Arc;

use crate::coverage::Declared;
use crate::finding::Finding;
use crate::format::{dialect::dialect, sniff};
use crate::gate::Places;
use crate::scanner::{Leaf, Reader, Scan};

/// Bytes before a block that are decoded with it, so that a label there is seen.
pub(super) const CONTEXT: usize = 256;
/// Escaped signs by which quoted-printable is known.
const SIGNS_MIN: u32 = 2;
/// Escapes remembered, for the way back.
const PLACES_MAX: usize = 16 * 1024;

/// How a value is escaped. In one reading both would undo each other's: `ssn=21` has no escape of mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// As in JSON, URLs and XML.
    Marked,
    /// As in mail.
    Quoted,
    /// By characters that read like ASCII.
    Folded,
}

/// What is decoded, from the first escape on until a block without any has passed.
#[derive(Debug)]
struct Decoded {
    kind: Kind,
    leaf: Leaf,
    /// Its findings, in offsets of the decoded text.
    scan: Scan,
    /// Bytes decoded so far.
    len: u64,
    /// For each escape, the offset behind it: decoded, and as written.
    places: Vec<(u64, u64)>,
    /// Offset in the leaf of the first byte, and of the next one.
    start: u64,
    next: u64,
    /// Bytes that may be the start of an escape.
    held: Vec<u8>,
}

/// The escapes of one leaf.
#[derive(Debug, Default)]
pub(super) struct Escapes {
    open: Option<Box<Decoded>>,
    /// Where one may begin in the block that is read.
    marks: Places,
}

impl Escapes {
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// The offset in the leaf before which nothing more is found of what is being decoded.
    pub(super) fn settled(&self) -> u64 {
        let settled = |decoded: &Decoded| decoded.written(decoded.leaf.cleared());
        self.open.as_deref().map_or(u64::MAX, settled)
    }

    pub(super) fn read(
        &mut self,
        scan: &Scan,
        kind: Kind,
        (before, offset, block): (&[u8], u64, &[u8]),
        found: &mut Vec<Finding>,
    ) {
        let has_escapes = match kind {
            Kind::Marked => has_escapes(block),
            Kind::Quoted => has_quoted(block, &mut self.marks),
            Kind::Folded => folded::is_in(block),
        };
        if has_escapes && self.open.is_none() {
            let start = offset - before.len() as u64;
            let mut decoded = Decoded::new(scan, kind, start);
            decoded.feed(before);
            self.open = Some(Box::new(decoded));
        }
        if let Some(decoded) = &mut self.open {
            decoded.feed(block);
            decoded.tell(found);
            if !has_escapes {
                self.finish(found);
            }
        }
    }

    pub(super) fn finish(&mut self, found: &mut Vec<Finding>) {
        if let Some(mut decoded) = self.open.take() {
            let held = std::mem::take(&mut decoded.held);
            decoded.take(&held);
            let Decoded { leaf, scan, .. } = decoded.as_mut();
            leaf.finish(scan);
            decoded.tell(found);
        }
    }
}

impl Decoded {
    fn new(scan: &Scan, kind: Kind, start: u64) -> Decoded {
        Decoded {
            kind,
            leaf: Leaf::new(None, Declared::Nothing).nested(u32::MAX),
            scan: Scan::new(Arc::clone(&scan.catalog), scan.limits),
            len: 0,
            places: Vec::new(),
            start,
            next: start,
            held: Vec::new(),
        }
    }

    fn feed(&mut self, bytes: &[u8]) {
        let mut text = std::mem::take(&mut self.held);
        text.extend_from_slice(bytes);
        let mut decoded = Vec::with_capacity(text.len());
        let mut at = 0;
        while let Some(&byte) = text.get(at) {
            let plain = text.get(at..).unwrap_or_default();
            let len = plain.iter().take_while(|b| !is_mark(self.kind, **b)).count();
            if len > 0 {
                decoded.extend_from_slice(plain.get(..len).unwrap_or_default());
                self.next += len as u64;
                at += len;
                continue;
            }
            let found =
                if self.kind == Kind::Folded { folded::character(plain) } else { escape(plain) };
            match found {
                Escape::Is(character, len) => {
                    decoded.extend(character);
                    self.next += len as u64;
                    self.note(self.len + decoded.len() as u64);
                    at += len;
                }
                Escape::IsNot => {
                    decoded.push(byte);
                    self.next += 1;
                    at += 1;
                }
                Escape::Unknown => break,
            }
        }
        self.held = text.split_off(at.min(text.len()));
        if self.start == 0 && self.len == 0 {
            self.leaf.speak(dialect(decoded.get(..sniff::LEN).unwrap_or(&decoded)));
        }
        self.len += decoded.len() as u64;
        self.leaf.watch(&mut self.scan, &decoded);
    }

    /// Takes bytes as they are.
    fn take(&mut self, bytes: &[u8]) {
        self.next += bytes.len() as u64;
        self.len += bytes.len() as u64;
        self.leaf.watch(&mut self.scan, bytes);
    }

    fn note(&mut self, decoded: u64) {
        if self.places.len() >= PLACES_MAX {
            self.places.drain(..PLACES_MAX / 2);
        }
        self.places.push((decoded, self.next));
    }

    /// Tells what was found, at its place in the leaf as it is written.
    fn tell(&mut self, found: &mut Vec<Finding>) {
        for mut finding in std::mem::take(&mut self.scan.evidence.findings) {
            let span = finding.span;
            finding.span.start = self.written(span.start);
            finding.span.end = self.written(span.end);
            finding.is_escaped = finding.span.end - finding.span.start != span.end - span.start;
            found.push(finding);
        }
    }

    /// Where a decoded offset stands in the leaf.
    fn written(&self, decoded: u64) -> u64 {
        let at = self.places.partition_point(|(place, _)| *place <= decoded);
        let (from, written) = at
            .checked_sub(1)
            .and_then(|at| self.places.get(at))
            .copied()
            .unwrap_or((0, self.start));
        written + (decoded - from)
    }
}

/// What begins with a mark.
enum Escape {
    /// A character, and the bytes that it is written with; none for a line that goes on.
    Is(Option<u8>, usize),
    IsNot,
    /// More bytes are needed.
    Unknown,
}

fn is_mark(kind: Kind, byte: u8) -> bool {
    match kind {
        Kind::Marked => matches!(byte, b'%' | b'&' | b'\\'),
        Kind::Quoted => byte == b'=',
        Kind::Folded => !byte.is_ascii(),
    }
}

/// The escape at the start of `text`, which begins with a mark. Only those of printable ASCII
/// and of the ends of lines.
fn escape(text: &[u8]) -> Escape {
    const LEN_MAX: usize = 8;
    let found = match text {
        [b'%' | b'=', high, low, ..] => hex(&[*high, *low]).map(|c| (Some(c), 3)),
        [b'\\', b'u', digits @ ..] => {
            digits.first_chunk::<4>().and_then(|d| hex(d)).map(|c| (Some(c), 6))
        }
        [b'&', b'#', digits @ ..] => reference(digits).map(|(c, len)| (Some(c), len + 2)),
        _ => None,
    };
    let line = match text {
        [b'=', b'\r', b'\n', ..] => Some((None, 3)),
        [b'=', b'\n', ..] => Some((None, 2)),
        _ => None,
    };
    match line.or(found.filter(|(c, _)| c.is_some_and(is_decoded))) {
        Some((character, len)) => Escape::Is(character, len),
        None if text.len() >= LEN_MAX => Escape::IsNot,
        None if text
            .iter()
            .skip(1)
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'#' | b'\r')) =>
        {
            Escape::Unknown
        }
        None => Escape::IsNot,
    }
}

fn is_decoded(character: u8) -> bool {
    matches!(character, b'\t' | b'\n' | b'\r' | b' '..=b'~')
}

/// `49;` or `x31;`: the character, and how long the text is.
fn reference(text: &[u8]) -> Option<(u8, usize)> {
    const DIGITS_MAX: usize = 5;
    let end = text.iter().take(DIGITS_MAX).position(|b| *b == b';')?;
    let value = std::str::from_utf8(text.get(..end)?).ok()?;
    let number = match value.strip_prefix(['x', 'X']) {
        Some(hex) => u8::from_str_radix(hex, 16),
        None => value.parse(),
    };
    Some((number.ok()?, end + 1))
}

fn hex(digits: &[u8]) -> Option<u8> {
    let value = digits
        .iter()
        .try_fold(0u32, |value, digit| Some(value << 4 | char::from(*digit).to_digit(16)?))?;
    // Fullwidth forms of ASCII (U+FF01 to U+FF5E) are read as these.
    let value = if (0xff01..=0xff5e).contains(&value) { value - 0xfee0 } else { value };
    u8::try_from(value).ok()
}

/// Whether a block holds escapes enough to be read again: not only a mark that has other uses.
fn has_escapes(block: &[u8]) -> bool {
    let mut marks = memchr::memchr3_iter(b'%', b'\\', b'&', block);
    let is_escape = |at: usize| {
        let text = block.get(at..).unwrap_or_default();
        // Most marks have other uses, which the next byte tells.
        let may_be = match text {
            [b'%', high, ..] => high.is_ascii_hexdigit(),
            [b'\\', b'u', ..] | [b'&', b'#', ..] => true,
            _ => false,
        };
        may_be && matches!(escape(text), Escape::Is(Some(_), _))
    };
    marks.any(is_escape)
}

/// Whether a block is quoted-printable: key and value are joined by its mark as well, so a broken
/// line, a usual escape or two escapes in a row are wanted.
fn has_quoted(block: &[u8], marks: &mut Places) -> bool {
    // A mark of its own, such as a stroke, which is no value of a key.
    let is_sign = |a: u8, b: u8| {
        hex(&[a, b]).is_some_and(|c| c.is_ascii_punctuation())
            && !(a.is_ascii_lowercase() || b.is_ascii_lowercase())
    };
    let is_word = |b: &u8| b.is_ascii_alphabetic() || matches!(b, b'_' | b'"');
    let mut signs = 0;
    let mut from = 0;
    marks.find(block, *b"=");
    while let Some(at) = marks.next(from) {
        from = at + 1;
        let text = block.get(at..).unwrap_or_default();
        let is_quoted = match text {
            [_, b'\n', ..] | [_, b'\r', b'\n', ..] => true,
            // An equals sign, a colon.
            [_, b'3', b'A' | b'D', ..] => true,
            [_, a, b, rest @ ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => {
                // Behind a letter it joins a key and its value.
                let is_key = at.checked_sub(1).and_then(|i| block.get(i)).is_some_and(is_word);
                signs += u32::from(!is_key && is_sign(*a, *b));
                let is_next = matches!(rest, [b'=', c, d, ..] if hex(&[*c, *d]).is_some());
                signs >= SIGNS_MIN || is_next
            }
            _ => false,
        };
        if is_quoted {
            return true;
        }
    }
    false
}
