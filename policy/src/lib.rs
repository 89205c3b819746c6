//! Decisions: facts in, verdict out. The map of the crate.
//!
//! The text of a policy folder ([`file`]) is compiled ([`compile`]) into a [`Policy`], which turns facts
//! into permits or refusals. Pure: no async, clock, files, sockets, logs; time comes in as a fact.
//! Invariant: a permit exists only where a rule matched, and only this crate makes one.
//!
//! ```
//! let text = "
//! apiVersion: lazaret/v1
//! kind: Policy
//! endpoints:
//!   - name: registry
//!     hosts: [registry.ml.internal]
//!     addresses: [10.20.0.0/16]
//!     ports: [443]
//!     tls: {mode: mutual}
//! egress:
//!   - {name: push, to: [registry], methods: [PUT], paths: [/v2/**], content: artifacts}
//! content:
//!   - name: artifacts
//! ";
//! let source = policy::Source { name: "p.yaml".to_owned(), text: text.to_owned() };
//! let policy = policy::Policy::compile(&[source]).unwrap().policy;
//! let host = policy::Host::parse("Registry.ML.internal").unwrap();
//! let now = jiff::Timestamp::UNIX_EPOCH;
//! let mut facts = policy::EgressFacts {
//!     source: None, host: &host, port: None, is_grpc: false, method: "PUT", path: "/v2/x", upgrade: None, now,
//! };
//! let permit = policy.decide_egress(&facts).unwrap();
//! assert!(permit.vet("10.20.3.4".parse().unwrap()).is_ok());
//! assert_eq!(permit.vet("8.8.8.8".parse().unwrap()).unwrap_err().code(), "address-not-listed");
//! facts.method = "DELETE";
//! assert_eq!(policy.decide_egress(&facts).unwrap_err().code(), "method-not-allowed");
//! ```

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
mod protocol;
pub mod region;
pub mod review;
mod rule;
mod ruling;
pub mod size;
mod suggest;
mod verdict;

pub use addr::check_address;
pub use compile::{Compiled, InvalidPolicy, Materials, Source, Warning};
pub use content::{ContentProfile, HOLD_MAX_DEFAULT, Inspect, NAN_SHARE_MAX_DEFAULT, Place};
pub use egress::names::{NameFacts, NamePermit};
pub use endpoint::{InvalidSpkiPin, PeerName, SpkiPin, UpstreamTls};
pub use host::{Host, HostPattern, InvalidHost};
pub use permit::{ConnectPermit, EgressPermit, InboundPermit, Way};
pub use policy::{BROKEN_HASH, ConnectFacts, EgressFacts, InboundFacts, Policy, TunnelFacts};
pub use protocol::{Protocol, Upgrade};
pub use ruling::Ruling;
pub use verdict::{Action, Enforcement, Reason, Refusal, Verdict, code};
