//! Base32 (RFC 4648, section 6) in pieces that are each padded by themselves (`OBQXI2I=MVXHIIA=`), as
//! `padded` has it of base64. Only pieces of text count: what else has padding within is no base32.

use super::super::Around;
use super::RUN_MIN;
use super::decode::{Spelling, decode_short, is_of_base32};
use super::pieces::{Pieces, letters_of};
use crate::gate::is_printable;
use crate::scanner::Scan;

/// Characters of a group.
const GROUP: usize = 8;
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
        self.open.as_ref().map_or(u64::MAX, Pieces::cleared)
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
            self.open = Some(Pieces::new(Spelling::Base32, place));
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
        if let Some(at) = pieces.take(scan, around, bytes) {
            self.read = offset + at as u64;
            return pieces.finish(scan, around);
        }
        self.open = Some(pieces);
    }

    pub(super) fn finish(&mut self, scan: &mut Scan, around: &Around) {
        if let Some(pieces) = self.open.take() {
            pieces.finish(scan, around);
        }
    }
}

/// Where the piece begins that ends with the padding before `next`, the first letter of another one.
/// Letters that are glued to its front are left out.
fn first_piece(bytes: &[u8], next: usize) -> Option<usize> {
    bytes.get(next).filter(|byte| is_of_base32(byte))?;
    let before = bytes.get(..next)?;
    let padding = before.iter().rev().take(GROUP).take_while(|byte| **byte == b'=').count();
    let last = GROUP.checked_sub(padding).filter(|last| Spelling::Base32.is_group(*last))?;
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
        let Some(len) = letters_of(Spelling::Base32, group) else { return false };
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
