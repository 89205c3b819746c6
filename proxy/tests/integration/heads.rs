//! What a head asks for that would change how an answer is read, or that two servers read differently.

use http::Request;
use serde_json::json;
use tokio::net::TcpStream;

use crate::harness::http2::Http2;
use crate::harness::log::assert_record;
use crate::harness::site::Site;
use crate::harness::upstream::{Reply, Upstream};
use crate::harness::workload::request_with;
use crate::harness::{AGGREGATOR_ID, REGISTRY, SSN};

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_read_is_asked_for_whole() {
    let site = Site::new();
    let registry = site.registry().await;
    registry.reply(Reply::text(&format!("the patient's ssn is {SSN}")));
    let sidecar = site.start(&site.plan(&registry)).await;
    let mut workload = sidecar.workload().await;
    let part = "Range: bytes=0-25\r\nIf-Range: \"v1\"\r\nx-ms-range: bytes=0-25\r\n";
    let answer = workload.ask(request_with("GET", "/answers/a", part, "")).await;
    answer.assert_problem(403, "finding");
    // Where nobody reads the answer, a part is a part.
    registry.reply(Reply::text("part"));
    let answer = sidecar.workload().await.ask(request_with("GET", "/v2/a", part, "")).await;
    assert_eq!(answer.status, 200);

    let asked = registry.requests(2).await;
    for name in ["range", "if-range", "x-ms-range"] {
        assert!(!asked[0].headers.contains_key(name), "{name}");
        assert!(asked[1].headers.contains_key(name), "{name}");
    }
    let records = sidecar.records(2).await;
    assert_record(&records[0], &json!({"rule": "answers", "range_removed": true}));
    assert_eq!(records[1].get("range_removed"), None);
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_gets_the_whole_too() {
    let site = Site::new();
    let (registry, app) = (site.registry().await, Upstream::plaintext().await);
    app.reply(Reply::text("weights"));
    let sidecar = site.start(&site.plan(&registry).inbound(&app)).await;
    let aggregator = site.pki.issue(AGGREGATOR_ID, &["aggregator.example"]);
    let mut peer = sidecar.peer(site.pki.client(Some(&aggregator))).await.unwrap();
    let answer = peer.ask("GET /updates/1 HTTP/1.1\r\nHost: a\r\nRange: bytes=0-1\r\n\r\n").await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "weights"));
    assert!(!app.request().await.headers.contains_key("range"));
    assert_record(&sidecar.record().await, &json!({"rule": "updates", "range_removed": true}));
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cookies_that_http2_split_go_out_as_one_line() {
    let site = Site::new();
    let registry = Upstream::plaintext().await;
    let sidecar = site.start(&site.plaintext_plan(&registry)).await;
    let workload = Http2::new(TcpStream::connect(sidecar.http_proxy).await.unwrap()).await;
    let request = Request::get(format!("http://{REGISTRY}/v2/a"))
        .header("cookie", "a=1")
        .header("cookie", "b=2; c=3")
        .body(())
        .unwrap();
    assert_eq!(workload.ask(request, "").await.status, 200);
    let asked = registry.request().await;
    let cookies: Vec<_> = asked.headers.get_all("cookie").iter().collect();
    assert_eq!(cookies, ["a=1; b=2; c=3"]);
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fragment_in_a_target_is_refused() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&site.plan(&registry)).await;
    for target in [format!("http://{REGISTRY}/v2/a#b"), format!("http://{REGISTRY}/v2/a?b#c")] {
        let mut workload = sidecar.workload().await;
        let asked = format!("GET {target} HTTP/1.1\r\nHost: {REGISTRY}\r\n\r\n");
        assert_eq!(workload.ask(asked).await.status, 400);
    }
    for record in sidecar.records(2).await {
        assert_record(&record, &json!({"outcome": "malformed"}));
        assert!(record["error"].as_str().unwrap().contains("fragment"), "{record:#}");
    }
    registry.assert_untouched();
    sidecar.finish().await;
}
