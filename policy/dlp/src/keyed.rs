//! A secret key, and digests that only its holder can make. Invariant: the key is never shown, and
//! digests for one purpose say nothing about those for another.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Shortest key, in bytes.
pub(crate) const KEY_LEN_MIN: usize = 32;
/// Longest key, in bytes.
pub(crate) const KEY_LEN_MAX: usize = 4096;

/// A secret key for tokens and fingerprints.
#[derive(Clone)]
pub struct Key {
    keyed: Hmac<Sha256>,
}

/// A key that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidKey;

impl fmt::Display for InvalidKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a key is {KEY_LEN_MIN} to {KEY_LEN_MAX} bytes, such as 64 random hex digits")
    }
}

impl std::error::Error for InvalidKey {}

impl Key {
    /// A key of these bytes, without white space at their end: the content of a key file.
    ///
    /// # Errors
    /// Fewer than 32 bytes, or more than 4096.
    pub fn new(bytes: &[u8]) -> Result<Key, InvalidKey> {
        let bytes = bytes.trim_ascii_end();
        if !(KEY_LEN_MIN..=KEY_LEN_MAX).contains(&bytes.len()) {
            return Err(InvalidKey);
        }
        Hmac::new_from_slice(bytes).map(|keyed| Key { keyed }).map_err(|_| InvalidKey)
    }

    /// HMAC-SHA-256 (RFC 2104) of `parts`, each with its length before it, for one purpose.
    pub(crate) fn digest(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.keyed.clone();
        mac.update(purpose.as_bytes());
        mac.update(&[0]);
        for part in parts {
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_long_keys_are_refused_and_line_ends_do_not_count() {
        assert!(Key::new(&[b'k'; 31]).is_err());
        assert!(Key::new(b"                                                       ").is_err());
        assert!(Key::new(&[b'k'; KEY_LEN_MAX + 1]).is_err());
        let plain = Key::new(&[b'k'; 32]).unwrap();
        let line = Key::new(b"kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk\r\n").unwrap();
        assert_eq!(plain.digest("p", &[b"x"]), line.digest("p", &[b"x"]));
    }

    #[test]
    fn digests_know_key_purpose_and_where_parts_end() {
        let key = Key::new(&[b'k'; 32]).unwrap();
        let digest = key.digest("p", &[b"ab", b"c"]);
        assert_ne!(digest, key.digest("p", &[b"a", b"bc"]));
        assert_ne!(digest, key.digest("q", &[b"ab", b"c"]));
        assert_ne!(digest, Key::new(&[b'l'; 32]).unwrap().digest("p", &[b"ab", b"c"]));
        assert_eq!(format!("{key:?}"), "Key");
    }
}
