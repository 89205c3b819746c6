//! The proxy in one process: real sockets, certificates and upstreams of our own, no other program.
//!
//! Each story asserts what the workload was answered, what the record says, and what the upstream
//! saw, above all where that is nothing. The order of things is awaited, never slept for.
#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "clippy.toml's leave for tests does not reach their harness; a test fails by panicking"
)]

mod admin;
mod allowed;
mod asked;
mod audit;
mod carried;
mod compressed;
mod connect;
mod containers;
mod content;
mod contracts;
mod decoders;
mod dns;
mod drain;
mod early;
mod exact;
mod floods;
mod given_back;
mod grpc;
mod harness;
mod heads;
mod hostile;
mod http2;
mod inbound;
mod limits;
mod links;
mod live;
mod malformed;
mod memory;
mod messages;
mod names;
mod over_time;
mod overload;
mod ports;
#[path = "../shared/raw_requests.rs"]
#[allow(dead_code, reason = "shared")]
mod raw_requests;
mod refused;
mod reload;
mod rotation;
mod smuggling;
mod stream;
mod tolls;
mod tunnels;
mod uploads;
mod verification;
mod visits;
mod websocket;
