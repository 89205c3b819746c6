//! How much may pass in a second, with a burst of one second's worth. Pure: time comes in.
//!
//! The generic cell rate algorithm (ITU-T I.371, annex A): one number, the time at which all that
//! was taken so far would have passed at an even rate.

use std::time::Duration;

const NANOS: u128 = 1_000_000_000;

/// A rate.
#[derive(Debug)]
pub(super) struct Rate {
    per_second: u64,
    /// Since the same start as `now`, in nanoseconds.
    through: u128,
}

impl Rate {
    /// So many in a second, at least one.
    pub(super) fn new(per_second: u64) -> Self {
        Self { per_second: per_second.max(1), through: 0 }
    }

    /// Takes `count`, whether or not there is room, and says how long what comes next has to wait.
    pub(super) fn take(&mut self, count: u64, now: Duration) -> Duration {
        let now = now.as_nanos();
        let cost = u128::from(count).saturating_mul(NANOS) / u128::from(self.per_second);
        self.through = self.through.max(now).saturating_add(cost);
        self.wait(now)
    }

    /// Takes one if there is room.
    pub(super) fn try_take(&mut self, now: Duration) -> bool {
        let nanos = now.as_nanos();
        let cost = NANOS / u128::from(self.per_second);
        let through = self.through.max(nanos).saturating_add(cost);
        if through > nanos.saturating_add(NANOS) {
            return false;
        }
        self.through = through;
        true
    }

    fn wait(&self, now: u128) -> Duration {
        let wait = self.through.saturating_sub(now.saturating_add(NANOS));
        Duration::from_nanos(u64::try_from(wait).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_second_passes_at_once_and_then_the_rate_holds() {
        let mut rate = Rate::new(1000);
        assert_eq!(rate.take(1000, ms(5000)), ms(0));
        assert_eq!(rate.take(500, ms(5000)), ms(500));
        assert_eq!(rate.take(500, ms(5500)), ms(500));
        assert_eq!(rate.take(0, ms(6000)), ms(0));
        assert_eq!(rate.take(u64::MAX, ms(6000)).as_secs(), u64::MAX / 1_000_000_000);
    }

    #[test]
    fn those_over_the_rate_are_not_counted_against_it() {
        let mut rate = Rate::new(2);
        let taken: Vec<_> = (0..5).map(|_| rate.try_take(ms(100))).collect();
        assert_eq!(taken, [true, true, false, false, false]);
        assert!(!rate.try_take(ms(599)));
        assert!(rate.try_take(ms(600)));
        assert!(!rate.try_take(ms(600)));
        // Silence saves up no more than a second's worth.
        let taken: Vec<_> = (0..4).map(|_| rate.try_take(ms(60_000))).collect();
        assert_eq!(taken, [true, true, false, false]);
    }
}
