//! What the policy permits arrives as it was sent, over mutual TLS, and is on record.

use serde_json::json;

use crate::harness::body::{chunked, floats, prose};
use crate::harness::log::assert_record;
use crate::harness::site::Site;
use crate::harness::upstream::{End, Reply, Upstream};
use crate::harness::workload::{head, request, request_with};
use crate::harness::{JOB_ID, REGISTRY, REGISTRY_ID};

#[tokio::test(flavor = "multi_thread")]
async fn a_permitted_put_arrives_byte_for_byte_over_mutual_tls() {
    let site = Site::new();
    let registry = site.registry().await;
    let plan = site.plan(&registry);
    let sidecar = site.start(&plan).await;
    let body = [prose(40_960), floats(50_000)].concat();

    let answer = sidecar.workload().await.ask(request("PUT", "/v2/models/a?tag=1", &body)).await;

    assert_eq!((answer.status, answer.text().as_str()), (200, "ok\n"));
    let received = registry.request().await;
    assert_eq!(received.method, "PUT");
    assert_eq!(received.target, "/v2/models/a?tag=1");
    assert_eq!(received.headers["host"], REGISTRY);
    assert_eq!(received.headers["content-length"], body.len().to_string());
    assert_eq!(received.end, End::Whole);
    assert!(received.body == body, "the body changed on its way");
    assert_eq!(received.client, Some(plan.identity.fingerprint()));

    let record = sidecar.record().await;
    assert_record(
        &record,
        &json!({
            "direction": "outbound",
            "kind": "http",
            "outcome": "completed",
            "opened": true,
            "source": JOB_ID,
            "method": "PUT",
            "target": format!("http://{REGISTRY}/v2/models/a?tag=1"),
            "address": format!("127.0.0.1:{}", registry.port),
            "endpoint": "registry",
            "region": "us-east-1",
            "rule": "models",
            "action": "allow",
            "enforcement": "enforce",
            "status": 200,
            "bytes_in": body.len(),
            "bytes_released": body.len(),
            "bytes_out": 3,
            "inspected": true,
            "inspect": "hold",
            "findings": null,
            "tls_version": "TLSv1_3",
            "tls_group": "X25519MLKEM768",
            "tls_peer": REGISTRY_ID,
            "error": null,
        }),
    );
    let coverage = &record["coverage"];
    let sum = ["read", "numeric", "unidentified", "skipped"].map(|class| coverage[class].as_u64());
    assert_eq!(sum.iter().flatten().sum::<u64>(), body.len() as u64, "{coverage}");
    assert_eq!((&coverage["unidentified"], &coverage["skipped"]), (&json!(0), &json!(0)));
    sidecar.finish().await.assert_whole();
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_keep_their_framing_or_their_length() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&site.plan(&registry)).await;
    let mut workload = sidecar.workload().await;
    let body = prose(70_000);

    // Held and chunked: its length is known once it is cleared.
    let chunks = chunked(&body, 5_000);
    let fields = "Transfer-Encoding: chunked\r\n";
    let target = format!("http://{REGISTRY}/v2/chunked");
    workload.say([head("PUT", &target, fields).as_bytes(), &chunks].concat()).await;
    assert_eq!(workload.hear().await.status, 200);
    // Streamed with a length, streamed in chunks, and no body at all.
    assert_eq!(workload.ask(request("PUT", "/stream/length", &body)).await.status, 200);
    let target = format!("http://{REGISTRY}/stream/chunked");
    workload.say([head("PUT", &target, fields).as_bytes(), &chunks].concat()).await;
    assert_eq!(workload.hear().await.status, 200);
    let target = format!("http://{REGISTRY}/v2/nothing");
    assert_eq!(workload.ask(head("GET", &target, "")).await.status, 200);

    let received = registry.requests(4).await;
    for request in &received[..3] {
        assert!(request.body == body && request.end == End::Whole, "{}", request.target);
    }
    let length = body.len().to_string();
    assert_eq!(received[0].headers["content-length"], length);
    assert_eq!(received[1].headers["content-length"], length);
    assert_eq!(received[2].headers["transfer-encoding"], "chunked");
    assert!(!received[2].headers.contains_key("content-length"));
    assert!(!received[3].headers.contains_key("transfer-encoding"));
    assert_eq!(sidecar.records(4).await[3]["bytes_released"], 0);
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pooled_connection_still_costs_a_permit_and_a_record_each() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&site.plan(&registry)).await;
    let mut workload = sidecar.workload().await;

    for turn in 1..=5 {
        let path = format!("/v2/models/{turn}");
        assert_eq!(workload.ask(request("PUT", &path, prose(100))).await.status, 200);
        // One at a time: the connection is free again before the next exchange.
        sidecar.records(turn).await;
    }
    // Permitted once does not mean permitted for the rest of the connection.
    workload
        .ask(request("DELETE", "/v2/models/1", ""))
        .await
        .assert_problem(403, "method-not-allowed");

    let received = registry.requests(5).await;
    assert!(registry.seen().connections < 5, "no connection was used again");
    assert_eq!(registry.seen().handshakes, registry.seen().connections);
    let reused = received.iter().filter(|request| request.connection == 1).count();
    assert!(reused >= 2, "the first connection carried {reused} exchanges");
    let records = sidecar.records(6).await;
    let ids: std::collections::BTreeSet<_> =
        records.iter().map(|record| record["exchange"].to_string()).collect();
    assert_eq!(ids.len(), 6);
    assert!(records[..5].iter().all(|record| record["outcome"] == "completed"));
    assert_record(&records[5], &json!({ "outcome": "refused", "opened": false }));
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ends_at_this_hop_is_not_sent_on_in_either_direction() {
    let site = Site::new();
    let registry = site.registry().await;
    registry.reply(
        Reply::text("ok\n")
            .with_header("connection", "x-hop")
            .with_header("x-hop", "1")
            .with_header("x-forwarded-client-cert", "By=spiffe://evil.example")
            .with_header("proxy-authenticate", "Basic")
            .with_header("x-kept", "1"),
    );
    let sidecar = site.start(&site.plan(&registry)).await;
    let fields = "Connection: keep-alive, X-Secret-Hop\r\nX-Secret-Hop: 1\r\nKeep-Alive: timeout=5\r\n\
                  Proxy-Authorization: Basic eA==\r\nProxy-Connection: keep-alive\r\nTE: trailers\r\n\
                  X-Forwarded-Client-Cert: By=spiffe://evil.example\r\nX-SPIFFE-ID: spiffe://evil.example\r\n\
                  Client-Cert: :AAAA:\r\nX-Kept: 1\r\n";

    let answer = sidecar.workload().await.ask(request_with("PUT", "/v2/a", fields, "a body")).await;

    let received = registry.request().await;
    let kept: Vec<&str> = received.headers.keys().map(http::HeaderName::as_str).collect();
    assert_eq!(kept, ["host", "x-kept", "content-length"]);
    assert_eq!(answer.headers["x-kept"], "1");
    for name in ["connection", "x-hop", "x-forwarded-client-cert", "proxy-authenticate"] {
        assert!(!answer.headers.contains_key(name), "{name} came back");
    }
    sidecar.record().await;
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trailers_go_on_unless_they_claim_an_identity() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&site.plan(&registry)).await;
    let fields = "Transfer-Encoding: chunked\r\nTrailer: x-digest, x-forwarded-client-cert\r\n";
    let target = format!("http://{REGISTRY}/v2/a");
    let body = "4\r\nbody\r\n0\r\nX-Digest: abc\r\nX-Forwarded-Client-Cert: By=x\r\n\r\n";

    let answer = sidecar.workload().await.ask(head("PUT", &target, fields) + body).await;

    assert_eq!(answer.status, 200);
    let trailers = registry.request().await.trailers.expect("trailers");
    assert_eq!(trailers["x-digest"], "abc");
    assert!(!trailers.contains_key("x-forwarded-client-cert"));
    sidecar.record().await;
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_are_sent_on_in_the_form_that_was_decided() {
    let site = Site::new();
    let registry = Upstream::plaintext().await;
    let sidecar = site.start(&site.plaintext_plan(&registry)).await;
    let mut workload = sidecar.workload().await;
    let port = registry.port;

    // The scheme's default port, an explicit one, upper case, a trailing dot, needless escapes.
    for (target, host) in [
        (format!("http://{REGISTRY}/v2/%61%7e?q=%41"), REGISTRY.to_owned()),
        (format!("http://{REGISTRY}:80/v2/a~?q=%41"), format!("{REGISTRY}:80")),
        (format!("http://{REGISTRY}:{port}/v2/a~?q=%41"), format!("{REGISTRY}:{port}")),
        ("http://REGISTRY.ml.Internal/v2/a~?q=%41".to_owned(), "Registry.ML.internal".to_owned()),
    ] {
        let head = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        assert_eq!(workload.ask(head).await.status, 200, "{target}");
    }

    for received in registry.requests(4).await {
        assert_eq!(received.target, "/v2/a~?q=%41");
        let host = received.headers["host"].to_str().unwrap();
        assert!(host == REGISTRY || host == format!("{REGISTRY}:{port}"), "{host}");
    }
    sidecar.records(4).await;
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn head_and_its_length_come_back_without_a_body() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&site.plan(&registry)).await;
    let mut workload = sidecar.workload().await;

    workload.say(head("HEAD", &format!("http://{REGISTRY}/v2/a"), "")).await;
    let answer = workload.hear_head().await.unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["content-length"], "3");
    // The connection is in order: the next answer is the next one's.
    assert_eq!(workload.ask(request("GET", "/v2/b", "")).await.text(), "ok\n");

    let records = sidecar.records(2).await;
    assert_record(&records[0], &json!({ "outcome": "completed", "method": "HEAD" }));
    sidecar.finish().await;
}
