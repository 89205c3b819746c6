//! A downstream connection's life: when it takes no more requests, and when it ends at once.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use tokio::time::Instant;

use super::cut::{Cut, Withdrawn};
use crate::drain::Drain;

/// Ages are spread over the last part of `limits.connectionAgeMax`, so that connections which were
/// made together do not all come back together: one part in so many.
const AGE_SPREAD: u32 = 10;

/// How long a downstream connection lasts. A clone tells of the same connection.
#[derive(Clone, Debug)]
pub struct Line {
    drain: Drain,
    aged: Instant,
    retire: Cut,
    cut: Cut,
}

impl Line {
    /// A connection that takes requests until the drain begins or it is `age_max` old.
    pub fn new(drain: &Drain, age_max: Duration) -> Self {
        let aged = Instant::now() + spread(age_max, RandomState::new().hash_one(0));
        Self { drain: drain.clone(), aged, retire: Cut::default(), cut: Cut::default() }
    }

    /// A session inside of this connection, which takes no more requests once `retire` is raised.
    #[must_use]
    pub fn inner(&self, retire: &Cut) -> Self {
        Self { retire: retire.clone(), cut: Cut::default(), ..self.clone() }
    }

    /// Resolves when the connection is to finish what it has begun and end: HTTP/1.1 says
    /// `Connection: close`, HTTP/2 sends GOAWAY.
    pub async fn retiring(&mut self) {
        tokio::select! {
            () = self.drain.begun() => {}
            () = tokio::time::sleep_until(self.aged) => {}
            _ = self.retire.raised() => {}
        }
    }

    /// Whether the answer that is sent now is to be the connection's last.
    pub fn is_retiring(&self) -> bool {
        self.drain.onlooker().has_begun()
            || Instant::now() >= self.aged
            || self.retire.withdrawn().is_some()
    }

    /// Has the connection finish what it has begun and end.
    pub fn retire(&self, why: Withdrawn) {
        self.retire.raise(why);
    }

    /// The drain that the connection's work is counted in.
    pub fn drain(&self) -> &Drain {
        &self.drain
    }

    /// Ends the connection at once, whatever is under way on it.
    pub fn cut(&self) -> &Cut {
        &self.cut
    }
}

/// A time within the last tenth of `age_max`, chosen by `random`.
fn spread(age_max: Duration, random: u64) -> Duration {
    let part = u32::try_from(random % 1000).unwrap_or_default();
    age_max - age_max / AGE_SPREAD * part / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_spread_and_never_over_the_limit() {
        let hour = Duration::from_secs(3600);
        assert_eq!(spread(hour, 0), hour);
        for random in 0..5000 {
            let age = spread(hour, random);
            assert!(age <= hour && age > hour - hour / 10, "{age:?}");
        }
    }
}
