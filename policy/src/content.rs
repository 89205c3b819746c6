//! Content profiles: how a body is read, and what its findings lead to.
//!
//! The strictest action that applies wins; a Safe Harbor finding of medium confidence or more that no rule
//! matches blocks; what could not be read or identified blocks unless the profile says otherwise. As
//! evidence grows a verdict only gets stricter, so an exchange that was stopped stays stopped.

use std::collections::BTreeMap;
use std::sync::Arc;

use dlp::redact::Style;
use dlp::{
    Artifact, Catalog, Confidence, Evidence, Finding, Hint, Identifier, Limits, Scanner, Tally,
};

use crate::verdict::{Action, Enforcement, Reason, Verdict, code};

mod contract;
mod text;

pub(crate) use contract::Contract;
pub use contract::NAN_SHARE_MAX_DEFAULT;

/// `holdMax` where a profile does not say: 1 GiB.
pub const HOLD_MAX_DEFAULT: u64 = 1 << 30;

/// When bytes are released.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Inspect {
    /// Nothing leaves until all of it was read.
    Hold,
    /// Bytes leave behind the scanner's look-back.
    Stream,
}

/// Which part of an exchange is judged.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Place {
    /// A body, where findings can be masked.
    Body,
    /// Target, query or header values: masking would change what was decided, so redact means block.
    Head,
}

/// How the content of one direction of a rule is read and judged. Immutable.
#[derive(Debug)]
pub struct ContentProfile {
    pub(crate) name: Arc<str>,
    pub(crate) exempt: Option<Box<str>>,
    pub(crate) inspect: Inspect,
    pub(crate) hold_max: u64,
    pub(crate) unreadable: Gap,
    pub(crate) unidentified: Gap,
    pub(crate) rules: Vec<ContentRule>,
    pub(crate) contract: Option<Contract>,
    /// What takes the place of what is redacted.
    pub(crate) style: Style,
    /// False for a profile that was compiled without the rosters and keys that it names.
    pub(crate) is_furnished: bool,
    pub(crate) catalog: Arc<Catalog>,
}

/// What happens to content that was not read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Gap {
    Allow,
    Block,
}

/// One rule of a profile.
#[derive(Debug)]
pub(crate) struct ContentRule {
    /// `content/<profile>#<place>`, counted from 1.
    pub(crate) label: Arc<str>,
    pub(crate) identifiers: Vec<Identifier>,
    pub(crate) confidence: Confidence,
    /// At least 1. Fewer findings than this are tolerated.
    pub(crate) count: u64,
    pub(crate) action: Action,
}

impl ContentRule {
    pub(crate) fn matches(&self, identifier: Identifier, confidence: Confidence) -> bool {
        confidence >= self.confidence && self.identifiers.contains(&identifier)
    }

    fn count(&self, tally: &Tally) -> u64 {
        let matching = |(identifier, confidence, _, _): &(Identifier, Confidence, _, _)| {
            self.matches(*identifier, *confidence)
        };
        tally.iter().filter(matching).map(|(.., count)| count).sum()
    }
}

impl ContentProfile {
    /// The profile's name; `exempt` for an exemption.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Why the body is not read, where a rule exempts it. The head of an exempt exchange is judged all
    /// the same, by the defaults.
    pub fn exempt(&self) -> Option<&str> {
        self.exempt.as_deref()
    }

    /// When bytes are released.
    pub fn inspect(&self) -> Inspect {
        self.inspect
    }

    /// The largest body that is held, in bytes.
    pub fn hold_max(&self) -> u64 {
        self.hold_max
    }

    /// The detectors to scan with.
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    /// What takes the place of what is redacted.
    pub fn style(&self) -> &Style {
        &self.style
    }

    /// A scanner for one body, which gathers what this profile judges.
    pub fn scanner(&self, hint: &Hint<'_>, limits: Limits) -> Scanner {
        self.scanner_with(Arc::clone(&self.catalog), hint, limits)
    }

    /// As [`ContentProfile::scanner`], with a catalogue that holds more than the profile's.
    pub fn scanner_with(&self, catalog: Arc<Catalog>, hint: &Hint<'_>, limits: Limits) -> Scanner {
        match &self.contract {
            Some(contract) => Scanner::measuring(catalog, hint, limits, contract.measure.clone()),
            None => Scanner::new(catalog, hint, limits),
        }
    }

    /// A reader for an artifact that comes in parts, which gathers what this profile judges.
    pub fn artifact(&self, limits: Limits) -> Artifact {
        let measure = self.contract.as_ref().map(|contract| contract.measure.clone());
        Artifact::new(Arc::clone(&self.catalog), limits, measure)
    }

    /// What the evidence gathered so far leads to. Monotone: for evidence that grows, a verdict that stops
    /// stays one that stops.
    ///
    /// Of several reasons to stop, a finding comes before a broken contract, and that before content that
    /// was not read. A contract is on bodies only, and refuses one that was not scanned by
    /// [`ContentProfile::scanner`].
    pub fn judge(&self, place: Place, evidence: &Evidence) -> Verdict {
        self.judge_after(place, &Tally::default(), evidence)
    }

    /// As [`ContentProfile::judge`], of an exchange in which so much was found before, in target, headers
    /// and trailers: that counts, and cannot be masked any more.
    pub fn judge_after(&self, place: Place, before: &Tally, evidence: &Evidence) -> Verdict {
        if self.exempt.is_some() && place == Place::Body {
            return Verdict::allow(None, "the rule exempts this content".to_owned());
        }
        if !self.is_furnished {
            let label = Arc::from(format!("content/{}", self.name));
            let text = "the rosters and keys of this content profile were not loaded".to_owned();
            return Verdict::block(Some(label), code::UNREADABLE, text);
        }
        let verdict = self.strictest(place, before, evidence).unwrap_or_else(|| {
            Verdict::allow(None, "nothing found that a rule acts on".to_owned())
        });
        if verdict.action == Action::Block {
            return verdict;
        }
        if let Some(breach) = self.judge_contract(place, evidence) {
            return breach;
        }
        if let Some(gap) = self.judge_gaps(evidence) {
            return gap;
        }
        if verdict.action == Action::Redact {
            return self.judge_redaction(evidence).unwrap_or(verdict);
        }
        verdict
    }

    /// Whether a finding in a body is one that some rule wants masked. Carried out only where the verdict
    /// on the whole is [`Action::Redact`].
    pub fn redacts(&self, finding: &Finding) -> bool {
        self.exempt.is_none()
            && self.rules.iter().any(|rule| {
                rule.action == Action::Redact
                    && rule.matches(finding.identifier, finding.confidence)
            })
    }

    /// Whether a finding may leave as it is, whatever its count: allowed by the strictest rule that
    /// matches, or of a kind that blocks only where a rule names it.
    pub fn releases(&self, finding: &Finding) -> bool {
        let matching =
            self.rules.iter().filter(|r| r.matches(finding.identifier, finding.confidence));
        match matching.map(|rule| rule.action).max() {
            Some(action) => action == Action::Allow,
            None => !finding.identifier.is_safe_harbor() || finding.confidence < Confidence::Medium,
        }
    }

    /// The findings that leave because they are fewer than the `count` of a rule that acts on them: of each
    /// identifier how many, and the largest such `count`. For a tally that no rule stops.
    pub fn tolerated(&self, tally: &Tally) -> BTreeMap<Identifier, (u64, u64)> {
        let mut tolerated: BTreeMap<_, (u64, u64)> = BTreeMap::new();
        for (identifier, confidence, _, found) in tally.iter() {
            let acting = || {
                let acts = |rule: &&ContentRule| rule.action != Action::Allow;
                self.rules.iter().filter(acts).filter(|rule| rule.matches(identifier, confidence))
            };
            // What a rule acts on one by one is masked.
            let least = acting().map(|rule| rule.count).min().unwrap_or(1);
            if least > 1 {
                let counted = tolerated.entry(identifier).or_default();
                counted.0 += found;
                counted.1 = counted.1.max(least);
            }
        }
        tolerated
    }

    /// The strictest action that findings lead to; of equals the first rule, and the rules before the
    /// default.
    fn strictest(&self, place: Place, before: &Tally, evidence: &Evidence) -> Option<Verdict> {
        let mut strictest: Option<(Action, &ContentRule, u64)> = None;
        for rule in &self.rules {
            let found_before = rule.count(before);
            let found = rule.count(&evidence.tally).saturating_add(found_before);
            let action = match (rule.action, place) {
                (Action::Redact, Place::Head) | (Action::Quarantine, _) => Action::Block,
                (Action::Redact, Place::Body) if found_before > 0 => Action::Block,
                (action @ (Action::Allow | Action::Redact | Action::Block), _) => action,
            };
            if found >= rule.count && strictest.is_none_or(|(best, _, _)| action > best) {
                strictest = Some((action, rule, found));
            }
        }
        let blocks = strictest.is_some_and(|(action, _, _)| action == Action::Block);
        let unmatched = if blocks { None } else { self.unmatched(evidence) };
        unmatched.or_else(|| {
            strictest.map(|(action, rule, found)| Verdict {
                action,
                enforcement: Enforcement::Enforce,
                rule: Some(Arc::clone(&rule.label)),
                reason: Reason {
                    code: code::FINDING,
                    text: text::matched(rule, found, (before, evidence)),
                },
            })
        })
    }

    /// A Safe Harbor finding of medium or more that no rule matches.
    fn unmatched(&self, evidence: &Evidence) -> Option<Verdict> {
        let is_unmatched = |identifier: Identifier, confidence: Confidence| {
            identifier.is_safe_harbor()
                && confidence >= Confidence::Medium
                && !self.rules.iter().any(|rule| rule.matches(identifier, confidence))
        };
        let found: u64 = evidence
            .tally
            .iter()
            .filter(|(identifier, confidence, _, _)| is_unmatched(*identifier, *confidence))
            .map(|(.., count)| count)
            .sum();
        (found > 0).then(|| {
            let rule = Arc::from(format!("content/{}#default", self.name));
            Verdict::block(
                Some(rule),
                code::FINDING,
                text::unmatched(found, evidence, is_unmatched),
            )
        })
    }

    fn judge_contract(&self, place: Place, evidence: &Evidence) -> Option<Verdict> {
        let contract = self.contract.as_ref().filter(|_| place == Place::Body)?;
        let text = contract.complaint(evidence.payload.as_deref())?;
        let label = Arc::from(format!("content/{}#payload", self.name));
        Some(Verdict::block(Some(label), code::PAYLOAD, text))
    }

    fn judge_gaps(&self, evidence: &Evidence) -> Option<Verdict> {
        let label = || Some(Arc::from(format!("content/{}", self.name)));
        let unread = !evidence.incomplete.is_empty() || evidence.coverage.skipped > 0;
        if unread && self.unreadable == Gap::Block {
            return Some(Verdict::block(label(), code::UNREADABLE, text::unreadable(evidence)));
        }
        let unidentified = evidence.coverage.unidentified;
        (unidentified > 0 && self.unidentified == Gap::Block).then(|| {
            let text = format!("{unidentified} bytes are neither text, container nor numbers");
            Verdict::block(label(), code::UNIDENTIFIED, text)
        })
    }

    /// Whether some rule wants findings of low confidence masked.
    fn redacts_low(&self) -> bool {
        let is_low = |rule: &ContentRule| rule.confidence == Confidence::Low;
        self.rules.iter().any(|rule| rule.action == Action::Redact && is_low(rule))
    }

    /// What is to be masked must be known to the last finding, and stand where it can be masked.
    fn judge_redaction(&self, evidence: &Evidence) -> Option<Verdict> {
        let fixed = evidence
            .findings
            .iter()
            .find(|finding| self.redacts(finding) && !dlp::redact::is_maskable(finding));
        let text = match fixed {
            Some(finding) => text::fixed(finding),
            None if evidence.dropped_findings > 0
                || evidence.dropped_low > 0 && self.redacts_low() =>
            {
                "there are more findings than are kept, so not all can be masked".to_owned()
            }
            None => return None,
        };
        let label = Arc::from(format!("content/{}", self.name));
        Some(Verdict::block(Some(label), code::CANNOT_REDACT, text))
    }
}
