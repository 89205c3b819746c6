//! The letters of base64 (RFC 4648, both alphabets) in a block, a bit for each byte.

use super::kernel::{Kernel, Task, run};
use super::masks::BLOCK;
use super::tally::padded;

/// Puts in `words` a bit for each of `bytes`, 64 to a word: whether it is a letter of base64.
pub(crate) fn encoded_letters(bytes: &[u8], words: &mut Vec<u64>) {
    words.clear();
    words.resize(bytes.len().div_ceil(BLOCK), 0);
    run(OfWords(bytes, words));
}

struct OfWords<'a>(&'a [u8], &'a mut [u64]);

impl Task for OfWords<'_> {
    type Out = ();

    #[inline(always)]
    fn run<K: Kernel>(self) {
        let OfWords(bytes, words) = self;
        let (blocks, rest) = bytes.as_chunks::<BLOCK>();
        for (word, block) in words.iter_mut().zip(blocks) {
            *word = K::letters(block);
        }
        if let Some(last) = words.last_mut().filter(|_| !rest.is_empty()) {
            let (block, real) = padded(rest);
            *last = K::letters(&block) & real;
        }
    }
}

/// Whether all of the bytes are letters of the standard alphabet, without dash and underscore.
pub(crate) fn is_standard(bytes: &[u8]) -> bool {
    run(OfStandard(bytes))
}

struct OfStandard<'a>(&'a [u8]);

impl Task for OfStandard<'_> {
    type Out = bool;

    #[inline(always)]
    fn run<K: Kernel>(self) -> bool {
        let (blocks, rest) = self.0.as_chunks::<BLOCK>();
        let is_whole = blocks.iter().all(|block| K::encoded(block) == u64::MAX);
        // The last block of all, which may lie over the one before.
        match self.0.last_chunk::<BLOCK>() {
            Some(last) => is_whole && K::encoded(last) == u64::MAX,
            None => {
                let (block, real) = padded(rest);
                K::encoded(&block) & real == real
            }
        }
    }
}

/// Where the letters begin that stand before `end`, by the bits of [`encoded_letters`].
pub(crate) fn letters_start(words: &[u64], end: usize) -> usize {
    let mut start = end;
    while let Some(last) = start.checked_sub(1) {
        let word = words.get(last / BLOCK).copied().unwrap_or(0);
        let behind = BLOCK - 1 - last % BLOCK;
        let len = (word << behind).leading_ones() as usize;
        start -= len;
        if len + behind < BLOCK {
            break;
        }
    }
    start
}

/// Whether `byte` is a letter of either alphabet of base64.
#[inline(always)]
pub(crate) fn is_letter(byte: u8) -> bool {
    let is_alphanumeric = (byte | 0x20).wrapping_sub(b'a') < 26 || byte.wrapping_sub(b'0') < 10;
    is_alphanumeric | (byte == b'+') | (byte == b'/') | (byte == b'-') | (byte == b'_')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::kernel::Portable;
    use super::*;

    fn check(bytes: &[u8]) {
        let bit = |at: usize| u64::from(bytes.get(at).is_some_and(|b| is_letter(*b)));
        let word = |at: usize| (0..BLOCK).fold(0, |word, place| word | bit(at + place) << place);
        let wanted: Vec<u64> = (0..bytes.len()).step_by(BLOCK).map(word).collect();
        let (mut best, mut portable) = (vec![7], vec![0; wanted.len()]);
        encoded_letters(bytes, &mut best);
        OfWords(bytes, &mut portable).run::<Portable>();
        assert_eq!(best, wanted);
        assert_eq!(portable, wanted);
        let is_mark = |b: &u8| matches!(b, b'-' | b'_');
        let is_wanted = bytes.iter().all(|b| is_letter(*b) && !is_mark(b));
        assert_eq!(is_standard(bytes), is_wanted);
        assert_eq!(OfStandard(bytes).run::<Portable>(), is_wanted);
        for end in 0..=bytes.len() {
            let len = bytes[..end].iter().rev().take_while(|b| is_letter(**b)).count();
            assert_eq!(letters_start(&best, end), end - len);
        }
    }

    proptest! {
        #[test]
        fn every_kernel_sees_the_same_letters(
            likely in prop::collection::vec(prop::sample::select(b"azAZ09+/-_ ".to_vec()), 0..200),
            any in prop::collection::vec(any::<u8>(), 0..200),
            len in 0usize..200,
        ) {
            check(&likely);
            check(&any);
            check(&vec![b'a'; len]);
            let mut one = vec![b'a'; len + 1];
            one[len / 2] = *any.first().unwrap_or(&b'-');
            check(&one);
        }
    }
}
