//! `policy check`: does it compile, what is odd about it, do its own tests hold.

use std::fmt::Write;

use jiff::Timestamp;

use super::test::{self, Tally};
use super::{Outcome, Report};
use crate::compile::{Compiled, Source, Warning};
use crate::policy::Policy;

/// Checks a policy folder as of `now`, which tells what has expired.
pub fn check(sources: &[Source], now: Timestamp) -> Report {
    let compiled = match Policy::compile(sources) {
        Ok(compiled) => compiled,
        Err(errors) => return super::check::invalid(&errors),
    };
    let mut text = String::new();
    let warnings: Vec<&Warning> = compiled.warnings.iter().chain(compiled.stale(now)).collect();
    for warning in &warnings {
        let _ = writeln!(text, "warning: {warning}");
    }
    let tally = test::run(&compiled, now, |line| {
        let _ = writeln!(text, "{line}");
    });
    let word = if tally.failed == 0 { "ok" } else { "failed" };
    let _ = writeln!(text, "{word}: {}, {}", summary(&compiled), counted(&tally, warnings.len()));
    if !compiled.files.is_empty() {
        let _ = writeln!(text, "files: {} (read and checked at load)", compiled.files.join(", "));
    }
    let _ = writeln!(text, "hash: {}", compiled.policy.hash());
    let outcome = if tally.failed == 0 { Outcome::Pass } else { Outcome::TestsFail };
    Report { text, outcome }
}

/// The report of a folder that does not compile.
pub(super) fn invalid(errors: &[crate::InvalidPolicy]) -> Report {
    let mut text = String::new();
    for error in errors {
        let _ = writeln!(text, "error: {error}");
    }
    let _ = writeln!(text, "invalid: {}", plural(errors.len(), "error"));
    Report { text, outcome: Outcome::Invalid }
}

impl Compiled {
    /// What had ended by `now`: expired rules, and monitoring that is over.
    pub fn stale(&self, now: Timestamp) -> impl Iterator<Item = &Warning> {
        self.expiries.iter().filter_map(move |expiry| expiry.past(now))
    }
}

fn summary(compiled: &Compiled) -> String {
    match compiled.policy.open() {
        Ok((egress, inbound)) => format!(
            "{}, {}, {}",
            plural(egress.endpoints().len(), "endpoint"),
            plural(egress.rules().len(), "egress rule"),
            plural(inbound.rules().len(), "inbound rule"),
        ),
        Err(refusal) => refusal.verdict.reason.text,
    }
}

fn counted(tally: &Tally, warnings: usize) -> String {
    let tests = match tally.failed {
        0 => plural(tally.run, "test"),
        failed => format!("{failed} of {}", plural(tally.run, "test")),
    };
    format!("{tests}, {}", plural(warnings, "warning"))
}

fn plural(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
