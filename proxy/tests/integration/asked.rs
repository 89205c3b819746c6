//! Names that are asked for on the way out: each is read and counted as the resolver's own questions
//! are, whoever asks for it, before a name server hears of it.

use serde_json::json;

use crate::harness::dns::NameServer;
use crate::harness::log::assert_record;
use crate::harness::sidecar::Sidecar;
use crate::harness::site::{Plan, Site};
use crate::harness::tcp::{TcpServer, socks_name};
use crate::harness::upstream::Upstream;

const KNOWN: &[(&str, &[&str])] = &[
    ("a.registry.ml.internal", &["127.0.0.1"]),
    ("b.registry.ml.internal", &["127.0.0.1"]),
    ("c.chest.ml.internal", &["127.0.0.1"]),
];
/// `ssn: 536-22-8941` by `base32`.
const CODED: &str = "onzw4oraguztmljsgiwtqojuge";

struct Pod {
    site: Site,
    upstream: Upstream,
    raw: TcpServer,
    server: NameServer,
    sidecar: Sidecar,
}

/// A sidecar with a wildcard for HTTP and one for raw tunnels.
async fn pod(change: impl FnOnce(Plan) -> Plan) -> Pod {
    let site = Site::new();
    let upstream = Upstream::plaintext().await;
    let raw = TcpServer::start("").await;
    std::fs::create_dir_all(site.path("audit")).unwrap();
    let server = NameServer::start_with(site.path("audit"), KNOWN).await;
    let mut plan = site.plaintext_plan(&upstream).nameserver(server.address);
    let endpoint = format!(
        "endpoints:\n  - {{name: chest, hosts: [\"*.chest.ml.internal\"], addresses: [127.0.0.1/32], \
         ports: [{}], tls: {{mode: plaintext, because: a story}}}}\n",
        raw.port
    );
    let rule = "egress:\n  - {name: raws, to: [chest], protocol: tcp, content: raw}\n";
    let content = "content:\n  - {name: raw, inspect: stream}\n  - name:";
    plan.policy = plan
        .policy
        .replacen("endpoints:\n", &endpoint, 1)
        .replacen("egress:\n", rule, 1)
        .replacen("content:\n  - name:", content, 1);
    let sidecar = site.start(&change(plan)).await;
    Pod { site, upstream, raw, server, sidecar }
}

impl Pod {
    async fn get(&self, host: &str) -> u16 {
        let authority = format!("{host}:{}", self.upstream.port);
        let request = format!("GET http://{authority}/v2/a HTTP/1.1\r\nHost: {authority}\r\n\r\n");
        self.sidecar.workload().await.ask(request.as_bytes()).await.status
    }

    /// The same request through a connection that SOCKS5 or CONNECT opened for the name.
    async fn get_by_socks(&self, host: &str) -> u16 {
        let port = self.upstream.port;
        let mut talk = self.sidecar.socks_to(&socks_name(host, port)).await;
        let request = format!("GET /v2/a HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n");
        talk.ask(request.as_bytes()).await.status
    }

    async fn connect(&self, host: &str) -> u16 {
        let authority = format!("{host}:{}", self.raw.port);
        let request = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n");
        let mut workload = self.sidecar.workload().await;
        workload.say(request).await;
        workload.hear_head().await.unwrap().status
    }

    fn asked(&self) -> Vec<String> {
        let mut names: Vec<_> =
            self.server.asked().into_iter().map(|question| question.name).collect();
        names.dedup();
        names
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_spells_an_identifier_is_never_asked_whoever_asks() {
    let pod = pod(|plan| plan).await;
    let (first, second) = CODED.split_at(12);
    let web = format!("{CODED}.registry.ml.internal");
    let raw = format!("{CODED}.chest.ml.internal");
    assert_eq!(pod.get(&web).await, 403);
    assert_eq!(pod.get(&format!("{first}-{second}.registry.ml.internal")).await, 403);
    assert_eq!(pod.get_by_socks(&web).await, 403);
    assert_eq!(pod.connect(&raw).await, 403);
    assert_eq!(pod.sidecar.socks(&socks_name(&raw, pod.raw.port)).await.0, 2);

    let log = pod.sidecar.finish().await;
    let refused: Vec<_> =
        log.closes().into_iter().filter(|record| record["reason"] == "finding").collect();
    assert_eq!(refused.len(), 5, "{:#?}", log.closes());
    for record in &refused {
        assert_record(record, &json!({"outcome": "refused", "opened": false}));
        assert_eq!(record["findings"][0]["identifier"], "ssn");
    }
    assert!(!format!("{:?}", log.closes()).contains(CODED), "the record spells it, too");
    assert!(pod.server.asked().is_empty(), "{:?}", pod.server.asked());
    pod.upstream.assert_untouched();
    assert!(pod.raw.seen().is_empty());
    drop(pod.site);
}

#[tokio::test(flavor = "multi_thread")]
async fn new_names_count_whoever_asks_for_them() {
    let pod = pod(|plan| plan.limit("dnsNamesMax: 2").dns()).await;
    assert_eq!(pod.get("a.registry.ml.internal").await, 200);
    assert_eq!(pod.get("a.registry.ml.internal").await, 200, "known");
    assert_eq!(pod.connect("c.chest.ml.internal").await, 200);
    // One too many, by whichever way.
    assert_eq!(pod.get("b.registry.ml.internal").await, 403);
    assert_eq!(pod.get_by_socks("b.registry.ml.internal").await, 403);
    assert_eq!(pod.connect("d.chest.ml.internal").await, 403);
    // What the policy lists itself costs nothing.
    assert_eq!(pod.get("registry.ml.internal").await, 200);
    assert_eq!(pod.asked(), ["a.registry.ml.internal", "c.chest.ml.internal"]);
    let log = pod.sidecar.finish().await;
    let closes = log.closes().into_iter();
    assert_eq!(closes.filter(|record| record["reason"] == "dns-names-max").count(), 3);
    drop(pod.site);
}
