//! Content under a compression: streams in a row whose contents are one, then whatever follows,
//! which is read too. Invariant: the codec is fed at fixed offsets, so that no chunking of the
//! input changes where it breaks.

use crate::coverage::Declared;
use crate::decode::codec::{Compression, Next};
use crate::decode::marks::Marks;
use crate::decode::stream::{PIECE, Progress, Stream};
use crate::evidence::IncompleteReason;
use crate::scanner::{Limits, Node, Place, Reader, Rest, Scan};

/// Compressed content.
#[derive(Debug)]
pub(crate) struct Coded {
    place: Place,
    compression: Compression,
    state: State,
    stream: Stream,
    /// Input that waits: for a whole piece, or to tell what follows a stream.
    held: Vec<u8>,
    /// The content of all streams.
    content: Node,
    /// Bytes that have been dealt with.
    input: u64,
    marks: Marks,
}

#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// More bytes are needed.
    More,
    /// So many were dealt with.
    Used(usize),
}

#[derive(Debug)]
enum State {
    Stream,
    /// Behind a stream.
    Between,
    /// Behind the last one, or where one broke.
    Rest(Box<Rest>),
}

impl Coded {
    pub(crate) fn new(place: Place, compression: Compression, limits: &Limits) -> Coded {
        Coded {
            content: Node::new(place.inside(compression.name())),
            stream: Stream::new(compression, &place, limits),
            place,
            compression,
            state: State::Stream,
            held: Vec::new(),
            input: 0,
            marks: Marks::default(),
        }
    }

    fn add_incomplete(&self, scan: &mut Scan, reason: IncompleteReason) {
        scan.evidence.add_incomplete(reason, self.place.member.as_ref());
    }

    /// Deals with some of the bytes; with all that it can where they are the last.
    fn step(&mut self, scan: &mut Scan, bytes: &[u8], is_last: bool) -> Step {
        match &mut self.state {
            State::Stream if bytes.len() >= PIECE || is_last => {
                self.piece(scan, bytes.get(..PIECE).unwrap_or(bytes))
            }
            State::Stream => Step::More,
            State::Between => match self.compression.next(bytes) {
                Next::More if !is_last => Step::More,
                Next::Padding(len) => Step::Used(len),
                Next::Stream => {
                    self.stream.restart(self.compression, &scan.limits);
                    self.state = State::Stream;
                    Step::Used(0)
                }
                Next::More | Next::Nothing => {
                    self.rest(scan, Declared::Nothing, &[], self.input);
                    Step::Used(0)
                }
            },
            State::Rest(rest) => {
                rest.feed(scan, bytes);
                Step::Used(bytes.len())
            }
        }
    }

    fn piece(&mut self, scan: &mut Scan, piece: &[u8]) -> Step {
        let content = &mut self.content;
        let mut sink = |scan: &mut Scan, decoded: &[u8]| content.feed(scan, decoded);
        match self.stream.feed(scan, piece, &mut sink) {
            Progress::More => {
                if let Some(mark) = self.stream.mark() {
                    let padding = (self.input + piece.len() as u64) - self.stream.input;
                    self.marks.set((mark.0 + padding, mark.1), self.content.cleared());
                }
                Step::Used(piece.len())
            }
            Progress::Ended(used) => {
                self.state = State::Between;
                let held = self.stream.held();
                let Some(used) = used.checked_sub(held.len()) else {
                    // What is held came with an earlier piece, which cannot be taken back.
                    let (held, start) = (held.to_vec(), self.input - (held.len() - used) as u64);
                    self.rest(scan, Declared::Nothing, &held, start);
                    return Step::Used(used);
                };
                Step::Used(used)
            }
            Progress::Failed(used, reason) => {
                self.add_incomplete(scan, reason);
                let held = self.stream.held().to_vec();
                let start = (self.input + used as u64).saturating_sub(held.len() as u64);
                // What was never a stream may be anything.
                let is_none = self.stream.output == 0;
                let declared = if is_none { Declared::Nothing } else { Declared::Opaque };
                self.rest(scan, declared, &held, start);
                Step::Used(used)
            }
        }
    }

    /// Reads on as it is: what is held, which begins at `start`, and what follows.
    fn rest(&mut self, scan: &mut Scan, declared: Declared, held: &[u8], start: u64) {
        self.content.finish(scan);
        let mut rest = Rest::new(&self.place, "behind", declared, start);
        rest.feed(scan, held);
        self.state = State::Rest(Box::new(rest));
    }

    fn take(&mut self, scan: &mut Scan, bytes: &[u8], is_last: bool) -> usize {
        let mut taken = 0;
        while let Some(rest) = bytes.get(taken..).filter(|rest| !rest.is_empty()) {
            match self.step(scan, rest, is_last) {
                Step::More => break,
                Step::Used(used) => {
                    taken += used;
                    self.input += used as u64;
                }
            }
        }
        taken
    }
}

impl Reader for Coded {
    fn feed(&mut self, scan: &mut Scan, mut bytes: &[u8]) {
        // Up to a whole piece, which is all that any state waits for.
        while !self.held.is_empty() && !bytes.is_empty() {
            let mut held = std::mem::take(&mut self.held);
            let had = held.len();
            let missing = PIECE.saturating_sub(had);
            let (now, later) = bytes.split_at_checked(missing).unwrap_or((bytes, &[]));
            held.extend_from_slice(now);
            let used = self.take(scan, &held, false);
            if used >= had {
                bytes = bytes.get(used - had..).unwrap_or_default();
                break;
            }
            held.drain(..used);
            self.held = held;
            bytes = later;
        }
        let used = self.take(scan, bytes, false);
        self.held.extend_from_slice(bytes.get(used..).unwrap_or_default());
    }

    fn finish(&mut self, scan: &mut Scan) {
        let held = std::mem::take(&mut self.held);
        self.take(scan, &held, true);
        if matches!(self.state, State::Stream) {
            let content = &mut self.content;
            let mut sink = |scan: &mut Scan, decoded: &[u8]| content.feed(scan, decoded);
            if !self.stream.finish(scan, &mut sink) {
                self.add_incomplete(scan, IncompleteReason::Truncated);
            }
            let held = self.stream.held().to_vec();
            if !held.is_empty() {
                self.rest(scan, Declared::Opaque, &held, self.input - held.len() as u64);
            }
        }
        match &mut self.state {
            State::Rest(rest) => rest.finish(scan),
            State::Between | State::Stream => self.content.finish(scan),
        }
    }

    fn cleared(&self) -> u64 {
        match &self.state {
            State::Rest(rest) => rest.cleared(),
            State::Between | State::Stream => self.marks.cleared(self.content.cleared()),
        }
    }
}
