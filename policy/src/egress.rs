//! Egress rules, and the index that finds the rules for a host without walking all of them.
//!
//! The index only narrows: candidates come in rule order, so the first match is the same one that a walk
//! over every rule finds.

pub(crate) mod names;

use std::collections::HashMap;
use std::sync::Arc;

mod aim;

pub(crate) use aim::{Aim, nowhere};

use crate::endpoint::Endpoint;
use crate::host::{Host, HostPattern, Shape};
use crate::rule::{Asked, Rule, Stage};
use crate::verdict::{Verdict, code};

/// A rule and the endpoints it goes to.
#[derive(Debug)]
pub(crate) struct EgressRule {
    pub(crate) rule: Rule,
    /// Places in [`Egress::endpoints`], in the order of `to`.
    pub(crate) to: Vec<usize>,
}

/// All egress rules of a policy, in order, with their endpoints.
#[derive(Debug, Default)]
pub(crate) struct Egress {
    endpoints: Vec<Arc<Endpoint>>,
    rules: Vec<Arc<EgressRule>>,
    exact: HashMap<Host, Vec<Candidate>>,
    wild: HashMap<String, Vec<Candidate>>,
    shapes: Vec<Shape>,
    /// The ways to each port, for connections of which only the address is known.
    ports: HashMap<u16, Vec<Candidate>>,
}

/// One way to serve a host: a rule and one of its endpoints. Ordered as rules are tried.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Candidate {
    /// [`NO_RULE`] where no rule goes to the endpoint.
    rule: usize,
    /// The place in the rule's `to`.
    place: usize,
    endpoint: usize,
}

/// Sorts last: an endpoint without rules explains a refusal only where nothing else does.
const NO_RULE: usize = usize::MAX;

/// The rule and endpoint that match, and the port to dial.
#[derive(Debug)]
pub(crate) struct Match<'a> {
    pub(crate) rule: &'a Arc<EgressRule>,
    pub(crate) endpoint: &'a Arc<Endpoint>,
    pub(crate) port: u16,
}

/// What is asked of the egress rules.
pub(crate) struct Question<'a> {
    pub(crate) source: Option<&'a spiffe::SpiffeId>,
    pub(crate) host: &'a Host,
    pub(crate) port: Option<u16>,
    pub(crate) asked: Asked<'a>,
    pub(crate) now: jiff::Timestamp,
}

impl Egress {
    pub(crate) fn new(endpoints: Vec<Arc<Endpoint>>, rules: Vec<Arc<EgressRule>>) -> Egress {
        let mut egress = Egress { endpoints, rules, ..Egress::default() };
        let mut used = vec![false; egress.endpoints.len()];
        let mut candidates = Vec::new();
        for (rule, entry) in egress.rules.iter().enumerate() {
            for (place, &endpoint) in entry.to.iter().enumerate() {
                candidates.push(Candidate { rule, place, endpoint });
                if let Some(used) = used.get_mut(endpoint) {
                    *used = true;
                }
            }
        }
        let unused = used.iter().enumerate().filter(|(_, used)| !**used);
        candidates.extend(unused.map(|(endpoint, _)| Candidate {
            rule: NO_RULE,
            place: 0,
            endpoint,
        }));
        for candidate in candidates {
            let Some(endpoint) = egress.endpoints.get(candidate.endpoint).map(Arc::clone) else {
                continue;
            };
            for pattern in &endpoint.hosts {
                egress.insert(pattern, candidate);
            }
            if candidate.rule != NO_RULE {
                for port in &endpoint.ports {
                    egress.ports.entry(*port).or_default().push(candidate);
                }
            }
        }
        egress
    }

    pub(crate) fn endpoints(&self) -> &[Arc<Endpoint>] {
        &self.endpoints
    }

    pub(crate) fn rules(&self) -> &[Arc<EgressRule>] {
        &self.rules
    }

    /// The first rule that matches, or the refusal that the furthest one explains.
    pub(crate) fn decide(&self, question: &Question<'_>) -> Result<Match<'_>, Verdict> {
        let mut nearest: Option<(Stage, Candidate)> = None;
        for candidate in self.candidates(question.host) {
            match self.attempt(candidate, question) {
                Ok(found) => return Ok(found),
                Err(stage) => {
                    if nearest.is_none_or(|(best, _)| stage > best) {
                        nearest = Some((stage, candidate));
                    }
                }
            }
        }
        Err(self.explain(nearest, question))
    }

    fn attempt(&self, candidate: Candidate, question: &Question<'_>) -> Result<Match<'_>, Stage> {
        let endpoint = self.endpoints.get(candidate.endpoint).ok_or(Stage::NoRule)?;
        let rule = self.rules.get(candidate.rule).ok_or(Stage::NoRule)?;
        let port = endpoint.dial_port(question.port).ok_or(Stage::Port)?;
        rule.rule.matches(question.source, &question.asked, question.now)?;
        Ok(Match { rule, endpoint, port })
    }

    fn explain(&self, nearest: Option<(Stage, Candidate)>, question: &Question<'_>) -> Verdict {
        let found = nearest.and_then(|(stage, candidate)| {
            Some((stage, self.endpoints.get(candidate.endpoint)?, self.rules.get(candidate.rule)))
        });
        match found {
            None => Verdict::block(
                None,
                code::HOST_NOT_LISTED,
                "no endpoint lists this host; `hosts` of an endpoint would have to".to_owned(),
            ),
            Some((Stage::Port, endpoint, rule)) => {
                let asked = question.port.map_or_else(String::new, |port| format!(" {port}"));
                let text = format!(
                    "endpoint \"{}\" lists port {}; its `ports` would have to list{asked}",
                    endpoint.name,
                    endpoint.ports_text()
                );
                let name = rule.map(|rule| Arc::clone(&rule.rule.name));
                Verdict::block(name, code::PORT_NOT_LISTED, text)
            }
            Some((stage, _, Some(rule))) => rule.rule.refuse(stage),
            Some((_, endpoint, None)) => Verdict::block(
                None,
                code::NO_RULE,
                format!(
                    "no egress rule goes to endpoint \"{}\", which lists this host",
                    endpoint.name
                ),
            ),
        }
    }

    fn candidates(&self, host: &Host) -> Candidates<'_> {
        let mut lists: Vec<&[Candidate]> = Vec::new();
        lists.extend(self.exact.get(host).map(Vec::as_slice));
        if host.is_name() {
            let mut key = String::with_capacity(host.as_str().len());
            for shape in &self.shapes {
                if shape.key(host, &mut key) {
                    lists.extend(self.wild.get(&key).map(Vec::as_slice));
                }
            }
        }
        Candidates { lists }
    }

    fn insert(&mut self, pattern: &HostPattern, candidate: Candidate) {
        let list = match pattern.exact() {
            Some(host) => self.exact.entry(host.clone()).or_default(),
            None => {
                let shape = pattern.shape();
                if !self.shapes.contains(&shape) {
                    self.shapes.push(shape);
                }
                self.wild.entry(pattern.as_str().to_owned()).or_default()
            }
        };
        list.push(candidate);
    }
}

/// Sorted lists of candidates, merged as they are read.
struct Candidates<'a> {
    lists: Vec<&'a [Candidate]>,
}

impl Iterator for Candidates<'_> {
    type Item = Candidate;

    fn next(&mut self) -> Option<Candidate> {
        let list = self
            .lists
            .iter_mut()
            .filter(|list| !list.is_empty())
            .min_by_key(|list| list.first().copied())?;
        let (first, rest) = list.split_first()?;
        *list = rest;
        Some(*first)
    }
}
