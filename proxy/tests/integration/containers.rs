//! Archives are opened: a number inside one is found, and the record says the way to it.

use serde_json::json;

use crate::harness::SSN;
use crate::harness::body::{floats, gzip, noise, prose, prose_with, zip};
use crate::harness::log::assert_record;
use crate::harness::site::Site;
use crate::harness::workload::{request, request_with};

#[tokio::test(flavor = "multi_thread")]
async fn a_clean_checkpoint_passes() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&site.plan(&registry)).await;
    let weights = floats(60_000);
    let archive = zip(&[("model/data/0", &weights), ("model/notes.txt", &prose(4_000))]);

    let answer = sidecar.workload().await.ask(request("PUT", "/v2/checkpoint", &archive)).await;

    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(registry.request().await.body == archive, "the archive changed on its way");
    let record = sidecar.record().await;
    assert_record(&record, &json!({ "outcome": "completed", "findings": null }));
    assert!(record["coverage"]["numeric"].as_u64().unwrap() >= weights.len() as u64, "{record}");
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_in_a_zip_in_gzip_is_found_and_its_member_named() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&site.plan(&registry)).await;
    let archive = zip(&[
        ("weights.bin", &floats(20_000)),
        ("ward/patient.txt", &prose_with(5_000, SSN, 2_500)),
    ]);
    let body = gzip(&archive);

    let request = request_with("PUT", "/v2/a", "Content-Encoding: gzip\r\n", &body);
    let answer = sidecar.workload().await.ask(request).await;

    answer.assert_problem(403, "finding");
    let record = sidecar.record().await;
    assert_record(
        &record,
        &json!({ "outcome": "refused", "rule": "models", "bytes_released": 0, "opened": false }),
    );
    let finding = &record["findings"][0];
    assert_record(finding, &json!({ "identifier": "ssn", "count": 1 }));
    let member = finding["member"].as_str().expect("the way in");
    assert!(member.starts_with("gzip!") && member.ends_with("ward/patient.txt"), "{member}");
    assert!(record["reason_text"].as_str().unwrap().contains("patient.txt"), "{record}");
    registry.assert_untouched();
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_name_that_is_content_is_found_and_not_repeated() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&site.plan(&registry)).await;
    let name = format!("patients/{SSN}.txt");
    let archive = zip(&[("a.txt", &prose(500)), (&name, &prose_with(900, SSN, 300))]);

    let answer = sidecar.workload().await.ask(request("PUT", "/v2/a", &archive)).await;

    answer.assert_problem(403, "finding");
    let record = sidecar.record().await;
    let members = record["findings"].to_string();
    assert!(members.contains("#2"), "its place stands for the name: {members}");
    registry.assert_untouched();
    // `finish` looks for the number everywhere.
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_of_noise_is_not_identified() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&site.plan(&registry)).await;
    let archive = zip(&[("model/data/0", &noise(40_000))]);

    let answer = sidecar.workload().await.ask(request("PUT", "/v2/a", &archive)).await;

    answer.assert_problem(403, "unidentified");
    let record = sidecar.record().await;
    assert_record(&record, &json!({ "outcome": "refused", "reason": "unidentified" }));
    registry.assert_untouched();
    sidecar.finish().await;
}
