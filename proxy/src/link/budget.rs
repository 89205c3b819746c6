//! What a link lets through: exchanges at once and in a second, bytes of one exchange and in a
//! second, bytes of a message. Shared by all connections of the link.
//!
//! Invariant: a place is given back when its exchange ends, before its record is written. Bytes over
//! the rate wait; everything else over its budget is refused, and the refusal names the budget.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use policy::Verdict;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::rate::Rate;
use crate::config::{Budgets, Link};

/// `exchangesMax` and `exchangesPerSecondMax`: may be tried again later.
pub const EXCHANGES_CODES: [&str; 2] = ["link-exchanges-max", "link-exchanges-per-second-max"];
/// `bytesMax` and `messageBytesMax`: the same exchange will never pass.
pub const BYTES_CODES: [&str; 2] = ["link-bytes-max", "link-message-bytes-max"];

/// A link's budgets, as far as they are used up.
#[derive(Debug)]
pub struct Budget {
    link: Arc<str>,
    own: Budgets,
    start: Instant,
    places: Option<Arc<Semaphore>>,
    begun: Option<Mutex<Rate>>,
    passed: Option<Mutex<Rate>>,
}

/// One exchange's share.
#[derive(Debug)]
pub struct Share {
    budget: Arc<Budget>,
    bytes: AtomicU64,
    _place: Option<OwnedSemaphorePermit>,
}

impl Budget {
    /// As the configuration says.
    pub fn new(link: &Link) -> Self {
        let own = link.budgets;
        let places = own.exchanges_max.map(|max| {
            let places = usize::try_from(max.get()).unwrap_or(usize::MAX);
            Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS)))
        });
        let rate = |per_second| Mutex::new(Rate::new(per_second));
        Self {
            link: Arc::clone(&link.name),
            own,
            start: Instant::now(),
            places,
            begun: own.exchanges_per_second_max.map(|max| rate(u64::from(max.get()))),
            passed: own.bytes_per_second_max.map(rate),
        }
    }

    /// Begins an exchange.
    ///
    /// # Errors
    /// The verdict that names the budget.
    pub fn begin(self: &Arc<Self>) -> Result<Arc<Share>, Box<Verdict>> {
        let place = match &self.places {
            None => None,
            Some(places) => Some(Arc::clone(places).try_acquire_owned().map_err(|_| {
                let max = self.own.exchanges_max.map_or(0, |max| max.get());
                let text = format!("{max} exchanges are under way already (exchangesMax)");
                self.refuse("link-exchanges-max", &text)
            })?),
        };
        if let Some(begun) = &self.begun {
            let mut begun = begun.lock().unwrap_or_else(PoisonError::into_inner);
            if !begun.try_take(self.start.elapsed()) {
                let max = self.own.exchanges_per_second_max.map_or(0, |max| max.get());
                let text = format!("more than {max} exchanges in a second (exchangesPerSecondMax)");
                return Err(self.refuse("link-exchanges-per-second-max", &text));
            }
        }
        Ok(Arc::new(Share { budget: Arc::clone(self), bytes: AtomicU64::new(0), _place: place }))
    }

    fn refuse(&self, code: &'static str, text: &str) -> Box<Verdict> {
        Box::new(Verdict::block(None, code, format!("link \"{}\": {text}", self.link)))
    }
}

impl Share {
    /// Counts a head of either way, and waits as its rate asks.
    ///
    /// # Errors
    /// The verdict that names the budget.
    pub async fn pay(&self, bytes: usize) -> Result<(), Box<Verdict>> {
        let wait = self.spend(bytes)?;
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        Ok(())
    }

    /// Counts bytes of either way, and says how long what follows them has to wait.
    ///
    /// # Errors
    /// The verdict that names the budget.
    pub fn spend(&self, bytes: usize) -> Result<Duration, Box<Verdict>> {
        let bytes = bytes as u64;
        let total = self.bytes.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        if let Some(max) = self.budget.own.bytes_max
            && total > max
        {
            let text = format!("the exchange has more than {max} bytes (bytesMax)");
            return Err(self.budget.refuse("link-bytes-max", &text));
        }
        let Some(passed) = &self.budget.passed else { return Ok(Duration::ZERO) };
        let mut passed = passed.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(passed.take(bytes, self.budget.start.elapsed()))
    }

    /// Checks the length of a message.
    ///
    /// # Errors
    /// The verdict that names the budget.
    pub fn admit_message(&self, bytes: u64) -> Result<(), Box<Verdict>> {
        match self.budget.own.message_bytes_max {
            Some(max) if bytes > max => {
                let text = format!("a message has more than {max} bytes (messageBytesMax)");
                Err(self.budget.refuse("link-message-bytes-max", &text))
            }
            Some(_) | None => Ok(()),
        }
    }
}
