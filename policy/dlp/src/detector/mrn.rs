//! Medical record numbers. They have no shape and no public check digit: a label makes them. A
//! patient's number in whatever system is less sure.

use super::labelled::Value;
use crate::finding::Confidence;
use crate::label::Family;

/// Letters and digits of a record number.
const LEN: std::ops::RangeInclusive<usize> = 5..=16;
/// Fewest digits of a record number.
const DIGITS_MIN: usize = 4;
/// Most letters of a record number.
const LETTERS_MAX: usize = 5;

/// How sure a value is behind a label of a record.
pub(crate) fn weigh(family: Family, value: &Value<'_>) -> Option<Confidence> {
    let is_number =
        LEN.contains(&value.len()) && value.digits >= DIGITS_MIN && value.letters <= LETTERS_MAX;
    if !is_number && !value.is_uuid() {
        return None;
    }
    Some(if family == Family::Mrn { Confidence::High } else { Confidence::Medium })
}
