//! Raw tunnels: what is no HTTP goes out by a rule of its own, is read as it passes, and is cut where
//! it leaks.

use serde_json::json;
use tokio_rustls::TlsConnector;

use crate::harness::log::assert_record;
use crate::harness::site::{Plan, Site};
use crate::harness::tcp::{TcpEnd, TcpServer, socks_address, socks_name};
use crate::harness::upstream::Upstream;
use crate::harness::wait::until;
use crate::harness::wire::Conversation;
use crate::harness::{SSN, is_planted_in};

const GREETING: &str = "220 mail.ml.internal ready\r\n";
const KINDS: [&str; 3] = ["connect", "socks5", "socks5"];

/// The stories' policy, and rules for raw tunnels before its own.
pub(crate) fn tunnel_plan(site: &Site, registry: &Upstream, server: &TcpServer) -> Plan {
    let port = server.port;
    let mut plan = site.plan(registry);
    let endpoints = format!(
        "endpoints:
  - {{name: mail, hosts: [mail.ml.internal], addresses: [127.0.0.1/32], ports: [{port}], tls: {{mode: plaintext, because: a story}}}}
  - {{name: vault, hosts: [vault.ml.internal, v2.ml.internal], addresses: [127.0.0.1/32], ports: [{port}], tls: {{mode: plaintext, because: a story}}}}
  - {{name: dead, hosts: [dead.ml.internal], addresses: [127.0.0.1/32], ports: [1], tls: {{mode: plaintext, because: a story}}}}
"
    );
    let rules = "egress:
  - {name: mails, to: [mail], protocol: tcp, content: raw, contentIn: raw}
  - {name: secrets, to: [vault], protocol: tcp, content: {exempt: true, because: a story}}
  - {name: nobody, to: [dead], protocol: tcp, content: raw}
";
    plan.policy = plan
        .policy
        .replacen("endpoints:\n", &endpoints, 1)
        .replacen("egress:\n", rules, 1)
        .replacen(
            "content:\n  - name:",
            "content:\n  - {name: raw, inspect: stream}\n  - name:",
            1,
        );
    ["mail", "vault", "v2", "dead"]
        .iter()
        .fold(plan, |plan, name| plan.host(&format!("{name}.ml.internal: [\"127.0.0.1\"]")))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_speaks_first_is_heard_at_once_and_half_closes_are_kept() {
    let site = Site::new();
    let (registry, server) = (site.registry().await, TcpServer::start(GREETING).await);
    // A detection that waited for the client would wait for ever.
    let plan = tunnel_plan(&site, &registry, &server).limit("detectTimeout: 1h");
    let sidecar = site.start(&plan).await;
    let authority = format!("mail.ml.internal:{}", server.port);

    let tunnel = sidecar.tunnel(&authority).await;
    let by_name = socks_name("mail.ml.internal", server.port);
    let by_address = socks_address([127, 0, 0, 1], server.port);
    let talks = [
        Conversation::new(tunnel),
        sidecar.socks_to(&by_name).await,
        sidecar.socks_to(&by_address).await,
    ];
    for (turn, (kind, mut talk)) in KINDS.into_iter().zip(talks).enumerate() {
        assert_eq!(talk.hear_line().await.unwrap(), GREETING.trim_end());
        talk.say("EHLO trainer\r\n").await;
        assert_eq!(talk.hear_line().await.unwrap(), "EHLO trainer", "short lines do not stall");
        talk.close_writing().await;
        assert_eq!(talk.hear_end().await, b"bye\r\n", "the other half stayed open");
        assert_record(
            &sidecar.records(turn + 1).await[turn],
            &json!({
                "kind": kind,
                "outcome": "completed",
                "rule": "mails",
                "endpoint": "mail",
                "target": format!("tcp://mail.ml.internal:{}", server.port),
                "address": format!("127.0.0.1:{}", server.port),
                "inspected": true,
                "inspect": "stream",
                "bytes_released": 14,
                "bytes_out": 28 + 14 + 5,
                "opened": true,
            }),
        );
    }
    let seen = server.seen();
    assert!(seen.iter().all(|seen| seen.bytes == b"EHLO trainer\r\n"));
    assert!(seen.iter().all(|seen| seen.end == Some(TcpEnd::Clean)));
    registry.assert_untouched();
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leak_cuts_the_tunnel_with_a_reset() {
    let site = Site::new();
    let (registry, server) = (site.registry().await, TcpServer::start(GREETING).await);
    let sidecar = site.start(&tunnel_plan(&site, &registry, &server)).await;

    let mut talk = sidecar.socks_to(&socks_name("mail.ml.internal", server.port)).await;
    talk.hear_line().await.unwrap();
    talk.say("MAIL FROM trainer\r\n").await;
    talk.hear_line().await.unwrap();
    // In two parts, with a pause that lets the first one leave, but for the number that was begun.
    talk.say(format!("the patient's ssn is {}", &SSN[..5])).await;
    until("what was before the number", || (server.seen()[0].bytes.len() >= 19 + 21).then_some(()))
        .await;
    talk.say(format!("{}\r\n", &SSN[5..])).await;
    talk.hear_end().await;

    let (bytes, end) = server.ended().await;
    assert_eq!(end, TcpEnd::Reset, "the server cannot take it for the whole");
    assert!(bytes.ends_with(b"the patient's ssn is "), "digits of it had left");
    assert_record(
        &sidecar.record().await,
        &json!({
            "outcome": "cut",
            "reason": "finding",
            "rule": "mails",
            "bytes_released": bytes.len(),
        }),
    );
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_is_begun_and_not_ended_cuts_the_tunnel() {
    let site = Site::new();
    let (registry, server) = (site.registry().await, TcpServer::start(GREETING).await);
    let plan = tunnel_plan(&site, &registry, &server).limit("tunnelHold: 1s");
    let sidecar = site.start(&plan).await;
    let mut talk = sidecar.socks_to(&socks_name("mail.ml.internal", server.port)).await;
    talk.hear_line().await.unwrap();
    talk.say(format!("the patient's ssn is {}", &SSN[..9])).await;
    talk.hear_end().await;

    let (bytes, end) = server.ended().await;
    assert_eq!((bytes.as_slice(), end), (&b"the patient's ssn is "[..], TcpEnd::Reset));
    assert_record(&sidecar.record().await, &json!({"outcome": "cut", "reason": "under-way"}));
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_back_is_read_where_the_rule_asks() {
    let site = Site::new();
    let (registry, server) =
        (site.registry().await, TcpServer::start("the patient's ssn is 536-22-8941\r\n").await);
    let sidecar = site.start(&tunnel_plan(&site, &registry, &server)).await;

    let mut talk = sidecar.socks_to(&socks_name("mail.ml.internal", server.port)).await;
    assert!(!is_planted_in(&talk.hear_end().await));
    assert_record(
        &sidecar.record().await,
        &json!({ "outcome": "refused", "reason": "finding", "bytes_released": 0 }),
    );
    server.assert_heard_nothing();
    // The other rule does not ask.
    let mut talk = sidecar.socks_to(&socks_name("vault.ml.internal", server.port)).await;
    assert!(is_planted_in(talk.hear_line().await.unwrap().as_bytes()));
    drop(talk);
    let record = sidecar.records(2).await.pop().unwrap();
    assert_record(&record, &json!({ "inspected": false, "rule": "secrets" }));
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_inside_a_tunnel_is_for_the_name_that_was_asked_or_goes_nowhere() {
    let site = Site::new();
    let (registry, server) = (site.registry().await, TcpServer::start("").await);
    let sidecar = site.start(&tunnel_plan(&site, &registry, &server)).await;
    let port = server.port;

    for (turn, (host, name, reason)) in [
        // It cannot be read, and the profile does not let it through.
        ("mail.ml.internal", "mail.ml.internal", "unidentified"),
        ("mail.ml.internal", "evil.example", "sni-mismatch"),
        // The exemption is for this name alone.
        ("vault.ml.internal", "evil.example", "sni-mismatch"),
        ("vault.ml.internal", "v2.ml.internal", "sni-mismatch"),
        ("vault.ml.internal", "127.0.0.1", "sni-missing"),
    ]
    .into_iter()
    .enumerate()
    {
        let stream = sidecar.tunnel(&format!("{host}:{port}")).await;
        let connector = TlsConnector::from(site.pki.client(None));
        assert!(connector.connect(name.try_into().unwrap(), stream).await.is_err());
        let record = sidecar.records(turn + 1).await.pop().unwrap();
        assert_record(
            &record,
            &json!({ "outcome": "refused", "reason": reason, "bytes_released": 0 }),
        );
        let text = record["reason_text"].as_str().unwrap();
        assert!(reason == "unidentified" || text.contains("CONNECT authority"), "{text}");
    }
    server.assert_heard_nothing();

    let before = server.seen().len();
    let stream = sidecar.tunnel(&format!("vault.ml.internal:{port}")).await;
    let connector = TlsConnector::from(site.pki.client(None));
    // The echo of its own hello is no handshake.
    assert!(connector.connect("vault.ml.internal".try_into().unwrap(), stream).await.is_err());
    let record = sidecar.records(6).await.pop().unwrap();
    assert_record(&record, &json!({ "inspected": false, "rule": "secrets" }));
    assert_eq!(server.seen()[before].bytes[..3], [0x16, 3, 1], "the hello went through");
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_tunnel_ends_by_its_limit() {
    let site = Site::new();
    let (registry, server) = (site.registry().await, TcpServer::start(GREETING).await);
    let plan = tunnel_plan(&site, &registry, &server).limit("tunnelIdle: 2s");
    let sidecar = site.start(&plan).await;
    let mut talk = sidecar.socks_to(&socks_name("mail.ml.internal", server.port)).await;
    talk.hear_line().await.unwrap();
    assert!(talk.hear_end().await.is_empty());
    let record = sidecar.record().await;
    assert_record(&record, &json!({ "outcome": "failed", "rule": "mails" }));
    assert!(record["error"].as_str().unwrap().contains("limits.tunnelIdle"), "{record}");
    assert_eq!(server.ended().await.1, TcpEnd::Reset);
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tunnel_that_cannot_be_opened_says_so_to_whoever_asked() {
    let site = Site::new();
    let (registry, server) = (site.registry().await, TcpServer::start("").await);
    let sidecar = site.start(&tunnel_plan(&site, &registry, &server)).await;
    let head = "CONNECT dead.ml.internal:1 HTTP/1.1\r\nHost: dead.ml.internal:1\r\n\r\n";
    sidecar.workload().await.ask(head).await.assert_problem(502, "upstream-unreachable");
    assert_record(
        &sidecar.record().await,
        &json!({ "kind": "connect", "outcome": "failed", "status": 502, "rule": "nobody" }),
    );
    sidecar.finish().await;
}
