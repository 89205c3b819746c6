//! Findings on their way into the evidence: those of the detectors and those of a structured form
//! may overlap, and the better one stays. Invariant: what stays depends on where the findings
//! stand, never on when they were told.

use crate::finding::{Confidence, Finding};
use crate::locus::Written;
use crate::scanner::Scan;

/// Findings that overlap one another in a chain, which are settled together: a chain may have no end.
const CLUSTER_MAX: usize = 256;

/// Findings that a later one might still overlap.
#[derive(Debug, Default)]
pub(crate) struct Settling {
    waiting: Vec<Finding>,
    /// Room for those that go on waiting.
    spare: Vec<Finding>,
}

impl Settling {
    pub(crate) fn add(&mut self, finding: Finding) {
        self.waiting.push(finding);
    }

    /// Where the first of them starts.
    pub(crate) fn start(&self) -> u64 {
        self.waiting.iter().map(|finding| finding.span.start).min().unwrap_or(u64::MAX)
    }

    /// Passes on what lies before `frontier`, at which or behind which every later finding starts.
    pub(crate) fn settle(&mut self, scan: &mut Scan, frontier: u64) {
        if self.waiting.is_empty() || self.start() >= frontier {
            return;
        }
        let place = |finding: &Finding| (finding.span.start, finding.span.end);
        // What forms tell mostly comes in its order.
        if !self.waiting.is_sorted_by(|a, b| a.span.start < b.span.start) {
            self.waiting.sort_by(|a, b| place(a).cmp(&place(b)).then(a.detector.cmp(&b.detector)));
        }
        let mut waiting = self.waiting.drain(..);
        while let Some(len) = settled(waiting.as_slice(), frontier) {
            if len == 1 {
                waiting.next().into_iter().for_each(|finding| scan.add(finding));
            } else {
                let cluster = waiting.by_ref().take(len).collect();
                best(cluster).into_iter().for_each(|finding| scan.add(finding));
            }
        }
        self.spare.extend(waiting);
        std::mem::swap(&mut self.waiting, &mut self.spare);
    }
}

/// How many of the first findings overlap one another, where no later one will overlap these. What
/// stands behind others that still wait waits too.
fn settled(waiting: &[Finding], frontier: u64) -> Option<usize> {
    let (first, others) = waiting.split_first()?;
    let (mut end, mut last) = (first.span.end, first.span.start);
    let mut len = 1;
    for next in others.iter().take(CLUSTER_MAX - 1) {
        if next.span.start >= end {
            break;
        }
        (end, last) = (end.max(next.span.end), next.span.start);
        len += 1;
    }
    (end <= frontier || len == CLUSTER_MAX && last < frontier).then_some(len)
}

/// Of findings that overlap, the surest; of equals the one at a known place, then the longer, then
/// the first. What it leaves untouched of the others stays too.
fn best(mut cluster: Vec<Finding>) -> Vec<Finding> {
    if cluster.len() == 1 {
        return cluster;
    }
    // What blocks by default is never hidden by what does not.
    let is_patient_s =
        |f: &Finding| f.identifier.is_safe_harbor() && f.confidence >= Confidence::Medium;
    // In broken JSON a place says little: `{"mrn": 183roe@x.org`.
    let is_placed = |f: &Finding| f.locus.is_some() && f.mask != Written::ZERO;
    let rank = |f: &Finding| {
        let len = f.span.end - f.span.start;
        (is_patient_s(f), f.confidence, is_placed(f), len, f.locus.is_some())
    };
    cluster.sort_by_key(|finding| std::cmp::Reverse(rank(finding)));
    let mut kept: Vec<Finding> = Vec::new();
    for finding in cluster {
        let is_free = |known: &Finding| {
            known.span.end <= finding.span.start || finding.span.end <= known.span.start
        };
        if kept.iter().all(is_free) {
            kept.push(finding);
        }
    }
    kept.sort_by_key(|finding| finding.span.start);
    kept
}
