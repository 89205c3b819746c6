//! Watches the policy folder, the rosters and keys that it names, and the identity's files. New material is compiled or validated
//! before it is swapped in whole; what does not load is kept out and alarmed, and what was in
//! force stays.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use certs::source::Files;
use policy::{Policy, Source};
use serde_json::json;

use crate::drain::Drain;
use crate::materials::{self, Looked, MaterialsFolder, Stamp};
use crate::rooms::Rooms;

/// How often the files are looked at. A look is a few `stat` calls, which also see a Kubernetes
/// `..data` symlink swap that file notification misses.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// Files in a policy folder.
const POLICY_FILES_MAX: usize = 1000;
/// Bytes of one policy file.
const POLICY_FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// A policy folder's texts, or a single file.
///
/// # Errors
/// The folder or a file cannot be read, is too large, or there are too many.
pub fn read_policy(path: &Path) -> io::Result<Vec<Source>> {
    policy_files(path)?
        .into_iter()
        .map(|file| {
            let named = |error: io::Error| {
                io::Error::new(error.kind(), format!("{}: {error}", file.display()))
            };
            if std::fs::metadata(&file).map_err(named)?.len() > POLICY_FILE_BYTES_MAX {
                let what = format!("larger than {POLICY_FILE_BYTES_MAX} bytes");
                return Err(named(io::Error::other(what)));
            }
            let text = std::fs::read_to_string(&file).map_err(named)?;
            // The name is part of the policy's hash, which must not depend on where a folder lies.
            let name = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned();
            Ok(Source { name, text })
        })
        .collect()
}

/// What is watched, and how it looked before it was first loaded.
#[derive(Debug)]
pub struct Watched {
    policy: PathBuf,
    policy_stamp: Stamp,
    materials: Looked,
    files: Files,
    files_stamp: certs::source::Stamp,
}

impl Watched {
    /// Looks at the policy folder and the identity's files. Taken before they are loaded, so that a
    /// change in between is seen.
    pub fn look(policy: &Path, files: &Files) -> Self {
        Self {
            policy: policy.to_owned(),
            policy_stamp: stamp(policy),
            materials: Looked::default(),
            files: files.clone(),
            files_stamp: files.stamp(),
        }
    }

    /// Loads the policy; one that does not load refuses everything, saying why.
    pub fn load_or_broken(&mut self) -> Policy {
        let (loaded, looked) = load(&self.policy);
        self.materials = looked;
        loaded.unwrap_or_else(|why| {
            tracing::error!(%why, "the policy does not load; everything is refused");
            Policy::broken(&why)
        })
    }
}

/// Watches until the drain begins.
pub async fn watch(rooms: Arc<Rooms>, watched: Watched, mut drain: Drain) {
    let Watched { policy, mut policy_stamp, mut materials, files, mut files_stamp } = watched;
    let mut is_retry = false;
    loop {
        tokio::select! {
            () = drain.begun() => return,
            () = tokio::time::sleep(LOOK_INTERVAL) => {}
        }
        let now_policy = stamp(&policy);
        if now_policy != policy_stamp || materials.has_changed() {
            policy_stamp = now_policy;
            let path = policy.clone();
            // Rosters may be large, and a worker that opens one serves nobody.
            match tokio::task::spawn_blocking(move || load(&path)).await {
                Ok((loaded, looked)) => {
                    swap_policy(&rooms, loaded, !looked.is_empty());
                    materials = looked;
                }
                Err(error) => swap_policy(&rooms, Err(error.to_string()), false),
            }
        }
        let now_files = files.stamp();
        if now_files != files_stamp || is_retry {
            files_stamp = now_files;
            // Three files are not written at one instant; a set that does not fit together is looked
            // at once more before it is an alarm.
            is_retry = !swap_identity(&rooms, &files, !is_retry) && !is_retry;
        }
    }
}

/// The hash of a policy is that of its texts: rosters and keys may have changed below it.
fn swap_policy(rooms: &Rooms, loaded: Result<Policy, String>, has_materials: bool) {
    let loads = &rooms.metrics.policy_loads;
    match loaded {
        Ok(policy) => {
            let hash = policy.hash().to_string();
            if !has_materials && *policy.hash() == *rooms.policy.load().hash() {
                return rooms.metrics.policy_alarm.set(0);
            }
            let policy = Arc::new(policy);
            rooms.policy.store(Arc::clone(&policy));
            let cut = rooms.live.ask_again(&policy);
            rooms.metrics.policy_alarm.set(0);
            loads.with_label_values(&["ok"]).inc();
            tracing::info!(hash, cut, "policy swapped");
            rooms.audit.note("policy-swapped", json!({ "policy": hash, "cut": cut }));
        }
        Err(why) => {
            rooms.metrics.policy_alarm.set(1);
            loads.with_label_values(&["invalid"]).inc();
            tracing::error!(%why, "the changed policy does not load; the old one stays in force");
            rooms.audit.note("policy-kept-out", json!({ "policy": &**rooms.policy.load().hash() }));
        }
    }
}

/// Returns whether the identity on disk is in force. `is_first` attempts fail silently.
fn swap_identity(rooms: &Rooms, files: &Files, is_first: bool) -> bool {
    let now = crate::clock::now();
    let loads = &rooms.metrics.identity_loads;
    let trusted = rooms.identity.load().bundle().fingerprint().to_owned();
    let offered = files.load(now).and_then(|identity| rooms.identity.offer(identity, now));
    match offered {
        Ok(()) => {
            let identity = rooms.identity.load();
            rooms.upstream.identity_changed();
            let has_other_roots = trusted != identity.bundle().fingerprint();
            let cut = if has_other_roots { rooms.live.trust_changed(&rooms.identity) } else { 0 };
            rooms.metrics.identity_alarm.set(0);
            rooms.metrics.identity_not_after.set(seconds(identity.not_after()));
            loads.with_label_values(&["ok"]).inc();
            tracing::info!(id = %identity.id(), not_after = %identity.not_after(), "identity swapped");
            let detail = json!({
                "id": identity.id().to_string(),
                "leaf_sha256": identity.leaf_sha256(),
                "not_after": identity.not_after().to_string(),
                "cut": cut,
            });
            rooms.audit.note("identity-swapped", detail);
            true
        }
        Err(_) if is_first => false,
        Err(why) => {
            rooms.metrics.identity_alarm.set(1);
            loads.with_label_values(&["invalid"]).inc();
            tracing::error!(%why, "the changed identity does not load; the old one stays");
            rooms.audit.note("identity-kept-out", json!({ "why": why.to_string() }));
            false
        }
    }
}

/// A timestamp as Prometheus wants it.
#[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are exact in f64")]
pub fn seconds(at: jiff::Timestamp) -> f64 {
    at.as_second() as f64
}

/// The policy, and what else than its own texts was looked at for it.
fn load(path: &Path) -> (Result<Policy, String>, Looked) {
    let folder = MaterialsFolder::beside(path);
    let loaded = read_policy(path)
        .map_err(|error| error.to_string())
        .and_then(|sources| compile(&sources, &folder));
    (loaded, folder.looked())
}

fn compile(sources: &[Source], folder: &MaterialsFolder) -> Result<Policy, String> {
    match Policy::compile_with(sources, folder) {
        Ok(compiled) => {
            for warning in compiled.warnings.iter().chain(compiled.stale(crate::clock::now())) {
                tracing::warn!(%warning, "policy");
            }
            Ok(compiled.policy)
        }
        Err(errors) => {
            let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
            Err(texts.join("; "))
        }
    }
}

fn stamp(path: &Path) -> Stamp {
    materials::stamp(policy_files(path).unwrap_or_default().iter().map(PathBuf::as_path))
}

/// The folder's YAML files in order of name; hidden ones (Kubernetes' `..data`) are not policy.
fn policy_files(path: &Path) -> io::Result<Vec<PathBuf>> {
    let named =
        |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    if std::fs::metadata(path).map_err(named)?.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(named)? {
        let file = entry.map_err(named)?.path();
        let is_yaml =
            file.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
        let is_hidden =
            file.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if is_yaml && !is_hidden && file.is_file() {
            files.push(file);
        }
        if files.len() > POLICY_FILES_MAX {
            return Err(named(io::Error::other(format!("more than {POLICY_FILES_MAX} files"))));
        }
    }
    files.sort();
    Ok(files)
}
