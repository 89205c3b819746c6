//! The trust bundle: which roots vouch for which trust domain.
//!
//! Invariant: roots of different trust domains are never merged. A peer is judged by the roots of
//! its own trust domain alone (SPIFFE Federation, section 3); a root without a URI SAN counts for
//! our own trust domain.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_lc_rs::digest;
use jiff::Timestamp;
use rustls::{DistinguishedName, RootCertStore};
use rustls_pki_types::CertificateDer;
use spiffe::TrustDomain;

use crate::pem::{self, InvalidPem};
use crate::profile::{self, InvalidSigner, Validity};

/// Roots by trust domain. Immutable; a new bundle replaces it whole.
#[derive(Debug)]
pub struct Bundle {
    own: TrustDomain,
    domains: BTreeMap<TrustDomain, Roots>,
    fingerprint: String,
}

impl Bundle {
    /// Reads a PEM bundle, seen from the trust domain `own`.
    ///
    /// # Errors
    ///
    /// A certificate that is no CA; or no root for `own` that has not expired at `now`. Expired
    /// roots beside a good one are kept out of use, not refused: they are pruned late everywhere.
    pub fn from_pem(
        text: &[u8],
        own: &TrustDomain,
        now: Timestamp,
    ) -> Result<Bundle, InvalidBundle> {
        let mut domains: BTreeMap<TrustDomain, Roots> = BTreeMap::new();
        let mut hash = digest::Context::new(&digest::SHA256);
        for (index, der) in pem::certificates(text)?.into_iter().enumerate() {
            let place = index + 1;
            let signer = |problem| InvalidBundle::Certificate { place, problem };
            let domain = profile::check_signer(&der).map_err(signer)?;
            let validity = profile::validity(&der)
                .map_err(|_| signer(InvalidSigner::Malformed { what: "its validity dates" }))?;
            hash.update(&der);
            let roots = domains.entry(domain.unwrap_or_else(|| own.clone())).or_default();
            roots.add(der, validity).map_err(signer)?;
        }
        let bundle = Bundle { own: own.clone(), domains, fingerprint: hex(hash.finish().as_ref()) };
        match bundle.roots_at(own, now) {
            Some(_) => Ok(bundle),
            None => Err(InvalidBundle::NoRoot { trust_domain: own.clone() }),
        }
    }

    /// Our own trust domain.
    #[must_use]
    pub fn own(&self) -> &TrustDomain {
        &self.own
    }

    /// The trust domains that have roots here, ours among them, in order of their names.
    pub fn trust_domains(&self) -> impl Iterator<Item = &TrustDomain> {
        self.domains.keys()
    }

    /// SHA-256 over the roots in their order, in hex: changes whenever the bundle does.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The roots of one trust domain that hold at `now`; none where there is not one.
    #[must_use]
    pub fn roots_at(&self, domain: &TrustDomain, now: Timestamp) -> Option<Arc<RootCertStore>> {
        self.domains.get(domain).and_then(|roots| roots.at(now))
    }

    /// The subjects of all roots, for the hint that a server gives its clients.
    pub(crate) fn subjects(&self) -> Vec<DistinguishedName> {
        self.domains.values().flat_map(|roots| roots.all.subjects()).collect()
    }
}

/// Why a bundle was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidBundle {
    /// The text is not PEM.
    #[error("{0}")]
    Pem(#[from] InvalidPem),
    /// One certificate is no CA.
    #[error("certificate {place} of the bundle: {problem}")]
    Certificate {
        /// Which one, counted from 1.
        place: usize,
        /// What is wrong with it.
        problem: InvalidSigner,
    },
    /// No usable root of our own trust domain.
    #[error(
        "holds no root of trust domain {trust_domain} that is valid now; add the CA certificate \
         that signs its SVIDs"
    )]
    NoRoot {
        /// Our own trust domain.
        trust_domain: TrustDomain,
    },
}

/// The roots of one trust domain.
struct Roots {
    /// All of them, in bundle order; used as it is while every one holds.
    all: Arc<RootCertStore>,
    validities: Vec<Validity>,
}

impl Default for Roots {
    fn default() -> Roots {
        Roots { all: Arc::new(RootCertStore::empty()), validities: Vec::new() }
    }
}

impl std::fmt::Debug for Roots {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Roots").field("validities", &self.validities).finish_non_exhaustive()
    }
}

impl Roots {
    fn add(&mut self, der: CertificateDer<'_>, validity: Validity) -> Result<(), InvalidSigner> {
        Arc::make_mut(&mut self.all)
            .add(der)
            .map_err(|_| InvalidSigner::Malformed { what: "it cannot serve as a trust anchor" })?;
        self.validities.push(validity);
        Ok(())
    }

    // Path validation takes anchors as they are and never asks for their dates, so it is asked here.
    fn at(&self, now: Timestamp) -> Option<Arc<RootCertStore>> {
        if self.validities.iter().all(|validity| validity.contains(now)) {
            return Some(Arc::clone(&self.all)).filter(|roots| !roots.is_empty());
        }
        let pairs = self.all.roots.iter().zip(&self.validities);
        let valid = pairs.filter(|(_, validity)| validity.contains(now));
        let roots = valid.map(|(anchor, _)| anchor.clone()).collect();
        Some(Arc::new(RootCertStore { roots })).filter(|roots| !roots.is_empty())
    }
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests;
