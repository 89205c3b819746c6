//! Detection: bytes in, findings out. Pure: no async, clock, files, sockets or logs.
//!
//! A [`Scanner`] is fed a body in any chunks and gathers [`Evidence`]: what identifiers of a
//! patient it holds ([`Finding`]), how much of it was really read ([`Coverage`]) and why something
//! was not ([`Incomplete`]). Invariant: any chunking of the same bytes gives the same evidence, in
//! bounded memory, and no matched byte is ever kept in it.

mod catalog;
mod check;
mod coverage;
mod decode;
mod detector;
mod evidence;
pub mod exact;
mod finding;
mod format;
mod gate;
mod keyed;
mod label;
mod locus;
pub mod payload;
pub mod redact;
mod scanner;
mod word;

pub use catalog::Catalog;
pub use coverage::Coverage;
pub use detector::custom;
pub use evidence::{Evidence, Incomplete, IncompleteReason, Status, Tally};
pub use finding::{Confidence, Finding, Identifier, Span};
pub use format::sniff::packed;
pub use keyed::{InvalidKey, Key};
pub use payload::Payload;
pub use scanner::{Artifact, Hint, Limits, Monitor, SPLIT, Scanner, Stream, scan};
