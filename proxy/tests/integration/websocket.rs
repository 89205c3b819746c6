//! WebSockets: opened where a rule takes them, read message by message both ways, and closed with the
//! reason where they leak.

use serde_json::json;

use crate::harness::log::{Log, assert_intact, assert_record};
use crate::harness::sidecar::Sidecar;
use crate::harness::site::{Plan, Site};
use crate::harness::upstream::Upstream;
use crate::harness::wait::within;
use crate::harness::websocket::{
    BINARY, CLOSE, KEY, PING, PONG, Socket, SocketServer, TEXT, bare, handshake, told, upgrade,
};
use crate::harness::workload::Workload;
use crate::harness::{REGISTRY, SSN, is_planted_in};

pub(crate) const TALK: &str = "the patient's ssn is 536-22-8941";

/// What it is about, the frames that are sent, and how many of them may pass.
type Story = (&'static str, Vec<(u8, String)>, usize);

/// The stories' policy, with `server` as the registry and rules that take WebSockets.
pub(crate) async fn plan(site: &Site, server: &SocketServer) -> Plan {
    let upstream = Upstream::plaintext().await;
    let mut plan = site.plaintext_plan(&upstream);
    let rules = "egress:
  - {name: talks, to: [registry], methods: [GET], paths: [/talk/**], upgrades: [websocket], content: streamed, contentIn: streamed}
  - {name: deaf, to: [registry], methods: [GET], paths: [/deaf/**], upgrades: [websocket], content: streamed}
  - {name: veiled, to: [registry], methods: [GET], paths: [/veiled/**], upgrades: [websocket], content: masked}
";
    let (own, port) = (format!("[{}]", upstream.port), format!("[{}]", server.port));
    plan.policy = plan.policy.replace(&own, &port).replacen("egress:\n", rules, 1);
    plan
}

pub(crate) async fn open(sidecar: &Sidecar, path: &str) -> Socket<tokio::net::TcpStream> {
    let talk: Workload = sidecar.workload().await;
    Socket::open(talk, &handshake(path, "")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_is_asked_for_anew_and_carries_messages_both_ways() {
    let site = Site::new();
    let server = SocketServer::start(Vec::new()).await;
    let sidecar = site.start(&plan(&site, &server).await).await;
    let fields = "Sec-WebSocket-Protocol: other, jupyter\r\nOrigin: http://lab.example\r\n";
    let head = handshake("/talk/kernels?id=7", fields);
    let mut socket = Socket::open(sidecar.workload().await, &head).await;

    socket.echo("hello").await;
    socket.echo("").await;
    // A fragmented message, with a ping within it.
    socket.send(0x01, "one ").await;
    socket.send(PING, "alive").await;
    socket.send(0x00, "message ").await;
    socket.send(0x80, "only").await;
    assert_eq!(socket.hear().await.unwrap(), (PONG, b"alive".to_vec()));
    assert_eq!(socket.hear().await.unwrap(), (TEXT, b"one message only".to_vec()));
    let long = "words without meaning ".repeat(2000);
    for part in long.as_bytes().chunks(40_000) {
        socket.send(if part.len() == 40_000 { 0x01 } else { 0x80 }, part).await;
    }
    // Its echo would not fit into the test server's frames, so it ends here.
    let seen = server.seen();
    let head = seen[0].head.to_ascii_lowercase();
    assert!(head.starts_with("get /talk/kernels?id=7 http/1.1\n"), "{head}");
    assert!(head.contains("sec-websocket-protocol: other, jupyter\n") && head.contains("origin: "));
    assert!(!head.contains("extensions") && !seen[0].head.contains(KEY), "{head}");
    drop(socket);

    let mut socket = open(&sidecar, "/talk/b").await;
    socket.send(CLOSE, [&1000_u16.to_be_bytes()[..], b"done"].concat()).await;
    assert_eq!(socket.closed().await, (1000, "done".to_owned()));
    let records = sidecar.records(2).await;
    assert_record(
        &records[1],
        &json!({
            "kind": "http", "upgrade": "websocket", "outcome": "completed", "status": 101,
            "rule": "talks", "endpoint": "registry", "inspected": true, "inspect": "hold",
            "opened": true, "bytes_in": 4, "bytes_released": 4, "bytes_out": 4,
        }),
    );
    assert_eq!(told(&server.ended(1).await.frames[0]), (1000, "done".to_owned()));
    sidecar.finish().await;
}

/// A number in two messages, each as it stands or as it is written.
fn parted(first: &str, rest: &str) -> [Story; 6] {
    let begun = format!("the patient's ssn is {first}");
    let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    [
        ("split between two messages", vec![(TEXT, begun.clone()), (TEXT, rest.to_owned())], 1),
        (
            "split by a ping",
            vec![(TEXT, begun.clone()), (PING, "x".to_owned()), (TEXT, rest.to_owned())],
            2,
        ),
        (
            "split, with others between",
            vec![
                (TEXT, begun.clone()),
                (TEXT, "\n".to_owned()),
                (TEXT, "epoch 3 of 20\n".repeat(100)),
                (TEXT, rest.to_owned()),
            ],
            3,
        ),
        (
            "split over objects",
            vec![
                (TEXT, format!(r#"{{"seq": "1", "text": "{begun}"}}"#)),
                (TEXT, r#"{"seq": "2", "text": "go on"}"#.to_owned()),
                (TEXT, format!(r#"{{"seq": "3", "text": "{rest} admitted"}}"#)),
            ],
            2,
        ),
        ("split in hexadecimal", vec![(TEXT, hex(&begun)), (TEXT, hex(rest))], 1),
        (
            "one part in hexadecimal",
            vec![
                (TEXT, begun),
                (TEXT, "and".to_owned()),
                (BINARY, hex(&format!("{rest} admitted"))),
            ],
            2,
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leak_closes_both_ends_with_the_reason() {
    let (first, rest) = SSN.split_at(5);
    let whole: [Story; 4] = [
        ("in one message", vec![(TEXT, TALK.to_owned())], 0),
        ("in a binary one", vec![(BINARY, TALK.to_owned())], 0),
        (
            "in fragments",
            vec![(0x01, format!("the patient's ssn is {first}")), (0x80, rest.to_owned())],
            0,
        ),
        ("in the reason of a close", vec![(CLOSE, format!("\u{3}\u{7f}{TALK}"))], 0),
    ];
    let site = Site::new();
    let server = SocketServer::start(Vec::new()).await;
    let sidecar = site.start(&plan(&site, &server).await).await;
    for (turn, (story, frames, passed)) in whole.into_iter().chain(parted(first, rest)).enumerate()
    {
        let mut socket = open(&sidecar, "/deaf/a").await;
        for (at, (first, payload)) in frames.iter().enumerate() {
            let mut payload = payload.clone().into_bytes();
            if *first == CLOSE {
                payload[1] = 0xe8;
            }
            socket.send(*first, payload).await;
            // What may leave has come back before the next is sent.
            if at < passed {
                assert!(socket.hear().await.unwrap().0 != CLOSE, "{story}");
            }
        }
        assert_eq!(socket.closed().await, (1008, "finding".to_owned()), "{story}");

        let seen = server.ended(turn).await;
        assert_eq!(seen.frames.len(), passed + 1, "{story}: {:?}", seen.frames);
        assert_eq!(told(&seen.frames[passed]), (1008, "finding".to_owned()), "{story}");
        let record = sidecar.records(turn + 1).await.pop().unwrap();
        let messages = seen.frames[..passed].iter().filter(|frame| frame.0 != PING);
        let released: usize = messages.map(|frame| frame.1.len()).sum();
        assert_record(
            &record,
            &json!({
                "outcome": "cut", "reason": "finding", "rule": "deaf", "status": 101,
                "bytes_released": released,
            }),
        );
        assert_eq!(record["findings"][0]["identifier"], "ssn", "{story}: {record}");
    }
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_says_is_read_where_the_rule_asks() {
    let site = Site::new();
    let server = SocketServer::start(bare(TEXT, TALK)).await;
    let sidecar = site.start(&plan(&site, &server).await).await;

    let mut socket = open(&sidecar, "/talk/a").await;
    assert_eq!(socket.closed().await, (1008, "finding".to_owned()));
    assert_record(&sidecar.record().await, &json!({ "outcome": "cut", "reason": "finding" }));

    let mut socket = open(&sidecar, "/deaf/a").await;
    assert!(is_planted_in(&socket.hear().await.unwrap().1), "the other rule does not ask");
    drop(socket);
    let record = sidecar.records(2).await.pop().unwrap();
    assert_record(&record, &json!({ "outcome": "failed", "bytes_out": TALK.len() }));
    assert_eq!(told(&server.ended(1).await.frames[0]).0, 1001, "the other end went away");
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_redacts_masks_within_a_message() {
    let site = Site::new();
    let server = SocketServer::start(Vec::new()).await;
    let sidecar = site.start(&plan(&site, &server).await).await;
    let mut socket = open(&sidecar, "/veiled/a").await;
    for _ in 0..2 {
        socket.send(TEXT, "write to jane.roe@hospital-mail.org please").await;
        let heard = String::from_utf8(socket.hear().await.unwrap().1).unwrap();
        assert!(heard.starts_with("write to *") && heard.ends_with(" please"), "{heard}");
    }
    drop(socket);
    assert_record(&sidecar.record().await, &json!({ "rule": "veiled", "action": "redact" }));
    let frames = server.ended(0).await.frames;
    let heard: Vec<_> = frames.iter().map(|(_, heard)| String::from_utf8_lossy(heard)).collect();
    assert!(heard.len() >= 2 && !heard.concat().contains("jane"), "{heard:?}");
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_have_no_one_meaning_close_it() {
    let site = Site::new();
    let server = SocketServer::start(Vec::new()).await;
    let plan = plan(&site, &server).await.limit("websocketMessageMax: 64B");
    let sidecar = site.start(&plan).await;
    for (turn, (bytes, code, why)) in [
        (bare(TEXT, "bare"), 1002, "masked"),
        (vec![0xc1, 0x80, 0, 0, 0, 0], 1002, "reserved"),
        (vec![0x83, 0x80, 0, 0, 0, 0], 1002, "reserved"),
        (vec![0x80, 0x80, 0, 0, 0, 0], 1002, "fragments"),
        (vec![0x81, 0x81, 0, 0, 0, 0, 0xff], 1007, "UTF-8"),
        (vec![0x82, 0x80 | 65], 1009, "limits.websocketMessageMax"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut socket = open(&sidecar, "/talk/a").await;
        socket.echo("so far so good").await;
        socket.0.say(bytes).await;
        assert_eq!(socket.closed().await, (code, "malformed".to_owned()), "{why}");
        let seen = server.ended(turn).await;
        assert_eq!(seen.frames.len(), 2, "{why}");
        assert_eq!(told(&seen.frames[1]).0, 1001, "{why}");
        let record = sidecar.records(turn + 1).await.pop().unwrap();
        assert_record(&record, &json!({ "outcome": "malformed", "bytes_released": 14 }));
        assert!(record["error"].as_str().unwrap().contains(why), "{record}");
    }
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_that_no_rule_takes_reaches_nobody() {
    let site = Site::new();
    let server = SocketServer::start(Vec::new()).await;
    let sidecar = site.start(&plan(&site, &server).await).await;
    let mut workload = sidecar.workload().await;
    workload.ask(handshake("/v2/a", "")).await.assert_problem(403, "upgrade-not-allowed");
    assert!(workload.hear_end().await.is_empty(), "the connection is over");
    let mut workload = sidecar.workload().await;
    let leaks = handshake(&format!("/talk/{SSN}"), "");
    workload.ask(leaks).await.assert_problem(403, "finding");
    let mut workload = sidecar.workload().await;
    let old = handshake("/talk/a", "").replace("Version: 13", "Version: 8");
    workload.ask(old).await.assert_problem(400, "malformed");
    let records = sidecar.records(3).await;
    for (record, outcome) in records.iter().zip(["refused", "refused", "malformed"]) {
        assert_record(record, &json!({ "outcome": outcome, "opened": false }));
    }
    assert!(server.seen().is_empty(), "the server heard of it");
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_none_to_our_question_goes_no_further() {
    let site = Site::new();
    let server = SocketServer::start(Vec::new()).await;
    let sidecar = site.start(&plan(&site, &server).await).await;
    let forged = handshake("/talk/forged", "");
    sidecar.workload().await.ask(forged).await.assert_problem(502, "upstream-broken");
    let mut workload = sidecar.workload().await;
    let answer = workload.ask(handshake("/talk/closed", "")).await;
    assert_eq!((answer.status, answer.text().as_str()), (404, "nope\n"));
    assert!(workload.hear_end().await.is_empty(), "the connection is over");
    let records = sidecar.records(2).await;
    assert_record(&records[0], &json!({ "outcome": "failed", "status": 502 }));
    assert_record(
        &records[1],
        &json!({ "outcome": "completed", "status": 404, "upgrade": "websocket" }),
    );
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swap_of_the_policy_closes_what_it_takes_back() {
    let site = Site::new();
    let server = SocketServer::start(Vec::new()).await;
    let plan = plan(&site, &server).await;
    let sidecar = site.start(&plan).await;
    let (mut socket, mut other) =
        (open(&sidecar, "/talk/a").await, open(&sidecar, "/deaf/a").await);
    socket.echo("hello").await;
    let without = "paths: [/talk/**], content: streamed";
    let policy =
        plan.policy.replace("paths: [/talk/**], upgrades: [websocket], content: streamed", without);
    assert_ne!(policy, plan.policy);
    site.put("policy/stories.yaml", policy);
    sidecar.until_noted("policy-swapped", 1).await;

    assert_eq!(socket.closed().await, (1008, "policy-withdrawn".to_owned()));
    other.echo("not disturbed").await;
    let record = sidecar.record().await;
    assert_record(
        &record,
        &json!({ "outcome": "cut", "reason": "policy-withdrawn", "rule": "talks", "status": 101 }),
    );
    let why = record["reason_text"].as_str().unwrap();
    assert!(why.contains("upgrade-not-allowed"), "{why}");
    assert_eq!(told(&server.ended(0).await.frames[1]).0, 1008);
    drop(other);
    sidecar.records(2).await;
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn inside_of_connect_it_is_the_same() {
    let site = Site::new();
    let server = SocketServer::start(Vec::new()).await;
    let sidecar = site.start(&plan(&site, &server).await).await;
    let authority = format!("{REGISTRY}:{}", server.port);
    let session = sidecar.session(&authority, REGISTRY).await.unwrap();
    let fields = upgrade("");
    let head = format!("GET /talk/a HTTP/1.1\r\nHost: {authority}\r\n{fields}\r\n");
    let mut socket = Socket::open(session, &head).await;
    socket.echo("hello").await;
    socket.send(TEXT, TALK).await;
    assert_eq!(socket.closed().await, (1008, "finding".to_owned()));
    assert_eq!(server.ended(0).await.frames.len(), 2);
    let records = sidecar.records(2).await;
    let socket = records.iter().find(|record| record["kind"] == "http").unwrap();
    assert_record(socket, &json!({ "outcome": "cut", "reason": "finding", "bytes_released": 5 }));
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_and_the_drains_deadline_end_it() {
    let site = Site::new();
    let server = SocketServer::start(Vec::new()).await;
    let plan = plan(&site, &server).await.limit("tunnelIdle: 2s");
    let sidecar = site.start(&plan).await;
    let mut socket = open(&sidecar, "/talk/a").await;
    assert_eq!(socket.closed().await, (1001, "tunnel-timeout".to_owned()));
    let record = sidecar.record().await;
    assert_record(&record, &json!({ "outcome": "failed" }));
    assert!(record["error"].as_str().unwrap().contains("limits.tunnelIdle"), "{record}");
    sidecar.finish().await;

    let plan = self::plan(&site, &server).await.limit("drainDeadline: 300ms");
    std::fs::remove_dir_all(site.path("audit")).unwrap();
    let sidecar = site.start(&plan).await;
    let mut socket = open(&sidecar, "/talk/a").await;
    socket.echo("hello").await;
    let audit = sidecar.audit();
    let drain = tokio::spawn(sidecar.into_app().drain());
    assert_eq!(socket.closed().await, (1001, "drain-deadline".to_owned()));
    let (_, writer) = within("the drain", drain).await.unwrap();
    tokio::task::spawn_blocking(move || writer.stop()).await.unwrap().unwrap();
    assert_intact(&audit);
    assert_record(
        Log::read(&audit).closes()[0],
        &json!({ "outcome": "cut", "reason": "drain-deadline" }),
    );
}
