//! `lazaret edm`: rosters for exact data match.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Subcommand;
use dlp::Catalog;
use dlp::exact::{ColumnKind, ExactHeader, ExactSet};

use super::print;
use super::redact::key;
use crate::edm::{self, Asked};

#[derive(Debug, Subcommand)]
pub(super) enum EdmCommand {
    /// Turns a CSV of patients into a roster file of keyed fingerprints.
    Build {
        /// The CSV, `-` for standard input; its first line names the columns.
        csv: PathBuf,
        /// A file of at least 32 secret bytes, such as `openssl rand -hex 32` makes.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// The roster file.
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        /// What a column holds where its name does not tell: NAME=KIND, or NAME=none to leave it
        /// out. Kinds: address, dob, email, mrn, name, other, phone, ssn, zip. May be given again.
        #[arg(long = "column", value_parser = asked)]
        columns: Vec<Asked>,
    },
    /// Says what a roster file is made of; with the key, whether it is whole.
    Inspect {
        /// The roster file.
        file: PathBuf,
        /// Its key.
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
    },
}

impl EdmCommand {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Build { csv, key: key_file, output, columns } => {
                let key = key(&key_file)?;
                let source: Box<dyn BufRead> = if csv == Path::new("-") {
                    Box::new(io::stdin().lock())
                } else {
                    let file = File::open(&csv).with_context(|| csv.display().to_string())?;
                    Box::new(BufReader::new(file))
                };
                let built = edm::build(source, &key, &columns)
                    .with_context(|| csv.display().to_string())?;
                edm::save(&output, &built.file).with_context(|| output.display().to_string())?;
                print(&format!("{}: {}", output.display(), built.text))
            }
            Self::Inspect { file, key } => {
                let bytes = std::fs::read(&file).with_context(|| file.display().to_string())?;
                let header =
                    ExactHeader::parse(&bytes).with_context(|| file.display().to_string())?;
                let mut text = format!("{}: {}", file.display(), edm::describe(&header));
                if let Some(key) = key {
                    open(&file, &key)?;
                    text.push_str("  whole, and of this key\n");
                }
                print(&text)
            }
        }
    }
}

/// What people who scan by hand say of a roster.
#[derive(Debug, clap::Args)]
pub(super) struct RosterArgs {
    /// Finds the patients of this roster file, too (`lazaret edm build` makes one).
    #[arg(long, requires = "roster_key", value_name = "FILE")]
    roster: Option<PathBuf>,
    /// The roster's key.
    #[arg(long, requires = "roster", value_name = "FILE")]
    roster_key: Option<PathBuf>,
}

impl RosterArgs {
    /// The catalogue, with the roster that was asked for.
    pub(super) fn catalog(&self, known: &Arc<Catalog>) -> anyhow::Result<Arc<Catalog>> {
        match (&self.roster, &self.roster_key) {
            (Some(file), Some(key)) => {
                Ok(Arc::new(known.with_exact(vec![Arc::new(open(file, key)?)])))
            }
            (_, _) => Ok(Arc::clone(known)),
        }
    }
}

fn open(file: &Path, key_file: &Path) -> anyhow::Result<ExactSet> {
    let key = key(key_file)?;
    let bytes = std::fs::read(file).with_context(|| file.display().to_string())?;
    ExactSet::open(bytes, &key).with_context(|| file.display().to_string())
}

fn asked(text: &str) -> Result<Asked, String> {
    let hint = || {
        let names: Vec<&str> = ColumnKind::ALL.iter().map(|kind| kind.name()).collect();
        format!("write NAME=KIND, with one of {} or none", names.join(", "))
    };
    let (name, kind) = text.rsplit_once('=').ok_or_else(hint)?;
    match (kind, ColumnKind::parse(kind)) {
        ("none", _) => Ok((name.to_owned(), None)),
        (_, Some(kind)) => Ok((name.to_owned(), Some(kind))),
        (_, None) => Err(hint()),
    }
}
