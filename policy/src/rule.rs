//! What egress and inbound rules have in common: who, which requests, until when, and how content is read.

use std::sync::Arc;

use jiff::Timestamp;
use spiffe::SpiffeId;

use crate::content::ContentProfile;
use crate::path::{CanonicalPath, PathPattern};
use crate::peer::PeerPattern;
use crate::verdict::{Enforcement, Verdict, code};

/// The part of a rule that does not say where to.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) name: Arc<str>,
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
    Source,
    Method,
    Path,
    Expired,
}

/// A request as rules see it. A CONNECT has neither method nor path yet.
pub(crate) enum Asked<'a> {
    Connection,
    Request { method: &'a str, path: Option<CanonicalPath<'a>> },
}

impl Rule {
    /// Whether the rule matches; if not, where it stopped.
    pub(crate) fn matches(
        &self,
        source: Option<&SpiffeId>,
        asked: &Asked<'_>,
        now: Timestamp,
    ) -> Result<(), Stage> {
        if let Some(from) = &self.from
            && !source.is_some_and(|id| from.iter().any(|pattern| pattern.matches(id)))
        {
            return Err(Stage::Source);
        }
        if let Asked::Request { method, path } = asked {
            if let Some(methods) = &self.methods
                && !methods.iter().any(|known| **known == **method)
            {
                return Err(Stage::Method);
            }
            // A path that could be read as another one matches no rule, also none without `paths`.
            let Some(path) = path else { return Err(Stage::Path) };
            if let Some(paths) = &self.paths
                && !paths.iter().any(|pattern| pattern.matches(path))
            {
                return Err(Stage::Path);
            }
        }
        if self.is_expired(now) { Err(Stage::Expired) } else { Ok(()) }
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
