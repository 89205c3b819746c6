//! Texts of content verdicts: classes, counts and ways in, never a byte of what was found.

use std::collections::BTreeSet;

use dlp::{Confidence, Evidence, Finding, Identifier, Tally};

use super::ContentRule;

/// A content rule applies, also to what was found before.
pub(super) fn matched(
    rule: &ContentRule,
    found: u64,
    (before, evidence): (&Tally, &Evidence),
) -> String {
    let wanted = |i: Identifier, c: Confidence| rule.matches(i, c);
    let described = described(found, (before, evidence), wanted);
    format!("{described}; {} says {}", rule.label, rule.action.name())
}

/// No content rule matches.
pub(super) fn unmatched(
    found: u64,
    evidence: &Evidence,
    wanted: impl Fn(Identifier, Confidence) -> bool,
) -> String {
    let described = described(found, (&Tally::default(), evidence), wanted);
    format!("{described}; no content rule matches, which blocks")
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
    (before, evidence): (&Tally, &Evidence),
    wanted: impl Fn(Identifier, Confidence) -> bool,
) -> String {
    let counts = before.iter().chain(evidence.tally.iter());
    let classes: BTreeSet<Identifier> = counts
        .filter(|(identifier, confidence, _, _)| wanted(*identifier, *confidence))
        .map(|(identifier, ..)| identifier)
        .collect();
    let classes: Vec<&str> = classes.into_iter().map(Identifier::name).collect();
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
