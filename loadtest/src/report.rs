//! What one load did: counts, wall time and latencies.

use std::time::Duration;

use anyhow::Context as _;
use hdrhistogram::Histogram;
use serde::Serialize;

/// Latencies above this are counted as this.
const LATENCY_MAX: Duration = Duration::from_secs(600);

/// What one connection saw.
#[derive(Debug)]
pub(crate) struct Tally {
    micros: Histogram<u64>,
    /// Answered with 2xx.
    pub(crate) requests: u64,
    /// Answered with another status.
    pub(crate) refused: u64,
    /// Not answered.
    pub(crate) failed: u64,
    /// Body bytes of the requests answered with 2xx.
    pub(crate) bytes: u64,
}

impl Tally {
    pub(crate) fn new() -> anyhow::Result<Tally> {
        let max = u64::try_from(LATENCY_MAX.as_micros()).unwrap_or(u64::MAX);
        let micros = Histogram::new_with_bounds(1, max, 3).context("bad histogram bounds")?;
        Ok(Tally { micros, requests: 0, refused: 0, failed: 0, bytes: 0 })
    }

    /// One request answered with 2xx.
    pub(crate) fn served(&mut self, latency: Duration, bytes: u64) {
        self.requests += 1;
        self.bytes += bytes;
        self.micros.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
    }

    pub(crate) fn add(&mut self, other: &Tally) -> anyhow::Result<()> {
        self.micros.add(&other.micros).context("histograms of different bounds")?;
        self.requests += other.requests;
        self.refused += other.refused;
        self.failed += other.failed;
        self.bytes += other.bytes;
        Ok(())
    }

    pub(crate) fn report(&self, wall: Duration) -> Report {
        let millis = |percentile| self.micros.value_at_percentile(percentile) as f64 / 1000.0;
        Report {
            requests: self.requests,
            refused: self.refused,
            failed: self.failed,
            bytes: self.bytes,
            wall_seconds: wall.as_secs_f64(),
            latency_ms: Latency {
                p50: millis(50.0),
                p90: millis(90.0),
                p99: millis(99.0),
                p999: millis(99.9),
                max: self.micros.max() as f64 / 1000.0,
            },
        }
    }
}

/// What a whole load did.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Report {
    pub(crate) requests: u64,
    pub(crate) refused: u64,
    pub(crate) failed: u64,
    pub(crate) bytes: u64,
    pub(crate) wall_seconds: f64,
    pub(crate) latency_ms: Latency,
}

/// Milliseconds from sending a request to the end of its answer.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Latency {
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
    pub(crate) max: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tallies_of_connections_add_up() {
        let mut whole = Tally::new().unwrap();
        for millis in [1, 3] {
            let mut one = Tally::new().unwrap();
            one.served(Duration::from_millis(millis), 10);
            one.refused = 1;
            whole.add(&one).unwrap();
        }
        let report = whole.report(Duration::from_secs(2));
        assert_eq!((report.requests, report.refused, report.bytes), (2, 2, 20));
        assert!((report.latency_ms.p50 - 1.0).abs() < 0.01, "{report:?}");
        assert!((report.latency_ms.max - 3.0).abs() < 0.01, "{report:?}");
    }

    #[test]
    fn a_latency_beyond_the_bound_is_counted_at_the_bound() {
        let mut tally = Tally::new().unwrap();
        tally.served(Duration::from_secs(6000), 1);
        let max = tally.report(Duration::from_secs(1)).latency_ms.max;
        assert!((599_000.0..601_000.0).contains(&max), "{max}");
    }
}
