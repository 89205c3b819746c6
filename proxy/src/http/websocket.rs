//! WebSocket (RFC 6455, and RFC 7692 for compressed messages), without sockets: what is spoken, and
//! frames written anew. `parser` reads them into whole messages.

pub mod deflate;
pub mod extension;
pub mod handshake;
pub mod parser;

use std::fmt;

use bytes::{Bytes, BytesMut};

/// The longest payload of a control frame (section 5.5).
pub const CONTROL_BYTES_MAX: usize = 125;

const FIN: u8 = 0x80;
/// The first reserved bit: the message is compressed (RFC 7692, section 6).
const DEFLATED: u8 = 0x40;
const MASKED: u8 = 0x80;

/// Close codes that we send ourselves (section 7.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// 1001: an end goes away.
    GoingAway,
    /// 1002: the protocol was broken.
    Protocol,
    /// 1007: a payload that is not what its type says, such as a text that is no UTF-8.
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
    /// Whether the payload is as permessage-deflate has it, to be inflated.
    pub is_deflated: bool,
}

/// Why frames cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// A close frame whose payload is no code and reason.
    Close,
    /// A control frame that is fragmented or too long.
    Control,
    /// A compressed message that cannot be inflated.
    Deflate,
    /// A continuation of nothing, or a new message within another.
    Fragments,
    /// A length that is not in its shortest form.
    Length,
    /// A mask where there may be none, or none where one must be.
    Mask,
    /// A text that is no UTF-8.
    NotText,
    /// A compressed message that grows more than `limits.websocketRatioMax` allows.
    Ratio,
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
            Self::Deflate | Self::NotText => Code::NotText,
            Self::Ratio | Self::TooBig => Code::TooBig,
        }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Close => "a WebSocket close frame without a valid code and reason",
            Self::Control => "a WebSocket control frame that is fragmented or over 125 bytes",
            Self::Deflate => "a compressed WebSocket message that is no DEFLATE data",
            Self::Fragments => "WebSocket fragments that belong to no message",
            Self::Length => "a WebSocket frame length that is not in its shortest form",
            Self::Mask => "a WebSocket frame that is masked where it may not be, or is not",
            Self::NotText => "a WebSocket text that is not UTF-8",
            Self::Ratio => "a compressed WebSocket message over limits.websocketRatioMax",
            Self::Reserved => "a WebSocket frame with a reserved bit or opcode",
            Self::TooBig => "a WebSocket message over limits.websocketMessageMax",
        })
    }
}

impl std::error::Error for Broken {}

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

/// Whether a payload is as permessage-deflate has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coded {
    /// By [`deflate::Deflating`].
    Deflated,
    /// As it is.
    Plain,
}

/// A message as one frame; masked where a client sends it.
pub fn frame(kind: Kind, (coded, payload): (Coded, &[u8]), mask: Option<[u8; 4]>) -> BytesMut {
    const HEAD_MAX: usize = 14;
    let mut frame = BytesMut::with_capacity(payload.len() + HEAD_MAX);
    let masked = if mask.is_some() { MASKED } else { 0 };
    let deflated = if coded == Coded::Deflated { DEFLATED } else { 0 };
    frame.extend_from_slice(&[FIN | deflated | kind.opcode()]);
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
