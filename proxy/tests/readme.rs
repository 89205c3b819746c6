//! What the README promises: its commands run as they stand, and the quickstart tells its story.

#![expect(
    clippy::unwrap_used,
    reason = "clippy.toml's leave for tests does not reach their helpers; a test fails by panicking"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, PoisonError};

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");

/// The quickstart's registries listen on fixed ports.
static PORTS: Mutex<()> = Mutex::new(());

/// The fenced blocks of a language, in order.
fn blocks(language: &str) -> Vec<String> {
    let text = std::fs::read_to_string(README).unwrap();
    let fence = format!("```{language}\n");
    text.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

/// Runs a script as a reader would: in a folder of its own, with `lazaret` on the PATH.
fn bash(script: &str, folder: &Path) -> Output {
    let lazaret = PathBuf::from(env!("CARGO_BIN_EXE_lazaret"));
    let path =
        format!("{}:{}", lazaret.parent().unwrap().display(), std::env::var("PATH").unwrap());
    Command::new("bash")
        .args(["-euo", "pipefail", "-c", script])
        .current_dir(folder)
        .env("PATH", path)
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[test]
fn the_sidecar_commands_run_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let scripts = blocks("sh");
    assert!(scripts.len() >= 2, "the README lost its commands");
    let mut said = String::new();
    for script in scripts {
        let output = bash(&script, folder.path());
        assert!(output.status.success(), "{script}\n{}", text(&output));
        said.push_str(&text(&output));
    }
    assert!(said.contains("ok: 1 endpoint"), "the policy check's line is missing: {said}");
    assert!(said.contains("Patient SSN ***-**-****, admitted."), "redact did not: {said}");
    assert!(said.contains("************, ******* walked ******* steps"), "no match: {said}");
    assert!(said.contains("\"verdict\":\"clean\""), "the scan's summary is missing: {said}");
    assert!(said.contains("HTTPS_PROXY"), "the variables are missing: {said}");
}

#[test]
fn the_quickstart_tells_its_story_and_its_log_verifies() {
    let commands = blocks("console").concat();
    assert!(commands.contains("cargo run --release -- quickstart"));
    assert!(commands.contains("bash .ci/test"));
    let _ports = PORTS.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let output = bash("lazaret quickstart", folder.path());
    let said = text(&output);
    assert!(output.status.success(), "{said}");
    for expected in [
        ("gradient stream", "allowed"),
        ("clean checkpoint (.pt)", "allowed"),
        ("clean model (.safetensors)", "allowed"),
        ("checkpoint with a patient inside", "403 finding"),
        ("log line with an e-mail", "redacted"),
        ("forbidden host", "403 host-not-listed"),
        ("registry with an expired certificate", "502 upstream-unverified"),
    ] {
        let row = said.lines().find(|line| line.starts_with(expected.0));
        assert!(row.is_some_and(|row| row.contains(expected.1)), "{expected:?} in\n{said}");
    }
    assert!(said.contains("worklist.txt"), "the leak's member is not named:\n{said}");
    assert!(said.contains("INTACT") && said.contains("TAMPERED"), "{said}");
    for planted in ["536-22-8147", "00482913", "1961-07-23", "jane.roe@"] {
        let log = bash("cat lazaret-quickstart/audit/*.jsonl", folder.path());
        assert!(!text(&log).contains(planted), "a planted value is in the log");
        assert!(!said.contains(planted), "a planted value is on the screen");
    }

    let verify = "lazaret audit verify lazaret-quickstart/audit";
    assert!(commands.contains("lazaret audit verify "));
    assert_eq!(bash(verify, folder.path()).status.code(), Some(0));
    let tampered = bash("lazaret audit verify lazaret-quickstart/audit-tampered", folder.path());
    assert_eq!(tampered.status.code(), Some(1), "{}", text(&tampered));
}

#[test]
fn the_starter_policy_keeps_the_readers_edits() {
    let _ports = PORTS.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let policy = folder.path().join("lazaret-quickstart/policy/quickstart.yaml");
    std::fs::create_dir_all(policy.parent().unwrap()).unwrap();
    let starter = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/quickstart/policy.yaml");
    let edited =
        std::fs::read_to_string(starter).unwrap().replace("methods: [PUT]", "methods: [GET]");
    std::fs::write(&policy, &edited).unwrap();
    // The story does not come out as told, and the exit code says so.
    let output = bash("lazaret quickstart", folder.path());
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("403 method-not-allowed"), "{}", text(&output));
    assert_eq!(std::fs::read_to_string(&policy).unwrap(), edited);
}
