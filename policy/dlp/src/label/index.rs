//! Looks a word up among the phrases. Most words of a text are in none: a filter of a few kilobytes
//! says so at once.

use std::sync::{Arc, LazyLock};

use super::Family;
use super::phrase::{ALIASES, TAILS};
use super::phrases::{PHRASES, Phrase};
use crate::word::{Filter, TAIL, all, key, short_word as short_letters, tail, whole_key, within};

struct Index {
    filter: Filter,
    endings: Endings,
    /// The key of a last word, and its phrases by the word before, of equals the longer first.
    words: Vec<(u128, Arc<[Known]>)>,
    /// The places of the words in there and one more, each at its key's slot or the next free one; 0
    /// where there is none.
    slots: Vec<u16>,
}

/// Bits of the number of a slot: several slots for each word.
const SLOT_BITS: u32 = 12;

impl Index {
    /// The phrases of a key, of which this is the filter's bit.
    fn phrases(&self, key: u128, bit: usize) -> Option<&[Known]> {
        let mut at = slot_of(bit);
        loop {
            let place = usize::from(*self.slots.get(at)?).checked_sub(1)?;
            let (word, known) = self.words.get(place)?;
            if *word == key {
                return Some(known);
            }
            at += 1;
        }
    }
}

/// The slot of a bit of the filter. Behind the last one there is room for those that are taken.
fn slot_of(bit: usize) -> usize {
    bit >> (Filter::BITS - SLOT_BITS)
}

fn slots(words: &[(u128, Arc<[Known]>)]) -> Vec<u16> {
    let mut slots = vec![0; (1 << SLOT_BITS) + words.len()];
    for (place, (key, _)) in (1..).zip(words) {
        let from = slot_of(Filter::bit(*key));
        let free = (from..slots.len()).find(|at| slots.get(*at) == Some(&0));
        if let Some(slot) = free.and_then(|at| slots.get_mut(at)) {
            *slot = place;
        }
    }
    slots
}

/// A phrase without its last word.
pub(super) struct Known {
    /// The key of the word before, or 0.
    pub(super) nearest: u128,
    /// The keys of those before that, the nearer first.
    pub(super) farther: Vec<u128>,
    pub(super) meaning: Option<Family>,
}

impl Known {
    fn of((_, before, meaning): &Phrase) -> Known {
        let mut before = before.split_whitespace().rev().map(|word| key(word.as_bytes()));
        let nearest = before.next().unwrap_or(0);
        Known { nearest, farther: before.collect(), meaning: *meaning }
    }

    /// Whether the last word is the whole phrase.
    pub(super) fn is_bare(&self) -> bool {
        self.nearest == 0
    }
}

static INDEX: LazyLock<Index> = LazyLock::new(|| {
    let alike = PHRASES.chunk_by(|a, b| a.0 == b.0);
    let of_word = |alike: &[Phrase]| -> Option<(u128, Arc<[Known]>)> {
        let mut known: Vec<_> = alike.iter().map(Known::of).collect();
        known.sort_by_key(|known| known.nearest);
        Some((key(alike.first()?.0.as_bytes()), known.into()))
    };
    let mut words: Vec<_> = alike.filter_map(of_word).collect();
    let of_meant = |(alias, meant): &(&str, &str)| {
        let (_, known) = words.iter().find(|(word, _)| *word == key(meant.as_bytes()))?;
        Some((key(alias.as_bytes()), Arc::clone(known)))
    };
    let aliases: Vec<_> = ALIASES.iter().filter_map(of_meant).collect();
    words.extend(aliases);
    let filter = Filter::of(words.iter().map(|(key, _)| *key));
    let endings = Endings::of(words.iter().map(|(key, _)| *key));
    let slots = slots(&words);
    Index { filter, endings, words, slots }
});

/// The last three letters of words, a bit for each: hardly any word of a text ends as a label does.
struct Endings(Vec<u64>);

/// Letters of an ending.
const ENDING: usize = 3;

impl Endings {
    fn of(keys: impl Iterator<Item = u128>) -> Endings {
        let mut endings = Endings(vec![0; 1 << (5 * ENDING - 6)]);
        for word in keys.map(|key| key.to_be_bytes()) {
            let len = word.iter().take_while(|b| **b != 0).count();
            let word = word.get(..len).unwrap_or_default();
            endings.add(word.get(len.saturating_sub(ENDING)..).unwrap_or_default());
            // Several of an abbreviation have a boundary before its last capital: `SSNs`.
            endings.add(word.get(len.saturating_sub(ENDING - 1)..).unwrap_or_default());
        }
        for tail in TAILS.iter().map(|tail| tail.spelled.to_be_bytes()) {
            for before in b'a'..=b'z' {
                let end = tail.get(tail.len() - ENDING + 1..).unwrap_or_default();
                let with_before = [&[before], end].concat();
                endings.add(&with_before);
            }
        }
        endings
    }

    fn hold(&self, bit: usize) -> bool {
        self.0.get(bit >> 6).is_some_and(|word| word >> (bit & 63) & 1 == 1)
    }

    fn add(&mut self, letters: &[u8]) {
        let bit = letters.iter().fold(0, |bit, letter| bit << 5 | usize::from(letter & 0x1f));
        if let Some(word) = self.0.get_mut(bit >> 6) {
            *word |= 1 << (bit & 63);
        }
    }
}

/// Whether the word that ends before `upto` may be the last one of a phrase: by all of it where it is
/// short and one word, else by its ending.
#[inline]
pub(crate) fn may_be_last(bytes: &[u8], upto: usize) -> bool {
    is_last_word(tail(bytes, upto)).unwrap_or_else(|| may_end_word(bytes, upto))
}

/// Whether the word that these eight bytes end with, the nearest in the lowest place, may be the last
/// one of a phrase; nothing where they do not say which word it is.
#[inline]
fn is_last_word(tail: u64) -> Option<bool> {
    one_word(tail).map(|(_, key)| INDEX.filter.hold(Filter::bit_of_short(key)))
}

/// How many letters the word has that a tail ends with, and what it means by itself, as
/// [`super::meaning_of`] says; nothing where that takes a closer look.
#[inline]
pub(crate) fn meaning_of_short(tail: u64) -> Option<(usize, Option<Option<Family>>)> {
    let (len, key) = one_word(tail)?;
    let is_behind_digit = (tail >> (8 * len) & 0xff).wrapping_sub(u64::from(b'0')) < 10;
    match phrases_of_short(key) {
        [] => Some((len, None)),
        [phrase] if phrase.is_bare() && !is_behind_digit => Some((len, Some(phrase.meaning))),
        _ => None,
    }
}

/// How many letters the word has that ends before `upto`, its key, and whether a digit stands before
/// it; nothing where that takes a closer look.
#[inline]
pub(super) fn short_word(bytes: &[u8], upto: usize) -> Option<(usize, u128, bool)> {
    let tail = tail(bytes, upto);
    let (len, key) = one_word(tail)?;
    let is_behind_digit = (tail >> (8 * len) & 0xff).wrapping_sub(u64::from(b'0')) < 10;
    Some((len, whole_key(key), is_behind_digit))
}

/// How many letters the word has that a tail ends with, and its key; nothing where it may go on before
/// the tail, is several words, or one to which another is joined.
#[inline]
fn one_word(tail: u64) -> Option<(usize, u64)> {
    let (len, key) = short_letters(tail)?;
    if len == 0 || is_joined(tail | all(0x20), len) {
        return None;
    }
    // Letters lack this bit where they are capitals.
    let unused = 8 * (TAIL - len);
    let capitals = (!tail & all(0x20)) << unused;
    // Of several words written together the last one counts.
    let is_one = capitals == 0 || capitals == 0x20 << 56 || capitals == all(0x20) << unused;
    is_one.then_some((len, key))
}

/// Whether the word of `len` letters, fewer than [`TAIL`], that a tail in small letters ends with has one
/// of [`TAILS`] behind other letters.
#[inline]
fn is_joined(tail: u64, len: usize) -> bool {
    // The last letters of those: most words leave here.
    const LAST: u32 = 1 << (b'd' & 31) | 1 << (b'm' & 31) | 1 << (b'o' & 31) | 1 << (b'r' & 31);
    if LAST >> (tail & 31) & 1 == 0 {
        return false;
    }
    let (two, three, six) = (tail & 0xffff, tail & 0xff_ffff, tail & 0xffff_ffff_ffff);
    let is_two = (two == 0x6964) | (two == 0x6e6f);
    let is_three = (three == 0x6e_6272) | (three == 0x6e_756d);
    let is_six = six == 0x6e75_6d62_6572;
    is_two & (len > 2) | is_three & (len > 3) | is_six & (len > 6)
}

/// Whether the word that ends before `upto` may be the last one of a phrase, by its ending.
fn may_end_word(bytes: &[u8], upto: usize) -> bool {
    // Three small letters or more, as most words have.
    if let Some(bit) = small_ending(tail(bytes, upto)) {
        return INDEX.endings.hold(bit);
    }
    let letter = |back: usize| {
        let byte = upto.checked_sub(back).and_then(|at| bytes.get(at)).copied();
        byte.filter(u8::is_ascii_alphabetic)
    };
    let (mut bit, mut next) = (0, None);
    for back in 1..=ENDING {
        let Some(byte) = letter(back) else { break };
        let is_last_of_other =
            byte.is_ascii_lowercase() && next.is_some_and(|b: u8| b.is_ascii_uppercase());
        if is_last_of_other {
            break;
        }
        bit |= usize::from(byte & 0x1f) << (5 * (back - 1));
        let is_first = byte.is_ascii_uppercase() && next.is_some_and(|b| b.is_ascii_lowercase());
        if is_first {
            break;
        }
        next = Some(byte);
    }
    INDEX.endings.hold(bit)
}

/// The bit of the three small letters that a tail ends with, as most words do.
#[inline]
fn small_ending(tail: u64) -> Option<usize> {
    const NEAR: u64 = 0x80_8080;
    let letter = |back: u32| tail >> (8 * back) & 0x1f;
    let bit = letter(2) << 10 | letter(1) << 5 | letter(0);
    (within(tail, b'a', b'z') & NEAR == NEAR).then_some(usize::try_from(bit).unwrap_or(0))
}

/// As [`phrases`], of the key of a short word.
#[inline]
fn phrases_of_short(key: u64) -> &'static [Known] {
    let index = &*INDEX;
    let bit = Filter::bit_of_short(key);
    if !index.filter.hold(bit) {
        return &[];
    }
    index.phrases(whole_key(key), bit).unwrap_or_default()
}

/// The phrases whose last word has this key, or is meant by it.
pub(super) fn phrases(key: u128) -> &'static [Known] {
    let bit = Filter::bit(key);
    let index = &*INDEX;
    if index.filter.hold(bit) { index.phrases(key, bit).unwrap_or_default() } else { &[] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::word::WORD_MAX;

    #[test]
    fn no_word_of_a_phrase_is_ruled_out_by_its_ending() {
        let words = PHRASES.iter().map(|(last, ..)| *last).chain(ALIASES.iter().map(|a| a.0));
        for word in words {
            let (first, rest) = word.split_at(1);
            let title = format!("{}{rest}", first.to_uppercase());
            let upper = word.to_uppercase();
            for text in [word, &title, &upper, &format!("a{title}")] {
                for before in ["", " ", "_", "7", "x "] {
                    let text = format!("{before}{text}");
                    assert!(may_end_word(text.as_bytes(), text.len()), "{text}");
                }
            }
            if let Some(one) = word.strip_suffix('s') {
                let text = format!("{}s", one.to_uppercase());
                assert!(may_end_word(text.as_bytes(), text.len()), "{text}");
            }
        }
        for tail in ["id", "identifier", "nbr", "no", "num", "number", "uid", "ID", "No"] {
            let text = format!("member{tail}");
            assert!(may_end_word(text.as_bytes(), text.len()), "{text}");
        }
        let is_last = |text: &str| {
            let text = format!("        {text}");
            is_last_word(u64::from_be_bytes(*text.as_bytes().last_chunk().unwrap()))
        };
        let words = PHRASES.iter().map(|(last, ..)| *last).chain(ALIASES.iter().map(|a| a.0));
        for word in words {
            for text in
                [word, &word.to_uppercase(), &format!("{}{}", word[..1].to_uppercase(), &word[1..])]
            {
                assert_ne!(is_last(text), Some(false), "{text}");
                assert_eq!(is_last(&format!("x{text}")).filter(|_| word.len() > 6), None, "{text}");
            }
        }
        for text in ["memberid", "RefNo", "acctnum", "hospnbr", "x_uid", "birthDate", "SSNs"] {
            assert_ne!(is_last(text), Some(false), "{text}");
        }
        assert_eq!(is_last("tensor width"), Some(false));
        for tail in TAILS {
            let spelled = tail.spelled.to_be_bytes();
            let spelled = &spelled[WORD_MAX - tail.len..];
            for before in 0..TAIL.saturating_sub(tail.len) {
                let word = [&b"xxxxxxx"[..before], spelled].concat();
                let text = [&b"       "[..], &word].concat();
                let near = u64::from_be_bytes(*text.last_chunk().unwrap());
                // `uid` ends with `id`.
                assert_eq!(is_joined(near, word.len()), before > 0 || word == b"uid", "{word:?}");
            }
        }
        assert!(!may_end_word(b"tensor width", 12) && !may_end_word(b"", 0));
    }
}
