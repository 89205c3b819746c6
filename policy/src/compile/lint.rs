//! What is allowed and yet likely not meant: rules that never match, names that nothing uses, and
//! exceptions that end.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::Faults;
use super::faults::{Warning, warning};
use crate::egress::EgressRule;
use crate::file::{ContentRef, PolicyFile, Text};
use crate::protocol::Protocol;
use crate::rule::Rule;

/// Most pairs of rules that are compared for shadowing.
const PAIRS_MAX: usize = 2_000_000;

/// Something that ends: what to say once it has.
#[derive(Debug)]
pub(crate) struct Expiry {
    end: Timestamp,
    past: Warning,
}

impl Expiry {
    pub(crate) fn past(&self, now: Timestamp) -> Option<&Warning> {
        (now >= self.end).then_some(&self.past)
    }
}

/// The ends of rules and of monitoring in the folder.
pub(super) fn expiries(files: &[(Arc<str>, PolicyFile)]) -> Vec<Expiry> {
    let mut found = Vec::new();
    let mut add = |file: &str, name: &Text, end: Option<&Text>, what: &str, fix: &str| {
        let Some(text) = end else { return };
        let Ok(end) = text.value.parse() else { return };
        let what = format!("rule `{}` {what} at {}", name.value, text.value);
        found.push(Expiry { end, past: warning(file, text.referenced, &what, fix) });
    };
    let (over, over_fix) =
        ("expired and matches nothing: it ended", "drop it, or have it approved again");
    let (strict, strict_fix) =
        ("is enforced again: its monitoring ended", "drop `enforcement` and `until`");
    for (file, policy) in files {
        for rule in policy.egress.iter().map(|entry| &entry.value) {
            add(file, &rule.name, rule.expires.as_ref(), over, over_fix);
            add(file, &rule.name, rule.until.as_ref(), strict, strict_fix);
        }
        for rule in policy.inbound.iter().map(|entry| &entry.value) {
            add(file, &rule.name, rule.expires.as_ref(), over, over_fix);
            add(file, &rule.name, rule.until.as_ref(), strict, strict_fix);
        }
    }
    found
}

/// Endpoints and profiles that no rule refers to.
pub(super) fn unused(files: &[(Arc<str>, PolicyFile)], faults: &mut Faults) {
    let mut used: HashSet<&str> = HashSet::new();
    let mut profiles: HashSet<&str> = HashSet::new();
    for (_, policy) in files {
        let carriers = policy.endpoints.iter().filter_map(|entry| entry.value.via.as_ref());
        used.extend(carriers.map(|via| via.value.endpoint.value.as_str()));
        for entry in &policy.egress {
            let rule = &entry.value;
            used.extend(rule.to.value.iter().map(|text| text.value.as_str()));
            profiles
                .extend([&rule.content, &rule.content_in].into_iter().flatten().filter_map(named));
        }
        for entry in &policy.inbound {
            let rule = &entry.value;
            profiles
                .extend([&rule.content, &rule.content_in].into_iter().flatten().filter_map(named));
        }
    }
    for (file, policy) in files {
        faults.enter(file);
        let endpoints = policy.endpoints.iter().map(|entry| &entry.value.name);
        for name in endpoints.filter(|name| !used.contains(name.value.as_str())) {
            let what = format!("no egress rule goes to endpoint `{}`", name.value);
            faults.warn(name.referenced, &what, "add a rule, or drop the endpoint");
        }
        let contents = policy.content.iter().map(|entry| &entry.value.name);
        for name in contents.filter(|name| !profiles.contains(name.value.as_str())) {
            let what = format!("no rule uses content profile `{}`", name.value);
            faults.warn(name.referenced, &what, "use it in a rule's `content`, or drop it");
        }
    }
}

fn named(reference: &serde_saphyr::Spanned<ContentRef>) -> Option<&str> {
    match &reference.value {
        ContentRef::Profile(name) => Some(name),
        ContentRef::Exempt(_) => None,
    }
}

/// Egress rules that an earlier, wider one leaves nothing to match.
pub(super) fn shadowed(
    files: &[(Arc<str>, PolicyFile)],
    rules: &[Arc<EgressRule>],
    faults: &mut Faults,
) {
    let mut pairs = 0usize;
    let mut earlier: HashMap<usize, Vec<&EgressRule>> = HashMap::new();
    let names = files.iter().flat_map(|(file, policy)| {
        policy.egress.iter().map(move |entry| (file, &entry.value.name))
    });
    for ((file, name), rule) in names.zip(rules) {
        if rule.rule.name.as_ref() != name.value {
            // A rule with errors is missing from the list; the errors come first.
            return;
        }
        let Some(first) = rule.to.first() else { continue };
        let candidates = earlier.get(first).map(Vec::as_slice).unwrap_or_default();
        pairs = pairs.saturating_add(candidates.len());
        faults.enter(file);
        if pairs > PAIRS_MAX {
            let what = "rules from here on are too many to look for shadowed ones";
            faults.warn(name.referenced, what, "give rules endpoints of their own");
            return;
        }
        if let Some(wider) = candidates.iter().find(|wider| covers(wider, rule)) {
            let what = format!(
                "rule `{}` never matches: `{}` before it takes everything that it would",
                name.value, wider.rule.name
            );
            faults.warn(name.referenced, &what, "move it before the wider one, or drop it");
        } else if let Some(first) = candidates.iter().find(|first| intercepts(first, rule)) {
            let what = format!(
                "rule `{}` takes no CONNECT or SOCKS5 connection: `{}` before it has them intercepted",
                name.value, first.rule.name
            );
            let fix = "move it before that one, or give it an endpoint of its own";
            faults.warn(name.referenced, &what, fix);
        }
        for endpoint in &rule.to {
            earlier.entry(*endpoint).or_default().push(rule);
        }
    }
}

fn covers(wide: &EgressRule, narrow: &EgressRule) -> bool {
    narrow.to.iter().all(|endpoint| wide.to.contains(endpoint))
        && covers_rule(&wide.rule, &narrow.rule)
}

fn covers_rule(wide: &Rule, narrow: &Rule) -> bool {
    outlasts(wide, narrow)
        && wide.protocol.takes(narrow.protocol)
        && narrow.upgrades.iter().all(|upgrade| wide.upgrades.contains(upgrade))
        && all(&wide.from, &narrow.from, |w, n| w.covers(n))
        && all(&wide.methods, &narrow.methods, |w, n| w == n)
        && all(&wide.paths, &narrow.paths, |w, n| w.covers(n))
}

/// Whether an HTTP rule before a rule for raw tunnels leaves it only what is neither TLS nor HTTP: which
/// way a connection goes is decided before a method or path is known.
fn intercepts(first: &EgressRule, tunnel: &EgressRule) -> bool {
    tunnel.rule.protocol == Protocol::Tcp
        && first.rule.protocol != Protocol::Tcp
        && tunnel.to.iter().all(|endpoint| first.to.contains(endpoint))
        && outlasts(&first.rule, &tunnel.rule)
        && all(&first.rule.from, &tunnel.rule.from, |w, n| w.covers(n))
}

fn outlasts(wide: &Rule, narrow: &Rule) -> bool {
    match (wide.expires, narrow.expires) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(wide), Some(narrow)) => wide >= narrow,
    }
}

/// Whether each of `narrow` is within one of `wide`; None is everything.
fn all<T>(wide: &Option<Vec<T>>, narrow: &Option<Vec<T>>, within: impl Fn(&T, &T) -> bool) -> bool {
    match (wide, narrow) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(wide), Some(narrow)) => narrow.iter().all(|n| wide.iter().any(|w| within(w, n))),
    }
}
