//! What a scan has gathered so far: findings, their tally, the ledger of bytes, and why something
//! was not read. Invariant: it only grows; its lists are bounded, while the tally goes on counting.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::coverage::Coverage;
use crate::finding::{Confidence, Finding, Identifier};
use crate::payload::Payload;

/// Most entries kept in [`Evidence::incomplete`]; the reasons beyond it are already told by the
/// first ones.
pub(crate) const INCOMPLETE_MAX: usize = 64;

/// What a scan found, how much of the input it read, and why something was not read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// Findings in the order of their discovery, at most [`crate::Limits::findings_max`].
    pub findings: Vec<Finding>,
    /// All findings counted, also those that were not kept.
    pub tally: Tally,
    /// The ledger of bytes.
    pub coverage: Coverage,
    /// Why something was not read, each reason and place once, at most 64.
    pub incomplete: Vec<Incomplete>,
    /// Findings of medium confidence or more counted but not kept: a redaction from `findings` would
    /// leave these.
    pub dropped_findings: u64,
    /// As [`Evidence::dropped_findings`], of low confidence.
    pub dropped_low: u64,
    /// What the body is made of, where that was asked for: [`crate::Scanner::measuring`].
    pub payload: Option<Box<Payload>>,
}

impl Evidence {
    /// The verdict on readability first: what was not read is never called clean.
    pub fn status(&self) -> Status {
        let unread = self.coverage.unidentified + self.coverage.skipped;
        if self.tally.total() > 0 {
            Status::Findings
        } else if self.incomplete.is_empty() && unread == 0 {
            Status::Clean
        } else {
            Status::Incomplete
        }
    }

    /// Forgets findings of a class, for text that is of that class by its grammar.
    pub fn leave_out(&mut self, identifier: Identifier) {
        self.findings.retain(|finding| finding.identifier != identifier);
        self.tally.counts.retain(|((counted, ..), _)| *counted != identifier);
    }

    pub(crate) fn add_finding(&mut self, finding: Finding, findings_max: usize) {
        self.tally.add(&finding);
        // Half of the room is for what is sure enough to be acted on by default.
        let is_low = finding.confidence == Confidence::Low;
        if self.findings.len() < if is_low { findings_max / 2 } else { findings_max } {
            self.findings.push(finding);
        } else if is_low {
            self.dropped_low += 1;
        } else {
            self.dropped_findings += 1;
        }
    }

    pub(crate) fn add_incomplete(&mut self, reason: IncompleteReason, member: Option<&Arc<str>>) {
        let known =
            self.incomplete.iter().any(|i| i.reason == reason && i.member.as_ref() == member);
        if !known && self.incomplete.len() < INCOMPLETE_MAX {
            self.incomplete.push(Incomplete { reason, member: member.cloned() });
        }
    }
}

/// The short answer to a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Everything was read and nothing was found.
    Clean,
    /// At least one finding of any confidence; something may be unread besides.
    Findings,
    /// Nothing was found, but something could not be read or identified.
    Incomplete,
}

impl Status {
    /// The stable name that reports use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Findings => "findings",
            Self::Incomplete => "incomplete",
        }
    }
}

/// Counts by identifier, confidence and detector. Bounded by the catalogue and the forms: no key
/// comes from the input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Sorted.
    counts: Vec<(Kind, u64)>,
}

/// What is counted together.
type Kind = (Identifier, Confidence, Arc<str>);

impl Tally {
    /// The counts of these findings.
    pub fn of(findings: &[Finding]) -> Tally {
        let mut tally = Tally::default();
        findings.iter().for_each(|finding| tally.add(finding));
        tally
    }

    /// How many findings of `identifier` are at least as sure as `min`.
    pub fn count(&self, identifier: Identifier, min: Confidence) -> u64 {
        self.iter().filter(|&(i, c, _, _)| i == identifier && c >= min).map(|(.., n)| n).sum()
    }

    /// Every count as `(identifier, confidence, detector, count)`, sorted.
    pub fn iter(&self) -> impl Iterator<Item = (Identifier, Confidence, &Arc<str>, u64)> + '_ {
        self.counts.iter().map(|((identifier, confidence, detector), count)| {
            (*identifier, *confidence, detector, *count)
        })
    }

    /// All findings.
    pub fn total(&self) -> u64 {
        self.counts.iter().map(|(_, count)| count).sum()
    }

    /// Adds the counts of another scan.
    pub fn extend(&mut self, other: &Tally) {
        for ((identifier, confidence, detector), count) in &other.counts {
            let kind = (*identifier, *confidence, detector);
            self.change(kind, |known| known.saturating_add(*count));
        }
    }

    /// Raises each count to that of another reading of the same bytes, where that found more.
    pub fn raise(&mut self, other: &Tally) {
        for ((identifier, confidence, detector), count) in &other.counts {
            self.change((*identifier, *confidence, detector), |known| known.max(*count));
        }
    }

    fn add(&mut self, finding: &Finding) {
        let Finding { identifier, confidence, detector, .. } = finding;
        // Mostly of a kind that was counted before, by the very same name.
        let known = self
            .counts
            .iter_mut()
            .find(|((i, c, d), _)| i == identifier && c == confidence && Arc::ptr_eq(d, detector));
        if let Some((_, count)) = known {
            *count += 1;
            return;
        }
        self.change((*identifier, *confidence, detector), |count| count + 1);
    }

    /// Changes the count of a kind, which is 0 where it is new.
    fn change(
        &mut self,
        (identifier, confidence, detector): (Identifier, Confidence, &Arc<str>),
        change: impl FnOnce(u64) -> u64,
    ) {
        let place = self.counts.binary_search_by(|((i, c, d), _)| {
            (*i, *c).cmp(&(identifier, confidence)).then_with(|| {
                // Mostly the very same name.
                if Arc::ptr_eq(d, detector) { Ordering::Equal } else { d.cmp(detector) }
            })
        });
        match place {
            Ok(at) => {
                if let Some((_, count)) = self.counts.get_mut(at) {
                    *count = change(*count);
                }
            }
            Err(at) => {
                let kind = (identifier, confidence, Arc::clone(detector));
                self.counts.insert(at, (kind, change(0)));
            }
        }
    }
}

/// One thing that was not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incomplete {
    /// Why.
    pub reason: IncompleteReason,
    /// Where: the way in, as in [`Finding::member`]; absent for the input itself.
    pub member: Option<Arc<str>>,
}

/// Why something was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum IncompleteReason {
    /// A checksum, size or structure does not agree: another reader could see other bytes.
    Damaged,
    /// [`crate::Limits::decoded_bytes_max`] was reached.
    DecodedBytesMax,
    /// [`crate::Limits::depth_max`] was reached.
    DepthMax,
    /// The content is encrypted.
    Encrypted,
    /// [`crate::Limits::entries_max`] was reached.
    EntriesMax,
    /// A part of a structure is larger than the scanner keeps.
    HeaderMax,
    /// [`crate::Limits::ratio_max`] was reached.
    RatioMax,
    /// The content ends before its structure does.
    Truncated,
    /// The encoding or compression method is not known here.
    UnknownEncoding,
    /// [`crate::Limits::window_max`] was reached.
    WindowMax,
}

impl IncompleteReason {
    /// The stable kebab-case name that records and reports use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Damaged => "damaged",
            Self::DecodedBytesMax => "decoded-bytes-max",
            Self::DepthMax => "depth-max",
            Self::Encrypted => "encrypted",
            Self::EntriesMax => "entries-max",
            Self::HeaderMax => "header-max",
            Self::RatioMax => "ratio-max",
            Self::Truncated => "truncated",
            Self::UnknownEncoding => "unknown-encoding",
            Self::WindowMax => "window-max",
        }
    }
}

impl fmt::Display for IncompleteReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
