//! HTTP, without sockets: what a request aims at, which headers may cross, and how a refusal is
//! put into words. `framing`, `headers`, `method`, `target`, `version` and `websocket` are pure.

pub mod body;
pub mod form;
pub mod framing;
pub mod headers;
pub mod method;
pub mod percent;
pub mod respond;
pub mod s3;
pub mod target;
pub mod version;
pub mod websocket;
