//! The configuration: one YAML file, read once. [`ConfigFile`](file::ConfigFile) is its shape,
//! [`Config`] what the rooms get: every value present, every limit named.

pub mod file;
mod limits;
mod links;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use std::collections::BTreeMap;

pub use self::limits::{Http2Limits, Limits};
pub use self::links::{Budgets, Destination, Downstream, LINKS_MAX, Link, LinkProtocol};
use crate::audit::Sync;
use crate::telemetry::LogFormat;

/// The configuration in force.
#[derive(Clone, Debug)]
pub struct Config {
    /// The folder of policy files.
    pub policy: PathBuf,
    /// Chain, key and trust bundle.
    pub identity: certs::source::Files,
    /// The forward proxy's address.
    pub http_proxy: Option<SocketAddr>,
    /// The SOCKS5 proxy's address.
    pub socks5: Option<SocketAddr>,
    /// Where connections come that the kernel redirected.
    pub transparent: Option<SocketAddr>,
    /// Where the intercept CA's certificate is published.
    pub publish: Option<PathBuf>,
    /// The inbound listener and the application behind it.
    pub inbound: Option<Inbound>,
    /// A gateway's listeners: none in a sidecar.
    pub links: Vec<Link>,
    /// The resolver's addresses: none where it is off.
    pub dns: Vec<SocketAddr>,
    /// Whether other processes of the same user may listen at the same addresses (`SO_REUSEPORT`), but
    /// for `admin`.
    pub reuse_port: bool,
    /// `/metrics`, `/healthz`, `/readyz`.
    pub admin: Option<SocketAddr>,
    /// The 0600 Unix socket of the administrator.
    pub admin_socket: Option<PathBuf>,
    /// The audit log.
    pub audit: AuditConfig,
    /// Names that are answered here, before any name server.
    pub hosts: BTreeMap<String, Vec<IpAddr>>,
    /// Name servers, instead of the system's.
    pub nameservers: Vec<SocketAddr>,
    /// The folder of the hold spool's unlinked files.
    pub spool: PathBuf,
    /// Log format.
    pub log_format: LogFormat,
    /// Log filter.
    pub log_level: String,
    /// Every limit.
    pub limits: Limits,
}

/// The inbound listener.
#[derive(Clone, Debug)]
pub struct Inbound {
    /// Where peers connect.
    pub listen: SocketAddr,
    /// The local application, the only place that inbound requests go.
    pub forward: SocketAddr,
}

/// Where records go and when they are durable.
#[derive(Clone, Debug)]
pub struct AuditConfig {
    /// The folder.
    pub path: PathBuf,
    /// When a line is durable.
    pub sync: Sync,
    /// The Ed25519 key that signs heads; not on the disk of `path`.
    pub key: Option<PathBuf>,
}

/// Why a configuration does not load. The process exits 2.
#[derive(Debug, thiserror::Error)]
pub enum InvalidConfig {
    /// The file cannot be read.
    #[error("{path}: cannot be read: {source}; give --config a readable file")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// YAML, an unknown field or a value of the wrong shape; the text has line and column.
    #[error("{path}:{line}:{column}: {what}")]
    Shape {
        /// The file.
        path: PathBuf,
        /// 1-based.
        line: u64,
        /// 1-based.
        column: u64,
        /// What is wrong and what to do.
        what: String,
    },
    /// A value that has no effect yet, or contradicts another.
    #[error("{path}: {field}: {what}")]
    Value {
        /// The file.
        path: PathBuf,
        /// Dotted path of the field.
        field: &'static str,
        /// What is wrong and what to do.
        what: String,
    },
}

/// The largest configuration file that is read, bytes.
pub const CONFIG_BYTES_MAX: u64 = 1024 * 1024;

impl Config {
    /// Reads and checks a configuration file.
    ///
    /// # Errors
    /// [`InvalidConfig`], with file, line and column.
    pub fn load(path: &Path) -> Result<Self, InvalidConfig> {
        let unreadable = |source| InvalidConfig::Unreadable { path: path.to_owned(), source };
        let size = std::fs::metadata(path).map_err(unreadable)?.len();
        if size > CONFIG_BYTES_MAX {
            let what = format!("is {size} bytes; a configuration has at most {CONFIG_BYTES_MAX}");
            return Err(unreadable(std::io::Error::other(what)));
        }
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        file::parse(path, &text)?.cook(path)
    }

    /// What is in force, for `lazaret config check`.
    pub fn describe(&self) -> String {
        let or_off = |address: Option<SocketAddr>| {
            address.map_or_else(|| "off".to_owned(), |address| address.to_string())
        };
        let inbound = self.inbound.as_ref().map_or_else(
            || "off".to_owned(),
            |inbound| format!("{} -> {}", inbound.listen, inbound.forward),
        );
        let links: String = self.links.iter().map(|link| format!("{link}\n")).collect();
        format!(
            "mode: {}\npolicy: {}\nidentity: chain {}, key {}, bundle {}\n\
             outbound.httpProxy: {}\noutbound.socks5: {}\noutbound.transparent: {}\ninbound: {inbound}\ndns: {}\nlisteners: {}\nadmin: {}\naudit: {} ({}; heads signed by {})\n\
             resolver: {} fixed names, {}\nspool: {}\nlog: {} at {}\n{links}{}",
            if self.links.is_empty() { "sidecar" } else { "gateway" },
            self.policy.display(),
            self.identity.chain.display(),
            self.identity.key.display(),
            self.identity.bundle.display(),
            or_off(self.http_proxy),
            or_off(self.socks5),
            or_off(self.transparent),
            if self.dns.is_empty() {
                "off".to_owned()
            } else {
                self.dns.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
            },
            if self.reuse_port {
                "other processes of this user may share their ports (SO_REUSEPORT)"
            } else {
                "their ports are this process's alone"
            },
            or_off(self.admin),
            self.audit.path.display(),
            self.audit.sync.name(),
            self.audit.key.as_ref().map_or_else(
                || "a key made at each start".to_owned(),
                |key| key.display().to_string()
            ),
            self.hosts.len(),
            if self.nameservers.is_empty() {
                "system name servers".to_owned()
            } else {
                format!("name servers {:?}", self.nameservers)
            },
            self.spool.display(),
            match self.log_format {
                LogFormat::Json => "json",
                LogFormat::Text => "text",
            },
            self.log_level,
            self.limits,
        )
    }
}
