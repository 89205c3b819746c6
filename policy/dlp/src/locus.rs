//! Places that a structured form knows (a segment's field, a key path, a tag, a column), and whether
//! a value there is what the place announces. Invariant: a mask or a placeholder is never a value.

use crate::finding::{Confidence, Identifier, Span};
use crate::label::Family;

/// A value at a known place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field<'a> {
    /// The form that knows the place: `hl7`, `x12`, `csv`, `json`, `fhir`, `xml`, `dicom`, ...
    pub(crate) form: &'static str,
    /// The place in the form's own words: `PID-19`, `Patient.birthDate`, `column dob`.
    pub(crate) locus: &'a str,
    /// What the place announces.
    pub(crate) family: Family,
    /// Where the value stands in its leaf, as written.
    pub(crate) span: Span,
    /// The value without quotes and escapes.
    pub(crate) text: &'a [u8],
    /// Whether it is written as a bare JSON number, so that its mask must stay one.
    pub(crate) is_json_number: bool,
}

/// What a value is at a place that announces `family`; nothing where it is empty, a mask, a
/// placeholder, or plainly something else.
pub(crate) fn judge(family: Family, text: &[u8]) -> Option<(Identifier, Confidence)> {
    let identifier = family.identifier()?;
    let text = text.trim_ascii();
    if is_placeholder(text) || !fits(family, identifier, text) {
        return None;
    }
    let is_weak = matches!(family, Family::AnyName | Family::Contact | Family::PatientId);
    let confidence = if is_weak { Confidence::Medium } else { Confidence::High };
    Some((identifier, confidence))
}

/// Whether `text` holds no value: nothing, a mask, or a word that stands for one.
pub(crate) fn is_placeholder(text: &[u8]) -> bool {
    const WORDS: &[&str] = &[
        "n/a",
        "na",
        "nan",
        "nil",
        "none",
        "not available",
        "null",
        "redacted",
        "removed",
        "unk",
        "unknown",
        "undefined",
        "anonymous",
        "anonymized",
        "deidentified",
        "masked",
    ];
    let alphanumeric = || text.iter().filter(|b| b.is_ascii_alphanumeric() || !b.is_ascii());
    alphanumeric().all(|b| matches!(b, b'x' | b'X' | b'0'))
        || text.first() == Some(&b'*')
        || memchr::memmem::find(text, b"***").is_some()
        || WORDS.iter().any(|word| text.eq_ignore_ascii_case(word.as_bytes()))
}

/// Whether the shape of `text` is possible for the class.
fn fits(family: Family, identifier: Identifier, text: &[u8]) -> bool {
    let digits = text.iter().filter(|b| b.is_ascii_digit()).count();
    let letters = text.iter().filter(|b| b.is_ascii_alphabetic() || !b.is_ascii()).count();
    match identifier {
        Identifier::Ssn => digits == 9 && letters == 0,
        Identifier::Phone | Identifier::Fax => (7..=15).contains(&digits),
        Identifier::Email => text.contains(&b'@'),
        Identifier::Provider if family == Family::Npi => digits == 10 && letters == 0,
        Identifier::Name | Identifier::Provider => letters >= 2,
        Identifier::Date => digits >= 5,
        Identifier::Age => digits >= 2,
        Identifier::Account
        | Identifier::Device
        | Identifier::HealthPlan
        | Identifier::License
        | Identifier::Mrn
        | Identifier::OtherId
        | Identifier::Vehicle => digits >= 1 && text.len() >= 3,
        Identifier::Biometric
        | Identifier::Geographic
        | Identifier::Ip
        | Identifier::Photo
        | Identifier::Url => digits + letters >= 2,
    }
}
