//! Base32 (RFC 4648, section 6) in pieces that are each padded by themselves (`OBQXI2I=MVXHIIA=`), as
//! `padded` has it of base64. Only pieces of text count: what else has padding within is no base32.

use super::super::Around;
use super::decode::{Spelling, decode_short, is_of_base32};
use super::short::is_likely_text;
use super::{RUN_MIN, place};
use crate::coverage::Declared;
use crate::gate::is_printable;
use crate::scanner::{Leaf, Reader, Scan};

/// Characters of a group.
const GROUP: usize = 8;
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
    fn new(start: u64) -> Pieces {
        let (group, text) = (Vec::with_capacity(GROUP), Vec::with_capacity(TEXT_MAX + GROUP));
        Pieces { start, group, text, letters: 0, leaf: None, is_vain: false }
    }

    /// Takes one character; false where it belongs to no group.
    fn take(&mut self, byte: u8) -> bool {
        let is_padding = self.group.last() == Some(&b'=');
        let fits = byte == b'=' && !self.group.is_empty() || is_of_base32(&byte) && !is_padding;
        if !fits {
            return false;
        }
        self.group.push(byte);
        if self.group.len() < GROUP {
            return true;
        }
        let is_group = letters_of(&self.group).is_some();
        self.decode();
        is_group
    }

    /// Decodes the letters of the group, whole or not.
    fn decode(&mut self) {
        let letters = self.group.iter().take_while(|byte| **byte != b'=').count();
        let mut text = Vec::new();
        decode_short(Spelling::Base32, self.group.get(..letters).unwrap_or_default(), &mut text);
        self.text.extend(text);
        self.letters += letters;
        self.group.clear();
    }

    fn read(&mut self, scan: &mut Scan, around: &Around) {
        if self.leaf.is_none() && (self.letters < RUN_MIN || !is_likely_text(&self.text)) {
            self.is_vain = true;
        }
        let text = std::mem::take(&mut self.text);
        if self.is_vain || !scan.may_decode(text.len()) {
            return;
        }
        let leaf = self.leaf.get_or_insert_with(|| {
            let place = place(around, Spelling::Base32, self.start);
            Box::new(Leaf::new(place.member, Declared::Nothing).nested(place.depth))
        });
        leaf.watch(scan, &text);
    }

    fn finish(mut self, scan: &mut Scan, around: &Around) {
        self.decode();
        self.read(scan, around);
        if let Some(mut leaf) = self.leaf {
            leaf.finish(scan);
        }
    }
}

/// The padded pieces of one leaf. [`super::padded`] sees the padding of both.
#[derive(Debug, Default)]
pub(super) struct PaddedBase32 {
    open: Option<Pieces>,
    /// The offset before which nothing begins that has not been read.
    read: u64,
}

impl PaddedBase32 {
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// The offset before which all pieces have been read.
    pub(super) fn cleared(&self) -> u64 {
        self.open.as_ref().map_or(u64::MAX, |pieces| pieces.start)
    }

    /// Opens the pieces of which the first ends before `next`, a letter behind padding, if there are any,
    /// and takes all that belongs to them. The first of the bytes stands at an offset.
    pub(super) fn open(
        &mut self,
        scan: &mut Scan,
        around: &Around,
        (offset, bytes): (u64, &[u8]),
        next: usize,
    ) {
        if self.open.is_none()
            && offset + next as u64 > self.read
            && let Some(start) = first_piece(bytes, next)
        {
            let place = offset + start as u64;
            self.open = Some(Pieces::new(place));
            self.follow(scan, around, (place, bytes.get(start..).unwrap_or_default()));
        }
    }

    /// As [`PaddedBase32::open`], behind all padding that stands from `from` to `to`.
    pub(super) fn open_within(
        &mut self,
        scan: &mut Scan,
        around: &Around,
        (offset, bytes): (u64, &[u8]),
        (from, to): (usize, usize),
    ) {
        for pad in memchr::memchr_iter(b'=', bytes.get(from..to).unwrap_or_default()) {
            let next = from + pad + 1;
            if bytes.get(next).is_some_and(is_of_base32) {
                self.open(scan, around, (offset, bytes), next);
            }
        }
    }

    /// Takes what belongs to the open pieces of some bytes, which stand at an offset.
    pub(super) fn follow(
        &mut self,
        scan: &mut Scan,
        around: &Around,
        (offset, bytes): (u64, &[u8]),
    ) {
        let Some(mut pieces) = self.open.take() else { return };
        for (at, byte) in bytes.iter().enumerate() {
            if !pieces.take(*byte) {
                self.read = offset + at as u64;
                return pieces.finish(scan, around);
            }
            if pieces.text.len() >= TEXT_MAX {
                pieces.read(scan, around);
            }
        }
        self.open = Some(pieces);
    }

    pub(super) fn finish(&mut self, scan: &mut Scan, around: &Around) {
        if let Some(pieces) = self.open.take() {
            pieces.finish(scan, around);
        }
    }
}

/// How many of its characters are letters; nothing where eight are no group.
fn letters_of(group: &[u8]) -> Option<usize> {
    let letters = group.iter().take_while(|byte| is_of_base32(byte)).count();
    let is_padded = group.iter().skip(letters).all(|byte| *byte == b'=');
    (is_padded && matches!(letters, 2 | 4 | 5 | 7 | 8)).then_some(letters)
}

/// Where the piece begins that ends with the padding before `next`, the first letter of another one.
/// Letters that are glued to its front are left out.
fn first_piece(bytes: &[u8], next: usize) -> Option<usize> {
    bytes.get(next).filter(|byte| is_of_base32(byte))?;
    let before = bytes.get(..next)?;
    let padding = before.iter().rev().take(GROUP).take_while(|byte| **byte == b'=').count();
    let last = GROUP.checked_sub(padding).filter(|last| matches!(last, 2 | 4 | 5 | 7))?;
    let before = before.get(..next - padding)?;
    let letters = before.iter().rev().take_while(|byte| is_of_base32(byte)).count();
    let whole = letters.checked_sub(last)? / GROUP * GROUP;
    let start = next - GROUP - whole;
    let piece = bytes.get(start..next)?;
    let has = |kind: fn(&u8) -> bool| piece.iter().any(kind);
    let is_of_one_case = !(has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase));
    (is_of_one_case && may_tell(bytes.get(start..)?)).then_some(start)
}

/// Whether pieces have letters enough to tell something, as far as they are known, and the first of them
/// spell text.
fn may_tell(pieces: &[u8]) -> bool {
    let mut letters = 0;
    let mut text = Vec::new();
    for group in pieces.chunks_exact(GROUP) {
        let Some(len) = letters_of(group) else { return false };
        decode_short(Spelling::Base32, group.get(..len).unwrap_or_default(), &mut text);
        if !text.iter().all(|byte| is_printable(*byte)) {
            return false;
        }
        letters += len;
        if letters >= RUN_MIN {
            return true;
        }
    }
    true
}
