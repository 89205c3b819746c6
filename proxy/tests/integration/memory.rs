//! `limits.bufferedBytesMax`: readers who do not read fill it, newcomers are told when to come back, and
//! those who do read go on.

use http::{Request, Version};
use serde_json::json;
use tokio::net::TcpStream;

use crate::harness::body::prose;
use crate::harness::http2::{Coming, Frames, Http2, grpc};
use crate::harness::log::assert_record;
use crate::harness::peer::peer_request;
use crate::harness::pki::with_http2;
use crate::harness::sidecar::Sidecar;
use crate::harness::site::Site;
use crate::harness::upstream::{Gate, Reply, Upstream};
use crate::harness::wait::within;
use crate::harness::workload::request;
use crate::harness::{AGGREGATOR_ID, REGISTRY};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
/// What a request without a body may come to keep (README, "limits").
const COST: usize = 192 * KIB;

fn get(path: &str) -> Request<()> {
    let uri = format!("http://{REGISTRY}{path}");
    Request::get(uri).version(Version::HTTP_2).body(()).unwrap()
}

async fn client(sidecar: &Sidecar, window: u32) -> Http2 {
    let stream = TcpStream::connect(sidecar.http_proxy).await.unwrap();
    Http2::with_window(stream, window).await
}

/// What stands between `start` and `end`.
fn between(text: &str, start: &str, end: &str) -> String {
    let rest = text.split_once(start).map_or("", |(_, rest)| rest);
    rest.split_once(end).map_or_else(String::new, |(found, _)| found.to_owned())
}

/// One that has asked for `path` and reads nothing of the answer but its head.
async fn slow_reader(sidecar: &Sidecar, path: &str) -> (Http2, Coming) {
    let client = client(sidecar, 16 << 10).await;
    let coming = client.get(get(path)).await;
    (client, coming)
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_readers_fill_the_budget_and_newcomers_are_told_when_to_come_back() {
    let site = Site::new();
    let registry = site.registry().await;
    let body = prose(MIB);
    registry.reply(Reply { pieces: vec![body.clone()], ..Reply::default() });
    let app = Upstream::plaintext().await;
    let plan = site.plan(&registry).inbound(&app).limit("bufferedBytesMax: 1536KiB");
    let sidecar = site.start(&plan).await;
    let mut slow = Vec::new();
    // Three quarters of it are what one source may use.
    for reader in 0..6 {
        slow.push(slow_reader(&sidecar, &format!("/v2/{reader}")).await);
    }
    sidecar.until_metric("lazaret_buffered_bytes", (6 * COST) as f64).await;

    let newcomer = client(&sidecar, 1 << 20).await;
    let turned_away = newcomer.ask(get("/v2/late"), "").await;
    let called = newcomer.ask(grpc(&format!("http://{REGISTRY}/v2/Call")), "").await;
    let mut signed = get("/v2/object");
    signed.headers_mut().insert("x-amz-date", "20261122T000000Z".parse().unwrap());
    let stored = newcomer.ask(signed, "").await;
    let plain = sidecar.workload().await.ask(request("GET", "/v2/plain", "")).await;

    assert_eq!((turned_away.status, turned_away.reset), (503, None), "{turned_away:?}");
    assert_eq!(turned_away.problem("code"), "buffered-bytes-max");
    assert!(turned_away.headers.contains_key("retry-after"));
    called.assert_trailers_only("14", "buffered-bytes-max");
    assert_eq!(stored.status, 503);
    assert!(String::from_utf8_lossy(&stored.body).contains("<Code>SlowDown</Code>"), "{stored:?}");
    plain.assert_problem(503, "buffered-bytes-max");
    let records = sidecar.records(4).await;
    let mut told = [
        turned_away.problem("exchange"),
        between(called.headers["grpc-message"].to_str().unwrap(), "exchange ", ")"),
        between(&String::from_utf8_lossy(&stored.body), "<RequestId>", "</RequestId>"),
        plain.problem("exchange"),
    ];
    let mut recorded: Vec<_> = records.iter().map(|record| record["exchange"].as_str()).collect();
    told.sort();
    recorded.sort();
    assert_eq!(told.iter().map(|id| Some(id.as_str())).collect::<Vec<_>>(), recorded);
    for record in records {
        assert_eq!(record["error"], "buffered-bytes-max", "{record}");
        assert_record(
            &record,
            &json!({ "outcome": "failed", "opened": false, "bytes_released": 0 }),
        );
    }
    assert_eq!(registry.seen().requests.len(), 6, "the upstream heard of a newcomer");

    let aggregator = site.pki.issue(AGGREGATOR_ID, &["aggregator.example"]);
    let mut peer = sidecar.peer(site.pki.client(Some(&aggregator))).await.unwrap();
    let ask = peer_request("GET", "/updates/7", "", "");
    let answer = peer.ask(ask).await;
    assert_eq!(answer.status, 200, "another source has its part: {answer:?}");
    drop(peer);

    // Now they read on.
    for (_, coming) in &mut slow {
        let mut read = 0;
        while let Some(piece) = coming.next().await {
            read += piece.len();
        }
        assert_eq!(read, body.len());
    }
    sidecar.until_metric("lazaret_buffered_bytes", 0.0).await;
    registry.reply(Reply::text("ok\n"));
    let newcomer = client(&sidecar, 1 << 20).await;
    assert_eq!(newcomer.ask(get("/v2/late"), "").await.status, 200);
    let records = sidecar.records(12).await;
    let completed = records.iter().filter(|record| record["outcome"] == "completed");
    assert_eq!(completed.filter(|record| record["status"] == 200).count(), 8, "{records:#?}");
    drop((slow, newcomer));
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_has_ended_counts_until_its_last_byte_is_taken() {
    let site = Site::new();
    let registry = site.registry().await;
    registry.reply(Reply { pieces: vec![prose(1000)], ..Reply::default() });
    let sidecar = site.start(&site.plan(&registry)).await;
    let client = client(&sidecar, 1).await;
    let mut coming = client.get(get("/v2/a")).await;

    let record = sidecar.record().await;
    assert_record(&record, &json!({ "outcome": "completed", "bytes_out": 1000 }));
    sidecar.until_metric("lazaret_exchanges_open{direction=\"outbound\"}", 0.0).await;
    sidecar.until_metric("lazaret_buffered_bytes", COST as f64).await;
    while coming.next().await.is_some() {}
    sidecar.until_metric("lazaret_buffered_bytes", 0.0).await;

    drop(client);
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_is_not_held_up_by_those_on_the_same_connection_who_do_not() {
    let site = Site::new();
    let registry = Upstream::tls(with_http2(&site.pki.mutual_server(&site.registry_svid()))).await;
    let body = prose(MIB);
    registry.reply(Reply { pieces: vec![body.clone()], ..Reply::default() });
    let sidecar = site.start(&site.plan(&registry)).await;
    let mut slow = Vec::new();
    for reader in 0..30 {
        slow.push(slow_reader(&sidecar, &format!("/v2/{reader}")).await);
    }
    // Their streams' windows upstream are 7.5 MiB together.
    let window = 256 * KIB;
    sidecar.until_metric("lazaret_buffered_bytes", (30 * (COST + window)) as f64).await;

    let reader = client(&sidecar, 1 << 20).await;
    let mut coming = reader.get(get("/v2/read")).await;
    let mut read = 0;
    while let Some(piece) = within("a piece", coming.next()).await {
        read += piece.len();
    }

    assert_eq!(read, body.len());
    assert_eq!(registry.seen().connections, 1);
    let record = sidecar.record().await;
    assert_record(&record, &json!({ "outcome": "completed", "status": 200 }));
    drop((slow, reader));
    sidecar.records(31).await;
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_half_is_used_new_connections_get_smaller_windows() {
    let site = Site::new();
    let registry = site.registry().await;
    registry.reply(Reply { pieces: vec![prose(MIB)], ..Reply::default() });
    let sidecar = site.start(&site.plan(&registry).limit("bufferedBytesMax: 1536KiB")).await;
    assert_eq!(Frames::open(sidecar.http_proxy).await.window().await, 256 << 10);

    let mut slow = Vec::new();
    for reader in 0..4 {
        slow.push(slow_reader(&sidecar, &format!("/v2/{reader}")).await);
    }
    assert_eq!(Frames::open(sidecar.http_proxy).await.window().await, 65_535);

    drop(slow);
    sidecar.records(4).await;
    sidecar.until_metric("lazaret_buffered_bytes", 0.0).await;
    assert_eq!(Frames::open(sidecar.http_proxy).await.window().await, 256 << 10);
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_goes_away_from_a_silent_answer_leaves_nothing_behind() {
    let site = Site::new();
    let registry = Upstream::tls(with_http2(&site.pki.mutual_server(&site.registry_svid()))).await;
    let gate = Gate::new();
    let pieces = vec![prose(1000), b"never\n".to_vec()];
    registry.reply(Reply { pieces, gate: Some(gate.clone()), ..Reply::default() });
    let mut plan = site.plan(&registry);
    for limit in ["bodyIdle: 10m", "responseTimeout: 10m", "lingerTimeout: 10m"] {
        plan = plan.limit(limit);
    }
    let read = "paths: [\"/v2/**\"]\n    content: held";
    assert!(plan.policy.contains(read));
    plan.policy = plan.policy.replace(read, &format!("{read}\n    contentIn: streamed"));
    let sidecar = site.start(&plan).await;
    let client = client(&sidecar, 1 << 20).await;
    let coming = client.get(get("/v2/silent")).await;
    let kept = sidecar.metrics().await.value("lazaret_buffered_bytes");
    assert!(kept >= COST as f64, "{kept}");

    drop((coming, client));

    let record = sidecar.record().await;
    assert_record(&record, &json!({ "status": 200, "rule": "models" }));
    assert_ne!(record["outcome"], "completed", "{record}");
    sidecar.until_metric("lazaret_buffered_bytes", 0.0).await;
    sidecar.until_metric("lazaret_exchanges_open{direction=\"outbound\"}", 0.0).await;
    gate.open();
    sidecar.finish().await;
}
