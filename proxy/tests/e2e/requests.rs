//! Python's requests over https: CONNECT is intercepted, the inside is read, and the upstream
//! sees a client certificate that requests never had.

use super::harness::lazaret::{Lazaret, Upstreams};
use super::harness::nginx::Nginx;
use super::harness::process::finished;
use super::harness::{JOB, REGISTRY, SSN, Site, audit, client, make_file};

#[test]
fn https_through_connect_is_read_and_arrives_with_our_certificate() {
    let site = Site::new();
    let nginx = Nginx::start(&site);
    let lazaret = Lazaret::start(
        &site,
        Upstreams { registry: nginx.address.port(), s3: 1, ..Upstreams::NONE },
    );
    let put = |file: &std::path::Path, url: &str| -> serde_json::Value {
        let mut command = client(&site, "put.py");
        lazaret.lead(&site, "REQUESTS_CA_BUNDLE", &mut command);
        let done = finished(command.arg(url).arg(file));
        assert!(done.status.success(), "{} {}", done.said(), lazaret.said());
        serde_json::from_str(&done.out).expect("the client's JSON")
    };

    let base = format!("https://{REGISTRY}:{}", nginx.address.port());
    let clean = make_file(&site, "checkpoint", "model.npz");
    let answer = put(&clean, &format!("{base}/v2/models/1.npz"));
    assert_eq!(answer["status"], 201, "{answer} {}", lazaret.said());
    let arrived = nginx.file(&site, "/v2/models/1.npz").expect("a file");
    assert!(arrived == std::fs::read(&clean).unwrap(), "the registry's bytes differ");
    let seen = nginx.saw(&site, "/v2/models/1.npz");
    assert_eq!((seen.protocol.as_str(), seen.verified.as_str()), ("TLSv1.3", "SUCCESS"));
    assert!(seen.certificate(&site).contains(&format!("URI:{JOB}")));
    let record = audit::record(&site, "/v2/models/1.npz");
    assert_eq!((&record["action"], &record["inspected"]), (&"allow".into(), &true.into()));

    let leaking = make_file(&site, "note", "note.txt");
    let answer = put(&leaking, &format!("{base}/v2/notes/1"));
    assert_eq!(answer["status"], 403, "{answer}");
    assert_eq!(answer["type"], "application/problem+json");
    assert!(!answer.to_string().contains(SSN));
    assert_eq!(nginx.file(&site, "/v2/notes/1"), None);
    assert!(nginx.seen(&site).iter().all(|seen| seen.uri != "/v2/notes/1"));
    let record = audit::record(&site, "/v2/notes/1");
    assert_eq!(record["findings"][0]["identifier"], "ssn", "{record:#}");
}

#[test]
fn a_host_or_port_outside_the_policy_gets_no_tunnel() {
    let site = Site::new();
    let lazaret = Lazaret::start(&site, Upstreams { registry: 1, s3: 1, ..Upstreams::NONE });
    let file = site.write("x", b"x");
    // An authority states its port, so the endpoint must list it, 443 as any other.
    for authority in ["elsewhere.example:443", "registry.ml.internal:443"] {
        let mut command = client(&site, "put.py");
        lazaret.lead(&site, "REQUESTS_CA_BUNDLE", &mut command);
        let done = finished(command.arg(format!("https://{authority}/v2/x")).arg(&file));
        assert!(!done.status.success(), "{}", done.said());
        assert!(done.err.contains("403"), "the refusal reaches the client: {}", done.said());
        let record = audit::record(&site, authority);
        assert_eq!((&record["action"], &record["kind"]), (&"block".into(), &"connect".into()));
    }
}
