//! The bytes of bodies that the whole process keeps in memory, or has let others send: what is held to be
//! read, and for each exchange what it may come to keep when its receivers take nothing ([`cost`]).
//!
//! Invariant: whoever is under way has taken its part before, so it goes on however little is left and
//! nobody waits for a share. Where half is used new connections get smaller windows, where a quarter is
//! left held bodies go to disk, and where nothing is left newcomers are turned away before work begins.

pub mod cost;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use prometheus::IntGauge;

/// `limits.bufferedBytesMax`, and what of it is used. Clones share one budget.
#[derive(Clone, Debug)]
pub struct Budget {
    used: Arc<AtomicU64>,
    bytes_max: u64,
    gauge: IntGauge,
}

/// A part of the budget; given back on drop.
#[derive(Debug)]
pub struct Share {
    budget: Budget,
    bytes: u64,
}

impl Budget {
    /// A budget of `bytes_max`, all of it free.
    pub fn new(bytes_max: u64, gauge: IntGauge) -> Self {
        Self { used: Arc::default(), bytes_max, gauge }
    }

    /// Whether nothing is left.
    pub fn is_spent(&self) -> bool {
        self.used.load(Ordering::Relaxed) >= self.bytes_max
    }

    /// Whether half is used, so that who opens a connection had better promise less.
    pub fn is_short(&self) -> bool {
        self.used.load(Ordering::Relaxed) >= self.bytes_max / 2
    }

    /// A share of nothing yet.
    pub fn share(&self) -> Share {
        Share { budget: self.clone(), bytes: 0 }
    }
}

impl Share {
    /// Takes `bytes` more if that much is left.
    #[must_use = "what was not taken must not be kept"]
    pub fn try_grow(&mut self, bytes: usize) -> bool {
        self.try_grow_within(bytes as u64, self.budget.bytes_max)
    }

    /// Takes `bytes` more if a quarter of the budget is left then: for what can be kept elsewhere, so that
    /// it does not keep newcomers out.
    #[must_use = "what was not taken must not be kept"]
    pub fn try_grow_sparing(&mut self, bytes: usize) -> bool {
        self.try_grow_within(bytes as u64, self.budget.bytes_max - self.budget.bytes_max / 4)
    }

    fn try_grow_within(&mut self, bytes: u64, bytes_max: u64) -> bool {
        let after = |used: u64| used.checked_add(bytes).filter(|after| *after <= bytes_max);
        let taken = self.budget.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, after);
        if taken.is_ok() {
            self.keep(bytes);
        }
        taken.is_ok()
    }

    /// Takes `bytes` more, also over the budget: for what is in memory already.
    pub fn grow(&mut self, bytes: usize) {
        self.budget.used.fetch_add(bytes as u64, Ordering::Relaxed);
        self.keep(bytes as u64);
    }

    /// Hands the part of the share that `piece` has over to the piece: whoever drops its last byte
    /// gives it back.
    pub fn hand_over(&mut self, piece: Bytes) -> Bytes {
        let bytes = (piece.len() as u64).min(self.bytes);
        self.bytes -= bytes;
        let share = Share { budget: self.budget.clone(), bytes };
        Bytes::from_owner(Tied { piece, _share: share })
    }

    fn keep(&mut self, bytes: u64) {
        self.bytes += bytes;
        self.budget.gauge.add(bytes.cast_signed());
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.bytes, Ordering::Relaxed);
        self.budget.gauge.sub(self.bytes.cast_signed());
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
