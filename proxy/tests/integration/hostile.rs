//! Upstreams and applications that answer badly, late, or not at all.

use serde_json::json;

use crate::harness::body::prose;
use crate::harness::log::assert_record;
use crate::harness::peer::peer_request;
use crate::harness::raw::RawServer;
use crate::harness::sidecar::Sidecar;
use crate::harness::site::Site;
use crate::harness::upstream::{Gate, Reply, Upstream};
use crate::harness::workload::request;
use crate::harness::{AGGREGATOR_ID, is_planted_in};

/// The stories' policy with a registry at `port`, over plain HTTP.
async fn start(site: &Site, port: u16, limit: &str) -> Sidecar {
    let upstream = Upstream::plaintext().await;
    let mut plan = site.plaintext_plan(&upstream).limit(limit);
    plan.policy = plan.policy.replace(&format!("[{}]", upstream.port), &format!("[{port}]"));
    plan.forward = Some(port);
    site.start(&plan).await
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_have_no_one_reading_do_not_go_on() {
    for answer in [
        &b"SSH-2.0-OpenSSH_9.2\r\n\r\n"[..],
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nX A: b\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
    ] {
        let site = Site::new();
        let server = RawServer::answering(answer);
        let sidecar = start(&site, server.port, "responseTimeout: 30s").await;
        let said = String::from_utf8_lossy(answer);

        let heard = sidecar.workload().await.ask(request("GET", "/v2/a", "")).await;

        assert_eq!(heard.status, 502, "{said}");
        heard.assert_problem(502, "upstream-broken");
        let record = sidecar.record().await;
        assert_record(&record, &json!({ "outcome": "failed", "status": 502, "opened": true }));
        sidecar.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_breaks_off_does_not_look_whole() {
    for answer in [
        &b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\nabc"[..],
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n",
    ] {
        let site = Site::new();
        let server = RawServer::answering(answer);
        let sidecar = start(&site, server.port, "responseTimeout: 2s").await;

        let heard = sidecar.workload().await.ask(request("GET", "/v2/a", "")).await;

        assert!(heard.status == 200 && !heard.is_whole, "{}", heard.text());
        let record = sidecar.record().await;
        assert_record(&record, &json!({ "outcome": "failed", "opened": true, "bytes_out": 3 }));
        sidecar.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reason_phrase_is_no_way_around_the_reader() {
    let site = Site::new();
    let server =
        RawServer::answering(b"HTTP/1.1 200 ssn 536-22-8941\r\nContent-Length: 2\r\n\r\nok");
    let sidecar = start(&site, server.port, "responseTimeout: 5s").await;
    let aggregator = site.pki.issue(AGGREGATOR_ID, &["aggregator.example"]);
    let mut peer = sidecar.peer(site.pki.client(Some(&aggregator))).await.unwrap();

    peer.say(peer_request("GET", "/updates/7", "Connection: close\r\n", "")).await;
    let said = peer.hear_end().await;

    assert!(said.starts_with(b"HTTP/1.1 200 ") && said.ends_with(b"ok"));
    assert!(!is_planted_in(&said), "the number left in the reason phrase");
    sidecar.record().await;
    drop(peer);
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_reads_no_further_is_not_waited_for() {
    let site = Site::new();
    let server = RawServer::deaf();
    let sidecar = start(&site, server.port, "responseTimeout: 2s").await;

    // Held in memory and on disk, streamed and still being read, streamed and all ready.
    for (turn, (path, size)) in
        [("/v2/a", 300 << 10), ("/v2/a", 8 << 20), ("/stream/a", 8 << 20), ("/stream/a", 300 << 10)]
            .into_iter()
            .enumerate()
    {
        let answer = sidecar.workload().await.ask(request("PUT", path, prose(size))).await;
        answer.assert_problem(504, "upstream-timeout");
        server.heads(turn + 1).await;
        let record = sidecar.records(turn + 1).await.pop().unwrap();
        assert_record(&record, &json!({ "outcome": "failed", "status": 504, "opened": true }));
    }
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_goes_silent_is_not_waited_for() {
    let site = Site::new();
    let upstream = Upstream::plaintext().await;
    upstream.reply(Reply {
        pieces: vec![b"first\n".to_vec(), b"never\n".to_vec()],
        gate: Some(Gate::new()),
        ..Reply::default()
    });
    let sidecar = start(&site, upstream.port, "responseTimeout: 2s").await;

    let answer = sidecar.workload().await.ask(request("GET", "/v2/a", "")).await;

    assert!(answer.status == 200 && !answer.is_whole);
    assert_eq!(answer.body, b"first\n");
    let record = sidecar.record().await;
    assert_record(&record, &json!({ "outcome": "failed", "bytes_out": 6 }));
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_and_does_not_read_is_not_waited_for() {
    let site = Site::new();
    let upstream = Upstream::plaintext().await;
    upstream.reply(Reply { pieces: vec![prose(24 << 20)], ..Reply::default() });
    let sidecar = start(&site, upstream.port, "responseTimeout: 2s").await;
    let aggregator = site.pki.issue(AGGREGATOR_ID, &["aggregator.example"]);
    let mut peer = sidecar.peer(site.pki.client(Some(&aggregator))).await.unwrap();
    let mut workload = sidecar.workload().await;

    workload.say(request("GET", "/v2/a", "")).await;
    assert_eq!(sidecar.record().await["outcome"], "aborted");
    for (turn, path) in ["/flows/7", "/updates/7"].into_iter().enumerate() {
        peer.say(peer_request("GET", path, "", "")).await;
        let record = sidecar.records(turn + 2).await.pop().unwrap();
        let outcome = record["outcome"].as_str().unwrap();
        assert!(outcome == "aborted" || outcome == "failed", "{record}");
        assert!(record["bytes_released"].as_u64().unwrap() < 24 << 20, "{record}");
        peer = sidecar.peer(site.pki.client(Some(&aggregator))).await.unwrap();
    }
    drop((peer, workload));
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_does_not_answer_is_not_waited_for() {
    let site = Site::new();
    let server = RawServer::deaf();
    let sidecar = start(&site, server.port, "responseTimeout: 2s").await;
    let aggregator = site.pki.issue(AGGREGATOR_ID, &["aggregator.example"]);
    let mut peer = sidecar.peer(site.pki.client(Some(&aggregator))).await.unwrap();

    peer.ask(peer_request("GET", "/updates/7", "", ""))
        .await
        .assert_problem(504, "upstream-timeout");

    assert_record(
        &sidecar.record().await,
        &json!({ "direction": "inbound", "outcome": "failed", "status": 504 }),
    );
    drop(peer);
    sidecar.finish().await;
}
