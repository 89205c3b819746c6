//! Floats by byte statistics: the exponents of real values lie close together, which random bytes
//! do not.

use super::{Kind, expected_distinct};
use crate::gate::Window;

pub(super) static KINDS: [Kind; 4] = [
    Kind { width: 4, fits: is_f32 },
    Kind { width: 2, fits: is_bf16 },
    Kind { width: 2, fits: is_f16 },
    Kind { width: 8, fits: is_f64 },
];

/// Nearly all: of a thousand elements this many must lie in the window.
const PER_MILLE_MIN: usize = 940;
/// Consecutive exponents, each a factor of 2, in which real tensors lie: weights, gradients and
/// their squares.
const WINDOW: usize = 64;
/// The same for the 32 exponents of `f16`, which cannot spread as far.
const WINDOW_F16: usize = 9;
/// The same for `f64`, whose gradients do not underflow.
const WINDOW_F64: usize = 96;

fn is_f32(block: &[u8]) -> bool {
    Exponents::<256>::of::<4>(block).lie_within(WINDOW)
}

fn is_bf16(block: &[u8]) -> bool {
    Exponents::<256>::of::<2>(block).lie_within(WINDOW) && has_mantissas(block)
}

fn is_f16(block: &[u8]) -> bool {
    Exponents::<32>::of::<2>(block).lie_within(WINDOW_F16) && has_mantissas(block)
}

fn is_f64(block: &[u8]) -> bool {
    Exponents::<2048>::of::<8>(block).lie_within(WINDOW_F64)
}

/// A kind of float, an alignment and the window of exponents in which the elements of a block lay:
/// neighbours are alike, and one comparison an element tells whether these lie there too.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    window: Window,
    phase: usize,
}

impl Range {
    /// The window that holds the elements of `block`, which are of the kind.
    pub(super) fn of(kind: &Kind, phase: usize, block: &[u8]) -> Option<Range> {
        let elements = block.get(phase..)?;
        let at = KINDS.iter().position(|known| std::ptr::eq(known, kind))?;
        let (bits, len, low) = match at {
            0 => (8, WINDOW, Exponents::<256>::of::<4>(elements).lowest(WINDOW)),
            1 => (8, WINDOW, Exponents::<256>::of::<2>(elements).lowest(WINDOW)),
            2 => (5, WINDOW_F16, Exponents::<32>::of::<2>(elements).lowest(WINDOW_F16)),
            3 => (11, WINDOW_F64, Exponents::<2048>::of::<8>(elements).lowest(WINDOW_F64)),
            _ => return None,
        };
        let (low, len) = (u16::try_from(low?).ok()?, u16::try_from(len).ok()?);
        Some(Range { window: Window { width: kind.width, bits, low, len }, phase })
    }

    /// Whether nearly all elements lie in there, but for zeros.
    pub(super) fn holds(&self, block: &[u8]) -> bool {
        let elements = block.get(self.phase..).unwrap_or_default();
        let (inside, telling) = self.window.count(elements);
        telling * 64 >= elements.len() / self.window.width
            && inside * 1000 >= telling * PER_MILLE_MIN
    }
}

/// How often each of the exponents occurs.
struct Exponents<const BINS: usize> {
    counts: [u16; BINS],
    /// Elements that tell anything: zeros, repetitions and infinities do not (sparse tensors, masks).
    telling: usize,
    elements: usize,
}

impl<const BINS: usize> Exponents<BINS> {
    fn of<const WIDTH: usize>(block: &[u8]) -> Self {
        let mut all = Self { counts: [0; BINS], telling: 0, elements: block.len() / WIDTH };
        let mut previous = [0; WIDTH];
        let (elements, _) = block.as_chunks::<WIDTH>();
        for &element in elements {
            let exponent = exponent::<WIDTH, BINS>(element);
            let is_telling = element != previous
                && element != [0; WIDTH]
                && !is_infinite::<WIDTH, BINS>(element);
            previous = element;
            all.telling += usize::from(is_telling);
            if let Some(count) = all.counts.get_mut(exponent) {
                *count += u16::from(is_telling);
            }
        }
        all
    }

    fn lie_within(&self, window: usize) -> bool {
        // A handful among zeros can hide hardly anything, and tells hardly anything.
        self.telling * 64 < self.elements
            || self.densest(window) * 1000 >= self.telling * PER_MILLE_MIN
    }

    /// The first exponent of a window that holds as many as [`Exponents::lie_within`] asks for, with
    /// room to both sides.
    fn lowest(&self, window: usize) -> Option<usize> {
        let counts = || self.counts.iter().take(BINS - 1).map(|count| usize::from(*count));
        let holds = |low: &usize| {
            let inside: usize = counts().skip(*low).take(window).sum();
            inside * 1000 >= self.telling * PER_MILLE_MIN
        };
        let lows: Vec<usize> = (0..BINS - window).filter(holds).collect();
        lows.get(lows.len() / 2).copied()
    }

    /// The most elements that any `window` consecutive exponents hold.
    fn densest(&self, window: usize) -> usize {
        // Without the last, which is that of NaNs.
        let counts = || self.counts.iter().take(BINS - 1).map(|count| usize::from(*count));
        let mut sum: usize = counts().take(window).sum();
        let mut best = sum;
        for (gone, come) in counts().zip(counts().skip(window)) {
            sum = sum + come - gone;
            best = best.max(sum);
        }
        best
    }
}

/// The exponent of a little-endian element: as many bits behind the sign as `BINS` takes.
fn exponent<const WIDTH: usize, const BINS: usize>(element: [u8; WIDTH]) -> usize {
    let [.., low, high] = element.as_slice() else { return 0 };
    let bits = BINS.trailing_zeros();
    ((usize::from(*high) << 8 | usize::from(*low)) & 0x7fff) >> (15 - bits)
}

/// Whether all bits of the exponent are set and none of the mantissa: a payload in a NaN is none.
fn is_infinite<const WIDTH: usize, const BINS: usize>(element: [u8; WIDTH]) -> bool {
    let [rest @ .., low, high] = element.as_slice() else { return false };
    let exponent = u16::MAX >> 1 << (15 - BINS.trailing_zeros()) & 0x7fff;
    u16::from_le_bytes([*low, *high]) & 0x7fff == exponent && rest.iter().all(|byte| *byte == 0)
}

/// Whether the low bytes of 16-bit elements are a mantissa's: varied, or the very few of masks and
/// one-hot vectors. Wide text is neither.
fn has_mantissas(block: &[u8]) -> bool {
    const FEW: u32 = 8;
    let mut seen = [0u64; 4];
    let mut telling = 0;
    for &[low, high] in block.as_chunks::<2>().0 {
        if let Some(word) = seen.get_mut(usize::from(low >> 6)).filter(|_| low != 0 || high != 0) {
            *word |= 1 << (low & 63);
            telling += 1;
        }
    }
    let distinct = seen.iter().map(|word| word.count_ones()).sum::<u32>();
    distinct <= FEW || f64::from(distinct) >= 0.5 * expected_distinct(telling)
}
