//! Load over sockets, and what it cost. Knows nothing of the proxy but its command line.
//!
//! `upstream` is where the load ends, `drive` is where it begins, and `compare` puts Lazaret,
//! haproxy and Envoy in between, one after the other, and reads their CPU time.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};

mod arrivals;
mod compare;
mod generator;
mod opener;
mod report;
mod scenario;
mod tls;
mod upstream;

/// Load over sockets, and what it cost.
#[derive(Debug, Parser)]
#[command(name = "loadtest", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// CPU time of Lazaret, haproxy and Envoy on the same load, in alternated rounds.
    Compare(compare::Options),
    /// Load through a forward proxy, or straight to the upstream.
    Drive(generator::Options),
    /// An upstream that reads every body and answers with its size.
    Upstream(upstream::Options),
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "loadtest: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    match cli.command {
        Command::Compare(options) => runtime.block_on(Box::pin(compare::run(options))),
        Command::Drive(options) => runtime.block_on(generator::run(options)),
        Command::Upstream(options) => runtime.block_on(upstream::run(options)),
    }
}

/// Starts a task that nobody waits for unless by its handle.
#[expect(clippy::disallowed_methods, reason = "a load generator has nothing to drain")]
fn spawn<F>(work: F) -> tokio::task::JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    tokio::spawn(work)
}

/// One line for the reader on standard output, there at once also in a pipe.
fn say(line: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).context("cannot write to standard output")
}
