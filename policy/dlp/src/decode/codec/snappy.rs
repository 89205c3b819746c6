//! Snappy: its framing format, and the bare block format that some senders use without it.

use super::{Ahead, Codec, Event, Fault, Ready, Turn, fill, magic};
use crate::evidence::IncompleteReason;

/// Decoded bytes of a chunk, and how far a copy may reach back.
const WINDOW: usize = 64 * 1024;
/// Kind and length of a chunk.
const CHUNK_HEADER: usize = 4;

/// Chunks, each with a masked CRC-32C of what it decodes to.
#[derive(Debug, Default)]
pub(super) struct Frames {
    held: Vec<u8>,
    ready: Ready,
    /// Bytes of a chunk that is passed over.
    skipping: Option<usize>,
    is_identified: bool,
}

impl Frames {
    /// Kind and length of the chunk that begins with what is held.
    fn chunk(&self) -> Option<(u8, usize)> {
        let &[kind, a, b, c] = self.held.first_chunk::<CHUNK_HEADER>()?;
        usize::try_from(u32::from_le_bytes([a, b, c, 0])).ok().map(|len| (kind, len))
    }

    /// Decodes a whole chunk.
    fn open(&mut self, kind: u8) -> Option<()> {
        let content = self.held.get(CHUNK_HEADER..)?;
        if kind == 0xff {
            self.is_identified = self.held == magic::SNAPPY;
            return self.is_identified.then_some(());
        }
        let (check, data) = content.split_first_chunk::<4>()?;
        let room = self.ready.room(WINDOW);
        let made = if kind == 0 {
            let mut block = Block::default();
            let turn = block.decode(data, room).ok()?;
            (turn.event == Event::Ended && turn.used == data.len()).then_some(turn.made)?
        } else {
            room.get_mut(..data.len())?.copy_from_slice(data);
            data.len()
        };
        room.truncate(made);
        (masked(crc32c(room)) == u32::from_le_bytes(*check)).then_some(())
    }
}

impl Codec for Frames {
    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Result<Turn, Fault> {
        let made = self.ready.give(output);
        if made > 0 {
            return Ok(Turn::goes_on(0, made));
        }
        if let Some(left) = &mut self.skipping {
            let used = input.len().min(*left);
            *left -= used;
            let is_last = *left == 0;
            if is_last {
                self.skipping = None;
            }
            let event =
                if used > 0 || is_last { Event::Skipped { is_last } } else { Event::GoesOn };
            return Ok(Turn { used, made: 0, event });
        }
        let mut used = fill(&mut self.held, input, CHUNK_HEADER);
        let Some((kind, len)) = self.chunk() else { return Ok(Turn::goes_on(used, 0)) };
        let is_data = matches!(kind, 0 | 1) && self.is_identified;
        // Data are at most 64 KiB, which a compressor may have made longer by a sixth.
        let is_possible = is_data && len <= 4 + 32 + WINDOW + WINDOW / 6
            || kind == 0xff && len + CHUNK_HEADER == magic::SNAPPY.len();
        if kind >= 0x80 && kind != 0xff && self.is_identified {
            self.held.clear();
            self.skipping = Some(len);
            return Ok(Turn::goes_on(used, 0));
        }
        if !is_possible {
            return Err(Fault::damaged(used));
        }
        let rest = input.get(used..).unwrap_or_default();
        used += fill(&mut self.held, rest, CHUNK_HEADER + len);
        if self.held.len() < CHUNK_HEADER + len {
            return Ok(Turn::goes_on(used, 0));
        }
        if self.open(kind).is_none() {
            self.ready = Ready::default();
            return Err(Fault::damaged(used));
        }
        self.held.clear();
        Ok(Turn::goes_on(used, self.ready.give(output)))
    }

    fn held(&self) -> &[u8] {
        &self.held
    }

    fn weight(&self) -> usize {
        self.held.capacity() + self.ready.weight()
    }

    fn ahead(&self) -> Ahead {
        Ahead { encoded: self.held.len() as u64, decoded: 0 }
    }

    fn may_end(&self) -> bool {
        self.held.is_empty() && self.skipping.is_none() && self.is_identified
    }
}

/// Length, then literals and copies.
#[derive(Debug, Default)]
pub(super) struct Block {
    state: State,
    /// A length or tag that is not yet whole.
    held: Vec<u8>,
    /// Decoded bytes: the window, and what has not been given out.
    decoded: Vec<u8>,
    given: usize,
    /// Bytes that are still to be decoded.
    left: u64,
    fault: Option<IncompleteReason>,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Length,
    Tag,
    Literal(usize),
}

impl Block {
    /// Takes some of the bytes and says how many; nothing where more are needed.
    fn step(&mut self, input: &[u8]) -> Option<usize> {
        match &mut self.state {
            State::Length => {
                let need = self.held.len() + 1;
                let used = fill(&mut self.held, input, need);
                if self.held.last().is_some_and(|byte| byte & 0x80 == 0) {
                    self.left = self.held.iter().rev().fold(0, |n, b| n << 7 | u64::from(b & 0x7f));
                    self.held.clear();
                    self.state = State::Tag;
                } else if self.held.len() >= 5 {
                    self.fault = Some(IncompleteReason::Damaged);
                }
                Some(used).filter(|used| *used > 0)
            }
            State::Tag => {
                let need = self.held.first().map_or(1, |tag| tag_len(*tag));
                let mut used = fill(&mut self.held, input, need);
                let need = tag_len(*self.held.first()?);
                used += fill(&mut self.held, input.get(used..).unwrap_or_default(), need);
                if self.held.len() == need {
                    self.tag();
                }
                Some(used).filter(|used| *used > 0)
            }
            State::Literal(len) => {
                let part = input.get(..*len).unwrap_or(input);
                *len -= part.len();
                self.decoded.extend_from_slice(part);
                if *len == 0 {
                    self.state = State::Tag;
                }
                Some(part.len()).filter(|used| *used > 0)
            }
        }
    }

    fn tag(&mut self) {
        let mut bytes = [0; 4];
        for (to, from) in bytes.iter_mut().zip(self.held.iter().skip(1)) {
            *to = *from;
        }
        let value = usize::try_from(u32::from_le_bytes(bytes)).unwrap_or(usize::MAX);
        let tag = usize::from(self.held.first().copied().unwrap_or(0));
        let (len, offset) = match tag & 3 {
            0 if tag >> 2 < 60 => ((tag >> 2) + 1, None),
            0 => (value.saturating_add(1), None),
            1 => ((tag >> 2 & 7) + 4, Some((tag >> 5) << 8 | value)),
            _ => ((tag >> 2) + 1, Some(value)),
        };
        self.held.clear();
        let Some(left) = self.left.checked_sub(len as u64) else {
            self.fault = Some(IncompleteReason::Damaged);
            return;
        };
        self.left = left;
        match offset {
            None => self.state = State::Literal(len),
            Some(offset) => self.copy(offset, len),
        }
    }

    fn copy(&mut self, offset: usize, mut len: usize) {
        let is_there = offset > 0 && offset <= self.decoded.len();
        if !is_there {
            let is_far = offset > WINDOW;
            let reason =
                if is_far { IncompleteReason::WindowMax } else { IncompleteReason::Damaged };
            self.fault = Some(reason);
            return;
        }
        while len > 0 {
            let part = len.min(offset);
            let start = self.decoded.len() - offset;
            self.decoded.extend_from_within(start..start + part);
            len -= part;
        }
    }
}

/// Bytes of a tag with its length or offset.
fn tag_len(tag: u8) -> usize {
    match tag & 3 {
        0 => usize::from((tag >> 2).saturating_sub(59)) + 1,
        1 => 2,
        2 => 3,
        _ => 5,
    }
}

impl Codec for Block {
    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Result<Turn, Fault> {
        let mut used = 0;
        let is_over = |block: &Block| {
            block.left == 0 && matches!(block.state, State::Tag) && block.held.is_empty()
        };
        while self.fault.is_none()
            && !is_over(self)
            && self.decoded.len() - self.given < output.len()
        {
            let rest = input.get(used..).unwrap_or_default();
            // A literal is taken in no larger pieces than are given out.
            let rest = rest.get(..output.len()).unwrap_or(rest);
            let Some(taken) = self.step(rest) else { break };
            used += taken;
        }
        let pending = self.decoded.get(self.given..).unwrap_or_default();
        let made = pending.len().min(output.len());
        if let (Some(to), Some(from)) = (output.get_mut(..made), pending.get(..made)) {
            to.copy_from_slice(from);
        }
        self.given += made;
        let is_given = self.given == self.decoded.len();
        if self.given > 4 * WINDOW {
            self.decoded.drain(..self.given - WINDOW);
            self.given = WINDOW;
        }
        match self.fault {
            Some(reason) if is_given => Err(Fault { used: 0, made, reason }),
            None if is_given && is_over(self) => Ok(Turn::ended(used, made)),
            Some(_) | None => Ok(Turn::goes_on(used, made)),
        }
    }

    fn held(&self) -> &[u8] {
        &self.held
    }

    fn weight(&self) -> usize {
        self.held.capacity() + self.decoded.capacity()
    }

    fn ahead(&self) -> Ahead {
        Ahead { encoded: self.held.len() as u64, decoded: 0 }
    }
}

/// CRC-32C (RFC 3720 appendix B.4).
fn crc32c(bytes: &[u8]) -> u32 {
    #[expect(clippy::indexing_slicing, reason = "evaluated when compiled")]
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut n = 0u32;
        while n < 256 {
            let mut value = n;
            let mut bit = 0;
            while bit < 8 {
                value = if value & 1 == 1 { value >> 1 ^ 0x82f6_3b78 } else { value >> 1 };
                bit += 1;
            }
            table[n as usize] = value;
            n += 1;
        }
        table
    };
    let step = |crc: u32, byte: &u8| {
        let [low, ..] = crc.to_le_bytes();
        crc >> 8 ^ TABLE.get(usize::from(low ^ byte)).copied().unwrap_or(0)
    };
    !bytes.iter().fold(!0, step)
}

/// As the framing format stores it.
fn masked(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_value_is_castagnoli() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn a_block_decodes_by_single_bytes() {
        // Length 11, the literal "abcd", a copy of 7 bytes from 4 back.
        let bytes = [11, 3 << 2, b'a', b'b', b'c', b'd', 3 << 2 | 1, 4];
        let mut block = Block::default();
        let mut decoded = Vec::new();
        for byte in bytes {
            let mut output = [0; 3];
            let mut rest: &[u8] = &[byte];
            loop {
                let turn = block.decode(rest, &mut output).unwrap();
                decoded.extend_from_slice(&output[..turn.made]);
                rest = &rest[turn.used..];
                if turn.event == Event::Ended {
                    assert_eq!(decoded, b"abcdabcdabc");
                    return;
                }
                if turn.used + turn.made == 0 {
                    break;
                }
            }
        }
        panic!("not ended");
    }
}
