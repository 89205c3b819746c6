//! Requests that a proxy and the server behind it could delimit differently: each is refused with 400,
//! its record says what is wrong with it, and nothing reaches the upstream.

use serde_json::json;

use crate::harness::log::assert_record;
use crate::harness::site::Site;
use crate::harness::upstream::Upstream;
use crate::malformed::send;

const PUT: &str = "PUT http://registry.ml.internal/v2/a HTTP/1.1\r\nHost: registry.ml.internal\r\n";
const INSIDE: &str =
    "GET http://registry.ml.internal/v2/smuggled HTTP/1.1\r\nHost: registry.ml.internal\r\n\r\n";

/// Heads with the words that their records must hold.
fn heads() -> Vec<(String, &'static str)> {
    let chunked = "Transfer-Encoding: chunked\r\n";
    let old = |text: &str| text.replace("HTTP/1.1", "HTTP/1.0");
    vec![
        ("\x16\x03\x01\x02\x00\x01\x00\x01\x7c\x03\x03\r\n\r\n".to_owned(), "request line"),
        ("GET\r\n\r\n".to_owned(), "request line"),
        (PUT.replace("/v2/a HTTP", "/v2/a  HTTP") + "\r\n", "request line"),
        (PUT.replace("/v2/a HTTP", "/v2/a b HTTP") + "\r\n", "request line"),
        (PUT.replace("HTTP/1.1", "HTTP/1.2") + "\r\n", "request line"),
        (PUT.replace("HTTP/1.1", "HTTP/0.9") + "\r\n", "request line"),
        (PUT.replace("PUT ", "PUT\t") + "\r\n", "control character"),
        (PUT.replace("\r\n", "\n") + "\n", "LF without CR"),
        (format!("{PUT}X-A: a\n{chunked}\r\n0\r\n\r\n{INSIDE}"), "LF without CR"),
        (format!("{PUT}X-A: a\r{chunked}\r\n0\r\n\r\n{INSIDE}"), "CR without LF"),
        (format!("{PUT}X-A: a\0b\r\n\r\n"), "control character"),
        (format!("{PUT}X-A: a\x0bb\r\n\r\n"), "control character"),
        (format!("{PUT}X A: b\r\n\r\n"), "header name"),
        (format!("{PUT}X-A : b\r\n\r\n"), "header name"),
        (format!("{PUT}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n{INSIDE}"), "header name"),
        (format!("{PUT}no colon\r\n\r\n"), "header name"),
        (format!("{PUT}X-A: b\r\n folded\r\n\r\n"), "folded"),
        (format!("{PUT}X-A: b\r\n\t{chunked}\r\n"), "folded"),
        (format!("{PUT}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello"), "Content-Length"),
        (format!("{PUT}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"), "Content-Length"),
        (format!("{PUT}Content-Length: +5\r\n\r\nhello"), "Content-Length"),
        (format!("{PUT}Content-Length: 0x5\r\n\r\nhello"), "Content-Length"),
        (format!("{PUT}Content-Length: 5, 5\r\n\r\nhello"), "Content-Length"),
        (format!("{PUT}Content-Length: 99999999999999999999\r\n\r\n"), "Content-Length"),
        (format!("{PUT}Content-Length: 3\r\n{chunked}\r\n0\r\n\r\n{INSIDE}"), "both"),
        (format!("{PUT}{chunked}Content-Length: 3\r\n\r\n0\r\n\r\n{INSIDE}"), "both"),
        (format!("{PUT}{chunked}{chunked}\r\n0\r\n\r\n"), "Transfer-Encoding"),
        (format!("{PUT}Transfer-Encoding: chunked, gzip\r\n\r\n"), "Transfer-Encoding"),
        (format!("{PUT}Transfer-Encoding: gzip, chunked\r\n\r\n"), "Transfer-Encoding"),
        (format!("{PUT}Transfer-Encoding: xchunked\r\n\r\n"), "Transfer-Encoding"),
        (format!("{PUT}Transfer-Encoding: \"chunked\"\r\n\r\n"), "Transfer-Encoding"),
        (format!("{PUT}Transfer-Encoding:\r\n\r\n"), "Transfer-Encoding"),
        (format!("{PUT}Transfer-Encoding: identity\r\n\r\n"), "Transfer-Encoding"),
        (format!("{PUT}Transfer-Encoding:\x0bchunked\r\n\r\n"), "control character"),
        (old(PUT) + chunked + "\r\n0\r\n\r\n", "Transfer-Encoding"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_with_two_readings_are_refused_by_name() {
    let site = Site::new();
    let upstream = Upstream::plaintext().await;
    let sidecar = site.start(&site.plaintext_plan(&upstream)).await;

    for (bytes, why) in heads() {
        let (answer, record) = send(&sidecar, &bytes).await;
        assert_eq!(answer.status, 400, "{bytes:?}");
        let error = record["error"].as_str().unwrap_or_default();
        assert!(error.contains(why), "{bytes:?} is on record as {error}");
    }
    let target = "GET http://registry.ml.internal/v2/ä HTTP/1.1\r\n\r\n";
    assert_eq!(send(&sidecar, target).await.0.status, 400, "UTF-8 in the target");

    upstream.assert_untouched();
    sidecar.finish().await;
}

/// A connection that behaved before is judged anew at each request.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_request_is_read_as_strictly_as_the_first() {
    let site = Site::new();
    let upstream = Upstream::plaintext().await;
    let sidecar = site.start(&site.plaintext_plan(&upstream)).await;

    let mut workload = sidecar.workload().await;
    let first = workload.ask(format!("{PUT}Content-Length: 5\r\n\r\nhello")).await;
    assert_eq!(first.status, 200);
    workload.say(format!("{PUT}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n")).await;
    assert_eq!(workload.hear().await.status, 400);
    assert!(workload.hear_end().await.is_empty(), "the connection went on");

    assert_eq!(upstream.requests(1).await.len(), 1);
    let record = sidecar.records(2).await.pop().unwrap();
    assert_record(&record, &json!({ "outcome": "malformed", "opened": false, "status": 400 }));
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_with_two_readings_never_arrive() {
    let site = Site::new();
    let upstream = Upstream::plaintext().await;
    let sidecar = site.start(&site.plaintext_plan(&upstream)).await;
    let long = "x".repeat(2000);

    for (turn, body) in [
        format!("5\nhello\n0\n\n{INSIDE}"),
        format!("5;a\rb\r\nhello\r\n0\r\n\r\n{INSIDE}"),
        format!("5;{long}\r\nhello\r\n0\r\n\r\n"),
        "5 \t5\r\nhello\r\n0\r\n\r\n".to_owned(),
        "0x5\r\nhello\r\n0\r\n\r\n".to_owned(),
        "5\r\nhelloX\r\n0\r\n\r\n".to_owned(),
        "100000000000000005\r\nhello\r\n0\r\n\r\n".to_owned(),
        format!("0\r\nTransfer-Encoding : chunked\r\n\r\n{INSIDE}"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut workload = sidecar.workload().await;
        workload.say(format!("{PUT}Transfer-Encoding: chunked\r\n\r\n{body}")).await;
        workload.close_writing().await;
        if let Some(answer) = workload.try_hear().await {
            answer.assert_problem(400, "body-aborted");
        }
        let record = sidecar.records(turn + 1).await.pop().unwrap();
        assert_record(&record, &json!({ "opened": false, "bytes_released": 0 }));
    }

    upstream.assert_untouched();
    sidecar.finish().await;
}

/// Behind a refused CONNECT nothing is delimited any more, so nothing is read there.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_follows_a_request_to_leave_http_that_was_refused() {
    let site = Site::new();
    let upstream = Upstream::plaintext().await;
    let sidecar = site.start(&site.plaintext_plan(&upstream)).await;

    for (turn, head) in [
        "CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n".to_owned(),
        format!("{PUT}Connection: upgrade\r\nUpgrade: h2c\r\n\r\n"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut workload = sidecar.workload().await;
        workload.say(format!("{head}{INSIDE}")).await;
        assert!(workload.hear().await.status >= 400);
        assert!(workload.hear_end().await.is_empty(), "a second answer");
        sidecar.records(turn + 1).await;
    }

    upstream.assert_untouched();
    sidecar.finish().await;
}
