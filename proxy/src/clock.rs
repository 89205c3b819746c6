//! The one place that reads the wall clock. Everything else takes `now` as a value, so that
//! decisions can be tested at any instant.

use std::time::Duration;

use jiff::Timestamp;

/// The longest sleep on the way to an instant, so that a clock that was set is noticed.
const LOOK_INTERVAL: Duration = Duration::from_secs(30);

/// The current instant.
#[expect(clippy::disallowed_methods, reason = "this is the clock")]
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// Resolves when the clock has come to `instant`.
pub async fn reach(instant: Timestamp) {
    while let Some(left) = instant.duration_since(now()).try_into().ok().filter(|left| {
        let left: &Duration = left;
        !left.is_zero()
    }) {
        tokio::time::sleep(left.min(LOOK_INTERVAL)).await;
    }
}
