//! curl through the forward proxy to nginx: what is clean arrives unchanged over mutual TLS 1.3,
//! what leaks is refused and leaves no trace upstream.

use std::net::SocketAddr;
use std::path::Path;

use super::harness::lazaret::{Lazaret, Upstreams};
use super::harness::nginx::Nginx;
use super::harness::process::{Finished, finished, run};
use super::harness::{JOB, SSN, Site, audit, bare, lazaret_command, make_file, tool};

const REFUSED: &str = "403 application/problem+json";

struct Story {
    nginx: Nginx,
    lazaret: Lazaret,
    site: Site,
}

impl Story {
    fn begin() -> Story {
        let site = Site::new();
        let nginx = Nginx::start(&site);
        let upstreams = Upstreams { registry: nginx.address.port(), s3: 1, ..Upstreams::NONE };
        let lazaret = Lazaret::start(&site, upstreams);
        Story { nginx, lazaret, site }
    }

    /// `curl -x PROXY -T FILE URL`; prints status and media type, the body goes to `answer`.
    fn put(&self, file: &Path, url: &str, more: &[&str]) -> Finished {
        let mut curl = curl(&self.site, self.lazaret.proxy);
        curl.arg("-o").arg(self.site.path("answer")).args(["-w", "%{http_code} %{content_type}"]);
        finished(curl.args(more).arg("-T").arg(file).arg(url))
    }

    fn answer(&self) -> serde_json::Value {
        let text = std::fs::read(self.site.path("answer")).expect("curl's output");
        serde_json::from_slice(&text).expect("problem+json")
    }
}

fn curl(site: &Site, proxy: SocketAddr) -> std::process::Command {
    let mut curl = bare(site, &tool("curl"));
    curl.args(["-q", "-sS", "--max-time", "120", "-x", &format!("http://{proxy}")]);
    curl
}

#[test]
fn a_clean_checkpoint_arrives_byte_identical_over_mutual_tls_1_3() {
    let story = Story::begin();
    let file = make_file(&story.site, "checkpoint", "model.npz");

    let done = story.put(&file, "http://registry.ml.internal/v2/models/model.npz", &[]);
    assert!(done.out.starts_with("201"), "{} {}", done.said(), story.lazaret.said());

    let arrived = story.nginx.file(&story.site, "/v2/models/model.npz").expect("a file");
    assert!(arrived == std::fs::read(&file).unwrap(), "the registry's bytes differ");

    let seen = story.nginx.saw(&story.site, "/v2/models/model.npz");
    assert_eq!((seen.method.as_str(), seen.status.as_str()), ("PUT", "201"));
    assert_eq!(seen.protocol, "TLSv1.3");
    assert!(seen.cipher.starts_with("TLS_"), "{}", seen.cipher);
    assert_eq!(seen.verified, "SUCCESS");
    assert_eq!(seen.host, "registry.ml.internal");
    assert_eq!(seen.forwarded, "", "hop-by-hop and identity headers stay here");
    let certificate = seen.certificate(&story.site);
    assert!(certificate.contains(&format!("URI:{JOB}")), "{certificate}");

    let record = audit::record(&story.site, "/v2/models/model.npz");
    assert_eq!(record["rule"], "files-to-registry");
    assert_eq!(record["action"], "allow");
    assert_eq!(record["inspected"], true);
    assert_eq!(record["bytes_released"], arrived.len());
    assert_eq!(record["coverage"]["unidentified"], 0, "{record:#}");
    assert!(
        record["tls_version"].as_str().unwrap().contains("1.3")
            || record["tls_version"] == "TLSv1_3",
        "{record:#}"
    );
}

#[test]
fn an_ssn_inside_a_zip_inside_gzip_is_refused_and_the_registry_sees_nothing() {
    let story = Story::begin();
    let file = make_file(&story.site, "zip-in-gzip", "export.gz");
    let before = story.nginx.accepted();

    for (path, more) in [
        ("/v2/models/as-is.gz", &[][..]),
        ("/v2/models/as-encoding", &["-H", "Content-Encoding: gzip"][..]),
    ] {
        let url = format!("http://registry.ml.internal{path}");
        let done = story.put(&file, &url, more);
        assert_eq!(done.out, REFUSED, "{} {}", done.said(), story.lazaret.said());
        let answer = story.answer();
        assert_eq!(answer["status"], 403, "{answer}");
        assert!(!answer.to_string().contains(SSN), "an answer never holds what was found");

        let record = audit::record(&story.site, path);
        assert_eq!(record["action"], "block", "{record:#}");
        assert!(record["rule"].as_str().unwrap().contains("files-to-registry"), "{record:#}");
        assert_eq!(record["bytes_released"], 0);
        let found = &record["findings"][0];
        assert_eq!(found["identifier"], "ssn", "{record:#}");
        let member = found["member"].as_str().expect("a way in");
        assert!(member.contains("gzip") && member.ends_with("notes/patient.txt"), "{member}");
    }

    assert_eq!(story.nginx.accepted(), before + 1, "no connection but the count's own");
    assert!(story.nginx.seen(&story.site).is_empty());
    assert!(!audit::mentions(&story.site, SSN), "a record never holds what was found");
    assert!(!story.lazaret.said().contains(SSN), "a log never holds what was found");
}

#[test]
fn a_leak_late_in_a_stream_never_becomes_a_file_upstream() {
    let story = Story::begin();
    let mut text = "epoch 3 step 17 loss 0.0312 phase train\n".repeat(100_000).into_bytes();
    text.extend_from_slice(format!("Patient SSN: {SSN}\n").as_bytes());
    text.extend_from_slice(&"epoch 3 step 18 loss 0.0311 phase train\n".repeat(1000).into_bytes());
    let file = story.site.write("train.log", &text);

    let done = story.put(&file, "http://registry.ml.internal/stream/train.log", &[]);
    assert!(!done.out.starts_with('2'), "{}", done.said());

    assert_eq!(story.nginx.file(&story.site, "/stream/train.log"), None);
    let record = audit::record(&story.site, "/stream/train.log");
    assert_eq!(record["action"], "block", "{record:#}");
    assert_eq!(record["inspect"], "stream");
    assert!(record["bytes_released"].as_u64().unwrap() < text.len() as u64, "{record:#}");
    assert_eq!(record["findings"][0]["identifier"], "ssn");
}

#[test]
fn what_the_policy_does_not_name_is_refused_before_its_body_is_sent() {
    let story = Story::begin();
    let file = story.site.write("big.bin", &vec![b'a'; 8 << 20]);
    let before = story.nginx.accepted();

    for url in [
        "http://elsewhere.example/v2/x",
        "http://169.254.169.254/latest/meta-data/",
        "http://registry.ml.internal/v1/x",
        "http://registry.ml.internal:1/v2/x",
    ] {
        let mut curl = curl(&story.site, story.lazaret.proxy);
        curl.arg("-o").arg(story.site.path("answer"));
        curl.args([
            "-w",
            "%{http_code} %{content_type} %{size_upload}",
            "--expect100-timeout",
            "60",
        ]);
        let done =
            finished(curl.args(["-H", "Expect: 100-continue"]).arg("-T").arg(&file).arg(url));
        assert_eq!(done.out, format!("{REFUSED} 0"), "{url}: {}", done.said());
        assert_eq!(story.answer()["status"], 403);
    }

    assert_eq!(story.nginx.accepted(), before + 1, "no connection but the count's own");
    let metadata = audit::record(&story.site, "169.254.169.254");
    assert_eq!(metadata["action"], "block", "{metadata:#}");
}

#[test]
fn an_ssn_in_a_url_or_header_is_refused_and_written_nowhere() {
    let story = Story::begin();
    let before = story.nginx.accepted();
    let encoded = SSN.replace('-', "%2D");
    for (url, header) in [
        (format!("http://registry.ml.internal/v2/1?ssn={SSN}"), "X-Note: none".to_owned()),
        (format!("http://registry.ml.internal/v2/2?q=ssn%3A%20{encoded}"), "X-Note: none".into()),
        (format!("http://registry.ml.internal/v2/ssn/{SSN}"), "X-Note: none".into()),
        ("http://registry.ml.internal/v2/4".into(), format!("X-Note: patient SSN {SSN}")),
    ] {
        let mut curl = curl(&story.site, story.lazaret.proxy);
        curl.arg("-o").arg(story.site.path("answer")).args(["-w", "%{http_code} %{content_type}"]);
        let done = finished(curl.args(["-H", &header, &url]));
        assert_eq!(done.out, REFUSED, "{url}: {}", done.said());
        let answer = story.answer().to_string();
        assert!(!answer.contains(SSN) && !answer.contains(&encoded), "{answer}");
    }
    assert_eq!(story.nginx.accepted(), before + 1, "no connection but the count's own");
    let records = audit::wait_for_closed(&story.site, "registry.ml.internal", 4);
    for record in records {
        assert_eq!(record["findings"][0]["identifier"], "ssn", "{record:#}");
    }
    for text in [SSN, &encoded] {
        assert!(!audit::mentions(&story.site, text), "{:#?}", audit::lines(&story.site));
        assert!(!story.lazaret.said().contains(text), "{}", story.lazaret.said());
    }
}

#[test]
fn a_stopped_sidecar_exits_well_and_leaves_a_log_that_verifies() {
    let mut story = Story::begin();
    let file = story.site.write("note.txt", b"loss went down\n");
    let done = story.put(&file, "http://registry.ml.internal/v2/notes/1", &[]);
    assert!(done.out.starts_with("201"), "{}", done.said());

    assert_eq!(story.lazaret.stop(), Some(0), "{}", story.lazaret.said());

    let verify = || {
        let mut command = lazaret_command(&story.site);
        command.args(["audit", "verify"]).arg(story.site.path("audit"));
        command
    };
    run(&mut verify());

    let segment = story.site.path("audit/audit-00000001.jsonl");
    let text = std::fs::read_to_string(&segment).expect("the first segment");
    assert!(text.contains("/v2/notes/1"));
    std::fs::write(&segment, text.replace("/v2/notes/1", "/v2/notes/2")).expect("tampering");
    assert_eq!(finished(&mut verify()).status.code(), Some(1), "an edited line is noticed");
}
