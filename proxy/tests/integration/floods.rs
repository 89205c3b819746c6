//! A client that writes frames by hand: what HTTP/2 lets it flood, and heads that have no single
//! reading.

use serde_json::json;

use crate::harness::http2::{Frames, Last, frame, literal};
use crate::harness::log::assert_record;
use crate::harness::site::Site;
use crate::harness::upstream::Upstream;
use crate::harness::wait::within;
use crate::harness::{REGISTRY, sidecar::Sidecar};

const PING: u8 = 6;
const SETTINGS: u8 = 4;
const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const RESET: u8 = 3;
/// RFC 9113, section 7.
const PROTOCOL_ERROR: u32 = 1;

async fn sidecar(site: &Site, limit: &str) -> (Upstream, Sidecar) {
    let registry = Upstream::plaintext().await;
    let plan = site.plaintext_plan(&registry);
    let plan = if limit.is_empty() { plan } else { plan.limit(limit) };
    let sidecar = site.start(&plan).await;
    (registry, sidecar)
}

/// `:method`, `:scheme`, `:authority` and `:path` of a request that would be permitted.
const GOOD: [(&str, &str); 4] =
    [(":method", "GET"), (":scheme", "http"), (":authority", REGISTRY), (":path", "/v2/a")];

fn good_but(
    change: impl FnOnce(&mut Vec<(&'static str, &'static str)>),
) -> Vec<(&'static str, &'static str)> {
    let mut fields = GOOD.to_vec();
    change(&mut fields);
    fields
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_has_no_single_reading_goes_nowhere() {
    type Fields = Vec<(&'static str, &'static str)>;
    let table: Vec<(&str, Fields)> = vec![
        ("two methods", good_but(|fields| fields.push((":method", "PUT")))),
        ("two paths", good_but(|fields| fields.push((":path", "/v2/b")))),
        ("two authorities", good_but(|fields| fields.push((":authority", "evil.example")))),
        ("an unknown pseudo field", good_but(|fields| fields.push((":host", REGISTRY)))),
        ("a response's pseudo field", good_but(|fields| fields.push((":status", "200")))),
        ("extended CONNECT", good_but(|fields| fields.push((":protocol", "websocket")))),
        ("a pseudo field behind others", good_but(|fields| fields.insert(0, ("accept", "*/*")))),
        (
            "no method",
            good_but(|fields| {
                fields.remove(0);
            }),
        ),
        (
            "no path",
            good_but(|fields| {
                fields.remove(3);
            }),
        ),
        (
            "no scheme",
            good_but(|fields| {
                fields.remove(1);
            }),
        ),
        ("an upper-case name", good_but(|fields| fields.push(("Accept", "*/*")))),
        ("connection", good_but(|fields| fields.push(("connection", "close")))),
        ("keep-alive", good_but(|fields| fields.push(("keep-alive", "timeout=5")))),
        ("proxy-connection", good_but(|fields| fields.push(("proxy-connection", "close")))),
        ("transfer-encoding", good_but(|fields| fields.push(("transfer-encoding", "chunked")))),
        ("upgrade", good_but(|fields| fields.push(("upgrade", "websocket")))),
        ("te but trailers", good_but(|fields| fields.push(("te", "gzip")))),
        ("a line break in a value", good_but(|fields| fields.push(("x-a", "b\r\nx-c: d")))),
        ("a blank in a name", good_but(|fields| fields.push(("x a", "b")))),
        ("a length that is none", good_but(|fields| fields.push(("content-length", "+1")))),
        ("a length without a body", good_but(|fields| fields.push(("content-length", "3")))),
        ("user information", good_but(|fields| fields[2].1 = "user@registry.ml.internal")),
        ("another Host", good_but(|fields| fields.push(("host", "evil.example")))),
        ("two Hosts", good_but(|fields| fields.extend([("host", REGISTRY), ("host", REGISTRY)]))),
        ("Host alone", good_but(|fields| fields[2] = ("host", REGISTRY))),
        ("another scheme", good_but(|fields| fields[1].1 = "ftp")),
        ("a path without a slash", good_but(|fields| fields[3].1 = "v2/a")),
        ("an asterisk", good_but(|fields| fields[3].1 = "*")),
        ("a dot segment", good_but(|fields| fields[3].1 = "/v2/../a")),
        ("an absolute path", good_but(|fields| fields[3].1 = "http://evil.example/v2/a")),
        ("an empty path", good_but(|fields| fields[3].1 = "")),
    ];
    let site = Site::new();
    let (registry, sidecar) = sidecar(&site, "").await;
    for (what, fields) in table {
        let mut frames = Frames::open(sidecar.http_proxy).await;
        frames.head(1, &fields).await;
        let last = frames.hear().await;
        match last {
            // 400 of ours; a 2xx would mean that the upstream was asked.
            Last::Head => {}
            Last::Reset(code) | Last::GoAway(code) => assert_eq!(code, PROTOCOL_ERROR, "{what}"),
            Last::Closed => panic!("{what}: no word was said"),
        }
        assert_eq!(registry.seen().connections, 0, "{what}: the upstream saw it");
    }
    let log = sidecar.finish().await;
    for close in log.closes() {
        assert_record(close, &json!({ "outcome": "malformed", "opened": false }));
    }
    assert!(log.closes().len() >= 8, "what h2 lets through is refused by us and recorded");
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_are_given_up_at_once_end_the_connection() {
    let site = Site::new();
    let (registry, sidecar) = sidecar(&site, "http2: {resetsMax: 20}").await;
    let mut frames = Frames::open(sidecar.http_proxy).await;
    // A body that never comes keeps the request under way until it is reset.
    let fields = good_but(|fields| fields[0].1 = "PUT");
    let mut stream = 1;
    let block = literal(&fields);
    let mut is_open = true;
    while is_open && stream < 200_000 {
        is_open = frames.say(HEADERS, 0x4, stream, &block).await
            && frames.say(RESET, 0, stream, &8_u32.to_be_bytes()).await;
        stream += 2;
        tokio::task::yield_now().await;
    }
    assert!(matches!(frames.hear().await, Last::GoAway(_) | Last::Closed));
    assert!(stream < 200_000, "the flood was taken");

    registry.assert_no_request();
    let log = sidecar.finish().await;
    assert!(log.closes().len() < 1_000, "{} records of a flood", log.closes().len());
    let of_it = |close: &&&serde_json::Value| close["outcome"] == "malformed";
    assert_eq!(log.closes().iter().filter(of_it).count(), 1, "the flood is on record");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_without_an_end_is_not_collected() {
    let site = Site::new();
    let (registry, sidecar) = sidecar(&site, "").await;
    let mut frames = Frames::open(sidecar.http_proxy).await;
    let filler = literal(&[("x-filler", &"a".repeat(4_000))]);

    frames.say(HEADERS, 0, 1, &literal(&GOOD)).await;
    let mut sent = 0_usize;
    while frames.say(CONTINUATION, 0, 1, &filler).await && sent < (64 << 20) {
        sent += filler.len();
    }
    assert!(sent < (64 << 20), "the flood was taken");
    // Empty ones cost nothing to send.
    let mut frames = Frames::open(sidecar.http_proxy).await;
    frames.say(HEADERS, 0, 1, &literal(&GOOD)).await;
    let mut count = 0;
    while frames.say(CONTINUATION, 0, 1, &[]).await && count < 1_000_000 {
        count += 1;
    }
    assert!(count < 1_000_000, "the flood was taken");

    registry.assert_untouched();
    for record in sidecar.records(2).await {
        assert_record(&record, &json!({ "outcome": "malformed", "opened": false }));
    }
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_answers_and_reads_none_is_not_heard_further() {
    let site = Site::new();
    let (registry, sidecar) = sidecar(&site, "responseTimeout: 300ms").await;
    for (kind, payload) in [(PING, &[0_u8; 8][..]), (SETTINGS, &[])] {
        let mut frames = Frames::open_deaf(sidecar.http_proxy).await;
        let flood = frame(kind, 0, 0, payload);
        // Our answers fill the socket; then nothing more of the flood is read, and it ends.
        within("the flood", async {
            let mut sent = 0_usize;
            while frames.repeat(&flood, 4096).await {
                sent += 4096;
                assert!(sent < 50_000_000, "the flood was taken");
            }
        })
        .await;
    }
    registry.assert_untouched();
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_without_streams_is_told_to_go() {
    let site = Site::new();
    let (registry, sidecar) = sidecar(&site, "headerTimeout: 2s").await;
    let mut idle = Frames::open(sidecar.http_proxy).await;
    assert_eq!(idle.hear().await, Last::GoAway(0));
    // A head that never ends keeps no connection open either.
    let mut slow = Frames::open(sidecar.http_proxy).await;
    slow.say(HEADERS, 0, 1, &literal(&GOOD[..1])).await;
    assert!(matches!(slow.hear().await, Last::GoAway(_) | Last::Closed));
    registry.assert_untouched();
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_is_too_large_is_refused_and_recorded() {
    let site = Site::new();
    let (registry, sidecar) = sidecar(&site, "headerBytesMax: 8KiB").await;
    let mut frames = Frames::open(sidecar.http_proxy).await;
    let large = "a".repeat(9_000);
    let fields = [&GOOD[..], &[("x-large", large.as_str())]].concat();
    frames.head(1, &fields).await;
    assert_eq!(frames.hear().await, Last::Head);
    let record = sidecar.record().await;
    assert_record(&record, &json!({ "outcome": "malformed", "status": 431, "opened": false }));
    registry.assert_untouched();
    drop(frames);
    sidecar.finish().await;
}
