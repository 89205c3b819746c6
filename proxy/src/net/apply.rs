//! Hands rules to `nft`, which applies a file whole or not at all.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where `nft` is, beside the PATH: an ordinary user's lacks these.
const FOLDERS: [&str; 3] = ["/usr/sbin", "/sbin", "/usr/local/sbin"];

/// Why rules were not applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// There is no `nft`.
    #[error("there is no `nft` on the PATH; install nftables, or pipe the printed rules to it")]
    NoNft,
    /// It does not run.
    #[error("`nft` does not run: {0}")]
    Nft(#[from] std::io::Error),
    /// It refused them; nothing has changed.
    #[error("nothing has changed: {0}(it needs CAP_NET_ADMIN in the pod's network namespace)")]
    Refused(String),
}

/// Applies rules in the network namespace of this process.
///
/// # Errors
/// [`ApplyError`]; then the rules are as they were.
pub fn apply(rules: &str) -> Result<(), ApplyError> {
    let mut child = Command::new(nft().ok_or(ApplyError::NoNft)?)
        .args(["-f", "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(rules.as_bytes())?;
    }
    let done = child.wait_with_output()?;
    if done.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    Err(ApplyError::Refused(said))
}

fn nft() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(FOLDERS.map(PathBuf::from));
    folders.map(|folder| folder.join("nft")).find(|nft| Path::is_file(nft))
}
