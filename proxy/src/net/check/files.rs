//! Files, folders and sockets that the workload must not reach.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use super::{Outcome, Probe};

/// A path that must be out of reach.
#[derive(Clone, Debug)]
pub struct Guarded(pub PathBuf);

/// A folder in which others may make files and not touch each other's (`/tmp`).
const STICKY: u32 = 0o1000;

/// Tries to read it, to change it, and to put something else in its place.
pub(super) fn probe(Guarded(path): &Guarded) -> Vec<Probe> {
    let shown = path.display();
    let metadata = match std::fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) => {
            let judged = judge(Err(error), "seen");
            return vec![Probe::new("file", format!("look at {shown}"), judged)];
        }
    };
    let kind = metadata.file_type();
    let mut probes = if kind.is_socket() {
        let connected = judge(UnixStream::connect(path).map(drop), "connected");
        vec![Probe::new("socket", format!("connect to {shown}"), connected)]
    } else if kind.is_dir() {
        let listed = judge(std::fs::read_dir(path).map(drop), "listed");
        let made = judge(make(path), "made a file there, and took it away");
        vec![
            Probe::new("file", format!("list {shown}"), listed),
            Probe::new("file", format!("make a file in {shown}"), made),
        ]
    } else {
        let read = judge(OpenOptions::new().read(true).open(path).map(drop), "opened");
        let changed = judge(OpenOptions::new().append(true).open(path).map(drop), "opened");
        vec![
            Probe::new("file", format!("read {shown}"), read),
            Probe::new("file", format!("change {shown}"), changed),
        ]
    };
    if let Some(parent) = path.parent() {
        let judged = replaceable(parent);
        probes.push(Probe::new("file", format!("replace {shown}"), judged));
    }
    probes
}

/// Whether another user's entry of the folder can be renamed or removed.
fn replaceable(folder: &Path) -> (Outcome, String) {
    let is_sticky = std::fs::metadata(folder).is_ok_and(|folder| folder.mode() & STICKY != 0);
    match rustix::fs::access(folder, rustix::fs::Access::WRITE_OK) {
        Ok(()) if is_sticky => (Outcome::Held, "its folder is sticky".to_owned()),
        tried => judge(tried.map_err(Into::into), "its folder can be written to"),
    }
}

fn make(folder: &Path) -> std::io::Result<()> {
    let path = folder.join(format!(".lazaret-net-check-{}", std::process::id()));
    OpenOptions::new().write(true).create_new(true).open(&path)?;
    std::fs::remove_file(path)
}

/// Only an error that says so proves that something is out of reach.
pub(super) fn judge(tried: std::io::Result<()>, done: &str) -> (Outcome, String) {
    let Err(error) = tried else { return (Outcome::Out, done.to_owned()) };
    let is_out_of_reach = matches!(
        error.kind(),
        ErrorKind::NotFound | ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem
    );
    let outcome = if is_out_of_reach { Outcome::Held } else { Outcome::Unproven };
    (outcome, plain(&error))
}

fn plain(error: &std::io::Error) -> String {
    if error.kind() == ErrorKind::NotFound {
        "not there, as seen from here".to_owned()
    } else {
        error.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcomes(path: &Path) -> Vec<(String, Outcome)> {
        let probes = probe(&Guarded(path.to_owned()));
        let verb = |tried: &str| tried.split(' ').next().unwrap_or_default().to_owned();
        probes.into_iter().map(|probe| (verb(&probe.tried), probe.outcome)).collect()
    }

    #[test]
    fn what_is_in_reach_is_told_and_left_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key.pem");
        std::fs::write(&key, "a key").unwrap();
        let out = |verb: &str| (verb.to_owned(), Outcome::Out);
        assert_eq!(outcomes(&key), [out("read"), out("change"), out("replace")]);
        assert_eq!(outcomes(folder.path())[..2], [out("list"), out("make")]);
        assert_eq!(std::fs::read_to_string(&key).unwrap(), "a key");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left over");
        let socket = folder.path().join("admin.sock");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        assert_eq!(outcomes(&socket)[0], out("connect"));
        let none = outcomes(&folder.path().join("none"));
        assert_eq!(none, [("look".to_owned(), Outcome::Held)]);
    }
}
