//! Streamed bodies leave behind the scanner, early bytes before late ones are there. A late finding
//! cuts: the upstream never sees a whole body.

use serde_json::json;

use crate::harness::body::{chunked, prose, prose_with};
use crate::harness::log::assert_record;
use crate::harness::site::Site;
use crate::harness::upstream::End;
use crate::harness::workload::{head, request};
use crate::harness::{REGISTRY, SSN};

const MIB: usize = 1 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn early_bytes_leave_while_late_ones_are_still_to_come() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&site.plan(&registry)).await;
    let body = prose(3 * MIB);
    let whole = request("PUT", "/stream/a", &body);
    let (first, rest) = whole.split_at(2 * MIB);
    let mut workload = sidecar.workload().await;

    workload.say(first).await;
    registry.has_body_bytes(MIB).await;
    let opened = sidecar.log();
    assert!(opened.closes().is_empty(), "the exchange is still under way");
    workload.say(rest).await;

    assert_eq!(workload.hear().await.status, 200);
    let received = registry.request().await;
    assert!(received.body == body && received.end == End::Whole);
    assert_record(
        &sidecar.record().await,
        &json!({
            "outcome": "completed",
            "inspect": "stream",
            "bytes_in": body.len(),
            "bytes_released": body.len(),
            "opened": true,
        }),
    );
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_finding_cuts_a_body_of_known_length() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&site.plan(&registry)).await;
    let body = prose_with(4 * MIB, SSN, 4 * MIB - 2_000);
    let whole = request("PUT", "/stream/a", &body);
    let mut workload = sidecar.workload().await;

    let (first, rest) = whole.split_at(2 * MIB);
    workload.say(first).await;
    registry.has_body_bytes(MIB).await;
    workload.say(rest).await;

    workload.hear().await.assert_problem(403, "finding");
    let received = registry.request().await;
    assert_eq!(received.end, End::Broken, "the upstream took the body for whole");
    assert!(received.body.len() < body.len() - 2_000, "the number left");
    assert!(received.body == body[..received.body.len()]);
    let record = sidecar.record().await;
    assert_record(
        &record,
        &json!({
            "outcome": "cut",
            "rule": "streams",
            "action": "block",
            "reason": "finding",
            "status": 403,
            "opened": true,
        }),
    );
    let released = record["bytes_released"].as_u64().unwrap();
    assert!(released >= received.body.len() as u64, "{released} < {}", received.body.len());
    assert!(released < body.len() as u64 - 2_000, "{record}");
    assert_eq!(record["findings"][0]["identifier"], "ssn");
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_finding_cuts_a_chunked_body_before_its_last_chunk() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&site.plan(&registry)).await;
    let body = prose_with(3 * MIB, SSN, 3 * MIB - 40);
    let target = format!("http://{REGISTRY}/stream/a");
    let head = head("PUT", &target, "Transfer-Encoding: chunked\r\n");
    let mut workload = sidecar.workload().await;

    workload.say([head.as_bytes(), &chunked(&body, 60_000)].concat()).await;

    workload.hear().await.assert_problem(403, "finding");
    let received = registry.request().await;
    assert_eq!(received.end, End::Broken, "the upstream took the body for whole");
    assert_record(&sidecar.record().await, &json!({ "outcome": "cut", "reason": "finding" }));
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finding_before_anything_left_is_a_refusal_like_any_other() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&site.plan(&registry)).await;
    let body = prose_with(900, SSN, 400);

    let answer = sidecar.workload().await.ask(request("PUT", "/stream/a", &body)).await;

    answer.assert_problem(403, "finding");
    let record = sidecar.record().await;
    assert_record(&record, &json!({ "reason": "finding", "bytes_released": 0, "status": 403 }));
    for received in registry.seen().requests {
        assert!(received.body.is_empty() && received.end != End::Whole);
    }
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_found_in_a_short_body_is_refused_before_its_head_leaves() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&site.plan(&registry)).await;
    let body = prose_with(9_000, SSN, 8_900);

    let answer = sidecar.workload().await.ask(request("PUT", "/stream/a", &body)).await;

    answer.assert_problem(403, "finding");
    let record = sidecar.record().await;
    assert_record(&record, &json!({ "outcome": "refused", "reason": "finding", "opened": false }));
    registry.assert_untouched();
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_body_that_comes_late_leaves_as_it_comes() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&site.plan(&registry)).await;
    let body = prose(15_000);
    let whole = request("PUT", "/stream/a", &body);
    let (first, rest) = whole.split_at(whole.len() - 100);
    let mut workload = sidecar.workload().await;

    workload.say(first).await;
    registry.has_body_bytes(4_096).await;
    workload.say(rest).await;

    assert_eq!(workload.hear().await.status, 200);
    let received = registry.request().await;
    assert!(received.body == body && received.end == End::Whole);
    let record = sidecar.record().await;
    assert_record(
        &record,
        &json!({ "outcome": "completed", "inspect": "stream", "bytes_released": body.len() }),
    );
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_halfway_leaves_no_whole_body_behind() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&site.plan(&registry)).await;
    let body = prose(3 * MIB);
    let whole = request("PUT", "/stream/a", &body);
    let mut workload = sidecar.workload().await;

    workload.say(&whole[..2 * MIB]).await;
    registry.has_body_bytes(MIB).await;
    drop(workload);

    assert_eq!(registry.request().await.end, End::Broken);
    let record = sidecar.record().await;
    let outcome = record["outcome"].as_str().unwrap();
    assert!(outcome == "failed" || outcome == "aborted", "{record}");
    assert!(record["bytes_released"].as_u64().unwrap() >= MIB as u64);
    sidecar.finish().await;
}
