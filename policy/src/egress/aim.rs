//! The rule for a connection of which only the address and port are known.
//!
//! Only what an endpoint lists counts: that an address is public says nothing about whose it is.

use std::net::IpAddr;

use crate::egress::{Candidate, Egress, Match};
use crate::protocol::Protocol;
use crate::rule::{Asked, Stage};
use crate::verdict::{Verdict, code};

/// What is asked of the egress rules where only an address is known.
pub(crate) struct Aim<'a> {
    pub(crate) source: Option<&'a spiffe::SpiffeId>,
    pub(crate) address: IpAddr,
    pub(crate) port: u16,
    pub(crate) now: jiff::Timestamp,
}

impl Egress {
    /// The first rule for raw tunnels whose endpoint lists the address and port.
    pub(crate) fn decide_aim(&self, aim: &Aim<'_>) -> Result<Match<'_>, Verdict> {
        let mut nearest: Option<(Stage, Candidate)> = None;
        for (candidate, found) in self.aimed(aim.port) {
            let listed = found.endpoint.guard.lists(aim.address);
            if !listed || found.rule.rule.protocol != Protocol::Tcp {
                continue;
            }
            match found.rule.rule.matches(aim.source, &Asked::Tunnel, aim.now) {
                Ok(()) => return Ok(found),
                Err(stage) => {
                    if nearest.is_none_or(|(best, _)| stage > best) {
                        nearest = Some((stage, candidate));
                    }
                }
            }
        }
        Err(nearest
            .and_then(|(stage, candidate)| Some((stage, self.rules().get(candidate.rule)?)))
            .map_or_else(nowhere, |(stage, rule)| rule.rule.refuse(stage)))
    }

    /// The first rule that could take anything at the address and port, where that is one for raw tunnels
    /// whose endpoint lists the address. A rule that is for HTTP comes before it also where it merely
    /// may go to the address.
    pub(crate) fn first_for(&self, aim: &Aim<'_>) -> Option<Match<'_>> {
        let (_, first) = self.aimed(aim.port).find(|(_, found)| {
            let guard = &found.endpoint.guard;
            let reaches = match found.rule.rule.protocol {
                Protocol::Grpc | Protocol::Http => guard.vet(aim.address).is_ok(),
                Protocol::Tcp => guard.lists(aim.address),
            };
            reaches && found.rule.rule.matches(aim.source, &Asked::Connection, aim.now).is_ok()
        })?;
        (first.rule.rule.protocol == Protocol::Tcp).then_some(first)
    }

    /// The ways to a port, in the order of rules.
    fn aimed(&self, port: u16) -> impl Iterator<Item = (Candidate, Match<'_>)> {
        let candidates = self.ports.get(&port).map(Vec::as_slice).unwrap_or_default();
        candidates.iter().filter_map(move |candidate| {
            let rule = self.rules.get(candidate.rule)?;
            let endpoint = self.endpoints.get(candidate.endpoint)?;
            Some((*candidate, Match { rule, endpoint, port }))
        })
    }
}

/// The refusal of a connection to an address that nothing lists.
pub(crate) fn nowhere() -> Verdict {
    Verdict::block(
        None,
        code::ADDRESS_NOT_LISTED,
        "nothing told the name of the host, and no egress rule with `protocol: tcp` goes to an endpoint \
         that lists this address and port"
            .to_owned(),
    )
}
