//! WebSockets whose messages are compressed (permessage-deflate): read as what they say, and forwarded as
//! each end takes them.

use serde_json::json;

use crate::harness::log::assert_record;
use crate::harness::sidecar::Sidecar;
use crate::harness::site::{Plan, Site};
use crate::harness::upstream::Upstream;
use crate::harness::websocket::{
    AGREED, BINARY, DEFLATED_BINARY, DEFLATED_TEXT, Frame, OFFER, PING, Socket, SocketServer, TEXT,
    bare, deflated, handshake, inflated, told,
};
use crate::harness::{SSN, is_planted_in};

type Client = Socket<tokio::net::TcpStream>;

fn plan(site: &Site, upstream: &Upstream, server: &SocketServer) -> Plan {
    let mut plan = site.plaintext_plan(upstream);
    let rules = "egress:
  - {name: talks, to: [registry], methods: [GET], paths: [/talk/**], upgrades: [websocket], content: streamed, contentIn: streamed}
  - {name: veiled, to: [registry], methods: [GET], paths: [/veiled/**], upgrades: [websocket], content: masked}
";
    let (own, port) = (format!("[{}]", upstream.port), format!("[{}]", server.port));
    plan.policy = plan.policy.replace(&own, &port).replacen("egress:\n", rules, 1);
    plan
}

async fn start(server: &SocketServer, limit: &str) -> (Site, Sidecar) {
    let (site, upstream) = (Site::new(), Upstream::plaintext().await);
    let mut plan = plan(&site, &upstream, server);
    if !limit.is_empty() {
        plan = plan.limit(limit);
    }
    let sidecar = site.start(&plan).await;
    (site, sidecar)
}

async fn open(sidecar: &Sidecar, path: &str) -> Client {
    Socket::open(sidecar.workload().await, &handshake(path, OFFER)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_go_on_as_each_end_takes_them() {
    let server = SocketServer::start(Vec::new()).await;
    let (_site, sidecar) = start(&server, "").await;
    let text = "the same words over and over, ".repeat(400);
    let mut socket = open(&sidecar, "/talk/deflated").await;
    // Twice: the second does not lean on the first.
    for _ in 0..2 {
        socket.send(DEFLATED_TEXT, deflated(&text)).await;
        let (first, payload) = socket.hear().await.unwrap();
        assert_eq!((first, inflated(&payload)), (DEFLATED_TEXT, text.clone().into_bytes()));
        assert!(payload.len() < 300, "{} bytes for {}", payload.len(), text.len());
    }
    // In fragments, the first of which says so; and one that is not compressed.
    let bytes = deflated(&text);
    let (start, end) = bytes.split_at(9);
    socket.send(0x42, start).await;
    socket.send(PING, "x").await;
    socket.send(0x80, end).await;
    assert_eq!(socket.hear().await.unwrap().1, b"x");
    let (first, payload) = socket.hear().await.unwrap();
    assert_eq!((first, inflated(&payload)), (DEFLATED_BINARY, text.clone().into_bytes()));
    socket.echo("plain stays plain").await;
    // What compression would make longer is not compressed.
    socket.send(DEFLATED_TEXT, deflated("ab")).await;
    assert_eq!(socket.hear().await.unwrap(), (TEXT, b"ab".to_vec()));
    drop(socket);

    // This server agrees to nothing; the client does not notice.
    let mut socket = open(&sidecar, "/talk/simple").await;
    socket.send(DEFLATED_BINARY, deflated(b"hello hello hello")).await;
    assert_eq!(socket.hear().await.unwrap(), (BINARY, b"hello hello hello".to_vec()));
    drop(socket);

    let records = sidecar.records(2).await;
    let long = text.len() as u64;
    assert_record(
        &records[0],
        &json!({ "upgrade": "websocket", "bytes_in": 3 * long + 1 + 17 + 2 }),
    );
    let seen = server.ended(0).await;
    let head = seen.head.to_ascii_lowercase();
    assert!(head.contains(&format!("sec-websocket-extensions: {AGREED}\n")), "{head}");
    let firsts: Vec<_> = seen.frames.iter().map(|frame| frame.0).take(6).collect();
    let [compressed, binary] = [DEFLATED_TEXT, DEFLATED_BINARY];
    assert_eq!(firsts, [compressed, compressed, PING, binary, TEXT, TEXT]);
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_compressed_message_says_is_read() {
    let (first, rest) = SSN.split_at(5);
    let leak = format!("the patient's ssn is {SSN}");
    let bytes = deflated(&leak);
    assert!(!is_planted_in(&bytes), "it stands there for all to see");
    let (begun, end) = bytes.split_at(bytes.len() / 2);
    let stories: [(&str, Vec<Frame>, usize); 4] = [
        ("in one message", vec![(DEFLATED_TEXT, bytes.clone())], 0),
        ("in a binary one", vec![(DEFLATED_BINARY, bytes.clone())], 0),
        ("in fragments", vec![(0x41, begun.to_vec()), (0x80, end.to_vec())], 0),
        (
            "split between two messages",
            vec![
                (DEFLATED_TEXT, deflated(format!("the patient's ssn is {first}"))),
                (DEFLATED_TEXT, deflated(rest)),
            ],
            1,
        ),
    ];
    let server = SocketServer::start(Vec::new()).await;
    let (_site, sidecar) = start(&server, "").await;
    for (turn, (story, frames, passed)) in stories.into_iter().enumerate() {
        let mut socket = open(&sidecar, "/talk/deflated").await;
        for (at, (first, payload)) in frames.iter().enumerate() {
            socket.send(*first, payload).await;
            if at < passed {
                assert!(socket.hear().await.is_some(), "{story}");
            }
        }
        assert_eq!(socket.closed().await, (1008, "finding".to_owned()), "{story}");
        let seen = server.ended(turn).await;
        assert_eq!(seen.frames.len(), passed + 1, "{story}: {:?}", seen.frames);
        assert_eq!(told(&seen.frames[passed]), (1008, "finding".to_owned()), "{story}");
        let record = sidecar.records(turn + 1).await.pop().unwrap();
        assert_record(&record, &json!({ "outcome": "cut", "reason": "finding", "rule": "talks" }));
        assert_eq!(record["findings"][0]["identifier"], "ssn", "{story}: {record}");
    }
    // Masked within, and compressed anew.
    let mut socket = open(&sidecar, "/veiled/deflated").await;
    let words = "write to jane.roe@hospital-mail.org please, ".repeat(9);
    socket.send(DEFLATED_TEXT, deflated(&words)).await;
    let (first, payload) = socket.hear().await.unwrap();
    let heard = String::from_utf8(inflated(&payload)).unwrap();
    assert!(first == DEFLATED_TEXT && !heard.contains("jane"), "{heard}");
    drop(socket);
    sidecar.records(5).await;
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_leaks_in_compression_is_refused_too() {
    let greeting = bare(DEFLATED_TEXT, deflated(format!("the patient's ssn is {SSN}")));
    let server = SocketServer::start(greeting).await;
    let (_site, sidecar) = start(&server, "").await;
    let mut socket = open(&sidecar, "/talk/deflated").await;
    assert_eq!(socket.closed().await, (1008, "finding".to_owned()));
    assert_record(&sidecar.record().await, &json!({ "outcome": "cut", "reason": "finding" }));
    sidecar.finish().await;

    // Nobody agreed with this one that it may.
    let (_site, sidecar) = start(&server, "").await;
    let mut socket = open(&sidecar, "/talk/simple").await;
    assert_eq!(socket.closed().await.0, 1001);
    let record = sidecar.record().await;
    assert!(record["error"].as_str().unwrap().contains("reserved"), "{record}");
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bombs_and_broken_streams_are_refused_by_name() {
    let server = SocketServer::start(Vec::new()).await;
    let (_site, sidecar) = start(&server, "websocketMessageMax: 3MiB").await;
    let zeros = |bytes: usize| deflated(vec![0; bytes]);
    for (turn, (payload, code, why)) in [
        (zeros(2 << 20), 1009, "limits.websocketRatioMax"),
        (zeros(32 << 20), 1009, "limits.websocketRatioMax"),
        // Dense enough for the ratio, and too long.
        (deflated(noise(3 << 20)), 1009, "limits.websocketMessageMax"),
        (vec![0x07], 1007, "DEFLATE"),
        // It leans on a message before it.
        (vec![0xf2, 0x00, 0x11, 0x00, 0x00], 1007, "DEFLATE"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut socket = open(&sidecar, "/talk/deflated").await;
        socket.send(DEFLATED_BINARY, &payload).await;
        assert_eq!(socket.closed().await, (code, "malformed".to_owned()), "{why}");
        assert_eq!(server.ended(turn).await.frames.len(), 1, "{why}: it reached the server");
        let record = sidecar.records(turn + 1).await.pop().unwrap();
        assert_record(&record, &json!({ "outcome": "malformed", "bytes_released": 0 }));
        assert!(record["error"].as_str().unwrap().contains(why), "{record}");
    }
    let mut socket = open(&sidecar, "/talk/deflated").await;
    socket.send(DEFLATED_TEXT, deflated([0xff])).await;
    assert_eq!(socket.closed().await.0, 1007, "no UTF-8 once it is inflated");
    sidecar.records(6).await;
    sidecar.finish().await;
}

/// Bytes that compress to about two thirds, a little more of them than `bytes`.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 1u32;
    let byte = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        b'a' + u8::try_from(state >> 27).unwrap() % 26
    };
    std::iter::repeat_with(byte).take(bytes + 1000).collect()
}
