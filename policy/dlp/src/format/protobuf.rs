//! Protocol Buffers without their schema (the protobuf Encoding page): a walk over keys and lengths.
//! Text fields are read, messages entered, other bytes are content of their own; large fields pass
//! as they come. So are ONNX models read. Invariant: where the grammar breaks, what is left of that
//! field is read as plain bytes.

mod wire;

use crate::coverage::Declared;
use crate::format::walk::{Grammar, Walk, Want};
use crate::format::whole::count_read;
use crate::scanner::{Leaf, Node, Place, Reader, Scan, is_plain_text, seam};
use wire::{Key, Wire};

pub(crate) use wire::is_onnx;

/// Fields up to here are looked at whole.
const FIELD_MAX: u64 = 64 * 1024;
/// First bytes of a larger field, by which it is known what it is.
const PEEK: usize = 64;
/// Messages inside each other.
const MESSAGES_MAX: usize = 64;
/// Bytes that are no text and no message are content of their own from this length on.
const CONTENT_MIN: usize = 512;

/// A message.
pub(crate) type Protobuf = Walk<Message>;

impl Protobuf {
    /// A reader of one message.
    pub(crate) fn of(place: Place) -> Protobuf {
        Walk::new(Message::new(place))
    }
}

/// The grammar of a message.
#[derive(Debug)]
pub(crate) struct Message {
    place: Place,
    /// Text fields, a line each.
    text: Leaf,
    /// Everything else that stands in short fields.
    bytes: Leaf,
    /// Where the open messages end.
    ends: Vec<u64>,
    state: State,
    /// The bytes of a number so far.
    number: u64,
    shift: u32,
    content: Option<Box<Node>>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Where the grammar broke.
    Broken,
    Content,
    Field,
    Fixed,
    Key,
    Length,
    /// In the first bytes of a field of so many.
    Peek(u64),
    Varint,
}

impl Message {
    fn new(place: Place) -> Message {
        Message {
            text: place.leaf_inside("protobuf", Declared::Nothing),
            bytes: place.leaf_inside("protobuf", Declared::Tensor),
            place,
            ends: Vec::new(),
            state: State::Key,
            number: 0,
            shift: 0,
            content: None,
        }
    }

    fn become_number(&mut self, state: State) -> Want {
        (self.number, self.shift, self.state) = (0, 0, state);
        Want::Whole(1)
    }

    /// What comes behind a field that ends at `at`.
    fn next(&mut self, at: u64) -> Want {
        while self.ends.last().is_some_and(|end| *end <= at) {
            self.ends.pop();
        }
        self.become_number(State::Key)
    }

    /// Reads on as plain bytes to the end of this message.
    fn broken(&mut self, scan: &mut Scan, at: u64) -> Want {
        self.bytes.declare(scan, Declared::Nothing);
        self.state = State::Broken;
        match self.ends.last() {
            Some(end) => Want::Stream(end.saturating_sub(at)),
            None => Want::Rest,
        }
    }

    /// Takes a byte of a number; the number, once it is whole.
    fn number(&mut self, byte: u8) -> Result<Option<u64>, ()> {
        if self.shift > 63 {
            return Err(());
        }
        self.number |= u64::from(byte & 0x7f) << self.shift;
        self.shift += 7;
        Ok((byte & 0x80 == 0).then_some(self.number))
    }

    fn numeral(&mut self, scan: &mut Scan, at: u64, bytes: &[u8]) -> Want {
        let number = match self.number(bytes.first().copied().unwrap_or(0)) {
            Err(()) => return self.broken(scan, at),
            Ok(None) => return Want::Whole(1),
            Ok(Some(number)) => number,
        };
        match self.state {
            State::Key => match Key::of(number).map(|key| key.wire) {
                Some(Wire::Varint) => self.become_number(State::Varint),
                Some(Wire::Bytes) => self.become_number(State::Length),
                Some(Wire::Fixed(len)) => {
                    self.state = State::Fixed;
                    Want::Whole(len)
                }
                None => self.broken(scan, at),
            },
            State::Length => self.begin(scan, at, number),
            State::Broken
            | State::Content
            | State::Field
            | State::Fixed
            | State::Peek(_)
            | State::Varint => self.next(at),
        }
    }

    /// Begins a field of bytes at the offset `at`.
    fn begin(&mut self, scan: &mut Scan, at: u64, len: u64) -> Want {
        let room = self.ends.last().map_or(u64::MAX, |end| end.saturating_sub(at));
        if len > room {
            return self.broken(scan, at);
        }
        if len == 0 {
            return self.next(at);
        }
        if let Some(small) = usize::try_from(len).ok().filter(|_| len <= FIELD_MAX) {
            self.state = State::Field;
            return Want::Whole(small);
        }
        self.state = State::Peek(len);
        Want::Whole(PEEK)
    }

    /// Decides by its first bytes what a large field is.
    fn peek(&mut self, scan: &mut Scan, at: u64, len: u64, bytes: &[u8]) -> Want {
        let is_text = is_plain_text(bytes.get(..PEEK - 4).unwrap_or(bytes));
        if !is_text && wire::may_begin(bytes, len) && self.ends.len() < MESSAGES_MAX {
            self.ends.push(at.saturating_add(len));
            self.become_number(State::Key);
            return Want::Within(1);
        }
        let mut place = self.place.inside("protobuf");
        place.declared = Declared::Tensor;
        let mut node = Box::new(Node::new(place));
        node.feed(scan, bytes);
        self.content = Some(node);
        self.state = State::Content;
        Want::Stream(len - bytes.len() as u64)
    }

    /// A whole field.
    fn field(&mut self, scan: &mut Scan, bytes: &[u8], depth: usize) {
        // A message of text begins with a key, which is a control.
        let is_text = is_plain_text(bytes) && bytes.first().is_some_and(|b| *b >= b' ');
        let fields = if is_text || depth >= MESSAGES_MAX { None } else { wire::fields(bytes) };
        if let Some(fields) = fields {
            let mut inner = 0;
            for field in fields {
                inner += field.len();
                self.field(scan, field, depth + 1);
            }
            return count_read(scan, bytes.len() - inner);
        }
        if is_plain_text(bytes) {
            self.text.field(scan, bytes);
            self.text.watch(scan, b"\n");
            let member = scan.seam.is_some().then(|| self.place.member_inside("protobuf"));
            seam::take(scan, member.as_ref(), bytes);
        } else if bytes.len() >= CONTENT_MIN {
            let mut place = self.place.inside("protobuf");
            place.declared = Declared::Tensor;
            let mut node = Node::new(place);
            node.feed(scan, bytes);
            node.finish(scan);
        } else {
            self.bytes.declare(scan, Declared::Tensor);
            self.bytes.feed(scan, bytes);
            // A control among its letters makes it no text, and hides nothing.
            let member = scan.seam.is_some().then(|| self.place.member_inside("protobuf"));
            seam::take_ends(scan, member.as_ref(), (bytes, bytes));
        }
    }
}

impl Grammar for Message {
    fn first(&self) -> Want {
        Want::Whole(1)
    }

    fn whole(&mut self, scan: &mut Scan, at: u64, bytes: &[u8]) -> Want {
        let end = at + bytes.len() as u64;
        match self.state {
            State::Key | State::Length | State::Varint => {
                count_read(scan, bytes.len());
                // Also where it turns out that this was no message.
                self.bytes.watch(scan, bytes);
                self.numeral(scan, end, bytes)
            }
            State::Fixed => {
                scan.evidence.coverage.numeric += bytes.len() as u64;
                self.bytes.watch(scan, bytes);
                self.next(end)
            }
            State::Field => {
                self.field(scan, bytes, self.ends.len());
                self.next(end)
            }
            State::Peek(len) => self.peek(scan, at, len, bytes),
            State::Broken | State::Content => self.next(end),
        }
    }

    fn part(&mut self, scan: &mut Scan, bytes: &[u8]) {
        match &mut self.content {
            Some(node) => node.feed(scan, bytes),
            None => self.bytes.feed(scan, bytes),
        }
    }

    fn over(&mut self, scan: &mut Scan, at: u64) -> Want {
        if let Some(mut node) = self.content.take() {
            node.finish(scan);
        }
        if matches!(self.state, State::Broken) {
            self.bytes.declare(scan, Declared::Tensor);
        }
        self.next(at)
    }

    fn finish(&mut self, scan: &mut Scan, held: &[u8], _is_cut: bool) {
        self.bytes.declare(scan, Declared::Nothing);
        self.bytes.feed(scan, held);
        if let Some(mut node) = self.content.take() {
            node.finish(scan);
        }
        self.bytes.finish(scan);
        self.text.finish(scan);
    }

    fn cleared(&self) -> u64 {
        // The text is made of pieces, which is not mapped back.
        0
    }
}
