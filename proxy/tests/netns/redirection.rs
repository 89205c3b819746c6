//! A workload that knows of no proxy: its connections come to us all the same, and go on where a rule
//! takes their name and their address.

use super::jail::Jail;
use super::namespaces::{OUTSIDE, OUTSIDE_V6, UPSTREAM};

#[test]
fn a_permitted_request_goes_through_without_any_setting() {
    let jail = Jail::closed();
    let through = jail.curl(&["http://registry.ml.internal:8080/v2/a"]);
    assert_eq!(String::from_utf8_lossy(&through.stdout), "world", "{through:?}");
    let http = jail.record("http");
    assert_eq!((&http["rule"], &http["outcome"]), (&"models".into(), &"completed".into()));
    assert_eq!(http["address"], format!("{UPSTREAM}:8080"), "where the workload aimed at");
}

#[test]
fn tls_is_terminated_with_our_leaf_where_the_name_is_permitted() {
    let jail = Jail::closed();
    let ca = jail.path("public/ca.pem").display().to_string();
    let through = jail.curl(&["--cacert", &ca, "https://registry.ml.internal:8080/v2/a"]);
    assert_eq!(String::from_utf8_lossy(&through.stdout), "world", "{through:?}");
    let stranger = ["--cacert", &ca, "--resolve", "closed.example:443:203.0.113.9"];
    let refused = jail.curl(&[&stranger[..], &["https://closed.example/v2/a"]].concat());
    assert!(!refused.status.success(), "{refused:?}");
    let (frames, _) = jail.world();
    assert!(frames.iter().all(|frame| !frame.contains(OUTSIDE)), "{frames:?}");
}

#[test]
fn what_no_rule_takes_is_refused_and_the_world_sees_nothing() {
    let jail = Jail::closed();
    let mut said = String::new();
    for url in [
        // Another host, another port, another path, an address, and in IPv6.
        "http://closed.example:8080/v2/a".to_owned(),
        "http://registry.ml.internal:4444/v2/a".to_owned(),
        "http://registry.ml.internal:8080/other".to_owned(),
        format!("http://{OUTSIDE}/v2/a"),
        format!("https://{OUTSIDE}/v2/a"),
        format!("http://[{OUTSIDE_V6}]/v2/a"),
        format!("https://[{OUTSIDE_V6}]/v2/a"),
    ] {
        let done =
            jail.curl(&["-k", "--resolve", &format!("closed.example:8080:{UPSTREAM}"), &url]);
        let body = String::from_utf8_lossy(&done.stdout);
        assert!(!body.contains("world"), "{url}: {done:?}");
        said.push_str(&body);
    }
    // An allowed name is no password for another address.
    let elsewhere = format!("registry.ml.internal:8080:{OUTSIDE}");
    let lie = jail.curl(&["--resolve", &elsewhere, "http://registry.ml.internal:8080/v2/a"]);
    said.push_str(&String::from_utf8_lossy(&lie.stdout));
    for code in ["host-not-listed", "path-not-allowed", "address-not-listed"] {
        assert!(said.contains(code), "{code}: {said}");
    }
    let (frames, heard) = jail.world();
    assert!(frames.iter().all(|frame| !frame.starts_with("tcp ")), "{frames:?}");
    assert!(heard.iter().all(|(server, _)| server == "udp 53"), "{heard:?}");
}
