//! The bytes of bodies that the whole process keeps in memory, or has let others send: what is held to be
//! read, and for each exchange what it may come to keep when its receivers take nothing ([`cost`]).
//!
//! Invariant: whoever is under way has taken its part before, so it goes on however little is left. What one
//! source may use depends on what is free, so none shuts out the others. Where half is used new connections
//! get smaller windows, where a quarter is left held bodies go to disk, and then newcomers are turned away.

pub mod cost;
mod holder;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use prometheus::IntGauge;

pub use self::holder::Holder;
use self::holder::Holders;
use crate::rate::Source;

/// What one source may use, in parts of what is then still free: three quarters of the budget where it
/// is alone, three sevenths where there are two.
const TIMES_FREE: u64 = 3;
/// The same for what can be kept elsewhere: half of the budget where it is alone.
const TIMES_FREE_SPARING: u64 = 1;

/// `limits.bufferedBytesMax`, and what of it is used. Clones share one budget.
#[derive(Clone, Debug)]
pub struct Budget {
    used: Arc<AtomicU64>,
    holders: Arc<Holders>,
    bytes_max: u64,
    gauge: IntGauge,
}

/// A part of the budget; given back on drop.
#[derive(Debug)]
pub struct Share {
    budget: Budget,
    holder: Holder,
    bytes: u64,
}

impl Budget {
    /// A budget of `bytes_max`, all of it free.
    pub fn new(bytes_max: u64, gauge: IntGauge) -> Self {
        Self { used: Arc::default(), holders: Arc::default(), bytes_max, gauge }
    }

    /// The smallest budget of which one source may use `bytes` while no other uses any.
    pub fn least_for(bytes: u64) -> u64 {
        bytes.saturating_add(bytes.div_ceil(TIMES_FREE))
    }

    /// What `source` uses is counted by.
    pub fn holder(&self, source: &Source) -> Holder {
        self.holders.of(source)
    }

    /// Whether nothing is left for `holder`.
    pub fn is_spent(&self, holder: Holder) -> bool {
        let free = self.bytes_max.saturating_sub(self.used.load(Ordering::Relaxed));
        self.holders.used(holder) >= free.saturating_mul(TIMES_FREE)
    }

    /// Whether half is used, so that who opens a connection had better promise less.
    pub fn is_short(&self) -> bool {
        self.used.load(Ordering::Relaxed) >= self.bytes_max / 2
    }

    /// A share of nothing yet, which counts as `holder`'s.
    pub fn share(&self, holder: Holder) -> Share {
        Share { budget: self.clone(), holder, bytes: 0 }
    }
}

impl Share {
    /// Another one of the same holder, of nothing yet.
    pub fn sibling(&self) -> Self {
        self.budget.share(self.holder)
    }

    /// Takes `bytes` more if that much is left for the holder.
    #[must_use = "what was not taken must not be kept"]
    pub fn try_grow(&mut self, bytes: usize) -> bool {
        self.try_grow_within(bytes as u64, self.budget.bytes_max, TIMES_FREE)
    }

    /// Takes `bytes` more if a quarter of the budget is left then: for what can be kept elsewhere, so that
    /// it does not keep newcomers out.
    #[must_use = "what was not taken must not be kept"]
    pub fn try_grow_sparing(&mut self, bytes: usize) -> bool {
        let bytes_max = self.budget.bytes_max - self.budget.bytes_max / 4;
        self.try_grow_within(bytes as u64, bytes_max, TIMES_FREE_SPARING)
    }

    /// Grows, as [`Share::try_grow_sparing`], or shrinks to `bytes` in all.
    #[must_use = "what was not taken must not be kept"]
    pub fn try_keep_sparing(&mut self, bytes: u64) -> bool {
        if let Some(more) = bytes.checked_sub(self.bytes) {
            return more == 0 || self.try_grow_sparing(usize::try_from(more).unwrap_or(usize::MAX));
        }
        self.shrink(self.bytes - bytes);
        true
    }

    /// Gives back `bytes`, or all where that is less.
    fn shrink(&mut self, bytes: u64) {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        self.budget.holders.sub(self.holder, bytes);
        self.budget.used.fetch_sub(bytes, Ordering::Relaxed);
        self.budget.gauge.sub(bytes.cast_signed());
    }

    fn try_grow_within(&mut self, bytes: u64, bytes_max: u64, times_free: u64) -> bool {
        let Budget { used, holders, .. } = &self.budget;
        let after = |used: u64| used.checked_add(bytes).filter(|after| *after <= bytes_max);
        let Ok(before) = used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, after) else {
            return false;
        };
        let free = self.budget.bytes_max - (before + bytes);
        if holders.add(self.holder, bytes) > free.saturating_mul(times_free) {
            holders.sub(self.holder, bytes);
            used.fetch_sub(bytes, Ordering::Relaxed);
            return false;
        }
        self.bytes += bytes;
        self.budget.gauge.add(bytes.cast_signed());
        true
    }

    /// Hands the part of the share that `piece` has over to the piece: whoever drops its last byte
    /// gives it back.
    pub fn hand_over(&mut self, piece: Bytes) -> Bytes {
        let bytes = (piece.len() as u64).min(self.bytes);
        self.bytes -= bytes;
        let share = Share { budget: self.budget.clone(), holder: self.holder, bytes };
        Bytes::from_owner(Tied { piece, _share: share })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.shrink(self.bytes);
    }
}

/// A piece that keeps `share` until its last byte is dropped: until the wire has taken it.
pub fn tie(piece: Bytes, share: &Arc<Share>) -> Bytes {
    Bytes::from_owner(Tied { piece, _share: Arc::clone(share) })
}

struct Tied<S> {
    piece: Bytes,
    _share: S,
}

impl<S> AsRef<[u8]> for Tied<S> {
    fn as_ref(&self) -> &[u8] {
        &self.piece
    }
}

#[cfg(test)]
mod tests;
