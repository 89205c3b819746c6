//! HTTP/2 upstreams that take no request: one that gives streams back unprocessed is asked again, and
//! one that is silent keeps nobody waiting for the others.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::{Request, Response};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::harness::REGISTRY;
use crate::harness::http2::{Http2, grpc, text_message};
use crate::harness::log::assert_record;
use crate::harness::sidecar::Sidecar;
use crate::harness::site::{Plan, Site};
use crate::harness::wait::within;

/// SETTINGS, then GOAWAY with no last stream and no error (RFC 9113, sections 6.5 and 6.8).
const LEAVING: &[u8] = b"\0\0\0\x04\0\0\0\0\0\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\0";
/// The frame type of HEADERS.
const HEADERS: u8 = 1;

/// What a server has seen.
#[derive(Clone, Default)]
struct Streams(Arc<Seen>);

#[derive(Default)]
struct Seen {
    seen: AtomicUsize,
    /// Of those that were answered.
    bodies: Mutex<Vec<Vec<u8>>>,
}

impl Streams {
    fn count(&self) -> usize {
        self.0.seen.load(Ordering::Relaxed)
    }

    fn bodies(&self) -> Vec<Vec<u8>> {
        self.0.bodies.lock().unwrap().clone()
    }
}

/// A server whose first `refused` streams it refuses; then it answers. Counts the streams.
async fn refusing(refused: usize) -> (u16, Streams) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let streams = Streams::default();
    let seen = streams.clone();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(answer(stream, refused, seen.clone()));
        }
    });
    (port, streams)
}

async fn answer(stream: TcpStream, refused: usize, streams: Streams) {
    let mut connection = h2::server::handshake(stream).await.unwrap();
    while let Some(Ok((request, respond))) = connection.accept().await {
        // The connection goes on while a body is read.
        tokio::spawn(answer_one(request, respond, refused, streams.clone()));
    }
}

async fn answer_one(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    refused: usize,
    streams: Streams,
) {
    if streams.0.seen.fetch_add(1, Ordering::Relaxed) < refused {
        return respond.send_reset(Reason::REFUSED_STREAM);
    }
    let (mut body, mut whole) = (request.into_body(), Vec::new());
    while let Some(data) = body.data().await {
        whole.extend_from_slice(&data.unwrap());
    }
    streams.0.bodies.lock().unwrap().push(whole);
    let head = Response::builder()
        .header("content-type", "application/grpc")
        .header("grpc-status", "0")
        .body(())
        .unwrap();
    respond.send_response(head, true).unwrap();
}

/// A server that leaves its first connection when a request has come, and serves the next.
async fn leaving() -> (u16, Streams) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let streams = Streams::default();
    let seen = streams.clone();
    tokio::spawn(async move {
        let (mut first, _) = listener.accept().await.unwrap();
        hear_headers(&mut first).await;
        first.write_all(LEAVING).await.unwrap();
        let (second, _) = listener.accept().await.unwrap();
        answer(second, 0, seen).await;
    });
    (port, streams)
}

/// Reads frames up to the first HEADERS.
async fn hear_headers(stream: &mut TcpStream) {
    let mut preface = [0; 24];
    stream.read_exact(&mut preface).await.unwrap();
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.unwrap();
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        stream.read_exact(&mut vec![0; length]).await.unwrap();
        if head[3] == HEADERS {
            return;
        }
    }
}

/// A server that takes connections and says nothing. Counts them.
async fn silent() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let taken = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&taken);
    tokio::spawn(async move {
        let mut kept = Vec::new();
        loop {
            kept.push(listener.accept().await.unwrap());
            seen.fetch_add(1, Ordering::Relaxed);
        }
    });
    (port, taken)
}

const PLAINTEXT: &str = "{mode: plaintext, because: \"a story about streams\"}";

async fn start(site: &Site, port: u16, change: impl FnOnce(Plan) -> Plan) -> (Sidecar, Http2) {
    let plan = change(site.plan_to(port, PLAINTEXT));
    let sidecar = site.start(&plan).await;
    let workload = Http2::new(TcpStream::connect(sidecar.http_proxy).await.unwrap()).await;
    (sidecar, workload)
}

fn call() -> http::Request<()> {
    grpc(&format!("http://{REGISTRY}/v2/Train/Join"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_stream_without_a_body_is_asked_again() {
    let site = Site::new();
    let (port, streams) = refusing(2).await;
    let (sidecar, workload) = start(&site, port, |plan| plan).await;
    let answer = workload.ask(call(), Bytes::new()).await;
    assert_eq!((answer.status, &answer.headers["grpc-status"]), (200, &"0".parse().unwrap()));
    assert_eq!(streams.count(), 3);
    assert_record(&sidecar.record().await, &json!({"outcome": "completed"}));
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_stream_with_a_held_body_is_asked_again_whole() {
    let site = Site::new();
    let (port, streams) = refusing(2).await;
    let (sidecar, workload) = start(&site, port, |plan| plan).await;
    let message = text_message("all of it was cleared before any of it left");
    let answer = workload.ask(call(), &message).await;
    assert_eq!((answer.status, &answer.headers["grpc-status"]), (200, &"0".parse().unwrap()));
    assert_eq!(streams.bodies(), std::slice::from_ref(&message));
    let record = sidecar.record().await;
    assert_record(&record, &json!({"outcome": "completed", "bytes_in": message.len()}));
    assert!(record["bytes_released"].as_u64().unwrap() >= message.len() as u64, "{record}");
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_goes_on_being_refused_and_one_that_is_read_as_it_goes_are_not() {
    let site = Site::new();
    let (port, streams) = refusing(usize::MAX).await;
    let (sidecar, workload) = start(&site, port, |plan| plan).await;
    let answer = workload.ask(call(), Bytes::new()).await;
    assert_ne!(answer.headers.get("grpc-status"), Some(&"0".parse().unwrap()));
    assert_eq!(streams.count(), 3, "limits.http2.streamRetriesMax");
    let streamed = grpc(&format!("http://{REGISTRY}/stream/Train/Join"));
    workload.ask(streamed, text_message("some of it may have been read")).await;
    assert_eq!(streams.count(), 4);
    for record in sidecar.records(2).await {
        assert_record(&record, &json!({"outcome": "failed"}));
    }
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_beyond_the_last_of_a_leaving_server_is_asked_again() {
    let site = Site::new();
    let (port, streams) = leaving().await;
    let (sidecar, workload) = start(&site, port, |plan| plan).await;
    let answer = workload.ask(call(), Bytes::new()).await;
    assert_eq!((answer.status, &answer.headers["grpc-status"]), (200, &"0".parse().unwrap()));
    assert_eq!(streams.count(), 1);
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_wait_for_a_silent_server_wait_once() {
    const WAITING: usize = 8;
    let site = Site::new();
    let (port, taken) = silent().await;
    let plan = site.plan_to(port, "{mode: server}").limit("handshakeTimeout: 6s");
    let sidecar = site.start(&plan).await;
    let workload = Http2::new(TcpStream::connect(sidecar.http_proxy).await.unwrap()).await;
    let mut calls = Vec::new();
    for _ in 0..WAITING {
        let mut calling = workload.call(call()).await;
        calling.end(&[]).await;
        calls.push(calling);
    }
    for calling in calls {
        let answer = within("an answer", calling.hear()).await;
        assert_ne!(answer.headers.get("grpc-status"), Some(&"0".parse().unwrap()));
    }
    assert_eq!(taken.load(Ordering::Relaxed), 1, "each dialled by itself");
    for record in sidecar.records(WAITING).await {
        assert_record(&record, &json!({"outcome": "failed"}));
        assert!(record["error"].as_str().unwrap().starts_with("upstream-timeout"), "{record:#}");
    }
    sidecar.finish().await;
}
