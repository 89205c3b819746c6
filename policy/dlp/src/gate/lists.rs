//! Numbers among numbers, 64 bytes at a time: most bytes of numeric text are of lists and columns, and
//! those are nobody's. Pure bit arithmetic. Invariant: what is told here of a number is what
//! `detector::listed` tells of it, whatever its digits are.

use super::masks::{Masks, behind};

/// Bytes between two numbers of a list, at most.
const GAP_MAX: u32 = 7;
/// Digits of a block below which, and letters above which, it is not worth asking for lists.
const DIGITS_MIN: u32 = 20;
const LETTERS_MAX: u32 = 8;

/// Whether a block may hold many numbers of a list.
#[inline(always)]
pub(super) fn are_likely(m: &Masks) -> bool {
    m.digit.count_ones() >= DIGITS_MIN && m.alpha.count_ones() <= LETTERS_MAX
}

/// What the block before leaves behind.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lists {
    digits: u64,
    spaces: u64,
    /// The separators right behind a digit.
    opens: u64,
    /// Whether the block ended in the gap behind one.
    in_gap: bool,
}

impl Lists {
    /// The first digits of the numbers of the next block that stand behind another number and a
    /// separator, and before one of `ends`; of those that end in here.
    /// `separators`: comma, semicolon, tab and the ends of lines; `ends`: those and the closing bracket.
    #[inline(always)]
    pub(super) fn next(&mut self, m: &Masks, separators: u64, ends: u64) -> u64 {
        let before = *self;
        let digit_1 = behind(m.digit, before.digits, 1);
        let opens = separators & digit_1;
        let gap = separators | m.space | m.dash;
        let (sum, first) = gap.overflowing_add(opens);
        let (sum, second) = sum.overflowing_add(u64::from(before.in_gap));
        *self = Lists { digits: m.digit, spaces: m.space, opens, in_gap: first | second };
        // No more than the longest gap behind a separator.
        let late = spread(before.opens >> (u64::BITS - 1 - GAP_MAX)) >> (1 + GAP_MAX);
        let begins = sum & m.digit & (spread(opens) | late);
        let closed = ends & digit_1;
        let whole = begins & leading(m.digit, closed >> 1);
        // `Oct 4, 1938`: a year, unless three digits stand before.
        let three = behind(m.digit, before.digits, 3)
            & behind(m.digit, before.digits, 4)
            & behind(m.digit, before.digits, 5);
        let years = closed >> 4 & behind(m.space, before.spaces, 1) & !three;
        whole & !years
    }
}

/// The bits and the [`GAP_MAX`] behind each.
#[inline(always)]
fn spread(bits: u64) -> u64 {
    let two = bits | bits << 1;
    let four = two | two << 2;
    four | four << 4
}

/// The bits of `class` from which on it goes up to one of `last`, at most 16.
#[inline(always)]
fn leading(class: u64, last: u64) -> u64 {
    let (mut found, mut run) = (last & class, class);
    for by in [1, 2, 4, 8] {
        found |= run & found >> by;
        run &= run >> by;
    }
    found
}
