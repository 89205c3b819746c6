//! Where the padding of base64 stands within a run of its letters: what a sender leaves who pads each
//! piece by itself. Invariant: it says what a loop over single bytes would say.

use super::Places;
use super::kernel::{Kernel, Task, run};
use super::masks::{BLOCK, behind};
use super::tally::padded;

/// Letters and equals signs in a row, of which at least one is a sign before a letter, below which there
/// is nothing to decode: sixteen letters and a sign.
pub(crate) const PADDED_MIN: usize = 17;

impl Places {
    /// Looks for the letters of base64 behind an equals sign that stand among at least [`PADDED_MIN`]
    /// letters and signs in a row. `letters` has a bit for each of `bytes` that is such a letter, as
    /// [`super::encoded_letters`] tells. Says whether there are any.
    pub(crate) fn find_padded(&mut self, bytes: &[u8], letters: &[u64]) -> bool {
        self.0.clear();
        self.0.resize(bytes.len().div_ceil(BLOCK), 0);
        run(OfBytes(bytes, letters, &mut self.0))
    }
}

struct OfBytes<'a>(&'a [u8], &'a [u64], &'a mut [u64]);

impl Task for OfBytes<'_> {
    type Out = bool;

    #[inline(always)]
    fn run<K: Kernel>(self) -> bool {
        let OfBytes(bytes, letters, words) = self;
        let (blocks, rest) = bytes.as_chunks::<BLOCK>();
        let (last, real) = padded(rest);
        let signs = blocks.iter().map(|block| K::is(block, b'='));
        let signs = signs.chain([K::is(&last, b'=') & real]);
        let (mut before, mut any) = (Bits::default(), 0);
        for (at, (signs, letters)) in signs.zip(letters).enumerate() {
            let now = Bits { signs, letters: *letters };
            let within = now.letters & behind(now.signs, before.signs, 1);
            // Signs are rare, and hardly any has a letter behind it, in a run that is long enough.
            if within | before.letters & before.signs << 1 != 0 && ends_run(before, now) {
                let (first, second) = split(within_run(before, now));
                any |= first | second;
                if let Some(word) = words.get_mut(at) {
                    *word = second;
                }
                if let Some(word) = at.checked_sub(1).and_then(|at| words.get_mut(at)) {
                    *word |= first;
                }
            }
            before = now;
        }
        any != 0
    }
}

/// What is known of a block.
#[derive(Clone, Copy, Default)]
struct Bits {
    signs: u64,
    letters: u64,
}

/// The bits of two blocks, the first of them in the lower places.
#[inline(always)]
fn join(first: u64, second: u64) -> u128 {
    u128::from(second) << BLOCK | u128::from(first)
}

/// What is joined.
#[inline(always)]
fn split(both: u128) -> (u64, u64) {
    const LOW: u128 = u64::MAX as u128;
    let half = |part: u128| u64::try_from(part & LOW).unwrap_or(0);
    (half(both), half(both >> BLOCK))
}

/// Whether such a run ends or goes on in the second of two blocks.
#[inline(always)]
fn ends_run(before: Bits, now: Bits) -> bool {
    let (mut first, mut second) = (before.letters | before.signs, now.letters | now.signs);
    let all = first;
    // As of all that was before, of which no more than these places matter.
    for by in [1, 2, 4, 8] {
        second &= behind(second, first, by);
        first &= first << by;
    }
    second & behind(now.letters | now.signs, all, 16) != 0
}

/// The letters behind a sign in such runs of two blocks.
#[inline(always)]
fn within_run(before: Bits, now: Bits) -> u128 {
    const { assert!(PADDED_MIN == 17) };
    let (letters, signs) = (join(before.letters, now.letters), join(before.signs, now.signs));
    let all = letters | signs;
    let sixteen = [1, 2, 4, 8].into_iter().fold(all, |run, by| run & run << by);
    let ends = sixteen & all << 16;
    if ends == 0 {
        return 0;
    }
    let sixteen = [1, 2, 4, 8].into_iter().fold(ends, |run, by| run | run >> by);
    (sixteen | ends >> 16) & letters & signs << 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::kernel::Portable;
    use super::super::{encoded_letters, is_letter};
    use super::*;

    fn check(bytes: &[u8]) {
        let is_part = |b: &u8| is_letter(*b) || *b == b'=';
        let is_wanted = |at: &usize| {
            let before = bytes[..*at].iter().rev().take_while(|b| is_part(b)).count();
            let len = before + bytes[*at..].iter().take_while(|b| is_part(b)).count();
            len >= PADDED_MIN && is_letter(bytes[*at]) && *at > 0 && bytes[*at - 1] == b'='
        };
        let wanted: Vec<usize> = (0..bytes.len()).filter(is_wanted).collect();
        let mut places = Places(vec![7; 3]);
        let mut letters = Vec::new();
        encoded_letters(bytes, &mut letters);
        assert_eq!(places.find_padded(bytes, &letters), !wanted.is_empty());
        let mut words = vec![0; places.0.len()];
        OfBytes(bytes, &letters, &mut words).run::<Portable>();
        assert_eq!(words, places.0);
        let (mut found, mut from) = (Vec::new(), 0);
        while let Some(at) = places.next(from) {
            found.push(at);
            from = at + 1;
        }
        assert_eq!(found, wanted, "{}", String::from_utf8_lossy(bytes));
    }

    proptest! {
        #[test]
        fn every_run_is_seen_and_nothing_else(
            runs in prop::collection::vec((0usize..30, 0usize..4, 0usize..30, 0usize..3), 0..12),
        ) {
            let run = |(before, signs, behind, gap)| {
                ["a".repeat(before), "=".repeat(signs), "7".repeat(behind), " ".repeat(gap)].concat()
            };
            let text: String = runs.into_iter().map(run).collect();
            check(text.as_bytes());
        }
    }

    #[test]
    fn a_run_is_seen_wherever_it_stands() {
        for start in 0..3 * BLOCK {
            for sign in 1..PADDED_MIN - 1 {
                let mut bytes = vec![b' '; 4 * BLOCK];
                bytes[start..start + PADDED_MIN].fill(b'x');
                bytes[start + sign] = b'=';
                check(&bytes);
                bytes[start] = b' ';
                check(&bytes);
            }
        }
    }
}
