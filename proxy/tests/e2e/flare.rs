//! NVIDIA FLARE (2.9, its WebSocket wire) through a site's gateway and the hub's: a provisioned server and
//! client that know nothing of it, and a note in a message that goes no further than the site.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::harness::gateways::{Gateways, finding, records};
use super::harness::process::{Running, eventually, free_address, listens, run};
use super::harness::{SSN, Site, bare};

/// A program of FLARE's own environment.
fn flare(site: &Site, program: &str) -> Command {
    let bin = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/flare-venv/bin");
    let path = bin.join(program);
    assert!(path.exists(), "{} is missing: run .ci/install", path.display());
    let mut command = bare(site, &path);
    command.env("PYTHONDONTWRITEBYTECODE", "1").env("PYTHONUNBUFFERED", "1");
    command.env("NVFLARE_POC_WORKSPACE", site.path("poc"));
    command
}

/// A startup kit of `nvflare poc prepare`, told in JSON what to speak and with whom.
fn kit(site: &Site, name: &str, change: impl Fn(&mut Value)) -> PathBuf {
    let folder = site.path("poc/example_project/prod_00").join(name);
    let file = if name == "server" { "fed_server.json" } else { "fed_client.json" };
    let path = folder.join("startup").join(file);
    let text = std::fs::read_to_string(&path).expect("a startup kit");
    let mut config: Value = serde_json::from_str(&text).expect("JSON");
    change(&mut config);
    std::fs::write(&path, config.to_string()).expect("a startup kit");
    folder
}

fn server(site: &Site, address: SocketAddr) -> Running {
    let folder = kit(site, "server", |config| {
        let server = &mut config["servers"][0];
        // In the hub's pod, as its gateway's neighbour on loopback.
        server["connection_security"] = "clear".into();
        server["service"]["target"] = format!("localhost:{}", address.port()).into();
        server["admin_port"] = address.port().into();
    });
    let mut command = flare(site, "python");
    command.args(["-m", "nvflare.private.fed.app.server.server_train", "-m"]).arg(folder);
    command.args(["-s", "fed_server.json", "--set", "secure_train=true", "org=nvidia"]);
    let mut server = Running::start(command.arg("config_folder=config"), site.path("server.log"));
    server.wait_until(|| listens(address));
    server
}

fn client(site: &Site, name: &str, address: SocketAddr) -> Running {
    let folder = kit(site, name, |config| {
        config["client"]["connection_security"] = "clear".into();
        let target = format!("localhost:{}", address.port());
        config["servers"][0]["service"]["target"] = target.into();
    });
    let mut command = flare(site, "python");
    command.args(["-m", "nvflare.private.fed.app.client.client_train", "-m"]).arg(folder);
    command.args(["-s", "fed_client.json", "--set", "secure_train=true", "org=nvidia"]);
    command.arg(format!("uid={name}")).arg("config_folder=config");
    Running::start(&mut command, site.path(&format!("{name}.log")))
}

#[test]
fn a_client_registers_through_both_gateways_and_a_note_stays_at_the_site() {
    let site = Site::new();
    run(flare(&site, "nvflare").args(["poc", "prepare", "-n", "2"]));
    let aggregator = free_address();
    let server = server(&site, aggregator);
    let gateways = Gateways::start(&site, aggregator);
    let client = client(&site, "site-1", gateways.entrance);
    let log = |name: &str| {
        let path = site.path("poc/example_project/prod_00").join(name).join("log.txt");
        std::fs::read_to_string(path).unwrap_or_default()
    };
    let registered = |name: &str| {
        let log = log(name);
        log.contains("Successfully registered client:").then_some(log)
    };
    eventually("the registration", || registered("site-1"));

    // A message as FLARE's own library writes it, of a node that registers nowhere.
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/clients/flare.py");
    let url = format!("ws://{}/f3", gateways.entrance);
    let note = format!("worst case: patient SSN {SSN}, admitted twice");
    let told = run(flare(&site, "python").arg(script).args([&url, &note]));
    let told: Value = serde_json::from_str(told.trim()).expect("the script's JSON");
    assert_eq!(
        (&told["code"], &told["reason"]),
        (&1008.into(), &"finding".into()),
        "{told}\n{}",
        gateways.said()
    );

    let note = finding(&site, "site");
    assert_eq!((&note["outcome"], &note["reason"]), (&"cut".into(), &"finding".into()), "{note:#}");
    assert_eq!(note["findings"][0]["identifier"], "ssn", "{note:#}");
    let names = |record: &Value| {
        let messages = record["messages"].as_array().cloned().unwrap_or_default();
        let name = |one: Value| one["name"].as_str().expect("a name").to_owned();
        messages.into_iter().map(name).collect::<Vec<_>>()
    };
    assert!(names(&note).contains(&"nvflare.task.submit_update".to_owned()), "{note:#}");
    drop((client, server));
    // What the client said was named at both gateways, with the site as who it comes from.
    for name in ["site", "hub"] {
        let records = records(&site, name, 2);
        let of_client =
            |record: &&Value| names(record).contains(&"nvflare.task.register".to_owned());
        let record = records.iter().find(of_client).expect("the client's record");
        assert_eq!(record["source"], "spiffe://site-a.example/ns/fl/sa/gateway", "{record:#}");
        assert_eq!(record["upgrade"], "websocket");
        let nodes = record["messages"].as_array().unwrap();
        assert!(nodes.iter().any(|one| one["node"] == "site-1"), "{record:#}");
        let leaking = records.iter().find(|record| !of_client(record)).expect("the script's");
        assert_eq!(
            names(leaking).contains(&"nvflare.task.submit_update".to_owned()),
            name == "site"
        );
    }
    for log in [log("server"), gateways.said()] {
        assert!(!log.contains(SSN), "the note has come out: {log}");
    }
}
