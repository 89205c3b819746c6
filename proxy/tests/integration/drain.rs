//! A drain takes nothing new, lets what is under way finish, and ends at its deadline.

use std::time::{Duration, Instant};

use proxy::drain::Drained;
use serde_json::json;
use tokio::net::TcpStream;

use crate::harness::body::prose;
use crate::harness::log::{Log, assert_intact, assert_record};
use crate::harness::sidecar::Sidecar;
use crate::harness::site::Site;
use crate::harness::upstream::{End, Gate, Reply, Upstream};
use crate::harness::wait::{PATIENCE, within};
use crate::harness::wire::Conversation;
use crate::harness::workload::{is_closed_by_proxy, request};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_under_way_finishes_and_nothing_new_begins() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&site.plan(&registry)).await;
    let (address, audit) = (sidecar.http_proxy, sidecar.audit());
    let body = prose(3 << 20);
    let whole = request("PUT", "/stream/a", &body);
    let mut busy = sidecar.workload().await;
    let mut idle = sidecar.workload().await;
    assert_eq!(idle.ask(request("GET", "/v2/a", "")).await.status, 200);
    busy.say(&whole[..2 << 20]).await;
    crate::harness::wait::until("the body at the upstream", || {
        registry.seen().requests.iter().any(|request| request.body.len() > 1 << 19).then_some(())
    })
    .await;

    let drain = tokio::spawn(sidecar.into_app().drain());
    // The idle connection is closed, and the door with it.
    assert!(is_closed_by_proxy(&idle).await);
    let began = Instant::now();
    while TcpStream::connect(address).await.is_ok() {
        assert!(began.elapsed() < PATIENCE, "the door stays open");
    }
    assert!(!drain.is_finished());
    busy.say(&whole[2 << 20..]).await;
    let answer = busy.hear().await;
    assert_eq!(answer.status, 200);

    let (drained, writer) = within("the drain", drain).await.unwrap();
    assert_eq!(drained, Drained::Complete);
    tokio::task::spawn_blocking(move || writer.stop()).await.unwrap().unwrap();
    assert_intact(&audit);
    let log = Log::read(&audit);
    log.assert_whole();
    assert_eq!(log.notes("drain").len(), 1);
    assert!(log.closes().iter().all(|record| record["outcome"] == "completed"));
    let received = registry.requests(2).await;
    assert!(received[1].body == body && received[1].end == End::Whole);
}

/// The proxy has a runtime of its own here, since its end is what cuts.
#[test]
fn the_deadline_cuts_and_the_record_says_so() {
    let tests = tokio::runtime::Runtime::new().unwrap();
    let site = Site::new();
    let upstream = tests.block_on(Upstream::plaintext());
    upstream.reply(Reply { gate: Some(Gate::new()), ..Reply::text("never\n") });
    let plan = site.plaintext_plan(&upstream).limit("drainDeadline: 300ms");
    let config = site.write(&plan);
    let process = tokio::runtime::Runtime::new().unwrap();
    let sidecar = process.block_on(Sidecar::start(site.folder(), config));
    let audit = sidecar.audit();
    let mut workload = tests.block_on(sidecar.workload());
    tests.block_on(workload.say(request("PUT", "/v2/a", "a body")));
    tests.block_on(upstream.request());

    let (drained, writer) = process.block_on(sidecar.into_app().drain());
    assert_eq!(drained, Drained::DeadlinePassed);
    process.shutdown_timeout(Duration::from_secs(5));
    writer.stop().unwrap();

    let answer = tests.block_on(workload.hear());
    answer.assert_problem(503, "drain-deadline");
    assert_eq!(answer.headers["connection"], "close");
    assert_intact(&audit);
    let log = Log::read(&audit);
    log.assert_whole();
    let closes = log.closes();
    assert_eq!(closes.len(), 1);
    assert_record(
        closes[0],
        &json!({
            "outcome": "cut", "reason": "drain-deadline", "opened": true, "bytes_released": 6,
        }),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_during_the_drain_is_its_connections_last() {
    let site = Site::new();
    let upstream = Upstream::plaintext().await;
    let gate = Gate::new();
    upstream.reply(Reply { gate: Some(gate.clone()), ..Reply::text("ok\n") });
    let sidecar = site.start(&site.plaintext_plan(&upstream)).await;
    let (mut busy, idle) = (sidecar.workload().await, sidecar.workload().await);
    busy.say(request("PUT", "/v2/a", "a body")).await;
    upstream.request().await;

    let drain = tokio::spawn(sidecar.into_app().drain());
    assert!(is_closed_by_proxy(&idle).await);
    gate.open();
    let answer = busy.hear().await;

    assert_eq!((answer.status, answer.text().as_str()), (200, "ok\n"));
    assert_eq!(answer.headers["connection"], "close");
    assert!(busy.hear_end().await.is_empty());
    let (drained, writer) = within("the drain", drain).await.unwrap();
    assert_eq!(drained, Drained::Complete);
    tokio::task::spawn_blocking(move || writer.stop()).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_delay_it_is_not_ready_first_and_goes_on_accepting() {
    let site = Site::new();
    let upstream = Upstream::plaintext().await;
    let sidecar = site.start(&site.plaintext_plan(&upstream).limit("drainDelay: 8s")).await;
    let (address, admin) = (sidecar.http_proxy, sidecar.admin);
    assert_eq!(sidecar.admin("GET", "/readyz").await.status, 200);

    let drain = tokio::spawn(sidecar.into_app().drain());
    let began = Instant::now();
    loop {
        let mut door = Conversation::new(TcpStream::connect(admin).await.unwrap());
        let ready = door.ask("GET /readyz HTTP/1.1\r\nHost: admin\r\n\r\n").await;
        if ready.status == 503 {
            assert_eq!(ready.text(), "draining\n");
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(7), "it stays ready");
    }
    let mut late = Conversation::new(TcpStream::connect(address).await.unwrap());
    assert_eq!(late.ask(request("PUT", "/v2/a", "a body")).await.status, 200);

    let (drained, writer) = within("the drain", drain).await.unwrap();
    assert_eq!(drained, Drained::Complete);
    assert!(began.elapsed() >= Duration::from_secs(7));
    assert!(TcpStream::connect(address).await.is_err());
    tokio::task::spawn_blocking(move || writer.stop()).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn intercepted_sessions_drain_like_other_connections() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&site.plan(&registry)).await;
    let authority = format!("{}:{}", crate::harness::REGISTRY, registry.port);
    let mut session = sidecar.session(&authority, crate::harness::REGISTRY).await.unwrap();
    let head = format!("GET /v2/a HTTP/1.1\r\nHost: {authority}\r\n\r\n");
    assert_eq!(session.ask(head).await.status, 200);

    let audit = sidecar.audit();
    let (drained, writer) = within("the drain", sidecar.into_app().drain()).await;

    assert_eq!(drained, Drained::Complete);
    assert!(session.hear_end().await.is_empty());
    tokio::task::spawn_blocking(move || writer.stop()).await.unwrap().unwrap();
    assert_intact(&audit);
    assert_eq!(Log::read(&audit).closes().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_administrator_can_ask_for_the_drain() {
    let site = Site::new();
    let upstream = Upstream::plaintext().await;
    let sidecar = site.start(&site.plaintext_plan(&upstream).admin_socket()).await;

    // Not through the TCP door.
    assert_eq!(sidecar.admin("POST", "/drain").await.status, 404);
    assert_eq!(sidecar.admin_socket("POST", "/drain").await.status, 202);

    let mut app = sidecar.into_app();
    within("the wish to drain", app.drain_asked()).await;
    let (drained, writer) = app.drain().await;
    assert_eq!(drained, Drained::Complete);
    tokio::task::spawn_blocking(move || writer.stop()).await.unwrap().unwrap();
}
