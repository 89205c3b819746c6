//! The intercept CA: mints the leaf that a workload sees when its TLS is terminated and read.
//!
//! Invariant: the CA's key never leaves memory, and its certificate is good for servers alone; no
//! verifier of ours ever trusts it.

mod leaves;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, NameConstraints, SanType,
};
use rustls::ServerConfig;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::TLS13;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};

use crate::ca::{self, IssueError};
use crate::profile::Validity;
use crate::{tls, verify};

use leaves::{Leaf, Leaves};

/// The most minted leaves that are kept; the least recently used one goes first.
pub const LEAVES_MAX: usize = 1024;

/// How long a minted leaf holds.
pub const LEAF_LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// A kept leaf with less than this left is minted again.
pub const LEAF_REMAINING_MIN: Duration = Duration::from_secs(3600);

/// How long the CA holds: longer than any process lives, since its key dies with the process and a
/// workload reads the certificate once.
pub const CA_LIFETIME: Duration = Duration::from_secs(5 * 365 * 24 * 3600);

/// The most names that the CA can be constrained to.
pub const PERMITTED_MAX: usize = 1024;

/// A part of the name space that the CA may mint for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Permitted {
    /// One address.
    Address(IpAddr),
    /// A DNS name and everything below it (RFC 5280, section 4.2.1.10).
    Domain(String),
}

/// A CA whose certificate the workload trusts, and nobody else.
pub struct InterceptCa {
    issuer: Issuer<'static, KeyPair>,
    certificate_pem: String,
    validity: Validity,
    leaves: Leaves,
}

/// Why no leaf was minted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MintError {
    /// Neither a DNS name nor an IP literal.
    #[error("the host is neither a DNS name nor an IP address")]
    Host,
    /// The CA has come to its end.
    #[error("the intercept CA ended at {not_after}; restart, so that workloads read a new one")]
    CaExpired {
        /// Its last second.
        not_after: Timestamp,
    },
    /// More than [`PERMITTED_MAX`] names.
    #[error("the intercept CA can be constrained to at most {PERMITTED_MAX} names")]
    TooManyPermitted,
    /// The certificate could not be made.
    #[error("{0}")]
    Issue(#[from] IssueError),
    /// rustls refused what was made.
    #[error("the minted leaf was refused ({what})")]
    Tls {
        /// At which step.
        what: &'static str,
    },
}

impl InterceptCa {
    /// A CA that may mint for any host name and address.
    ///
    /// # Errors
    ///
    /// The crypto library fails.
    pub fn new(now: Timestamp) -> Result<InterceptCa, MintError> {
        InterceptCa::build(None, now)
    }

    /// A CA that may mint for `permitted` alone, by critical name constraints. With no names of a
    /// kind (DNS, address) that whole kind is excluded.
    ///
    /// # Errors
    ///
    /// A malformed name, too many of them, or the crypto library fails.
    pub fn constrained(permitted: &[Permitted], now: Timestamp) -> Result<InterceptCa, MintError> {
        InterceptCa::build(Some(name_constraints(permitted)?), now)
    }

    /// The CA's certificate: what is published to the workload. There is no way to its key.
    #[must_use]
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// When the CA holds.
    #[must_use]
    pub fn validity(&self) -> Validity {
        self.validity
    }

    /// TLS for the workload's side of an intercept: a leaf for `host` (a DNS name, or an IP literal
    /// with or without brackets), TLS 1.3, no client certificate, `h2` before `http/1.1`. Kept and given
    /// again while the leaf has [`LEAF_REMAINING_MIN`] left; under contention minted once.
    ///
    /// # Errors
    ///
    /// A malformed host, a CA at its end, or the crypto library fails.
    pub fn server_config(
        &self,
        host: &str,
        now: Timestamp,
    ) -> Result<Arc<ServerConfig>, MintError> {
        let name = verify::server_name(&host.to_ascii_lowercase()).map_err(|_| MintError::Host)?;
        if !self.validity.contains(now) {
            return Err(MintError::CaExpired { not_after: self.validity.not_after });
        }
        self.leaves.fetch(&name.to_str(), now, || self.mint(&name, now))
    }

    /// How many leaves are kept now; at most [`LEAVES_MAX`].
    #[must_use]
    pub fn leaves(&self) -> usize {
        self.leaves.len()
    }

    fn build(
        name_constraints: Option<NameConstraints>,
        now: Timestamp,
    ) -> Result<InterceptCa, MintError> {
        let validity = ca::validity(now, CA_LIFETIME, ca::BACKDATE)?;
        let key = KeyPair::generate().map_err(|_| IssueError::Crypto { what: "CA key" })?;
        let mut params = ca::params(validity)?;
        params.distinguished_name = ca::name("Lazaret intercept CA", &ca::random_hex()?);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.name_constraints = name_constraints;
        let certificate =
            params.self_signed(&key).map_err(|_| IssueError::Crypto { what: "CA certificate" })?;
        Ok(InterceptCa {
            certificate_pem: certificate.pem(),
            issuer: Issuer::new(params, key),
            validity,
            leaves: Leaves::new(LEAVES_MAX),
        })
    }

    fn mint(&self, name: &ServerName<'_>, now: Timestamp) -> Result<Leaf, MintError> {
        let mut validity = ca::validity(now, LEAF_LIFETIME, ca::BACKDATE)?;
        validity.not_after = validity.not_after.min(self.validity.not_after);
        validity.not_before = validity.not_before.max(self.validity.not_before);
        let mut params: CertificateParams = ca::leaf_params(validity)?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.subject_alt_names = vec![match name {
            ServerName::DnsName(name) => SanType::DnsName(ca::dns_name(name.as_ref(), 1)?),
            ServerName::IpAddress(address) => SanType::IpAddress(IpAddr::from(*address)),
            _ => return Err(MintError::Host),
        }];
        let (certificate, key) = ca::sign(&params, &self.issuer)?;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let key = tls::provider()
            .key_provider
            .load_private_key(key)
            .map_err(|_| MintError::Tls { what: "key" })?;
        let certified = CertifiedKey::new(vec![certificate.der().clone()], key);
        let mut config = ServerConfig::builder_with_provider(tls::provider())
            .with_protocol_versions(&[&TLS13])
            .map_err(|_| MintError::Tls { what: "version" })?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
        tls::forget_sessions(&mut config);
        Ok(Leaf { config: Arc::new(config), not_after: validity.not_after })
    }
}

impl std::fmt::Debug for InterceptCa {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InterceptCa")
            .field("validity", &self.validity)
            .field("leaves", &self.leaves())
            .finish_non_exhaustive()
    }
}

fn name_constraints(permitted: &[Permitted]) -> Result<NameConstraints, MintError> {
    if permitted.len() > PERMITTED_MAX {
        return Err(MintError::TooManyPermitted);
    }
    let mut domains = Vec::new();
    let mut addresses = Vec::new();
    for name in permitted {
        match name {
            Permitted::Address(address) => {
                let prefix = if address.is_ipv4() { 32 } else { 128 };
                let subnet = CidrSubnet::from_addr_prefix(*address, prefix);
                addresses.push(GeneralSubtree::IpAddress(subnet));
            }
            Permitted::Domain(domain) => {
                let domain = domain.to_ascii_lowercase();
                ca::dns_name(&domain, domains.len() + 1)?;
                domains.push(GeneralSubtree::DnsName(domain));
            }
        }
    }
    let mut excluded_subtrees = Vec::new();
    // A kind that is not mentioned would be unconstrained. The empty DNS subtree is all names.
    if domains.is_empty() {
        excluded_subtrees.push(GeneralSubtree::DnsName(String::new()));
    }
    if addresses.is_empty() {
        let all = [CidrSubnet::from_v4_prefix([0; 4], 0), CidrSubnet::from_v6_prefix([0; 16], 0)];
        excluded_subtrees.extend(all.map(GeneralSubtree::IpAddress));
    }
    domains.append(&mut addresses);
    Ok(NameConstraints { permitted_subtrees: domains, excluded_subtrees })
}

#[cfg(test)]
mod tests;
