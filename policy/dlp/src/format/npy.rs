//! NumPy arrays (`.npy`, NEP 1): a header in Python syntax that names the element type, then the
//! elements. Object arrays hold a pickle.

use crate::coverage::Declared;
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
}

impl Npy {
    pub(crate) fn new(place: Place) -> Npy {
        let leaf = Leaf::new(place.member.clone(), Declared::Nothing);
        Npy { place, header: Some(Vec::new()), leaf, objects: None }
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
            self.leaf.declare(scan, content.declared());
            self.header = None;
        }
        used
    }
}

impl Reader for Npy {
    fn feed(&mut self, scan: &mut Scan, bytes: &[u8]) {
        let used = self.header(scan, bytes);
        let rest = bytes.get(used..).unwrap_or_default();
        match &mut self.objects {
            Some(node) => node.feed(scan, rest),
            None if self.header.is_none() => {
                scan.saw_elements(rest);
                self.leaf.feed(scan, rest);
            }
            None => {}
        }
    }

    fn finish(&mut self, scan: &mut Scan) {
        if let Some(header) = &self.header {
            scan.evidence.coverage.unidentified += header.len() as u64;
        }
        scan.end_tensors();
        self.leaf.finish(scan);
        if let Some(node) = &mut self.objects {
            node.finish(scan);
        }
    }

    fn cleared(&self) -> u64 {
        // Of an object array only the header: the pickle is released when it has been read.
        self.leaf.cleared()
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
    Floats,
    Integers,
    Objects,
    Other,
}

impl Content {
    fn declared(self) -> Declared {
        match self {
            Content::Floats => Declared::Floats,
            Content::Integers => Declared::Integers,
            Content::Objects | Content::Other => Declared::Nothing,
        }
    }
}

/// The element type that `'descr': '<f4'` names. Records and strings are judged by their bytes.
fn element_type(header: &[u8]) -> Content {
    let Some(at) = memchr::memmem::find(header, b"'descr'") else { return Content::Other };
    let value = header.get(at + 7..).unwrap_or_default();
    let mut value = value.iter().skip_while(|b| matches!(b, b':' | b' '));
    if value.next() != Some(&b'\'') {
        return Content::Other;
    }
    match value.find(|b| !matches!(b, b'<' | b'>' | b'|' | b'=')) {
        Some(b'f' | b'c') => Content::Floats,
        Some(b'i' | b'u' | b'b') => Content::Integers,
        Some(b'O') => Content::Objects,
        Some(_) | None => Content::Other,
    }
}
