//! Reports for people: aligned, the verdict first, and what could not be read never left out. Pure.

use std::fmt::Write as _;

use dlp::{Confidence, Coverage, Finding, Status};

use super::Layout;
use super::report::{Outcome, Reading, Report, Totals};

/// Findings of one file that are listed; the others are counted.
const LISTED_MAX: usize = 200;

/// A page of reports.
pub(super) struct Page {
    confidence: Confidence,
}

impl Page {
    pub(super) fn new(confidence: Confidence) -> Page {
        Page { confidence }
    }

    fn reading(&self, text: &mut String, path: &str, reading: &Reading) {
        let word = match reading.status {
            Status::Clean => "clean",
            Status::Findings => "FINDINGS",
            Status::Incomplete => "INCOMPLETE",
        };
        line(text, &format!("{word:<10}  {path}"));
        for finding in reading.findings.iter().take(LISTED_MAX) {
            line(text, &finding_line(finding));
        }
        let unlisted = reading.found.saturating_sub(LISTED_MAX.min(reading.findings.len()) as u64);
        if unlisted > 0 {
            line(text, &format!("    and {} more", counted(unlisted, "finding")));
        }
        if reading.below > 0 {
            let what = counted(reading.below, "finding");
            line(text, &format!("    {what} below {} confidence not listed", self.confidence));
        }
        for reason in &reading.reasons {
            line(text, &format!("    not read: {reason}"));
        }
        if reading.status != Status::Clean || reading.coverage.numeric > 0 {
            line(text, &format!("    {}", coverage(reading.bytes_in, &reading.coverage)));
        }
        if let Some(verdict) = &reading.verdict {
            let rule = verdict.rule.as_deref().unwrap_or("no rule");
            let action = verdict.action.name();
            line(text, &format!("    would be: {action} ({rule}) {}", verdict.reason));
        }
    }
}

impl Layout for Page {
    fn begin(&mut self) -> String {
        String::new()
    }

    fn file(&mut self, report: &Report) -> String {
        let mut text = String::new();
        match &report.outcome {
            Outcome::Failed(why) => {
                line(&mut text, &format!("{:<10}  {}: {why}", "ERROR", report.path))
            }
            Outcome::Read(reading) => self.reading(&mut text, &report.path, reading),
        }
        text
    }

    fn end(&mut self, totals: &Totals) -> String {
        let mut parts = vec![format!("{} clean", totals.clean)];
        if totals.found > 0 {
            let findings = counted(totals.findings, "finding");
            parts.push(format!("{} with {findings}", totals.found));
        }
        if totals.incomplete > 0 {
            parts.push(format!("{} incomplete", totals.incomplete));
        }
        if totals.failed > 0 {
            parts.push(format!("{} could not be read", totals.failed));
        }
        if totals.links > 0 {
            parts.push(format!("{} not followed", counted(totals.links, "symbolic link")));
        }
        let (files, bytes) = (counted(totals.files, "file"), size(totals.bytes));
        format!("{files}, {bytes}: {}\n", parts.join(", "))
    }
}

fn finding_line(finding: &Finding) -> String {
    let place = format!("{}:{}", finding.line, finding.column);
    let bytes = format!("bytes {}..{}", finding.span.start, finding.span.end);
    let mut text = format!(
        "    {place:>9}  {:<11}  {:<6}  {:<11}  {bytes}",
        finding.identifier.name(),
        finding.confidence.name(),
        finding.detector,
    );
    if let Some(locus) = &finding.locus {
        let _infallible = write!(text, "  at {locus}");
    }
    if let Some(member) = &finding.member {
        let _infallible = write!(text, "  in {member}");
    }
    text
}

/// `2.0 MiB in; 1.5 MiB read, 12 bytes unidentified`.
fn coverage(bytes_in: u64, coverage: &Coverage) -> String {
    let parts: Vec<String> = [
        (coverage.read, "read"),
        (coverage.numeric, "numeric"),
        (coverage.unidentified, "unidentified"),
        (coverage.skipped, "skipped"),
    ]
    .iter()
    .filter(|(bytes, _)| *bytes > 0)
    .map(|(bytes, what)| format!("{} {what}", size(*bytes)))
    .collect();
    let parts = if parts.is_empty() { "nothing read".to_owned() } else { parts.join(", ") };
    format!("{} in; {parts}", size(bytes_in))
}

/// A number of bytes as a person reads it.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 10_240 {
        return counted(bytes, "byte");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = UNITS.first();
    for next in UNITS.iter().skip(1) {
        if value >= 1024.0 {
            value /= 1024.0;
            unit = Some(next);
        }
    }
    format!("{value:.1} {}", unit.unwrap_or(&""))
}

fn counted(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

fn line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::super::report::testing::{noise, report};
    use super::*;

    #[test]
    fn the_verdict_stands_first_and_columns_are_aligned() {
        let mut page = Page::new(Confidence::Medium);
        let clean = page.file(&report("a.txt", b"nothing\n", Confidence::Medium));
        assert_eq!(clean, "clean       a.txt\n");
        let found = report("b.txt", b"SSN 219-45-6183\n jane@stlukes.org\n", Confidence::Medium);
        assert_eq!(
            page.file(&found),
            "FINDINGS    b.txt\n          \
             1:5  ssn          high    ssn          bytes 4..15\n          \
             2:2  email        high    email        bytes 17..33\n    \
             34 bytes in; 34 bytes read\n"
        );
    }

    #[test]
    fn what_was_not_read_is_said_with_its_reason() {
        let text = Page::new(Confidence::Medium).file(&report("x", &noise(), Confidence::Medium));
        assert!(text.starts_with("INCOMPLETE  x\n    not read: unidentified: "), "{text}");
        let failed = Report::failed("y".to_owned(), "permission denied".to_owned());
        let text = Page::new(Confidence::Medium).file(&failed);
        assert_eq!(text, "ERROR       y: permission denied\n");
    }

    #[test]
    fn sizes_read_well() {
        assert_eq!(size(1), "1 byte");
        assert_eq!(size(10_000), "10000 bytes");
        assert_eq!(size(10 << 20), "10.0 MiB");
        assert_eq!(size(10 << 30), "10.0 GiB");
    }
}
