//! One part of an upload while it is read: the next of its artifact, or one that was read before.
//!
//! Invariant: an artifact that was read into goes back to its upload whole, or not at all.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use aws_lc_rs::digest::{Context, SHA256};
use dlp::{Artifact, Evidence};

use super::super::allowance::Allowance;
use super::Standing;
use super::Upload;

/// A part that was read before.
#[derive(Debug)]
pub(in crate::content) struct Again {
    expected: [u8; 32],
    digest: Digest,
}

/// The artifact, while one part is being read into it.
#[derive(Debug)]
pub(in crate::content) struct Joint {
    upload: Arc<Upload>,
    artifact: Option<Artifact>,
    digest: Digest,
    is_read: bool,
    allowance: Option<Arc<Allowance>>,
}

/// SHA-256 of what has come so far.
#[derive(Clone)]
struct Digest(Context);

impl Digest {
    fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    fn value(&self) -> Option<[u8; 32]> {
        self.0.clone().finish().as_ref().try_into().ok()
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest")
    }
}

impl Again {
    pub(super) fn new(expected: [u8; 32]) -> Self {
        Self { expected, digest: Digest::new() }
    }

    pub(in crate::content) fn feed(&mut self, bytes: &[u8]) {
        self.digest.0.update(bytes);
    }

    /// Whether the part is the one that was read.
    pub(in crate::content) fn is_same(&self) -> bool {
        self.digest.value() == Some(self.expected)
    }
}

impl Joint {
    pub(super) fn new(upload: &Arc<Upload>, artifact: Artifact) -> Self {
        let (upload, digest) = (Arc::clone(upload), Digest::new());
        Self { upload, artifact: Some(artifact), digest, is_read: false, allowance: None }
    }

    /// Reads as far as `allowance` goes, which keeps what it has granted while the artifact waits for the
    /// next part.
    pub(in crate::content) fn read_within(&mut self, allowance: &Arc<Allowance>) {
        if let Some(artifact) = &mut self.artifact {
            artifact.monitor(Arc::clone(allowance) as _);
            self.allowance = Some(Arc::clone(allowance));
        }
    }

    pub(in crate::content) fn feed(&mut self, bytes: &[u8]) {
        self.digest.0.update(bytes);
        if let Some(artifact) = &mut self.artifact {
            artifact.feed(bytes);
        }
    }

    /// What the end of the part shows by itself.
    pub(in crate::content) fn tail_evidence(&self) -> Option<Evidence> {
        self.artifact.as_ref().map(Artifact::tail_evidence)
    }

    /// The part has come whole.
    pub(in crate::content) fn end(&mut self) {
        if let Some(artifact) = &mut self.artifact {
            artifact.end_part();
            self.is_read = true;
        }
    }

    pub(in crate::content) fn evidence(&self) -> Option<&Evidence> {
        self.artifact.as_ref().map(Artifact::evidence)
    }
}

/// Gives the artifact back, for the next part where this one was read whole.
impl Drop for Joint {
    fn drop(&mut self) {
        let Some(mut artifact) = self.artifact.take() else { return };
        if let Some(allowance) = &self.allowance {
            allowance.park();
        }
        let is_read = self.is_read;
        let digest = self.digest.value();
        self.upload.with(|state| {
            state.used = Instant::now();
            match (is_read, digest) {
                (true, Some(digest)) => {
                    state.found.extend(&artifact.take_evidence().tally);
                    state.read.push(digest);
                    // A part that was refused has stopped the upload.
                    if matches!(state.standing, Standing::Open) {
                        state.artifact = Some(artifact);
                    }
                }
                (_, _) => state.break_up(),
            }
        });
        self.upload.turned.notify_waiters();
    }
}
