//! Floats by byte statistics: the exponents of real values lie close together, which random bytes do not.

/// How an element's exponent is read, and how close together exponents must lie.
struct Layout {
    width: usize,
    /// Exponent bits.
    bits: u32,
    /// Consecutive exponents that must hold nearly all elements: a factor of 2 for each.
    window: usize,
}

const F32: Layout = Layout { width: 4, bits: 8, window: 28 };
const BF16: Layout = Layout { width: 2, bits: 8, window: 28 };
const F16: Layout = Layout { width: 2, bits: 5, window: 9 };
const F64: Layout = Layout { width: 8, bits: 11, window: 40 };

/// Nearly all: of a thousand elements this many must lie in the window.
const PER_MILLE_MIN: usize = 970;

pub(super) fn is_f32(block: &[u8]) -> bool {
    fits(block, &F32)
}

/// `f16` or `bf16`.
pub(super) fn is_half(block: &[u8]) -> bool {
    fits(block, &BF16) || fits(block, &F16)
}

pub(super) fn is_f64(block: &[u8]) -> bool {
    fits(block, &F64)
}

/// Whether the block is of the layout at any alignment: a header before the elements may have any length.
fn fits(block: &[u8], layout: &Layout) -> bool {
    (0..layout.width).any(|phase| fits_at(block.get(phase..).unwrap_or_default(), layout))
}

fn fits_at(block: &[u8], layout: &Layout) -> bool {
    let mut counts = [0usize; 1 << 11];
    let (mut telling, mut elements) = (0usize, 0usize);
    let mut previous: &[u8] = &[];
    for element in block.chunks_exact(layout.width) {
        elements += 1;
        // Zeros and repetitions tell nothing: sparse tensors, masks of -inf.
        if element != previous && element.iter().any(|b| *b != 0) {
            telling += 1;
            if let Some(count) = counts.get_mut(exponent(element, layout.bits)) {
                *count += 1;
            }
        }
        previous = element;
    }
    if telling * 64 < elements {
        return true;
    }
    let bins = 1usize << layout.bits;
    let counts = counts.get(..bins).unwrap_or_default();
    densest(counts, layout.window) * 1000 >= telling * PER_MILLE_MIN
}

/// The exponent of a little-endian element: the bits behind the sign.
fn exponent(element: &[u8], bits: u32) -> usize {
    let mut last = element.iter().rev();
    let high = usize::from(last.next().copied().unwrap_or(0));
    let low = usize::from(last.next().copied().unwrap_or(0));
    ((high << 8 | low) & 0x7fff) >> (15 - bits)
}

/// The most elements that any `window` consecutive bins hold.
fn densest(counts: &[usize], window: usize) -> usize {
    let mut sum: usize = counts.iter().take(window).sum();
    let mut best = sum;
    for (gone, come) in counts.iter().zip(counts.iter().skip(window)) {
        sum = sum + come - gone;
        best = best.max(sum);
    }
    best
}
