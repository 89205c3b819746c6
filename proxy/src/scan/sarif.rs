//! SARIF 2.1.0, as code scanning and viewers take it. Pure. Invariant: messages and fingerprints
//! are made of places and classes, never of content.

use std::collections::HashMap;

use aws_lc_rs::digest::{Context, SHA256};
use dlp::{Confidence, Finding, Identifier};
use serde_json::{Value, json};

use super::Layout;
use super::report::{Outcome, Report, Totals};

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// Where the classes are defined.
const HELP: &str = "https://www.ecfr.gov/current/title-45/section-164.514";

/// Notifications that are kept; beyond it they are counted.
const NOTIFICATIONS_MAX: usize = 10_000;

/// One log with one run, written as it grows.
#[derive(Default)]
pub(super) struct Log {
    has_results: bool,
    notifications: Vec<Value>,
    unkept_notifications: u64,
}

impl Log {
    fn notify(&mut self, level: &str, path: &str, text: &str) {
        if self.notifications.len() < NOTIFICATIONS_MAX {
            self.notifications.push(notification(level, path, text));
        } else {
            self.unkept_notifications += 1;
        }
    }
}

impl Layout for Log {
    fn begin(&mut self) -> String {
        let rules: Vec<Value> = Identifier::ALL.iter().map(|class| rule(*class)).collect();
        let driver = json!({
            "name": "Lazaret",
            "version": env!("CARGO_PKG_VERSION"),
            "rules": rules,
        });
        format!(
            "{{\"$schema\":\"{SCHEMA}\",\"version\":\"2.1.0\",\"runs\":[{{\
             \"tool\":{{\"driver\":{driver}}},\"results\":["
        )
    }

    fn file(&mut self, report: &Report) -> String {
        let mut text = String::new();
        let reading = match &report.outcome {
            Outcome::Failed(why) => {
                self.notify("error", &report.path, why);
                return text;
            }
            Outcome::Read(reading) => reading,
        };
        for reason in &reading.reasons {
            let what = format!("not read: {reason}");
            self.notify("warning", &report.path, &what);
        }
        let mut seen = HashMap::new();
        for finding in &reading.findings {
            let key = (finding.identifier, &finding.detector, &finding.member);
            let place: &mut u64 = seen.entry(key).or_default();
            *place += 1;
            text.push_str(if self.has_results { ",\n" } else { "\n" });
            self.has_results = true;
            text.push_str(&result(&report.path, finding, *place).to_string());
        }
        text
    }

    fn end(&mut self, totals: &Totals) -> String {
        let invocation = json!({
            "executionSuccessful": totals.failed == 0,
            "exitCode": totals.exit_code(),
            "toolExecutionNotifications": std::mem::take(&mut self.notifications),
            "properties": {"notificationsNotListed": self.unkept_notifications},
        });
        format!("\n],\"invocations\":[{invocation}]}}]}}\n")
    }
}

fn rule(class: Identifier) -> Value {
    let name = class.name();
    let description = match class.is_safe_harbor() {
        true => format!("Identifier of a patient: {name} (45 CFR 164.514(b)(2)(i))"),
        false => format!("Not of a patient, yet worth a look: {name}"),
    };
    json!({
        "id": name,
        "shortDescription": {"text": description},
        "helpUri": HELP,
        "properties": {"tags": ["privacy", "phi"]},
    })
}

fn result(path: &str, finding: &Finding, place: u64) -> Value {
    let class = finding.identifier.name();
    let confidence = finding.confidence.name();
    let mut message = format!("{class}, {confidence} confidence, by detector {}", finding.detector);
    let mut location = json!({"physicalLocation": {"artifactLocation": {"uri": uri(path)}, "region": region(finding)}});
    let mut properties = json!({"detector": &*finding.detector, "confidence": confidence});
    if let Some(locus) = &finding.locus {
        message.push_str(&format!(" at {locus}"));
    }
    if let Some(member) = &finding.member {
        message.push_str(&format!(" in {member}"));
        if let Some(location) = location.as_object_mut() {
            let logical = json!([{"fullyQualifiedName": &**member, "kind": "member"}]);
            location.insert("logicalLocations".to_owned(), logical);
        }
        if let Some(properties) = properties.as_object_mut() {
            properties.insert("start".to_owned(), finding.span.start.into());
            properties.insert("end".to_owned(), finding.span.end.into());
            properties.insert("line".to_owned(), finding.line.into());
            properties.insert("column".to_owned(), finding.column.into());
        }
    }
    json!({
        "ruleId": class,
        "ruleIndex": Identifier::ALL.iter().position(|known| *known == finding.identifier),
        "level": level(finding.confidence),
        "message": {"text": message},
        "locations": [location],
        // Viewers that find none make one from the line itself, which is content.
        "partialFingerprints": {"primaryLocationLineHash": fingerprint(path, finding, place)},
        "properties": properties,
    })
}

fn level(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::High => "error",
        Confidence::Medium => "warning",
        Confidence::Low => "note",
    }
}

/// Where it stands in the file; of what stands in a container only that it is there.
fn region(finding: &Finding) -> Value {
    if finding.member.is_some() {
        return json!({"startLine": 1});
    }
    let len = finding.span.end.saturating_sub(finding.span.start);
    json!({
        "startLine": finding.line,
        "startColumn": finding.column,
        "endColumn": finding.column + len,
        "byteOffset": finding.span.start,
        "byteLength": len,
    })
}

/// The same finding in a later scan: file, class and how many of them stand before it.
fn fingerprint(path: &str, finding: &Finding, place: u64) -> String {
    let mut digest = Context::new(&SHA256);
    let member = finding.member.as_deref().unwrap_or_default();
    for part in [path, member, finding.identifier.name(), &finding.detector] {
        digest.update(&(part.len() as u64).to_le_bytes());
        digest.update(part.as_bytes());
    }
    digest.update(&place.to_le_bytes());
    let hex: String =
        digest.finish().as_ref().iter().take(16).map(|b| format!("{b:02x}")).collect();
    format!("{hex}:1")
}

fn notification(level: &str, path: &str, text: &str) -> Value {
    json!({
        "level": level,
        "message": {"text": text},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": uri(path)}}}],
    })
}

/// A path as a relative or file URI (RFC 3986, RFC 8089).
fn uri(path: &str) -> String {
    if path == "-" {
        return "stdin".to_owned();
    }
    let mut uri = String::from(if path.starts_with('/') { "file://" } else { "" });
    let path = path.strip_prefix("./").unwrap_or(path);
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => {
                uri.push(char::from(byte));
            }
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::super::report::testing::report;
    use super::*;

    fn log(reports: &[Report]) -> Value {
        let mut log = Log::default();
        let mut text = log.begin();
        let mut totals = Totals::default();
        for report in reports {
            totals.add(report);
            text.push_str(&log.file(report));
        }
        text.push_str(&log.end(&totals));
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn a_log_is_json_with_or_without_results() {
        assert_eq!(log(&[])["runs"][0]["results"], json!([]));
        let clean = report("a", b"nothing", Confidence::Medium);
        let log = log(&[clean]);
        assert_eq!(log["version"], "2.1.0");
        assert_eq!(log["runs"][0]["results"], json!([]));
        assert_eq!(log["runs"][0]["invocations"][0]["exitCode"], 0);
    }

    #[test]
    fn a_result_points_at_its_rule_and_place() {
        let found = report("dir/b c.txt", b"x\nSSN 219-45-6183 MRN: 4481723", Confidence::Medium);
        let log = log(&[found]);
        let run = &log["runs"][0];
        let results = run["results"].as_array().unwrap();
        assert_eq!(results.len(), 2);
        for result in results {
            let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
        }
        let place = &results[0]["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "dir/b%20c.txt");
        assert_eq!(
            place["region"],
            json!({"startLine": 2, "startColumn": 5, "endColumn": 16, "byteOffset": 6, "byteLength": 11})
        );
        assert_eq!(results[0]["level"], "error");
        assert!(!log.to_string().contains("219-45"), "{log}");
    }

    #[test]
    fn fingerprints_know_place_and_class_and_no_content() {
        let one = report("a", b"SSN 219-45-6183", Confidence::Medium);
        let other = report("a", b"lines before\n\nSSN 536-22-8147", Confidence::Medium);
        let of = |report| log(&[report])["runs"][0]["results"][0]["partialFingerprints"].clone();
        assert_eq!(of(one.clone()), of(other), "another value at the same place");
        let twice = report("a", b"SSN 219-45-6183 SSN 536-22-8147", Confidence::Medium);
        let log = log(&[twice]);
        let results = &log["runs"][0]["results"];
        assert_ne!(results[0]["partialFingerprints"], results[1]["partialFingerprints"]);
    }

    #[test]
    fn what_could_not_be_read_is_a_notification() {
        let log = log(&[Report::failed("/a".to_owned(), "permission denied".to_owned())]);
        let invocation = &log["runs"][0]["invocations"][0];
        assert_eq!(invocation["executionSuccessful"], false);
        assert_eq!(
            invocation["toolExecutionNotifications"][0]["message"]["text"],
            "permission denied"
        );
    }
}
