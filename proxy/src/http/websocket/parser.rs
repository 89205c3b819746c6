//! WebSocket frames (RFC 6455, section 5), read into whole messages.
//!
//! Invariant: what is read has one meaning: no extension but the one that was agreed on, no reserved bit
//! or opcode, the shortest form of each length, clients masked and servers not. Nothing is allocated by a
//! length that is only told.

use bytes::{Buf, BytesMut};

use super::{Broken, CONTROL_BYTES_MAX, DEFLATED, FIN, Kind, MASKED, Message, Sender, apply_mask};

/// The reserved bits that nothing was agreed on for.
const RESERVED: u8 = 0x30;
const OPCODE: u8 = 0x0f;
const LENGTH: u8 = 0x7f;

#[derive(Clone, Copy, Debug)]
struct Head {
    is_last: bool,
    /// `None`: a continuation.
    kind: Option<Kind>,
    is_deflated: bool,
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
    /// Whether the ends agreed on permessage-deflate.
    may_deflate: bool,
    /// The message whose fragments come in (and whether it is compressed), and what of it has come.
    message: Option<(Kind, bool)>,
    joined: BytesMut,
    control: BytesMut,
}

impl Parser {
    /// Reads what `sender` sends, in messages of at most `message_max` bytes, as they stand on the
    /// wire; `may_deflate` says whether they may be compressed.
    pub fn new(sender: Sender, message_max: u64, may_deflate: bool) -> Self {
        let (joined, control) = (BytesMut::new(), BytesMut::new());
        Self { sender, message_max, frame: None, may_deflate, message: None, joined, control }
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
        let is_deflated = first & DEFLATED != 0;
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
        // Said of a message once, where it begins (RFC 7692, section 6.1).
        let may_deflate = self.may_deflate && kind.is_some_and(|kind| !kind.is_control());
        if is_deflated && !may_deflate {
            return Err(Broken::Reserved);
        }
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
        let head = Head { is_last, kind, is_deflated, mask, length };
        Ok(Some((head, input.len() - rest.len())))
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
        let (kind, is_deflated, payload) = match head.kind {
            Some(kind) if kind.is_control() => (kind, false, self.control.split().freeze()),
            Some(_) | None => {
                let begun = head.kind.map(|kind| (kind, head.is_deflated)).or(self.message);
                let (kind, is_deflated) = begun.ok_or(Broken::Fragments)?;
                if !head.is_last {
                    self.message = Some((kind, is_deflated));
                    return Ok(None);
                }
                self.message = None;
                // Not split off, which would keep the room of the longest message for ever.
                (kind, is_deflated, std::mem::take(&mut self.joined).freeze())
            }
        };
        if kind == Kind::Close && !is_close(&payload) {
            return Err(Broken::Close);
        }
        if kind == Kind::Text && !is_deflated {
            check_text(&payload)?;
        }
        Ok(Some(Message { kind, payload, is_deflated }))
    }
}

/// A text is UTF-8 (section 8.1), once it is inflated.
///
/// # Errors
/// `NotText`.
pub fn check_text(payload: &[u8]) -> Result<(), Broken> {
    std::str::from_utf8(payload).map(|_| ()).map_err(|_| Broken::NotText)
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

#[cfg(test)]
mod tests;
