//! What a request aims at, read once from the request line and `Host`, in one canonical form.
//!
//! Invariant: the host, port and path in a [`Target`] are exactly what policy decides on and exactly
//! what is sent upstream. Whatever could be read in two ways is an error, never a choice. Pure.

mod pinned;

use std::fmt;

use http::header::HOST;
use http::uri::{Authority, PathAndQuery};
use http::{HeaderMap, Uri, Version};
use policy::Host;

pub use self::pinned::{Pinned, ToldBy};
use super::headers;

/// The canonical target of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    scheme: Scheme,
    host: Host,
    port: Option<u16>,
    path: String,
    query: Option<String>,
}

/// How the workload addressed the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `http`, default port 80. The sidecar originates TLS all the same.
    Http,
    /// `https`, default port 443.
    Https,
}

/// Why a request has no single target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTarget {
    /// RFC 9112, section 3.2: a server must refuse more than one Host.
    #[error("more than one Host header")]
    DuplicateHost,
    /// The request and what was known of its connection differ.
    #[error("the request names another host or port than the {0}")]
    ConnectionDisagrees(&'static str),
    /// The request line and `Host` differ.
    #[error("the Host header names another host or port than the request line")]
    HostDisagrees,
    /// The authority could not be read as host and optional port, or carries user information.
    #[error("the authority is not host[:port]")]
    InvalidAuthority,
    /// `Host` could not be read.
    #[error("the Host header is not host[:port]")]
    InvalidHost,
    /// HTTP/1.1 without `Host`.
    #[error("no Host header")]
    MissingHost,
    /// A forward proxy needs the absolute form (RFC 9112, section 3.2.2).
    #[error(
        "the request line is not in absolute form (http://host/path); is this client using a proxy?"
    )]
    NotAbsolute,
    /// Dot segments, encoded slashes, backslashes, NUL or other controls in the path.
    #[error("the path has no single reading: {0}")]
    PathAmbiguous(&'static str),
    /// The request line says `http` within TLS, or `https` without.
    #[error("the request line's scheme is not the connection's")]
    SchemeDisagrees,
    /// Neither http nor https.
    #[error("the scheme is neither http nor https")]
    UnknownScheme,
}

impl Target {
    /// Reads an absolute-form request, as a forward proxy gets it.
    ///
    /// # Errors
    /// [`InvalidTarget`] for anything that has two readings.
    pub fn from_absolute(
        uri: &Uri,
        version: Version,
        headers: &HeaderMap,
    ) -> Result<Self, InvalidTarget> {
        let scheme = match uri.scheme_str() {
            None => return Err(InvalidTarget::NotAbsolute),
            Some(scheme) if scheme.eq_ignore_ascii_case("http") => Scheme::Http,
            Some(scheme) if scheme.eq_ignore_ascii_case("https") => Scheme::Https,
            // As aiohttp asks a proxy; the two schemes differ in what follows the handshake alone
            // (RFC 6455, section 3).
            Some("ws") if headers::wants_upgrade(headers) => Scheme::Http,
            Some("wss") if headers::wants_upgrade(headers) => Scheme::Https,
            Some(_) => return Err(InvalidTarget::UnknownScheme),
        };
        let authority = uri.authority().ok_or(InvalidTarget::NotAbsolute)?;
        let (host, port) = split_authority(authority.as_str(), InvalidTarget::InvalidAuthority)?;
        let port = port.filter(|port| *port != scheme.default_port());
        if let Some((named, named_port)) = host_header(version, uri, headers)? {
            let named_port = named_port.filter(|port| *port != scheme.default_port());
            if named != host || named_port != port {
                return Err(InvalidTarget::HostDisagrees);
            }
        }
        Self::with_path(scheme, host, port, uri.path_and_query())
    }

    /// Reads a request inside a connection of which more is known. `Host` and an absolute form must name
    /// what was decided, and each other.
    ///
    /// # Errors
    /// [`InvalidTarget`] for anything that has two readings.
    pub fn from_pinned(
        pinned: &Pinned,
        uri: &Uri,
        version: Version,
        headers: &HeaderMap,
    ) -> Result<Self, InvalidTarget> {
        let disagrees = InvalidTarget::ConnectionDisagrees(pinned.told_by.name());
        let mut host = pinned.host.clone();
        if let Some(authority) = uri.authority() {
            if uri.scheme_str() != Some(pinned.scheme.name()) {
                return Err(InvalidTarget::SchemeDisagrees);
            }
            let named = split_authority(authority.as_str(), InvalidTarget::InvalidAuthority)?;
            host = Some(pinned.agree(host, named).ok_or(disagrees)?);
        }
        if let Some(named) = host_header(version, uri, headers)? {
            let is_told = pinned.host.is_some() || host.is_none();
            let other = if is_told { disagrees } else { InvalidTarget::HostDisagrees };
            host = Some(pinned.agree(host, named).ok_or(other)?);
        }
        let host = host.ok_or(InvalidTarget::MissingHost)?;
        Self::with_path(pinned.scheme, host, Some(pinned.port), uri.path_and_query())
    }

    /// Reads an origin-form request from an inbound peer, where the host is not a matter of
    /// policy: only the path is kept canonical.
    ///
    /// # Errors
    /// [`InvalidTarget`] for a duplicate or unreadable `Host` and for ambiguous paths.
    pub fn inbound_path(
        uri: &Uri,
        version: Version,
        headers: &HeaderMap,
    ) -> Result<(String, Option<String>), InvalidTarget> {
        if let Some(authority) = uri.authority() {
            let named = split_authority(authority.as_str(), InvalidTarget::InvalidAuthority)?;
            // Where there are two names they are one (RFC 9113, section 8.3.1).
            if host_header(version, uri, headers)?.is_some_and(|host| host != named) {
                return Err(InvalidTarget::HostDisagrees);
            }
        } else {
            host_header(version, uri, headers)?;
        }
        let (path, query) = canonical_path(uri.path_and_query())?;
        Ok((path, query))
    }

    fn with_path(
        scheme: Scheme,
        host: Host,
        port: Option<u16>,
        path_and_query: Option<&PathAndQuery>,
    ) -> Result<Self, InvalidTarget> {
        let (path, query) = canonical_path(path_and_query)?;
        Ok(Self { scheme, host, port, path, query })
    }

    /// The canonical host.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The explicit port, `None` where it is absent or the scheme's default. A pinned target's
    /// port is always explicit.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The canonical path, without query.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The query, as it goes upstream.
    pub fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    /// Path and query as they go upstream.
    pub fn path_and_query(&self) -> String {
        join_query(&self.path, self.query.as_deref())
    }

    /// The `Host` that goes upstream.
    pub fn authority(&self) -> String {
        let host = bracketed(&self.host);
        match self.port {
            Some(port) if port != self.scheme.default_port() => format!("{host}:{port}"),
            Some(_) | None => host,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.scheme.name();
        write!(f, "{scheme}://{}{}", self.authority(), self.path_and_query())
    }
}

impl Scheme {
    fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Schemes that a record shows.
const SCHEMES: [&str; 4] = ["http", "https", "ws", "wss"];

/// A request's target for the record, its host as `host` shows it, its scheme where it is one of the web's,
/// and the rest masked by `mask`. User information, which is a password as often as not, is left out. The parts are masked alone and together: what a whole hides from a
/// detector, a label or segment may show.
pub fn masked(uri: &Uri, mask: impl Fn(&str) -> String, host: impl Fn(&str) -> String) -> String {
    let mut text = String::new();
    if let Some(scheme) = uri.scheme_str() {
        // A scheme that nobody serves may be any word.
        let is_known = SCHEMES.iter().any(|known| known.eq_ignore_ascii_case(scheme));
        text.push_str(if is_known { scheme } else { "(scheme)" });
        text.push_str("://");
    }
    if let Some(authority) = uri.authority() {
        text.push_str(&host(authority.host()));
        if let Some(port) = authority.port() {
            text.push(':');
            text.push_str(port.as_str());
        }
    }
    let path_and_query = uri.path_and_query().map_or("", PathAndQuery::as_str);
    let parts = path_and_query.split_inclusive(['/', '?', '&']);
    // Also what only several parts say together.
    text.push_str(&mask(&parts.map(&mask).collect::<String>()));
    mask(&text)
}

/// Path and query in one string.
pub fn join_query(path: &str, query: Option<&str>) -> String {
    match query {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    }
}

fn bracketed(host: &Host) -> String {
    match host.ip() {
        Some(std::net::IpAddr::V6(address)) => format!("[{address}]"),
        Some(std::net::IpAddr::V4(_)) | None => host.to_string(),
    }
}

/// `Host`, which HTTP/1.1 demands and HTTP/2 where there is no `:authority`.
fn host_header(
    version: Version,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<Option<(Host, Option<u16>)>, InvalidTarget> {
    let mut values = headers.get_all(HOST).iter();
    let Some(value) = values.next() else {
        let is_optional =
            version < Version::HTTP_11 || (version == Version::HTTP_2 && uri.authority().is_some());
        return if is_optional { Ok(None) } else { Err(InvalidTarget::MissingHost) };
    };
    if values.next().is_some() {
        return Err(InvalidTarget::DuplicateHost);
    }
    let text = value.to_str().map_err(|_| InvalidTarget::InvalidHost)?;
    split_authority(text, InvalidTarget::InvalidHost).map(Some)
}

fn split_authority(text: &str, error: InvalidTarget) -> Result<(Host, Option<u16>), InvalidTarget> {
    let authority: Authority = text.parse().map_err(|_| error)?;
    if text.contains('@') || text.contains('%') {
        return Err(error);
    }
    let after_host = text.get(authority.host().len()..).unwrap_or_default();
    let port = match after_host.strip_prefix(':') {
        None if after_host.is_empty() => None,
        None => return Err(error),
        Some(digits) => Some(parse_port(digits).ok_or(error)?),
    };
    let host = Host::parse(authority.host()).map_err(|_| error)?;
    Ok((host, port))
}

fn parse_port(digits: &str) -> Option<u16> {
    let all_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|port| all_digits && *port != 0)
}

/// RFC 3986, section 6.2.2: escapes of unreserved characters are decoded, other escapes are
/// upper-cased; whatever servers read differently is an error.
fn canonical_path(
    path_and_query: Option<&PathAndQuery>,
) -> Result<(String, Option<String>), InvalidTarget> {
    let Some(whole) = path_and_query else { return Ok(("/".to_owned(), None)) };
    let query = whole.query().map(check_query).transpose()?;
    let path = whole.path();
    if !path.starts_with('/') {
        return Err(InvalidTarget::PathAmbiguous("it does not start with a slash"));
    }
    let mut canonical = String::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => push_escape(&mut canonical, bytes.next(), bytes.next())?,
            b'\\' => return Err(InvalidTarget::PathAmbiguous("a backslash")),
            0x21..=0x7e => canonical.push(char::from(byte)),
            _ => return Err(InvalidTarget::PathAmbiguous("a byte outside printable ASCII")),
        }
    }
    // A segment of dots with parameters (`..;x`) is a dot segment to some servers.
    let is_dots = |segment: &str| matches!(segment.split(';').next(), Some("." | ".."));
    if canonical.split('/').any(is_dots) {
        return Err(InvalidTarget::PathAmbiguous("a dot segment"));
    }
    Ok((canonical, query))
}

fn push_escape(
    canonical: &mut String,
    high: Option<u8>,
    low: Option<u8>,
) -> Result<(), InvalidTarget> {
    let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
    let (Some(high), Some(low)) = (digit(high), digit(low)) else {
        return Err(InvalidTarget::PathAmbiguous("a broken percent escape"));
    };
    let value = u8::try_from(high * 16 + low)
        .map_err(|_| InvalidTarget::PathAmbiguous("a broken percent escape"))?;
    match value {
        b'/' | b'\\' => Err(InvalidTarget::PathAmbiguous("an encoded slash or backslash")),
        0..0x20 | 0x7f => Err(InvalidTarget::PathAmbiguous("an encoded control character")),
        b'-' | b'.' | b'_' | b'~' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
            canonical.push(char::from(value));
            Ok(())
        }
        _ => {
            canonical.push_str(&format!("%{value:02X}"));
            Ok(())
        }
    }
}

fn check_query(query: &str) -> Result<String, InvalidTarget> {
    if query.bytes().all(|byte| matches!(byte, 0x21..=0x7e)) {
        Ok(query.to_owned())
    } else {
        Err(InvalidTarget::PathAmbiguous("a byte outside printable ASCII in the query"))
    }
}

#[cfg(test)]
mod tests;
