//! Uploads in parts are read as one artifact: what spans their borders is found, whatever the order
//! in which they arrive, and what was refused becomes no object.

use serde_json::json;

use crate::harness::SSN;
use crate::harness::body::{floats, prose, zip};
use crate::harness::log::assert_record;
use crate::harness::sidecar::Sidecar;
use crate::harness::site::Site;
use crate::harness::wire::Answer;
use crate::harness::workload::request;

/// Sends part `number` of `upload` on a connection of its own.
async fn part(sidecar: &Sidecar, upload: &str, number: u32, body: &[u8]) -> Answer {
    let path = format!("/v2/model.pt?partNumber={number}&uploadId={upload}");
    sidecar.workload().await.ask(request("PUT", &path, body)).await
}

/// Asks for the object of these parts.
async fn complete(sidecar: &Sidecar, upload: &str, parts: &[u32]) -> Answer {
    let path = format!("/v2/model.pt?uploadId={upload}");
    let part = |number: &u32| format!("<Part><PartNumber>{number}</PartNumber></Part>");
    let list: String = parts.iter().map(part).collect();
    let list = format!("<CompleteMultipartUpload>{list}</CompleteMultipartUpload>");
    sidecar.workload().await.ask(request("POST", &path, list)).await
}

fn checkpoint(note: &[u8]) -> Vec<u8> {
    zip(&[("model/data/0", &floats(60_000)), ("model/notes.txt", note)])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_that_spans_parts_passes_in_whatever_order_they_come() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&site.plan(&registry)).await;
    let archive = checkpoint(&prose(4_000));
    let (first, rest) = archive.split_at(50_001);
    let (second, third) = rest.split_at(70_000);

    let (third, two, one) = tokio::join!(
        part(&sidecar, "up.1", 3, third),
        part(&sidecar, "up.1", 2, second),
        part(&sidecar, "up.1", 1, first),
    );
    for answer in [one, two, third] {
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    // A client that missed an answer sends the part again, or asks again.
    assert_eq!(part(&sidecar, "up.1", 2, second).await.status, 200);
    assert_eq!(complete(&sidecar, "up.1", &[1, 2, 3]).await.status, 200);
    assert_eq!(complete(&sidecar, "up.1", &[1, 2, 3]).await.status, 200);

    let received = registry.requests(6).await;
    let of = |number: &str| {
        let number = format!("partNumber={number}&");
        received.iter().find(|request| request.target.contains(&number)).map(|r| r.body.clone())
    };
    let whole = [of("1"), of("2"), of("3")].map(Option::unwrap).concat();
    assert!(whole == archive, "the archive changed on its way");
    for record in sidecar.records(6).await {
        assert_record(&record, &json!({ "outcome": "completed", "findings": null }));
    }
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_across_the_border_of_two_parts_is_refused_and_so_is_the_object() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&site.plan(&registry)).await;
    let note = format!("Patient SSN {SSN}, admitted.\n");
    let (first, second) = note.split_at(note.find(SSN).unwrap() + 6);

    assert_eq!(part(&sidecar, "up.2", 1, first.as_bytes()).await.status, 200);
    part(&sidecar, "up.2", 2, second.as_bytes()).await.assert_problem(403, "finding");
    complete(&sidecar, "up.2", &[1]).await.assert_problem(403, "upload-refused");
    part(&sidecar, "up.2", 3, b"more").await.assert_problem(403, "upload-refused");

    assert_eq!(registry.requests(1).await.len(), 1, "part 1 alone");
    let records = sidecar.records(4).await;
    let refused = records.iter().find(|record| record["reason"] == "finding").unwrap();
    assert_eq!(refused["findings"][0]["identifier"], "ssn", "{refused}");
    assert_record(refused, &json!({ "outcome": "refused", "bytes_released": 0, "opened": false }));
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_as_a_whole_becomes_no_object() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&site.plan(&registry)).await;
    let archive = checkpoint(b"epoch 3\n");
    let (first, second) = archive.split_at(100_000);

    assert_eq!(part(&sidecar, "up.3", 1, first).await.status, 200);
    assert_eq!(part(&sidecar, "up.3", 2, &second[..second.len() / 2]).await.status, 200);
    complete(&sidecar, "up.3", &[1, 2]).await.assert_problem(403, "unreadable");
    complete(&sidecar, "never-begun", &[1]).await.assert_problem(403, "upload-unknown");

    let received = registry.requests(2).await;
    assert!(received.iter().all(|request| request.method == "PUT"), "no completion");
    let records = sidecar.records(4).await;
    let whole = records.iter().find(|record| record["reason"] == "unreadable").unwrap();
    assert!(whole["incomplete"].as_array().is_some_and(|all| !all.is_empty()), "{whole}");
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_was_read_cannot_be_exchanged() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&site.plan(&registry)).await;

    assert_eq!(part(&sidecar, "up.4", 1, b"epoch 1\n").await.status, 200);
    let other = format!("SSN {SSN}\n");
    part(&sidecar, "up.4", 1, other.as_bytes()).await.assert_problem(403, "part-changed");
    complete(&sidecar, "up.4", &[1]).await.assert_problem(403, "upload-refused");

    assert_eq!(registry.requests(1).await.len(), 1);
    sidecar.records(3).await;
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_of_which_a_part_never_comes_becomes_no_object() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&site.plan(&registry).limit("partWait: 50ms")).await;

    assert_eq!(part(&sidecar, "up.5", 1, b"epoch 1, loss 0.25\n").await.status, 200);
    part(&sidecar, "up.5", 3, b"epoch 3\n").await.assert_problem(403, "upload-broken");
    complete(&sidecar, "up.5", &[1]).await.assert_problem(403, "upload-broken");
    let path = "/v2/model.pt?uploadId=up.5&partNumber=1";
    let answer = sidecar.workload().await.ask(request("POST", path, "<Complete/>")).await;
    answer.assert_problem(403, "upload-broken");

    assert_eq!(registry.requests(1).await.len(), 1);
    sidecar.records(4).await;
    sidecar.finish().await;
}

/// What was read is what becomes the object: every part, in order, by whatever spelling of the id.
#[tokio::test(flavor = "multi_thread")]
async fn an_object_is_made_of_all_parts_that_were_read_or_not_at_all() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&site.plan(&registry)).await;
    let note = format!("Patient SSN {SSN}, admitted.\n");
    let (half, rest) = note.split_at(note.find(SSN).unwrap() + 6);

    // Junk between the halves, to be left out of the object.
    for (number, body) in [(1, half), (2, "junk, more junk\n"), (3, rest)] {
        assert_eq!(part(&sidecar, "up.6", number, body.as_bytes()).await.status, 200);
    }
    complete(&sidecar, "up.6", &[1, 3]).await.assert_problem(403, "upload-list");
    complete(&sidecar, "up.6", &[3, 2, 1]).await.assert_problem(403, "upload-list");
    // The same upload by another spelling is the same upload.
    assert_eq!(part(&sidecar, "up.7", 1, half.as_bytes()).await.status, 200);
    part(&sidecar, "%75p.7", 2, rest.as_bytes()).await.assert_problem(403, "finding");
    // Giving it up does not make its parts forgotten.
    assert_eq!(part(&sidecar, "up.8", 1, half.as_bytes()).await.status, 200);
    let abort = request("DELETE", "/v2/model.pt?uploadId=up.8", "");
    sidecar.workload().await.ask(abort).await.assert_problem(403, "method-not-allowed");
    part(&sidecar, "up.8", 2, rest.as_bytes()).await.assert_problem(403, "finding");

    let received = registry.requests(5).await;
    assert!(received.iter().all(|request| request.method == "PUT"), "no completion");
    sidecar.records(10).await;
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_named_twice_has_no_reading() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&site.plan(&registry)).await;

    for query in ["partNumber=1&uploadId=a&uploadId=b", "partNumber=1&upload%49d=a&uploadId=a"] {
        let path = format!("/v2/model.pt?{query}");
        let answer = sidecar.workload().await.ask(request("PUT", &path, "x")).await;
        answer.assert_problem(400, "malformed");
    }

    registry.assert_untouched();
    sidecar.finish().await;
}
