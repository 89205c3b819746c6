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
use crate::protocol::{Protocol, Upgrade};
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
    let words = [("http", Protocol::Http), ("grpc", Protocol::Grpc), ("tcp", Protocol::Tcp)];
    let protocol = match &file.protocol {
        Some(text) => read::word(faults, text, "protocol", &words)?,
        None => Protocol::default(),
    };
    if let (Some(_), Some(peer)) = (&file.host, &file.peer) {
        let what = "a request has a host (outbound) or a peer (inbound), not both";
        faults.error(peer.referenced, what, "keep one of them");
        return None;
    }
    match (&file.peer, protocol) {
        (Some(peer), Protocol::Http) => inbound(faults, request, peer),
        (Some(peer), Protocol::Grpc | Protocol::Tcp) => {
            let what = "`protocol` belongs to an outbound request";
            faults.error(peer.referenced, what, "leave it out of an inbound one");
            None
        }
        (None, Protocol::Tcp) => tunnel(faults, request),
        (None, Protocol::Grpc | Protocol::Http) => outbound(faults, request, protocol),
    }
}

fn inbound(
    faults: &mut Faults,
    request: &Spanned<TestRequestFile>,
    peer: &Text,
) -> Option<TestRequest> {
    let file = &request.value;
    let outbound = [&file.scheme, &file.address, &file.source];
    if let Some(text) = outbound.into_iter().flatten().next() {
        let what = "this belongs to an outbound request";
        faults.error(text.referenced, what, "leave it out of an inbound one");
    }
    let said = said(faults, request);
    let peer = spiffe_id(faults, peer)?;
    let (method, path, upgrade) = said?;
    Some(TestRequest::Inbound { peer, method, path, upgrade })
}

fn outbound(
    faults: &mut Faults,
    request: &Spanned<TestRequestFile>,
    protocol: Protocol,
) -> Option<TestRequest> {
    let file = &request.value;
    let said = said(faults, request);
    let Some(host) = &file.host else {
        let what = "the test's request has neither host nor peer";
        faults.error(request.referenced, what, "add `host:` (outbound) or `peer:` (inbound)");
        return None;
    };
    let host = parsed_host(faults, host);
    let schemes = [("http", 80), ("https", 443)];
    let own_port =
        file.scheme.as_ref().and_then(|text| read::word(faults, text, "scheme", &schemes));
    let port = port(faults, file).filter(|number| own_port != Some(*number));
    let address = address(faults, file);
    let source = file.source.as_ref().and_then(|text| spiffe_id(faults, text));
    let (method, path, upgrade) = said?;
    let is_grpc = protocol == Protocol::Grpc;
    Some(TestRequest::Outbound {
        host: host?,
        port,
        address,
        source,
        is_grpc,
        method,
        path,
        upgrade,
    })
}

fn tunnel(faults: &mut Faults, request: &Spanned<TestRequestFile>) -> Option<TestRequest> {
    let file = &request.value;
    let parsed = [&file.scheme, &file.method, &file.path, &file.upgrade];
    if let Some(text) = parsed.into_iter().flatten().next() {
        let what = "this belongs to an HTTP request, and a raw tunnel is not parsed";
        faults.error(text.referenced, what, "leave it out");
    }
    if file.host.is_none() && file.address.is_none() {
        let what = "the test's tunnel has neither host nor address";
        faults.error(request.referenced, what, "add `host:`, or `address:` where none is known");
    }
    let host = file.host.as_ref().map(|host| parsed_host(faults, host));
    if file.port.is_none() {
        faults.error(request.referenced, "the test's tunnel has no port", "add `port:`");
    }
    let port = port(faults, file);
    let address = address(faults, file);
    let source = file.source.as_ref().and_then(|text| spiffe_id(faults, text));
    let host = match host {
        Some(host) => Some(host?),
        None => None,
    };
    Some(TestRequest::Tunnel { host, port: port?, address, source })
}

/// Method, path and upgrade of an HTTP request.
fn said(
    faults: &mut Faults,
    request: &Spanned<TestRequestFile>,
) -> Option<(String, String, Option<Upgrade>)> {
    let file = &request.value;
    let (Some(method), Some(path)) = (&file.method, &file.path) else {
        let fix = "add `method:` and `path:`, or `protocol: tcp` for a raw tunnel";
        faults.error(request.referenced, "the test's request lacks its method or path", fix);
        return None;
    };
    if !path.value.starts_with('/') || path.value.contains('?') {
        let fix = "write it with a leading `/` and without query";
        faults.error(path.referenced, "the test's path is no path", fix);
    }
    let words = [("websocket", Upgrade::WebSocket)];
    let upgrade =
        file.upgrade.as_ref().and_then(|text| read::word(faults, text, "upgrade", &words));
    Some((method.value.clone(), path.value.clone(), upgrade))
}

fn parsed_host(faults: &mut Faults, host: &Text) -> Option<Host> {
    let parsed = Host::parse(&host.value);
    if let Err(error) = &parsed {
        let what = format!("bad host `{}`: {error}", host.value);
        faults.error(host.referenced, &what, "write the host of a request, without wildcards");
    }
    parsed.ok()
}

fn port(faults: &mut Faults, file: &TestRequestFile) -> Option<u16> {
    let port = file.port.as_ref()?;
    let number = u16::try_from(port.value).ok().filter(|number| *number > 0);
    if number.is_none() {
        let what = format!("{} is no port", port.value);
        faults.error(port.referenced, &what, "write a number from 1 to 65535");
    }
    number
}

fn address(faults: &mut Faults, file: &TestRequestFile) -> Option<IpAddr> {
    let text = file.address.as_ref()?;
    let address = text.value.parse().ok();
    if address.is_none() {
        let what = format!("`{}` is no address", text.value);
        faults.error(text.referenced, &what, "write one address, such as 10.20.3.4");
    }
    address
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
