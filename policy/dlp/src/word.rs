//! Words as numbers, read eight bytes at a time: most words of a text are in none of our tables, and
//! should cost hardly more than the look that says so.

use std::sync::LazyLock;

/// Letters of the longest word that a table can hold.
pub(crate) const WORD_MAX: usize = 16;

/// A word: ASCII letters only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Its key; 0 where it is longer than those of tables.
    pub(crate) key: u128,
}

/// The last word that ends at or before `upto`. Words are split at anything but letters and at a
/// change from lower to upper case, so that `birthDate` is two and `SSNNumber` as well. Nothing
/// where `floor` cuts it, which could be the tail of any other.
pub(crate) fn previous_word(bytes: &[u8], upto: usize, floor: usize) -> Option<Word> {
    let is_letter = |i: usize| bytes.get(i).is_some_and(u8::is_ascii_alphabetic);
    let mut end = upto.min(bytes.len());
    let near = loop {
        let near = tail(bytes, end);
        let letters = within(near | all(0x20), b'a', b'z');
        let marks = usize::try_from(letters.trailing_zeros() / 8).unwrap_or(TAIL);
        if marks == 0 {
            break near;
        }
        end = end.checked_sub(marks).filter(|end| *end > floor)?;
    };
    let len = last_word_len(near);
    // What is seen could go on before.
    let len = if len < TAIL { len } else { long_word_len(bytes, end) };
    let start = end - len.min(end.saturating_sub(floor));
    let is_cut = start == floor && floor > 0 && is_letter(floor - 1);
    if start == end || is_cut {
        return None;
    }
    let len = end - start;
    let key = if len <= TAIL {
        u128::from((near | all(0x20)) << (8 * (TAIL - len))) << 64
    } else {
        key_of(bytes.get(start..end)?)
    };
    Some(Word { start, end, key })
}

/// Bytes that are looked at together: most words are shorter.
pub(crate) const TAIL: usize = 8;

/// The bytes before `end`, the nearest in the lowest place.
pub(crate) fn tail(bytes: &[u8], end: usize) -> u64 {
    let whole = end.checked_sub(TAIL).and_then(|start| bytes.get(start..end));
    if let Some(tail) = whole.and_then(|tail| <[u8; TAIL]>::try_from(tail).ok()) {
        return u64::from_be_bytes(tail);
    }
    let near = bytes.get(end.saturating_sub(TAIL)..end).unwrap_or_default();
    near.iter().fold(0, |tail, byte| tail << 8 | u64::from(*byte))
}

/// The same byte in every place.
pub(crate) const fn all(byte: u8) -> u64 {
    u64::from_be_bytes([byte; TAIL])
}

/// Whether a byte stands in a text, which is mostly short.
pub(crate) fn holds(text: &[u8], byte: u8) -> bool {
    let is_in = |part: u64| {
        let other = part ^ all(byte);
        other.wrapping_sub(all(1)) & !other & all(0x80) != 0
    };
    let (parts, rest) = text.as_chunks::<TAIL>();
    let last = if parts.is_empty() { None } else { text.last_chunk::<TAIL>() };
    parts.iter().chain(last).any(|part| is_in(u64::from_le_bytes(*part)))
        || last.is_none() && rest.contains(&byte)
}

/// The highest bit of each byte from `first` to `last`, which are ASCII.
pub(crate) fn within(bytes: u64, first: u8, last: u8) -> u64 {
    // No byte carries into the next: both terms are at most 0x80.
    let low = bytes & all(0x7f);
    let from = low + all(0x80 - first);
    let beyond = low + all(0x7f - last);
    from & !beyond & !bytes & all(0x80)
}

/// How many bytes from the lowest on have their bit in `mask`.
pub(crate) fn run(mask: u64) -> usize {
    usize::try_from((!mask & all(0x80)).trailing_zeros() / 8).unwrap_or(TAIL)
}

/// Letters of the last word in a tail; [`TAIL`] where it may be longer.
fn last_word_len(near: u64) -> usize {
    let (lower, upper) = (within(near, b'a', b'z'), within(near, b'A', b'Z'));
    let small = run(lower);
    // Several of an abbreviation: `SSNs`.
    let is_plural = small == 1 && near & 0xff == u64::from(b's') && run(upper >> 8) >= 2;
    if small >= TAIL - 1 {
        TAIL
    } else if is_plural {
        1 + run(upper >> 8)
    } else if small > 0 {
        small + usize::from(upper >> (8 * small) & 0x80 != 0)
    } else {
        run(upper)
    }
}

/// How many letters a tail ends with, and their key; nothing where they may go on before it.
#[inline(always)]
pub(crate) fn short_word(tail: u64) -> Option<(usize, u64)> {
    let near = tail | all(0x20);
    let len = run(within(near, b'a', b'z'));
    let key = if len == 0 { 0 } else { near << (8 * (TAIL - len)) };
    (len < TAIL).then_some((len, key))
}

/// The key of a word of at most [`TAIL`] letters as those of all words are.
#[inline(always)]
pub(crate) fn whole_key(key: u64) -> u128 {
    u128::from(key) << 64
}

/// As [`short_word`], of the letters that eight bytes begin with, the first in the highest place.
#[inline(always)]
pub(crate) fn first_word(head: u64) -> Option<(usize, u128)> {
    let near = head | all(0x20);
    let bits = (!within(near, b'a', b'z') & all(0x80)).leading_zeros();
    let key = if bits == 0 { 0 } else { near & !(u64::MAX.checked_shr(bits).unwrap_or(0)) };
    let len = usize::try_from(bits / 8).unwrap_or(TAIL);
    (len < TAIL).then_some((len, u128::from(key) << 64))
}

/// Where the letters that stand before `end` begin, and their key.
pub(crate) fn letters_and_key(bytes: &[u8], end: usize) -> (usize, u128) {
    if let Some((len, key)) = short_word(tail(bytes, end)) {
        return (end - len.min(end), whole_key(key));
    }
    let start = end - letters_before(bytes, end);
    (start, bytes.get(start..end).map_or(0, key_of))
}

/// How many letters stand before `end`.
pub(crate) fn letters_before(bytes: &[u8], end: usize) -> usize {
    let len = run(within(tail(bytes, end) | all(0x20), b'a', b'z'));
    if len < TAIL {
        return len.min(end);
    }
    let before = bytes.get(..end).unwrap_or_default();
    before.iter().rev().take_while(|b| b.is_ascii_alphabetic()).count()
}

/// How many digits stand from `start` on, at most so many.
pub(crate) fn digits_from(bytes: &[u8], start: usize, most: usize) -> usize {
    let mut len = 0;
    while let Some(ahead) = start.checked_add(len).and_then(|at| bytes.get(at..)?.first_chunk()) {
        // The nearest byte is the lowest, as of those before a place.
        let run = run(within(u64::from_le_bytes(*ahead), b'0', b'9'));
        len += run;
        if run < TAIL || len >= most {
            return len.min(most);
        }
    }
    let rest = bytes.get(start + len..).unwrap_or_default();
    (len + rest.iter().take_while(|b| b.is_ascii_digit()).count()).min(most)
}

/// As [`last_word_len`], of a word that goes on before its tail.
fn long_word_len(bytes: &[u8], end: usize) -> usize {
    let count = |upto: usize, first: u8, last: u8| {
        let mut len = 0;
        loop {
            let more = run(within(tail(bytes, upto - len), first, last)).min(upto - len);
            len += more;
            if more < TAIL {
                return len;
            }
        }
    };
    let small = count(end, b'a', b'z');
    if small > 1 {
        let is_capital = |i| bytes.get(i).is_some_and(u8::is_ascii_uppercase);
        small + usize::from((end - small).checked_sub(1).is_some_and(is_capital))
    } else {
        small + count(end - small, b'A', b'Z')
    }
}

/// A word in lower case as one number, which orders as the words do. Longer words are no label: 0.
pub(crate) const fn key(word: &[u8]) -> u128 {
    if word.len() > WORD_MAX {
        return 0;
    }
    let (mut key, mut rest) = (0, word);
    while let [letter, tail @ ..] = rest {
        key = key << 8 | letter.to_ascii_lowercase() as u128;
        rest = tail;
    }
    if word.is_empty() { 0 } else { key << (8 * (WORD_MAX - word.len())) }
}

/// As [`key`], of a word as it stands in a text.
pub(crate) fn key_of(word: &[u8]) -> u128 {
    match word.len() {
        len @ 4..TAIL => {
            let half = |part: Option<&[u8; 4]>| part.map_or(0, |p| u32::from_be_bytes(*p));
            let (first, last) = (half(word.first_chunk()), half(word.last_chunk()));
            let whole = u64::from(first) << (8 * (len - 4)) | u64::from(last);
            u128::from(lowered(whole) << (8 * (TAIL - len))) << 64
        }
        TAIL => u128::from(lowered(tail(word, TAIL))) << 64,
        len @ 9..=WORD_MAX => {
            let (first, last) = (lowered(tail(word, TAIL)), lowered(tail(word, len)));
            u128::from(first) << 64 | u128::from(last << (8 * (WORD_MAX - len)))
        }
        _ => key(word),
    }
}

/// The same bytes with small letters for capitals.
fn lowered(bytes: u64) -> u64 {
    bytes | within(bytes, b'A', b'Z') >> 2
}

/// Says at once of most keys that they are not among some.
#[derive(Clone, Debug)]
pub(crate) struct Filter(Vec<u64>);

impl Filter {
    /// Bits, a power of two: four kilobytes.
    pub(crate) const BITS: u32 = 15;
    const ODD: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;

    pub(crate) fn of(keys: impl Iterator<Item = u128>) -> Filter {
        let mut bits = vec![0u64; 1 << (Self::BITS - 6)];
        for bit in keys.map(Self::bit) {
            if let Some(word) = bits.get_mut(bit >> 6) {
                *word |= 1 << (bit & 63);
            }
        }
        Filter(bits)
    }

    /// Whether `key` may be among them.
    pub(crate) fn may_hold(&self, key: u128) -> bool {
        self.hold(Self::bit(key))
    }

    /// Whether a key of this bit may be among them.
    pub(crate) fn hold(&self, bit: usize) -> bool {
        self.0.get(bit >> 6).is_some_and(|word| word >> (bit & 63) & 1 == 1)
    }

    /// The bit of a key: below `1 << BITS`, and depending on many of its letters.
    pub(crate) fn bit(key: u128) -> usize {
        usize::try_from(key.wrapping_mul(Self::ODD) >> (u128::BITS - Self::BITS)).unwrap_or(0)
    }

    /// The same of the key of a short word: the lower half of its whole key is zero.
    #[inline(always)]
    pub(crate) fn bit_of_short(key: u64) -> usize {
        const LOW: u64 = 0xf39c_c060_5ced_c835;
        usize::try_from(key.wrapping_mul(LOW) >> (u64::BITS - Self::BITS)).unwrap_or(0)
    }
}

/// A table of words, in lower case, of at most [`WORD_MAX`] letters each.
#[derive(Clone, Debug)]
pub(crate) struct Words {
    filter: Filter,
    /// Sorted.
    keys: Vec<u128>,
}

/// A table that is built when it is asked first.
pub(crate) type Table = LazyLock<Words>;

impl Words {
    pub(crate) fn of(words: &[&str]) -> Words {
        let mut keys: Vec<_> = words.iter().map(|word| key(word.as_bytes())).collect();
        keys.sort_unstable();
        Words { filter: Filter::of(keys.iter().copied()), keys }
    }

    /// Whether `word`, letters in any case, is one of them.
    pub(crate) fn hold(&self, word: &[u8]) -> bool {
        self.hold_key(key_of(word))
    }

    /// Whether the word of this key is one of them.
    pub(crate) fn hold_key(&self, key: u128) -> bool {
        self.may_hold(key) && self.keys.binary_search(&key).is_ok()
    }

    /// Whether it may be.
    pub(crate) fn may_hold(&self, key: u128) -> bool {
        self.filter.may_hold(key)
    }

    /// Whether the short word of this key is one of them.
    #[inline]
    pub(crate) fn hold_short(&self, key: u64) -> bool {
        self.filter.hold(Filter::bit_of_short(key)) && self.hold_key(whole_key(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<&str> {
        let (mut words, mut upto) = (Vec::new(), text.len());
        while let Some(word) = previous_word(text.as_bytes(), upto, 0) {
            let spelled = &text[word.start..word.end];
            assert_eq!(word.key, key(spelled.as_bytes()), "{spelled}");
            words.push(spelled);
            upto = word.start;
        }
        words
    }

    #[test]
    fn words_are_split_at_marks_and_at_capitals() {
        assert_eq!(words("birthDate: "), ["Date", "birth"]);
        assert_eq!(words("SSNs of MRNNumber"), ["Number", "MRN", "of", "SSNs"]);
        assert_eq!(words("patient_ID-no. 7"), ["no", "ID", "patient"]);
        assert_eq!(words("aB"), ["B", "a"], "a capital alone");
        assert_eq!(words("S"), ["S"]);
        assert_eq!(words("ünï"), ["n"]);
        let letters = |text: &str| letters_before(text.as_bytes(), text.len());
        assert_eq!(
            ["", "aB", "a1", "é", "[", "7Abc", "averylongword"].map(letters),
            [0, 2, 0, 0, 0, 3, 13]
        );
    }

    #[test]
    fn a_byte_is_found_at_every_place() {
        for len in 0..30 {
            let plain = vec![b'a'; len];
            assert!(!holds(&plain, b'*') && holds(&plain, b'a') == (len > 0));
            for at in 0..len {
                let mut text = plain.clone();
                text[at] = b'*';
                assert!(holds(&text, b'*'), "{at} of {len}");
            }
        }
    }

    #[test]
    fn digits_are_counted_wherever_they_end() {
        for len in 0..40 {
            for behind in ["", "x", " 1", ",12345678", "/", ":"] {
                let text = format!("a{}{behind}", "0918273645".repeat(4).get(..len).unwrap_or(""));
                assert_eq!(digits_from(text.as_bytes(), 1, 25), len.min(25), "{text}");
            }
        }
        assert_eq!(digits_from(b"12", 2, 25) + digits_from(b"12", 9, 25), 0);
    }

    #[test]
    fn words_of_any_length_are_whole() {
        for len in 1..40 {
            for word in ["x".repeat(len), "X".repeat(len), format!("X{}", "x".repeat(len))] {
                for before in ["", " ", "0", "a ", "some words before "] {
                    let text = format!("{before}{word}");
                    assert_eq!(words(&text)[0], word, "{text}");
                }
            }
            let plural = format!("{}s", "X".repeat(len + 1));
            assert_eq!(words(&plural), [&plural]);
        }
    }

    #[test]
    fn a_key_is_the_same_however_it_is_made() {
        for len in 0..=WORD_MAX + 1 {
            let word: Vec<u8> = (b'a'..).take(len).collect();
            assert_eq!(key_of(&word), key(&word), "{len}");
            if let Some((_, short)) = short_word(tail(&word, len)) {
                assert_eq!(whole_key(short), key(&word), "{len}");
                assert_eq!(Filter::bit_of_short(short), Filter::bit(key(&word)), "{len}");
            }
            assert_eq!(key_of(&word.to_ascii_uppercase()), key(&word), "{len}");
            let marks: Vec<u8> = (b'Z'..).take(len).collect();
            assert_eq!(key_of(&marks), key(&marks), "{len}");
            let text = [b"7", word.as_slice()].concat();
            let found = letters_and_key(&text, text.len());
            assert_eq!(found, (1, key(&word)), "{len}");
            assert_eq!(letters_and_key(&word.to_ascii_uppercase(), len), (0, key(&word)), "{len}");
            let padded = [word.as_slice(), b"7bcdefgh"].concat();
            let found = padded.first_chunk().and_then(|head| first_word(u64::from_be_bytes(*head)));
            assert_eq!(found, (len < TAIL).then(|| (len, key(&word))), "{len}");
        }
    }

    #[test]
    fn a_table_holds_its_words_only() {
        let words = Words::of(&["street", "st", "boulevard"]);
        assert!(words.hold(b"Street") && words.hold(b"ST") && words.hold(b"bouleVARD"));
        assert!(!words.hold(b"") && !words.hold(b"s") && !words.hold(b"streets"));
        assert!(!words.hold(b"averyveryverylongword"));
    }

    #[test]
    fn a_word_that_is_cut_is_none() {
        assert_eq!(previous_word(b"lessn", 5, 2), None);
        assert!(previous_word(b"le ssn", 6, 3).is_some());
        assert_eq!(previous_word(b"ab 12 ", 6, 3), None);
    }
}
