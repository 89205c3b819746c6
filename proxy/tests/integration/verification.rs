//! An upstream that does not prove what the policy asks for gets no request.

use serde_json::json;

use crate::harness::log::assert_record;
use crate::harness::pki::{Pki, Svid};
use crate::harness::raw::deserted;
use crate::harness::site::{Plan, Site};
use crate::harness::upstream::Upstream;
use crate::harness::workload::request;
use crate::harness::{REGISTRY, REGISTRY_ID, SSN};

/// A permitted upload to an upstream that shows `svid` is stopped in the handshake.
async fn assert_unverified(site: &Site, svid: &Svid, tls: &str, what: &str) {
    let upstream = site.impostor(svid).await;
    let sidecar = site.start(&site.plan_with(&upstream, tls)).await;

    let answer = sidecar.workload().await.ask(request("PUT", "/v2/a", "a secret of ours")).await;

    answer.assert_problem(502, "upstream-unverified");
    upstream.assert_no_request();
    assert_eq!(upstream.seen().connections, 1, "{what}");
    let record = sidecar.record().await;
    assert_record(
        &record,
        &json!({
            "outcome": "failed",
            "status": 502,
            "rule": "models",
            "bytes_released": 0,
            "opened": true,
            "tls_peer": null,
        }),
    );
    let error = record["error"].as_str().unwrap();
    assert!(error.starts_with("upstream-unverified: ") && error.len() > 24, "{what}: {error}");
    sidecar.finish().await;
}

const BY_ID: &str = "{mode: mutual, peer: \"spiffe://hospital.example/ns/mlops/sa/registry\"}";
const BY_NAME: &str = "{mode: server, serverName: registry.ml.internal}";

#[tokio::test(flavor = "multi_thread")]
async fn another_spiffe_id() {
    let site = Site::new();
    let other = site.pki.issue("spiffe://hospital.example/ns/mlops/sa/other", &[REGISTRY]);
    assert_unverified(&site, &other, BY_ID, "another id").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_ca_of_the_same_name() {
    let site = Site::new();
    let forged = Pki::new().issue(REGISTRY_ID, &[REGISTRY]);
    assert_unverified(&site, &forged, BY_ID, "another CA").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_trust_domain() {
    let site = Site::new();
    let stranger = Pki::of("elsewhere.example");
    let svid = stranger.issue("spiffe://elsewhere.example/ns/mlops/sa/registry", &[REGISTRY]);
    assert_unverified(&site, &svid, BY_ID, "another trust domain").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_certificate() {
    let site = Site::new();
    let expired = site.pki.issue_expired(REGISTRY_ID, &[REGISTRY]);
    assert_unverified(&site, &expired, BY_ID, "expired").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_server_name() {
    let site = Site::new();
    let other = site.pki.issue(REGISTRY_ID, &["other.ml.internal"]);
    assert_unverified(&site, &other, BY_NAME, "another name").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_key_than_the_pinned_one() {
    let site = Site::new();
    let (svid, other) = (site.registry_svid(), site.registry_svid());
    let pinned = |pin: &str| BY_ID.replace('}', &format!(", pins: [\"{pin}\"]}}"));
    assert_unverified(&site, &svid, &pinned(&other.pin()), "another pin").await;

    // The same with its own pin is who it should be.
    let site = Site::new();
    let svid = site.registry_svid();
    let upstream = Upstream::tls(site.pki.mutual_server(&svid)).await;
    let sidecar = site.start(&site.plan_with(&upstream, &pinned(&svid.pin()))).await;
    let answer = sidecar.workload().await.ask(request("PUT", "/v2/a", "a body")).await;
    assert_eq!(answer.status, 200);
    sidecar.record().await;
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_streamed_body_does_not_hide_who_was_not_verified() {
    let site = Site::new();
    let other = site.pki.issue("spiffe://hospital.example/ns/mlops/sa/other", &[REGISTRY]);
    let upstream = site.impostor(&other).await;
    let sidecar = site.start(&site.plan(&upstream)).await;

    for turn in 1..=10 {
        let body = crate::harness::body::prose(400_000);
        let answer = sidecar.workload().await.ask(request("PUT", "/stream/a", &body)).await;
        answer.assert_problem(502, "upstream-unverified");
        let record = sidecar.records(turn).await.pop().unwrap();
        assert!(record["error"].as_str().unwrap().starts_with("upstream-unverified"), "{record}");
        assert_eq!(record["bytes_released"], 0);
    }
    upstream.assert_no_request();
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_wants_another_client_than_us_gets_nothing() {
    let site = Site::new();
    let stranger = Pki::new();
    // It asks for clients of another CA, so it refuses ours.
    let upstream = Upstream::tls(stranger.mutual_server(&site.registry_svid())).await;
    let sidecar = site.start(&site.plan(&upstream)).await;

    let answer = sidecar.workload().await.ask(request("PUT", "/v2/a", "a body")).await;

    answer.assert_problem(502, "upstream-broken");
    upstream.assert_no_request();
    assert_eq!(upstream.seen().handshakes, 0);
    assert_record(&sidecar.record().await, &json!({ "outcome": "failed", "status": 502 }));
    sidecar.finish().await;
}

async fn assert_unreachable(site: &Site, plan: &Plan, code: &str) {
    let sidecar = site.start(plan).await;
    let mut workload = sidecar.workload().await;
    workload.ask(request("PUT", "/v2/a", "a body")).await.assert_problem(502, code);
    let record = sidecar.record().await;
    assert_record(&record, &json!({ "outcome": "failed", "status": 502, "bytes_released": 0 }));
    assert!(record["error"].as_str().unwrap().starts_with(code), "{record}");
    // Its content is read before anybody is dialled: a leak is refused though nobody is there.
    let leak = request("PUT", "/v2/a", format!("the ssn is {SSN}"));
    workload.ask(leak).await.assert_problem(403, "finding");
    sidecar.records(2).await;
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_listens() {
    let site = Site::new();
    let upstream = Upstream::plaintext().await;
    let mut plan = site.plaintext_plan(&upstream);
    let deserted = deserted();
    let free = deserted.local_addr().unwrap().port();
    plan.policy = plan.policy.replace(&format!("[{}]", upstream.port), &format!("[{free}]"));
    assert_unreachable(&site, &plan, "upstream-unreachable").await;
    upstream.assert_untouched();
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_http_where_tls_is_asked_for() {
    let site = Site::new();
    let upstream = Upstream::plaintext().await;
    assert_unreachable(&site, &site.plan(&upstream), "upstream-broken").await;
    upstream.assert_no_request();
}
