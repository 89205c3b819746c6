//! A loaded policy: facts in, permit or refusal out.
//!
//! Immutable and shared. What no rule matches is refused; a policy that could not be loaded refuses
//! everything. Nothing here reads a clock: time is one of the facts.

use std::sync::Arc;

use jiff::Timestamp;
use spiffe::SpiffeId;

use crate::egress::{Egress, Question};
use crate::host::Host;
use crate::inbound::Inbound;
use crate::path::CanonicalPath;
use crate::permit::{ConnectPermit, EgressPermit, InboundPermit};
use crate::rule::Asked;
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
    /// The method.
    pub method: &'a str,
    /// The canonical path, without query.
    pub path: &'a str,
    /// The time of the decision.
    pub now: Timestamp,
}

/// What a decision on a tunnel may look at: its authority, before anything was said inside.
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

/// What a decision on an inbound request may look at.
#[derive(Clone, Copy, Debug)]
pub struct InboundFacts<'a> {
    /// The SPIFFE ID that the peer proved.
    pub peer: &'a SpiffeId,
    /// The method.
    pub method: &'a str,
    /// The canonical path, without query.
    pub path: &'a str,
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
    /// port, source, method, path, expiry.
    pub fn decide_egress(&self, facts: &EgressFacts<'_>) -> Result<EgressPermit, Refusal> {
        let (egress, _) = self.open()?;
        let path = CanonicalPath::parse(facts.path);
        let question = Question {
            source: facts.source,
            host: facts.host,
            port: facts.port,
            asked: Asked::Request { method: facts.method, path },
            now: facts.now,
        };
        match egress.decide(&question) {
            Ok(found) => Ok(EgressPermit::new(&found, facts.host, &self.hash, facts.now)),
            Err(verdict) => Err(self.refusal(verdict)),
        }
    }

    /// Decides whether a tunnel to a name and port may be intercepted: whether some rule that has not
    /// expired could match some request inside.
    ///
    /// # Errors
    ///
    /// A [`Refusal`], as for [`Policy::decide_egress`].
    pub fn decide_connect(&self, facts: &ConnectFacts<'_>) -> Result<ConnectPermit, Refusal> {
        let (egress, _) = self.open()?;
        let question = Question {
            source: facts.source,
            host: facts.host,
            port: Some(facts.port),
            asked: Asked::Connection,
            now: facts.now,
        };
        match egress.decide(&question) {
            Ok(found) => Ok(ConnectPermit::new(&found, &self.hash)),
            Err(verdict) => Err(self.refusal(verdict)),
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
        let asked = Asked::Request { method: facts.method, path };
        match inbound.decide(facts.peer, &asked, facts.now) {
            Ok(rule) => Ok(InboundPermit::new(rule, &self.hash, facts.now)),
            Err(verdict) => Err(self.refusal(verdict)),
        }
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
