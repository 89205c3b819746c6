//! A real Flower federation (flwr 1.20, gRPC) through a site's gateway and the hub's: the result is
//! the one of a direct run, and a patient in the metrics ends it.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::harness::gateways::{Gateways, finding, records};
use super::harness::lazaret::Lazaret;
use super::harness::process::{Running, eventually, free_address, listens};
use super::harness::{SSN, Site, audit, bare};

/// Weights of the model, as float32; three rounds.
const ELEMENTS: u32 = 100_000;
const ROUNDS: &str = "3";
const CALL: &str = "/flwr.proto.FlowerService/Join";

/// `clients/flower.py`, in Flower's own environment.
fn flower(site: &Site, arguments: &[&str]) -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join("../target/flower-venv/bin/python");
    assert!(python.exists(), "{} is missing: run .ci/install", python.display());
    let mut command = bare(site, &python);
    command.env("PYTHONDONTWRITEBYTECODE", "1").env("FLWR_TELEMETRY_ENABLED", "0");
    command.arg(root.join("tests/e2e/clients/flower.py")).args(arguments);
    command
}

fn start_server(site: &Site, name: &str, address: SocketAddr) -> Running {
    let elements = ELEMENTS.to_string();
    let mut command = flower(site, &["server", &address.to_string(), &elements, ROUNDS]);
    let mut server = Running::start(&mut command, site.path(&format!("{name}.log")));
    server.wait_until(|| listens(address));
    server
}

fn client(site: &Site, name: &str, address: SocketAddr, rest: &[&str]) -> Running {
    let address = address.to_string();
    let arguments = [&["client", &address][..], rest].concat();
    Running::start(&mut flower(site, &arguments), site.path(&format!("{name}.log")))
}

/// A client that knows a proxy, which it asks for a tunnel to a name that it cannot resolve.
fn led_client(site: &Site, lazaret: &Lazaret, name: &str, port: u16, rest: &[&str]) -> Running {
    let address = format!("aggregator.ml.internal:{port}");
    let mut command = flower(site, &[&["client", &address][..], rest].concat());
    command.env("http_proxy", lazaret.proxy_url());
    Running::start(&mut command, site.path(&format!("{name}.log")))
}

/// The line of JSON that a script prints last.
fn told(process: &Running) -> Value {
    eventually("the script's result", || {
        let said = process.said();
        let line = said.lines().find(|line| line.starts_with("{\""))?;
        serde_json::from_str(line).ok()
    })
}

/// A whole run: the server listens at one address, the clients go to another.
fn federation(site: &Site, name: &str, server_at: SocketAddr, clients_to: SocketAddr) -> Value {
    let server = start_server(site, &format!("{name}-server"), server_at);
    let _clients =
        ["1", "2"].map(|step| client(site, &format!("{name}-client-{step}"), clients_to, &[step]));
    told(&server)
}

#[test]
fn a_federation_learns_the_same_and_every_byte_is_on_record() {
    let site = Site::new();
    let direct_at = free_address();
    let direct = federation(&site, "direct", direct_at, direct_at);
    let aggregator = free_address();
    let gateways = Gateways::start(&site, aggregator);

    let through = federation(&site, "through", aggregator, gateways.entrance);

    assert_eq!(through["sha256"], direct["sha256"], "{through} {direct}\n{}", gateways.said());
    assert_eq!(through["losses"], direct["losses"]);
    assert_eq!(through["losses"].as_array().unwrap().len(), 3);
    // Three updates went up in each call; the model came down before each fit and each evaluation.
    let model = u64::from(ELEMENTS) * 4;
    for (name, source) in [
        ("site", "spiffe://site-a.example/ns/fl/sa/gateway"),
        ("hub", "spiffe://site-a.example/ns/fl/sa/gateway"),
    ] {
        let records = records(&site, name, 2);
        assert_eq!(records.len(), 2, "one call of each client: {records:#?}");
        for record in records {
            assert_eq!(record["rpc"], "flower.join", "{record:#}");
            assert_eq!(record["source"], source, "{record:#}");
            // Flower's clients end their call by a reset.
            assert!(["aborted", "completed"].contains(&record["outcome"].as_str().unwrap()));
            assert!(record["target"].as_str().unwrap().ends_with(CALL), "{record:#}");
            let count = |field: &str| record[field].as_u64().unwrap();
            assert!(count("bytes_released") > 3 * model, "{record:#}");
            assert!(count("bytes_out") > 6 * model, "{record:#}");
            let coverage = &record["coverage"];
            assert!(coverage["numeric"].as_u64().unwrap() >= 9 * model, "{record:#}");
            assert_eq!((&coverage["unidentified"], &coverage["skipped"]), (&0.into(), &0.into()));
        }
    }
}

#[test]
fn clients_behind_a_sidecar_join_by_connect_and_a_leak_is_refused() {
    let site = Site::new();
    let aggregator = free_address();
    let port = aggregator.port();
    let policy = include_str!("flower.yaml").replace("@PORT@", &port.to_string());
    let lazaret = Lazaret::start_with(&site, &policy, "");
    let server = start_server(&site, "server", aggregator);
    let joined = ["1", "2"]
        .map(|step| led_client(&site, &lazaret, &format!("client-{step}"), port, &[step]));

    assert_eq!(told(&server)["losses"].as_array().unwrap().len(), 3, "{}", lazaret.said());
    let records = audit::wait_for_closed(&site, CALL, 2);
    for record in &records {
        assert_eq!((&record["rpc"], &record["rule"]), (&"flower.join".into(), &"joins".into()));
        assert!(record["bytes_released"].as_u64().unwrap() > 3 * u64::from(ELEMENTS) * 4);
    }
    drop((server, joined));

    let second = start_server(&site, "second", aggregator);
    let note = format!("worst case: patient SSN {SSN}");
    let _clean = led_client(&site, &lazaret, "clean", port, &["1"]);
    let leaking = led_client(&site, &lazaret, "leaking", port, &["2", &note]);
    assert_eq!(told(&leaking)["code"], "StatusCode.PERMISSION_DENIED", "{}", lazaret.said());
    assert!(!second.said().contains(SSN) && !lazaret.said().contains(SSN));
}

#[test]
fn a_patient_in_the_metrics_ends_the_run_at_the_site() {
    let site = Site::new();
    let aggregator = free_address();
    let gateways = Gateways::start(&site, aggregator);
    let server = start_server(&site, "server", aggregator);
    let clean = client(&site, "clean", gateways.entrance, &["1"]);
    let note = format!("worst case: patient SSN {SSN}, admitted twice");
    let leaking = client(&site, "leaking", gateways.entrance, &["2", &note]);

    let refused = told(&leaking);

    assert_eq!(refused["code"], "StatusCode.PERMISSION_DENIED", "{refused}\n{}", gateways.said());
    let details = refused["details"].as_str().unwrap();
    assert!(details.contains("ssn") && details.contains("lazaret: finding"), "{details}");
    assert!(!refused.to_string().contains(SSN));
    let record = finding(&site, "site");
    assert_eq!(
        (&record["outcome"], &record["reason"]),
        (&"cut".into(), &"finding".into()),
        "{record:#}"
    );
    assert_eq!(record["findings"][0]["identifier"], "ssn", "{record:#}");
    assert_eq!(record["rpc"], "flower.join");
    // Nothing of the update that the note was in has left the site.
    assert!(record["bytes_released"].as_u64().unwrap() < 1024, "{record:#}");
    for log in [server.said(), clean.said(), gateways.said()] {
        assert!(!log.contains(SSN), "the note has come out: {log}");
    }
}
