//! Tape archives as a stream: ustar, pax, GNU and older. Entries are content of their own, names,
//! owners and extended headers text; whatever fills up a block or follows the end is read too.

mod header;

use crate::coverage::Declared;
use crate::evidence::IncompleteReason;
use crate::format::entry;
use crate::scanner::{Leaf, Node, Place, Reader, Rest, Scan};
pub(crate) use header::is_header;
use header::{BLOCK, Header, Records, Type};

/// Bytes of an extended header that are kept to be understood; longer ones are only read.
const EXTENDED_MAX: u64 = 1 << 20;

/// A tar.
#[derive(Debug)]
pub(crate) struct Tar {
    place: Place,
    state: State,
    /// A block that is not yet whole.
    held: Vec<u8>,
    /// Offset of the first byte that has not been dealt with.
    offset: u64,
    /// Entries so far.
    entries: u64,
    /// What extended headers say of the next entry.
    next: Records,
    /// Findings before the first header of the next entry.
    findings: Option<u64>,
}

#[derive(Debug)]
enum State {
    /// Before a header, or the blocks of zeros at the end; so many of these were there.
    Header { zeros: u64 },
    /// In an extended header, of which so many bytes are left.
    Extended { kind: Type, left: u64, kept: Vec<u8>, leaf: Box<Leaf>, start: u64 },
    /// In a block of a map of holes, before the content.
    Holes { size: u64, node: Box<Node> },
    /// In an entry of which so many bytes are left.
    Entry { left: u64, node: Box<Node>, start: u64 },
    /// In the bytes that fill up the last block of an entry.
    Filling(usize),
    /// Behind what can be understood.
    Rest(Box<Rest>),
}

impl Tar {
    pub(crate) fn new(place: Place) -> Tar {
        Tar {
            place,
            state: State::Header { zeros: 0 },
            held: Vec::new(),
            offset: 0,
            entries: 0,
            next: Records::default(),
            findings: None,
        }
    }

    fn add_incomplete(&self, scan: &mut Scan, reason: IncompleteReason) {
        scan.evidence.add_incomplete(reason, self.place.member.as_ref());
    }

    /// Deals with some of the bytes and says with how many.
    fn step(&mut self, scan: &mut Scan, bytes: &[u8]) -> usize {
        match &mut self.state {
            State::Header { .. } | State::Holes { .. } => self.block(scan, bytes, BLOCK),
            State::Filling(len) => {
                let len = *len;
                self.block(scan, bytes, len)
            }
            State::Extended { left, kept, leaf, .. } => {
                let part = first(bytes, *left);
                *left -= part.len() as u64;
                leaf.feed(scan, part);
                kept.extend_from_slice(first(part, EXTENDED_MAX.saturating_sub(kept.len() as u64)));
                if *left == 0 {
                    self.end_extended(scan, part.len());
                }
                part.len()
            }
            State::Entry { left, node, start } => {
                let part = first(bytes, *left);
                *left -= part.len() as u64;
                node.feed(scan, part);
                if *left == 0 {
                    node.finish(scan);
                    let size = self.offset + part.len() as u64 - *start;
                    self.fill_up(size);
                }
                part.len()
            }
            State::Rest(rest) => {
                rest.feed(scan, bytes);
                bytes.len()
            }
        }
    }

    /// Collects a block of `len` bytes.
    fn block(&mut self, scan: &mut Scan, bytes: &[u8], len: usize) -> usize {
        let missing = len - self.held.len();
        let part = bytes.get(..missing).unwrap_or(bytes);
        self.held.extend_from_slice(part);
        if self.held.len() == len {
            let block = std::mem::take(&mut self.held);
            let end = self.offset + part.len() as u64;
            self.end_block(scan, &block, end);
        }
        part.len()
    }

    fn end_block(&mut self, scan: &mut Scan, block: &[u8], end: u64) {
        let is_zero = block.iter().all(|byte| *byte == 0);
        let state = std::mem::replace(&mut self.state, State::Header { zeros: 0 });
        match state {
            State::Filling(_) if is_zero => scan.evidence.coverage.read += block.len() as u64,
            State::Filling(_) => self.aside(scan, "slack", block),
            State::Holes { size, node } => {
                scan.evidence.coverage.read += block.len() as u64;
                // At its end a block says whether another follows.
                let is_last = block.get(504) != Some(&1);
                self.state =
                    if is_last { Tar::entry(size, node, end) } else { State::Holes { size, node } };
            }
            State::Header { zeros } if is_zero => {
                scan.evidence.coverage.read += block.len() as u64;
                self.state = State::Header { zeros: zeros + 1 };
            }
            State::Header { zeros } => self.header(scan, block, (zeros, end)),
            State::Entry { .. } | State::Extended { .. } | State::Rest(_) => self.state = state,
        }
    }

    fn header(&mut self, scan: &mut Scan, block: &[u8], (zeros, end): (u64, u64)) {
        let header = Header::parse(block);
        let reason = match &header {
            // Behind the end stands what is no part of it.
            None if zeros > 0 => None,
            None => Some(IncompleteReason::Damaged),
            Some(_) if !scan.may_enter() => Some(IncompleteReason::EntriesMax),
            Some(header) => return self.open(scan, header, end),
        };
        if let Some(reason) = reason {
            self.add_incomplete(scan, reason);
        }
        let start = end - block.len() as u64;
        let mut rest = Rest::new(&self.place, "behind", Declared::Nothing, start);
        rest.feed(scan, block);
        self.state = State::Rest(Box::new(rest));
    }

    fn open(&mut self, scan: &mut Scan, header: &Header, end: u64) {
        let before = *self.findings.get_or_insert(scan.evidence.tally.total());
        let text = header.name.len() + header.texts.len();
        scan.evidence.coverage.read += BLOCK.saturating_sub(text) as u64;
        if matches!(header.kind, Type::LongLink | Type::LongName | Type::Pax) {
            self.aside(scan, "header", &header.name);
            self.aside(scan, "header", &header.texts);
            let leaf = Box::new(self.place.leaf_inside("header", Declared::Nothing));
            let (kind, kept, left) = (header.kind, Vec::new(), header.size);
            self.state = State::Extended { kind, left, kept, leaf, start: end };
            if left == 0 {
                self.end_extended(scan, 0);
            }
            return;
        }
        self.entries += 1;
        self.findings = None;
        let next = std::mem::take(&mut self.next);
        let number = format!("#{}", self.entries);
        let name = match &next.path {
            // The header has but the beginning of a name that has been read.
            Some(path) if path.starts_with(&header.name) => {
                scan.evidence.coverage.read += header.name.len() as u64;
                path
            }
            longer => {
                self.aside(scan, &number, &header.name);
                longer.as_ref().unwrap_or(&header.name)
            }
        };
        self.aside(scan, &number, &header.texts);
        let is_clean = scan.evidence.tally.total() == before;
        let place = entry::told(scan, &self.place, (name, self.entries), is_clean);
        let complain = |scan: &mut Scan, reason| {
            scan.evidence.add_incomplete(reason, place.member.as_ref());
        };
        let size = next.size.unwrap_or(header.size);
        if next.is_sparse || header.kind == Type::Sparse {
            complain(scan, IncompleteReason::UnknownEncoding);
        }
        if header.kind == Type::Empty {
            // Some readers skip so many bytes, some none.
            if size > 0 {
                complain(scan, IncompleteReason::Damaged);
            }
            return;
        }
        let node = Box::new(Node::new(place));
        self.state = if header.is_extended {
            State::Holes { size, node }
        } else {
            Tar::entry(size, node, end)
        };
    }

    /// The state before the content of an entry.
    fn entry(size: u64, node: Box<Node>, start: u64) -> State {
        if size == 0 {
            State::Header { zeros: 0 }
        } else {
            State::Entry { left: size, node, start }
        }
    }

    fn end_extended(&mut self, scan: &mut Scan, taken: usize) {
        let state = std::mem::replace(&mut self.state, State::Header { zeros: 0 });
        let State::Extended { kind, kept, mut leaf, start, .. } = state else { return };
        leaf.finish(scan);
        let size = self.offset + taken as u64 - start.min(self.offset + taken as u64);
        let is_whole = size == kept.len() as u64;
        let is_right = match kind {
            Type::Pax => self.next.add(&kept),
            Type::LongName => {
                let end = memchr::memchr(0, &kept).unwrap_or(kept.len());
                self.next.path = Some(kept.get(..end).unwrap_or_default().to_vec());
                true
            }
            Type::Empty | Type::File | Type::LongLink | Type::Sparse => true,
        };
        if !is_whole {
            self.add_incomplete(scan, IncompleteReason::HeaderMax);
        } else if !is_right {
            self.add_incomplete(scan, IncompleteReason::Damaged);
        }
        self.fill_up(size);
    }

    /// Goes on behind content of so many bytes.
    fn fill_up(&mut self, size: u64) {
        let over = usize::try_from(size % BLOCK as u64).unwrap_or(0);
        let is_even = over == 0;
        self.state =
            if is_even { State::Header { zeros: 0 } } else { State::Filling(BLOCK - over) };
    }

    /// Reads bytes beside the entries.
    fn aside(&self, scan: &mut Scan, name: &str, bytes: &[u8]) {
        let mut leaf = self.place.leaf_inside(name, Declared::Nothing);
        leaf.field(scan, bytes);
        leaf.finish(scan);
    }
}

impl Reader for Tar {
    fn feed(&mut self, scan: &mut Scan, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let used = self.step(scan, bytes);
            self.offset += used as u64;
            bytes = bytes.get(used..).unwrap_or_default();
        }
    }

    fn finish(&mut self, scan: &mut Scan) {
        let held = std::mem::take(&mut self.held);
        if !held.is_empty() {
            self.aside(scan, "slack", &held);
        }
        let is_over = matches!(self.state, State::Header { zeros: 1.. } | State::Rest(_));
        if !is_over || !held.is_empty() {
            self.add_incomplete(scan, IncompleteReason::Truncated);
        }
        match &mut self.state {
            State::Entry { node, .. } => node.finish(scan),
            State::Extended { leaf, .. } => leaf.finish(scan),
            State::Rest(rest) => rest.finish(scan),
            State::Filling(_) | State::Header { .. } | State::Holes { .. } => {}
        }
    }

    fn cleared(&self) -> u64 {
        match &self.state {
            State::Entry { node, start, .. } => start + node.cleared(),
            State::Extended { leaf, start, .. } => start + leaf.cleared(),
            State::Rest(rest) => rest.cleared(),
            State::Filling(_) | State::Header { .. } | State::Holes { .. } => {
                self.offset - self.held.len() as u64
            }
        }
    }
}

/// At most so many of the bytes.
fn first(bytes: &[u8], len: u64) -> &[u8] {
    bytes.get(..usize::try_from(len).unwrap_or(usize::MAX)).unwrap_or(bytes)
}
