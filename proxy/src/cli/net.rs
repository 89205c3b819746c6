//! `lazaret net`: the rules that leave a pod no way around us, and the proof that they hold.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

use super::print;
use crate::config::Config;
use crate::net::apply;
use crate::net::check::{self, Guarded, Outcome};
use crate::net::rules::{self, Plan};

#[derive(Debug, Subcommand)]
pub(super) enum NetCommand {
    /// Prints (or applies) nftables rules for a pod: TCP goes to the transparent listener and
    /// questions for names to the resolver; whatever else another user than Lazaret's sends is
    /// refused. Idempotent.
    Setup(SetupArgs),
    /// Run as the workload: tries what a workload could try, to reach Lazaret's files and process and to
    /// get out of the pod another way. Exit 0 all held, 1 something got out, 2 error, 3 something is
    /// not proven.
    Check(CheckArgs),
}

#[derive(Debug, clap::Args)]
pub(super) struct SetupArgs {
    /// The configuration file: its listeners are what the rules lead to.
    #[arg(long, env = "LAZARET_CONFIG", required_unless_present = "remove")]
    config: Option<PathBuf>,
    /// The user that Lazaret runs as, a number: the only one whose traffic leaves.
    #[arg(long, required_unless_present = "remove")]
    uid: Option<u32>,
    /// Leads other inbound connections to `inbound.listen`, instead of dropping them.
    #[arg(long)]
    redirect_inbound: bool,
    /// Applies the rules in this network namespace, by `nft`; needs CAP_NET_ADMIN.
    #[arg(long)]
    apply: bool,
    /// Takes the rules away again.
    #[arg(long, conflicts_with_all = ["apply", "redirect_inbound"])]
    remove: bool,
}

impl NetCommand {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Check(args) => args.run(),
            Self::Setup(args) => args.run(),
        }
    }
}

impl SetupArgs {
    fn run(&self) -> anyhow::Result<ExitCode> {
        if self.remove {
            apply::apply(&rules::removal())?;
            return print("removed: table inet lazaret\n");
        }
        let (Some(config), Some(uid)) = (&self.config, self.uid) else {
            anyhow::bail!("--config and --uid are needed");
        };
        let plan = self.plan(&Config::load(config)?, uid)?;
        let rules = plan.rules()?;
        if !self.apply {
            return print(&rules);
        }
        apply::apply(&rules)?;
        print(&format!("applied: table inet lazaret; only user {uid} sends to the outside\n"))
    }

    fn plan(&self, config: &Config, uid: u32) -> anyhow::Result<Plan> {
        let inbound = config.inbound.as_ref().map(|inbound| inbound.listen);
        anyhow::ensure!(
            inbound.is_some() || !self.redirect_inbound,
            "--redirect-inbound: the configuration has no `inbound` to lead to"
        );
        let listeners = [inbound, config.admin];
        let is_reached = |address: &SocketAddr| !address.ip().is_loopback();
        let open = listeners.into_iter().flatten().filter(is_reached);
        Ok(Plan {
            uid,
            transparent: config.transparent.into_iter().flat_map(both_families).collect(),
            dns: config.dns.clone(),
            open_ports: open.map(|address| address.port()).collect(),
            inbound: inbound.filter(|_| self.redirect_inbound).map(|address| address.port()),
        })
    }
}

/// A listener on one loopback address is there on the other as well, see `outbound.transparent`.
fn both_families(listener: SocketAddr) -> Vec<SocketAddr> {
    let mut both = vec![listener];
    if listener.ip().is_loopback() {
        let other: IpAddr = match listener.ip() {
            IpAddr::V4(_) => std::net::Ipv6Addr::LOCALHOST.into(),
            IpAddr::V6(_) => std::net::Ipv4Addr::LOCALHOST.into(),
        };
        both.push(SocketAddr::new(other, listener.port()));
    }
    both
}

#[derive(Debug, clap::Args)]
pub(super) struct CheckArgs {
    /// The user that Lazaret runs as, a number.
    #[arg(long)]
    uid: Option<u32>,
    /// An address outside at which something listens, and which no rule lists; repeatable.
    #[arg(long, required = true)]
    outside: Vec<IpAddr>,
    /// Ports that are tried there, separated by commas.
    #[arg(long, value_delimiter = ',', default_values_t = check::PORTS)]
    ports: Vec<u16>,
    /// Lazaret's configuration, or a copy of it: its keys, policy, log, spool and socket must be out of
    /// reach.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Another path that must be out of reach; repeatable.
    #[arg(long)]
    path: Vec<PathBuf>,
    /// Writes one JSON object.
    #[arg(long)]
    json: bool,
}

impl CheckArgs {
    fn run(self) -> anyhow::Result<ExitCode> {
        let mut guarded: Vec<Guarded> = self.path.into_iter().map(Guarded).collect();
        if let Some(config) = &self.config {
            guarded.extend(reserved(&Config::load(config)?));
        }
        let (uid, outside, ports) = (self.uid, self.outside, self.ports);
        let report = check::run(&check::Settings { uid, guarded, outside, ports });
        print(&if self.json { report.json() } else { report.text() })?;
        Ok(match report.outcome() {
            Outcome::Held => ExitCode::SUCCESS,
            Outcome::Out => ExitCode::from(1),
            Outcome::Unproven => ExitCode::from(3),
        })
    }
}

/// What is Lazaret's alone.
fn reserved(config: &Config) -> Vec<Guarded> {
    // Everybody's folder of temporary files is nobody's to guard; what is spooled there has no name.
    let spool = Some(config.spool.clone()).filter(|spool| *spool != std::env::temp_dir());
    let optional = [config.audit.key.clone(), config.admin_socket.clone(), spool];
    [&config.identity.key, &config.policy, &config.audit.path]
        .into_iter()
        .cloned()
        .chain(optional.into_iter().flatten())
        .map(Guarded)
        .collect()
}
