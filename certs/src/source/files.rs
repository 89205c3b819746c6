//! Identity from three PEM files, watched by comparing stamps.
//!
//! Invariant: what `load` answers was validated as one identity, so two generations of files that
//! do not fit together never pass, however they were swapped.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::store::{self, FileStamp};
use crate::svid::{Identity, IdentityProblem, InvalidIdentity, Part};

/// How often `load` reads again when the files change under its hands.
pub const LOAD_ATTEMPTS_MAX: usize = 3;

/// The three files of an identity, as a Kubernetes volume, spiffe-helper or cert-manager writes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The leaf first, then its intermediates.
    pub chain: PathBuf,
    /// The private key of the leaf, unencrypted.
    pub key: PathBuf,
    /// The roots: ours, and those of every trust domain that we federate with.
    pub bundle: PathBuf,
}

/// What the three files looked like at one moment. Another stamp means: load again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    chain: FileStamp,
    key: FileStamp,
    bundle: FileStamp,
}

impl Files {
    /// Reads and validates the identity.
    ///
    /// # Errors
    ///
    /// Which file is bad, what is wrong with it, and what to do.
    pub fn load(&self, now: Timestamp) -> Result<Identity, InvalidIdentity> {
        let mut stamp = self.stamp();
        let mut loaded = self.load_once(now);
        for _ in 1..LOAD_ATTEMPTS_MAX {
            let after = self.stamp();
            if after == stamp {
                break;
            }
            stamp = after;
            loaded = self.load_once(now);
        }
        loaded
    }

    /// What the files look like now: resolved path, device, inode, time of change and size of each.
    /// Costs a few system calls and reads no content. Also sees a Kubernetes `..data` symlink swap,
    /// where the paths themselves stay the same. Take it before [`Files::load`], not after.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        Stamp {
            chain: store::stamp(&self.chain),
            key: store::stamp(&self.key),
            bundle: store::stamp(&self.bundle),
        }
    }

    fn load_once(&self, now: Timestamp) -> Result<Identity, InvalidIdentity> {
        let chain = self.read(Part::Chain)?;
        let key = self.read(Part::Key)?;
        let bundle = self.read(Part::Bundle)?;
        Identity::from_pem(&chain, &key, &bundle, now).map_err(|error| self.place(error))
    }

    fn read(&self, part: Part) -> Result<Vec<u8>, InvalidIdentity> {
        store::read(self.path(part))
            .map_err(|error| self.place(InvalidIdentity::new(part, IdentityProblem::Store(error))))
    }

    fn place(&self, error: InvalidIdentity) -> InvalidIdentity {
        InvalidIdentity { path: Some(self.path(error.part).to_owned()), ..error }
    }

    fn path(&self, part: Part) -> &Path {
        match part {
            Part::Bundle => &self.bundle,
            Part::Chain => &self.chain,
            Part::Key => &self.key,
        }
    }
}

#[cfg(test)]
mod tests;
