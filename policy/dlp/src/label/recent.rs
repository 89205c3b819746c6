//! Labels that were looked for last: logs, tables and keys have the same few before other values again
//! and again. Invariant: an answer is given anew only where all bytes are the same that the search for
//! it can have read: those behind the last number, beyond which no label reaches, or all those of its
//! window.

use super::{Label, Near, WINDOW, nearest};
use crate::word::{TAIL, all, within};

/// Foreign words between a label and a value, at most.
pub(crate) const WORDS_MAX: usize = 6;
/// Bytes before a value by which it is known.
pub(crate) const BEFORE: usize = 16;
/// Answers remembered: a power of two.
const KEPT: usize = 64;
/// Answers remembered of whole windows: a power of two.
const WHOLE_KEPT: usize = 32;
/// Bytes that a search can read: its window, and before it what tells whether a word is cut.
const REACH: usize = WINDOW + TAIL;

/// The answers.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    behind_number: Vec<Kept>,
    whole: Vec<Whole>,
}

/// An answer by all the bytes of its window.
#[derive(Clone, Copy, Debug)]
struct Whole {
    before: [u8; REACH],
    label: Option<Label>,
    /// Beyond how many foreign words it was looked for; nothing where none is kept.
    words: Option<usize>,
}

#[derive(Clone, Copy, Debug)]
struct Kept {
    /// What stands between the last number and the value; 0 where nothing is kept.
    text: u128,
    label: Option<Label>,
    /// Beyond how many foreign words it was looked for.
    words: usize,
}

impl Recent {
    /// The nearest label before `value`, which stands behind `before`, with so many foreign words between
    /// at most, and beyond how many it was looked for. Nothing where the last number is not at hand.
    #[inline]
    pub(crate) fn behind_number(
        &mut self,
        (bytes, value): (&[u8], usize),
        before: &[u8; BEFORE],
        words: usize,
    ) -> Option<(Option<Label>, usize)> {
        let text = text(before)?;
        if self.behind_number.is_empty() {
            self.behind_number.resize(KEPT, Kept { text: 0, label: None, words: 0 });
        }
        let kept = self.behind_number.get_mut(slot(text, KEPT))?;
        if kept.text != text || kept.label.is_none() && kept.words < words {
            let label = nearest(bytes, value, Near { len: WINDOW, words });
            *kept = Kept { text, label, words };
        }
        Some((kept.label, kept.words.max(words)))
    }

    /// The nearest label before `value` with at most so many foreign words between, or with more, and
    /// beyond how many it was looked for.
    pub(crate) fn nearest(
        &mut self,
        bytes: &[u8],
        value: usize,
        words: usize,
    ) -> (Option<Label>, usize) {
        let look = |words| nearest(bytes, value, Near { len: WINDOW, words });
        let window: Option<&[u8; REACH]> = bytes.get(..value).and_then(<[u8]>::last_chunk);
        // Whether a digit right before the value counts a label, the value itself tells.
        let window = window.filter(|window| !window.last().is_some_and(u8::is_ascii_digit));
        let Some((window, last)) = window.and_then(|window| Some((window, window.last_chunk()?)))
        else {
            return (look(words), words);
        };
        if self.whole.is_empty() {
            let none = Whole { before: [0; REACH], label: None, words: None };
            self.whole.resize(WHOLE_KEPT, none);
        }
        let Some(kept) = self.whole.get_mut(slot(u128::from_le_bytes(*last), WHOLE_KEPT)) else {
            return (look(words), words);
        };
        let is_known = kept.words.is_some_and(|upto| kept.label.is_some() || upto >= words)
            && kept.before == *window;
        if !is_known {
            *kept = Whole { before: *window, label: look(words), words: Some(words) };
        }
        (kept.label, kept.words.unwrap_or(0).max(words))
    }
}

/// Where an answer is kept, of so many.
fn slot(text: u128, kept: usize) -> usize {
    const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
    const HALF: u128 = u64::MAX as u128;
    let half = |part: u128| u64::try_from(part & HALF).unwrap_or(0);
    let mixed = (half(text).wrapping_mul(MIX) ^ half(text >> 64)).wrapping_mul(MIX);
    usize::try_from(mixed >> (u64::BITS - kept.trailing_zeros())).unwrap_or(0)
}

/// What follows the last number before a value, behind the place of that; nothing where it is not at
/// hand, or may be one that counts a label (`phone2`).
#[inline]
fn text(before: &[u8; BEFORE]) -> Option<u128> {
    let bytes = u128::from_le_bytes(*before);
    let (first, second) = before.split_first_chunk().map(|(a, b)| (u64::from_le_bytes(*a), b))?;
    let second = u64::from_le_bytes(*second.first_chunk()?);
    let of_both = u128::from(digits(second)) << 64 | u128::from(digits(first));
    // In place of the last byte is the one right before the value.
    let last = of_both.checked_ilog2()? & !7;
    let is_near = last > 0 && last + 8 < u128::BITS;
    let counted = is_near.then(|| bytes >> (last - 8))?;
    let is_counting = u8::try_from(counted & 0xff).is_ok_and(|byte| byte.is_ascii_alphabetic());
    // Its place tells where the text ends, which may be a NUL.
    (!is_counting).then_some((counted >> 8) & !0xff | u128::from(last | 1))
}

fn digits(bytes: u64) -> u64 {
    within(bytes, b'0', b'9') & all(0x80)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PIECES: &[&str] = &[
        "ssn", "MRN", "id", "memberId", "date", "of", "birth", "SSNs", "phone2", "no", "number",
        "is", "tok/s", "7K4MRN", "#", ":", "=", "\"", "-", "_", "/", ".", " ", "\n", "***", "44",
        "7", "x", "\u{e9}", "\0", "\u{1}",
    ];

    proptest! {
        #[test]
        fn an_answer_by_all_its_bytes_is_the_one_that_would_be_found(
            pieces in prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..80),
        ) {
            // What stood before differs where no search reaches.
            let text = pieces.concat();
            let texts = ["x1", "Xy", "- "].map(|other| format!("{other}{text}{text}").into_bytes());
            let mut recent = Recent::default();
            for bytes in &texts {
                for value in 0..=bytes.len() {
                    for words in [0, 2, WORDS_MAX, 1] {
                        let (found, upto) = recent.nearest(bytes, value, words);
                        prop_assert!(upto >= words);
                        let wanted = nearest(bytes, value, Near { len: WINDOW, words });
                        prop_assert_eq!(found.filter(|label| label.gap.words <= words), wanted);
                    }
                }
            }
        }

        #[test]
        fn an_answer_given_anew_is_the_one_that_would_be_found(
            pieces in prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..80),
        ) {
            let text = pieces.concat();
            let bytes = text.as_bytes();
            let mut recent = Recent::default();
            for value in BEFORE..=bytes.len() {
                let before = bytes[..value].last_chunk().unwrap();
                for words in [0, 2, WORDS_MAX] {
                    let found = recent.behind_number((bytes, value), before, words);
                    let Some((found, upto)) = found else { continue };
                    prop_assert!(upto >= words);
                    let wanted = nearest(bytes, value, Near { len: WINDOW, words });
                    prop_assert_eq!(found.filter(|label| label.gap.words <= words), wanted);
                }
            }
        }
    }

    #[test]
    fn only_what_stands_behind_a_number_is_remembered() {
        let of = |before: &str| text(before.as_bytes().last_chunk().unwrap());
        assert_eq!(of("step 12 loss 3 id="), of("another number 4 id="));
        assert_ne!(of("step 12 loss 3 id="), of("step 12 loss 3 is="));
        assert_eq!(of("no number at all id="), None);
        assert_eq!(of("the phone phone2 id="), None);
        assert_eq!(of("a number right be4"), None);
    }
}
