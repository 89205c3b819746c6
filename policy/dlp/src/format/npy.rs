//! NumPy arrays (`.npy`, NEP 1): a header in Python syntax that names the element type, then the
//! elements. Object arrays hold a pickle.

use crate::coverage::Declared;
use crate::evidence::IncompleteReason;
use crate::scanner::{Leaf, Node, Place, Reader, Scan, is_plain_text};

/// Bytes of a header that are kept to be understood; longer ones are read as they are.
const HEADER_MAX: usize = 64 * 1024;
/// Magic and version.
const PREAMBLE: usize = 8;

/// A NumPy array.
#[derive(Debug)]
pub(crate) struct Npy {
    place: Place,
    /// The header, until it is whole.
    header: Option<Vec<u8>>,
    /// Header and elements, at their offsets in the file.
    leaf: Leaf,
    /// The pickle of an object array.
    objects: Option<Node>,
    /// Bytes of elements that are still to come, by the header.
    left: Option<u64>,
    /// Each string by itself: one as wide as its element has nothing between it and the next.
    strings: Option<Strings>,
}

impl Npy {
    pub(crate) fn new(place: Place) -> Npy {
        let leaf = Leaf::new(place.member.clone(), Declared::Nothing);
        Npy { place, header: Some(Vec::new()), leaf, objects: None, left: None, strings: None }
    }

    /// Takes what belongs to the header and says how many bytes that was.
    fn header(&mut self, scan: &mut Scan, bytes: &[u8]) -> usize {
        let Some(header) = &mut self.header else { return 0 };
        let had = header.len();
        let end = |header: &[u8]| header_end(header).unwrap_or(PREAMBLE + 4).min(HEADER_MAX);
        let mut used = 0;
        // Twice: up to the length, then up to the end that it tells.
        for _ in 0..2 {
            let missing = end(header).saturating_sub(header.len());
            let part = bytes.get(used..).unwrap_or_default();
            let part = part.get(..missing).unwrap_or(part);
            header.extend_from_slice(part);
            used += part.len();
        }
        self.leaf.watch(scan, header.get(had..).unwrap_or_default());
        let is_whole = header_end(header).is_some_and(|end| header.len() >= end.min(HEADER_MAX));
        if is_whole {
            let content = element_type(header);
            let text = header.get(PREAMBLE + 4..).unwrap_or_default();
            scan.saw_npy(literal(header));
            let ledger = &mut scan.evidence.coverage;
            let class =
                if is_plain_text(text) { &mut ledger.read } else { &mut ledger.unidentified };
            *class += header.len() as u64;
            if content == Content::Objects {
                self.objects = Some(Node::new(self.place.inside("npy")));
            }
            self.strings = Strings::of(&self.place, content, header);
            let shape = shape(literal(header));
            self.left = content.width().and_then(|width| shape?.checked_mul(width));
            self.leaf.declare(scan, content.declared());
            self.header = None;
        }
        used
    }
}

impl Npy {
    /// Takes elements, and what stands behind them.
    fn elements(&mut self, scan: &mut Scan, bytes: &[u8]) {
        scan.saw_elements(bytes);
        let Some(left) = &mut self.left else { return self.leaf.feed(scan, bytes) };
        let len = usize::try_from(*left).unwrap_or(usize::MAX);
        let (part, behind) = bytes.split_at_checked(len).unwrap_or((bytes, &[]));
        *left -= part.len() as u64;
        self.leaf.feed(scan, part);
        if let Some(strings) = &mut self.strings {
            strings.take(scan, part);
        }
        if !behind.is_empty() {
            // More than the header tells is judged by itself.
            self.left = None;
            self.leaf.declare(scan, Declared::Nothing);
            self.leaf.feed(scan, behind);
        }
    }
}

impl Reader for Npy {
    fn feed(&mut self, scan: &mut Scan, bytes: &[u8]) {
        let used = self.header(scan, bytes);
        let rest = bytes.get(used..).unwrap_or_default();
        match &mut self.objects {
            Some(node) => node.feed(scan, rest),
            None if self.header.is_none() => self.elements(scan, rest),
            None => {}
        }
    }

    fn finish(&mut self, scan: &mut Scan) {
        if let Some(header) = &self.header {
            scan.evidence.coverage.unidentified += header.len() as u64;
        }
        if self.header.is_some() || self.left.is_some_and(|left| left > 0) {
            let member = self.place.member.as_ref();
            scan.evidence.add_incomplete(IncompleteReason::Truncated, member);
        }
        scan.end_tensors();
        self.leaf.finish(scan);
        if let Some(strings) = &mut self.strings {
            strings.leaf.finish(scan);
        }
        if let Some(node) = &mut self.objects {
            node.finish(scan);
        }
    }

    fn cleared(&self) -> u64 {
        // Of an object array only the header: the pickle is released when it has been read.
        let cleared = self.leaf.cleared();
        self.strings.as_ref().map_or(cleared, |strings| cleared.min(strings.cleared()))
    }
}

/// The strings of an array, one a line and one byte a character.
#[derive(Debug)]
struct Strings {
    leaf: Leaf,
    /// Bytes of an element, and of a character.
    width: u64,
    unit: u64,
    /// Which byte of a character is its last one.
    low: u64,
    /// Bytes taken, and the offset in the file of the first one.
    taken: u64,
    start: u64,
}

impl Strings {
    fn of(place: &Place, content: Content, header: &[u8]) -> Option<Strings> {
        let Content::Strings { width, unit, is_big } = content else { return None };
        let leaf = Leaf::new(Some(place.member_inside("strings")), Declared::Nothing);
        let low = if is_big { unit - 1 } else { 0 };
        let start = header.len() as u64;
        (width > 0).then_some(Strings { leaf, width, unit, low, taken: 0, start })
    }

    fn take(&mut self, scan: &mut Scan, bytes: &[u8]) {
        let mut text = Vec::with_capacity(bytes.len());
        for byte in bytes {
            let at = self.taken % self.width;
            if at % self.unit == self.low {
                text.push(*byte);
            }
            self.taken += 1;
            if at + 1 == self.width {
                text.push(b'\n');
            }
        }
        self.leaf.watch(scan, &text);
    }

    /// The offset in the file of the first string in which something may still be found.
    fn cleared(&self) -> u64 {
        let line = self.width / self.unit + 1;
        self.start + self.leaf.cleared() / line * self.width
    }
}

/// The Python literal of a whole header.
fn literal(header: &[u8]) -> &[u8] {
    let length = if header.get(6) == Some(&1) { 2 } else { 4 };
    header.get(PREAMBLE + length..).unwrap_or_default()
}

/// Where the header ends, once its length is there: two bytes in version 1, four later.
fn header_end(header: &[u8]) -> Option<usize> {
    let version = header.get(6)?;
    let length = header.get(PREAMBLE..)?;
    if *version == 1 {
        let len = length.first_chunk::<2>()?;
        Some(PREAMBLE + 2 + usize::from(u16::from_le_bytes(*len)))
    } else {
        let len = length.first_chunk::<4>()?;
        let len = usize::try_from(u32::from_le_bytes(*len)).unwrap_or(usize::MAX);
        Some(len.saturating_add(PREAMBLE + 4))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    /// Floats of so many bytes.
    Floats(u64),
    /// Integers of so many bytes.
    Integers(u64),
    Objects,
    /// Times of so many bytes; records of any.
    Other(Option<u64>),
    /// Strings: bytes of an element and of a character, and whether its first byte is the highest.
    Strings {
        width: u64,
        unit: u64,
        is_big: bool,
    },
}

impl Content {
    fn declared(self) -> Declared {
        match self {
            Content::Floats(_) => Declared::Floats,
            Content::Integers(0 | 1) => Declared::Integers,
            Content::Integers(_) => Declared::WideIntegers,
            Content::Objects | Content::Other(_) | Content::Strings { .. } => Declared::Nothing,
        }
    }

    /// Bytes of an element, where they are told.
    fn width(self) -> Option<u64> {
        match self {
            Content::Floats(width) | Content::Integers(width) | Content::Strings { width, .. } => {
                Some(width)
            }
            Content::Objects => None,
            Content::Other(width) => width,
        }
    }
}

/// The element type that `'descr': '<f4'` names. Records and strings are judged by their bytes.
fn element_type(header: &[u8]) -> Content {
    let Some(value) = value(header, b"'descr'") else { return Content::Other(None) };
    let Some(value) = value.strip_prefix(b"'") else { return Content::Other(None) };
    let order = value.iter().take_while(|b| matches!(b, b'<' | b'>' | b'|' | b'=')).count();
    let Some((kind, width)) = value.get(order..).and_then(|rest| rest.split_first()) else {
        return Content::Other(None);
    };
    let width = number(width).map(|(width, _)| width);
    let is_big = value.first() == Some(&b'>');
    let strings = |width: Option<u64>, unit| {
        width.map_or(Content::Other(None), |width| Content::Strings { width, unit, is_big })
    };
    match kind {
        b'f' | b'c' => Content::Floats(width.unwrap_or(0)),
        b'i' | b'u' | b'b' => Content::Integers(width.unwrap_or(0)),
        b'O' => Content::Objects,
        // Of code points.
        b'U' => strings(width.and_then(|width| width.checked_mul(4)), 4),
        b'S' | b'a' => strings(width, 1),
        b'V' | b'M' | b'm' => Content::Other(width),
        _ => Content::Other(None),
    }
}

/// How many elements `'shape': (3, 4)` tells.
fn shape(header: &[u8]) -> Option<u64> {
    let mut rest = value(header, b"'shape'")?.strip_prefix(b"(")?;
    let mut elements = 1u64;
    loop {
        let blanks = rest.iter().take_while(|b| matches!(b, b' ' | b',')).count();
        rest = rest.get(blanks..)?;
        if rest.starts_with(b")") {
            return Some(elements);
        }
        let (length, behind) = number(rest)?;
        elements = elements.checked_mul(length)?;
        // Python 2 wrote long integers so.
        rest = behind.strip_prefix(b"L").unwrap_or(behind);
    }
}

/// What stands behind a key and its colon.
fn value<'a>(header: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    let at = memchr::memmem::find(header, key)? + key.len();
    let rest = header.get(at..)?;
    rest.get(rest.iter().take_while(|b| matches!(b, b':' | b' ')).count()..)
}

/// The decimal number at the start of `bytes`, and what follows it.
fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let len = bytes.iter().take_while(|b| b.is_ascii_digit()).count();
    let (digits, rest) = bytes.split_at_checked(len)?;
    Some((std::str::from_utf8(digits).ok()?.parse().ok()?, rest))
}
