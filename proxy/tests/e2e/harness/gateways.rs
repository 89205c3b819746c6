//! Two gateways back to back, as `examples/federated` has them: a site's and the hub's, each with a
//! certificate authority of its own.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::Value;

use super::process::{Running, eventually, free_address, http_get, run};
use super::{Site, audit, lazaret_command};

/// The two, and where things listen.
#[derive(Debug)]
pub(crate) struct Gateways {
    /// Where the site's clients go.
    pub(crate) entrance: SocketAddr,
    site: Running,
    hub: Running,
}

impl Gateways {
    /// Starts both, in front of an aggregator.
    pub(crate) fn start(site: &Site, aggregator: SocketAddr) -> Gateways {
        for name in ["site-a", "hub"] {
            let domain = format!("{name}.example");
            let ca = site.path(&format!("{name}-ca"));
            let mut init = lazaret_command(site);
            run(init.args(["certs", "init", "--trust-domain", &domain, "--out"]).arg(&ca));
            let id = format!("spiffe://{domain}/ns/fl/sa/gateway");
            let dns = format!("gateway.{domain}");
            let mut issue = lazaret_command(site);
            issue.args(["certs", "issue", "--id", &id, "--dns", &dns, "--lifetime", "1h", "--ca"]);
            run(issue.arg(&ca).arg("--out").arg(site.path(name.trim_end_matches("-a"))));
        }
        let root = |name: &str| std::fs::read(site.path(name)).expect("a root");
        let bundle = [root("site-a-ca/ca.pem"), root("hub-ca/ca.pem")].concat();
        site.write("bundle.pem", &bundle);
        let (entrance, between) = (free_address(), free_address());
        let places = [
            ("127.0.0.1:9092", entrance.to_string()),
            ("127.0.0.1:8443", between.to_string()),
            ("port: 8443", format!("port: {}", between.port())),
            ("[8443]", format!("[{}]", between.port())),
            ("port: 9093", format!("port: {}", aggregator.port())),
            ("[9093]", format!("[{}]", aggregator.port())),
        ];
        let hub = gateway(site, "hub", &places);
        let site = gateway(site, "site", &places);
        Gateways { entrance, site, hub }
    }

    /// What both logged.
    pub(crate) fn said(&self) -> String {
        format!("--- site ---\n{}\n--- hub ---\n{}", self.site.said(), self.hub.said())
    }
}

/// The closing records of a gateway, once there are `count`, as [`audit::sort`] puts them.
pub(crate) fn records(site: &Site, name: &str, count: usize) -> Vec<Value> {
    eventually(&format!("{count} records of {name}"), || {
        let lines = audit::lines_in(&site.path(&format!("{name}-audit")));
        let mut closed: Vec<_> = lines.into_iter().filter(|line| line["type"] == "close").collect();
        audit::sort(&mut closed);
        (closed.len() >= count).then_some(closed)
    })
}

/// The closing record of a gateway's refusal or cut because of a finding, once it is written.
pub(crate) fn finding(site: &Site, name: &str) -> Value {
    eventually(&format!("a finding at {name}"), || {
        records(site, name, 1).into_iter().find(|record| record["reason"] == "finding")
    })
}

/// Starts one from its example, with what is at `places` of this machine.
fn gateway(site: &Site, name: &str, places: &[(&str, String)]) -> Running {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/federated");
    let admin = free_address();
    let read = |file: &str| {
        let mut text = std::fs::read_to_string(examples.join(file)).expect("an example");
        for (from, to) in places {
            text = text.replace(from, to);
        }
        text
    };
    let folder = site.path(&format!("{name}-policy"));
    std::fs::create_dir_all(&folder).expect("the policy's folder");
    for file in ["flare.yaml", "flower.yaml"] {
        let policy = read(&format!("{name}-policy/{file}"));
        std::fs::write(folder.join(file), policy).expect("a policy");
    }
    let config = read(&format!("{name}.yaml"));
    let admins = [("127.0.0.1:15020", admin.to_string()), ("127.0.0.1:15021", admin.to_string())];
    let config = admins.iter().fold(config, |text, (from, to)| text.replace(from, to));
    let path = site.write(&format!("{name}.yaml"), config.as_bytes());
    let mut command = lazaret_command(site);
    command.args(["run", "--config"]).arg(path);
    let mut process = Running::start(&mut command, site.path(&format!("{name}.log")));
    process
        .wait_until(|| http_get(admin, "/readyz").is_some_and(|a| a.starts_with("HTTP/1.1 200")));
    process
}
