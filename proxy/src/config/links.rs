//! `links`: a gateway's listeners, one for each site or service that it joins. Says what is wrong
//! with one where it stands in the file.
//!
//! Invariant: a link that has no proof of who comes in is on loopback, or says why it is not.

use std::collections::BTreeSet;
use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;

use policy::Host;
use policy::peer::PeerPattern;
use serde::Deserialize;
use serde_saphyr::{Location, Spanned};

/// Links of one gateway.
pub const LINKS_MAX: usize = 256;
/// Longest name of a link: names are labels of metrics.
const NAME_CHARS_MAX: usize = 63;

/// A link in force.
#[derive(Clone, Debug)]
pub struct Link {
    /// Its name in records and metrics.
    pub name: Arc<str>,
    /// Where it listens.
    pub listen: SocketAddr,
    /// Who may come in, and how they prove it.
    pub downstream: Downstream,
    /// What it shows downstream; None: the gateway's own identity.
    pub identity: Option<certs::source::Files>,
    /// What it shows upstream; None: the gateway's own identity.
    pub upstream_identity: Option<certs::source::Files>,
    /// Where everything goes; None: where each request says.
    pub to: Option<Destination>,
    /// What is spoken on it.
    pub protocol: LinkProtocol,
    /// What it lets through.
    pub budgets: Budgets,
}

/// Who may come in.
#[derive(Clone, Debug)]
pub enum Downstream {
    /// TLS 1.3 with a client certificate of one of these.
    Mutual(Vec<PeerPattern>),
    /// Whoever reaches it.
    Plaintext,
}

/// A link's fixed target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// The host that policy decides on.
    pub host: Host,
    /// The port.
    pub port: u16,
}

/// What is spoken on a link.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub enum LinkProtocol {
    /// CONNECT streams in HTTP/2, each a raw tunnel, as another gateway sends them.
    Hbone,
    /// HTTP/1.1, HTTP/2 and gRPC.
    #[default]
    Http,
    /// Bytes that are not parsed.
    Tcp,
}

/// What a link lets through; None where only the process's own limits hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budgets {
    /// Body bytes of one exchange, both ways together.
    pub bytes_max: Option<u64>,
    /// Body bytes in a second, both ways together: more waits.
    pub bytes_per_second_max: Option<u64>,
    /// Bytes of one gRPC message, or of one body that has no messages.
    pub message_bytes_max: Option<u64>,
    /// Exchanges at once.
    pub exchanges_max: Option<NonZeroU32>,
    /// Exchanges begun in a second.
    pub exchanges_per_second_max: Option<NonZeroU32>,
}

/// The file's shape.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct LinkFile {
    name: Spanned<String>,
    listen: Spanned<SocketAddr>,
    downstream: Spanned<DownstreamFile>,
    identity: Option<IdentityFile>,
    upstream_identity: Option<IdentityFile>,
    to: Option<Spanned<ToFile>>,
    #[serde(default)]
    protocol: LinkProtocol,
    #[serde(default)]
    budgets: BudgetsFile,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DownstreamFile {
    tls: TlsFile,
    #[serde(default)]
    from: Vec<Spanned<String>>,
    because: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum TlsFile {
    Mutual,
    Plaintext,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct IdentityFile {
    files: FilesFile,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct FilesFile {
    chain: PathBuf,
    key: PathBuf,
    bundle: PathBuf,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ToFile {
    host: String,
    port: u16,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BudgetsFile {
    bytes_max: Option<Spanned<String>>,
    bytes_per_second_max: Option<Spanned<String>>,
    message_bytes_max: Option<Spanned<String>>,
    exchanges_max: Option<NonZeroU32>,
    exchanges_per_second_max: Option<NonZeroU32>,
}

impl IdentityFile {
    fn cook(self) -> certs::source::Files {
        let FilesFile { chain, key, bundle } = self.files;
        certs::source::Files { chain, key, bundle }
    }
}

/// What is wrong, and where it stands.
pub(super) struct Misplaced {
    pub(super) at: Location,
    pub(super) what: String,
}

fn wrong<T>(at: Location, what: String) -> Result<T, Misplaced> {
    Err(Misplaced { at, what })
}

/// Checks every link.
pub(super) fn cook(files: Vec<Spanned<LinkFile>>) -> Result<Vec<Link>, Misplaced> {
    if let Some(last) = files.get(LINKS_MAX) {
        return wrong(last.referenced, format!("too many links; {LINKS_MAX} is the most"));
    }
    let mut names = BTreeSet::new();
    let mut listeners = BTreeSet::new();
    let mut links = Vec::with_capacity(files.len());
    for Spanned { value: file, referenced: at, .. } in files {
        let name = name(&file.name)?;
        if !names.insert(name.clone()) {
            let what = format!("two links are named \"{name}\"; give each its own name");
            return wrong(file.name.referenced, what);
        }
        let listen = file.listen.value;
        if listen.port() != 0 && !listeners.insert(listen) {
            let what = format!("two links listen on {listen}; give each its own address");
            return wrong(file.listen.referenced, what);
        }
        links.push(link(file, name, at)?);
    }
    Ok(links)
}

fn link(file: LinkFile, name: String, at: Location) -> Result<Link, Misplaced> {
    let listen = file.listen.value;
    let downstream = downstream(&name, file.downstream, listen)?;
    let to = file.to.map(|to| destination(&name, &to)).transpose()?;
    match (file.protocol, &to) {
        (LinkProtocol::Hbone, Some(_)) => {
            let what = format!(
                "link \"{name}\": each CONNECT stream of `protocol: hbone` names its own target; \
                 remove `to`"
            );
            return wrong(at, what);
        }
        (LinkProtocol::Tcp, None) => {
            let what = format!(
                "link \"{name}\": bytes of `protocol: tcp` name no target; add `to: {{host: ..., \
                 port: ...}}`"
            );
            return wrong(at, what);
        }
        (LinkProtocol::Hbone | LinkProtocol::Http, None)
        | (LinkProtocol::Http | LinkProtocol::Tcp, Some(_)) => {}
    }
    if matches!((&downstream, &file.identity), (Downstream::Plaintext, Some(_))) {
        let what = format!(
            "link \"{name}\": nothing is shown without TLS; remove `identity`, or the mode"
        );
        return wrong(at, what);
    }
    let identity = file.identity.map(IdentityFile::cook);
    let upstream_identity = file.upstream_identity.map(IdentityFile::cook);
    let budgets = budgets(&name, file.budgets)?;
    let (name, protocol) = (Arc::from(name), file.protocol);
    Ok(Link { name, listen, downstream, identity, upstream_identity, to, protocol, budgets })
}

/// A label of metrics, records and logs: small letters, digits and `-`.
fn name(text: &Spanned<String>) -> Result<String, Misplaced> {
    let name = &text.value;
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty() || name.len() > NAME_CHARS_MAX || !name.bytes().all(is_plain) {
        let what = format!(
            "the name of a link has 1 to {NAME_CHARS_MAX} small letters, digits and `-`, such as \
             hub-updates"
        );
        return wrong(text.referenced, what);
    }
    Ok(name.clone())
}

fn downstream(
    name: &str,
    file: Spanned<DownstreamFile>,
    listen: SocketAddr,
) -> Result<Downstream, Misplaced> {
    let Spanned { value: file, referenced: at, .. } = file;
    match file.tls {
        TlsFile::Mutual => {
            if file.from.is_empty() {
                let what = format!(
                    "link \"{name}\": nobody may come in; list SPIFFE IDs in `from`, such as \
                     [\"spiffe://site-a.example/ns/fl/sa/gateway\"]"
                );
                return wrong(at, what);
            }
            if file.because.is_some() {
                let what =
                    format!("link \"{name}\": `because` gives the reason for plaintext; remove it");
                return wrong(at, what);
            }
            let mut from = Vec::with_capacity(file.from.len());
            for text in &file.from {
                match PeerPattern::parse(&text.value) {
                    Ok(pattern) => from.push(pattern),
                    Err(error) => {
                        let what = format!(
                            "link \"{name}\": `{}` in `from`: {error}; write it as \
                             spiffe://trust-domain/path, with `*` for one whole segment",
                            text.value
                        );
                        return wrong(text.referenced, what);
                    }
                }
            }
            Ok(Downstream::Mutual(from))
        }
        TlsFile::Plaintext => {
            if let Some(first) = file.from.first() {
                let what =
                    format!("link \"{name}\": without TLS nobody proves an ID; remove `from`");
                return wrong(first.referenced, what);
            }
            let has_reason = file.because.is_some_and(|text| !text.trim().is_empty());
            if !listen.ip().is_loopback() && !has_reason {
                let what = format!(
                    "link \"{name}\": plaintext on {listen} lets in whoever reaches it; listen on \
                     loopback, use `tls: mutual`, or add `because: ...`"
                );
                return wrong(at, what);
            }
            Ok(Downstream::Plaintext)
        }
    }
}

fn destination(name: &str, to: &Spanned<ToFile>) -> Result<Destination, Misplaced> {
    let host = match Host::parse(&to.value.host) {
        Ok(host) => host,
        Err(error) => {
            let what = format!(
                "link \"{name}\": `{}` in `to` is no host: {error}; write a name such as \
                 aggregator.hub.example, or an address",
                to.value.host
            );
            return wrong(to.referenced, what);
        }
    };
    if to.value.port == 0 {
        return wrong(to.referenced, format!("link \"{name}\": `to` needs a port of 1 to 65535"));
    }
    Ok(Destination { host, port: to.value.port })
}

fn budgets(name: &str, file: BudgetsFile) -> Result<Budgets, Misplaced> {
    let size = |text: Option<Spanned<String>>| match text {
        None => Ok(None),
        Some(text) => match policy::size::parse(&text.value) {
            Some(bytes) => Ok(Some(bytes)),
            None => {
                let what = format!(
                    "link \"{name}\": `{}` is not a size such as 64KiB, 8MiB or 2GiB",
                    text.value
                );
                wrong(text.referenced, what)
            }
        },
    };
    Ok(Budgets {
        bytes_max: size(file.bytes_max)?,
        bytes_per_second_max: size(file.bytes_per_second_max)?,
        message_bytes_max: size(file.message_bytes_max)?,
        exchanges_max: file.exchanges_max,
        exchanges_per_second_max: file.exchanges_per_second_max,
    })
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = match self.protocol {
            LinkProtocol::Hbone => "hbone",
            LinkProtocol::Http => "http",
            LinkProtocol::Tcp => "tcp",
        };
        write!(f, "link {}: {protocol} on {}", self.name, self.listen)?;
        match &self.downstream {
            Downstream::Mutual(from) => {
                let from: Vec<_> = from.iter().map(PeerPattern::as_str).collect();
                write!(f, ", from {}", from.join(" "))?;
            }
            Downstream::Plaintext => f.write_str(", plaintext")?,
        }
        match &self.to {
            Some(to) => write!(f, ", to {to}")?,
            None => f.write_str(", to where each request says")?,
        }
        for (side, files) in
            [("it shows", &self.identity), ("shows upstreams", &self.upstream_identity)]
        {
            if let Some(files) = files {
                write!(f, ", {side} {}", files.chain.display())?;
            }
        }
        write!(f, "; {:?}", self.budgets)
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.as_str().contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests;
