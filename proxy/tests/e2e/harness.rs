//! One scratch folder with a certificate authority, and the programs of a story around it.

pub(crate) mod audit;
pub(crate) mod gateways;
pub(crate) mod git;
pub(crate) mod lazaret;
pub(crate) mod moto;
pub(crate) mod nginx;
pub(crate) mod postgres;
pub(crate) mod process;

use std::path::{Path, PathBuf};
use std::process::Command;

use process::run;

/// The name of the nginx upstream, and what its certificate proves.
pub(crate) const REGISTRY: &str = "registry.ml.internal";
/// The name of the moto upstream.
pub(crate) const S3: &str = "s3.ml.internal";
/// The SPIFFE ID that the sidecar shows.
pub(crate) const JOB: &str = "spiffe://example/ns/train/sa/job";

/// A number that the Social Security Administration could have issued; no real person's.
pub(crate) const SSN: &str = "536-22-8941";

/// A scratch folder with certificates made by `lazaret certs`; gone when the story ends.
#[derive(Debug)]
pub(crate) struct Site {
    folder: tempfile::TempDir,
}

/// One SVID on disk.
#[derive(Debug)]
pub(crate) struct Svid {
    pub(crate) chain: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) bundle: PathBuf,
}

impl Site {
    pub(crate) fn new() -> Site {
        let site = Site { folder: tempfile::tempdir().expect("a scratch folder") };
        let ca = site.path("ca");
        run(lazaret_command(&site)
            .args(["certs", "init", "--trust-domain", "example", "--out"])
            .arg(ca));
        site
    }

    /// A path in the scratch folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Issues an SVID for `id`, valid for the DNS name `dns`.
    pub(crate) fn issue(&self, id: &str, dns: &str) -> Svid {
        let out = self.path(&format!("svid-{dns}"));
        run(lazaret_command(self)
            .args(["certs", "issue", "--id", id, "--dns", dns, "--ip", "127.0.0.1"])
            .args(["--lifetime", "1h", "--ca"])
            .arg(self.path("ca"))
            .arg("--out")
            .arg(&out));
        let file = |name| out.join(name);
        Svid { chain: file("chain.pem"), key: file("key.pem"), bundle: file("bundle.pem") }
    }

    /// Writes a file that tests send, and returns its path.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).expect("scratch file");
        path
    }
}

/// `lazaret`, with nothing of this machine's environment.
pub(crate) fn lazaret_command(site: &Site) -> Command {
    bare(site, Path::new(env!("CARGO_BIN_EXE_lazaret")))
}

/// A program with an environment of its own: a machine may preset proxies and CA files, and a
/// test that kept those would prove nothing about ours.
pub(crate) fn bare(site: &Site, program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("HOME", site.folder()).env("LC_ALL", "C.UTF-8");
    command.env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin").current_dir(site.folder());
    command
}

/// A program of the system, or a failure that says where to get it.
pub(crate) fn tool(name: &str) -> PathBuf {
    ["/usr/local/bin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/sbin", "/sbin"]
        .iter()
        .map(|folder| Path::new(folder).join(name))
        .find(|path| path.exists())
        .unwrap_or_else(|| panic!("`{name}` is missing: run .ci/install"))
}

/// A program of the tests' Python environment, or a failure that says how to make it.
pub(crate) fn python_tool(name: &str) -> PathBuf {
    let venv = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/e2e-venv/bin");
    let path = venv.join(name);
    assert!(path.exists(), "{} is missing: run .ci/install", path.display());
    path
}

/// A Python client of `clients/`, to be run with the arguments that follow.
pub(crate) fn client(site: &Site, script: &str) -> Command {
    let mut command = bare(site, &python_tool("python"));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/clients");
    command.env("PYTHONDONTWRITEBYTECODE", "1").arg(folder.join(script));
    command
}

/// Makes `name` in the scratch folder with the client script `make_files.py`: archives and arrays
/// written by Python's own libraries.
pub(crate) fn make_file(site: &Site, kind: &str, name: &str) -> PathBuf {
    let path = site.path(name);
    run(client(site, "make_files.py").args([kind, SSN]).arg(&path));
    path
}
