//! Certificate and licence numbers: driver's and professional licences, passports. Every state has
//! its own form (AAMVA D20 lists them), so a label makes them.

use super::labelled::{Announced, Value};
use crate::finding::Confidence;
use crate::label::Family;

/// How sure a value is behind a label of a licence or a passport.
pub(crate) fn weigh(family: Family, value: &Value<'_>) -> Option<Confidence> {
    if family == Family::Passport {
        // ICAO Doc 9303 part 4: nine places; the United States issue nine digits or a letter and
        // eight, others fewer.
        let is_number = (6..=9).contains(&value.len()) && value.digits >= 6;
        return is_number.then_some(Confidence::High);
    }
    let is_number = (5..=20).contains(&value.len()) && value.digits >= 4 && value.letters <= 9;
    match value.announced {
        _ if !is_number => None,
        Announced::Number => Some(Confidence::High),
        Announced::Mark | Announced::Bare if value.digits >= 5 => Some(Confidence::Medium),
        Announced::Mark | Announced::Bare => None,
    }
}
