//! Links as they are written: what is in force, and where a wrong one is wrong.

use std::path::Path;

use super::super::{Config, InvalidConfig, file};
use super::*;

const GATEWAY: &str = "\
mode: gateway
policy: {path: /p}
identity: {files: {chain: /c, key: /k, bundle: /b}}
audit: {path: /a}
links:
";

const HUB: &str = "  - name: hub-updates
    listen: 0.0.0.0:8443
    downstream: {tls: mutual, from: [\"spiffe://site-a.example/ns/fl/sa/*\"]}
    to: {host: Aggregator.hub.example, port: 9092}
";

fn cook(text: &str) -> Result<Config, InvalidConfig> {
    let path = Path::new("gateway.yaml");
    file::parse(path, text)?.cook(path)
}

#[track_caller]
fn wrong(links: &str) -> String {
    cook(&format!("{GATEWAY}{links}")).expect_err("a wrong link").to_string()
}

#[test]
fn a_gateway_says_what_is_in_force() {
    let links = format!(
        "{HUB}    identity: {{files: {{chain: /lc, key: /lk, bundle: /lb}}}}\n    \
         upstreamIdentity: {{files: {{chain: /uc, key: /uk, bundle: /ub}}}}\n    \
         budgets: {{bytesMax: 8GiB, bytesPerSecondMax: 50MiB, messageBytesMax: 64MiB, \
         exchangesMax: 64, exchangesPerSecondMax: 100}}\n  \
         - {{name: local, listen: \"127.0.0.1:9000\", downstream: {{tls: plaintext}}}}\n  \
         - {{name: db, listen: \"127.0.0.1:9001\", downstream: {{tls: plaintext}}, protocol: tcp, \
         to: {{host: db.hub.example, port: 5432}}}}\n"
    );
    let config = cook(&format!("{GATEWAY}{links}")).unwrap();
    let [hub, local, db] = config.links.as_slice() else { panic!("{:?}", config.links) };
    assert_eq!(&*hub.name, "hub-updates");
    assert_eq!(hub.to.as_ref().unwrap().to_string(), "aggregator.hub.example:9092");
    assert_eq!(hub.budgets.bytes_max, Some(8 << 30));
    assert_eq!(hub.budgets.message_bytes_max, Some(64 << 20));
    assert_eq!(hub.budgets.exchanges_per_second_max, NonZeroU32::new(100));
    assert_eq!(hub.identity.as_ref().unwrap().key, Path::new("/lk"));
    assert_eq!(hub.upstream_identity.as_ref().unwrap().bundle, Path::new("/ub"));
    assert!(matches!(&local.downstream, Downstream::Plaintext) && local.to.is_none());
    assert_eq!((local.protocol, db.protocol), (LinkProtocol::Http, LinkProtocol::Tcp));
    let described = config.describe();
    for line in [
        "mode: gateway",
        "link hub-updates: http on 0.0.0.0:8443, from spiffe://site-a.example/ns/fl/sa/*, to \
         aggregator.hub.example:9092, it shows /lc, shows upstreams /uc; ",
        "link local: http on 127.0.0.1:9000, plaintext, to where each request says",
        "link db: tcp on 127.0.0.1:9001",
    ] {
        assert!(described.contains(line), "{line} is not in {described}");
    }
}

#[test]
fn a_wrong_link_says_where_and_what_to_do() {
    let hub = |from: &str, to: &str| {
        assert!(HUB.contains(from));
        HUB.replace(from, to)
    };
    for (links, place, what) in [
        (hub("hub-updates", "Hub updates"), "gateway.yaml:6:11: ", "small letters"),
        (hub("[\"spiffe://site-a.example/ns/fl/sa/*\"]", "[]"), ":8:", "nobody may come in"),
        (hub("spiffe://site-a.example/ns/fl/sa/*", "spiffe://*/a"), ":8:", "trust domain"),
        (hub("tls: mutual, from", "tls: plaintext, from"), ":8:", "remove `from`"),
        (
            hub("tls: mutual, from: [\"spiffe://site-a.example/ns/fl/sa/*\"]", "tls: plaintext"),
            ":8:",
            "listen on loopback",
        ),
        (hub("from: [", "because: x, from: ["), ":8:", "remove it"),
        (hub("Aggregator.hub.example", "http://x"), ":9:", "is no host"),
        (hub("port: 9092", "port: 0"), ":9:", "1 to 65535"),
        (hub("port: 9092", "port: 90920"), ":9:", ""),
        (format!("{HUB}    protocol: hbone\n"), ":6:", "remove `to`"),
        (
            hub("    to: {host: Aggregator.hub.example, port: 9092}\n", "    protocol: tcp\n"),
            ":6:",
            "add `to:",
        ),
        (format!("{HUB}    budgets: {{bytesMax: 8GB}}\n"), ":10:", "8MiB"),
        (format!("{HUB}    budgets: {{exchangesMax: 0}}\n"), ":10:", ""),
        (format!("{HUB}    budgets: {{bytes: 1}}\n"), ":10:", "bytes"),
        (format!("{HUB}{HUB}"), ":10:", "two links are named"),
        (format!("{HUB}{}", hub("hub-updates", "other")), ":11:", "two links listen"),
        (format!("{HUB}    protocol: quic\n"), ":10:", "quic"),
    ] {
        let said = wrong(&links);
        assert!(said.contains(place) && said.contains(what), "{said}\nfor\n{links}");
    }
}

#[test]
fn plaintext_beyond_loopback_wants_a_reason() {
    let link = "  - {name: a, listen: \"10.0.0.7:9000\", downstream: {tls: plaintext, because: \
                \"the mesh encrypts below us\"}}\n";
    let config = cook(&format!("{GATEWAY}{link}")).unwrap();
    assert!(matches!(config.links[0].downstream, Downstream::Plaintext));
}

#[test]
fn links_and_mode_agree() {
    let none = cook(&GATEWAY.replace("links:\n", "")).expect_err("no links").to_string();
    assert!(none.contains("links") && none.contains("mode: gateway"), "{none}");
    let sidecar = format!("{GATEWAY}{HUB}").replace("mode: gateway", "mode: sidecar");
    let said = cook(&sidecar).expect_err("links in a sidecar").to_string();
    assert!(said.contains("links") && said.contains("mode: gateway"), "{said}");
}
