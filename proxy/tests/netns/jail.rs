//! A pod with Lazaret under its own user and a workload under another, and the world that listens.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use super::namespaces::{Namespaces, Running, UPSTREAM, eventually, output, run, said};

/// Lazaret's user in the pod.
pub(crate) const LAZARET: u32 = 15_000;
/// The workload's.
const WORKLOAD: u32 = 10_001;

/// What the pod's policy permits: plain HTTP to the upstream, by name.
const POLICY: &str = r#"
apiVersion: lazaret/v1
kind: Policy
metadata: {name: jail, owner: tests, purpose: "nothing gets out"}
endpoints:
  - name: registry
    hosts: [registry.ml.internal, "*.registry.ml.internal"]
    addresses: [10.99.0.1/32, "fd99::1/128"]
    ports: [8080]
    tls: {mode: plaintext, because: "a story about something else"}
egress:
  - {name: models, to: [registry], methods: [GET, PUT], paths: ["/v2/**"], content: held}
content:
  - name: held
    inspect: hold
    rules: [{when: {identifiers: [any], confidence: medium}, action: block}]
"#;

/// The whole arrangement.
#[derive(Debug)]
pub(crate) struct Jail {
    // Ended before their namespaces are taken away.
    lazaret: Option<Running>,
    world: Option<Running>,
    pub(crate) namespaces: Namespaces,
    folder: tempfile::TempDir,
}

impl Jail {
    /// Namespaces, world and Lazaret, without rules yet.
    pub(crate) fn new() -> Jail {
        Jail::with(Namespaces::new(), &[])
    }

    /// The same where Lazaret has capabilities, such as `net_raw`.
    pub(crate) fn with(namespaces: Namespaces, capabilities: &[&str]) -> Jail {
        let folder = tempfile::tempdir().expect("a folder");
        let mut jail = Jail { lazaret: None, world: None, namespaces, folder };
        jail.write();
        jail.start_world();
        jail.start_lazaret(capabilities);
        jail
    }

    /// The same, with the rules applied.
    pub(crate) fn closed() -> Jail {
        let jail = Jail::new();
        jail.setup(&["--apply"]);
        jail
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `lazaret net setup` in the pod, as an administrator; what it printed.
    pub(crate) fn setup(&self, arguments: &[&str]) -> String {
        let mut command = self.namespaces.in_pod();
        command.arg(self.path("bin/lazaret")).args(["net", "setup", "--config"]);
        command.arg(self.path("public/lazaret.yaml")).args(["--uid", &LAZARET.to_string()]);
        run(command.args(arguments))
    }

    /// A command in the pod, as the workload: its own user, no capabilities.
    pub(crate) fn workload(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = self.demoted(WORKLOAD, &[]);
        command.arg(program);
        command
    }

    /// A command in the pod as Lazaret's own user.
    pub(crate) fn as_lazaret(&self, program: &str) -> Command {
        let mut command = self.demoted(LAZARET, &[]);
        command.arg(program);
        command
    }

    /// What the workload's tries led to, as lines of JSON.
    pub(crate) fn tries(&self, ways: &[&str]) -> Vec<Value> {
        let mut command = self.workload("/usr/bin/python3");
        let text = run(command.arg(self.path("tries.py")).args(ways));
        text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
    }

    /// `lazaret net check` as the workload.
    pub(crate) fn check(&self, arguments: &[&str]) -> Output {
        let mut command = self.workload(self.path("bin/lazaret"));
        command.args(["net", "check", "--uid", &LAZARET.to_string()]);
        command.arg("--config").arg(self.path("public/lazaret.yaml"));
        output(command.args(arguments))
    }

    /// What the world saw so far: frames from the pod, and what its servers were told.
    pub(crate) fn world(&self) -> (Vec<String>, Vec<(String, String)>) {
        let text = std::fs::read_to_string(self.path("world.jsonl")).unwrap_or_default();
        let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        let (mut frames, mut heard) = (Vec::new(), Vec::new());
        for line in whole {
            let line: Value = serde_json::from_str(line).expect("a line of JSON");
            let text = |field: &str| line[field].as_str().map(str::to_owned);
            frames.extend(text("frame"));
            heard.extend(text("heard").zip(text("said")));
        }
        (frames, heard)
    }

    /// The first record of a kind, which may be written after the answer is here.
    pub(crate) fn record(&self, kind: &str) -> Value {
        eventually(&format!("a record of {kind}"), || {
            self.records().into_iter().find(|record| record["kind"] == kind)
        })
    }

    /// Closed exchanges on record.
    pub(crate) fn records(&self) -> Vec<Value> {
        let mut lines = Vec::new();
        for entry in std::fs::read_dir(self.path("own/audit")).expect("the log").flatten() {
            if entry.path().extension().is_some_and(|extension| extension == "jsonl") {
                let text = std::fs::read_to_string(entry.path()).expect("a segment");
                lines.extend(text.lines().filter_map(|line| serde_json::from_str(line).ok()));
            }
        }
        lines.retain(|line: &Value| line["type"] == "close");
        lines
    }

    fn demoted(&self, uid: u32, capabilities: &[&str]) -> Command {
        let mut command = self.namespaces.in_pod();
        let uid = uid.to_string();
        let kept: String = capabilities.iter().map(|name| format!(",+{name}")).collect();
        command.args(["setpriv", "--reuid", &uid, "--regid", &uid, "--clear-groups"]);
        command.arg("--no-new-privs");
        for set in ["inh-caps", "ambient-caps", "bounding-set"] {
            command.arg(format!("--{set}=-all{kept}"));
        }
        command.current_dir("/");
        command
    }

    fn write(&self) {
        let folder = self.folder.path();
        for name in ["bin", "own", "own/policy", "own/spool", "public"] {
            std::fs::create_dir_all(self.path(name)).expect("a folder");
        }
        let built = Path::new(env!("CARGO_BIN_EXE_lazaret"));
        if std::fs::hard_link(built, self.path("bin/lazaret")).is_err() {
            std::fs::copy(built, self.path("bin/lazaret")).expect("a copy of the binary");
        }
        std::fs::write(self.path("own/policy/jail.yaml"), POLICY).expect("the policy");
        std::fs::write(self.path("tries.py"), include_str!("tries.py")).expect("the tries");
        std::fs::write(self.path("world.py"), include_str!("world.py")).expect("the world");
        let own = |name: &str| self.path(&format!("own/{name}")).display().to_string();
        let config = include_str!("lazaret.yaml")
            .replace("@OWN@", &own(""))
            .replace("@PUBLIC@", &self.path("public").display().to_string())
            .replace("@UPSTREAM@", UPSTREAM);
        std::fs::write(self.path("public/lazaret.yaml"), config).expect("the configuration");
        let mut certs = Command::new(self.path("bin/lazaret"));
        certs.args(["certs", "init", "--trust-domain", "hospital.example", "--out", &own("ca")]);
        run(&mut certs);
        let mut certs = Command::new(self.path("bin/lazaret"));
        certs.args([
            "certs",
            "issue",
            "--ca",
            &own("ca"),
            "--lifetime",
            "1h",
            "--out",
            &own("svid"),
        ]);
        run(certs.args(["--id", "spiffe://hospital.example/ns/train/sa/job"]));
        let (owner, mode) = (format!("{LAZARET}:{LAZARET}"), std::fs::Permissions::from_mode);
        run(Command::new("chown")
            .args(["-R", &owner])
            .args([self.path("own"), self.path("public")]));
        std::fs::set_permissions(self.path("own"), mode(0o700)).expect("its mode");
        for open in [folder.to_owned(), self.path("bin"), self.path("public")] {
            std::fs::set_permissions(open, mode(0o755)).expect("its mode");
        }
    }

    fn start_world(&mut self) {
        let mut command = self.namespaces.in_world();
        command.arg("/usr/bin/python3").args([self.path("world.py"), self.path("world.jsonl")]);
        let mut world = Running::start(&mut command, &self.path("world.log"));
        eventually("the world is ready", || {
            let log = std::fs::read_to_string(self.path("world.log")).unwrap_or_default();
            assert!(world.lives(), "the world ended: {log}");
            let text = std::fs::read_to_string(self.path("world.jsonl")).unwrap_or_default();
            text.contains("\"ready\"").then_some(())
        });
        self.world = Some(world);
    }

    fn start_lazaret(&mut self, capabilities: &[&str]) {
        let mut command = self.demoted(LAZARET, capabilities);
        command.arg(self.path("bin/lazaret")).args(["run", "--config"]);
        command.arg(self.path("public/lazaret.yaml"));
        let mut lazaret = Running::start(&mut command, &self.path("lazaret.log"));
        eventually("lazaret is ready", || {
            let log = std::fs::read_to_string(self.path("lazaret.log")).unwrap_or_default();
            assert!(lazaret.lives(), "lazaret ended: {log}");
            let mut curl = self.namespaces.in_pod();
            let ready = output(curl.args(["curl", "-sf", "http://127.0.0.1:15020/readyz"]));
            ready.status.success().then_some(())
        });
        self.lazaret = Some(lazaret);
    }

    /// The workload's curl; what came, and its exit code.
    pub(crate) fn curl(&self, arguments: &[&str]) -> Output {
        let mut curl = self.workload("curl");
        output(curl.args(["-sS", "--max-time", "60"]).args(arguments))
    }
}

impl Drop for Jail {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.path("lazaret.log")).unwrap_or_default();
            let mut nft = self.namespaces.in_pod();
            let rules = said(&output(nft.args(["nft", "list", "ruleset"])));
            eprintln!("--- lazaret ---\n{log}--- rules ---\n{rules}");
        }
    }
}
