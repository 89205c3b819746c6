//! How 64 bytes become bits, a bit for each byte of a class: what every pass over bytes is made of. One
//! kernel for each kind of processor. Invariant: all kernels give the same bits.

use super::is_printable;
use super::letters::is_letter;
use super::masks::{BLOCK, Masks};

/// The classes of bytes, by the vectors of one kind of processor.
pub(super) trait Kernel {
    /// The classes that anchors are made of.
    fn masks(block: &[u8; BLOCK]) -> Masks;
    /// Which bytes are printable, as [`is_printable`] says.
    fn printable(block: &[u8; BLOCK]) -> u64;
    /// Which are text, as [`is_text`] says.
    fn text(block: &[u8; BLOCK]) -> u64;
    /// Which are zero.
    fn zeros(block: &[u8; BLOCK]) -> u64;
    /// Which are this byte.
    fn is(block: &[u8; BLOCK], byte: u8) -> u64;
    /// Which separate the numbers of a list: comma, semicolon, tab and the ends of lines.
    fn separators(block: &[u8; BLOCK]) -> u64;
    /// Which are line feeds.
    fn feeds(block: &[u8; BLOCK]) -> u64;
    /// Which are beyond ASCII.
    fn high(block: &[u8; BLOCK]) -> u64;
    /// Which are bars or stars: the marks behind the names of segments.
    fn bars(block: &[u8; BLOCK]) -> u64;
    /// Which are letters of base64, as [`is_letter`] says.
    fn letters(block: &[u8; BLOCK]) -> u64;
    /// Which are so of the standard alphabet, without dash and underscore.
    fn encoded(block: &[u8; BLOCK]) -> u64;
    /// Asks for the bytes so far behind the block, which will be wanted soon, and need not exist.
    fn fetch(block: &[u8; BLOCK], ahead: usize);
    /// Which lie within `-near..near`; `near` is 1 to 127.
    fn within(block: &[u8; BLOCK], near: u8) -> u64;
}

/// What a kernel is to do: a pass over bytes.
pub(super) trait Task {
    type Out;
    /// Inlined into a function with the features of the kernel.
    fn run<K: Kernel>(self) -> Self::Out;
}

/// Does it by the best kernel that the processor has.
pub(super) fn run<T: Task>(task: T) -> T::Out {
    #[cfg(target_arch = "x86_64")]
    return super::avx512::run(task);
    #[cfg(not(target_arch = "x86_64"))]
    task.run::<Portable>()
}

/// A text's byte: ASCII but most controls; with the framing bytes of HL7 MLLP (0x0b, 0x1c) and
/// terminal escapes.
pub(crate) fn is_text(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\t'..=b'\r' | 0x1b | 0x1c)
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

    #[inline(always)]
    fn text(block: &[u8; BLOCK]) -> u64 {
        mask(block, is_text)
    }

    #[inline(always)]
    fn zeros(block: &[u8; BLOCK]) -> u64 {
        mask(block, |b| b == 0)
    }

    #[inline(always)]
    fn is(block: &[u8; BLOCK], byte: u8) -> u64 {
        mask(block, |b| b == byte)
    }

    #[inline(always)]
    fn separators(block: &[u8; BLOCK]) -> u64 {
        mask(block, |b| matches!(b, b',' | b';' | b'\t' | b'\n' | b'\r'))
    }

    #[inline(always)]
    fn feeds(block: &[u8; BLOCK]) -> u64 {
        mask(block, |b| b == b'\n')
    }

    #[inline(always)]
    fn high(block: &[u8; BLOCK]) -> u64 {
        mask(block, |b| b >= 0x80)
    }

    #[inline(always)]
    fn bars(block: &[u8; BLOCK]) -> u64 {
        mask(block, |b| b == b'|' || b == b'*')
    }

    #[inline(always)]
    fn letters(block: &[u8; BLOCK]) -> u64 {
        mask(block, is_letter)
    }

    #[inline(always)]
    fn encoded(block: &[u8; BLOCK]) -> u64 {
        mask(block, |b| is_letter(b) && b != b'-' && b != b'_')
    }

    #[inline(always)]
    fn fetch(_: &[u8; BLOCK], _: usize) {}

    #[inline(always)]
    fn within(block: &[u8; BLOCK], near: u8) -> u64 {
        mask(block, |b| b.wrapping_add(near) < near.wrapping_mul(2))
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

    use super::*;

    /// Everything that a kernel says of a block.
    struct All<'a>(&'a [u8; BLOCK], u8);

    impl Task for All<'_> {
        type Out = (Masks, [u64; 11]);

        fn run<K: Kernel>(self) -> Self::Out {
            let All(block, near) = self;
            let counts = [
                K::printable(block),
                K::text(block),
                K::zeros(block),
                K::separators(block),
                K::feeds(block),
                K::high(block),
                K::bars(block),
                K::letters(block),
                K::encoded(block),
                K::within(block, near),
                K::is(block, near),
            ];
            (K::masks(block), counts)
        }
    }

    #[track_caller]
    fn check(block: &[u8; BLOCK], near: u8) {
        let portable = All(block, near).run::<Portable>();
        assert_eq!(run(All(block, near)), portable, "the best kernel");
        // On a processor with AVX-512 this is another one.
        #[cfg(target_arch = "x86_64")]
        assert_eq!(super::super::avx2::run(All(block, near)), portable, "AVX2");
    }

    proptest! {
        #[test]
        fn every_kernel_of_the_processor_says_the_same(
            any in prop::array::uniform32(any::<[u8; 2]>()),
            near in 1u8..128,
        ) {
            let mut block = [0; BLOCK];
            block.iter_mut().zip(any.as_flattened()).for_each(|(to, from)| *to = *from);
            check(&block, near);
        }
    }

    #[test]
    fn every_byte_at_every_place_is_of_the_same_classes() {
        for first in 0..=255u8 {
            let block = std::array::from_fn(|at| first.wrapping_add(at.try_into().unwrap()));
            check(&block, first.clamp(1, 127));
        }
    }
}
