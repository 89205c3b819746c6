//! `lazaret quickstart`: the whole story on one machine in a minute. Its own CA, an mTLS registry,
//! a sidecar with a starter policy, real traffic over real sockets, the audit log and its alarm.

mod artifact;
mod records;
mod registry;
mod stage;
mod story;
mod table;
mod workload;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;

use self::registry::Registry;
use self::stage::Stage;
use crate::app::App;
use crate::audit::verify::{VerifyRequest, verify};
use crate::cli::print;
use crate::config::Config;
use crate::{clock, telemetry};

/// The registry's port in the starter policy.
const REGISTRY_PORT: u16 = 18443;
/// The port of the registry whose certificate has expired.
const OLD_REGISTRY_PORT: u16 = 18444;

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where certificates, policy, configuration and audit log are written.
    #[arg(long, default_value = "lazaret-quickstart")]
    folder: PathBuf,
    /// Keeps the sidecar and registry running until Ctrl-C, to try commands against.
    #[arg(long)]
    stay: bool,
}

/// Runs the story.
///
/// # Errors
/// A port is taken, the folder cannot be written, or a part of the story did not come out as it
/// must: then the exit code is 1.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    telemetry::init_logs(telemetry::LogFormat::Text, "error");
    let folder = std::path::absolute(&args.folder)?;
    let stage = stage::set(&folder, clock::now())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (is_good, head, writer) = runtime.block_on(play(&stage, args.stay))?;
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    writer.stop()?;
    let is_proven = prove(&stage, &head)?;
    print(&next_steps(&stage))?;
    Ok(if is_good && is_proven { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

async fn play(stage: &Stage, stay: bool) -> anyhow::Result<(bool, String, crate::audit::Writer)> {
    let registry = Registry::serve(registry::bind(REGISTRY_PORT).await?, &stage.registry)?;
    let old = Registry::serve(registry::bind(OLD_REGISTRY_PORT).await?, &stage.expired)?;
    let mut config = Config::load(&stage.config())?;
    if !stay {
        // Any free port will do while nobody else needs to find it.
        config.http_proxy = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
        config.admin = config.http_proxy;
    }
    let app = App::start(config).await?;
    let addresses = app.addresses();
    let proxy = addresses.http_proxy.context("the forward proxy is not bound")?;
    let admin = addresses.admin.context("the admin listener is not bound")?;
    print(&format!("sidecar on http://{proxy}, metrics on http://{admin}/metrics\n\n"))?;
    let lines = story::tell(proxy, &registry, &old, &stage.audit()).await?;
    print(&table::render(&lines))?;
    let metrics = story::metrics(admin).await?;
    print(&format!("\nfrom http://{admin}/metrics:\n{metrics}"))?;
    if stay {
        print(&format!(
            "\nstaying up; Ctrl-C ends. Try:\n  curl -x http://{proxy} -T FILE http://registry.ml.internal/v2/models/mine/1\n"
        ))?;
        tokio::signal::ctrl_c().await?;
    }
    let head = app.audit_head();
    let (_, writer) = app.drain().await;
    Ok((lines.iter().all(|line| line.is_as_told), head, writer))
}

/// Verifies the log, then edits a copy of it and verifies that.
fn prove(stage: &Stage, head: &str) -> anyhow::Result<bool> {
    let request = |folder: &Path| VerifyRequest {
        folder: folder.to_owned(),
        keys: Vec::new(),
        expect_head: Some(head.to_owned()),
    };
    let intact = verify(&request(&stage.audit()));
    print(&format!("\n{intact}"))?;
    let copy = stage.folder.join("audit-tampered");
    tamper(&stage.audit(), &copy)?;
    let alarm = verify(&request(&copy));
    print(&format!(
        "\nthe same log, with one word edited in a copy (a refusal made to look completed):\n{alarm}"
    ))?;
    Ok(intact.exit_code() == 0 && alarm.exit_code() == 1)
}

fn tamper(log: &Path, copy: &Path) -> anyhow::Result<()> {
    if copy.exists() {
        std::fs::remove_dir_all(copy)?;
    }
    std::fs::create_dir(copy)?;
    for entry in std::fs::read_dir(log)? {
        let file = entry?.path();
        if file.extension().is_some_and(|extension| extension == "jsonl") {
            let text = std::fs::read_to_string(&file)?;
            let edited = text.replacen("\"outcome\":\"refused\"", "\"outcome\":\"completed\"", 1);
            std::fs::write(copy.join(file.file_name().unwrap_or_default()), edited)?;
        }
    }
    Ok(())
}

fn next_steps(stage: &Stage) -> String {
    let folder = stage.folder.display();
    format!(
        "\nnext:\n  edit {folder}/policy/quickstart.yaml and run this again, or\n  \
         lazaret policy check {folder}/policy\n  \
         lazaret audit verify {folder}/audit\n  \
         lazaret quickstart --stay     (keeps it running, to try curl against)\n"
    )
}
