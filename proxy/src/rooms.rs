//! What the data path's rooms share: the policy, our identity, the way to upstreams, and the
//! record. Built once by `app`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use arc_swap::ArcSwap;
use certs::rotation::Current;
use policy::Policy;
use spiffe::SpiffeId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::accept::Arrival;
use crate::audit::{Audit, Direction, Kind};
use crate::budget::{Budget, Holder};
use crate::config::Limits;
use crate::content::{Content, Ledger};
use crate::error::{self, Error};
use crate::live::Live;
use crate::ongoing::Ongoing;
use crate::rate::{Rates, Source};
use crate::stop::Stop;
use crate::telemetry::Metrics;
use crate::upstream::Upstream;

/// What every listener needs.
#[derive(Debug)]
pub struct Rooms {
    /// The policy in force; an exchange enrols in `live`, then loads it once and keeps it.
    pub policy: ArcSwap<Policy>,
    /// Every exchange under way, to be asked again when the policy changes.
    pub live: Arc<Live>,
    /// Our identity.
    pub identity: Arc<Current>,
    /// The record.
    pub audit: Audit,
    /// The reader of what leaves.
    pub content: Content,
    /// What the process may keep of bodies in memory.
    pub memory: Budget,
    /// The way out.
    pub upstream: Upstream,
    /// Metrics.
    pub metrics: Metrics,
    /// Every limit.
    pub limits: Limits,
    /// Places for exchanges, each direction its own, so that peers cannot starve the workload.
    pub places: Places,
    /// What was let through for each source.
    pub ledger: Ledger,
    /// How often each source may ask.
    pub rates: Rates,
    /// Whether the end has been asked for: not ready any more, though it may go on accepting.
    pub leaving: AtomicBool,
}

/// An exchange that never began.
#[derive(Debug)]
pub struct TurnedAway {
    /// Why.
    pub stop: Stop,
    /// The id by which its record is found, if there is one.
    pub exchange: Option<String>,
}

impl From<Error> for TurnedAway {
    /// Of what has no record.
    fn from(error: Error) -> Self {
        Self { stop: error.into(), exchange: None }
    }
}

/// Places for exchanges under way.
#[derive(Debug)]
pub struct Places {
    inbound: Arc<Semaphore>,
    outbound: Arc<Semaphore>,
}

impl Places {
    /// So many for each direction.
    pub fn new(exchanges_max: usize) -> Self {
        let places = || Arc::new(Semaphore::new(exchanges_max));
        Self { inbound: places(), outbound: places() }
    }

    fn of(&self, direction: Direction) -> &Arc<Semaphore> {
        match direction {
            Direction::Inbound => &self.inbound,
            Direction::Outbound => &self.outbound,
        }
    }
}

impl Rooms {
    /// Opens an exchange: its audit entry, and its place in `limits.exchangesMax`. What is too much
    /// is turned away here, before work begins.
    ///
    /// # Errors
    /// No entry can be written (then there is no record either), or no place or memory is left, or
    /// the client asks too often (then the record is closed here).
    pub fn open(
        &self,
        direction: Direction,
        kind: Kind,
        downstream: SocketAddr,
    ) -> Result<Ongoing, TurnedAway> {
        let ongoing = self.begin((direction, kind), downstream)?;
        let source = match direction {
            // Known by its certificate, once that is read.
            Direction::Inbound => None,
            Direction::Outbound => Some(Source::at(downstream.ip())),
        };
        self.seat(ongoing, direction, source.as_ref())
    }

    /// The same for what is to go out and came on `arrival`: what came over a link counts as its peer's.
    ///
    /// # Errors
    /// As [`Rooms::open`].
    pub fn open_on(&self, kind: Kind, arrival: &Arrival) -> Result<Ongoing, TurnedAway> {
        let mut ongoing = self.begin((Direction::Outbound, kind), arrival.downstream)?;
        let mut source = Source::at(arrival.downstream.ip());
        if let Some(entrance) = &arrival.entrance {
            entrance.note(&mut ongoing);
            source = entrance.peer().cloned().map_or(source, Source::Peer);
        }
        self.seat(ongoing, Direction::Outbound, Some(&source))
    }

    /// Takes from `limits.bufferedBytesMax` what the exchange may come to keep, `bytes`, until its last
    /// byte is taken.
    ///
    /// # Errors
    /// That much is not left.
    pub fn take_memory(&self, ongoing: &mut Ongoing, bytes: usize) -> Result<(), Stop> {
        let mut share =
            ongoing.give_memory().unwrap_or_else(|| self.memory.share(ongoing.meters().holder));
        let is_taken = share.try_grow(bytes);
        ongoing.keep_memory(share);
        if is_taken { Ok(()) } else { Err(error::Kind::BufferedBytesMax.into()) }
    }

    fn begin(
        &self,
        (direction, kind): (Direction, Kind),
        downstream: SocketAddr,
    ) -> Result<Ongoing, Error> {
        let mut ongoing = Ongoing::open(&self.audit, &self.metrics, (direction, kind), downstream)
            .map_err(|cause| Error::new(error::Kind::AuditUnavailable, cause))?;
        ongoing.wait_at_most(self.limits.answered_idle);
        ongoing.answer_in(&self.ledger);
        Ok(ongoing)
    }

    fn seat(
        &self,
        mut ongoing: Ongoing,
        direction: Direction,
        source: Option<&Source>,
    ) -> Result<Ongoing, TurnedAway> {
        if let Some(source) = source {
            ongoing.held_by(self.memory.holder(source));
        }
        match self.place(direction, source, ongoing.meters().holder) {
            Ok(place) => {
                ongoing.keep(place);
                Ok(ongoing)
            }
            Err(kind) => {
                let (stop, exchange) = (Stop::from(kind), Some(ongoing.id().to_owned()));
                ongoing.stop(&stop, kind.status().as_u16());
                Err(TurnedAway { stop, exchange })
            }
        }
    }

    /// Takes one request of a peer from its rate; what it keeps in memory is the peer's.
    ///
    /// # Errors
    /// It asks too often.
    pub fn admit_peer(&self, ongoing: &mut Ongoing, peer: &SpiffeId) -> Result<(), Stop> {
        let source = Source::Peer(peer.clone());
        ongoing.held_by(self.memory.holder(&source));
        self.admit(&source).map_err(Stop::from)
    }

    fn place(
        &self,
        direction: Direction,
        source: Option<&Source>,
        holder: Holder,
    ) -> Result<OwnedSemaphorePermit, error::Kind> {
        source.map_or(Ok(()), |source| self.admit(source))?;
        if self.memory.is_spent(holder) {
            return Err(error::Kind::BufferedBytesMax);
        }
        let places = Arc::clone(self.places.of(direction));
        places.try_acquire_owned().map_err(|_| error::Kind::ExchangesMax)
    }

    fn admit(&self, source: &Source) -> Result<(), error::Kind> {
        let admitted = self.rates.admit(source, Instant::now());
        admitted.map_err(|_| error::Kind::SourceRequestsMax)
    }
}
