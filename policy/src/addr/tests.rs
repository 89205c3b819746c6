//! The address guard against the plainest reading of its tables, and every way to write an address.

use std::net::Ipv6Addr;

use proptest::prelude::*;

use super::*;

/// Every way to carry an IPv4 address inside an IPv6 one, written out by hand.
fn wrappings(v4: Ipv4Addr) -> Vec<(&'static str, Ipv6Addr)> {
    let bits = u128::from(v4.to_bits());
    let at = |prefix: &str, bits: u128| {
        Ipv6Addr::from_bits(prefix.parse::<Ipv6Addr>().unwrap().to_bits() | bits)
    };
    vec![
        ("mapped", at("::ffff:0:0", bits)),
        ("compatible", at("::", bits)),
        ("translated", at("::ffff:0:0:0", bits)),
        ("NAT64", at("64:ff9b::", bits)),
        ("local NAT64", at("64:ff9b:1::", bits)),
        ("6to4", at("2002::", bits << 80)),
        ("6to4 with a host", at("2002:0:0:1::1", bits << 80)),
        ("Teredo server", at("2001::f7f7:f7f7", bits << 64)),
        ("Teredo client", at("2001:0:808:808::", bits ^ 0xffff_ffff)),
        ("ISATAP", at("2001:470:1:2:0:5efe::", bits)),
        ("ISATAP, universal", at("2001:470:1:2:200:5efe::", bits)),
    ]
}

fn nets(texts: &[&str]) -> Vec<IpNet> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[test]
fn no_spelling_reaches_what_is_never_dialled() {
    let everything = nets(&["2000::/3", "::/1", "64:ff9b::/32", "8000::/1", "0.0.0.0/0"]);
    let widest = AddrGuard::listed(&everything);
    let never = [
        "169.254.169.254",
        "169.254.0.1",
        "100.100.100.200",
        "168.63.129.16",
        "0.0.0.0",
        "0.1.2.3",
        "224.0.0.251",
        "239.255.255.255",
        "255.255.255.255",
        "192.0.0.192",
    ];
    for text in never {
        let v4: Ipv4Addr = text.parse().unwrap();
        assert!(matches!(widest.vet(IpAddr::V4(v4)), Err(AddrRefusal::NeverDial(_))), "{v4}");
        for (form, v6) in wrappings(v4) {
            let vetted = widest.vet(IpAddr::V6(v6));
            assert!(matches!(vetted, Err(AddrRefusal::NeverDial(_))), "{form} {v6}: {vetted:?}");
        }
    }
    for text in
        ["fe80::1", "febf::1", "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "ff02::1", "::"]
    {
        let vetted = widest.vet(text.parse().unwrap());
        assert!(matches!(vetted, Err(AddrRefusal::NeverDial(_))), "{text}: {vetted:?}");
    }
}

#[test]
fn a_private_address_inside_another_is_not_dialled_unless_listed() {
    let outer_only = AddrGuard::listed(&nets(&["2000::/3", "64:ff9b::/96", "64:ff9b:1::/48"]));
    let both = AddrGuard::listed(&nets(&["64:ff9b::/96", "10.20.0.0/16"]));
    for text in ["10.20.3.4", "127.0.0.1", "192.168.1.1", "100.64.0.1"] {
        for (form, v6) in wrappings(text.parse().unwrap()) {
            assert_eq!(outer_only.vet(IpAddr::V6(v6)), Err(AddrRefusal::NotListed), "{form} {v6}");
        }
    }
    assert_eq!(both.vet("64:ff9b::10.20.3.4".parse().unwrap()), Ok(()));
    assert_eq!(both.vet("64:ff9b::10.21.3.4".parse().unwrap()), Err(AddrRefusal::NotListed));
    assert_eq!(both.vet("::ffff:10.20.3.4".parse().unwrap()), Ok(()));
}

#[test]
fn ranges_that_cannot_be_meant_are_refused() {
    let never = [
        "169.254.0.0/16",
        "169.254.169.254/32",
        "fe80::/10",
        "fe80::/64",
        "fd00:ec2::254/128",
        "0.0.0.0/8",
        "224.0.0.0/4",
        "ff00::/8",
        "255.255.255.255/32",
        "::/128",
        "::ffff:169.254.0.0/112",
        "64:ff9b::a9fe:0/112",
        "2002:a9fe::/32",
        "2002:a9fe:a9fe::/48",
        "2001:0:a9fe:a9fe::/64",
        "::a9fe:a9fe/128",
    ];
    for text in never {
        let checked = check_range(text.parse().unwrap());
        assert!(matches!(checked, Err(InvalidRange::NeverDial(_))), "{text}: {checked:?}");
    }
    for text in
        ["0.0.0.0/0", "::/0", "8.0.0.0/5", "172.0.0.0/8", "fc00::/6", "::/3", "::ffff:0:0/96"]
    {
        let checked = check_range(text.parse().unwrap());
        assert!(matches!(checked, Err(InvalidRange::Straddles(_))), "{text}: {checked:?}");
    }
    for text in [
        "10.0.0.0/8",
        "127.0.0.1/32",
        "::1/128",
        "fd00::/8",
        "fc00::/7",
        "2000::/3",
        "64:ff9b::/96",
        "52.216.0.0/15",
        "100.64.0.0/10",
        "2002::/16",
    ] {
        assert_eq!(check_range(text.parse().unwrap()), Ok(text.parse().unwrap()), "{text}");
    }
    let mapped = check_range("::ffff:10.20.0.0/112".parse().unwrap());
    assert_eq!(mapped, Ok("10.20.0.0/16".parse().unwrap()));
}

#[test]
fn a_range_holding_metadata_does_not_open_it() {
    let guard = AddrGuard::listed(&nets(&["fd00::/8", "100.64.0.0/10"]));
    assert_eq!(guard.vet("fd00:1::1".parse().unwrap()), Ok(()));
    assert!(matches!(guard.vet("fd00:ec2::254".parse().unwrap()), Err(AddrRefusal::NeverDial(_))));
    assert_eq!(guard.vet("100.100.100.201".parse().unwrap()), Ok(()));
    assert!(matches!(
        guard.vet("100.100.100.200".parse().unwrap()),
        Err(AddrRefusal::NeverDial(_))
    ));
}

fn any_net() -> impl Strategy<Value = IpNet> {
    let v4 = (any::<u32>(), 0u8..=32)
        .prop_map(|(bits, length)| IpNet::new(Ipv4Addr::from_bits(bits).into(), length).unwrap());
    let v6 = (any::<u128>(), 0u8..=128)
        .prop_map(|(bits, length)| IpNet::new(Ipv6Addr::from_bits(bits).into(), length).unwrap());
    prop_oneof![v4, v6].prop_map(|net| net.trunc())
}

fn any_addr() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<u32>().prop_map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits))),
        any::<u128>().prop_map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits))),
        (any::<u32>(), 0usize..11)
            .prop_map(|(bits, form)| IpAddr::V6(wrappings(Ipv4Addr::from_bits(bits))[form].1)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// The table of ranges holds an address exactly where one of the ranges does.
    #[test]
    fn the_table_agrees_with_a_walk(ranges in proptest::collection::vec(any_net(), 0..12), addr in any_addr()) {
        // Addresses at and beside the ends of ranges are where tables go wrong.
        let ends = ranges.iter().flat_map(|net| [net.network(), net.broadcast()]);
        let table = RangeTable::new(&ranges);
        for addr in ends.chain([addr]) {
            for addr in [Some(addr), beside(addr, 1), beside(addr, -1)].into_iter().flatten() {
                let walked = ranges.iter().any(|net| {
                    net.contains(&addr) || mapped_view(*net, addr)
                });
                prop_assert_eq!(table.contains(addr), walked, "{}", addr);
            }
        }
    }

    /// Nothing outside the listed ranges is ever dialled, and nothing in them but for a reason.
    #[test]
    fn vetting_agrees_with_the_oracle(
        ranges in proptest::collection::vec(any_net(), 0..6),
        addr in any_addr(),
        inside in any::<proptest::sample::Index>(),
    ) {
        let ranges: Vec<IpNet> = ranges.into_iter().filter_map(|net| check_range(net).ok()).collect();
        let guard = AddrGuard::listed(&ranges);
        let mut addrs = vec![addr];
        if !ranges.is_empty() {
            addrs.push(inside.get(&ranges).network());
        }
        for addr in addrs {
            let canonical = addr.to_canonical();
            let listed = |addr: IpAddr| ranges.iter().any(|net| net.contains(&addr));
            match guard.vet(addr) {
                Ok(()) => {
                    prop_assert!(listed(canonical));
                    prop_assert!(never_dial(canonical).is_none());
                }
                Err(AddrRefusal::NotListed) => prop_assert!(
                    !listed(canonical)
                        || embedded_addrs(canonical)
                            .any(|inner| !is_global_v4(inner) && !listed(IpAddr::V4(inner)))
                ),
                Err(AddrRefusal::NeverDial(_)) => prop_assert!(
                    never_dial(canonical).is_some()
                        || embedded_addrs(canonical).any(|inner| never_dial(IpAddr::V4(inner)).is_some())
                ),
            }
        }
    }

    /// `public: true` dials a plain IPv4 address exactly where the standard registry calls it global.
    #[test]
    fn public_is_never_private(bits in any::<u32>()) {
        let v4 = Ipv4Addr::from_bits(bits);
        if AddrGuard::public().vet(IpAddr::V4(v4)).is_ok() {
            prop_assert!(!(v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_multicast()
                || v4.is_broadcast() || v4.is_documentation() || v4.is_unspecified()));
        }
    }
}

fn beside(addr: IpAddr, step: i8) -> Option<IpAddr> {
    match addr {
        IpAddr::V4(v4) => v4
            .to_bits()
            .checked_add_signed(step.into())
            .map(|bits| Ipv4Addr::from_bits(bits).into()),
        IpAddr::V6(v6) => v6
            .to_bits()
            .checked_add_signed(step.into())
            .map(|bits| Ipv6Addr::from_bits(bits).into()),
    }
}

/// The table keeps IPv4 at its mapped place, so an IPv6 range over that place holds it too.
fn mapped_view(net: IpNet, addr: IpAddr) -> bool {
    match (net, addr) {
        (IpNet::V6(net), IpAddr::V4(v4)) => net.contains(&v4.to_ipv6_mapped()),
        (IpNet::V4(net), IpAddr::V6(v6)) => v6.to_ipv4_mapped().is_some_and(|v4| net.contains(&v4)),
        (IpNet::V4(_), IpAddr::V4(_)) | (IpNet::V6(_), IpAddr::V6(_)) => false,
    }
}
