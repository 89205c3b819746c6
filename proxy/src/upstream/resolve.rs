//! Our own name resolution: the configuration's fixed names first, then DNS with its TTL. Names
//! are asked as they stand (no search list), so that the name that was decided is the name asked.

mod budget;
mod names;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use policy::{EgressPermit, Host, Refusal, UpstreamTls, Verdict};

use self::budget::Budget;
pub use self::names::{Family, Resolved, Told};
use crate::error::{Error, Kind};
use crate::stop::Stop;

/// How long an answer of the fixed names, or an address literal, stands before it is vetted again.
const FIXED_TTL: Duration = Duration::from_secs(300);
/// Addresses of one answer that are looked at.
const ADDRESSES_MAX: usize = 32;

/// `limits.dnsNamesMax` names under wildcards were asked for in this hour.
pub const NAMES_MAX: &str = "dns-names-max";

/// Resolves names.
#[derive(Debug)]
pub struct Resolver {
    hosts: BTreeMap<Host, Vec<IpAddr>>,
    dns: Option<TokioResolver>,
    budget: Mutex<Budget>,
}

/// Addresses that a permit's guard has passed, in the order of the answer. Only these are dialled.
#[derive(Clone, Debug)]
pub struct Vetted {
    addresses: Vec<SocketAddr>,
    fresh_until: Instant,
    aimed: Option<IpAddr>,
}

/// Why no resolver could be made.
#[derive(Debug, thiserror::Error)]
pub enum InvalidResolver {
    /// A fixed name is no host name.
    #[error("resolver.hosts: `{0}` is not a host name")]
    Host(String),
}

impl Resolver {
    /// `hosts` are fixed names; without `nameservers` the system's are asked, for at most `names_max`
    /// different names under wildcards an hour.
    ///
    /// # Errors
    /// [`InvalidResolver`] for a fixed name that is no host name.
    pub fn new(
        hosts: &BTreeMap<String, Vec<IpAddr>>,
        nameservers: &[SocketAddr],
        names_max: usize,
    ) -> Result<Self, InvalidResolver> {
        let hosts = hosts
            .iter()
            .map(|(name, addresses)| match Host::parse(name) {
                Ok(host) => Ok((host, addresses.clone())),
                Err(_) => Err(InvalidResolver::Host(name.clone())),
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { hosts, dns: dns(nameservers), budget: Mutex::new(Budget::new(names_max)) })
    }

    /// The permitted host's addresses that its guard passes. A redirected connection goes where it was
    /// `aimed` at, whatever DNS says, or nowhere.
    ///
    /// # Errors
    /// The guard's refusal when no address passes; [`NAMES_MAX`] when too many names were asked for;
    /// `UpstreamDns` when the name does not resolve.
    pub async fn vet(&self, permit: &EgressPermit, aimed: Option<IpAddr>) -> Result<Vetted, Stop> {
        if let Some(address) = aimed {
            return self.vet_aimed(permit, address).await;
        }
        let (answer, fresh_until) = self.addresses(permit).await?;
        let mut addresses = Vec::new();
        let mut refusal = None;
        for address in answer.into_iter().take(ADDRESSES_MAX) {
            match permit.vet(address) {
                Ok(()) => addresses.push(SocketAddr::new(address, permit.port())),
                Err(refused) => refusal = refusal.or(Some(refused)),
            }
        }
        match refusal {
            Some(refusal) if addresses.is_empty() => Err(refusal.into()),
            Some(_) | None if addresses.is_empty() => Err(Kind::UpstreamDns.into()),
            Some(_) | None => Ok(Vetted { addresses, fresh_until, aimed: None }),
        }
    }

    async fn vet_aimed(&self, permit: &EgressPermit, address: IpAddr) -> Result<Vetted, Stop> {
        permit.vet(address)?;
        let mut fresh_until = Instant::now() + FIXED_TTL;
        if wants_proof(permit, address) {
            let (answer, until) = self.addresses(permit).await?;
            if !answer.iter().any(|known| known.to_canonical() == address.to_canonical()) {
                let text = "the connection was aimed at an address that its host does not resolve to, \
                            and neither the endpoint's `addresses` nor a certificate tell whose it is";
                let rule = permit.verdict().rule.clone();
                let verdict = Verdict::block(rule, "address-not-of-host", text.to_owned());
                return Err(Box::new(verdict).into());
            }
            fresh_until = until;
        }
        let addresses = vec![SocketAddr::new(address, permit.port())];
        Ok(Vetted { addresses, fresh_until, aimed: Some(address) })
    }

    /// Whether the host is neither an address nor a fixed name.
    pub fn asks_dns(&self, host: &Host) -> bool {
        host.ip().is_none() && !self.hosts.contains_key(host)
    }

    /// Takes a name that is to be asked for from those of this hour. One that the policy lists itself
    /// tells nothing and costs nothing.
    ///
    /// # Errors
    /// [`NAMES_MAX`], in the name of `rule`.
    pub fn spend(&self, host: &Host, is_listed: bool, rule: &Option<Arc<str>>) -> Result<(), Stop> {
        let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        if is_listed || budget.takes(host, Instant::now()) {
            return Ok(());
        }
        let text = "too many different names under wildcards in an hour (limits.dnsNamesMax)";
        Err(Box::new(Verdict::block(rule.clone(), NAMES_MAX, text.to_owned())).into())
    }

    async fn addresses(&self, permit: &EgressPermit) -> Result<(Vec<IpAddr>, Instant), Stop> {
        let host = permit.host();
        let fixed_until = Instant::now() + FIXED_TTL;
        if let Some(address) = host.ip() {
            return Ok((vec![address], fixed_until));
        }
        if let Some(addresses) = self.hosts.get(host) {
            return Ok((addresses.clone(), fixed_until));
        }
        let Some(dns) = &self.dns else {
            let why = "the system's name servers cannot be read; set resolver.nameservers";
            return Err(Error::new(Kind::UpstreamDns, why).into());
        };
        self.spend(host, permit.is_listed_by_name(), &permit.verdict().rule)?;
        let answer = dns
            .lookup_ip(format!("{host}."))
            .await
            .map_err(|error| Error::new(Kind::UpstreamDns, dns_fault(&error)))?;
        Ok((answer.iter().collect(), answer.valid_until()))
    }
}

impl Vetted {
    /// The addresses, in the order in which they are tried.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Keeps the addresses that another permit passes, too.
    ///
    /// # Errors
    /// The guard's refusal when none is left.
    pub fn narrow(&mut self, permit: &EgressPermit) -> Result<(), Refusal> {
        let carrier = permit.carrier();
        let permit = carrier.as_ref().unwrap_or(permit);
        let mut refusal = None;
        self.addresses.retain(|address| match permit.vet(address.ip()) {
            Ok(()) => address.port() == permit.port(),
            Err(refused) => {
                refusal = refusal.take().or(Some(refused));
                false
            }
        });
        refusal.filter(|_| self.addresses.is_empty()).map_or(Ok(()), Err)
    }

    /// Where a redirected connection was aimed at.
    pub fn aimed(&self) -> Option<IpAddr> {
        self.aimed
    }

    /// Whether the answer's TTL has not passed.
    pub fn is_fresh(&self) -> bool {
        Instant::now() < self.fresh_until
    }
}

/// Whether an address that a connection was aimed at must be one of its host's: the endpoint takes any
/// public one, and no certificate that we see will tell whose it is.
pub(super) fn wants_proof(permit: &EgressPermit, address: IpAddr) -> bool {
    *permit.tls() == UpstreamTls::Plaintext && permit.host().is_name() && !permit.lists(address)
}

/// The library's own text repeats the name that was asked, which may carry data.
fn dns_fault(error: &NetError) -> &'static str {
    if error.is_nx_domain() {
        "there is no such name"
    } else if error.is_no_records_found() {
        "the name has no address"
    } else {
        "the name servers do not answer"
    }
}

fn dns(nameservers: &[SocketAddr]) -> Option<TokioResolver> {
    let provider = TokioRuntimeProvider::default();
    let built = if nameservers.is_empty() {
        hickory_resolver::Resolver::builder(provider).and_then(|builder| builder.build())
    } else {
        let servers = nameservers.iter().map(name_server).collect();
        let config = ResolverConfig::from_name_servers(servers);
        hickory_resolver::Resolver::builder_with_config(config, provider).build()
    };
    built
        .inspect_err(|error| tracing::warn!(%error, "no name servers; only fixed names resolve"))
        .ok()
}

fn name_server(address: &SocketAddr) -> NameServerConfig {
    let mut server = NameServerConfig::udp_and_tcp(address.ip());
    for connection in &mut server.connections {
        connection.port = address.port();
    }
    server
}
