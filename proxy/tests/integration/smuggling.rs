//! Requests that a proxy and the server behind it could delimit differently: each is refused with 400,
//! its record says what is wrong with it, and nothing reaches the upstream.

use serde_json::json;

use crate::harness::log::assert_record;
use crate::harness::site::Site;
use crate::harness::upstream::Upstream;
use crate::malformed::send;
use crate::raw_requests::{INSIDE, PUT, chunked_twice, framed_twice};

#[tokio::test(flavor = "multi_thread")]
async fn heads_with_two_readings_are_refused_by_name() {
    let site = Site::new();
    let upstream = Upstream::plaintext().await;
    let sidecar = site.start(&site.plaintext_plan(&upstream)).await;

    for (bytes, why) in framed_twice() {
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
    for (turn, request) in chunked_twice().into_iter().enumerate() {
        let mut workload = sidecar.workload().await;
        workload.say(request).await;
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
