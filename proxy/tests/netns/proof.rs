//! `lazaret net check` as the workload runs it: green behind the rules, red without them.

use serde_json::Value;

use super::jail::Jail;
use super::namespaces::{OUTSIDE, OUTSIDE_V6, output, run, said};

const WHERE: [&str; 4] = ["--outside", OUTSIDE, "--outside", OUTSIDE_V6];

#[test]
fn all_holds_behind_the_rules() {
    let jail = Jail::closed();
    let done = jail.check(&WHERE);
    println!("{}", said(&done));
    assert_eq!(done.status.code(), Some(0), "{}", said(&done));
    let text = String::from_utf8_lossy(&done.stdout);
    for way in [
        "tcp",
        "ipv6-tcp",
        "udp",
        "ipv6-udp",
        "quic",
        "icmp",
        "dns",
        "dns-tcp",
        "metadata",
        "multicast",
        "raw",
        "file",
        "process",
        "capabilities",
        "identity",
    ] {
        assert!(text.contains(&format!("held     {way}: ")), "{way} is not proven: {text}");
    }
    assert!(text.contains(":443: redirected to user 15000 in this pod"), "TCP is ours: {text}");
    assert!(text.contains("redirected: Lazaret answered"), "DNS elsewhere is ours: {text}");
    assert!(text.contains("as ptrace would"), "the process was not seen: {text}");
    assert!(text.contains(" 0 out, 0 unproven\n"), "{text}");
}

#[test]
fn what_gets_out_without_rules_is_told() {
    let jail = Jail::new();
    let done = jail.check(&[&WHERE[..], &["--ports", "443,4444", "--json"]].concat());
    assert_eq!(done.status.code(), Some(1), "{}", said(&done));
    let report: Value = serde_json::from_slice(&done.stdout).expect("one JSON object");
    assert_eq!(report["outcome"], "out");
    let probes = report["probes"].as_array().expect("probes");
    for way in ["tcp", "ipv6-tcp", "udp", "ipv6-udp", "quic", "icmp", "dns", "dns-tcp", "metadata"]
    {
        let all: Vec<&Value> = probes.iter().filter(|probe| probe["way"] == way).collect();
        assert!(!all.is_empty(), "{way} was not tried");
        assert!(all.iter().any(|probe| probe["outcome"] != "held"), "{way}: {all:#?}");
    }
    let tcp: Vec<&Value> = probes.iter().filter(|probe| probe["way"] == "tcp").collect();
    assert!(tcp.iter().all(|probe| probe["outcome"] == "out"), "{tcp:#?}");
    // Files and processes are kept by users and modes, not by rules.
    let kept = |probe: &&Value| ["file", "process"].contains(&probe["way"].as_str().unwrap());
    assert!(probes.iter().filter(kept).all(|probe| probe["outcome"] == "held"), "{probes:#?}");
}

#[test]
fn a_workload_with_lazarets_rights_is_told() {
    let jail = Jail::closed();
    // As root, with every capability.
    let mut command = jail.namespaces.in_pod();
    command.arg(jail.path("bin/lazaret")).args(["net", "check", "--uid", "15000", "--json"]);
    command.args(WHERE).args(["--ports", "443", "--path"]).arg(jail.path("own/svid/key.pem"));
    let done = output(&mut command);
    assert_eq!(done.status.code(), Some(1), "{}", said(&done));
    let report: Value = serde_json::from_slice(&done.stdout).expect("one JSON object");
    let out = |way: &str| {
        let probes = report["probes"].as_array().expect("probes").iter();
        probes.filter(|probe| probe["way"] == way && probe["outcome"] == "out").count()
    };
    assert!(out("capabilities") > 0 && out("raw") > 0 && out("file") > 0, "{report:#}");
    assert_eq!(out("udp"), 0, "root is no user of ours: {report:#}");
    // The probes change nothing.
    let key = run(jail
        .namespaces
        .in_pod()
        .arg("head")
        .args(["-c", "10"])
        .arg(jail.path("own/svid/key.pem")));
    assert_eq!(key, "-----BEGIN");
}
