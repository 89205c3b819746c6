//! The one place that reads the wall clock. Everything else takes `now` as a value, so that
//! decisions can be tested at any instant.

use jiff::Timestamp;

/// The current instant.
#[expect(clippy::disallowed_methods, reason = "this is the clock")]
pub fn now() -> Timestamp {
    Timestamp::now()
}
