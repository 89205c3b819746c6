//! One exchange under way: the facts that it was decided on, owned, so that the same question can be
//! put to another policy, and what it has reached since.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use certs::bundle::Bundle;
use certs::rotation::Current;
use http::Method;
use jiff::Timestamp;
use policy::{
    ConnectFacts, EgressFacts, EgressPermit, Host, InboundFacts, Policy, Refusal, TunnelFacts,
    Upgrade, UpstreamTls, Verdict, Way,
};
use spiffe::SpiffeId;

use super::cut::{Cut, Why, Withdrawn};
use super::peer::Proof;

/// What an exchange was decided on.
#[derive(Clone, Debug)]
pub enum Facts {
    /// A name and port whose connection is intercepted.
    Connect {
        /// Who asks.
        source: SpiffeId,
        /// The authority's host.
        host: Host,
        /// The authority's port.
        port: u16,
    },
    /// A request of the workload.
    Egress {
        /// Who asks.
        source: SpiffeId,
        /// The target's host.
        host: Host,
        /// The target's port.
        port: Option<u16>,
        /// Whether it is a gRPC call.
        is_grpc: bool,
        /// The method.
        method: Method,
        /// The canonical path.
        path: Box<str>,
        /// What it asked to turn into.
        upgrade: Option<Upgrade>,
    },
    /// A request of a peer.
    Inbound {
        /// Who the peer proved to be.
        peer: SpiffeId,
        /// The method.
        method: Method,
        /// The canonical path.
        path: Box<str>,
        /// What it asked to turn into.
        upgrade: Option<Upgrade>,
    },
    /// A raw tunnel.
    Tunnel {
        /// Who asks.
        source: SpiffeId,
        /// The name, where one is known.
        host: Option<Host>,
        /// The address that it was aimed at, where one is known.
        address: Option<IpAddr>,
        /// The port.
        port: u16,
    },
}

/// An exchange that can be asked again.
#[derive(Debug)]
pub struct Entry {
    facts: Facts,
    cut: Cut,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// How the policy said that the upstream is reached.
    tls: Option<UpstreamTls>,
    address: Option<SocketAddr>,
    /// What the upstream proved.
    proof: Option<Arc<Proof>>,
    /// Which identity of ours it met.
    met: Option<Arc<Current>>,
    /// The connection that carries nothing else: it ends with an exchange that cannot end itself.
    line: Option<Cut>,
    /// The policy that was asked last, if that is another than it began with.
    asked: Option<Arc<str>>,
}

impl Facts {
    /// Who asks.
    pub fn source(&self) -> &SpiffeId {
        match self {
            Self::Connect { source, .. }
            | Self::Egress { source, .. }
            | Self::Inbound { peer: source, .. }
            | Self::Tunnel { source, .. } => source,
        }
    }

    /// Puts the question to `policy`. The permit of what goes to an upstream is returned, so that
    /// what else hangs on it can be compared.
    ///
    /// # Errors
    /// The refusal.
    pub fn decide(&self, policy: &Policy, now: Timestamp) -> Result<Option<EgressPermit>, Refusal> {
        match self {
            Self::Connect { source, host, port } => {
                let facts = ConnectFacts { source: Some(source), host, port: *port, now };
                match policy.decide_connect(&facts)? {
                    Way::Intercept(_) => Ok(None),
                    Way::Tunnel(permit) => Err(other_way(&permit, "as a raw tunnel")),
                }
            }
            Self::Egress { source, host, port, is_grpc, method, path, upgrade } => {
                let (source, method) = (Some(source), method.as_str());
                let (port, is_grpc, upgrade) = (*port, *is_grpc, *upgrade);
                let facts = EgressFacts { source, host, port, is_grpc, method, path, upgrade, now };
                policy.decide_egress(&facts).map(Some)
            }
            Self::Inbound { peer, method, path, upgrade } => {
                let (method, upgrade) = (method.as_str(), *upgrade);
                let facts = InboundFacts { peer, method, path, upgrade, now };
                policy.authorize_inbound(&facts).map(|_| None)
            }
            Self::Tunnel { source, host, address, port } => {
                let (host, address, port) = (host.as_ref(), *address, *port);
                let facts = TunnelFacts { source: Some(source), host, address, port, now };
                policy.decide_tunnel(&facts).map(Some)
            }
        }
    }
}

/// What is permitted, but not in the way in which it is under way.
fn other_way(permit: &EgressPermit, way: &str) -> Refusal {
    let text = format!("endpoint \"{}\" is now reached {way}", permit.endpoint());
    let rule = permit.verdict().rule.clone();
    Refusal {
        verdict: Verdict::block(rule, Why::PolicyWithdrawn.code(), text),
        policy_hash: Arc::clone(permit.policy_hash()),
    }
}

impl Entry {
    pub(super) fn new(facts: Facts, cut: Cut) -> Self {
        Self { facts, cut, state: Mutex::default() }
    }

    /// What it was decided on.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Notes how the upstream is to be reached.
    pub fn permitted(&self, tls: &UpstreamTls) {
        self.state().tls = Some(tls.clone());
    }

    /// Notes which address was chosen, and what was proved there to which identity of ours.
    pub fn reached(&self, address: SocketAddr, proof: Option<Arc<Proof>>, met: &Arc<Current>) {
        let mut state = self.state();
        state.address = Some(address);
        state.proof = proof;
        state.met = Some(Arc::clone(met));
    }

    pub(super) fn has_met(&self, own: &Arc<Current>) -> bool {
        self.state().met.as_ref().is_some_and(|met| Arc::ptr_eq(met, own))
    }

    /// Notes the connection that carries this exchange and no other.
    pub fn carried_by(&self, line: &Cut) {
        self.state().line = Some(line.clone());
    }

    /// The policy that was asked last, if that is another than the one it began with.
    pub fn asked(&self) -> Option<Arc<str>> {
        self.state().asked.clone()
    }

    /// Asks `policy`; what it no longer permits is cut. Returns why, if that ends it now.
    pub(super) fn ask(&self, policy: &Policy, now: Timestamp) -> Option<Withdrawn> {
        let refusal = self.allow(policy, now).err()?;
        let withdrawn = Withdrawn::by(&refusal);
        self.cut.raise(withdrawn.clone()).then_some(withdrawn)
    }

    /// Ends the connection below an exchange that was cut and is still there: its client takes
    /// nothing, so it does not come to its end by itself.
    pub(super) fn force(&self) {
        let line = self.state().line.clone();
        if let (Some(line), Some(withdrawn)) = (line, self.cut.withdrawn()) {
            line.raise(withdrawn.clone());
        }
    }

    pub(super) fn end(&self, why: Why, text: &str) -> bool {
        self.cut.raise(Withdrawn::because(why, text))
    }

    /// Whether `bundle` vouches for the upstream that was reached, if one was.
    pub(super) fn is_proved(&self, bundle: &Arc<Bundle>, now: Timestamp) -> bool {
        let proof = self.state().proof.clone();
        proof.is_none_or(|proof| proof.holds(bundle, now))
    }

    fn allow(&self, policy: &Policy, now: Timestamp) -> Result<(), Refusal> {
        let permit = self.facts.decide(policy, now)?;
        let mut state = self.state();
        state.asked = Some(Arc::clone(policy.hash()));
        let Some(permit) = permit else { return Ok(()) };
        let carrier = permit.carrier();
        // What a gateway carries has reached the gateway.
        let dialled = carrier.as_ref().unwrap_or(&permit);
        if let Some(address) = state.address {
            dialled.vet(address.ip())?;
        }
        let is_same_port = state.address.is_none_or(|address| address.port() == dialled.port());
        let is_same_tls = state.tls.as_ref().is_none_or(|tls| tls == permit.tls());
        if is_same_port && is_same_tls {
            return Ok(());
        }
        Err(other_way(&permit, "in another way (port, tls, peer or pins)"))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
