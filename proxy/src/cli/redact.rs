//! `lazaret redact`: a filter for a workload's logs.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use dlp::redact::Style;
use dlp::{Catalog, Confidence, Key};
use policy::Place;

use super::edm::RosterArgs;
use super::scan::profile;
use crate::redact::{self, Filter};

#[derive(Debug, clap::Args)]
pub(super) struct RedactArgs {
    /// Writes tokens instead of masks: the same value is the same token under this key. A file of
    /// at least 32 bytes, such as 64 random hex digits. Comes before the content profile's style.
    #[arg(long, value_name = "FILE")]
    token_key: Option<PathBuf>,
    /// Masks what this content profile does not allow, instead of all findings of medium
    /// confidence or more.
    #[arg(long, requires = "policy", value_name = "NAME")]
    content: Option<String>,
    /// The policy folder or file that has the profile.
    #[arg(long, requires = "content", value_name = "PATH")]
    policy: Option<PathBuf>,
    #[command(flatten)]
    roster: RosterArgs,
}

impl RedactArgs {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let profile = match (&self.content, &self.policy) {
            (Some(name), Some(path)) => Some(profile(name, path)?),
            (_, _) => None,
        };
        let style = match (&self.token_key, &profile) {
            (Some(path), _) => Style::Token(key(path)?),
            (None, Some(profile)) => profile.style().clone(),
            (None, None) => Style::Mask,
        };
        let catalog = match &profile {
            Some(profile) => profile.catalog().clone(),
            None => Catalog::builtin(),
        };
        let catalog = self.roster.catalog(&catalog)?;
        let judging = profile.clone();
        let mut filter = Filter::new(
            catalog,
            style,
            Box::new(move |finding| match &judging {
                Some(profile) => !profile.releases(finding),
                None => finding.confidence >= Confidence::Medium,
            }),
        );
        match redact::run(io::stdin(), io::stdout().lock(), &mut filter) {
            // Whoever read the text has gone, like the end of any pipe.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                return Ok(ExitCode::SUCCESS);
            }
            result => result.context("the text cannot be passed on")?,
        }
        let evidence = filter.evidence();
        let blocks = profile.as_ref().is_some_and(|profile| {
            let verdict = profile.judge(Place::Body, evidence);
            verdict.stops() && verdict.reason.code == policy::code::FINDING
        });
        let coverage = evidence.coverage;
        Ok(match (blocks, coverage.unidentified + coverage.skipped) {
            (true, _) => ExitCode::from(1),
            (false, 1..) => ExitCode::from(3),
            (false, 0) => ExitCode::SUCCESS,
        })
    }
}

/// A key file's key.
pub(super) fn key(path: &Path) -> anyhow::Result<Key> {
    let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
    Key::new(&bytes).with_context(|| path.display().to_string())
}
