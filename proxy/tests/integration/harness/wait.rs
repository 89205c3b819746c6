//! Waiting for a condition, with a deadline and without guessing how long things take.

use std::time::{Duration, Instant};

/// After this long a condition is taken to never come. Generous: tests share their machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// The pause between two looks at a condition.
const LOOK: Duration = Duration::from_millis(5);

/// Looks until `found` answers, and fails with `what` if it never does.
pub(crate) async fn until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(value) = found() {
            return value;
        }
        assert!(began.elapsed() < PATIENCE, "never came: {what}");
        tokio::time::sleep(LOOK).await;
    }
}

/// Fails with `what` if `work` does not end.
pub(crate) async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, work).await {
        Ok(value) => value,
        Err(_) => panic!("never ended: {what}"),
    }
}
