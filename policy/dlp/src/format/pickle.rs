//! Python pickles, protocols 2 to 5: a walk over the opcodes that never builds or calls anything.
//! Strings and integers become one text, a line each, so that a key stands right before its value;
//! byte strings are content of their own. What follows the last pickle, as in old PyTorch files, is
//! read too.

mod keyed;
mod opcode;

use crate::coverage::Declared;
use crate::scanner::{Leaf, Node, Place, Reader, Scan};
use keyed::Keyed;
use opcode::{Argument, Payload};

/// Byte strings from this length on are content of their own; shorter ones are judged together.
const CONTENT_MIN: u64 = 512;
/// Bytes of an argument of fixed length, or of a length.
const FIXED_MAX: usize = 8;

/// A pickle, or several in a row.
#[derive(Debug)]
pub(crate) struct Pickle {
    place: Place,
    state: State,
    /// The strings and integers.
    text: Leaf,
    /// Short byte strings, one after another.
    small: Leaf,
    /// Things put into the memo. Its indices are used in order, so none is larger.
    memo: u64,
    input: u64,
    keyed: Keyed,
}

#[derive(Debug)]
enum State {
    /// Before an opcode; whether it is the first of a pickle, where only `PROTO` may stand.
    Opcode { is_first: bool },
    /// In an argument of fixed length, or in the length of one.
    Fixed { argument: Argument, held: Vec<u8> },
    /// In so many lines of text.
    Lines(u8),
    /// In a string of so many bytes.
    Text(u64),
    /// In a short byte string.
    Small(u64),
    /// In a long byte string.
    Content(u64, Box<Node>),
    /// Behind the last pickle, or where it broke, from this offset on.
    Behind { leaf: Box<Leaf>, start: u64 },
}

/// Whether a pickle may begin with this opcode, behind its `PROTO`.
pub(crate) fn may_begin(opcode: u8) -> bool {
    opcode::argument(opcode).is_some()
}

impl Pickle {
    pub(crate) fn new(place: Place) -> Pickle {
        Pickle {
            text: place.leaf_inside("pickle", Declared::Nothing),
            small: place.leaf_inside("pickle", Declared::Tensor),
            place,
            state: State::Opcode { is_first: true },
            memo: 0,
            input: 0,
            keyed: Keyed::default(),
        }
    }

    /// Takes some of the bytes and says how many.
    fn step(&mut self, scan: &mut Scan, bytes: &[u8]) -> usize {
        match &mut self.state {
            State::Opcode { is_first } => {
                let is_first = *is_first;
                self.opcode(scan, bytes, is_first)
            }
            State::Fixed { argument, held } => {
                let missing = argument.len().min(FIXED_MAX) - held.len();
                let part = bytes.get(..missing).unwrap_or(bytes);
                held.extend_from_slice(part);
                if part.len() == missing {
                    let (argument, held) = (*argument, std::mem::take(held));
                    self.state = self.fixed(scan, argument, &held);
                }
                part.len()
            }
            State::Lines(left) => {
                let end = memchr::memchr(b'\n', bytes).map(|at| at + 1);
                let used = end.unwrap_or(bytes.len());
                *left -= u8::from(end.is_some());
                let is_over = *left == 0;
                self.text.feed(scan, bytes.get(..used).unwrap_or_default());
                if is_over {
                    self.state = State::Opcode { is_first: false };
                }
                used
            }
            State::Text(_) | State::Small(_) | State::Content(..) => self.payload(scan, bytes),
            State::Behind { leaf, .. } => {
                leaf.feed(scan, bytes);
                bytes.len()
            }
        }
    }

    fn opcode(&mut self, scan: &mut Scan, bytes: &[u8], is_first: bool) -> usize {
        let Some(&byte) = bytes.first() else { return 0 };
        let argument = opcode::argument(byte).filter(|_| !is_first || byte == opcode::PROTO);
        let Some(argument) = argument else {
            self.state = self.broken(scan);
            return 0;
        };
        scan.evidence.coverage.read += 1;
        self.state = match argument {
            _ if byte == opcode::STOP => {
                self.memo = 0;
                State::Opcode { is_first: true }
            }
            _ if byte == opcode::MEMOIZE => {
                self.memo += 1;
                State::Opcode { is_first: false }
            }
            Argument::Nothing => State::Opcode { is_first: false },
            Argument::Lines(lines) => State::Lines(lines),
            Argument::Bytes(_)
            | Argument::Counted(..)
            | Argument::Float
            | Argument::Get(_)
            | Argument::Integer(_)
            | Argument::Put(_) => State::Fixed { argument, held: Vec::with_capacity(FIXED_MAX) },
        };
        1
    }

    /// What follows a whole argument of fixed length.
    fn fixed(&mut self, scan: &mut Scan, argument: Argument, held: &[u8]) -> State {
        let coverage = &mut scan.evidence.coverage;
        match argument {
            Argument::Float | Argument::Integer(_) => coverage.numeric += held.len() as u64,
            Argument::Bytes(_)
            | Argument::Counted(..)
            | Argument::Get(_)
            | Argument::Lines(_)
            | Argument::Nothing
            | Argument::Put(_) => coverage.read += held.len() as u64,
        }
        match argument {
            Argument::Get(_) | Argument::Put(_) if opcode::unsigned(held) > self.memo => {
                self.broken(scan)
            }
            Argument::Put(_) => {
                self.memo += 1;
                State::Opcode { is_first: false }
            }
            Argument::Integer(_) => {
                self.keyed.forget();
                let value = opcode::integer(held).to_string();
                self.text.watch(scan, value.as_bytes());
                self.text.watch(scan, b"\n");
                State::Opcode { is_first: false }
            }
            Argument::Counted(_, payload) => self.counted(scan, opcode::unsigned(held), payload),
            Argument::Bytes(_)
            | Argument::Float
            | Argument::Get(_)
            | Argument::Lines(_)
            | Argument::Nothing => State::Opcode { is_first: false },
        }
    }

    fn counted(&mut self, scan: &mut Scan, len: u64, payload: Payload) -> State {
        match payload {
            Payload::Text if len == 0 => {
                self.text.watch(scan, b"\n");
                State::Opcode { is_first: false }
            }
            _ if len == 0 => State::Opcode { is_first: false },
            Payload::Text => State::Text(len),
            Payload::Integer if len <= FIXED_MAX as u64 => {
                let len = usize::try_from(len).unwrap_or(FIXED_MAX);
                State::Fixed { argument: Argument::Integer(len), held: Vec::new() }
            }
            Payload::Bytes if len >= CONTENT_MIN => {
                State::Content(len, Box::new(Node::new(self.place.inside("pickle"))))
            }
            Payload::Bytes | Payload::Integer => State::Small(len),
        }
    }

    fn payload(&mut self, scan: &mut Scan, bytes: &[u8]) -> usize {
        let left = match &mut self.state {
            State::Text(left) | State::Small(left) | State::Content(left, _) => left,
            State::Behind { .. } | State::Fixed { .. } | State::Lines(_) | State::Opcode { .. } => {
                return 0;
            }
        };
        let part = bytes.get(..usize::try_from(*left).unwrap_or(usize::MAX)).unwrap_or(bytes);
        *left -= part.len() as u64;
        let is_over = *left == 0;
        match &mut self.state {
            State::Content(_, node) => {
                node.feed(scan, part);
                if is_over {
                    node.finish(scan);
                }
            }
            State::Small(_) => self.small.feed(scan, part),
            State::Text(_) => {
                let start = self.text.offset();
                self.text.feed(scan, part);
                self.keyed.take(part, start);
                if is_over {
                    self.keyed.end(&mut self.text);
                    self.text.watch(scan, b"\n");
                }
            }
            State::Behind { .. } | State::Fixed { .. } | State::Lines(_) | State::Opcode { .. } => {
            }
        }
        if is_over {
            self.state = State::Opcode { is_first: false };
        }
        part.len()
    }

    /// Reads on as a plain leaf: this is no pickle, or no more.
    fn broken(&mut self, scan: &mut Scan) -> State {
        self.text.finish(scan);
        self.small.finish(scan);
        let leaf = Box::new(self.place.leaf_inside("behind", Declared::Nothing));
        State::Behind { leaf, start: self.input }
    }
}

impl Reader for Pickle {
    fn feed(&mut self, scan: &mut Scan, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let used = self.step(scan, bytes);
            self.input += used as u64;
            bytes = bytes.get(used..).unwrap_or_default();
        }
    }

    fn finish(&mut self, scan: &mut Scan) {
        match &mut self.state {
            State::Behind { leaf, .. } => leaf.finish(scan),
            State::Content(_, node) => node.finish(scan),
            State::Fixed { held, .. } => scan.evidence.coverage.unidentified += held.len() as u64,
            State::Lines(_) | State::Opcode { .. } | State::Small(_) | State::Text(_) => {}
        }
        self.text.finish(scan);
        self.small.finish(scan);
    }

    fn cleared(&self) -> u64 {
        match &self.state {
            State::Behind { leaf, start } => start + leaf.cleared(),
            // The text is made of pieces, which is not mapped back.
            State::Content(..)
            | State::Fixed { .. }
            | State::Lines(_)
            | State::Opcode { .. }
            | State::Small(_)
            | State::Text(_) => 0,
        }
    }
}
