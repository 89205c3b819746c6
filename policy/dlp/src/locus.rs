//! Places that a structured form knows (a segment's field, a key path, a tag, a column), and whether
//! a value there is what the place announces. Invariant: a mask or a placeholder is never a value.

mod numbers;

use crate::detector::geographic;
use crate::finding::{Confidence, Identifier, Span};
use crate::label::Family;
use crate::redact::token;
use crate::word::holds;

/// Bytes of the shortest template or image.
const LIKENESS_MIN: usize = 16;

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
    /// What its mask must keep.
    pub(crate) written: Written,
    /// Offset in the leaf behind all bytes that the form had to see before it told this;
    /// `u64::MAX` where that is not known.
    pub(crate) seen: u64,
}

/// How a value is written, as far as its mask must keep that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    Text,
    /// A bare JSON number, which must stay one.
    Number,
    /// The digits of what is no JSON (`183DOB`): what stands beside them must read the same after.
    Digits,
}

impl Written {
    /// What hides each of [`Written::Digits`].
    pub(crate) const ZERO: u8 = b'0';

    /// Of a number without quotes in JSON, with the byte behind it.
    pub(crate) fn bare(text: &[u8], next: Option<u8>) -> Written {
        // RFC 8259 sections 2 and 6; a backslash escapes white space where JSON stands in a text.
        let ends = next.is_none_or(|b| b.is_ascii_whitespace() || b",]}\\".contains(&b));
        let is_number = is_decimal(text)
            || std::str::from_utf8(text).is_ok_and(|text| text.parse::<f64>().is_ok());
        if ends && is_number { Written::Number } else { Written::Digits }
    }

    /// The byte that takes the place of each letter and digit, where it is not the leaf's own.
    pub(crate) fn mask(self) -> Option<u8> {
        match self {
            Written::Digits => Some(Written::ZERO),
            Written::Number | Written::Text => None,
        }
    }
}

/// Whether `text` is digits, perhaps with a point among them: most numbers, of which no closer look is
/// needed.
fn is_decimal(text: &[u8]) -> bool {
    let whole = text.iter().take_while(|b| b.is_ascii_digit()).count();
    match text.get(whole..) {
        Some([b'.', part @ ..]) => whole > 0 && part.iter().all(u8::is_ascii_digit),
        rest => rest.is_some_and(<[u8]>::is_empty),
    }
}

/// What a value is at a place that announces `family`; nothing where it is empty, a mask, a
/// placeholder, or plainly something else.
pub(crate) fn judge(family: Family, text: &[u8]) -> Option<(Identifier, Confidence)> {
    let identifier = family.identifier()?;
    let text = text.trim_ascii();
    // Tables that have gaps keep whole numbers so.
    let text = text.strip_suffix(b".0").unwrap_or(text);
    if is_placeholder(text) || is_lettered(family) && token::stands_in(text) {
        return None;
    }
    if let Some(confidence) = numbers::weigh(family, text) {
        return Some((identifier, confidence?));
    }
    if !fits(family, text) {
        return None;
    }
    let is_weak = matches!(family, Family::AnyName | Family::Contact | Family::Event);
    let confidence = if family == Family::Url {
        // A web address is a person's by what stands in it, which its detector reads.
        Confidence::Low
    } else if is_weak {
        Confidence::Medium
    } else {
        Confidence::High
    };
    Some((identifier, confidence))
}

/// What the value of a field is. Where a standard declares the place to hold an identifier or a name,
/// a value is one whatever it looks like: `MOSMCK` in PID-18, `Ai120` of a HumanName.
pub(crate) fn judge_field(field: &Field<'_>) -> Option<(Identifier, Confidence)> {
    let Field { family, text, .. } = *field;
    let is_declared = match field.form {
        "hl7" | "x12" => true,
        // Logical ids are made of anything: `example`.
        "fhir" => is_name(family),
        _ => false,
    };
    judge(family, text).or_else(|| declared(family, text).filter(|_| is_declared))
}

/// What a value without a usual shape is at a place that a standard declares to hold a number or a
/// name; nothing where it is empty, a mask, a placeholder or several words.
pub(crate) fn declared(family: Family, text: &[u8]) -> Option<(Identifier, Confidence)> {
    let text = text.trim_ascii();
    let is_number = numbers::weigh(family, text).is_some()
        && (!text.contains(&b' ') || text.iter().any(u8::is_ascii_digit));
    let is_value = |b: &u8| b.is_ascii_alphanumeric() || !b.is_ascii();
    let is_told = (is_number || is_name(family)) && text.iter().any(is_value);
    let identifier = family.identifier().filter(|_| is_told && !is_placeholder(text))?;
    Some((identifier, Confidence::Medium))
}

/// Whether the letters of a token could be taken for the value's own.
fn is_lettered(family: Family) -> bool {
    is_name(family) || matches!(family, Family::AnyName | Family::City)
}

fn is_name(family: Family) -> bool {
    matches!(family, Family::Name | Family::Clinician)
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
    let is_masked = || {
        text.first() == Some(&b'*') || holds(text, b'*') && text.windows(3).any(|run| run == b"***")
    };
    // The letters that the words begin with.
    let may_stand = matches!(
        text.first().map(u8::to_ascii_lowercase),
        Some(b'a' | b'd' | b'm' | b'n' | b'r' | b'u')
    );
    alphanumeric().all(|b| matches!(b, b'x' | b'X' | b'0'))
        || is_masked()
        || may_stand && WORDS.iter().any(|word| text.eq_ignore_ascii_case(word.as_bytes()))
}

/// Whether the shape of `text` is possible for the family.
fn fits(family: Family, text: &[u8]) -> bool {
    let digits = || text.iter().filter(|b| b.is_ascii_digit()).count();
    let letters = || text.iter().filter(|b| b.is_ascii_alphabetic() || !b.is_ascii()).count();
    match family {
        Family::Phone | Family::Fax | Family::Contact => {
            (7..=15).contains(&digits()) && letters() <= 4
        }
        Family::Email => text.contains(&b'@'),
        Family::AnyName => {
            let letters = letters();
            letters >= 2 && digits() * 4 <= letters && !is_key(text)
        }
        // Made-up records number their names.
        Family::Name | Family::Clinician => {
            let letters = letters();
            letters >= 2 && digits() <= letters
        }
        Family::City => letters() >= 2 && digits() == 0,
        Family::Admission | Family::Birth | Family::Death | Family::Discharge | Family::Event => {
            digits() >= 5
        }
        Family::Age => age(text).is_some_and(|age| (90..=130).contains(&age)),
        Family::Zip => geographic::is_zip(text),
        Family::Ip => {
            let is_address = |b: &u8| b.is_ascii_hexdigit() || matches!(b, b'.' | b':');
            digits() >= 2 && text.iter().all(is_address)
        }
        Family::Url => text.contains(&b'.') && letters() >= 2,
        Family::Address => digits() + letters() >= 2,
        Family::Biometric | Family::Photo => text.len() >= LIKENESS_MIN,
        // Numbers have been weighed by their own room.
        Family::Accession
        | Family::Account
        | Family::Card
        | Family::Dea
        | Family::Device
        | Family::HealthPlan
        | Family::Iban
        | Family::Imei
        | Family::License
        | Family::Mac
        | Family::Member
        | Family::Mrn
        | Family::Npi
        | Family::Other
        | Family::Passport
        | Family::PatientId
        | Family::Plate
        | Family::Routing
        | Family::Ssn
        | Family::StudyId
        | Family::TaxId
        | Family::Vin => false,
    }
}

/// Whether a name is written as keys and programs are (`next-token`, `AccountId`, `core_web_sm`), not
/// as people's (`smith-jones`, `McCoy`, `DeLuca`).
fn is_key(text: &[u8]) -> bool {
    const HUMPS_MAX: usize = 1;
    let humps = text.windows(2).filter(|pair| {
        pair.first().is_some_and(u8::is_ascii_lowercase)
            && pair.last().is_some_and(u8::is_ascii_uppercase)
    });
    let starts_small = text.first().is_some_and(u8::is_ascii_lowercase);
    let humps = humps.count();
    // `WordNet 3.0`, not `Harold594`.
    let is_version = |word: &[u8]| word.first().is_some_and(u8::is_ascii_digit);
    text.split(|b| *b == b' ').any(is_version)
        || text.contains(&b'_')
        || humps > HUMPS_MAX
        || humps > 0 && (starts_small || text.ends_with(b"Id"))
}

/// The years that `text` begins with, beside leading zeros (DICOM's `092Y`).
fn age(text: &[u8]) -> Option<u32> {
    let end = text.iter().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    let unit = unit.trim_ascii_start();
    let is_years = unit.is_empty() || matches!(unit.first(), Some(b'y' | b'Y' | b'.' | b'a'));
    std::str::from_utf8(number).ok()?.parse().ok().filter(|_| is_years)
}
