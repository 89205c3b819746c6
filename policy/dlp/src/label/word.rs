//! Words before a place, eight bytes at a time: most words of a text are in no label, and should
//! cost hardly more than the look that says so.

/// Letters of the longest word that can be part of a label.
pub(super) const WORD_MAX: usize = 16;

/// A word: ASCII letters only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Its key; 0 where it is longer than labels have.
    pub(super) key: u128,
}

/// The last word that ends at or before `upto`. Words are split at anything but letters and at a
/// change from lower to upper case, so that `birthDate` is two and `SSNNumber` as well. Nothing
/// where `floor` cuts it, which could be the tail of any other.
pub(super) fn previous_word(bytes: &[u8], upto: usize, floor: usize) -> Option<Word> {
    let is_letter = |i: usize| bytes.get(i).is_some_and(u8::is_ascii_alphabetic);
    let mut end = upto;
    while end > floor && !is_letter(end - 1) {
        end -= 1;
    }
    let near = tail(bytes, end);
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
        key(bytes.get(start..end)?)
    };
    Some(Word { start, end, key })
}

/// Bytes that are looked at together: most words are shorter.
const TAIL: usize = 8;

/// The bytes before `end`, the nearest in the lowest place.
fn tail(bytes: &[u8], end: usize) -> u64 {
    let whole = end.checked_sub(TAIL).and_then(|start| bytes.get(start..end));
    if let Some(tail) = whole.and_then(|tail| <[u8; TAIL]>::try_from(tail).ok()) {
        return u64::from_be_bytes(tail);
    }
    let near = bytes.get(end.saturating_sub(TAIL)..end).unwrap_or_default();
    near.iter().fold(0, |tail, byte| tail << 8 | u64::from(*byte))
}

/// The same byte in every place.
const fn all(byte: u8) -> u64 {
    u64::from_be_bytes([byte; TAIL])
}

/// The highest bit of each byte from `first` to `last`, which are ASCII.
fn within(bytes: u64, first: u8, last: u8) -> u64 {
    // No byte carries into the next: both terms are at most 0x80.
    let low = bytes & all(0x7f);
    let from = low + all(0x80 - first);
    let beyond = low + all(0x7f - last);
    from & !beyond & !bytes & all(0x80)
}

/// How many bytes from the lowest on have their bit in `mask`.
fn run(mask: u64) -> usize {
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

/// As [`last_word_len`], of a word that goes on before its tail.
fn long_word_len(bytes: &[u8], end: usize) -> usize {
    let before = bytes.get(..end).unwrap_or_default();
    let count = |upto: usize, kind: fn(&&u8) -> bool| {
        before.get(..upto).unwrap_or_default().iter().rev().take_while(kind).count()
    };
    let small = count(end, |b| b.is_ascii_lowercase());
    if small > 1 {
        let is_capital = |i| before.get(i).is_some_and(u8::is_ascii_uppercase);
        small + usize::from((end - small).checked_sub(1).is_some_and(is_capital))
    } else {
        small + count(end - small, |b| b.is_ascii_uppercase())
    }
}

/// A word in lower case as one number, which orders as the words do. Longer words are no label: 0.
pub(super) const fn key(word: &[u8]) -> u128 {
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
    fn a_word_that_is_cut_is_none() {
        assert_eq!(previous_word(b"lessn", 5, 2), None);
        assert!(previous_word(b"le ssn", 6, 3).is_some());
        assert_eq!(previous_word(b"ab 12 ", 6, 3), None);
    }
}
