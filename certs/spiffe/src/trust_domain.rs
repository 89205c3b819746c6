//! The trust domain: the authority part of a SPIFFE ID, and the name of one set of roots.
//!
//! Invariant: a `TrustDomain` holds 1 to 255 bytes of `[a-z0-9.-_]`, nothing else.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::id::InvalidSpiffeId;

/// The longest trust domain, in bytes (SPIFFE-ID standard, section 2.3).
pub const TRUST_DOMAIN_BYTES_MAX: usize = 255;

/// A trust domain such as `hospital.example`. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TrustDomain(Arc<str>);

impl TrustDomain {
    /// Reads a bare trust domain name, without scheme.
    ///
    /// # Errors
    ///
    /// Empty, longer than [`TRUST_DOMAIN_BYTES_MAX`], or holding a byte outside `[a-z0-9.-_]`.
    /// Upper case is refused, not lowered: two spellings of one name would be two names to a peer.
    pub fn parse(text: &str) -> Result<TrustDomain, InvalidSpiffeId> {
        check(text)?;
        Ok(TrustDomain(Arc::from(text)))
    }

    /// The name, as in `hospital.example`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id of the trust domain itself, `spiffe://hospital.example`: what a signing
    /// certificate carries. It has no path, so it is not a [`crate::SpiffeId`] of a workload.
    #[must_use]
    pub fn id(&self) -> String {
        format!("spiffe://{}", self.0)
    }

    /// Reads the id of a trust domain as written in a signing certificate:
    /// `spiffe://hospital.example`, without a path.
    ///
    /// # Errors
    ///
    /// As [`TrustDomain::parse`]; also another scheme, or a path.
    pub fn parse_id(text: &str) -> Result<TrustDomain, InvalidSpiffeId> {
        let (domain, path) = crate::id::split(text)?;
        if !path.is_empty() {
            return Err(InvalidSpiffeId::UnexpectedPath);
        }
        TrustDomain::parse(domain)
    }
}

impl fmt::Display for TrustDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TrustDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TrustDomain({})", self.0)
    }
}

impl FromStr for TrustDomain {
    type Err = InvalidSpiffeId;

    fn from_str(text: &str) -> Result<TrustDomain, InvalidSpiffeId> {
        TrustDomain::parse(text)
    }
}

pub(crate) fn check(text: &str) -> Result<(), InvalidSpiffeId> {
    if text.is_empty() {
        return Err(InvalidSpiffeId::EmptyTrustDomain);
    }
    // Named apart from other bad bytes because these two are the usual mistakes.
    if text.contains('@') {
        return Err(InvalidSpiffeId::UserInfo);
    }
    if text.contains(':') {
        return Err(InvalidSpiffeId::Port);
    }
    let good = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_');
    if let Some(at) = text.bytes().position(|byte| !good(byte)) {
        return Err(InvalidSpiffeId::TrustDomainByte { at });
    }
    if text.len() > TRUST_DOMAIN_BYTES_MAX {
        return Err(InvalidSpiffeId::TrustDomainTooLong { bytes: text.len() });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
