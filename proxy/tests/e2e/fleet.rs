//! A real Flower federation over its HTTP wire (flwr 1.41) through a site's gateway and the hub's: the
//! result is the one of a direct run, and a patient beside the metrics ends it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::harness::gateways::{Gateways, records};
use super::harness::process::{Running, finished, free_address, listens};
use super::harness::{self, SSN, Site, bare};

/// Weights of the model, as float32.
const ELEMENTS: u64 = 100_000;

/// Flower waits 180 s for an object of an update that never comes.
const IMPATIENT: &str =
    "import flwr.supercore.constant as constant\nconstant.OBJECT_PUSH_SESSION_TTL_SECONDS = 30\n";

/// A SuperLink and two SuperNodes.
#[derive(Debug)]
struct Fleet {
    home: PathBuf,
    superlink_at: SocketAddr,
    superlink: Running,
    nodes: Vec<Running>,
}

impl Fleet {
    /// The SuperLink listens at `superlink_at`, the nodes go to `nodes_to`; the second says `note`.
    fn start(site: &Site, name: &str, superlink_at: SocketAddr, nodes_to: SocketAddr) -> Fleet {
        Fleet::start_with(site, name, superlink_at, nodes_to, "")
    }

    /// The same, with Python that the SuperLink runs before all else.
    fn start_with(
        site: &Site,
        name: &str,
        superlink_at: SocketAddr,
        nodes_to: SocketAddr,
        first: &str,
    ) -> Fleet {
        let home = site.path(&format!("{name}-home"));
        std::fs::create_dir_all(&home).expect("Flower's home");
        let config = format!(
            "[superlink]\ndefault = \"hub\"\n[superlink.hub]\naddress = \"{superlink_at}\"\ninsecure = true\n"
        );
        std::fs::write(home.join("config.toml"), config).expect("Flower's settings");
        std::fs::write(home.join("sitecustomize.py"), first).expect("what is run first");
        let mut command = alone(site, &flower(site, &home, "flower-superlink"));
        command.env("PYTHONPATH", &home);
        command.args(["--insecure", "--disable-runtime-dependency-installation"]);
        command.args(["--host", "127.0.0.1", "--port", &superlink_at.port().to_string()]);
        let mut superlink = Running::start(&mut command, site.path(&format!("{name}-link.log")));
        superlink.wait_until(|| listens(superlink_at));
        let mut fleet = Fleet { home, superlink_at, superlink, nodes: Vec::new() };
        fleet.join(site, &format!("{name}-1"), nodes_to, "step=1.0");
        fleet
    }

    fn join(&mut self, site: &Site, name: &str, to: SocketAddr, settings: &str) {
        let mut command = alone(site, &flower(site, &self.home, "flower-supernode"));
        command.args(["--insecure", "--superlink", &to.to_string()]);
        command.args(["--port", &free_address().port().to_string(), "--node-config", settings]);
        self.nodes.push(Running::start(&mut command, site.path(&format!("{name}.log"))));
    }

    /// `flwr run` to the end of the run; what it printed.
    fn run(&self, site: &Site, settings: &str) -> String {
        let app = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/clients/flower_app");
        let flwr = flower(site, &self.home, "flwr");
        let mut command = within(site, "timeout", &["900"], &flwr);
        command.arg("run").arg(app).args(["hub", "--stream", "--run-config"]);
        finished(command.arg(format!("elements={ELEMENTS} {settings}"))).said()
    }

    fn said(&self) -> String {
        let nodes: String = self.nodes.iter().map(Running::said).collect();
        format!("--- superlink {} ---\n{}\n{nodes}", self.superlink_at, self.superlink.said())
    }
}

/// `program` in a process namespace of its own (as root): its children detach themselves, and end with it.
fn alone(site: &Site, program: &Command) -> Command {
    within(site, "unshare", &["--pid", "--fork", "--kill-child", "--mount-proc"], program)
}

/// `program` as the last argument of another.
fn within(site: &Site, outer: &str, arguments: &[&str], program: &Command) -> Command {
    let mut command = bare(site, &harness::tool(outer));
    command.args(arguments).arg(program.get_program());
    command.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command
}

/// A program of Flower's own environment, which finds the others beside it.
fn flower(site: &Site, home: &Path, name: &str) -> Command {
    let bin = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/flower-http-venv/bin");
    let path = bin.join(name);
    assert!(path.exists(), "{} is missing: run .ci/install", path.display());
    let mut command = bare(site, &path);
    command.env("PATH", format!("{}:/usr/bin:/bin", bin.display()));
    command.env("FLWR_HOME", home).env("PYTHONDONTWRITEBYTECODE", "1");
    command.env("FLWR_TELEMETRY_ENABLED", "0").env("FLWR_DISABLE_UPDATE_CHECK", "1");
    command.env("FLWR_SUPEREXEC_TASK_POLL_INTERVAL", "0.05");
    command
}

/// The line of JSON that the app's server prints last.
fn told(said: &str) -> Value {
    let line = said.lines().find(|line| line.starts_with("{\"losses"));
    serde_json::from_str(line.unwrap_or_else(|| panic!("no result: {said}"))).expect("JSON")
}

#[test]
fn a_federation_over_http_learns_the_same_and_every_byte_is_on_record() {
    let site = Site::new();
    let (direct_at, aggregator) = (free_address(), free_address());
    let gateways = Gateways::start(&site, aggregator);
    let settings = "rounds=2 evaluates=false";
    // Flower mostly waits between its polls: both runs go side by side.
    let (direct, through) = std::thread::scope(|scope| {
        let direct = scope.spawn(|| {
            let mut fleet = Fleet::start(&site, "direct", direct_at, direct_at);
            fleet.join(&site, "direct-2", direct_at, "step=2.0");
            fleet.run(&site, settings)
        });
        let mut fleet = Fleet::start(&site, "through", aggregator, gateways.entrance);
        fleet.join(&site, "through-2", gateways.entrance, "step=2.0");
        let through = fleet.run(&site, settings);
        (direct.join().expect("the direct run"), through)
    });

    assert_eq!(told(&through)["sha256"], told(&direct)["sha256"], "{}", gateways.said());
    let model = ELEMENTS * 4;
    for name in ["site", "hub"] {
        let records = records(&site, name, 20);
        let count = |rpc: &str, field: &str| -> u64 {
            let calls = records.iter().filter(|record| record["rpc"] == rpc);
            calls.map(|record| record[field].as_u64().unwrap_or(0)).sum()
        };
        assert!(records.iter().all(|record| record["action"] == "allow"), "{records:#?}");
        // Whoever stops a node may catch it while it asks for more work.
        let is_over = |record: &Value| {
            record["outcome"] == "completed" || record["rpc"] == "flower.pull-messages"
        };
        assert!(records.iter().all(is_over), "{records:#?}");
        // Each of two updates in each of two rounds went up, and each of the models came down.
        assert!(count("flower.push-object", "bytes_released") > 4 * model, "{records:#?}");
        assert!(count("flower.pull-object", "bytes_out") > 4 * model, "{records:#?}");
        let nodes: std::collections::BTreeSet<u64> =
            records.iter().filter_map(|record| record["node"].as_u64()).collect();
        assert_eq!(nodes.len(), 2, "{records:#?}");
        for record in &records {
            let coverage = &record["coverage"];
            assert_eq!(coverage["unidentified"], 0, "{record:#}");
            assert_eq!(coverage["skipped"], 0, "{record:#}");
        }
    }
}

#[test]
fn a_patient_beside_the_metrics_is_refused_and_the_run_says_so() {
    let site = Site::new();
    let aggregator = free_address();
    let gateways = Gateways::start(&site, aggregator);
    let nodes_to = gateways.entrance;
    let mut fleet = Fleet::start_with(&site, "leak", aggregator, nodes_to, IMPATIENT);
    let note = format!("step=2.0 note=\"worst case: patient SSN {SSN}, admitted twice\"");
    fleet.join(&site, "leak-2", nodes_to, &note);

    let said = fleet.run(&site, "rounds=1 evaluates=false");

    // The hub's side learns that an update is missing, the site's own why.
    assert!(said.contains("round 1: 1 of 2 updates did not come"), "{said}\n{}", fleet.said());
    let leaking = fleet.nodes[1].said();
    assert!(leaking.contains("Client error '451 lazaret: finding' for url"), "{leaking}");
    let records = records(&site, "site", 10);
    let refused: Vec<&Value> =
        records.iter().filter(|record| record["action"] == "block").collect();
    assert_eq!(refused.len(), 1, "nothing is tried again: {refused:#?}");
    let record = refused[0];
    assert_eq!((&record["rpc"], &record["status"]), (&"flower.push-object".into(), &451.into()));
    assert_eq!((&record["reason"], &record["opened"]), (&"finding".into(), &false.into()));
    assert_eq!(record["findings"][0]["identifier"], "ssn", "{record:#}");
    assert_eq!(record["bytes_released"], 0, "{record:#}");
    for log in [&said, &fleet.superlink.said(), &fleet.nodes[0].said(), &gateways.said()] {
        assert!(!log.contains(SSN), "the note has come out: {log}");
    }
}
