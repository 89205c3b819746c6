//! The lists of names, as one table that is built at first use: 128 KiB, found in one or two looks.
//! Invariant: a list alone never makes a finding.

mod common;
mod first;
mod last;

use std::sync::LazyLock;

use crate::word::{Filter, key};

/// What the lists say about a word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Listed {
    bits: u64,
}

const FIRST: u64 = 1 << 60;
const LAST: u64 = 1 << 61;
const COMMON: u64 = 1 << 62;
/// The bits of the letters themselves.
const LETTERS: u64 = FIRST - 1;
/// Letters of the longest name of the lists: five bits each.
const LEN_MAX: usize = 12;
/// Slots of the table: four for each name, so that most are found at once.
const SLOTS: usize = 1 << 14;

impl Listed {
    /// Whether it is a given name.
    pub(super) fn is_first(self) -> bool {
        self.bits & FIRST != 0
    }

    /// Whether it is a family name.
    pub(super) fn is_last(self) -> bool {
        self.bits & LAST != 0
    }

    /// Whether it is a name of either kind and nothing else.
    pub(super) fn is_sure(self) -> bool {
        self.bits & (FIRST | LAST) != 0 && self.bits & COMMON == 0
    }

    /// What either of two parts says.
    pub(super) fn or(self, other: Listed) -> Listed {
        Listed { bits: self.bits | other.bits }
    }
}

/// Letters on their way to a look-up. ASCII and the Latin letters of UTF-8's `C3` count by their
/// base letter; others make the word unknown.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Key {
    letters: u64,
    len: usize,
    is_odd: bool,
}

impl Key {
    /// Adds a letter.
    pub(super) fn push(&mut self, letter: u8) {
        self.letters = self.letters << 5 | u64::from(letter & 0x1f);
        self.len += 1;
    }

    /// Adds the letter whose second byte behind a `C3` this is.
    pub(super) fn push_accented(&mut self, second: u8) {
        const BASE: &[u8; 32] = b"aaaaaaaceeeeiiiidnooooo\0ouuuuyts";
        match BASE.get(usize::from(second & 0x1f)) {
            Some(0) | None => self.is_odd = true,
            Some(letter) => self.push(*letter),
        }
    }

    /// Says that another letter stands in the word.
    pub(super) fn push_foreign(&mut self) {
        self.is_odd = true;
    }

    /// What the lists say.
    pub(super) fn look_up(self) -> Listed {
        if self.is_odd || !(2..=LEN_MAX).contains(&self.len) {
            return Listed::default();
        }
        let slots = (slot_of(self.letters)..SLOTS).chain(0..SLOTS);
        let table = TABLE.iter().as_slice();
        let mut found = slots.map(|slot| table.get(slot).copied().unwrap_or(0));
        let entry = found.find(|e| *e == 0 || e & LETTERS == self.letters).unwrap_or(0);
        Listed { bits: entry & !LETTERS }
    }
}

fn slot_of(letters: u64) -> usize {
    let mixed = letters.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 50;
    usize::try_from(mixed).unwrap_or(0)
}

/// Whether the word of this key may be a given name.
pub(super) fn may_be_first(key: u128) -> bool {
    FIRST_NAMES.may_hold(key)
}

/// As [`may_be_first`], of the key of a short word.
#[inline]
pub(super) fn may_be_short_first(key: u64) -> bool {
    FIRST_NAMES.hold(Filter::bit_of_short(key))
}

static FIRST_NAMES: LazyLock<Filter> =
    LazyLock::new(|| Filter::of(first::FIRST.split_ascii_whitespace().map(|w| key(w.as_bytes()))));

static TABLE: LazyLock<Vec<u64>> = LazyLock::new(|| {
    let mut table = vec![0; SLOTS];
    for (words, flag) in [(first::FIRST, FIRST), (last::LAST, LAST), (common::COMMON, COMMON)] {
        for word in words.split_ascii_whitespace() {
            let mut key = Key::default();
            word.bytes().for_each(|letter| key.push(letter));
            let mut slot = slot_of(key.letters);
            while table.get(slot).is_some_and(|e| *e != 0 && e & LETTERS != key.letters) {
                slot = (slot + 1) % SLOTS;
            }
            if let Some(entry) = table.get_mut(slot) {
                *entry |= key.letters | flag;
            }
        }
    }
    table
});

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(word: &str) -> Listed {
        let mut key = Key::default();
        word.bytes().for_each(|b| key.push(b));
        key.look_up()
    }

    #[test]
    fn the_lists_are_sorted_and_found() {
        for (words, flag) in [(first::FIRST, FIRST), (last::LAST, LAST), (common::COMMON, COMMON)] {
            let words: Vec<_> = words.split_ascii_whitespace().collect();
            assert!(words.is_sorted() && words.len() > 200);
            for word in words {
                assert!(word.len() <= LEN_MAX && word.bytes().all(|b| b.is_ascii_lowercase()));
                assert!(listed(word).bits & flag != 0, "{word}");
            }
        }
    }

    #[test]
    fn case_and_kind() {
        assert!(listed("JOHN").is_first() && listed("John").is_sure() && listed("smith").is_last());
        assert!(!listed("will").is_sure() && listed("will").is_first());
        assert_eq!(listed("tensor"), Listed::default());
        assert_eq!(listed("averyveryverylongword"), Listed::default());
        let mut jose = Key::default();
        b"Jos".iter().for_each(|b| jose.push(*b));
        jose.push_accented(0xa9);
        assert!(jose.look_up().is_first());
    }
}
