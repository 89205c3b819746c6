//! Labels that were looked for last: logs and tables have the same few before other numbers again and
//! again. Invariant: an answer is given anew only where all bytes are the same that the search for it
//! can have read: those behind the last number, beyond which no label reaches.

use super::{Label, Near, WINDOW, nearest};
use crate::word::{all, within};

/// Foreign words between a label and a value, at most.
pub(crate) const WORDS_MAX: usize = 6;
/// Bytes before a value by which it is known.
pub(crate) const BEFORE: usize = 16;
/// Answers remembered: a power of two.
const KEPT: usize = 64;

/// The answers.
#[derive(Debug, Default)]
pub(crate) struct Recent(Vec<Kept>);

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
        if self.0.is_empty() {
            self.0.resize(KEPT, Kept { text: 0, label: None, words: 0 });
        }
        let kept = self.0.get_mut(slot(text))?;
        if kept.text != text || kept.label.is_none() && kept.words < words {
            let label = nearest(bytes, value, Near { len: WINDOW, words });
            *kept = Kept { text, label, words };
        }
        Some((kept.label, kept.words.max(words)))
    }
}

/// Where an answer is kept.
fn slot(text: u128) -> usize {
    const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
    const HALF: u128 = u64::MAX as u128;
    let half = |part: u128| u64::try_from(part & HALF).unwrap_or(0);
    let mixed = (half(text).wrapping_mul(MIX) ^ half(text >> 64)).wrapping_mul(MIX);
    usize::try_from(mixed >> (u64::BITS - KEPT.trailing_zeros())).unwrap_or(0)
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
