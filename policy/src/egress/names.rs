//! Names that the workload asks a resolver for. A question is answered where some egress rule goes to
//! the name at all; which request would follow is not known yet, so every such rule has its say.

use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use spiffe::SpiffeId;

use super::{Egress, EgressRule, Question};
use crate::endpoint::Endpoint;
use crate::host::Host;
use crate::permit::refuse_address;
use crate::policy::Policy;
use crate::rule::{Asked, Stage};
use crate::verdict::{Refusal, Verdict};

/// What a decision on a name may look at.
#[derive(Clone, Copy, Debug)]
pub struct NameFacts<'a> {
    /// The SPIFFE ID of who asks.
    pub source: Option<&'a SpiffeId>,
    /// The name.
    pub host: &'a Host,
    /// The time of the decision.
    pub now: Timestamp,
}

/// Leave to resolve one name, and to tell the addresses that it [vets](NamePermit::vet). It lets nothing
/// out but the question: a connection needs its own [`EgressPermit`](crate::EgressPermit).
///
/// ```compile_fail,E0599
/// fn twice(permit: policy::NamePermit) -> (policy::NamePermit, policy::NamePermit) {
///     (permit.clone(), permit)
/// }
/// ```
#[must_use = "a permit that nobody consumes means a question that was decided and not asked"]
#[derive(Debug)]
pub struct NamePermit {
    verdict: Verdict,
    policy_hash: Arc<str>,
    host: Host,
    /// Never empty; in the order of the rules.
    pub(crate) ways: Vec<Way>,
    now: Timestamp,
}

/// A rule that goes to the name, and by which endpoint.
#[derive(Debug)]
pub(crate) struct Way {
    pub(crate) rule: Arc<EgressRule>,
    endpoint: Arc<Endpoint>,
}

impl Policy {
    /// Decides whether a name may be resolved: whether some rule that has not expired goes to an endpoint
    /// that lists it.
    ///
    /// # Errors
    ///
    /// A [`Refusal`], as for [`Policy::decide_egress`]. An address literal is no name and is refused.
    pub fn decide_name(&self, facts: &NameFacts<'_>) -> Result<NamePermit, Refusal> {
        let (egress, _) = self.open()?;
        let refused = |verdict| Refusal { verdict, policy_hash: Arc::clone(self.hash()) };
        let ways = egress.ways(facts).map_err(refused)?;
        let Some(first) = ways.first() else {
            return Err(refused(egress.explain(None, &question(facts))));
        };
        let rule = &first.rule.rule;
        let text = format!("rule \"{}\" goes to endpoint \"{}\"", rule.name, first.endpoint.name);
        let verdict = Verdict::allow(Some(Arc::clone(&rule.name)), text);
        Ok(NamePermit {
            verdict,
            policy_hash: Arc::clone(self.hash()),
            host: facts.host.clone(),
            ways,
            now: facts.now,
        })
    }
}

impl Egress {
    fn ways(&self, facts: &NameFacts<'_>) -> Result<Vec<Way>, Verdict> {
        let question = question(facts);
        let mut ways = Vec::new();
        let mut nearest: Option<(Stage, super::Candidate)> = None;
        let candidates = facts.host.is_name().then(|| self.candidates(facts.host));
        for candidate in candidates.into_iter().flatten() {
            match self.attempt(candidate, &question) {
                Ok(found) => ways.push(Way {
                    rule: Arc::clone(found.rule),
                    endpoint: Arc::clone(found.endpoint),
                }),
                Err(stage) if nearest.is_none_or(|(best, _)| stage > best) => {
                    nearest = Some((stage, candidate));
                }
                Err(_) => {}
            }
        }
        if ways.is_empty() { Err(self.explain(nearest, &question)) } else { Ok(ways) }
    }
}

fn question<'a>(facts: &NameFacts<'a>) -> Question<'a> {
    Question {
        source: facts.source,
        host: facts.host,
        port: None,
        asked: Asked::Connection,
        now: facts.now,
    }
}

impl NamePermit {
    /// The decision.
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// The hash of the policy that decided.
    pub fn policy_hash(&self) -> &Arc<str> {
        &self.policy_hash
    }

    /// The name that was decided on.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The time of the decision.
    pub(crate) fn decided_at(&self) -> Timestamp {
        self.now
    }

    /// The name of the endpoint that the first rule goes to.
    pub fn endpoint(&self) -> Option<&Arc<str>> {
        self.ways.first().map(|way| &way.endpoint.name)
    }

    /// The region of that endpoint, where the policy names one.
    pub fn region(&self) -> Option<&str> {
        self.ways.first()?.endpoint.region.as_ref().map(|region| region.as_str())
    }

    /// Whether an endpoint lists the name itself, rather than by a wildcard: then the policy knows it, and
    /// asking for it tells nothing.
    pub fn is_listed_by_name(&self) -> bool {
        let mut patterns = self.ways.iter().flat_map(|way| &way.endpoint.hosts);
        patterns.any(|pattern| pattern.exact() == Some(&self.host))
    }

    /// Whether a resolved address may be told: whether one of the rules could dial it. Not softened by
    /// monitor.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] with `never-dial-address` or `address-not-listed`, by the first rule.
    pub fn vet(&self, addr: IpAddr) -> Result<(), Refusal> {
        let mut first = None;
        for way in &self.ways {
            match way.endpoint.guard.vet(addr) {
                Ok(()) => return Ok(()),
                Err(refusal) => {
                    first.get_or_insert((refusal, way));
                }
            }
        }
        let Some((refusal, way)) = first else { return Ok(()) };
        let rule = &way.rule.rule.name;
        let verdict = refuse_address(refusal, &way.endpoint.name, rule);
        Err(Refusal { verdict, policy_hash: Arc::clone(&self.policy_hash) })
    }
}
