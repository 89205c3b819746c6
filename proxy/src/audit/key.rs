//! The key that signs audit heads, and how a verifier names the keys it trusts.
//! Invariant: a private key is never printed, logged or part of an error.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use aws_lc_rs::digest;
use aws_lc_rs::signature::{self, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer};

use super::chain::{push_hex, unhex};

/// Length of an Ed25519 signature (RFC 8032).
pub const SIGNATURE_BYTES: usize = 64;

/// The largest key file that is read, in bytes.
pub const KEY_FILE_BYTES_MAX: u64 = 16 * 1024;

const PUBLIC_KEY_BYTES: usize = 32;

/// What stands before the 32 key bytes in the SubjectPublicKeyInfo of an Ed25519 key (RFC 8410).
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0];

/// Why a key could not be used. Never holds key material.
#[derive(Debug, thiserror::Error)]
pub enum InvalidKey {
    /// The file could not be read.
    #[error("cannot read the key file: {0}")]
    Read(#[from] io::Error),
    /// The file is larger than [`KEY_FILE_BYTES_MAX`].
    #[error("the key file is larger than {KEY_FILE_BYTES_MAX} bytes")]
    TooLarge,
    /// Not an Ed25519 private key in PKCS#8.
    #[error(
        "not an Ed25519 private key in PKCS#8, PEM or DER \
         (`openssl genpkey -algorithm ed25519` makes one)"
    )]
    Private,
    /// Not an Ed25519 public key, and not a fingerprint.
    #[error(
        "not an Ed25519 public key: neither `-----BEGIN PUBLIC KEY-----`, nor 64 hexadecimal \
         digits, nor a fingerprint `sha256:...`"
    )]
    Public,
    /// The crypto library could not make a key.
    #[error("cannot make an Ed25519 key")]
    Make,
}

/// The Ed25519 key pair that signs heads.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    public: PublicKey,
    fingerprint: Fingerprint,
}

impl SigningKey {
    /// Reads a PKCS#8 private key, PEM or DER, of at most [`KEY_FILE_BYTES_MAX`] bytes.
    pub fn load(path: &Path) -> Result<SigningKey, InvalidKey> {
        let mut bytes = Vec::new();
        File::open(path)?.take(KEY_FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > KEY_FILE_BYTES_MAX {
            return Err(InvalidKey::TooLarge);
        }
        SigningKey::parse(&bytes)
    }

    /// Reads a PKCS#8 private key, PEM or DER.
    pub fn parse(bytes: &[u8]) -> Result<SigningKey, InvalidKey> {
        let pem = PrivatePkcs8KeyDer::from_pem_slice(bytes);
        let der = pem.as_ref().map_or(bytes, |key| key.secret_pkcs8_der());
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der);
        SigningKey::with(pair.map_err(|_| InvalidKey::Private)?)
    }

    /// Makes a key that lives as long as the process.
    pub fn ephemeral() -> Result<SigningKey, InvalidKey> {
        SigningKey::with(Ed25519KeyPair::generate().map_err(|_| InvalidKey::Make)?)
    }

    fn with(pair: Ed25519KeyPair) -> Result<SigningKey, InvalidKey> {
        let bytes = pair.public_key().as_ref().try_into().map_err(|_| InvalidKey::Private)?;
        let public = PublicKey(bytes);
        let fingerprint = public.fingerprint();
        Ok(SigningKey { pair, public, fingerprint })
    }

    /// The public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The public half's fingerprint.
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// Signs `text`.
    pub(super) fn sign(&self, text: &[u8]) -> [u8; SIGNATURE_BYTES] {
        let mut bytes = [0; SIGNATURE_BYTES];
        let signature = self.pair.sign(text);
        for (to, from) in bytes.iter_mut().zip(signature.as_ref()) {
            *to = *from;
        }
        bytes
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("fingerprint", &self.fingerprint).finish_non_exhaustive()
    }
}

/// An Ed25519 public key; printed as 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PublicKey([u8; PUBLIC_KEY_BYTES]);

impl PublicKey {
    /// Reads 64 lower-case hexadecimal digits, or a PEM `PUBLIC KEY`.
    pub fn parse(text: &str) -> Result<PublicKey, InvalidKey> {
        if let Some(bytes) = unhex(text.trim().as_bytes()) {
            return Ok(PublicKey(bytes));
        }
        let pem = SubjectPublicKeyInfoDer::from_pem_slice(text.as_bytes());
        let key = pem.as_ref().ok().and_then(|spki| spki.strip_prefix(&SPKI_PREFIX));
        let bytes = key.and_then(|key| key.try_into().ok()).ok_or(InvalidKey::Public)?;
        Ok(PublicKey(bytes))
    }

    /// `sha256:` and the SHA-256 of the key's SubjectPublicKeyInfo, as
    /// `openssl pkey -pubin -outform der | sha256sum` computes it.
    pub fn fingerprint(&self) -> Fingerprint {
        let spki = [SPKI_PREFIX.as_slice(), &self.0].concat();
        let mut text = b"sha256:".to_vec();
        push_hex(digest::digest(&digest::SHA256, &spki).as_ref(), &mut text);
        Fingerprint(String::from_utf8_lossy(&text).into_owned())
    }

    pub(super) fn verifies(&self, text: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&signature::ED25519, &self.0).verify(text, signature).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Names one key: `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Debug, Eq, Hash, PartialEq, serde::Serialize)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// Reads a fingerprint, or takes that of a public key (64 digits or PEM).
    pub fn parse(text: &str) -> Result<Fingerprint, InvalidKey> {
        match text.trim().strip_prefix("sha256:") {
            Some(digits) => unhex::<32>(digits.as_bytes())
                .map(|_| Fingerprint(format!("sha256:{digits}")))
                .ok_or(InvalidKey::Public),
            None => PublicKey::parse(text).map(|key| key.fingerprint()),
        }
    }

    /// The text, `sha256:...`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
