//! Certificates are swapped under load: no exchange fails, the upstream sees the new one, and a bad
//! one is kept out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;

use crate::harness::body::prose;
use crate::harness::log::assert_record;
use crate::harness::pki::{Pki, Svid};
use crate::harness::sidecar::Sidecar;
use crate::harness::site::Site;
use crate::harness::upstream::Upstream;
use crate::harness::wait::{PATIENCE, until};
use crate::harness::workload::request;

/// Swaps by rewriting the three files, and as many by Kubernetes' `..data` symlink.
const SWAPS: usize = 16;

/// Uploads on one connection until told to stop; how many it did.
async fn upload(sidecar: Arc<Sidecar>, stop: Arc<AtomicBool>, done: Arc<AtomicUsize>) {
    let mut workload = sidecar.workload().await;
    let body = prose(20_000);
    while !stop.load(Ordering::Relaxed) {
        let answer = workload.ask(request("PUT", "/v2/a", &body)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        done.fetch_add(1, Ordering::Relaxed);
    }
}

/// Does swaps one after the other, each awaited at the upstream, with uploads going on.
async fn swap_under_load(
    site: &Site,
    (sidecar, upstream): (Sidecar, &Upstream),
    swap: impl Fn(usize, &Svid),
) -> Sidecar {
    let sidecar = Arc::new(sidecar);
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let uploads: Vec<_> = (0..3)
        .map(|_| tokio::spawn(upload(Arc::clone(&sidecar), Arc::clone(&stop), Arc::clone(&done))))
        .collect();
    // The first certificate is seen, too.
    upstream.heads(1).await;
    for turn in 0..SWAPS {
        let svid = site.identity();
        swap(turn, &svid);
        let fingerprint = svid.fingerprint();
        until(&format!("certificate {turn} at the upstream"), || {
            let seen = upstream.seen();
            seen.requests.last().filter(|last| last.client.as_ref() == Some(&fingerprint)).map(drop)
        })
        .await;
    }
    stop.store(true, Ordering::Relaxed);
    for upload in uploads {
        upload.await.unwrap();
    }
    let done = done.load(Ordering::Relaxed);
    let records = sidecar.records(done).await;
    assert!(records.iter().all(|record| record["outcome"] == "completed"));
    assert_eq!(upstream.requests(done).await.len(), done);
    Arc::into_inner(sidecar).unwrap()
}

fn certificates_seen(upstream: &Upstream) -> usize {
    let seen = upstream.seen();
    let clients = seen.requests.iter().map(|request| request.client.clone().unwrap());
    clients.collect::<std::collections::BTreeSet<_>>().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn rewritten_files_under_load_fail_no_exchange() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&site.plan(&registry)).await;

    let folder = site.path("svid");
    let bundle = site.pki.bundle_pem().to_owned();
    let rewrite = |_, svid: &Svid| svid.write(&folder, &bundle);
    let sidecar = swap_under_load(&site, (sidecar, &registry), rewrite).await;

    assert_eq!(certificates_seen(&registry), SWAPS + 1);
    assert!(sidecar.log().notes("identity-swapped").len() >= SWAPS);
    sidecar.until_metric("lazaret_identity_alarm", 0.0).await;
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn symlinked_volumes_under_load_fail_no_exchange() {
    let site = Site::new();
    let registry = site.registry().await;
    let config = site.write(&site.plan(&registry));
    // svid/chain.pem -> ..data/chain.pem, ..data -> ..first, as a Kubernetes volume.
    let folder = site.path("svid");
    std::fs::create_dir(folder.join("..first")).unwrap();
    std::os::unix::fs::symlink("..first", folder.join("..data")).unwrap();
    for name in ["chain.pem", "key.pem", "bundle.pem"] {
        std::fs::rename(folder.join(name), folder.join("..first").join(name)).unwrap();
        std::os::unix::fs::symlink(format!("..data/{name}"), folder.join(name)).unwrap();
    }
    let sidecar = Sidecar::start(site.folder(), config).await;

    let bundle = site.pki.bundle_pem().to_owned();
    let swap = |turn: usize, svid: &Svid| {
        let name = format!("..{turn}");
        svid.write(&folder.join(&name), &bundle);
        std::os::unix::fs::symlink(&name, folder.join("..data_tmp")).unwrap();
        std::fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
    };
    let sidecar = swap_under_load(&site, (sidecar, &registry), swap).await;

    assert_eq!(certificates_seen(&registry), SWAPS + 1);
    // A symlink swap is one step: nothing in between was ever seen.
    let log = sidecar.log();
    assert_eq!(log.notes("identity-swapped").len(), SWAPS);
    assert!(log.notes("identity-kept-out").is_empty());
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_certificate_is_kept_out_and_alarms_until_a_good_one_comes() {
    let site = Site::new();
    let registry = site.registry().await;
    let plan = site.plan(&registry);
    let sidecar = site.start(&plan).await;
    let (folder, bundle) = (site.path("svid"), site.pki.bundle_pem());
    let mixed = Svid { key_pem: site.identity().key_pem, ..site.identity() };

    for (turn, (what, bad)) in [
        (
            "another id",
            site.pki.issue("spiffe://hospital.example/ns/train/sa/other", &["o.example"]),
        ),
        ("expired", site.pki.issue_expired(crate::harness::JOB_ID, &["job.train.internal"])),
        ("another CA", Pki::new().issue(crate::harness::JOB_ID, &["job.train.internal"])),
        ("a key that does not fit", mixed),
        ("no PEM", Svid { chain_pem: "nothing".to_owned(), ..site.identity() }),
    ]
    .into_iter()
    .enumerate()
    {
        let before = sidecar.log().notes("identity-kept-out").len();
        bad.write(&folder, bundle);
        sidecar.until_noted("identity-kept-out", before + 1).await;
        sidecar.until_metric("lazaret_identity_alarm", 1.0).await;
        let answer = sidecar.workload().await.ask(request("PUT", "/v2/a", "a body")).await;
        assert_eq!(answer.status, 200, "{what}: the old one is in force");
        assert_eq!(sidecar.admin("GET", "/readyz").await.status, 200);
        let received = registry.requests(turn + 1).await.pop().unwrap();
        assert_eq!(received.client, Some(plan.identity.fingerprint()), "{what}");
    }
    let good = site.identity();
    good.write(&folder, bundle);
    sidecar.until_metric("lazaret_identity_alarm", 0.0).await;
    sidecar.workload().await.ask(request("PUT", "/v2/a", "a body")).await;
    let received = registry.requests(6).await.pop().unwrap();
    assert_eq!(received.client, Some(good.fingerprint()));

    sidecar.records(6).await;
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_its_end_our_certificate_is_used_no_more() {
    let site = Site::new();
    let registry = site.registry().await;
    let plan = site.plan(&registry).inbound(&registry);
    let soon = site.pki.issue_at(
        crate::harness::JOB_ID,
        &["job.train.internal"],
        (proxy::clock::now(), Duration::from_secs(8)),
    );
    let sidecar = site.start(&plan.identity(soon)).await;
    let mut workload = sidecar.workload().await;
    assert_eq!(workload.ask(request("PUT", "/v2/a", "a body")).await.status, 200);
    let peer = site.pki.issue(crate::harness::AGGREGATOR_ID, &["aggregator.example"]);
    let mut early = sidecar.peer(site.pki.client(Some(&peer))).await.unwrap();

    let began = std::time::Instant::now();
    while sidecar.admin("GET", "/readyz").await.status == 200 {
        assert!(began.elapsed() < PATIENCE, "it never expired");
    }
    // The pooled connection was made with it, so that is not used either.
    workload.ask(request("PUT", "/v2/b", "a body")).await.assert_problem(503, "upstream-identity");
    assert!(sidecar.peer(site.pki.client(Some(&peer))).await.is_err());
    assert_eq!(registry.requests(1).await.len(), 1);
    let records = sidecar.records(3).await;
    assert_record(&records[1], &json!({ "outcome": "failed", "status": 503, "bytes_released": 0 }));
    assert_record(&records[2], &json!({ "kind": "handshake", "outcome": "failed" }));
    // A connection from before does not outlive it either.
    let asked = crate::harness::peer::peer_request("GET", "/updates/7", "", "");
    early.ask(asked).await.assert_problem(503, "upstream-identity");
    assert_eq!(registry.requests(1).await.len(), 1);
    drop(early);

    // A new one sets everything going again.
    site.identity().write(&site.path("svid"), site.pki.bundle_pem());
    sidecar.until_noted("identity-swapped", 1).await;
    assert_eq!(workload.ask(request("PUT", "/v2/c", "a body")).await.status, 200);
    assert_eq!(sidecar.admin("GET", "/readyz").await.status, 200);
    sidecar.records(5).await;
    sidecar.finish().await;
}
