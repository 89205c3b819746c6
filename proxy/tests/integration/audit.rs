//! What cannot be recorded does not happen.

use std::os::unix::fs::PermissionsExt;

use crate::harness::body::prose;
use crate::harness::log::records;
use crate::harness::peer::peer_request;
use crate::harness::site::Site;
use crate::harness::upstream::Upstream;
use crate::harness::wait::PATIENCE;
use crate::harness::workload::request;
use crate::harness::{AGGREGATOR_ID, REGISTRY};

#[tokio::test(flavor = "multi_thread")]
async fn without_its_log_the_proxy_lets_nothing_through() {
    let site = Site::new();
    let upstream = Upstream::plaintext().await;
    let app = Upstream::plaintext().await;
    let sidecar = site.start(&site.plaintext_plan(&upstream).inbound(&app)).await;
    let aggregator = site.pki.issue(AGGREGATOR_ID, &["aggregator.example"]);
    let mut peer = sidecar.peer(site.pki.client(Some(&aggregator))).await.unwrap();
    assert_eq!(sidecar.admin("GET", "/readyz").await.status, 200);

    std::fs::remove_file(site.path("audit/audit-00000001.jsonl")).unwrap();
    // The very next exchange may be the one that finds out; it does not pass either.
    let mut workload = sidecar.workload().await;
    let answer = workload.ask(request("PUT", "/v2/a", prose(5_000))).await;
    answer.assert_problem(503, "audit-unavailable");
    assert!(answer.headers.contains_key("retry-after"));
    let connect = format!("CONNECT {REGISTRY}:{} HTTP/1.1\r\n\r\n", upstream.port);
    sidecar.workload().await.ask(connect).await.assert_problem(503, "audit-unavailable");
    let asked = peer_request("GET", "/updates/7", "", "");
    peer.ask(asked).await.assert_problem(503, "audit-unavailable");

    let ready = sidecar.admin("GET", "/readyz").await;
    assert_eq!(ready.status, 503);
    assert!(ready.text().contains("audit"), "{}", ready.text());
    assert_eq!(sidecar.admin("GET", "/healthz").await.status, 200);
    upstream.assert_untouched();
    app.assert_untouched();
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_turns_red_without_traffic() {
    let site = Site::new();
    let upstream = Upstream::plaintext().await;
    let sidecar = site.start(&site.plaintext_plan(&upstream)).await;

    std::fs::write(site.path("audit/audit-00000001.jsonl"), "").unwrap();
    let began = std::time::Instant::now();
    while sidecar.admin("GET", "/readyz").await.status == 200 {
        assert!(began.elapsed() < PATIENCE, "a cut log is not noticed");
    }
    let answer = sidecar.workload().await.ask(request("PUT", "/v2/a", "a body")).await;
    answer.assert_problem(503, "audit-unavailable");
    upstream.assert_untouched();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_open_line_is_on_disk_before_the_first_byte_is_out() {
    let site = Site::new();
    let registry = site.registry().await;
    let gate = crate::harness::upstream::Gate::new();
    registry.reply(crate::harness::upstream::Reply {
        gate: Some(gate.clone()),
        ..crate::harness::upstream::Reply::text("ok\n")
    });
    let sidecar = site.start(&site.plan(&registry)).await;
    let mut workload = sidecar.workload().await;

    workload.say(request("PUT", "/v2/a", "a body")).await;
    registry.request().await;
    // It has arrived and nothing has been answered: the line is there, whole.
    let text = std::fs::read_to_string(site.path("audit/audit-00000001.jsonl")).unwrap();
    let open = text.lines().find(|line| line.contains("\"type\":\"open\"")).expect("an open line");
    let open: serde_json::Value = serde_json::from_str(open).unwrap();
    assert_eq!((&open["rule"], &open["method"]), (&"models".into(), &"PUT".into()));
    assert_eq!(open["address"], format!("127.0.0.1:{}", registry.port));
    gate.open();
    assert_eq!(workload.hear().await.status, 200);

    sidecar.record().await;
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_continues_the_chain_and_no_second_process_may() {
    let site = Site::new();
    let upstream = Upstream::plaintext().await;
    let plan = site.plaintext_plan(&upstream);
    let sidecar = site.start(&plan).await;
    assert_eq!(sidecar.workload().await.ask(request("PUT", "/v2/a", "")).await.status, 200);
    sidecar.record().await;

    // While it runs, the folder is its own.
    let config = site.write(&plan);
    let error = proxy::app::App::start(config.clone()).await.expect_err("two writers of one log");
    assert!(error.to_string().starts_with("audit: "), "{error}");
    let mode = std::fs::metadata(site.path("audit")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    sidecar.finish().await;

    let sidecar = crate::harness::sidecar::Sidecar::start(site.folder(), config).await;
    assert_eq!(sidecar.workload().await.ask(request("PUT", "/v2/b", "")).await.status, 200);
    let closes = records(&sidecar.audit(), 2).await;
    assert_ne!(closes[0]["boot"], closes[1]["boot"]);
    sidecar.finish().await;
}
