//! `lazaret scan`.

use std::fs;
use std::io::Read as _;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::{lazaret, noise, stderr, stdout};

const NOTE: &[u8] = b"Seen today.\nSSN 219-45-6183, MRN: 4481723\n";

fn json(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    folder
}

#[test]
fn exit_codes_tell_clean_found_error_and_incomplete_apart() {
    let noise = noise(9000);
    let folder =
        folder(&[("clean.txt", b"step 1, loss 0.25\n"), ("note.txt", NOTE), ("x.bin", &noise)]);
    for (args, code) in [
        (&["scan", "clean.txt"][..], 0),
        (&["scan", "clean.txt", "note.txt"], 1),
        (&["scan", "clean.txt", "x.bin"], 3),
        (&["scan", "x.bin", "note.txt"], 1),
        (&["scan", "note.txt", "missing.txt"], 2),
        (&["scan", "--jobs", "0", "clean.txt"], 2),
        (&["scan"], 2),
        (&["scan", "--content", "artifacts", "clean.txt"], 2),
    ] {
        let output = lazaret(folder.path(), args, b"");
        let said = format!("{}{}", stdout(&output), stderr(&output));
        assert_eq!(output.status.code(), Some(code), "{args:?}\n{said}");
        assert!(!said.contains("219-45") && !said.contains("4481723"), "{said}");
    }
}

#[test]
fn json_lines_have_the_fields_that_tools_rely_on() {
    let folder = folder(&[("note.txt", NOTE)]);
    let output = lazaret(folder.path(), &["scan", "--format", "json", "note.txt"], b"");
    let lines = json(&stdout(&output));
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0]["path"], "note.txt");
    assert_eq!(lines[0]["identifier"], "ssn");
    assert_eq!((&lines[0]["start"], &lines[0]["end"]), (&16.into(), &27.into()));
    assert_eq!((&lines[0]["line"], &lines[0]["column"]), (&2.into(), &5.into()));
    assert_eq!(lines[0].get("member"), None, "the leaf is the file itself");
    assert_eq!(lines[2]["summary"], true);
    assert_eq!(lines[2]["verdict"], "findings");
    assert_eq!(lines[2]["findings"], 2);
    assert_eq!(lines[2]["bytes_in"], NOTE.len());
    assert_eq!(lines[2]["bytes_read"], NOTE.len());
}

#[test]
fn folders_come_in_order_and_standard_input_is_a_path() {
    let many: Vec<(String, Vec<u8>)> = (0..40)
        .map(|i| (format!("d/{i:02}.txt"), NOTE.repeat(if i == 0 { 20_000 } else { 1 })))
        .collect();
    let files: Vec<(&str, &[u8])> = many.iter().map(|(n, b)| (n.as_str(), b.as_slice())).collect();
    let folder = folder(&files);
    let args = ["scan", "--format", "json", "--jobs", "4", "--findings-max", "2", "d", "-"];
    let output = lazaret(folder.path(), &args, b"SSN 219-45-6183\n");
    assert_eq!(output.status.code(), Some(1));
    let lines = json(&stdout(&output));
    let summaries: Vec<&Value> = lines.iter().filter(|line| line["summary"] == true).collect();
    let mut expected: Vec<String> = many.iter().map(|(name, _)| name.clone()).collect();
    expected.push("-".to_owned());
    let paths: Vec<&str> = summaries.iter().map(|s| s["path"].as_str().unwrap()).collect();
    assert_eq!(paths, expected);
    assert_eq!(summaries[0]["findings"], 40_000, "counted");
    assert_eq!(summaries[0]["findings_dropped"], 39_998, "not listed");
    assert_eq!(lines.iter().filter(|line| line["path"] == "d/00.txt").count(), 3);
}

#[test]
fn what_is_no_file_is_refused_and_never_waited_for() {
    let folder = folder(&[]);
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let output = lazaret(folder.path(), &["scan", "."], b"");
    assert_eq!(output.status.code(), Some(2));
    assert!(stdout(&output).contains("./pipe: is a named pipe"), "{}", stdout(&output));
}

#[test]
fn a_policy_judges_as_the_proxy_would() {
    let policy = "apiVersion: lazaret/v1\nkind: Policy\ncontent:\n\
        \x20 - name: mixed\n\
        \x20   rules:\n\
        \x20     - {when: {identifiers: [mrn]}, action: redact}\n\
        \x20     - {when: {identifiers: [ssn]}, action: block}\n\
        \x20 - name: small\n\
        \x20   holdMax: 10B\n";
    let noise = noise(9000);
    let folder = folder(&[
        ("p.yaml", policy.as_bytes()),
        ("clean.txt", b"all good"),
        ("mrn.txt", b"MRN: 4481723\n"),
        ("note.txt", NOTE),
        ("x.bin", &noise),
    ]);
    for (content, path, action, reason, code) in [
        ("mixed", "clean.txt", "allow", "permitted", 0),
        ("mixed", "mrn.txt", "redact", "finding", 1),
        ("mixed", "note.txt", "block", "finding", 1),
        ("mixed", "x.bin", "block", "unidentified", 3),
        ("small", "clean.txt", "allow", "permitted", 0),
        ("small", "mrn.txt", "block", "hold-max", 3),
    ] {
        let args = ["scan", "--format", "json", "--content", content, "--policy", "p.yaml", path];
        let output = lazaret(folder.path(), &args, b"");
        assert_eq!(output.status.code(), Some(code), "{content} {path} {}", stderr(&output));
        let lines = json(&stdout(&output));
        let summary = lines.last().unwrap();
        assert_eq!((&summary["action"], &summary["reason"]), (&action.into(), &reason.into()));
    }
    let args = ["scan", "--content", "other", "--policy", "p.yaml", "clean.txt"];
    let output = lazaret(folder.path(), &args, b"");
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("it has mixed, small"), "{}", stderr(&output));
}

#[test]
fn a_name_that_holds_a_number_of_a_patient_is_masked() {
    let folder = folder(&[("SSN 219-45-6183.txt", NOTE)]);
    for format in ["text", "json", "sarif"] {
        let output = lazaret(folder.path(), &["scan", "--format", format, "."], b"");
        assert_eq!(output.status.code(), Some(1));
        assert!(!stdout(&output).contains("219"), "{}", stdout(&output));
        assert!(stdout(&output).contains("***-**-****") || format == "sarif");
    }
}

#[test]
fn sarif_is_one_document_that_names_every_rule_it_uses() {
    let folder = folder(&[("a b.txt", NOTE), ("c.txt", b"clean")]);
    let output = lazaret(folder.path(), &["scan", "--format", "sarif", "."], b"");
    let log: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 2);
    for result in results {
        assert!(rules.iter().any(|rule| rule["id"] == result["ruleId"]));
        let location = &result["locations"][0]["physicalLocation"];
        assert_eq!(location["artifactLocation"]["uri"], "a%20b.txt");
        assert!(location["region"]["byteOffset"].is_u64());
        assert!(result["partialFingerprints"]["primaryLocationLineHash"].is_string());
    }
}

#[test]
fn a_reader_that_leaves_is_no_noise() {
    let folder = folder(&[("note.txt", &NOTE.repeat(5000))]);
    let mut child = Command::new(env!("CARGO_BIN_EXE_lazaret"))
        .args(["scan", "--format", "json", "note.txt"])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 16];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(stderr(&output), "");
    assert_eq!(output.status.code(), Some(2), "the rest was not reported");
}
