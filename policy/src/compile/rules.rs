//! `egress` and `inbound`.

use std::sync::Arc;

use jiff::Timestamp;
use serde_saphyr::{Location, Spanned};

use super::Faults;
use super::content::exemption;
use super::names::Names;
use super::read;
use crate::content::ContentProfile;
use crate::egress::EgressRule;
use crate::endpoint::Endpoint;
use crate::file::{ApprovalFile, ContentRef, EgressFile, InboundFile, PolicyFile, Text};
use crate::path::{InvalidPathPattern, PathPattern};
use crate::peer::PeerPattern;
use crate::rule::Rule;

mod spoken;

/// Most egress and most inbound rules of a folder.
pub(super) const RULES_MAX: usize = 200_000;

/// Most ways from a host to a rule, over all hosts of all endpoints that rules go to: what the index of
/// egress rules holds.
const WAYS_MAX: usize = 2_000_000;

/// Most names, patterns or words in one list of a rule.
const LIST_MAX: usize = 1024;

/// What rules refer to.
pub(super) struct Links<'a> {
    pub(super) names: &'a Names,
    pub(super) profiles: &'a [Option<Arc<ContentProfile>>],
}

/// The fields that egress and inbound rules share.
struct Shared<'a> {
    name: &'a Text,
    from: Option<&'a Spanned<Vec<Text>>>,
    methods: Option<&'a Spanned<Vec<Text>>>,
    paths: Option<&'a Spanned<Vec<Text>>>,
    protocol: Option<&'a Text>,
    upgrades: Option<&'a Spanned<Vec<Text>>>,
    content: Option<&'a Spanned<ContentRef>>,
    content_in: Option<&'a Spanned<ContentRef>>,
    expires: Option<&'a Text>,
    approval: Option<&'a Spanned<ApprovalFile>>,
    enforcement: Option<&'a Text>,
    until: Option<&'a Text>,
}

pub(super) fn egress(
    files: &[(Arc<str>, PolicyFile)],
    links: &Links<'_>,
    faults: &mut Faults,
) -> Vec<Arc<EgressRule>> {
    let mut rules = Vec::new();
    for (name, file) in files {
        faults.enter(name);
        for entry in &file.egress {
            let to = destinations(faults, &entry.value, links);
            let rule = rule(faults, &Shared::of_egress(&entry.value), links);
            if let Some(rule) = &rule {
                spoken::check(faults, &Shared::of_egress(&entry.value), rule);
            }
            rules.extend(rule.map(|rule| Arc::new(EgressRule { rule, to })));
        }
        check_number(faults, rules.len(), "egress", &file.egress);
    }
    rules
}

pub(super) fn inbound(
    files: &[(Arc<str>, PolicyFile)],
    links: &Links<'_>,
    faults: &mut Faults,
) -> Vec<Arc<Rule>> {
    let mut rules = Vec::new();
    for (name, file) in files {
        faults.enter(name);
        for entry in &file.inbound {
            let rule = rule(faults, &Shared::of_inbound(&entry.value), links);
            rules.extend(rule.map(Arc::new));
        }
        check_number(faults, rules.len(), "inbound", &file.inbound);
    }
    rules
}

/// Reports the rule at which the index would grow too large.
pub(super) fn check_ways(
    files: &[(Arc<str>, PolicyFile)],
    endpoints: &[Arc<Endpoint>],
    rules: &[Arc<EgressRule>],
    faults: &mut Faults,
) {
    let mut ways = 0;
    let names = files.iter().flat_map(|(file, policy)| {
        policy.egress.iter().map(move |entry| (file, &entry.value.name))
    });
    for ((file, name), rule) in names.zip(rules) {
        let hosts = rule.to.iter().filter_map(|place| endpoints.get(*place)).map(|e| e.hosts.len());
        ways += hosts.sum::<usize>();
        if ways > WAYS_MAX {
            faults.enter(file);
            let what = format!("up to this rule, rules go to {ways} hosts, counted once a rule");
            let fix = format!("merge rules that go to the same endpoints: {WAYS_MAX} is the most");
            faults.error(name.referenced, &what, &fix);
            return;
        }
    }
}

fn check_number<T>(faults: &mut Faults, number: usize, field: &str, list: &[Spanned<T>]) {
    if let (true, Some(first)) = (number > RULES_MAX, list.first()) {
        let what = format!("too many {field} rules");
        let fix = format!("merge some: {RULES_MAX} is the most of a folder");
        faults.error(first.referenced, &what, &fix);
    }
}

impl<'a> Shared<'a> {
    fn of_egress(file: &'a EgressFile) -> Shared<'a> {
        Shared {
            name: &file.name,
            from: file.from.as_ref(),
            methods: file.methods.as_ref(),
            paths: file.paths.as_ref(),
            protocol: file.protocol.as_ref(),
            upgrades: file.upgrades.as_ref(),
            content: file.content.as_ref(),
            content_in: file.content_in.as_ref(),
            expires: file.expires.as_ref(),
            approval: file.approval.as_ref(),
            enforcement: file.enforcement.as_ref(),
            until: file.until.as_ref(),
        }
    }

    fn of_inbound(file: &'a InboundFile) -> Shared<'a> {
        Shared {
            name: &file.name,
            from: Some(&file.from),
            methods: file.methods.as_ref(),
            paths: file.paths.as_ref(),
            protocol: None,
            upgrades: file.upgrades.as_ref(),
            content: file.content.as_ref(),
            content_in: file.content_in.as_ref(),
            expires: file.expires.as_ref(),
            approval: file.approval.as_ref(),
            enforcement: file.enforcement.as_ref(),
            until: file.until.as_ref(),
        }
    }
}

fn destinations(faults: &mut Faults, file: &EgressFile, links: &Links<'_>) -> Vec<usize> {
    let texts = bounded(faults, &file.to, "to", "name the endpoints");
    texts.iter().filter_map(|text| links.names.endpoint(faults, text)).collect()
}

fn rule(faults: &mut Faults, shared: &Shared<'_>, links: &Links<'_>) -> Option<Rule> {
    let from = shared.from.map(|list| peers(faults, list));
    let methods = shared.methods.map(|list| methods(faults, list));
    let paths = shared.paths.map(|list| paths(faults, list));
    let protocol = spoken::protocol(faults, shared);
    let upgrades = spoken::upgrades(faults, shared);
    let content = match shared.content {
        Some(reference) => content(faults, reference, links),
        None => {
            faults.error(
                shared.name.referenced,
                &format!("rule `{}` does not say how `content` is read", shared.name.value),
                "name a profile, or exempt it: content: {exempt: true, because: ...}",
            );
            None
        }
    };
    let content_in = shared.content_in.and_then(|reference| content_in(faults, reference, links));
    let expires = expires(faults, shared);
    let monitor_until = monitor(faults, shared);
    Some(Rule {
        name: Arc::from(shared.name.value.as_str()),
        protocol: protocol?,
        upgrades,
        from,
        methods,
        paths,
        content: content?,
        content_in,
        expires,
        monitor_until,
    })
}

fn bounded<'a>(
    faults: &mut Faults,
    list: &'a Spanned<Vec<Text>>,
    field: &str,
    fix: &str,
) -> &'a [Text] {
    let texts = read::list(faults, list, field, fix);
    read::distinct(faults, texts, field);
    if texts.len() > LIST_MAX {
        let fix = format!("split the rule: {LIST_MAX} is the most");
        faults.error(list.referenced, &format!("too many entries in `{field}`"), &fix);
    }
    texts
}

fn peers(faults: &mut Faults, list: &Spanned<Vec<Text>>) -> Vec<PeerPattern> {
    let mut patterns = Vec::new();
    for text in bounded(faults, list, "from", "name the SPIFFE IDs that may") {
        match PeerPattern::parse(&text.value) {
            Ok(pattern) => patterns.push(pattern),
            Err(error) => {
                let what = format!("bad SPIFFE ID pattern `{}`: {error}", text.value);
                let fix = "write it as spiffe://trust-domain/ns/train/sa/*";
                faults.error(text.referenced, &what, fix);
            }
        }
    }
    patterns
}

fn methods(faults: &mut Faults, list: &Spanned<Vec<Text>>) -> Vec<Box<str>> {
    let mut methods = Vec::new();
    for text in bounded(faults, list, "methods", "leave it out for any method, or list some") {
        let method = text.value.as_str();
        let upper = method.to_ascii_uppercase();
        let is_token = !method.is_empty()
            && method.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b));
        if method == "*" {
            let what = "`*` is no method";
            faults.error(text.referenced, what, "leave `methods` out for any method");
        } else if !is_token {
            faults.error(text.referenced, &format!("`{method}` is no method"), "write it as PUT");
        } else if upper != method {
            let what = format!("methods are case-sensitive: `{method}` is not `{upper}`");
            faults.error(text.referenced, &what, &format!("write {upper}"));
        } else if method == "CONNECT" {
            let what =
                "CONNECT can never take effect: a rule decides the requests inside the tunnel";
            faults.error(text.referenced, what, "leave it out");
        } else {
            methods.push(Box::from(method));
        }
    }
    methods
}

fn paths(faults: &mut Faults, list: &Spanned<Vec<Text>>) -> Vec<PathPattern> {
    let mut patterns = Vec::new();
    for text in bounded(faults, list, "paths", "leave it out for any path, or list some") {
        match PathPattern::parse(&text.value) {
            Ok(pattern) => patterns.push(pattern),
            Err(error) => {
                let what = format!("bad path pattern `{}`: {error}", text.value);
                faults.error(text.referenced, &what, path_fix(error));
            }
        }
    }
    patterns
}

fn path_fix(error: InvalidPathPattern) -> &'static str {
    match error {
        InvalidPathPattern::Grammar => "write the path as it is sent, percent-encoded",
        InvalidPathPattern::NotRooted => "write it as /v2/models/**",
        InvalidPathPattern::PartialWildcard => {
            "write `*` for the whole segment, or spell the segment out"
        }
        InvalidPathPattern::Query => "drop the query; content rules read it",
        InvalidPathPattern::TooLong | InvalidPathPattern::TooManyStars => "make it simpler",
    }
}

fn content(
    faults: &mut Faults,
    reference: &Spanned<ContentRef>,
    links: &Links<'_>,
) -> Option<Arc<ContentProfile>> {
    let file = match &reference.value {
        ContentRef::Profile(name) => {
            let place = links.names.profile(faults, name, reference.referenced)?;
            return links.profiles.get(place)?.clone();
        }
        ContentRef::Exempt(file) => file,
    };
    let at = if file.exempt.referenced == Location::UNKNOWN {
        reference.referenced
    } else {
        file.exempt.referenced
    };
    if !file.exempt.value {
        let what = "`exempt: false` says nothing about how content is read";
        faults.error(at, what, "name a content profile");
        return None;
    }
    if let Some(payload) = &file.payload {
        let what = "`payload` on an exemption: what is not read cannot be held to a contract";
        let at = if payload.referenced == Location::UNKNOWN { at } else { payload.referenced };
        faults.error(at, what, "put it into a content profile, and name that");
    }
    match &file.because {
        Some(because) => {
            read::reason(faults, because, "`because`").map(|why| Arc::new(exemption(why)))
        }
        None => {
            faults.error(at, "an exemption without a reason", "add `because: ...`");
            None
        }
    }
}

/// What comes in is read only where a profile says so; an exemption would say nothing.
fn content_in(
    faults: &mut Faults,
    reference: &Spanned<ContentRef>,
    links: &Links<'_>,
) -> Option<Arc<ContentProfile>> {
    if let ContentRef::Exempt(_) = reference.value {
        let what = "`contentIn` without a profile can never take effect";
        faults.error(
            reference.referenced,
            what,
            "leave it out: what comes in is not read unless asked",
        );
        return None;
    }
    content(faults, reference, links)
}

fn expires(faults: &mut Faults, shared: &Shared<'_>) -> Option<Timestamp> {
    if let Some(approval) = shared.approval {
        read::reason(faults, &approval.value.ticket, "the approval's ticket");
        read::reason(faults, &approval.value.by, "the approval's `by`");
    }
    let text = shared.expires?;
    if shared.approval.is_none() {
        let what = "`expires` makes this an exception, and nobody approved it";
        faults.error(text.referenced, what, "add `approval: {ticket: ..., by: ...}`");
    }
    read::time(faults, text, "expires")
}

fn monitor(faults: &mut Faults, shared: &Shared<'_>) -> Option<Timestamp> {
    let modes = [("enforce", false), ("monitor", true)];
    let monitors = match shared.enforcement {
        Some(text) => read::word(faults, text, "enforcement", &modes),
        None => Some(false),
    };
    match (monitors?, shared.until) {
        (true, Some(until)) => read::time(faults, until, "until"),
        (true, None) => {
            let at = shared.enforcement.map_or(shared.name.referenced, |text| text.referenced);
            faults.error(at, "`enforcement: monitor` without an end", "add `until: ...` beside it");
            None
        }
        (false, Some(until)) => {
            let what = "`until` belongs to enforcement: monitor";
            faults.error(until.referenced, what, "leave it out; a rule's own end is `expires`");
            None
        }
        (false, None) => None,
    }
}
