//! Social Security numbers. Rule: area not 000, 666 or 9xx, group not 00, serial not 0000
//! (SSA POMS RM 10201.035). Values that SSA or advertisers printed are told as low, not dropped.

use super::{Detector, Match, View};
use crate::finding::{Confidence, Identifier};
use crate::gate::Anchor;
use crate::label::Family;

pub(crate) const SSN: Detector = Detector {
    name: "ssn",
    identifiers: &[Identifier::Ssn],
    anchors: &[Anchor::Digits, Anchor::Mixed],
    runs: 1 << 3 | 1 << 9,
    needs_label: false,
    examine,
};

/// Bytes within which a label must stand before bare digits.
const LABEL_NEAR: usize = 48;

fn examine(view: &View<'_>) -> Option<Match> {
    if view.run == 9 { bare(view) } else { separated(view) }
}

/// `123-45-6789` and `123 45 6789`.
fn separated(view: &View<'_>) -> Option<Match> {
    let start = view.at;
    let end = start + 11;
    let separator = view.byte(start + 3);
    let is_shape = matches!(separator, b'-' | b' ' | b'.')
        && view.digits(start + 4) == 2
        && view.byte(start + 6) == separator
        && view.digits(start + 7) == 4;
    if !is_shape {
        return None;
    }
    let is_labelled = view.label(start, LABEL_NEAR, 6).is_some_and(|l| l.family == Family::Ssn);
    if !stands_free(view, start, end, is_labelled) {
        return None;
    }
    let number = view.number(start, start + 3)? * 1_000_000
        + view.number(start + 4, start + 6)? * 10_000
        + view.number(start + 7, end)?;
    let confidence = match separator {
        _ if is_labelled => Confidence::High,
        _ if view.is_other_number(start) => Confidence::Low,
        b'-' if view.is_soup(start, end) => return None,
        b'-' => Confidence::High,
        b'.' => return None,
        // Three columns of numbers look the same.
        _ if view.is_in_row(start, end) || view.is_numeric_table(start, end) => return None,
        _ => Confidence::Medium,
    };
    judged(number, confidence, start, end)
}

/// Whether the value is no part of a longer one. A label may be joined to it, as in file names.
fn stands_free(view: &View<'_>, start: usize, end: usize, is_labelled: bool) -> bool {
    let opens = view.opens(start) || is_labelled && view.opens_joined(start);
    let closes = view.closes(end) || is_labelled && view.closes_joined(end);
    opens && closes
}

/// Nine digits behind a label.
fn bare(view: &View<'_>) -> Option<Match> {
    let (start, end) = (view.at, view.at + 9);
    let label = view.label(start, LABEL_NEAR, 6).filter(|l| l.family == Family::Ssn)?;
    if !stands_free(view, start, end, true) {
        return None;
    }
    let confidence = if label.gap.words <= 2 { Confidence::High } else { Confidence::Medium };
    judged(view.number(start, end)?, confidence, start, end)
}

fn judged(number: u64, confidence: Confidence, start: usize, end: usize) -> Option<Match> {
    let (area, group, serial) = (number / 1_000_000, number / 10_000 % 100, number % 10_000);
    let confidence = if is_printed_value(number) {
        Confidence::Low
    } else if area == 0 || area == 666 || area >= 900 || group == 0 || serial == 0 {
        return None;
    } else {
        confidence
    };
    Some(Match { identifier: Identifier::Ssn, confidence, start, end })
}

/// Numbers known from wallets and pamphlets, and the range kept for advertisements (987-65-4320 to
/// 4329).
fn is_printed_value(number: u64) -> bool {
    matches!(number, 78_051_120 | 219_099_999 | 987_654_320..=987_654_329)
}
