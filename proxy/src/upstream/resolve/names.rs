//! Names that are resolved for the workload's own use: one kind of address, vetted like those that
//! we dial. What the permit does not pass is never told.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use hickory_resolver::proto::rr::{RData, RecordType};
use policy::{NamePermit, Refusal};

use super::{ADDRESSES_MAX, FIXED_TTL, Resolver, dns_fault};
use crate::error::{Error, Kind};

/// A kind of address.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Family {
    /// IPv4: the question `A`.
    V4,
    /// IPv6: the question `AAAA`.
    V6,
}

/// What a name resolves to.
#[derive(Debug)]
pub enum Resolved {
    /// Its addresses of the kind that was asked for.
    Addresses(Told),
    /// Name servers know no such name.
    NoSuchName,
}

/// The addresses that may be told.
#[derive(Debug)]
pub struct Told {
    /// Vetted, in the order of the answer.
    pub addresses: Vec<IpAddr>,
    /// How many more there were, which the permit did not pass.
    pub withheld: usize,
    /// Why the first of those was not passed.
    pub refusal: Option<Refusal>,
    /// How long the answer stands.
    pub fresh_for: Duration,
}

impl Family {
    fn holds(self, address: &IpAddr) -> bool {
        match self {
            Self::V4 => address.is_ipv4(),
            Self::V6 => address.is_ipv6(),
        }
    }
}

impl Resolver {
    /// The permitted name's addresses of one kind, as far as its rules' endpoints list them.
    ///
    /// # Errors
    /// `UpstreamDns` when the name servers do not answer.
    pub async fn tell(&self, permit: &NamePermit, family: Family) -> Result<Resolved, Error> {
        let Some((answer, fresh_for)) = self.ask(permit, family).await? else {
            return Ok(Resolved::NoSuchName);
        };
        let mut told = Told { addresses: Vec::new(), withheld: 0, refusal: None, fresh_for };
        for address in answer.into_iter().filter(|address| family.holds(address)) {
            match permit.vet(address) {
                Ok(()) => told.addresses.push(address),
                Err(refusal) => {
                    told.withheld += 1;
                    told.refusal.get_or_insert(refusal);
                }
            }
        }
        Ok(Resolved::Addresses(told))
    }

    async fn ask(
        &self,
        permit: &NamePermit,
        family: Family,
    ) -> Result<Option<(Vec<IpAddr>, Duration)>, Error> {
        if let Some(addresses) = self.hosts.get(permit.host()) {
            return Ok(Some((addresses.clone(), FIXED_TTL)));
        }
        let Some(dns) = &self.dns else {
            let why = "the system's name servers cannot be read; set resolver.nameservers";
            return Err(Error::new(Kind::UpstreamDns, why));
        };
        let record = match family {
            Family::V4 => RecordType::A,
            Family::V6 => RecordType::AAAA,
        };
        match dns.lookup(format!("{}.", permit.host()), record).await {
            Ok(answer) => {
                let addresses = answer.answers().iter().filter_map(|record| ip(&record.data));
                let fresh_for = answer.valid_until().saturating_duration_since(Instant::now());
                Ok(Some((addresses.take(ADDRESSES_MAX).collect(), fresh_for)))
            }
            Err(error) if error.is_nx_domain() => Ok(None),
            Err(error) if error.is_no_records_found() => Ok(Some((Vec::new(), Duration::ZERO))),
            Err(error) => Err(Error::new(Kind::UpstreamDns, dns_fault(&error))),
        }
    }
}

fn ip(data: &RData) -> Option<IpAddr> {
    data.ip_addr()
}
