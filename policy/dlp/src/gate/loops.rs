//! Loops that the compiler makes vectors of, with the features of the best kernel: no intrinsics.
//! Invariant: the same result on every processor.

use super::kernel::{Kernel, Task, run};
use super::masks::BLOCK;

/// Which exponents of little-endian floats are asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// Bytes of an element: 2, 4 or 8.
    pub(crate) width: usize,
    /// Bits of the exponent.
    pub(crate) bits: u32,
    /// The first of the exponents, and how many.
    pub(crate) low: u16,
    pub(crate) len: u16,
}

impl Window {
    /// How many elements lie in the window, and how many are not zero; of at most 64 KiB.
    pub(crate) fn count(&self, elements: &[u8]) -> (usize, usize) {
        run(OfWindow(*self, elements))
    }
}

struct OfWindow<'a>(Window, &'a [u8]);

impl Task for OfWindow<'_> {
    type Out = (usize, usize);

    #[inline(always)]
    fn run<K: Kernel>(self) -> (usize, usize) {
        let OfWindow(Window { width, bits, low, len }, elements) = self;
        // Moved to the top, where the sign is shifted out and one comparison tells.
        let (inside, zeros) = match width {
            2 => {
                let (low, len) = (low << (16 - bits), len << (16 - bits));
                let (mut inside, mut zeros) = (0u16, 0u16);
                for element in elements.as_chunks::<2>().0 {
                    let bits = u16::from_le_bytes(*element);
                    inside += u16::from((bits << 1).wrapping_sub(low) < len);
                    zeros += u16::from(bits == 0);
                }
                (inside.into(), zeros.into())
            }
            4 => {
                let (low, len) = (u32::from(low) << (32 - bits), u32::from(len) << (32 - bits));
                let (mut inside, mut zeros) = (0u32, 0u32);
                for element in elements.as_chunks::<4>().0 {
                    let bits = u32::from_le_bytes(*element);
                    inside += u32::from((bits << 1).wrapping_sub(low) < len);
                    zeros += u32::from(bits == 0);
                }
                (inside as usize, zeros as usize)
            }
            _ => {
                let (low, len) = (u64::from(low) << (64 - bits), u64::from(len) << (64 - bits));
                let (mut inside, mut zeros) = (0u32, 0u32);
                for element in elements.as_chunks::<8>().0 {
                    let bits = u64::from_le_bytes(*element);
                    inside += u32::from((bits << 1).wrapping_sub(low) < len);
                    zeros += u32::from(bits == 0);
                }
                (inside as usize, zeros as usize)
            }
        };
        let inside = if low == 0 { inside.saturating_sub(zeros) } else { inside };
        (inside, elements.len() / width - zeros)
    }
}

/// How many of the flags of each lane are not zero.
pub(crate) fn distinct<const LANES: usize>(flags: &[[u8; 256]; LANES]) -> [u32; LANES] {
    run(OfFlags(flags))
}

struct OfFlags<'a, const LANES: usize>(&'a [[u8; 256]; LANES]);

impl<const LANES: usize> Task for OfFlags<'_, LANES> {
    type Out = [u32; LANES];

    #[inline(always)]
    fn run<K: Kernel>(self) -> [u32; LANES] {
        let mut counts = [0; LANES];
        for (count, flags) in counts.iter_mut().zip(self.0) {
            let zeros = |block| K::zeros(block).count_ones();
            *count = 256 - flags.as_chunks::<BLOCK>().0.iter().map(zeros).sum::<u32>();
        }
        counts
    }
}

/// Adds to `decoded` what pairs of hexadecimal digits spell; a last single one is left out.
pub(crate) fn decode_hex(digits: &[u8], decoded: &mut Vec<u8>) {
    let start = decoded.len();
    decoded.resize(start + digits.len() / 2, 0);
    run(OfHex(digits, decoded.get_mut(start..).unwrap_or_default()));
}

struct OfHex<'a>(&'a [u8], &'a mut [u8]);

impl Task for OfHex<'_> {
    type Out = ();

    #[inline(always)]
    fn run<K: Kernel>(self) {
        let OfHex(digits, decoded) = self;
        for (byte, [high, low]) in decoded.iter_mut().zip(digits.as_chunks::<2>().0) {
            *byte = value(*high) << 4 | value(*low);
        }
    }
}

/// The value of a hexadecimal digit.
#[inline(always)]
fn value(digit: u8) -> u8 {
    (digit & 15) + 9 * (digit >> 6)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::kernel::Portable;
    use super::*;

    /// The same, element by element.
    fn counted(window: Window, elements: &[u8]) -> (usize, usize) {
        let Window { width, bits, low, len } = window;
        let values = elements.chunks_exact(width).map(|element| {
            element.iter().rev().fold(0u64, |value, byte| value << 8 | u64::from(*byte))
        });
        let shift = u32::try_from(width).unwrap() * 8 - 1 - bits;
        let is_inside = |value: &u64| {
            let exponent = value >> shift & ((1 << bits) - 1);
            (u64::from(low)..u64::from(low + len)).contains(&exponent)
        };
        let telling = values.filter(|value| *value != 0);
        (telling.clone().filter(is_inside).count(), telling.count())
    }

    proptest! {
        #[test]
        fn a_window_counts_what_lies_in_it(
            elements in prop::collection::vec(any::<u8>(), 0..600),
            zeros in 0usize..100,
            low in 0u16..22,
        ) {
            let mut elements = elements;
            elements.iter_mut().take(zeros).for_each(|byte| *byte = 0);
            for (width, bits, len) in [(2, 8, 64), (2, 5, 9), (4, 8, 64), (8, 11, 96)] {
                let window = Window { width, bits, low, len };
                prop_assert_eq!(window.count(&elements), counted(window, &elements));
                let portable = OfWindow(window, &elements).run::<Portable>();
                prop_assert_eq!(portable, counted(window, &elements));
            }
        }

        #[test]
        fn hexadecimal_of_any_case_is_decoded(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            for digits in [digits.clone(), digits.to_uppercase(), digits.clone() + "a"] {
                let mut decoded = vec![7];
                decode_hex(digits.as_bytes(), &mut decoded);
                prop_assert_eq!(&decoded[1..], &bytes);
                let mut portable = vec![0; bytes.len()];
                OfHex(digits.as_bytes(), &mut portable).run::<Portable>();
                prop_assert_eq!(&portable, &bytes);
            }
        }
    }

    #[test]
    fn flags_are_counted_by_lane() {
        let mut flags = [[0; 256]; 2];
        flags[0][3..10].fill(1);
        flags[1][200..].fill(1);
        assert_eq!(distinct(&flags), [7, 56]);
    }
}
