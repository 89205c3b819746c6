//! One gzip member (RFC 1952): header, deflate, check value and size.

use super::deflate::Deflate;
use super::{Ahead, Codec, Event, Fault, Turn, fill};
use crate::evidence::IncompleteReason;

/// Bytes of a header that are kept.
const HEADER_MAX: usize = 4096;
const TRAILER: usize = 8;
/// Magic, method, flags, time, extra flags, system.
const FIXED: usize = 10;

/// A gzip member.
#[derive(Debug)]
pub(super) struct Gzip {
    state: State,
    /// Bytes of a header or trailer that is not yet whole.
    held: Vec<u8>,
    crc: crc32fast::Hasher,
    size: u64,
}

#[derive(Debug)]
enum State {
    Header,
    Body(Box<Deflate>),
    Trailer,
}

impl Gzip {
    pub(super) fn new() -> Gzip {
        let crc = crc32fast::Hasher::new();
        Gzip { state: State::Header, held: Vec::new(), crc, size: 0 }
    }

    fn header(&mut self, input: &[u8]) -> Result<Turn, Fault> {
        let mut used = 0;
        loop {
            let need = header_len(&self.held).ok_or_else(|| Fault::damaged(used))?;
            let need = match need {
                Need::Exactly(len) => len,
                // The end of a name is searched byte by byte, since nothing behind it may be held.
                Need::Name => self.held.len() + 1,
            };
            if need > HEADER_MAX {
                return Err(Fault::new(used, IncompleteReason::HeaderMax));
            }
            if need == self.held.len() {
                break;
            }
            let rest = input.get(used..).unwrap_or_default();
            used += fill(&mut self.held, rest, need);
            if self.held.len() < need {
                return Ok(Turn::goes_on(used, 0));
            }
        }
        // Behind the fixed part stand the sender's own fields: extra, name, comment.
        let fields = self.held.split_off(FIXED.min(self.held.len()));
        self.held.clear();
        self.state = State::Body(Box::new(Deflate::new(false)));
        Ok(Turn { used, made: 0, event: Event::Header(fields) })
    }

    fn trailer(&mut self, input: &[u8]) -> Result<Turn, Fault> {
        let used = fill(&mut self.held, input, TRAILER);
        let Some(&[a, b, c, d, e, f, g, h]) = self.held.first_chunk::<TRAILER>() else {
            return Ok(Turn::goes_on(used, 0));
        };
        // The size is kept modulo 2^32.
        let is_right = u32::from_le_bytes([a, b, c, d]) == self.crc.clone().finalize()
            && u64::from(u32::from_le_bytes([e, f, g, h])) == self.size & 0xffff_ffff;
        self.held.clear();
        if is_right { Ok(Turn::ended(used, 0)) } else { Err(Fault::damaged(used)) }
    }
}

impl Codec for Gzip {
    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Result<Turn, Fault> {
        match &mut self.state {
            State::Header => self.header(input),
            State::Body(deflate) => {
                let turn = deflate.decode(input, output)?;
                let decoded = output.get(..turn.made).unwrap_or_default();
                self.crc.update(decoded);
                self.size += decoded.len() as u64;
                if turn.event == Event::Ended {
                    self.state = State::Trailer;
                }
                Ok(Turn::goes_on(turn.used, turn.made))
            }
            State::Trailer => self.trailer(input),
        }
    }

    fn held(&self) -> &[u8] {
        &self.held
    }

    fn ahead(&self) -> Ahead {
        match &self.state {
            State::Body(deflate) => deflate.ahead(),
            State::Header | State::Trailer => Ahead::default(),
        }
    }
}

/// How long the header is, as far as its first bytes tell.
enum Need {
    /// At least so long; whole, where so many are there.
    Exactly(usize),
    /// Up to a NUL that is not there yet.
    Name,
}

/// What is needed of the header that begins so; nothing where it is none.
fn header_len(bytes: &[u8]) -> Option<Need> {
    const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];
    const HEADER_CHECK: u8 = 2;
    const EXTRA: u8 = 4;
    const NAME: u8 = 8;
    const COMMENT: u8 = 16;
    const RESERVED: u8 = 0xe0;
    let known = bytes.len().min(MAGIC.len());
    let flags = bytes.get(3).copied().unwrap_or(0);
    if bytes.get(..known) != MAGIC.get(..known) || flags & RESERVED != 0 {
        return None;
    }
    let mut end = FIXED;
    if bytes.len() >= FIXED && flags & EXTRA != 0 {
        let Some(len) = bytes.get(end..).and_then(|rest| rest.first_chunk::<2>()) else {
            return Some(Need::Exactly(end + 2));
        };
        end += 2 + usize::from(u16::from_le_bytes(*len));
    }
    if bytes.len() < end {
        return Some(Need::Exactly(end));
    }
    for text in [NAME, COMMENT] {
        if flags & text != 0 {
            let rest = bytes.get(end..).unwrap_or_default();
            let Some(nul) = memchr::memchr(0, rest) else { return Some(Need::Name) };
            end += nul + 1;
        }
    }
    Some(Need::Exactly(if flags & HEADER_CHECK != 0 { end + 2 } else { end }))
}
