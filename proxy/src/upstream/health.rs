//! How destinations do: one that has taken no connection several times running is not dialled for a
//! while, and never more connections to one at once than a limit. The time comes in as a value.
//!
//! A destination whose certificate is not the one that policy asks for is not unhealthy: whoever
//! asks is told so each time.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use policy::Host;

use crate::config::Limits;
use crate::error::{Error, Kind};

/// Destinations that are remembered; beyond it those that do well and have no connection are not.
const DESTINATIONS_MAX: usize = 1024;
/// A pause is longer by at most this part of itself, at random, so that not all come back at once.
const JITTER_PART: u32 = 5;
/// A pause doubles so often at the most.
const DOUBLINGS_MAX: u32 = 16;

/// Where connections go.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Destination {
    pub(super) endpoint: Arc<str>,
    pub(super) host: Host,
    pub(super) port: u16,
}

/// What is known of all destinations.
#[derive(Debug)]
pub(super) struct Health {
    known: Arc<Mutex<HashMap<Destination, State>>>,
    settings: Settings,
}

#[derive(Clone, Copy, Debug)]
struct Settings {
    failures_max: usize,
    pause: Duration,
    pause_max: Duration,
    connections_max: usize,
}

#[derive(Clone, Debug, Default)]
struct State {
    /// Failures running.
    failures: usize,
    /// Pauses running.
    pauses: u32,
    until: Option<Instant>,
    /// One connection is tried to see whether the pause may end.
    is_probing: bool,
    connections: usize,
}

/// A connection, from before it is opened until it is gone.
#[derive(Debug)]
pub(super) struct Seat {
    known: Arc<Mutex<HashMap<Destination, State>>>,
    destination: Destination,
    settings: Settings,
    is_probe: AtomicBool,
}

impl Health {
    pub(super) fn new(limits: &Limits) -> Self {
        let settings = Settings {
            failures_max: limits.upstream_failures_max,
            pause: limits.upstream_pause,
            pause_max: limits.upstream_pause_max,
            connections_max: limits.upstream_connections_max,
        };
        Self { known: Arc::default(), settings }
    }

    /// Leave to open a connection.
    ///
    /// # Errors
    /// `UpstreamEjected` during a pause, `UpstreamConnectionsMax` when there are enough.
    pub(super) fn admit(&self, destination: Destination, now: Instant) -> Result<Arc<Seat>, Error> {
        let mut known = lock(&self.known);
        if known.len() >= DESTINATIONS_MAX && !known.contains_key(&destination) {
            known.retain(|_, state| state.connections > 0 || state.failures > 0);
            if known.len() >= DESTINATIONS_MAX {
                known.retain(|_, state| state.connections > 0);
            }
        }
        let state = known.entry(destination.clone()).or_default();
        if state.connections >= self.settings.connections_max {
            return Err(Kind::UpstreamConnectionsMax.into());
        }
        let is_probe = match state.until {
            None => false,
            Some(until) if now < until || state.is_probing => {
                return Err(Kind::UpstreamEjected.into());
            }
            Some(_) => true,
        };
        state.is_probing |= is_probe;
        state.connections += 1;
        drop(known);
        let (known, settings) = (Arc::clone(&self.known), self.settings);
        let is_probe = AtomicBool::new(is_probe);
        Ok(Arc::new(Seat { known, destination, settings, is_probe }))
    }

    /// Destinations that are not dialled now.
    #[cfg(test)]
    fn ejected(&self, now: Instant) -> usize {
        lock(&self.known).values().filter(|state| state.until.is_some_and(|at| now < at)).count()
    }
}

impl Seat {
    /// Notes how the opening went. Returns whether the destination is not dialled from now on.
    pub(super) fn judge<T>(&self, opened: &Result<T, Error>, now: Instant) -> bool {
        let is_failure = match opened {
            Ok(_) => false,
            Err(error) if is_failure(error.kind()) => true,
            // It answered, or we never asked.
            Err(_) => return false,
        };
        let mut known = lock(&self.known);
        let Some(state) = known.get_mut(&self.destination) else { return false };
        if self.is_probe.swap(false, Ordering::Relaxed) {
            state.is_probing = false;
        }
        if !is_failure {
            (state.failures, state.pauses, state.until) = (0, 0, None);
            return false;
        }
        state.failures = state.failures.saturating_add(1);
        if state.failures < self.settings.failures_max {
            return false;
        }
        let pause = self.settings.pause(state.pauses, RandomState::new().hash_one(0));
        state.pauses = state.pauses.saturating_add(1);
        state.until = Some(now + pause);
        true
    }
}

impl Settings {
    /// Twice as long each time, up to the limit, and a little longer by `random`.
    fn pause(&self, pauses: u32, random: u64) -> Duration {
        let doubled = self.pause.saturating_mul(1 << pauses.min(DOUBLINGS_MAX));
        let part = u32::try_from(random % 1000).unwrap_or_default();
        let jitter = doubled.min(self.pause_max) / JITTER_PART * part / 1000;
        doubled.min(self.pause_max) + jitter
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut known = lock(&self.known);
        if let Some(state) = known.get_mut(&self.destination) {
            state.connections = state.connections.saturating_sub(1);
            // Given up before it was known how it went: the next one may try.
            state.is_probing &= !self.is_probe.load(Ordering::Relaxed);
        }
    }
}

fn is_failure(kind: Kind) -> bool {
    matches!(kind, Kind::UpstreamBroken | Kind::UpstreamTimeout | Kind::UpstreamUnreachable)
}

fn lock(known: &Mutex<HashMap<Destination, State>>) -> MutexGuard<'_, HashMap<Destination, State>> {
    known.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health() -> Health {
        Health::new(&Limits {
            upstream_failures_max: 3,
            upstream_pause: Duration::from_secs(1),
            upstream_pause_max: Duration::from_secs(10),
            upstream_connections_max: 2,
            ..Limits::default()
        })
    }

    fn destination(port: u16) -> Destination {
        let host = Host::parse("registry.ml.internal").unwrap();
        Destination { endpoint: Arc::from("registry"), host, port }
    }

    fn fail(health: &Health, now: Instant) -> bool {
        let seat = health.admit(destination(1), now).unwrap();
        seat.judge::<()>(&Err(Kind::UpstreamUnreachable.into()), now)
    }

    fn code(refused: Result<Arc<Seat>, Error>) -> &'static str {
        refused.unwrap_err().kind().code()
    }

    #[test]
    fn failures_running_eject_and_one_probe_brings_it_back() {
        let (health, now) = (health(), Instant::now());
        assert!(!fail(&health, now) && !fail(&health, now) && fail(&health, now));
        assert_eq!(code(health.admit(destination(1), now)), "upstream-ejected");
        assert!(health.admit(destination(2), now).is_ok(), "a neighbour");
        assert_eq!(health.ejected(now), 1);

        // At most a fifth longer than said; then one may try, and only one.
        let later = now + Duration::from_millis(1200);
        let probe = health.admit(destination(1), later).unwrap();
        assert_eq!(code(health.admit(destination(1), later)), "upstream-ejected");
        probe.judge(&Ok(()), later);
        assert!(health.admit(destination(1), later).is_ok());
        assert!(!fail(&health, later), "it begins anew");
    }

    #[test]
    fn a_probe_that_fails_waits_longer_and_one_that_is_given_up_does_not_count() {
        let (health, now) = (health(), Instant::now());
        assert_eq!((0..3).filter(|_| fail(&health, now)).count(), 1);
        let later = now + Duration::from_millis(1200);
        drop(health.admit(destination(1), later).unwrap());
        assert!(fail(&health, later), "the next one probes");
        let soon = later + Duration::from_millis(1900);
        assert_eq!(code(health.admit(destination(1), soon)), "upstream-ejected");
        assert!(health.admit(destination(1), later + Duration::from_millis(2400)).is_ok());
    }

    #[test]
    fn what_an_upstream_proves_wrongly_is_told_each_time() {
        let (health, now) = (health(), Instant::now());
        for _ in 0..10 {
            let seat = health.admit(destination(1), now).unwrap();
            assert!(!seat.judge::<()>(&Err(Kind::UpstreamUnverified.into()), now));
        }
    }

    #[test]
    fn connections_are_counted_until_they_are_gone() {
        let (health, now) = (health(), Instant::now());
        let (one, _other) = (
            health.admit(destination(1), now).unwrap(),
            health.admit(destination(1), now).unwrap(),
        );
        assert_eq!(code(health.admit(destination(1), now)), "upstream-connections-max");
        drop(one);
        assert!(health.admit(destination(1), now).is_ok());
    }

    #[test]
    fn pauses_grow_up_to_their_limit() {
        let settings = health().settings;
        let seconds: Vec<u64> = (0..6).map(|at| settings.pause(at, 0).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 10, 10]);
        let longest = (0..2000).map(|random| settings.pause(40, random)).max().unwrap();
        assert!(longest > Duration::from_secs(11) && longest <= Duration::from_secs(12));
    }

    #[test]
    fn the_table_is_bounded() {
        let (health, now) = (health(), Instant::now());
        let seats: Vec<_> = (0..10).map(|at| health.admit(destination(at), now)).collect();
        for at in 0..20_000 {
            let seat = health.admit(destination(at), now).unwrap();
            seat.judge::<()>(&Err(Kind::UpstreamTimeout.into()), now);
        }
        assert!(lock(&health.known).len() <= DESTINATIONS_MAX);
        drop(seats);
    }
}
