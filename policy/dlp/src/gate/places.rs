//! Where some bytes stand that are common in text, so that a search for each alone would begin anew
//! every few bytes: a bit for each place.

use super::kernel::{Kernel, Task, run};
use super::masks::BLOCK;
use super::tally::padded;

/// The places of some bytes, 64 to a word.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places(pub(super) Vec<u64>);

impl Places {
    /// Forgets all places.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Looks for any of `wanted` in `bytes`.
    pub(crate) fn find<const N: usize>(&mut self, bytes: &[u8], wanted: [u8; N]) {
        self.0.clear();
        self.0.resize(bytes.len().div_ceil(BLOCK), 0);
        run(OfPlaces(bytes, wanted, &mut self.0));
    }

    /// The first place at or behind `from`.
    #[inline]
    pub(crate) fn next(&self, from: usize) -> Option<usize> {
        let mut at = from / BLOCK;
        let mut word = *self.0.get(at)? & u64::MAX << (from % BLOCK);
        while word == 0 {
            at += 1;
            word = *self.0.get(at)?;
        }
        Some(at * BLOCK + word.trailing_zeros() as usize)
    }
}

struct OfPlaces<'a, const N: usize>(&'a [u8], [u8; N], &'a mut [u64]);

impl<const N: usize> Task for OfPlaces<'_, N> {
    type Out = ();

    #[inline(always)]
    fn run<K: Kernel>(self) {
        let OfPlaces(bytes, wanted, words) = self;
        let of_block =
            |block: &[u8; BLOCK]| wanted.iter().fold(0, |bits, byte| bits | K::is(block, *byte));
        let (blocks, rest) = bytes.as_chunks::<BLOCK>();
        for (word, block) in words.iter_mut().zip(blocks) {
            *word = of_block(block);
        }
        if let Some(last) = words.last_mut().filter(|_| !rest.is_empty()) {
            let (block, real) = padded(rest);
            *last = of_block(&block) & real;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_place_is_found_in_order_and_no_other(
            bytes in prop::collection::vec(prop::sample::select(b"([{ =x\0".to_vec()), 0..300),
        ) {
            let wanted: Vec<usize> =
                (0..bytes.len()).filter(|at| b"([{".contains(&bytes[*at])).collect();
            let mut places = Places(vec![7; 9]);
            places.find(&bytes, *b"([{");
            let (mut found, mut from) = (Vec::new(), 0);
            while let Some(at) = places.next(from) {
                found.push(at);
                from = at + 1;
            }
            prop_assert_eq!(found, wanted);
        }
    }
}
