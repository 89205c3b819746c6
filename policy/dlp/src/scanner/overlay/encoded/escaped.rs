//! Pieces of base64 whose padding is escaped as URLs and forms do it (`UGF0aQ%3D%3DZW50`, RFC 3986,
//! section 2.1): each run of letters and such padding is handed on with its signs in place of their
//! escapes. Invariant: offsets are never beyond the place in the leaf.

use super::super::Around;
use super::padded::Padded;
use crate::gate::{self, is_letter};
use crate::scanner::Scan;

/// Bytes of an escape.
const LEN: usize = 3;
/// What ends the pieces of a run, however many characters their last group has.
const END: [u8; 8] = [b' '; 8];

/// The escaped pieces of one leaf.
#[derive(Debug, Default)]
pub(in crate::scanner::overlay) struct Escaped {
    padded: Padded,
    /// Where a run that goes on at the end of the bytes seen would go on, were its signs not escaped.
    end: Option<u64>,
    /// The bytes at the end of a block that may begin an escape.
    held: Vec<u8>,
    /// The letters of a run; kept for its room.
    words: Vec<u64>,
}

impl Escaped {
    pub(in crate::scanner::overlay) fn is_open(&self) -> bool {
        self.end.is_some()
    }

    /// The offset before which all pieces have been read.
    pub(in crate::scanner::overlay) fn cleared(&self) -> u64 {
        if self.is_open() { self.padded.cleared() } else { u64::MAX }
    }

    /// Takes a block, which stands at an offset behind what was `before`.
    pub(in crate::scanner::overlay) fn read(
        &mut self,
        scan: &mut Scan,
        around: &Around,
        (before, offset, block): (&[u8], u64, &[u8]),
    ) {
        if self.end.is_none() && next_escape(block, 0).is_none() {
            return;
        }
        let held = std::mem::take(&mut self.held);
        let (joined, start) = ([&held, block].concat(), offset - held.len() as u64);
        let mut at = match self.end {
            Some(end) => self.follow(scan, around, end, &joined),
            None => 0,
        };
        while let Some(mark) = next_escape(&joined, at) {
            let run = letters_before(&joined, at, mark);
            // Letters at the end of the last block belong to it.
            let glued =
                if run == 0 { letters_before(before, 0, before.len()) } else { before.len() };
            let front = before.get(glued..).unwrap_or_default();
            let whole = [front, joined.get(run..).unwrap_or_default()].concat();
            let place = start + run as u64 - front.len() as u64;
            let read = self.follow(scan, around, place, &whole);
            at = run + read.saturating_sub(front.len());
        }
    }

    /// Takes the run that `bytes` begin with, of which the first counts as the one at `offset`, and says
    /// how long it is.
    fn follow(&mut self, scan: &mut Scan, around: &Around, offset: u64, bytes: &[u8]) -> usize {
        let mut text = Vec::new();
        let mut at = 0;
        let mut is_cut = true;
        while let Some(&byte) = bytes.get(at) {
            let rest = bytes.get(at..).unwrap_or_default();
            if is_letter(byte) {
                text.push(byte);
                at += 1;
            } else if is_sign(rest) {
                text.push(b'=');
                at += LEN;
            } else if may_begin(rest) {
                self.held.extend_from_slice(rest);
                at = bytes.len();
            } else {
                text.extend(END);
                is_cut = false;
                break;
            }
        }
        self.end = is_cut.then_some(offset + text.len() as u64);
        gate::encoded_letters(&text, &mut self.words);
        self.padded.read(scan, around, (offset, &text), &self.words);
        at
    }

    pub(in crate::scanner::overlay) fn finish(&mut self, scan: &mut Scan, around: &Around) {
        self.padded.finish(scan, around);
    }
}

/// Where the next escape begins, whole or cut by the end.
fn next_escape(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    let begins = |at: &usize| {
        let mark = rest.get(*at..).unwrap_or_default();
        is_sign(mark) || may_begin(mark)
    };
    memchr::memchr_iter(b'%', rest).find(begins).map(|at| from + at)
}

/// Whether an escaped sign begins here.
fn is_sign(bytes: &[u8]) -> bool {
    matches!(bytes, [b'%', b'3', b'D' | b'd', ..])
}

/// Whether the end cuts what may be one.
fn may_begin(bytes: &[u8]) -> bool {
    matches!(bytes, [b'%'] | [b'%', b'3'])
}

/// Where the letters begin that end before `end`, not before `floor`.
fn letters_before(bytes: &[u8], floor: usize, end: usize) -> usize {
    let before = bytes.get(floor..end).unwrap_or_default();
    end - before.iter().rev().take_while(|byte| is_letter(**byte)).count()
}
