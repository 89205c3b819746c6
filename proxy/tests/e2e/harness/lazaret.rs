//! The sidecar under test: its policy, its configuration, and the running binary.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::process::{Running, free_address, http_get};
use super::{JOB, Site, lazaret_command};

/// A running sidecar that may reach the given upstream ports.
#[derive(Debug)]
pub(crate) struct Lazaret {
    pub(crate) proxy: SocketAddr,
    pub(crate) socks: SocketAddr,
    admin: SocketAddr,
    config: PathBuf,
    process: Running,
}

/// Where the upstreams are; 1 where a story has none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Upstreams {
    pub(crate) registry: u16,
    pub(crate) s3: u16,
    pub(crate) sql: u16,
    pub(crate) mail: u16,
}

impl Upstreams {
    /// No upstream at all.
    pub(crate) const NONE: Upstreams = Upstreams { registry: 1, s3: 1, sql: 1, mail: 1 };
}

impl Lazaret {
    pub(crate) fn start(site: &Site, upstreams: Upstreams) -> Lazaret {
        let policy = include_str!("policy.yaml")
            .replace("@REGISTRY_PORT@", &upstreams.registry.to_string())
            .replace("@S3_PORT@", &upstreams.s3.to_string())
            .replace("@SQL_PORT@", &upstreams.sql.to_string())
            .replace("@MAIL_PORT@", &upstreams.mail.to_string());
        Lazaret::start_with(site, &policy, "")
    }

    /// Starts one with a policy of the story's own, and what its `outbound` says besides.
    pub(crate) fn start_with(site: &Site, policy: &str, outbound: &str) -> Lazaret {
        let (proxy, socks, admin) = (free_address(), free_address(), free_address());
        std::fs::create_dir_all(site.path("policy")).expect("the policy's folder");
        site.write("policy/e2e.yaml", policy.as_bytes());
        let svid = site.issue(JOB, "job.train.internal");
        let config = include_str!("config.yaml")
            .replace("@OUTBOUND@", outbound)
            .replace("@FOLDER@", &site.folder().display().to_string())
            .replace("@SVID@", &svid.chain.parent().expect("its folder").display().to_string())
            .replace("@PROXY@", &proxy.to_string())
            .replace("@SOCKS@", &socks.to_string())
            .replace("@ADMIN@", &admin.to_string());
        let config = site.write("lazaret.yaml", config.as_bytes());
        let process = run(site, &config, admin);
        Lazaret { proxy, socks, admin, config, process }
    }

    /// Ends it without warning.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// Runs it anew with the same files, after it ended.
    pub(crate) fn start_again(&mut self, site: &Site) {
        self.process = run(site, &self.config, self.admin);
    }

    /// The value of a sample on `/metrics`; 0 where it is not there yet.
    pub(crate) fn metric(&self, sample: &str) -> u64 {
        let text = http_get(self.admin, "/metrics").expect("metrics");
        let value = text.lines().find_map(|line| line.strip_prefix(sample));
        value.map_or(0, |value| value.trim().parse().expect("a whole number"))
    }

    /// Outbound exchanges that are under way, and those that have ended.
    pub(crate) fn exchanges(&self) -> (u64, u64) {
        let text = http_get(self.admin, "/metrics").expect("metrics");
        let sum = |series: &str| {
            let samples = text.lines().filter(|line| line.starts_with(series));
            let values = samples.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok());
            values.sum()
        };
        let of = |name: &str| sum(&format!("lazaret_exchanges_{name}{{"));
        (of("open"), of("total"))
    }

    /// As the value of a proxy variable.
    pub(crate) fn proxy_url(&self) -> String {
        format!("http://{}", self.proxy)
    }

    /// The certificate that clients trust inside CONNECT.
    pub(crate) fn intercept_ca(&self, site: &Site) -> PathBuf {
        site.path("intercept-ca.pem")
    }

    /// What it logged so far.
    pub(crate) fn said(&self) -> String {
        self.process.said()
    }

    /// Asks it to stop as Kubernetes does, and waits; its exit code.
    pub(crate) fn stop(&mut self) -> Option<i32> {
        self.process.terminate()
    }

    /// Gives `command` the proxy and the CA by the variables of one client family, no others.
    pub(crate) fn lead<'a>(
        &self,
        site: &Site,
        ca: &str,
        command: &'a mut Command,
    ) -> &'a mut Command {
        command.env("https_proxy", self.proxy_url()).env("http_proxy", self.proxy_url());
        command.env(ca, self.intercept_ca(site))
    }
}

fn run(site: &Site, config: &Path, admin: SocketAddr) -> Running {
    let mut command = lazaret_command(site);
    command.args(["run", "--config"]).arg(config);
    let mut process = Running::start(&mut command, site.path("lazaret.log"));
    process
        .wait_until(|| http_get(admin, "/readyz").is_some_and(|a| a.starts_with("HTTP/1.1 200")));
    process
}
