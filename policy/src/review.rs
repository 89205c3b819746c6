//! What a reviewer runs before a policy is merged. Pure: text out, and an outcome to exit with.
//!
//! A policy whose own tests fail does not pass its check.

use std::net::IpAddr;
use std::sync::Arc;

use spiffe::SpiffeId;

use crate::host::Host;
use crate::protocol::Upgrade;
use crate::verdict::Action;

mod check;
mod test;

pub use check::check;
pub use test::test;

/// The text for the reviewer, and how it came out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Report {
    /// Lines, each ended by a newline.
    pub text: String,
    /// How it came out.
    pub outcome: Outcome,
}

/// How a review came out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// The policy does not compile.
    Invalid,
    /// The policy compiles, and what its tests expect holds.
    Pass,
    /// The policy compiles, and does not do what its tests expect.
    TestsFail,
}

/// An entry of `tests`, read.
#[derive(Debug)]
pub(crate) struct PolicyTest {
    pub(crate) file: Arc<str>,
    pub(crate) line: u64,
    pub(crate) name: Arc<str>,
    pub(crate) request: TestRequest,
    pub(crate) expected: Expected,
}

/// The request of a test.
#[derive(Debug)]
pub(crate) enum TestRequest {
    Inbound {
        peer: SpiffeId,
        method: String,
        path: String,
        upgrade: Option<Upgrade>,
    },
    Outbound {
        host: Host,
        port: Option<u16>,
        address: Option<IpAddr>,
        source: Option<SpiffeId>,
        is_grpc: bool,
        method: String,
        path: String,
        upgrade: Option<Upgrade>,
    },
    Tunnel {
        host: Option<Host>,
        port: u16,
        address: Option<IpAddr>,
        source: Option<SpiffeId>,
    },
}

/// What a test expects; what it does not name may be anything.
#[derive(Debug)]
pub(crate) struct Expected {
    pub(crate) action: Action,
    pub(crate) rule: Option<Arc<str>>,
    pub(crate) reason: Option<Arc<str>>,
}
