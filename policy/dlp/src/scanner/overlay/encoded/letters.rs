//! Which bytes of a block are letters of base64 or hexadecimal, and the runs of them, by a bit for
//! each byte. Invariant: bits behind the end of the block are clear.

use super::{CONTENT_MIN, RUN_MIN};
use crate::gate::{self, is_letter};

/// Bits of a word.
const WORD: usize = 64;

/// A block and its letters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Letters<'a> {
    pub(super) bytes: &'a [u8],
    words: &'a [u64],
}

impl<'a> Letters<'a> {
    /// Looks at `bytes`, with `words` to keep what is seen.
    pub(super) fn of(bytes: &'a [u8], words: &'a mut Vec<u64>) -> Letters<'a> {
        gate::encoded_letters(bytes, words);
        Letters { bytes, words }
    }

    /// The letters from `start` to `end`.
    pub(super) fn part(&self, start: usize, end: usize) -> &'a [u8] {
        self.bytes.get(start..end).unwrap_or_default()
    }

    fn word(&self, index: usize) -> u64 {
        self.words.get(index).copied().unwrap_or(0)
    }

    /// Where the letters end that stand from `start` on.
    pub(super) fn run_end(&self, start: usize) -> usize {
        let mut at = start;
        loop {
            let bit = at % WORD;
            let len = (!(self.word(at / WORD) >> bit)).trailing_zeros() as usize;
            at += len;
            if len < WORD - bit || at >= self.bytes.len() {
                return at;
            }
        }
    }

    /// The next run at or behind `from` of at least [`RUN_MIN`] letters, or, of any length, the one
    /// that the end of the block cuts.
    pub(super) fn next_run(&self, from: usize) -> Option<(usize, usize)> {
        let mut word = self.word(from / WORD) & u64::MAX << (from % WORD);
        for index in from / WORD..self.words.len() {
            let next = self.word(index + 1);
            let starts = starts(word, next);
            if starts != 0 {
                let start = index * WORD + starts.trailing_zeros() as usize;
                return Some((start, self.run_end(start)));
            }
            word = next;
        }
        let end = self.bytes.len();
        let rest = self.bytes.get(from..).unwrap_or_default();
        let cut = rest.iter().rev().take_while(|b| is_letter(**b)).count();
        (cut > 0).then_some((end - cut, end))
    }
}

/// The bits of `word`, behind which `next` stands, that [`RUN_MIN`] bits in a row begin with.
#[inline(always)]
fn starts(word: u64, next: u64) -> u64 {
    const { assert!(RUN_MIN == 16) };
    let (mut word, mut next) = (word, next);
    for by in [1, 2, 4, 8] {
        word &= word >> by | next << (64 - by);
        next &= next >> by;
    }
    word
}

/// Whether letters enough for content of its own stand in a row.
pub(in crate::scanner::overlay) fn holds_content(bytes: &[u8]) -> bool {
    let mut words = Vec::new();
    let letters = Letters::of(bytes, &mut words);
    let mut at = 0;
    while let Some((start, end)) = letters.next_run(at) {
        if end - start >= CONTENT_MIN {
            return true;
        }
        at = end;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_found_wherever_they_stand_and_as_long_as_they_are() {
        for start in 0..150 {
            for len in [RUN_MIN, RUN_MIN + 1, 60, 64, 65, 130] {
                let mut bytes = vec![b' '; 320];
                bytes[start..start + len].fill(b'x');
                let mut words = Vec::new();
                let letters = Letters::of(&bytes, &mut words);
                assert_eq!(letters.next_run(0), Some((start, start + len)));
                assert_eq!(letters.next_run(start + 1).is_some(), len > RUN_MIN);
                assert_eq!(letters.next_run(start + len), None);
            }
        }
    }

    #[test]
    fn a_word_is_no_run_unless_the_block_cuts_it() {
        let mut words = Vec::new();
        let letters = Letters::of(b"fifteen_letters and_a", &mut words);
        assert_eq!(letters.next_run(0), Some((16, 21)));
        let letters = Letters::of(b"fifteen_letters or ", &mut words);
        assert_eq!(letters.next_run(0), None);
    }

    #[test]
    fn every_letter_of_both_alphabets_and_no_other_byte() {
        for byte in 0..=u8::MAX {
            let bytes = [byte; 40];
            let mut words = Vec::new();
            let found = Letters::of(&bytes, &mut words).next_run(0).is_some();
            assert_eq!(found, byte.is_ascii_alphanumeric() || b"+/-_".contains(&byte), "{byte}");
        }
    }
}
