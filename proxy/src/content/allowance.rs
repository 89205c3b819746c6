//! What the scan of one body may hold in memory, and how long it goes on: its decoders' windows and what it
//! reads once it is whole are taken from `limits.bufferedBytesMax` as they grow, a cut ends it between two
//! pieces that it decodes, and one that decodes much gives its worker thread to others.
//!
//! Invariant: what a scan holds is taken from the budget as long as the scan is there, also while no
//! exchange is under way.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::{Handle, RuntimeFlavor};

use crate::budget::Share;
use crate::error::Kind;
use crate::live::Cut;
use crate::stop::Stop;

/// Bytes that a scan decodes before it gives way: some milliseconds of work, so that giving way costs an
/// archive little. A body of a few KiB can decode to as much as the scan's limits allow, all at once.
const TURN_BYTES: u64 = 4 * 1024 * 1024;
/// How long it gives way: enough for another thread to come for the worker's tasks.
const GIVE_WAY: Duration = Duration::from_millis(1);

/// Asked by one scan whether it goes on.
#[derive(Debug)]
pub(super) struct Allowance {
    terms: Mutex<Terms>,
    is_spent: AtomicBool,
    /// How much was decoded when it last gave way.
    turned: AtomicU64,
}

#[derive(Debug)]
struct Terms {
    /// None where nothing is counted.
    share: Option<Share>,
    cut: Cut,
}

impl Allowance {
    /// Takes what the scan holds into `share`, until `cut`.
    pub(super) fn new(share: Share, cut: &Cut) -> Self {
        Self::of(Some(share), cut)
    }

    /// Counts nothing: for what is scanned at once and then dropped.
    pub(super) fn uncounted(cut: &Cut) -> Self {
        Self::of(None, cut)
    }

    fn of(share: Option<Share>, cut: &Cut) -> Self {
        let terms = Mutex::new(Terms { share, cut: cut.clone() });
        Self { terms, is_spent: AtomicBool::new(false), turned: AtomicU64::new(0) }
    }

    /// Why the scan was stopped, if it was.
    ///
    /// # Errors
    /// The cut, or that `limits.bufferedBytesMax` leaves no room.
    pub(super) fn check(&self) -> Result<(), Stop> {
        self.terms().cut.check()?;
        if self.is_spent.load(Ordering::Relaxed) {
            return Err(Kind::BufferedBytesMax.into());
        }
        Ok(())
    }

    /// What ends the exchange ends the scan no longer: it waits for another one.
    pub(super) fn park(&self) {
        self.terms().cut = Cut::default();
    }

    fn terms(&self) -> MutexGuard<'_, Terms> {
        self.terms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl dlp::Monitor for Allowance {
    fn may_go_on(&self, held: u64, decoded: u64) -> bool {
        {
            let mut terms = self.terms();
            if terms.cut.check().is_err() {
                return false;
            }
            if terms.share.as_mut().is_some_and(|share| !share.try_keep_sparing(held)) {
                self.is_spent.store(true, Ordering::Relaxed);
                return false;
            }
        }
        if decoded.saturating_sub(self.turned.load(Ordering::Relaxed)) >= TURN_BYTES {
            self.turned.store(decoded, Ordering::Relaxed);
            give_way();
        }
        true
    }
}

/// Lets another thread have the worker's tasks; the scan goes on beside it, without them.
fn give_way() {
    let flavor = Handle::try_current().map(|handle| handle.runtime_flavor());
    if flavor.is_ok_and(|flavor| flavor == RuntimeFlavor::MultiThread) {
        tokio::task::block_in_place(|| std::thread::sleep(GIVE_WAY));
    }
}
