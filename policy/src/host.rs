//! Host names and host patterns.
//!
//! A [`Host`] is normalised once, when it is parsed: lower-case A-labels by IDNA (UTS 46), no trailing
//! dot, or an address literal in its one canonical spelling. Everything later compares bytes, so two
//! spellings of one host can never be decided differently.
//! A [`HostPattern`] is the same with `*` standing for one whole label. There are no regular expressions.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

/// Longest host name that is accepted, in bytes of its A-label form (RFC 1035 section 2.3.4, without
/// the root's length byte).
pub const HOST_BYTES_MAX: usize = 253;

/// Longest text that [`Host::parse`] looks at, in bytes. A U-label form may be longer than its A-label form.
const HOST_TEXT_BYTES_MAX: usize = 1024;

/// A host in canonical form: a DNS name, or an IP address literal.
///
/// Comparison is by canonical bytes. An IPv4-mapped IPv6 literal stays an IPv6 literal: it equals no
/// IPv4 literal.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Host {
    text: Arc<str>,
    ip: Option<IpAddr>,
}

impl Host {
    /// Parses a host as it stands in a URL, a `Host` header or a TLS server name: a name, an IPv4
    /// literal, or an IPv6 literal with or without brackets. One trailing dot is dropped.
    ///
    /// # Errors
    ///
    /// [`InvalidHost`] says which rule is broken; it never repeats the text. Names that a resolver could
    /// read as a number (`127.1`, `0x7f000001`, `2130706433`) are refused.
    pub fn parse(text: &str) -> Result<Host, InvalidHost> {
        if let Some(literal) = text.strip_prefix('[') {
            let inner = literal.strip_suffix(']').ok_or(InvalidHost::Grammar)?;
            let ip: Ipv6Addr = inner.parse().map_err(|_| InvalidHost::Grammar)?;
            return Ok(Host::from_ip(IpAddr::V6(ip)));
        }
        if text.contains(':') {
            let ip: Ipv6Addr = text.parse().map_err(|_| InvalidHost::Grammar)?;
            return Ok(Host::from_ip(IpAddr::V6(ip)));
        }
        let name = normalise(text)?;
        if ends_in_number(&name) {
            // Only the plain spelling counts: a full-width or octal one would be decided as one address
            // and dialled as another.
            let spelled = text.strip_suffix('.').unwrap_or(text);
            let ip: Ipv4Addr = spelled.parse().map_err(|_| InvalidHost::Number)?;
            return Ok(Host::from_ip(IpAddr::V4(ip)));
        }
        if name.split('.').any(|label| label.contains('*')) {
            return Err(InvalidHost::Grammar);
        }
        Ok(Host { text: Arc::from(name.as_ref()), ip: None })
    }

    /// The literal for an address.
    pub fn from_ip(ip: IpAddr) -> Host {
        let text = match ip {
            IpAddr::V4(v4) => Arc::from(v4.to_string()),
            IpAddr::V6(v6) => Arc::from(format!("[{v6}]")),
        };
        Host { text, ip: Some(ip) }
    }

    /// The canonical text. An IPv6 literal has its brackets.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The address, where the host is a literal.
    pub fn ip(&self) -> Option<IpAddr> {
        self.ip
    }

    /// Whether this is a DNS name rather than an address literal.
    pub fn is_name(&self) -> bool {
        self.ip.is_none()
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::str::FromStr for Host {
    type Err = InvalidHost;

    fn from_str(text: &str) -> Result<Host, InvalidHost> {
        Host::parse(text)
    }
}

/// A host, or a name in which `*` stands for one whole label.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct HostPattern {
    text: Arc<str>,
    exact: Option<Host>,
}

impl HostPattern {
    /// Parses a pattern by the rules of [`Host::parse`], plus wildcard labels.
    ///
    /// # Errors
    ///
    /// Refused besides bad hosts: `*` beside other characters in one label, and a wildcard that is not
    /// followed by at least two fixed labels (`*`, `*.com`).
    pub fn parse(text: &str) -> Result<HostPattern, InvalidHost> {
        if !text.contains('*') {
            let host = Host::parse(text)?;
            return Ok(HostPattern { text: Arc::clone(&host.text), exact: Some(host) });
        }
        let name = normalise(text)?;
        if name.split('.').any(|label| label.contains('*') && label != "*") {
            return Err(InvalidHost::PartialWildcard);
        }
        if ends_in_number(&name) {
            return Err(InvalidHost::Number);
        }
        let fixed = name.rsplit('.').take_while(|label| *label != "*").count();
        if fixed < FIXED_LABELS_MIN {
            return Err(InvalidHost::WideWildcard);
        }
        Ok(HostPattern { text: Arc::from(name.as_ref()), exact: None })
    }

    /// The canonical text of the pattern.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The host, where the pattern has no wildcard.
    pub fn exact(&self) -> Option<&Host> {
        self.exact.as_ref()
    }

    /// Whether the pattern covers the host. A literal is covered only by itself.
    pub fn matches(&self, host: &Host) -> bool {
        match &self.exact {
            Some(exact) => exact == host,
            None => {
                host.is_name()
                    && self.text.split('.').count() == host.text.split('.').count()
                    && self
                        .text
                        .split('.')
                        .zip(host.text.split('.'))
                        .all(|(p, h)| p == "*" || p == h)
            }
        }
    }

    /// Where the wildcards stand: one bit a label, the first label in the highest place.
    pub(crate) fn shape(&self) -> Shape {
        let mut shape = Shape { labels: 0, wild: 0 };
        for label in self.text.split('.') {
            shape.labels += 1;
            shape.wild = (shape.wild << 1) | u128::from(label == "*");
        }
        shape
    }
}

/// The places of a pattern's wildcards; patterns of one shape are found by one lookup.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Shape {
    labels: u32,
    wild: u128,
}

impl Shape {
    /// Writes into `key` the text of the one pattern of this shape that covers `host`; false where the
    /// number of labels differs.
    pub(crate) fn key(self, host: &Host, key: &mut String) -> bool {
        key.clear();
        let mut left = self.labels;
        for label in host.text.split('.') {
            let Some(place) = left.checked_sub(1) else { return false };
            left = place;
            if !key.is_empty() {
                key.push('.');
            }
            key.push_str(if (self.wild >> place) & 1 == 1 { "*" } else { label });
        }
        left == 0
    }
}

/// Why a text is not a host or not a host pattern. Never repeats the text.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidHost {
    /// Nothing, or an empty label.
    #[error("the host is empty or has an empty label")]
    Empty,
    /// A character that no host name has, a bad label, or bad brackets.
    #[error("the host is neither a DNS name nor an address literal")]
    Grammar,
    /// Ends in a number but is not a plain IPv4 address: resolvers disagree on what it means.
    #[error("the host ends in a number but is not a plain IPv4 address")]
    Number,
    /// `*` shares its label with other characters.
    #[error("`*` stands for one whole label and shares it with nothing")]
    PartialWildcard,
    /// A label over 63 bytes or a name over [`HOST_BYTES_MAX`].
    #[error("the host is longer than DNS allows")]
    TooLong,
    /// Fewer than two fixed labels after a wildcard.
    #[error("a wildcard needs at least two fixed labels after it")]
    WideWildcard,
}

/// Fixed labels that must follow the last wildcard.
const FIXED_LABELS_MIN: usize = 2;

const LABEL_BYTES_MAX: usize = 63;

/// UTS 46, one trailing dot dropped, then the plain grammar of labels (`*` still allowed).
fn normalise(text: &str) -> Result<Cow<'_, str>, InvalidHost> {
    if text.len() > HOST_TEXT_BYTES_MAX {
        return Err(InvalidHost::TooLong);
    }
    let ascii = Uts46::new()
        .to_ascii(text.as_bytes(), AsciiDenyList::URL, Hyphens::CheckFirstLast, DnsLength::Ignore)
        .map_err(|_| InvalidHost::Grammar)?;
    let name = match ascii {
        Cow::Borrowed(name) => Cow::Borrowed(name.strip_suffix('.').unwrap_or(name)),
        Cow::Owned(mut name) => {
            if name.ends_with('.') {
                name.pop();
            }
            Cow::Owned(name)
        }
    };
    if name.len() > HOST_BYTES_MAX || name.split('.').any(|label| label.len() > LABEL_BYTES_MAX) {
        return Err(InvalidHost::TooLong);
    }
    if name.split('.').any(str::is_empty) {
        return Err(InvalidHost::Empty);
    }
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.*".contains(&b);
    if name.bytes().all(plain) { Ok(name) } else { Err(InvalidHost::Grammar) }
}

/// The WHATWG "ends in a number" check: what follows could be taken for an IPv4 address by somebody.
fn ends_in_number(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    let hex = last.strip_prefix("0x");
    last.bytes().all(|b| b.is_ascii_digit())
        || hex.is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests;
