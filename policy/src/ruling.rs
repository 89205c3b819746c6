//! What a permit says of content, apart from the permit: sending consumes the permit while the
//! body is still being read.

use std::collections::BTreeMap;
use std::sync::Arc;

use dlp::{Evidence, Finding, Identifier, Tally};

use crate::content::{ContentProfile, Place};
use crate::egress::names::NamePermit;
use crate::permit::{EgressPermit, InboundPermit};
use crate::verdict::{Enforcement, Verdict};

/// A content profile as one permitted exchange is judged by it.
#[derive(Clone, Debug)]
pub struct Ruling {
    rule: Option<Arc<str>>,
    profile: Arc<ContentProfile>,
    enforcement: Enforcement,
}

impl Ruling {
    fn new(verdict: &Verdict, profile: &Arc<ContentProfile>) -> Ruling {
        Ruling {
            rule: verdict.rule.clone(),
            profile: Arc::clone(profile),
            enforcement: verdict.enforcement,
        }
    }

    /// The egress or inbound rule that permitted the exchange.
    pub fn rule(&self) -> Option<&Arc<str>> {
        self.rule.as_ref()
    }

    /// The profile.
    pub fn profile(&self) -> &Arc<ContentProfile> {
        &self.profile
    }

    /// The verdict on what was read, after what was found before in the same exchange; softened where the
    /// rule only monitors.
    pub fn judge(&self, place: Place, before: &Tally, evidence: &Evidence) -> Verdict {
        let mut verdict = self.profile.judge_after(place, before, evidence);
        verdict.enforcement = self.enforcement;
        verdict
    }

    /// See [`ContentProfile::tolerated`].
    pub fn tolerated(&self, tally: &Tally) -> BTreeMap<Identifier, (u64, u64)> {
        self.profile.tolerated(tally)
    }

    /// A verdict from elsewhere, softened where the rule only monitors.
    #[must_use]
    pub fn enforced(&self, mut verdict: Verdict) -> Verdict {
        verdict.enforcement = self.enforcement;
        verdict
    }

    /// Whether a finding is to be masked: some rule redacts it, and the rule is enforced.
    pub fn redacts(&self, finding: &Finding) -> bool {
        self.enforcement == Enforcement::Enforce && self.profile.redacts(finding)
    }
}

impl EgressPermit {
    /// How the request is judged.
    pub fn ruling(&self) -> Ruling {
        Ruling::new(self.verdict(), self.content())
    }

    /// How the response is judged, where the rule asks for it.
    pub fn ruling_in(&self) -> Option<Ruling> {
        self.content_in().map(|profile| Ruling::new(self.verdict(), profile))
    }
}

impl NamePermit {
    /// How the name is judged: once by each profile of the rules that go to it, and strictest wins, since
    /// nobody knows yet which of the rules the connection will fall under.
    pub fn rulings(&self) -> Vec<Ruling> {
        let mut rulings: Vec<Ruling> = Vec::new();
        for way in &self.ways {
            let rule = &way.rule.rule;
            let ruling = Ruling {
                rule: Some(Arc::clone(&rule.name)),
                profile: Arc::clone(&rule.content),
                enforcement: rule.enforcement(self.decided_at()),
            };
            let is_known = |known: &Ruling| {
                Arc::ptr_eq(&known.profile, &ruling.profile)
                    && known.enforcement == ruling.enforcement
            };
            if !rulings.iter().any(is_known) {
                rulings.push(ruling);
            }
        }
        rulings
    }
}

impl InboundPermit {
    /// How the response is judged: it is what leaves.
    pub fn ruling(&self) -> Ruling {
        Ruling::new(self.verdict(), self.content())
    }

    /// How the request is judged, where the rule asks for it.
    pub fn ruling_in(&self) -> Option<Ruling> {
        self.content_in().map(|profile| Ruling::new(self.verdict(), profile))
    }
}
