//! An exchange under way: its audit entry, its meters and its metrics, closed together. Dropping
//! it unclosed records an abort.

mod ending;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use certs::rotation::Current;
use policy::Verdict;
use prometheus::IntGauge;
use spiffe::SpiffeId;
use tokio::sync::OwnedSemaphorePermit;

use self::ending::Ending;
use crate::audit::{
    Announced, Audit, AuditUnavailable, Direction, Exchange, Kind, Outcome, Record,
};
use crate::budget::{self, Holder};
use crate::config::Limits;
use crate::content::{Ledger, Meters, Released, Tally, write_verdict};
use crate::drain::Drain;
use crate::error::{Error, Side};
use crate::link::budget::Share;
use crate::live::{Cut, Enrolled, Entry, Facts, Line, Live};
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
    ledger: Option<Ledger>,
    share: Option<Arc<Share>>,
    memory: Option<Arc<budget::Share>>,
    coming: Option<Released>,
    asks_as: Option<SpiffeId>,
    shows: Option<Arc<Current>>,
    drain: Option<Drain>,
    answered_idle: Duration,
    has_left: bool,
    live: Option<Enrolled>,
    line: Option<Cut>,
    is_alone: bool,
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
            ledger: None,
            share: None,
            memory: None,
            coming: None,
            asks_as: None,
            shows: None,
            drain: None,
            answered_idle: Limits::default().answered_idle,
            has_left: false,
            live: None,
            line: None,
            is_alone: false,
        })
    }

    /// Keeps the exchange's place among those under way until it is closed.
    pub fn keep(&mut self, place: OwnedSemaphorePermit) {
        self.place = Some(place);
    }

    /// Has the policy asked as a peer of ours, not as ourselves.
    pub fn ask_as(&mut self, peer: &SpiffeId) {
        self.asks_as = Some(peer.clone());
    }

    /// Shows this identity upstream, not our own.
    pub fn show(&mut self, identity: Option<&Arc<Current>>) {
        self.shows = identity.cloned();
    }

    /// What is shown upstream, where that is not our own identity.
    pub fn shows(&self) -> Option<&Arc<Current>> {
        self.shows.as_ref()
    }

    /// Who asks, where that is a peer.
    pub fn asks_as(&self) -> Option<&SpiffeId> {
        self.asks_as.as_ref()
    }

    /// Waits with the record until the answer is read as far as it came, so that what was found in it
    /// is there also where the client has gone.
    pub fn reads_answer(&mut self, coming: &Released) {
        self.coming = Some(coming.clone());
    }

    /// Keeps the exchange's share of its link's budgets until it is closed.
    pub fn keep_share(&mut self, share: &Arc<Share>) {
        self.share = Some(Arc::clone(share));
    }

    /// Has what the exchange keeps in memory be `holder`'s. Comes before its body is read.
    pub fn held_by(&mut self, holder: Holder) {
        self.meters.holder = holder;
    }

    /// Keeps what the exchange may come to keep in memory, until nothing more of it is on its way.
    pub fn keep_memory(&mut self, share: budget::Share) {
        self.memory = Some(Arc::new(share));
    }

    /// The same back, to be kept again when it has grown; none once pieces keep it.
    pub fn give_memory(&mut self) -> Option<budget::Share> {
        self.memory.take().and_then(Arc::into_inner)
    }

    /// The exchange's share of the process's memory, for the pieces that it gives to the wire.
    pub fn memory(&self) -> Option<&Arc<budget::Share>> {
        self.memory.as_ref()
    }

    /// The exchange's share of its link's budgets.
    pub fn share(&self) -> Option<&Arc<Share>> {
        self.share.as_ref()
    }

    /// Has who asks answer in `ledger` for what is let through, once it is known who that is.
    pub fn answer_in(&mut self, ledger: &Ledger) {
        self.ledger = Some(ledger.clone());
    }

    /// It is known who asks.
    pub fn answers(&self, source: &SpiffeId) {
        let answers = self.ledger.clone().map(|ledger| (ledger, source.clone()));
        self.meters.cell.with(|reading| reading.answers = answers);
    }

    /// Gives the place back before the exchange closes: for a tunnel, whose requests take their own.
    pub fn give_up_place(&mut self) {
        self.place = None;
    }

    /// Enters the exchange among those that a swap of the policy asks again. Comes before the policy
    /// is loaded, so that no swap slips between.
    pub fn enrol(&mut self, live: &Arc<Live>, facts: Facts) {
        self.answers(facts.source());
        self.live = Some(live.enrol(facts, &self.meters.cut));
        self.tell_line();
    }

    /// The connection that the exchange comes on: if that is ended, its reason is the exchange's.
    /// One that carries nothing else (`is_alone`) is ended when the exchange is cut and stays.
    pub fn carried_by(&mut self, line: &Line, is_alone: bool) {
        self.line = Some(line.cut().clone());
        self.is_alone = is_alone;
        self.tell_line();
    }

    fn tell_line(&self) {
        if let (Some(entry), Some(line), true) = (self.entry(), &self.line, self.is_alone) {
            entry.carried_by(line);
        }
    }

    /// What the exchange is asked again by, once it has enrolled.
    pub fn entry(&self) -> Option<&Arc<Entry>> {
        self.live.as_ref().map(Enrolled::entry)
    }

    /// Ends the exchange from outside.
    pub fn cut(&self) -> &Cut {
        &self.meters.cut
    }

    /// Notes that the request has reached the other side.
    pub fn left(&mut self) {
        self.has_left = true;
    }

    /// How long the exchange, once it has been answered, waits for a body that no longer moves.
    pub fn wait_at_most(&mut self, answered_idle: Duration) {
        self.answered_idle = answered_idle;
    }

    /// Lets `drain` wait for what is still on its way out when the answer has ended.
    pub fn wait_in(&mut self, drain: &Drain) {
        self.drain = Some(drain.clone());
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

    /// Closes with the reason why it did not go on. `status` is what the client got, if it speaks HTTP.
    pub fn stop(self, stop: &Stop, status: impl Into<Option<u16>>) {
        self.end(stop, status.into());
    }

    /// Closes with the reason why it did not go on, where no status tells the client.
    pub fn stop_without_status(self, stop: &Stop) {
        self.end(stop, None);
    }

    fn end(mut self, stop: &Stop, status: Option<u16>) {
        let released = self.meters.released.bytes();
        let outcome = match stop {
            // What was sent was not refused, whatever became of the answer; nor was what had been
            // let in before it was withdrawn.
            Stop::Refused(_) if released > 0 || self.has_left || self.is_withdrawn(stop) => {
                Outcome::Cut
            }
            Stop::Refused(_) => Outcome::Refused,
            Stop::Failed(error)
                if matches!(
                    error.kind(),
                    crate::error::Kind::HeadTooLarge | crate::error::Kind::Malformed
                ) =>
            {
                Outcome::Malformed
            }
            Stop::Failed(_) => Outcome::Failed,
        };
        self.note(|record| {
            record.status = status;
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
        self.finish(outcome, Some(stop.code()));
    }

    fn is_withdrawn(&self, stop: &Stop) -> bool {
        self.cut().withdrawn().is_some_and(|withdrawn| withdrawn.code() == stop.code())
    }

    /// Closes.
    pub fn close(mut self, outcome: Outcome) {
        self.finish(outcome, None);
    }

    /// The record is written when nothing more can leave: an upstream may answer before it has read
    /// the body, and a client may go while its last bytes are on their way.
    fn finish(&mut self, outcome: Outcome, code: Option<&'static str>) {
        let Some(exchange) = self.exchange.take() else { return };
        let ending = Ending {
            exchange: Some(exchange),
            direction: self.direction,
            started: self.started,
            meters: self.meters.clone(),
            downstream: self.downstream.clone(),
            metrics: self.metrics.clone(),
            open: self.open.clone(),
            outcome,
            code,
            live: self.live.take(),
            line: self.line.take(),
            place: self.place.take(),
            share: self.share.take(),
            memory: self.memory.take(),
        };
        let coming = self.coming.take().filter(|coming| !coming.is_over());
        if (!ending.meters.released.is_over() || coming.is_some())
            && let Some(drain) = self.drain.take()
        {
            let idle = self.answered_idle;
            drain.spawn(async move {
                ending.meters.released.over_or_cut(idle).await;
                if let Some(coming) = coming {
                    coming.over_or_cut(idle).await;
                }
                drop(ending);
            });
        }
    }
}

impl Drop for Ongoing {
    fn drop(&mut self) {
        self.finish(Outcome::Aborted, None);
    }
}

/// A name as it may stand in a record: findings masked, controls escaped.
pub fn printable(text: &str) -> String {
    dlp::redact::printable(&dlp::Catalog::builtin(), text)
}

fn label(direction: Direction) -> &'static str {
    match direction {
        Direction::Inbound => "inbound",
        Direction::Outbound => "outbound",
    }
}
