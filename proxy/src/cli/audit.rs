//! `lazaret audit verify`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

use super::print;
use crate::audit::Fingerprint;
use crate::audit::verify::{VerifyRequest, verify};

#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// Finds any edited, removed, reordered or truncated line: exit 0 intact, 1 tampered, 2 cannot
    /// be read, 3 unanchored tail.
    Verify {
        /// The audit folder.
        folder: PathBuf,
        /// A key that may have signed heads: its fingerprint as `sha256:` and 64 hex digits, or the
        /// public key as 64 hex digits. May be given again.
        #[arg(long = "key", value_parser = |text: &str| Fingerprint::parse(text))]
        keys: Vec<Fingerprint>,
        /// A head known from elsewhere (`/metrics` exports it): its hash, or seq:hash.
        #[arg(long)]
        expect_head: Option<String>,
    },
}

impl AuditCommand {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let Self::Verify { folder, keys, expect_head } = self;
        let report = verify(&VerifyRequest { folder, keys, expect_head });
        print(&report.to_string())?;
        Ok(ExitCode::from(report.exit_code()))
    }
}
