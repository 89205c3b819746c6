//! End to end with programs that nobody here wrote: curl, Python's requests, grpcio and boto3 as the
//! workload, nginx and moto as the upstream, and the built `lazaret` in between.
//!
//! A missing program fails the test and says how to get it; `.ci/install` installs them all.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "clippy.toml's leave for tests does not reach their harness; a test fails by panicking"
)]

mod curl;
mod env;
mod grpc;
mod harness;
mod kubernetes;
mod requests;
mod s3;
mod survival;
mod tunnels;
