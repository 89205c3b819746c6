//! WebSocket frames (RFC 6455, section 5), without sockets: read into whole messages, written anew.
//!
//! Invariant: what is read has one meaning: no extension, no reserved bit or opcode, the shortest form
//! of each length, clients masked and servers not. Nothing is allocated by a length that is only told.

pub mod handshake;

use std::fmt;

use bytes::{Buf, Bytes, BytesMut};

/// The longest payload of a control frame (section 5.5).
pub const CONTROL_BYTES_MAX: usize = 125;

const FIN: u8 = 0x80;
const RESERVED: u8 = 0x70;
const OPCODE: u8 = 0x0f;
const MASKED: u8 = 0x80;
const LENGTH: u8 = 0x7f;

/// Close codes that we send ourselves (section 7.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// 1001: an end goes away.
    GoingAway,
    /// 1002: the protocol was broken.
    Protocol,
    /// 1007: a text that is no UTF-8.
    NotText,
    /// 1008: a policy refuses it.
    Policy,
    /// 1009: a message is too long.
    TooBig,
}

impl Code {
    /// The number on the wire.
    pub fn number(self) -> u16 {
        match self {
            Self::GoingAway => 1001,
            Self::Protocol => 1002,
            Self::NotText => 1007,
            Self::Policy => 1008,
            Self::TooBig => 1009,
        }
    }
}

/// Who sends frames: clients mask theirs, servers do not (section 5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// Whoever asked for the upgrade.
    Client,
    /// Whoever answered it.
    Server,
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8.
    Text,
    /// Any bytes.
    Binary,
    /// The end; its payload is a code and a reason.
    Close,
    /// A question whether the other end lives.
    Ping,
    /// Its answer.
    Pong,
}

impl Kind {
    fn opcode(self) -> u8 {
        match self {
            Self::Text => 1,
            Self::Binary => 2,
            Self::Close => 8,
            Self::Ping => 9,
            Self::Pong => 10,
        }
    }

    /// Whether it may come between the fragments of a message (section 5.5).
    pub fn is_control(self) -> bool {
        match self {
            Self::Text | Self::Binary => false,
            Self::Close | Self::Ping | Self::Pong => true,
        }
    }
}

/// A whole message, unmasked, its fragments joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What it is.
    pub kind: Kind,
    /// Its payload.
    pub payload: Bytes,
}

/// Why frames cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// A close frame whose payload is no code and reason.
    Close,
    /// A control frame that is fragmented or too long.
    Control,
    /// A continuation of nothing, or a new message within another.
    Fragments,
    /// A length that is not in its shortest form.
    Length,
    /// A mask where there may be none, or none where one must be.
    Mask,
    /// A text that is no UTF-8.
    NotText,
    /// A reserved bit or opcode: an extension that nobody agreed on.
    Reserved,
    /// A message over `limits.websocketMessageMax`.
    TooBig,
}

impl Broken {
    /// The code to close with.
    pub fn code(self) -> Code {
        match self {
            Self::Close
            | Self::Control
            | Self::Fragments
            | Self::Length
            | Self::Mask
            | Self::Reserved => Code::Protocol,
            Self::NotText => Code::NotText,
            Self::TooBig => Code::TooBig,
        }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Close => "a WebSocket close frame without a valid code and reason",
            Self::Control => "a WebSocket control frame that is fragmented or over 125 bytes",
            Self::Fragments => "WebSocket fragments that belong to no message",
            Self::Length => "a WebSocket frame length that is not in its shortest form",
            Self::Mask => "a WebSocket frame that is masked where it may not be, or is not",
            Self::NotText => "a WebSocket text that is not UTF-8",
            Self::Reserved => "a WebSocket frame with a reserved bit or opcode",
            Self::TooBig => "a WebSocket message over limits.websocketMessageMax",
        })
    }
}

impl std::error::Error for Broken {}

#[derive(Clone, Copy, Debug)]
struct Head {
    is_last: bool,
    /// `None`: a continuation.
    kind: Option<Kind>,
    mask: Option<[u8; 4]>,
    length: u64,
}

/// Reads the frames of one direction.
#[derive(Debug)]
pub struct Parser {
    sender: Sender,
    message_max: u64,
    /// The frame that is being read, and how much of its payload is still to come.
    frame: Option<(Head, usize)>,
    /// The message whose fragments come in, and what of it has come.
    message: Option<Kind>,
    joined: BytesMut,
    control: BytesMut,
}

impl Parser {
    /// Reads what `sender` sends, in messages of at most `message_max` bytes.
    pub fn new(sender: Sender, message_max: u64) -> Self {
        let (joined, control) = (BytesMut::new(), BytesMut::new());
        Self { sender, message_max, frame: None, message: None, joined, control }
    }

    /// Bytes of an unfinished message that are kept.
    pub fn held(&self) -> usize {
        self.joined.len()
    }

    /// Takes what it can from `input`; the next message, or `None` where more is needed.
    ///
    /// # Errors
    /// What came is no WebSocket. Nothing may be read any more.
    pub fn next(&mut self, input: &mut BytesMut) -> Result<Option<Message>, Broken> {
        loop {
            let (head, left) = match self.frame {
                Some(frame) => frame,
                None => {
                    let Some((head, size)) = self.head(input)? else { return Ok(None) };
                    input.advance(size);
                    // What does not fit into memory is over every limit.
                    (head, usize::try_from(head.length).map_err(|_| Broken::TooBig)?)
                }
            };
            let left = self.take(head, left, input);
            if left > 0 {
                self.frame = Some((head, left));
                return Ok(None);
            }
            self.frame = None;
            if let Some(message) = self.end(head)? {
                return Ok(Some(message));
            }
        }
    }

    /// The head at the beginning of `input`, and its size.
    fn head(&self, input: &[u8]) -> Result<Option<(Head, usize)>, Broken> {
        let [first, second, rest @ ..] = input else { return Ok(None) };
        if first & RESERVED != 0 {
            return Err(Broken::Reserved);
        }
        let kind = match first & OPCODE {
            0 => None,
            1 => Some(Kind::Text),
            2 => Some(Kind::Binary),
            8 => Some(Kind::Close),
            9 => Some(Kind::Ping),
            10 => Some(Kind::Pong),
            _ => return Err(Broken::Reserved),
        };
        let is_masked = second & MASKED != 0;
        if is_masked != (self.sender == Sender::Client) {
            return Err(Broken::Mask);
        }
        let is_last = first & FIN != 0;
        let Some((length, rest)) = length(second & LENGTH, rest)? else { return Ok(None) };
        self.admit(kind, is_last, length)?;
        let (mask, rest) = match (is_masked, rest) {
            (false, rest) => (None, rest),
            (true, [a, b, c, d, rest @ ..]) => (Some([*a, *b, *c, *d]), rest),
            (true, _) => return Ok(None),
        };
        Ok(Some((Head { is_last, kind, mask, length }, input.len() - rest.len())))
    }

    /// Whether a frame may come now.
    fn admit(&self, kind: Option<Kind>, is_last: bool, length: u64) -> Result<(), Broken> {
        match kind {
            Some(kind) if kind.is_control() => {
                let is_short = length <= CONTROL_BYTES_MAX as u64;
                return if is_last && is_short { Ok(()) } else { Err(Broken::Control) };
            }
            Some(_) if self.message.is_some() => return Err(Broken::Fragments),
            None if self.message.is_none() => return Err(Broken::Fragments),
            Some(_) | None => {}
        }
        if length.saturating_add(self.joined.len() as u64) > self.message_max {
            return Err(Broken::TooBig);
        }
        Ok(())
    }

    /// Takes what has come of a frame's payload; how much is still to come.
    fn take(&mut self, head: Head, left: usize, input: &mut BytesMut) -> usize {
        let taken = left.min(input.len());
        let mut piece = input.split_to(taken);
        if let Some(mask) = head.mask {
            let done = usize::try_from(head.length).unwrap_or(usize::MAX) - left;
            apply_mask(&mut piece, mask, done);
        }
        if head.kind.is_some_and(Kind::is_control) {
            self.control.extend_from_slice(&piece);
        } else {
            self.joined.extend_from_slice(&piece);
        }
        left - taken
    }

    /// A frame has come whole: the message, if it is one with it.
    fn end(&mut self, head: Head) -> Result<Option<Message>, Broken> {
        let (kind, payload) = match head.kind {
            Some(kind) if kind.is_control() => (kind, self.control.split().freeze()),
            Some(_) | None => {
                let kind = head.kind.or(self.message).ok_or(Broken::Fragments)?;
                if !head.is_last {
                    self.message = Some(kind);
                    return Ok(None);
                }
                self.message = None;
                // Not split off, which would keep the room of the longest message for ever.
                (kind, std::mem::take(&mut self.joined).freeze())
            }
        };
        match kind {
            Kind::Text if std::str::from_utf8(&payload).is_err() => Err(Broken::NotText),
            Kind::Close if !is_close(&payload) => Err(Broken::Close),
            Kind::Text | Kind::Binary | Kind::Close | Kind::Ping | Kind::Pong => {
                Ok(Some(Message { kind, payload }))
            }
        }
    }
}

/// A payload's length in its shortest form, and what follows it.
fn length(short: u8, rest: &[u8]) -> Result<Option<(u64, &[u8])>, Broken> {
    let (length, rest, min) = match (short, rest) {
        (126, [a, b, rest @ ..]) => (u64::from(u16::from_be_bytes([*a, *b])), rest, 126),
        (127, [a, b, c, d, e, f, g, h, rest @ ..]) => {
            let length = u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]);
            (length, rest, 1 << 16)
        }
        (126 | 127, _) => return Ok(None),
        (short, rest) => (u64::from(short), rest, 0),
    };
    if length < min || length > u64::MAX >> 1 {
        return Err(Broken::Length);
    }
    Ok(Some((length, rest)))
}

/// Empty, or a code that may be sent and a reason in UTF-8 (sections 5.5.1 and 7.4).
fn is_close(payload: &[u8]) -> bool {
    match payload {
        [] => true,
        [high, low, reason @ ..] => {
            let code = u16::from_be_bytes([*high, *low]);
            matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
                && std::str::from_utf8(reason).is_ok()
        }
        [_] => false,
    }
}

/// Masks or unmasks bytes that begin at `offset` in their payload.
fn apply_mask(bytes: &mut [u8], mut mask: [u8; 4], offset: usize) {
    mask.rotate_left(offset % 4);
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, rest) = bytes.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
}

/// A message as one frame; masked where a client sends it.
pub fn frame(kind: Kind, payload: &[u8], mask: Option<[u8; 4]>) -> BytesMut {
    const HEAD_MAX: usize = 14;
    let mut frame = BytesMut::with_capacity(payload.len() + HEAD_MAX);
    let masked = if mask.is_some() { MASKED } else { 0 };
    frame.extend_from_slice(&[FIN | kind.opcode()]);
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(short @ 0..=125), _) => frame.extend_from_slice(&[masked | short]),
        (_, Ok(length)) => {
            frame.extend_from_slice(&[masked | 126]);
            frame.extend_from_slice(&length.to_be_bytes());
        }
        (_, Err(_)) => {
            frame.extend_from_slice(&[masked | 127]);
            frame.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        }
    }
    if let Some(mask) = mask {
        frame.extend_from_slice(&mask);
    }
    let head = frame.len();
    frame.extend_from_slice(payload);
    if let (Some(mask), Some(payload)) = (mask, frame.get_mut(head..)) {
        apply_mask(payload, mask, 0);
    }
    frame
}

/// The payload of a close frame of our own. `reason` is one of our codes.
pub fn close(code: Code, reason: &str) -> Vec<u8> {
    let reason = reason.as_bytes().get(..CONTROL_BYTES_MAX - 2).unwrap_or(reason.as_bytes());
    [&code.number().to_be_bytes(), reason].concat()
}

#[cfg(test)]
mod tests;
