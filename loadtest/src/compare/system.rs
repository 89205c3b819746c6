//! The systems under test: how each is configured for the same job, started and waited for.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

use super::process::Process;
use crate::opener::Route;

/// The name in requests and in the upstream's certificate.
pub(crate) const HOST: &str = "registry.ml.internal";

/// How long a system may take to listen.
const READY_MAX: Duration = Duration::from_secs(30);

/// Threads that each system may use.
const THREADS: usize = 2;

/// What the systems have in common.
#[derive(Debug)]
pub(crate) struct Site<'a> {
    pub(crate) folder: &'a Path,
    /// With `client/` and `server/`.
    pub(crate) pki: &'a Path,
    pub(crate) upstream: SocketAddr,
}

/// One way through a running proxy.
#[derive(Debug)]
pub(crate) struct System {
    pub(crate) name: String,
    /// What the program says of its version.
    pub(crate) version: String,
    /// Where it takes plain HTTP.
    pub(crate) entry: SocketAddr,
    /// The path that the load asks for.
    pub(crate) path: &'static str,
    process: Rc<Process>,
}

impl System {
    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }
}

/// Makes certificates with `lazaret certs`; returns the folder.
pub(crate) fn issue(lazaret: &Path, folder: &Path) -> anyhow::Result<PathBuf> {
    let pki = folder.join("pki");
    let ca = pki.join("ca");
    let certs = |what: &str| {
        let mut command = Command::new(lazaret);
        command.args(["certs", what]);
        command
    };
    output(certs("init").args(["--trust-domain", "example", "--out"]).arg(&ca))?;
    for (name, id) in [
        ("client", "spiffe://example/ns/train/sa/job"),
        ("server", "spiffe://example/ns/mlops/sa/registry"),
    ] {
        let mut issue = certs("issue");
        issue.arg("--ca").arg(&ca).args(["--id", id, "--dns", HOST, "--lifetime", "24h", "--out"]);
        output(issue.arg(pki.join(name)))?;
    }
    Ok(pki)
}

/// haproxy as a reverse proxy.
pub(crate) async fn haproxy(program: &Path, site: &Site<'_>) -> anyhow::Result<System> {
    let entry = free_address()?;
    let client = site.pki.join("client");
    // haproxy wants the chain and the key in one file.
    let pem = site.folder.join("haproxy.pem");
    let both = [fs::read(client.join("chain.pem"))?, fs::read(client.join("key.pem"))?].concat();
    fs::write(&pem, both)?;
    let config = site.folder.join("haproxy.cfg");
    fs::write(
        &config,
        format!(
            "global\n  nbthread {THREADS}\n  maxconn 4096\n\
             defaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n  \
             timeout server 60s\n  http-reuse always\n\
             frontend in\n  bind {entry}\n  default_backend out\n\
             backend out\n  server sink {upstream} ssl crt {pem} ca-file {bundle} verify required \
             verifyhost {HOST} sni str({HOST}) force-tlsv13\n",
            upstream = site.upstream,
            pem = pem.display(),
            bundle = client.join("bundle.pem").display(),
        ),
    )?;
    let mut command = Command::new(program);
    command.arg("-db").arg("-f").arg(&config);
    let process = start(&mut command, site, "haproxy", entry).await?;
    let version = first_line(Command::new(program).arg("-v"));
    Ok(System { name: "haproxy".into(), version, entry, path: "/sink", process })
}

/// Envoy as a reverse proxy.
pub(crate) async fn envoy(program: &Path, site: &Site<'_>) -> anyhow::Result<System> {
    let entry = free_address()?;
    let client = site.pki.join("client");
    let config = site.folder.join("envoy.yaml");
    let text = include_str!("envoy.yaml")
        .replace("ENTRY_PORT", &entry.port().to_string())
        .replace("UPSTREAM_PORT", &site.upstream.port().to_string())
        .replace("CLIENT", &client.display().to_string())
        .replace("HOST", HOST);
    fs::write(&config, text)?;
    let mut command = Command::new(program);
    command.arg("-c").arg(&config).args(["--log-level", "error"]);
    command.arg("--concurrency").arg(THREADS.to_string());
    let process = start(&mut command, site, "envoy", entry).await?;
    let version = first_line(Command::new(program).arg("--version"));
    Ok(System { name: "envoy".into(), version, entry, path: "/sink", process })
}

/// One Lazaret, by three rules: one that reads nothing and two that read everything.
pub(crate) async fn lazaret(program: &Path, site: &Site<'_>) -> anyhow::Result<Vec<System>> {
    let entry = free_address()?;
    let folder = site.folder;
    fs::create_dir(folder.join("policy"))?;
    let policy = include_str!("policy.yaml")
        .replace("UPSTREAM_PORT", &site.upstream.port().to_string())
        .replace("HOST", HOST);
    fs::write(folder.join("policy/compare.yaml"), policy)?;
    let config = folder.join("lazaret.yaml");
    let text = include_str!("lazaret.yaml")
        .replace("ENTRY", &entry.to_string())
        .replace("CLIENT", &site.pki.join("client").display().to_string())
        .replace("FOLDER", &folder.display().to_string())
        .replace("HOST", HOST);
    fs::write(&config, text)?;
    let mut command = Command::new(program);
    command.args(["run", "--config"]).arg(&config);
    let process = start(&mut command, site, "lazaret", entry).await?;
    let version = first_line(Command::new(program).arg("--version"));
    let by = |(name, path): (&str, &'static str)| System {
        name: format!("lazaret, {name}"),
        version: version.clone(),
        entry,
        path,
        process: Rc::clone(&process),
    };
    Ok([("unread", "/exempt/x"), ("stream", "/stream/x"), ("hold", "/hold/x")].map(by).into())
}

async fn start(
    command: &mut Command,
    site: &Site<'_>,
    name: &str,
    entry: SocketAddr,
) -> anyhow::Result<Rc<Process>> {
    let log = site.folder.join(format!("{name}.log"));
    let mut process = Process::start(command, &log)?;
    let deadline = Instant::now() + READY_MAX;
    let route = Route { address: entry, tls: None };
    while route.open().await.is_err() {
        if process.has_ended() || Instant::now() > deadline {
            let said = fs::read_to_string(&log).unwrap_or_default();
            bail!("{name} does not listen on {entry}; it said:\n{said}");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(Rc::new(process))
}

fn free_address() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("no free port")?;
    Ok(listener.local_addr()?)
}

fn output(command: &mut Command) -> anyhow::Result<()> {
    let output = command.output().context("cannot run lazaret")?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

fn first_line(command: &mut Command) -> String {
    let said = command.output().map(|output| output.stdout).unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    let line = said.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("unknown");
    // Envoy begins with its own path.
    let program = command.get_program().to_string_lossy();
    line.strip_prefix(&*program).unwrap_or(line).trim().to_owned()
}
