//! What a scan holds beyond a small fixed base: windows of decoders, blocks and files that are read once
//! they are whole. Invariant: what is held is counted until whoever holds it is dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Scan;
use crate::evidence::IncompleteReason;

/// Who is asked whether a scan goes on. It is asked at least once for each 32 KiB that are decoded, while
/// the scan is fed or finished.
pub trait Monitor: std::fmt::Debug + Send + Sync {
    /// Whether a scan goes on that holds so many bytes beyond a small fixed base, and has decoded so many,
    /// all levels together. Where it does not its evidence is incomplete and nothing more is decoded.
    fn may_go_on(&self, held: u64, decoded: u64) -> bool;
}

/// What all parts of one scan hold, bytes.
#[derive(Debug, Default)]
pub(crate) struct Held(Arc<AtomicU64>);

impl Held {
    pub(crate) fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What one part of a scan holds; taken back on drop.
#[derive(Debug, Default)]
pub(crate) struct Weight {
    bytes: u64,
    all: Option<Arc<AtomicU64>>,
}

impl Drop for Weight {
    fn drop(&mut self) {
        if let Some(all) = &self.all {
            all.fetch_sub(self.bytes, Ordering::Relaxed);
        }
    }
}

impl Scan {
    /// Notes that what has this weight holds so many bytes now.
    pub(crate) fn weigh(&self, weight: &mut Weight, bytes: usize) {
        let bytes = bytes as u64;
        if weight.bytes == bytes {
            return;
        }
        let all = weight.all.get_or_insert_with(|| Arc::clone(&self.held.0));
        all.fetch_add(bytes, Ordering::Relaxed);
        all.fetch_sub(weight.bytes, Ordering::Relaxed);
        weight.bytes = bytes;
    }

    /// Whether the scan goes on; once it does not, it never does again.
    pub(crate) fn goes_on(&mut self) -> bool {
        let Some(monitor) = self.monitor.as_ref().filter(|_| !self.is_stopped) else {
            return !self.is_stopped;
        };
        if monitor.may_go_on(self.held.bytes(), self.decoded) {
            return true;
        }
        self.is_stopped = true;
        self.evidence.add_incomplete(IncompleteReason::Truncated, None);
        false
    }
}
