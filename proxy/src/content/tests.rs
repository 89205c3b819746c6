//! Bodies under a ruling: what is released, when, and what a broken end looks like.

use crate::error::Kind;
use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use policy::{EgressFacts, Host, Policy, Source as PolicyText};
use proptest::prelude::*;

use super::*;
use crate::budget::Budget;
use crate::{drain, rate};
use http_body_util::BodyExt;

const SSN: &str = "536-22-8941";

const POLICY: &str = r#"
apiVersion: lazaret/v1
kind: Policy
endpoints:
  - {name: e, hosts: [e.example], addresses: [10.0.0.1], ports: [443], tls: {mode: server}}
egress:
  - {name: hold, to: [e], paths: ["/hold"], content: hold}
  - {name: small, to: [e], paths: ["/small"], content: small}
  - {name: stream, to: [e], paths: ["/stream"], content: stream}
  - {name: exempt, to: [e], paths: ["/exempt"], content: {exempt: true, because: "a test"}}
content:
  - {name: hold, inspect: hold}
  - {name: small, inspect: hold, holdMax: 1KiB}
  - {name: stream, inspect: stream}
"#;

fn ruling(path: &str) -> Ruling {
    let source = PolicyText { name: "p.yaml".to_owned(), text: POLICY.to_owned() };
    let policy = Policy::compile(&[source]).unwrap().policy;
    let host = Host::parse("e.example").unwrap();
    let facts = EgressFacts {
        source: None,
        host: &host,
        port: None,
        is_grpc: false,
        method: "PUT",
        path,
        upgrade: None,
        now: crate::clock::now(),
    };
    policy.decide_egress(&facts).unwrap().ruling()
}

fn content(memory_max: usize) -> Content {
    let gauge = prometheus::IntGauge::new("spool", "test").unwrap();
    let room = SpoolRoom::new(
        std::env::temp_dir(),
        memory_max,
        (u64::MAX, gauge.clone()),
        Budget::new(u64::MAX, gauge),
    );
    let idle = Duration::from_millis(100);
    let limits = Limits { body_idle: idle, response_timeout: idle, ..Limits::default() };
    Content::new(room, &limits)
}

/// A body in given pieces that ends as told.
struct Pieces {
    frames: VecDeque<Frame<Bytes>>,
    end: End,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Broken,
    Silent,
    Whole,
}

impl Pieces {
    fn of(chunks: &[&[u8]], end: End) -> Pieces {
        let frames = chunks.iter().map(|chunk| Frame::data(Bytes::copy_from_slice(chunk)));
        Pieces { frames: frames.collect(), end }
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match (self.frames.pop_front(), self.end) {
            (Some(frame), _) => Poll::Ready(Some(Ok(frame))),
            (None, End::Whole) => Poll::Ready(None),
            (None, End::Broken) => Poll::Ready(Some(Err("broken".into()))),
            // Nothing will wake it; only a timeout ends the wait.
            (None, End::Silent) => Poll::Pending,
        }
    }
}

/// What a receiver of a cleared body sees.
async fn receive(mut body: ClearedBody) -> (Vec<u8>, Option<HeaderMap>, bool) {
    let (mut bytes, mut trailers) = (Vec::new(), None);
    loop {
        match body.frame().await {
            None => return (bytes, trailers, true),
            Some(Err(CutOff)) => return (bytes, trailers, false),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => bytes.extend_from_slice(&data),
                Err(frame) => trailers = frame.into_trailers().ok(),
            },
        }
    }
}

/// Reads a body under the rule for `path`; what comes out, and the meters.
async fn pass(path: &str, memory_max: usize, body: Pieces) -> (Result<Passed, Stop>, Meters) {
    pass_under(ruling(path), memory_max, body).await
}

async fn pass_under(
    ruling: Ruling,
    memory_max: usize,
    body: Pieces,
) -> (Result<Passed, Stop>, Meters) {
    let (_tasks, drain) = drain::channel();
    let meters = Meters::default();
    let read =
        content(memory_max).read_body(ruling, &Hint::default(), body, (&meters, &drain)).await;
    let passed = match read {
        Err(stop) => Err(stop),
        Ok(body) => {
            let exact = body.size_hint().exact();
            let (bytes, trailers, is_whole) = receive(body).await;
            meters.released.over_or_cut(Duration::from_secs(10)).await;
            Ok(Passed { bytes, trailers, is_whole, exact })
        }
    };
    (passed, meters)
}

#[derive(Debug)]
struct Passed {
    bytes: Vec<u8>,
    trailers: Option<HeaderMap>,
    is_whole: bool,
    exact: Option<u64>,
}

fn prose(len: usize) -> Vec<u8> {
    b"the loss went down again\n".iter().copied().cycle().take(len).collect()
}

fn leak(len: usize, at: usize) -> Vec<u8> {
    let mut body = prose(len);
    let secret = format!(" ssn {SSN} ");
    body[at..at + secret.len()].copy_from_slice(secret.as_bytes());
    body
}

#[tokio::test]
async fn clean_bodies_pass_whole_in_every_mode() {
    let body = prose(300_000);
    let chunks: Vec<&[u8]> = body.chunks(7_000).collect();
    for (path, memory_max, is_sized) in [
        ("/hold", 1 << 20, true),
        ("/hold", 10_000, true),
        ("/stream", 1 << 20, false),
        ("/exempt", 1 << 20, false),
    ] {
        let (passed, meters) = pass(path, memory_max, Pieces::of(&chunks, End::Whole)).await;
        let passed = passed.unwrap();
        assert!(passed.bytes == body && passed.is_whole, "{path}");
        assert_eq!(passed.exact, is_sized.then_some(body.len() as u64), "{path}");
        assert_eq!(meters.received.total(), body.len() as u64);
        assert_eq!(meters.released.bytes(), body.len() as u64);
        let read = meters.cell.with(|reading| reading.coverage().read);
        assert_eq!(read, if path == "/exempt" { 0 } else { body.len() as u64 });
    }
}

#[tokio::test]
async fn who_has_all_of_a_body_need_not_hear_that_it_has_ended() {
    let body = prose(100_000);
    let chunks: Vec<&[u8]> = body.chunks(7_000).collect();
    let hint = Hint { length: Some(body.len() as u64), ..Hint::default() };
    for (takes, failure) in [(body.len(), None), (1, Some(Kind::ReceiverGone))] {
        let (_tasks, drain) = drain::channel();
        let (meters, source) = (Meters::default(), Pieces::of(&chunks, End::Whole));
        let content = content(1 << 20);
        let read = content.read_body(ruling("/stream"), &hint, source, (&meters, &drain)).await;
        let mut receiver = read.unwrap();
        while meters.released.bytes() < takes as u64 {
            receiver.frame().await.unwrap().unwrap();
        }
        drop(receiver);
        meters.released.over_or_cut(Duration::from_secs(10)).await;
        assert_eq!(meters.cell.with(|reading| reading.failure), failure);
    }
}

#[test]
fn uploads_of_one_source_do_not_push_out_those_of_another() {
    let (gauge, hour) =
        (prometheus::IntGauge::new("bytes", "test").unwrap(), Duration::from_secs(3600));
    let budget = Budget::new(u64::MAX, gauge);
    let of = |number: u32| budget.holder(&rate::Source::at(Ipv4Addr::from(number).into()));
    let own = of(1);
    // Two may meet in one counter.
    let theirs = (2..).map(of).find(|theirs| *theirs != own).unwrap();
    let uploads = Uploads::new(4, hour, hour);
    let mine = uploads.open("mine", own, &ruling("/hold"));
    for number in 0..20 {
        uploads.open(&format!("theirs {number}"), theirs, &ruling("/hold"));
    }
    let again = uploads.open("mine", own, &ruling("/hold"));
    assert!(Arc::ptr_eq(&mine, &again), "it was forgotten and begun anew");
}

#[tokio::test]
async fn a_held_leak_releases_nothing() {
    for at in [0, 150_000, 299_000] {
        let body = leak(300_000, at);
        let (passed, meters) = pass("/hold", 10_000, Pieces::of(&[&body], End::Whole)).await;
        assert_eq!(passed.unwrap_err().code(), "finding");
        assert_eq!(meters.released.bytes(), 0);
        assert!(meters.released.is_over());
    }
}

#[tokio::test]
async fn more_than_may_be_held_stops() {
    let (passed, meters) = pass("/small", 1 << 20, Pieces::of(&[&prose(1_025)], End::Whole)).await;
    assert_eq!(passed.unwrap_err().code(), "hold-max");
    assert_eq!(meters.released.bytes(), 0);
    let (passed, _) = pass("/small", 1 << 20, Pieces::of(&[&prose(1_024)], End::Whole)).await;
    assert!(passed.unwrap().is_whole);
}

#[tokio::test]
async fn a_streamed_leak_is_cut_before_it() {
    let body = leak(600_000, 590_000);
    let chunks: Vec<&[u8]> = body.chunks(5_000).collect();
    let (passed, meters) = pass("/stream", 1 << 20, Pieces::of(&chunks, End::Whole)).await;
    let passed = passed.unwrap();
    assert!(!passed.is_whole, "a cut body must not look whole");
    assert!(passed.bytes.len() <= 590_000 && body.starts_with(&passed.bytes));
    assert!(!passed.bytes.is_empty());
    meters.cell.with(|reading| {
        assert!(reading.cut);
        assert_eq!(reading.verdict.as_ref().unwrap().reason.code, "finding");
    });
}

#[tokio::test]
async fn bodies_that_break_or_stall_never_look_whole() {
    for (end, kind) in [(End::Broken, Kind::BodyAborted), (End::Silent, Kind::BodyTimeout)] {
        let body = prose(400_000);
        for path in ["/hold", "/exempt", "/stream"] {
            let (passed, meters) = pass(path, 1 << 20, Pieces::of(&[&body], end)).await;
            match passed {
                Err(stop) => assert_eq!((path, stop.code()), ("/hold", kind.code())),
                Ok(passed) => {
                    assert!(!passed.is_whole, "{path} {end:?}");
                    assert_eq!(meters.cell.with(|reading| reading.failure), Some(kind), "{path}");
                }
            }
        }
    }
}

#[tokio::test]
async fn an_answer_that_does_not_come_whole_is_its_senders_fault() {
    for (end, code) in [(End::Broken, "upstream-broken"), (End::Silent, "upstream-timeout")] {
        let (_tasks, drain) = drain::channel();
        let meters = Meters::default().other_way();
        let answer = Pieces::of(&[b"begun"], end);
        let read = content(1 << 20)
            .read_body(ruling("/hold"), &Hint::default(), answer, (&meters, &drain))
            .await;
        assert_eq!(read.unwrap_err().code(), code);
    }
}

#[tokio::test]
async fn trailers_pass_read_and_stripped() {
    for path in ["/hold", "/stream"] {
        let mut trailers = HeaderMap::new();
        trailers.insert("x-digest", "abc".parse().unwrap());
        trailers.insert("x-forwarded-client-cert", "By=x".parse().unwrap());
        let mut body = Pieces::of(&[b"a body"], End::Whole);
        body.frames.push_back(Frame::trailers(trailers.clone()));
        let (passed, _) = pass(path, 1 << 20, body).await;
        let passed = passed.unwrap().trailers.unwrap();
        assert_eq!((passed.len(), &passed["x-digest"]), (1, &"abc".parse().unwrap()));

        trailers.insert("x-note", SSN.parse().unwrap());
        let mut body = Pieces::of(&[b"a body"], End::Whole);
        body.frames.push_back(Frame::trailers(trailers));
        let (passed, _) = pass(path, 1 << 20, body).await;
        match passed {
            Err(stop) => assert_eq!((path, stop.code()), ("/hold", "finding")),
            Ok(passed) => assert!(!passed.is_whole && passed.trailers.is_none()),
        }
    }
}

#[test]
fn a_reader_that_dies_is_no_end() {
    let body = {
        // A runtime that ends takes its tasks with it, in the middle of a body.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let body = runtime.block_on(async {
            let (_tasks, drain) = drain::channel();
            let pieces = Pieces::of(&[&prose(100_000)], End::Silent);
            let content = Content { body_idle: Duration::from_secs(60), ..content(1 << 20) };
            let metering = (&Meters::default(), &drain);
            content.read_body(ruling("/stream"), &Hint::default(), pieces, metering).await.unwrap()
        });
        runtime.shutdown_timeout(Duration::from_secs(5));
        body
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (_, _, is_whole) = runtime.block_on(receive(body));
    assert!(!is_whole);
}

#[tokio::test]
async fn empty_bodies_are_whole_at_once() {
    for path in ["/hold", "/stream", "/exempt"] {
        let (_tasks, drain) = drain::channel();
        let meters = Meters::default();
        let body =
            http_body_util::Empty::<Bytes>::new().map_err(|never: Infallible| match never {});
        let metering = (&meters, &drain);
        let body = content(1 << 20)
            .read_body(ruling(path), &Hint::default(), body, metering)
            .await
            .unwrap();
        assert!(body.is_end_stream());
        assert_eq!(body.size_hint().exact(), Some(0));
        meters.released.ended().await;
    }
}

#[test]
fn heads_are_read_also_under_an_exemption() {
    let (content, cell) = (content(1 << 20), ReadingCell::default());
    let mut headers = HeaderMap::new();
    for path in ["/hold", "/stream", "/exempt"] {
        let ruling = ruling(path);
        assert!(
            content
                .read_head(&ruling, Line::target("PUT http://e.example/a"), &headers, &cell)
                .is_ok()
        );
        for line in ["PUT http://e.example/2/536-22-8941", "SSN-536-22-8941 http://e.example/"] {
            let refused =
                content.read_head(&ruling, Line::target(line), &headers, &cell).unwrap_err();
            assert_eq!(refused.reason.code, "finding", "{path} {line}");
        }
    }
    headers.insert("x-536-22-8941", "1".parse().unwrap());
    assert!(content.read_head(&ruling("/exempt"), Line::NONE, &headers, &cell).is_err());
}

mod heads;
mod tokens;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// However a streamed body is cut into chunks: what leaves is its beginning, and a leak never.
    #[test]
    fn chunks_change_nothing(cuts in proptest::collection::vec(1..3_000_usize, 1..40), at in 0..19_000_usize) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let body = leak(20_000, at);
        let (mut chunks, mut rest) = (Vec::new(), &body[..]);
        for cut in cuts.iter().cycle() {
            if rest.is_empty() { break; }
            let (chunk, after) = rest.split_at((*cut).min(rest.len()));
            chunks.push(chunk);
            rest = after;
        }
        let (passed, meters) = runtime.block_on(pass("/stream", 4_096, Pieces::of(&chunks, End::Whole)));
        let passed = passed.unwrap();
        prop_assert!(!passed.is_whole && body.starts_with(&passed.bytes));
        prop_assert!(passed.bytes.len() <= at + 5);
        prop_assert_eq!(meters.cell.with(|reading| reading.counts().map(|(.., count)| count).sum::<u64>()), 1);
    }
}
