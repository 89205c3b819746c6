//! The grammar of SPIFFE IDs and trust domains, as the SPIFFE-ID standard writes it.
//!
//! Pure text: no X.509, no TLS, no files. What parses here is already canonical, so equality of two
//! ids is equality of their bytes, and nothing later has to normalise them.

mod id;
mod trust_domain;

pub use id::{InvalidSpiffeId, SPIFFE_ID_BYTES_MAX, SpiffeId};
pub use trust_domain::{TRUST_DOMAIN_BYTES_MAX, TrustDomain};
