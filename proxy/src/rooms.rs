//! What the data path's rooms share: the policy, our identity, the way to upstreams, and the
//! record. Built once by `app`.

use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use certs::rotation::Current;
use policy::Policy;
use tokio::sync::Semaphore;

use crate::audit::{Audit, Direction, Kind};
use crate::config::Limits;
use crate::content::Content;
use crate::error;
use crate::live::Live;
use crate::ongoing::Ongoing;
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
    /// The way out.
    pub upstream: Upstream,
    /// Metrics.
    pub metrics: Metrics,
    /// Every limit.
    pub limits: Limits,
    /// Places for exchanges, each direction its own, so that peers cannot starve the workload.
    pub places: Places,
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
    /// Opens an exchange: its audit entry, and its place in `limits.exchangesMax`.
    ///
    /// # Errors
    /// No entry can be written (then there is no record either), or no place is left (then the
    /// record is closed here).
    pub fn open(
        &self,
        direction: Direction,
        kind: Kind,
        downstream: SocketAddr,
    ) -> Result<Ongoing, Stop> {
        let mut ongoing = Ongoing::open(&self.audit, &self.metrics, (direction, kind), downstream)
            .map_err(|cause| error::Error::new(error::Kind::AuditUnavailable, cause))?;
        match Arc::clone(self.places.of(direction)).try_acquire_owned() {
            Ok(place) => {
                ongoing.keep(place);
                Ok(ongoing)
            }
            Err(_) => {
                let stop = Stop::from(error::Kind::ExchangesMax);
                ongoing.stop(&stop, error::Kind::ExchangesMax.status().as_u16());
                Err(stop)
            }
        }
    }
}
