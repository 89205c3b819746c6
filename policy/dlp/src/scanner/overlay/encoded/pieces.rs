//! Text in pieces of base64 or base32 (RFC 4648) that are each padded by themselves: taken group by
//! group from where the first piece begins until something stands there that belongs to no group.
//! Invariant: few bytes are held, and what is read depends on the bytes alone, not on their chunks.

use super::super::Around;
use super::decode::{Spelling, extend};
use super::short::is_likely_text;
use super::{RUN_MIN, place};
use crate::coverage::Declared;
use crate::scanner::{Leaf, Reader, Scan};

/// Bytes that are decoded before they are read.
const TEXT_MAX: usize = 1024;
/// Characters of the longest group.
const GROUP_MAX: usize = 8;

/// Pieces that go on at the end of the bytes seen.
#[derive(Debug)]
pub(super) struct Pieces {
    spelling: Spelling,
    /// Offset in the leaf of the first character.
    start: u64,
    /// A group that is not yet whole.
    group: Vec<u8>,
    text: Vec<u8>,
    letters: usize,
    leaf: Option<Box<Leaf>>,
    is_vain: bool,
}

impl Pieces {
    /// Pieces of base64 or base32 that begin at an offset.
    pub(super) fn new(spelling: Spelling, start: u64) -> Pieces {
        let group = Vec::with_capacity(GROUP_MAX);
        let text = Vec::with_capacity(TEXT_MAX + GROUP_MAX);
        Pieces { spelling, start, group, text, letters: 0, leaf: None, is_vain: false }
    }

    /// The offset before which all has been read.
    pub(super) fn cleared(&self) -> u64 {
        self.start
    }

    /// Takes what belongs to the pieces; where they end, if they do within the bytes.
    pub(super) fn take(&mut self, scan: &mut Scan, around: &Around, bytes: &[u8]) -> Option<usize> {
        let len = self.spelling.group_len();
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            let group = bytes.get(at..at + len).filter(|_| self.group.is_empty());
            if let Some(group) = group
                && let Some(letters) = letters_of(self.spelling, group)
            {
                self.decode(group.get(..letters).unwrap_or_default());
                at += len;
            } else if self.put(*byte) {
                at += 1;
            } else {
                return Some(at);
            }
            if self.text.len() >= TEXT_MAX {
                self.read(scan, around);
            }
        }
        None
    }

    /// Takes one character; false where it belongs to no group.
    fn put(&mut self, byte: u8) -> bool {
        let letters = self.group.iter().take_while(|byte| **byte != b'=').count();
        let is_padded = letters < self.group.len();
        let fits = match byte {
            b'=' => self.spelling.is_group(letters),
            letter => self.spelling.has(letter) && !is_padded,
        };
        if fits {
            self.group.push(byte);
        }
        if fits && self.group.len() == self.spelling.group_len() {
            self.end_group();
        }
        fits
    }

    /// Decodes the letters of the group, whole or not.
    fn end_group(&mut self) {
        let group = std::mem::take(&mut self.group);
        let letters = group.iter().take_while(|byte| **byte != b'=').count();
        self.decode(group.get(..letters).unwrap_or_default());
        self.group = group;
        self.group.clear();
    }

    fn decode(&mut self, letters: &[u8]) {
        extend(self.spelling, letters, &mut self.text);
        self.letters += letters.len();
    }

    fn read(&mut self, scan: &mut Scan, around: &Around) {
        if self.leaf.is_none() && (self.letters < RUN_MIN || !is_likely_text(&self.text)) {
            self.is_vain = true;
        }
        if !self.is_vain && scan.may_decode(self.text.len()) {
            let leaf = self.leaf.get_or_insert_with(|| {
                let place = place(around, self.spelling, self.start);
                Box::new(Leaf::new(place.member, Declared::Nothing).nested(place.depth))
            });
            leaf.watch(scan, &self.text);
        }
        self.text.clear();
    }

    /// Reads what is left. A last group without its padding is told of base32 alone: of base64 the
    /// first letters of whatever follows look so, and would spoil the value before.
    pub(super) fn finish(mut self, scan: &mut Scan, around: &Around) {
        if self.spelling == Spelling::Base32 {
            self.end_group();
        }
        if !self.text.is_empty() {
            self.read(scan, around);
        }
        if let Some(mut leaf) = self.leaf {
            leaf.finish(scan);
        }
    }
}

/// How many of its characters are letters; nothing where they are no whole group.
pub(super) fn letters_of(spelling: Spelling, group: &[u8]) -> Option<usize> {
    let letters = group.iter().take_while(|byte| spelling.has(**byte)).count();
    let is_padded = group.iter().skip(letters).all(|byte| *byte == b'=');
    (is_padded && spelling.is_group(letters)).then_some(letters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_has_letters_that_spell_whole_bytes_and_then_padding() {
        let base64 = |group: &[u8]| letters_of(Spelling::Base64, group);
        assert_eq!(
            [base64(b"QUJD"), base64(b"QUI="), base64(b"QQ==")],
            [Some(4), Some(3), Some(2)]
        );
        for none in [b"Q===", b"====", b"QQ=Q", b"Q=Q=", b"QQ Q", b"QQ= "] {
            assert_eq!(base64(none), None);
        }
        let base32 = |group: &[u8]| letters_of(Spelling::Base32, group);
        let groups = [b"IFBEGRCF", b"IFBEGRA=", b"IFBEG===", b"IFBA====", b"IE======"];
        assert_eq!(groups.map(|group| base32(group)), [8, 7, 5, 4, 2].map(Some));
        for none in [b"IFBEGR==", b"IFB=====", b"I=======", b"========", b"IFBEGRC1", b"IE=====F"] {
            assert_eq!(base32(none), None);
        }
    }
}
