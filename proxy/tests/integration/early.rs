//! Upstreams that answer before they have read the body: the exchange goes on until both ways have
//! ended, and so does its record.

use serde_json::json;

use crate::harness::SSN;
use crate::harness::body::{prose, prose_with};
use crate::harness::log::assert_record;
use crate::harness::site::Site;
use crate::harness::upstream::{End, Reply};
use crate::harness::workload::request;

const MIB: usize = 1 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_leave_after_an_early_answer_are_on_record() {
    let site = Site::new();
    let registry = site.registry().await;
    registry.reply(Reply { is_early: true, ..Reply::text("ok\n") });
    let sidecar = site.start(&site.plan(&registry)).await;
    let body = prose(3 * MIB);
    let whole = request("PUT", "/stream/a", &body);
    let mut workload = sidecar.workload().await;

    workload.say(&whole[..MIB]).await;
    assert_eq!(workload.hear().await.status, 200);
    workload.say(&whole[MIB..]).await;

    let received = registry.request().await;
    let record = sidecar.record().await;
    assert!(received.body == body && received.end == End::Whole);
    assert_record(&record, &json!({ "outcome": "completed", "bytes_released": body.len() }));
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finding_after_an_early_answer_still_cuts_and_is_on_record() {
    let site = Site::new();
    let registry = site.registry().await;
    registry.reply(Reply { is_early: true, ..Reply::text("ok\n") });
    let sidecar = site.start(&site.plan(&registry)).await;
    let body = prose_with(3 * MIB, SSN, 3 * MIB - 2_000);
    let whole = request("PUT", "/stream/a", &body);
    let mut workload = sidecar.workload().await;

    workload.say(&whole[..MIB]).await;
    assert_eq!(workload.hear().await.status, 200);
    // The proxy may have closed its side by now; then nothing more leaves anyway.
    let _closed = workload.try_say(&whole[MIB..]).await;

    let received = registry.request().await;
    assert_eq!(received.end, End::Broken, "the upstream took the body for whole");
    assert!(received.body.len() < body.len() - 2_000, "the number left");
    let record = sidecar.record().await;
    let released = record["bytes_released"].as_u64().unwrap();
    assert!(released >= received.body.len() as u64, "left unrecorded: {record}");
    assert_record(&record, &json!({ "outcome": "cut", "reason": "finding" }));
    sidecar.finish().await;
}
