//! The policy folder is watched. A new policy is in force whole; a broken one is kept out and alarms.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::json;

use crate::harness::body::prose;
use crate::harness::log::assert_record;
use crate::harness::site::Site;
use crate::harness::upstream::Upstream;
use crate::harness::wait::until;
use crate::harness::workload::request;

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_policy_decides_the_next_request() {
    let site = Site::new();
    let upstream = Upstream::plaintext().await;
    let plan = site.plaintext_plan(&upstream);
    let sidecar = site.start(&plan).await;
    let mut workload = sidecar.workload().await;

    assert_eq!(workload.ask(request("PUT", "/v2/a", "one")).await.status, 200);
    let without = plan.policy.replace("paths: [\"/v2/**\"]", "paths: [\"/v3/**\"]");
    site.put("policy/stories.yaml", without);
    sidecar.until_noted("policy-swapped", 1).await;
    // The same connection, decided anew.
    workload.ask(request("PUT", "/v2/a", "two")).await.assert_problem(403, "path-not-allowed");

    let records = sidecar.records(2).await;
    assert_ne!(records[0]["policy"], records[1]["policy"]);
    let log = sidecar.log();
    let note = log.notes("policy-swapped")[0].clone();
    assert_eq!(note["detail"]["policy"], records[1]["policy"]);
    let metrics = sidecar.metrics().await;
    let hash = records[1]["policy"].as_str().unwrap();
    assert!((metrics.value(&format!("lazaret_policy_info{{hash=\"{hash}\"}}")) - 1.0).abs() < 0.1);
    assert_eq!(upstream.seen().requests.len(), 1);
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_in_a_file_of_its_own_comes_and_goes() {
    let site = Site::new();
    let upstream = Upstream::plaintext().await;
    let sidecar = site.start(&site.plaintext_plan(&upstream)).await;
    let mut workload = sidecar.workload().await;
    let text = "apiVersion: lazaret/v1\nkind: Policy\negress:\n  - name: visitors\n    to: [registry]\n    \
                paths: [\"/visitors/**\"]\n    content: held\n";

    workload.ask(request("PUT", "/visitors/a", "")).await.assert_problem(403, "path-not-allowed");
    site.put("policy/visitors.yaml", text);
    sidecar.until_noted("policy-swapped", 1).await;
    assert_eq!(workload.ask(request("PUT", "/visitors/a", "")).await.status, 200);
    std::fs::remove_file(site.path("policy/visitors.yaml")).unwrap();
    sidecar.until_noted("policy-swapped", 2).await;
    workload.ask(request("PUT", "/visitors/a", "")).await.assert_problem(403, "path-not-allowed");

    let records = sidecar.records(3).await;
    assert_eq!(records[0]["policy"], records[2]["policy"]);
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn swaps_under_load_fail_no_exchange() {
    let site = Site::new();
    let registry = site.registry().await;
    let plan = site.plan(&registry);
    let sidecar = Arc::new(site.start(&plan).await);
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let uploads: Vec<_> = (0..3)
        .map(|_| {
            let (sidecar, stop, done) =
                (Arc::clone(&sidecar), Arc::clone(&stop), Arc::clone(&done));
            tokio::spawn(async move {
                let mut workload = sidecar.workload().await;
                while !stop.load(Ordering::Relaxed) {
                    assert_eq!(
                        workload.ask(request("PUT", "/v2/a", prose(20_000))).await.status,
                        200
                    );
                    done.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for turn in 1..=6 {
        // At least one exchange under each policy, the first one's too.
        let before = done.load(Ordering::Relaxed);
        until("an upload", || (done.load(Ordering::Relaxed) > before).then_some(())).await;
        let text = format!("{}\n# turn {turn}\n", plan.policy);
        site.put("policy/stories.yaml", text);
        sidecar.until_noted("policy-swapped", turn).await;
    }
    stop.store(true, Ordering::Relaxed);
    for upload in uploads {
        upload.await.unwrap();
    }

    let records = sidecar.records(done.load(Ordering::Relaxed)).await;
    assert!(records.iter().all(|record| record["outcome"] == "completed"));
    let policies: BTreeSet<_> = records.iter().map(|record| record["policy"].to_string()).collect();
    assert!(policies.len() > 1, "all under one policy");
    registry.requests(records.len()).await;
    Arc::into_inner(sidecar).unwrap().finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_policy_is_kept_out_and_alarms_until_it_is_mended() {
    let site = Site::new();
    let upstream = Upstream::plaintext().await;
    let plan = site.plaintext_plan(&upstream);
    let sidecar = site.start(&plan).await;
    for (turn, broken) in [
        plan.policy.replace("egress:", "egres:"),
        plan.policy.replace("addresses: [127.0.0.1/32]", "addresses: [169.254.0.0/16]"),
        "not: [a policy".to_owned(),
    ]
    .iter()
    .enumerate()
    {
        site.put("policy/stories.yaml", broken);
        sidecar.until_noted("policy-kept-out", turn + 1).await;
        sidecar.until_metric("lazaret_policy_alarm", 1.0).await;
        let answer = sidecar.workload().await.ask(request("PUT", "/v2/a", "a body")).await;
        assert_eq!(answer.status, 200, "the old policy is in force");
        assert_eq!(sidecar.admin("GET", "/readyz").await.status, 200);
    }
    site.put("policy/stories.yaml", &plan.policy);
    sidecar.until_metric("lazaret_policy_alarm", 0.0).await;

    let records = sidecar.records(3).await;
    assert!(records.iter().all(|record| record["policy"] == records[0]["policy"]));
    let metrics = sidecar.metrics().await;
    let invalid = metrics.value("lazaret_policy_loads_total{result=\"invalid\"}");
    assert!((invalid - 3.0).abs() < 0.1, "{invalid}");
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn started_with_a_broken_policy_it_stays_up_and_refuses_everything() {
    let site = Site::new();
    let upstream = Upstream::plaintext().await;
    let mut plan = site.plaintext_plan(&upstream).inbound(&upstream);
    let good =
        std::mem::replace(&mut plan.policy, "apiVersion: lazaret/v1\nkind: Polcy\n".to_owned());
    let sidecar = site.start(&plan).await;
    let mut workload = sidecar.workload().await;

    workload.ask(request("PUT", "/v2/a", "")).await.assert_problem(403, "policy-broken");
    let connect =
        "CONNECT registry.ml.internal:443 HTTP/1.1\r\nHost: registry.ml.internal:443\r\n\r\n";
    sidecar.workload().await.ask(connect).await.assert_problem(403, "policy-broken");
    let peer = site.pki.issue(crate::harness::AGGREGATOR_ID, &["aggregator.example"]);
    let mut peer = sidecar.peer(site.pki.client(Some(&peer))).await.unwrap();
    let asked = crate::harness::peer::peer_request("GET", "/updates/7", "", "");
    peer.ask(asked).await.assert_problem(403, "policy-broken");
    drop(peer);
    let ready = sidecar.admin("GET", "/readyz").await;
    assert_eq!(ready.status, 503);
    assert!(ready.text().contains("policy"), "{}", ready.text());
    assert_eq!(sidecar.admin("GET", "/healthz").await.status, 200);
    upstream.assert_untouched();
    for record in sidecar.records(3).await {
        assert_record(&record, &json!({ "outcome": "refused", "reason": "policy-broken" }));
    }

    // Mended, it goes to work without a restart.
    site.put("policy/stories.yaml", good);
    sidecar.until_noted("policy-swapped", 1).await;
    assert_eq!(workload.ask(request("PUT", "/v2/a", "")).await.status, 200);
    assert_eq!(sidecar.admin("GET", "/readyz").await.status, 200);
    sidecar.records(4).await;
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kubernetes_volume_swaps_its_policy_by_symlink() {
    let site = Site::new();
    let upstream = Upstream::plaintext().await;
    let plan = site.plaintext_plan(&upstream);
    let config = site.write(&plan);
    // policy/stories.yaml -> ..data/stories.yaml, ..data -> ..one
    let folder = site.path("policy");
    std::fs::remove_file(folder.join("stories.yaml")).unwrap();
    for (name, text) in [
        ("..one", plan.policy.clone()),
        ("..two", plan.policy.replace("paths: [\"/v2/**\"]", "paths: [\"/v3/**\"]")),
    ] {
        std::fs::create_dir(folder.join(name)).unwrap();
        std::fs::write(folder.join(name).join("stories.yaml"), text).unwrap();
    }
    std::os::unix::fs::symlink("..one", folder.join("..data")).unwrap();
    std::os::unix::fs::symlink("..data/stories.yaml", folder.join("stories.yaml")).unwrap();
    let sidecar = crate::harness::sidecar::Sidecar::start(site.folder(), config).await;
    let mut workload = sidecar.workload().await;

    assert_eq!(workload.ask(request("PUT", "/v2/a", "")).await.status, 200);
    std::os::unix::fs::symlink("..two", folder.join("..data_tmp")).unwrap();
    std::fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
    sidecar.until_noted("policy-swapped", 1).await;
    workload.ask(request("PUT", "/v2/a", "")).await.assert_problem(403, "path-not-allowed");

    sidecar.records(2).await;
    sidecar.finish().await;
}
