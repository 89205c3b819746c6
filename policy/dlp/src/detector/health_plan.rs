//! Medicare Beneficiary Identifiers. Rule: CMS, "Understanding the MBI format": eleven places of
//! digits, letters (without S, L, O, I, B, Z) or both, shown with or without dashes as 4-3-4.

use super::{Detector, Match, View};
use crate::finding::{Confidence, Identifier};
use crate::gate::Anchor;
use crate::label::Family;

pub(crate) const MBI: Detector = Detector {
    name: "mbi",
    identifiers: &[Identifier::HealthPlan],
    anchors: &[Anchor::Mixed],
    runs: 0,
    needs_label: false,
    examine,
};

/// Each place of the grammar: first digit, letter, letter or digit, digit, ...
const PLACES: &[u8; 11] = b"1AXNAXNAANN";

/// Grows from the token whose first digit and letter meet.
fn examine(view: &View<'_>) -> Option<Match> {
    let (start, token_end) = view.token(view.at);
    let is_dashed = token_end - start == 4 && view.byte(token_end) == b'-';
    let end = start + if is_dashed { 13 } else { 11 };
    if !view.opens(start) || !view.closes(end) {
        return None;
    }
    let has_lower = follows_grammar(view.part(start, end), is_dashed)?;
    let is_labelled = view.label(start, 32, 2).is_some_and(|l| l.family == Family::HealthPlan);
    let confidence = match (is_labelled, is_dashed, has_lower) {
        (true, _, _) => Confidence::High,
        (false, _, _) if view.is_soup(start, end) || view.is_jumble(start, end) => return None,
        (false, true, false) => Confidence::High,
        (false, false, false) => Confidence::Medium,
        (false, _, true) => return None,
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
