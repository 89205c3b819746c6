//! Base64 in pieces that are each padded by themselves (`UGF0aQ==ZW50`), as a sender writes it that
//! encodes what it has and goes on: padding stands within, and a run of letters ends there. Bounded
//! memory; one piece alone is the affair of runs.

use super::super::Around;
use super::base32::PaddedBase32;
use super::decode::{Spelling, group};
use super::short::is_likely_text;
use super::{RUN_MIN, place};
use crate::coverage::Declared;
use crate::gate::is_letter;
use crate::scanner::{Leaf, Reader, Scan};

/// Characters of a group.
const GROUP: usize = 4;
/// Characters before the end of a block that may be the beginning of a first piece.
const BEFORE_MAX: usize = 1024;
/// Signs in a row that are no padding, of base32 neither.
const SIGNS_MAX: usize = 7;
/// Bytes that are decoded before they are read.
const TEXT_MAX: usize = 1024;

/// Pieces that go on at the end of the bytes seen.
#[derive(Debug)]
struct Pieces {
    start: u64,
    /// A group that is not yet whole.
    group: Vec<u8>,
    text: Vec<u8>,
    letters: usize,
    leaf: Option<Box<Leaf>>,
    is_vain: bool,
}

impl Pieces {
    /// Takes one group; false where it is none.
    fn take(&mut self) -> bool {
        let Some(&characters) = self.group.first_chunk::<GROUP>() else { return true };
        let padding = match characters {
            [a, b, b'=', b'='] if is_letter(a) && is_letter(b) => 2,
            [.., b'='] if characters.iter().take(3).all(|byte| is_letter(*byte)) => 1,
            _ if characters.iter().all(|byte| is_letter(*byte)) => 0,
            _ => return false,
        };
        let letters = characters.map(|byte| if byte == b'=' { b'A' } else { byte });
        self.text.extend(group(&letters).into_iter().take(3 - padding));
        self.letters += GROUP - padding;
        self.group.clear();
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

    /// Takes a block, which stands at an offset.
    pub(in crate::scanner::overlay) fn read(
        &mut self,
        scan: &mut Scan,
        around: &Around,
        (offset, block): (u64, &[u8]),
    ) {
        self.base32.follow(scan, around, (offset, block));
        let joined;
        let first = block.iter().take_while(|byte| is_letter(**byte)).count();
        let goes_on = block.get(first).is_none_or(|byte| *byte == b'=');
        let (offset, bytes) = if self.before.is_empty() || !goes_on && !self.before.contains(&b'=')
        {
            (offset, block)
        } else {
            joined = [&self.before, block].concat();
            (offset - self.before.len() as u64, joined.as_slice())
        };
        self.before.clear();
        let mut at = self.follow(scan, around, bytes, 0);
        self.base32.open_within(scan, around, (offset, bytes), (0, at));
        while self.open.is_none()
            && let Some(found) = memchr::memchr(b'=', bytes.get(at..).unwrap_or_default())
        {
            let pad = at + found;
            let behind = bytes.get(pad..).unwrap_or_default();
            let signs = behind.iter().take(SIGNS_MAX).take_while(|byte| **byte == b'=').count();
            if behind.len() <= 2 || signs < SIGNS_MAX && signs == behind.len() {
                // What follows is in the next block.
                break;
            }
            self.base32.open(scan, around, (offset, bytes), pad + signs);
            match first_piece(bytes, at, pad) {
                Some(start) => {
                    let (letters, is_vain) = (0, false);
                    let (group, text) = (Vec::with_capacity(GROUP), Vec::new());
                    let start_at = offset + start as u64;
                    let leaf = None;
                    self.open =
                        Some(Pieces { start: start_at, group, text, letters, leaf, is_vain });
                    at = self.follow(scan, around, bytes, start).max(pad + 1);
                    self.base32.open_within(scan, around, (offset, bytes), (pad + signs, at));
                }
                None => at = pad + 1,
            }
        }
        if self.open.is_none() {
            self.keep(bytes.get(at..).unwrap_or_default(), offset + bytes.len() as u64);
        }
    }

    /// Keeps the end of a block, up to `end`, for the next one.
    fn keep(&mut self, rest: &[u8], end: u64) {
        let is_part = |byte: &&u8| is_letter(**byte) || **byte == b'=';
        let len = rest.iter().rev().take(BEFORE_MAX).take_while(is_part).count();
        self.before.extend_from_slice(rest.get(rest.len() - len..).unwrap_or_default());
        self.offset = end - len as u64;
    }

    /// Takes what belongs to the open pieces from `from` on, and says up to where that is.
    fn follow(&mut self, scan: &mut Scan, around: &Around, bytes: &[u8], from: usize) -> usize {
        let Some(mut pieces) = self.open.take() else { return from };
        for (at, byte) in bytes.iter().enumerate().skip(from) {
            pieces.group.push(*byte);
            if !pieces.take() {
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

/// Where the piece begins that the padding at `pad` ends and behind which another one follows, not
/// before `floor`. Letters that are glued to its front are left out.
fn first_piece(bytes: &[u8], floor: usize, pad: usize) -> Option<usize> {
    let padding = if bytes.get(pad + 1) == Some(&b'=') { 2 } else { 1 };
    bytes.get(pad + padding).filter(|next| is_letter(**next))?;
    let before = bytes.get(floor..pad)?;
    let letters = before.iter().rev().take_while(|byte| is_letter(**byte)).count();
    let last = GROUP - padding;
    let whole = letters.checked_sub(last)? / GROUP * GROUP;
    Some(pad - last - whole)
}
