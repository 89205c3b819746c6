//! gRPC messages in a stream (gRPC over HTTP/2, "Length-Prefixed-Message"; gRPC-Web trailers too).
//! Each message is content of its own; a compressed one is read by the encoding that the sender
//! tells.

pub(crate) mod text;

use crate::coverage::Declared;
use crate::decode::Encoding;
use crate::evidence::IncompleteReason;
use crate::format::told::Told;
use crate::scanner::{Node, Place, Reader, Rest, Scan};

/// A flag and a length.
const HEADER: usize = 5;

/// A stream of messages.
#[derive(Debug)]
pub(crate) struct Grpc {
    place: Place,
    encoding: Encoding,
    /// Whether messages are Protocol Buffers.
    is_protobuf: bool,
    state: State,
    /// A header that is not yet whole.
    held: Vec<u8>,
    /// Bytes that have been dealt with.
    offset: u64,
    messages: u64,
}

#[derive(Debug)]
enum State {
    Header,
    /// In a message of which so many bytes are left, and which begins at this offset.
    Message {
        left: u64,
        node: Box<Node>,
        start: u64,
    },
    Rest(Box<Rest>),
}

impl Grpc {
    /// Messages of which the compressed ones have this encoding.
    pub(crate) fn new(place: Place, encoding: Encoding, is_protobuf: bool) -> Grpc {
        let state = State::Header;
        Grpc { place, encoding, is_protobuf, state, held: Vec::new(), offset: 0, messages: 0 }
    }

    /// Deals with some of the bytes and says with how many.
    fn step(&mut self, scan: &mut Scan, bytes: &[u8]) -> usize {
        match &mut self.state {
            State::Header => {
                let part = bytes.get(..HEADER - self.held.len()).unwrap_or(bytes);
                self.held.extend_from_slice(part);
                if let Some(&header) = self.held.first_chunk::<HEADER>() {
                    self.header(scan, header, self.offset + part.len() as u64);
                }
                part.len()
            }
            State::Message { left, node, .. } => {
                let len = usize::try_from(*left).unwrap_or(usize::MAX);
                let part = bytes.get(..len).unwrap_or(bytes);
                *left -= part.len() as u64;
                node.feed(scan, part);
                if *left == 0 {
                    node.finish(scan);
                    self.state = State::Header;
                }
                part.len()
            }
            State::Rest(rest) => {
                rest.feed(scan, bytes);
                bytes.len()
            }
        }
    }

    fn header(&mut self, scan: &mut Scan, [flags, a, b, c, d]: [u8; HEADER], end: u64) {
        /// Of gRPC-Web: trailers instead of a message.
        const TRAILERS: u8 = 0x80;
        if flags & !(TRAILERS | 1) != 0 {
            let member = self.place.member.as_ref();
            scan.evidence.add_incomplete(IncompleteReason::Damaged, member);
            return self.go_on_as_it_is(scan, end - HEADER as u64);
        }
        scan.evidence.coverage.read += HEADER as u64;
        scan.seam.get_or_insert_default().begin();
        self.held.clear();
        self.messages += 1;
        let left = u64::from(u32::from_be_bytes([a, b, c, d]));
        let mut place = self.place.inside(&format!("grpc#{}", self.messages));
        if flags & 1 != 0 {
            place.encodings = vec![self.encoding];
        }
        place.told = (self.is_protobuf && flags & TRAILERS == 0).then_some(Told::Protobuf);
        let node = Box::new(Node::new(place));
        if left > 0 {
            self.state = State::Message { left, node, start: end };
        }
    }

    /// Reads on without structure, from what is held, which begins at `start`.
    fn go_on_as_it_is(&mut self, scan: &mut Scan, start: u64) {
        let mut rest = Rest::new(&self.place, "behind", Declared::Nothing, start);
        rest.feed(scan, &std::mem::take(&mut self.held));
        self.state = State::Rest(Box::new(rest));
    }
}

impl Reader for Grpc {
    fn feed(&mut self, scan: &mut Scan, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let used = self.step(scan, bytes);
            self.offset += used as u64;
            bytes = bytes.get(used..).unwrap_or_default();
        }
    }

    fn finish(&mut self, scan: &mut Scan) {
        let is_over = match &self.state {
            State::Header => self.held.is_empty(),
            State::Message { .. } => false,
            State::Rest(_) => true,
        };
        if !is_over {
            let member = self.place.member.as_ref();
            scan.evidence.add_incomplete(IncompleteReason::Truncated, member);
        }
        if !self.held.is_empty() {
            self.go_on_as_it_is(scan, self.offset - self.held.len() as u64);
        }
        match &mut self.state {
            State::Header => {}
            State::Message { node, .. } => node.finish(scan),
            State::Rest(rest) => rest.finish(scan),
        }
    }

    fn cleared(&self) -> u64 {
        match &self.state {
            State::Header => self.offset - self.held.len() as u64,
            // A message leaves whole or not at all: half of one is nothing that a receiver can undo.
            State::Message { start, .. } => start - HEADER as u64,
            State::Rest(rest) => rest.cleared(),
        }
    }
}
