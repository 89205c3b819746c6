//! Deflate in its wrappers. Gzip (RFC 1952): header, deflate, check value and size, any number of
//! members in a row whose contents are one stream. HTTP's `deflate`: zlib (RFC 1950) or bare. What
//! follows the end is read too.

mod header;

use crate::coverage::Declared;
use crate::decode::inflate::{Inflate, Marks, Progress, first_stride};
use crate::evidence::IncompleteReason;
use crate::scanner::{Leaf, Node, Place, Reader, Scan};
use header::Parsed;

/// Bytes of a member's header that are kept.
const HEADER_MAX: usize = 4096;
const TRAILER: usize = 8;
/// Magic, method, flags, time, extra flags, system (RFC 1952, section 2.3).
const FIXED: usize = 10;

/// What stands around the deflate stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrapper {
    Deflate,
    Gzip,
}

impl Wrapper {
    fn name(self) -> &'static str {
        match self {
            Self::Deflate => "deflate",
            Self::Gzip => "gzip",
        }
    }
}

/// A wrapped deflate stream.
#[derive(Debug)]
pub(crate) struct Gzip {
    place: Place,
    wrapper: Wrapper,
    state: State,
    /// Bytes of a header or trailer that is not yet whole.
    held: Vec<u8>,
    /// The content of all members.
    content: Node,
    /// Bytes taken in.
    input: u64,
    /// Decoded bytes of all members.
    output: u64,
    marks: Marks,
}

#[derive(Debug)]
enum State {
    /// In a member's header; whether it is the first.
    Header { is_first: bool },
    /// In a deflate stream.
    Body(Box<Inflate>),
    /// In the trailer of a stream with this check value and size.
    Trailer { crc: u32, size: u64 },
    /// Behind the last member, or where there is none: bytes that are read as they are, from this
    /// offset on.
    Behind { leaf: Box<Leaf>, start: u64 },
    /// Behind a limit or a break.
    Skipping,
}

impl Gzip {
    pub(crate) fn new(place: Place, wrapper: Wrapper) -> Gzip {
        Gzip {
            content: Node::new(place.inside(wrapper.name())),
            place,
            wrapper,
            state: State::Header { is_first: true },
            held: Vec::new(),
            input: 0,
            output: 0,
            marks: Marks::default(),
        }
    }

    fn add_incomplete(&self, scan: &mut Scan, reason: IncompleteReason) {
        scan.evidence.add_incomplete(reason, self.place.member.as_ref());
    }

    /// Takes some of the bytes and says how many.
    fn step(&mut self, scan: &mut Scan, bytes: &[u8]) -> usize {
        match &mut self.state {
            State::Header { is_first } => {
                let is_first = *is_first;
                self.header(scan, bytes, is_first)
            }
            State::Body(_) => self.body(scan, first_stride(bytes)),
            State::Trailer { crc, size } => {
                let (crc, size) = (*crc, *size);
                self.trailer(scan, bytes, (crc, size))
            }
            State::Behind { leaf, .. } => {
                leaf.feed(scan, bytes);
                bytes.len()
            }
            State::Skipping => {
                scan.evidence.coverage.skipped += bytes.len() as u64;
                bytes.len()
            }
        }
    }

    fn header(&mut self, scan: &mut Scan, bytes: &[u8], is_first: bool) -> usize {
        let had = self.held.len();
        let start = self.input - had as u64;
        let take = bytes.len().min(HEADER_MAX - had);
        self.held.extend_from_slice(bytes.get(..take).unwrap_or_default());
        let parsed = match self.wrapper {
            Wrapper::Deflate => header::zlib(&self.held),
            Wrapper::Gzip => header::gzip(&self.held),
        };
        match parsed {
            Parsed::Whole { len, is_zlib } => {
                let mut leaf = self.place.leaf_inside("header", Declared::Nothing);
                // Behind the fixed part stand the sender's own fields: extra, name, comment.
                let fixed = len.min(FIXED);
                scan.evidence.coverage.read += fixed as u64;
                leaf.field(scan, self.held.get(fixed..len).unwrap_or_default());
                leaf.finish(scan);
                self.state = State::Body(Box::new(Inflate::new(is_zlib)));
                // What was held beyond the header came with these bytes, but for the two that tell
                // zlib.
                let beyond = self.held.get(len..had.max(len)).unwrap_or_default().to_vec();
                self.held.clear();
                if !beyond.is_empty() {
                    self.body(scan, &beyond);
                }
                len.saturating_sub(had)
            }
            Parsed::Partial if self.held.len() < HEADER_MAX => take,
            Parsed::Other if !is_first => {
                self.go_behind(scan, start);
                take
            }
            Parsed::Other | Parsed::Partial => {
                let reason = match parsed {
                    Parsed::Partial => IncompleteReason::HeaderMax,
                    Parsed::Other | Parsed::Whole { .. } => IncompleteReason::Damaged,
                };
                self.add_incomplete(scan, reason);
                self.go_behind(scan, start);
                take
            }
        }
    }

    fn body(&mut self, scan: &mut Scan, piece: &[u8]) -> usize {
        let State::Body(inflate) = &mut self.state else { return 0 };
        let (content, before) = (&mut self.content, inflate.output);
        let progress = inflate.feed(scan, piece, &mut |scan, decoded| content.feed(scan, decoded));
        self.output += inflate.output - before;
        match progress {
            Progress::More => {
                let encoded = self.input + piece.len() as u64;
                self.marks.set(encoded, self.output, self.content.cleared());
                piece.len()
            }
            Progress::Ended(used) if self.wrapper == Wrapper::Gzip => {
                let crc = inflate.crc.clone().finalize();
                self.state = State::Trailer { crc, size: inflate.output };
                used
            }
            Progress::Ended(used) => {
                self.go_behind(scan, self.input + used as u64);
                used
            }
            Progress::Failed(used, reason) => {
                self.add_incomplete(scan, reason);
                self.state = State::Skipping;
                used
            }
        }
    }

    fn trailer(&mut self, scan: &mut Scan, bytes: &[u8], (crc, size): (u32, u64)) -> usize {
        let take = bytes.len().min(TRAILER - self.held.len());
        self.held.extend_from_slice(bytes.get(..take).unwrap_or_default());
        if let Some(&[a, b, c, d, e, f, g, h]) = self.held.first_chunk::<TRAILER>() {
            // The size is kept modulo 2^32.
            let is_right = u32::from_le_bytes([a, b, c, d]) == crc
                && u64::from(u32::from_le_bytes([e, f, g, h])) == size & 0xffff_ffff;
            if !is_right {
                self.add_incomplete(scan, IncompleteReason::Damaged);
            }
            scan.evidence.coverage.read += TRAILER as u64;
            self.held.clear();
            self.state = State::Header { is_first: false };
        }
        take
    }

    /// Reads on as a plain leaf, from what is held, which begins at `start`.
    fn go_behind(&mut self, scan: &mut Scan, start: u64) {
        self.content.finish(scan);
        let mut leaf = Box::new(self.place.leaf_inside("behind", Declared::Nothing));
        leaf.feed(scan, &std::mem::take(&mut self.held));
        self.state = State::Behind { leaf, start };
    }
}

impl Reader for Gzip {
    fn feed(&mut self, scan: &mut Scan, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let used = self.step(scan, bytes);
            self.input += used as u64;
            bytes = bytes.get(used..).unwrap_or_default();
        }
    }

    fn finish(&mut self, scan: &mut Scan) {
        let is_truncated = match &self.state {
            State::Header { is_first } => *is_first,
            State::Body(_) | State::Trailer { .. } => true,
            State::Behind { .. } | State::Skipping => false,
        };
        if is_truncated {
            self.add_incomplete(scan, IncompleteReason::Truncated);
        }
        if !self.held.is_empty() {
            self.go_behind(scan, self.input - self.held.len() as u64);
        }
        match &mut self.state {
            State::Behind { leaf, .. } => leaf.finish(scan),
            State::Body(_) | State::Header { .. } | State::Skipping | State::Trailer { .. } => {
                self.content.finish(scan);
            }
        }
    }

    fn cleared(&self) -> u64 {
        match &self.state {
            State::Behind { leaf, start } => start + leaf.cleared(),
            State::Body(_) | State::Header { .. } | State::Skipping | State::Trailer { .. } => {
                self.marks.cleared(self.content.cleared())
            }
        }
    }
}
