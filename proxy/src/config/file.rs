//! The configuration file's shape. No logic beyond saying which values are missing, contradictory
//! or not supported yet.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::limits::LimitsFile;
use super::links::{self, LinkFile, Misplaced};
use super::{AuditConfig, Config, Inbound, InvalidConfig, Link};
use crate::audit::Sync;
use crate::telemetry::LogFormat;

/// The whole file.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConfigFile {
    mode: Mode,
    policy: PolicyPart,
    identity: IdentityPart,
    outbound: Option<OutboundPart>,
    inbound: Option<InboundPart>,
    #[serde(default)]
    links: Vec<Spanned<LinkFile>>,
    dns: Option<DnsPart>,
    #[serde(default)]
    listeners: ListenersPart,
    #[serde(default)]
    admin: AdminPart,
    audit: AuditPart,
    #[serde(default)]
    limits: LimitsFile,
    #[serde(default)]
    resolver: ResolverPart,
    #[serde(default)]
    spool: SpoolPart,
    #[serde(default)]
    log: LogPart,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Mode {
    Gateway,
    Sidecar,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PolicyPart {
    path: PathBuf,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct IdentityPart {
    files: Option<FilesPart>,
    workload_api: Option<serde_json::Value>,
    ca: Option<serde_json::Value>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct FilesPart {
    chain: PathBuf,
    key: PathBuf,
    bundle: PathBuf,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OutboundPart {
    http_proxy: Option<SocketAddr>,
    transparent: Option<SocketAddr>,
    socks5: Option<SocketAddr>,
    intercept: Option<InterceptPart>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct InterceptPart {
    publish: PathBuf,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct InboundPart {
    listen: SocketAddr,
    forward: SocketAddr,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DnsPart {
    listen: OneOrMore,
}

/// An address, or a list of them: one for each family, say.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(SocketAddr),
    More(Vec<SocketAddr>),
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ListenersPart {
    #[serde(default)]
    reuse_port: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AdminPart {
    listen: Option<SocketAddr>,
    socket: Option<PathBuf>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AuditPart {
    path: PathBuf,
    #[serde(default)]
    sync: Sync,
    key: Option<PathBuf>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ResolverPart {
    #[serde(default)]
    hosts: BTreeMap<String, Vec<IpAddr>>,
    #[serde(default)]
    nameservers: Vec<SocketAddr>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SpoolPart {
    path: Option<PathBuf>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct LogPart {
    #[serde(default)]
    format: LogFormat,
    level: Option<String>,
}

impl OneOrMore {
    fn all(self) -> Vec<SocketAddr> {
        match self {
            Self::One(address) => vec![address],
            Self::More(addresses) => addresses,
        }
    }
}

/// Parses the text of a configuration file.
///
/// # Errors
/// [`InvalidConfig::Shape`] with line and column.
pub fn parse(path: &Path, text: &str) -> Result<ConfigFile, InvalidConfig> {
    serde_saphyr::from_str(text).map_err(|error| {
        let location = error.location();
        InvalidConfig::Shape {
            path: path.to_owned(),
            line: location.map_or(1, |location| location.line()),
            column: location.map_or(1, |location| location.column()),
            what: error.without_snippet().to_string(),
        }
    })
}

/// The links, where the mode is the one that has some.
fn links_of(
    path: &Path,
    mode: Mode,
    files: Vec<Spanned<LinkFile>>,
) -> Result<Vec<Link>, InvalidConfig> {
    let path = path.to_owned();
    if matches!(mode, Mode::Gateway) == files.is_empty() {
        let what = "are what `mode: gateway` is for: give it some, and a sidecar none".to_owned();
        return Err(InvalidConfig::Value { path, field: "links", what });
    }
    links::cook(files).map_err(|Misplaced { at, what }| InvalidConfig::Shape {
        path,
        line: at.line(),
        column: at.column(),
        what,
    })
}

impl ConfigFile {
    /// Checks the values and fills in what was left out.
    ///
    /// # Errors
    /// [`InvalidConfig::Value`] naming the field.
    pub fn cook(self, path: &Path) -> Result<Config, InvalidConfig> {
        let wrong = |field, what: &str| InvalidConfig::Value {
            path: path.to_owned(),
            field,
            what: what.to_owned(),
        };
        if let Some(field) = self.unsupported() {
            return Err(wrong(field, "not supported yet; remove it"));
        }
        let files = self.identity.files.ok_or_else(|| {
            wrong("identity.files", "missing; name the files of chain, key and bundle")
        })?;
        let inbound =
            self.inbound.map(|part| Inbound { listen: part.listen, forward: part.forward });
        let outbound = self.outbound.unwrap_or_default();
        let ways = [
            ("outbound.httpProxy", outbound.http_proxy),
            ("outbound.socks5", outbound.socks5),
            ("outbound.transparent", outbound.transparent),
        ];
        let links = links_of(path, self.mode, self.links)?;
        let has_none = ways.iter().all(|(_, address)| address.is_none());
        if has_none && inbound.is_none() && links.is_empty() {
            return Err(wrong("outbound.httpProxy", "no listener at all; set it, or `inbound`"));
        }
        let is_open = |(_, address): &&(&str, Option<SocketAddr>)| {
            address.is_some_and(|address| !address.ip().is_loopback())
        };
        if let Some((field, _)) = ways.iter().find(is_open) {
            return Err(wrong(
                field,
                "must be a loopback address: whoever reaches it speaks with this sidecar's identity",
            ));
        }
        let dns = self.dns.map_or_else(Vec::new, |part| part.listen.all());
        if dns.iter().any(|address| address.ip().is_unspecified() || address.ip().is_multicast()) {
            return Err(wrong(
                "dns.listen",
                "must be a loopback address or the pod's own: the resolver is for the pod alone",
            ));
        }
        Ok(Config {
            policy: self.policy.path,
            identity: certs::source::Files {
                chain: files.chain,
                key: files.key,
                bundle: files.bundle,
            },
            http_proxy: outbound.http_proxy,
            socks5: outbound.socks5,
            transparent: outbound.transparent,
            publish: outbound.intercept.map(|part| part.publish),
            inbound,
            links,
            dns,
            reuse_port: self.listeners.reuse_port,
            admin: self.admin.listen,
            admin_socket: self.admin.socket,
            audit: AuditConfig {
                path: self.audit.path,
                sync: self.audit.sync,
                key: self.audit.key,
            },
            hosts: self.resolver.hosts,
            nameservers: self.resolver.nameservers,
            spool: self.spool.path.unwrap_or_else(std::env::temp_dir),
            log_format: self.log.format,
            log_level: self.log.level.unwrap_or_else(|| "info".to_owned()),
            limits: self.limits.cook().map_err(|(field, what)| wrong(field, &what))?,
        })
    }

    fn unsupported(&self) -> Option<&'static str> {
        let unsupported = [
            ("identity.workloadApi", self.identity.workload_api.is_some()),
            ("identity.ca", self.identity.ca.is_some()),
        ];
        unsupported.into_iter().find(|(_, is_set)| *is_set).map(|(field, _)| field)
    }
}

#[cfg(test)]
mod tests;
