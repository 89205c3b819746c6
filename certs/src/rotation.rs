//! The identity in force, and the schedule of its renewal. Pure but for the atomic swap.
//!
//! Invariant: what is in force was valid when it was swapped in, and always the same SPIFFE ID. A bad
//! offer changes nothing.

use std::sync::Arc;

use arc_swap::ArcSwap;
use jiff::{SignedDuration, Timestamp};

use crate::profile::Validity;
use crate::svid::{Identity, IdentityProblem, InvalidIdentity, Part};

/// The widest jitter, as a fraction of the lifetime's half; SPIRE spreads its renewals as far.
pub const JITTER_MAX: f64 = 0.1;

/// The identity in force. Handshakes load it; a source offers the next one.
#[derive(Debug)]
pub struct Current {
    identity: ArcSwap<Identity>,
}

impl Current {
    /// Begins with an identity that its source has validated.
    #[must_use]
    pub fn new(identity: Identity) -> Current {
        Current { identity: ArcSwap::from_pointee(identity) }
    }

    /// The identity in force. Whoever holds the answer keeps it unchanged through later swaps.
    #[must_use]
    pub fn load(&self) -> Arc<Identity> {
        self.identity.load_full()
    }

    /// Validates an identity and swaps it in; running connections keep theirs.
    ///
    /// # Errors
    ///
    /// It is for another SPIFFE ID, expired, not yet valid, or its chain no longer builds at `now`.
    /// The old one then stays in force.
    pub fn offer(&self, offered: Identity, now: Timestamp) -> Result<(), InvalidIdentity> {
        let current = self.identity.load();
        if offered.id() != current.id() {
            let expected = current.id().clone();
            let problem =
                IdentityProblem::OtherSpiffeId { expected, offered: offered.id().clone() };
            return Err(InvalidIdentity::new(Part::Chain, problem));
        }
        offered.check(now)?;
        self.identity.store(Arc::new(offered));
        Ok(())
    }
}

/// Where in its life a certificate is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// `notAfter` has passed (or `notBefore` is still ahead): nothing may be done with it.
    Expired,
    /// Valid, and not yet due.
    Ok,
    /// Valid, but its renewal should have happened even with the widest jitter.
    RenewalOverdue,
}

impl State {
    /// The stable word for metrics and health answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            State::Expired => "expired",
            State::Ok => "ok",
            State::RenewalOverdue => "renewal-overdue",
        }
    }
}

/// When to renew: at half life, moved by `jitter` of that half so that a fleet does not renew at
/// once. `jitter` outside ±[`JITTER_MAX`] is brought to the nearer end, and no number counts as 0.
#[must_use]
pub fn next_renewal(not_before: Timestamp, not_after: Timestamp, jitter: f64) -> Timestamp {
    let jitter = if jitter.is_nan() { 0.0 } else { jitter.clamp(-JITTER_MAX, JITTER_MAX) };
    let life = not_before.duration_until(not_after).max(SignedDuration::ZERO);
    let wait = (life / 2).as_secs_f64() * (1.0 + jitter);
    SignedDuration::try_from_secs_f64(wait)
        .ok()
        .and_then(|wait| not_before.checked_add(wait).ok())
        .unwrap_or(not_before)
}

/// Where in its life a certificate is at `now`.
#[must_use]
pub fn state(validity: Validity, now: Timestamp) -> State {
    if !validity.contains(now) {
        State::Expired
    } else if now > next_renewal(validity.not_before, validity.not_after, JITTER_MAX) {
        State::RenewalOverdue
    } else {
        State::Ok
    }
}

#[cfg(test)]
mod tests;
