//! `lazaret scan`: findings in files, folders or standard input.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use dlp::{Catalog, Confidence, Limits};
use policy::{ContentProfile, Policy};

use super::edm::RosterArgs;
use crate::materials::MaterialsFolder;
use crate::reload;
use crate::scan::{self, Format, JOBS_MAX, Settings};

#[derive(Debug, clap::Args)]
pub(super) struct ScanArgs {
    /// How reports are written.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Judges each file as the proxy would judge a body under this content profile.
    #[arg(long, requires = "policy", value_name = "NAME")]
    content: Option<String>,
    /// The policy folder or file that has the profile.
    #[arg(long, requires = "content", value_name = "PATH")]
    policy: Option<PathBuf>,
    /// What the bytes are said to be: a content type (with a slash) or content encodings. Never
    /// trusted to skip anything.
    #[arg(long, value_name = "TYPE")]
    hint: Option<String>,
    /// The least confidence that is reported: low, medium or high.
    #[arg(long, default_value = "medium", value_parser = confidence)]
    confidence: Confidence,
    /// Files read at a time [default: the processors, at most 8].
    #[arg(long)]
    jobs: Option<usize>,
    /// Follows symbolic links inside folders.
    #[arg(long)]
    follow: bool,
    /// Findings of a file that are listed; all are counted.
    #[arg(long, default_value_t = Limits::default().findings_max)]
    findings_max: usize,
    #[command(flatten)]
    roster: RosterArgs,
    /// Files, folders, or `-` for standard input.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
}

/// Workers where none are asked for.
const JOBS_DEFAULT_MAX: usize = 8;

impl ScanArgs {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let profile = match (&self.content, &self.policy) {
            (Some(name), Some(path)) => Some(profile(name, path)?),
            (_, _) => None,
        };
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let jobs = self.jobs.unwrap_or(processors.min(JOBS_DEFAULT_MAX));
        anyhow::ensure!((1..=JOBS_MAX).contains(&jobs), "--jobs: 1 to {JOBS_MAX}");
        let known = profile.as_ref().map_or_else(Catalog::builtin, |p| Arc::clone(p.catalog()));
        let settings = Settings {
            catalog: self.roster.catalog(&known)?,
            profile,
            limits: Limits { findings_max: self.findings_max, ..Limits::default() },
            hint: self.hint,
            confidence: self.confidence,
            jobs,
            follow: self.follow,
            format: self.format,
        };
        match scan::run(self.paths, &settings, io::stdout().lock()) {
            Ok(totals) => Ok(ExitCode::from(totals.exit_code())),
            // Whoever read the report has gone; the rest was not read.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::from(2)),
            Err(error) => Err(error).context("the report cannot be written"),
        }
    }
}

/// A content profile of a policy folder.
pub(super) fn profile(name: &str, path: &Path) -> anyhow::Result<Arc<ContentProfile>> {
    let sources = reload::read_policy(path)?;
    let folder = MaterialsFolder::beside(path);
    let compiled = Policy::compile_with(&sources, &folder).map_err(|errors| {
        let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("the policy does not load:\n{}", texts.join("\n"))
    })?;
    let known = || compiled.profiles.iter().map(|profile| &**profile.name()).collect::<Vec<_>>();
    compiled.profiles.iter().find(|profile| **profile.name() == *name).cloned().with_context(|| {
        format!("the policy has no content profile `{name}`; it has {}", known().join(", "))
    })
}

fn confidence(text: &str) -> Result<Confidence, String> {
    Confidence::parse(text).ok_or_else(|| "write low, medium or high".to_owned())
}
