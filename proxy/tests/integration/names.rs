//! One name, whichever way a connection comes: what was asked for, what the handshake names, what the
//! request names and the address that is dialled are one, or nothing leaves.

use serde_json::json;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::harness::log::assert_record;
use crate::harness::site::Site;
use crate::harness::tcp::{TcpServer, socks_address, socks_name};
use crate::harness::wire::Conversation;
use crate::harness::{REGISTRY, SSN};
use crate::tunnels::tunnel_plan;

#[tokio::test(flavor = "multi_thread")]
async fn socks5_replies_in_its_own_words() {
    let site = Site::new();
    let (registry, server) = (site.registry().await, TcpServer::start("").await);
    let sidecar = site.start(&tunnel_plan(&site, &registry, &server)).await;
    let own = sidecar.http_proxy.port();

    for (turn, (what, request, code, reason)) in [
        ("not listed", socks_name("pastebin.example", 443), 2, "host-not-listed"),
        ("another port", socks_name(REGISTRY, 22), 2, "port-not-listed"),
        ("ourselves", socks_address([127, 0, 0, 1], own), 2, "redirect-loop"),
        ("metadata", socks_address([169, 254, 169, 254], 80), 2, "never-dial-address"),
        ("nobody listens", socks_name("dead.ml.internal", 1), 5, "upstream-unreachable"),
        ("BIND", vec![5, 2, 0, 1, 127, 0, 0, 1, 0, 80], 7, "malformed"),
        ("UDP ASSOCIATE", vec![5, 3, 0, 1, 127, 0, 0, 1, 0, 80], 7, "malformed"),
        ("an unknown address", vec![5, 1, 0, 9, 0, 0], 8, "malformed"),
        ("no name", socks_name("Jane Doe born 1980", 80), 1, "malformed"),
    ]
    .into_iter()
    .enumerate()
    {
        let (said, _stream) = sidecar.socks(&request).await;
        assert_eq!(said, code, "{what}");
        let record = sidecar.records(turn + 1).await.pop().unwrap();
        assert_eq!(record["kind"], "socks5");
        let told = record["error"].as_str().or(record["reason"].as_str()).unwrap();
        assert!(told.starts_with(reason), "{what}: {told}");
        assert_eq!(record["bytes_released"], 0);
        assert!(!record.to_string().contains("Jane"), "a record says what is no name: {record}");
    }
    registry.assert_untouched();
    assert!(server.seen().is_empty());
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn http_and_https_by_socks5_are_read_and_decided() {
    let site = Site::new();
    let (registry, server) = (site.registry().await, TcpServer::start("").await);
    let sidecar = site.start(&tunnel_plan(&site, &registry, &server)).await;
    let port = registry.port;
    let get = format!("GET /v2/a HTTP/1.1\r\nHost: {REGISTRY}:{port}\r\n\r\n");

    for (turn, request) in
        [socks_name(REGISTRY, port), socks_address([127, 0, 0, 1], port)].iter().enumerate()
    {
        let mut plain = sidecar.socks_to(request).await;
        assert_eq!(plain.ask(get.as_bytes()).await.status, 200);
        drop(plain);
        let stream = sidecar.socks_to(request).await.into_stream();
        let connector = TlsConnector::from(sidecar.trusting_intercept());
        let stream = connector.connect(REGISTRY.try_into().unwrap(), stream).await.unwrap();
        let mut session = Conversation::new(stream);
        assert_eq!(session.ask(get.as_bytes()).await.status, 200);
        let leak = format!(
            "PUT /v2/a HTTP/1.1\r\nHost: {REGISTRY}:{port}\r\nContent-Length: 22\r\n\r\nthe ssn is {SSN}"
        );
        session.ask(leak).await.assert_problem(403, "finding");
        drop(session);
        let records = sidecar.records(5 * (turn + 1)).await;
        let schemes: Vec<_> = records[5 * turn..]
            .iter()
            .filter(|record| record["kind"] == "http" && record["outcome"] == "completed")
            .map(|record| record["target"].as_str().unwrap().to_owned())
            .collect();
        let path = format!("{REGISTRY}:{port}/v2/a");
        assert_eq!(schemes, [format!("http://{path}"), format!("https://{path}")]);
    }
    assert!(registry.seen().requests.iter().all(|request| request.method == "GET"));
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_differ_are_told_as_a_pair() {
    let site = Site::new();
    let (registry, server) = (site.registry().await, TcpServer::start("").await);
    let sidecar = site.start(&tunnel_plan(&site, &registry, &server)).await;
    let port = registry.port;
    let by_name = || socks_name(REGISTRY, port);
    let by_address = || socks_address([127, 0, 0, 1], port);
    let elsewhere = || socks_address([127, 0, 0, 2], port);
    let get = |target: &str, host: &str| format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n");

    let here = format!("{REGISTRY}:{port}");
    let other = format!("other.{REGISTRY}:{port}");
    for (request, said, status, code, pair) in [
        // What was asked for and Host.
        (by_name(), get("/v2/a", &other), 400, "malformed", "SOCKS5 request"),
        (by_name(), get("/v2/a", REGISTRY), 400, "malformed", "SOCKS5 request"),
        // Absolute form and Host, and what was asked for and absolute form.
        (
            by_name(),
            get(&format!("http://{other}/v2/a"), &here),
            400,
            "malformed",
            "SOCKS5 request",
        ),
        (
            by_address(),
            get(&format!("http://{other}/v2/a"), &here),
            400,
            "malformed",
            "request line",
        ),
        (by_name(), get(&format!("https://{here}/v2/a"), &here), 400, "malformed", "scheme"),
        // The address that it was aimed at is not one of the host's.
        (elsewhere(), get("/v2/a", &here), 403, "address-not-listed", "address outside"),
        (by_address(), get("/v2/a", "pastebin.example"), 403, "host-not-listed", "no endpoint"),
    ] {
        let mut talk = sidecar.socks_to(&request).await;
        let answer = talk.ask(said.as_bytes()).await;
        answer.assert_problem(status, code);
        let detail = answer.problem("detail");
        assert!(detail.contains(pair), "{said}: {detail}");
    }
    registry.assert_untouched();
    sidecar.records(14).await;
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_that_names_another_or_nobody_is_refused() {
    let site = Site::new();
    let (registry, server) = (site.registry().await, TcpServer::start("").await);
    let sidecar = site.start(&tunnel_plan(&site, &registry, &server)).await;
    let by_name = socks_name(REGISTRY, registry.port);
    let by_address = socks_address([127, 0, 0, 3], registry.port);

    for (turn, (request, name, reason, pair)) in [
        (&by_name, "evil.example", "sni-mismatch", "SOCKS5 request"),
        (&by_name, "127.0.0.1", "sni-missing", "SOCKS5 request"),
        // Nothing names a host, and no endpoint is that address.
        (&by_address, "127.0.0.1", "sni-missing", "names no server"),
        (&by_address, "pastebin.example", "host-not-listed", "no endpoint"),
    ]
    .into_iter()
    .enumerate()
    {
        let stream = sidecar.socks_to(request).await.into_stream();
        let connector = TlsConnector::from(sidecar.trusting_intercept());
        assert!(connector.connect(name.try_into().unwrap(), stream).await.is_err(), "{reason}");
        let record = sidecar.records(turn + 1).await.pop().unwrap();
        assert_record(
            &record,
            &json!({ "kind": "socks5", "outcome": "refused", "reason": reason }),
        );
        assert!(record["reason_text"].as_str().unwrap().contains(pair), "{record}");
    }
    registry.assert_untouched();
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_hides_a_name_or_is_of_no_known_protocol_goes_nowhere() {
    let site = Site::new();
    let (registry, server) = (site.registry().await, TcpServer::start("").await);
    let plan = tunnel_plan(&site, &registry, &server).limit("detectTimeout: 2s");
    let sidecar = site.start(&plan).await;
    let by_name = socks_name(REGISTRY, registry.port);
    let by_address = socks_address([127, 0, 0, 1], registry.port);

    for (turn, (request, said, reason)) in [
        (&by_address, ech_hello(REGISTRY), "ech-offered"),
        (&by_name, b"SSH-2.0-client\r\n".to_vec(), "protocol-not-allowed"),
        (&by_address, b"SSH-2.0-client\r\n".to_vec(), "address-not-listed"),
        // Whoever waits for the server to speak first needs a rule for that.
        (&by_name, Vec::new(), "protocol-not-allowed"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut talk = sidecar.socks_to(request).await;
        talk.say(&said).await;
        talk.hear_end().await;
        let record = sidecar.records(turn + 1).await.pop().unwrap();
        assert_record(
            &record,
            &json!({ "outcome": "refused", "reason": reason, "bytes_released": 0 }),
        );
    }
    registry.assert_untouched();
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_comes_to_the_transparent_listener_by_himself() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&site.plan(&registry)).await;
    let mut talk = Conversation::new(TcpStream::connect(sidecar.transparent).await.unwrap());
    assert!(talk.hear_end().await.is_empty());
    assert_record(
        &sidecar.record().await,
        &json!({ "kind": "redirect", "outcome": "refused", "reason": "redirect-loop" }),
    );
    registry.assert_untouched();
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_http_inside_connect_is_decided_like_any_other() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&site.plan(&registry)).await;
    let authority = format!("{REGISTRY}:{}", registry.port);
    let mut talk = Conversation::new(sidecar.tunnel(&authority).await);
    let head = |host: &str| format!("GET /v2/a HTTP/1.1\r\nHost: {host}\r\n\r\n");
    assert_eq!(talk.ask(head(&authority)).await.status, 200);
    talk.ask(head("evil.example")).await.assert_problem(400, "malformed");
    drop(talk);
    assert_eq!(registry.request().await.headers["host"], authority);
    sidecar.records(3).await;
    sidecar.finish().await;
}

/// A ClientHello with an `encrypted_client_hello` extension.
fn ech_hello(name: &str) -> Vec<u8> {
    let length = u16::try_from(name.len()).unwrap();
    let entry = [&[0][..], &length.to_be_bytes(), name.as_bytes()].concat();
    let names = [&(length + 3).to_be_bytes()[..], &entry].concat();
    let sni = [&[0, 0][..], &(length + 5).to_be_bytes(), &names].concat();
    let extensions = [&sni[..], &[0xfe, 0x0d, 0, 1, 0]].concat();
    let mut body = [&[3, 3][..], &[9; 32], &[0, 0, 2, 0x13, 1, 1, 0]].concat();
    body.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
    body.extend(extensions);
    let size = u16::try_from(body.len()).unwrap();
    let message = [&[1, 0][..], &size.to_be_bytes(), &body].concat();
    [&[0x16, 3, 1][..], &(size + 4).to_be_bytes(), &message].concat()
}
