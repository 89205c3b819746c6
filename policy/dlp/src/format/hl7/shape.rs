//! Segments that a site made up: nobody but the site knows their fields, so a value counts for what
//! it looks like. Invariant: a code, a flag or an amount is not told.

use super::datatype::{Datatype, Repetition, by_type};
use crate::label::Family;
use crate::locus::Field;

/// Digits and letters of a value that may be somebody's number.
const NUMBER: std::ops::RangeInclusive<usize> = 6..=20;

/// Tells what a field of a site's own segment looks like.
pub(super) fn tell(repetition: &Repetition<'_>, sink: &mut dyn FnMut(&Field<'_>)) {
    let part = |number| repetition.component(number).1.trim_ascii();
    let first = part(1);
    if by_type(part(5)).is_some() && is_number(first) {
        repetition.tell(Datatype::Cx(Family::PatientId), sink);
    } else if is_zip(part(5)) && is_word(part(3)) {
        repetition.tell(Datatype::Xad, sink);
    } else if is_system(part(3)) {
        // A coded value: code, text, coding system.
    } else if is_word(first) && is_word(part(2)) {
        repetition.joined((1, 3), Family::AnyName, sink);
    } else if is_word(part(2)) && is_word(part(3)) {
        repetition.joined((2, 4), Family::AnyName, sink);
    } else if is_time(first) {
        repetition.whole(1, Family::Event, sink);
    } else if is_phone(first) {
        repetition.whole(1, Family::Contact, sink);
    } else if is_number(first) {
        repetition.whole(1, Family::PatientId, sink);
    }
}

/// Whether a value can be a part of a name: words that begin with a capital, no codes of one letter.
fn is_word(value: &[u8]) -> bool {
    let is_part = |b: &u8| b.is_ascii_alphabetic() || !b.is_ascii() || b" '-.".contains(b);
    value.len() >= 2
        && value.first().is_some_and(|b| b.is_ascii_uppercase() || !b.is_ascii())
        && value.iter().all(is_part)
}

/// Whether a value names a coding system (table 0396).
fn is_system(value: &[u8]) -> bool {
    let known: &[&[u8]] =
        &[b"L", b"LN", b"SCT", b"I9", b"I10", b"I9C", b"C4", b"CPT", b"ICD", b"RXN", b"UCUM"];
    value.starts_with(b"HL7")
        || value.starts_with(b"99")
        || value.starts_with(b"ICD")
        || known.contains(&value)
}

fn is_zip(value: &[u8]) -> bool {
    let digits = value.iter().filter(|b| b.is_ascii_digit()).count();
    matches!(value.len(), 5 | 10) && matches!(digits, 5 | 9)
}

/// Whether a value is a day as HL7 writes it (`YYYYMMDD`, and the time behind it), of a century that
/// somebody living knows.
fn is_time(value: &[u8]) -> bool {
    let Some((day, time)) = value.split_first_chunk::<8>() else { return false };
    let [century @ .., m1, m2, d1, d2] = day;
    let number = |tens: &u8, ones: &u8| tens.wrapping_sub(b'0') * 10 + ones.wrapping_sub(b'0');
    day.iter().all(u8::is_ascii_digit)
        && (century.starts_with(b"19") || century.starts_with(b"20"))
        && (1..=12).contains(&number(m1, m2))
        && (1..=31).contains(&number(d1, d2))
        && time.iter().all(|b| b.is_ascii_digit() || b".+-".contains(b))
        && time.len() != 1
}

/// Whether a value is written as telephone numbers are.
fn is_phone(value: &[u8]) -> bool {
    let digits = value.iter().filter(|b| b.is_ascii_digit()).count();
    let is_part = |b: &u8| b.is_ascii_digit() || b" ()+-./".contains(b);
    let separators = value.iter().filter(|b| b"()- ".contains(b)).count();
    (10..=13).contains(&digits)
        && separators >= 2
        && value.iter().all(is_part)
        && !value.ends_with(b"-")
}

/// Whether a value is a number that may be somebody's: no amount, no code in letters.
fn is_number(value: &[u8]) -> bool {
    NUMBER.contains(&value.len())
        && value.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-')
        && value.iter().filter(|b| b.is_ascii_digit()).count() >= 5
}
