//! `tests`: what a policy expects of itself.

use std::net::IpAddr;
use std::sync::Arc;

use serde_saphyr::Spanned;
use spiffe::SpiffeId;

use super::Faults;
use super::names::Names;
use super::read;
use crate::file::{ExpectFile, PolicyFile, TestFile, TestRequestFile, Text};
use crate::host::Host;
use crate::review::{Expected, PolicyTest, TestRequest};
use crate::suggest::did_you_mean;
use crate::verdict::{Action, code};

pub(super) fn compile(
    files: &[(Arc<str>, PolicyFile)],
    names: &Names,
    faults: &mut Faults,
) -> Vec<PolicyTest> {
    let mut tests = Vec::new();
    for (name, file) in files {
        faults.enter(name);
        for entry in &file.tests {
            tests.extend(test(faults, name, entry, names));
        }
    }
    tests
}

fn test(
    faults: &mut Faults,
    file: &Arc<str>,
    entry: &Spanned<TestFile>,
    names: &Names,
) -> Option<PolicyTest> {
    let request = request(faults, &entry.value.request);
    let expected = expected(faults, &entry.value.expect, names);
    Some(PolicyTest {
        file: Arc::clone(file),
        line: entry.value.name.referenced.line(),
        name: Arc::from(entry.value.name.value.as_str()),
        request: request?,
        expected: expected?,
    })
}

fn request(faults: &mut Faults, request: &Spanned<TestRequestFile>) -> Option<TestRequest> {
    let file = &request.value;
    if !file.path.value.starts_with('/') || file.path.value.contains('?') {
        let fix = "write it with a leading `/` and without query";
        faults.error(file.path.referenced, "the test's path is no path", fix);
    }
    match (&file.host, &file.peer) {
        (Some(_), Some(peer)) => {
            let what = "a request has a host (outbound) or a peer (inbound), not both";
            faults.error(peer.referenced, what, "keep one of them");
            None
        }
        (None, None) => {
            let what = "the test's request has neither host nor peer";
            faults.error(request.referenced, what, "add `host:` (outbound) or `peer:` (inbound)");
            None
        }
        (None, Some(peer)) => {
            let outbound = [&file.scheme, &file.address, &file.source];
            if let Some(text) = outbound.into_iter().flatten().next() {
                let what = "this belongs to an outbound request";
                faults.error(text.referenced, what, "leave it out of an inbound one");
            }
            let peer = spiffe_id(faults, peer)?;
            let (method, path) = (file.method.value.clone(), file.path.value.clone());
            Some(TestRequest::Inbound { peer, method, path })
        }
        (Some(host), None) => outbound(faults, file, host),
    }
}

fn outbound(faults: &mut Faults, file: &TestRequestFile, host: &Text) -> Option<TestRequest> {
    let parsed = Host::parse(&host.value);
    if let Err(error) = &parsed {
        let what = format!("bad host `{}`: {error}", host.value);
        faults.error(host.referenced, &what, "write the host of a request, without wildcards");
    }
    let schemes = [("http", 80), ("https", 443)];
    let own_port =
        file.scheme.as_ref().and_then(|text| read::word(faults, text, "scheme", &schemes));
    let port = file.port.as_ref().and_then(|port| {
        let number = u16::try_from(port.value).ok().filter(|number| *number > 0);
        if number.is_none() {
            let what = format!("{} is no port", port.value);
            faults.error(port.referenced, &what, "write a number from 1 to 65535");
        }
        number.filter(|number| own_port != Some(*number))
    });
    let address: Option<IpAddr> = file.address.as_ref().and_then(|text| {
        let address = text.value.parse().ok();
        if address.is_none() {
            let what = format!("`{}` is no address", text.value);
            faults.error(text.referenced, &what, "write one address, such as 10.20.3.4");
        }
        address
    });
    let source = file.source.as_ref().and_then(|text| spiffe_id(faults, text));
    Some(TestRequest::Outbound {
        host: parsed.ok()?,
        port,
        address,
        source,
        method: file.method.value.clone(),
        path: file.path.value.clone(),
    })
}

fn spiffe_id(faults: &mut Faults, text: &Text) -> Option<SpiffeId> {
    match SpiffeId::parse(&text.value) {
        Ok(id) => Some(id),
        Err(error) => {
            let what = format!("`{}` is no SPIFFE ID: {error}", text.value);
            faults.error(text.referenced, &what, "write it as spiffe://trust-domain/path");
            None
        }
    }
}

fn expected(faults: &mut Faults, expect: &Spanned<ExpectFile>, names: &Names) -> Option<Expected> {
    let file = &expect.value;
    let actions = [("allow", Action::Allow), ("block", Action::Block)];
    let action = read::word(faults, &file.action, "expected action", &actions);
    if let Some(rule) = &file.rule {
        names.check_rule(faults, rule);
    }
    if let Some(reason) = &file.reason
        && !code::DECISIONS.contains(&reason.value.as_str())
    {
        let fix = format!(
            "write one of {}{}",
            code::DECISIONS.join(", "),
            did_you_mean(&reason.value, code::DECISIONS.iter().copied())
        );
        faults.error(reason.referenced, &format!("`{}` is no reason", reason.value), &fix);
    }
    Some(Expected {
        action: action?,
        rule: file.rule.as_ref().map(|text| Arc::from(text.value.as_str())),
        reason: file.reason.as_ref().map(|text| Arc::from(text.value.as_str())),
    })
}
