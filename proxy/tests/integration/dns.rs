//! The pod's questions for names: which are asked further, which answers are told, and what the name
//! server saw, which for everything else is nothing.

use std::net::SocketAddr;
use std::time::Instant;

use hickory_resolver::proto::op::{Edns, Message, Query, ResponseCode};
use hickory_resolver::proto::rr::{DNSClass, Name, RData, RecordType};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};

use super::harness::dns::NameServer;
use super::harness::log::assert_record;
use super::harness::sidecar::Sidecar;
use super::harness::site::{Plan, Site};
use super::harness::upstream::Upstream;
use super::harness::wait::within;
use super::harness::{JOB_ID, REGISTRY, SSN};

/// What the name server knows; the stories' policy lists 127.0.0.1 for all of the registry's names.
const KNOWN: &[(&str, &[&str])] = &[
    ("good.registry.ml.internal", &["127.0.0.1"]),
    ("mixed.registry.ml.internal", &["127.0.0.1", "127.0.0.7", "93.184.216.34"]),
    ("moved.registry.ml.internal", &["93.184.216.34", "2606:2800:220:1::1"]),
    ("rebound.registry.ml.internal", &["169.254.169.254"]),
];

struct Pod {
    site: Site,
    upstream: Upstream,
    server: NameServer,
    sidecar: Sidecar,
}

async fn pod(change: impl FnOnce(Plan) -> Plan) -> Pod {
    let site = Site::new();
    let upstream = site.registry().await;
    std::fs::create_dir_all(site.path("audit")).unwrap();
    let server = NameServer::start_with(site.path("audit"), KNOWN).await;
    let plan = site.plan(&upstream).dns().nameserver(server.address);
    let sidecar = site.start(&change(plan)).await;
    Pod { site, upstream, server, sidecar }
}

impl Pod {
    async fn finish(self) {
        self.upstream.assert_untouched();
        self.sidecar.finish().await;
        drop(self.site);
    }

    fn address(&self) -> SocketAddr {
        self.sidecar.dns.unwrap()
    }

    async fn ask(&self, name: &str, kind: RecordType) -> Message {
        ask(self.address(), &query(name, kind).to_vec().unwrap()).await
    }

    fn asked(&self) -> Vec<String> {
        self.server.asked().into_iter().map(|question| question.name).collect()
    }
}

fn query(name: &str, kind: RecordType) -> Message {
    let mut message = Message::query();
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(Name::from_ascii(name).unwrap(), kind));
    message
}

/// Asks over UDP.
async fn ask(server: SocketAddr, question: &[u8]) -> Message {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.send_to(question, server).await.unwrap();
    let mut buffer = [0; 4096];
    let received = within("an answer", socket.recv_from(&mut buffer));
    let (len, from) = received.await.unwrap();
    assert_eq!(from, server);
    let answer = Message::from_vec(&buffer[..len]).unwrap();
    assert_eq!(answer.metadata.id.to_be_bytes(), question[..2]);
    answer
}

fn addresses(message: &Message) -> Vec<String> {
    let ip = |data: &RData| data.ip_addr().map(|address| address.to_string());
    message.answers.iter().filter_map(|record| ip(&record.data)).collect()
}

#[tokio::test]
async fn a_listed_name_is_resolved_and_recorded_before_it_is_asked() {
    let pod = pod(|plan| plan).await;
    let answer = pod.ask("GOOD.registry.ml.internal.", RecordType::A).await;
    assert_eq!(addresses(&answer), ["127.0.0.1"]);
    assert!(answer.answers[0].ttl <= 60);
    let record = pod.sidecar.record().await;
    assert_record(
        &record,
        &json!({
            "kind": "dns", "direction": "outbound", "method": "A", "opened": true,
            "target": "GOOD.registry.ml.internal", "outcome": "completed", "source": JOB_ID,
            "rule": "models", "endpoint": "registry", "address": "127.0.0.1", "status": null,
            "dns": {"code": "NOERROR", "answers": 1, "withheld": 0},
        }),
    );
    let asked = pod.server.asked();
    assert_eq!(asked.len(), 1, "one question, for one kind of address");
    assert_eq!((asked[0].name.as_str(), asked[0].open_lines), ("good.registry.ml.internal", 1));
    pod.finish().await;
}

#[tokio::test]
async fn fixed_names_are_told_without_a_question() {
    let pod = pod(|plan| plan).await;
    assert_eq!(addresses(&pod.ask(&format!("{REGISTRY}."), RecordType::A).await), ["127.0.0.1"]);
    // It has no such address, which is not the same as being no name.
    let answer = pod.ask(&format!("{REGISTRY}."), RecordType::AAAA).await;
    assert_eq!(answer.metadata.response_code, ResponseCode::NoError);
    assert!(answer.answers.is_empty());
    // ECH and other ports are not offered.
    for kind in [RecordType::HTTPS, RecordType::SVCB] {
        let answer = pod.ask(&format!("{REGISTRY}."), kind).await;
        assert_eq!(answer.metadata.response_code, ResponseCode::NoError);
        assert!(answer.answers.is_empty());
    }
    let records = pod.sidecar.records(4).await;
    assert!(records.iter().all(|record| record["opened"] == false), "nothing left");
    assert!(pod.asked().is_empty());
    pod.finish().await;
}

#[tokio::test]
async fn other_names_do_not_exist_and_other_types_are_refused() {
    let pod = pod(|plan| plan).await;
    for (name, code) in [
        ("example.com.", "host-not-listed"),
        ("deep.good.registry.ml.internal.", "host-not-listed"),
        ("ruleless.ml.internal.", "no-rule"),
        ("private.ml.internal.", "source-not-allowed"),
        ("1.0.0.127.in-addr.arpa.", "host-not-listed"),
        ("127.0.0.1.", "host-not-listed"),
        (".", "host-not-listed"),
    ] {
        let before = pod.sidecar.log().closes().len();
        let answer = pod.ask(name, RecordType::A).await;
        assert_eq!(answer.metadata.response_code, ResponseCode::NXDomain, "{name}");
        let record = pod.sidecar.records(before + 1).await.remove(before);
        assert_record(&record, &json!({"outcome": "refused", "reason": code, "opened": false}));
    }
    let spaced = Name::from_labels([&b"a b"[..], b"registry", b"ml", b"internal"]).unwrap();
    let mut message = Message::query();
    message.add_query(Query::query(spaced, RecordType::A));
    let answer = ask(pod.address(), &message.to_vec().unwrap()).await;
    assert_eq!(answer.metadata.response_code, ResponseCode::NXDomain);
    for kind in [RecordType::TXT, RecordType::MX, RecordType::ANY, RecordType::NULL] {
        let answer = pod.ask("good.registry.ml.internal.", kind).await;
        assert_eq!(answer.metadata.response_code, ResponseCode::Refused, "{kind}");
    }
    let records = pod.sidecar.records(12).await;
    assert!(records[8..].iter().all(|record| record["reason"] == "dns-type"), "{records:#?}");
    assert!(pod.asked().is_empty(), "{:?}", pod.asked());
    pod.finish().await;
}

#[tokio::test]
async fn answers_outside_of_the_rules_addresses_are_withheld() {
    let pod = pod(|plan| plan).await;
    let answer = pod.ask("mixed.registry.ml.internal.", RecordType::A).await;
    assert_eq!(addresses(&answer), ["127.0.0.1"]);
    for (name, kind) in [
        ("moved.registry.ml.internal.", RecordType::A),
        ("moved.registry.ml.internal.", RecordType::AAAA),
        ("rebound.registry.ml.internal.", RecordType::A),
    ] {
        let answer = pod.ask(name, kind).await;
        // The name exists; an NXDOMAIN for one kind would end the question for the other.
        assert_eq!(answer.metadata.response_code, ResponseCode::NoError);
        assert!(answer.answers.is_empty(), "{name} {kind}");
    }
    let records = pod.sidecar.records(4).await;
    for (record, outcome, reason, withheld) in [
        (&records[0], "completed", "permitted", 2),
        (&records[1], "refused", "address-not-listed", 1),
        (&records[2], "refused", "address-not-listed", 1),
        (&records[3], "refused", "never-dial-address", 1),
    ] {
        assert_record(record, &json!({"outcome": outcome, "reason": reason}));
        assert_eq!(record["dns"]["withheld"], withheld);
    }
    pod.finish().await;
}

#[tokio::test]
async fn a_name_that_carries_an_identifier_is_never_asked() {
    let pod = pod(|plan| plan).await;
    // The number as it stands, and in what labels are made of: hexadecimal, base64 and base32.
    let names = [
        format!("{SSN}.registry.ml.internal."),
        "73736e3a203533362d32322d38393431.registry.ml.internal.".to_owned(),
        "c3NuOiA1MzYtMjItODk0MQ.registry.ml.internal.".to_owned(),
        "ONZW4ORAGUZTMLJSGIWTQOJUGE.registry.ml.internal.".to_owned(),
        "onzw4oraguztmljsgiwtqojuge.registry.ml.internal.".to_owned(),
    ];
    for name in &names {
        let answer = pod.ask(name, RecordType::A).await;
        assert_eq!(answer.metadata.response_code, ResponseCode::NXDomain, "{name}");
    }
    for record in pod.sidecar.records(names.len()).await {
        assert_record(&record, &json!({"outcome": "refused", "reason": "finding"}));
        assert_eq!(record["target"], "*.ml.internal", "{record:#}");
        assert_eq!(record["findings"][0]["identifier"], "ssn");
    }
    assert!(pod.asked().is_empty(), "{:?}", pod.asked());
    pod.finish().await;
}

#[tokio::test]
async fn what_is_malformed_is_answered_shortly_and_recorded() {
    let pod = pod(|plan| plan).await;
    let good = query("good.registry.ml.internal.", RecordType::A).to_vec().unwrap();
    let answer = ask(pod.address(), &good[..good.len() - 3]).await;
    assert_eq!(answer.metadata.response_code, ResponseCode::FormErr);
    let mut of_a_server = good.clone();
    of_a_server[2] |= 0x80;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.send_to(&of_a_server, pod.address()).await.unwrap();
    let records = pod.sidecar.records(2).await;
    assert!(records.iter().all(|record| record["outcome"] == "malformed"), "{records:#?}");
    // What follows is answered: nothing stands in its way.
    assert_eq!(addresses(&pod.ask("good.registry.ml.internal.", RecordType::A).await).len(), 1);
    let mut nothing = [0; 16];
    assert!(socket.try_recv(&mut nothing).is_err(), "an answer was answered");
    pod.finish().await;
}

#[tokio::test]
async fn a_connection_carries_several_questions() {
    let pod = pod(|plan| plan).await;
    #[expect(clippy::disallowed_methods, reason = "the workload's own connection")]
    let mut stream = TcpStream::connect(pod.address()).await.unwrap();
    for (name, code) in [
        ("good.registry.ml.internal.", ResponseCode::NoError),
        ("example.com.", ResponseCode::NXDomain),
    ] {
        let mut message = query(name, RecordType::A);
        message.set_edns(Edns::new());
        let question = message.to_vec().unwrap();
        let length = u16::try_from(question.len()).unwrap();
        stream.write_all(&[&length.to_be_bytes()[..], &question].concat()).await.unwrap();
        let length = within("a length", stream.read_u16()).await.unwrap();
        let mut answer = vec![0; usize::from(length)];
        within("an answer", stream.read_exact(&mut answer)).await.unwrap();
        let answer = Message::from_vec(&answer).unwrap();
        assert_eq!((answer.metadata.response_code, answer.edns.is_some()), (code, true));
    }
    pod.sidecar.records(2).await;
    // A question longer than any is answered as such, and ends the connection.
    stream.write_all(&[&u16::MAX.to_be_bytes()[..], &[0; 5000]].concat()).await.unwrap();
    let mut rest = Vec::new();
    let _reset_or_end = within("the end", stream.read_to_end(&mut rest)).await;
    assert_eq!(pod.sidecar.records(3).await[2]["outcome"], "malformed");
    pod.finish().await;
}

#[tokio::test]
async fn a_flood_is_dropped_and_counted() {
    let pod = pod(|plan| plan.limit("dnsQuestionsPerSecond: 5")).await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let question = query("example.com.", RecordType::A).to_vec().unwrap();
    let began = Instant::now();
    for _ in 0..200 {
        socket.send_to(&question, pod.address()).await.unwrap();
    }
    // The drain writes down what was dropped, whatever the interval.
    let log = pod.sidecar.finish().await;
    let closed = log.closes().len() as u64;
    let dropped: u64 = log
        .notes("dns-dropped")
        .iter()
        .map(|note| note["detail"]["dropped"].as_u64().unwrap())
        .sum();
    // Two seconds' worth at once, and five more in each that it took.
    let most = 20 + 5 * began.elapsed().as_secs();
    assert!((10..=most).contains(&closed), "{closed} records, {most} at the most");
    assert!(dropped > 0 && closed + dropped <= 200, "{closed} records, {dropped} dropped");
}

#[tokio::test]
async fn new_names_under_a_wildcard_are_bounded() {
    let pod = pod(|plan| plan.limit("dnsNamesMax: 2")).await;
    for (name, code, found) in [
        ("good.registry.ml.internal.", ResponseCode::NoError, 1),
        ("mixed.registry.ml.internal.", ResponseCode::NoError, 1),
        ("moved.registry.ml.internal.", ResponseCode::NXDomain, 0),
        // What is known, and what the policy lists itself, goes on.
        ("good.registry.ml.internal.", ResponseCode::NoError, 1),
        ("registry.ml.internal.", ResponseCode::NoError, 1),
    ] {
        let answer = pod.ask(name, RecordType::A).await;
        assert_eq!((answer.metadata.response_code, answer.answers.len()), (code, found), "{name}");
    }
    assert_eq!(pod.sidecar.records(5).await[2]["reason"], "dns-names-max");
    assert!(!pod.asked().contains(&"moved.registry.ml.internal".to_owned()));
    pod.finish().await;
}

#[tokio::test]
async fn who_answers_can_be_asked() {
    let pod = pod(|plan| plan).await;
    let mut message = query("id.server.", RecordType::TXT);
    message.queries[0].set_query_class(DNSClass::CH);
    let answer = ask(pod.address(), &message.to_vec().unwrap()).await;
    assert!(answer.answers[0].data.to_string().contains("lazaret"), "{answer:?}");
    pod.finish().await;
}
