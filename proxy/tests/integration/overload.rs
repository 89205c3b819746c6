//! What is too much is turned away before work begins, by name; an upstream that takes no connection is
//! left alone for a while.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::harness::body::prose;
use crate::harness::log::{assert_record, only};
use crate::harness::peer::peer_request;
use crate::harness::raw::deserted;
use crate::harness::site::Site;
use crate::harness::upstream::{Gate, Reply, Upstream};
use crate::harness::wait::within;
use crate::harness::workload::{head, request};
use crate::harness::{AGGREGATOR_ID, REGISTRY};

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_asks_too_often_gets_429_and_others_do_not() {
    let site = Site::new();
    let upstream = Upstream::plaintext().await;
    let app = Upstream::plaintext().await;
    let plan = site.plaintext_plan(&upstream).inbound(&app);
    let plan = plan.limit("sourceRequestsPerSecondMax: 1").limit("sourceBurstMax: 2");
    let sidecar = site.start(&plan).await;
    let mut workload = sidecar.workload().await;
    let began = Instant::now();
    let mut statuses = Vec::new();
    for _ in 0..4 {
        let answer = workload.ask(request("PUT", "/v2/a", "a body")).await;
        if answer.status == 429 {
            answer.assert_problem(429, "source-requests-max");
            assert!(answer.headers.contains_key("retry-after"));
        }
        statuses.push(answer.status);
    }
    let refused = statuses.iter().filter(|status| **status == 429).count();
    assert_eq!(statuses[..2], [200, 200]);
    assert!(refused >= 1 || began.elapsed() > Duration::from_secs(1), "{statuses:?}");

    let aggregator = site.pki.issue(AGGREGATOR_ID, &["aggregator.example"]);
    let mut peer = sidecar.peer(site.pki.client(Some(&aggregator))).await.unwrap();
    let ask = || peer_request("GET", "/updates/7", "", "");
    assert_eq!(peer.ask(ask()).await.status, 200, "its own bucket");

    let records = sidecar.records(5).await;
    let too_often = json!({ "outcome": "failed", "status": 429, "opened": false });
    let failed = records.iter().filter(|record| record["outcome"] == "failed");
    assert_eq!(failed.inspect(|record| assert_record(record, &too_often)).count(), refused);
    assert_eq!(upstream.requests(4 - refused).await.len(), 4 - refused);
    drop(peer);
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_memory_is_spent_bodies_go_to_disk_and_newcomers_are_turned_away() {
    let site = Site::new();
    let registry = site.registry().await;
    let plan = site.plan(&registry).limit("bufferedBytesMax: 1536KiB");
    let sidecar = site.start(&plan).await;
    let (mut first, mut second) = (sidecar.workload().await, sidecar.workload().await);
    let mut other = sidecar.workload().await;
    let body = prose(1300 << 10);
    let whole = request("PUT", "/v2/a", &body);
    first.say(&whole[..1200 << 10]).await;
    // Half of it is what one source may hold in memory: without the limit nothing would go to disk.
    sidecar.until_metric_reaches("lazaret_spool_bytes", f64::from(700 << 10)).await;
    let short = request("PUT", "/v2/c", "abc");
    other.say(&short[..short.len() - 1]).await;
    sidecar.until_metric_reaches("lazaret_buffered_bytes", f64::from(1000 << 10)).await;

    let answer = second.ask(request("PUT", "/v2/b", "a body")).await;
    answer.assert_problem(503, "buffered-bytes-max");
    assert!(answer.headers.contains_key("retry-after"));
    first.say(&whole[1200 << 10..]).await;
    assert_eq!(first.hear().await.status, 200);
    other.say(&short[short.len() - 1..]).await;
    assert_eq!(other.hear().await.status, 200);

    let requests = registry.requests(2).await;
    assert!(requests.iter().any(|request| request.body == body));
    sidecar.until_metric("lazaret_buffered_bytes", 0.0).await;
    assert_eq!(second.ask(request("PUT", "/v2/b", "a body")).await.status, 200);
    let records = sidecar.records(4).await;
    assert_record(only(&records, "outcome", "failed"), &json!({ "status": 503, "opened": false }));
    only(&records, "bytes_released", body.len());
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_takes_too_long_gets_408_however_steadily_it_comes() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&site.plan(&registry).limit("bodyTimeout: 400ms")).await;
    let target = format!("http://{REGISTRY}/v2/a");
    let mut slow = sidecar.workload().await;
    slow.say(head("PUT", &target, "Content-Length: 50000\r\n")).await;
    // Far below `bodyIdle`, which is a minute.
    slow.dribble(Duration::from_millis(20)).await;

    slow.hear().await.assert_problem(408, "body-timeout");
    registry.assert_untouched();
    let record = sidecar.record().await;
    assert_record(&record, &json!({ "outcome": "failed", "status": 408, "bytes_released": 0 }));
    assert!(record["error"].as_str().unwrap().contains("limits.bodyTimeout"), "{record}");
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_body_that_dribbles_gets_408_and_a_steady_one_is_taken() {
    let site = Site::new();
    let registry = site.registry().await;
    let plan = site.plan(&registry).limit("bodyIdle: 2s").limit("bodyBytesPerSecondMin: 10000");
    let sidecar = site.start(&plan).await;
    let target = format!("http://{REGISTRY}/v2/a");
    let mut slow = sidecar.workload().await;
    slow.say(head("PUT", &target, "Content-Length: 50000\r\n")).await;
    // Never silent for `bodyIdle`, and never near ten thousand bytes in a second.
    slow.dribble(Duration::from_millis(20)).await;
    slow.hear().await.assert_problem(408, "body-timeout");
    registry.assert_untouched();
    let record = sidecar.record().await;
    assert!(record["error"].as_str().unwrap().contains("bodyBytesPerSecondMin"), "{record}");

    // What came at once buys time for the rest: forty seconds, of which this takes more than `bodyIdle`.
    let mut steady = sidecar.workload().await;
    let body = prose(400_000);
    steady.say(head("PUT", &target, "Content-Length: 400000\r\n")).await;
    let (most, rest) = body.split_at(body.len() - 50);
    steady.say(most).await;
    for byte in rest {
        tokio::time::sleep(Duration::from_millis(50)).await;
        steady.say([*byte]).await;
    }
    assert_eq!(steady.hear().await.status, 200);
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_takes_no_connection_is_left_alone() {
    let site = Site::new();
    let upstream = Upstream::plaintext().await;
    let deserted = deserted();
    let closed = deserted.local_addr().unwrap().port();
    let mut plan = site.plaintext_plan(&upstream);
    let elsewhere =
        format!("addresses: [10.0.0.0/8, 127.0.0.1/32]\n    ports: [{}]", upstream.port);
    let gone = format!("addresses: [10.0.0.0/8, 127.0.0.1/32]\n    ports: [{closed}]");
    assert!(plan.policy.contains(&elsewhere));
    plan.policy = plan.policy.replace(&elsewhere, &gone);
    let plan = plan.host("loopback.ml.internal: [\"127.0.0.1\"]");
    let plan = plan.limit("upstreamFailuresMax: 2").limit("upstreamPause: 50s");
    let sidecar = site.start(&plan).await;
    let mut workload = sidecar.workload().await;
    let ask = "GET http://loopback.ml.internal/a HTTP/1.1\r\nHost: loopback.ml.internal\r\n\r\n";

    for _ in 0..2 {
        workload.ask(ask).await.assert_problem(502, "upstream-unreachable");
    }
    for _ in 0..3 {
        let answer = workload.ask(ask).await;
        answer.assert_problem(503, "upstream-ejected");
        assert!(answer.headers.contains_key("retry-after"));
    }
    assert_eq!(workload.ask(request("GET", "/v2/a", "")).await.status, 200, "a neighbour");

    let records = sidecar.records(6).await;
    assert_record(&records[4], &json!({ "outcome": "failed", "status": 503, "rule": "beyond" }));
    sidecar.until_metric("lazaret_upstream_ejections_total", 1.0).await;
    sidecar
        .until_metric("lazaret_upstream_dials_total{result=\"upstream-unreachable\"}", 2.0)
        .await;
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_its_pause_one_connection_brings_an_upstream_back() {
    let site = Site::new();
    let upstream = Upstream::plaintext().await;
    let deserted = deserted();
    let mut plan = site.plaintext_plan(&upstream);
    let listed = format!("ports: [{}]", upstream.port);
    let closed = format!("ports: [{}]", deserted.local_addr().unwrap().port());
    plan.policy = plan.policy.replace(&listed, &closed);
    let plan = plan.limit("upstreamFailuresMax: 1").limit("upstreamPause: 4s");
    let sidecar = site.start(&plan).await;
    let mut workload = sidecar.workload().await;
    workload.ask(request("GET", "/v2/a", "")).await.assert_problem(502, "upstream-unreachable");
    workload.ask(request("GET", "/v2/a", "")).await.assert_problem(503, "upstream-ejected");

    let listener = deserted.listen(16).unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let answer = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
            stream.write_all(answer).await.unwrap();
        }
    });
    let mut asked = 2;
    within("the upstream's return", async {
        let mut answered = 0;
        while answered < 2 {
            let answer = workload.ask(request("GET", "/v2/a", "")).await;
            asked += 1;
            match answer.status {
                204 => answered += 1,
                _ => answer.assert_problem(503, "upstream-ejected"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;

    sidecar.records(asked).await;
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_connections_to_one_upstream_than_the_limit() {
    let site = Site::new();
    let registry = site.registry().await;
    let gate = Gate::new();
    registry.reply(Reply { gate: Some(gate.clone()), ..Reply::text("ok\n") });
    let sidecar = site.start(&site.plan(&registry).limit("upstreamConnectionsMax: 1")).await;
    let (mut first, mut second) = (sidecar.workload().await, sidecar.workload().await);
    first.say(request("PUT", "/v2/a", "a body")).await;
    registry.request().await;

    let answer = second.ask(request("PUT", "/v2/b", "a body")).await;
    answer.assert_problem(503, "upstream-connections-max");
    gate.open();
    assert_eq!(first.hear().await.status, 200);
    // The first one's connection is there to be used again.
    sidecar.records(2).await;
    assert_eq!(second.ask(request("PUT", "/v2/b", "a body")).await.status, 200);

    let seen = registry.seen();
    assert_eq!((seen.connections, seen.requests.len()), (1, 2));
    let records = sidecar.records(3).await;
    let refused = json!({ "status": 503, "bytes_released": 0 });
    assert_record(only(&records, "outcome", "failed"), &refused);
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_keeps_silent_does_not_keep_the_next_one_waiting() {
    let site = Site::new();
    let upstream = Upstream::plaintext().await;
    // A private address that nobody has; whether its network is silent or says so, it is passed over.
    let plan = site.plaintext_plan(&upstream).limit("connectTimeout: 1h");
    let plan = plan.host("mixed.ml.internal: [\"10.255.255.1\", \"127.0.0.1\"]");
    let sidecar = site.start(&plan).await;

    let ask = "GET http://mixed.ml.internal/a HTTP/1.1\r\nHost: mixed.ml.internal\r\n\r\n";
    assert_eq!(sidecar.workload().await.ask(ask).await.status, 200);

    let record = sidecar.record().await;
    assert_eq!(record["address"], format!("127.0.0.1:{}", upstream.port));
    sidecar.finish().await;
}
