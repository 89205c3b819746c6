//! What a peer's heads and trailers cost its link, and what they may not claim.

use std::time::{Duration, Instant};

use http::HeaderMap;
use serde_json::json;
use tokio::net::TcpStream;

use crate::harness::AGGREGATOR_ID;
use crate::harness::REGISTRY;
use crate::harness::log::assert_record;
use crate::harness::peer::peer_request;
use crate::harness::sidecar::Sidecar;
use crate::harness::site::Site;
use crate::harness::upstream::{Reply, Upstream};
use crate::harness::wire::Conversation;
use crate::harness::workload::head;

/// Fields that a peer may not claim, in either spelling.
const CLAIMS: &str = "X-Forwarded-For: 10.1.2.3\r\nForwarded: for=10.1.2.3\r\nX_Real_IP: 10.1.2.3\r\n\
                      X-Original-URL: /admin\r\nX-HTTP-Method-Override: DELETE\r\nBaggage: site=b\r\n\
                      X-Envoy-Internal: true\r\n";

/// A gateway with one link to the registry, for a client beside it.
async fn gateway(site: &Site, registry: &Upstream, budgets: &str) -> Sidecar {
    let port = registry.port;
    let link = format!(
        "{{name: hub, listen: \"127.0.0.1:0\", downstream: {{tls: plaintext}}, to: {{host: \
         {REGISTRY}, port: {port}}}, budgets: {{{budgets}}}}}"
    );
    site.start(&site.plan(registry).link(&link)).await
}

async fn client(gateway: &Sidecar) -> Conversation<TcpStream> {
    Conversation::new(TcpStream::connect(gateway.link("hub")).await.unwrap())
}

fn note(bytes: usize) -> String {
    format!("X-Note: {}\r\n", "steady as she goes ".repeat(bytes / 19))
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_and_trailers_count_for_what_an_exchange_may_have() {
    let site = Site::new();
    let registry = site.registry().await;
    let gateway = gateway(&site, &registry, "bytesMax: 2KiB").await;
    let mut peer = client(&gateway).await;
    assert_eq!(peer.ask(peer_request("PUT", "/v2/a", &note(500), "x")).await.status, 200);

    let long = client(&gateway).await.ask(peer_request("PUT", "/v2/a", &note(3000), "x")).await;
    long.assert_problem(413, "link-bytes-max");
    let fields = "Transfer-Encoding: chunked\r\nTrailer: X-Note\r\n";
    let trailers = note(900).repeat(3);
    let chunked = format!("{}1\r\nx\r\n0\r\n{trailers}\r\n", head("PUT", "/v2/a", fields));
    client(&gateway).await.ask(chunked).await.assert_problem(413, "link-bytes-max");
    assert_eq!(registry.seen().requests.len(), 1, "the upstream heard of what was too much");

    let told = Reply { headers: vec![("x-note", "a".repeat(3000))], ..Reply::text("ok\n") };
    registry.reply(told);
    let answer = client(&gateway).await.ask(peer_request("PUT", "/v2/a", "", "x")).await;
    answer.assert_problem(413, "link-bytes-max");

    let records = gateway.records(4).await;
    assert_record(&records[0], &json!({ "outcome": "completed", "link": "hub" }));
    for record in &records[1..3] {
        let refused =
            json!({ "outcome": "refused", "reason": "link-bytes-max", "bytes_released": 0 });
        assert_record(record, &refused);
    }
    assert_record(&records[3], &json!({ "outcome": "cut", "reason": "link-bytes-max" }));
    drop(peer);
    gateway.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_over_the_rate_wait() {
    let site = Site::new();
    let registry = site.registry().await;
    let gateway = gateway(&site, &registry, "bytesPerSecondMax: 4KiB").await;
    let mut peer = client(&gateway).await;

    let began = Instant::now();
    assert_eq!(peer.ask(peer_request("PUT", "/v2/a", &note(12 << 10), "x")).await.status, 200);
    // The first second's worth passes at once.
    assert!(began.elapsed() > Duration::from_millis(1500), "{:?}", began.elapsed());

    gateway.record().await;
    drop(peer);
    gateway.finish().await;
}

/// Nothing of what a peer may not claim; its trace, which claims nothing.
#[track_caller]
fn assert_no_claims(headers: &HeaderMap) {
    for name in CLAIMS.lines().filter_map(|line| line.split(':').next()) {
        assert!(!headers.contains_key(name.trim()), "{name}: {headers:?}");
    }
    assert!(headers.contains_key("traceparent"), "{headers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_peer_claims_of_its_request_goes_no_further() {
    let site = Site::new();
    let registry = site.registry().await;
    let app = Upstream::plaintext().await;
    let port = registry.port;
    let link = format!(
        "{{name: hub, listen: \"127.0.0.1:0\", downstream: {{tls: plaintext}}, to: {{host: \
         {REGISTRY}, port: {port}}}}}"
    );
    let sidecar = site.start(&site.plan(&registry).inbound(&app).link(&link)).await;
    let trace = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n";
    let fields = format!("{CLAIMS}{trace}");

    let mut peer = client(&sidecar).await;
    assert_eq!(peer.ask(peer_request("PUT", "/v2/a", &fields, "x")).await.status, 200);
    assert_no_claims(&registry.request().await.headers);

    let trailed = format!("Transfer-Encoding: chunked\r\nTrailer: X-Real-IP, X-Sum\r\n{trace}");
    let trailed = head("PUT", "/v2/b", &trailed);
    let trailed = format!("{trailed}1\r\nx\r\n0\r\nX-Real-IP: 10.1.2.3\r\nX-Sum: 7\r\n\r\n");
    assert_eq!(peer.ask(trailed).await.status, 200);
    let received = registry.requests(2).await.pop().unwrap();
    let trailers = received.trailers.unwrap();
    assert!(!trailers.contains_key("x-real-ip") && trailers.contains_key("x-sum"), "{trailers:?}");

    let aggregator = site.pki.issue(AGGREGATOR_ID, &["aggregator.example"]);
    let mut inbound = sidecar.peer(site.pki.client(Some(&aggregator))).await.unwrap();
    let asked = inbound.ask(peer_request("GET", "/updates/7", &fields, "")).await;
    assert_eq!(asked.status, 200);
    assert_no_claims(&app.request().await.headers);

    // The workload is nobody's peer: what it says is read, and goes on.
    let target = format!("http://{REGISTRY}/v2/c");
    let own = head("GET", &target, "X-Forwarded-For: 10.1.2.3\r\n");
    assert_eq!(sidecar.workload().await.ask(own).await.status, 200);
    let received = registry.requests(3).await.pop().unwrap();
    assert_eq!(received.headers["x-forwarded-for"], "10.1.2.3");
    sidecar.records(4).await;
    drop((peer, inbound));
    sidecar.finish().await;
}
