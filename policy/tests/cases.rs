//! The tables of `tests/cases`: what policies decide, and what is wrong with those that do not load.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails there")]

use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use policy::{
    Compiled, ConnectFacts, EgressFacts, Host, InboundFacts, Policy, Protocol, Refusal, Source,
    TunnelFacts, Upgrade, Verdict, Way,
};
use serde::Deserialize;
use spiffe::SpiffeId;

fn compile(text: &str) -> Compiled {
    let source = Source { name: "p.yaml".to_owned(), text: text.to_owned() };
    Policy::compile(&[source]).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

#[derive(Deserialize)]
struct Decisions {
    now: Timestamp,
    group: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    policy: String,
    case: Vec<Question>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    ask: String,
    from: Option<String>,
    at: Option<Timestamp>,
    to: Option<IpAddr>,
    want: String,
}

impl Question {
    fn answer(&self, policy: &Policy, now: Timestamp) -> Verdict {
        let now = self.at.unwrap_or(now);
        let source = self.from.as_deref().map(|id| SpiffeId::parse(id).unwrap());
        let words: Vec<&str> = self.ask.split(' ').collect();
        let decided = match words.as_slice() {
            [protocol @ ("egress" | "grpc" | "websocket"), method, authority, path] => {
                let (host, port) = split_authority(authority);
                let source = source.as_ref();
                let is_grpc = *protocol == "grpc";
                let upgrade = (*protocol == "websocket").then_some(Upgrade::WebSocket);
                let facts =
                    EgressFacts { source, host: &host, port, is_grpc, method, path, upgrade, now };
                policy.decide_egress(&facts).and_then(|permit| {
                    if let Some(addr) = self.to {
                        permit.vet(addr)?;
                    }
                    Ok(permit.verdict().clone())
                })
            }
            ["connect", authority] => {
                let (host, port) = split_authority(authority);
                let facts =
                    ConnectFacts { source: source.as_ref(), host: &host, port: port.unwrap(), now };
                policy.decide_connect(&facts).map(|way| {
                    if let Way::Tunnel(permit) = &way {
                        assert_eq!(permit.protocol(), Protocol::Tcp);
                        return tunnelled(way.verdict());
                    }
                    way.verdict().clone()
                })
            }
            [word @ ("tunnel" | "at-once"), authority] => {
                self.tunnel(policy, (word, authority), now)
            }
            ["inbound", method, path] => {
                let facts = InboundFacts {
                    peer: source.as_ref().unwrap(),
                    method,
                    path,
                    upgrade: None,
                    now,
                };
                policy.authorize_inbound(&facts).map(|permit| permit.verdict().clone())
            }
            other => panic!("unreadable question {other:?}"),
        };
        decided.unwrap_or_else(|refusal: Refusal| refusal.verdict)
    }

    fn tunnel(
        &self,
        policy: &Policy,
        (word, authority): (&str, &str),
        now: Timestamp,
    ) -> Result<Verdict, Refusal> {
        let source = self.from.as_deref().map(|id| SpiffeId::parse(id).unwrap());
        let (host, port) = match authority.split_once(':') {
            Some(("", port)) => (None, port.parse().unwrap()),
            _ => {
                let (host, port) = split_authority(authority);
                (Some(host), port.unwrap())
            }
        };
        let facts = TunnelFacts {
            source: source.as_ref(),
            host: host.as_ref(),
            address: self.to,
            port,
            now,
        };
        let permit = match (word, policy.tunnel_at_once(&facts)) {
            ("tunnel", _) => policy.decide_tunnel(&facts)?,
            (_, Some(permit)) => permit,
            (_, None) => return Ok(Verdict::block(None, "waits", "is heard first".to_owned())),
        };
        if let Some(addr) = self.to {
            permit.vet(addr)?;
        }
        assert_eq!(permit.port(), port);
        Ok(tunnelled(permit.verdict()))
    }
}

/// The verdict on a raw tunnel, told apart from one on an intercepted connection.
fn tunnelled(verdict: &Verdict) -> Verdict {
    let mut verdict = verdict.clone();
    verdict.reason.code = "tunnel";
    verdict
}

fn split_authority(text: &str) -> (Host, Option<u16>) {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port.parse().unwrap())),
        _ => (text, None),
    };
    (Host::parse(host).unwrap(), port)
}

fn written(verdict: &Verdict) -> String {
    let rule = verdict.rule.as_deref().map_or_else(String::new, |rule| format!(" {rule}"));
    match verdict.reason.code {
        "permitted" => format!("{}{rule}", verdict.action.name()),
        "tunnel" => format!("tunnel{rule}"),
        code => format!("{} {code}{rule}", verdict.action.name()),
    }
}

#[test]
fn decisions() {
    let table: Decisions = toml::from_str(include_str!("cases/decisions.toml")).unwrap();
    let mut wrong = Vec::new();
    let mut asked = 0;
    for group in &table.group {
        let compiled = compile(&group.policy);
        for case in &group.case {
            asked += 1;
            let verdict = case.answer(&compiled.policy, table.now);
            let got = written(&verdict);
            if got != case.want {
                wrong.push(format!(
                    "{} from {:?}: wanted {}, got {got}",
                    case.ask, case.from, case.want
                ));
            }
            assert!(!verdict.reason.text.is_empty(), "{}", case.ask);
        }
    }
    assert!(wrong.is_empty(), "{} of {asked}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(asked >= 100);
}

/// A refusal says what would have to change, and repeats nothing that the workload sent: a host label, a
/// method, a path or a query may carry what must not be written down.
#[test]
fn refusals_repeat_nothing_of_the_request() {
    let table: Decisions = toml::from_str(include_str!("cases/decisions.toml")).unwrap();
    let policy = compile(&table.group[0].policy).policy;
    let secret = "mrn4829105";
    let asks = [
        format!("egress GET {secret}.example /x"),
        format!("egress GET registry.ml.internal:80 /{secret}"),
        format!("egress {secret} registry.ml.internal /x"),
        format!("egress GET registry.ml.internal /{secret}"),
        format!("egress DELETE {secret}.registry.ml.internal {secret}"),
        format!("connect {secret}.example:443"),
    ];
    for ask in asks {
        let question = Question { ask, from: None, at: None, to: None, want: String::new() };
        let verdict = question.answer(&policy, table.now);
        assert_eq!(verdict.action.name(), "block", "{}", question.ask);
        assert!(verdict.stops());
        assert!(!format!("{verdict:?}").contains(secret), "{}: {verdict:?}", question.ask);
    }
}

#[derive(Deserialize)]
struct LoadErrors {
    base: String,
    case: Vec<Change>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    name: String,
    change: String,
    to: String,
    errors: Vec<String>,
}

#[test]
fn load_errors() {
    let tables = [
        (include_str!("cases/load_errors.toml"), 100),
        (include_str!("cases/contract_errors.toml"), 20),
    ];
    for (table, cases) in tables {
        let table: LoadErrors = toml::from_str(table).unwrap();
        assert!(table.case.len() >= cases);
        check_load_errors(&table);
    }
}

fn check_load_errors(table: &LoadErrors) {
    assert!(compile(&table.base).warnings.is_empty(), "the base policy is clean");
    let mut wrong = Vec::new();
    for case in &table.case {
        assert_eq!(table.base.matches(&case.change).count(), 1, "{}: change what?", case.name);
        let text = table.base.replacen(&case.change, &case.to, 1);
        let Err(errors) = Policy::compile(&[Source { name: "p.yaml".to_owned(), text }]) else {
            wrong.push(format!("{}: loaded", case.name));
            continue;
        };
        let got: Vec<String> = errors.iter().map(ToString::to_string).collect();
        let same = got.len() == case.errors.len()
            && got.iter().zip(&case.errors).all(|(g, w)| g.starts_with(&format!("p.yaml:{w}")));
        if !same {
            wrong.push(format!("{}: wanted {:#?}, got {got:#?}", case.name, case.errors));
        }
        for error in &errors {
            assert!(!error.fix.is_empty(), "{}: what is to be done?", case.name);
            assert!(error.line > 0 && error.column > 0, "{}: where?", case.name);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_broken_policy_refuses_everything_and_says_why() {
    let policy = Policy::broken("p.yaml:3:1: unknown field `endpoint`");
    let id = SpiffeId::parse("spiffe://h.example/a").unwrap();
    let host = Host::parse("registry.ml.internal").unwrap();
    let now = Timestamp::UNIX_EPOCH;
    let source = Some(&id);
    let egress = EgressFacts {
        source,
        host: &host,
        port: None,
        is_grpc: false,
        method: "GET",
        path: "/",
        upgrade: None,
        now,
    };
    let refusals = [
        policy.decide_egress(&egress).unwrap_err(),
        policy.decide_connect(&ConnectFacts { source, host: &host, port: 443, now }).unwrap_err(),
        policy
            .authorize_inbound(&InboundFacts {
                peer: &id,
                method: "GET",
                path: "/",
                upgrade: None,
                now,
            })
            .unwrap_err(),
    ];
    for refusal in refusals {
        assert_eq!(refusal.code(), "policy-broken");
        assert!(refusal.verdict.stops());
        assert!(refusal.verdict.reason.text.contains("unknown field `endpoint`"));
        assert_eq!(refusal.policy_hash, Arc::from("broken"));
    }
}
