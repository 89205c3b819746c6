//! Zstandard frames (RFC 8878), skippable ones too. Blocks of up to 128 KiB are decoded whole; the
//! window is bounded by the limit on windows.

use std::fmt;
use std::io::Read;

use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::{Ahead, Codec, Event, Fault, Turn, fill, magic};
use crate::evidence::IncompleteReason;

/// What a block may decode to, and what it may take.
const BLOCK_MAX: usize = 128 * 1024;

/// What the decoder's ring has beyond a power of two.
const RING_SLACK: usize = 2 * BLOCK_MAX;

/// A zstd frame.
pub(super) struct Zstd {
    window_max: u64,
    state: State,
    held: Vec<u8>,
    decoder: FrameDecoder,
    has_check: bool,
    window: u64,
    blocks: usize,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Header,
    Block,
    Skipping(u64),
    /// All blocks are decoded.
    Whole,
}

impl fmt::Debug for Zstd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Zstd").field("state", &self.state).finish_non_exhaustive()
    }
}

impl Zstd {
    pub(super) fn new(window_max: u64) -> Zstd {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(window_max);
        Zstd {
            window_max,
            state: State::Header,
            held: Vec::new(),
            decoder,
            has_check: false,
            window: 0,
            blocks: 0,
        }
    }

    /// How many bytes the structure that is held has, as far as it tells; nothing where no such
    /// structure may be.
    fn need(&self) -> Option<usize> {
        match &self.state {
            State::Header => match self.held.first_chunk().copied().map(u32::from_le_bytes) {
                None => Some(4),
                Some(first) if magic::is_skippable(first) => Some(8),
                Some(magic::ZSTD) => Some(self.held.get(4).map_or(5, |flags| header_len(*flags))),
                Some(_) => None,
            },
            State::Block => {
                let Some(header) = self.held.first_chunk() else { return Some(3) };
                let (is_last, kind, size) = block_header(*header);
                if kind == 3 || size > BLOCK_MAX {
                    return None;
                }
                let check = if is_last && self.has_check { 4 } else { 0 };
                Some(3 + if kind == 1 { 1 } else { size } + check)
            }
            State::Skipping(_) | State::Whole => Some(0),
        }
    }

    /// Takes a whole structure.
    fn open(&mut self) -> Result<(), IncompleteReason> {
        match &self.state {
            State::Header => self.header()?,
            State::Block => {
                self.blocks += 1;
                let whole = self
                    .decoder
                    .decode_blocks(self.held.as_slice(), BlockDecodingStrategy::UptoBlocks(1));
                if whole.map_err(|_| IncompleteReason::Damaged)? {
                    self.state = State::Whole;
                }
            }
            State::Skipping(_) | State::Whole => {}
        }
        self.held.clear();
        Ok(())
    }

    fn header(&mut self) -> Result<(), IncompleteReason> {
        if let Some(&[a, b, c, d, e, f, g, h]) = self.held.first_chunk()
            && magic::is_skippable(u32::from_le_bytes([a, b, c, d]))
        {
            self.state = State::Skipping(u64::from(u32::from_le_bytes([e, f, g, h])));
            return Ok(());
        }
        let header = Header::parse(&self.held).ok_or(IncompleteReason::Damaged)?;
        if header.has_dictionary {
            return Err(IncompleteReason::UnknownEncoding);
        }
        if header.window > self.window_max {
            return Err(IncompleteReason::WindowMax);
        }
        self.window = header.window;
        self.has_check = header.has_check;
        self.state = State::Block;
        self.decoder.init(self.held.as_slice()).map_err(|_| IncompleteReason::Damaged)
    }

    /// Whether all that was given out has the check value that the frame tells.
    fn is_right(&self) -> bool {
        let told = self.decoder.get_checksum_from_data().filter(|_| self.has_check);
        told.is_none() || told == self.decoder.get_calculated_checksum()
    }

    /// What the decoder's ring takes: a window and a block, of a power of two, as far as it was filled.
    fn ring(&self) -> usize {
        let most = usize::try_from(self.window).unwrap_or(usize::MAX).saturating_add(BLOCK_MAX);
        let ring = most.saturating_sub(RING_SLACK).checked_next_power_of_two().unwrap_or(most);
        ring.saturating_add(RING_SLACK).min(self.blocks.saturating_mul(BLOCK_MAX))
    }

    fn give(&mut self, output: &mut [u8]) -> usize {
        self.decoder.read(output).unwrap_or(0)
    }
}

impl Codec for Zstd {
    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Result<Turn, Fault> {
        let mut used = 0;
        loop {
            let made = self.give(output);
            if made > 0 {
                return Ok(Turn::goes_on(used, made));
            }
            let rest = input.get(used..).unwrap_or_default();
            match &mut self.state {
                State::Whole => {
                    let is_right = self.is_right();
                    return if is_right {
                        Ok(Turn::ended(used, 0))
                    } else {
                        Err(Fault::damaged(used))
                    };
                }
                State::Skipping(_) if used > 0 => return Ok(Turn::goes_on(used, 0)),
                State::Skipping(left) => {
                    let used = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                    *left -= used as u64;
                    let is_last = *left == 0;
                    if is_last {
                        self.state = State::Whole;
                    }
                    let is_any = used > 0 || is_last;
                    let event = if is_any { Event::Skipped { is_last } } else { Event::GoesOn };
                    return Ok(Turn { used, made: 0, event });
                }
                State::Block | State::Header => {}
            }
            let need = self.need().ok_or_else(|| Fault::damaged(used))?;
            used += fill(&mut self.held, rest, need);
            if self.held.len() < need {
                return Ok(Turn::goes_on(used, 0));
            }
            // The first bytes of a structure tell how long all of it is.
            if self.need().ok_or_else(|| Fault::damaged(used))? > need {
                continue;
            }
            self.open().map_err(|reason| Fault::new(used, reason))?;
        }
    }

    fn held(&self) -> &[u8] {
        &self.held
    }

    fn weight(&self) -> usize {
        self.held.capacity() + self.ring()
    }

    fn ahead(&self) -> Ahead {
        // The decoder keeps its window back.
        let decoded = if self.state == State::Block { self.window } else { 0 };
        Ahead { encoded: self.held.len() as u64, decoded }
    }

    fn flush(&mut self, output: &mut [u8]) -> usize {
        if self.state == State::Block && !self.decoder.is_finished() {
            // An empty last block, and a check value that nobody looks at.
            let end = [1, 0, 0, 0, 0, 0, 0];
            let strategy = BlockDecodingStrategy::UptoBlocks(1);
            if self.decoder.decode_blocks(end.as_slice(), strategy).is_err() {
                return 0;
            }
        }
        self.give(output)
    }
}

/// Bytes of a frame's header, magic and all, by its descriptor (section 3.1.1.1).
fn header_len(flags: u8) -> usize {
    let window = usize::from(flags & 0x20 == 0);
    5 + window + dictionary_len(flags) + size_len(flags)
}

fn dictionary_len(flags: u8) -> usize {
    match flags & 3 {
        3 => 4,
        len => usize::from(len),
    }
}

fn size_len(flags: u8) -> usize {
    match flags >> 6 {
        0 if flags & 0x20 == 0 => 0,
        shift => 1 << shift,
    }
}

/// What a frame's header tells.
#[derive(Clone, Copy, Debug)]
struct Header {
    window: u64,
    has_dictionary: bool,
    has_check: bool,
}

impl Header {
    fn parse(bytes: &[u8]) -> Option<Header> {
        let (&flags, mut rest) = bytes.get(4..)?.split_first()?;
        let mut window = None;
        if flags & 0x20 == 0 {
            let (byte, behind) = rest.split_first()?;
            let base = 1u64 << (10 + (byte >> 3));
            window = Some(base + base / 8 * u64::from(byte & 7));
            rest = behind;
        }
        let (dictionary, rest) = rest.split_at_checked(dictionary_len(flags))?;
        let size = number(rest) + if size_len(flags) == 2 { 256 } else { 0 };
        Some(Header {
            window: window.unwrap_or(size),
            has_dictionary: number(dictionary) != 0,
            has_check: flags & 4 != 0,
        })
    }
}

/// Little-endian.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

/// Whether it is the last, its kind, its size (section 3.1.1.2).
fn block_header([a, b, c]: [u8; 3]) -> (bool, u8, usize) {
    let word = u32::from_le_bytes([a, b, c, 0]);
    (a & 1 == 1, a >> 1 & 3, usize::try_from(word >> 3).unwrap_or(usize::MAX))
}
