//! SPKI pins (the digest of RFC 7469, section 2.4), on the leaf or on any issuer of its path.
//!
//! Invariant: a pinned certificate counts only if the leaf chains to it. One that a peer merely
//! sends along does not, or anyone with a leaf from the same CA could pass by appending it.

use std::sync::Arc;

use aws_lc_rs::digest;
use rustls::RootCertStore;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};

use super::{Chain, PeerError, Usage, check_path};
use crate::profile;

/// SHA-256 over a certificate's SubjectPublicKeyInfo; none where it cannot be read.
#[must_use]
pub fn spki_sha256(certificate: &CertificateDer<'_>) -> Option<[u8; 32]> {
    let parsed = profile::parse(certificate).ok()?;
    sha256(parsed.public_key().raw)
}

/// Whether the leaf, or an issuer that its path leads to, has a pinned key.
pub(super) fn check(
    chain: Chain<'_>,
    roots: &RootCertStore,
    pins: &[[u8; 32]],
    now: UnixTime,
) -> Result<(), PeerError> {
    let leaf = spki_sha256(chain.leaf);
    if leaf.is_some_and(|pin| pins.contains(&pin)) {
        return Ok(());
    }
    let mut pinned = RootCertStore::empty();
    pinned.roots.extend(roots.roots.iter().filter(|root| is_pinned(root, pins)).cloned());
    for certificate in chain.intermediates {
        if spki_sha256(certificate).is_some_and(|pin| pins.contains(&pin)) {
            // What cannot be an anchor cannot have signed the leaf either.
            let _ = pinned.add(certificate.clone());
        }
    }
    let vouched =
        !pinned.is_empty() && check_path(chain, &Arc::new(pinned), Usage::ServerAuth, now).is_ok();
    if vouched {
        return Ok(());
    }
    Err(PeerError::NotPinned { leaf: base64(&leaf.unwrap_or_default()) })
}

// An anchor keeps the inside of SubjectPublicKeyInfo without its SEQUENCE header; the digest of a
// pin covers the header too.
fn is_pinned(root: &TrustAnchor<'_>, pins: &[[u8; 32]]) -> bool {
    let inside: &[u8] = &root.subject_public_key_info;
    let mut whole = vec![0x30];
    let length = inside.len().to_be_bytes();
    let significant = length.iter().position(|byte| *byte != 0).unwrap_or(length.len());
    let digits = length.get(significant..).unwrap_or_default();
    match (u8::try_from(inside.len()), u8::try_from(digits.len())) {
        (Ok(short), _) if short < 0x80 => whole.push(short),
        (_, Ok(count)) => {
            whole.push(0x80 | count);
            whole.extend_from_slice(digits);
        }
        (_, Err(_)) => return false,
    }
    whole.extend_from_slice(inside);
    sha256(&whole).is_some_and(|pin| pins.contains(&pin))
}

fn sha256(bytes: &[u8]) -> Option<[u8; 32]> {
    digest::digest(&digest::SHA256, bytes).as_ref().try_into().ok()
}

/// Standard base64 with padding, as pins are written.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let word = (0..3)
            .fold(0_usize, |word, at| word << 8 | usize::from(group.get(at).copied().unwrap_or(0)));
        for place in 0..4 {
            let digit = ALPHABET.get(word >> (18 - 6 * place) & 63);
            let wanted = place <= group.len();
            text.push(digit.filter(|_| wanted).map_or('=', |digit| char::from(*digit)));
        }
    }
    text
}
