//! Inbound rules: which peers may ask the workload what.
//!
//! Every rule names its peers, so they are tried in order, first match wins; the furthest one explains a
//! refusal.

use std::sync::Arc;

use crate::rule::{Asked, Request, Rule, Stage};
use crate::verdict::{Verdict, code};

/// All inbound rules of a policy, in order.
#[derive(Debug, Default)]
pub(crate) struct Inbound {
    rules: Vec<Arc<Rule>>,
}

impl Inbound {
    pub(crate) fn new(rules: Vec<Arc<Rule>>) -> Inbound {
        Inbound { rules }
    }

    pub(crate) fn rules(&self) -> &[Arc<Rule>] {
        &self.rules
    }

    pub(crate) fn decide(
        &self,
        peer: &spiffe::SpiffeId,
        request: Request<'_>,
        now: jiff::Timestamp,
    ) -> Result<&Arc<Rule>, Verdict> {
        let asked = Asked::Request(request);
        let mut nearest: Option<(Stage, &Rule)> = None;
        for rule in &self.rules {
            match rule.matches(Some(peer), &asked, now) {
                Ok(()) => return Ok(rule),
                Err(stage) => {
                    if nearest.is_none_or(|(best, _)| stage > best) {
                        nearest = Some((stage, rule));
                    }
                }
            }
        }
        Err(match nearest {
            None => Verdict::block(
                None,
                code::NO_RULE,
                "the policy has no inbound rule, so no peer may come in".to_owned(),
            ),
            // Every rule stopped at the peer, so none of them is closer than another.
            Some((Stage::Source, _)) => Verdict::block(
                None,
                code::SOURCE_NOT_ALLOWED,
                "no inbound rule takes this peer; `from` of one would have to".to_owned(),
            ),
            Some((stage, rule)) => rule.refuse(stage),
        })
    }
}
