//! git as a client, and its own CGI program behind nginx.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::process::{Running, run};
use super::{Site, bare, tool};

/// Repositories under `/code/` of the registry, served by fcgiwrap.
#[derive(Debug)]
pub(crate) struct Repositories {
    _fcgiwrap: Running,
}

impl Repositories {
    /// Serves them beside an nginx that runs.
    pub(crate) fn start(site: &Site) -> Repositories {
        std::fs::create_dir_all(site.path("nginx/code")).expect("the repositories' folder");
        let socket = site.path("nginx/git.sock");
        let mut command = bare(site, &tool("fcgiwrap"));
        // One process: workers of their own would outlive it.
        command.args(["-c", "1", "-s"]).arg(format!("unix:{}", socket.display()));
        let mut fcgiwrap = Running::start(&mut command, site.path("fcgiwrap.log"));
        fcgiwrap.wait_until(|| socket.exists());
        Repositories { _fcgiwrap: fcgiwrap }
    }

    /// Makes one with a commit on `main`, which takes pushes.
    pub(crate) fn add(&self, site: &Site, name: &str) {
        let (work, bare) = (site.path(&format!("{name}-seed")), folder(site, name));
        run(git(site).args(["init", "-q", "-b", "main"]).arg(&work));
        std::fs::write(work.join("README.md"), "A model of the ward's beds.\n").expect("a file");
        commit(site, &work, "Say what this is");
        run(git(site).args(["clone", "-q", "--bare"]).arg(&work).arg(&bare));
        run(git(site).arg("-C").arg(&bare).args(["config", "http.receivepack", "true"]));
    }

    /// The commit that `main` of a repository is at.
    pub(crate) fn main(&self, site: &Site, name: &str) -> String {
        head(site, &folder(site, name))
    }
}

fn folder(site: &Site, name: &str) -> PathBuf {
    site.path(&format!("nginx/code/{name}.git"))
}

/// git with nothing of this machine's settings.
pub(crate) fn git(site: &Site) -> Command {
    let mut git = bare(site, &tool("git"));
    git.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_TERMINAL_PROMPT", "0");
    git.args(["-c", "user.name=trainer", "-c", "user.email=trainer@ml.internal"]);
    git
}

/// Commits all that is new in `work`.
pub(crate) fn commit(site: &Site, work: &Path, message: &str) {
    run(git(site).arg("-C").arg(work).args(["add", "-A"]));
    run(git(site).arg("-C").arg(work).args(["commit", "-q", "-m", message]));
}

/// The commit that a repository is at.
pub(crate) fn head(site: &Site, repository: &Path) -> String {
    run(git(site).arg("-C").arg(repository).args(["rev-parse", "main"]))
}

/// git's own CGI program.
pub(crate) fn backend() -> PathBuf {
    let told = Command::new(tool("git")).arg("--exec-path").output().expect("git runs");
    let folder = String::from_utf8_lossy(&told.stdout).trim().to_owned();
    PathBuf::from(folder).join("git-http-backend")
}
