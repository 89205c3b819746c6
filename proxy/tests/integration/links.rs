//! A gateway's links: who may come in, where it goes, what is read, and what a link lets through.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls_pki_types::ServerName;
use serde_json::json;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::harness::body::prose;
use crate::harness::http2::{Http2, grpc, message, text_message};
use crate::harness::log::{assert_record, only};
use crate::harness::peer::peer_request;
use crate::harness::pki::{Pki, Svid, fingerprint, offering, with_http2};
use crate::harness::sidecar::Sidecar;
use crate::harness::site::{Plan, Site};
use crate::harness::upstream::{End, Gate, Reply, Upstream};
use crate::harness::wait::within;
use crate::harness::wire::Conversation;
use crate::harness::workload::{Session, request};
use crate::harness::{AGGREGATOR_ID, JOB_ID, REGISTRY, SSN};

const OTHER_ID: &str = "spiffe://hospital.example/ns/train/sa/other";
const FROM: &str = "downstream: {tls: mutual, from: [\"spiffe://hospital.example/ns/fl/sa/*\"]}";

/// A gateway in front of the registry.
struct Hub {
    site: Site,
    registry: Upstream,
    gateway: Sidecar,
}

impl Hub {
    /// `links` from a registry's port.
    async fn open(links: impl Fn(u16) -> Vec<String>) -> Hub {
        Hub::with(links, |plan| plan).await
    }

    async fn with(links: impl Fn(u16) -> Vec<String>, change: impl Fn(Plan) -> Plan) -> Hub {
        let site = Site::new();
        let registry = site.registry().await;
        let mut plan = change(site.plan(&registry));
        for link in links(registry.port) {
            plan = plan.link(&link);
        }
        let gateway = site.start(&plan).await;
        Hub { site, registry, gateway }
    }

    fn svid(&self, id: &str) -> Svid {
        self.site.pki.issue(id, &["site-a.example"])
    }

    /// A peer comes in over a link.
    async fn peer(&self, link: &str, svid: &Svid) -> Session {
        try_peer(&self.gateway, link, &self.site.pki, Some(svid)).await.unwrap()
    }

    async fn aggregator(&self, link: &str) -> Session {
        self.peer(link, &self.svid(AGGREGATOR_ID)).await
    }
}

async fn try_peer(
    gateway: &Sidecar,
    link: &str,
    pki: &Pki,
    svid: Option<&Svid>,
) -> std::io::Result<Session> {
    let stream = TcpStream::connect(gateway.link(link)).await?;
    let name = ServerName::try_from("job.train.internal").unwrap();
    let connecting = TlsConnector::from(Arc::clone(&pki.client(svid))).connect(name, stream);
    Ok(Conversation::new(within("a peer's handshake", connecting).await?))
}

/// A link to the registry with these budgets.
fn fixed(port: u16, budgets: &str) -> Vec<String> {
    vec![format!(
        "{{name: hub, listen: \"127.0.0.1:0\", {FROM}, to: {{host: {REGISTRY}, port: {port}}}, \
         budgets: {{{budgets}}}}}"
    )]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_reaches_the_links_target_as_itself() {
    let hub = Hub::open(|port| fixed(port, "")).await;
    let mut peer = hub.aggregator("hub").await;

    let answer = peer.ask(peer_request("PUT", "/v2/models/7?round=3", "", "weights")).await;

    assert_eq!((answer.status, answer.text().as_str()), (200, "ok\n"));
    let authority = format!("{REGISTRY}:{}", hub.registry.port);
    let received = hub.registry.request().await;
    assert_eq!(received.target, "/v2/models/7?round=3");
    assert_eq!(
        (received.headers["host"].to_str().unwrap(), received.body),
        (&*authority, b"weights".to_vec())
    );
    assert!(!received.headers.contains_key("x-forwarded-client-cert"), "identities stay here");
    assert_record(
        &hub.gateway.record().await,
        &json!({
            "direction": "outbound",
            "kind": "http",
            "outcome": "completed",
            "link": "hub",
            "source": AGGREGATOR_ID,
            "asked_host": "updates.train.internal",
            "target": format!("http://{authority}/v2/models/7?round=3"),
            "endpoint": "registry",
            "rule": "models",
            "status": 200,
            "inspected": true,
            "downstream_tls_version": "TLSv1_3",
            "downstream_tls_group": "X25519MLKEM768",
            "tls_version": "TLSv1_3",
            "bytes_in": 7,
            "bytes_released": 7,
            "bytes_out": 3,
        }),
    );
    let metrics = hub.gateway.metrics().await;
    let series =
        "lazaret_link_exchanges_total{code=\"completed\",link=\"hub\",outcome=\"completed\"}";
    assert!((metrics.value(series) - 1.0).abs() < 0.1);
    let bytes = metrics.value("lazaret_link_bytes_total{link=\"hub\",way=\"out\"}");
    assert!((bytes - 7.0).abs() < 0.1, "{bytes}");
    hub.gateway.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fixed_target_is_the_only_one_however_another_is_spelled() {
    let hub = Hub::open(|port| fixed(port, "")).await;
    let authority = format!("{REGISTRY}:{}", hub.registry.port);
    let spelled = [
        ("http://other.example:80/v2/p", "other.example"),
        ("http://other.example/v2/p", "other.example:80"),
        ("http://other.example.:9/v2/p", "other.example:9"),
        ("http://other.example:09/v2/p", "other.example:9"),
        ("https://other.example:443/v2/p", "other.example"),
    ];
    let mut peer = hub.aggregator("hub").await;
    for (line, host) in spelled {
        let asked = format!("PUT {line} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1\r\n\r\nx");
        assert_eq!(peer.ask(asked).await.status, 200, "{line}");
    }
    for ((line, _), record) in spelled.iter().zip(hub.gateway.records(spelled.len()).await) {
        // In one spelling.
        let asked = line.split('/').nth(2).unwrap().replace(".:", ":").replace(":09", ":9");
        assert_record(&record, &json!({"asked_host": asked, "endpoint": "registry"}));
    }
    let received = hub.registry.seen().requests;
    assert_eq!(received.len(), spelled.len());
    assert!(received.iter().all(|request| request.headers["host"] == *authority), "{received:?}");
    hub.gateway.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_listed_gets_no_further_than_the_link() {
    let hub = Hub::open(|port| fixed(port, "")).await;
    let mut stranger = hub.peer("hub", &hub.svid(OTHER_ID)).await;
    let asked = stranger.ask(peer_request("PUT", "/v2/models/7", "", "weights")).await;
    asked.assert_problem(403, "link-source-not-allowed");
    assert!(stranger.hear_end().await.is_empty(), "it keeps a seat that others want");
    // A certificate of nobody whom we know, and none at all.
    let foreign = Pki::new();
    let forged = foreign.issue(AGGREGATOR_ID, &["site-a.example"]);
    for svid in [Some(&forged), None] {
        if let Ok(mut peer) = try_peer(&hub.gateway, "hub", &hub.site.pki, svid).await {
            let _gone = peer.try_say(peer_request("PUT", "/v2/models/7", "", "weights")).await;
            assert!(peer.try_hear().await.is_none(), "an unproved peer was answered");
        }
    }
    let records = hub.gateway.records(3).await;
    assert_record(
        &records[0],
        &json!({
            "outcome": "refused",
            "link": "hub",
            "source": OTHER_ID,
            "reason": "link-source-not-allowed",
            "status": 403,
            "bytes_released": 0,
        }),
    );
    for record in &records[1..] {
        assert_record(record, &json!({"kind": "handshake", "outcome": "failed", "link": "hub"}));
    }
    hub.registry.assert_untouched();
    hub.gateway.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_crosses_a_link_is_read_both_ways() {
    let hub = Hub::open(|port| fixed(port, "")).await;
    let mut peer = hub.aggregator("hub").await;
    let leak = format!("patient ssn {SSN}\n");
    peer.ask(peer_request("PUT", "/v2/notes", "", &leak)).await.assert_problem(403, "finding");
    hub.registry.assert_no_request();
    hub.registry.reply(Reply::text(&leak));
    peer.ask(peer_request("GET", "/answers/1", "", "")).await.assert_problem(403, "finding");

    let records = hub.gateway.records(2).await;
    assert_record(
        &records[0],
        &json!({"outcome": "refused", "rule": "models", "bytes_released": 0}),
    );
    assert_record(&records[1], &json!({"outcome": "cut", "rule": "answers", "bytes_out": 0}));
    for record in &records {
        assert_eq!(
            (&record["link"], &record["findings"][0]["identifier"]),
            (&json!("hub"), &json!("ssn"))
        );
    }
    hub.gateway.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_are_for_the_peer_that_asks() {
    let from = "downstream: {tls: mutual, from: [\"spiffe://hospital.example/ns/*/sa/*\"]}";
    let links = |port| {
        vec![format!(
            "{{name: hub, listen: \"127.0.0.1:0\", {from}, to: {{host: private.ml.internal, port: {port}}}}}"
        )]
    };
    let hub = Hub::with(links, |plan| plan.host("private.ml.internal: [127.0.0.1]")).await;
    // The gateway's own identity, which may not either, is not what counts.
    let refused = hub.aggregator("hub").await.ask(peer_request("PUT", "/a", "", "x")).await;
    refused.assert_problem(403, "source-not-allowed");
    hub.registry.assert_untouched();
    let svid = hub.svid(OTHER_ID);
    let asked = hub.peer("hub", &svid).await.ask(peer_request("PUT", "/a", "", "x")).await;
    assert_eq!(asked.status, 200);
    let records = hub.gateway.records(2).await;
    assert_eq!(
        (&records[0]["source"], &records[1]["source"]),
        (&json!(AGGREGATOR_ID), &json!(OTHER_ID))
    );
    hub.gateway.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_target_requests_name_their_own() {
    let open = |port: u16| {
        let mut links = vec![format!("{{name: open, listen: \"127.0.0.1:0\", {FROM}}}")];
        links.extend(fixed(port, ""));
        links
    };
    let hub = Hub::open(open).await;
    let mut peer = hub.aggregator("open").await;
    assert_eq!(peer.ask(request("PUT", "/v2/a", "weights")).await.status, 200);
    let origin = peer.ask(peer_request("PUT", "/v2/a", "", "x")).await;
    origin.assert_problem(400, "malformed");

    let mut tunnel = hub.aggregator("open").await;
    let authority = format!("{REGISTRY}:{}", hub.registry.port);
    tunnel.say(format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n")).await;
    assert_eq!(tunnel.hear_head().await.unwrap().status, 200);
    drop(tunnel);
    // A fixed target is the only one, and a request that names two hosts names none.
    let mut fixed = hub.aggregator("hub").await;
    let connect =
        fixed.ask(format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n")).await;
    connect.assert_problem(400, "malformed");
    let mut fixed = hub.aggregator("hub").await;
    let twice = fixed.ask(peer_request("PUT", "/v2/a", "Host: two.example\r\n", "x")).await;
    twice.assert_problem(400, "malformed");

    let records = hub.gateway.records(5).await;
    let names: Vec<_> = records.iter().map(|record| record["link"].as_str().unwrap()).collect();
    assert_eq!(names.iter().filter(|name| **name == "open").count(), 3, "{names:?}");
    assert!(records.iter().all(|record| record["source"] == AGGREGATOR_ID), "{records:?}");
    assert_eq!(hub.registry.seen().requests.len(), 1);
    hub.gateway.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_side_sees_an_identity_of_its_own() {
    let site = Site::new();
    let edge = site.pki.issue("spiffe://hospital.example/ns/edge/sa/hub", &["hub.example"]);
    edge.write(&site.path("edge"), site.pki.bundle_pem());
    let registry = site.registry().await;
    let folder = site.path("edge").display().to_string();
    let link = format!(
        "{{name: hub, listen: \"127.0.0.1:0\", {FROM}, to: {{host: {REGISTRY}, port: {}}}, identity: \
         {{files: {{chain: \"{folder}/chain.pem\", key: \"{folder}/key.pem\", bundle: \"{folder}/bundle.pem\"}}}}}}",
        registry.port
    );
    let gateway = site.start(&site.plan(&registry).link(&link)).await;
    let svid = site.pki.issue(AGGREGATOR_ID, &["site-a.example"]);
    let stream = TcpStream::connect(gateway.link("hub")).await.unwrap();
    let name = ServerName::try_from("hub.example").unwrap();
    let connecting = TlsConnector::from(site.pki.client(Some(&svid))).connect(name, stream);
    let mut peer = Conversation::new(within("a handshake", connecting).await.unwrap());
    let shown = peer.stream().get_ref().1.peer_certificates().unwrap()[0].clone();
    assert_eq!(fingerprint(&shown), edge.fingerprint());

    assert_eq!(peer.ask(peer_request("PUT", "/v2/a", "", "x")).await.status, 200);

    let upstream = registry.request().await.client.unwrap();
    assert_ne!(upstream, edge.fingerprint(), "upstream saw the downstream identity");
    gateway.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_may_show_upstreams_an_identity_of_its_own() {
    let site = Site::new();
    let outer = site.pki.issue("spiffe://hospital.example/ns/edge/sa/outer", &["outer.example"]);
    outer.write(&site.path("outer"), site.pki.bundle_pem());
    let registry = site.registry().await;
    let folder = site.path("outer").display().to_string();
    let link = |name: &str, more: &str| {
        format!(
            "{{name: {name}, listen: \"127.0.0.1:0\", {FROM}, to: {{host: {REGISTRY}, port: {}}}{more}}}",
            registry.port
        )
    };
    let shows = format!(
        ", upstreamIdentity: {{files: {{chain: \"{folder}/chain.pem\", key: \"{folder}/key.pem\", \
         bundle: \"{folder}/bundle.pem\"}}}}"
    );
    let plan = site.plan(&registry).link(&link("outer", &shows)).link(&link("inner", ""));
    let gateway = site.start(&plan).await;
    let svid = site.pki.issue(AGGREGATOR_ID, &["site-a.example"]);
    let mut outward = try_peer(&gateway, "outer", &site.pki, Some(&svid)).await.unwrap();
    let mut inward = try_peer(&gateway, "inner", &site.pki, Some(&svid)).await.unwrap();
    let put = || peer_request("PUT", "/v2/a", "", "x");

    assert_eq!(outward.ask(put()).await.status, 200);
    assert_eq!(inward.ask(put()).await.status, 200);
    assert_eq!(outward.ask(put()).await.status, 200);

    let client = |at: usize| registry.seen().requests[at].client.clone().unwrap();
    let own = client(1);
    assert_eq!((client(0), client(2)), (outer.fingerprint(), outer.fingerprint()));
    assert_ne!(own, outer.fingerprint(), "two links share a connection");

    // It is watched like the gateway's own.
    let rotated = site.pki.issue("spiffe://hospital.example/ns/edge/sa/outer", &["outer.example"]);
    rotated.write(&site.path("outer"), site.pki.bundle_pem());
    let mut asked = 3;
    within("the rotated identity", async {
        while client(asked - 1) != rotated.fingerprint() {
            assert_eq!(outward.ask(put()).await.status, 200);
            asked += 1;
        }
    })
    .await;
    assert_eq!(inward.ask(put()).await.status, 200);
    assert_eq!(client(asked), own);
    for record in gateway.records(asked + 1).await {
        assert_record(&record, &json!({"outcome": "completed", "source": AGGREGATOR_ID}));
    }
    gateway.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_tls_the_gateway_itself_asks() {
    let links = |port: u16| {
        vec![format!(
            "{{name: near, listen: \"127.0.0.1:0\", downstream: {{tls: plaintext}}, to: {{host: \
             {REGISTRY}, port: {port}}}}}"
        )]
    };
    let hub = Hub::open(links).await;
    let stream = TcpStream::connect(hub.gateway.link("near")).await.unwrap();
    let answer = Conversation::new(stream).ask(peer_request("PUT", "/v2/a", "", "weights")).await;
    assert_eq!(answer.status, 200);
    assert_record(&hub.gateway.record().await, &json!({"link": "near", "source": JOB_ID}));
    hub.gateway.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_over_a_budget_are_refused_by_its_name() {
    let hub = Hub::open(|port| fixed(port, "bytesMax: 256KiB, messageBytesMax: 64KiB")).await;
    let body = String::from_utf8(prose(40 * 1024)).unwrap();
    let mut peer = hub.aggregator("hub").await;
    assert_eq!(peer.ask(peer_request("PUT", "/v2/a", "", &body)).await.status, 200);
    let long = peer.ask(peer_request("PUT", "/v2/a", "", &body.repeat(2))).await;
    long.assert_problem(413, "link-message-bytes-max");
    assert!(long.problem("detail").contains("messageBytesMax"), "{}", long.text());

    // Both ways count: an answer that is too much is cut.
    hub.registry.reply(Reply::text(&body.repeat(2)));
    let mut peer = hub.aggregator("hub").await;
    peer.say(peer_request("PUT", "/v2/a", "", &body)).await;
    let answered = peer.try_hear().await;
    assert!(answered.is_none_or(|answer| answer.body.len() < body.len() * 2));

    let records = hub.gateway.records(3).await;
    assert_record(&records[1], &json!({"outcome": "refused", "status": 413, "bytes_released": 0}));
    assert_record(&records[2], &json!({"outcome": "cut", "reason": "link-message-bytes-max"}));
    hub.gateway.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_on_its_way_is_cut_where_a_budget_ends() {
    let hub = Hub::open(|port| fixed(port, "bytesMax: 256KiB")).await;
    let body = String::from_utf8(prose(400 * 1024)).unwrap();
    let asked = peer_request("PUT", "/stream/a", "", &body);
    let mut peer = hub.aggregator("hub").await;
    peer.say(&asked[..200 * 1024]).await;
    hub.registry.has_body_bytes(1).await;
    peer.say(&asked[200 * 1024..]).await;
    let cut = peer.hear().await;
    cut.assert_problem(413, "link-bytes-max");
    assert!(cut.problem("detail").contains("bytesMax"), "{}", cut.text());

    let received = hub.registry.request().await;
    assert!(received.end == End::Broken && received.body.len() <= 256 * 1024);
    let record = hub.gateway.record().await;
    assert_record(&record, &json!({"outcome": "cut", "reason": "link-bytes-max"}));
    hub.gateway.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grpc_message_over_the_budget_is_refused_before_it_is_there() {
    let site = Site::new();
    let registry = Upstream::tls(with_http2(&site.pki.mutual_server(&site.registry_svid()))).await;
    let [link] = fixed(registry.port, "messageBytesMax: 1KiB").try_into().unwrap();
    let gateway = site.start(&site.plan(&registry).link(&link)).await;
    let svid = site.pki.issue(AGGREGATOR_ID, &["site-a.example"]);
    let stream = TcpStream::connect(gateway.link("hub")).await.unwrap();
    let name = ServerName::try_from("job.train.internal").unwrap();
    let config = offering(&site.pki.client(Some(&svid)), &[b"h2"]);
    let connecting = TlsConnector::from(config).connect(name, stream);
    let peer = Http2::new(within("a peer's handshake", connecting).await.unwrap()).await;

    let call = || grpc("https://updates.train.internal/v2/a");
    let ended = peer.ask(call(), message(&[b'a'; 2048])).await;
    ended.assert_trailers_only("8", "link-message-bytes-max");
    // Many small ones are no long one.
    registry.reply(Reply {
        headers: vec![("content-type", "application/grpc".to_owned())],
        trailers: vec![("grpc-status", "0")],
        ..Reply::default()
    });
    let small = text_message("nothing to see").repeat(200);
    assert_eq!(peer.ask(call(), small).await.trailers["grpc-status"], "0");

    let records = gateway.records(2).await;
    let source = AGGREGATOR_ID;
    assert_record(
        &records[0],
        &json!({"reason": "link-message-bytes-max", "link": "hub", "source": source}),
    );
    assert_record(
        &records[1],
        &json!({"outcome": "completed", "asked_host": "updates.train.internal"}),
    );
    gateway.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn exchanges_over_a_budget_may_come_again() {
    let hub = Hub::open(|port| fixed(port, "exchangesMax: 1, exchangesPerSecondMax: 2")).await;
    let gate = Gate::new();
    hub.registry.reply(Reply { gate: Some(gate.clone()), ..Reply::text("ok\n") });
    let mut first = hub.aggregator("hub").await;
    first.say(peer_request("PUT", "/v2/a", "", "x")).await;
    hub.registry.request().await;
    let mut second = hub.aggregator("hub").await;
    let busy = second.ask(peer_request("PUT", "/v2/a", "", "x")).await;
    busy.assert_problem(429, "link-exchanges-max");
    assert!(busy.headers.contains_key("retry-after"));
    gate.open();
    assert_eq!(first.hear().await.status, 200);
    hub.gateway.records(2).await;

    // How many find a place again is for the machine's speed to say.
    let mut statuses = Vec::new();
    within("both ways to be answered", async {
        while !(statuses.contains(&429) && statuses.contains(&200)) {
            statuses.push(second.ask(peer_request("PUT", "/v2/a", "", "x")).await.status);
        }
    })
    .await;
    assert!(statuses.iter().all(|status| [200, 429].contains(status)), "{statuses:?}");
    hub.gateway.records(2 + statuses.len()).await;
    hub.gateway.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_over_the_rate_wait() {
    let hub = Hub::open(|port| fixed(port, "bytesPerSecondMax: 64KiB")).await;
    let body = String::from_utf8(prose(256 * 1024)).unwrap();
    let begun = Instant::now();
    let answer = hub.aggregator("hub").await.ask(peer_request("PUT", "/v2/a", "", &body)).await;
    assert_eq!(answer.status, 200);
    // The first second's worth passes at once.
    let took = begun.elapsed();
    assert!(took > Duration::from_millis(900), "{took:?}");
    hub.gateway.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_ends_when_its_root_leaves_the_links_own_bundle() {
    let (site, partner) = (Site::new(), Pki::of("partner.example"));
    let edge = site.pki.issue("spiffe://hospital.example/ns/edge/sa/hub", &["job.train.internal"]);
    let both = [site.pki.bundle_pem(), partner.bundle_pem()].concat();
    edge.write(&site.path("edge"), &both);
    let registry = site.registry().await;
    let folder = site.path("edge").display().to_string();
    let link = format!(
        "{{name: hub, listen: \"127.0.0.1:0\", downstream: {{tls: mutual, from: [\"{AGGREGATOR_ID}\", \
         \"spiffe://partner.example/site\"]}}, to: {{host: {REGISTRY}, port: {}}}, identity: {{files: {{chain: \
         \"{folder}/chain.pem\", key: \"{folder}/key.pem\", bundle: \"{folder}/bundle.pem\"}}}}}}",
        registry.port
    );
    let gateway = site.start(&site.plan(&registry).link(&link)).await;
    let ours = site.pki.issue(AGGREGATOR_ID, &["site-a.example"]);
    let theirs = partner.issue("spiffe://partner.example/site", &["partner.example"]);
    let meet = |svid: Svid| {
        let config = site.pki.client(Some(&svid));
        let name = ServerName::try_from("job.train.internal").unwrap();
        let address = gateway.link("hub");
        async move {
            let stream = TcpStream::connect(address).await.unwrap();
            let connecting = TlsConnector::from(config).connect(name, stream);
            Conversation::new(within("a handshake", connecting).await.unwrap())
        }
    };
    let (mut ours, mut theirs) = (meet(ours).await, meet(theirs).await);
    for peer in [&mut ours, &mut theirs] {
        assert_eq!(peer.ask(peer_request("PUT", "/v2/a", "", "x")).await.status, 200);
    }

    site.put("edge/bundle.pem", site.pki.bundle_pem());

    assert!(theirs.hear_end().await.is_empty(), "the connection of a peer that nobody vouches for");
    assert_eq!(ours.ask(peer_request("PUT", "/v2/a", "", "x")).await.status, 200);
    let cut = gateway.metrics().await.value("lazaret_live_cut_total{reason=\"peer-untrusted\"}");
    assert!((cut - 1.0).abs() < 0.1, "{cut}");
    gateway.records(3).await;
    drop(ours);
    gateway.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_of_one_address_have_each_their_own_rate() {
    let from = "downstream: {tls: mutual, from: [\"spiffe://hospital.example/ns/*/sa/*\"]}";
    let links = |port| {
        vec![format!(
            "{{name: hub, listen: \"127.0.0.1:0\", {from}, to: {{host: {REGISTRY}, port: {port}}}}}"
        )]
    };
    let limit = |plan: Plan| plan.limit("sourceRequestsPerSecondMax: 1").limit("sourceBurstMax: 2");
    let hub = Hub::with(links, limit).await;
    let mut first = hub.aggregator("hub").await;
    let mut passed = 0;
    let often = within("one request too many", async {
        loop {
            let answer = first.ask(peer_request("PUT", "/v2/a", "", "x")).await;
            if answer.status != 200 {
                return answer;
            }
            passed += 1;
        }
    })
    .await;
    often.assert_problem(429, "source-requests-max");
    assert!(passed >= 2, "{passed} passed, and the burst is of two");
    let mut second = hub.peer("hub", &hub.svid(OTHER_ID)).await;
    assert_eq!(second.ask(peer_request("PUT", "/v2/a", "", "x")).await.status, 200);
    let records = hub.gateway.records(passed + 2).await;
    let refused = json!({"link": "hub", "source": AGGREGATOR_ID});
    assert_record(only(&records, "status", 429), &refused);
    hub.gateway.finish().await;
}
