//! The sweep itself: blocks of 64 bytes, most of which hold no run of printable bytes and are done
//! with at that.

use super::masks::{BLOCK, Carry, Masks, Runs, candidates, open_run, whole_runs};
use super::{is_in_run, is_printable};

/// How a block becomes masks.
pub(super) trait Kernel {
    /// The classes of its bytes.
    fn masks(block: &[u8; BLOCK]) -> Masks;
    /// Which of its bytes are printable, as [`is_printable`] says.
    fn printable(block: &[u8; BLOCK]) -> u64;
}

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
    #[cfg(target_arch = "x86_64")]
    if super::avx2::sweep(area, found) {
        return;
    }
    sweep_with::<Portable>(area, found);
}

/// [`sweep`] by one kernel.
#[inline(always)]
pub(super) fn sweep_with<K: Kernel>(area: Area<'_>, found: &mut Vec<u32>) {
    let Area { bytes, from, .. } = area;
    let to = area.to.min(bytes.len());
    let mut at = area.start();
    let mut state = State {
        runs: if at == 0 { Runs::at_start() } else { Runs::default() },
        carry: Some(Carry::default()),
        open: 0,
    };
    while at < to {
        let rest = bytes.get(at..).unwrap_or_default();
        let hits = match rest.first_chunk::<BLOCK>() {
            Some(block) => state.block::<K>((bytes, at), block, u64::MAX, found),
            None => {
                let mut block = [0; BLOCK];
                block.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
                state.block::<K>((bytes, at), &block, !(u64::MAX << rest.len()), found)
            }
        };
        emit(hits, at, found);
        at += BLOCK;
    }
    if state.carry.is_none() {
        state.reopen::<K>(bytes, at, found);
    }
    let is_inside = |at: &u32| (from..to).contains(&(*at as usize));
    found.retain(is_inside);
}

/// Between blocks.
struct State {
    runs: Runs,
    /// Nothing where the block before was passed over.
    carry: Option<Carry>,
    /// The printable bytes at its end.
    open: u64,
}

impl State {
    /// The candidates of the block at `at` of `bytes`, of whose bytes only those of `real` exist.
    #[inline(always)]
    fn block<K: Kernel>(
        &mut self,
        (bytes, at): (&[u8], usize),
        block: &[u8; BLOCK],
        real: u64,
        found: &mut Vec<u32>,
    ) -> u64 {
        let printable = K::printable(block) | !real;
        let ends = self.runs.next(printable);
        let open = open_run(printable);
        if ends == 0 && real == u64::MAX {
            self.carry = None;
            self.open = open;
            return 0;
        }
        let mut carry = self.carry.take().unwrap_or_else(|| self.reopen::<K>(bytes, at, found));
        let hits = candidates(&K::masks(block), &mut carry) & real;
        self.carry = Some(carry);
        self.open = open;
        if printable == u64::MAX {
            return hits;
        }
        let closed = hits & whole_runs(ends);
        let doubtful = Bits(hits & open & !closed);
        doubtful.filter(|&bit| is_in_run(bytes, at + bit)).fold(closed, |hits, bit| hits | 1 << bit)
    }

    /// What the block before `at`, which was passed over, leaves behind. The end of it may belong to a
    /// run that has become long enough.
    #[cold]
    #[inline(never)]
    fn reopen<K: Kernel>(&self, bytes: &[u8], at: usize, found: &mut Vec<u32>) -> Carry {
        let mut carry = Carry::default();
        let Some(start) = at.checked_sub(BLOCK) else { return carry };
        let block = bytes.get(start..).and_then(<[u8]>::first_chunk::<BLOCK>);
        let Some(block) = block else { return carry };
        let hits = Bits(candidates(&K::masks(block), &mut carry) & self.open);
        let late = hits.filter(|&bit| is_in_run(bytes, start + bit));
        found.extend(late.filter_map(|bit| u32::try_from(start + bit).ok()));
        carry
    }
}

#[inline(always)]
fn emit(hits: u64, at: usize, found: &mut Vec<u32>) {
    let base = u32::try_from(at).unwrap_or(u32::MAX);
    let mut hits = hits;
    while hits != 0 {
        found.push(base.saturating_add(hits.trailing_zeros()));
        hits &= hits - 1;
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

/// For processors without AVX2: plain loops, which compile to the vectors that every processor of an
/// architecture has (SSE2, NEON).
pub(super) struct Portable;

impl Kernel for Portable {
    #[inline(always)]
    fn masks(block: &[u8; BLOCK]) -> Masks {
        Masks {
            alpha: mask(block, |b| (b | 0x20).wrapping_sub(b'a') < 26),
            at: mask(block, |b| b == b'@'),
            colon: mask(block, |b| b == b':'),
            comma: mask(block, |b| b == b','),
            dash: mask(block, |b| b == b'-'),
            digit: mask(block, |b| b.wrapping_sub(b'0') < 10),
            dot: mask(block, |b| b == b'.'),
            encoded: mask(block, |b| b == b'+' || b == b'/'),
            equals: mask(block, |b| b == b'='),
            quote: mask(block, |b| b == b'"' || b == b'\''),
            space: mask(block, |b| b == b' '),
            upper: mask(block, |b| b.wrapping_sub(b'A') < 26),
        }
    }

    #[inline(always)]
    fn printable(block: &[u8; BLOCK]) -> u64 {
        mask(block, is_printable)
    }
}

/// A bit for each byte of the class.
#[inline(always)]
fn mask(block: &[u8; BLOCK], is_in: impl Fn(u8) -> bool) -> u64 {
    // Gathers the lowest bits of eight bytes into one byte.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let flags = block.map(|b| u8::from(is_in(b)));
    let (eights, _) = flags.as_chunks::<8>();
    let byte = |eight: &[u8; 8]| u64::from_le_bytes(*eight).wrapping_mul(GATHER) >> 56;
    eights.iter().rev().fold(0, |mask, eight| mask << 8 | byte(eight))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::anchor_at;
    use super::*;

    /// Every anchor, byte by byte.
    fn scalar(bytes: &[u8], from: usize, to: usize) -> Vec<u32> {
        let is_anchor = |at: &usize| anchor_at(bytes, *at).is_some() && is_in_run(bytes, *at);
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
        let (mut portable, mut best) = (Vec::new(), Vec::new());
        let area = Area { bytes, base: 0, from, to };
        sweep_with::<Portable>(area, &mut portable);
        sweep(area, &mut best);
        assert_eq!(portable, best, "both forms pass on the same candidates");
        assert_eq!(exact(bytes, best), wanted, "and all anchors are among them");
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
