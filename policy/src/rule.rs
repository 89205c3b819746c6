//! What egress and inbound rules have in common: who, which requests, until when, and how content is read.

use std::sync::Arc;

use jiff::Timestamp;
use spiffe::SpiffeId;

use crate::content::ContentProfile;
use crate::path::{CanonicalPath, PathPattern};
use crate::peer::PeerPattern;
use crate::protocol::{Protocol, Upgrade};
use crate::verdict::{Enforcement, Verdict, code};

/// The part of a rule that does not say where to.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) name: Arc<str>,
    /// What it takes. An inbound rule is for HTTP.
    pub(crate) protocol: Protocol,
    /// What an exchange may turn into.
    pub(crate) upgrades: Vec<Upgrade>,
    /// None: anyone.
    pub(crate) from: Option<Vec<PeerPattern>>,
    /// None: any method.
    pub(crate) methods: Option<Vec<Box<str>>>,
    /// None: any path.
    pub(crate) paths: Option<Vec<PathPattern>>,
    pub(crate) content: Arc<ContentProfile>,
    pub(crate) content_in: Option<Arc<ContentProfile>>,
    pub(crate) expires: Option<Timestamp>,
    pub(crate) monitor_until: Option<Timestamp>,
}

/// How far a request came through the rules for its host. The furthest one explains the refusal.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Stage {
    NoRule,
    Port,
    Protocol,
    Source,
    Method,
    Path,
    Upgrade,
    Expired,
}

/// What is asked of a rule.
pub(crate) enum Asked<'a> {
    /// A connection in which nothing was said yet: whatever the rule is for may follow.
    Connection,
    Request(Request<'a>),
    /// A connection that will not be parsed.
    Tunnel,
}

/// An HTTP request as rules see it.
pub(crate) struct Request<'a> {
    pub(crate) is_grpc: bool,
    pub(crate) method: &'a str,
    /// None: it could be read as another one.
    pub(crate) path: Option<CanonicalPath<'a>>,
    pub(crate) upgrade: Option<Upgrade>,
}

impl Asked<'_> {
    fn is_taken_by(&self, protocol: Protocol) -> bool {
        match self {
            Asked::Connection => true,
            Asked::Request(Request { is_grpc: true, .. }) => protocol.takes(Protocol::Grpc),
            Asked::Request(Request { is_grpc: false, .. }) => protocol.takes(Protocol::Http),
            Asked::Tunnel => protocol.takes(Protocol::Tcp),
        }
    }
}

impl Rule {
    /// Whether the rule matches; if not, where it stopped.
    pub(crate) fn matches(
        &self,
        source: Option<&SpiffeId>,
        asked: &Asked<'_>,
        now: Timestamp,
    ) -> Result<(), Stage> {
        if !asked.is_taken_by(self.protocol) {
            return Err(Stage::Protocol);
        }
        if let Some(from) = &self.from
            && !source.is_some_and(|id| from.iter().any(|pattern| pattern.matches(id)))
        {
            return Err(Stage::Source);
        }
        match asked {
            Asked::Request(request) => self.takes_request(request)?,
            Asked::Connection | Asked::Tunnel => (),
        }
        if self.is_expired(now) { Err(Stage::Expired) } else { Ok(()) }
    }

    fn takes_request(&self, request: &Request<'_>) -> Result<(), Stage> {
        if let Some(methods) = &self.methods
            && !methods.iter().any(|known| **known == *request.method)
        {
            return Err(Stage::Method);
        }
        // A path that could be read as another one matches no rule, also none without `paths`.
        let Some(path) = &request.path else { return Err(Stage::Path) };
        if let Some(paths) = &self.paths
            && !paths.iter().any(|pattern| pattern.matches(path))
        {
            return Err(Stage::Path);
        }
        match request.upgrade {
            Some(upgrade) if !self.upgrades.contains(&upgrade) => Err(Stage::Upgrade),
            Some(_) | None => Ok(()),
        }
    }

    pub(crate) fn is_expired(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|end| now >= end)
    }

    /// Monitoring ends by itself.
    pub(crate) fn enforcement(&self, now: Timestamp) -> Enforcement {
        match self.monitor_until {
            Some(until) if now < until => Enforcement::Monitor,
            Some(_) | None => Enforcement::Enforce,
        }
    }

    /// The refusal that this rule, as the closest one, explains.
    pub(crate) fn refuse(&self, stage: Stage) -> Verdict {
        let name = &self.name;
        let (code, text) = match stage {
            Stage::NoRule | Stage::Port => {
                (code::NO_RULE, format!("rule \"{name}\" does not go there"))
            }
            Stage::Protocol => (
                code::PROTOCOL_NOT_ALLOWED,
                format!(
                    "rule \"{name}\" is for {}; another rule would have to take this protocol",
                    self.protocol.name()
                ),
            ),
            Stage::Source => (
                code::SOURCE_NOT_ALLOWED,
                format!("rule \"{name}\" does not take this SPIFFE ID; its `from` would have to"),
            ),
            Stage::Method => (
                code::METHOD_NOT_ALLOWED,
                format!(
                    "rule \"{name}\" takes {} only; its `methods` would have to name this one",
                    self.methods.as_deref().unwrap_or_default().join(", ")
                ),
            ),
            Stage::Path => (
                code::PATH_NOT_ALLOWED,
                format!("rule \"{name}\" does not take this path; its `paths` would have to"),
            ),
            Stage::Upgrade => (
                code::UPGRADE_NOT_ALLOWED,
                format!("rule \"{name}\" does not take this upgrade; its `upgrades` would have to"),
            ),
            Stage::Expired => (
                code::RULE_EXPIRED,
                match self.expires {
                    Some(end) => {
                        format!("rule \"{name}\" expired at {end}; it needs a new approval")
                    }
                    None => format!("rule \"{name}\" expired"),
                },
            ),
        };
        Verdict::block(Some(Arc::clone(name)), code, text)
    }
}
