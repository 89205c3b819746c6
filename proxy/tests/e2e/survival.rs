//! What happens under load when the sidecar is killed, and when its certificate changes.

use super::harness::lazaret::{Lazaret, Upstreams};
use super::harness::nginx::Nginx;
use super::harness::process::{Running, eventually, finished};
use super::harness::{JOB, Site, audit, bare, lazaret_command, tool};

/// curl uploading a file again and again, each time to the next number, until it is dropped.
fn load(site: &Site, lazaret: &Lazaret) -> Running {
    let file = site.write("note.txt", b"epoch 3 step 17 loss 0.0312\n");
    let mut curl = bare(site, &tool("curl"));
    curl.args(["-q", "-sS", "-x", &lazaret.proxy_url(), "-o", "/dev/null"]);
    // Each answer at once: what goes to a file by standard output waits until there is much of it.
    curl.args(["-w", "%{stderr}%{http_code}\\n", "-T"]).arg(file);
    curl.arg("http://registry.ml.internal/v2/load/[1-1000000]");
    Running::start(&mut curl, site.path("curl.log"))
}

/// Waits until nginx has seen this many more requests than now.
fn wait_for_more(site: &Site, nginx: &Nginx, more: usize) {
    let enough = nginx.seen(site).len() + more;
    eventually(&format!("{enough} requests at nginx"), || {
        (nginx.seen(site).len() >= enough).then_some(())
    });
}

#[test]
fn after_kill_9_no_exchange_that_reached_the_registry_lacks_its_line() {
    let site = Site::new();
    let nginx = Nginx::start(&site);
    let mut lazaret = Lazaret::start(
        &site,
        Upstreams { registry: nginx.address.port(), s3: 1, ..Upstreams::NONE },
    );
    let curl = load(&site, &lazaret);
    wait_for_more(&site, &nginx, 100);
    lazaret.kill();
    drop(curl);

    let verify = || {
        let mut command = lazaret_command(&site);
        finished(command.args(["audit", "verify"]).arg(site.path("audit")))
    };
    let cut = verify();
    assert_eq!(cut.status.code(), Some(3), "what follows the last head is a tail: {}", cut.said());

    let opened: Vec<String> = audit::lines(&site)
        .into_iter()
        .filter(|line| line["type"] == "open")
        .filter_map(|line| line["target"].as_str().map(str::to_owned))
        .collect();
    for seen in nginx.seen(&site) {
        let is_recorded = opened.iter().any(|target| target.ends_with(&seen.uri));
        assert!(is_recorded, "{} reached the registry without a line", seen.uri);
    }

    lazaret.start_again(&site);
    let healed = verify();
    assert_eq!(healed.status.code(), Some(0), "a new head anchors the rest: {}", healed.said());
    assert!(healed.out.contains("kill"), "it says that a run was cut off: {}", healed.said());
}

#[test]
fn certificates_change_under_load_without_a_failed_exchange() {
    const SWAPS: u64 = 10;
    let site = Site::new();
    let nginx = Nginx::start(&site);
    let lazaret = Lazaret::start(
        &site,
        Upstreams { registry: nginx.address.port(), s3: 1, ..Upstreams::NONE },
    );
    let loaded = || lazaret.metric("lazaret_identity_loads_total{result=\"ok\"}");
    let curl = load(&site, &lazaret);

    for _ in 0..SWAPS {
        let before = loaded();
        site.issue(JOB, "job.train.internal");
        eventually("the new certificate is in use", || (loaded() > before).then_some(()));
        wait_for_more(&site, &nginx, 10);
    }

    let answers = eventually("a hundred answers", || {
        Some(curl.said()).filter(|answers| answers.lines().count() >= 100)
    });
    drop(curl);
    // The last line may be half written.
    let whole = answers.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let failed: Vec<&str> = whole.lines().filter(|line| *line != "201" && *line != "204").collect();
    assert!(failed.is_empty(), "{failed:?} {}", lazaret.said());
    let mut shown: Vec<String> =
        nginx.seen(&site).into_iter().map(|seen| seen.client_certificate).collect();
    shown.dedup();
    assert!(shown.len() as u64 >= SWAPS, "nginx saw {} certificates", shown.len());
}
