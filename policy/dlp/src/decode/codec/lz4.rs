//! LZ4 frames (lz4_Frame_format 1.6.4), the legacy frames of `lz4 -l` and Linux kernels, and
//! skippable ones. Blocks of up to 8 MiB are decoded whole.

use std::hash::Hasher;

use lz4_flex::block::decompress_into_with_dict;
use twox_hash::XxHash32;

use super::{Ahead, Codec, Event, Fault, Ready, Turn, fill, magic};
use crate::evidence::IncompleteReason;

/// How far a block may reach back into those before it.
const WINDOW: usize = 64 * 1024;
const LEGACY_BLOCK: usize = 8 << 20;

/// An LZ4 frame.
#[derive(Debug, Default)]
pub(super) struct Lz4 {
    state: State,
    held: Vec<u8>,
    ready: Ready,
    frame: Frame,
    /// The end of the blocks before, where blocks are linked.
    window: Vec<u8>,
    check: Check,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Magic,
    Header,
    Block,
    LegacyBlock,
    /// Before the check value of the content, where there is one.
    Trailer,
    Skipping(u64),
    Ended,
}

/// What the header tells.
#[derive(Clone, Copy, Debug, Default)]
struct Frame {
    block_max: usize,
    is_linked: bool,
    has_block_check: bool,
    has_content_check: bool,
    size: Option<u64>,
}

/// Check value and size of the content.
#[derive(Debug, Default)]
struct Check {
    hasher: XxHash32,
    size: u64,
}

impl Lz4 {
    /// How many bytes the structure that is held has, as far as it tells.
    fn need(&self) -> usize {
        match &self.state {
            State::Magic => match u32_at(&self.held, 0) {
                Some(first) if magic::is_skippable(first) => 8,
                Some(_) | None => 4,
            },
            State::Header => self.held.first().map_or(2, |flags| {
                3 + if flags & 8 != 0 { 8 } else { 0 } + if flags & 1 != 0 { 4 } else { 0 }
            }),
            State::Block | State::LegacyBlock => u32_at(&self.held, 0).map_or(4, |word| {
                let check = if self.frame.has_block_check && word != 0 { 4 } else { 0 };
                4 + block_len(word) + check
            }),
            State::Trailer => 4,
            State::Skipping(_) | State::Ended => 0,
        }
    }

    /// What is wrong with the length of the block that begins with what is held.
    fn is_too_long(&self) -> bool {
        let len = u32_at(&self.held, 0).map_or(0, block_len);
        match &self.state {
            State::Block => len > self.frame.block_max,
            // What a compressor makes of bytes that it cannot compress.
            State::LegacyBlock => len > LEGACY_BLOCK + LEGACY_BLOCK / 255 + 16,
            State::Ended | State::Header | State::Magic | State::Skipping(_) | State::Trailer => {
                false
            }
        }
    }

    /// Takes a whole structure.
    fn open(&mut self) -> Result<(), IncompleteReason> {
        match &self.state {
            State::Magic => {
                let first = u32_at(&self.held, 0).unwrap_or(0);
                self.state = match first {
                    magic::LZ4 => State::Header,
                    magic::LZ4_LEGACY => {
                        self.frame.block_max = LEGACY_BLOCK;
                        State::LegacyBlock
                    }
                    _ if magic::is_skippable(first) => {
                        State::Skipping(u32_at(&self.held, 4).map_or(0, u64::from))
                    }
                    _ => return Err(IncompleteReason::Damaged),
                };
            }
            State::Header => {
                self.frame = Frame::parse(&self.held)?;
                self.state = State::Block;
            }
            State::Block | State::LegacyBlock => self.block().ok_or(IncompleteReason::Damaged)?,
            State::Trailer => {
                if u32_at(&self.held, 0) != Some(self.check.hasher.finish_32()) {
                    return Err(IncompleteReason::Damaged);
                }
                self.state = State::Ended;
            }
            State::Ended | State::Skipping(_) => {}
        }
        self.held.clear();
        Ok(())
    }

    fn block(&mut self) -> Option<()> {
        let word = u32_at(&self.held, 0)?;
        if word == 0 && self.state == State::Block {
            let is_right = self.frame.size.is_none_or(|size| size == self.check.size);
            self.state = if self.frame.has_content_check { State::Trailer } else { State::Ended };
            return is_right.then_some(());
        }
        let data = self.held.get(4..4 + block_len(word))?;
        if self.frame.has_block_check {
            let check = u32_at(&self.held, 4 + data.len())?;
            (XxHash32::oneshot(0, data) == check).then_some(())?;
        }
        let is_stored = word >> 31 == 1 && self.state == State::Block;
        let room = self.ready.room(if is_stored { data.len() } else { self.frame.block_max });
        if is_stored {
            room.copy_from_slice(data);
        } else {
            let made = decompress_into_with_dict(data, room, &self.window).ok();
            room.truncate(made.unwrap_or(0));
            made?;
        }
        self.check.size += room.len() as u64;
        if self.frame.has_content_check {
            self.check.hasher.write(room);
        }
        if self.frame.is_linked {
            self.window.extend_from_slice(room.get(room.len().saturating_sub(WINDOW)..)?);
            self.window.drain(..self.window.len().saturating_sub(WINDOW));
        }
        Some(())
    }
}

impl Codec for Lz4 {
    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Result<Turn, Fault> {
        let mut used = 0;
        loop {
            let made = self.ready.give(output);
            if made > 0 {
                return Ok(Turn::goes_on(used, made));
            }
            let rest = input.get(used..).unwrap_or_default();
            if let State::Skipping(left) = &mut self.state {
                if used > 0 {
                    return Ok(Turn::goes_on(used, 0));
                }
                let used = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                *left -= used as u64;
                let is_last = *left == 0;
                if is_last {
                    self.state = State::Ended;
                }
                let is_any = used > 0 || is_last;
                let event = if is_any { Event::Skipped { is_last } } else { Event::GoesOn };
                return Ok(Turn { used, made: 0, event });
            }
            if self.state == State::Ended {
                return Ok(Turn::ended(used, 0));
            }
            let need = self.need().min(self.held.len().max(4));
            used += fill(&mut self.held, rest, need);
            if self.held.len() >= 4 && self.is_too_long() {
                // A legacy frame ends where something else begins.
                if self.state == State::LegacyBlock {
                    self.state = State::Ended;
                    continue;
                }
                return Err(Fault::damaged(used));
            }
            let need = self.need();
            used += fill(&mut self.held, input.get(used..).unwrap_or_default(), need);
            if self.held.len() < need {
                return Ok(Turn::goes_on(used, 0));
            }
            self.open().map_err(|reason| Fault::new(used, reason))?;
        }
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
        self.state == State::LegacyBlock && self.held.is_empty()
    }
}

impl Frame {
    /// The header behind the magic.
    fn parse(bytes: &[u8]) -> Result<Frame, IncompleteReason> {
        let (Some((&check, header)), Some(&[flags, block])) =
            (bytes.split_last(), bytes.first_chunk::<2>())
        else {
            return Err(IncompleteReason::Damaged);
        };
        let [_, right, ..] = XxHash32::oneshot(0, header).to_le_bytes();
        let block_max = match block >> 4 & 7 {
            4 => 64 << 10,
            5 => 256 << 10,
            6 => 1 << 20,
            7 => 4 << 20,
            _ => return Err(IncompleteReason::Damaged),
        };
        if flags >> 6 != 1 || right != check {
            return Err(IncompleteReason::Damaged);
        }
        if flags & 1 != 0 {
            // A dictionary that only the receiver has.
            return Err(IncompleteReason::UnknownEncoding);
        }
        let size = header.get(2..).and_then(|rest| rest.first_chunk().copied());
        Ok(Frame {
            block_max,
            is_linked: flags & 0x20 == 0,
            has_block_check: flags & 0x10 != 0,
            has_content_check: flags & 4 != 0,
            size: size.filter(|_| flags & 8 != 0).map(u64::from_le_bytes),
        })
    }
}

/// The length that a block's first word tells; its highest bit says that the block is stored.
fn block_len(word: u32) -> usize {
    usize::try_from(word & 0x7fff_ffff).unwrap_or(usize::MAX)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_le_bytes)
}
