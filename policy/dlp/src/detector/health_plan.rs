//! Numbers of health plans: Medicare Beneficiary Identifiers by their grammar (CMS, "Understanding
//! the MBI format": eleven places of digits, letters without S, L, O, I, B, Z, or both, with or
//! without dashes as 4-3-4), the claim numbers before them, and members' numbers by label.

use super::labelled::{Announced, Value};
use super::shape::Values;
use super::{Detector, Match, Near, View};
use crate::finding::{Confidence, Identifier};
use crate::gate::Anchor;
use crate::label::Family;

pub(crate) const MBI: Detector = Detector {
    name: "mbi",
    identifiers: &[Identifier::HealthPlan],
    anchors: &[Anchor::Mixed],
    shapes: &[],
    values: Values::NONE,
    words: &[],
    may_stand,
    examine,
};

/// Each place of the grammar: first digit, letter, letter or digit, digit, ...
const PLACES: &[u8; 11] = b"1AXNAXNAANN";

/// Whether the second letter of a token is the first that is no digit, as the grammar has it.
fn may_stand(near: &Near<'_>) -> bool {
    near.run == 0
        && matches!(near.before(1), b'1'..=b'9')
        && !near.before(2).is_ascii_alphanumeric()
}

/// Grows from the token whose first digit and letter meet.
fn examine(view: &View<'_>) -> Option<Match> {
    let (start, token_end) = view.token(view.at);
    let is_dashed = token_end - start == 4 && view.byte(token_end) == b'-';
    let end = start + if is_dashed { 13 } else { 11 };
    if !view.opens(start) || !view.closes(end) {
        return None;
    }
    let has_lower = follows_grammar(view.part(start, end), is_dashed)?;
    let is_labelled = view
        .label(start, 32, 2)
        .is_some_and(|l| matches!(l.family, Family::HealthPlan | Family::Member));
    let confidence = match (is_labelled, is_dashed, has_lower) {
        (true, _, _) => Confidence::High,
        (false, _, _) if view.is_soup(start, end) || view.is_jumble(start, end) => return None,
        (false, false, true) => return None,
        (false, _, _) if view.is_among_codes(start, end) => Confidence::Low,
        (false, true, false) => Confidence::High,
        // Dashes and digits in all the right places, though nobody prints it so.
        (false, true, true) => Confidence::Low,
        (false, false, false) => Confidence::Medium,
    };
    Some(Match { identifier: Identifier::HealthPlan, confidence, start, end })
}

/// Whether `text` is of the grammar, and then whether it holds lower-case letters.
fn follows_grammar(text: &[u8], is_dashed: bool) -> Option<bool> {
    let mut places = PLACES.iter();
    let mut has_lower = false;
    for (i, &byte) in text.iter().enumerate() {
        if is_dashed && (i == 4 || i == 8) {
            if byte != b'-' {
                return None;
            }
            continue;
        }
        has_lower |= byte.is_ascii_lowercase();
        let upper = byte.to_ascii_uppercase();
        let is_letter = upper.is_ascii_uppercase() && !b"SLOIBZ".contains(&upper);
        let fits = match places.next()? {
            b'1' => matches!(byte, b'1'..=b'9'),
            b'A' => is_letter,
            b'X' => is_letter || byte.is_ascii_digit(),
            _ => byte.is_ascii_digit(),
        };
        if !fits {
            return None;
        }
    }
    places.next().is_none().then_some(has_lower)
}

/// Prefixes of the Railroad Board's claim numbers (CMS Pub. 100-01 chapter 2, section 50.2).
const RAILROAD: &[&[u8]] = &[
    b"A", b"CA", b"H", b"JA", b"MA", b"MH", b"PA", b"PD", b"PH", b"WA", b"WCA", b"WCD", b"WCH",
    b"WD", b"WH",
];

/// How sure a value is behind a label of a health plan.
pub(crate) fn weigh(family: Family, value: &Value<'_>) -> Option<Confidence> {
    if family == Family::HealthPlan && is_claim_number(value) {
        return Some(Confidence::High);
    }
    if family == Family::Member && value.is_uuid() {
        return Some(Confidence::Medium);
    }
    let is_number = (5..=20).contains(&value.len()) && value.digits >= 4 && value.letters <= 8;
    match value.announced {
        _ if !is_number => None,
        Announced::Number if value.len() >= 8 => Some(Confidence::High),
        Announced::Number => Some(Confidence::Medium),
        Announced::Mark | Announced::Bare => (value.digits >= 6).then_some(Confidence::Medium),
    }
}

/// Whether it is a claim number of before 2018: a Social Security number and what its holder is to
/// the beneficiary (A, B1, C2, D, W6, ...), or the Railroad Board's prefix and six or nine digits.
fn is_claim_number(value: &Value<'_>) -> bool {
    let letters = |b: &&u8| b.is_ascii_alphabetic();
    let front = value.text.iter().take_while(letters).count();
    let prefix = value.text.get(..front).unwrap_or_default();
    if front > 0 {
        let is_known = RAILROAD.iter().any(|known| known.eq_ignore_ascii_case(prefix));
        return is_known && value.letters == front && matches!(value.digits, 6 | 9);
    }
    let is_suffix = |b: &u8| b"ABCDEFJKMTW".contains(&b.to_ascii_uppercase());
    let first = value.text.iter().position(u8::is_ascii_alphabetic);
    let Some((number, suffix)) = first.and_then(|at| value.text.split_at_checked(at)) else {
        return false;
    };
    let digits = number.iter().filter(|b| b.is_ascii_digit()).count();
    digits == 9 && suffix.len() <= 2 && suffix.first().is_some_and(is_suffix)
}
