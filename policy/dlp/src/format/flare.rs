//! A frame of NVIDIA FLARE (`nvflare/fuel/f3/sfm`, 2.9): sixteen bytes of prefix, a map of headers, and a
//! payload, which is an object in MessagePack (`fuel/utils/fobs`) with what was too large for it behind it,
//! or a piece of a stream. Texts are read, each with its name; other bytes are content of their own, where
//! NumPy's arrays are. Invariant: where the grammar breaks, what is left is read as plain bytes.

mod msgpack;

use self::msgpack::{Open, Sized, Token, number, written};
use crate::coverage::Declared;
use crate::format::walk::{Grammar, Walk, Want};
use crate::format::whole::count_read;
use crate::scanner::{Leaf, Node, Place, Reader, Scan, is_plain_text, seam};

/// Bytes of a frame's prefix.
const PREFIX: usize = 16;
/// Bytes of the head of an object's section: what it is, how it was treated, its length.
const SECTION: usize = 10;
/// Bytes of the identifier of what was too large for an object.
const IDENTIFIER: u64 = 16;
/// Kinds of sections: the object, then texts, bytes and files that were too large for it.
const MAIN: u8 = 100;
const LARGE_TEXT: u8 = 101;
const LARGE_FILE: u8 = 103;
/// Kinds of frames: messages, and heartbeats, which may say nothing.
const DATA: u8 = 1;
const HEARTBEATS: [u8; 2] = [6, 7];
const KIND_MAX: u8 = 7;
/// Texts up to here are looked at whole.
const TEXT_MAX: u64 = 64 * 1024;

/// A frame.
pub(crate) type Frame = Walk<Parts>;

/// A reader of one frame.
pub(crate) fn reader(place: Place) -> Frame {
    Walk::new(Parts::new(place))
}

/// Whether `head`, all of the content or the first bytes of longer content, begins a frame.
pub(crate) fn is_frame(head: &[u8], head_max: usize) -> bool {
    let [a, b, c, d, e, f, kind, 0, rest @ ..] = head else { return false };
    let length = u64::from(u32::from_be_bytes([*a, *b, *c, *d]));
    let headers = u64::from(u16::from_be_bytes([*e, *f]));
    let is_whole =
        if head.len() < head_max { length == head.len() as u64 } else { length >= head_max as u64 };
    let begins = match rest.get(PREFIX - 8..) {
        Some([0xc0 | 0x80]) => HEARTBEATS.contains(kind),
        Some([0x81..=0x8f, name, ..] | [0xde, _, _, name, ..]) => {
            matches!(name, 0xa1..=0xbf | 0xd9)
        }
        Some(_) | None => false,
    };
    (1..=KIND_MAX).contains(kind) && is_whole && headers + PREFIX as u64 <= length && begins
}

/// What stands in MessagePack, up to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Region {
    /// A frame's headers; the payload is behind them.
    Headers,
    /// The object; what was too large for it is behind it.
    Object,
    /// All of a handshake or a heartbeat.
    Words,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Where the grammar broke, or what is behind the frame.
    Broken,
    Content,
    Extension(u64),
    Float,
    Identifier {
        len: u64,
        is_text: bool,
    },
    Integer(bool),
    Length(Sized),
    Prefix,
    Section {
        is_first: bool,
    },
    Text,
    Token,
}

/// The grammar of a frame.
#[derive(Debug)]
pub(crate) struct Parts {
    place: Place,
    /// Texts, each with its name, a line each.
    text: Leaf,
    /// Everything else that stands in short fields.
    bytes: Leaf,
    state: State,
    kind: u8,
    /// Where the frame ends, and the MessagePack that is being read.
    end: u64,
    region: (Region, u64),
    open: Open,
    content: Option<Box<Node>>,
}

impl Parts {
    fn new(place: Place) -> Parts {
        Parts {
            text: place.leaf_inside("flare", Declared::Nothing),
            bytes: place.leaf_inside("flare", Declared::Nothing),
            place,
            state: State::Prefix,
            kind: 0,
            end: 0,
            region: (Region::Headers, 0),
            open: Open::default(),
            content: None,
        }
    }

    fn broken(&mut self) -> Want {
        self.state = State::Broken;
        Want::Rest
    }

    fn expect(&mut self, state: State, bytes: usize) -> Want {
        self.state = state;
        Want::Whole(bytes)
    }

    fn prefix(&mut self, at: u64, bytes: &[u8]) -> Want {
        let headers = u64::from(u16::from_be_bytes([byte(bytes, 4), byte(bytes, 5)]));
        self.end = number(bytes.get(..4).unwrap_or_default());
        self.kind = byte(bytes, 6);
        let headers_end = at.saturating_add(headers);
        if headers_end > self.end {
            return self.broken();
        }
        self.enter(at, (Region::Headers, headers_end))
    }

    /// Begins what stands in MessagePack at the offset `at`.
    fn enter(&mut self, at: u64, region: (Region, u64)) -> Want {
        self.region = region;
        self.open.clear();
        self.next(at)
    }

    /// What comes at the offset `at`.
    fn next(&mut self, at: u64) -> Want {
        let (region, end) = self.region;
        if at < end {
            return self.expect(State::Token, 1);
        }
        let left = self.end.saturating_sub(at);
        if at > end || left == 0 {
            return self.broken();
        }
        match region {
            Region::Headers if self.kind != DATA => self.enter(at, (Region::Words, self.end)),
            Region::Headers => self.section(left, true),
            Region::Object => self.section(left, false),
            Region::Words => self.broken(),
        }
    }

    fn section(&mut self, left: u64, is_first: bool) -> Want {
        if left < SECTION as u64 {
            return self.broken();
        }
        self.expect(State::Section { is_first }, SECTION)
    }

    /// The head of a section, whose content begins at the offset `at`.
    fn begin_section(&mut self, scan: &mut Scan, at: u64, bytes: &[u8], is_first: bool) -> Want {
        let (kind, len) = (byte(bytes, 0), number(bytes.get(2..).unwrap_or_default()));
        let left = self.end.saturating_sub(at);
        match kind {
            MAIN if is_first && len <= left => {
                self.skip(scan, bytes);
                self.enter(at, (Region::Object, at + len))
            }
            LARGE_TEXT..=LARGE_FILE if !is_first && (IDENTIFIER..=left).contains(&len) => {
                self.skip(scan, bytes);
                let is_text = kind == LARGE_TEXT;
                let len = len - IDENTIFIER;
                // Behind it comes the next section.
                self.region = (Region::Object, at + IDENTIFIER + len);
                self.expect(State::Identifier { len, is_text }, PREFIX)
            }
            // A piece of a stream: content as it stands.
            _ if is_first => {
                self.region = (Region::Words, self.end);
                let mut node = Box::new(Node::new(self.inside()));
                node.feed(scan, bytes);
                self.stream(node, left)
            }
            _ => {
                self.bytes.feed(scan, bytes);
                self.broken()
            }
        }
    }

    fn inside(&self) -> Place {
        self.place.inside("flare")
    }

    fn stream(&mut self, node: Box<Node>, len: u64) -> Want {
        self.content = Some(node);
        self.state = State::Content;
        Want::Stream(len)
    }

    /// Counts bytes that the grammar has understood. The detectors see them too.
    fn skip(&mut self, scan: &mut Scan, bytes: &[u8]) {
        count_read(scan, bytes.len());
        self.bytes.watch(scan, bytes);
    }

    /// Begins what a token stands for, at the offset `at` behind it.
    fn begin(&mut self, scan: &mut Scan, at: u64, token: Token) -> Want {
        let room = self.region.1.saturating_sub(at);
        match token {
            Token::Array(len) | Token::Map(len) => {
                let is_map = matches!(token, Token::Map(_));
                if len > room || !self.open.enter(len, is_map) {
                    return self.broken();
                }
                self.next(at)
            }
            Token::Bytes { len, .. } | Token::Text(len) if len > room => self.broken(),
            Token::Bytes { len, is_extension: true } => self.expect(State::Extension(len), 1),
            Token::Bytes { len, .. } => self.bytes(len),
            Token::Float(len) => self.expect(State::Float, len),
            Token::Integer(len, is_signed) => self.expect(State::Integer(is_signed), len),
            Token::Inline(value) => {
                self.value(scan, &value.to_string());
                self.next(at)
            }
            Token::Sized(what, len) => self.expect(State::Length(what), len),
            Token::Text(0) | Token::Word => {
                self.line(scan, self.open.is_at_name());
                self.next(at)
            }
            Token::Text(len) if len <= TEXT_MAX => {
                self.expect(State::Text, usize::try_from(len).unwrap_or(usize::MAX))
            }
            Token::Text(len) => {
                self.line(scan, false);
                let node = Box::new(Node::new(self.inside()));
                self.stream(node, len)
            }
        }
    }

    /// Bytes without a name for what they are: content of their own.
    fn bytes(&mut self, len: u64) -> Want {
        self.open.take();
        let node = Box::new(Node::new(self.inside()));
        self.stream(node, len)
    }

    fn number(&mut self, scan: &mut Scan, bytes: &[u8], text: &str) {
        scan.evidence.coverage.numeric += bytes.len() as u64;
        self.bytes.watch(scan, bytes);
        self.value(scan, text);
    }

    /// An integer, read as it is written where a name says what it is.
    fn value(&mut self, scan: &mut Scan, text: &str) {
        if self.open.is_at_named() {
            self.text.watch(scan, text.as_bytes());
        }
        self.line(scan, self.open.is_at_name());
    }

    /// Ends a value, or a name.
    fn line(&mut self, scan: &mut Scan, is_name: bool) {
        self.text.watch(scan, if is_name { b": " } else { b"\n" });
        self.open.take();
    }

    fn text(&mut self, scan: &mut Scan, bytes: &[u8]) {
        let is_name = self.open.is_at_name();
        self.text.field(scan, bytes);
        if !is_name && is_plain_text(bytes) {
            let member = scan.seam.is_some().then(|| self.place.member_inside("flare"));
            seam::take(scan, member.as_ref(), bytes);
        }
        self.line(scan, is_name);
    }
}

fn byte(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).copied().unwrap_or_default()
}

impl Grammar for Parts {
    fn first(&self) -> Want {
        Want::Whole(PREFIX)
    }

    fn whole(&mut self, scan: &mut Scan, at: u64, bytes: &[u8]) -> Want {
        let end = at + bytes.len() as u64;
        if end > self.region.1 && matches!(self.state, State::Float | State::Integer(_)) {
            self.bytes.feed(scan, bytes);
            return self.broken();
        }
        match self.state {
            State::Prefix => {
                self.skip(scan, bytes);
                self.prefix(end, bytes)
            }
            State::Token => match Token::of(byte(bytes, 0)) {
                Some(token) => {
                    self.skip(scan, bytes);
                    self.begin(scan, end, token)
                }
                None => {
                    self.bytes.feed(scan, bytes);
                    self.broken()
                }
            },
            State::Length(what) => {
                self.skip(scan, bytes);
                self.begin(scan, end, what.of(number(bytes)))
            }
            State::Extension(len) => {
                self.skip(scan, bytes);
                self.bytes(len)
            }
            State::Float => {
                self.number(scan, bytes, "");
                self.next(end)
            }
            State::Integer(is_signed) => {
                self.number(scan, bytes, &written(bytes, is_signed));
                self.next(end)
            }
            State::Text => {
                self.text(scan, bytes);
                self.next(end)
            }
            State::Section { is_first } => self.begin_section(scan, end, bytes, is_first),
            State::Identifier { len, is_text } => {
                self.skip(scan, bytes);
                let place = self.inside();
                let node = if is_text { Node::text(place) } else { Node::new(place) };
                self.stream(Box::new(node), len)
            }
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
        self.next(at)
    }

    fn finish(&mut self, scan: &mut Scan, held: &[u8], _is_cut: bool) {
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
