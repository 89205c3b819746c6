//! Clinicians: National Provider Identifiers (45 CFR 162.406: ten digits, 1 or 2 first, a check
//! digit) and DEA registrations (two letters, seven digits, a check digit). One number in ten passes
//! by chance, so a label is required. They identify a clinician, not the patient.

use super::shape::{Marks, Shape, Values};
use super::{Detector, Match, Near, View};
use crate::check;
use crate::finding::{Confidence, Identifier};
use crate::gate::Anchor;
use crate::label::{Families, Family};

pub(crate) const NPI: Detector = Detector {
    name: "npi",
    identifiers: &[Identifier::Provider],
    anchors: &[Anchor::Digits],
    shapes: &[
        Shape::written(1 << 4, Marks::ANY, Marks::BLANK.or(Marks::DASH)),
        Shape::near_label(1 << 10, Families::of(&[Family::Npi])),
    ],
    values: Values::NONE,
    words: &[],
    may_stand: may_be_npi,
    examine: npi,
};

pub(crate) const DEA: Detector = Detector {
    name: "dea",
    identifiers: &[Identifier::Provider],
    anchors: &[Anchor::Mixed],
    shapes: &[],
    values: Values::NONE,
    words: &[],
    may_stand: may_be_dea,
    examine: dea,
};

/// Whether the second of three groups follows, or ten digits stand together with their check digit.
fn may_be_npi(near: &Near<'_>) -> bool {
    let is_whole = || near.behind().get(..10).is_some_and(check::npi);
    matches!(near.byte(0), b'1' | b'2')
        && if near.run == 4 { near.byte(5).is_ascii_digit() } else { is_whole() }
}

/// Whether seven digits follow, or a 9 and seven.
fn may_be_dea(near: &Near<'_>) -> bool {
    matches!(near.run, 7 | 8)
}

fn npi(view: &View<'_>) -> Option<Match> {
    let start = view.at;
    // `1234-567-893` and `1234 567 893`, in groups as CMS prints none but forms do.
    let separator = view.byte(start + 4);
    let is_grouped = view.run == 4
        && matches!(separator, b'-' | b' ')
        && view.digits(start + 5) == 3
        && view.byte(start + 8) == separator
        && view.digits(start + 9) == 3;
    let end = start + if is_grouped { 12 } else { 10 };
    let opens = view.opens(start) || view.opens_joined(start);
    if !matches!(view.byte(start), b'1' | b'2') || !opens || !view.closes(end) {
        return None;
    }
    let text = view.part(start, end);
    if !is_grouped && !text.iter().all(u8::is_ascii_digit) || !check::npi(text) {
        return None;
    }
    let label = view.label(start, 40, 3).filter(|l| l.family == Family::Npi)?;
    // `PROVIDER_CONTEXT: Final = -2144206796`: a number with a sign, and not the dash of a list.
    let is_signed = view.before(start, 1) == b'-' && !view.before(start, 2).is_ascii_alphanumeric();
    if is_signed && label.gap.words > 0 {
        return None;
    }
    let mut digits = text.iter().filter(|b| b.is_ascii_digit()).take(9);
    let first = digits.next();
    let confidence = match label.gap.words {
        // Nine digits alike are typed to fill a form.
        _ if digits.all(|digit| Some(digit) == first) => Confidence::Low,
        0 => Confidence::High,
        _ => Confidence::Medium,
    };
    Some(Match { identifier: Identifier::Provider, confidence, start, end })
}

/// Registrant types, the first letter (DEA Diversion Control, registration categories).
const REGISTRANTS: &[u8] = b"ABCDEFGHJKLMPRSTUX";

/// `BS1388568`: the type of registrant, the initial of the name or a 9, and seven digits.
fn dea(view: &View<'_>) -> Option<Match> {
    // `B91388568`: the second place of a firm's is a 9, and digits begin there.
    let is_firm = view.byte(view.at) == b'9' && view.digits(view.at) == 8;
    let start = view.at.checked_sub(if is_firm { 1 } else { 2 })?;
    let end = start + 9;
    let text = view.part(start, end);
    let [kind, initial, digits @ ..] = text else { return None };
    let is_shape = REGISTRANTS.contains(&kind.to_ascii_uppercase())
        && (initial.is_ascii_alphabetic() || *initial == b'9')
        && check::dea(digits);
    if !is_shape || !view.opens(start) || !view.closes(end) {
        return None;
    }
    let is_labelled = view.label(start, 40, 3).is_some_and(|l| l.family == Family::Dea);
    let is_upper = kind.is_ascii_uppercase() && !initial.is_ascii_lowercase();
    let confidence = match (is_labelled, is_upper) {
        (true, _) => Confidence::High,
        (false, true) if !view.is_soup(start, end) => Confidence::Low,
        (false, true | false) => return None,
    };
    Some(Match { identifier: Identifier::Provider, confidence, start, end })
}
