//! What is known of a connection before a request comes in it. The request's own words must agree.

use std::fmt;
use std::net::IpAddr;

use http::{HeaderMap, Uri, Version};
use policy::Host;

use super::{InvalidTarget, Scheme, bracketed, host_header, split_authority};

/// What was decided before the request came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pinned {
    /// Whether the request comes within TLS.
    pub scheme: Scheme,
    /// The host; None where each request's own `Host` tells it, in a redirected connection without
    /// TLS.
    pub host: Option<Host>,
    /// The port, always explicit.
    pub port: u16,
    /// The address that a redirected connection was aimed at, and that is dialled.
    pub aimed: Option<IpAddr>,
    /// What told the host and port.
    pub told_by: ToldBy,
}

/// What told the host and port of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToldBy {
    /// The authority of a CONNECT.
    Connect,
    /// The configuration of a gateway's link.
    Link,
    /// The address that a redirected connection was aimed at.
    Redirect,
    /// The server name of a TLS handshake.
    ServerName,
    /// A SOCKS5 request.
    Socks5,
}

impl ToldBy {
    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            ToldBy::Connect => "CONNECT authority",
            ToldBy::Link => "link's target",
            ToldBy::Redirect => "original destination",
            ToldBy::ServerName => "TLS server name",
            ToldBy::Socks5 => "SOCKS5 request",
        }
    }
}

impl Pinned {
    /// Reads the authority of a CONNECT request; the port must be explicit (RFC 9110, section
    /// 9.3.6). A `Host`, where there is one, must agree.
    ///
    /// # Errors
    /// [`InvalidTarget`] for a missing port, unreadable authority or a `Host` that differs.
    pub fn from_connect(uri: &Uri, headers: &HeaderMap) -> Result<Self, InvalidTarget> {
        let authority = uri.authority().ok_or(InvalidTarget::InvalidAuthority)?;
        let (host, port) = split_authority(authority.as_str(), InvalidTarget::InvalidAuthority)?;
        let port = port.ok_or(InvalidTarget::InvalidAuthority)?;
        // boto3 sends CONNECT as HTTP/1.0 without Host, so its absence is not an error; some
        // clients leave the default port out of Host.
        if let Some((named, named_port)) = host_header(Version::HTTP_10, uri, headers)?
            && (named != host || named_port.is_some_and(|named| named != port))
        {
            return Err(InvalidTarget::ConnectionDisagrees(ToldBy::Connect.name()));
        }
        let told_by = ToldBy::Connect;
        Ok(Self { scheme: Scheme::Https, host: Some(host), port, aimed: None, told_by })
    }

    /// The host that `known` and what a request names agree in. Where only an address is known of the
    /// connection a port that is left out is the one that it was aimed at.
    pub(super) fn agree(
        &self,
        known: Option<Host>,
        (named, port): (Host, Option<u16>),
    ) -> Option<Host> {
        let left_out = match self.aimed {
            Some(_) => self.port,
            None => self.scheme.default_port(),
        };
        let agrees = port.unwrap_or(left_out) == self.port
            && known.as_ref().is_none_or(|known| *known == named);
        agrees.then_some(named)
    }
}

impl fmt::Display for Pinned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.host, self.aimed) {
            (Some(host), _) => write!(f, "{}:{}", bracketed(host), self.port),
            (None, Some(address)) => {
                write!(f, "{}:{}", bracketed(&Host::from_ip(address)), self.port)
            }
            (None, None) => write!(f, ":{}", self.port),
        }
    }
}
