//! The command line. Each command is a thin shell over a room; exit codes are 0 good, 1 found or
//! failed, 2 unusable input, 3 incomplete.

mod audit;
mod certs;
mod check;
mod edm;
mod net;
mod redact;
mod run;
mod scan;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::env::{EnvSettings, Format, render};
use crate::quickstart;

/// Nothing leaves without a permit, nothing leaves unread, nothing ends unrecorded.
#[derive(Debug, Parser)]
#[command(name = "lazaret", version, about)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The audit log.
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// A small CA for SPIFFE identities.
    #[command(subcommand)]
    Certs(certs::CertsCommand),
    /// The configuration.
    #[command(subcommand)]
    Config(check::ConfigCommand),
    /// Rosters of real patients, for exact data match.
    #[command(subcommand)]
    Edm(edm::EdmCommand),
    /// Prints the variables that make clients use the proxy and trust its intercept CA.
    Env(EnvArgs),
    /// The pod's rules: no way out but through Lazaret.
    #[command(subcommand)]
    Net(net::NetCommand),
    /// What a policy's reviewer and CI run.
    #[command(subcommand)]
    Policy(check::PolicyCommand),
    /// The whole story on this machine in a minute.
    Quickstart(quickstart::Args),
    /// Masks identifiers in the text that comes in, line by line: exit 0 done, 1 something came that
    /// the policy would block (masked all the same), 2 error, 3 some of it was no text and passed
    /// unread.
    Redact(redact::RedactArgs),
    /// Runs the proxy.
    Run(run::RunArgs),
    /// Findings in files, folders or standard input: exit 0 clean, 1 findings, 2 a path cannot be
    /// read, 3 incomplete.
    Scan(scan::ScanArgs),
}

#[derive(Debug, clap::Args)]
struct EnvArgs {
    /// How to write them.
    #[arg(long, value_enum, default_value = "shell")]
    format: Format,
    /// The forward proxy.
    #[arg(long, default_value = "http://127.0.0.1:3128")]
    proxy: String,
    /// The published certificate of the intercept CA, as the workload sees it.
    #[arg(long, default_value = "/run/lazaret/ca.pem")]
    ca: PathBuf,
    /// Hosts that clients reach without the proxy, separated by commas.
    #[arg(long, default_value = "localhost,127.0.0.1,::1")]
    no_proxy: String,
}

impl Cli {
    /// Runs the command.
    ///
    /// # Errors
    /// Whatever has no exit code of its own; it becomes 2.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Audit(command) => command.run(),
            Command::Certs(command) => command.run(),
            Command::Config(command) => command.run(),
            Command::Edm(command) => command.run(),
            Command::Env(args) => {
                let settings = EnvSettings {
                    proxy_url: args.proxy,
                    ca_path: args.ca.display().to_string(),
                    no_proxy: args.no_proxy,
                };
                print(&render(args.format, &settings))
            }
            Command::Net(command) => command.run(),
            Command::Policy(command) => command.run(),
            Command::Quickstart(args) => quickstart::run(&args),
            Command::Redact(args) => args.run(),
            Command::Run(args) => args.run(),
            Command::Scan(args) => args.run(),
        }
    }
}

/// Writes to standard output; a reader that has gone away is no error.
pub(crate) fn print(text: &str) -> anyhow::Result<ExitCode> {
    use std::io::Write as _;
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        Ok(()) | Err(_) => Ok(ExitCode::SUCCESS),
    }
}
