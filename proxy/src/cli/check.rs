//! `lazaret policy check|test` and `lazaret config check`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

use super::print;
use crate::config::Config;
use crate::{clock, reload};

#[derive(Debug, Subcommand)]
pub(super) enum PolicyCommand {
    /// Compiles a policy folder and runs its own tests: exit 0 good, 1 a test failed, 2 invalid.
    Check {
        /// A folder of policy files, or one file.
        path: PathBuf,
    },
    /// Runs the tests that stand in the policy's files: exit 0 passed, 1 failed, 2 invalid.
    Test {
        /// A folder of policy files, or one file.
        path: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Says what is in force: exit 0 good, 2 invalid.
    Check {
        /// The configuration file.
        #[arg(long, env = "LAZARET_CONFIG")]
        config: PathBuf,
    },
}

impl PolicyCommand {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let (path, review): (_, fn(&[policy::Source], jiff::Timestamp) -> policy::review::Report) =
            match self {
                Self::Check { path } => (path, policy::review::check),
                Self::Test { path } => (path, policy::review::test),
            };
        let sources = reload::read_policy(&path)?;
        let review = review(&sources, clock::now());
        print(&review.text)?;
        Ok(match review.outcome {
            policy::review::Outcome::Pass => ExitCode::SUCCESS,
            policy::review::Outcome::TestsFail => ExitCode::from(1),
            policy::review::Outcome::Invalid => ExitCode::from(2),
        })
    }
}

impl ConfigCommand {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let Self::Check { config } = self;
        print(&Config::load(&config)?.describe())
    }
}
