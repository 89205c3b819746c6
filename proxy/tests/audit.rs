//! The audit log as its readers meet it: what is written when, what a restart makes of a crash,
//! and what `verify` says to each way of changing a log.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that can't go on fails there; the victim of a kill speaks on its stdout"
)]

#[path = "audit/life.rs"]
mod life;
#[path = "audit/restart.rs"]
mod restart;
#[path = "audit/station.rs"]
mod station;
#[path = "audit/tamper.rs"]
mod tamper;
