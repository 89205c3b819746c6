//! Text against one roster. Words become candidates, candidates pass the filters, and what is found
//! in two columns of one row close together is told. Invariant: memory is bounded, and what is
//! told depends on the bytes, never on the chunks.

mod candidates;

use std::collections::VecDeque;
use std::sync::Arc;

use super::set::ExactSet;
use super::words::{Word, Words};
use super::{COMMON_ROWS, DISTANCE_MAX, NAMES_DISTANCE_MAX};
use crate::finding::{Identifier, Span};
use candidates::{Candidate, Recent};

/// Values under watch at a time; in a denser text the oldest are forgotten.
const HITS_MAX: usize = 128;
/// Bytes that the words of one candidate span at most.
const CANDIDATE_MAX: u64 = 640;
/// Outcomes remembered: a text says the same words again and again.
const MEMORY: usize = 1024;

/// A value of a roster's row that stands near another of the same row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExactMatch {
    pub(crate) span: Span,
    pub(crate) identifier: Identifier,
    /// The column's name.
    pub(crate) column: Arc<str>,
}

/// A value of the text that stands in the roster.
#[derive(Clone, Debug)]
struct Hit {
    span: Span,
    /// The column's place.
    column: usize,
    fingerprint: u64,
    /// The rows that have it; none where it is common.
    rows: Vec<u64>,
    is_told: bool,
}

/// Compares a stream of text with one roster.
pub(crate) struct ExactMatcher {
    set: Arc<ExactSet>,
    words: Words,
    recent: Recent,
    hits: VecDeque<Hit>,
    /// What became of candidates lately: place in the filter, fingerprint or none.
    memory: Vec<(u64, Option<u64>)>,
    found: Vec<ExactMatch>,
}

impl std::fmt::Debug for ExactMatcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExactMatcher").field("set", &self.set).finish_non_exhaustive()
    }
}

impl ExactMatcher {
    pub(crate) fn new(set: Arc<ExactSet>) -> ExactMatcher {
        ExactMatcher {
            recent: Recent::new(&set),
            set,
            words: Words::default(),
            hits: VecDeque::new(),
            memory: Vec::new(),
            found: Vec::new(),
        }
    }

    /// Takes the next bytes of the text.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        let mut words = std::mem::take(&mut self.words);
        let set = Arc::clone(&self.set);
        words.feed(bytes, &mut |word| self.take(&set, word));
        self.words = words;
        if self.words.is_apart() {
            self.end_run();
        }
    }

    /// Says that there are no more.
    pub(crate) fn finish(&mut self) {
        let mut words = std::mem::take(&mut self.words);
        let set = Arc::clone(&self.set);
        words.finish(&mut |word| self.take(&set, word));
        self.words = words;
        self.end_run();
    }

    /// What has been found since the last call.
    pub(crate) fn take_found(&mut self) -> Vec<ExactMatch> {
        std::mem::take(&mut self.found)
    }

    /// The offset at which, or behind which, everything that is found later starts.
    pub(crate) fn settled(&self) -> u64 {
        self.words.offset().saturating_sub(DISTANCE_MAX + 2 * CANDIDATE_MAX)
    }

    fn take(&mut self, set: &ExactSet, word: &Word) {
        let mut recent = std::mem::take(&mut self.recent);
        recent.take(set, word, &mut |candidate| self.examine(candidate));
        self.recent = recent;
    }

    fn end_run(&mut self) {
        let set = Arc::clone(&self.set);
        let mut recent = std::mem::take(&mut self.recent);
        recent.finish(&set, &mut |candidate| self.examine(candidate));
        self.recent = recent;
    }

    fn examine(&mut self, candidate: &Candidate<'_>) {
        let slot = usize::try_from(candidate.place % MEMORY as u64).unwrap_or(0);
        let known = self.memory.get(slot).filter(|(place, _)| *place == candidate.place);
        let fingerprint = match known {
            Some((_, None)) => return,
            Some((_, Some(fingerprint))) => *fingerprint,
            None => self.set.fingerprint(candidate.form, &candidate.canonical()),
        };
        let set = Arc::clone(&self.set);
        let mut is_found = false;
        for (column, about) in set.columns.iter().enumerate() {
            if about.form != candidate.form {
                continue;
            }
            let entries = set.find(about, fingerprint);
            if entries.is_empty() {
                continue;
            }
            is_found = true;
            let is_common = entries.len() > COMMON_ROWS;
            let rows = if is_common { Vec::new() } else { set.rows(about, entries).collect() };
            let span = candidate.span;
            self.add(Hit { span, column, fingerprint, rows, is_told: false });
        }
        if self.memory.is_empty() {
            self.memory = vec![(0, None); MEMORY];
        }
        if let Some(slot) = self.memory.get_mut(slot) {
            *slot = (candidate.place, is_found.then_some(fingerprint));
        }
    }

    /// Joins a value with those before it.
    fn add(&mut self, mut hit: Hit) {
        let horizon = hit.span.start.saturating_sub(DISTANCE_MAX + CANDIDATE_MAX);
        while self.hits.len() >= HITS_MAX
            || self.hits.front().is_some_and(|oldest| oldest.span.end < horizon)
        {
            self.hits.pop_front();
        }
        let mut hits = std::mem::take(&mut self.hits);
        for known in &mut hits {
            if (known.is_told && hit.is_told) || !self.is_row(known, &hit) {
                continue;
            }
            self.tell(known);
            self.tell(&mut hit);
        }
        self.hits = hits;
        self.hits.push_back(hit);
    }

    fn tell(&mut self, hit: &mut Hit) {
        if std::mem::replace(&mut hit.is_told, true) {
            return;
        }
        let Some(column) = self.set.columns.get(hit.column) else { return };
        self.found.push(ExactMatch {
            span: hit.span,
            identifier: column.kind.identifier(),
            column: Arc::clone(&column.name),
        });
    }

    /// Whether two values are of one row, in different columns, and close enough.
    fn is_row(&self, one: &Hit, other: &Hit) -> bool {
        let gap =
            one.span.start.max(other.span.start).checked_sub(one.span.end.min(other.span.end));
        let Some(gap) = gap.filter(|gap| one.column != other.column && *gap <= DISTANCE_MAX) else {
            return false;
        };
        let columns = &self.set.columns;
        let (Some(a), Some(b)) = (columns.get(one.column), columns.get(other.column)) else {
            return false;
        };
        let are_names = [a, b].iter().all(|column| column.kind.identifier() == Identifier::Name);
        if are_names && gap > NAMES_DISTANCE_MAX {
            return false;
        }
        let (rows, column, fingerprint) = match (one.rows.len(), other.rows.len()) {
            (0, 0) => return false,
            (len, other_len) if len > 0 && (other_len == 0 || len <= other_len) => {
                (&one.rows, b, other.fingerprint)
            }
            _ => (&other.rows, a, one.fingerprint),
        };
        rows.iter().any(|row| self.set.has(column, fingerprint, *row))
    }
}
