//! WebSockets that peers open: to the local application through the inbound listener, and over a gateway's
//! links.

use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::ServerName;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::harness::log::{Log, assert_intact, assert_record};
use crate::harness::peer::peer_request;
use crate::harness::pki::Svid;
use crate::harness::sidecar::Sidecar;
use crate::harness::site::{Plan, Site};
use crate::harness::upstream::Upstream;
use crate::harness::wait::within;
use crate::harness::websocket::{
    BINARY, CLOSE, DEFLATED_TEXT, KEY, OFFER, Socket, SocketServer, TEXT, bare, deflated,
    peer_handshake, told,
};
use crate::harness::wire::Conversation;
use crate::harness::workload::Session;
use crate::harness::{AGGREGATOR_ID, REGISTRY, SSN, is_planted_in};

type Peer = Socket<tokio_rustls::client::TlsStream<tokio::net::TcpStream>>;

const RULES: &str = "inbound:
  - {name: talks, from: [\"spiffe://hospital.example/ns/fl/sa/aggregator\"], methods: [GET], paths: [/talk/**], upgrades: [websocket], content: streamed, contentIn: streamed}
  - {name: deaf, from: [\"spiffe://hospital.example/ns/fl/sa/aggregator\"], methods: [GET], paths: [/deaf/**], upgrades: [websocket], content: streamed}
";

/// A site whose application speaks WebSocket.
struct Ward {
    site: Site,
    app: SocketServer,
    sidecar: Sidecar,
    aggregator: Svid,
}

impl Ward {
    async fn open(greeting: Vec<u8>, change: impl Fn(Plan) -> Plan) -> Ward {
        let (site, upstream) = (Site::new(), Upstream::plaintext().await);
        let app = SocketServer::start(greeting).await;
        let mut plan = change(site.plaintext_plan(&upstream));
        plan.forward = Some(app.port);
        plan.policy = plan.policy.replacen("inbound:\n", RULES, 1);
        let sidecar = site.start(&plan).await;
        let aggregator = site.pki.issue(AGGREGATOR_ID, &["aggregator.example"]);
        Ward { site, app, sidecar, aggregator }
    }

    async fn session(&self) -> Session {
        self.sidecar.peer(self.site.pki.client(Some(&self.aggregator))).await.unwrap()
    }

    async fn visit(&self, path: &str) -> Peer {
        Socket::open(self.session().await, &peer_handshake(path, "")).await
    }
}

fn leak() -> String {
    format!("the patient's ssn is {SSN}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_talks_with_the_application() {
    let ward = Ward::open(Vec::new(), |plan| plan).await;
    let fields = format!("{OFFER}X-Forwarded-Client-Cert: URI=spiffe://evil.example\r\n");
    let mut socket =
        Socket::open(ward.session().await, &peer_handshake("/talk/deflated?n=1", &fields)).await;
    socket.echo("hello").await;
    let words = "again and again and again and again";
    socket.send(DEFLATED_TEXT, deflated(words)).await;
    assert_eq!(socket.hear().await.unwrap().0, DEFLATED_TEXT);
    socket.send(CLOSE, [&1000_u16.to_be_bytes()[..], b"done"].concat()).await;
    assert_eq!(socket.closed().await, (1000, "done".to_owned()));

    let seen = ward.app.ended(0).await;
    let head = seen.head.to_ascii_lowercase();
    assert!(head.starts_with("get /talk/deflated?n=1 http/1.1\n"), "{head}");
    assert!(!seen.head.contains(KEY) && !head.contains("evil.example"), "{head}");
    assert!(head.contains(&format!("uri={AGGREGATOR_ID}\n")), "{head}");
    let bytes = 5 + words.len() + 4;
    assert_record(
        &ward.sidecar.record().await,
        &json!({
            "direction": "inbound", "kind": "http", "upgrade": "websocket", "status": 101,
            "outcome": "completed", "rule": "talks", "source": AGGREGATOR_ID, "opened": true,
            "inspected": true, "bytes_in": bytes, "bytes_out": bytes, "bytes_released": bytes,
        }),
    );
    let log = ward.sidecar.finish().await;
    assert_eq!((log.opens().len(), log.closes().len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leak_closes_both_ends_and_goes_no_further() {
    let ward = Ward::open(Vec::new(), |plan| plan).await;
    let (start, rest) = SSN.split_at(5);
    let begun = format!("the patient's ssn is {start}");
    for (turn, (frames, passed)) in [
        (vec![(TEXT, leak())], 0),
        (vec![(0x01, begun.clone()), (0x80, rest.to_owned())], 0),
        (vec![(TEXT, begun.clone()), (TEXT, rest.to_owned())], 1),
    ]
    .into_iter()
    .enumerate()
    {
        let mut socket = ward.visit("/talk/a").await;
        for (at, (first, payload)) in frames.iter().enumerate() {
            socket.send(*first, payload).await;
            if at < passed {
                assert!(socket.hear().await.unwrap().0 != CLOSE);
            }
        }
        assert_eq!(socket.closed().await, (1008, "finding".to_owned()));
        // Nothing of the message is in what `ended` has looked at.
        let seen = ward.app.ended(turn).await;
        assert_eq!(told(&seen.frames[passed]), (1008, "finding".to_owned()));
        let record = ward.sidecar.records(turn + 1).await.pop().unwrap();
        assert_record(&record, &json!({ "outcome": "cut", "reason": "finding", "rule": "talks" }));
        assert_eq!(record["findings"][0]["identifier"], "ssn", "{record}");
    }
    ward.sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_application_says_never_leaves_unread() {
    let ward = Ward::open(bare(TEXT, leak()), |plan| plan).await;
    for path in ["/talk/a", "/deaf/a"] {
        let mut socket = ward.visit(path).await;
        assert_eq!(socket.closed().await, (1008, "finding".to_owned()), "{path}");
    }
    for record in ward.sidecar.records(2).await {
        let expected = json!({ "reason": "finding", "bytes_released": 0, "bytes_out": 0 });
        assert_record(&record, &expected);
    }
    ward.sidecar.finish().await;

    // `contentIn` alone asks to read what comes in.
    let ward = Ward::open(Vec::new(), |plan| plan).await;
    let mut socket = ward.visit("/deaf/a").await;
    socket.send(TEXT, leak()).await;
    assert_eq!(socket.closed().await, (1008, "finding".to_owned()), "the echo is read");
    let heard = ward.app.seen().remove(0).frames.remove(0).1;
    assert!(is_planted_in(&heard), "the rule does not ask for what comes in");
    ward.sidecar.records(1).await;
    ward.sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_rule_for_it_nobody_opens_one() {
    let ward = Ward::open(Vec::new(), |plan| plan).await;
    let asked = ward.session().await.ask(peer_handshake("/updates/a", "")).await;
    asked.assert_problem(403, "upgrade-not-allowed");
    let connect =
        "CONNECT updates.train.internal:443 HTTP/1.1\r\nHost: updates.train.internal:443\r\n\r\n";
    ward.session().await.ask(connect).await.assert_problem(400, "malformed");
    let other = peer_handshake("/talk/a", "").replace("websocket", "h2c");
    ward.session().await.ask(other).await.assert_problem(400, "malformed");
    let forged = ward.session().await.ask(peer_handshake("/talk/forged", "")).await;
    forged.assert_problem(502, "upstream-broken");
    let answer = ward.session().await.ask(peer_handshake("/talk/closed", "")).await;
    assert_eq!((answer.status, answer.text().as_str()), (404, "nope\n"));
    let records = ward.sidecar.records(5).await;
    for (record, outcome) in
        records.iter().zip(["refused", "malformed", "malformed", "failed", "completed"])
    {
        assert_record(record, &json!({ "direction": "inbound", "outcome": outcome }));
    }
    assert_eq!(ward.app.seen().len(), 2, "the application heard of what was refused");
    ward.sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_keeps_its_places_as_long_as_it_lives() {
    let ward = Ward::open(Vec::new(), |plan| plan.limit("exchangesMax: 1")).await;
    let mut socket = ward.visit("/talk/a").await;
    socket.echo("hello").await;
    let mut second = ward.session().await;
    let busy = second.ask(peer_request("GET", "/updates/a", "", "")).await;
    busy.assert_problem(503, "exchanges-max");
    drop(socket);
    ward.sidecar.records(2).await;
    ward.visit("/talk/b").await.echo("there is room again").await;
    ward.sidecar.records(3).await;
    ward.sidecar.finish().await;

    let ward = Ward::open(Vec::new(), |plan| plan.limit("connectionsMax: 1")).await;
    let mut socket = ward.visit("/talk/a").await;
    socket.echo("hello").await;
    let full = ward.sidecar.peer(ward.site.pki.client(Some(&ward.aggregator))).await;
    assert!(full.is_err(), "one connection too many was let in");
    socket.echo("not disturbed").await;
    drop(socket);
    let records = ward.sidecar.records(2).await;
    assert!(records[1]["error"].as_str().unwrap().contains("connections-max"), "{records:?}");
    ward.sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_with_the_peers_certificate_and_with_the_drain() {
    let ward = Ward::open(Vec::new(), |plan| plan.limit("drainDeadline: 300ms")).await;
    let now = proxy::clock::now();
    let soon = (now, Duration::from_secs(8));
    let short = ward.site.pki.issue_at(AGGREGATOR_ID, &["aggregator.example"], soon);
    let session = ward.sidecar.peer(ward.site.pki.client(Some(&short))).await.unwrap();
    let mut expiring = Socket::open(session, &peer_handshake("/talk/a", "")).await;
    let mut lasting = ward.visit("/talk/b").await;
    expiring.echo("hello").await;
    assert_eq!(expiring.closed().await, (1008, "peer-expired".to_owned()));
    let record = ward.sidecar.record().await;
    assert_record(&record, &json!({ "outcome": "cut", "reason": "peer-expired" }));
    lasting.echo("not disturbed").await;

    let audit = ward.sidecar.audit();
    let drain = tokio::spawn(ward.sidecar.into_app().drain());
    assert_eq!(lasting.closed().await, (1001, "drain-deadline".to_owned()));
    let (_, writer) = within("the drain", drain).await.unwrap();
    tokio::task::spawn_blocking(move || writer.stop()).await.unwrap().unwrap();
    assert_intact(&audit);
    let log = Log::read(&audit);
    assert_record(log.closes()[1], &json!({ "outcome": "cut", "reason": "drain-deadline" }));
}

/// A gateway whose link leads to a server of WebSockets, and a peer of it.
struct Hub {
    site: Site,
    server: SocketServer,
    gateway: Sidecar,
    peer: Svid,
}

impl Hub {
    async fn open(budgets: &str) -> Hub {
        let (site, upstream) = (Site::new(), Upstream::plaintext().await);
        let server = SocketServer::start(Vec::new()).await;
        let mut plan = site.plaintext_plan(&upstream);
        let (own, port) = (format!("[{}]", upstream.port), server.port);
        plan.policy = plan.policy.replace(&own, &format!("[{port}]"));
        let rules = "egress:
  - {name: frames, to: [registry], methods: [GET], paths: [/f3], upgrades: [websocket], content: streamed, contentIn: streamed}
";
        plan.policy = plan.policy.replacen("egress:\n", rules, 1);
        let link = format!(
            "{{name: hub, listen: \"127.0.0.1:0\", downstream: {{tls: mutual, from: \
             [\"{AGGREGATOR_ID}\"]}}, to: {{host: {REGISTRY}, port: {port}}}, budgets: {{{budgets}}}}}"
        );
        let gateway = site.start(&plan.link(&link)).await;
        let peer = site.pki.issue(AGGREGATOR_ID, &["site-a.example"]);
        Hub { site, server, gateway, peer }
    }

    async fn session(&self) -> Session {
        let stream = TcpStream::connect(self.gateway.link("hub")).await.unwrap();
        let name = ServerName::try_from("job.train.internal").unwrap();
        let config = Arc::clone(&self.site.pki.client(Some(&self.peer)));
        let connecting = TlsConnector::from(config).connect(name, stream);
        Conversation::new(within("a peer's handshake", connecting).await.unwrap())
    }

    async fn visit(&self, fields: &str) -> Peer {
        Socket::open(self.session().await, &peer_handshake("/f3", fields)).await
    }
}

/// A frame of NVIDIA FLARE: one of this kind, or a message with this topic and these metrics.
fn flare(kind: u8, topic: &str, metrics: &str) -> Vec<u8> {
    let text =
        |text: &str| [&[0xd9, u8::try_from(text.len()).unwrap()][..], text.as_bytes()].concat();
    let short =
        |text: &str| [&[0xa0 | u8::try_from(text.len()).unwrap()][..], text.as_bytes()].concat();
    let (headers, payload) = if kind == 1 {
        let headers = [
            vec![0x83],
            [short("cn__topic"), short(topic)].concat(),
            [short("cn__channel"), short("task")].concat(),
            [short("cn__origin"), short("site-1")].concat(),
        ];
        let object = [vec![0x81], short("metrics"), text(metrics)].concat();
        let length = u64::try_from(object.len()).unwrap().to_be_bytes();
        (headers.concat(), [&[100, 0][..], &length, &object].concat())
    } else {
        (Vec::new(), [vec![0x81], short("endpoint_name"), short("site-1")].concat())
    };
    let length = u32::try_from(16 + headers.len() + payload.len()).unwrap();
    let mut frame = length.to_be_bytes().to_vec();
    frame.extend(u16::try_from(headers.len()).unwrap().to_be_bytes());
    frame.extend([kind, 0, 0, 0, 0, 1, 0, 20, 0, 5]);
    [frame, headers, payload].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_of_flare_cross_a_link_by_name_and_are_read() {
    let hub = Hub::open("").await;
    let mut socket = hub.visit("").await;
    for frame in [flare(4, "", ""), flare(1, "heart_beat", "fine"), flare(1, "heart_beat", "well")]
    {
        socket.send(BINARY, &frame).await;
        assert_eq!(socket.hear().await.unwrap(), (BINARY, frame));
    }
    socket.send(BINARY, flare(1, "submit_update", &leak())).await;
    assert_eq!(socket.closed().await, (1008, "finding".to_owned()));
    assert_eq!(hub.server.ended(0).await.frames.len(), 4, "the update came to the server");

    let record = hub.gateway.record().await;
    assert_record(
        &record,
        &json!({
            "link": "hub", "source": AGGREGATOR_ID, "upgrade": "websocket", "rule": "frames",
            "outcome": "cut", "reason": "finding",
            // Both ways: what is sent comes back here, but for what was refused.
            "messages": [
                {"name": "nvflare.hello", "node": "site-1", "count": 2},
                {"name": "nvflare.task.heart_beat", "node": "site-1", "count": 4},
                {"name": "nvflare.task.submit_update", "node": "site-1", "count": 1},
            ],
        }),
    );
    assert_eq!(record["findings"][0]["member"], Value::from("flare"), "{record}");
    assert_eq!(record["coverage"]["unidentified"], 0, "{record}");
    hub.gateway.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_peer_names_things_stands_in_no_record() {
    let hub = Hub::open("").await;
    let mut socket = hub.visit("").await;
    socket.send(BINARY, flare(1, "mr-harker-of-exeter", "fine")).await;
    socket.hear().await.unwrap();
    drop(socket);
    let log = "mr-harker-of-exeter /v2/a HTTP/1.1\r\nHost: mrn-4481723.example\r\n\r\n";
    assert_eq!(hub.session().await.ask(log).await.status, 403);
    let rpc = "POST /v1/fleet/mr-harker-of-exeter HTTP/1.1\r\nHost: harker, jonathan\r\n\
               Content-Type: application/protobuf\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(hub.session().await.ask(rpc).await.status, 451);

    let records = hub.gateway.records(3).await;
    let of = |field: &str| -> Vec<Value> {
        records
            .iter()
            .map(|record| record[field].clone())
            .filter(|value| !value.is_null())
            .collect()
    };
    assert_eq!(of("messages")[0][0]["name"], "nvflare.task.other");
    assert!(of("method").contains(&"(unregistered, 19 bytes)".into()), "{:?}", of("method"));
    assert!(of("asked_host").contains(&"*.example".into()), "{:?}", of("asked_host"));
    for field in ["messages", "method", "asked_host", "rpc", "error"] {
        let said = format!("{:?}", of(field));
        assert!(!said.contains("harker") && !said.contains("4481723"), "{said}");
    }
    hub.gateway.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_links_budgets_hold_for_a_socket_too() {
    let hub = Hub::open("messageBytesMax: 1KiB, exchangesMax: 1").await;
    let mut socket = hub.visit(OFFER).await;
    socket.echo("hello").await;
    // Its place is taken as long as it lives.
    let busy = hub.session().await.ask(peer_handshake("/f3", "")).await;
    busy.assert_problem(429, "link-exchanges-max");
    // A message is as long as what it says, however it is packed.
    socket.send(DEFLATED_TEXT, deflated("so it goes on ".repeat(100))).await;
    assert_eq!(socket.closed().await, (1008, "link-message-bytes-max".to_owned()));
    drop(socket);
    let mut socket = within("room for another", async {
        loop {
            let mut session = hub.session().await;
            session.say(peer_handshake("/f3", "")).await;
            if session.hear_head().await.unwrap().status == 101 {
                return Socket(session);
            }
        }
    })
    .await;
    for part in [0x01, 0x00] {
        socket.send(part, "x".repeat(600)).await;
    }
    assert_eq!(socket.closed().await, (1008, "link-message-bytes-max".to_owned()));
    assert_eq!(hub.server.ended(1).await.frames.len(), 1);
    let log = hub.gateway.finish().await;
    let closes = log.closes();
    let is_over = |record: &&&Value| record["reason"] == "link-message-bytes-max";
    let over: Vec<_> = closes.iter().filter(is_over).collect();
    assert_eq!(over.len(), 2, "{closes:#?}");
    for record in over {
        assert_record(record, &json!({ "outcome": "cut", "link": "hub", "upgrade": "websocket" }));
    }
}
