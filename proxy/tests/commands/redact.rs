//! `lazaret redact`.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use super::{lazaret, noise, stderr, stdout};

#[test]
fn a_log_passes_with_its_identifiers_masked() {
    let folder = tempfile::tempdir().unwrap();
    let output = lazaret(folder.path(), &["redact"], b"step 1 loss 0.25\nSSN 219-45-6183 done\n");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(stdout(&output), "step 1 loss 0.25\nSSN ***-**-**** done\n");
    assert_eq!(stderr(&output), "");
}

#[test]
fn each_line_goes_out_while_the_next_has_not_come() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_lazaret"))
        .arg("redact")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let (sender, lines) = mpsc::sync_channel(4);
    let reader = std::thread::spawn(move || {
        for line in stdout.lines() {
            sender.send(line.unwrap()).unwrap();
        }
    });
    for (line, expected) in [
        ("MRN: 4481723 admitted\n", "MRN: ******* admitted"),
        ("loss 0.25\n", "loss 0.25"),
        ("SSN 219-45-6183\nwaiting for", "SSN ***-**-****"),
    ] {
        stdin.write_all(line.as_bytes()).unwrap();
        assert_eq!(lines.recv_timeout(Duration::from_secs(120)).unwrap(), expected);
    }
    stdin.write_all(b" more").unwrap();
    drop(stdin);
    assert_eq!(lines.recv_timeout(Duration::from_secs(120)).unwrap(), "waiting for more");
    assert!(child.wait().unwrap().success());
    reader.join().unwrap();
}

#[test]
fn tokens_are_the_same_under_the_same_key() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("key"), "5f".repeat(32)).unwrap();
    fs::write(folder.path().join("short"), "5f").unwrap();
    let text = b"SSN 219-45-6183\nSSN 536-22-8147\n";
    let run = |key: &str| lazaret(folder.path(), &["redact", "--token-key", key], text);
    let (one, other) = (stdout(&run("key")), stdout(&run("key")));
    assert_eq!(one, other);
    assert_eq!(one.len(), text.len());
    let lines: Vec<&str> = one.lines().collect();
    assert!(lines.iter().all(|line| line.starts_with("SSN *")), "{one}");
    assert_ne!(lines[0], lines[1]);
    let short = run("short");
    assert_eq!(short.status.code(), Some(2));
    assert!(stderr(&short).contains("short: a key is 32"), "{}", stderr(&short));
    assert_eq!(stdout(&short), "");
}

#[test]
fn a_policy_says_what_is_masked_and_what_would_block() {
    let policy = "apiVersion: lazaret/v1\nkind: Policy\ncontent:\n\
        \x20 - name: logs\n\
        \x20   rules:\n\
        \x20     - {when: {identifiers: [email]}, action: allow}\n\
        \x20     - {when: {identifiers: [mrn]}, action: redact}\n\
        \x20     - {when: {identifiers: [ssn]}, action: block}\n";
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("p.yaml"), policy).unwrap();
    let args = ["redact", "--content", "logs", "--policy", "p.yaml"];
    let output = lazaret(folder.path(), &args, b"MRN: 4481723 jane.roe@stlukes.org\n");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(stdout(&output), "MRN: ******* jane.roe@stlukes.org\n");
    let output = lazaret(folder.path(), &args, b"SSN 219-45-6183\n");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stdout(&output), "SSN ***-**-****\n");
}

#[test]
fn bytes_that_are_no_text_pass_and_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let noise = noise(100_000);
    let output = lazaret(folder.path(), &["redact"], &noise);
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(output.stdout.len(), noise.len());
}

#[test]
fn a_reader_that_leaves_is_no_noise() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_lazaret"))
        .arg("redact")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || {
        let line = b"loss 0.25 at step 1\n".repeat(1000);
        while stdin.write_all(&line).is_ok() {}
    });
    let mut first = [0; 16];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()));
}
