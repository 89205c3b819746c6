//! What is reported of one file and of all of them. Pure. Invariant: nothing here holds a byte of
//! what was found; what was not read is never called clean.

use dlp::{Confidence, Coverage, Evidence, Finding, Status};
use policy::{Action, ContentProfile, Inspect, Place, Verdict, code};

/// One file, or standard input.
#[derive(Clone, Debug)]
pub struct Report {
    /// Its path, as it may be shown.
    pub path: String,
    pub(super) outcome: Outcome,
}

/// What came of it.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It could not be opened or read to its end, and why.
    Failed(String),
    /// It was read as far as it can be.
    Read(Box<Reading>),
}

/// What reading one file gave.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Bytes of the file.
    pub bytes_in: u64,
    /// The findings that are sure enough, as far as they were kept, in the order of their place.
    pub findings: Vec<Finding>,
    /// All findings that are sure enough.
    pub found: u64,
    /// Findings that are less sure.
    pub below: u64,
    /// Findings that were counted, but not kept.
    pub dropped: u64,
    /// The ledger of bytes.
    pub coverage: Coverage,
    /// Why something was not read, and where.
    pub reasons: Vec<String>,
    /// What it comes to at this confidence.
    pub status: Status,
    /// What a content profile says.
    pub verdict: Option<Verdict>,
}

impl Report {
    pub(super) fn failed(path: String, why: String) -> Report {
        Report { path, outcome: Outcome::Failed(why) }
    }

    pub(super) fn of(
        path: String,
        bytes_in: u64,
        evidence: &Evidence,
        confidence: Confidence,
        verdict: Option<Verdict>,
    ) -> Report {
        let is_sure = |finding: &&Finding| finding.confidence >= confidence;
        let mut findings: Vec<Finding> =
            evidence.findings.iter().filter(is_sure).cloned().collect();
        findings.sort_by(|a, b| (&a.member, a.span.start).cmp(&(&b.member, b.span.start)));
        let sure = evidence.tally.iter().filter(|(_, level, ..)| *level >= confidence);
        let found: u64 = sure.map(|(.., count)| count).sum();
        let reasons = reasons(evidence);
        let status = match (found, reasons.is_empty()) {
            (0, true) => Status::Clean,
            (0, false) => Status::Incomplete,
            (_, _) => Status::Findings,
        };
        let reading = Reading {
            bytes_in,
            findings,
            found,
            below: evidence.tally.total() - found,
            dropped: evidence.dropped_findings + evidence.dropped_low,
            coverage: evidence.coverage,
            reasons,
            status,
            verdict,
        };
        Report { path, outcome: Outcome::Read(Box::new(reading)) }
    }

    /// The findings that are reported.
    pub fn findings(&self) -> &[Finding] {
        match &self.outcome {
            Outcome::Failed(_) => &[],
            Outcome::Read(reading) => &reading.findings,
        }
    }

    /// Why it could not be read.
    pub fn why(&self) -> Option<&str> {
        match &self.outcome {
            Outcome::Failed(why) => Some(why),
            Outcome::Read(_) => None,
        }
    }
}

impl Reading {
    /// Whether it could not all be read, whatever was found besides.
    pub fn is_incomplete(&self) -> bool {
        !self.reasons.is_empty()
    }
}

/// Why something was not read: each reason with its place, then bytes that nobody knows.
fn reasons(evidence: &Evidence) -> Vec<String> {
    let mut reasons: Vec<String> = evidence
        .incomplete
        .iter()
        .map(|gap| match &gap.member {
            Some(member) => format!("{} in {member}", gap.reason),
            None => gap.reason.to_string(),
        })
        .collect();
    for (bytes, what) in
        [(evidence.coverage.unidentified, "unidentified"), (evidence.coverage.skipped, "skipped")]
    {
        if bytes > 0 {
            reasons.push(format!("{what}: {bytes} bytes"));
        }
    }
    reasons
}

/// What the proxy would do with a body of these bytes under this profile.
pub(super) fn judge(profile: &ContentProfile, bytes_in: u64, evidence: &Evidence) -> Verdict {
    let hold_max = profile.hold_max();
    if profile.inspect() == Inspect::Hold && bytes_in > hold_max {
        let text = format!("more than {hold_max} bytes would have to be held");
        let rule = format!("content/{}", profile.name());
        return Verdict::block(Some(rule.into()), code::HOLD_MAX, text);
    }
    profile.judge(Place::Body, evidence)
}

/// What all files come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Files that were read.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files of which everything was read and nothing found.
    pub clean: u64,
    /// Files with findings.
    pub found: u64,
    /// All findings.
    pub findings: u64,
    /// Files without findings of which not everything could be read.
    pub incomplete: u64,
    /// Paths that could not be read.
    pub failed: u64,
    /// Symbolic links that were passed over.
    pub links: u64,
    /// Files that a profile stops or masks for what was found.
    pub stopped: u64,
    /// Files that a profile stops for what could not be read.
    pub unread: u64,
    /// Whether a profile judged.
    pub is_judged: bool,
}

impl Totals {
    pub(super) fn add(&mut self, report: &Report) {
        let reading = match &report.outcome {
            Outcome::Failed(_) => {
                self.failed += 1;
                return;
            }
            Outcome::Read(reading) => reading,
        };
        self.files += 1;
        self.bytes += reading.bytes_in;
        self.findings += reading.found;
        match reading.status {
            Status::Clean => self.clean += 1,
            Status::Findings => self.found += 1,
            Status::Incomplete => self.incomplete += 1,
        }
        let Some(verdict) = &reading.verdict else { return };
        self.is_judged = true;
        let is_gap =
            [code::HOLD_MAX, code::UNIDENTIFIED, code::UNREADABLE].contains(&verdict.reason.code);
        if verdict.action == Action::Allow {
        } else if is_gap {
            self.unread += 1;
        } else {
            self.stopped += 1;
        }
    }

    /// The exit code: 2 if a path could not be read, else 1 if something was found, else 3 if
    /// something could not be read, else 0. Where a profile judged, "found" is a file that it would
    /// mask or stop, and "could not be read" one that it would stop for that.
    pub fn exit_code(&self) -> u8 {
        let (found, incomplete) = match self.is_judged {
            true => (self.stopped, self.unread),
            false => (self.found, self.incomplete),
        };
        match (self.failed, found, incomplete) {
            (1.., _, _) => 2,
            (0, 1.., _) => 1,
            (0, 0, 1..) => 3,
            (0, 0, 0) => 0,
        }
    }
}

#[cfg(test)]
pub(super) mod testing {
    use std::sync::Arc;

    use dlp::{Catalog, Hint, Limits, Scanner};

    use super::*;

    /// Bytes that are neither text, container nor numbers.
    pub(in crate::scan) fn noise() -> Vec<u8> {
        (0..9000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()[0]).collect()
    }

    /// The report on such a text.
    pub(in crate::scan) fn report(path: &str, bytes: &[u8], confidence: Confidence) -> Report {
        let catalog: Arc<Catalog> = Catalog::builtin();
        let mut scanner = Scanner::new(catalog, &Hint::default(), Limits::default());
        scanner.feed(bytes);
        scanner.finish();
        let len = bytes.len() as u64;
        Report::of(path.to_owned(), len, scanner.evidence(), confidence, None)
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{noise, report};
    use super::*;

    fn totals(reports: &[Report]) -> Totals {
        let mut totals = Totals::default();
        reports.iter().for_each(|report| totals.add(report));
        totals
    }

    #[test]
    fn the_exit_code_says_the_worst_that_happened() {
        let clean = report("a", b"nothing here\n", Confidence::Medium);
        let found = report("b", b"SSN 219-45-6183\n", Confidence::Medium);
        let unread = report("c", &noise(), Confidence::Medium);
        let failed = Report::failed("d".to_owned(), "no such file".to_owned());
        assert_eq!(totals(&[]).exit_code(), 0);
        assert_eq!(totals(std::slice::from_ref(&clean)).exit_code(), 0);
        assert_eq!(totals(&[clean.clone(), unread.clone()]).exit_code(), 3);
        assert_eq!(totals(&[unread.clone(), found.clone()]).exit_code(), 1);
        assert_eq!(totals(&[clean, failed, found, unread]).exit_code(), 2);
    }

    #[test]
    fn what_is_less_sure_is_counted_and_not_reported() {
        let text = b"SSN 219-45-6183\n";
        let all = report("a", text, Confidence::Low);
        assert_eq!(all.findings().len(), 1);
        let mut evidence = dlp::scan(&dlp::Catalog::builtin(), text);
        evidence.findings.iter_mut().for_each(|finding| finding.confidence = Confidence::Low);
        let report = Report::of("a".to_owned(), 16, &evidence, Confidence::High, None);
        assert!(report.findings().is_empty());
    }
}
