//! What begins the value behind a colon or an equals sign: most values are ruled out for most detectors
//! by it. Invariant: blanks, quotes and what else may stand before a value are no part of it.

use super::table;
use crate::detector::Near;

/// Kinds of the first byte of a value behind a colon, a bit for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Values(pub(super) u8);

impl Values {
    pub(crate) const NONE: Values = Values(0);
    pub(crate) const UPPER: Values = Values(1);
    /// A letter of another alphabet, in UTF-8.
    pub(crate) const WIDE: Values = Values(1 << 1);
    pub(crate) const LOWER: Values = Values(1 << 2);
    pub(crate) const DIGIT: Values = Values(1 << 3);
    /// The bracket of a list.
    pub(crate) const LIST: Values = Values(1 << 4);
    /// What only base64 and its like begin with.
    pub(crate) const CODED: Values = Values(1 << 5);

    pub(crate) const fn or(self, other: Values) -> Values {
        Values(self.0 | other.0)
    }

    /// Of the value behind the colon or equals sign of an anchor, as the number of its bit.
    #[inline]
    pub(super) fn place(near: &Near<'_>) -> Option<usize> {
        const BLANKS_MAX: usize = 6;
        let kind = |at: usize| VALUES.get(usize::from(near.byte(at))).copied().unwrap_or(NO_VALUE);
        let first = (1..=BLANKS_MAX + 1).map(kind).find(|kind| *kind != BLANK)?;
        (first != NO_VALUE).then_some(usize::from(first))
    }

    /// The kind of that value.
    #[inline]
    pub(in crate::detector) fn of(near: &Near<'_>) -> Values {
        Values::place(near).map_or(Values::NONE, |place| Values(1 << place))
    }

    #[inline]
    pub(in crate::detector) fn meets(self, other: Values) -> bool {
        self.0 & other.0 != 0
    }
}

/// What may stand between a colon and its value, and what begins none.
const BLANK: u8 = 6;
const NO_VALUE: u8 = 7;
/// The number of the bit of each byte's kind, or one of these.
#[expect(clippy::indexing_slicing, reason = "checked when it is compiled")]
const VALUES: [u8; 256] = {
    let mut values = table(
        &[
            (b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", 0),
            (b"abcdefghijklmnopqrstuvwxyz", 2),
            (b"0123456789", 3),
            (b"[", 4),
            (b"+/-_", 5),
            (b" \t\r\n\"'\\:=>|(*<", BLANK),
        ],
        NO_VALUE,
    );
    let mut byte = 0xc3;
    while byte < values.len() {
        values[byte] = 1;
        byte += 1;
    }
    values
};
