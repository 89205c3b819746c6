//! Everything around the clients of the matrix, in a network namespace of its own: upstreams, a sidecar
//! with every listener, two gateways, and the rule that redirects connections of one group.

use std::net::SocketAddr;
use std::process::Command;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::super::harness::git::Repositories;
use super::super::harness::lazaret::Lazaret;
use super::super::harness::moto::Moto;
use super::super::harness::nginx::Nginx;
use super::super::harness::postgres::{Postgres, relay};
use super::super::harness::process::{Running, free_address, http_get, listens, run};
use super::super::harness::{Site, bare, client, lazaret_command, tool};

/// The group whose connections are redirected.
const REDIRECTED: &str = "65534";
const SITE: &str = "spiffe://example/ns/edge/sa/site";
const HUB: &str = "spiffe://example/ns/edge/sa/hub";

/// A way out of the workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Requests in absolute form.
    Forward,
    Connect,
    Socks,
    /// The kernel's redirection.
    Redirected,
    /// A site's gateway and the hub's, back to back.
    Link,
}

impl Way {
    pub(crate) const ALL: [Way; 5] =
        [Way::Forward, Way::Connect, Way::Socks, Way::Redirected, Way::Link];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Way::Forward => "forward",
            Way::Connect => "connect",
            Way::Socks => "socks5",
            Way::Redirected => "redirected",
            Way::Link => "link",
        }
    }
}

/// The upstreams and what stands before them.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) nginx: Nginx,
    pub(crate) moto: Moto,
    pub(crate) postgres: Postgres,
    pub(crate) repositories: Repositories,
    pub(crate) lazaret: Lazaret,
    /// Of the site's gateway, to the registry, S3, calls and SQL.
    links: [SocketAddr; 4],
    /// The way to SQL through CONNECT.
    pub(crate) relay: SocketAddr,
    calls: SocketAddr,
    running: [Running; 3],
    pub(crate) site: Site,
}

/// An upstream by its place in the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    Registry,
    S3,
    Calls,
    Sql,
}

impl Service {
    fn name(self) -> &'static str {
        match self {
            Service::Registry => "registry.ml.internal",
            Service::S3 => "s3.ml.internal",
            Service::Calls => "calls.ml.internal",
            Service::Sql => "sql.ml.internal",
        }
    }
}

impl World {
    /// Starts everything where the calling thread, and what it starts, is alone.
    pub(crate) fn begin() -> World {
        enter_namespace();
        let site = Site::new();
        let (nginx, moto) = (Nginx::start(&site), Moto::start(&site));
        let repositories = Repositories::start(&site);
        let (postgres, transparent) = (Postgres::start(&site), free_address());
        let (calls, calls_server) = calls(&site);
        let ports = [nginx.address, moto.address, calls, postgres.address].map(|at| at.port());
        let outbound = format!("transparent: \"{transparent}\"");
        let lazaret = Lazaret::start_with(&site, &policy(ports, None), &outbound);
        redirect(&site, ports, transparent);
        let (hub_at, links) = (free_address(), [(); 4].map(|()| free_address()));
        let (near, far) = gateways(&site, ports, hub_at, links);
        let relay = relay(lazaret.proxy, format!("sql.ml.internal:{}", ports[3]));
        let running = [calls_server, near, far];
        World { nginx, moto, postgres, repositories, lazaret, links, relay, calls, running, site }
    }

    /// The port of an upstream.
    pub(crate) fn port(&self, service: Service) -> u16 {
        match service {
            Service::Registry => self.nginx.address.port(),
            Service::S3 => self.moto.address.port(),
            Service::Calls => self.calls.port(),
            Service::Sql => self.postgres.address.port(),
        }
    }

    /// Where a client goes for an upstream: host and port.
    pub(crate) fn place(&self, way: Way, service: Service) -> String {
        if way == Way::Link {
            return self.links[service as usize].to_string();
        }
        format!("{}:{}", service.name(), self.port(service))
    }

    /// The same as the start of a URL. To a forward proxy and to a gateway one speaks plainly.
    pub(crate) fn url(&self, way: Way, service: Service) -> String {
        match way {
            Way::Forward => format!("http://{}", service.name()),
            Way::Connect | Way::Redirected | Way::Socks => {
                format!("https://{}", self.place(way, service))
            }
            Way::Link => format!("http://{}", self.place(way, service)),
        }
    }

    /// `program` on its way out: told of the proxy by its environment, or redirected without a word.
    pub(crate) fn lead(&self, way: Way, program: &Command) -> Command {
        let mut led = match way {
            Way::Redirected => {
                let mut redirected = bare(&self.site, &tool("unshare"));
                redirected.args(["-m", "sh", "-c"]);
                redirected.arg(format!(
                    "mount --bind hosts /etc/hosts && exec setpriv --regid {REDIRECTED} --clear-groups \"$@\""
                ));
                redirected.arg("sh").arg(program.get_program());
                redirected
            }
            Way::Connect | Way::Forward | Way::Link | Way::Socks => {
                bare(&self.site, std::path::Path::new(program.get_program()))
            }
        };
        led.args(program.get_args());
        led.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
        match way {
            Way::Forward | Way::Connect => {
                led.env("http_proxy", self.lazaret.proxy_url());
                led.env("https_proxy", self.lazaret.proxy_url());
            }
            Way::Socks => {
                led.env("all_proxy", format!("socks5h://{}", self.lazaret.socks));
            }
            Way::Link | Way::Redirected => {}
        }
        for name in [
            "AWS_CA_BUNDLE",
            "CURL_CA_BUNDLE",
            "GIT_SSL_CAINFO",
            "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
            "NODE_EXTRA_CA_CERTS",
            "REQUESTS_CA_BUNDLE",
            "SSL_CERT_FILE",
        ] {
            led.env(name, self.lazaret.intercept_ca(&self.site));
        }
        led
    }

    /// What Lazaret logged, everywhere.
    pub(crate) fn said(&self) -> String {
        let gateways: String = self.running.iter().map(Running::said).collect();
        format!("{}\n{gateways}", self.lazaret.said())
    }

    /// The folder of the audit log in which exchanges of this way are.
    pub(crate) fn log(&self, way: Way) -> std::path::PathBuf {
        self.site.path(if way == Way::Link { "site-audit" } else { "audit" })
    }
}

/// Moves this thread into a network namespace without a name, in which the loopback is up.
fn enter_namespace() {
    assert!(
        rustix::process::geteuid().is_root(),
        "the matrix redirects connections in a network namespace: run it as root"
    );
    let ip = |arguments: &str| {
        run(Command::new(tool("ip")).args(arguments.split_whitespace()));
    };
    let name = format!("lzm{}", std::process::id());
    ip(&format!("netns add {name}"));
    let namespace = std::fs::File::open(format!("/run/netns/{name}")).expect("the namespace");
    let moved = move_into_link_name_space(
        std::os::fd::AsFd::as_fd(&namespace),
        Some(LinkNameSpaceType::Network),
    );
    // It lives as long as somebody is in it.
    ip(&format!("netns del {name}"));
    moved.expect("to move into the namespace");
    ip("link set lo up");
}

/// Has the kernel lead the workload's connections to the upstreams elsewhere, as in a pod.
fn redirect(site: &Site, ports: [u16; 4], to: SocketAddr) {
    let hosts: String = ["registry", "s3", "calls", "sql"]
        .map(|name| format!("127.0.0.1 {name}.ml.internal\n"))
        .concat();
    site.write("hosts", format!("127.0.0.1 localhost\n{hosts}").as_bytes());
    let ports = ports.map(|port| port.to_string()).join(", ");
    let rules = format!(
        "table ip matrix {{\n chain out {{\n type nat hook output priority -100\n meta skgid {REDIRECTED} \
         tcp dport {{ {ports} }} redirect to :{}\n }}\n}}\n",
        to.port()
    );
    let rules = site.write("rules.nft", rules.as_bytes());
    run(bare(site, &tool("nft")).arg("-f").arg(rules));
}

/// The policy of the sidecar, or of the site's gateway with the hub's port.
fn policy(ports: [u16; 4], hub: Option<u16>) -> String {
    let (via, endpoint) = hub.map_or_else(Default::default, |port| {
        let endpoint = format!(
            "- {{name: hub, hosts: [gateway.hub.internal], addresses: [127.0.0.0/8], ports: [{port}], tls: \
             {{mode: mutual, peer: \"{HUB}\"}}}}"
        );
        ("via: {endpoint: hub}", endpoint)
    });
    with_ports(include_str!("policy.yaml"), ports).replace("@VIA@", via).replace("@HUB@", &endpoint)
}

fn with_ports(text: &str, ports: [u16; 4]) -> String {
    let names = ["@REGISTRY@", "@S3@", "@CALLS@", "@SQL@"];
    let filled = names.iter().zip(ports);
    filled.fold(text.to_owned(), |text, (name, port)| text.replace(name, &port.to_string()))
}

/// A gRPC server that says everything back.
fn calls(site: &Site) -> (SocketAddr, Running) {
    let (address, log) = (free_address(), site.write("messages.log", b""));
    let svid = site.issue("spiffe://example/ns/mlops/sa/calls", "calls.ml.internal");
    let mut command = client(site, "grpc_server.py");
    command.arg(address.port().to_string());
    command.args([&svid.chain, &svid.key, &svid.bundle, &log]);
    let mut server = Running::start(&mut command, site.path("calls.log"));
    server.wait_until(|| listens(address));
    (address, server)
}

/// The site's gateway with a link to each upstream, and the hub's.
fn gateways(
    site: &Site,
    ports: [u16; 4],
    hub_at: SocketAddr,
    links: [SocketAddr; 4],
) -> (Running, Running) {
    let between = format!(
        "  - {{name: between, listen: \"{hub_at}\", downstream: {{tls: mutual, from: [\"{SITE}\"]}}, protocol: hbone}}\n"
    );
    let services = [Service::Registry, Service::S3, Service::Calls, Service::Sql];
    let near: String = services
        .into_iter()
        .zip(links.into_iter().zip(ports))
        .map(|(service, (listen, port))| {
            let protocol = if service == Service::Sql { "tcp" } else { "http" };
            let host = service.name();
            format!(
                "  - {{name: to-{}, listen: \"{listen}\", downstream: {{tls: plaintext}}, protocol: {protocol}, \
                 to: {{host: {host}, port: {port}}}}}\n",
                host.trim_end_matches(".ml.internal")
            )
        })
        .collect();
    let hub = with_ports(include_str!("hub.yaml"), ports);
    let hub = gateway(site, ("hub", HUB), &hub, &between);
    (gateway(site, ("site", SITE), &policy(ports, Some(hub_at.port())), &near), hub)
}

fn gateway(site: &Site, (name, id): (&str, &str), policy: &str, links: &str) -> Running {
    let svid = site.issue(id, &format!("gateway.{name}.internal"));
    std::fs::create_dir_all(site.path(&format!("{name}-policy"))).expect("the policy's folder");
    site.write(&format!("{name}-policy/matrix.yaml"), policy.as_bytes());
    let admin = free_address();
    let config = include_str!("gateway.yaml")
        .replace("@NAME@", name)
        .replace("@SVID@", &svid.chain.parent().expect("its folder").display().to_string())
        .replace("@LINKS@", links)
        .replace("@ADMIN@", &admin.to_string());
    let config = site.write(&format!("{name}.yaml"), config.as_bytes());
    let mut command = lazaret_command(site);
    command.args(["run", "--config"]).arg(config);
    let mut process = Running::start(&mut command, site.path(&format!("{name}.log")));
    process
        .wait_until(|| http_get(admin, "/readyz").is_some_and(|a| a.starts_with("HTTP/1.1 200")));
    process
}
