//! `policy test`: runs the `tests` that stand in the policy's own files.

use std::fmt::Write;
use std::net::IpAddr;

use jiff::Timestamp;

use super::{Outcome, PolicyTest, Report, TestRequest};
use crate::compile::{Compiled, Source};
use crate::permit::EgressPermit;
use crate::policy::{EgressFacts, InboundFacts, Policy, TunnelFacts};
use crate::verdict::{Refusal, Verdict};

/// Runs the tests of a policy folder as of `now`, one line for each.
pub fn test(sources: &[Source], now: Timestamp) -> Report {
    let compiled = match Policy::compile(sources) {
        Ok(compiled) => compiled,
        Err(errors) => return super::check::invalid(&errors),
    };
    let mut text = String::new();
    for case in &compiled.tests {
        let _ = match attempt(&compiled.policy, case, now) {
            Ok(verdict) => {
                let rule = verdict.rule.as_deref().unwrap_or("no rule");
                writeln!(text, "pass: {} ({}, {rule})", case.name, verdict.action.name())
            }
            Err(failure) => writeln!(text, "{failure}"),
        };
    }
    let tally = run(&compiled, now, |_| ());
    let _ = writeln!(text, "{} passed, {} failed", tally.run - tally.failed, tally.failed);
    let outcome = if tally.failed == 0 { Outcome::Pass } else { Outcome::TestsFail };
    Report { text, outcome }
}

/// How many tests ran and failed.
pub(super) struct Tally {
    pub(super) run: usize,
    pub(super) failed: usize,
}

/// Runs all tests and tells of each failure.
pub(super) fn run(compiled: &Compiled, now: Timestamp, mut tell: impl FnMut(&str)) -> Tally {
    let mut tally = Tally { run: 0, failed: 0 };
    for case in &compiled.tests {
        tally.run += 1;
        if let Err(failure) = attempt(&compiled.policy, case, now) {
            tally.failed += 1;
            tell(&failure);
        }
    }
    tally
}

/// The verdict, or the line that tells how it differs from what the test expects.
fn attempt(policy: &Policy, case: &PolicyTest, now: Timestamp) -> Result<Verdict, String> {
    let verdict = decide(policy, &case.request, now);
    let expected = &case.expected;
    let action = expected.action == verdict.action;
    let rule = expected.rule.as_ref().is_none_or(|rule| Some(rule) == verdict.rule.as_ref());
    let reason = expected.reason.as_deref().is_none_or(|reason| reason == verdict.reason.code);
    if action && rule && reason {
        return Ok(verdict);
    }
    let mut wanted = expected.action.name().to_owned();
    for part in [&expected.rule, &expected.reason].into_iter().flatten() {
        wanted.push_str(", ");
        wanted.push_str(part);
    }
    Err(format!(
        "FAIL: {}:{}: {}: expected {wanted}; got {}, {}, {}",
        case.file,
        case.line,
        case.name,
        verdict.action.name(),
        verdict.rule.as_deref().unwrap_or("no rule"),
        verdict.reason,
    ))
}

fn decide(policy: &Policy, request: &TestRequest, now: Timestamp) -> Verdict {
    match request {
        TestRequest::Inbound { peer, method, path, upgrade } => {
            let facts = InboundFacts { peer, method, path, upgrade: *upgrade, now };
            match policy.authorize_inbound(&facts) {
                Ok(permit) => permit.verdict().clone(),
                Err(refusal) => refusal.verdict,
            }
        }
        TestRequest::Outbound { host, port, address, source, is_grpc, method, path, upgrade } => {
            let facts = EgressFacts {
                source: source.as_ref(),
                host,
                port: *port,
                is_grpc: *is_grpc,
                method,
                path,
                upgrade: *upgrade,
                now,
            };
            vetted(policy.decide_egress(&facts), *address)
        }
        TestRequest::Tunnel { host, port, address, source } => {
            let facts = TunnelFacts {
                source: source.as_ref(),
                host: host.as_ref(),
                address: *address,
                port: *port,
                now,
            };
            vetted(policy.decide_tunnel(&facts), *address)
        }
    }
}

fn vetted(decided: Result<EgressPermit, Refusal>, address: Option<IpAddr>) -> Verdict {
    let vetted = decided.and_then(|permit| {
        address.map_or(Ok(()), |address| permit.vet(address))?;
        Ok(permit.verdict().clone())
    });
    vetted.unwrap_or_else(|refusal| refusal.verdict)
}
