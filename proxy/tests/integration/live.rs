//! Exchanges under way follow the policy: what is permitted no longer is cut, with the reason in the
//! record, and what stays permitted is not disturbed.

use std::time::Duration;

use serde_json::json;

use crate::harness::body::prose;
use crate::harness::log::{assert_record, only};
use crate::harness::peer::peer_request;
use crate::harness::pki::Pki;
use crate::harness::sidecar::Sidecar;
use crate::harness::site::{Plan, Site};
use crate::harness::upstream::{End, Gate, Reply, Upstream};
use crate::harness::workload::{head, is_closed_by_proxy, request};
use crate::harness::{AGGREGATOR_ID, REGISTRY};

const MIB: usize = 1 << 20;
const WITHDRAWN: &str = "lazaret_live_cut_total{reason=\"policy-withdrawn\"}";

/// Puts another policy into force: the plan's, with the first text for the second.
async fn swap(site: &Site, (sidecar, plan): (&Sidecar, &Plan), from: &str, to: &str) {
    assert!(plan.policy.contains(from), "{from} is not in the policy");
    let count = sidecar.log().notes("policy-swapped").len();
    site.put("policy/stories.yaml", plan.policy.replace(from, to));
    sidecar.until_noted("policy-swapped", count + 1).await;
}

const MODELS: &str = "paths: [\"/v2/**\"]";
const STREAMS: &str = "paths: [\"/stream/**\"]";

fn gated(gate: &Gate) -> Reply {
    let pieces = vec![b"first\n".to_vec(), b"last\n".to_vec()];
    Reply { pieces, gate: Some(gate.clone()), ..Reply::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_body_is_read_no_further_and_its_neighbour_is_not_disturbed() {
    let site = Site::new();
    let registry = site.registry().await;
    let plan = site.plan(&registry);
    let sidecar = site.start(&plan).await;
    let (mut held, mut streamed) = (sidecar.workload().await, sidecar.workload().await);
    let body = prose(3 * MIB);
    let whole = request("PUT", "/stream/a", &body);
    streamed.say(&whole[..2 * MIB]).await;
    registry.has_body_bytes(MIB).await;
    let target = format!("http://{REGISTRY}/v2/a");
    held.say(head("PUT", &target, "Content-Length: 5000\r\n") + "the beginning").await;
    sidecar.until_metric("lazaret_exchanges_open{direction=\"outbound\"}", 2.0).await;

    swap(&site, (&sidecar, &plan), MODELS, "paths: [\"/v3/**\"]").await;
    held.hear().await.assert_problem(403, "policy-withdrawn");
    streamed.say(&whole[2 * MIB..]).await;
    assert_eq!(streamed.hear().await.status, 200);

    let received = registry.request().await;
    assert!(received.body == body && received.end == End::Whole, "the neighbour was disturbed");
    let records = sidecar.records(2).await;
    let cut = only(&records, "rule", "models");
    assert_record(
        cut,
        &json!({
            "outcome": "cut", "reason": "policy-withdrawn", "status": 403,
            "bytes_released": 0, "opened": false, "action": "block",
        }),
    );
    let why = cut["reason_text"].as_str().unwrap();
    assert!(why.contains("path-not-allowed"), "{why}");
    assert_record(
        only(&records, "rule", "streams"),
        &json!({ "outcome": "completed", "bytes_released": body.len() }),
    );
    for record in &records {
        let (began, ended) = (&record["policy"], &record["policy_at_close"]);
        assert!(ended.is_string() && began != ended, "{record}");
    }
    assert!((sidecar.metrics().await.value(WITHDRAWN) - 1.0).abs() < 0.1);
    let log = sidecar.log();
    assert_eq!(log.notes("policy-swapped")[0]["detail"]["cut"], 1);
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_streamed_body_is_cut_and_the_upstream_does_not_take_it_for_whole() {
    let site = Site::new();
    let registry = site.registry().await;
    let plan = site.plan(&registry);
    let sidecar = site.start(&plan).await;
    let mut workload = sidecar.workload().await;
    workload.say(&request("PUT", "/stream/a", prose(3 * MIB))[..2 * MIB]).await;
    registry.has_body_bytes(MIB).await;

    swap(&site, (&sidecar, &plan), STREAMS, "paths: [\"/streams/**\"]").await;

    workload.hear().await.assert_problem(403, "policy-withdrawn");
    let received = registry.request().await;
    assert_eq!(received.end, End::Broken);
    let record = sidecar.record().await;
    assert_record(
        &record,
        &json!({ "outcome": "cut", "reason": "policy-withdrawn", "opened": true, "status": 403 }),
    );
    let released = record["bytes_released"].as_u64().unwrap();
    assert!(released >= received.body.len() as u64 && released < 3 * MIB as u64, "{record}");
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_on_its_way_in_is_cut() {
    let site = Site::new();
    let registry = site.registry().await;
    let gate = Gate::new();
    registry.reply(gated(&gate));
    let plan = site.plan(&registry);
    let sidecar = site.start(&plan).await;
    let mut workload = sidecar.workload().await;
    workload.say(request("GET", "/v2/a", "")).await;
    assert_eq!(workload.hear_head().await.unwrap().status, 200);

    swap(&site, (&sidecar, &plan), MODELS, "paths: [\"/v3/**\"]").await;

    let rest = workload.hear_end().await;
    assert!(!rest.ends_with(b"0\r\n\r\n"), "the answer looks whole");
    assert_record(
        &sidecar.record().await,
        &json!({ "outcome": "cut", "reason": "policy-withdrawn", "status": 200 }),
    );
    gate.open();
    sidecar.finish().await;
}

/// Who reads nothing cannot be told; the connection is ended instead, long before `responseTimeout`.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_cannot_keep_what_was_withdrawn() {
    let site = Site::new();
    let registry = site.registry().await;
    registry.reply(Reply { pieces: vec![prose(32 * MIB)], ..Reply::default() });
    let plan = site.plan(&registry);
    let sidecar = site.start(&plan).await;
    let mut deaf = sidecar.workload().await;
    deaf.say(request("GET", "/v2/a", "")).await;
    assert_eq!(deaf.hear_head().await.unwrap().status, 200);

    swap(&site, (&sidecar, &plan), MODELS, "paths: [\"/v3/**\"]").await;

    let record = sidecar.record().await;
    assert_record(&record, &json!({ "outcome": "cut", "reason": "policy-withdrawn" }));
    assert!(record["bytes_out"].as_u64().unwrap() < 32 * MIB as u64, "{record}");
    drop(deaf);
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_intercepted_session_ends_with_its_last_rule() {
    let site = Site::new();
    let registry = site.registry().await;
    let plan = site.plan(&registry);
    let sidecar = site.start(&plan).await;
    let authority = format!("{REGISTRY}:{}", registry.port);
    let ask = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: {authority}\r\n\r\n");
    let mut session = sidecar.session(&authority, REGISTRY).await.unwrap();
    assert_eq!(session.ask(ask("/v2/a")).await.status, 200);

    // One rule fewer: the session may still carry what others permit.
    swap(&site, (&sidecar, &plan), MODELS, "paths: [\"/v3/**\"]").await;
    assert_eq!(session.ask(ask("/answers/a")).await.status, 200);
    let hosts = "hosts: [registry.ml.internal, \"*.registry.ml.internal\"]";
    swap(&site, (&sidecar, &plan), hosts, "hosts: [other.ml.internal]").await;

    assert!(session.hear_end().await.is_empty());
    let records = sidecar.records(3).await;
    let session = only(&records, "kind", "connect");
    assert_record(session, &json!({ "outcome": "cut", "reason": "policy-withdrawn" }));
    assert!(session["reason_text"].as_str().unwrap().contains("host-not-listed"));
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_and_the_way_there_are_judged_again() {
    for (from, to, why) in [
        (
            "hosts: [registry.ml.internal, \"*.registry.ml.internal\"]\n    addresses: [127.0.0.1/32]",
            "hosts: [registry.ml.internal]\n    addresses: [10.0.0.0/8]",
            "address-not-listed",
        ),
        (
            "{mode: mutual, peer: \"spiffe://hospital.example/ns/mlops/sa/registry\"}",
            "{mode: mutual, peer: \"spiffe://hospital.example/ns/mlops/sa/another\"}",
            "reached in another way",
        ),
    ] {
        let site = Site::new();
        let registry = site.registry().await;
        let plan = site.plan(&registry);
        let sidecar = site.start(&plan).await;
        let mut workload = sidecar.workload().await;
        workload.say(&request("PUT", "/stream/a", prose(3 * MIB))[..2 * MIB]).await;
        registry.has_body_bytes(MIB).await;

        swap(&site, (&sidecar, &plan), from, to).await;

        workload.hear().await.assert_problem(403, "policy-withdrawn");
        assert_eq!(registry.request().await.end, End::Broken);
        let record = sidecar.record().await;
        assert_record(&record, &json!({ "outcome": "cut", "reason": "policy-withdrawn" }));
        assert!(record["reason_text"].as_str().unwrap().contains(why), "{record}");
        sidecar.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_body_goes_to_no_address_that_a_later_policy_has_struck_out() {
    let site = Site::new();
    let registry = site.registry().await;
    let plan = site.plan(&registry);
    let sidecar = site.start(&plan).await;
    let mut workload = sidecar.workload().await;
    let whole = request("PUT", "/v2/a", prose(5000));
    workload.say(&whole[..3000]).await;
    sidecar.until_metric("lazaret_exchanges_open{direction=\"outbound\"}", 1.0).await;

    // Still the same rule and name, but nowhere near here.
    let hosts =
        "hosts: [registry.ml.internal, \"*.registry.ml.internal\"]\n    addresses: [127.0.0.1/32]";
    let elsewhere = "hosts: [registry.ml.internal]\n    addresses: [10.0.0.0/8]";
    swap(&site, (&sidecar, &plan), hosts, elsewhere).await;
    // The proxy may have closed already.
    let _gone = workload.try_say(&whole[3000..]).await;

    workload.hear().await.assert_problem(403, "policy-withdrawn");
    registry.assert_untouched();
    assert_record(&sidecar.record().await, &json!({ "outcome": "cut", "bytes_released": 0 }));
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_rule_permitted_ends_when_the_rule_does() {
    let site = Site::new();
    let registry = site.registry().await;
    let mut plan = site.plan(&registry);
    let end = proxy::clock::now() + Duration::from_secs(8);
    let expires = format!(
        "{STREAMS}\n    expires: {end}\n    approval: {{ticket: SEC-2, by: privacy-office}}"
    );
    plan.policy = plan.policy.replace(STREAMS, &expires);
    let sidecar = site.start(&plan).await;
    let mut workload = sidecar.workload().await;
    workload.say(&request("PUT", "/stream/a", prose(3 * MIB))[..2 * MIB]).await;
    registry.has_body_bytes(MIB).await;

    workload.hear().await.assert_problem(403, "rule-expired");

    assert!(proxy::clock::now() >= end, "cut before its time");
    assert_eq!(registry.request().await.end, End::Broken);
    let record = sidecar.record().await;
    assert_record(&record, &json!({ "outcome": "cut", "reason": "rule-expired" }));
    assert!(record["policy_at_close"].is_null(), "the policy is the same: {record}");
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_peer_was_permitted_is_cut_while_others_go_on() {
    let site = Site::new();
    let app = Upstream::plaintext().await;
    let gate = Gate::new();
    app.reply(gated(&gate));
    let plan = site.plaintext_plan(&app).inbound(&app);
    let sidecar = site.start(&plan).await;
    let aggregator = site.pki.issue(AGGREGATOR_ID, &["aggregator.example"]);
    let mut cut = sidecar.peer(site.pki.client(Some(&aggregator))).await.unwrap();
    let mut kept = sidecar.peer(site.pki.client(Some(&aggregator))).await.unwrap();
    cut.say(peer_request("GET", "/flows/7", "", "")).await;
    assert_eq!(cut.hear_head().await.unwrap().status, 200);
    kept.say(peer_request("GET", "/updates/7", "", "")).await;
    sidecar.until_metric("lazaret_exchanges_open{direction=\"inbound\"}", 2.0).await;

    swap(&site, (&sidecar, &plan), "paths: [\"/flows/**\"]", "paths: [\"/floods/**\"]").await;
    assert!(!cut.hear_end().await.ends_with(b"0\r\n\r\n"), "the answer looks whole");
    gate.open();
    let answer = kept.hear().await;

    assert_eq!((answer.status, answer.text().as_str()), (200, "first\nlast\n"));
    let records = sidecar.records(2).await;
    assert_record(
        only(&records, "rule", "flows"),
        &json!({ "outcome": "cut", "reason": "policy-withdrawn" }),
    );
    assert_record(only(&records, "rule", "updates"), &json!({ "outcome": "completed" }));
    drop((cut, kept));
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peers_connection_ends_with_its_certificate() {
    let site = Site::new();
    let app = Upstream::plaintext().await;
    let gate = Gate::new();
    app.reply(Reply { gate: Some(gate.clone()), ..Reply::text("ok\n") });
    let plan = site.plaintext_plan(&app).inbound(&app);
    let sidecar = site.start(&plan).await;
    let now = proxy::clock::now();
    let soon = (now, Duration::from_secs(8));
    let short = site.pki.issue_at(AGGREGATOR_ID, &["aggregator.example"], soon);
    let long = site.pki.issue(AGGREGATOR_ID, &["aggregator.example"]);
    let mut short = sidecar.peer(site.pki.client(Some(&short))).await.unwrap();
    let mut long = sidecar.peer(site.pki.client(Some(&long))).await.unwrap();
    short.say(peer_request("GET", "/updates/7", "", "")).await;
    long.say(peer_request("GET", "/updates/8", "", "")).await;

    assert!(short.hear_end().await.is_empty(), "an answer to a peer that is none any more");
    assert!(proxy::clock::now() >= now + Duration::from_secs(7), "closed before its time");
    // The peer may see its end before the record is written.
    sidecar.records(1).await;
    gate.open();
    assert_eq!(long.hear().await.status, 200);

    let records = sidecar.records(2).await;
    let cut = only(&records, "target", "/updates/7");
    assert_record(cut, &json!({ "outcome": "cut", "reason": "peer-expired" }));
    assert_record(only(&records, "target", "/updates/8"), &json!({ "outcome": "completed" }));
    let cut = sidecar.metrics().await.value("lazaret_live_cut_total{reason=\"peer-expired\"}");
    assert!((cut - 1.0).abs() < 0.1);
    drop(long);
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peers_connection_ends_when_its_root_leaves_the_bundle() {
    let site = Site::new();
    let partner = Pki::of("partner.example");
    let app = Upstream::plaintext().await;
    let mut plan = site.plaintext_plan(&app).inbound(&app);
    let known = "from: [\"spiffe://hospital.example/ns/fl/sa/aggregator\"]";
    let both = "from: [\"spiffe://hospital.example/ns/fl/sa/aggregator\", \"spiffe://partner.example/fl\"]";
    plan.policy = plan.policy.replace(known, both);
    let config = site.write(&plan);
    site.put("svid/bundle.pem", [site.pki.bundle_pem(), partner.bundle_pem()].concat());
    let sidecar = Sidecar::start(site.folder(), config).await;
    let ours = site.pki.issue(AGGREGATOR_ID, &["aggregator.example"]);
    let theirs = partner.issue("spiffe://partner.example/fl", &["fl.partner.example"]);
    let mut ours = sidecar.peer(site.pki.client(Some(&ours))).await.unwrap();
    let trusting_us = crate::harness::pki::client_trusting(site.pki.bundle_pem(), Some(&theirs));
    let mut theirs = sidecar.peer(trusting_us).await.unwrap();
    for peer in [&mut ours, &mut theirs] {
        assert_eq!(peer.ask(peer_request("GET", "/updates/7", "", "")).await.status, 200);
    }

    site.put("svid/bundle.pem", site.pki.bundle_pem());
    sidecar.until_noted("identity-swapped", 1).await;

    assert!(theirs.hear_end().await.is_empty());
    assert_eq!(ours.ask(peer_request("GET", "/updates/8", "", "")).await.status, 200);
    assert_eq!(sidecar.log().notes("identity-swapped")[0]["detail"]["cut"], 1);
    sidecar.records(3).await;
    drop(ours);
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exchange_ends_when_its_upstreams_root_leaves_the_bundle() {
    let site = Site::new();
    let partner = Pki::of("partner.example");
    let registry = Upstream::tls(
        site.pki.mutual_server(&partner.issue("spiffe://partner.example/registry", &[REGISTRY])),
    )
    .await;
    let tls = "{mode: mutual, peer: \"spiffe://partner.example/registry\"}";
    let config = site.write(&site.plan_with(&registry, tls));
    site.put("svid/bundle.pem", [site.pki.bundle_pem(), partner.bundle_pem()].concat());
    let sidecar = Sidecar::start(site.folder(), config).await;
    let mut workload = sidecar.workload().await;
    let whole = request("PUT", "/stream/a", prose(3 * MIB));
    workload.say(&whole[..2 * MIB]).await;
    registry.has_body_bytes(MIB).await;

    // Another certificate of ours, the same roots: nobody minds.
    let again = site.identity();
    site.put("svid/chain.pem", &again.chain_pem);
    site.put("svid/key.pem", &again.key_pem);
    sidecar.until_noted("identity-swapped", 1).await;
    assert!(sidecar.log().closes().is_empty());
    site.put("svid/bundle.pem", site.pki.bundle_pem());
    sidecar.until_noted("identity-swapped", 2).await;

    workload.hear().await.assert_problem(403, "peer-untrusted");
    assert_eq!(registry.request().await.end, End::Broken);
    assert_record(
        &sidecar.record().await,
        &json!({ "outcome": "cut", "reason": "peer-untrusted", "rule": "streams" }),
    );
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_of_age_finishes_and_ends() {
    let site = Site::new();
    let registry = site.registry().await;
    let gate = Gate::new();
    registry.reply(Reply { gate: Some(gate.clone()), ..Reply::text("ok\n") });
    let plan = site.plan(&registry).limit("connectionAgeMax: 2s");
    let sidecar = site.start(&plan).await;
    let mut busy = sidecar.workload().await;
    busy.say(request("PUT", "/v2/a", "a body")).await;
    registry.request().await;
    let idle = sidecar.workload().await;

    assert!(is_closed_by_proxy(&idle).await);
    // The busy one is of age at most a tenth later, though it began before.
    tokio::time::sleep(Duration::from_millis(400)).await;
    gate.open();
    let answer = busy.hear().await;

    assert_eq!((answer.status, answer.text().as_str()), (200, "ok\n"));
    assert_eq!(answer.headers["connection"], "close");
    assert!(busy.hear_end().await.is_empty());
    assert_record(&sidecar.record().await, &json!({ "outcome": "completed" }));
    sidecar.finish().await;
}
