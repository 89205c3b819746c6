//! What a policy names besides its own texts: rosters of real patients, keys of tokens; and counts
//! that go over a whole exchange.

use dlp::Key;
use dlp::exact::{Column, ColumnKind, ExactBuilder};
use serde_json::json;

use crate::harness::log::assert_record;
use crate::harness::site::{Plan, Site};
use crate::harness::upstream::Upstream;
use crate::harness::workload::{request, request_with};

const KEY: [u8; 32] = [b'k'; 32];
const PATIENT: [&str; 2] = ["Xiomara Quillfeather", "4481723"];
const NOTE: &str = "quillfeather, xiomara walked 4481723 steps";

/// The stories' policy, whose bodies in one piece are read with more in their profile.
fn plan(site: &Site, upstream: &Upstream, more: &str) -> Plan {
    let mut plan = site.plaintext_plan(upstream);
    let small = "  - name: small\n    inspect: hold\n";
    assert!(plan.policy.contains(small));
    plan.policy = plan.policy.replace(small, &format!("{small}    {more}\n"));
    plan
}

const EXACT: &str = "exact: [{file: rosters/ward.edm, keyFile: ../ward.key}]";

fn write_roster(site: &Site, row: [&str; 2]) {
    let column = |name: &str, kind| Column { name: name.to_owned(), kind };
    let columns = vec![column("name", ColumnKind::Name), column("study", ColumnKind::Other)];
    let mut builder = ExactBuilder::new(columns, &Key::new(&KEY).unwrap()).unwrap();
    assert!(builder.add(row));
    std::fs::create_dir_all(site.path("policy/rosters")).unwrap();
    site.put("policy/rosters/ward.edm", builder.finish().0);
    site.put("ward.key", KEY);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_of_the_roster_does_not_leave() {
    let site = Site::new();
    let upstream = Upstream::plaintext().await;
    write_roster(&site, PATIENT);
    let sidecar = site.start(&plan(&site, &upstream, EXACT)).await;
    let mut workload = sidecar.workload().await;
    let header = format!("X-Note: {NOTE}\r\n");

    workload.ask(request("PUT", "/small/a", NOTE)).await.assert_problem(403, "finding");
    let noted = request_with("PUT", "/small/a", &header, "a body");
    workload.ask(noted).await.assert_problem(403, "finding");
    upstream.assert_untouched();
    let records = sidecar.records(2).await;
    for record in &records {
        assert_record(
            record,
            &json!({ "outcome": "refused", "reason": "finding", "bytes_released": 0 }),
        );
        let findings = record["findings"].as_array().unwrap();
        assert!(findings.iter().any(|finding| finding["detector"] == "exact"), "{record}");
        let text = record.to_string().to_lowercase();
        assert!(!text.contains("quillfeather") && !text.contains("4481723"), "{text}");
    }
    // Only the profile that names the roster knows her.
    assert_eq!(workload.ask(request("PUT", "/v2/a", NOTE)).await.status, 200);
    assert_eq!(workload.ask(request("PUT", "/small/a", "4481723 steps")).await.status, 200);
    sidecar.records(4).await;
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_roster_is_in_force_and_a_damaged_one_is_kept_out() {
    let site = Site::new();
    let upstream = Upstream::plaintext().await;
    write_roster(&site, ["Thaddeus Okonkwo-Bright", "9930412"]);
    let sidecar = site.start(&plan(&site, &upstream, EXACT)).await;
    let mut workload = sidecar.workload().await;

    assert_eq!(workload.ask(request("PUT", "/small/a", NOTE)).await.status, 200);
    write_roster(&site, PATIENT);
    sidecar.until_noted("policy-swapped", 1).await;
    workload.ask(request("PUT", "/small/a", NOTE)).await.assert_problem(403, "finding");

    site.put("policy/rosters/ward.edm", "no roster");
    sidecar.until_noted("policy-kept-out", 1).await;
    sidecar.until_metric("lazaret_policy_alarm", 1.0).await;
    workload.ask(request("PUT", "/small/a", NOTE)).await.assert_problem(403, "finding");
    std::fs::remove_file(site.path("policy/rosters/ward.edm")).unwrap();
    sidecar.until_noted("policy-kept-out", 2).await;
    workload.ask(request("PUT", "/small/a", NOTE)).await.assert_problem(403, "finding");
    write_roster(&site, PATIENT);
    sidecar.until_metric("lazaret_policy_alarm", 0.0).await;

    let records = sidecar.records(4).await;
    assert!(records.iter().all(|record| record["policy"] == records[0]["policy"]));
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roster_that_is_not_there_is_a_broken_policy_until_it_comes() {
    let site = Site::new();
    let upstream = Upstream::plaintext().await;
    let sidecar = site.start(&plan(&site, &upstream, EXACT)).await;
    let mut workload = sidecar.workload().await;

    let answer = workload.ask(request("PUT", "/v2/a", "a body")).await;
    assert!(answer.text().contains("rosters/ward.edm"), "{}", answer.text());
    answer.assert_problem(403, "policy-broken");
    upstream.assert_untouched();
    write_roster(&site, PATIENT);
    sidecar.until_noted("policy-swapped", 1).await;
    workload.ask(request("PUT", "/small/a", NOTE)).await.assert_problem(403, "finding");
    assert_eq!(workload.ask(request("PUT", "/small/a", "a body")).await.status, 200);
    sidecar.records(3).await;
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_go_over_headers_and_body_together() {
    let site = Site::new();
    let upstream = Upstream::plaintext().await;
    let rule = "rules: [{when: {identifiers: [email], count: 5}, action: block}]";
    let sidecar = site.start(&plan(&site, &upstream, rule)).await;
    let mut workload = sidecar.workload().await;
    let header = "X-From: ana@clinic-one.org\r\nX-Cc: ben@clinic-two.org\r\n";
    let two = "cleo@clinic-three.org and dan@clinic-four.org";
    let three = format!("{two} and eve@clinic-five.org");

    // A target with an escape is read in two forms, and what stands in both is there once.
    let target = "/small/a?cc=ana@clinic-one.org&at=%41";
    for (target, fields, body) in
        [("/small/a", "", &*three), ("/small/a", header, two), (target, "", &*three)]
    {
        let answer = workload.ask(request_with("PUT", target, fields, body)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let answer = workload.ask(request_with("PUT", "/small/a", header, &three)).await;
    answer.assert_problem(403, "finding");
    let record = sidecar.records(4).await.remove(3);
    assert_record(&record, &json!({ "outcome": "refused", "rule": "small", "bytes_released": 0 }));
    let text = record["reason_text"].as_str().unwrap();
    assert!(text.starts_with("5 findings (email)"), "{text}");
    assert_eq!(upstream.seen().requests.len(), 3);
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn findings_leave_as_tokens_of_the_policys_key() {
    let site = Site::new();
    let upstream = Upstream::plaintext().await;
    write_roster(&site, PATIENT);
    let more = "redaction: {style: token, keyFile: ../ward.key}\n    \
                rules: [{when: {identifiers: [any]}, action: redact}]";
    let sidecar = site.start(&plan(&site, &upstream, more)).await;
    let body = "first ssn 536-22-8941 there\nagain ssn 536-22-8941 there\n";

    let answer = sidecar.workload().await.ask(request("PUT", "/small/a", body)).await;

    assert_eq!(answer.status, 200, "{}", answer.text());
    let sent = String::from_utf8(upstream.request().await.body.to_vec()).unwrap();
    assert_eq!(sent.len(), body.len());
    let tokens: Vec<&str> = sent.lines().map(|line| &line["first ssn ".len()..][..11]).collect();
    assert!(tokens[0] == tokens[1] && tokens[0].starts_with('*'), "{sent}");
    assert!(tokens[0].chars().any(char::is_alphabetic) && !sent.contains("8941"), "{sent}");
    sidecar.records(1).await;
    sidecar.finish().await;
}
