//! boto3's multipart upload at its defaults (aws-chunked, trailing checksums, `Expect`) to moto:
//! CONNECT by HTTP/1.0, intercepted, parts held and read.

use serde_json::Value;

use super::harness::lazaret::{Lazaret, Upstreams};
use super::harness::moto::Moto;
use super::harness::process::{eventually, finished};
use super::harness::{S3, SSN, Site, audit, client};

struct Story {
    moto: Moto,
    lazaret: Lazaret,
    site: Site,
}

impl Story {
    fn begin() -> Story {
        let site = Site::new();
        let moto = Moto::start(&site);
        let lazaret = Lazaret::start(
            &site,
            Upstreams { registry: 1, s3: moto.address.port(), ..Upstreams::NONE },
        );
        Story { moto, lazaret, site }
    }

    fn upload(&self, kind: &str) -> Value {
        let endpoint = format!("https://{S3}:{}", self.moto.address.port());
        let mut command = client(&self.site, "s3.py");
        self.lazaret.lead(&self.site, "AWS_CA_BUNDLE", &mut command);
        let done = finished(command.args([&endpoint, kind, SSN]));
        assert!(done.status.success(), "{} {}", done.said(), self.lazaret.said());
        serde_json::from_str(&done.out).expect("the client's JSON")
    }

    /// Closing records of the parts of an upload, once nothing is under way any more: boto3 sends no
    /// part again once it has raised.
    fn parts(&self, kind: &str) -> Vec<Value> {
        let mut records = self.records(kind);
        records.retain(|record| record["method"] == "PUT");
        records
    }

    /// All of its records, once nothing is under way any more.
    fn records(&self, kind: &str) -> Vec<Value> {
        // An exchange is counted before its record is written.
        eventually("the records of all exchanges", || {
            let (open, ended) = self.lazaret.exchanges();
            (open == 0 && audit::closed(&self.site, "").len() as u64 == ended).then_some(())
        });
        audit::closed(&self.site, &format!("/models/{kind}.bin"))
    }
}

#[test]
fn a_clean_multipart_upload_comes_back_identical() {
    let story = Story::begin();
    let result = story.upload("clean");
    assert_eq!(result["raised"], Value::Null, "{result:#} {}", story.lazaret.said());
    assert_eq!(result["is_identical"], true, "{result:#}");
    assert_eq!(result["bytes"], 20 << 20);

    let parts = story.parts("clean");
    assert_eq!(parts.len(), 3, "8, 8 and 4 MiB: {parts:#?}");
    for part in &parts {
        assert_eq!((&part["action"], &part["inspected"]), (&"allow".into(), &true.into()));
        assert_eq!(part["coverage"]["unidentified"], 0, "floats are numbers: {part:#}");
        assert!(part["coverage"]["numeric"].as_u64().unwrap() >= 4 << 20, "{part:#}");
    }
}

#[test]
fn a_checkpoint_that_spans_parts_comes_back_identical() {
    let story = Story::begin();
    let result = story.upload("checkpoint");
    assert_eq!(result["raised"], Value::Null, "{result:#} {}", story.lazaret.said());
    assert_eq!(result["is_identical"], true, "{result:#}");
    let parts = story.parts("checkpoint");
    assert!(parts.len() >= 3, "8 MiB each: {parts:#?}");
    assert!(parts.iter().all(|part| part["incomplete"].is_null()), "{parts:#?}");
}

#[test]
fn a_number_that_only_the_whole_upload_shows_leaves_no_object() {
    for kind in ["border", "member"] {
        let story = Story::begin();
        let result = story.upload(kind);
        assert!(result["raised"].is_string(), "boto3 must raise: {result:#}");
        assert_eq!(result["objects"], serde_json::json!([]), "no object upstream");
        let records = story.records(kind);
        let refused: Vec<&Value> =
            records.iter().filter(|record| record["reason"] == "finding").collect();
        assert_eq!(refused.len(), 1, "{records:#?}");
        assert_eq!(refused[0]["findings"][0]["identifier"], "ssn", "{:#}", refused[0]);
        assert!(!audit::mentions(&story.site, SSN));
    }
}

#[test]
fn a_leaking_part_is_refused_and_boto3_raises_at_once() {
    leaks("leak");
}

#[test]
fn a_number_across_the_border_of_two_aws_chunks_is_found() {
    leaks("straddle");
}

fn leaks(kind: &str) {
    let story = Story::begin();
    let result = story.upload(kind);
    let text = result["text"].as_str().unwrap_or_else(|| panic!("boto3 must raise: {result:#}"));
    // Parts go out side by side; whichever answer comes first is what boto3 raises.
    let has_reason = text.contains("lazaret: finding") || text.contains("lazaret: upload-refused");
    assert!(text.contains("(AccessDenied)") && has_reason, "{result:#}");
    assert_eq!(result["objects"], serde_json::json!([]), "no object upstream");

    let parts = story.parts(kind);
    let blocked: Vec<&Value> = parts.iter().filter(|part| part["reason"] == "finding").collect();
    assert_eq!(blocked.len(), 1, "refused once, never sent again: {blocked:#?}");
    assert_eq!(blocked[0]["findings"][0]["identifier"], "ssn", "{:#}", blocked[0]);
    assert_eq!(blocked[0]["bytes_released"], 0);
    assert_eq!(story.moto.requests("partNumber=2"), 0, "moto never saw the leaking part");
    assert!(!audit::mentions(&story.site, SSN));
}
