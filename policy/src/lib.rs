//! Decisions: facts in, verdict out. The map of the crate.
//!
//! The text of a policy folder ([`file`]) is compiled ([`compile`]) into a [`Policy`], which turns facts
//! into permits or refusals. Pure: no async, clock, files, sockets, logs; time comes in as a fact.
//! Invariant: a permit exists only where a rule matched, and only this crate makes one.

pub mod addr;
pub mod compile;
mod content;
mod egress;
mod endpoint;
pub mod file;
pub mod host;
mod inbound;
pub mod path;
pub mod peer;
mod permit;
mod policy;
pub mod region;
pub mod review;
mod rule;
mod ruling;
pub mod size;
mod suggest;
mod verdict;

pub use compile::{Compiled, InvalidPolicy, Source, Warning};
pub use content::{ContentProfile, HOLD_MAX_DEFAULT, Inspect, Place};
pub use endpoint::{InvalidSpkiPin, PeerName, SpkiPin, UpstreamTls};
pub use host::{Host, HostPattern, InvalidHost};
pub use permit::{ConnectPermit, EgressPermit, InboundPermit};
pub use policy::{BROKEN_HASH, ConnectFacts, EgressFacts, InboundFacts, Policy};
pub use ruling::Ruling;
pub use verdict::{Action, Enforcement, Reason, Refusal, Verdict, code};
