//! Base64 in pieces that are each padded by themselves (`UGF0aQ==ZW50`), as a sender writes it that
//! encodes what it has and goes on: padding stands within, and a run of letters ends there. Bounded
//! memory; one piece alone is the affair of runs.

use super::super::Around;
use super::base32::PaddedBase32;
use super::decode::{Spelling, group};
use super::short::is_likely_text;
use super::{RUN_MIN, place};
use crate::coverage::Declared;
use crate::gate::{self, Places, is_letter};
use crate::scanner::{Leaf, Reader, Scan};

/// Characters of a group.
const GROUP: usize = 4;
/// Characters before the end of a block that may be the beginning of a first piece.
const BEFORE_MAX: usize = 1024;
/// Bytes that are decoded before they are read.
const TEXT_MAX: usize = 1024;

/// Pieces that go on at the end of the bytes seen.
#[derive(Debug)]
struct Pieces {
    start: u64,
    /// A group that is not yet whole, and how many of it are there.
    group: [u8; GROUP],
    filled: usize,
    text: Vec<u8>,
    letters: usize,
    leaf: Option<Box<Leaf>>,
    is_vain: bool,
}

impl Pieces {
    fn new(start: u64) -> Pieces {
        let (group, text) = ([0; GROUP], Vec::with_capacity(TEXT_MAX + GROUP));
        Pieces { start, group, filled: 0, text, letters: 0, leaf: None, is_vain: false }
    }

    /// Takes one character; false where it ends what is no group.
    fn take(&mut self, byte: u8) -> bool {
        if let Some(place) = self.group.get_mut(self.filled) {
            *place = byte;
        }
        self.filled += 1;
        if self.filled < GROUP {
            return true;
        }
        self.filled = 0;
        let Some(padding) = padding(self.group) else { return false };
        let letters = self.group.map(|byte| if byte == b'=' { b'A' } else { byte });
        self.text.extend(group(&letters).into_iter().take(3 - padding));
        self.letters += GROUP - padding;
        true
    }

    fn read(&mut self, scan: &mut Scan, around: &Around) {
        let is_first = self.leaf.is_none();
        if is_first && (self.letters < RUN_MIN || !is_likely_text(&self.text)) {
            self.is_vain = true;
        }
        let text = std::mem::take(&mut self.text);
        if self.is_vain || !scan.may_decode(text.len()) {
            return;
        }
        let leaf = self.leaf.get_or_insert_with(|| {
            let place = place(around, Spelling::Base64, self.start);
            Box::new(Leaf::new(place.member, Declared::Nothing).nested(place.depth))
        });
        leaf.watch(scan, &text);
    }

    fn finish(mut self, scan: &mut Scan, around: &Around) {
        if !self.text.is_empty() {
            self.read(scan, around);
        }
        if let Some(mut leaf) = self.leaf {
            leaf.finish(scan);
        }
    }
}

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
            Some(pieces) => pieces.start,
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
        if self.open.is_none() && goes_on(&self.before, block) {
            let offset = offset - self.before.len() as u64;
            let bytes = [&self.before, block].concat();
            gate::encoded_letters(&bytes, &mut self.words);
            self.places.find_padded(&bytes, &self.words);
            let read = self.read_pieces(scan, around, (offset, &bytes));
            self.keep(bytes.get(read..).unwrap_or_default(), end);
        } else if self.places.find_padded(block, letters) || self.open.is_some() {
            let read = self.read_pieces(scan, around, (offset, block));
            self.keep(block.get(read..).unwrap_or_default(), end);
        } else if block.len() < BEFORE_MAX && block.iter().all(|byte| is_part(*byte)) {
            let bytes = [&self.before, block].concat();
            self.keep(&bytes, end);
        } else {
            self.keep(block, end);
        }
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
                    self.open = Some(Pieces::new(offset + start as u64));
                    at = self.follow(scan, around, bytes, start).max(next);
                    self.base32.open_within(scan, around, (offset, bytes), (next, at));
                }
                None => at = next,
            }
            from = at.max(next + 1);
        }
        at
    }

    /// Keeps the end of a block, up to `end`, for the next one.
    fn keep(&mut self, rest: &[u8], end: u64) {
        let len = rest.iter().rev().take(BEFORE_MAX).take_while(|byte| is_part(**byte)).count();
        self.before.clear();
        self.before.extend_from_slice(rest.get(rest.len() - len..).unwrap_or_default());
        self.offset = end - len as u64;
    }

    /// Takes what belongs to the open pieces from `from` on, and says up to where that is.
    fn follow(&mut self, scan: &mut Scan, around: &Around, bytes: &[u8], from: usize) -> usize {
        let Some(mut pieces) = self.open.take() else { return from };
        for (at, byte) in bytes.iter().enumerate().skip(from) {
            if !pieces.take(*byte) {
                pieces.finish(scan, around);
                return at;
            }
            if pieces.text.len() >= TEXT_MAX {
                pieces.read(scan, around);
            }
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

/// How much padding a group has; nothing where it is none.
fn padding(characters: [u8; GROUP]) -> Option<usize> {
    match characters {
        [a, b, b'=', b'='] if is_letter(a) && is_letter(b) => Some(2),
        [.., b'='] if characters.iter().take(3).all(|byte| is_letter(*byte)) => Some(1),
        _ if characters.iter().all(|byte| is_letter(*byte)) => Some(0),
        _ => None,
    }
}

fn is_part(byte: u8) -> bool {
    is_letter(byte) || byte == b'='
}

/// Whether `before`, all of it parts of pieces, may go on in the next block.
fn goes_on(before: &[u8], block: &[u8]) -> bool {
    if before.is_empty() {
        return false;
    }
    let first = block.iter().take_while(|byte| is_part(**byte)).count();
    let missing = gate::PADDED_MIN.saturating_sub(before.len());
    let has_sign = |bytes: &[u8]| memchr::memchr(b'=', bytes).is_some();
    first >= missing && (has_sign(before) || has_sign(block.get(..first).unwrap_or_default()))
}

/// Whether the pieces from `start` on have letters enough to tell something, as far as they are known.
fn may_tell(bytes: &[u8], start: usize) -> bool {
    let (groups, _) = bytes.get(start..).unwrap_or_default().as_chunks::<GROUP>();
    let mut letters = 0;
    for group in groups {
        let Some(padding) = padding(*group) else { return false };
        letters += GROUP - padding;
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
