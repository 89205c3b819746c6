//! One exchange's place in the log: its open line before the first byte leaves, its close line at
//! the end. Invariant: both places in the queue are taken when the exchange opens, so that ending
//! one never blocks, never fails for want of room, and can't be forgotten: `Drop` records it.

use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::AuditUnavailable;
use super::pending::Message;
use super::record::{Ending, Payload, Record};
use super::shared::Shared;

/// The way an exchange goes, seen from the workload.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Direction {
    /// Towards the workload.
    Inbound,
    /// Away from the workload.
    Outbound,
}

impl Direction {
    /// The word in the record.
    pub fn name(self) -> &'static str {
        match self {
            Direction::Inbound => "inbound",
            Direction::Outbound => "outbound",
        }
    }
}

/// What an exchange is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A tunnel asked for by CONNECT, or its handshake.
    Connect,
    /// A question for a name.
    Dns,
    /// A peer's TLS handshake that failed, so that no request came.
    Handshake,
    /// One request and its response.
    Http,
    /// A connection that the kernel redirected.
    Redirect,
    /// A connection asked for by SOCKS5.
    Socks5,
    /// A raw connection over a gateway's link.
    Tunnel,
}

impl Kind {
    /// The word in the record.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Connect => "connect",
            Kind::Dns => "dns",
            Kind::Handshake => "handshake",
            Kind::Http => "http",
            Kind::Redirect => "redirect",
            Kind::Socks5 => "socks5",
            Kind::Tunnel => "tunnel",
        }
    }
}

/// How an exchange ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// Dropped before its end: by a panic, a cancelled task or a lost connection.
    Aborted,
    /// Ran to its end.
    Completed,
    /// Cut while it streamed, because of a finding.
    Cut,
    /// Broken by an upstream or downstream failure.
    Failed,
    /// Not understood.
    Malformed,
    /// Refused by policy or for its content.
    Refused,
}

impl Outcome {
    /// The word in the record.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Aborted => "aborted",
            Outcome::Completed => "completed",
            Outcome::Cut => "cut",
            Outcome::Failed => "failed",
            Outcome::Malformed => "malformed",
            Outcome::Refused => "refused",
        }
    }
}

/// Proof that the exchange's open line is written. Made by [`Exchange::announce`] alone.
#[derive(Debug)]
#[must_use]
pub struct Announced(());

/// An open entry of the audit log; see the head of this file.
#[derive(Debug)]
#[must_use = "dropping an exchange records it as aborted"]
pub struct Exchange {
    shared: Arc<Shared>,
    id: String,
    direction: Direction,
    kind: Kind,
    record: Box<Record>,
    begun: Instant,
    line: OpenLine,
    /// The place of the close line, until it is used.
    place: Option<OwnedSemaphorePermit>,
}

/// How far the open line has come.
#[derive(Debug)]
enum OpenLine {
    Unsent(Option<OwnedSemaphorePermit>),
    Sent(oneshot::Receiver<()>),
    Written,
}

/// What the lines of an exchange begin with.
#[derive(Serialize)]
struct Heading<'a> {
    exchange: &'a str,
    direction: &'static str,
    kind: &'static str,
}

impl Exchange {
    pub(super) fn new(
        shared: Arc<Shared>,
        direction: Direction,
        kind: Kind,
        places: (OwnedSemaphorePermit, OwnedSemaphorePermit),
    ) -> Exchange {
        Exchange {
            id: format!("{}-{}", shared.boot, shared.next_exchange()),
            shared,
            direction,
            kind,
            record: Box::default(),
            begun: Instant::now(),
            line: OpenLine::Unsent(Some(places.0)),
            place: Some(places.1),
        }
    }

    /// `<run>-<number>`: unique in the log, also over restarts.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What the next line will say.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Adds to what the next line will say.
    pub fn record_mut(&mut self) -> &mut Record {
        &mut self.record
    }

    /// Writes the open line, with the record as it stands, and returns once it is written
    /// ([`super::Sync::Batched`]) or durable ([`super::Sync::BeforeRelease`]). Nothing may leave
    /// before. The line is written once: when this future was dropped, the next call waits for
    /// the same line.
    pub async fn announce(&mut self) -> Result<Announced, AuditUnavailable> {
        if let OpenLine::Unsent(place) = &mut self.line {
            let place = place.take().ok_or(AuditUnavailable::Failed)?;
            let (written, receiver) = oneshot::channel();
            let line = self.payload("open", None);
            self.shared.send(Message::Open { line, written, place })?;
            self.line = OpenLine::Sent(receiver);
        }
        if let OpenLine::Sent(receiver) = &mut self.line {
            receiver.await.map_err(|_| AuditUnavailable::Failed)?;
            self.line = OpenLine::Written;
        }
        Ok(Announced(()))
    }

    /// Ends the exchange. Never blocks.
    pub fn close(mut self, outcome: Outcome) {
        self.finish(outcome);
    }

    fn finish(&mut self, outcome: Outcome) {
        if let Some(place) = self.place.take() {
            let duration_us = u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(u64::MAX);
            let opened = !matches!(self.line, OpenLine::Unsent(_));
            let ending = Ending { outcome: outcome.name(), duration_us, opened };
            let line = self.payload("close", Some(&ending));
            let close = Message::Close { line, opened, place };
            match self.line {
                // Behind the open line, wherever that is in the queue.
                OpenLine::Sent(_) => self.shared.send_or_count(close),
                OpenLine::Unsent(_) | OpenLine::Written => self.shared.put_off_or_count(close),
            }
        }
    }

    fn payload(&self, kind: &'static str, ending: Option<&Ending>) -> Payload {
        let head = Heading {
            exchange: &self.id,
            direction: self.direction.name(),
            kind: self.kind.name(),
        };
        self.shared.payload(kind).with(&head).with_record(&self.record, ending)
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.finish(Outcome::Aborted);
    }
}
