//! PEM text to DER, with limits. Tolerates what editors and mounts add: trailing newlines, CRLF,
//! text between the blocks.
//!
//! Invariant: a list that leaves this room is not empty and within its limit.

use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// The most bytes of one PEM text: a chain, a key or a bundle. 1 MiB holds some 700 roots.
pub const MATERIAL_BYTES_MAX: usize = 1024 * 1024;

/// The most certificates of one PEM text.
pub const CERTIFICATES_MAX: usize = 1024;

const ENCRYPTED: &[u8] = b"ENCRYPTED";

/// Why a PEM text could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPem {
    /// More bytes than [`MATERIAL_BYTES_MAX`].
    #[error(
        "has {bytes} bytes, more than the {MATERIAL_BYTES_MAX} that are read; is it the right file?"
    )]
    TooLarge {
        /// How many bytes there are.
        bytes: usize,
    },
    /// More certificates than [`CERTIFICATES_MAX`].
    #[error("holds more than {CERTIFICATES_MAX} certificates; is it the right file?")]
    TooMany,
    /// No certificate block.
    #[error("holds no certificate: a BEGIN CERTIFICATE block is missing")]
    NoCertificate,
    /// No private key block.
    #[error(
        "holds no private key: a BEGIN PRIVATE KEY, EC PRIVATE KEY or RSA PRIVATE KEY block is \
         missing"
    )]
    NoKey,
    /// A private key under a passphrase.
    #[error(
        "holds an encrypted private key; decrypt it first, there is nobody here to ask for a passphrase"
    )]
    EncryptedKey,
    /// More than one private key block.
    #[error("holds {keys} private keys; leave the one that belongs to the certificate")]
    ManyKeys {
        /// How many there are.
        keys: usize,
    },
    /// A block that does not decode.
    #[error("block {block} is damaged: {what}; was the file cut while it was written?")]
    Damaged {
        /// Which block, counted from 1.
        block: usize,
        /// What is wrong with it, without its content.
        what: &'static str,
    },
}

/// All certificates of the text, in order.
pub(crate) fn certificates(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, InvalidPem> {
    let found: Vec<CertificateDer<'static>> = items(text)?;
    if found.is_empty() { Err(InvalidPem::NoCertificate) } else { Ok(found) }
}

/// The one private key of the text.
pub(crate) fn private_key(text: &[u8]) -> Result<PrivateKeyDer<'static>, InvalidPem> {
    let found: Result<Vec<PrivateKeyDer<'static>>, InvalidPem> = items(text);
    // Both forms say so: the PKCS #8 label and the header of the old OpenSSL form.
    let encrypted = text.windows(ENCRYPTED.len()).any(|window| window == ENCRYPTED);
    let mut found = match found {
        Ok(found) if found.is_empty() && encrypted => return Err(InvalidPem::EncryptedKey),
        Err(InvalidPem::Damaged { .. }) if encrypted => return Err(InvalidPem::EncryptedKey),
        other => other?,
    };
    match (found.pop(), found.len()) {
        (Some(key), 0) => Ok(key),
        (Some(_), others) => Err(InvalidPem::ManyKeys { keys: others + 1 }),
        (None, _) => Err(InvalidPem::NoKey),
    }
}

fn items<T: PemObject>(text: &[u8]) -> Result<Vec<T>, InvalidPem> {
    if text.len() > MATERIAL_BYTES_MAX {
        return Err(InvalidPem::TooLarge { bytes: text.len() });
    }
    let mut found = Vec::new();
    for (index, item) in T::pem_slice_iter(text).enumerate() {
        if index >= CERTIFICATES_MAX {
            return Err(InvalidPem::TooMany);
        }
        let block = index + 1;
        found.push(item.map_err(|error| InvalidPem::Damaged { block, what: what(&error) })?);
    }
    Ok(found)
}

// The library's own text may quote a line of the file, and the file may be a key.
fn what(error: &pem::Error) -> &'static str {
    match error {
        pem::Error::MissingSectionEnd { .. } => "its END line is missing",
        pem::Error::IllegalSectionStart { .. } => "its BEGIN line is malformed",
        pem::Error::Base64Decode(_) => "its base64 does not decode",
        pem::Error::SectionTooLarge => "it is too large",
        pem::Error::Io(_) | pem::Error::NoItemsFound | _ => "it cannot be decoded",
    }
}

#[cfg(test)]
mod tests;
