//! Permits: the only values that let something leave or come in.
//!
//! A permit is made by a decision of this crate and by nothing else: its fields are private, it has no
//! constructor, no `Clone` and no `Deserialize`, so each one stands for exactly one decided exchange.
//!
//! ```compile_fail,E0451
//! let permit = policy::EgressPermit { port: 443 };
//! ```
//!
//! ```compile_fail,E0451
//! let permit = policy::InboundPermit { verdict: todo!() };
//! ```

use std::net::IpAddr;
use std::sync::Arc;

use dlp::{Evidence, Finding, Tally};
use jiff::Timestamp;

use crate::addr::AddrRefusal;
use crate::content::{ContentProfile, Place};
use crate::egress::{EgressRule, Match};
use crate::endpoint::{Endpoint, UpstreamTls};
use crate::host::Host;
use crate::protocol::Protocol;
use crate::rule::Rule;
use crate::ruling::Ruling;
use crate::verdict::{Refusal, Verdict, code};

/// Leave to send one exchange to one host and port, at addresses that it [vets](EgressPermit::vet).
///
/// It cannot be copied, so one decision cannot carry two exchanges:
///
/// ```compile_fail,E0599
/// fn twice(permit: policy::EgressPermit) -> (policy::EgressPermit, policy::EgressPermit) {
///     (permit.clone(), permit)
/// }
/// ```
///
/// It cannot be read from a file or a message:
///
/// ```compile_fail,E0277
/// fn read<T: serde::de::DeserializeOwned>() {}
/// read::<policy::EgressPermit>();
/// ```
#[must_use = "a permit that nobody consumes means an exchange that was decided and not carried out"]
#[derive(Debug)]
pub struct EgressPermit {
    verdict: Verdict,
    policy_hash: Arc<str>,
    rule: Arc<EgressRule>,
    endpoint: Arc<Endpoint>,
    host: Host,
    port: u16,
    tls: UpstreamTls,
}

impl EgressPermit {
    pub(crate) fn new(
        found: &Match<'_>,
        host: &Host,
        hash: &Arc<str>,
        now: Timestamp,
    ) -> EgressPermit {
        let rule = &found.rule.rule;
        let text =
            format!("rule \"{}\" permits it to endpoint \"{}\"", rule.name, found.endpoint.name);
        let mut verdict = Verdict::allow(Some(Arc::clone(&rule.name)), text);
        verdict.enforcement = rule.enforcement(now);
        EgressPermit {
            verdict,
            policy_hash: Arc::clone(hash),
            rule: Arc::clone(found.rule),
            endpoint: Arc::clone(found.endpoint),
            host: host.clone(),
            port: found.port,
            tls: found.endpoint.tls_for(host),
        }
    }

    /// The decision.
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// The hash of the policy that decided.
    pub fn policy_hash(&self) -> &Arc<str> {
        &self.policy_hash
    }

    /// What the rule is for: [`Protocol::Tcp`] permits a raw tunnel, and nothing else does.
    pub fn protocol(&self) -> Protocol {
        self.rule.rule.protocol
    }

    /// Leave to open a tunnel to the gateway that carries this exchange, where the endpoint has a `via`.
    /// Then the gateway's addresses are dialled, and none of the host's own.
    pub fn carrier(&self) -> Option<EgressPermit> {
        let carrier = self.endpoint.via.as_ref()?;
        let (host, port) = (carrier.sole_name()?.clone(), *carrier.ports.first()?);
        Some(EgressPermit {
            verdict: self.verdict.clone(),
            policy_hash: Arc::clone(&self.policy_hash),
            rule: Arc::clone(&self.rule),
            endpoint: Arc::clone(carrier),
            tls: carrier.tls_for(&host),
            host,
            port,
        })
    }

    /// The endpoint's name.
    pub fn endpoint(&self) -> &Arc<str> {
        &self.endpoint.name
    }

    /// The host that was decided on.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Whether the endpoint lists the name itself, rather than by a wildcard: then the policy knows it, and
    /// asking for it tells nothing.
    pub fn is_listed_by_name(&self) -> bool {
        self.endpoint.hosts.iter().any(|pattern| pattern.exact() == Some(&self.host))
    }

    /// The port to dial.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The endpoint's region, where the policy names one.
    pub fn region(&self) -> Option<&str> {
        self.endpoint.region.as_ref().map(|region| region.as_str())
    }

    /// How to connect and who must answer.
    pub fn tls(&self) -> &UpstreamTls {
        &self.tls
    }

    /// How the request is read.
    pub fn content(&self) -> &Arc<ContentProfile> {
        &self.rule.rule.content
    }

    /// How the response is read, where the rule asks for it.
    pub fn content_in(&self) -> Option<&Arc<ContentProfile>> {
        self.rule.rule.content_in.as_ref()
    }

    /// Whether a resolved address may be dialled for this permit. Not softened by monitor.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] with `never-dial-address` or `address-not-listed`.
    pub fn vet(&self, addr: IpAddr) -> Result<(), Refusal> {
        self.endpoint.guard.vet(addr).map_err(|refusal| Refusal {
            verdict: refuse_address(refusal, &self.endpoint.name, &self.rule.rule.name),
            policy_hash: Arc::clone(&self.policy_hash),
        })
    }

    /// Whether the endpoint itself lists the address, rather than any public one: then the address is
    /// proof enough of where it leads.
    pub fn lists(&self, addr: IpAddr) -> bool {
        self.endpoint.guard.lists(addr)
    }

    /// Whether the rule has ended by now.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.rule.rule.is_expired(now)
    }

    /// Asks again, at the moment of sending, whether the rule still holds.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] with `rule-expired`.
    pub fn check(&self, now: Timestamp) -> Result<(), Refusal> {
        if !self.is_expired(now) {
            return Ok(());
        }
        let rule = Some(Arc::clone(&self.rule.rule.name));
        let text = "the rule expired while the request was being read".to_owned();
        Err(Refusal {
            verdict: Verdict::block(rule, code::RULE_EXPIRED, text),
            policy_hash: Arc::clone(&self.policy_hash),
        })
    }

    /// The verdict on what leaves, softened where the rule only monitors.
    pub fn judge(&self, place: Place, evidence: &Evidence) -> Verdict {
        self.ruling().judge(place, &Tally::default(), evidence)
    }

    /// The verdict on what comes back; allowed unread where the rule has no `contentIn`.
    pub fn judge_in(&self, place: Place, evidence: &Evidence) -> Verdict {
        judge_in(self.ruling_in(), place, evidence)
    }

    /// Whether a finding in the request is to be masked: some rule redacts it, and the rule is enforced.
    pub fn redacts(&self, finding: &Finding) -> bool {
        self.ruling().redacts(finding)
    }
}

/// Which way a connection to a name and port goes.
#[derive(Debug)]
pub enum Way {
    /// It is intercepted, and every request inside decided by itself.
    Intercept(ConnectPermit),
    /// It is carried as a raw tunnel.
    Tunnel(EgressPermit),
}

impl Way {
    /// The decision.
    pub fn verdict(&self) -> &Verdict {
        match self {
            Way::Intercept(permit) => permit.verdict(),
            Way::Tunnel(permit) => permit.verdict(),
        }
    }
}

/// Leave to open a connection to a name and port for interception. Each request inside needs its own
/// [`EgressPermit`].
#[must_use = "a permit that nobody consumes means a connection that was decided and not made"]
#[derive(Debug)]
pub struct ConnectPermit {
    verdict: Verdict,
    policy_hash: Arc<str>,
}

impl ConnectPermit {
    pub(crate) fn new(found: &Match<'_>, hash: &Arc<str>) -> ConnectPermit {
        let rule = &found.rule.rule;
        let text = format!("rule \"{}\" may permit requests inside", rule.name);
        let verdict = Verdict::allow(Some(Arc::clone(&rule.name)), text);
        ConnectPermit { verdict, policy_hash: Arc::clone(hash) }
    }

    /// The decision.
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// The hash of the policy that decided.
    pub fn policy_hash(&self) -> &Arc<str> {
        &self.policy_hash
    }
}

/// Leave for one exchange of a peer with the local application.
///
/// ```compile_fail,E0599
/// fn twice(permit: policy::InboundPermit) -> (policy::InboundPermit, policy::InboundPermit) {
///     (permit.clone(), permit)
/// }
/// ```
#[must_use = "a permit that nobody consumes means an exchange that was decided and not carried out"]
#[derive(Debug)]
pub struct InboundPermit {
    verdict: Verdict,
    policy_hash: Arc<str>,
    rule: Arc<Rule>,
}

impl InboundPermit {
    pub(crate) fn new(rule: &Arc<Rule>, hash: &Arc<str>, now: Timestamp) -> InboundPermit {
        let text = format!("rule \"{}\" permits it", rule.name);
        let mut verdict = Verdict::allow(Some(Arc::clone(&rule.name)), text);
        verdict.enforcement = rule.enforcement(now);
        InboundPermit { verdict, policy_hash: Arc::clone(hash), rule: Arc::clone(rule) }
    }

    /// The decision.
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// The hash of the policy that decided.
    pub fn policy_hash(&self) -> &Arc<str> {
        &self.policy_hash
    }

    /// How the response is read: it is what leaves.
    pub fn content(&self) -> &Arc<ContentProfile> {
        &self.rule.content
    }

    /// How the request is read, where the rule asks for it.
    pub fn content_in(&self) -> Option<&Arc<ContentProfile>> {
        self.rule.content_in.as_ref()
    }

    /// Whether the rule has ended by now.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.rule.is_expired(now)
    }

    /// The verdict on what leaves, softened where the rule only monitors.
    pub fn judge(&self, place: Place, evidence: &Evidence) -> Verdict {
        self.ruling().judge(place, &Tally::default(), evidence)
    }

    /// The verdict on what comes in; allowed unread where the rule has no `contentIn`.
    pub fn judge_in(&self, place: Place, evidence: &Evidence) -> Verdict {
        judge_in(self.ruling_in(), place, evidence)
    }

    /// Whether a finding in the response is to be masked: some rule redacts it, and the rule is enforced.
    pub fn redacts(&self, finding: &Finding) -> bool {
        self.ruling().redacts(finding)
    }
}

/// The verdict on an address that an endpoint's guard did not pass.
pub(crate) fn refuse_address(
    refusal: AddrRefusal,
    endpoint: &Arc<str>,
    rule: &Arc<str>,
) -> Verdict {
    let (code, text) = match refusal {
        AddrRefusal::NeverDial(what) => {
            (code::NEVER_DIAL_ADDRESS, format!("the host resolved to a {what} address"))
        }
        AddrRefusal::NotListed => (
            code::ADDRESS_NOT_LISTED,
            format!(
                "the host resolved to an address outside endpoint \"{endpoint}\"; its `addresses` would have to list it"
            ),
        ),
    };
    Verdict::block(Some(Arc::clone(rule)), code, text)
}

fn judge_in(ruling: Option<Ruling>, place: Place, evidence: &Evidence) -> Verdict {
    match ruling {
        Some(ruling) => ruling.judge(place, &Tally::default(), evidence),
        None => Verdict::allow(None, "the rule does not ask for this to be read".to_owned()),
    }
}
