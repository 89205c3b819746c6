//! Destinations: which hosts, at which addresses and ports, proved how.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use spiffe::SpiffeId;

use crate::addr::AddrGuard;
use crate::host::{Host, HostPattern};
use crate::region::Region;

/// How the upstream connection is made and who must answer.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum UpstreamTls {
    /// TLS with our client certificate.
    Mutual {
        /// Who the upstream must prove to be.
        peer: PeerName,
        /// Keys of which one must be the upstream's; empty means any.
        pins: Vec<SpkiPin>,
    },
    /// No TLS, which the policy gives a reason for.
    Plaintext,
    /// TLS without a client certificate.
    Server {
        /// Who the upstream must prove to be.
        peer: PeerName,
        /// Keys of which one must be the upstream's; empty means any.
        pins: Vec<SpkiPin>,
    },
}

impl UpstreamTls {
    /// Who the upstream must prove to be; `None` for plaintext.
    pub fn peer(&self) -> Option<&PeerName> {
        match self {
            UpstreamTls::Mutual { peer, .. } | UpstreamTls::Server { peer, .. } => Some(peer),
            UpstreamTls::Plaintext => None,
        }
    }
}

impl fmt::Display for PeerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PeerName::ServerName(host) => host.fmt(f),
            PeerName::SpiffeId(id) => id.fmt(f),
        }
    }
}

/// Who an upstream must prove to be.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum PeerName {
    /// A DNS name or address in its certificate.
    ServerName(Host),
    /// The SPIFFE ID of its SVID.
    SpiffeId(SpiffeId),
}

/// The SHA-256 of a public key's SubjectPublicKeyInfo (RFC 7469 section 2.4).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct SpkiPin(pub [u8; 32]);

impl SpkiPin {
    /// Parses `sha256:` and 44 characters of base64 (RFC 4648 section 4).
    ///
    /// # Errors
    ///
    /// [`InvalidSpkiPin`] for anything else, also for base64 with stray bits at its end.
    pub fn parse(text: &str) -> Result<SpkiPin, InvalidSpkiPin> {
        let encoded = text.strip_prefix("sha256:").ok_or(InvalidSpkiPin)?;
        let digits = encoded.strip_suffix('=').ok_or(InvalidSpkiPin)?;
        if digits.len() != PIN_DIGITS {
            return Err(InvalidSpkiPin);
        }
        let mut pin = [0u8; 32];
        let mut slots = pin.iter_mut();
        let (mut held, mut bits) = (0u32, 0u32);
        for digit in digits.bytes() {
            held = (held << 6) | u32::from(base64_value(digit).ok_or(InvalidSpkiPin)?);
            bits += 6;
            if bits >= 8 {
                bits -= 8;
                if let Some(slot) = slots.next() {
                    *slot = u8::try_from((held >> bits) & 0xff).map_err(|_| InvalidSpkiPin)?;
                }
                held &= (1 << bits) - 1;
            }
        }
        if held == 0 { Ok(SpkiPin(pin)) } else { Err(InvalidSpkiPin) }
    }
}

/// Not a pin.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a pin is `sha256:` and the base64 of 32 bytes")]
pub struct InvalidSpkiPin;

/// 32 bytes in base64, without the one `=`.
const PIN_DIGITS: usize = 43;

fn base64_value(digit: u8) -> Option<u8> {
    match digit {
        b'A'..=b'Z' => Some(digit - b'A'),
        b'a'..=b'z' => Some(digit - b'a' + 26),
        b'0'..=b'9' => Some(digit - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

/// A compiled endpoint.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) name: Arc<str>,
    pub(crate) hosts: Vec<HostPattern>,
    pub(crate) guard: AddrGuard,
    /// Never empty.
    pub(crate) ports: Vec<u16>,
    pub(crate) region: Option<Region>,
    pub(crate) tls: TlsSetting,
    /// The gateway that carries what goes there.
    pub(crate) via: Option<Arc<Endpoint>>,
}

/// `tls` of an endpoint; without a peer, the host itself is the name to prove.
#[derive(Debug)]
pub(crate) enum TlsSetting {
    Mutual { peer: Option<PeerName>, pins: Vec<SpkiPin> },
    Plaintext,
    Server { peer: Option<PeerName>, pins: Vec<SpkiPin> },
}

impl Endpoint {
    /// The port to dial: the asked one where it is listed, the first one where none was asked.
    pub(crate) fn dial_port(&self, asked: Option<u16>) -> Option<u16> {
        match asked {
            None => self.ports.first().copied(),
            Some(port) => self.ports.contains(&port).then_some(port),
        }
    }

    /// The host of a connection that was aimed at an address and named none: the endpoint's own where
    /// it has exactly one, so that the upstream has to prove that name.
    pub(crate) fn sole_host(&self, address: IpAddr) -> Host {
        self.sole_name().cloned().unwrap_or_else(|| Host::from_ip(address.to_canonical()))
    }

    /// The endpoint's only host, where it has exactly one and that is no pattern.
    pub(crate) fn sole_name(&self) -> Option<&Host> {
        match self.hosts.as_slice() {
            [pattern] => pattern.exact(),
            _ => None,
        }
    }

    pub(crate) fn tls_for(&self, host: &Host) -> UpstreamTls {
        let named = |peer: &Option<PeerName>| match peer {
            Some(peer) => peer.clone(),
            None => PeerName::ServerName(host.clone()),
        };
        match &self.tls {
            TlsSetting::Mutual { peer, pins } => {
                UpstreamTls::Mutual { peer: named(peer), pins: pins.clone() }
            }
            TlsSetting::Plaintext => UpstreamTls::Plaintext,
            TlsSetting::Server { peer, pins } => {
                UpstreamTls::Server { peer: named(peer), pins: pins.clone() }
            }
        }
    }

    /// The ports as a list for texts.
    pub(crate) fn ports_text(&self) -> impl fmt::Display + '_ {
        Ports(&self.ports)
    }
}

struct Ports<'a>(&'a [u16]);

impl fmt::Display for Ports<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, port) in self.0.iter().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            write!(f, "{comma}{port}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_thirty_two_bytes_of_canonical_base64() {
        let zeros = format!("sha256:{}=", "A".repeat(43));
        assert_eq!(SpkiPin::parse(&zeros), Ok(SpkiPin([0; 32])));
        let text = "sha256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
        let empty_sha256 = SpkiPin::parse(text).unwrap();
        assert_eq!(empty_sha256.0[..4], [0xe3, 0xb0, 0xc4, 0x42]);
        assert_eq!(empty_sha256.0[28..], [0x78, 0x52, 0xb8, 0x55]);
    }

    #[test]
    fn bad_pins_are_refused() {
        let stray_bits = format!("sha256:{}B=", "A".repeat(42));
        let short = format!("sha256:{}=", "A".repeat(42));
        let urlsafe = format!("sha256:{}_=", "A".repeat(42));
        for bad in ["", "sha256:", "sha1:AAAA", &stray_bits, &short, &urlsafe] {
            assert_eq!(SpkiPin::parse(bad), Err(InvalidSpkiPin), "{bad}");
        }
    }
}
