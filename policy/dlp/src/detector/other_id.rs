//! Any other unique number of a person: object identifiers of studies and images (DICOM PS3.5
//! chapter 9), accession, study and participant numbers, UUIDs behind a label of a person.

use super::labelled::{Announced, Value};
use super::shape::Values;
use super::{Detector, Match, Near, View};
use crate::finding::{Confidence, Identifier};
use crate::gate::Anchor;
use crate::label::Family;

pub(crate) const UID: Detector = Detector {
    name: "uid",
    identifiers: &[Identifier::OtherId],
    anchors: &[Anchor::Dots],
    shapes: &[],
    values: Values::NONE,
    words: &[],
    may_stand,
    examine,
};

/// Bytes of a UID (DICOM PS3.5 section 9.1).
const UID_MAX: usize = 64;
/// Bytes from which on one that nothing announces is taken for that of an instance.
const UID_LONG: usize = 32;
/// Arcs of the shortest one.
const ARCS_MIN: usize = 6;
/// Roots of registered classes, code systems and algorithms: those name no instance.
const REGISTERED: &[&[u8]] = &[
    b"1.2.840.10008.",
    b"1.2.840.10045.",
    b"1.2.840.113549.",
    b"1.2.840.113556.",
    b"1.3.6.1.2.",
    b"1.3.6.1.5.",
    b"2.16.840.1.101.3.4.",
    b"2.16.840.1.113883.",
    b"2.5.29.",
];

/// Whether a root and its child end at the dot, `1.2`, `1.3`, `2.16`, and arcs enough follow.
fn may_stand(near: &Near<'_>) -> bool {
    let mut dots = 0;
    let is_part = |b: &&u8| {
        dots += usize::from(**b == b'.');
        b.is_ascii_digit() || **b == b'.'
    };
    let len = near.behind().iter().take_while(is_part).count();
    // The dot behind the root stands before.
    if dots + 2 < ARCS_MIN && len < near.behind().len() {
        return false;
    }
    let child = (1..=3).take_while(|&back| near.before(back).is_ascii_digit()).count();
    let is_root = matches!(near.before(child + 2), b'0'..=b'2');
    is_root && child > 0 && !near.before(child + 3).is_ascii_alphanumeric()
}

/// An object identifier whose second dot is the anchor.
fn examine(view: &View<'_>) -> Option<Match> {
    let is_part = |b: &u8| b.is_ascii_digit() || *b == b'.';
    let before = view.part(0, view.at);
    // The root and its child: `1.2`, `1.3`, `2.16`.
    let start = view.at - before.iter().rev().take(6).take_while(|b| is_part(b)).count();
    let rest = view.bytes.get(start..)?;
    let len = rest.iter().take(UID_MAX + 1).take_while(|b| is_part(b)).count();
    let text = rest.get(..len)?;
    let text = text.strip_suffix(b".").unwrap_or(text);
    let end = start + text.len();
    if text.len() > UID_MAX || !is_uid(text) || !view.opens(start) || !view.closes(end) {
        return None;
    }
    if REGISTERED.iter().any(|root| text.starts_with(root)) {
        return None;
    }
    let label = view.label(start, 32, 2).map(|label| label.family);
    let confidence = match label {
        Some(Family::Accession | Family::Mrn | Family::PatientId | Family::StudyId) => {
            Confidence::Medium
        }
        _ if text.len() >= UID_LONG => Confidence::Low,
        _ => return None,
    };
    Some(Match { identifier: Identifier::OtherId, confidence, start, end })
}

/// Whether `text` follows the grammar: arcs without leading zeros, the first 0 to 2.
fn is_uid(text: &[u8]) -> bool {
    let mut arcs = 0;
    let is_arcs = text.split(|b| *b == b'.').all(|arc| {
        arcs += 1;
        !arc.is_empty() && (arc.len() == 1 || !arc.starts_with(b"0"))
    });
    is_arcs && arcs >= ARCS_MIN && matches!(text, [b'0'..=b'2', b'.', ..])
}

/// How sure a value is behind a label of an examination or of a participant.
pub(crate) fn weigh(family: Family, value: &Value<'_>) -> Option<Confidence> {
    let is_study = family == Family::StudyId;
    if is_study && value.is_uuid() {
        return Some(Confidence::Medium);
    }
    let is_number = (4..=24).contains(&value.len()) && value.letters <= 8;
    match value.announced {
        _ if !is_number || is_trial(value.text) => None,
        Announced::Number if is_study => (value.digits >= 3).then_some(Confidence::Medium),
        Announced::Number => (value.digits >= 4).then_some(Confidence::High),
        Announced::Mark | Announced::Bare => (value.digits >= 5).then_some(Confidence::Medium),
    }
}

/// Whether `text` names a trial in the public registry (ClinicalTrials.gov: NCT and eight digits).
fn is_trial(text: &[u8]) -> bool {
    text.len() == 11 && text.get(..3).is_some_and(|start| start.eq_ignore_ascii_case(b"NCT"))
}
