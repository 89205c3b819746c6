//! What each source uses of the budget: counters that sources are spread over by a keyed hash, so that
//! nothing grows with their number and nobody waits for a lock. Two that meet in one count as one, and
//! none can choose whom it meets.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::rate::Source;

/// Counters. Of a thousand sources most have one to themselves.
const HOLDERS: usize = 1 << 14;

/// Whose a share is. The default is whoever is not known yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Holder(Option<u16>);

/// What each has used, bytes.
#[derive(Debug)]
pub(super) struct Holders {
    used: Box<[AtomicU64]>,
    unknown: AtomicU64,
    hasher: RandomState,
}

impl Default for Holders {
    fn default() -> Self {
        let used = (0..HOLDERS).map(|_| AtomicU64::new(0)).collect();
        Self { used, unknown: AtomicU64::new(0), hasher: RandomState::new() }
    }
}

impl Holders {
    /// The holder that `source` is.
    pub(super) fn of(&self, source: &Source) -> Holder {
        let at = self.hasher.hash_one(source) % HOLDERS as u64;
        Holder(u16::try_from(at).ok())
    }

    /// What `holder` uses.
    pub(super) fn used(&self, holder: Holder) -> u64 {
        self.counter(holder).load(Ordering::Relaxed)
    }

    /// Counts `bytes` more and says how much it is then.
    pub(super) fn add(&self, holder: Holder, bytes: u64) -> u64 {
        self.counter(holder).fetch_add(bytes, Ordering::Relaxed) + bytes
    }

    /// Counts `bytes` less.
    pub(super) fn sub(&self, holder: Holder, bytes: u64) {
        self.counter(holder).fetch_sub(bytes, Ordering::Relaxed);
    }

    fn counter(&self, holder: Holder) -> &AtomicU64 {
        let known = holder.0.and_then(|at| self.used.get(usize::from(at)));
        known.unwrap_or(&self.unknown)
    }
}
