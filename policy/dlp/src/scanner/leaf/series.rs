//! Numbers that one label announces together: `SSNs: 536904399, 536904400 and 536904401`. A label reaches
//! to the first only; those behind it are told by their likeness to it. Invariant: only what stands
//! directly behind a number that was found, and is written alike, is one of its series.

use std::sync::Arc;

use super::{Leaf, is_json_number};
use crate::detector::{Match, View};
use crate::finding::{Confidence, Identifier};
use crate::gate::Anchor;

/// Bytes between two numbers of a series.
const GAP_MAX: usize = 8;

/// The number that was found last.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) detector: Arc<str>,
    identifier: Identifier,
    confidence: Confidence,
    len: usize,
    /// Offset in the leaf behind it.
    end: u64,
}

impl Series {
    /// A series that may begin with what was found, which ends before `end`.
    pub(super) fn of(detector: &Arc<str>, found: &Match, end: u64) -> Option<Series> {
        let is_number = matches!(
            found.identifier,
            Identifier::Account
                | Identifier::Device
                | Identifier::HealthPlan
                | Identifier::License
                | Identifier::Mrn
                | Identifier::OtherId
                | Identifier::Provider
                | Identifier::Ssn
        );
        let (identifier, confidence) = (found.identifier, found.confidence);
        let len = found.end - found.start;
        let series = Series { detector: Arc::clone(detector), identifier, confidence, len, end };
        (is_number && confidence >= Confidence::Medium).then_some(series)
    }

    /// Whether the next number could stand at `offset`.
    pub(super) fn is_near(&self, offset: u64) -> bool {
        let (from, to) = self.reach();
        (from..to).contains(&offset)
    }

    /// The offsets at which the next number could stand, from the first up to the second.
    pub(super) fn reach(&self) -> (u64, u64) {
        (self.end, self.end + (GAP_MAX + self.len) as u64 + 1)
    }

    /// The next number, where it is the token at the anchor of the view, which begins at `start` of the
    /// leaf.
    pub(super) fn next(&self, view: &View<'_>, start: u64) -> Option<Match> {
        let last = usize::try_from(self.end.checked_sub(start)?).ok()?;
        let is_run = view.anchor == Anchor::Digits;
        let from = if is_run { view.at } else { view.token(view.at).0 };
        let text = view.part(from, from + self.len);
        let gap = view.bytes.get(last..from)?;
        let before = view.part(last.checked_sub(self.len)?, last);
        let is_free = !view.byte(from + self.len).is_ascii_alphanumeric();
        let is_next =
            joins(gap) && is_free && view.closes(from + self.len) && is_alike(before, text);
        is_next.then_some(Match {
            identifier: self.identifier,
            confidence: self.confidence,
            start: from,
            end: from + self.len,
        })
    }
}

impl Leaf {
    /// Takes what a detector has found in the view that begins at `start` of the window.
    pub(super) fn found(
        &mut self,
        window: &[u8],
        detector: &Arc<str>,
        found: &Match,
        (start, view): (usize, &View<'_>),
    ) {
        // Within a web address other identifiers may stand, and surer ones.
        if found.identifier != Identifier::Url {
            self.judged = self.judged.max(start + found.end);
        }
        let json_number = is_json_number(view, (found.start, found.end));
        self.report(window, Arc::clone(detector), found, (start, json_number));
        let end = self.base + (start + found.end) as u64;
        self.series = Series::of(detector, found, end).or(self.series.take());
    }
}

/// Whether two numbers of a series may stand around `gap`: a comma, a semicolon or a word, and blanks.
fn joins(gap: &[u8]) -> bool {
    let is_mark = |b: &u8| matches!(b, b',' | b';' | b'&');
    let word: Vec<u8> = gap.iter().filter(|b| b.is_ascii_alphabetic()).copied().collect();
    let is_word = matches!(word.as_slice(), b"and" | b"or");
    let is_part = |b: &u8| b.is_ascii_alphabetic() || b" \"'#".contains(b) || is_mark(b);
    gap.len() <= GAP_MAX
        && gap.iter().all(is_part)
        && (is_word || word.is_empty() && gap.iter().any(is_mark))
}

/// Whether two numbers are written alike: digits, letters and marks at the same places.
fn is_alike(a: &[u8], b: &[u8]) -> bool {
    let kind = |b: &u8| match b {
        b'0'..=b'9' => b'0',
        b'A'..=b'Z' | b'a'..=b'z' => b'a',
        mark => *mark,
    };
    a.len() == b.len() && !a.is_empty() && a.iter().map(kind).eq(b.iter().map(kind))
}
