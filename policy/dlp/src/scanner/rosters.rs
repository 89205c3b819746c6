//! The rosters of the catalogue at work in one leaf. Costs nothing where there are none.
//! Invariant: a match is given out once all that stands behind it within a detector's look-ahead
//! has come, whatever the chunks.

use std::sync::Arc;

use crate::catalog::Catalog;
use crate::exact::{ExactMatch, ExactMatcher};

/// Compares a leaf's text with each roster.
#[derive(Debug, Default)]
pub(super) struct Rosters {
    matchers: Vec<ExactMatcher>,
    waiting: Vec<ExactMatch>,
}

impl Rosters {
    /// Takes the next bytes of the leaf.
    pub(super) fn feed(&mut self, catalog: &Catalog, bytes: &[u8]) {
        if catalog.exact().is_empty() {
            return;
        }
        if self.matchers.is_empty() {
            let sets = catalog.exact().iter();
            self.matchers = sets.map(|set| ExactMatcher::new(Arc::clone(set))).collect();
        }
        for matcher in &mut self.matchers {
            matcher.feed(bytes);
            self.waiting.append(&mut matcher.take_found());
        }
    }

    /// Says that there are no more.
    pub(super) fn finish(&mut self) {
        for matcher in &mut self.matchers {
            matcher.finish();
            self.waiting.append(&mut matcher.take_found());
        }
    }

    /// The matches that end before `upto`.
    pub(super) fn take(&mut self, upto: u64) -> Vec<ExactMatch> {
        if self.waiting.is_empty() {
            return Vec::new();
        }
        self.waiting.extract_if(.., |found| found.span.end <= upto).collect()
    }

    /// The offset at which, or behind which, every later match starts.
    pub(super) fn settled(&self) -> u64 {
        let matchers = self.matchers.iter().map(ExactMatcher::settled);
        let waiting = self.waiting.iter().map(|found| found.span.start);
        matchers.chain(waiting).min().unwrap_or(u64::MAX)
    }
}
