//! A small certificate authority for one trust domain: makes a CA, issues X509-SVIDs.
//!
//! Invariant: what it issues passes our own `profile` and ends no later than the CA itself.

use std::net::IpAddr;
use std::time::Duration;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use jiff::Timestamp;
use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType, SerialNumber,
};
use rustls_pki_types::ServerName;
use spiffe::{SpiffeId, TrustDomain};
use time::OffsetDateTime;

use crate::bundle::hex;
use crate::pem::{self, InvalidPem};
use crate::profile::{self, InvalidSigner, InvalidSvid, Validity};

/// How far `notBefore` lies in the past where the caller has no wish, so that a peer whose clock is
/// behind accepts a fresh certificate.
pub const BACKDATE: Duration = Duration::from_secs(60);

/// The longest backdate that is granted.
pub const BACKDATE_MAX: Duration = Duration::from_secs(3600);

/// The most DNS and IP SANs of one SVID, together.
pub const NAMES_MAX: usize = 100;

/// The CA of one trust domain: certificate and private key.
pub struct Authority {
    trust_domain: TrustDomain,
    validity: Validity,
    certificate_pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// What an SVID is to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssueRequest {
    /// Its identity; of the CA's trust domain.
    pub id: SpiffeId,
    /// DNS names beside it, for clients that check names.
    pub dns: Vec<String>,
    /// Addresses beside it, likewise.
    pub ips: Vec<IpAddr>,
    /// From `now`; cut short where the CA ends sooner.
    pub lifetime: Duration,
    /// How far `notBefore` lies in the past, see [`BACKDATE`].
    pub backdate: Duration,
}

/// An SVID and its private key, as PEM.
#[derive(Clone)]
pub struct IssuedSvid {
    /// The leaf. The CA itself belongs in the bundle.
    pub chain_pem: String,
    /// The leaf's private key, PKCS #8.
    pub key_pem: String,
}

/// Why nothing was issued.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IssueError {
    /// An id of another trust domain.
    #[error("{id} is not of this CA's trust domain {trust_domain}")]
    OtherTrustDomain {
        /// The id that was asked for.
        id: SpiffeId,
        /// The CA's.
        trust_domain: TrustDomain,
    },
    /// The CA does not hold now.
    #[error("the CA holds from {not_before} to {not_after}, and now it is {now}; make a new one")]
    AuthorityNotValid {
        /// The CA's first second.
        not_before: Timestamp,
        /// The CA's last second.
        not_after: Timestamp,
        /// The time of asking.
        now: Timestamp,
    },
    /// A lifetime of less than a second, or beyond what dates can say.
    #[error("the lifetime must be at least a second and end before the year 9999")]
    Lifetime,
    /// A backdate above [`BACKDATE_MAX`].
    #[error("the backdate must be at most {} s", BACKDATE_MAX.as_secs())]
    Backdate,
    /// A DNS name that is none.
    #[error("DNS name {place} of the request is not a DNS name (no wildcards, no addresses)")]
    DnsName {
        /// Which one, counted from 1.
        place: usize,
    },
    /// More than [`NAMES_MAX`] names.
    #[error("an SVID has at most {NAMES_MAX} DNS names and addresses")]
    TooManyNames,
    /// The crypto library failed.
    #[error("the certificate could not be made ({what})")]
    Crypto {
        /// At which step.
        what: &'static str,
    },
    /// The result broke our own profile and was thrown away.
    #[error("the issued certificate broke the X509-SVID profile: {0}")]
    Profile(#[from] InvalidSvid),
}

/// Why two PEM texts are not a CA.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidAuthority {
    /// The certificate is not PEM, or not one certificate.
    #[error("certificate: {0}")]
    Certificate(InvalidPem),
    /// More than one certificate.
    #[error("certificate: holds {count} certificates; keep the CA's own")]
    ManyCertificates {
        /// How many there are.
        count: usize,
    },
    /// It is no signing certificate.
    #[error("certificate: {0}")]
    Signer(#[from] InvalidSigner),
    /// It has no URI SAN.
    #[error("certificate: it has no URI SAN; the CA of a trust domain names it as spiffe://domain")]
    NoTrustDomain,
    /// The key is not PEM, or of an unknown kind.
    #[error("key: {0}")]
    Key(InvalidPem),
    /// The key is of a kind that cannot sign.
    #[error("key: it is of a kind that cannot be used; give a P-256 or P-384 key, unencrypted")]
    KeyUnusable,
    /// The key is another certificate's.
    #[error("key: it does not belong to the certificate")]
    KeyMismatch,
}

impl Authority {
    /// Makes a CA for a trust domain: a new P-256 key and a self-signed certificate.
    ///
    /// # Errors
    ///
    /// A lifetime that dates cannot say, or the crypto library fails.
    pub fn init(
        trust_domain: &TrustDomain,
        lifetime: Duration,
        now: Timestamp,
    ) -> Result<Authority, IssueError> {
        let validity = validity(now, lifetime, BACKDATE)?;
        let key = KeyPair::generate().map_err(|_| IssueError::Crypto { what: "CA key" })?;
        let mut params = params(validity)?;
        params.distinguished_name = name("Lazaret CA", &random_hex()?);
        params.subject_alt_names = vec![SanType::URI(ia5(&trust_domain.id())?)];
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate =
            params.self_signed(&key).map_err(|_| IssueError::Crypto { what: "CA certificate" })?;
        Ok(Authority {
            trust_domain: trust_domain.clone(),
            validity,
            certificate_pem: certificate.pem(),
            issuer: Issuer::new(params, key),
        })
    }

    /// Reads a CA from its certificate and private key.
    ///
    /// # Errors
    ///
    /// Which of the two is bad, and why. Whether it has expired shows when it issues.
    pub fn from_pem(cert: &str, key: &str) -> Result<Authority, InvalidAuthority> {
        let found = pem::certificates(cert.as_bytes()).map_err(InvalidAuthority::Certificate)?;
        let [der] = found.as_slice() else {
            return Err(InvalidAuthority::ManyCertificates { count: found.len() });
        };
        let trust_domain = profile::check_signer(der)?.ok_or(InvalidAuthority::NoTrustDomain)?;
        let unreadable = |what| InvalidAuthority::Signer(InvalidSigner::Malformed { what });
        let parsed = profile::parse(der).map_err(unreadable)?;
        let validity = profile::validity_of(&parsed).map_err(unreadable)?;
        let key = pem::private_key(key.as_bytes()).map_err(InvalidAuthority::Key)?;
        let key = KeyPair::try_from(&key).map_err(|_| InvalidAuthority::KeyUnusable)?;
        if rcgen::PublicKeyData::subject_public_key_info(&key) != parsed.public_key().raw {
            return Err(InvalidAuthority::KeyMismatch);
        }
        let issuer = Issuer::from_ca_cert_der(der, key).map_err(|_| unreadable("its subject"))?;
        Ok(Authority { trust_domain, validity, certificate_pem: cert.to_owned(), issuer })
    }

    /// The CA's certificate: what goes into the trust bundles.
    #[must_use]
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// The CA's private key. Secret: for `store` alone.
    #[must_use]
    pub fn key_pem(&self) -> String {
        self.issuer.key().serialize_pem()
    }

    /// The trust domain that it signs for.
    #[must_use]
    pub fn trust_domain(&self) -> &TrustDomain {
        &self.trust_domain
    }

    /// When it holds.
    #[must_use]
    pub fn validity(&self) -> Validity {
        self.validity
    }

    /// Issues an SVID with a new P-256 key.
    ///
    /// # Errors
    ///
    /// Another trust domain, a CA that does not hold now, a malformed name or time.
    pub fn issue(&self, request: &IssueRequest, now: Timestamp) -> Result<IssuedSvid, IssueError> {
        if request.id.trust_domain() != &self.trust_domain {
            let trust_domain = self.trust_domain.clone();
            return Err(IssueError::OtherTrustDomain { id: request.id.clone(), trust_domain });
        }
        if !self.validity.contains(now) {
            let Validity { not_before, not_after } = self.validity;
            return Err(IssueError::AuthorityNotValid { not_before, not_after, now });
        }
        if request.dns.len() + request.ips.len() > NAMES_MAX {
            return Err(IssueError::TooManyNames);
        }
        let mut validity = validity(now, request.lifetime, request.backdate)?;
        validity.not_after = validity.not_after.min(self.validity.not_after);
        let mut params = leaf_params(validity)?;
        params.subject_alt_names.push(SanType::URI(ia5(request.id.as_str())?));
        for (index, name) in request.dns.iter().enumerate() {
            let place = index + 1;
            params.subject_alt_names.push(SanType::DnsName(dns_name(name, place)?));
        }
        params.subject_alt_names.extend(request.ips.iter().copied().map(SanType::IpAddress));
        let (certificate, key) = sign(&params, &self.issuer)?;
        profile::check_leaf(certificate.der())?;
        Ok(IssuedSvid { chain_pem: certificate.pem(), key_pem: key.serialize_pem() })
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority")
            .field("trust_domain", &self.trust_domain)
            .field("validity", &self.validity)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for IssuedSvid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IssuedSvid").field("chain_pem", &self.chain_pem).finish_non_exhaustive()
    }
}

/// The parameters that every leaf of ours shares; subject and SANs are the caller's.
pub(crate) fn leaf_params(validity: Validity) -> Result<CertificateParams, IssueError> {
    let mut params = params(validity)?;
    // An empty subject would be allowed with a critical SAN, but some clients stumble over it.
    params.distinguished_name = organization();
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    Ok(params)
}

/// Version 3, a random serial number, both key identifiers, no names.
pub(crate) fn params(validity: Validity) -> Result<CertificateParams, IssueError> {
    let mut params = CertificateParams::default();
    params.not_before = date(validity.not_before)?;
    params.not_after = date(validity.not_after)?;
    params.serial_number = Some(SerialNumber::from_slice(&random()?));
    params.use_authority_key_identifier_extension = true;
    params.distinguished_name = DistinguishedName::new();
    Ok(params)
}

/// A new P-256 key, and a certificate for it.
pub(crate) fn sign(
    params: &CertificateParams,
    issuer: &Issuer<'_, KeyPair>,
) -> Result<(rcgen::Certificate, KeyPair), IssueError> {
    let key = KeyPair::generate().map_err(|_| IssueError::Crypto { what: "leaf key" })?;
    let certificate =
        params.signed_by(&key, issuer).map_err(|_| IssueError::Crypto { what: "signature" })?;
    Ok((certificate, key))
}

pub(crate) fn validity(
    now: Timestamp,
    lifetime: Duration,
    backdate: Duration,
) -> Result<Validity, IssueError> {
    if backdate > BACKDATE_MAX {
        return Err(IssueError::Backdate);
    }
    if lifetime < Duration::from_secs(1) {
        return Err(IssueError::Lifetime);
    }
    let not_before = now.checked_sub(backdate).map_err(|_| IssueError::Lifetime)?;
    let not_after = now.checked_add(lifetime).map_err(|_| IssueError::Lifetime)?;
    // Certificates know whole seconds.
    let whole = |at: Timestamp| Timestamp::from_second(at.as_second());
    Ok(Validity {
        not_before: whole(not_before).map_err(|_| IssueError::Lifetime)?,
        not_after: whole(not_after).map_err(|_| IssueError::Lifetime)?,
    })
}

pub(crate) fn name(what: &str, suffix: &str) -> DistinguishedName {
    let mut name = organization();
    name.push(DnType::CommonName, format!("{what} {suffix}"));
    name
}

pub(crate) fn random_hex() -> Result<String, IssueError> {
    Ok(hex(random()?.get(..8).unwrap_or_default()))
}

pub(crate) fn dns_name(name: &str, place: usize) -> Result<Ia5String, IssueError> {
    let bad = IssueError::DnsName { place };
    match ServerName::try_from(name) {
        Ok(ServerName::DnsName(_)) => Ia5String::try_from(name).map_err(|_| bad),
        _ => Err(bad),
    }
}

fn organization() -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, "Lazaret");
    name
}

fn ia5(text: &str) -> Result<Ia5String, IssueError> {
    Ia5String::try_from(text).map_err(|_| IssueError::Crypto { what: "name" })
}

fn date(at: Timestamp) -> Result<OffsetDateTime, IssueError> {
    OffsetDateTime::from_unix_timestamp(at.as_second()).map_err(|_| IssueError::Lifetime)
}

// 127 random bits: positive, never zero in practice, and unpredictable (RFC 5280, 4.1.2.2).
fn random() -> Result<[u8; 16], IssueError> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).map_err(|_| IssueError::Crypto { what: "randomness" })?;
    if let Some(first) = bytes.first_mut() {
        *first &= 0x7f;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
