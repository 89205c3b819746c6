//! Peers come in through mutual TLS, reach the local application alone, and take out only what was
//! read.

use serde_json::json;

use crate::harness::body::{prose, prose_with};
use crate::harness::log::assert_record;
use crate::harness::peer::peer_request;
use crate::harness::pki::{Pki, Svid};
use crate::harness::sidecar::Sidecar;
use crate::harness::site::Site;
use crate::harness::upstream::{Gate, Reply, Upstream};
use crate::harness::workload::{Session, request};
use crate::harness::{AGGREGATOR_ID, JOB_ID, SSN};

/// A site whose sidecar forwards to an application.
struct Ward {
    site: Site,
    app: Upstream,
    sidecar: Sidecar,
    aggregator: Svid,
}

impl Ward {
    async fn open() -> Ward {
        let site = Site::new();
        let app = Upstream::plaintext().await;
        let sidecar = site.start(&site.plaintext_plan(&app).inbound(&app)).await;
        let aggregator = site.pki.issue(AGGREGATOR_ID, &["aggregator.example"]);
        Ward { site, app, sidecar, aggregator }
    }

    /// The permitted peer comes in.
    async fn aggregator(&self) -> Session {
        self.sidecar.peer(self.site.pki.client(Some(&self.aggregator))).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_several_types_has_no_reading() {
    let ward = Ward::open().await;
    let of = |kind| Reply::text("{}").with_header("content-type", kind);
    let (one, other) = ("application/json", "application/grpc");
    for answer in [of(one).with_header("content-type", other), of("application/json, text/plain")] {
        ward.app.reply(answer.clone());
        let mut peer = ward.aggregator().await;
        let told = peer.ask(peer_request("GET", "/updates/7", "", "")).await;
        assert_eq!(told.status, 502);
        // The same where a workload asks, and its rule reads what comes in.
        let mut workload = ward.sidecar.workload().await;
        assert_eq!(workload.ask(request("GET", "/answers/a", "")).await.status, 502);
    }
    for record in ward.sidecar.records(4).await {
        assert_record(&record, &json!({ "outcome": "failed", "status": 502 }));
        assert!(
            record["error"]
                .as_str()
                .unwrap()
                .starts_with("upstream-broken: what the body of the answer is"),
            "{record}"
        );
    }
    ward.sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_reaches_the_application_and_the_application_learns_who_it_is() {
    let ward = Ward::open().await;
    let mut peer = ward.aggregator().await;
    assert_eq!(peer.stream().get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    let forged = "X-Forwarded-Client-Cert: By=spiffe://evil.example;URI=spiffe://evil.example\r\n\
                  X-Forwarded-Client-Cert: URI=spiffe://evil.example/2\r\n\
                  X_Forwarded_Client_Cert: URI=spiffe://evil.example/3\r\n\
                  X-SPIFFE-ID: spiffe://evil.example\r\n\
                  Connection: close, X-Hop\r\nX-Hop: 1\r\n";

    let answer = peer.ask(peer_request("POST", "/updates/7?round=3", forged, "weights")).await;

    assert_eq!((answer.status, answer.text().as_str()), (200, "ok\n"));
    let received = ward.app.request().await;
    assert_eq!(received.target, "/updates/7?round=3");
    assert_eq!(received.body, b"weights");
    let claims: Vec<_> = received.headers.get_all("x-forwarded-client-cert").iter().collect();
    let claim = format!("By={JOB_ID};Hash={};URI={AGGREGATOR_ID}", ward.aggregator.fingerprint());
    assert_eq!(claims, [claim.as_str()]);
    for name in ["x-spiffe-id", "x-hop", "connection", "x_forwarded_client_cert"] {
        assert!(!received.headers.contains_key(name), "{name} was let through");
    }
    assert_record(
        &ward.sidecar.record().await,
        &json!({
            "direction": "inbound",
            "kind": "http",
            "outcome": "completed",
            "source": AGGREGATOR_ID,
            "method": "POST",
            "target": "/updates/7?round=3",
            "address": format!("127.0.0.1:{}", ward.app.port),
            "rule": "updates",
            "status": 200,
            "inspected": true,
            "downstream_tls_version": "TLSv1_3",
            "downstream_tls_group": "X25519MLKEM768",
            "bytes_in": 7,
            "bytes_out": 3,
            "bytes_released": 3,
            "opened": true,
        }),
    );
    ward.sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_application_answers_is_read_before_it_leaves() {
    let ward = Ward::open().await;
    let mut peer = ward.aggregator().await;

    ward.app.reply(Reply::text(&format!("patient ssn {SSN}\n")));
    peer.ask(peer_request("GET", "/updates/7", "", "")).await.assert_problem(403, "finding");
    let note = format!("ssn {SSN}");
    ward.app.reply(Reply::text("ok\n").with_header("x-note", &note));
    peer.ask(peer_request("GET", "/updates/7", "", "")).await.assert_problem(403, "finding");
    // The identity header ends here in this direction, too.
    ward.app.reply(Reply::text("ok\n").with_header("x-forwarded-client-cert", "By=x"));
    let answer = peer.ask(peer_request("GET", "/updates/7", "", "")).await;
    assert_eq!(answer.status, 200);
    assert!(!answer.headers.contains_key("x-forwarded-client-cert"));

    let records = ward.sidecar.records(3).await;
    for record in &records[..2] {
        assert_record(
            record,
            &json!({
                "outcome": "refused",
                "reason": "finding",
                "rule": "updates",
                "status": 403,
                "bytes_released": 0,
            }),
        );
        assert_eq!(record["findings"][0]["identifier"], "ssn");
    }
    ward.sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_streamed_answer_is_cut_where_a_number_stands() {
    let ward = Ward::open().await;
    let gate = Gate::new();
    let mut peer = ward.aggregator().await;
    ward.app.reply(Reply {
        pieces: vec![prose(400_000), prose_with(100_000, SSN, 90_000)],
        gate: Some(gate.clone()),
        ..Reply::default()
    });

    peer.say(peer_request("GET", "/flows/7", "", "")).await;
    // The first bytes are here before the application has written the last ones.
    let head = peer.hear_head().await.unwrap();
    assert_eq!(head.status, 200);
    let first = peer.hear_line().await.expect("the first chunk's size");
    assert!(usize::from_str_radix(&first, 16).unwrap() > 0);
    gate.open();
    let rest = peer.hear_end().await;

    assert!(!rest.ends_with(b"0\r\n\r\n"), "the peer took the answer for whole");
    assert!(!crate::harness::is_planted_in(&rest), "the number left");
    let record = ward.sidecar.record().await;
    assert_record(
        &record,
        &json!({ "outcome": "cut", "reason": "finding", "rule": "flows", "inspect": "stream" }),
    );
    let released = record["bytes_released"].as_u64().unwrap();
    assert!(released > 0 && released < 490_000, "{record}");
    ward.sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_in_is_read_where_the_rule_asks() {
    let ward = Ward::open().await;
    let mut peer = ward.aggregator().await;

    assert_eq!(peer.ask(peer_request("POST", "/intake/7", "", "clean")).await.status, 200);
    let leak = format!("the ssn is {SSN}");
    peer.ask(peer_request("POST", "/intake/8", "", &leak)).await.assert_problem(403, "finding");

    assert_eq!(ward.app.request().await.target, "/intake/7");
    // The first is written when its answer has left, which may be after the second.
    let records = ward.sidecar.records(2).await;
    let refused = records.iter().find(|record| record["target"] == "/intake/8").unwrap();
    assert_record(
        refused,
        &json!({ "outcome": "refused", "rule": "intake", "opened": false, "bytes_released": 0 }),
    );
    ward.sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_proves_nothing_is_not_let_in() {
    let ward = Ward::open().await;
    let strangers = [
        ("no certificate", None),
        ("another CA", Some(Pki::new().issue(AGGREGATOR_ID, &["aggregator.example"]))),
        (
            "another trust domain",
            Some(
                Pki::of("elsewhere.example").issue("spiffe://elsewhere.example/a", &["a.example"]),
            ),
        ),
        ("expired", Some(ward.site.pki.issue_expired(AGGREGATOR_ID, &["aggregator.example"]))),
    ];

    for (turn, (what, svid)) in strangers.iter().enumerate() {
        let config = ward.site.pki.client(svid.as_ref());
        // TLS 1.3 tells the client late; whichever way it learns it, no answer comes.
        if let Ok(mut peer) = ward.sidecar.peer(config).await {
            let _closed = peer.try_say(peer_request("GET", "/updates/7", "", "")).await;
            assert!(peer.hear_end().await.is_empty(), "{what} got an answer");
        }
        let record = ward.sidecar.records(turn + 1).await.pop().unwrap();
        assert_record(
            &record,
            &json!({
                "direction": "inbound",
                "kind": "handshake",
                "outcome": "failed",
                "opened": false,
                "bytes_released": 0,
            }),
        );
        assert!(record["error"].as_str().unwrap().starts_with("downstream-tls: "), "{what}");
    }
    // Neither does plain HTTP.
    let stream = tokio::net::TcpStream::connect(ward.sidecar.inbound.unwrap()).await.unwrap();
    let mut plain = crate::harness::wire::Conversation::new(stream);
    plain.say(peer_request("GET", "/updates/7", "", "")).await;
    let said = plain.hear_end().await;
    assert!(!said.starts_with(b"HTTP/"), "plain HTTP got an answer");

    ward.sidecar.records(5).await;
    ward.app.assert_untouched();
    ward.sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_and_paths_outside_the_policy_are_refused() {
    let ward = Ward::open().await;
    let other = ward.site.pki.issue("spiffe://hospital.example/ns/fl/sa/other", &["other.example"]);
    let mut unknown = ward.sidecar.peer(ward.site.pki.client(Some(&other))).await.unwrap();
    let mut peer = ward.aggregator().await;

    let asked = peer_request("GET", "/updates/7", "", "");
    unknown.ask(asked).await.assert_problem(403, "source-not-allowed");
    for (method, path, code) in [
        ("GET", "/admin", "path-not-allowed"),
        ("GET", "/updates", "permitted"),
        ("DELETE", "/updates/7", "method-not-allowed"),
        ("GET", "/updates/../admin", "malformed"),
        ("GET", "/updates/%2e%2e/admin", "malformed"),
        ("GET", "/updates/..%2fadmin", "malformed"),
        ("GET", "/updates\\..\\admin", "malformed"),
    ] {
        // A malformed head closes its connection.
        let mut peer = ward.aggregator().await;
        let answer = peer.ask(peer_request(method, path, "", "")).await;
        match code {
            "permitted" => assert_eq!(answer.status, 200),
            "malformed" => answer.assert_problem(400, code),
            code => answer.assert_problem(403, code),
        }
    }

    let received = ward.app.request().await;
    assert_eq!(received.target, "/updates");
    let records = ward.sidecar.records(8).await;
    assert_record(
        &records[0],
        &json!({
            "outcome": "refused",
            "source": "spiffe://hospital.example/ns/fl/sa/other",
            "reason": "source-not-allowed",
            "opened": false,
        }),
    );
    let of = |outcome: &str| records.iter().filter(|record| record["outcome"] == outcome).count();
    assert_eq!((of("refused"), of("malformed"), of("completed")), (3, 4, 1));
    drop(peer.try_say("").await);
    drop(peer);
    ward.sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_peer_that_sends_on_can_read_why() {
    let ward = Ward::open().await;
    let body = String::from_utf8(prose(8 << 20)).unwrap();

    let mut peer = ward.aggregator().await;
    peer.ask(peer_request("POST", "/admin", "", &body))
        .await
        .assert_problem(403, "path-not-allowed");
    drop(peer);
    // Who waits for leave to send gets the answer instead of it.
    let mut peer = ward.aggregator().await;
    let waiting = peer_request("POST", "/admin", "Expect: 100-continue\r\n", &body);
    let head = waiting.strip_suffix(&body).unwrap();
    peer.ask(head).await.assert_problem(403, "path-not-allowed");
    assert!(peer.hear_end().await.is_empty());

    ward.sidecar.records(2).await;
    ward.app.assert_untouched();
    ward.sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_get_no_tunnel() {
    let ward = Ward::open().await;
    let upgrade = "Connection: upgrade\r\nUpgrade: websocket\r\n";

    for head in [
        peer_request("GET", "/updates/7", upgrade, ""),
        "CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: 127.0.0.1:22\r\n\r\n".to_owned(),
        "CONNECT updates.train.internal:443 HTTP/1.1\r\nHost: updates.train.internal:443\r\n\r\n"
            .to_owned(),
    ] {
        let mut peer = ward.aggregator().await;
        peer.ask(head).await.assert_problem(400, "malformed");
    }

    for record in ward.sidecar.records(3).await {
        assert_record(&record, &json!({ "outcome": "malformed", "opened": false, "status": 400 }));
    }
    ward.app.assert_untouched();
    ward.sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_application_is_down() {
    let site = Site::new();
    let upstream = Upstream::plaintext().await;
    let mut plan = site.plaintext_plan(&upstream);
    plan.forward =
        Some(std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port());
    let sidecar = site.start(&plan).await;
    let aggregator = site.pki.issue(AGGREGATOR_ID, &["aggregator.example"]);
    let mut peer = sidecar.peer(site.pki.client(Some(&aggregator))).await.unwrap();

    let answer = peer.ask(peer_request("GET", "/updates/7", "", "")).await;

    answer.assert_problem(502, "app-unreachable");
    assert_record(
        &sidecar.record().await,
        &json!({ "direction": "inbound", "outcome": "failed", "status": 502 }),
    );
    drop(peer);
    sidecar.finish().await;
}
