//! The proxy under test, started from a configuration file by its real parser.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use proxy::app::App;
use proxy::config::Config;
use proxy::drain::Drained;
use serde_json::Value;

use super::is_planted_in;
use super::log::{self, Log};
use super::site::{Plan, Site};
use super::wait::within;

/// A running proxy.
pub(crate) struct Sidecar {
    app: App,
    pub(crate) http_proxy: SocketAddr,
    pub(crate) socks5: SocketAddr,
    pub(crate) transparent: SocketAddr,
    pub(crate) inbound: Option<SocketAddr>,
    pub(crate) dns: Option<SocketAddr>,
    pub(crate) admin: SocketAddr,
    pub(crate) intercept_ca: PathBuf,
    folder: PathBuf,
}

impl Site {
    /// Writes policy, identity and configuration, and starts the proxy.
    pub(crate) async fn start(&self, plan: &Plan) -> Sidecar {
        let config = self.write(plan);
        Sidecar::start(self.folder(), config).await
    }

    /// Writes policy, identity and configuration.
    pub(crate) fn write(&self, plan: &Plan) -> Config {
        std::fs::create_dir_all(self.path("policy")).unwrap();
        std::fs::write(self.path("policy/stories.yaml"), &plan.policy).unwrap();
        let roots = format!("{}{}", self.pki.bundle_pem(), plan.roots);
        plan.identity.write(&self.path("svid"), &roots);
        let path = self.path("lazaret.yaml");
        std::fs::write(&path, plan.config(self.folder())).unwrap();
        Config::load(&path).unwrap_or_else(|error| panic!("{error}"))
    }
}

impl Sidecar {
    pub(crate) async fn start(folder: &Path, config: Config) -> Sidecar {
        let intercept_ca = folder.join("intercept-ca.pem");
        let app = App::start(config).await.unwrap_or_else(|error| panic!("{error}"));
        let addresses = app.addresses();
        Sidecar {
            app,
            http_proxy: addresses.http_proxy.unwrap(),
            socks5: addresses.socks5.unwrap(),
            transparent: addresses.transparent.unwrap(),
            inbound: addresses.inbound,
            dns: addresses.dns,
            admin: addresses.admin.unwrap(),
            intercept_ca,
            folder: folder.to_owned(),
        }
    }

    /// The listeners for the workload: forward proxy, SOCKS5, redirected connections, names.
    pub(crate) fn ways(&self) -> [SocketAddr; 4] {
        [self.http_proxy, self.socks5, self.transparent, self.dns.unwrap()]
    }

    /// Where a gateway's link listens.
    pub(crate) fn link(&self, name: &str) -> SocketAddr {
        self.app.links().iter().find(|(link, _)| **link == *name).unwrap().1
    }

    /// Where the audit log is.
    pub(crate) fn audit(&self) -> PathBuf {
        self.folder.join("audit")
    }

    /// The records, once so many exchanges are closed, in the order in which they began.
    pub(crate) async fn records(&self, count: usize) -> Vec<Value> {
        log::records(&self.audit(), count).await
    }

    /// The record of the only exchange, once it is closed.
    pub(crate) async fn record(&self) -> Value {
        self.records(1).await.remove(0)
    }

    /// The log as it stands.
    pub(crate) fn log(&self) -> Log {
        Log::read(&self.audit())
    }

    /// Drains, stops the log, and checks what must hold after every story: the log is whole and
    /// proves itself, and the planted number is nowhere in it, in the metrics or on the disk.
    pub(crate) async fn finish(self) -> Log {
        let metrics = self.metrics().await;
        let (drained, writer) = within("the drain", self.app.drain()).await;
        assert_eq!(drained, Drained::Complete);
        tokio::task::spawn_blocking(move || writer.stop()).await.unwrap().unwrap();
        let audit = self.folder.join("audit");
        log::assert_intact(&audit);
        let log = Log::read(&audit);
        log.assert_whole();
        assert!(!is_planted_in(metrics.text.as_bytes()), "the metrics leak");
        assert_nothing_planted_below(&self.folder);
        log
    }

    /// The proxy itself, for stories about its end.
    pub(crate) fn into_app(self) -> App {
        self.app
    }
}

fn assert_nothing_planted_below(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            assert_nothing_planted_below(&path);
        } else if path.is_file() {
            assert!(!is_planted_in(&std::fs::read(&path).unwrap()), "{} leaks", path.display());
        }
    }
}
