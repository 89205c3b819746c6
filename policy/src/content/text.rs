//! Texts of content verdicts: classes, counts and ways in, never a byte of what was found.

use dlp::{Confidence, Evidence, Finding, Identifier};

use super::ContentRule;

/// A content rule applies.
pub(super) fn matched(rule: &ContentRule, found: u64, evidence: &Evidence) -> String {
    let wanted = |i: Identifier, c: Confidence| rule.matches(i, c);
    format!("{}; {} says {}", described(found, evidence, wanted), rule.label, rule.action.name())
}

/// No content rule matches.
pub(super) fn unmatched(
    found: u64,
    evidence: &Evidence,
    wanted: impl Fn(Identifier, Confidence) -> bool,
) -> String {
    format!("{}; no content rule matches, which blocks", described(found, evidence, wanted))
}

/// Something could not be read.
pub(super) fn unreadable(evidence: &Evidence) -> String {
    match evidence.incomplete.first() {
        Some(gap) => match &gap.member {
            Some(member) => {
                format!("could not be read to its end: {} in {member}", gap.reason.name())
            }
            None => format!("could not be read to its end: {}", gap.reason.name()),
        },
        None => format!("{} bytes were not looked at", evidence.coverage.skipped),
    }
}

/// A finding that is to be masked stands inside a container or an encoding.
pub(super) fn fixed(finding: &Finding) -> String {
    let class = finding.identifier.name();
    match &finding.member {
        Some(member) => format!("{class} in {member} cannot be masked in place"),
        None => format!("{class} cannot be masked in place"),
    }
}

/// `3 findings (mrn, ssn), first ssn in gzip!notes.zip!patient.txt`.
fn described(
    found: u64,
    evidence: &Evidence,
    wanted: impl Fn(Identifier, Confidence) -> bool,
) -> String {
    let mut classes: Vec<&str> = evidence
        .tally
        .iter()
        .filter(|(identifier, confidence, _, _)| wanted(*identifier, *confidence))
        .map(|(identifier, ..)| identifier.name())
        .collect();
    classes.dedup();
    let noun = if found == 1 { "finding" } else { "findings" };
    let mut text = format!("{found} {noun} ({})", classes.join(", "));
    let first = evidence.findings.iter().find(|f| wanted(f.identifier, f.confidence));
    if let Some(first) = first
        && let Some(member) = &first.member
    {
        text.push_str(&format!(", first {} in {member}", first.identifier.name()));
    }
    text
}
