//! gRPC: messages leave whole and at once, in both directions of a stream; refusals come in gRPC's
//! own form.

use http::{Request, Version};
use serde_json::json;
use tokio::net::TcpStream;

use crate::harness::body::{gzip, prose};
use crate::harness::http2::{Call, Http2, grpc, message, text_message};
use crate::harness::log::assert_record;
use crate::harness::pki::with_http2;
use crate::harness::site::Site;
use crate::harness::upstream::{End, Reply, Upstream};
use crate::harness::{REGISTRY, SSN, sidecar::Sidecar};

async fn workload(sidecar: &Sidecar) -> Http2 {
    Http2::new(TcpStream::connect(sidecar.http_proxy).await.unwrap()).await
}

/// A server that sends every message back.
async fn echo(upstream: &Upstream) {
    upstream.reply(Reply {
        headers: vec![("content-type", "application/grpc".to_owned())],
        trailers: vec![("grpc-status", "0")],
        is_echo: true,
        ..Reply::default()
    });
}

fn call(path: &str) -> Request<()> {
    grpc(&format!("http://{REGISTRY}{path}"))
}

/// A registry over mutual TLS, or over plaintext; gRPC goes there as HTTP/2 in both cases.
async fn registries(site: &Site) -> [(Upstream, Sidecar); 1] {
    let registry = Upstream::tls(with_http2(&site.pki.mutual_server(&site.registry_svid()))).await;
    let sidecar = site.start(&site.plan(&registry)).await;
    [(registry, sidecar)]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_runs_both_ways_message_by_message() {
    let site = Site::new();
    for (registry, sidecar) in registries(&site).await {
        echo(&registry).await;
        let workload = workload(&sidecar).await;

        let mut calling = workload.call(call("/stream/Train/Join")).await;
        let first = text_message("round 1");
        calling.say(&first).await;
        // The answer's head and the first message are back while the request is still open.
        let (mut coming, body) = calling.head().await.unwrap();
        assert_eq!(
            (coming.status, &coming.headers["content-type"]),
            (200, &"application/grpc".parse().unwrap())
        );
        assert_eq!(coming.next().await.unwrap(), first);
        let mut calling = Sender(body);
        for round in 2..20 {
            let message = text_message(&format!("round {round}"));
            // In two pieces: a message leaves whole or not at all.
            let (start, end) = message.split_at(7);
            calling.say(start).await;
            calling.say(end).await;
            let mut back = Vec::new();
            while back.len() < message.len() {
                back.extend_from_slice(&coming.next().await.unwrap());
            }
            assert_eq!(back, message);
        }
        calling.end().await;
        let ended = coming.rest().await;

        assert_eq!((ended.trailers["grpc-status"].to_str().unwrap(), ended.reset), ("0", None));
        let received = registry.request().await;
        assert_eq!((received.version, received.end), (Version::HTTP_2, End::Whole));
        assert_eq!(received.headers["te"], "trailers");
        assert_record(
            &sidecar.record().await,
            &json!({ "outcome": "completed", "rule": "streams", "inspect": "stream", "status": 200 }),
        );
        drop(workload);
        sidecar.finish().await;
    }
}

/// The sending half of a call whose head is here.
struct Sender(h2::SendStream<bytes::Bytes>);

impl Sender {
    async fn say(&mut self, bytes: &[u8]) {
        self.0.send_data(bytes::Bytes::copy_from_slice(bytes), false).unwrap();
    }

    async fn end(&mut self) {
        self.0.send_data(bytes::Bytes::new(), true).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_with_a_finding_ends_the_call_and_leaves_nothing_of_it() {
    let site = Site::new();
    for (registry, sidecar) in registries(&site).await {
        echo(&registry).await;
        let workload = workload(&sidecar).await;

        let mut calling = workload.call(call("/stream/Train/Join")).await;
        let first = text_message("round 1");
        calling.say(&first).await;
        let (mut coming, body) = calling.head().await.unwrap();
        assert_eq!(coming.next().await.unwrap(), first);
        let mut calling = Sender(body);
        calling.say(&text_message(&format!("the ssn is {SSN}"))).await;
        let ended = coming.rest().await;

        // The head is out, so the end is told in trailers.
        assert_eq!(ended.reset, None, "{ended:?}");
        assert_eq!(ended.trailers["grpc-status"], "7");
        let said = ended.trailers["grpc-message"].to_str().unwrap();
        assert!(said.contains("lazaret: finding"), "{said}");
        let received = registry.request().await;
        assert_eq!((received.end, received.body), (End::Broken, first));
        assert_record(&sidecar.record().await, &json!({ "outcome": "cut", "reason": "finding" }));
        drop(workload);
        sidecar.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identifier_that_is_split_across_messages_is_found() {
    let begun = text_message("the ssn of the patient is 536-22");
    let end = "-8941 and no more";
    let mut packed = message(&gzip(&text_message(end)[5..]));
    packed[0] = 1;
    let stories = [
        ("in the next", vec![], text_message(end)),
        ("behind an empty one", vec![message(b"")], text_message(end)),
        (
            "behind others",
            vec![text_message("ok"), text_message("epoch 3 of 20")],
            text_message(end),
        ),
        ("compressed", vec![text_message("ok")], packed),
    ];
    let site = Site::new();
    let [(registry, sidecar)] = registries(&site).await;
    echo(&registry).await;
    for (turn, (story, between, last)) in stories.into_iter().enumerate() {
        let workload = workload(&sidecar).await;
        let mut request = call("/stream/Train/Join");
        request.headers_mut().insert("grpc-encoding", "gzip".parse().unwrap());
        let mut calling = workload.call(request).await;
        let left = [&begun[..], &between.concat()].concat();
        calling.say(&left).await;
        let (mut coming, body) = calling.head().await.unwrap();
        let mut back = Vec::new();
        while back.len() < left.len() {
            back.extend_from_slice(&coming.next().await.unwrap());
        }
        assert_eq!(back, left, "{story}: clean alone");
        let mut calling = Sender(body);
        calling.say(&last).await;
        let ended = coming.rest().await;

        assert_eq!(ended.trailers["grpc-status"], "7", "{story}: {ended:?}");
        let received = registry.requests(turn + 1).await.pop().unwrap();
        assert_eq!((received.end, received.body), (End::Broken, left), "{story}");
        let record = sidecar.records(turn + 1).await.pop().unwrap();
        assert_record(&record, &json!({ "outcome": "cut", "reason": "finding" }));
        let member = record["findings"][0]["member"].as_str().unwrap();
        assert!(member.ends_with("split"), "{story}: {record:#}");
    }
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identifier_that_is_split_over_fields_or_metadata_never_leaves() {
    let site = Site::new();
    let [(registry, sidecar)] = registries(&site).await;
    let workload = workload(&sidecar).await;
    let fields = b"\x0a\x18the patient's ssn is 536\x12\x14-22-8941 and no more".to_vec();
    let coded = |text: &str| base64_simd::STANDARD_NO_PAD.encode_to_string(text);
    let mut named = call("/v2/Train/Send");
    let headers = named.headers_mut();
    headers.append("x-note-bin", coded("the patient's ssn is 536").parse().unwrap());
    headers.append("x-more-bin", coded("-22-8941 and no more").parse().unwrap());

    let in_fields = workload.ask(call("/v2/Train/Send"), message(&fields)).await;
    let in_metadata = workload.ask(named, text_message("ok")).await;

    in_fields.assert_trailers_only("7", "finding");
    in_metadata.assert_trailers_only("7", "finding");
    for record in sidecar.records(2).await {
        assert_record(&record, &json!({ "reason": "finding", "bytes_released": 0 }));
        assert_eq!(record["findings"][0]["identifier"], "ssn");
    }
    registry.assert_untouched();
    drop(workload);
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_base64_of_grpc_web_is_read() {
    let site = Site::new();
    for (registry, sidecar) in registries(&site).await {
        let workload = workload(&sidecar).await;
        let text = |encoding: &str| {
            let mut request = call("/v2/Train/Send");
            let headers = request.headers_mut();
            headers.insert("content-type", "application/grpc-web-text+proto".parse().unwrap());
            headers.insert("grpc-encoding", encoding.parse().unwrap());
            request
        };
        let leak = text_message(&format!("the ssn is {SSN}"));
        let mut packed = message(&gzip(&leak));
        packed[0] = 1;
        let base64 = |bytes: &[u8]| base64_simd::STANDARD.encode_to_string(bytes);
        // A sender may flush, and so pad, where it likes.
        let padded: String = leak.chunks(4).map(base64).collect();

        let compressed = workload.ask(text("gzip"), base64(&packed)).await;
        let in_pieces = workload.ask(text("identity"), padded).await;

        compressed.assert_trailers_only("7", "finding");
        in_pieces.assert_trailers_only("7", "finding");
        registry.assert_untouched();
        for record in sidecar.records(2).await {
            assert_record(&record, &json!({ "outcome": "refused", "bytes_released": 0 }));
        }
        drop(workload);
        sidecar.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_come_as_trailers_alone() {
    let site = Site::new();
    for (registry, sidecar) in registries(&site).await {
        let workload = workload(&sidecar).await;
        let leak = text_message(&format!("the ssn is {SSN}"));
        let elsewhere = grpc("http://pastebin.example/a.B/C");

        let found = workload.ask(call("/v2/Train/Send"), &leak).await;
        let nowhere = workload.ask(elsewhere, &leak).await;
        let early: Call = workload.call(call("/elsewhere/Train/Send")).await;
        let early = early.hear().await;

        found.assert_trailers_only("7", "finding");
        nowhere.assert_trailers_only("7", "host-not-listed");
        early.assert_trailers_only("7", "path-not-allowed");
        registry.assert_untouched();
        for record in sidecar.records(3).await {
            assert_record(&record, &json!({ "outcome": "refused", "bytes_released": 0 }));
        }
        drop(workload);
        sidecar.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_without_http2_gets_no_grpc() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&site.plan(&registry)).await;
    let workload = workload(&sidecar).await;

    let ended = workload.ask(call("/v2/Train/Send"), text_message("round 1")).await;

    ended.assert_trailers_only("13", "upstream-broken");
    registry.assert_no_request();
    assert_record(&sidecar.record().await, &json!({ "outcome": "failed" }));
    drop(workload);
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_plaintext_grpc_is_http2_and_the_rest_is_http1() {
    let site = Site::new();
    let registry = Upstream::plaintext().await;
    echo(&registry).await;
    let sidecar = site.start(&site.plaintext_plan(&registry)).await;
    let workload = workload(&sidecar).await;

    let message = text_message("round 1");
    let ended = workload.ask(call("/v2/Train/Send"), &message).await;
    assert_eq!((ended.body, &ended.trailers["grpc-status"]), (message, &"0".parse().unwrap()));
    let put = Request::put(format!("http://{REGISTRY}/v2/a")).body(()).unwrap();
    assert_eq!(workload.ask(put, prose(3_000)).await.status, 200);

    let received = registry.requests(2).await;
    assert_eq!((received[0].version, received[1].version), (Version::HTTP_2, Version::HTTP_11));
    sidecar.records(2).await;
    drop(workload);
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_may_be_silent_for_longer_than_a_body() {
    let site = Site::new();
    let registry = Upstream::tls(with_http2(&site.pki.mutual_server(&site.registry_svid()))).await;
    echo(&registry).await;
    let plan = site.plan(&registry).limit("bodyIdle: 2s").limit("responseTimeout: 2s");
    let sidecar = site.start(&plan).await;
    let workload = workload(&sidecar).await;

    let (first, second) = (text_message("round 1"), text_message("round 2"));
    let mut calling = workload.call(call("/stream/Train/Join")).await;
    calling.say(&first).await;
    let (mut coming, body) = calling.head().await.unwrap();
    assert_eq!(coming.next().await.unwrap(), first);
    // Nobody says anything while a round is trained.
    tokio::time::sleep(std::time::Duration::from_secs(4)).await;
    let mut calling = Sender(body);
    calling.say(&second).await;
    assert_eq!(coming.next().await.unwrap(), second);
    calling.end().await;
    let ended = coming.rest().await;

    assert_eq!(ended.trailers["grpc-status"], "0", "{ended:?}");
    assert_record(&sidecar.record().await, &json!({ "outcome": "completed" }));
    drop(workload);
    sidecar.finish().await;
}
