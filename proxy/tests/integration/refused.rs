//! What the policy does not permit is refused before anything is dialled, and before the body is
//! read.

use serde_json::json;

use crate::harness::body::prose;
use crate::harness::dns::NameServer;
use crate::harness::log::assert_record;
use crate::harness::sidecar::Sidecar;
use crate::harness::site::{Site, policy};
use crate::harness::upstream::Upstream;
use crate::harness::workload::{head, request, request_with};
use crate::harness::{REGISTRY, SSN};

/// Asks for `method target` and expects a refusal with this code and rule.
async fn assert_refused(sidecar: &Sidecar, asked: (&str, &str, &str), code: &str, rule: &str) {
    let (method, authority, path) = asked;
    let before = sidecar.log().closes().len();
    let head = format!("{method} http://{authority}{path} HTTP/1.1\r\nHost: {authority}\r\n\r\n");
    let answer = sidecar.workload().await.ask(head).await;

    answer.assert_problem(403, code);
    let record = sidecar.records(before + 1).await.pop().unwrap();
    let rule = if rule.is_empty() { json!(null) } else { json!(rule) };
    assert_record(
        &record,
        &json!({
            "direction": "outbound",
            "outcome": "refused",
            "opened": false,
            "method": method,
            "target": format!("http://{authority}{path}"),
            "action": "block",
            "enforcement": "enforce",
            "reason": code,
            "rule": rule,
            "status": 403,
            "bytes_in": 0,
            "bytes_released": 0,
        }),
    );
    assert_eq!(json!(answer.problem("exchange")), record["exchange"]);
    assert!(record["policy"].as_str().unwrap().starts_with("sha256:"));
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_ports_methods_paths_sources_and_times_outside_the_policy() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&site.plan(&registry)).await;
    let port = format!("{REGISTRY}:8443");

    for (method, authority, path, code, rule) in [
        ("PUT", "pastebin.example", "/v2/a", "host-not-listed", ""),
        ("PUT", "ml.internal", "/v2/a", "host-not-listed", ""),
        ("PUT", "a.b.registry.ml.internal", "/v2/a", "host-not-listed", ""),
        ("PUT", "registry.ml.internal.evil.example", "/v2/a", "host-not-listed", ""),
        ("PUT", "127.0.0.2", "/v2/a", "host-not-listed", ""),
        ("PUT", "ruleless.ml.internal", "/v2/a", "no-rule", ""),
        ("PUT", port.as_str(), "/v2/a", "port-not-listed", "models"),
        ("DELETE", REGISTRY, "/v2/a", "method-not-allowed", "models"),
        ("PUT", REGISTRY, "/v3/a", "path-not-allowed", "models"),
        ("PUT", "private.ml.internal", "/v2/a", "source-not-allowed", "others"),
        ("PUT", REGISTRY, "/ended/a", "rule-expired", "ended"),
    ] {
        assert_refused(&sidecar, (method, authority, path), code, rule).await;
    }

    registry.assert_untouched();
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_resolve_to_forbidden_addresses_are_never_dialled() {
    let site = Site::new();
    let upstream = Upstream::plaintext().await;
    let plan = site
        .plaintext_plan(&upstream)
        .host("loopback.ml.internal: [\"127.0.0.2\"]")
        .host("metadata.ml.internal: [\"169.254.169.254\", \"::ffff:169.254.169.254\"]")
        .host("mixed.ml.internal: [\"169.254.169.254\", \"192.0.2.1\", \"127.0.0.1\"]");
    let sidecar = site.start(&plan).await;

    assert_refused(&sidecar, ("PUT", "loopback.ml.internal", "/a"), "address-not-listed", "beyond")
        .await;
    assert_refused(&sidecar, ("PUT", "metadata.ml.internal", "/a"), "never-dial-address", "beyond")
        .await;
    upstream.assert_untouched();

    // Of several addresses the permitted one is dialled, and no other.
    let head = "GET http://mixed.ml.internal/a HTTP/1.1\r\nHost: mixed.ml.internal\r\n\r\n";
    assert_eq!(sidecar.workload().await.ask(head).await.status, 200);
    let record = sidecar.records(3).await.pop().unwrap();
    assert_eq!(record["address"], format!("127.0.0.1:{}", upstream.port));
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_listeners_are_never_dialled() {
    let site = Site::new();
    let upstream = Upstream::plaintext().await;
    let app = Upstream::plaintext().await;
    let plan =
        site.plaintext_plan(&upstream).inbound(&app).host("ourselves.ml.internal: [\"127.0.0.1\"]");
    let sidecar = site.start(&plan).await;
    let own = [sidecar.http_proxy, sidecar.inbound.unwrap(), sidecar.admin];

    for (turn, address) in own.iter().enumerate() {
        let text = policy(upstream.port, "{mode: plaintext, because: \"a story\"}")
            .replace("ports: [1]", &format!("ports: [{}]", address.port()));
        site.put("policy/stories.yaml", text);
        sidecar.until_noted("policy-swapped", turn + 1).await;
        let head =
            "GET http://ourselves.ml.internal/a HTTP/1.1\r\nHost: ourselves.ml.internal\r\n\r\n";
        let answer = sidecar.workload().await.ask(head).await;
        answer.assert_problem(502, "upstream-unreachable");
        let record = sidecar.records(turn + 1).await.pop().unwrap();
        let error = record["error"].as_str().unwrap();
        assert!(error.contains("one of our own listeners"), "{error}");
    }
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_comes_before_the_body_is_read() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&site.plan(&registry)).await;
    let mut workload = sidecar.workload().await;

    // The body is announced and never sent.
    let target = format!("http://{REGISTRY}/v3/a");
    let answer = workload.ask(head("PUT", &target, "Content-Length: 1000000\r\n")).await;

    answer.assert_problem(403, "path-not-allowed");
    assert_record(&sidecar.record().await, &json!({ "bytes_in": 0, "outcome": "refused" }));
    registry.assert_untouched();
    drop(workload);
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_comes_instead_of_100_continue() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&site.plan(&registry)).await;
    let waiting = "Expect: 100-continue\r\nContent-Length: 100000\r\n";

    let mut workload = sidecar.workload().await;
    let target = format!("http://{REGISTRY}/v3/a");
    workload.ask(head("PUT", &target, waiting)).await.assert_problem(403, "path-not-allowed");
    // The client keeps its body; the connection cannot be used again and is closed.
    assert!(workload.hear_end().await.is_empty());
    registry.assert_untouched();

    // A planted number in the head is found before the client is told to go on, too.
    let mut workload = sidecar.workload().await;
    let target = format!("http://{REGISTRY}/v2/a?ssn={SSN}");
    workload.ask(head("PUT", &target, waiting)).await.assert_problem(403, "finding");
    assert!(workload.hear_end().await.is_empty());
    registry.assert_untouched();

    // What is permitted gets its 100, once.
    let mut workload = sidecar.workload().await;
    let target = format!("http://{REGISTRY}/v2/a");
    assert_eq!(workload.ask(head("PUT", &target, waiting)).await.status, 100);
    assert_eq!(workload.ask(prose(100_000)).await.status, 200);
    assert!(!registry.request().await.headers.contains_key("expect"));

    sidecar.records(3).await;
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_client_that_sends_on_can_read_why() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&site.plan(&registry)).await;
    let mut workload = sidecar.workload().await;

    // More than the sockets' buffers hold, so that an unread body would end in a reset.
    let answer = workload.ask(request("PUT", "/v3/a", prose(8 << 20))).await;

    answer.assert_problem(403, "path-not-allowed");
    sidecar.record().await;
    registry.assert_untouched();
    drop(workload);
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_read_before_any_name_server_is_asked() {
    let site = Site::new();
    let registry = site.registry().await;
    let names = NameServer::start(site.path("audit")).await;
    let sidecar = site.start(&site.plan(&registry).nameserver(names.address)).await;

    let leak = format!("ssn-{SSN}.registry.ml.internal");
    let head = format!("PUT http://{leak}/v2/a HTTP/1.1\r\nHost: {leak}\r\n\r\n");
    sidecar.workload().await.ask(head).await.assert_problem(403, "finding");
    assert!(names.asked().is_empty(), "the name left by DNS");
    let record = sidecar.record().await;
    assert_record(&record, &json!({ "outcome": "refused", "reason": "finding" }));
    assert_eq!(record["findings"][0]["identifier"], "ssn");

    let head = "PUT http://new.registry.ml.internal/v2/a HTTP/1.1\r\nHost: new.registry.ml.internal\r\n\r\n";
    sidecar.workload().await.ask(head).await.assert_problem(502, "upstream-dns");
    let asked = names.asked();
    assert!(!asked.is_empty());
    // Asked as it stands: a search list would tell other servers what is looked for.
    assert!(asked.iter().all(|asked| asked.name == "new.registry.ml.internal"), "{asked:?}");
    // The question leaves, so the line was on disk before it.
    assert!(asked.iter().all(|asked| asked.open_lines == 1), "{asked:?}");
    let record = sidecar.records(2).await.pop().unwrap();
    assert_record(&record, &json!({ "outcome": "failed", "status": 502, "opened": true }));
    registry.assert_untouched();
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn monitoring_lets_content_pass_and_says_what_it_saw() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&site.plan(&registry)).await;
    let body = format!("ssn {SSN} in a watched upload");

    let answer = sidecar.workload().await.ask(request_with("PUT", "/watched/a", "", &body)).await;

    assert_eq!(answer.status, 200);
    assert_eq!(registry.request().await.body, body.as_bytes());
    let record = sidecar.record().await;
    assert_record(
        &record,
        &json!({
            "outcome": "completed",
            "rule": "watched",
            "action": "block",
            "enforcement": "monitor",
            "reason": "finding",
            "bytes_released": body.len(),
        }),
    );
    assert_eq!(record["findings"][0]["count"], 1);
    sidecar.finish().await;
}
