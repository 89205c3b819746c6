//! Raw connections over links, and two gateways back to back: what goes to an endpoint with a `via` is
//! decided and read at the site, and travels in a stream of the connection to the hub's gateway.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::http2::{Http2, grpc, text_message};
use crate::harness::log::assert_record;
use crate::harness::sidecar::Sidecar;
use crate::harness::site::{Plan, Site};
use crate::harness::upstream::Upstream;
use crate::harness::visits::{Visit, Visits};
use crate::harness::wait::within;
use crate::harness::workload::request;
use crate::harness::{JOB_ID, REGISTRY, SSN};

const HUB_ID: &str = "spiffe://hub.example/ns/edge/sa/gateway";
const ECHO: &str = "echo.hub.internal";

/// A server that says everything back, and what it has heard.
struct Echo {
    port: u16,
    visits: Visits<Vec<u8>>,
}

impl Echo {
    async fn open() -> Echo {
        let (port, visits) = Visits::listen(say_back).await;
        Echo { port, visits }
    }

    fn heard(&self) -> Vec<u8> {
        self.visits.all().concat()
    }
}

async fn say_back(mut stream: TcpStream, visit: Visit<Vec<u8>>) {
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        visit.note(|heard| heard.extend_from_slice(&buffer[..count]));
        stream.write_all(&buffer[..count]).await.unwrap();
    }
}

/// What a policy has beside its endpoints and rules.
const REST: &str = "content:\n  - name: read\n    inspect: stream\n    rules:\n      - when: \
                    {identifiers: [ssn], confidence: medium}\n        action: block\n";

fn policy(endpoints: &[String], egress: &[&str]) -> String {
    let list = |items: &mut dyn Iterator<Item = &str>| {
        items.map(|item| format!("  - {item}\n")).collect::<String>()
    };
    let endpoints = list(&mut endpoints.iter().map(String::as_str));
    let egress = list(&mut egress.iter().copied());
    let text = format!(
        "apiVersion: lazaret/v1\nkind: Policy\nendpoints:\n{endpoints}egress:\n{egress}{REST}"
    );
    let source = policy::Source { name: "stories.yaml".to_owned(), text: text.clone() };
    if let Err(errors) = policy::Policy::compile(&[source]) {
        panic!("{errors:#?}\n{text}");
    }
    text
}

fn endpoint(name: &str, host: &str, port: u16, rest: &str) -> String {
    format!("{{name: {name}, hosts: [{host}], addresses: [127.0.0.1/32], ports: [{port}], {rest}}}")
}

const PLAINTEXT: &str = "tls: {mode: plaintext, because: \"a story\"}";
const TCP: &str = "{name: bytes, to: [echo], protocol: tcp, content: read, contentIn: read}";

/// A hub whose gateway takes streams, and a site whose sidecar sends them there.
struct Sites {
    sidecar: Sidecar,
    hub: Sidecar,
    _folders: (Site, Site),
}

impl Sites {
    /// `rules` of the site and the hub; the registry is there for those that name it.
    async fn open(
        echo: &Echo,
        registry: &Upstream,
        site: Site,
        rules: (&[&str], &[&str]),
    ) -> Sites {
        let edge = Site::of("hub.example");
        let from = format!("downstream: {{tls: mutual, from: [\"{JOB_ID}\"]}}");
        let link = format!("{{name: between, listen: \"127.0.0.1:0\", {from}, protocol: hbone}}");
        let far = [
            endpoint("echo", ECHO, echo.port, PLAINTEXT),
            endpoint("registry", REGISTRY, registry.port, PLAINTEXT),
        ];
        let plan = Plan { policy: policy(&far, rules.1), ..site.plan(registry) };
        let plan = plan.identity(edge.pki.issue(HUB_ID, &["gateway.hub.internal"]));
        let plan = plan.federated(&site).link(&link).host(&format!("{ECHO}: [127.0.0.1]"));
        let hub = edge.start(&plan).await;

        let tls = format!("tls: {{mode: mutual, peer: \"{HUB_ID}\"}}");
        let near = [
            endpoint("echo", ECHO, echo.port, &format!("{PLAINTEXT}, via: {{endpoint: hub}}")),
            endpoint(
                "registry",
                REGISTRY,
                registry.port,
                "tls: {mode: mutual, peer: \"spiffe://hospital.example/ns/mlops/sa/registry\"}, via: \
                 {endpoint: hub}",
            ),
            endpoint("hub", "gateway.hub.internal", hub.link("between").port(), &tls),
        ];
        let plan = Plan { policy: policy(&near, rules.0), ..site.plan(registry) };
        // The site does not know where the hub's services are.
        let plan = plan.federated(&edge).host("gateway.hub.internal: [127.0.0.1]");
        let sidecar = site.start(&plan).await;
        Sites { sidecar, hub, _folders: (site, edge) }
    }
}

async fn say(stream: &mut TcpStream, text: &str) -> Option<String> {
    stream.write_all(text.as_bytes()).await.ok()?;
    let mut answer = vec![0; text.len()];
    let read = within("an echo", stream.read_exact(&mut answer)).await;
    read.ok().map(|_| String::from_utf8(answer).unwrap())
}

fn series(record: &Value, field: &str) -> u64 {
    record[field].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_raw_link_carries_what_was_read() {
    let (site, echo) = (Site::new(), Echo::open().await);
    let registry = Upstream::plaintext().await;
    let text = policy(&[endpoint("echo", ECHO, echo.port, PLAINTEXT)], &[TCP]);
    let link = format!(
        "{{name: db, listen: \"127.0.0.1:0\", downstream: {{tls: plaintext}}, protocol: tcp, to: {{host: \
         {ECHO}, port: {}}}, budgets: {{bytesMax: 64KiB}}}}",
        echo.port
    );
    let plan = Plan { policy: text, ..site.plan(&registry) };
    let plan = plan.link(&link).host(&format!("{ECHO}: [127.0.0.1]"));
    let gateway = site.start(&plan).await;

    let mut clean = TcpStream::connect(gateway.link("db")).await.unwrap();
    assert_eq!(say(&mut clean, "SELECT 1;\n").await.as_deref(), Some("SELECT 1;\n"));
    drop(clean);
    let mut leaking = TcpStream::connect(gateway.link("db")).await.unwrap();
    assert_eq!(say(&mut leaking, &format!("INSERT patient ssn {SSN};\n")).await, None);
    let mut long = TcpStream::connect(gateway.link("db")).await.unwrap();
    let line = "a line of text that says nothing at all\n".repeat(100);
    let mut lines = 0;
    while lines < 30 && say(&mut long, &line).await.is_some() {
        lines += 1;
    }
    assert!((5..30).contains(&lines), "{lines} lines passed a budget of 64 KiB");

    let records = gateway.records(3).await;
    let expected = [
        json!({"kind": "tunnel", "link": "db", "source": JOB_ID, "rule": "bytes", "outcome": "completed", "bytes_released": 10}),
        json!({"kind": "tunnel", "link": "db", "reason": "finding"}),
        json!({"kind": "tunnel", "link": "db", "outcome": "cut", "reason": "link-bytes-max"}),
    ];
    for (record, expected) in records.iter().zip(&expected) {
        assert_record(record, expected);
    }
    assert!(!crate::harness::is_planted_in(&echo.heard()), "the number has left");
    gateway.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_between_gateways_are_read_at_the_site_and_decided_at_both() {
    let (site, echo, registry) = (Site::new(), Echo::open().await, Upstream::plaintext().await);
    let hub_rule = format!(
        "{{name: from-site, to: [echo], from: [\"{JOB_ID}\"], protocol: tcp, content: read}}"
    );
    let sites = Sites::open(&echo, &registry, site, (&[TCP], &[&hub_rule])).await;
    let authority = format!("{ECHO}:{}", echo.port);

    let mut first = sites.sidecar.tunnel(&authority).await;
    assert_eq!(say(&mut first, "SELECT 1;\n").await.as_deref(), Some("SELECT 1;\n"));
    let mut second = sites.sidecar.tunnel(&authority).await;
    assert_eq!(say(&mut second, "SELECT 2;\n").await.as_deref(), Some("SELECT 2;\n"));
    // Both in one connection.
    sites.hub.until_metric("lazaret_connections_open{listener=\"between\"}", 1.0).await;
    assert_eq!(say(&mut second, &format!("patient ssn {SSN}\n")).await, None);
    drop((first, second));

    let near = sites.sidecar.records(2).await;
    let far = sites.hub.records(2).await;
    let gateway = sites.hub.link("between").to_string();
    let cut = near.iter().find(|record| record["outcome"] == "cut").unwrap();
    assert_record(
        cut,
        &json!({"reason": "finding", "endpoint": "echo", "address": gateway, "source": JOB_ID}),
    );
    assert_eq!(cut["findings"][0]["identifier"], "ssn");
    for record in &far {
        let target = format!("tcp://{authority}");
        assert_record(
            record,
            &json!({"kind": "connect", "link": "between", "source": JOB_ID, "target": target, "rule": "from-site"}),
        );
        assert_eq!(series(record, "bytes_released"), 10, "{record:#}");
    }
    assert_eq!(echo.heard(), b"SELECT 1;\nSELECT 2;\n");
    sites.sidecar.finish().await;
    sites.hub.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_hub_does_not_permit_is_not_opened() {
    let (site, echo, registry) = (Site::new(), Echo::open().await, Upstream::plaintext().await);
    let other = "{name: other, to: [echo], from: [\"spiffe://hospital.example/ns/x/sa/y\"], protocol: tcp, content: read}";
    let sites = Sites::open(&echo, &registry, site, (&[TCP], &[other])).await;
    let mut workload = sites.sidecar.workload().await;
    let authority = format!("{ECHO}:{}", echo.port);
    let connect = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n");
    let refused = workload.ask(connect).await;
    refused.assert_problem(403, "carrier-refused");

    let record = sites.hub.record().await;
    let told =
        format!("source-not-allowed (exchange {} there)", record["exchange"].as_str().unwrap());
    assert!(refused.problem("detail").ends_with(&told), "{}", refused.text());
    assert_record(
        &record,
        &json!({"outcome": "refused", "reason": "source-not-allowed", "source": JOB_ID}),
    );
    let record = sites.sidecar.record().await;
    assert_record(&record, &json!({"outcome": "refused", "reason": "carrier-refused"}));
    assert!(record["reason_text"].as_str().unwrap().ends_with(&told), "{record:#}");
    assert!(echo.heard().is_empty());
    sites.sidecar.finish().await;
    sites.hub.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_go_through_the_hub_within_tls_to_the_end() {
    let site = Site::new();
    let (echo, registry) = (Echo::open().await, site.registry().await);
    let http = "{name: models, to: [registry], methods: [PUT], paths: [\"/v2/**\"], content: read}";
    let hub_rule = "{name: sealed, to: [registry], protocol: tcp, content: {exempt: true, because: \"the site reads it\"}}";
    let sites = Sites::open(&echo, &registry, site, (&[http], &[hub_rule])).await;
    let mut workload = sites.sidecar.workload().await;

    assert_eq!(workload.ask(request("PUT", "/v2/a", "weights")).await.status, 200);
    let leak = format!("patient ssn {SSN}\n");
    workload.ask(request("PUT", "/v2/b", &leak)).await.assert_problem(403, "finding");

    // The second is a stream, whose head may have left before its body was cut.
    let requests = registry.seen().requests;
    let first = requests.first().unwrap();
    assert_eq!((first.target.as_str(), first.body.as_slice()), ("/v2/a", &b"weights"[..]));
    assert!(requests.iter().all(|one| !crate::harness::is_planted_in(&one.body)));
    let record = sites.sidecar.records(2).await.remove(0);
    let gateway = sites.hub.link("between").to_string();
    assert_record(
        &record,
        &json!({"outcome": "completed", "address": gateway, "tls_peer": "spiffe://hospital.example/ns/mlops/sa/registry"}),
    );
    drop(workload);
    sites.sidecar.finish().await;
    let log = sites.hub.finish().await;
    let tunnel = log.closes()[0].clone();
    assert_record(&tunnel, &json!({"link": "between", "rule": "sealed", "inspected": false}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hubs_refusal_is_read_in_the_clients_own_form() {
    let site = Site::new();
    let (echo, registry) = (Echo::open().await, site.registry().await);
    let http = "{name: models, to: [registry], content: read}";
    let sites = Sites::open(&echo, &registry, site, (&[http], &[TCP])).await;
    let url = format!("http://{REGISTRY}/lab.Study/Send");
    let peer = Http2::new(TcpStream::connect(sites.sidecar.http_proxy).await.unwrap()).await;
    // More often than what would be taken for an upstream that is down.
    for _ in 0..6 {
        let ended = peer.ask(grpc(&url), text_message("weights")).await;
        ended.assert_trailers_only("7", "carrier-refused");
    }
    let mut workload = sites.sidecar.workload().await;
    let head = format!(
        "PUT http://{REGISTRY}/bucket/a HTTP/1.1\r\nHost: {REGISTRY}\r\nx-amz-date: 20260101T000000Z\r\n\
         Content-Length: 7\r\n\r\nweights"
    );
    let answer = workload.ask(head).await;
    assert_eq!(
        (answer.status, &answer.headers["content-type"].to_str().unwrap()[..15]),
        (403, "application/xml")
    );
    assert!(answer.text().contains("carrier-refused"), "{}", answer.text());
    for record in sites.sidecar.records(7).await {
        assert_record(&record, &json!({"outcome": "refused", "reason": "carrier-refused"}));
    }
    assert!(registry.seen().requests.is_empty());
    sites.hub.records(7).await;
    sites.sidecar.finish().await;
    sites.hub.finish().await;
}
