//! The X509-SVID profile: what a leaf and a signing certificate must look like.
//!
//! Source of every rule: the SPIFFE standard X509-SVID, sections 2 to 5, on top of RFC 5280. Path
//! validation is not here, see `verify`.

use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use spiffe::{InvalidSpiffeId, SpiffeId, TrustDomain};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, KeyUsage, ParsedExtension, X509Extension};
use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Version;

/// The largest certificate that is looked at, in bytes of DER.
pub const CERTIFICATE_BYTES_MAX: usize = 64 * 1024;

/// Why a certificate is not an X509-SVID that a workload may present.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSvid {
    /// Not a certificate, or an extension that does not decode.
    #[error("the certificate cannot be read: {what}; have it issued again")]
    Malformed {
        /// Which part is malformed.
        what: &'static str,
    },
    /// X.509 version 1 or 2.
    #[error("the certificate is not X.509 version 3; have it issued again with extensions")]
    OldVersion,
    /// No URI SAN at all.
    #[error("the certificate has no URI SAN; an X509-SVID carries its SPIFFE ID there")]
    NoUriSan,
    /// More than one URI SAN.
    #[error(
        "the certificate has {count} URI SANs; an X509-SVID has exactly one, so have it issued \
         for one SPIFFE ID"
    )]
    ManyUriSans {
        /// How many there are.
        count: usize,
    },
    /// The URI SAN is not the SPIFFE ID of a workload.
    #[error("the URI SAN is not a workload's SPIFFE ID: {0}")]
    SpiffeId(#[from] InvalidSpiffeId),
    /// The subject is empty and the SAN extension is not critical (RFC 5280, 4.2.1.6).
    #[error("the subject is empty, so the SAN extension must be marked critical")]
    SanNotCritical,
    /// `cA` is true.
    #[error("this is a CA certificate (cA is true); a workload presents a leaf")]
    IsCa,
    /// No key usage.
    #[error(
        "the key usage extension is missing; an X509-SVID must carry it, with digitalSignature"
    )]
    NoKeyUsage,
    /// Key usage not critical.
    #[error("the key usage extension must be marked critical")]
    KeyUsageNotCritical,
    /// Key usage without `digitalSignature`.
    #[error("key usage lacks digitalSignature, without which a leaf cannot sign a handshake")]
    NoDigitalSignature,
    /// Key usage with `keyCertSign`.
    #[error("key usage has keyCertSign, which a leaf must not have")]
    KeyCertSign,
    /// Key usage with `cRLSign`.
    #[error("key usage has cRLSign, which a leaf must not have")]
    CrlSign,
    /// Extended key usage without `serverAuth`.
    #[error(
        "extended key usage lacks serverAuth; an X509-SVID names both serverAuth and clientAuth"
    )]
    NoServerAuth,
    /// Extended key usage without `clientAuth`.
    #[error(
        "extended key usage lacks clientAuth; an X509-SVID names both serverAuth and clientAuth"
    )]
    NoClientAuth,
}

/// Why a certificate cannot sign SVIDs or stand in a trust bundle.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSigner {
    /// Not a certificate, or an extension that does not decode.
    #[error("the certificate cannot be read: {what}")]
    Malformed {
        /// Which part is malformed.
        what: &'static str,
    },
    /// `cA` is not true.
    #[error("it is not a CA certificate (cA is not true); a bundle holds roots, not leaves")]
    NotCa,
    /// A SPIFFE ID and basic constraints that are not critical (RFC 5280, 4.2.1.9).
    #[error("its basic constraints must be marked critical")]
    BasicConstraintsNotCritical,
    /// An empty subject (RFC 5280, 4.1.2.6).
    #[error("it has no subject, by which what it signs could name it")]
    NoSubject,
    /// A critical extension that is not understood, so it may limit what the CA may do.
    #[error("it has a critical extension that is not understood ({oid})")]
    CriticalExtension {
        /// The extension's object identifier.
        oid: String,
    },
    /// Key usage without `keyCertSign`; or no key usage on a certificate with a SPIFFE ID.
    #[error("its key usage lacks keyCertSign, so it may not sign certificates")]
    NoKeyCertSign,
    /// A SPIFFE ID and a key usage that is not critical.
    #[error("its key usage extension must be marked critical")]
    KeyUsageNotCritical,
    /// More than one URI SAN.
    #[error("it has {count} URI SANs; a signing certificate has at most one")]
    ManyUriSans {
        /// How many there are.
        count: usize,
    },
    /// The URI SAN is not the id of a trust domain.
    #[error("its URI SAN is not the id of a trust domain (spiffe://domain, no path): {0}")]
    TrustDomain(#[from] InvalidSpiffeId),
}

/// When a certificate holds, to the second, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The first second.
    pub not_before: Timestamp,
    /// The last second.
    pub not_after: Timestamp,
}

impl Validity {
    /// Whether `now` lies inside, to the whole second: the last second counts to its end, as path
    /// validation counts it.
    #[must_use]
    pub fn contains(&self, now: Timestamp) -> bool {
        let seconds = self.not_before.as_second()..=self.not_after.as_second();
        seconds.contains(&now.as_second())
    }
}

/// The SPIFFE ID of a leaf that keeps every rule of the profile.
///
/// # Errors
///
/// The first rule that is broken.
pub fn check_leaf(der: &CertificateDer<'_>) -> Result<SpiffeId, InvalidSvid> {
    let certificate = parse(der).map_err(|what| InvalidSvid::Malformed { what })?;
    if let Some(violation) = violations(&certificate).into_iter().next() {
        return Err(violation);
    }
    leaf_id(&certificate)
}

/// The trust domain that a root or intermediate names in its URI SAN; none where it has no URI SAN
/// (a CA that does not know SPIFFE).
///
/// # Errors
///
/// The first rule that is broken.
pub fn check_signer(der: &CertificateDer<'_>) -> Result<Option<TrustDomain>, InvalidSigner> {
    let malformed = |what| InvalidSigner::Malformed { what };
    let certificate = parse(der).map_err(malformed)?;
    let critical = check_ca(&certificate)?;
    let uris = uri_sans(&certificate).map_err(malformed)?;
    let trust_domain = match uris.as_slice() {
        [] => None,
        [uri] => Some(TrustDomain::parse_id(uri)?),
        many => return Err(InvalidSigner::ManyUriSans { count: many.len() }),
    };
    // Old public roots leave it uncritical; a trust domain's CA has no such excuse.
    if trust_domain.is_some() && !critical {
        return Err(InvalidSigner::BasicConstraintsNotCritical);
    }
    match key_usage(&certificate).map_err(malformed)? {
        Some((_, usage)) if !usage.key_cert_sign() => Err(InvalidSigner::NoKeyCertSign),
        Some((false, _)) if trust_domain.is_some() => Err(InvalidSigner::KeyUsageNotCritical),
        None if trust_domain.is_some() => Err(InvalidSigner::NoKeyCertSign),
        Some(_) | None => Ok(trust_domain),
    }
}

/// Whether the leaf of a server that is known by its name alone may sign a handshake: with a key
/// usage it says digitalSignature (RFC 8446, section 4.4.2.2) and not keyCertSign, and without a
/// subject its SAN is critical. Path validation asks for none of these.
///
/// # Errors
///
/// The first rule that is broken.
pub fn check_server_leaf(der: &CertificateDer<'_>) -> Result<(), InvalidSvid> {
    let malformed = |what| InvalidSvid::Malformed { what };
    let certificate = parse(der).map_err(malformed)?;
    if san_lacks_criticality(&certificate) {
        return Err(InvalidSvid::SanNotCritical);
    }
    match key_usage(&certificate).map_err(malformed)? {
        Some((_, usage)) if !usage.digital_signature() => Err(InvalidSvid::NoDigitalSignature),
        Some((_, usage)) if usage.key_cert_sign() => Err(InvalidSvid::KeyCertSign),
        Some(_) | None => Ok(()),
    }
}

/// When a certificate holds.
///
/// # Errors
///
/// Where it cannot be read, which part.
pub fn validity(der: &CertificateDer<'_>) -> Result<Validity, InvalidSvid> {
    parse(der)
        .and_then(|certificate| validity_of(&certificate))
        .map_err(|what| InvalidSvid::Malformed { what })
}

/// Every rule of the leaf profile that the certificate breaks; empty for an X509-SVID.
pub(crate) fn violations(certificate: &X509Certificate<'_>) -> Vec<InvalidSvid> {
    let mut broken = Vec::new();
    if certificate.version() != X509Version::V3 {
        broken.push(InvalidSvid::OldVersion);
    }
    if let Err(error) = leaf_id(certificate) {
        broken.push(error);
    }
    if san_lacks_criticality(certificate) {
        broken.push(InvalidSvid::SanNotCritical);
    }
    if certificate.is_ca() {
        broken.push(InvalidSvid::IsCa);
    }
    key_usage_violations(certificate, &mut broken);
    match certificate.extended_key_usage() {
        // anyExtendedKeyUsage does not stand in for the two names that the standard asks for.
        Ok(Some(usage)) => {
            if !usage.value.server_auth {
                broken.push(InvalidSvid::NoServerAuth);
            }
            if !usage.value.client_auth {
                broken.push(InvalidSvid::NoClientAuth);
            }
        }
        Ok(None) => {}
        Err(_) => broken.push(InvalidSvid::Malformed { what: "the extended key usage extension" }),
    }
    broken
}

/// Reads one DER certificate with nothing after it and no extension that fails to decode.
pub(crate) fn parse<'a>(der: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, &'static str> {
    if der.len() > CERTIFICATE_BYTES_MAX {
        return Err("it is larger than any certificate");
    }
    let (rest, certificate) = X509Certificate::from_der(der).map_err(|_| "it is not DER X.509")?;
    if !rest.is_empty() {
        return Err("bytes follow the certificate");
    }
    for extension in certificate.extensions() {
        if matches!(extension.parsed_extension(), ParsedExtension::ParseError { .. }) {
            return Err("an extension does not decode");
        }
    }
    certificate.extensions_map().map_err(|_| "an extension stands twice")?;
    Ok(certificate)
}

pub(crate) fn validity_of(certificate: &X509Certificate<'_>) -> Result<Validity, &'static str> {
    let read = |seconds| Timestamp::from_second(seconds).map_err(|_| "its validity dates");
    let validity = certificate.validity();
    Ok(Validity {
        not_before: read(validity.not_before.timestamp())?,
        not_after: read(validity.not_after.timestamp())?,
    })
}

pub(crate) fn uri_sans<'a>(
    certificate: &'a X509Certificate<'_>,
) -> Result<Vec<&'a str>, &'static str> {
    let malformed = "the subject alternative name extension";
    let Some(san) = certificate.subject_alternative_name().map_err(|_| malformed)? else {
        return Ok(Vec::new());
    };
    let mut uris = Vec::new();
    for name in &san.value.general_names {
        match name {
            GeneralName::URI(uri) => uris.push(*uri),
            // Could be a URI in an encoding that another reader accepts.
            GeneralName::Invalid(..) => return Err(malformed),
            GeneralName::OtherName(..)
            | GeneralName::RFC822Name(_)
            | GeneralName::DNSName(_)
            | GeneralName::X400Address(_)
            | GeneralName::DirectoryName(_)
            | GeneralName::EDIPartyName(_)
            | GeneralName::IPAddress(_)
            | GeneralName::RegisteredID(_) => {}
        }
    }
    Ok(uris)
}

/// What every CA must be; answers whether its basic constraints are critical.
fn check_ca(certificate: &X509Certificate<'_>) -> Result<bool, InvalidSigner> {
    let critical = match certificate.basic_constraints() {
        Ok(Some(constraints)) if constraints.value.ca => constraints.critical,
        Ok(_) | Err(_) => return Err(InvalidSigner::NotCa),
    };
    if has_no_subject(certificate) {
        return Err(InvalidSigner::NoSubject);
    }
    let strange = |extension: &&X509Extension<'_>| {
        extension.critical && extension.parsed_extension().unsupported()
    };
    match certificate.extensions().iter().find(strange) {
        Some(extension) => {
            Err(InvalidSigner::CriticalExtension { oid: extension.oid.to_id_string() })
        }
        None => Ok(critical),
    }
}

fn has_no_subject(certificate: &X509Certificate<'_>) -> bool {
    certificate.subject().iter().next().is_none()
}

fn san_lacks_criticality(certificate: &X509Certificate<'_>) -> bool {
    let san = certificate.subject_alternative_name().ok().flatten();
    has_no_subject(certificate) && san.is_some_and(|san| !san.critical)
}

fn leaf_id(certificate: &X509Certificate<'_>) -> Result<SpiffeId, InvalidSvid> {
    let uris = uri_sans(certificate).map_err(|what| InvalidSvid::Malformed { what })?;
    match uris.as_slice() {
        [] => Err(InvalidSvid::NoUriSan),
        [uri] => Ok(SpiffeId::parse(uri)?),
        many => Err(InvalidSvid::ManyUriSans { count: many.len() }),
    }
}

fn key_usage<'a>(
    certificate: &'a X509Certificate<'_>,
) -> Result<Option<(bool, &'a KeyUsage)>, &'static str> {
    let found = certificate.key_usage().map_err(|_| "the key usage extension")?;
    Ok(found.map(|usage| (usage.critical, usage.value)))
}

fn key_usage_violations(certificate: &X509Certificate<'_>, broken: &mut Vec<InvalidSvid>) {
    let (critical, usage) = match key_usage(certificate) {
        Ok(Some(found)) => found,
        Ok(None) => return broken.push(InvalidSvid::NoKeyUsage),
        Err(what) => return broken.push(InvalidSvid::Malformed { what }),
    };
    let rules = [
        (critical, InvalidSvid::KeyUsageNotCritical),
        (usage.digital_signature(), InvalidSvid::NoDigitalSignature),
        (!usage.key_cert_sign(), InvalidSvid::KeyCertSign),
        (!usage.crl_sign(), InvalidSvid::CrlSign),
    ];
    broken.extend(rules.into_iter().filter(|(kept, _)| !kept).map(|(_, violation)| violation));
}

#[cfg(test)]
mod tests;
