//! A planted number is found wherever it stands, and nothing that was found is repeated anywhere:
//! the harness looks for it in every answer, the log, the metrics and on the disk.

use serde_json::{Value, json};

use crate::harness::body::{floats, gzip, noise, prose, prose_with};
use crate::harness::log::assert_record;
use crate::harness::sidecar::Sidecar;
use crate::harness::site::Site;
use crate::harness::upstream::{End, Reply, Upstream};
use crate::harness::workload::{head, request, request_with};
use crate::harness::{REGISTRY, SSN};

/// Sends `request`, which must be refused for its content; its record.
async fn refused(sidecar: &Sidecar, request: impl AsRef<[u8]>, code: &str) -> Value {
    let before = sidecar.log().closes().len();
    let answer = sidecar.workload().await.ask(request.as_ref()).await;
    let sent = String::from_utf8_lossy(request.as_ref());
    assert_eq!(answer.status, 403, "let through: {}", sent.get(..300).unwrap_or(&sent));
    answer.assert_problem(403, code);
    let record = sidecar.records(before + 1).await.pop().unwrap();
    assert_record(
        &record,
        &json!({
            "outcome": "refused",
            "opened": false,
            "action": "block",
            "enforcement": "enforce",
            "reason": code,
            "rule": "models",
            "status": 403,
            "bytes_released": 0,
            "inspected": true,
            "address": record["address"],
        }),
    );
    record
}

fn assert_one_ssn(record: &Value) {
    let findings = record["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 1, "{record}");
    assert_record(
        &findings[0],
        &json!({ "identifier": "ssn", "count": 1, "detector": "ssn", "member": null }),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_in_a_body_keeps_the_whole_body_back() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&site.plan(&registry)).await;

    for (place, size) in [(0, 2_000), (700, 2_000), (199_000, 200_000)] {
        let body = prose_with(size, SSN, place);
        let record = refused(&sidecar, request("PUT", "/v2/models/a", &body), "finding").await;
        assert_one_ssn(&record);
        assert!(record["reason_text"].as_str().unwrap().contains("ssn"));
    }
    // In two writes, with the number across them.
    let body = prose_with(2_000, SSN, 1_000);
    let whole = request("PUT", "/v2/models/a", &body);
    let mut workload = sidecar.workload().await;
    let (first, second) = whole.split_at(whole.len() - 995);
    workload.say(first).await;
    workload.say(second).await;
    workload.hear().await.assert_problem(403, "finding");
    assert_one_ssn(&sidecar.records(4).await[3]);

    registry.assert_untouched();
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_in_a_head_is_found_in_every_part_of_it() {
    let site = Site::new();
    let upstream = Upstream::plaintext().await;
    let sidecar = site.start(&site.plaintext_plan(&upstream)).await;
    let bare = SSN.replace('-', "");

    for (target, fields) in [
        (format!("/v2/{SSN}"), String::new()),
        (format!("/v2/a?patient={SSN}"), String::new()),
        (format!("/v2/a?ssn={bare}"), String::new()),
        (format!("/v2/a?note=ssn%20{}", SSN.replace('-', "%2D")), String::new()),
        (format!("/v2/a?note=the+ssn+{bare}"), String::new()),
        (format!("/v2/%35{}", &SSN[1..]), String::new()),
        ("/v2/a".to_owned(), format!("X-Note: patient {SSN}\r\n")),
        ("/v2/a".to_owned(), format!("X-Patient-SSN: {bare}\r\n")),
        ("/v2/a".to_owned(), format!("X-Note: ssn%3A{}\r\n", SSN.replace('-', "%2d"))),
        ("/v2/a".to_owned(), format!("User-Agent: trainer/{SSN}\r\n")),
        ("/v2/a".to_owned(), format!("Cookie: ssn={SSN}\r\n")),
        ("/v2/a".to_owned(), format!("X-{SSN}: 1\r\n")),
    ] {
        let request = request_with("PUT", &target, &fields, "an innocent body");
        let record = refused(&sidecar, request, "finding").await;
        assert_eq!(record["findings"][0]["identifier"], "ssn", "{target} {fields}");
        // Found before the name was resolved and before the body was read.
        assert_record(&record, &json!({ "address": null, "bytes_in": 0 }));
    }

    upstream.assert_untouched();
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_is_a_way_out_too() {
    let site = Site::new();
    let upstream = Upstream::plaintext().await;
    let plan = site.plaintext_plan(&upstream).host("mixed.ml.internal: [\"127.0.0.1\"]");
    let sidecar = site.start(&plan).await;

    // The rule takes any method, and a method is any token.
    let head =
        format!("SSN-{SSN} http://mixed.ml.internal/a HTTP/1.1\r\nHost: mixed.ml.internal\r\n\r\n");
    let answer = sidecar.workload().await.ask(head).await;

    answer.assert_problem(403, "finding");
    assert_record(&sidecar.record().await, &json!({ "outcome": "refused", "opened": false }));
    upstream.assert_untouched();
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trailer_is_read_like_a_header() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&site.plan(&registry)).await;
    let fields = "Transfer-Encoding: chunked\r\nTrailer: x-note\r\n";
    let target = format!("http://{REGISTRY}/v2/a");

    let head = head("PUT", &target, fields);
    refused(&sidecar, format!("{head}4\r\nbody\r\n0\r\nX-Note: {SSN}\r\n\r\n"), "finding").await;

    registry.assert_untouched();
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exemption_spares_the_body_and_not_the_head() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&site.plan(&registry)).await;
    let body = noise(50_000);

    let mut workload = sidecar.workload().await;
    assert_eq!(workload.ask(request("PUT", "/unread/a", &body)).await.status, 200);
    assert!(registry.request().await.body == body);
    let record = sidecar.record().await;
    assert_record(
        &record,
        &json!({ "outcome": "completed", "rule": "unread", "inspected": false, "coverage": null }),
    );

    let request = request("PUT", &format!("/unread/a?ssn={SSN}"), &body);
    workload.ask(request).await.assert_problem(403, "finding");
    assert_record(
        &sidecar.records(2).await[1],
        &json!({ "outcome": "refused", "rule": "unread", "opened": false }),
    );
    assert_eq!(registry.seen().requests.len(), 1);
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_pass_and_noise_does_not() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&site.plan(&registry)).await;
    let weights = floats(100_000);

    let answer = sidecar.workload().await.ask(request("PUT", "/v2/weights", &weights)).await;
    assert_eq!(answer.status, 200);
    assert!(registry.request().await.body == weights);
    let coverage = &sidecar.record().await["coverage"];
    assert_eq!(coverage["numeric"], weights.len(), "{coverage}");

    let record =
        refused(&sidecar, request("PUT", "/v2/cipher", noise(100_000)), "unidentified").await;
    assert!(record["coverage"]["unidentified"].as_u64().unwrap() > 0, "{record}");
    // An encoding that nobody here knows is no way around it.
    let fields = "Content-Encoding: x-secret\r\n";
    refused(&sidecar, request_with("PUT", "/v2/a", fields, prose(500)), "unreadable").await;
    assert_eq!(registry.seen().requests.len(), 1);
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_masked_at_its_length() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&site.plan(&registry)).await;
    let address = "jane.roe@hospital-mail.org";
    let body = prose_with(3_000, address, 1_500);

    let answer = sidecar.workload().await.ask(request("PUT", "/masked/a", &body)).await;

    assert_eq!(answer.status, 200);
    let received = registry.request().await;
    assert_eq!((received.body.len(), received.end), (body.len(), End::Whole));
    let text = String::from_utf8(received.body.clone()).unwrap();
    assert!(!text.contains("jane") && !text.contains("roe"), "{text}");
    let changed: Vec<usize> =
        (0..body.len()).filter(|at| body[*at] != received.body[*at]).collect();
    let place = 1_501..1_501 + address.len();
    assert!(!changed.is_empty() && changed.iter().all(|at| place.contains(at)), "{changed:?}");
    let record = sidecar.record().await;
    assert_record(
        &record,
        &json!({ "outcome": "completed", "action": "redact", "rule": "masked", "reason": "finding" }),
    );
    assert_eq!(record["findings"][0]["identifier"], "email");

    // Where it cannot be masked, nothing leaves: in a head, inside an encoding, under a checksum.
    let mut workload = sidecar.workload().await;
    let in_head = request_with("PUT", &format!("/masked/a?to={address}"), "", "");
    workload.ask(in_head).await.assert_problem(403, "finding");
    let sealed =
        request_with("PUT", "/masked/a", "Content-MD5: 1B2M2Y8AsgTpgAmY7PhCfg==\r\n", &body);
    workload.ask(sealed).await.assert_problem(403, "cannot-redact");
    let record = &sidecar.records(3).await[2];
    assert_record(record, &json!({ "outcome": "refused", "reason": "cannot-redact" }));
    assert_eq!(registry.seen().requests.len(), 1);
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_may_be_held_gets_413() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&site.plan(&registry)).await;
    let mut workload = sidecar.workload().await;

    assert_eq!(workload.ask(request("PUT", "/small/a", prose(60 << 10))).await.status, 200);
    workload
        .ask(request("PUT", "/small/b", prose(200 << 10)))
        .await
        .assert_problem(413, "hold-max");

    let records = sidecar.records(2).await;
    assert_record(
        &records[1],
        &json!({ "outcome": "refused", "reason": "hold-max", "status": 413, "bytes_released": 0 }),
    );
    assert_eq!(registry.seen().requests.len(), 1);
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_larger_than_memory_waits_sealed_on_disk() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&site.plan(&registry).limit("holdMemoryMax: 64KiB")).await;
    let body = [prose(3 << 20), floats(100_000)].concat();
    let mut workload = sidecar.workload().await;

    // All but the end: it is held, and more of it than memory may hold.
    let whole = request("PUT", "/v2/large", &body);
    let (most, end) = whole.split_at(whole.len() - 10);
    workload.say(most).await;
    let gauge = "lazaret_spool_bytes";
    let began = std::time::Instant::now();
    while sidecar.metrics().await.value(gauge) < f64::from(2 << 20) {
        assert!(began.elapsed() < crate::harness::wait::PATIENCE, "the spool stays empty");
    }
    registry.assert_untouched();
    workload.say(end).await;

    assert_eq!(workload.hear().await.status, 200);
    let received = registry.request().await;
    assert_eq!(received.headers["content-length"], body.len().to_string());
    assert!(received.body == body, "the body changed on its way");
    assert_record(
        &sidecar.record().await,
        &json!({ "outcome": "completed", "bytes_released": body.len() }),
    );
    // The room is given back.
    sidecar.until_metric(gauge, 0.0).await;

    // A leak at the very end of a spooled body is one like any other.
    let body = prose_with(3 << 20, SSN, (3 << 20) - 20);
    workload.ask(request("PUT", "/v2/large", &body)).await.assert_problem(403, "finding");
    sidecar.until_metric(gauge, 0.0).await;
    assert_eq!(registry.seen().requests.len(), 1);
    sidecar.records(2).await;
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_read_where_the_rule_asks() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&site.plan(&registry)).await;
    let mut workload = sidecar.workload().await;

    assert_eq!(workload.ask(request("GET", "/answers/a", "")).await.text(), "ok\n");
    registry.reply(Reply::text(&format!("the ssn is {SSN}\n")));
    workload.ask(request("GET", "/answers/b", "")).await.assert_problem(403, "finding");
    registry.reply(Reply::text("ok\n").with_header("x-note", &format!("ssn {SSN}")));
    workload.ask(request("GET", "/answers/c", "")).await.assert_problem(403, "finding");

    let records = sidecar.records(3).await;
    assert_record(&records[0], &json!({ "outcome": "completed", "bytes_out": 3 }));
    for record in &records[1..] {
        // The request has left and is on record; what came back has not gone on.
        assert_record(
            record,
            &json!({ "outcome": "cut", "opened": true, "bytes_out": 0, "status": 403 }),
        );
        assert_eq!(record["findings"][0]["identifier"], "ssn");
    }
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn encoded_content_is_decoded_to_be_read() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&site.plan(&registry)).await;
    let fields = "Content-Encoding: gzip\r\n";

    let clean = gzip(&prose(50_000));
    let answer = sidecar.workload().await.ask(request_with("PUT", "/v2/a", fields, &clean)).await;
    assert_eq!(answer.status, 200);
    assert!(registry.request().await.body == clean, "encoded it is sent on, and unchanged");
    sidecar.record().await;

    let leaking = gzip(&prose_with(50_000, SSN, 30_000));
    for fields in [fields, "", "Content-Type: application/octet-stream\r\n"] {
        let request = request_with("PUT", "/v2/a", fields, &leaking);
        let record = refused(&sidecar, request, "finding").await;
        assert_eq!(record["findings"][0]["identifier"], "ssn");
    }
    // Cut in the middle it cannot be read to its end.
    let half = &clean[..clean.len() / 2];
    refused(
        &sidecar,
        request_with("PUT", "/v2/a", "Content-Encoding: gzip\r\n", half),
        "unreadable",
    )
    .await;
    assert_eq!(registry.seen().requests.len(), 1);
    sidecar.finish().await;
}
