//! Vehicles: identification numbers (49 CFR 565, ISO 3779) by their check digit, and plates by
//! label.

use super::labelled::joins;
use super::shape::{Marks, Shape, Values, runs};
use super::{Detector, Match, Near, View};
use crate::check;
use crate::finding::{Confidence, Identifier};
use crate::gate::Anchor;
use crate::label::{Families, Family};

pub(crate) const VIN: Detector = Detector {
    name: "vin",
    identifiers: &[Identifier::Vehicle],
    anchors: &[Anchor::Digits, Anchor::Mixed],
    shapes: &[Shape::written(1 << 17, Marks::ANY, Marks::ANY)],
    values: Values::NONE,
    words: &[],
    may_stand: may_be_vin,
    examine: vin,
};

pub(crate) const PLATE: Detector = Detector {
    name: "plate",
    identifiers: &[Identifier::Vehicle],
    anchors: &[Anchor::Digits, Anchor::Mixed],
    shapes: &[
        Shape::labelled(runs(2, 7), Families::of(&[Family::Plate])),
        Shape::written(runs(2, 7), Marks::CODE, Marks::ANY),
    ],
    values: Values::NONE,
    words: &[],
    may_stand: may_be_plate,
    examine: plate,
};

/// Places of a vehicle identification number.
const VIN_LEN: usize = 17;
/// Letters and digits of the first part of one, and one more.
const PLATED_MAX: usize = 9;
/// Letters and digits of a plate.
const PLATE_LEN: std::ops::RangeInclusive<usize> = 4..=8;

/// Whether the token may be as long.
fn may_be_vin(near: &Near<'_>) -> bool {
    near.token().is_none_or(|(before, behind)| before + behind == VIN_LEN)
}

/// Whether no small letter stands before or behind the digits, as on no plate, and a label may stand
/// before them or before the capitals in front.
fn may_be_plate(near: &Near<'_>) -> bool {
    const LEN_MIN: usize = *PLATE_LEN.start();
    let next = near.byte(near.run);
    // A plate ends where the digits of a path or a ratio go on: `BP 120/80`.
    let is_ratio = matches!(next, b'/' | b'@') && near.byte(near.run + 1).is_ascii_digit();
    if near.before(1).is_ascii_lowercase() || next.is_ascii_lowercase() || is_ratio {
        return false;
    }
    // Few digits alone are only the second part of a plate.
    let is_second = near.anchor == Anchor::Digits
        && near.run < LEN_MIN
        && !next.is_ascii_uppercase()
        && !(matches!(next, b' ' | b'-')
            && matches!(near.byte(near.run + 1), b'0'..=b'9' | b'A'..=b'Z'));
    if is_second && !matches!(near.before(2), b'0'..=b'9' | b'A'..=b'Z') {
        return false;
    }
    let is_part = |back: &usize| matches!(near.before(*back), b'0'..=b'9' | b'A'..=b'Z');
    let mut back = 0;
    (usize::from(is_second)..2).any(|part| {
        back += part;
        let is_joined = part == 0 || matches!(near.before(back), b' ' | b'-');
        back += (back + 1..back + PLATED_MAX).take_while(is_part).count();
        is_joined && near.may_be_labelled(back)
    })
}

/// Whether a few digits may be the second part of a plate, behind capitals or digits.
#[inline]
pub(super) fn may_follow_capitals(near: &Near<'_>) -> bool {
    matches!(near.before(1), b' ' | b'-')
        && matches!(near.before(2), b'0'..=b'9' | b'A'..=b'Z')
        && may_be_plate(near)
}

fn vin(view: &View<'_>) -> Option<Match> {
    let (start, end) = view.token(view.at);
    let text = view.part(start, end);
    if text.len() != VIN_LEN
        || !(view.opens(start) || view.opens_joined(start))
        || !view.closes(end)
    {
        return None;
    }
    let label = view.label(start, 40, 3).map(|label| label.family);
    let is_right = check::vin(text);
    let confidence = match label {
        Some(Family::Vin) if is_right => Confidence::High,
        // Outside of North America the ninth place is no check digit (ISO 3779).
        Some(Family::Vin) if is_vin_text(text) => Confidence::Medium,
        _ if !is_right || !is_distinct(text) || view.is_soup(start, end) => return None,
        Some(Family::Other | Family::Device) => Confidence::Low,
        _ if view.is_among_codes(start, end) => Confidence::Low,
        // Alone it wants the words of a text around it.
        _ if !view.part(start.saturating_sub(24), start).contains(&b' ') => Confidence::Low,
        _ => Confidence::Medium,
    };
    Some(Match { identifier: Identifier::Vehicle, confidence, start, end })
}

/// Whether every place is one of the alphabet, without I, O and Q.
fn is_vin_text(text: &[u8]) -> bool {
    let is_place = |b: &u8| b.is_ascii_alphanumeric() && !b"IOQioq".contains(b);
    text.iter().all(is_place) && text.iter().any(u8::is_ascii_digit)
}

/// Whether a right number is more than chance: capitals among the first eight places, a model year
/// in the tenth, four digits at the end (49 CFR 565.15(b) to (d)).
fn is_distinct(text: &[u8]) -> bool {
    let (Some((front, back)), Some(year)) = (text.split_at_checked(8), text.get(9)) else {
        return false;
    };
    let serial = back.get(back.len() - 4..).unwrap_or_default();
    let letters = front.iter().filter(|b| b.is_ascii_uppercase()).count();
    (2..=7).contains(&letters)
        && !front.starts_with(b"0")
        && !matches!(year, b'U' | b'Z' | b'0')
        && serial.iter().all(u8::is_ascii_digit)
        && !text.iter().any(u8::is_ascii_lowercase)
}

/// A plate behind its label: `ABC 1234`, `7XYZ123`, `ABC-1234`.
fn plate(view: &View<'_>) -> Option<Match> {
    let (token, token_end) = view.token(view.at);
    // Most numbers leave here.
    let may_be = token_end - token <= *PLATE_LEN.end()
        && (view.closes(token_end) || view.byte(token_end) == b'-')
        && is_upper(view.part(token, token_end));
    if !may_be {
        return None;
    }
    let start = plated_start(view, token, token_end)?;
    let mut end = token_end;
    let next = view.token(end + 1);
    let joins = matches!(view.byte(end), b' ' | b'-') && next.0 == end + 1 && next.1 - next.0 <= 4;
    if start == token && token_end - token <= 4 && joins && is_upper(view.part(next.0, next.1)) {
        end = next.1;
    }
    let text = view.part(start, end);
    let len = text.iter().filter(|b| b.is_ascii_alphanumeric()).count();
    let digits = text.iter().filter(|b| b.is_ascii_digit()).count();
    let is_mixed = digits < len || digits >= 5;
    let is_plate = PLATE_LEN.contains(&len) && is_mixed && digits > 0 && is_upper(text);
    let is_free = view.opens(start) && view.closes(end);
    (is_plate && is_free).then_some(Match {
        identifier: Identifier::Vehicle,
        confidence: Confidence::High,
        start,
        end,
    })
}

/// Where the plate begins whose last part is the token: there, or at the part before it, as in
/// `ABC 1234`.
fn plated_start(view: &View<'_>, token: usize, token_end: usize) -> Option<usize> {
    if is_plated(view, token) {
        return Some(token);
    }
    let has_prefix = matches!(view.before(token, 1), b' ' | b'-')
        && matches!(view.before(token, 2), b'0'..=b'9' | b'A'..=b'Z');
    if !has_prefix {
        return None;
    }
    let front = view.token(token - 2).0;
    let text = view.part(front, token_end);
    // In a table of numbers no letter is near.
    let has_letter = text.iter().any(u8::is_ascii_uppercase);
    (has_letter && is_upper(text) && is_plated(view, front)).then_some(front)
}

fn is_plated(view: &View<'_>, start: usize) -> bool {
    let label = view.label(start, 24, 0).filter(|label| label.family == Family::Plate);
    label.is_some_and(|label| joins(view, start, label))
}

/// Whether `text` is written as on a plate: capitals, digits, one separator.
fn is_upper(text: &[u8]) -> bool {
    !text.is_empty()
        && text.iter().all(|b| matches!(b, b'0'..=b'9' | b'A'..=b'Z' | b' ' | b'-'))
        && text.iter().filter(|b| !b.is_ascii_alphanumeric()).count() <= 1
}
