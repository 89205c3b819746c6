//! `lazaret run`: the process around the proxy: overrides, hardening, signals, exit codes.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::app::App;
use crate::config::Config;
use crate::drain::Drained;
use crate::telemetry;

/// How long tasks that a drain's deadline cut have to record themselves.
const SHUTDOWN_MAX: Duration = Duration::from_secs(2);

#[derive(Debug, clap::Args)]
pub(super) struct RunArgs {
    /// The configuration file.
    #[arg(long, env = "LAZARET_CONFIG")]
    config: PathBuf,
    /// Overrides `policy.path`.
    #[arg(long, env = "LAZARET_POLICY")]
    policy: Option<PathBuf>,
    /// Overrides `outbound.httpProxy`.
    #[arg(long, env = "LAZARET_OUTBOUND_HTTP_PROXY")]
    outbound_http_proxy: Option<SocketAddr>,
    /// Overrides `admin.listen`.
    #[arg(long, env = "LAZARET_ADMIN_LISTEN")]
    admin_listen: Option<SocketAddr>,
    /// Overrides `audit.path`.
    #[arg(long, env = "LAZARET_AUDIT_PATH")]
    audit_path: Option<PathBuf>,
    /// Overrides `log.level`.
    #[arg(long, env = "LAZARET_LOG_LEVEL")]
    log_level: Option<String>,
}

impl RunArgs {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let config = self.config()?;
        telemetry::init_logs(config.log_format, &config.log_level);
        harden();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .context("the runtime does not start")?;
        let (drained, writer) = runtime.block_on(serve(config))?;
        // Exchanges that the deadline cut record themselves as they are dropped here.
        runtime.shutdown_timeout(SHUTDOWN_MAX);
        writer.stop().context("the audit log does not end in order")?;
        match drained {
            Drained::Complete => tracing::info!("drained"),
            Drained::DeadlinePassed => tracing::warn!("the drain's deadline cut exchanges"),
        }
        Ok(ExitCode::SUCCESS)
    }

    fn config(&self) -> anyhow::Result<Config> {
        let mut config = Config::load(&self.config)?;
        if let Some(policy) = &self.policy {
            config.policy.clone_from(policy);
        }
        if let Some(address) = self.outbound_http_proxy {
            anyhow::ensure!(
                address.ip().is_loopback(),
                "--outbound-http-proxy: must be a loopback address"
            );
            config.http_proxy = Some(address);
        }
        config.admin = self.admin_listen.or(config.admin);
        if let Some(path) = &self.audit_path {
            config.audit.path.clone_from(path);
        }
        if let Some(level) = &self.log_level {
            config.log_level.clone_from(level);
        }
        Ok(config)
    }
}

async fn serve(config: Config) -> anyhow::Result<(Drained, crate::audit::Writer)> {
    // Before anything is bound, so that a signal during the start is not lost.
    let mut signals = Signals::new().context("signals cannot be handled")?;
    let mut app = App::start(config).await?;
    tokio::select! {
        () = signals.next() => {}
        () = app.drain_asked() => {}
    }
    tokio::select! {
        drained = app.drain() => Ok(drained),
        () = signals.next() => {
            tracing::warn!("second signal: ending at once");
            std::process::exit(1)
        }
    }
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Files are ours alone, and no debugger or core dump reads keys from memory.
fn harden() {
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let behaviour = rustix::process::DumpableBehavior::NotDumpable;
    if let Err(error) = rustix::process::set_dumpable_behavior(behaviour) {
        tracing::warn!(%error, "the process stays dumpable");
    }
}
