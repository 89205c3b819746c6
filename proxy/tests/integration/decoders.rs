//! A few KiB that decode to very much: what the decoders keep counts for `limits.bufferedBytesMax`, and who
//! sends them keeps nobody else waiting.

use crate::harness::REGISTRY;
use crate::harness::body::prose;
use crate::harness::sidecar::Sidecar;
use crate::harness::site::Site;
use crate::harness::wire::Answer;
use crate::harness::workload::{Workload, head, request};

const KIB: usize = 1 << 10;
const BUFFERED: &str = "lazaret_buffered_bytes";
/// What a request with a body may come to keep (README, "limits").
const COST: usize = 352 * KIB;
/// What a block of zstd may decode to.
const BLOCK: usize = 128 * KIB;

/// A frame of zstd (RFC 8878) that has not ended, with a window of 1 MiB: so many blocks of 128 KiB of one
/// byte, four bytes each, then one of text.
fn frame(blocks: usize) -> Vec<u8> {
    const RUN: u32 = 1;
    let mut frame = b"\x28\xb5\x2f\xfd\x00\x50".to_vec();
    let mut block = |kind: u32, size: usize, content: &[u8]| {
        let header = u32::try_from(size).unwrap() << 3 | kind << 1;
        frame.extend(&header.to_le_bytes()[..3]);
        frame.extend(content);
    };
    for _ in 0..blocks {
        block(RUN, BLOCK, b"\n");
    }
    let text = prose(8 * KIB);
    block(0, text.len(), &text);
    frame
}

/// Sends all but the end of a body.
async fn unfinished(sidecar: &Sidecar, path: &str, body: &[u8]) -> Workload {
    let mut workload = sidecar.workload().await;
    let length = format!("Content-Length: {}\r\n", body.len() + 1);
    let target = format!("http://{REGISTRY}{path}");
    workload.say(head("PUT", &target, &length)).await;
    workload.say(body).await;
    workload
}

async fn part(sidecar: &Sidecar, upload: usize, body: &[u8]) -> Answer {
    let path = format!("/v2/model.zst?partNumber=1&uploadId=up.{upload}");
    sidecar.workload().await.ask(request("PUT", &path, body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn windows_of_unfinished_bodies_count_as_buffered() {
    let site = Site::new();
    let registry = site.registry().await;
    let plan = site.plan(&registry).limit("bufferedBytesMax: 1536KiB");
    let sidecar = site.start(&plan).await;

    let first = unfinished(&sidecar, "/v2/first", &frame(1)).await;
    sidecar.until_metric_reaches(BUFFERED, (COST + BLOCK) as f64).await;
    let mut second = unfinished(&sidecar, "/v2/second", &frame(4)).await;
    second.hear().await.assert_problem(503, "buffered-bytes-max");
    let mut third = unfinished(&sidecar, "/v2/third", &frame(100)).await;
    third.hear().await.assert_problem(503, "buffered-bytes-max");

    let most = sidecar.metrics().await.value(BUFFERED);
    assert!(most <= (1536 * KIB) as f64, "{most}");
    let plain = sidecar.workload().await.ask(request("GET", "/v2/plain", "")).await;
    assert_eq!(plain.status, 200, "{}", plain.text());
    drop((first, second, third));
    let records = sidecar.records(4).await;
    let refused = records.iter().filter(|record| record["error"] == "buffered-bytes-max");
    assert_eq!(refused.count(), 2, "{records:#?}");
    assert_eq!(registry.seen().requests.len(), 1, "the upstream heard of a body");
    sidecar.until_metric(BUFFERED, 0.0).await;
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn windows_of_uploads_count_while_no_part_is_under_way() {
    let site = Site::new();
    let registry = site.registry().await;
    let plan = site.plan(&registry).limit("bufferedBytesMax: 1536KiB");
    let sidecar = site.start(&plan).await;
    let body = frame(1);

    assert_eq!(part(&sidecar, 1, &body).await.status, 200);
    sidecar.until_metric("lazaret_exchanges_open{direction=\"outbound\"}", 0.0).await;
    let parked = sidecar.metrics().await.value(BUFFERED);
    assert!(parked >= BLOCK as f64, "{parked}");
    let mut refused = 0;
    for upload in 2..6 {
        let answer = part(&sidecar, upload, &body).await;
        if answer.status == 200 {
            continue;
        }
        answer.assert_problem(503, "buffered-bytes-max");
        refused += 1;
    }
    assert!(refused > 0, "every upload was kept");

    // What becomes no object keeps nothing.
    for upload in 1..6 {
        let path = format!("/v2/model.zst?uploadId=up.{upload}");
        let list = "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber></Part></CompleteMultipartUpload>";
        let answer = sidecar.workload().await.ask(request("POST", &path, list)).await;
        assert_eq!(answer.status, 403, "{}", answer.text());
    }
    sidecar.until_metric(BUFFERED, 0.0).await;
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn others_go_on_while_bodies_decode_to_very_much() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&site.plan(&registry)).await;
    // More than there are workers, each a GiB.
    let body = frame(8000);
    let mut bodies = Vec::new();
    for number in 0..3 {
        let mut workload = sidecar.workload().await;
        workload.say(request("PUT", &format!("/v2/{number}"), &body)).await;
        bodies.push(workload);
    }
    sidecar.until_metric_reaches(BUFFERED, (3 * (COST + 1024 * KIB)) as f64).await;

    let ready = sidecar.admin("GET", "/readyz").await;
    let other = sidecar.workload().await.ask(request("GET", "/v2/other", "")).await;

    let log = sidecar.log();
    assert!(log.closes().iter().all(|record| record["method"] == "GET"), "a body ended first");
    assert_eq!((ready.status, other.status), (200, 200));
    for workload in &mut bodies {
        assert_eq!(workload.hear().await.status, 403, "what does not end is not read");
    }
    sidecar.records(4).await;
    sidecar.finish().await;
}
