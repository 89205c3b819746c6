//! `Identity`: an X509-SVID with its key and trust bundle, validated as a whole.
//!
//! Invariant: an `Identity` exists only if its key belongs to its leaf, its leaf keeps the X509-SVID
//! profile, and its chain builds to its own bundle at the time it was read.

use std::path::PathBuf;
use std::sync::Arc;

use aws_lc_rs::digest;
use jiff::Timestamp;
use rustls::CertificateError;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls_pki_types::CertificateDer;
use spiffe::SpiffeId;

use crate::bundle::{Bundle, InvalidBundle, hex};
use crate::pem::{self, InvalidPem};
use crate::profile::{self, InvalidSvid, Validity};
use crate::verify::{Chain, PEER_CHAIN_CERTIFICATES_MAX, Usage, check_path, unix_time};
use crate::{rotation, tls};

/// Who we are, and whom we trust. Immutable; rotation replaces it whole.
#[derive(Debug)]
pub struct Identity {
    id: SpiffeId,
    validity: Validity,
    leaf_sha256: String,
    fingerprint: String,
    key: Arc<CertifiedKey>,
    bundle: Arc<Bundle>,
}

impl Identity {
    /// Reads and validates PEM texts: the chain with the leaf first, its private key, the bundle.
    ///
    /// # Errors
    ///
    /// Which part is bad, what is wrong with it, and what to do.
    pub fn from_pem(
        chain: &[u8],
        key: &[u8],
        bundle: &[u8],
        now: Timestamp,
    ) -> Result<Identity, InvalidIdentity> {
        let in_chain = |problem| InvalidIdentity::new(Part::Chain, problem);
        let in_key = |problem| InvalidIdentity::new(Part::Key, problem);
        let in_bundle = |problem| InvalidIdentity::new(Part::Bundle, problem);

        let chain = pem::certificates(chain).map_err(|error| in_chain(error.into()))?;
        if chain.len() > PEER_CHAIN_CERTIFICATES_MAX {
            return Err(in_chain(IdentityProblem::ChainTooLong { count: chain.len() }));
        }
        let Some(leaf) = chain.first() else {
            return Err(in_chain(InvalidPem::NoCertificate.into()));
        };
        let id = profile::check_leaf(leaf).map_err(|error| in_chain(error.into()))?;
        let validity = profile::validity(leaf).map_err(|error| in_chain(error.into()))?;
        check_time(&validity, now).map_err(in_chain)?;

        let key = pem::private_key(key).map_err(|error| in_key(error.into()))?;
        let key = tls::provider()
            .key_provider
            .load_private_key(key)
            .map_err(|_| in_key(IdentityProblem::KeyUnusable))?;
        let leaf_sha256 = hex(digest::digest(&digest::SHA256, leaf).as_ref());
        let key = Arc::new(CertifiedKey::new(chain, key));
        key.keys_match().map_err(|_| in_key(IdentityProblem::KeyMismatch))?;

        let bundle = Bundle::from_pem(bundle, id.trust_domain(), now)
            .map_err(|error| in_bundle(error.into()))?;
        let fingerprint = fingerprint(&key.cert, &bundle);
        let bundle = Arc::new(bundle);
        let identity = Identity { id, validity, leaf_sha256, fingerprint, key, bundle };
        identity.check_chain(now).map_err(in_chain)?;
        Ok(identity)
    }

    /// Our SPIFFE ID.
    #[must_use]
    pub fn id(&self) -> &SpiffeId {
        &self.id
    }

    /// The first second at which the leaf holds.
    #[must_use]
    pub fn not_before(&self) -> Timestamp {
        self.validity.not_before
    }

    /// The last second at which the leaf holds.
    #[must_use]
    pub fn not_after(&self) -> Timestamp {
        self.validity.not_after
    }

    /// SHA-256 over the chain and the bundle, in hex: another one after each rotation, also where
    /// only a root came or went. Whatever is built from an identity and kept, is kept by this.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// SHA-256 of the leaf alone, in hex, as other tools print it.
    #[must_use]
    pub fn leaf_sha256(&self) -> &str {
        &self.leaf_sha256
    }

    /// Whom we trust.
    #[must_use]
    pub fn bundle(&self) -> &Arc<Bundle> {
        &self.bundle
    }

    /// The leaf and its intermediates, as they are sent to a peer.
    #[must_use]
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.key.cert
    }

    /// Where in its life the leaf is.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> rotation::State {
        rotation::state(self.validity, now)
    }

    /// Validates again at another time: dates, and the path to our own bundle.
    ///
    /// # Errors
    ///
    /// As [`Identity::from_pem`].
    pub fn check(&self, now: Timestamp) -> Result<(), InvalidIdentity> {
        check_time(&self.validity, now)
            .and_then(|()| self.check_chain(now))
            .map_err(|problem| InvalidIdentity::new(Part::Chain, problem))
    }

    /// What signs our side of a handshake, either way.
    pub(crate) fn resolver(&self) -> SingleCertAndKey {
        SingleCertAndKey::from(Arc::clone(&self.key))
    }

    fn check_chain(&self, now: Timestamp) -> Result<(), IdentityProblem> {
        let broken = |error| IdentityProblem::Path { what: path_problem(&error) };
        let Some((leaf, intermediates)) = self.key.cert.split_first() else {
            return Err(InvalidPem::NoCertificate.into());
        };
        let roots = self.bundle.roots_at(self.id.trust_domain(), now).ok_or_else(|| {
            InvalidBundle::NoRoot { trust_domain: self.id.trust_domain().clone() }
        })?;
        let chain = Chain { leaf, intermediates };
        for usage in [Usage::ServerAuth, Usage::ClientAuth] {
            check_path(chain, &roots, usage, unix_time(now)).map_err(broken)?;
        }
        Ok(())
    }
}

/// Which of the three texts of an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The trust bundle.
    Bundle,
    /// The leaf and its intermediates.
    Chain,
    /// The private key.
    Key,
}

impl Part {
    /// The word for it, as in the configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Part::Bundle => "bundle",
            Part::Chain => "chain",
            Part::Key => "key",
        }
    }
}

/// Why an identity was refused: which part, from where, what is wrong and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", place(*part, path.as_ref()))]
pub struct InvalidIdentity {
    /// The bad part.
    pub part: Part,
    /// The file it came from, where it came from one.
    pub path: Option<PathBuf>,
    /// What is wrong.
    #[source]
    pub problem: IdentityProblem,
}

impl InvalidIdentity {
    pub(crate) fn new(part: Part, problem: IdentityProblem) -> InvalidIdentity {
        InvalidIdentity { part, path: None, problem }
    }
}

fn place(part: Part, path: Option<&PathBuf>) -> String {
    match path {
        Some(path) => format!("identity {} {}", part.name(), path.display()),
        None => format!("identity {}", part.name()),
    }
}

/// What is wrong with one part of an identity.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityProblem {
    /// The file could not be read.
    #[error("{0}")]
    Store(#[from] crate::store::StoreError),
    /// Not PEM, or not what was asked for.
    #[error("{0}")]
    Pem(#[from] InvalidPem),
    /// Not an X509-SVID.
    #[error("{0}")]
    Svid(#[from] InvalidSvid),
    /// Too many certificates.
    #[error("holds {count} certificates, more than the {PEER_CHAIN_CERTIFICATES_MAX} of a chain")]
    ChainTooLong {
        /// How many there are.
        count: usize,
    },
    /// `notAfter` has passed.
    #[error("expired at {not_after}; have the SVID issued again (now it is {now})")]
    Expired {
        /// The last second it held.
        not_after: Timestamp,
        /// The time of the check.
        now: Timestamp,
    },
    /// `notBefore` lies ahead.
    #[error(
        "not valid before {not_before}; compare the clocks of this machine and its CA (now it is {now})"
    )]
    NotYetValid {
        /// The first second it will hold.
        not_before: Timestamp,
        /// The time of the check.
        now: Timestamp,
    },
    /// The key is of a kind that cannot sign a TLS 1.3 handshake.
    #[error("the private key cannot be used; give a P-256, P-384, Ed25519 or RSA key, unencrypted")]
    KeyUnusable,
    /// The key is another leaf's.
    #[error(
        "the private key does not belong to the leaf of the chain; was only one of the two files \
         replaced?"
    )]
    KeyMismatch,
    /// The bundle is bad.
    #[error("{0}")]
    Bundle(#[from] InvalidBundle),
    /// The chain does not lead to the bundle.
    #[error(
        "the chain does not lead to a root of its trust domain in the bundle ({what}); add the \
         missing intermediate to the chain or the CA to the bundle"
    )]
    Path {
        /// What path validation said.
        what: String,
    },
    /// Another SPIFFE ID than the one in force.
    #[error(
        "the SVID is for {offered}, but this process is {expected}; restart it to change its identity"
    )]
    OtherSpiffeId {
        /// Who we are.
        expected: SpiffeId,
        /// Who we would become.
        offered: SpiffeId,
    },
}

fn fingerprint(chain: &[CertificateDer<'_>], bundle: &Bundle) -> String {
    let mut hash = digest::Context::new(&digest::SHA256);
    chain.iter().for_each(|certificate| hash.update(certificate));
    hash.update(bundle.fingerprint().as_bytes());
    hex(hash.finish().as_ref())
}

fn check_time(validity: &Validity, now: Timestamp) -> Result<(), IdentityProblem> {
    if now.as_second() < validity.not_before.as_second() {
        return Err(IdentityProblem::NotYetValid { not_before: validity.not_before, now });
    }
    if now.as_second() > validity.not_after.as_second() {
        return Err(IdentityProblem::Expired { not_after: validity.not_after, now });
    }
    Ok(())
}

fn path_problem(error: &rustls::Error) -> String {
    if *error == CertificateError::UnknownIssuer.into() {
        return "no root signed it".to_owned();
    }
    error.to_string()
}

#[cfg(test)]
mod tests;
