//! `protocol` and `upgrades` of a rule, and what does not go with them.

use super::{Shared, bounded};
use crate::compile::Faults;
use crate::compile::read;
use crate::content::Inspect;
use crate::protocol::{Protocol, Upgrade};
use crate::rule::Rule;

pub(super) fn protocol(faults: &mut Faults, shared: &Shared<'_>) -> Option<Protocol> {
    let Some(text) = shared.protocol else { return Some(Protocol::default()) };
    let words = [("http", Protocol::Http), ("grpc", Protocol::Grpc), ("tcp", Protocol::Tcp)];
    read::word(faults, text, "protocol", &words)
}

pub(super) fn upgrades(faults: &mut Faults, shared: &Shared<'_>) -> Vec<Upgrade> {
    let Some(list) = shared.upgrades else { return Vec::new() };
    let words = [("websocket", Upgrade::WebSocket)];
    let texts = bounded(faults, list, "upgrades", "leave it out, or write [websocket]");
    texts.iter().filter_map(|text| read::word(faults, text, "upgrade", &words)).collect()
}

/// Reports the fields that can never take effect beside the rule's protocol.
pub(super) fn check(faults: &mut Faults, shared: &Shared<'_>, rule: &Rule) {
    match rule.protocol {
        Protocol::Http => (),
        Protocol::Grpc => check_grpc(faults, shared, rule),
        Protocol::Tcp => check_tcp(faults, shared, rule),
    }
}

fn check_grpc(faults: &mut Faults, shared: &Shared<'_>, rule: &Rule) {
    for text in shared.methods.iter().flat_map(|list| &list.value) {
        if text.value != "POST" {
            let what = format!("{} can never take effect: every gRPC call is a POST", text.value);
            faults.error(text.referenced, &what, "leave `methods` out");
        }
    }
    if let Some(list) = shared.upgrades {
        let what = "`upgrades` on a rule for grpc: a gRPC call turns into nothing else";
        faults.error(list.referenced, what, "leave it out, or make it a rule for http");
    }
    let holds = rule.content.exempt.is_none() && rule.content.inspect == Inspect::Hold;
    if let (true, Some(content)) = (holds, shared.content) {
        let what = format!(
            "rule `{}` holds a whole gRPC call: one in which both sides take turns waits until it \
             times out",
            rule.name
        );
        let fix = "name a profile with `inspect: stream`, unless all calls are unary";
        faults.warn(content.referenced, &what, fix);
    }
}

fn check_tcp(faults: &mut Faults, shared: &Shared<'_>, rule: &Rule) {
    let lists =
        [("methods", shared.methods), ("paths", shared.paths), ("upgrades", shared.upgrades)];
    for (field, list) in lists {
        if let Some(list) = list {
            let what = format!("`{field}` on a rule for tcp: a raw tunnel is not parsed");
            faults.error(list.referenced, &what, "leave it out, or make it a rule for http");
        }
    }
    let profiles =
        [(shared.content, Some(&rule.content)), (shared.content_in, rule.content_in.as_ref())];
    for (written, profile) in profiles {
        let (Some(written), Some(profile)) = (written, profile) else { continue };
        if profile.contract.is_some() {
            let what = format!(
                "content profile `{}` has a `payload`, and a raw tunnel has no body to hold to it",
                profile.name
            );
            faults.error(written.referenced, &what, "name a profile without one");
        } else if profile.exempt.is_none() && profile.inspect == Inspect::Hold {
            let what = format!(
                "content profile `{}` holds, and a raw tunnel cannot wait: it is read as it passes",
                profile.name
            );
            faults.warn(written.referenced, &what, "name a profile with `inspect: stream`");
        }
    }
}
