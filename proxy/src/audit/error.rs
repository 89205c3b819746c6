//! Why the log can't be kept, and why an exchange may not open.
//! Invariant: names files and settings, never what a record or a key holds.

use std::io;
use std::path::PathBuf;

use super::{disk, key};

/// Why the log can't be kept.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// A segment is not as we wrote it.
    #[error(transparent)]
    Damage(#[from] disk::Damage),
    /// A line in the log does not follow the one before it, or is no line.
    #[error(
        "{}{} is not the audit log that was written there. Run `lazaret audit verify`, keep the \
         folder as evidence, and start with an empty one",
        file.display(),
        line.map(|line| format!(":{line}")).unwrap_or_default()
    )]
    Damaged {
        /// The segment.
        file: PathBuf,
        /// The first line that is wrong, where that is known.
        line: Option<u64>,
    },
    /// The folder or a file in it can't be used.
    #[error("cannot use the audit folder {}: {error}", folder.display())]
    Folder {
        /// The folder, or the file in it.
        folder: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The signing key can't be used.
    #[error("cannot use the audit signing key: {0}")]
    Key(#[from] key::InvalidKey),
    /// The signing key lies in the folder that it protects.
    #[error("the audit signing key must not lie in the audit folder {}", folder.display())]
    KeyInFolder {
        /// The folder.
        folder: PathBuf,
    },
    /// Another process keeps its log there.
    #[error("the audit folder {} is in use by another process", folder.display())]
    Locked {
        /// The folder.
        folder: PathBuf,
    },
    /// Others may look into the folder, and we may not change that.
    #[error(
        "the audit folder {} has mode {mode:o} and belongs to somebody else; \
         name a subfolder of it, which is then made with mode 700",
        folder.display()
    )]
    Permissions {
        /// The folder.
        folder: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A setting that can't work.
    #[error("audit setting {name} {problem}")]
    Setting {
        /// Its name.
        name: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The writer thread could not be started, or did not end well.
    #[error("the audit writer thread failed: {0}")]
    Thread(String),
    /// The last lines could not be written.
    #[error("the audit log ends without its last lines: {why}")]
    Unfinished {
        /// What was wrong.
        why: String,
    },
    /// The first lines could not be written.
    #[error("cannot write the audit log: {0}")]
    Write(io::Error),
}

/// Why an exchange may not open, or may not send.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AuditUnavailable {
    /// The line could not be written.
    #[error("the audit line could not be written")]
    Failed,
    /// All places in the queue are taken.
    #[error("the audit queue is full")]
    QueueFull,
    /// The writer has stopped.
    #[error("the audit log has been closed")]
    Stopped,
    /// The disk is full, or the log was damaged or could not be written.
    #[error("the audit log can't be written")]
    Unhealthy,
}

impl AuditUnavailable {
    /// A stable code for responses and metrics.
    pub fn code(self) -> &'static str {
        match self {
            AuditUnavailable::Failed => "audit-failed",
            AuditUnavailable::QueueFull => "audit-queue-full",
            AuditUnavailable::Stopped => "audit-stopped",
            AuditUnavailable::Unhealthy => "audit-unhealthy",
        }
    }
}
