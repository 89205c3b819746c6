//! The quickstart's folder and identities: a CA, the sidecar's and the registries' SVIDs, the
//! starter policy and a configuration that the reader can run on.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use certs::Identity;
use certs::ca::{Authority, BACKDATE, IssueRequest};
use certs::source::Files;
use certs::store::{self, Existing};
use jiff::{SignedDuration, Timestamp};

/// The starter policy, also found under `examples/quickstart`.
const POLICY: &str = include_str!("../../../examples/quickstart/policy.yaml");

const TRUST_DOMAIN: &str = "hospital.example";
const WORKLOAD: &str = "spiffe://hospital.example/ns/train/sa/trainer";
const REGISTRY: &str = "spiffe://hospital.example/ns/mlops/sa/registry";
const HOUR: Duration = Duration::from_secs(3600);

/// Everything that the story needs.
pub(super) struct Stage {
    pub(super) folder: PathBuf,
    pub(super) registry: Identity,
    pub(super) expired: Identity,
}

/// Lays the folder out. A policy that is already there is kept: it may hold the reader's edits.
pub(super) fn set(folder: &Path, now: Timestamp) -> anyhow::Result<Stage> {
    store::create_folder(folder)?;
    let policy = folder.join("policy");
    store::create_folder(&policy)?;
    let file = policy.join("quickstart.yaml");
    if !file.exists() {
        std::fs::write(&file, POLICY).with_context(|| format!("{}", file.display()))?;
    }
    // The past lets an SVID be expired and its CA be valid.
    let past = now - SignedDuration::from_hours(3);
    let authority = Authority::init(&TRUST_DOMAIN.parse()?, 24 * HOUR, past)?;
    store::save_authority(&folder.join("ca"), &authority, Existing::Replace)?;
    issue(folder, "sidecar", (&authority, WORKLOAD, &[]), now)?;
    issue(folder, "registry", (&authority, REGISTRY, &["registry.ml.internal"]), now)?;
    issue(folder, "expired", (&authority, REGISTRY, &["old-registry.ml.internal"]), past)?;
    write_config(folder)?;
    Ok(Stage {
        folder: folder.to_owned(),
        registry: files(folder, "registry").load(now)?,
        // Read as of its own time: a registry that forgot to renew.
        expired: files(folder, "expired").load(past)?,
    })
}

impl Stage {
    pub(super) fn config(&self) -> PathBuf {
        self.folder.join("lazaret.yaml")
    }

    pub(super) fn audit(&self) -> PathBuf {
        self.folder.join("audit")
    }
}

fn issue(
    folder: &Path,
    name: &str,
    (authority, id, dns): (&Authority, &str, &[&str]),
    now: Timestamp,
) -> anyhow::Result<()> {
    let request = IssueRequest {
        id: id.parse()?,
        dns: dns.iter().map(|name| (*name).to_owned()).collect(),
        ips: Vec::new(),
        lifetime: HOUR,
        backdate: BACKDATE,
    };
    let svid = authority.issue(&request, now)?;
    store::save_svid(
        &folder.join("certs").join(name),
        &svid,
        authority.certificate_pem(),
        Existing::Replace,
    )?;
    Ok(())
}

fn files(folder: &Path, name: &str) -> Files {
    let folder = folder.join("certs").join(name);
    Files {
        chain: folder.join(store::SVID_CHAIN),
        key: folder.join(store::SVID_KEY),
        bundle: folder.join(store::SVID_BUNDLE),
    }
}

fn write_config(folder: &Path) -> anyhow::Result<()> {
    let at = |path: &str| {
        // JSON strings are YAML strings; a path may hold spaces.
        serde_json::Value::from(folder.join(path).display().to_string())
    };
    let text = format!(
        "# What `lazaret quickstart` ran with; `lazaret run --config` takes it, too.\n\
         mode: sidecar\n\
         policy: {{path: {}}}\n\
         identity:\n  files: {{chain: {}, key: {}, bundle: {}}}\n\
         outbound:\n  httpProxy: 127.0.0.1:3128\n  intercept: {{publish: {}}}\n\
         admin: {{listen: 127.0.0.1:15020, socket: {}}}\n\
         audit: {{path: {}}}\n\
         resolver:\n  hosts: {{registry.ml.internal: [127.0.0.1], old-registry.ml.internal: [127.0.0.1]}}\n",
        at("policy"),
        at("certs/sidecar/chain.pem"),
        at("certs/sidecar/key.pem"),
        at("certs/sidecar/bundle.pem"),
        at("intercept-ca.pem"),
        at("admin.sock"),
        at("audit"),
    );
    std::fs::write(folder.join("lazaret.yaml"), text)?;
    Ok(())
}
