//! What reading found out, in the form in which the record keeps it: counts and classes, never a
//! byte of what was read.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use policy::{Enforcement, Inspect, Verdict};
use spiffe::SpiffeId;

use super::Ledger;
use crate::audit::{CoverageRecord, FindingCount, MessageCount, Record};
use crate::error::Kind;

/// Members are named for this many kinds of finding (identifier, detector, confidence, member);
/// beyond it counts are kept by kind alone.
const FINDINGS_IN_RECORD_MAX: usize = 32;

/// Kinds of messages that are counted apart; beyond it they are counted by their framework.
const MESSAGES_IN_RECORD_MAX: usize = 16;

/// Identifier, confidence, detector and member: what findings are counted by.
type Counted = (String, &'static str, Arc<str>, Option<String>);

/// What is known so far about one body and its head.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// How the body was released.
    pub inspect: Option<Inspect>,
    /// Whether anything was read at all; false under an exemption.
    pub inspected: bool,
    /// The strictest verdict so far.
    pub verdict: Option<Verdict>,
    /// The content verdict that cut a body while it was being released.
    pub cut: bool,
    /// Why a streamed body did not end, if it was no verdict.
    pub failure: Option<Kind>,
    /// What was found in the target, headers and trailers: counts in each judgement that follows.
    pub before: dlp::Tally,
    /// The node of a federated-learning framework that sends the body.
    pub node: Option<u64>,
    /// Who answers for what is let through, and where that is added up.
    pub answers: Option<(Ledger, SpiffeId)>,
    /// Whether the host's name spells something, so that a record must not show it.
    pub is_name_telling: bool,
    messages: BTreeMap<(String, Option<String>), u64>,
    findings: BTreeMap<Counted, u64>,
    coverage: dlp::Coverage,
    incomplete: Vec<String>,
}

/// A [`Reading`] that the pump writes and the exchange's end reads.
#[derive(Clone, Debug, Default)]
pub struct ReadingCell {
    reading: Arc<Mutex<Reading>>,
    /// Whether this hand reads what comes back to whoever asked.
    pub(super) is_answer: bool,
}

impl Reading {
    /// Adds the evidence of one scan: a header, a target, or the whole body.
    pub fn add(&mut self, evidence: &dlp::Evidence) {
        let mut kept: BTreeMap<_, u64> = BTreeMap::new();
        for finding in &evidence.findings {
            let member = finding.member.as_ref().map(ToString::to_string);
            let key = (finding.identifier, finding.confidence, Arc::clone(&finding.detector));
            *kept.entry((key, member)).or_default() += 1;
        }
        // The tally counts on where the kept findings end; the rest has no member to name.
        for (identifier, confidence, detector, total) in evidence.tally.iter() {
            let key = (identifier, confidence, Arc::clone(detector));
            let named: u64 =
                kept.iter().filter(|((kept, _), _)| *kept == key).map(|(_, count)| count).sum();
            if total > named {
                *kept.entry((key, None)).or_default() += total - named;
            }
        }
        for (((identifier, confidence, detector), member), count) in kept {
            let key = (identifier.name().to_owned(), confidence.name(), detector, member);
            let has_room = self.findings.len() < FINDINGS_IN_RECORD_MAX;
            let key = if has_room || self.findings.contains_key(&key) {
                key
            } else {
                // Without its member a kind of finding is one of the few that the catalogue knows.
                (key.0, key.1, key.2, None)
            };
            *self.findings.entry(key).or_default() += count;
        }
        self.coverage.read += evidence.coverage.read;
        self.coverage.numeric += evidence.coverage.numeric;
        self.coverage.unidentified += evidence.coverage.unidentified;
        self.coverage.skipped += evidence.coverage.skipped;
        for incomplete in &evidence.incomplete {
            let reason = incomplete.reason.name();
            let text = match &incomplete.member {
                Some(member) => format!("{reason} in {member}"),
                None => reason.to_owned(),
            };
            if !self.incomplete.contains(&text) {
                self.incomplete.push(text);
            }
        }
    }

    /// Counts a message of a federated-learning framework by what it says it is.
    pub fn count_message(&mut self, framework: &str, name: String, node: Option<String>) {
        let key = (name, node);
        let has_room = self.messages.len() < MESSAGES_IN_RECORD_MAX;
        let key = if has_room || self.messages.contains_key(&key) {
            key
        } else {
            (framework.to_owned(), None)
        };
        *self.messages.entry(key).or_default() += 1;
    }

    /// Keeps `verdict` if it is stricter than what stands.
    pub fn rule(&mut self, verdict: &Verdict) {
        let is_stricter = self.verdict.as_ref().is_none_or(|standing| {
            (verdict.stops(), verdict.action) > (standing.stops(), standing.action)
        });
        if is_stricter {
            self.verdict = Some(verdict.clone());
        }
    }

    /// Identifier, confidence and count of what was found, for metrics.
    pub fn counts(&self) -> impl Iterator<Item = (&str, &'static str, u64)> {
        self.findings
            .iter()
            .map(|((identifier, confidence, ..), count)| (identifier.as_str(), *confidence, *count))
    }

    /// The coverage ledger so far.
    pub fn coverage(&self) -> dlp::Coverage {
        self.coverage
    }

    /// Writes what is known into the record.
    pub fn write_to(&self, record: &mut Record) {
        record.inspected = self.inspected;
        record.node = self.node;
        let messages = self.messages.iter().map(|((name, node), count)| MessageCount {
            name: name.clone(),
            node: node.clone(),
            count: *count,
        });
        record.messages = messages.collect();
        record.inspect = self.inspect.map(|inspect| match inspect {
            Inspect::Hold => "hold".to_owned(),
            Inspect::Stream => "stream".to_owned(),
        });
        record.findings = self
            .findings
            .iter()
            .map(|((identifier, confidence, detector, member), count)| FindingCount {
                identifier: identifier.clone(),
                confidence: (*confidence).to_owned(),
                detector: detector.as_ref().to_owned(),
                count: *count,
                member: member.clone(),
            })
            .collect();
        record.coverage = self.inspected.then_some(CoverageRecord {
            read: self.coverage.read,
            numeric: self.coverage.numeric,
            unidentified: self.coverage.unidentified,
            skipped: self.coverage.skipped,
        });
        record.incomplete.clone_from(&self.incomplete);
    }

    /// Writes the content verdict, if there is one, into the record.
    pub fn write_verdict_to(&self, record: &mut Record) {
        if let Some(verdict) = &self.verdict {
            write_verdict(verdict, record);
        }
    }
}

/// Writes a verdict into the record, beside the rule that let the exchange in.
pub fn write_verdict(verdict: &Verdict, record: &mut Record) {
    record.action = Some(verdict.action.name().to_owned());
    record.enforcement = Some(
        match verdict.enforcement {
            Enforcement::Enforce => "enforce",
            Enforcement::Monitor => "monitor",
        }
        .to_owned(),
    );
    record.reason = Some(verdict.reason.code.to_owned());
    record.reason_text = Some(verdict.reason.text.clone());
}

impl ReadingCell {
    /// A hand on the same reading for what comes the other way.
    pub(super) fn other_way(&self) -> Self {
        Self { reading: Arc::clone(&self.reading), is_answer: !self.is_answer }
    }

    /// Reads or changes the reading.
    pub fn with<T>(&self, change: impl FnOnce(&mut Reading) -> T) -> T {
        // A poisoned lock means that a writer panicked between two whole updates of counts.
        change(&mut self.reading.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
