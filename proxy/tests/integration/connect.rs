//! CONNECT is decided before its 200, then read inside: one name for authority, SNI and Host.

use std::sync::Arc;

use serde_json::json;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::harness::body::prose;
use crate::harness::log::{assert_record, only};
use crate::harness::site::Site;
use crate::harness::wire::Conversation;
use crate::harness::workload::{Dribble, inner};
use crate::harness::{REGISTRY, SSN};

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_read_inside_and_each_request_decided_and_recorded() {
    let site = Site::new();
    let registry = site.registry().await;
    let plan = site.plan(&registry);
    let sidecar = site.start(&plan).await;
    let authority = format!("{REGISTRY}:{}", registry.port);
    let mut session = sidecar.session(&authority, REGISTRY).await.unwrap();
    let host = format!("Host: {authority}\r\n");
    let with_port = |bytes: Vec<u8>| {
        let text = String::from_utf8(bytes).unwrap();
        text.replace(&format!("Host: {REGISTRY}\r\n"), &host)
    };

    let tls = session.stream().get_ref().1;
    assert_eq!(tls.alpn_protocol(), Some(&b"http/1.1"[..]));
    let body = prose(5_000);
    let answer = session.ask(with_port(inner("PUT", "/v2/a", &body))).await;
    assert_eq!(answer.status, 200);
    session
        .ask(with_port(inner("DELETE", "/v2/a", "")))
        .await
        .assert_problem(403, "method-not-allowed");
    let leak = inner("PUT", "/v2/a", format!("the ssn is {SSN}"));
    session.ask(with_port(leak)).await.assert_problem(403, "finding");
    drop(session);

    let received = registry.request().await;
    assert_eq!(received.body, body);
    assert_eq!(received.headers["host"], authority);
    assert_eq!(received.client, Some(plan.identity.fingerprint()));
    let records = sidecar.records(4).await;
    assert_record(
        &records[1],
        &json!({
            "kind": "http",
            "outcome": "completed",
            "target": format!("https://{authority}/v2/a"),
            "rule": "models",
        }),
    );
    assert_record(&records[2], &json!({ "outcome": "refused", "reason": "method-not-allowed" }));
    assert_record(&records[3], &json!({ "outcome": "refused", "reason": "finding" }));
    assert_record(
        &records[0],
        &json!({
            "kind": "connect",
            "method": "CONNECT",
            "target": authority,
            "outcome": "completed",
            "downstream_tls_version": "TLSv1_3",
            "bytes_released": 0,
        }),
    );
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tunnel_outside_the_policy_gets_no_200() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&site.plan(&registry)).await;

    for (turn, (authority, status, code)) in [
        ("pastebin.example:443".to_owned(), 403, "host-not-listed"),
        (format!("{REGISTRY}:8443"), 403, "port-not-listed"),
        (REGISTRY.to_owned(), 400, "malformed"),
        (format!("user@{REGISTRY}:{}", registry.port), 400, "malformed"),
        (format!("{REGISTRY}:0"), 400, "malformed"),
    ]
    .into_iter()
    .enumerate()
    {
        let head = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n");
        let answer = sidecar.workload().await.ask(head).await;
        answer.assert_problem(status, code);
        let record = sidecar.records(turn + 1).await.pop().unwrap();
        let outcome = if status == 400 { "malformed" } else { "refused" };
        assert_record(
            &record,
            &json!({ "kind": "connect", "outcome": outcome, "status": status, "opened": false }),
        );
    }
    // Authority and Host are one name.
    let head =
        format!("CONNECT {REGISTRY}:{} HTTP/1.1\r\nHost: evil.example:443\r\n\r\n", registry.port);
    sidecar.workload().await.ask(head).await.assert_problem(400, "malformed");

    sidecar.records(6).await;
    registry.assert_untouched();
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_name_in_the_handshake_than_in_the_authority_is_refused() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&site.plan(&registry)).await;
    let authority = format!("{REGISTRY}:{}", registry.port);

    assert!(sidecar.session(&authority, "evil.example").await.is_err());
    assert_record(
        &sidecar.record().await,
        &json!({
            "kind": "connect",
            "outcome": "refused",
            "reason": "sni-mismatch",
            "action": "block",
            "sni": "evil.example",
            // It has read its 200 by then.
            "status": 200,
            "target": authority,
        }),
    );
    // An address as the name is sent without SNI.
    assert!(sidecar.session(&authority, "127.0.0.1").await.is_err());
    assert_record(
        &sidecar.records(2).await[1],
        &json!({ "kind": "connect", "outcome": "refused", "reason": "sni-missing" }),
    );

    registry.assert_untouched();
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_needs_no_name_in_the_handshake() {
    let site = Site::new();
    // What is dialled by address must prove that address, or the id that the policy names.
    let registry = site.registry().await;
    let sidecar = site.start(&site.plan(&registry)).await;
    let authority = format!("127.0.0.1:{}", registry.port);

    let mut session = sidecar.session(&authority, "127.0.0.1").await.unwrap();
    let head = format!("GET /v2/a HTTP/1.1\r\nHost: {authority}\r\n\r\n");
    assert_eq!(session.ask(head).await.status, 200);
    drop(session);

    assert_eq!(registry.request().await.headers["host"], authority);
    let records = sidecar.records(2).await;
    let inside = only(&records, "kind", "http");
    assert_record(inside, &json!({ "outcome": "completed", "endpoint": "bare" }));
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_inside_cannot_name_another_host() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&site.plan(&registry)).await;
    let port = registry.port;
    let authority = format!("{REGISTRY}:{port}");

    for (turn, head) in [
        "GET /v2/a HTTP/1.1\r\nHost: other.registry.ml.internal\r\n\r\n".to_owned(),
        format!("GET /v2/a HTTP/1.1\r\nHost: {REGISTRY}:1\r\n\r\n"),
        // Without a port it means 443, which is not the authority's.
        format!("GET /v2/a HTTP/1.1\r\nHost: {REGISTRY}\r\n\r\n"),
        "GET /v2/a HTTP/1.1\r\n\r\n".to_owned(),
        format!("GET https://other.registry.ml.internal:{port}/v2/a HTTP/1.1\r\nHost: {authority}\r\n\r\n"),
        format!("GET http://{authority}/v2/a HTTP/1.1\r\nHost: {authority}\r\n\r\n"),
        format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut session = sidecar.session(&authority, REGISTRY).await.unwrap();
        session.ask(head).await.assert_problem(400, "malformed");
        drop(session);
        let records = sidecar.records(2 * turn + 2).await;
        let inside = records.iter().filter(|record| record["outcome"] == "malformed").count();
        assert_eq!(inside, turn + 1);
    }

    registry.assert_untouched();
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn http_1_0_without_a_host_is_enough_for_connect() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&site.plan(&registry)).await;
    let authority = format!("{REGISTRY}:{}", registry.port);
    let mut workload = sidecar.workload().await;

    // As boto3's urllib3 sends it.
    workload.say(format!("CONNECT {authority} HTTP/1.0\r\n\r\n")).await;
    assert_eq!(workload.hear_head().await.unwrap().status, 200);
    let name = REGISTRY.try_into().unwrap();
    let connector = TlsConnector::from(sidecar.trusting_intercept());
    let stream = connector.connect(name, workload.into_stream()).await.unwrap();
    let mut session = Conversation::new(stream);
    let head = format!("GET /v2/a HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n");
    assert_eq!(session.ask(head).await.status, 200);
    session.hear_end().await;

    registry.request().await;
    sidecar.records(2).await;
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_hello_may_come_in_many_pieces() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&site.plan(&registry)).await;
    let authority = format!("{REGISTRY}:{}", registry.port);

    // A post-quantum ClientHello is larger than a segment; here each piece is one of 7 bytes.
    let stream: TcpStream = sidecar.tunnel(&authority).await;
    let connector = TlsConnector::from(Arc::clone(&sidecar.trusting_intercept()));
    let dribble = Dribble { stream, piece: 7 };
    let stream = connector.connect(REGISTRY.try_into().unwrap(), dribble).await.unwrap();
    let mut session = Conversation::new(stream);
    let head = format!("GET /v2/a HTTP/1.1\r\nHost: {authority}\r\n\r\n");
    assert_eq!(session.ask(head).await.status, 200);
    drop(session);

    registry.request().await;
    sidecar.records(2).await;
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_neither_tls_nor_http_inside_connect_goes_nowhere() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&site.plan(&registry)).await;
    let authority = format!("{REGISTRY}:{}", registry.port);

    let mut tunnel = Conversation::new(sidecar.tunnel(&authority).await);
    tunnel.say("\0\0\0\x08 neither TLS nor HTTP").await;
    tunnel.hear_end().await;
    assert_record(
        &sidecar.record().await,
        &json!({
            "kind": "connect",
            "outcome": "refused",
            "reason": "protocol-not-allowed",
            "bytes_released": 0,
        }),
    );
    // A client that trusts another CA hangs up, and that is on record as well.
    let stream = sidecar.tunnel(&authority).await;
    let connector = TlsConnector::from(site.pki.client(None));
    assert!(connector.connect(REGISTRY.try_into().unwrap(), stream).await.is_err());
    let record = sidecar.records(2).await.pop().unwrap();
    assert_eq!(record["kind"], "connect");

    registry.assert_untouched();
    sidecar.finish().await;
}
