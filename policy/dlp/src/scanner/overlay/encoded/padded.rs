//! Base64 in pieces that are each padded by themselves (`UGF0aQ==ZW50`), as a sender writes it that
//! encodes what it has and goes on: padding stands within, and a run of letters ends there. Bounded
//! memory; one piece alone is the affair of runs.

use super::super::Around;
use super::RUN_MIN;
use super::base32::PaddedBase32;
use super::decode::Spelling;
use super::pieces::{Pieces, letters_of};
use crate::gate::{self, Places, is_letter};
use crate::scanner::Scan;

/// Characters of a group.
const GROUP: usize = 4;
/// Characters before the end of a block that may be the beginning of a first piece.
const BEFORE_MAX: usize = 1024;

/// The padded pieces of one leaf.
#[derive(Debug, Default)]
pub(in crate::scanner::overlay) struct Padded {
    open: Option<Pieces>,
    /// The characters at the end of the last block that a first piece may begin with.
    before: Vec<u8>,
    /// Offset of the first one.
    offset: u64,
    base32: PaddedBase32,
    /// Where pieces may follow each other; kept for its room.
    places: Places,
    /// The letters of a block and what stood before it; kept for its room.
    words: Vec<u64>,
}

impl Padded {
    pub(in crate::scanner::overlay) fn is_open(&self) -> bool {
        self.open.is_some() || self.base32.is_open()
    }

    /// The offset before which all pieces have been read.
    pub(in crate::scanner::overlay) fn cleared(&self) -> u64 {
        let base64 = match &self.open {
            Some(pieces) => pieces.cleared(),
            None if self.before.is_empty() => u64::MAX,
            None => self.offset,
        };
        base64.min(self.base32.cleared())
    }

    /// Takes a block, which stands at an offset; `letters` has a bit for each of its bytes.
    pub(in crate::scanner::overlay) fn read(
        &mut self,
        scan: &mut Scan,
        around: &Around,
        (offset, block): (u64, &[u8]),
        letters: &[u64],
    ) {
        self.base32.follow(scan, around, (offset, block));
        let end = offset + block.len() as u64;
        // Signs are rare: where none is, nothing begins, and what goes on is followed.
        let has_sign = memchr::memchr(b'=', block).is_some();
        if self.open.is_none() && goes_on(&self.before, block, has_sign) {
            let offset = offset - self.before.len() as u64;
            let bytes = [&self.before, block].concat();
            let mut words = std::mem::take(&mut self.words);
            gate::encoded_letters(&bytes, &mut words);
            self.places.find_padded(&bytes, &words);
            let read = self.read_pieces(scan, around, (offset, &bytes));
            self.keep(&bytes, read, &words, end);
            self.words = words;
        } else if self.find(block, has_sign, letters) || self.open.is_some() {
            let read = self.read_pieces(scan, around, (offset, block));
            self.keep(block, read, letters, end);
        } else if block.len() < BEFORE_MAX && parts_start(block, 0, letters) == 0 {
            self.before.extend_from_slice(block);
            let spent = self.before.len().saturating_sub(BEFORE_MAX);
            self.before.drain(..spent);
            self.offset = end - self.before.len() as u64;
        } else {
            self.keep(block, 0, letters, end);
        }
    }

    /// Keeps of a block that is not read, up to an offset, what pieces may begin with.
    pub(in crate::scanner::overlay) fn pass(&mut self, block: &[u8], end: u64) {
        let parts = block.iter().rev().take(BEFORE_MAX).take_while(|byte| is_part(**byte)).count();
        self.before.clear();
        self.before.extend_from_slice(block.get(block.len() - parts..).unwrap_or_default());
        self.offset = end - parts as u64;
    }

    /// Looks where pieces may follow each other in a block, and says whether there are any.
    fn find(&mut self, block: &[u8], has_sign: bool, letters: &[u64]) -> bool {
        if !has_sign {
            self.places.clear();
        }
        has_sign && self.places.find_padded(block, letters)
    }

    /// Takes all that begins in the bytes, the first of which stands at an offset, and says up to where
    /// that is.
    fn read_pieces(
        &mut self,
        scan: &mut Scan,
        around: &Around,
        (offset, bytes): (u64, &[u8]),
    ) -> usize {
        let mut at = self.follow(scan, around, bytes, 0);
        let mut from = at;
        self.base32.open_within(scan, around, (offset, bytes), (0, at));
        while self.open.is_none()
            && let Some(next) = self.places.next(from)
        {
            self.base32.open(scan, around, (offset, bytes), next);
            match first_piece(bytes, at, next).filter(|start| may_tell(bytes, *start)) {
                Some(start) => {
                    self.open = Some(Pieces::new(Spelling::Base64, offset + start as u64));
                    at = self.follow(scan, around, bytes, start).max(next);
                    self.base32.open_within(scan, around, (offset, bytes), (next, at));
                }
                None => at = next,
            }
            from = at.max(next + 1);
        }
        at
    }

    /// Keeps of bytes that have been read up to `from`, and end at an offset, what may go on.
    fn keep(&mut self, bytes: &[u8], from: usize, letters: &[u64], end: u64) {
        let floor = from.max(bytes.len().saturating_sub(BEFORE_MAX));
        let rest = bytes.get(parts_start(bytes, floor, letters)..).unwrap_or_default();
        self.before.clear();
        self.before.extend_from_slice(rest);
        self.offset = end - rest.len() as u64;
    }

    /// Takes what belongs to the open pieces from `from` on, and says up to where that is.
    fn follow(&mut self, scan: &mut Scan, around: &Around, bytes: &[u8], from: usize) -> usize {
        let Some(mut pieces) = self.open.take() else { return from };
        if let Some(at) = pieces.take(scan, around, bytes.get(from..).unwrap_or_default()) {
            pieces.finish(scan, around);
            return from + at;
        }
        self.open = Some(pieces);
        bytes.len()
    }

    pub(in crate::scanner::overlay) fn finish(&mut self, scan: &mut Scan, around: &Around) {
        if let Some(pieces) = self.open.take() {
            pieces.finish(scan, around);
        }
        self.base32.finish(scan, around);
    }
}

fn is_part(byte: u8) -> bool {
    is_letter(byte) || byte == b'='
}

/// Where the parts of pieces begin that bytes end with, not before `floor`; `letters` has a bit for each
/// of them.
fn parts_start(bytes: &[u8], floor: usize, letters: &[u64]) -> usize {
    let mut start = bytes.len();
    loop {
        start = gate::letters_start(letters, start).max(floor);
        if start == floor || bytes.get(start - 1) != Some(&b'=') {
            return start;
        }
        start -= 1;
    }
}

/// Whether `before`, all of it parts of pieces, may go on in the next block.
fn goes_on(before: &[u8], block: &[u8], has_sign: bool) -> bool {
    let is_signed = memchr::memchr(b'=', before).is_some();
    if before.is_empty() || !is_signed && !has_sign {
        return false;
    }
    let missing = gate::PADDED_MIN.saturating_sub(before.len());
    let parts = block.iter().take_while(|byte| is_part(**byte));
    let first = if is_signed { parts.take(missing).count() } else { parts.count() };
    let has_sign = |bytes: &[u8]| memchr::memchr(b'=', bytes).is_some();
    first >= missing && (is_signed || has_sign(block.get(..first).unwrap_or_default()))
}

/// Whether the pieces from `start` on have letters enough to tell something, as far as they are known.
fn may_tell(bytes: &[u8], start: usize) -> bool {
    let mut letters = 0;
    for group in bytes.get(start..).unwrap_or_default().chunks_exact(GROUP) {
        let Some(len) = letters_of(Spelling::Base64, group) else { return false };
        letters += len;
        if letters >= RUN_MIN {
            return true;
        }
    }
    true
}

/// Where the piece begins that ends with the padding before `next`, the first letter of another one, not
/// before `floor`. Letters that are glued to its front are left out.
fn first_piece(bytes: &[u8], floor: usize, next: usize) -> Option<usize> {
    let before = bytes.get(floor..next)?;
    let padding = before.iter().rev().take_while(|byte| **byte == b'=').count();
    let letters = before.iter().rev().skip(padding).take_while(|byte| is_letter(**byte)).count();
    let last = GROUP.checked_sub(padding).filter(|last| *last >= 2)?;
    let whole = letters.checked_sub(last)? / GROUP * GROUP;
    Some(next - GROUP - whole)
}
