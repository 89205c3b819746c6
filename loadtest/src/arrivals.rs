//! When requests are sent. Open loop: each has its time, whatever became of those before it, so that a
//! system that is slow for a moment is charged with all who had to wait (coordinated omission is what
//! a client that waits for its answer does not see).

use std::time::{Duration, Instant};

/// The times of an open loop: evenly, from the start on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrivals {
    start: Instant,
    per_second: f64,
}

impl Arrivals {
    /// So many requests a second, a positive number.
    pub(crate) fn new(start: Instant, per_second: f64) -> Arrivals {
        Arrivals { start, per_second }
    }

    /// When the request of that number, from 0 on, is due.
    pub(crate) fn due(&self, number: u64) -> Instant {
        self.start + Duration::from_secs_f64(number as f64 / self.per_second)
    }

    /// Waits until the request is due, and says from when on its latency counts: from when it was due,
    /// where nobody was free to send it; else from when it is sent, since that the timer is late is
    /// not the system's fault.
    pub(crate) async fn wait(&self, number: u64) -> Instant {
        let due = self.due(number);
        let now = Instant::now();
        if due <= now {
            return due;
        }
        tokio::time::sleep_until(due.into()).await;
        Instant::now()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_due_evenly() {
        let start = Instant::now();
        let arrivals = Arrivals::new(start, 200.0);
        assert_eq!(arrivals.due(0), start);
        assert_eq!(arrivals.due(1) - start, Duration::from_millis(5));
        assert_eq!(arrivals.due(2_000) - start, Duration::from_secs(10));
    }

    #[tokio::test]
    async fn who_is_late_counts_from_when_it_was_due() {
        let start = Instant::now().checked_sub(Duration::from_secs(1)).unwrap();
        let arrivals = Arrivals::new(start, 10.0);
        assert_eq!(arrivals.wait(3).await, arrivals.due(3));
        let waited = arrivals.wait(11).await;
        assert!(waited >= arrivals.due(11), "nothing is sent before it is due");
    }
}
