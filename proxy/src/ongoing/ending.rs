//! The end of an exchange: how it is judged, what its record says last, what is counted. Its drop
//! writes the record, so that no end goes by unwritten.

use std::sync::Arc;
use std::time::Instant;

use policy::Verdict;
use prometheus::IntGauge;
use tokio::sync::OwnedSemaphorePermit;

use super::label;
use crate::audit::{Direction, Exchange, Outcome, Record};
use crate::budget;
use crate::content::{Meters, Reading, Tally, write_verdict};
use crate::link::budget::Share;
use crate::live::{Cut, Enrolled};
use crate::telemetry::Metrics;

/// An exchange that has ended but for what is still on its way out. Its drop writes the record,
/// whatever becomes of the wait.
#[derive(Debug)]
pub(super) struct Ending {
    pub(super) exchange: Option<Exchange>,
    pub(super) direction: Direction,
    pub(super) started: Instant,
    pub(super) meters: Meters,
    pub(super) downstream: Tally,
    pub(super) metrics: Metrics,
    pub(super) open: IntGauge,
    pub(super) outcome: Outcome,
    /// Why it was stopped; `None` where the bodies say how it ended.
    pub(super) code: Option<&'static str>,
    pub(super) live: Option<Enrolled>,
    pub(super) line: Option<Cut>,
    pub(super) place: Option<OwnedSemaphorePermit>,
    pub(super) share: Option<Arc<Share>>,
    pub(super) memory: Option<Arc<budget::Share>>,
}

impl Ending {
    /// How the exchange ended, by its bodies: one that broke off because of a verdict is a cut,
    /// whatever the wire said.
    fn judge(&self, record: &mut Record) -> (Outcome, &'static str) {
        if let Some(code) = self.withdraw(record) {
            return (Outcome::Cut, code);
        }
        if let Some(code) = self.code {
            return (self.outcome, code);
        }
        let (is_cut, failure, verdict) = self
            .meters
            .cell
            .with(|reading| (reading.cut, reading.failure, reading.verdict.clone()));
        if let Some(verdict) = verdict {
            write_verdict(&verdict, record);
        }
        if let Some(failure) = failure {
            record.error = Some(failure.code().to_owned());
        }
        let outcome = if is_cut { Outcome::Cut } else { self.outcome };
        let code = match outcome {
            Outcome::Aborted => "aborted",
            Outcome::Completed => "completed",
            Outcome::Cut | Outcome::Failed | Outcome::Malformed | Outcome::Refused => {
                failure.map_or("broken", crate::error::Kind::code)
            }
        };
        (outcome, code)
    }

    /// The reason, if what broke the exchange off was that it is permitted no longer.
    fn withdraw(&self, record: &mut Record) -> Option<&'static str> {
        let asked = self.live.as_ref().and_then(|live| live.entry().asked());
        let later = |hash: Arc<str>| (record.policy.as_deref() != Some(&*hash)).then_some(hash);
        record.policy_at_close = asked.and_then(later).map(|hash| hash.to_string());
        let line = self.line.as_ref().and_then(Cut::withdrawn);
        let withdrawn = self.meters.cut.withdrawn().or(line)?;
        let is_broken = match self.outcome {
            Outcome::Aborted | Outcome::Failed => true,
            Outcome::Completed => {
                let has_verdict =
                    |reading: &mut Reading| reading.verdict.as_ref().is_some_and(Verdict::stops);
                let is_cut = self.meters.cell.with(|reading| reading.cut && !has_verdict(reading));
                is_cut || self.meters.released.is_cut()
            }
            Outcome::Cut => self.code.is_none_or(|code| code == withdrawn.code()),
            Outcome::Malformed | Outcome::Refused => false,
        };
        if !is_broken || record.rule.is_none() {
            return None;
        }
        write_verdict(withdrawn.verdict(), record);
        if let Some(policy) = withdrawn.policy().filter(|at| record.policy.as_deref() != Some(at)) {
            record.policy_at_close = Some(policy.to_string());
        }
        Some(withdrawn.code())
    }

    fn write_bytes(&self, record: &mut Record) {
        let leaving = (self.meters.received.total(), self.meters.released.bytes());
        let returning = self.downstream.total();
        (record.bytes_in, record.bytes_out) = match self.direction {
            Direction::Inbound => (returning, leaving.1),
            Direction::Outbound => (leaving.0, returning),
        };
        record.bytes_released = leaving.1;
        self.meters.cell.with(|reading| reading.write_to(record));
    }

    fn count_link(&self, record: &Record, outcome: Outcome, code: &str) {
        let Some(link) = record.link.as_deref() else { return };
        let metrics = &self.metrics.links;
        metrics.exchanges.with_label_values(&[link, outcome.name(), code]).inc();
        for (way, bytes) in [("out", record.bytes_released), ("back", record.bytes_out)] {
            metrics.bytes.with_label_values(&[link, way]).inc_by(bytes);
        }
    }

    fn count(&self, outcome: Outcome, code: &str) {
        let metrics = &self.metrics;
        let coverage = self.meters.cell.with(|reading| {
            for (identifier, confidence, count) in reading.counts() {
                metrics.findings.with_label_values(&[identifier, confidence]).inc_by(count);
            }
            reading.coverage()
        });
        for (class, bytes) in [
            ("read", coverage.read),
            ("numeric", coverage.numeric),
            ("unidentified", coverage.unidentified),
            ("skipped", coverage.skipped),
        ] {
            metrics.scanned_bytes.with_label_values(&[class]).inc_by(bytes);
        }
        let (direction, released) = (label(self.direction), self.meters.released.bytes());
        metrics.released_bytes.with_label_values(&[direction]).inc_by(released);
        metrics.exchanges.with_label_values(&[direction, outcome.name(), code]).inc();
        metrics.exchange_seconds.observe(self.started.elapsed().as_secs_f64());
        self.open.dec();
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        let Some(mut exchange) = self.exchange.take() else { return };
        let record = exchange.record_mut();
        let (outcome, code) = self.judge(record);
        self.write_bytes(record);
        self.count_link(record, outcome, code);
        self.count(outcome, code);
        // Whoever has read the record finds the places free.
        drop((self.place.take(), self.share.take(), self.memory.take()));
        exchange.close(outcome);
    }
}
