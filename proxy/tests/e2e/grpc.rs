//! Python's grpcio through CONNECT: calls of all four kinds are read message by message, and a
//! refusal is PERMISSION_DENIED, which no client tries again. curl and h2load over HTTP/2.

use super::harness::lazaret::{Lazaret, Upstreams};
use super::harness::nginx::Nginx;
use super::harness::process::{Running, finished, free_address, listens};
use super::harness::{REGISTRY, SSN, Site, audit, bare, client, make_file, tool};

#[test]
fn all_four_kinds_of_calls_run_and_leaks_are_refused() {
    let site = Site::new();
    let (address, log) = (free_address(), site.write("messages.log", b""));
    let svid = site.issue("spiffe://example/ns/mlops/sa/registry", REGISTRY);
    let mut command = client(&site, "grpc_server.py");
    command.arg(address.port().to_string());
    command.args([&svid.chain, &svid.key, &svid.bundle, &log]);
    let mut server = Running::start(&mut command, site.path("grpc.log"));
    server.wait_until(|| listens(address));
    let lazaret =
        Lazaret::start(&site, Upstreams { registry: address.port(), s3: 1, ..Upstreams::NONE });

    let mut command = client(&site, "grpc_calls.py");
    lazaret.lead(&site, "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", &mut command);
    let done = finished(command.arg(format!("{REGISTRY}:{}", address.port())).arg(SSN));

    assert!(done.status.success(), "{} {} {}", done.said(), lazaret.said(), server.said());
    let out: serde_json::Value = serde_json::from_str(&done.out).expect("the client's JSON");
    assert_eq!(out["unary"], true, "{out}");
    assert_eq!((&out["down"], &out["up"], &out["both"]), (&3.into(), &5.into(), &20.into()));
    for (refused, reason) in [
        ("leak", "lazaret: finding"),
        ("late", "lazaret: finding"),
        ("split", "lazaret: finding"),
        ("elsewhere", "lazaret: path-not-allowed"),
    ] {
        assert_eq!(out[refused]["code"], "PERMISSION_DENIED", "{refused}: {out}");
        let details = out[refused]["details"].as_str().expect("details");
        assert!(details.contains(reason) && !details.contains(SSN), "{refused}: {details}");
    }
    let seen = std::fs::read_to_string(&log).expect("the server's log");
    let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    assert_eq!(seen.lines().filter(|line| line.starts_with("Both ")).count(), 20 + 1 + 2);
    assert!(!seen.contains(&hex(SSN)) && !seen.contains(&hex(&SSN[6..])), "a leak arrived");
    assert!(!seen.contains("other"), "what no rule permits arrived");
    // Four clean ones, and those that were cut after their first messages.
    let records = audit::wait_for_closed(&site, "/lab.Study/", 7);
    let ended = |outcome: &str| records.iter().filter(|r| r["outcome"] == outcome).count();
    assert_eq!((ended("completed"), ended("refused"), ended("cut")), (4, 1, 2), "{records:#?}");
}

#[test]
fn curl_speaks_http2_to_the_proxy_and_inside_of_connect() {
    let site = Site::new();
    let nginx = Nginx::start(&site);
    let port = nginx.address.port();
    let lazaret = Lazaret::start(&site, Upstreams { registry: port, s3: 1, ..Upstreams::NONE });
    let (clean, leaking) =
        (make_file(&site, "checkpoint", "model.npz"), make_file(&site, "note", "note.txt"));
    let put = |name: &str, file: &std::path::Path| {
        let mut curl = bare(&site, &tool("curl"));
        curl.args(["-q", "-sS", "--max-time", "60", "--http2", "-o", "/dev/null"]);
        curl.args(["-w", "%{http_version} %{http_code} %{content_type}"]);
        curl.args(["-x", &lazaret.proxy_url(), "--cacert"]).arg(lazaret.intercept_ca(&site));
        curl.arg("-T").arg(file).arg(format!("https://{REGISTRY}:{port}/v2/{name}"));
        finished(&mut curl)
    };

    let done = put("clean", &clean);
    assert!(done.out.starts_with("2 201"), "{} {}", done.said(), lazaret.said());
    assert!(nginx.file(&site, "/v2/clean").expect("a file") == std::fs::read(&clean).unwrap());
    let done = put("leak", &leaking);
    assert_eq!(done.out, "2 403 application/problem+json", "{}", done.said());
    assert_eq!(nginx.file(&site, "/v2/leak"), None);
    assert_eq!(audit::record(&site, "/v2/leak")["reason"], "finding");
}

#[test]
fn h2load_gets_an_answer_and_a_record_for_every_stream() {
    let site = Site::new();
    let nginx = Nginx::start(&site);
    let lazaret = Lazaret::start(
        &site,
        Upstreams { registry: nginx.address.port(), s3: 1, ..Upstreams::NONE },
    );
    let body = site.write("body", b"the loss went down again");
    let mut load = bare(&site, &tool("h2load"));
    load.args(["-n", "1000", "-c", "10", "-m", "20", "--connect-to", &lazaret.proxy.to_string()]);
    load.args(["-H", ":method: PUT", "-d"]).arg(body);
    let done = finished(load.arg(format!("http://{REGISTRY}/v2/load")));

    assert!(done.status.success(), "{} {}", done.said(), lazaret.said());
    let told =
        "1000 total, 1000 started, 1000 done, 1000 succeeded, 0 failed, 0 errored, 0 timeout";
    assert!(done.out.contains(told), "{} {}", done.said(), lazaret.said());
    let records = audit::wait_for_closed(&site, "/v2/load", 1000);
    assert_eq!(records.len(), 1000);
    assert!(records.iter().all(|record| record["outcome"] == "completed"), "{:#}", records[0]);
}
