//! Ports are one process's, unless each that listens there says that they are shared.

use std::net::SocketAddr;
use std::path::PathBuf;

use proxy::app::App;
use proxy::config::Config;

use crate::harness::sidecar::Sidecar;
use crate::harness::site::{Plan, Site};
use crate::harness::upstream::Upstream;
use crate::harness::wait::within;
use crate::harness::workload::request;

type Change = fn(Plan) -> Plan;

const ALONE: Change = |plan| plan;
const SHARED: Change = Plan::share_ports;

/// A proxy that runs, and the configuration of another with the same upstream.
struct Pair {
    first: Sidecar,
    second: Config,
    folder: PathBuf,
    _sites: [Site; 2],
}

impl Pair {
    async fn of(first: Change, second: Change) -> Pair {
        let sites = [Site::new(), Site::new()];
        let upstream = Upstream::plaintext().await;
        let plan = |site: &Site, change: Change| change(site.plaintext_plan(&upstream).dns());
        let first = sites[0].start(&plan(&sites[0], first)).await;
        let second = sites[1].write(&plan(&sites[1], second));
        Pair { first, second, folder: sites[1].folder().to_owned(), _sites: sites }
    }

    async fn assert_refused(self, name: &str, address: SocketAddr, hint: &str) {
        let error = App::start(self.second).await.expect_err("a port that somebody has");
        let said = error.to_string();
        assert!(said.starts_with(&format!("{name} {address}: Address already in use")), "{said}");
        assert!(said.contains(hint), "{said}");
        self.first.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_somebody_has_is_refused_by_its_name() {
    for (first, second, hint) in [
        (ALONE, ALONE, "another process listens there"),
        (SHARED, ALONE, "another process listens there"),
        (ALONE, SHARED, "shares it with nobody"),
    ] {
        let mut pair = Pair::of(first, second).await;
        let taken = pair.first.http_proxy;
        pair.second.http_proxy = Some(taken);
        pair.assert_refused("outbound.httpProxy", taken, hint).await;
        let mut pair = Pair::of(first, second).await;
        let taken = pair.first.dns.unwrap();
        pair.second.dns = vec![taken];
        pair.assert_refused("dns.listen", taken, hint).await;
    }
    // Health and numbers are a process's own, whatever else is shared.
    let mut pair = Pair::of(SHARED, SHARED).await;
    let taken = pair.first.admin;
    pair.second.admin = Some(taken);
    pair.assert_refused("admin.listen", taken, "another process listens there").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_that_share_their_ports_both_serve() {
    let pair = Pair::of(SHARED, SHARED).await;
    let (first, mut config) = (pair.first, pair.second);
    let ways = first.ways();
    config.http_proxy = Some(ways[0]);
    config.socks5 = Some(ways[1]);
    config.transparent = Some(ways[2]);
    config.dns = vec![ways[3]];
    assert!(config.describe().contains("may share their ports (SO_REUSEPORT)"));
    let second = Sidecar::start(&pair.folder, config).await;
    assert_eq!(second.ways(), ways);

    // The kernel deals connections out by their addresses.
    within("connections at both", async {
        while [&first, &second].iter().any(|sidecar| sidecar.log().closes().is_empty()) {
            let answer = first.workload().await.ask(request("GET", "/v2/a", "")).await;
            assert_eq!(answer.status, 200);
        }
    })
    .await;

    first.finish().await;
    // One ends, and the other goes on.
    assert_eq!(second.workload().await.ask(request("GET", "/v2/a", "")).await.status, 200);
    second.finish().await;
}
