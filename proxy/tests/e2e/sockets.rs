//! WebSockets of Python's websockets and aiohttp, as client and as server, with compression: ws through the
//! forward proxy and wss inside of CONNECT. Clean words pass; an identifier is refused however it is sent.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::harness::lazaret::{Lazaret, Upstreams};
use super::harness::process::{Running, finished, free_address, listens};
use super::harness::{REGISTRY, SSN, Site, audit, bare};

const KINDS: [&str; 2] = ["websockets", "aiohttp"];

/// Beside the tests' own policy: conversations with the registry.
const POLICY: &str = "apiVersion: lazaret/v1
kind: Policy
egress:
  - {name: talks, to: [registry], methods: [GET], paths: [/talk/**], upgrades: [websocket], content: talk, contentIn: talk}
content:
  - name: talk
    inspect: hold
    rules:
      - {when: {identifiers: [ssn], confidence: medium}, action: block}
";

/// `clients/sockets.py`, in the environment of NVIDIA FLARE, which brings both libraries.
fn script(site: &Site) -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join("../target/flare-venv/bin/python");
    assert!(python.exists(), "{} is missing: run .ci/install", python.display());
    let mut command = bare(site, &python);
    command.env("PYTHONDONTWRITEBYTECODE", "1").arg(root.join("tests/e2e/clients/sockets.py"));
    command
}

/// An echo server of one library, behind TLS.
fn server(site: &Site, kind: &str, address: SocketAddr) -> Running {
    let svid = site.issue("spiffe://example/ns/mlops/sa/registry", REGISTRY);
    let mut command = script(site);
    command.args(["server", kind, &address.port().to_string()]).args([&svid.chain, &svid.key]);
    let mut server = Running::start(&mut command, site.path(&format!("{kind}.log")));
    server.wait_until(|| listens(address));
    server
}

/// What the client of one library was told, line by line.
fn ask(
    site: &Site,
    lazaret: &Lazaret,
    (kind, url): (&str, &str),
    messages: &[Value],
) -> Vec<Value> {
    let mut command = script(site);
    lazaret.lead(site, "SSL_CERT_FILE", &mut command);
    command.args(["client", kind, url]).arg(lazaret.intercept_ca(site));
    let done = finished(command.args(messages.iter().map(Value::to_string)));
    assert!(done.status.success(), "{} {}", done.said(), lazaret.said());
    done.out.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

#[test]
fn words_pass_and_leaks_are_refused_whichever_library_speaks() {
    let site = Site::new();
    std::fs::create_dir_all(site.path("policy")).unwrap();
    site.write("policy/sockets.yaml", POLICY.as_bytes());
    let address = free_address();
    let upstreams = Upstreams { registry: address.port(), s3: 1, ..Upstreams::NONE };
    let lazaret = Lazaret::start(&site, upstreams);
    let (first, rest) = SSN.split_at(5);
    let begun = format!("the patient's ssn is {first}");
    let long = "the same words over and over, ".repeat(3000);
    let mut sockets = 0;
    for served_by in KINDS {
        let server = server(&site, served_by, address);
        for (kind, scheme) in KINDS.into_iter().flat_map(|kind| [(kind, "ws"), (kind, "wss")]) {
            let story = format!("{kind} to {served_by} by {scheme}");
            let url = format!("{scheme}://{REGISTRY}:{}/talk/a", address.port());
            let ask = |messages: &[Value]| ask(&site, &lazaret, (kind, &url), messages);

            let told = ask(&["hello".into(), long.as_str().into()]);
            assert_eq!(told[0]["compressed"], true, "{story}");
            assert_eq!(told[1]["heard"], "hello", "{story}: {told:?}");
            assert_eq!(told[2]["heard"], long.as_str(), "{story}");
            assert_eq!(told[3]["code"], 1000, "{story}: {}", told[3]);

            let whole = format!("{begun}{rest}");
            let fragments = Value::from([begun.as_str(), rest]);
            for (messages, heard) in [
                (vec![Value::from(whole)], 0),
                (vec![fragments], 0),
                (vec![begun.as_str().into(), rest.into()], 1),
            ] {
                let told = ask(&messages);
                let last = told.last().unwrap();
                assert_eq!(told.len(), 1 + heard + 1, "{story}: {told:?}");
                assert_eq!(
                    (&last["code"], &last["reason"]),
                    (&1008.into(), &"finding".into()),
                    "{story}: {told:?}"
                );
            }
            sockets += 4;
        }
        let said = server.said();
        assert!(said.contains("over and over") && said.contains(first), "{said}");
        assert!(!said.contains(rest), "the rest of the number arrived: {said}");
        let compressed = said.lines().filter(|line| *line == "{\"compressed\": true}");
        assert_eq!(compressed.count(), 16, "each was compressed: {said}");
    }
    let records = audit::wait_for_closed(&site, "/talk/a", sockets);
    assert_eq!(records.len(), sockets, "one record for each");
    for record in &records {
        assert_eq!((&record["upgrade"], &record["status"]), (&"websocket".into(), &101.into()));
    }
    let ended = |reason: &str| records.iter().filter(|one| one["reason"] == reason).count();
    assert_eq!((ended("finding"), sockets), (24, 32), "{records:#?}");
    assert!(!audit::mentions(&site, SSN));
}

#[test]
fn a_refused_upgrade_reads_as_one() {
    let site = Site::new();
    let lazaret = Lazaret::start(&site, Upstreams { registry: 9, s3: 1, ..Upstreams::NONE });
    let url = format!("ws://{REGISTRY}:9/v2/a");
    for kind in KINDS {
        let told = ask(&site, &lazaret, (kind, &url), &["hello".into()]);
        assert_eq!(told[0]["status"], 403, "{kind}: {told:?}");
    }
    for record in audit::wait_for_closed(&site, "/v2/a", 2) {
        assert_eq!(record["reason"], "upgrade-not-allowed", "{record:#}");
    }
}
