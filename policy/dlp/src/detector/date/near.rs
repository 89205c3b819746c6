//! Where a date may stand, by the bytes beside an anchor: nearly all numbers and capitals of a text are
//! left at that. Invariant: no date is found where this says that none may stand.

use super::month_of;
use crate::detector::Near;
use crate::gate::Anchor;

/// Whether a month, or a day or year beside the marks of a date, stands here.
pub(super) fn may_stand(near: &Near<'_>) -> bool {
    match near.anchor {
        Anchor::Caps => may_open(near),
        Anchor::Colon => may_follow_colon(near),
        Anchor::Digits if matches!(near.run, 2 | 4) => may_end(near),
        Anchor::Digits => may_be_compact(near),
        Anchor::At | Anchor::Dots | Anchor::Mixed | Anchor::Pairs | Anchor::Scheme => false,
    }
}

/// Whether a month begins at the capital.
#[inline]
pub(in crate::detector) fn may_open(near: &Near<'_>) -> bool {
    month_of(near.behind()).is_some()
}

/// Whether a month may begin behind a colon and a blank.
#[inline]
pub(in crate::detector) fn may_follow_colon(near: &Near<'_>) -> bool {
    near.behind().get(2..).and_then(month_of).is_some()
}

/// Whether year, month and day may stand together, by their first digits.
fn may_be_compact(near: &Near<'_>) -> bool {
    let is_century = matches!([near.byte(0), near.byte(1)], [b'1', b'8' | b'9'] | [b'2', b'0']);
    is_century && matches!(near.byte(4), b'0' | b'1') && matches!(near.byte(6), b'0'..=b'3')
}

/// Whether a day or year may end a date, or a year begin one, by what stands beside it.
fn may_end(near: &Near<'_>) -> bool {
    if near.run == 2 {
        return may_end_short(near);
    }
    let mark = near.before(1);
    // The third of three parts, the year behind a month, or the one that begins a date.
    if is_mark(mark) && near.before(2).is_ascii_digit()
        || is_mark(near.byte(4)) && near.byte(7) == near.byte(4)
    {
        return true;
    }
    let gap = (1..=MARKS_MAX).take_while(|back| is_between(near.before(*back))).count();
    let letters = near.letters_before(gap);
    let is_counted = |back: usize| near.before(back + 1).is_ascii_digit();
    // A day, a day with its ordinal, or a month.
    gap > 0 && letters == 0 && is_counted(gap)
        || letters == 2 && is_counted(gap + letters)
        || letters > 2 && is_month_before(near, gap, letters)
}

/// Whether a day or a year of two digits may end a date: the third of three parts, or what stands
/// behind a month.
#[inline]
pub(in crate::detector) fn may_end_short(near: &Near<'_>) -> bool {
    let mark = near.before(1);
    if !is_between(mark) {
        return false;
    }
    let is_last = || near.before(3) == mark || near.before(4) == mark;
    if is_mark(mark) && near.before(2).is_ascii_digit() && is_last() {
        return true;
    }
    let gap = 1 + (2..=MARKS_MAX).take_while(|back| is_between(near.before(*back))).count();
    // Most words behind a number leave here.
    if !near.before(gap + 1).is_ascii_alphabetic() {
        return false;
    }
    let letters = near.letters_before(gap);
    letters > 2 && is_month_before(near, gap, letters)
}

/// Marks between two parts of a date.
const MARKS_MAX: usize = 3;

fn is_mark(byte: u8) -> bool {
    matches!(byte, b'-' | b'/' | b'.')
}

fn is_between(byte: u8) -> bool {
    is_mark(byte) || matches!(byte, b' ' | b',')
}

/// Whether the letters that end `gap` bytes before the anchor begin as a month does.
fn is_month_before(near: &Near<'_>, gap: usize, letters: usize) -> bool {
    let (bytes, at) = near.place();
    month_of(bytes.get(at - gap - letters..at - gap).unwrap_or_default()).is_some()
}
