//! Which resolved addresses may be dialled.
//!
//! Three answers in this order: the never-dial ranges always refuse; what an endpoint lists is dialled;
//! `public: true` dials global unicast and nothing else. An IPv6 address that carries an IPv4 address
//! (mapped, NAT64, 6to4, Teredo and kin) is judged by both, so no spelling reaches what the plain one
//! does not. DNS has no say: the guard looks at the address alone.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

use crate::verdict::{Verdict, code};

mod embed;
mod table;

use embed::embedded_addrs;
pub(crate) use embed::embedded_nets;
pub(crate) use table::RangeTable;

/// Most ranges that one endpoint may list.
pub const RANGES_MAX: usize = 1024;

/// Which addresses one endpoint may be dialled at.
#[derive(Clone, Debug)]
pub struct AddrGuard {
    listed: RangeTable,
    public: bool,
}

/// Why an address is not dialled.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AddrRefusal {
    /// In a range that is never dialled, as itself or carried inside.
    #[error("the address is in a range that is never dialled ({0})")]
    NeverDial(&'static str),
    /// Not among the addresses that the endpoint may have.
    #[error("the address is not among the endpoint's addresses")]
    NotListed,
}

impl AddrGuard {
    /// A guard that dials the listed ranges only. The ranges were checked by [`check_range`].
    pub fn listed(ranges: &[IpNet]) -> AddrGuard {
        AddrGuard { listed: RangeTable::new(ranges), public: false }
    }

    /// A guard that dials any global unicast address.
    pub fn public() -> AddrGuard {
        AddrGuard { listed: RangeTable::new(&[]), public: true }
    }

    /// Whether a listed range holds the address, and it may be dialled.
    pub fn lists(&self, addr: IpAddr) -> bool {
        self.listed.contains(addr.to_canonical()) && self.vet(addr).is_ok()
    }

    /// Whether the address may be dialled.
    ///
    /// # Errors
    ///
    /// [`AddrRefusal`], the never-dial ranges first.
    pub fn vet(&self, addr: IpAddr) -> Result<(), AddrRefusal> {
        // The kernel dials a mapped address over IPv4, so it is that address.
        let addr = addr.to_canonical();
        if let Some(what) = never_dial(addr) {
            return Err(AddrRefusal::NeverDial(what));
        }
        for inner in embedded_addrs(addr) {
            if let Some(what) = never_dial(IpAddr::V4(inner)) {
                return Err(AddrRefusal::NeverDial(what));
            }
            if !is_global_v4(inner) && !self.listed.contains(IpAddr::V4(inner)) {
                return Err(AddrRefusal::NotListed);
            }
        }
        if self.listed.contains(addr) || (self.public && is_global(addr)) {
            Ok(())
        } else {
            Err(AddrRefusal::NotListed)
        }
    }
}

/// Why a range cannot stand in an endpoint's `addresses`.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidRange {
    /// Every address in it is never dialled.
    #[error("can never take effect: every address in it is never dialled ({0})")]
    NeverDial(&'static str),
    /// Reaches from public addresses into private ones.
    #[error("reaches over the {0} range; a private range is listed on its own")]
    Straddles(&'static str),
}

/// Checks one range of an endpoint's `addresses`, and gives it in canonical form (host bits cleared, an
/// IPv4-mapped range as IPv4).
///
/// # Errors
///
/// [`InvalidRange`] where the range could never be dialled, or where it is wider than a private range that
/// it covers: `0.0.0.0/0` does not list the loopback.
pub fn check_range(range: IpNet) -> Result<IpNet, InvalidRange> {
    let range = embed::unmap(range.trunc());
    let hit =
        NEVER_DIAL.iter().find(|(net, _)| net_of(net).is_some_and(|net| net.contains(&range)));
    if let Some((_, what)) = hit {
        return Err(InvalidRange::NeverDial(what));
    }
    for inner in embedded_nets(range) {
        let inner = IpNet::V4(inner);
        let hit =
            NEVER_DIAL.iter().find(|(net, _)| net_of(net).is_some_and(|net| net.contains(&inner)));
        if let Some((_, what)) = hit {
            return Err(InvalidRange::NeverDial(what));
        }
    }
    let local = LOCAL.iter().find(|(net, _)| {
        net_of(net).is_some_and(|net| range.contains(&net) && range.prefix_len() < net.prefix_len())
    });
    match local {
        Some((_, what)) => Err(InvalidRange::Straddles(what)),
        None => Ok(range),
    }
}

/// Whether an address may be dialled at all, before anything else is known of a connection.
///
/// # Errors
///
/// A block with `never-dial-address`.
pub fn check_address(addr: IpAddr) -> Result<(), Verdict> {
    match AddrGuard::listed(&[]).vet(addr) {
        Err(AddrRefusal::NeverDial(what)) => {
            let text = format!("the connection is aimed at a {what} address");
            Err(Verdict::block(None, code::NEVER_DIAL_ADDRESS, text))
        }
        Ok(()) | Err(AddrRefusal::NotListed) => Ok(()),
    }
}

/// The name of the never-dial range that holds the address as itself, if one does.
fn never_dial(addr: IpAddr) -> Option<&'static str> {
    NEVER_DIAL.iter().find(|(net, _)| net_contains(net, addr)).map(|(_, what)| *what)
}

/// Global unicast by the IANA special-purpose registries (RFC 6890 and its updates). What carries an IPv4
/// address is judged by that address as well, see [`AddrGuard::vet`].
fn is_global(addr: IpAddr) -> bool {
    match addr {
        IpAddr::V4(v4) => is_global_v4(v4),
        IpAddr::V6(_) => {
            GLOBAL_V6.iter().any(|net| net_contains(net, addr))
                && !NOT_GLOBAL_V6.iter().any(|net| net_contains(net, addr))
        }
    }
}

fn is_global_v4(addr: Ipv4Addr) -> bool {
    !NOT_GLOBAL_V4.iter().any(|net| net_contains(net, IpAddr::V4(addr)))
}

/// A range as it stands in the tables below: its first address and its prefix length.
type Range = (IpAddr, u8);

fn net_of(range: &Range) -> Option<IpNet> {
    IpNet::new(range.0, range.1).ok()
}

fn net_contains(range: &Range, addr: IpAddr) -> bool {
    net_of(range).is_some_and(|net| net.contains(&addr))
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Range {
    (IpAddr::V4(Ipv4Addr::new(a, b, c, d)), prefix)
}

const fn v6(high: u64, low: u64, prefix: u8) -> Range {
    let bits = ((high as u128) << 64) | low as u128;
    (IpAddr::V6(std::net::Ipv6Addr::from_bits(bits)), prefix)
}

/// Never dialled, whatever a policy says. RFC 3927, RFC 4291, RFC 1122, RFC 5771, and the providers' own
/// pages for metadata services.
const NEVER_DIAL: &[(Range, &str)] = &[
    (v4(169, 254, 0, 0, 16), "link-local and metadata"),
    (v4(100, 100, 100, 200, 32), "Alibaba Cloud metadata"),
    (v4(168, 63, 129, 16, 32), "Azure platform services"),
    (v4(192, 0, 0, 192, 32), "Oracle Cloud metadata"),
    (v4(0, 0, 0, 0, 8), "this network"),
    (v4(224, 0, 0, 0, 4), "multicast"),
    (v4(255, 255, 255, 255, 32), "broadcast"),
    (v6(0xfe80_0000_0000_0000, 0, 10), "link-local"),
    (v6(0xfd00_0ec2_0000_0000, 0, 32), "AWS instance services"),
    (v6(0xfd20_00ce_0000_0000, 0x254, 128), "Google Cloud metadata"),
    (v6(0xff00_0000_0000_0000, 0, 8), "multicast"),
    (v6(0, 0, 128), "unspecified"),
];

/// Dialled only where listed by a range that lies inside: RFC 1918, RFC 6598, RFC 1122, RFC 4193, RFC 3879.
const LOCAL: &[(Range, &str)] = &[
    (v4(10, 0, 0, 0, 8), "10.0.0.0/8 private"),
    (v4(100, 64, 0, 0, 10), "100.64.0.0/10 shared"),
    (v4(127, 0, 0, 0, 8), "127.0.0.0/8 loopback"),
    (v4(172, 16, 0, 0, 12), "172.16.0.0/12 private"),
    (v4(192, 168, 0, 0, 16), "192.168.0.0/16 private"),
    (v6(0, 1, 128), "::1 loopback"),
    (v6(0xfc00_0000_0000_0000, 0, 7), "fc00::/7 private"),
    (v6(0xfec0_0000_0000_0000, 0, 10), "fec0::/10 site-local"),
];

/// IPv4 ranges that are not global unicast.
const NOT_GLOBAL_V4: &[Range] = &[
    v4(0, 0, 0, 0, 8),
    v4(10, 0, 0, 0, 8),
    v4(100, 64, 0, 0, 10),
    v4(127, 0, 0, 0, 8),
    v4(169, 254, 0, 0, 16),
    v4(168, 63, 129, 16, 32),
    v4(172, 16, 0, 0, 12),
    v4(192, 0, 0, 0, 24),
    v4(192, 0, 2, 0, 24),
    v4(192, 88, 99, 0, 24),
    v4(192, 168, 0, 0, 16),
    v4(198, 18, 0, 0, 15),
    v4(198, 51, 100, 0, 24),
    v4(203, 0, 113, 0, 24),
    v4(224, 0, 0, 0, 4),
    v4(240, 0, 0, 0, 4),
];

/// IPv6 ranges that may be global unicast: the assigned one, and NAT64 (RFC 6052), where the address inside
/// decides.
const GLOBAL_V6: &[Range] = &[v6(0x2000_0000_0000_0000, 0, 3), v6(0x0064_ff9b_0000_0000, 0, 96)];

/// Parts of the above that are not: protocol assignments with Teredo, documentation, 6to4.
const NOT_GLOBAL_V6: &[Range] = &[
    v6(0x2001_0000_0000_0000, 0, 23),
    v6(0x2001_0db8_0000_0000, 0, 32),
    v6(0x2002_0000_0000_0000, 0, 16),
    v6(0x3fff_0000_0000_0000, 0, 20),
];

#[cfg(test)]
mod tests;
