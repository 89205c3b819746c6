//! Medical record numbers. They have no shape and no public check digit, so only a label that
//! stands directly before makes one.

use super::{Detector, Match, RUN_MAX, View, runs};
use crate::finding::{Confidence, Identifier};
use crate::gate::Anchor;
use crate::label::Family;

pub(crate) const MRN: Detector = Detector {
    name: "mrn",
    identifiers: &[Identifier::Mrn],
    anchors: &[Anchor::Digits, Anchor::Mixed],
    runs: runs(3, 14),
    needs_label: true,
    examine,
};

/// Letters and digits of a record number.
const LEN: std::ops::RangeInclusive<usize> = 5..=14;
/// Fewest digits of a record number.
const DIGITS_MIN: usize = 4;
/// Most letters of a record number.
const LETTERS_MAX: usize = 4;

fn examine(view: &View<'_>) -> Option<Match> {
    let start = token_start(view)?;
    // Cheap way out of tables of numbers: what stands before the punctuation must be a word.
    if !follows_word(view, start) {
        return None;
    }
    let end = token_end(view, start);
    if end - start < *LEN.start() || !is_number(view.part(start, end)) {
        return None;
    }
    let opens = view.opens(start) || view.opens_joined(start);
    let closes = view.closes(end) && view.byte(end) != b'/' || view.closes_joined(end);
    if !opens || !closes {
        return None;
    }
    let label = view.label(start, 28, 0)?;
    let confidence = if label.family == Family::Mrn {
        Confidence::High
    } else if label.family == Family::PatientId {
        Confidence::Medium
    } else {
        return None;
    };
    Some(Match { identifier: Identifier::Mrn, confidence, start, end })
}

fn is_number(token: &[u8]) -> bool {
    let digits = token.iter().filter(|b| b.is_ascii_digit()).count();
    let letters = token.iter().filter(|b| b.is_ascii_alphabetic()).count();
    LEN.contains(&(digits + letters))
        && digits >= DIGITS_MIN
        && letters <= LETTERS_MAX
        && token.iter().any(|b| matches!(b, b'1'..=b'9'))
        && !token.starts_with(b"0x")
}

/// Where the token around the anchor begins: at most a prefix of letters and single digits before
/// it.
fn token_start(view: &View<'_>) -> Option<usize> {
    let mut start = view.at;
    while view.before(start, 1).is_ascii_alphanumeric() {
        start -= 1;
        if view.at - start > LETTERS_MAX + 1 {
            return None;
        }
    }
    if view.before(start, 1) == b'-' && view.before(start, 2).is_ascii_alphabetic() {
        let letters = (2..=LETTERS_MAX + 1)
            .take_while(|&back| view.before(start, back).is_ascii_alphabetic())
            .count();
        // `MR-123456` has a prefix, `mrn-123456` a label.
        if letters <= 2 {
            start -= letters + 1;
        }
    }
    Some(start)
}

/// Where it ends: letters and digits, with single dashes between digits.
fn token_end(view: &View<'_>, start: usize) -> usize {
    let mut end = start;
    while end - start < RUN_MAX {
        let (here, next) = (view.byte(end), view.byte(end + 1));
        let joins = here == b'-' && end > start && next.is_ascii_digit();
        if !here.is_ascii_alphanumeric() && !joins {
            break;
        }
        end += 1;
    }
    end
}

fn follows_word(view: &View<'_>, start: usize) -> bool {
    const PUNCTUATION_MAX: usize = 16;
    (1..=PUNCTUATION_MAX)
        .map(|back| view.before(start, back))
        .find(|b| b.is_ascii_alphanumeric() || *b == 0)
        .is_some_and(|b| b.is_ascii_alphabetic())
}
