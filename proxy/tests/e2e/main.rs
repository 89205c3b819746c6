//! End to end with programs that nobody here wrote: curl, Python's requests, grpcio, boto3, websockets, Flower and
//! NVIDIA FLARE as the workload, nginx, moto and Flower as the upstream, and the built `lazaret` in between.
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
mod flare;
mod fleet;
mod flower;
mod grpc;
mod harness;
mod kubernetes;
mod matrix;
#[path = "../shared/raw_requests.rs"]
mod raw_requests;
mod requests;
mod s3;
mod smuggling;
mod sockets;
mod survival;
mod tunnels;
