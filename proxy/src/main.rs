//! The binary: parses the command line and maps errors to exit code 2.

use std::process::ExitCode;

use clap::Parser;
use proxy::cli::Cli;

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(code) => code,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "the one place where errors reach a person")]
            {
                eprintln!("lazaret: {error:#}");
            }
            ExitCode::from(2)
        }
    }
}
