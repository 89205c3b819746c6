//! A set of addresses as a sorted table of ranges, searched by halving.
//!
//! Both families live in one space: an IPv4 address stands at its IPv4-mapped place. Ranges are merged, so
//! at most one of them can hold an address.

use std::net::IpAddr;

use ipnet::IpNet;

/// Disjoint ranges in ascending order, both ends included.
#[derive(Clone, Debug)]
pub(crate) struct RangeTable {
    ranges: Box<[(u128, u128)]>,
}

impl RangeTable {
    pub(crate) fn new(nets: &[IpNet]) -> RangeTable {
        let mut ranges: Vec<(u128, u128)> =
            nets.iter().map(|net| (place(net.network()), place(net.broadcast()))).collect();
        ranges.sort_unstable();
        let mut merged: Vec<(u128, u128)> = Vec::with_capacity(ranges.len());
        for (first, last) in ranges {
            match merged.last_mut() {
                Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
                Some(_) | None => merged.push((first, last)),
            }
        }
        RangeTable { ranges: merged.into_boxed_slice() }
    }

    pub(crate) fn contains(&self, addr: IpAddr) -> bool {
        let place = place(addr);
        let after = self.ranges.partition_point(|(first, _)| *first <= place);
        let candidate = after.checked_sub(1).and_then(|i| self.ranges.get(i));
        candidate.is_some_and(|(_, last)| place <= *last)
    }
}

fn place(addr: IpAddr) -> u128 {
    match addr {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}
