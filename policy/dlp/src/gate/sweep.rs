//! The sweep itself: blocks of 64 bytes, most of which hold no run of printable bytes and are done
//! with at that.

use super::kernel::{Kernel, Task, run};
use super::lists::{self, Lists};
use super::masks::{BLOCK, Carry, Masks, Runs, candidates, open_run};
use super::survey::{Survey, Told};
use super::swept::Swept;
use super::{PLAIN_MIN, RUN_MIN, is_in_run};

/// What is swept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Area<'a> {
    /// Bytes of a leaf. Its ends count as printable.
    pub(crate) bytes: &'a [u8],
    /// The offset in the leaf of the first one: blocks lie at multiples of their length in there,
    /// whatever the chunks.
    pub(crate) base: u64,
    /// Which of them to look for anchors in; the others are looked at only as neighbours.
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// Whether a structured form knows the keys in quotes: what stands right behind one is no anchor.
    pub(crate) knows_keys: bool,
}

impl Area<'_> {
    /// Where the first block begins: one before what is asked for, for what it leaves behind.
    fn start(&self) -> usize {
        let block = BLOCK as u64;
        let phase = usize::try_from(self.base.wrapping_neg() % block).unwrap_or(0);
        let upto = self.from.saturating_sub(BLOCK + phase) / BLOCK * BLOCK;
        if self.base == 0 { upto } else { phase + upto }
    }
}

/// Adds to `found` where an anchor may stand in the area, in order.
pub(crate) fn sweep(area: Area<'_>, found: &mut Vec<u32>) {
    let mut swept = Swept::default();
    swept.candidates = std::mem::take(found);
    run(Sweep(area, &mut swept));
    *found = swept.candidates;
}

/// As [`sweep`], into `swept`, which sets numbers of lists apart; by what the survey of the leaf knows,
/// where it knows all of the area.
pub(crate) fn sweep_apart(area: Area<'_>, survey: Option<&Survey>, swept: &mut Swept) {
    swept.sets_apart = true;
    let start = area.start();
    let word = |at: usize| (area.base + at as u64).div_ceil(BLOCK as u64);
    let place = |at| survey?.place(word(at));
    match (survey, place(start), place(area.to)) {
        (Some(survey), Some(first), Some(end)) => {
            run(Known { area, start, survey, first, end, swept });
        }
        _ => run(Sweep(area, swept)),
    }
}

struct Known<'a> {
    area: Area<'a>,
    start: usize,
    survey: &'a Survey,
    /// The places in the survey of the words from the start on, and behind them.
    first: usize,
    end: usize,
    swept: &'a mut Swept,
}

impl Task for Known<'_> {
    type Out = ();

    #[inline(always)]
    fn run<K: Kernel>(self) {
        let Known { area, start, survey, first, end, swept } = self;
        let mut state = State::new(start, area.knows_keys);
        let mut next = first;
        let at = |place: usize| start + (place - first) * BLOCK;
        for place in survey.holding(first, end) {
            if place > next {
                state.pass(&survey.told(place - 1));
            }
            next = place + 1;
            let bytes = area.bytes.get(at(place)..).and_then(<[u8]>::first_chunk::<BLOCK>);
            if let Some(block) = bytes {
                let told = survey.told(place);
                let hits = state.block::<K>((area.bytes, at(place)), block, &told, swept);
                swept.add(at(place), hits);
            }
        }
        if end > next {
            state.pass(&survey.told(end - 1));
        }
        state.end::<K>(area, at(end), swept);
    }
}

struct Sweep<'a>(Area<'a>, &'a mut Swept);

impl Task for Sweep<'_> {
    type Out = ();

    #[inline(always)]
    fn run<K: Kernel>(self) {
        sweep_with::<K>(self.0, self.1);
    }
}

/// Blocks that are told apart before those that hold a run are looked at.
const GROUP: usize = 64;

/// [`sweep`] by one kernel.
#[inline(always)]
pub(super) fn sweep_with<K: Kernel>(area: Area<'_>, swept: &mut Swept) {
    let Area { bytes, .. } = area;
    let to = area.to.min(bytes.len());
    let mut at = area.start();
    let mut state = State::new(at, area.knows_keys);
    while at < to {
        let rest = bytes.get(at..).unwrap_or_default();
        let count = (to - at).div_ceil(BLOCK).min(GROUP);
        let (blocks, tail) = rest.as_chunks::<BLOCK>();
        let blocks = blocks.get(..count).unwrap_or(blocks);
        state.group::<K>((bytes, at), blocks, swept);
        at += blocks.len() * BLOCK;
        if blocks.len() < count {
            let mut block = [0; BLOCK];
            block.iter_mut().zip(tail).for_each(|(to, from)| *to = *from);
            let real = !(u64::MAX << tail.len());
            let told = state.tell::<K>(&block, !real);
            let hits = state.block::<K>((bytes, at), &block, &told, swept);
            swept.add(at, hits & real);
            at += BLOCK;
        }
    }
    state.end::<K>(area, at, swept);
}

/// Between blocks.
struct State {
    runs: Runs,
    /// What the block before leaves behind, where that is known.
    carry: Carry,
    lists: Lists,
    before: Before,
    /// The printable bytes at its end, where it was passed over, and how many in a row were wanted.
    open: u64,
    run_min: usize,
    /// How many of the bytes of the block told last are printable or zero.
    plain: u32,
    /// Whether there is text in the block told last.
    is_text: bool,
    knows_keys: bool,
}

/// How the block before was taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Known,
    /// It lies in the midst of base64 or hex.
    Encoded,
    /// It holds no run that is long enough.
    Passed,
}

impl State {
    /// Before the block at `at`.
    fn new(at: usize, knows_keys: bool) -> State {
        State {
            runs: if at == 0 { Runs::at_start() } else { Runs::default() },
            carry: Carry::default(),
            lists: Lists::default(),
            before: Before::Known,
            open: 0,
            plain: u64::BITS,
            is_text: true,
            run_min: RUN_MIN,
            knows_keys,
        }
    }

    /// The classes of a block's bytes; the quotes of keys are none where those are known.
    #[inline(always)]
    fn masks<K: Kernel>(&self, block: &[u8; BLOCK]) -> Masks {
        let mut masks = K::masks(block);
        if self.knows_keys {
            masks.quote &= !K::is(block, b'"');
        }
        masks
    }

    /// Ends the sweep of an area, of which the block before `at` was the last.
    #[inline(always)]
    fn end<K: Kernel>(&self, area: Area<'_>, at: usize, swept: &mut Swept) {
        if self.before == Before::Passed && self.open != 0 {
            self.reopen::<K>(area.bytes, at, swept);
        }
        swept.keep(area.from, area.to);
    }

    /// Takes up to [`GROUP`] blocks, the first of which is at `at` of `bytes`. First all are told
    /// apart without a branch; most of binary data is done with at that.
    #[inline(always)]
    fn group<K: Kernel>(
        &mut self,
        (bytes, at): (&[u8], usize),
        blocks: &[[u8; BLOCK]],
        swept: &mut Swept,
    ) {
        let mut told = [Told::default(); GROUP];
        let mut holds_run = 0u64;
        for (place, (block, told)) in blocks.iter().zip(&mut told).enumerate() {
            let was_text = self.is_text;
            *told = self.tell::<K>(block, 0);
            // Text before may end in a run that goes on in here.
            let ends = if was_text | told.is_text { told.ends.six } else { told.ends.eight };
            holds_run |= u64::from(ends != 0) << place;
        }
        let mut next = 0;
        for place in Bits(holds_run) {
            if let Some(before) = told.get(place.wrapping_sub(1)).filter(|_| place > next) {
                self.pass(before);
            }
            next = place + 1;
            if let (Some(block), Some(told)) = (blocks.get(place), told.get(place)) {
                let at = at + place * BLOCK;
                let hits = self.block::<K>((bytes, at), block, told, swept);
                swept.add(at, hits);
            }
        }
        if let Some(last) = told.get(blocks.len().wrapping_sub(1)).filter(|_| blocks.len() > next) {
            self.pass(last);
        }
    }

    /// What the next block is like; bytes that do not exist count as printable.
    #[inline(always)]
    fn tell<K: Kernel>(&mut self, block: &[u8; BLOCK], missing: u64) -> Told {
        let printable = K::printable(block) | missing;
        let ends = self.runs.next(printable);
        let plain = (printable | K::zeros(block)).count_ones();
        self.is_text = plain + self.plain >= PLAIN_MIN;
        self.plain = plain;
        Told { printable, ends, is_text: self.is_text }
    }

    /// Notes that the block before the next one holds no run that is long enough.
    #[inline(always)]
    fn pass(&mut self, block: &Told) {
        self.before = Before::Passed;
        self.open = open_run(block.printable);
        self.run_min = block.run_min();
    }

    /// The candidates of the block at `at` of `bytes`.
    #[inline(always)]
    fn block<K: Kernel>(
        &mut self,
        (bytes, at): (&[u8], usize),
        block: &[u8; BLOCK],
        told: &Told,
        swept: &mut Swept,
    ) -> u64 {
        if self.is_encoded() && K::encoded(block) == u64::MAX {
            self.before = Before::Encoded;
            return 0;
        }
        match self.before {
            Before::Known => {}
            Before::Passed if self.open == 0 => self.carry = Carry::default(),
            Before::Encoded | Before::Passed => self.carry = self.reopen::<K>(bytes, at, swept),
        }
        if self.before != Before::Known {
            self.lists = Lists::default();
        }
        self.before = Before::Known;
        let masks = self.masks::<K>(block);
        let hits = candidates(&masks, &mut self.carry);
        let is_dense = swept.sets_apart && lists::are_likely(&masks);
        let listed = if is_dense { self.listed::<K>(block, &masks) } else { 0 };
        if !is_dense {
            self.lists = Lists::default();
        }
        let hits = self.in_runs((bytes, at), told, hits);
        swept.set_apart(at, hits & listed);
        hits & !listed
    }

    /// The numbers of a block that are of a list.
    #[inline(always)]
    fn listed<K: Kernel>(&mut self, block: &[u8; BLOCK], masks: &Masks) -> u64 {
        let separators = K::separators(block);
        self.lists.next(masks, separators, separators | K::is(block, b']'))
    }

    /// Of the candidates of a block those that stand in a run of printable bytes that is long enough.
    #[inline(always)]
    fn in_runs(&self, (bytes, at): (&[u8], usize), told: &Told, hits: u64) -> u64 {
        if told.printable == u64::MAX {
            return hits;
        }
        let closed = hits & told.ends.whole_runs(told.is_text);
        let doubtful = Bits(hits & open_run(told.printable) & !closed);
        let is_in_run = |bit: &usize| is_in_run(bytes, at + bit, told.run_min());
        doubtful.filter(is_in_run).fold(closed, |hits, bit| hits | 1 << bit)
    }

    /// Whether the block before holds nothing but letters of base64.
    #[inline(always)]
    fn is_encoded(&self) -> bool {
        match self.before {
            Before::Known => self.carry.is_encoded(),
            Before::Encoded => true,
            Before::Passed => false,
        }
    }

    /// What the block before `at`, which was passed over, leaves behind. The end of it may belong to a
    /// run that has become long enough.
    #[cold]
    #[inline(never)]
    fn reopen<K: Kernel>(&self, bytes: &[u8], at: usize, swept: &mut Swept) -> Carry {
        let mut carry = Carry::default();
        let Some(start) = at.checked_sub(BLOCK) else { return carry };
        let block = bytes.get(start..).and_then(<[u8]>::first_chunk::<BLOCK>);
        let Some(block) = block else { return carry };
        let hits = candidates(&self.masks::<K>(block), &mut carry);
        if self.before == Before::Encoded {
            return carry;
        }
        let hits = Bits(hits & self.open);
        let late = hits.filter(|&bit| is_in_run(bytes, start + bit, self.run_min));
        swept.candidates.extend(late.filter_map(|bit| u32::try_from(start + bit).ok()));
        carry
    }
}

/// The places of the set bits.
struct Bits(u64);

impl Iterator for Bits {
    type Item = usize;

    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        let bit = self.0.trailing_zeros() as usize;
        self.0 &= self.0.wrapping_sub(1);
        (bit < BLOCK).then_some(bit)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::kernel::Portable;
    use super::super::{RUN_MIN_BINARY, anchor_at, is_printable};
    use super::*;
    use crate::detector::listed::listed_end;

    /// Every anchor, byte by byte.
    fn scalar(bytes: &[u8], from: usize, to: usize) -> Vec<u32> {
        let is_plain = |at: &usize| bytes.get(*at).is_none_or(|b| *b == 0 || is_printable(*b));
        let run_min = |at: usize| {
            let start = at / BLOCK * BLOCK;
            let before = (start.saturating_sub(BLOCK)..start).filter(is_plain).count();
            let before = if start == 0 { BLOCK } else { before };
            let all = before + (start..start + BLOCK).filter(is_plain).count();
            if all >= PLAIN_MIN as usize { RUN_MIN } else { RUN_MIN_BINARY }
        };
        let is_in_run = |at: usize| is_in_run(bytes, at, run_min(at));
        let is_anchor = |at: &usize| anchor_at(bytes, *at).is_some() && is_in_run(*at);
        (from..to).filter(is_anchor).map(offset).collect()
    }

    fn offset(at: usize) -> u32 {
        at.try_into().unwrap()
    }

    fn exact(bytes: &[u8], found: Vec<u32>) -> Vec<u32> {
        found.into_iter().filter(|at| anchor_at(bytes, *at as usize).is_some()).collect()
    }

    #[track_caller]
    fn check(bytes: &[u8], from: usize, to: usize) {
        let wanted = scalar(bytes, from, to);
        let is_key_end = |at: &u32| {
            let at = *at as usize;
            at > 0 && matches!(&bytes[at - 1..=at], br#"":"# | br#""="#)
        };
        for knows_keys in [false, true] {
            let (mut portable, mut best) = (Swept::default(), Vec::new());
            let area = Area { bytes, base: 0, from, to, knows_keys };
            sweep_with::<Portable>(area, &mut portable);
            sweep(area, &mut best);
            assert_eq!(portable.candidates, best, "both forms pass on the same candidates");
            check_apart(area, &best);
            let is_wanted = |at: &u32| !(knows_keys && is_key_end(at));
            let wanted: Vec<u32> = wanted.iter().copied().filter(is_wanted).collect();
            assert_eq!(exact(bytes, best), wanted, "and all anchors are among them");
        }
    }

    /// Numbers that are set apart are of lists, and all else stays.
    #[track_caller]
    fn check_apart(area: Area<'_>, all: &[u32]) {
        let (mut portable, mut best) = (Swept::default(), Swept::default());
        portable.sets_apart = true;
        sweep_with::<Portable>(area, &mut portable);
        sweep_apart(area, None, &mut best);
        assert_eq!(portable, best, "both forms set the same apart");
        let mut anchors = best.anchors((area.from, area.to));
        let everywhere = 0..usize::MAX;
        let both = std::iter::from_fn(|| anchors.next_anchor(&everywhere));
        assert_eq!(both.map(offset).collect::<Vec<_>>(), all);
        let is_set_apart = |at: &&u32| !best.candidates.contains(at);
        for at in all.iter().filter(is_set_apart) {
            let end = listed_end(area.bytes, *at as usize);
            assert!(end.is_some(), "{at} in {}", String::from_utf8_lossy(area.bytes));
        }
    }

    /// Bytes that make anchors likely, and bytes that break runs.
    fn byte() -> impl Strategy<Value = u8> {
        let text = prop::sample::select(b"09afzAZ@.:=-_ ,\"'/\n\t".to_vec());
        prop_oneof![12 => text, 2 => any::<u8>(), 1 => Just(0u8)]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn every_form_passes_on_what_the_bytes_say(
            bytes in prop::collection::vec(byte(), 0..400),
            from in 0usize..400,
            len in 0usize..400,
        ) {
            let from = from.min(bytes.len());
            check(&bytes, from, (from + len).min(bytes.len()));
        }

        #[test]
        fn short_runs_in_binary_data_are_chance(
            parts in prop::collection::vec((byte(), 1usize..12, any::<[u8; 9]>()), 0..80),
        ) {
            let part = |(byte, len, other): (u8, usize, [u8; 9])| {
                std::iter::repeat_n([byte, b'7', b'a'], len / 3).flatten().chain(other)
            };
            let bytes: Vec<u8> = parts.into_iter().flat_map(part).collect();
            check(&bytes, 0, bytes.len());
        }

        #[test]
        fn numbers_of_lists_are_told_by_what_stands_around_them(
            parts in prop::collection::vec(
                prop_oneof![
                    6 => "[0-9]{1,18}",
                    8 => prop::sample::select(&[
                        ",", ", ", ",\n    ", ",\r\n      ", ";", "\t", "\n", ", -", " ", "], [", "]", " , ",
                    ][..]).prop_map(str::to_owned),
                    1 => prop::sample::select(&["Oct ", "x", "ssn ", "-", ".", ",         "][..])
                        .prop_map(str::to_owned),
                ],
                0..120,
            ),
        ) {
            let text = parts.concat();
            check(text.as_bytes(), 0, text.len());
        }

        #[test]
        fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..1000)) {
            check(&bytes, 0, bytes.len());
        }
    }

    #[test]
    fn an_anchor_at_every_place_of_a_block() {
        for (text, wanted) in [("x 42 yz", 2), ("aa a@bb", 4), ("in John ", 3)] {
            for place in 0..3 * BLOCK {
                let mut bytes = vec![0; 4 * BLOCK];
                bytes[place..place + text.len()].copy_from_slice(text.as_bytes());
                check(&bytes, 0, bytes.len());
                assert_eq!(scalar(&bytes, 0, bytes.len()), [offset(place + wanted)]);
            }
        }
    }
}
