//! HTTP/2 from the workload: prior knowledge, ALPN in an intercepted session, CONNECT.

use http::{HeaderMap, HeaderValue, Request, Version};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::harness::body::{prose, prose_with};
use crate::harness::http2::{Ended, Http2, grpc, text_message};
use crate::harness::log::{assert_record, only};
use crate::harness::pki::{offering, with_http2};
use crate::harness::sidecar::Sidecar;
use crate::harness::site::Site;
use crate::harness::upstream::{End, Gate, Reply, Upstream};
use crate::harness::wait::within;
use crate::harness::{AGGREGATOR_ID, REGISTRY, SSN};

const MIB: usize = 1 << 20;

/// A forward-proxy request to the registry.
fn request(method: &str, path: &str) -> Request<()> {
    let uri = format!("http://{REGISTRY}{path}");
    Request::builder().method(method).uri(uri).version(Version::HTTP_2).body(()).unwrap()
}

/// A registry that takes HTTP/2 by ALPN, over mutual TLS.
async fn registry(site: &Site) -> Upstream {
    Upstream::tls(with_http2(&site.pki.mutual_server(&site.registry_svid()))).await
}

async fn workload(sidecar: &Sidecar) -> Http2 {
    Http2::new(TcpStream::connect(sidecar.http_proxy).await.unwrap()).await
}

#[track_caller]
fn assert_problem(ended: &Ended, status: u16, code: &str) {
    assert_eq!((ended.status, ended.reset), (status, None), "{ended:?}");
    assert_eq!(ended.problem("code"), code);
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_of_one_connection_share_one_upstream_connection_and_each_has_its_record() {
    let site = Site::new();
    let registry = registry(&site).await;
    let sidecar = site.start(&site.plan(&registry)).await;
    let workload = workload(&sidecar).await;
    let body = prose(300_000);

    let asked = (0..8).map(|turn| {
        let (workload, body) = (&workload, &body);
        async move { workload.ask(request("PUT", &format!("/v2/{turn}?a=1")), body).await }
    });
    let answers = within("eight answers", futures_of(asked)).await;
    let leak = workload.ask(request("PUT", "/v2/leak"), format!("the ssn is {SSN}")).await;
    let elsewhere = Request::get("http://pastebin.example/").body(()).unwrap();
    let elsewhere = workload.ask(elsewhere, "").await;

    for answer in &answers {
        assert_eq!((answer.status, answer.body.as_slice()), (200, &b"ok\n"[..]));
    }
    assert_problem(&leak, 403, "finding");
    assert_problem(&elsewhere, 403, "host-not-listed");
    let received = registry.requests(8).await;
    for request in &received {
        assert_eq!((request.version, request.end), (Version::HTTP_2, End::Whole));
        assert_eq!(request.body, body);
        assert_eq!(request.connection, 1, "another connection was opened");
        assert_eq!(request.target, format!("https://{REGISTRY}{}", request.path()));
        assert!(!request.headers.contains_key("host"));
        assert_eq!(request.headers["content-length"], body.len().to_string());
    }
    assert_eq!(registry.seen().connections, 1);
    let records = sidecar.records(10).await;
    for record in &records[..8] {
        assert_record(
            record,
            &json!({
                "outcome": "completed",
                "kind": "http",
                "rule": "models",
                "status": 200,
                "bytes_in": body.len(),
                "bytes_released": body.len(),
                "bytes_out": 3,
                "tls_version": "TLSv1_3",
            }),
        );
    }
    let leak = json!({ "outcome": "refused", "reason": "finding", "bytes_released": 0 });
    assert_record(&records[8], &leak);
    assert_record(&records[9], &json!({ "outcome": "refused", "reason": "host-not-listed" }));
    drop(workload);
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_offers_no_http2_is_spoken_http1() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&site.plan(&registry)).await;
    let workload = workload(&sidecar).await;

    for turn in 1..=3 {
        assert_eq!(workload.ask(request("PUT", "/v2/a"), prose(2_000)).await.status, 200);
        sidecar.records(turn).await;
    }

    let received = registry.requests(3).await;
    for request in &received {
        assert_eq!((request.version, request.target.as_str()), (Version::HTTP_11, "/v2/a"));
        assert_eq!(request.headers["host"], REGISTRY);
        assert_eq!(request.connection, 1, "the connection was not used again");
    }
    drop(workload);
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_intercepted_session_speaks_http2_by_alpn_and_http1_without() {
    let site = Site::new();
    let registry = registry(&site).await;
    let sidecar = site.start(&site.plan(&registry)).await;
    let authority = format!("{REGISTRY}:{}", registry.port);
    let config = sidecar.trusting_intercept();
    for (protocols, version) in [
        (&[&b"h2"[..], b"http/1.1"][..], Version::HTTP_2),
        (&[b"http/1.1"], Version::HTTP_11),
        (&[], Version::HTTP_11),
    ] {
        let connector = TlsConnector::from(offering(&config, protocols));
        let tunnel = sidecar.tunnel(&authority).await;
        let name = REGISTRY.try_into().unwrap();
        let stream = within("the handshake", connector.connect(name, tunnel)).await.unwrap();
        let before = registry.seen().requests.len();
        if version == Version::HTTP_2 {
            assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
            let session = Http2::new(stream).await;
            let inside = Request::put(format!("https://{authority}/v2/a")).body(()).unwrap();
            assert_eq!(session.ask(inside, prose(500)).await.status, 200);
            let other = Request::put(format!("https://evil.example:{}/v2/a", registry.port));
            let other = session.ask(other.body(()).unwrap(), "").await;
            assert_problem(&other, 400, "malformed");
        } else {
            let mut session = crate::harness::wire::Conversation::new(stream);
            let head = format!("GET /v2/a HTTP/1.1\r\nHost: {authority}\r\n\r\n");
            assert_eq!(session.ask(head).await.status, 200);
        }
        let received = registry.requests(before + 1).await.pop().unwrap();
        assert_eq!(received.version, version, "upstream is spoken as downstream is");
    }
    sidecar.records(7).await;
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connect_over_http2_is_decided_and_read_inside() {
    let site = Site::new();
    let registry = registry(&site).await;
    let sidecar = site.start(&site.plan(&registry)).await;
    let workload = workload(&sidecar).await;

    let refused = Request::connect("pastebin.example:443").body(()).unwrap();
    assert_problem(&workload.ask(refused, "").await, 403, "host-not-listed");
    let authority = format!("{REGISTRY}:{}", registry.port);
    let call = workload.call(Request::connect(&authority).body(()).unwrap()).await;
    let tunnel = call.tunnel().await;
    let connector = TlsConnector::from(offering(&sidecar.trusting_intercept(), &[b"h2"]));
    let name = REGISTRY.try_into().unwrap();
    let stream = within("the handshake", connector.connect(name, tunnel)).await.unwrap();
    let session = Http2::new(stream).await;
    let inside = Request::put(format!("https://{authority}/v2/a")).body(()).unwrap();
    let body = prose(MIB);
    assert_eq!(session.ask(inside, &body).await.status, 200);
    drop((session, workload));

    assert_eq!(registry.request().await.body, body);
    let records = sidecar.records(3).await;
    let kinds: Vec<_> = records.iter().map(|record| record["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["connect", "connect", "http"]);
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_finding_resets_its_stream_alone() {
    let site = Site::new();
    let registry = registry(&site).await;
    let sidecar = site.start(&site.plan(&registry)).await;
    let workload = workload(&sidecar).await;
    let leaking = prose_with(3 * MIB, SSN, 3 * MIB - 40);

    let mut other = workload.call(request("PUT", "/stream/other")).await;
    other.say(&prose(MIB)).await;
    registry.has_body_bytes(MIB / 2).await;
    let cut = workload.ask(request("PUT", "/stream/leak"), &leaking).await;
    other.end(&prose(1_000)).await;
    let other = other.hear().await;

    assert_problem(&cut, 403, "finding");
    assert_eq!(other.status, 200, "a neighbour was cut");
    let received = registry.requests(2).await;
    assert_eq!((received[0].end, received[0].body.len()), (End::Whole, MIB + 1_000));
    assert_eq!(received[1].end, End::Broken, "the upstream took the body for whole");
    assert_eq!(received[1].connection, 1);
    let records = sidecar.records(2).await;
    let of = |path: &str| only(&records, "target", format!("http://{REGISTRY}{path}"));
    let cut = json!({ "outcome": "cut", "reason": "finding", "status": 403 });
    assert_record(of("/stream/leak"), &cut);
    assert_record(of("/stream/other"), &json!({ "outcome": "completed" }));
    drop(workload);
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_resets_a_stream_leaves_no_whole_body_behind() {
    let site = Site::new();
    let registry = registry(&site).await;
    let sidecar = site.start(&site.plan(&registry)).await;
    let workload = workload(&sidecar).await;

    let mut call = workload.call(request("PUT", "/stream/a")).await;
    call.say(&prose(MIB)).await;
    registry.has_body_bytes(MIB / 2).await;
    call.body.send_reset(h2::Reason::CANCEL);

    assert_eq!(registry.request().await.end, End::Broken);
    let record = sidecar.record().await;
    let outcome = record["outcome"].as_str().unwrap();
    assert!(outcome == "failed" || outcome == "aborted", "{record}");
    drop((call, workload));
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trailers_pass_both_ways_and_are_read() {
    let site = Site::new();
    let registry = registry(&site).await;
    registry.reply(Reply { trailers: vec![("x-checked", "yes")], ..Reply::text("ok\n") });
    let sidecar = site.start(&site.plan(&registry)).await;
    let workload = workload(&sidecar).await;

    for (turn, (value, status)) in [("all-well", 200), ("ssn 536-22-8941", 403)].iter().enumerate()
    {
        let mut call = workload.call(request("PUT", "/stream/a")).await;
        call.say(&prose(500)).await;
        let mut trailers = HeaderMap::new();
        trailers.insert("x-note", HeaderValue::from_static(value));
        call.trailers(trailers).await;
        let ended = call.hear().await;
        assert_eq!(ended.status, *status, "{value}");
        let received = registry.requests(turn + 1).await.pop().unwrap();
        if *status == 200 {
            assert_eq!(ended.trailers["x-checked"], "yes");
            assert_eq!(received.trailers.unwrap()["x-note"], *value);
        } else {
            assert_eq!((received.end, received.trailers), (End::Broken, None));
        }
        sidecar.records(turn + 1).await;
    }
    drop(workload);
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_streams_than_a_connection_takes_open_another() {
    let site = Site::new();
    let registry = registry(&site).await;
    let gate = Gate::new();
    registry.reply(Reply { gate: Some(gate.clone()), ..Reply::text("ok\n") });
    let plan = site.plan(&registry).limit("http2: {streamsPerConnectionMax: 2}");
    let sidecar = site.start(&plan).await;
    let (one, other) = (workload(&sidecar).await, workload(&sidecar).await);
    let third = workload(&sidecar).await;

    let asked = [&one, &one, &other, &other, &third]
        .map(|workload| workload.ask(request("GET", "/v2/a"), ""));
    let answering = futures_of(asked);
    let opening = async {
        registry.heads(5).await;
        gate.open();
    };
    let (answers, ()) = tokio::join!(answering, opening);

    assert!(answers.iter().all(|answer| answer.status == 200));
    let mut connections: Vec<_> =
        registry.requests(5).await.iter().map(|request| request.connection).collect();
    connections.sort_unstable();
    assert_eq!(connections, [1, 1, 2, 2, 3]);
    sidecar.records(5).await;
    drop((one, other, third));
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gives_no_window_is_not_waited_for() {
    let site = Site::new();
    let registry = registry(&site).await;
    registry.reply(Reply { pieces: vec![prose(8 * MIB)], ..Reply::default() });
    let sidecar = site.start(&site.plan(&registry).limit("responseTimeout: 2s")).await;
    let stream = TcpStream::connect(sidecar.http_proxy).await.unwrap();
    let workload = Http2::with_window(stream, 1024).await;

    let mut call = workload.call(request("GET", "/v2/a")).await;
    call.end(b"").await;
    let (coming, _body) = call.head().await.unwrap();

    // The connection lives on, and answers to PING are no reading.
    let record = sidecar.record().await;
    assert_eq!(record["outcome"], "aborted", "{record}");
    assert!(record["bytes_out"].as_u64().unwrap() < MIB as u64, "{record}");
    drop(coming);
    registry.reply(Reply::text("ok\n"));
    assert_eq!(workload.ask(request("GET", "/v2/b"), "").await.status, 200);
    sidecar.records(2).await;
    drop(workload);
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_says_goaway_and_finishes_what_is_under_way() {
    let site = Site::new();
    let registry = registry(&site).await;
    let gate = Gate::new();
    registry.reply(Reply { gate: Some(gate.clone()), ..Reply::text("ok\n") });
    let sidecar = site.start(&site.plan(&registry)).await;
    let workload = workload(&sidecar).await;

    let mut call = workload.call(request("GET", "/v2/a")).await;
    call.end(b"").await;
    registry.heads(1).await;
    let finishing = sidecar.finish();
    let watching = async {
        // No new stream is taken once GOAWAY has come.
        while workload.try_call(request("GET", "/v2/b")).await.is_ok() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        gate.open();
        call.hear().await
    };
    let (log, answer) = tokio::join!(finishing, watching);

    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(log.closes().iter().any(|close| close["outcome"] == "completed"));
}

/// All of them at once, in order.
async fn futures_of<F: Future>(all: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut waiting: Vec<_> = all.into_iter().map(|one| (Box::pin(one), None)).collect();
    std::future::poll_fn(|context| {
        for (one, output) in &mut waiting {
            if output.is_none()
                && let std::task::Poll::Ready(ready) = one.as_mut().poll(context)
            {
                *output = Some(ready);
            }
        }
        if waiting.iter().all(|(_, output)| output.is_some()) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    waiting.into_iter().map(|(_, output)| output.unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_speak_http2_by_alpn_and_the_application_hears_grpc_as_http2() {
    let site = Site::new();
    let (registry, app) = (Upstream::plaintext().await, Upstream::plaintext().await);
    let sidecar = site.start(&site.plaintext_plan(&registry).inbound(&app)).await;
    let aggregator = site.pki.issue(AGGREGATOR_ID, &["aggregator.example"]);
    let config = offering(&site.pki.client(Some(&aggregator)), &[b"h2", b"http/1.1"]);
    let stream = sidecar.peer(config).await.unwrap().into_stream();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let peer = Http2::new(stream).await;
    let at = |path: &str| format!("https://updates.train.internal{path}");

    let plain = Request::post(at("/updates/7")).body(()).unwrap();
    assert_eq!(peer.ask(plain, prose(900)).await.status, 200);
    let message = text_message("round 1");
    app.reply(Reply {
        headers: vec![("content-type", "application/grpc".to_owned())],
        trailers: vec![("grpc-status", "0")],
        is_echo: true,
        ..Reply::default()
    });
    let called = peer.ask(grpc(&at("/updates/Pull")), &message).await;
    assert_eq!((called.body, &called.trailers["grpc-status"]), (message, &"0".parse().unwrap()));
    let leak = text_message("the ssn is 536-22-8941");
    let leaking = peer.ask(grpc(&at("/updates/Leak")), &leak).await;
    let stranger = peer.ask(grpc(&at("/elsewhere")), "").await;

    leaking.assert_trailers_only("7", "finding");
    stranger.assert_trailers_only("7", "path-not-allowed");
    let received = app.requests(3).await;
    let versions: Vec<_> = received.iter().map(|request| request.version).collect();
    assert_eq!(versions, [Version::HTTP_11, Version::HTTP_2, Version::HTTP_2]);
    assert_eq!(received[0].headers["host"], "updates.train.internal");
    for request in &received {
        let told = request.headers["x-forwarded-client-cert"].to_str().unwrap();
        assert!(told.contains(AGGREGATOR_ID), "{told}");
    }
    // Streams of one connection may end in any order.
    let records = sidecar.records(4).await;
    let of = |path: &str| {
        let is_of = |record: &&Value| record["target"].as_str().unwrap().ends_with(path);
        records.iter().find(is_of).unwrap()
    };
    assert_record(of("/updates/7"), &json!({ "direction": "inbound", "outcome": "completed" }));
    let called = json!({ "outcome": "completed", "source": AGGREGATOR_ID });
    assert_record(of("/updates/Pull"), &called);
    assert_record(of("/updates/Leak"), &json!({ "reason": "finding", "bytes_released": 0 }));
    let stranger = json!({ "outcome": "refused", "reason": "path-not-allowed" });
    assert_record(of("/elsewhere"), &stranger);
    drop(peer);
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_s3_are_refused_in_their_own_words() {
    let site = Site::new();
    let registry = registry(&site).await;
    let sidecar = site.start(&site.plan(&registry)).await;
    let workload = workload(&sidecar).await;

    for (name, value) in
        [("authorization", "AWS4-HMAC-SHA256 Credential=x"), ("x-amz-date", "20261122T000000Z")]
    {
        let mut signed = request("PUT", "/v2/notes");
        signed.headers_mut().insert(name, HeaderValue::from_static(value));
        let ended = workload.ask(signed, format!("the ssn is {SSN}")).await;
        assert_eq!(ended.status, 403, "{ended:?}");
        assert_eq!(ended.headers["content-type"], "application/xml");
        let text = String::from_utf8(ended.body).unwrap();
        assert!(text.contains("<Code>AccessDenied</Code>"), "{text}");
        assert!(text.contains("lazaret: finding"), "{text}");
    }

    registry.assert_untouched();
    for record in sidecar.records(2).await {
        assert_record(
            &record,
            &json!({ "outcome": "refused", "reason": "finding", "status": 403 }),
        );
    }
    drop(workload);
    sidecar.finish().await;
}
