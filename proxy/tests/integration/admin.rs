//! The administrator's doors: numbers that are right, and nothing that the TCP door should not say.

use std::os::unix::fs::PermissionsExt;

use crate::harness::SSN;
use crate::harness::body::prose;
use crate::harness::site::Site;
use crate::harness::workload::request;

fn assert_close(value: f64, expected: f64, what: &str) {
    assert!((value - expected).abs() < 1e-6, "{what} is {value}, not {expected}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_numbers_are_right() {
    let site = Site::new();
    let registry = site.registry().await;
    let plan = site.plan(&registry);
    let sidecar = site.start(&plan).await;
    let mut workload = sidecar.workload().await;

    for turn in 1..=3 {
        assert_eq!(workload.ask(request("PUT", "/v2/a", prose(10_000))).await.status, 200);
        sidecar.records(turn).await;
    }
    let leak = format!("ssn {SSN} and ssn {SSN}");
    workload.ask(request("PUT", "/v2/a", &leak)).await.assert_problem(403, "finding");
    workload.ask(request("PUT", "/v3/a", "")).await.assert_problem(403, "path-not-allowed");
    sidecar.workload().await.ask("GET / HTTP/1.1\r\n\r\n").await.assert_problem(400, "malformed");
    sidecar.records(6).await;

    let metrics = sidecar.metrics().await;
    let exchanges = |outcome: &str, code: &str| {
        let labels = format!("{{code=\"{code}\",direction=\"outbound\",outcome=\"{outcome}\"}}");
        metrics.value(&format!("lazaret_exchanges_total{labels}"))
    };
    assert_close(exchanges("completed", "completed"), 3.0, "completed");
    assert_close(exchanges("refused", "finding"), 1.0, "findings");
    assert_close(exchanges("refused", "path-not-allowed"), 1.0, "paths");
    assert_close(exchanges("malformed", "malformed"), 1.0, "malformed");
    for (series, expected) in [
        ("lazaret_released_bytes_total{direction=\"outbound\"}", 30_000.0),
        ("lazaret_scanned_bytes_total{class=\"read\"}", 30_000.0 + leak.len() as f64),
        ("lazaret_findings_total{confidence=\"high\",identifier=\"ssn\"}", 2.0),
        ("lazaret_exchanges_open{direction=\"outbound\"}", 0.0),
        ("lazaret_exchange_duration_seconds_count", 6.0),
        ("lazaret_spool_bytes", 0.0),
        ("lazaret_policy_alarm", 0.0),
        ("lazaret_identity_alarm", 0.0),
    ] {
        assert_close(metrics.value(series), expected, series);
    }
    let dials = metrics.value("lazaret_upstream_dials_total{result=\"ok\"}");
    assert_close(dials + metrics.value("lazaret_upstream_reuses_total"), 3.0, "connections used");
    assert_close(dials, registry.seen().connections as f64, "dials");
    let head = metrics.text.lines().find(|line| line.starts_with("lazaret_audit_head_info{"));
    let hash = head.and_then(|line| line.split('"').nth(1)).expect("the audit head's hash");
    assert_eq!(hash.len(), 64);
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exported_head_anchors_a_verification() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&site.plan(&registry)).await;
    assert_eq!(sidecar.workload().await.ask(request("PUT", "/v2/a", "")).await.status, 200);
    sidecar.record().await;

    let metrics = sidecar.metrics().await;
    let head = metrics.text.lines().find(|line| line.starts_with("lazaret_audit_head_info{"));
    let hash = head.and_then(|line| line.split('"').nth(1)).unwrap().to_owned();
    let folder = sidecar.audit();
    let request =
        proxy::audit::verify::VerifyRequest { folder, keys: Vec::new(), expect_head: Some(hash) };
    let report = proxy::audit::verify::verify(&request);
    assert!(report.problems.is_empty() && report.expected_seq.is_some(), "{report}");
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tcp_door_serves_three_paths_and_the_socket_the_rest() {
    let site = Site::new();
    let registry = site.registry().await;
    let plan = site.plan(&registry).admin_socket();
    let sidecar = site.start(&plan).await;

    for path in ["/metrics", "/healthz", "/readyz"] {
        assert_eq!(sidecar.admin("GET", path).await.status, 200, "{path}");
        assert_eq!(sidecar.admin_socket("GET", path).await.status, 200, "{path}");
        assert_eq!(sidecar.admin("POST", path).await.status, 404, "{path}");
    }
    for path in ["/", "/config", "/policy", "/certs", "/drain", "/debug/pprof", "/metrics/"] {
        assert_eq!(sidecar.admin("GET", path).await.status, 404, "{path}");
    }
    assert_eq!(sidecar.admin("POST", "/drain").await.status, 404);

    let mode = std::fs::metadata(site.path("admin.sock")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let policy = sidecar.admin_socket("GET", "/policy").await.text();
    assert!(policy.starts_with("sha256:") && policy.trim().len() == 71, "{policy}");
    let certs = sidecar.admin_socket("GET", "/certs").await.text();
    assert!(certs.contains(crate::harness::JOB_ID), "{certs}");
    assert!(certs.contains(&plan.identity.fingerprint()), "{certs}");
    let config = sidecar.admin_socket("GET", "/config").await.text();
    assert!(config.contains("limits") && config.contains("audit"), "{config}");
    for shown in [policy, certs, config] {
        assert!(!shown.contains("PRIVATE KEY"));
    }
    sidecar.finish().await;
}
