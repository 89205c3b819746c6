//! Requests with two readings, or none: 400 or 431, one record, and nothing upstream. hyper answers
//! a head that it cannot parse, without a body; the others get a problem that says what is wrong.

use serde_json::{Value, json};

use crate::harness::log::assert_record;
use crate::harness::sidecar::Sidecar;
use crate::harness::site::Site;
use crate::harness::upstream::Upstream;
use crate::harness::wire::Answer;
use crate::raw_requests::named_twice;

/// Sends `bytes` on a connection of their own; the answer, the record and the end of the connection.
pub(crate) async fn send(sidecar: &Sidecar, bytes: impl AsRef<[u8]>) -> (Answer, Value) {
    let before = sidecar.log().closes().len();
    let mut workload = sidecar.workload().await;
    workload.say(bytes).await;
    let answer = workload.hear().await;
    // What follows a malformed head cannot be told from a request.
    workload.close_writing().await;
    assert!(workload.hear_end().await.is_empty(), "a second answer");
    let record = sidecar.records(before + 1).await.pop().unwrap();
    let status = answer.status;
    let expected = json!({
        "outcome": "malformed",
        "opened": false,
        "status": status,
        "bytes_released": 0,
        "direction": "outbound",
    });
    assert_record(&record, &expected);
    (answer, record)
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_with_two_readings_are_refused_and_named() {
    let site = Site::new();
    let upstream = Upstream::plaintext().await;
    let sidecar = site.start(&site.plaintext_plan(&upstream)).await;
    for (request, detail) in named_twice() {
        let (answer, record) = send(&sidecar, &request).await;
        answer.assert_problem(400, "malformed");
        let said = answer.problem("detail");
        assert!(said.contains(detail), "`{request}` was refused as: {said}");
        assert!(!record.to_string().contains("word@"), "a password on record: {record}");
        assert_eq!(json!(answer.problem("exchange")), record["exchange"]);
    }

    upstream.assert_untouched();
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_beyond_their_limits_get_431() {
    let site = Site::new();
    let upstream = Upstream::plaintext().await;
    let plan =
        site.plaintext_plan(&upstream).limit("headerBytesMax: 16KiB").limit("headersMax: 20");
    let sidecar = site.start(&plan).await;
    let put = "PUT http://registry.ml.internal/v2/a HTTP/1.1\r\nHost: registry.ml.internal\r\n";

    let long = format!("{put}X-Long: {}\r\n\r\n", "x".repeat(20_000));
    assert_eq!(send(&sidecar, long).await.0.status, 431);
    // hyper's limit counts what it has buffered; ours what the fields weigh.
    let fields: String =
        (0..17).map(|place| format!("X-{place}: {}\r\n", "y".repeat(1000))).collect();
    let (answer, _) = send(&sidecar, format!("{put}{fields}\r\n")).await;
    assert_eq!(answer.status, 431);
    let many: String = (0..30).map(|place| format!("X-{place}: 1\r\n")).collect();
    assert_eq!(send(&sidecar, format!("{put}{many}\r\n")).await.0.status, 431);

    upstream.assert_untouched();
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_body_never_arrives_whole() {
    let site = Site::new();
    let upstream = Upstream::plaintext().await;
    let sidecar = site.start(&site.plaintext_plan(&upstream)).await;
    let put = "PUT http://registry.ml.internal/v2/a HTTP/1.1\r\nHost: registry.ml.internal\r\n";

    // Chunks that are none, a body that ends early, and one without its last chunk.
    for (turn, (fields, body)) in [
        ("Transfer-Encoding: chunked", "zz\r\nhello\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked", "5\r\nhelloEXTRA\r\n0\r\n\r\n"),
        ("Content-Length: 100", "only this"),
        ("Transfer-Encoding: chunked", "5\r\nhello\r\n"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut workload = sidecar.workload().await;
        workload.say(format!("{put}{fields}\r\n\r\n{body}")).await;
        workload.close_writing().await;
        if let Some(answer) = workload.try_hear().await {
            answer.assert_problem(400, "body-aborted");
        }
        let record = sidecar.records(turn + 1).await.pop().unwrap();
        let outcome = record["outcome"].as_str().unwrap();
        assert!(outcome == "failed" || outcome == "aborted", "{record}");
        assert_record(&record, &json!({ "opened": false, "bytes_released": 0 }));
    }

    upstream.assert_untouched();
    sidecar.finish().await;
}
