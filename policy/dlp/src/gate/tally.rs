//! Counts over blocks of bytes: what the ledger and the overlays ask before they look closer.
//! Invariant: each says what the loop over single bytes would say, whatever the processor.

use super::kernel::{Kernel, Task, run};
use super::masks::{BLOCK, behind};

/// What the overlays ask of a block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Census {
    /// Whether some part of it (32 bytes) is printable but for an eighth.
    pub(crate) is_text: bool,
    /// Zeros.
    pub(crate) nul: usize,
    /// How often two characters of UTF-16, or of UTF-32, seem to follow each other.
    pub(crate) pairs: usize,
}

/// Takes the census of a block.
pub(crate) fn census(block: &[u8]) -> Census {
    run(OfCensus(block))
}

struct OfCensus<'a>(&'a [u8]);

impl Task for OfCensus<'_> {
    type Out = Census;

    #[inline(always)]
    fn run<K: Kernel>(self) -> Census {
        let mut state = Counting::default();
        let (blocks, rest) = self.0.as_chunks::<BLOCK>();
        for block in blocks {
            state.block::<K>(block, u64::MAX);
        }
        if !rest.is_empty() {
            let (block, real) = padded(rest);
            state.block::<K>(&block, real);
        }
        state.census
    }
}

/// Between the parts of a block.
#[derive(Default)]
struct Counting {
    census: Census,
    printable: u64,
    zeros: u64,
}

impl Counting {
    #[inline(always)]
    fn block<K: Kernel>(&mut self, block: &[u8; BLOCK], real: u64) {
        const LOW: u64 = u32::MAX as u64;
        let (zeros, printable) = (K::zeros(block) & real, K::printable(block) & real);
        let is_dense = |part: u64| {
            let len = (real & part).count_ones();
            len > 0 && (printable & part).count_ones() * 8 >= len * 7
        };
        self.census.is_text |= is_dense(LOW) | is_dense(!LOW);
        self.census.nul += zeros.count_ones() as usize;
        // Of six bytes each, by the last of them.
        let zero = |by| behind(zeros, self.zeros, by);
        let character = |by| behind(printable, self.printable, by);
        let near = zero(2) & zero(4) & real;
        if near != 0 {
            let two = character(5) & character(3);
            let four = character(5) & zero(3) & character(1) & zeros;
            self.census.pairs += (near & (two | four)).count_ones() as usize;
        }
        (self.printable, self.zeros) = (printable, zeros);
    }
}

/// How many bytes are of which kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kinds {
    /// ASCII but most controls.
    pub(crate) text: usize,
    /// Beyond ASCII.
    pub(crate) high: usize,
    /// Zeros.
    pub(crate) nul: usize,
}

/// Counts the kinds of bytes.
pub(crate) fn kinds(bytes: &[u8]) -> Kinds {
    run(OfKinds(bytes))
}

struct OfKinds<'a>(&'a [u8]);

impl Task for OfKinds<'_> {
    type Out = Kinds;

    #[inline(always)]
    fn run<K: Kernel>(self) -> Kinds {
        let mut kinds = Kinds::default();
        let (blocks, rest) = self.0.as_chunks::<BLOCK>();
        for block in blocks {
            kinds.add::<K>(block, u64::MAX);
        }
        if !rest.is_empty() {
            let (block, real) = padded(rest);
            kinds.add::<K>(&block, real);
        }
        kinds
    }
}

impl Kinds {
    #[inline(always)]
    fn add<K: Kernel>(&mut self, block: &[u8; BLOCK], real: u64) {
        self.text += (K::text(block) & real).count_ones() as usize;
        self.high += (K::high(block) & real).count_ones() as usize;
        self.nul += (K::zeros(block) & real).count_ones() as usize;
    }
}

/// How many bytes lie within `-near..near`; `near` is 1 to 127.
pub(crate) fn near_zero(bytes: &[u8], near: u8) -> usize {
    run(OfNearZero(bytes, near))
}

struct OfNearZero<'a>(&'a [u8], u8);

impl Task for OfNearZero<'_> {
    type Out = usize;

    #[inline(always)]
    fn run<K: Kernel>(self) -> usize {
        let OfNearZero(bytes, near) = self;
        let mut count = 0;
        let (blocks, rest) = bytes.as_chunks::<BLOCK>();
        for block in blocks {
            count += K::within(block, near).count_ones() as usize;
        }
        let (block, real) = padded(rest);
        count + (K::within(&block, near) & real).count_ones() as usize
    }
}

/// A block that ends early, and which of its bytes there are.
#[inline(always)]
pub(super) fn padded(rest: &[u8]) -> ([u8; BLOCK], u64) {
    let mut block = [0; BLOCK];
    block.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    (block, (1u64 << (rest.len() % BLOCK)) - 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::is_printable;
    use super::super::kernel::{Portable, is_text};
    use super::*;

    /// The census, byte by byte.
    fn counted(block: &[u8]) -> Census {
        let is_zero = |b: &u8| *b == 0;
        let is_pair = |six: &&[u8]| {
            let &[a, b, c, d, e, f] = *six else { return false };
            let is_two = is_printable(a) && b == 0 && is_printable(c) && d == 0;
            is_two || is_printable(a) && b | c | d | f == 0 && is_printable(e)
        };
        let is_dense =
            |part: &[u8]| part.iter().filter(|b| is_printable(**b)).count() * 8 >= part.len() * 7;
        Census {
            is_text: block.chunks(32).any(is_dense),
            nul: block.iter().filter(|b| is_zero(b)).count(),
            pairs: block.windows(6).filter(is_pair).count(),
        }
    }

    fn check(bytes: &[u8], near: u8) {
        let kinds_of = |kind: fn(u8) -> bool| bytes.iter().filter(|b| kind(**b)).count();
        let kinds_counted = Kinds {
            text: kinds_of(is_text),
            high: kinds_of(|b| b > 127),
            nul: kinds_of(|b| b == 0),
        };
        let is_near = |b: &&u8| (-i16::from(near)..i16::from(near)).contains(&i16::from(**b as i8));
        let near_counted = bytes.iter().filter(is_near).count();
        assert_eq!(census(bytes), counted(bytes));
        assert_eq!(OfCensus(bytes).run::<Portable>(), counted(bytes));
        assert_eq!(kinds(bytes), kinds_counted);
        assert_eq!(OfKinds(bytes).run::<Portable>(), kinds_counted);
        assert_eq!(near_zero(bytes, near), near_counted);
        assert_eq!(OfNearZero(bytes, near).run::<Portable>(), near_counted);
    }

    /// Bytes of which each class is likely to be whole, to end and to begin.
    fn byte() -> impl Strategy<Value = u8> {
        let text = prop::sample::select(b"09azAZ+/-_ab".to_vec());
        prop_oneof![20 => text, 4 => Just(0u8), 1 => any::<u8>()]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn each_count_is_that_of_the_single_bytes(
            likely in prop::collection::vec(byte(), 0..300),
            any in prop::collection::vec(any::<u8>(), 0..300),
            near in 1u8..128,
        ) {
            check(&likely, near);
            check(&any, near);
        }

        #[test]
        fn wide_text_is_counted(text in "[ -~]{0,90}", skip in 0usize..4) {
            let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            let utf32: Vec<u8> = text.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
            check(&utf16[skip.min(utf16.len())..], 1);
            check(&utf32[skip.min(utf32.len())..], 1);
        }
    }

    #[test]
    fn every_byte_is_of_the_same_classes_to_every_kernel() {
        let all: Vec<u8> = (0..=255).collect();
        for skip in 0..BLOCK {
            check(&all[skip..], 64);
        }
        for byte in all {
            check(&[byte; 70], 32);
        }
    }
}
