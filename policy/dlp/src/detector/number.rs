//! Numbers of two or three digits: the commonest of prose and code. Most are nobody's by the bytes
//! beside them, before any label is looked for, which is seen here for all detectors at once.
//! Invariant: what is passed over here no detector would be asked at.

use super::shape::table;
use super::{Near, age, date, vehicle};
use crate::gate::Anchor;

/// Whether any detector could report something at the anchor: yes of any but such a number.
#[inline]
pub(crate) fn may_matter(near: &Near<'_>) -> bool {
    if near.anchor != Anchor::Digits || !matches!(near.run, 2 | 3) {
        return true;
    }
    let next = near.byte(near.run);
    let end = ENDS.get(usize::from(next)).copied().unwrap_or(JOINED);
    // A part of a longer number, or of a code.
    if end == JOINED || matches!(near.before(1), b'(' | b'+' | b'-') {
        return true;
    }
    let mut goes_on = false;
    if end != PLAIN {
        let after = near.byte(near.run + 1);
        let is_followed = next == b' ' && (after.is_ascii_digit() || after.is_ascii_uppercase());
        goes_on = may_go_on(near, after);
        if is_followed || goes_on && near.run == 3 && is_grouped(near, next) {
            return true;
        }
    }
    let is_age = age::may_stand(near);
    if is_age && next == b' '
        || near.run == 2 && date::may_end_short(near)
        || vehicle::may_follow_capitals(near)
    {
        return true;
    }
    // A postal code's first three digits, an age or an extension has a label.
    (goes_on || is_age || near.run == 3) && near.may_be_labelled(0)
}

/// What the byte behind the digits makes of them: a number by itself, a part of something, or what
/// the bytes behind tell.
const PLAIN: u8 = 0;
const JOINED: u8 = 1;
const OPEN: u8 = 2;
const ENDS: [u8; 256] = table(
    &[
        (b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-(", JOINED),
        (b" ./)", OPEN),
    ],
    PLAIN,
);

/// Whether another group of a telephone number may follow.
#[inline]
fn may_go_on(near: &Near<'_>, after: u8) -> bool {
    after.is_ascii_digit() || after == b'(' || near.byte(near.run + 2).is_ascii_digit()
}

/// Whether a second and third group may follow behind that of three digits: `123.45.6789`,
/// `(212) 555-0100`.
#[inline]
fn is_grouped(near: &Near<'_>, next: u8) -> bool {
    let is_digit = |at: usize| near.byte(at).is_ascii_digit();
    let (third, fourth) = (near.byte(6), near.byte(7));
    is_digit(4)
        && is_digit(5)
        && (third == next && fourth.is_ascii_digit()
            || third.is_ascii_digit() && matches!(fourth, b' ' | b'-' | b'.') && is_digit(8))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::catalog::Catalog;
    use crate::detector::Room;

    const PIECES: &[&str] = &[
        "the", "age", "ZIP", "zip3", "tel", "fax", "HR", "BP", "given", "plate", "no", "is", "Jan",
        "of", "ssn", "mrn", "value", "patient", "x", "12", "94", "101", "213", "07", "1980", "555",
        "0100", "44", "\"", ",", ".", " ", " ", " ", "-", "/", "(", ")", "+", ":", "=", "#", "\n",
        "*", "th", "\0", "\u{e9}",
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2048))]

        #[test]
        fn no_number_is_passed_over_at_which_one_may_stand(
            pieces in prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..20),
        ) {
            let text = pieces.concat();
            let bytes = text.as_bytes();
            for at in 0..bytes.len() {
                let mut room = Room::default();
                let Some(near) = Near::of(bytes, at, &mut room) else { continue };
                let may_matter = may_matter(&near);
                let is_asked = Catalog::builtin().asked_of_all(&near) != 0;
                prop_assert!(may_matter || !is_asked, "{text:?} at {at}");
            }
        }
    }

    #[test]
    fn numbers_of_prose_and_code_are_passed_over() {
        let is_passed = |text: &str| {
            let at = text.find(|c: char| c.is_ascii_digit()).unwrap();
            !may_matter(&Near::of(text.as_bytes(), at, &mut Room::default()).unwrap())
        };
        for text in ["heart rate 71, ", "took 261 mg", "self.loss[35].", "x = 84)", "was 36, "] {
            assert!(is_passed(text), "{text}");
        }
        for text in ["aged 94 ", "age: 101,", "zip: 213\n", "(212) 555", "+44 20", "Jan 12,"] {
            assert!(!is_passed(text), "{text}");
        }
    }
}
