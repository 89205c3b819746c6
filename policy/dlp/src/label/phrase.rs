//! What a word before a value means: the longest phrase that ends with it, in any of the spellings of
//! its last word, which may be joined to the one before. Invariant: only words from the floor on count.

use super::{Family, index};
use crate::word::{WORD_MAX, Word, key, key_of, previous_word};

/// Words of a phrase before its last one.
pub(super) const PHRASE_WORDS_MAX: usize = 4;

/// What the longest phrase that ends with `word` means: a label, or only a connection. A word may
/// be joined to its last one: `memberid`.
pub(super) fn meaning_of(bytes: &[u8], word: Word, floor: usize) -> Option<Option<Family>> {
    // Capitals behind a digit are the tail of a code: `7K4MRN`.
    let before = word.start.checked_sub(1).and_then(|i| bytes.get(i));
    if before.is_some_and(u8::is_ascii_digit) {
        let text = bytes.get(word.start..word.end)?;
        if text.iter().all(u8::is_ascii_uppercase) {
            return None;
        }
    }
    phrase_of(bytes, word.key, word.start, floor).or_else(|| joined(bytes, word, floor))
}

/// What a word means to which its last one is joined without a mark.
fn joined(bytes: &[u8], word: Word, floor: usize) -> Option<Option<Family>> {
    let len = word.end - word.start;
    if word.key == 0 {
        return None;
    }
    let spelled = word.key >> (8 * (WORD_MAX - len));
    // Nearly all words leave here.
    if !LAST_LETTERS.contains(&u8::try_from(spelled & 0xff).unwrap_or(0)) {
        return None;
    }
    let ends = |tail: &&Tail| len > tail.len && spelled & tail.mask == tail.spelled;
    let tail = TAILS.iter().find(ends)?;
    let found = phrase_of(bytes, tail.meant, word.end - tail.len, floor).flatten();
    let front = || {
        let front = bytes.get(word.start..word.end - tail.len)?;
        phrase_of(bytes, key_of(front), word.start, floor).flatten()
    };
    // A connection alone (`valid`) is none.
    found.or_else(front).map(Some)
}

/// What the longest phrase means whose last word, of this key, begins at `upto`.
pub(super) fn phrase_of(
    bytes: &[u8],
    key: u128,
    upto: usize,
    floor: usize,
) -> Option<Option<Family>> {
    let phrases = index::phrases(key);
    if phrases.is_empty() {
        return None;
    }
    if let [phrase] = phrases
        && phrase.is_bare()
    {
        return Some(phrase.meaning);
    }
    let mut words = Before { bytes, upto, floor, keys: [0; PHRASE_WORDS_MAX], known: 0 };
    let near = words.key(0).unwrap_or(0);
    let from = phrases.partition_point(|phrase| phrase.nearest < near);
    let alike = phrases.iter().skip(from).take_while(|phrase| phrase.nearest == near);
    let mut alike = alike.filter(|phrase| words.are(&phrase.farther));
    let bare = || phrases.first().filter(|phrase| phrase.is_bare());
    alike.next().or_else(bare).map(|phrase| phrase.meaning)
}

/// Marks between two words of a phrase: `patient": {"id`.
const MARKS_MAX: usize = 12;

/// The words before a place, looked up as they are asked for.
struct Before<'a> {
    bytes: &'a [u8],
    upto: usize,
    floor: usize,
    keys: [u128; PHRASE_WORDS_MAX],
    known: usize,
}

impl Before<'_> {
    /// Whether those before the nearest are these, the nearer first.
    fn are(&mut self, wanted: &[u128]) -> bool {
        wanted.iter().enumerate().all(|(at, wanted)| self.key(at + 1) == Some(*wanted))
    }

    /// The key of one of them; 0 where there is none, or a longer one than labels have.
    fn key(&mut self, at: usize) -> Option<u128> {
        while self.known <= at {
            // No number and no more than the marks of a nested key may stand between.
            let word = previous_word(self.bytes, self.upto, self.floor);
            let gap = word.and_then(|word| self.bytes.get(word.end..self.upto));
            let is_near = gap
                .is_some_and(|gap| gap.len() <= MARKS_MAX && !gap.iter().any(u8::is_ascii_digit));
            let word = word.filter(|_| is_near);
            *self.keys.get_mut(self.known)? = word.map_or(0, |word| word.key);
            self.upto = word.map_or(self.floor, |word| word.start);
            self.known += 1;
        }
        self.keys.get(at).copied()
    }
}

/// The key of `number`.
pub(super) const NUMBER: u128 = key(b"number");
/// Words that mean another one, the second: a phrase ends with the latter only.
pub(super) const ALIASES: &[(&str, &str)] = &[
    ("ident", "id"),
    ("identification", "id"),
    ("identifier", "id"),
    ("identifiers", "id"),
    ("ids", "id"),
    ("nbr", "number"),
    ("no", "number"),
    ("nos", "number"),
    ("nr", "number"),
    ("num", "number"),
    ("numb", "number"),
    ("numbers", "number"),
];

/// A last word that is joined to the one before without a mark.
pub(super) struct Tail {
    pub(super) len: usize,
    /// Its letters in lower case, the last in the lowest place.
    pub(super) spelled: u128,
    /// The places of its letters.
    pub(super) mask: u128,
    /// The key of the word that it means.
    pub(super) meant: u128,
}

const fn joint(word: &str, meant: &str) -> Tail {
    let len = word.len();
    let unused = 8 * (WORD_MAX - len);
    let spelled = key(word.as_bytes()) >> unused;
    Tail { len, spelled, mask: u128::MAX >> unused, meant: key(meant.as_bytes()) }
}

/// The last letters of those.
const LAST_LETTERS: &[u8] = b"dmor";
/// Last words that are joined.
pub(super) const TAILS: &[Tail] = &[
    joint("id", "id"),
    joint("identifier", "id"),
    joint("nbr", "number"),
    joint("no", "number"),
    joint("num", "number"),
    joint("number", "number"),
    joint("uid", "uid"),
];
