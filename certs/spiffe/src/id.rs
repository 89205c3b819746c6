//! The SPIFFE ID of a workload: `spiffe://<trust domain>/<path>`.
//!
//! Invariant: a `SpiffeId` has a path of at least one segment; the id of a trust domain itself is a
//! [`TrustDomain`]. Nothing is normalised: what is not canonical is refused.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::trust_domain::{self, TrustDomain};

/// The longest SPIFFE ID that is accepted, in bytes (SPIFFE-ID standard, section 2.3).
pub const SPIFFE_ID_BYTES_MAX: usize = 2048;

const SCHEME: &str = "spiffe://";

/// The identity of one workload, such as `spiffe://hospital.example/ns/train/sa/loader`.
/// Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpiffeId {
    trust_domain: TrustDomain,
    text: Arc<str>,
}

impl SpiffeId {
    /// Reads a whole id.
    ///
    /// # Errors
    ///
    /// Anything that the SPIFFE-ID standard does not allow: another scheme (also `SPIFFE:`), more
    /// than [`SPIFFE_ID_BYTES_MAX`] bytes, user info, a port, a query, a fragment,
    /// percent-encoding, empty or dot segments, a trailing slash, a missing path.
    pub fn parse(text: &str) -> Result<SpiffeId, InvalidSpiffeId> {
        let (domain, path) = split(text)?;
        trust_domain::check(domain)?;
        check_path(path)?;
        Ok(SpiffeId { trust_domain: TrustDomain::parse(domain)?, text: Arc::from(text) })
    }

    /// The trust domain, whose roots vouch for this id.
    #[must_use]
    pub fn trust_domain(&self) -> &TrustDomain {
        &self.trust_domain
    }

    /// The path with its leading slash, as in `/ns/train/sa/loader`. Never empty.
    #[must_use]
    pub fn path(&self) -> &str {
        self.text.get(SCHEME.len() + self.trust_domain.as_str().len()..).unwrap_or_default()
    }

    /// The whole id, exactly as it was read.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SpiffeId({})", self.text)
    }
}

impl FromStr for SpiffeId {
    type Err = InvalidSpiffeId;

    fn from_str(text: &str) -> Result<SpiffeId, InvalidSpiffeId> {
        SpiffeId::parse(text)
    }
}

/// Why a text is not a SPIFFE ID or a trust domain. Positions are byte offsets in the part named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSpiffeId {
    /// The text does not begin with `spiffe://`.
    #[error("a SPIFFE ID begins with spiffe:// in lower case")]
    Scheme,
    /// More than [`SPIFFE_ID_BYTES_MAX`] bytes.
    #[error("a SPIFFE ID has at most {SPIFFE_ID_BYTES_MAX} bytes, this one has {bytes}")]
    TooLong {
        /// How many bytes the text has.
        bytes: usize,
    },
    /// Nothing stands between `spiffe://` and the path.
    #[error("the trust domain is empty")]
    EmptyTrustDomain,
    /// More than 255 bytes of trust domain.
    #[error(
        "a trust domain has at most {} bytes, this one has {bytes}",
        trust_domain::TRUST_DOMAIN_BYTES_MAX
    )]
    TrustDomainTooLong {
        /// How many bytes the trust domain has.
        bytes: usize,
    },
    /// A byte that a trust domain may not hold.
    #[error("a trust domain holds only a-z 0-9 . - _ (upper case is not lowered); see byte {at}")]
    TrustDomainByte {
        /// Where in the trust domain.
        at: usize,
    },
    /// `user@` before the trust domain.
    #[error("a SPIFFE ID has no user info (@)")]
    UserInfo,
    /// `:port` after the trust domain.
    #[error("a SPIFFE ID has no port (:)")]
    Port,
    /// The id ends after the trust domain.
    #[error("the SPIFFE ID of a workload has a path, as in spiffe://domain/ns/x/sa/y")]
    MissingPath,
    /// The id of a trust domain has something after the name.
    #[error("the id of a trust domain has no path")]
    UnexpectedPath,
    /// The path ends in `/`.
    #[error("the path ends in a slash; leave it out")]
    TrailingSlash,
    /// Two slashes in a row.
    #[error("the path has an empty segment (two slashes) at byte {at}")]
    EmptySegment {
        /// Where in the path.
        at: usize,
    },
    /// A `.` or `..` segment.
    #[error("the path has a dot segment (. or ..) at byte {at}")]
    DotSegment {
        /// Where in the path.
        at: usize,
    },
    /// `?`.
    #[error("a SPIFFE ID has no query (?)")]
    Query,
    /// `#`.
    #[error("a SPIFFE ID has no fragment (#)")]
    Fragment,
    /// `%`.
    #[error("a SPIFFE ID has no percent-encoding (%)")]
    PercentEncoding,
    /// A byte that a path may not hold.
    #[error("a path segment holds only a-z A-Z 0-9 . - _; see byte {at} of the path")]
    PathByte {
        /// Where in the path.
        at: usize,
    },
}

/// Cuts an id into trust domain and path (empty, or with its leading slash).
pub(crate) fn split(text: &str) -> Result<(&str, &str), InvalidSpiffeId> {
    if text.len() > SPIFFE_ID_BYTES_MAX {
        return Err(InvalidSpiffeId::TooLong { bytes: text.len() });
    }
    let rest = text.strip_prefix(SCHEME).ok_or(InvalidSpiffeId::Scheme)?;
    for (mark, error) in [
        ('%', InvalidSpiffeId::PercentEncoding),
        ('?', InvalidSpiffeId::Query),
        ('#', InvalidSpiffeId::Fragment),
    ] {
        if rest.contains(mark) {
            return Err(error);
        }
    }
    let cut = rest.find('/').unwrap_or(rest.len());
    Ok(rest.split_at(cut))
}

fn check_path(path: &str) -> Result<(), InvalidSpiffeId> {
    let Some(segments) = path.strip_prefix('/') else {
        return Err(InvalidSpiffeId::MissingPath);
    };
    if segments.is_empty() || path.ends_with('/') {
        return Err(InvalidSpiffeId::TrailingSlash);
    }
    let mut at = 1;
    for segment in segments.split('/') {
        match segment {
            "" => return Err(InvalidSpiffeId::EmptySegment { at }),
            "." | ".." => return Err(InvalidSpiffeId::DotSegment { at }),
            _ => {}
        }
        let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        if let Some(bad) = segment.bytes().position(|byte| !good(byte)) {
            return Err(InvalidSpiffeId::PathByte { at: at + bad });
        }
        at += segment.len() + 1;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
