//! Requests with two readings, or none: 400 or 431, one record, and nothing upstream. hyper answers
//! a head that it cannot parse, without a body; the others get a problem that says what is wrong.

use serde_json::{Value, json};

use crate::harness::log::assert_record;
use crate::harness::sidecar::Sidecar;
use crate::harness::site::Site;
use crate::harness::upstream::Upstream;
use crate::harness::wire::Answer;

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
    let host = "Host: registry.ml.internal\r\n";
    let at = "http://registry.ml.internal";

    for (head, detail) in [
        (format!("GET /v2/a HTTP/1.1\r\n{host}"), "absolute form"),
        (format!("OPTIONS * HTTP/1.1\r\n{host}"), "absolute form"),
        (format!("GET {at}/v2/a HTTP/1.1\r\n"), "no Host"),
        (format!("GET {at}/v2/a HTTP/1.1\r\n{host}{host}"), "more than one Host"),
        (format!("GET {at}/v2/a HTTP/1.1\r\nHost: evil.example\r\n"), "another host"),
        (format!("GET {at}/v2/a HTTP/1.1\r\nHost: registry.ml.internal:81\r\n"), "another host"),
        (format!("GET {at}:81/v2/a HTTP/1.1\r\n{host}"), "another host"),
        (
            format!("GET {at}/v2/a HTTP/1.1\r\nHost: x@registry.ml.internal\r\n"),
            "Host header is not",
        ),
        (
            format!("GET {at}/v2/a HTTP/1.1\r\nHost: registry.ml.internal/v2\r\n"),
            "Host header is not",
        ),
        (format!("GET {at}/v2/a HTTP/1.1\r\nHost: \r\n"), "Host header is not"),
        (format!("GET http://user:word@registry.ml.internal/v2/a HTTP/1.1\r\n{host}"), "authority"),
        (format!("GET {at}:0/v2/a HTTP/1.1\r\n{host}"), "authority"),
        (format!("GET {at}:/v2/a HTTP/1.1\r\n{host}"), "authority"),
        (format!("GET ftp://registry.ml.internal/v2/a HTTP/1.1\r\n{host}"), "scheme"),
        (format!("GET {at}/v2/a%2Fb HTTP/1.1\r\n{host}"), "encoded slash"),
        (format!("GET {at}/v2/a%5cb HTTP/1.1\r\n{host}"), "encoded slash or backslash"),
        (format!("GET {at}/v2/a\\b HTTP/1.1\r\n{host}"), "backslash"),
        (format!("GET {at}/v2/../a HTTP/1.1\r\n{host}"), "dot segment"),
        (format!("GET {at}/v2/%2e%2E/a HTTP/1.1\r\n{host}"), "dot segment"),
        (format!("GET {at}/v2/./a HTTP/1.1\r\n{host}"), "dot segment"),
        (format!("GET {at}/v2/..;x/a HTTP/1.1\r\n{host}"), "dot segment"),
        (format!("GET {at}/v2/%00 HTTP/1.1\r\n{host}"), "control character"),
        (format!("GET {at}/v2/%0d%0aX:1 HTTP/1.1\r\n{host}"), "control character"),
        (format!("GET {at}/v2/%4 HTTP/1.1\r\n{host}"), "percent escape"),
        (format!("GET {at}/v2/%zz HTTP/1.1\r\n{host}"), "percent escape"),
        (
            format!("GET {at}/v2/a HTTP/1.1\r\n{host}Connection: upgrade\r\nUpgrade: h2c\r\n"),
            "Upgrade",
        ),
    ] {
        let (answer, record) = send(&sidecar, format!("{head}\r\n")).await;
        answer.assert_problem(400, "malformed");
        let said = answer.problem("detail");
        assert!(said.contains(detail), "`{head}` was refused as: {said}");
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
