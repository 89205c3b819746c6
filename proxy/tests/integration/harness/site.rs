//! A scratch folder with a CA, and the plan of the sidecar that a story wants: its policy and the
//! parts of its configuration that differ.

use std::path::{Path, PathBuf};

use super::pki::{Pki, Svid, plain_server};
use super::upstream::Upstream;
use super::{JOB_ID, REGISTRY, REGISTRY_ID};

/// A scratch folder with a CA; gone when the story ends.
pub(crate) struct Site {
    folder: tempfile::TempDir,
    pub(crate) pki: Pki,
}

/// What a sidecar is to be started with.
pub(crate) struct Plan {
    pub(crate) policy: String,
    pub(crate) identity: Svid,
    pub(crate) forward: Option<u16>,
    pub(crate) limits: String,
    pub(crate) hosts: String,
    pub(crate) nameserver: Option<std::net::SocketAddr>,
    pub(crate) has_admin_socket: bool,
    pub(crate) has_dns: bool,
    pub(crate) shares_ports: bool,
    /// A gateway's links, as the configuration writes them; none in a sidecar.
    pub(crate) links: String,
    /// Roots of other trust domains beside the site's own.
    pub(crate) roots: String,
}

/// How the policy says that the registry is reached.
const MUTUAL: &str = "{mode: mutual, peer: \"spiffe://hospital.example/ns/mlops/sa/registry\"}";
const PLAINTEXT: &str = "{mode: plaintext, because: \"a story about something else\"}";

impl Site {
    pub(crate) fn new() -> Site {
        Site { folder: tempfile::tempdir().unwrap(), pki: Pki::new() }
    }

    /// A site of another trust domain.
    pub(crate) fn of(domain: &str) -> Site {
        Site { folder: tempfile::tempdir().unwrap(), pki: Pki::of(domain) }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// The certificate that the policy asks the registry for.
    pub(crate) fn registry_svid(&self) -> Svid {
        self.pki.issue(REGISTRY_ID, &[REGISTRY])
    }

    /// Writes a file of the site whole or not at all, as one that is watched is to be written.
    pub(crate) fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        let unfinished = path.with_extension("unfinished");
        std::fs::write(&unfinished, bytes).unwrap();
        std::fs::rename(unfinished, path).unwrap();
    }

    /// The upstream that the policy permits, over mutual TLS.
    pub(crate) async fn registry(&self) -> Upstream {
        Upstream::tls(self.pki.mutual_server(&self.registry_svid())).await
    }

    /// An upstream that shows `svid` to whoever asks.
    pub(crate) async fn impostor(&self, svid: &Svid) -> Upstream {
        Upstream::tls(plain_server(svid)).await
    }

    /// The stories' policy with `upstream` as the registry over mutual TLS.
    pub(crate) fn plan(&self, upstream: &Upstream) -> Plan {
        self.plan_with(upstream, MUTUAL)
    }

    /// The stories' policy with `upstream` as the registry over plain HTTP.
    pub(crate) fn plaintext_plan(&self, upstream: &Upstream) -> Plan {
        self.plan_with(upstream, PLAINTEXT)
    }

    /// The stories' policy; `tls` is the endpoint's, as the policy writes it.
    pub(crate) fn plan_with(&self, upstream: &Upstream, tls: &str) -> Plan {
        self.plan_to(upstream.port, tls)
    }

    /// As [`Site::plan_with`], for a server that is no [`Upstream`].
    pub(crate) fn plan_to(&self, port: u16, tls: &str) -> Plan {
        Plan {
            policy: policy(port, tls),
            identity: self.identity(),
            forward: None,
            limits: String::new(),
            hosts: String::new(),
            nameserver: None,
            has_admin_socket: false,
            has_dns: false,
            shares_ports: false,
            links: String::new(),
            roots: String::new(),
        }
    }

    /// A new certificate for the sidecar.
    pub(crate) fn identity(&self) -> Svid {
        self.pki.issue(JOB_ID, &["job.train.internal"])
    }
}

impl Plan {
    /// One line of `limits`.
    pub(crate) fn limit(mut self, line: &str) -> Plan {
        self.limits.push_str(&format!("  {line}\n"));
        self
    }

    /// A fixed name, as `resolver.hosts` writes it.
    pub(crate) fn host(mut self, line: &str) -> Plan {
        self.hosts.push_str(&format!("    {line}\n"));
        self
    }

    /// Peers come in, and reach `app`.
    pub(crate) fn inbound(mut self, app: &Upstream) -> Plan {
        self.forward = Some(app.port);
        self
    }

    pub(crate) fn identity(mut self, svid: Svid) -> Plan {
        self.identity = svid;
        self
    }

    pub(crate) fn nameserver(mut self, address: std::net::SocketAddr) -> Plan {
        self.nameserver = Some(address);
        self
    }

    pub(crate) fn admin_socket(mut self) -> Plan {
        self.has_admin_socket = true;
        self
    }

    /// The pod may ask us for names.
    pub(crate) fn dns(mut self) -> Plan {
        self.has_dns = true;
        self
    }

    /// Other processes may listen at the same ports.
    pub(crate) fn share_ports(mut self) -> Plan {
        self.shares_ports = true;
        self
    }

    /// Trusts another site, too.
    pub(crate) fn federated(mut self, other: &Site) -> Plan {
        self.roots.push_str(other.pki.bundle_pem());
        self
    }

    /// One of a gateway's links.
    pub(crate) fn link(mut self, text: &str) -> Plan {
        self.links.push_str(&format!("  - {text}\n"));
        self
    }

    /// The configuration file's text for a sidecar that lives in `folder`.
    pub(crate) fn config(&self, folder: &Path) -> String {
        let folder = folder.display();
        let inbound = self.forward.map_or_else(String::new, |port| {
            format!("inbound: {{listen: \"127.0.0.1:0\", forward: \"127.0.0.1:{port}\"}}\n")
        });
        let nameservers = self
            .nameserver
            .map_or_else(String::new, |address| format!("  nameservers: [\"{address}\"]\n"));
        let socket = if self.has_admin_socket {
            format!(", socket: \"{folder}/admin.sock\"")
        } else {
            String::new()
        };
        let limits = if self.limits.is_empty() {
            String::new()
        } else {
            format!("limits:\n{}", self.limits)
        };
        let hosts = &self.hosts;
        let listeners = if self.shares_ports { "listeners: {reusePort: true}\n" } else { "" };
        let dns = if self.has_dns { "dns: {listen: \"127.0.0.1:0\"}\n" } else { "" };
        let (mode, links) = if self.links.is_empty() {
            ("sidecar", String::new())
        } else {
            ("gateway", format!("links:\n{}", self.links))
        };
        format!(
            "mode: {mode}\n\
             policy: {{path: \"{folder}/policy\"}}\n\
             identity:\n  files:\n    chain: \"{folder}/svid/chain.pem\"\n    \
             key: \"{folder}/svid/key.pem\"\n    bundle: \"{folder}/svid/bundle.pem\"\n\
             outbound:\n  httpProxy: \"127.0.0.1:0\"\n  socks5: \"127.0.0.1:0\"\n  transparent: \"127.0.0.1:0\"\n  intercept: {{publish: \"{folder}/intercept-ca.pem\"}}\n\
             {inbound}{dns}{links}{listeners}\
             admin: {{listen: \"127.0.0.1:0\"{socket}}}\n\
             audit: {{path: \"{folder}/audit\"}}\n\
             resolver:\n  hosts:\n    {REGISTRY}: [\"127.0.0.1\"]\n{hosts}{nameservers}\
             spool: {{path: \"{folder}\"}}\n\
             {limits}"
        )
    }
}

/// The stories' policy for a registry at `port`.
pub(crate) fn policy(port: u16, tls: &str) -> String {
    let text = include_str!("policy.yaml")
        .replace("@PORT@", &port.to_string())
        .replace("@TLS@", tls)
        // Replaced once the port is known, in the story that needs it.
        .replace("@OWN_PORT@", "1");
    let source = policy::Source { name: "stories.yaml".to_owned(), text: text.clone() };
    if let Err(errors) = policy::Policy::compile(&[source]) {
        panic!("the stories' policy: {errors:#?}");
    }
    text
}
