//! Judging a peer: path validation by webpki against the roots of the peer's own trust domain, then
//! the X509-SVID profile, the expected identity, and the pins.
//!
//! Invariant: every verifier here ends in `Ok` only after path validation, identity and pins all
//! held at the handshake's time; what the peer sent beside its path proves nothing.

mod client;
mod pin;
mod server;

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use jiff::Timestamp;
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{CertificateError, OtherError, RootCertStore};
use rustls_pki_types::{CertificateDer, InvalidDnsNameError, ServerName, UnixTime};
use spiffe::{SpiffeId, TrustDomain};

pub use crate::profile::InvalidSvid;
use crate::{profile, tls};

pub use client::SpiffeClientVerifier;
pub(crate) use pin::base64;
pub use pin::spki_sha256;
pub use server::UpstreamVerifier;

/// The most certificates that a peer may send, its leaf among them.
pub const PEER_CHAIN_CERTIFICATES_MAX: usize = 10;

/// The SPIFFE ID of a certificate that keeps every rule of the X509-SVID profile. Says nothing
/// about who signed it.
///
/// # Errors
///
/// The first rule that is broken.
pub fn spiffe_id_of(certificate: &CertificateDer<'_>) -> Result<SpiffeId, InvalidSvid> {
    profile::check_leaf(certificate)
}

/// Why a peer was not accepted, beyond what path validation itself says. Travels inside
/// [`rustls::Error::InvalidCertificate`] as [`CertificateError::Other`]; [`peer_error`] takes it out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PeerError {
    /// The certificate breaks the X509-SVID profile.
    #[error("the peer's certificate is not an X509-SVID: {0}")]
    Svid(#[from] InvalidSvid),
    /// The certificate of a server that is known by name is not fit for TLS.
    #[error("the peer's certificate is not fit for TLS: {0}")]
    Leaf(InvalidSvid),
    /// The bundle has no root for the trust domain that the peer claims.
    #[error(
        "the peer claims trust domain {trust_domain}, for which the trust bundle has no valid \
         root; add that domain's bundle if it is to be trusted"
    )]
    UnknownTrustDomain {
        /// What it claims, unproven.
        trust_domain: TrustDomain,
    },
    /// Another identity than the expected one.
    #[error("the peer is {presented}, not {expected} as the policy expects")]
    OtherSpiffeId {
        /// What was expected.
        expected: SpiffeId,
        /// Who the peer proved to be.
        presented: SpiffeId,
    },
    /// No certificate of the peer's path has a pinned key.
    #[error(
        "no key of the peer's certificate path is pinned; its leaf has pin sha256:{leaf}, add it \
         if the key was replaced on purpose"
    )]
    NotPinned {
        /// The leaf's pin, base64.
        leaf: String,
    },
    /// Too many certificates.
    #[error(
        "the peer sent {count} certificates, more than the {PEER_CHAIN_CERTIFICATES_MAX} that \
         are looked at"
    )]
    ChainTooLong {
        /// How many it sent.
        count: usize,
    },
    /// The clock gives a time that no certificate can be checked against.
    #[error("the time of the handshake is out of range; check the clock")]
    Clock,
}

impl From<PeerError> for rustls::Error {
    fn from(error: PeerError) -> rustls::Error {
        CertificateError::Other(OtherError(Arc::new(error))).into()
    }
}

/// Our own reason inside a handshake error, where there is one.
#[must_use]
pub fn peer_error(error: &rustls::Error) -> Option<&PeerError> {
    if let rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(inner))) = error {
        inner.downcast_ref()
    } else {
        None
    }
}

/// A handshake error in one line for the log: our own reason where there is one, and what to do.
/// Names what the peer presented, so it passes the redactor like any other name.
#[must_use]
pub fn explain(error: &rustls::Error) -> String {
    if let Some(reason) = peer_error(error) {
        return reason.to_string();
    }
    if *error == CertificateError::UnknownIssuer.into() {
        return "no root of the peer's trust domain signed its certificate; is the peer's CA in \
                the trust bundle, and does the peer send its intermediates?"
            .to_owned();
    }
    error.to_string()
}

/// Who the upstream must prove to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExpectPeer {
    /// A DNS name or IP literal in its SAN, vouched for by the roots of our own trust domain.
    ServerName(String),
    /// Exactly this SPIFFE ID, vouched for by the roots of its trust domain.
    SpiffeId(SpiffeId),
}

/// What an upstream must prove, and whether we show our own certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expect {
    /// Who it must be.
    pub peer: ExpectPeer,
    /// SHA-256 of SubjectPublicKeyInfo; where not empty, a key on the peer's path must be one of
    /// them. In addition to `peer`, never instead.
    pub pins: Vec<[u8; 32]>,
    /// Whether we authenticate with our SVID when asked.
    pub mutual: bool,
}

/// What a path is to be good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Usage {
    ClientAuth,
    ServerAuth,
}

/// A peer's certificates as they came.
#[derive(Clone, Copy)]
pub(crate) struct Chain<'a> {
    pub(crate) leaf: &'a CertificateDer<'a>,
    pub(crate) intermediates: &'a [CertificateDer<'a>],
}

impl Chain<'_> {
    fn check_length(&self) -> Result<(), PeerError> {
        let count = self.intermediates.len() + 1;
        if count > PEER_CHAIN_CERTIFICATES_MAX {
            return Err(PeerError::ChainTooLong { count });
        }
        Ok(())
    }
}

/// Path validation (RFC 5280, section 6, by webpki) from the leaf to one of `roots`.
pub(crate) fn check_path(
    chain: Chain<'_>,
    roots: &Arc<RootCertStore>,
    usage: Usage,
    now: UnixTime,
) -> Result<(), rustls::Error> {
    match usage {
        Usage::ServerAuth => verify_server_cert_signed_by_trust_anchor(
            &ParsedCertificate::try_from(chain.leaf)?,
            roots,
            chain.intermediates,
            now,
            algorithms().all,
        ),
        Usage::ClientAuth => {
            let builder =
                WebPkiClientVerifier::builder_with_provider(Arc::clone(roots), tls::provider());
            let verifier = builder.build().map_err(|_| CertificateError::UnknownIssuer)?;
            verifier.verify_client_cert(chain.leaf, chain.intermediates, now).map(|_| ())
        }
    }
}

/// Whether the leaf carries the name, as webpki matches names: DNS or IP SAN, never the subject.
pub(crate) fn check_name(chain: Chain<'_>, name: &ServerName<'_>) -> Result<(), rustls::Error> {
    verify_server_name(&ParsedCertificate::try_from(chain.leaf)?, name)
}

pub(crate) fn algorithms() -> WebPkiSupportedAlgorithms {
    tls::provider().signature_verification_algorithms
}

pub(crate) fn timestamp(now: UnixTime) -> Result<Timestamp, PeerError> {
    let seconds = i64::try_from(now.as_secs()).map_err(|_| PeerError::Clock)?;
    Timestamp::from_second(seconds).map_err(|_| PeerError::Clock)
}

/// The time as rustls counts it; a time before 1970 counts as 1970.
pub(crate) fn unix_time(now: Timestamp) -> UnixTime {
    let seconds = u64::try_from(now.as_second()).unwrap_or(0);
    UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds))
}

/// A server name as text: a DNS name, also with the root's dot, or an IP literal, IPv6 also in
/// brackets.
pub(crate) fn server_name(text: &str) -> Result<ServerName<'static>, InvalidDnsNameError> {
    if let Some(address) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        let address: Ipv6Addr = address.parse().map_err(|_| InvalidDnsNameError)?;
        return Ok(ServerName::from(IpAddr::V6(address)));
    }
    ServerName::try_from(text.strip_suffix('.').unwrap_or(text).to_owned())
}

#[cfg(test)]
mod tests;
