//! An exchange under way: its audit entry, its meters and its metrics, closed together. Dropping
//! it unclosed records an abort.

use std::net::SocketAddr;
use std::time::Instant;

use policy::Verdict;
use prometheus::IntGauge;
use tokio::sync::OwnedSemaphorePermit;

use crate::audit::{
    Announced, Audit, AuditUnavailable, Direction, Exchange, Kind, Outcome, Record,
};
use crate::content::{Meters, Tally, write_verdict};
use crate::error::{Error, Side};
use crate::stop::Stop;
use crate::telemetry::Metrics;

/// An exchange under way.
#[derive(Debug)]
pub struct Ongoing {
    exchange: Option<Exchange>,
    direction: Direction,
    started: Instant,
    meters: Meters,
    downstream: Tally,
    metrics: Metrics,
    open: IntGauge,
    id: String,
    place: Option<OwnedSemaphorePermit>,
}

impl Ongoing {
    /// Opens the audit entry.
    ///
    /// # Errors
    /// The audit log cannot take one: nothing may pass.
    pub fn open(
        audit: &Audit,
        metrics: &Metrics,
        (direction, kind): (Direction, Kind),
        downstream: SocketAddr,
    ) -> Result<Self, AuditUnavailable> {
        let mut exchange = audit.open(direction, kind)?;
        exchange.record_mut().downstream = Some(downstream.to_string());
        let open = metrics.exchanges_open.with_label_values(&[label(direction)]);
        open.inc();
        Ok(Self {
            id: exchange.id().to_owned(),
            exchange: Some(exchange),
            direction,
            started: Instant::now(),
            meters: Meters::default(),
            downstream: Tally::default(),
            metrics: metrics.clone(),
            open,
            place: None,
        })
    }

    /// Keeps the exchange's place among those under way until it is closed.
    pub fn keep(&mut self, place: OwnedSemaphorePermit) {
        self.place = Some(place);
    }

    /// The exchange's id, as clients read it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What leaves is metered here.
    pub fn meters(&self) -> &Meters {
        &self.meters
    }

    /// Body bytes of the other way: to the workload, or from the peer.
    pub fn downstream(&self) -> &Tally {
        &self.downstream
    }

    /// Changes the record.
    pub fn note(&mut self, change: impl FnOnce(&mut Record)) {
        if let Some(exchange) = &mut self.exchange {
            change(exchange.record_mut());
        }
    }

    /// Writes the verdict that let the exchange go on.
    pub fn permit(&mut self, verdict: &Verdict, policy: &str) {
        self.note(|record| {
            record.rule = verdict.rule.as_deref().map(str::to_owned);
            record.policy = Some(policy.to_owned());
            write_verdict(verdict, record);
        });
    }

    /// Writes the open line.
    ///
    /// # Errors
    /// It could not be written: nothing may leave.
    pub async fn announce(&mut self) -> Result<Announced, Stop> {
        let unavailable = || Stop::from(crate::error::Kind::AuditUnavailable);
        let meters = &self.meters;
        let Some(exchange) = &mut self.exchange else { return Err(unavailable()) };
        meters.cell.with(|reading| {
            reading.write_to(exchange.record_mut());
            reading.write_verdict_to(exchange.record_mut());
        });
        exchange
            .announce()
            .await
            .map_err(|error| Error::new(crate::error::Kind::AuditUnavailable, error).into())
    }

    /// Closes with the reason why it did not go on. `status` is what the client got.
    pub fn stop(mut self, stop: &Stop, status: u16) {
        let released = self.meters.released.bytes();
        let outcome = match stop {
            Stop::Refused(_) if released > 0 => Outcome::Cut,
            Stop::Refused(_) => Outcome::Refused,
            Stop::Failed(error) if error.kind() == crate::error::Kind::Malformed => {
                Outcome::Malformed
            }
            Stop::Failed(_) => Outcome::Failed,
        };
        self.note(|record| {
            record.status = Some(status);
            match stop {
                Stop::Refused(verdict) => {
                    // A content verdict names its own rule in its text; `rule` stays the one that
                    // let the exchange come so far.
                    if record.rule.is_none() {
                        record.rule = verdict.rule.as_deref().map(str::to_owned);
                    }
                    write_verdict(verdict, record);
                }
                Stop::Failed(error) => record.error = Some(error.chain()),
            }
        });
        if let Stop::Failed(error) = stop
            && error.kind().side() == Side::Ours
        {
            tracing::error!(exchange = self.id, error = error.chain(), "an exchange failed");
        }
        self.finish(outcome, stop.code());
    }

    /// Closes.
    pub fn close(mut self, outcome: Outcome) {
        // A body that broke off because of a verdict is a cut, whatever the wire said.
        let (is_cut, failure, verdict) = self
            .meters
            .cell
            .with(|reading| (reading.cut, reading.failure, reading.verdict.clone()));
        if let Some(verdict) = verdict {
            self.note(|record| write_verdict(&verdict, record));
        }
        let outcome = if is_cut { Outcome::Cut } else { outcome };
        if let Some(failure) = failure {
            self.note(|record| record.error = Some(failure.code().to_owned()));
        }
        let code = match outcome {
            Outcome::Completed => "completed",
            Outcome::Aborted
            | Outcome::Cut
            | Outcome::Failed
            | Outcome::Malformed
            | Outcome::Refused => failure.map_or("broken", crate::error::Kind::code),
        };
        self.finish(outcome, code);
    }

    fn finish(&mut self, outcome: Outcome, code: &str) {
        let Some(mut exchange) = self.exchange.take() else { return };
        let leaving = (self.meters.received.total(), self.meters.released.bytes());
        let returning = self.downstream.total();
        let record = exchange.record_mut();
        (record.bytes_in, record.bytes_out) = match self.direction {
            Direction::Inbound => (returning, leaving.1),
            Direction::Outbound => (leaving.0, returning),
        };
        record.bytes_released = leaving.1;
        let coverage = self.meters.cell.with(|reading| {
            reading.write_to(record);
            for (identifier, confidence, count) in reading.counts() {
                self.metrics.findings.with_label_values(&[identifier, confidence]).inc_by(count);
            }
            reading.coverage()
        });
        let metrics = &self.metrics;
        for (class, bytes) in [
            ("read", coverage.read),
            ("numeric", coverage.numeric),
            ("unidentified", coverage.unidentified),
            ("skipped", coverage.skipped),
        ] {
            metrics.scanned_bytes.with_label_values(&[class]).inc_by(bytes);
        }
        let direction = label(self.direction);
        metrics.released_bytes.with_label_values(&[direction]).inc_by(leaving.1);
        metrics.exchanges.with_label_values(&[direction, outcome.name(), code]).inc();
        metrics.exchange_seconds.observe(self.started.elapsed().as_secs_f64());
        self.open.dec();
        self.place = None;
        exchange.close(outcome);
    }
}

impl Drop for Ongoing {
    fn drop(&mut self) {
        self.finish(Outcome::Aborted, "aborted");
    }
}

fn label(direction: Direction) -> &'static str {
    match direction {
        Direction::Inbound => "inbound",
        Direction::Outbound => "outbound",
    }
}
