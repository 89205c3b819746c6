//! A loaded policy: facts in, permit or refusal out.
//!
//! Immutable and shared. What no rule matches is refused; a policy that could not be loaded refuses
//! everything. Nothing here reads a clock: time is one of the facts.

use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use spiffe::SpiffeId;

use crate::egress::{Aim, Egress, Match, Question, nowhere};
use crate::host::Host;
use crate::inbound::Inbound;
use crate::path::CanonicalPath;
use crate::permit::{ConnectPermit, EgressPermit, InboundPermit, Way};
use crate::protocol::{Protocol, Upgrade};
use crate::rule::{Asked, Request};
use crate::verdict::{Refusal, Verdict, code};

/// What a decision on an outbound request may look at.
#[derive(Clone, Copy, Debug)]
pub struct EgressFacts<'a> {
    /// The SPIFFE ID of who asks: the workload beside a sidecar, the downstream peer of a gateway.
    pub source: Option<&'a SpiffeId>,
    /// The host of the target.
    pub host: &'a Host,
    /// The port of the target; None where it was absent or the scheme's own, which dials the endpoint's
    /// first one. Inside a tunnel it is the tunnel's port, which the workload named.
    pub port: Option<u16>,
    /// Whether this is a gRPC call: a POST with a content type of gRPC.
    pub is_grpc: bool,
    /// The method.
    pub method: &'a str,
    /// The canonical path, without query.
    pub path: &'a str,
    /// What the request asks to turn into.
    pub upgrade: Option<Upgrade>,
    /// The time of the decision.
    pub now: Timestamp,
}

/// What a decision on a connection may look at: its authority, before anything was said inside.
#[derive(Clone, Copy, Debug)]
pub struct ConnectFacts<'a> {
    /// The SPIFFE ID of who asks.
    pub source: Option<&'a SpiffeId>,
    /// The host of the authority.
    pub host: &'a Host,
    /// The port of the authority.
    pub port: u16,
    /// The time of the decision.
    pub now: Timestamp,
}

/// What a decision on a raw tunnel may look at: one that is copied without being parsed.
#[derive(Clone, Copy, Debug)]
pub struct TunnelFacts<'a> {
    /// The SPIFFE ID of who asks.
    pub source: Option<&'a SpiffeId>,
    /// The name, where one is known; None for a connection that was aimed at an address and said none.
    pub host: Option<&'a Host>,
    /// The address that it was aimed at, where one is known. Without a host it finds the rule.
    pub address: Option<IpAddr>,
    /// The port.
    pub port: u16,
    /// The time of the decision.
    pub now: Timestamp,
}

/// What a decision on an inbound request may look at.
#[derive(Clone, Copy, Debug)]
pub struct InboundFacts<'a> {
    /// The SPIFFE ID that the peer proved.
    pub peer: &'a SpiffeId,
    /// The method.
    pub method: &'a str,
    /// The canonical path, without query.
    pub path: &'a str,
    /// What the request asks to turn into.
    pub upgrade: Option<Upgrade>,
    /// The time of the decision.
    pub now: Timestamp,
}

/// A policy that decides.
#[derive(Debug)]
pub struct Policy {
    hash: Arc<str>,
    state: State,
}

#[derive(Debug)]
enum State {
    Broken(Box<str>),
    Open { egress: Box<Egress>, inbound: Inbound },
}

/// The hash of a policy that could not be loaded.
pub const BROKEN_HASH: &str = "broken";

/// Longest explanation of a broken policy that a refusal repeats, in characters.
const WHY_CHARS_MAX: usize = 300;

impl Policy {
    pub(crate) fn new(hash: Arc<str>, egress: Egress, inbound: Inbound) -> Policy {
        Policy { hash, state: State::Open { egress: Box::new(egress), inbound } }
    }

    /// A policy that refuses everything with `policy-broken`, for when none could be loaded. `why` is the
    /// operator's text, such as the first load error.
    pub fn broken(why: &str) -> Policy {
        let why: String = why.chars().take(WHY_CHARS_MAX).collect();
        Policy { hash: Arc::from(BROKEN_HASH), state: State::Broken(why.into_boxed_str()) }
    }

    /// Whether this is the policy that refuses everything because none could be loaded.
    pub fn is_broken(&self) -> bool {
        matches!(self.state, State::Broken(_))
    }

    /// `sha256:` and the hex of a digest over the names and texts of all files, in the order of their
    /// names; [`BROKEN_HASH`] for a broken policy.
    pub fn hash(&self) -> &Arc<str> {
        &self.hash
    }

    /// Decides one outbound request. The first rule that matches wins; no match is a refusal.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] whose reason is taken from the rule that came furthest, in this order: host, rule,
    /// port, protocol, source, method, path, upgrade, expiry.
    pub fn decide_egress(&self, facts: &EgressFacts<'_>) -> Result<EgressPermit, Refusal> {
        let (egress, _) = self.open()?;
        let path = CanonicalPath::parse(facts.path);
        let question = Question {
            source: facts.source,
            host: facts.host,
            port: facts.port,
            asked: Asked::Request(Request {
                is_grpc: facts.is_grpc,
                method: facts.method,
                path,
                upgrade: facts.upgrade,
            }),
            now: facts.now,
        };
        match egress.decide(&question) {
            Ok(found) => Ok(EgressPermit::new(&found, facts.host, &self.hash, facts.now)),
            Err(verdict) => Err(self.refusal(verdict)),
        }
    }

    /// Decides which way a connection to a name and port goes, before anything is said inside. The first
    /// rule for it that has not expired tells: one for raw tunnels opens one, any other has the requests
    /// inside decided one by one.
    ///
    /// # Errors
    ///
    /// A [`Refusal`], as for [`Policy::decide_egress`].
    pub fn decide_connect(&self, facts: &ConnectFacts<'_>) -> Result<Way, Refusal> {
        let (egress, _) = self.open()?;
        let question = Question {
            source: facts.source,
            host: facts.host,
            port: Some(facts.port),
            asked: Asked::Connection,
            now: facts.now,
        };
        match egress.decide(&question) {
            Ok(found) => Ok(self.way(&found, facts.host, facts.now)),
            Err(verdict) => Err(self.refusal(verdict)),
        }
    }

    /// Decides a raw tunnel: the first `tcp` rule for the host, or, without a host, for the address.
    ///
    /// # Errors
    ///
    /// A [`Refusal`]; without a host also where no `tcp` rule's endpoint lists the address.
    pub fn decide_tunnel(&self, facts: &TunnelFacts<'_>) -> Result<EgressPermit, Refusal> {
        let (egress, _) = self.open()?;
        let decided = match (facts.host, facts.address) {
            (Some(host), _) => egress
                .decide(&Question {
                    source: facts.source,
                    host,
                    port: Some(facts.port),
                    asked: Asked::Tunnel,
                    now: facts.now,
                })
                .map(|found| (found, host.clone())),
            (None, Some(address)) => {
                let aim = Aim { source: facts.source, address, port: facts.port, now: facts.now };
                egress.decide_aim(&aim).map(|found| {
                    let host = found.endpoint.sole_host(address);
                    (found, host)
                })
            }
            (None, None) => Err(nowhere()),
        };
        match decided {
            Ok((found, host)) => Ok(EgressPermit::new(&found, &host, &self.hash, facts.now)),
            Err(verdict) => Err(self.refusal(verdict)),
        }
    }

    /// The permit of a raw tunnel to an address, where no earlier rule could have anything to say about
    /// what the workload is going to send there. So a protocol in which the server speaks first need not
    /// wait until it is clear that the workload says nothing.
    pub fn tunnel_at_once(&self, facts: &TunnelFacts<'_>) -> Option<EgressPermit> {
        let (egress, _) = self.open().ok()?;
        let aim =
            Aim { source: facts.source, address: facts.address?, port: facts.port, now: facts.now };
        let found = egress.first_for(&aim)?;
        let host = found.endpoint.sole_host(aim.address);
        Some(EgressPermit::new(&found, &host, &self.hash, facts.now))
    }

    fn way(&self, found: &Match<'_>, host: &Host, now: Timestamp) -> Way {
        match found.rule.rule.protocol {
            Protocol::Grpc | Protocol::Http => {
                Way::Intercept(ConnectPermit::new(found, &self.hash))
            }
            Protocol::Tcp => Way::Tunnel(EgressPermit::new(found, host, &self.hash, now)),
        }
    }

    /// Decides one request of an authenticated peer.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] whose reason is taken from the rule that came furthest.
    pub fn authorize_inbound(&self, facts: &InboundFacts<'_>) -> Result<InboundPermit, Refusal> {
        let (_, inbound) = self.open()?;
        let path = CanonicalPath::parse(facts.path);
        let request =
            Request { is_grpc: false, method: facts.method, path, upgrade: facts.upgrade };
        match inbound.decide(facts.peer, request, facts.now) {
            Ok(rule) => Ok(InboundPermit::new(rule, &self.hash, facts.now)),
            Err(verdict) => Err(self.refusal(verdict)),
        }
    }

    /// When the next rule comes to its end after `now`, so that what it permitted can end with it.
    pub fn next_end(&self, now: Timestamp) -> Option<Timestamp> {
        let (egress, inbound) = self.open().ok()?;
        let egress = egress.rules().iter().filter_map(|rule| rule.rule.expires);
        let inbound = inbound.rules().iter().filter_map(|rule| rule.expires);
        egress.chain(inbound).filter(|end| *end > now).min()
    }

    pub(crate) fn open(&self) -> Result<(&Egress, &Inbound), Refusal> {
        match &self.state {
            State::Open { egress, inbound } => Ok((egress, inbound)),
            State::Broken(why) => {
                let text =
                    format!("the policy could not be loaded, so everything is refused: {why}");
                Err(self.refusal(Verdict::block(None, code::POLICY_BROKEN, text)))
            }
        }
    }

    fn refusal(&self, verdict: Verdict) -> Refusal {
        Refusal { verdict, policy_hash: Arc::clone(&self.hash) }
    }
}
