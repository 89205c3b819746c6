//! What a decision says: an action, how strictly it is meant, which rule, and why.
//!
//! Texts here go to records and to workloads. They name rules, endpoints, profiles, ports, identifier
//! classes, counts and ways in; never a path, a query, a host, a method or a byte of content.

use std::fmt;
use std::sync::Arc;

/// What is done with an exchange. Ordered by strictness: the strictest wins.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Action {
    /// Leaves as it is.
    Allow,
    /// Leaves with the findings masked, at the same length.
    Redact,
    /// Does not leave, and is kept for review.
    Quarantine,
    /// Does not leave.
    Block,
}

impl Action {
    /// The name in policies and records.
    pub fn name(self) -> &'static str {
        match self {
            Action::Allow => "allow",
            Action::Redact => "redact",
            Action::Quarantine => "quarantine",
            Action::Block => "block",
        }
    }
}

/// Whether a verdict is carried out or only recorded.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Enforcement {
    /// The verdict is carried out.
    Enforce,
    /// The verdict is recorded, and the exchange goes on.
    Monitor,
}

impl Enforcement {
    /// The name in policies and records.
    pub fn name(self) -> &'static str {
        match self {
            Enforcement::Enforce => "enforce",
            Enforcement::Monitor => "monitor",
        }
    }
}

/// The outcome of one decision.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Verdict {
    /// What is to be done.
    pub action: Action,
    /// Whether it is done, or only recorded.
    pub enforcement: Enforcement,
    /// The rule that decided; for a refusal, the rule that came closest to permitting. A content
    /// verdict names `content/<profile>#<place of the rule>`.
    pub rule: Option<Arc<str>>,
    /// Why.
    pub reason: Reason,
}

impl Verdict {
    /// Whether the exchange ends here: the action is block or quarantine, and it is enforced.
    pub fn stops(&self) -> bool {
        self.action >= Action::Quarantine && self.enforcement == Enforcement::Enforce
    }

    pub(crate) fn allow(rule: Option<Arc<str>>, text: String) -> Verdict {
        let reason = Reason { code: code::PERMITTED, text };
        Verdict { action: Action::Allow, enforcement: Enforcement::Enforce, rule, reason }
    }

    /// A block that is enforced, with a stable `code` and a sentence for people. Also for what is
    /// refused around a policy's rules: limits, names that disagree.
    pub fn block(rule: Option<Arc<str>>, code: &'static str, text: String) -> Verdict {
        let reason = Reason { code, text };
        Verdict { action: Action::Block, enforcement: Enforcement::Enforce, rule, reason }
    }
}

/// Why a verdict is what it is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reason {
    /// A stable kebab-case word from [`code`]; tools may depend on it.
    pub code: &'static str,
    /// One sentence for a person: what would have to change. The wording may change.
    pub text: String,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.text)
    }
}

/// A decision that ends the exchange. A refusal is not an error: nothing went wrong.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refusal {
    /// The verdict; its action is [`Action::Block`].
    pub verdict: Verdict,
    /// The hash of the policy that decided.
    pub policy_hash: Arc<str>,
}

impl Refusal {
    /// The stable word for the reason.
    pub fn code(&self) -> &'static str {
        self.verdict.reason.code
    }
}

/// The stable words for reasons.
pub mod code {
    /// The resolved address is not among the endpoint's addresses.
    pub const ADDRESS_NOT_LISTED: &str = "address-not-listed";
    /// A finding is to be masked and cannot be.
    pub const CANNOT_REDACT: &str = "cannot-redact";
    /// Content that a content rule, or the default for unmatched findings, acts on.
    pub const FINDING: &str = "finding";
    /// The content is over the profile's `holdMax`. Used by the proxy.
    pub const HOLD_MAX: &str = "hold-max";
    /// No endpoint lists the host.
    pub const HOST_NOT_LISTED: &str = "host-not-listed";
    /// No rule for this host takes the method.
    pub const METHOD_NOT_ALLOWED: &str = "method-not-allowed";
    /// The resolved address is link-local, metadata, multicast or the like.
    pub const NEVER_DIAL_ADDRESS: &str = "never-dial-address";
    /// No rule goes to the endpoint that lists the host, or no inbound rule exists.
    pub const NO_RULE: &str = "no-rule";
    /// A body that is not made of what its profile's `payload` wants.
    pub const PAYLOAD: &str = "payload";
    /// No rule for this host and method takes the path.
    pub const PATH_NOT_ALLOWED: &str = "path-not-allowed";
    /// Permitted.
    pub const PERMITTED: &str = "permitted";
    /// The policy could not be loaded; everything is refused.
    pub const POLICY_BROKEN: &str = "policy-broken";
    /// The endpoint does not list the port.
    pub const PORT_NOT_LISTED: &str = "port-not-listed";
    /// No rule for this host takes the protocol.
    pub const PROTOCOL_NOT_ALLOWED: &str = "protocol-not-allowed";
    /// The rule's time is over.
    pub const RULE_EXPIRED: &str = "rule-expired";
    /// No rule takes this SPIFFE ID, or there is none and the rule wants one.
    pub const SOURCE_NOT_ALLOWED: &str = "source-not-allowed";
    /// Binary content that is neither text, container nor numbers.
    pub const UNIDENTIFIED: &str = "unidentified";
    /// No rule for this host, method and path takes the upgrade.
    pub const UPGRADE_NOT_ALLOWED: &str = "upgrade-not-allowed";
    /// Content that could not be read to its end.
    pub const UNREADABLE: &str = "unreadable";

    /// The words that decisions on requests and addresses use: what a policy's own tests may expect.
    pub const DECISIONS: &[&str] = &[
        ADDRESS_NOT_LISTED,
        HOST_NOT_LISTED,
        METHOD_NOT_ALLOWED,
        NEVER_DIAL_ADDRESS,
        NO_RULE,
        PATH_NOT_ALLOWED,
        PERMITTED,
        PORT_NOT_LISTED,
        PROTOCOL_NOT_ALLOWED,
        RULE_EXPIRED,
        SOURCE_NOT_ALLOWED,
        UPGRADE_NOT_ALLOWED,
    ];
}
