//! What one pass tells of each block of a leaf, kept for all that ask: the sweep for anchors, which
//! runs a look-ahead behind, the overlays, and who counts lines. Invariant: it says what the bytes
//! say, whatever the processor.

use super::kernel::{Kernel, Task, run};
use super::masks::{BLOCK, Ends, Runs, behind};
use super::tally::Census;
use super::{PLAIN_MIN, RUN_MIN, RUN_MIN_BINARY};

/// Bytes that are surveyed at once, at multiples of that in their leaf.
pub(crate) const SURVEYED: usize = 4096;
/// How far ahead bytes are asked for: the processor itself does so only within a page.
const AHEAD: usize = 1024;
/// Words of a bit for each of 64 bytes: those of one block.
const WORDS: usize = SURVEYED / BLOCK;
/// Words that are kept: those of the last two blocks.
const KEPT: usize = 2 * WORDS;
/// Blocks whose lines are kept.
const ENDS: usize = 8;

/// The last blocks of a leaf, and of the last two each word.
#[derive(Debug)]
pub(crate) struct Survey {
    /// Blocks of the leaf so far.
    blocks: u64,
    /// Which bytes are printable, and of the word before the first one. What stands before the leaf
    /// counts as printable.
    printable: [u64; KEPT + 1],
    /// Which words there is text in, or in the word before; a bit for each.
    is_text: u128,
    /// Which words a run of printable bytes that is long enough ends in or goes on from.
    holds_run: u128,
    /// How many bytes of the last word are printable or zero.
    plain: u32,
    /// Line feeds in the leaf before the end of each of the last blocks.
    feeds: [u64; ENDS],
}

/// What is known of a word without a branch.
#[derive(Clone, Copy, Default)]
pub(super) struct Told {
    pub(super) printable: u64,
    pub(super) ends: Ends,
    /// Whether there is text in it, or in the word before.
    pub(super) is_text: bool,
}

impl Told {
    /// Printable bytes in a row that an anchor in here stands among.
    pub(super) fn run_min(&self) -> usize {
        if self.is_text { RUN_MIN } else { RUN_MIN_BINARY }
    }
}

impl Survey {
    /// Of a leaf of which nothing has been taken.
    pub(crate) fn new() -> Survey {
        Survey {
            blocks: 0,
            printable: [u64::MAX; KEPT + 1],
            is_text: u128::MAX,
            holds_run: 0,
            plain: u64::BITS,
            feeds: [0; ENDS],
        }
    }

    /// The offset in the leaf behind what has been surveyed.
    pub(crate) fn upto(&self) -> u64 {
        self.blocks * SURVEYED as u64
    }

    /// Takes the next block.
    pub(crate) fn take(&mut self, block: &[u8; SURVEYED]) -> Census {
        run(OfSurvey(self, block))
    }

    /// The first end of a block at or behind `offset`, and the line feeds in the leaf before it; of
    /// the last blocks.
    pub(crate) fn feeds(&self, offset: u64) -> Option<(u64, u64)> {
        let block = offset.div_ceil(SURVEYED as u64);
        let back = usize::try_from(self.blocks.checked_sub(block)?).ok()?;
        let feeds = self.feeds.iter().rev().nth(back)?;
        Some((block * SURVEYED as u64, *feeds))
    }

    /// The place in here of a word of the leaf, by its number.
    pub(super) fn place(&self, word: u64) -> Option<usize> {
        let back = usize::try_from((self.blocks * WORDS as u64).checked_sub(word)?).ok()?;
        KEPT.checked_sub(back)
    }

    /// The places of the words that hold a run, of those from `first` up to `end`.
    pub(super) fn holding(&self, first: usize, end: usize) -> impl Iterator<Item = usize> {
        let from = |place: usize| if place < KEPT { u128::MAX << place } else { 0 };
        let mut left = self.holds_run & from(first) & !from(end);
        std::iter::from_fn(move || {
            let place = left.trailing_zeros() as usize;
            left &= left.wrapping_sub(1);
            (place < KEPT).then_some(place)
        })
    }

    /// What is known of the word at this place.
    #[inline(always)]
    pub(super) fn told(&self, place: usize) -> Told {
        let word = |place: usize| self.printable.get(place).copied().unwrap_or(0);
        let mut runs = Runs::default();
        runs.next(word(place));
        let printable = word(place + 1);
        let is_text = self.is_text >> place & 1 == 1;
        Told { printable, ends: runs.next(printable), is_text }
    }
}

struct OfSurvey<'a>(&'a mut Survey, &'a [u8; SURVEYED]);

/// Words of a block, behind the last one of the block before.
type Words = [u64; WORDS + 1];

impl Task for OfSurvey<'_> {
    type Out = Census;

    #[inline(always)]
    fn run<K: Kernel>(self) -> Census {
        let OfSurvey(survey, block) = self;
        let (mut printable, mut zeros): (Words, Words) = ([0; WORDS + 1], [0; WORDS + 1]);
        let mut feeds = 0;
        let words = printable.iter_mut().zip(&mut zeros).skip(1);
        for (block, (printable, zeros)) in block.as_chunks::<BLOCK>().0.iter().zip(words) {
            K::fetch(block, AHEAD);
            *printable = K::printable(block);
            *zeros = K::zeros(block);
            feeds += u64::from(K::feeds(block).count_ones());
        }
        let census = census_of(&printable, &zeros);
        survey.keep(&mut printable, &zeros);
        let [_, rest @ ..] = survey.feeds;
        let [.., before] = survey.feeds;
        survey.feeds = [0; ENDS];
        survey.feeds.iter_mut().zip(rest).for_each(|(to, from)| *to = from);
        if let Some(last) = survey.feeds.last_mut() {
            *last = before + feeds;
        }
        survey.blocks += 1;
        census
    }
}

/// Each word of a block with the one before.
#[inline(always)]
fn with_before(words: &Words) -> impl Iterator<Item = (u64, u64)> {
    let [_, last @ ..] = words;
    let before = words.first_chunk::<WORDS>().unwrap_or(last);
    last.iter().copied().zip(before.iter().copied())
}

/// The census by the words of a block, before which nothing stands.
#[inline(always)]
fn census_of(printable: &Words, zeros: &Words) -> Census {
    const HALF: u64 = u32::MAX as u64;
    const DENSE_MIN: u32 = 28;
    let (mut nul, mut dense, mut pairs) = (0u64, 0u64, 0u64);
    for ((p, p_before), (z, z_before)) in with_before(printable).zip(with_before(zeros)) {
        nul += u64::from(z.count_ones());
        let most = (p & HALF).count_ones().max((p >> 32).count_ones());
        dense |= u64::from(most >= DENSE_MIN);
        // Of six bytes each, by the last of them.
        let zero = |by| behind(z, z_before, by);
        let character = |by| behind(p, p_before, by);
        let two = character(5) & character(3);
        let four = character(5) & zero(3) & character(1) & z;
        pairs += u64::from((zero(2) & zero(4) & (two | four)).count_ones());
    }
    let count = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    Census { is_text: dense != 0, nul: count(nul), pairs: count(pairs) }
}

impl Survey {
    /// Keeps the words of the next block.
    #[inline(always)]
    fn keep(&mut self, printable: &mut Words, zeros: &Words) {
        let [before, ..] = printable;
        *before = self.printable.last().copied().unwrap_or(0);
        let mut plain: Words = [0; WORDS + 1];
        let words = printable.iter().zip(zeros).zip(&mut plain);
        words.for_each(|((p, z), plain)| *plain = u64::from((p | z).count_ones()));
        let [first, ..] = &mut plain;
        *first = u64::from(self.plain);
        let mut text: Words = [0; WORDS + 1];
        let [first, rest @ ..] = &mut text;
        *first = u64::from(self.is_text >> (KEPT - 1) != 0);
        for ((plain, before), text) in with_before(&plain).zip(rest) {
            *text = u64::from(plain + before >= u64::from(PLAIN_MIN));
        }
        let mut runs = [0; WORDS];
        let told = with_before(printable).zip(with_before(&text));
        for (((p, before), (text, was_text)), runs) in told.zip(&mut runs) {
            let mut state = Runs::default();
            state.next(before);
            let ends = state.next(p);
            // Text before may end in a run that goes on in here.
            *runs = if text | was_text != 0 { ends.six } else { ends.eight };
        }
        let [_, texts @ ..] = &text;
        self.is_text = self.is_text >> WORDS | u128::from(bits(texts)) << WORDS;
        self.holds_run = self.holds_run >> WORDS | u128::from(bits(&runs)) << WORDS;
        self.plain = plain.last().map_or(0, |last| u32::try_from(*last).unwrap_or(u32::MAX));
        self.printable.copy_within(WORDS.., 0);
        let [_, fresh @ ..] = printable;
        if let Some(kept) = self.printable.last_chunk_mut::<WORDS>() {
            *kept = *fresh;
        }
    }
}

/// A bit for each word that is not zero.
#[inline(always)]
fn bits(words: &[u64; WORDS]) -> u64 {
    words.iter().rev().fold(0, |bits, word| bits << 1 | u64::from(*word != 0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tally::census;
    use super::super::{Area, Swept, anchor_at, sweep_apart};
    use super::*;

    fn anchors(bytes: &[u8], found: Swept) -> Vec<u32> {
        let is_anchor = |at: &u32| anchor_at(bytes, *at as usize).is_some();
        found.candidates.into_iter().filter(is_anchor).collect()
    }

    /// All of a leaf, block by block, each sweep behind what has been surveyed.
    fn check(bytes: &[u8], lag: usize) {
        let mut survey = Survey::new();
        let mut from = 0;
        for (number, block) in bytes.as_chunks::<SURVEYED>().0.iter().enumerate() {
            assert_eq!(survey.take(block), census(block));
            let seen = &bytes[..(number + 1) * SURVEYED];
            let to = seen.len() - lag;
            let area = Area { bytes: seen, base: 0, from, to, knows_keys: false };
            let (mut known, mut wanted) = (Swept::default(), Swept::default());
            sweep_apart(area, Some(&survey), &mut known);
            sweep_apart(area, None, &mut wanted);
            assert_eq!(anchors(seen, known), anchors(seen, wanted));
            from = to;
            for offset in (seen.len().saturating_sub(3 * SURVEYED)..=seen.len()).step_by(999) {
                let (end, feeds) = survey.feeds(offset as u64).unwrap();
                let before = &seen[..usize::try_from(end).unwrap()];
                assert!(before.len() >= offset && before.len() < offset + SURVEYED);
                assert_eq!(feeds, before.iter().filter(|b| **b == b'\n').count() as u64);
            }
        }
    }

    /// Bytes of text, wide text, zeros and chance, in stretches.
    fn stretches() -> impl Strategy<Value = Vec<u8>> {
        let stretch = prop_oneof![
            "[ -~\n]{1,300}".prop_map(String::into_bytes),
            "[a-z0-9]{1,90}".prop_map(|t| t.bytes().flat_map(|b| [b, 0]).collect()),
            "[a-z0-9]{1,90}".prop_map(|t| t.bytes().flat_map(|b| [b, 0, 0, 0]).collect()),
            prop::collection::vec(any::<u8>(), 1..600),
            (1usize..400).prop_map(|len| vec![0; len]),
        ];
        let join = |parts: Vec<Vec<u8>>| parts.concat();
        prop::collection::vec(stretch, 0..120).prop_map(join)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_survey_knows_what_the_bytes_say(bytes in stretches(), lag in 0usize..6) {
            check(&bytes, lag * BLOCK);
        }
    }
}
