//! JSON lines: each finding, then a summary of its file. Pure. The field names are a contract.

use dlp::Finding;
use serde::Serialize;

use super::Layout;
use super::report::{Outcome, Reading, Report, Totals};

/// One object a line.
pub(super) struct Lines;

#[derive(Serialize)]
struct FindingLine<'a> {
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    member: Option<&'a str>,
    detector: &'a str,
    identifier: &'a str,
    confidence: &'a str,
    start: u64,
    end: u64,
    line: u64,
    column: u64,
    /// The place in a structured form's own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    locus: Option<&'a str>,
}

#[derive(Serialize)]
struct SummaryLine<'a> {
    summary: bool,
    path: &'a str,
    bytes_in: u64,
    bytes_read: u64,
    bytes_numeric: u64,
    bytes_unidentified: u64,
    bytes_skipped: u64,
    verdict: &'a str,
    reasons: &'a [String],
    findings: u64,
    /// Findings below the confidence that was asked for.
    findings_below: u64,
    /// Findings counted, but not listed.
    findings_dropped: u64,
    #[serde(flatten)]
    judged: Option<Judged<'a>>,
}

/// What a content profile says.
#[derive(Serialize)]
struct Judged<'a> {
    action: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
    reason: &'a str,
    reason_text: &'a str,
}

#[derive(Serialize)]
struct FailureLine<'a> {
    summary: bool,
    path: &'a str,
    verdict: &'a str,
    error: &'a str,
}

impl Layout for Lines {
    fn begin(&mut self) -> String {
        String::new()
    }

    fn file(&mut self, report: &Report) -> String {
        let mut text = String::new();
        match &report.outcome {
            Outcome::Failed(why) => push(
                &mut text,
                &FailureLine { summary: true, path: &report.path, verdict: "error", error: why },
            ),
            Outcome::Read(reading) => {
                for finding in &reading.findings {
                    push(&mut text, &finding_line(&report.path, finding));
                }
                push(&mut text, &summary_line(&report.path, reading));
            }
        }
        text
    }

    fn end(&mut self, _totals: &Totals) -> String {
        String::new()
    }
}

fn finding_line<'a>(path: &'a str, finding: &'a Finding) -> FindingLine<'a> {
    FindingLine {
        path,
        member: finding.member.as_deref(),
        detector: &finding.detector,
        identifier: finding.identifier.name(),
        confidence: finding.confidence.name(),
        start: finding.span.start,
        end: finding.span.end,
        line: finding.line,
        column: finding.column,
        locus: finding.locus.as_deref(),
    }
}

fn summary_line<'a>(path: &'a str, reading: &'a Reading) -> SummaryLine<'a> {
    SummaryLine {
        summary: true,
        path,
        bytes_in: reading.bytes_in,
        bytes_read: reading.coverage.read,
        bytes_numeric: reading.coverage.numeric,
        bytes_unidentified: reading.coverage.unidentified,
        bytes_skipped: reading.coverage.skipped,
        verdict: reading.status.name(),
        reasons: &reading.reasons,
        findings: reading.found,
        findings_below: reading.below,
        findings_dropped: reading.dropped,
        judged: reading.verdict.as_ref().map(|verdict| Judged {
            action: verdict.action.name(),
            rule: verdict.rule.as_deref(),
            reason: verdict.reason.code,
            reason_text: &verdict.reason.text,
        }),
    }
}

fn push(text: &mut String, line: &impl Serialize) {
    // Strings and numbers always serialise.
    if let Ok(line) = serde_json::to_string(line) {
        text.push_str(&line);
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use dlp::Confidence;

    use super::super::report::testing::report;
    use super::*;

    #[test]
    fn a_finding_and_the_summary_are_lines_of_their_own() {
        let report = report("notes.txt", b"x\n SSN 219-45-6183\n", Confidence::Medium);
        assert_eq!(
            Lines.file(&report),
            concat!(
                r#"{"path":"notes.txt","detector":"ssn","identifier":"ssn","confidence":"high","#,
                r#""start":7,"end":18,"line":2,"column":6}"#,
                "\n",
                r#"{"summary":true,"path":"notes.txt","bytes_in":19,"bytes_read":19,"#,
                r#""bytes_numeric":0,"bytes_unidentified":0,"bytes_skipped":0,"#,
                r#""verdict":"findings","reasons":[],"findings":1,"findings_below":0,"#,
                r#""findings_dropped":0}"#,
                "\n",
            )
        );
    }

    #[test]
    fn what_cannot_be_read_is_a_summary_too() {
        let report = Report::failed("a".to_owned(), "permission denied".to_owned());
        assert_eq!(
            Lines.file(&report),
            "{\"summary\":true,\"path\":\"a\",\"verdict\":\"error\",\"error\":\"permission denied\"}\n"
        );
    }
}
