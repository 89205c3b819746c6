//! The bytes of bodies that the whole process keeps in memory. Who would take more spools to disk, or
//! is turned away before work begins.

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

    /// A share of nothing yet.
    pub fn share(&self) -> Share {
        Share { budget: self.clone(), bytes: 0 }
    }
}

impl Share {
    /// Takes `bytes` more if that much is left.
    pub fn try_grow(&mut self, bytes: usize) -> bool {
        let bytes = bytes as u64;
        let before = self.budget.used.fetch_add(bytes, Ordering::Relaxed);
        if before + bytes > self.budget.bytes_max {
            self.budget.used.fetch_sub(bytes, Ordering::Relaxed);
            return false;
        }
        self.keep(bytes);
        true
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
        Bytes::from_owner(Counted { piece, _share: share })
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

struct Counted {
    piece: Bytes,
    _share: Share,
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.piece
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_comes_back_with_the_last_byte() {
        let gauge = IntGauge::new("bytes", "bytes").unwrap();
        let budget = Budget::new(100, gauge.clone());
        let (mut one, mut other) = (budget.share(), budget.share());
        assert!(one.try_grow(60) && !other.try_grow(60) && other.try_grow(40));
        assert!(budget.is_spent());
        drop(other);
        assert!(!budget.is_spent());

        let piece = one.hand_over(Bytes::from(vec![7; 50]));
        drop(one);
        assert_eq!(gauge.get(), 50, "the piece is still in memory");
        let tail = piece.slice(49..);
        drop(piece);
        assert_eq!((gauge.get(), &tail[..]), (50, &[7][..]));
        drop(tail);
        assert_eq!(gauge.get(), 0);
    }
}
