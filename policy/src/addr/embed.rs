//! IPv4 addresses inside IPv6 addresses.
//!
//! A gateway, a tunnel or the kernel turns these into IPv4 traffic, so each is judged by the address
//! inside as well. The invariant: every form here is unwrapped for addresses and for whole ranges alike.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// One way to carry an IPv4 address.
struct Form {
    /// Bits that tell the form, and their values.
    mask: u128,
    bits: u128,
    /// How many bits, from the right, follow the IPv4 address.
    shift: u32,
    /// Whether the address is stored inverted (Teredo clients).
    inverted: bool,
}

const fn prefix(first: u128, length: u32) -> (u128, u128) {
    (!0u128 << (128 - length), first)
}

const fn form((mask, bits): (u128, u128), shift: u32) -> Form {
    Form { mask, bits, shift, inverted: false }
}

/// RFC 4291 2.5.5 (compatible and mapped), RFC 7915 (translated), RFC 6052 and RFC 8215 (NAT64), RFC 3056
/// (6to4), RFC 4380 (Teredo server and client), RFC 5214 (ISATAP).
const FORMS: &[Form] = &[
    form(prefix(0, 96), 0),
    form(prefix(0xffff << 32, 96), 0),
    form(prefix(0xffff << 48, 96), 0),
    form(prefix(0x0064_ff9b << 96, 96), 0),
    form(prefix((0x0064_ff9b << 96) | (1 << 80), 48), 0),
    form(prefix(0x2002 << 112, 16), 80),
    form(prefix(0x2001_0000 << 96, 32), 64),
    Form { mask: !0u128 << 96, bits: 0x2001_0000 << 96, shift: 0, inverted: true },
    form((0xfdff_ffff << 32, 0x0000_5efe << 32), 0),
];

/// The IPv4 addresses that `addr` may stand for. Empty for IPv4.
pub(crate) fn embedded_addrs(addr: IpAddr) -> impl Iterator<Item = Ipv4Addr> {
    let v6 = match addr {
        IpAddr::V4(_) => None,
        IpAddr::V6(v6) => Some(v6.to_bits()),
    };
    v6.into_iter().flat_map(|bits| {
        FORMS.iter().filter(move |form| is_form(form, bits)).map(move |form| inner(form, bits))
    })
}

/// The IPv4 ranges that a whole IPv6 range stands for, one for each form that all of the range has.
pub(crate) fn embedded_nets(range: IpNet) -> Vec<Ipv4Net> {
    let IpNet::V6(range) = range else { return Vec::new() };
    FORMS.iter().filter_map(|form| inner_net(form, range)).collect()
}

/// An IPv4-mapped range as the IPv4 range that it is; any other range as it stands.
pub(crate) fn unmap(range: IpNet) -> IpNet {
    let IpNet::V6(v6) = range else { return range };
    match (v6.network().to_ipv4_mapped(), v6.prefix_len().checked_sub(96)) {
        (Some(first), Some(length)) => Ipv4Net::new(first, length).map_or(range, IpNet::V4),
        (Some(_) | None, _) => range,
    }
}

/// `::` and `::1` have the compatible form but carry no address.
fn is_form(form: &Form, bits: u128) -> bool {
    bits > 1 && bits & form.mask == form.bits
}

fn inner(form: &Form, bits: u128) -> Ipv4Addr {
    let [.., a, b, c, d] = (bits >> form.shift).to_be_bytes();
    let carried = u32::from_be_bytes([a, b, c, d]);
    Ipv4Addr::from_bits(if form.inverted { !carried } else { carried })
}

fn inner_net(form: &Form, range: Ipv6Net) -> Option<Ipv4Net> {
    let first = range.network().to_bits();
    let length = u32::from(range.prefix_len());
    // The bits that tell the form must all be fixed by the range.
    let told = 128 - form.mask.trailing_zeros();
    if !is_form(form, first) || length < told {
        return None;
    }
    let start = 128 - form.shift - 32;
    let fixed = length.saturating_sub(start).min(32);
    let net = Ipv4Net::new(inner(form, first), u8::try_from(fixed).ok()?).ok()?;
    Some(net.trunc())
}
