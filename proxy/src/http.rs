//! HTTP, without sockets: what a request aims at, which headers may cross, and how a refusal is
//! put into words. `framing`, `headers` and `target` are pure.

pub mod body;
pub mod framing;
pub mod headers;
pub mod respond;
pub mod target;
