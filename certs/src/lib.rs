//! Identity: keys, chains, trust bundles, the TLS configurations built from them, and their renewal.
//!
//! `profile` says what an X509-SVID is, `bundle` whose roots vouch for which trust domain, `verify`
//! judges a peer by both, `tls` turns an [`Identity`] into rustls configurations, `ca` and `mint`
//! issue, `rotation` swaps. Only `store` touches files; time always comes in as `now`.

pub mod bundle;
pub mod ca;
pub mod inspect;
pub mod mint;
mod pem;
pub mod profile;
pub mod rotation;
pub mod source;
pub mod store;
mod svid;
pub mod tls;
pub mod verify;

pub use pem::{CERTIFICATES_MAX, InvalidPem};
pub use svid::{Identity, IdentityProblem, InvalidIdentity, Part};

#[cfg(test)]
mod testing;
