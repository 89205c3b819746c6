//! Limits have names, statuses and records.

use serde_json::json;

use crate::harness::body::prose;
use crate::harness::log::assert_record;
use crate::harness::peer::peer_request;
use crate::harness::site::Site;
use crate::harness::upstream::{End, Gate, Reply, Upstream};
use crate::harness::wait::until;
use crate::harness::workload::{head, is_closed_by_proxy, request};
use crate::harness::{AGGREGATOR_ID, REGISTRY};

#[tokio::test(flavor = "multi_thread")]
async fn one_exchange_too_many_gets_503_until_a_place_is_free() {
    let site = Site::new();
    let upstream = Upstream::plaintext().await;
    let gate = Gate::new();
    upstream.reply(Reply {
        pieces: vec![b"first\n".to_vec(), b"last\n".to_vec()],
        gate: Some(gate.clone()),
        ..Reply::default()
    });
    let sidecar = site.start(&site.plaintext_plan(&upstream).limit("exchangesMax: 1")).await;
    let (mut first, mut second) = (sidecar.workload().await, sidecar.workload().await);

    // Its head has come back; its body has not, so its place is taken.
    first.say(request("GET", "/v2/a", "")).await;
    assert_eq!(first.hear_head().await.unwrap().status, 200);
    let answer = second.ask(request("GET", "/v2/b", "")).await;
    answer.assert_problem(503, "exchanges-max");
    assert!(answer.headers.contains_key("retry-after"));
    let record = sidecar.record().await;
    assert_record(&record, &json!({ "outcome": "failed", "status": 503, "opened": false }));
    assert!(record["error"].as_str().unwrap().starts_with("exchanges-max"), "{record}");
    assert_eq!(upstream.seen().requests.len(), 1);

    gate.open();
    while first.hear_line().await.is_some_and(|line| line != "0") {}
    sidecar.records(2).await;
    upstream.reply(Reply::text("ok\n"));
    assert_eq!(second.ask(request("GET", "/v2/b", "")).await.status, 200);
    sidecar.records(3).await;
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_and_workload_do_not_take_each_others_places() {
    let site = Site::new();
    let upstream = Upstream::plaintext().await;
    let app = Upstream::plaintext().await;
    let gate = Gate::new();
    upstream.reply(Reply { gate: Some(gate.clone()), ..Reply::text("ok\n") });
    let plan = site.plaintext_plan(&upstream).inbound(&app).limit("exchangesMax: 1");
    let sidecar = site.start(&plan).await;
    let mut workload = sidecar.workload().await;
    workload.say(request("PUT", "/v2/a", "a body")).await;
    upstream.request().await;

    let aggregator = site.pki.issue(AGGREGATOR_ID, &["aggregator.example"]);
    let mut peer = sidecar.peer(site.pki.client(Some(&aggregator))).await.unwrap();
    assert_eq!(peer.ask(peer_request("GET", "/updates/7", "", "")).await.status, 200);
    gate.open();
    assert_eq!(workload.hear().await.status, 200);

    sidecar.records(2).await;
    drop(peer);
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_too_many_is_turned_away() {
    let site = Site::new();
    let upstream = Upstream::plaintext().await;
    let sidecar = site.start(&site.plaintext_plan(&upstream).limit("connectionsMax: 2")).await;
    let (mut first, second) = (sidecar.workload().await, sidecar.workload().await);
    assert_eq!(first.ask(request("GET", "/v2/a", "")).await.status, 200);
    sidecar.until_metric("lazaret_connections_open{listener=\"http-proxy\"}", 2.0).await;

    let mut third = sidecar.workload().await;
    let answer = third.hear().await;
    assert_eq!(answer.status, 503);
    assert!(third.hear_end().await.is_empty());
    let record = sidecar.records(2).await.pop().unwrap();
    assert!(record["error"].as_str().unwrap().starts_with("connections-max"), "{record}");
    sidecar
        .until_metric(
            "lazaret_connections_refused_total{listener=\"http-proxy\",reason=\"connections-max\"}",
            1.0,
        )
        .await;

    drop(second);
    sidecar.until_metric("lazaret_connections_open{listener=\"http-proxy\"}", 1.0).await;
    let mut fourth = sidecar.workload().await;
    assert_eq!(fourth.ask(request("GET", "/v2/b", "")).await.status, 200);
    sidecar.records(3).await;
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_stalls_gets_408() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&site.plan(&registry).limit("bodyIdle: 2s")).await;
    let target = |kind: &str| format!("http://{REGISTRY}/{kind}/a");

    let mut held = sidecar.workload().await;
    let fields = "Content-Length: 5000\r\n";
    held.say(head("PUT", &target("v2"), fields) + "the beginning").await;
    held.hear().await.assert_problem(408, "body-timeout");
    registry.assert_untouched();
    assert_record(
        &sidecar.record().await,
        &json!({ "outcome": "failed", "status": 408, "bytes_released": 0, "opened": false }),
    );

    // Streamed, some of it has left; the upstream does not take it for whole.
    let mut streamed = sidecar.workload().await;
    let fields = "Content-Length: 5000000\r\n";
    let head = head("PUT", &target("stream"), fields);
    streamed.say([head.as_bytes(), &prose(1 << 20)].concat()).await;
    streamed.hear().await.assert_problem(408, "body-timeout");
    assert_eq!(registry.request().await.end, End::Broken);
    let record = sidecar.records(2).await.pop().unwrap();
    assert_record(&record, &json!({ "outcome": "failed", "status": 408, "opened": true }));
    assert!(record["error"].as_str().unwrap().starts_with("body-timeout"), "{record}");
    drop((held, streamed));
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_stalls_is_not_waited_for() {
    let site = Site::new();
    let upstream = Upstream::plaintext().await;
    let sidecar = site.start(&site.plaintext_plan(&upstream).limit("headerTimeout: 2s")).await;

    let mut half = sidecar.workload().await;
    half.say("GET http://registry.ml.internal/v2/a HTTP/1.1\r\nHost: regis").await;
    half.hear_end().await;
    let silent = sidecar.workload().await;
    assert!(is_closed_by_proxy(&silent).await);

    upstream.assert_untouched();
    // Who has asked for nothing leaves no record.
    let record = sidecar.record().await;
    assert_record(&record, &json!({ "outcome": "failed", "kind": "http", "opened": false }));
    assert!(record["error"].as_str().unwrap().starts_with("header-timeout"), "{record}");
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_that_stalls_is_not_waited_for() {
    let site = Site::new();
    let upstream = Upstream::plaintext().await;
    let plan = site.plaintext_plan(&upstream).inbound(&upstream);
    let plan = plan.limit("handshakeTimeout: 2s").limit("detectTimeout: 2s");
    let sidecar = site.start(&plan).await;

    let authority = format!("{REGISTRY}:{}", upstream.port);
    let mut tunnel = crate::harness::wire::Conversation::new(sidecar.tunnel(&authority).await);
    assert!(tunnel.hear_end().await.is_empty());
    // Half a ClientHello tells that it is TLS, and not for whom.
    let mut half = crate::harness::wire::Conversation::new(sidecar.tunnel(&authority).await);
    half.say([0x16, 3, 1, 2, 0, 1, 0]).await;
    assert!(half.hear_end().await.is_empty());
    let stream = tokio::net::TcpStream::connect(sidecar.inbound.unwrap()).await.unwrap();
    assert!(is_closed_by_proxy(&crate::harness::wire::Conversation::new(stream)).await);

    let records = sidecar.records(3).await;
    assert_record(
        &records[0],
        &json!({ "kind": "connect", "outcome": "refused", "reason": "protocol-not-allowed" }),
    );
    let text = records[0]["reason_text"].as_str().unwrap();
    assert!(text.starts_with("nothing came for limits.detectTimeout"), "{text}");
    assert_record(
        &records[1],
        &json!({
            "kind": "connect",
            "outcome": "failed",
            "error": "downstream-tls: limits.detectTimeout",
        }),
    );
    assert_record(&records[2], &json!({ "kind": "handshake", "outcome": "failed" }));
    upstream.assert_untouched();
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_does_not_answer_gets_504() {
    let site = Site::new();
    let upstream = Upstream::plaintext().await;
    upstream.reply(Reply { gate: Some(Gate::new()), ..Reply::text("never\n") });
    let sidecar = site.start(&site.plaintext_plan(&upstream).limit("responseTimeout: 2s")).await;

    let answer = sidecar.workload().await.ask(request("PUT", "/v2/a", "a body")).await;

    answer.assert_problem(504, "upstream-timeout");
    assert_record(
        &sidecar.record().await,
        &json!({ "outcome": "failed", "status": 504, "bytes_released": 6, "opened": true }),
    );
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_spool_gets_503_and_is_given_back() {
    let site = Site::new();
    let registry = site.registry().await;
    let plan = site.plan(&registry).limit("holdMemoryMax: 64KiB").limit("spoolMax: 1MiB");
    let sidecar = site.start(&plan).await;
    let mut workload = sidecar.workload().await;

    let answer = workload.ask(request("PUT", "/v2/a", prose(4 << 20))).await;

    answer.assert_problem(503, "spool-max");
    assert!(answer.headers.contains_key("retry-after"));
    registry.assert_untouched();
    let record = sidecar.record().await;
    assert_record(&record, &json!({ "outcome": "failed", "status": 503, "bytes_released": 0 }));
    sidecar.until_metric("lazaret_spool_bytes", 0.0).await;
    assert_eq!(workload.ask(request("PUT", "/v2/b", prose(700 << 10))).await.status, 200);
    assert_eq!(registry.request().await.body.len(), 700 << 10);
    sidecar.records(2).await;
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_upstream_connection_is_let_go() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&site.plan(&registry).limit("poolIdle: 1ms")).await;
    let mut workload = sidecar.workload().await;

    for turn in 1..=3 {
        assert_eq!(workload.ask(request("PUT", "/v2/a", "a body")).await.status, 200);
        sidecar.records(turn).await;
        // Longer than a connection may be idle.
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }

    until("a connection for each", || (registry.seen().connections == 3).then_some(())).await;
    sidecar.finish().await;
}
