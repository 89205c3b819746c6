//! The names of segments (HL7, X12): where a bar or a star stands behind what may be one, a bit for each
//! byte. Invariant: what stands before the bytes counts as if it were of a name.

use super::kernel::{Kernel, Task, run};
use super::masks::{BLOCK, behind};
use super::tally::padded;

/// Puts in `words` a bit for each of `bytes`, 64 to a word: whether it is a bar or a star behind two
/// capitals or digits, the first of them or the byte before being a capital.
pub(crate) fn segment_marks(bytes: &[u8], words: &mut Vec<u64>) {
    words.clear();
    words.resize(bytes.len().div_ceil(BLOCK), 0);
    run(OfNames(bytes, words));
}

struct OfNames<'a>(&'a [u8], &'a mut [u64]);

impl Task for OfNames<'_> {
    type Out = ();

    #[inline(always)]
    fn run<K: Kernel>(self) {
        let OfNames(bytes, words) = self;
        let mut state = State { upper: u64::MAX, sign: u64::MAX };
        let (blocks, rest) = bytes.as_chunks::<BLOCK>();
        for (word, block) in words.iter_mut().zip(blocks) {
            *word = state.next::<K>(block);
        }
        if let Some(last) = words.last_mut().filter(|_| !rest.is_empty()) {
            let (block, real) = padded(rest);
            *last = state.next::<K>(&block) & real;
        }
    }
}

/// The block before: its capitals, and its capitals and digits.
struct State {
    upper: u64,
    sign: u64,
}

impl State {
    #[inline(always)]
    fn next<K: Kernel>(&mut self, block: &[u8; BLOCK]) -> u64 {
        let masks = K::masks(block);
        let (upper, sign) = (masks.upper, masks.upper | masks.digit);
        let begins = behind(upper, self.upper, 2) | behind(upper, self.upper, 3);
        let named = behind(sign, self.sign, 1) & behind(sign, self.sign, 2) & begins;
        *self = State { upper, sign };
        K::bars(block) & named
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::kernel::Portable;
    use super::*;

    fn is_named(bytes: &[u8], at: usize) -> bool {
        let before = |back| at.checked_sub(back).map(|i| bytes[i]);
        let is_upper = |b: Option<u8>| b.is_none_or(|b| b.is_ascii_uppercase());
        let is_sign = |b: Option<u8>| is_upper(b) || b.is_some_and(|b| b.is_ascii_digit());
        matches!(bytes[at], b'|' | b'*')
            && is_sign(before(1))
            && is_sign(before(2))
            && (is_upper(before(2)) || is_upper(before(3)))
    }

    proptest! {
        #[test]
        fn marks_stand_behind_names_only(
            bytes in prop::collection::vec(prop::sample::select(b"AZ09az|* ".to_vec()), 0..300),
        ) {
            let marks = (0..bytes.len()).filter(|at| is_named(&bytes, *at));
            let mut wanted = vec![0u64; bytes.len().div_ceil(BLOCK)];
            marks.for_each(|at| wanted[at / BLOCK] |= 1 << (at % BLOCK));
            let (mut best, mut portable) = (vec![7], vec![0; wanted.len()]);
            segment_marks(&bytes, &mut best);
            OfNames(&bytes, &mut portable).run::<Portable>();
            prop_assert_eq!(&best, &wanted);
            prop_assert_eq!(&portable, &wanted);
        }
    }
}
