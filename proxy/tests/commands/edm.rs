//! `lazaret edm`, and rosters in scans by hand.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::{lazaret, stderr, stdout};

const CSV: &str = "name,dob,study,visits\n\
    Xiomara Quillfeather,1956-04-23,4481723,3\n\
    \"Vantongeren, Jory\",1970-01-31,ZX-99812,1\n";

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("roster.csv"), CSV).unwrap();
    fs::write(folder.path().join("key"), "5f".repeat(32)).unwrap();
    fs::write(folder.path().join("other"), "6a".repeat(32)).unwrap();
    folder
}

const BUILD: [&str; 9] =
    ["edm", "build", "--key", "key", "--column", "study=other", "roster.csv", "-o", "roster.edm"];

#[test]
fn a_roster_is_built_inspected_and_found_in_text() {
    let folder = folder();
    let output = lazaret(folder.path(), &BUILD, b"");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).starts_with("roster.edm: 2 rows\n"), "{}", stdout(&output));
    assert!(stdout(&output).contains("left out: visits"), "{}", stdout(&output));
    let mode = fs::metadata(folder.path().join("roster.edm")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let output = lazaret(folder.path(), &["edm", "inspect", "roster.edm", "--key", "key"], b"");
    assert!(stdout(&output).contains("whole, and of this key"), "{}", stderr(&output));

    let text = b"Jory Vantongeren did well in ZX99812.\nXiomara and ZX99812.\n";
    let scan = ["scan", "--format", "json", "--roster", "roster.edm", "--roster-key", "key", "-"];
    let said = stdout(&lazaret(folder.path(), &scan, text));
    let exact: Vec<&str> =
        said.lines().filter(|line| line.contains("\"detector\":\"exact\"")).collect();
    assert_eq!(exact.len(), 3, "{said}");
    assert!(
        exact[0].contains("\"identifier\":\"name\"") && exact[0].contains("\"locus\":\"name\"")
    );
    let redact = ["redact", "--roster", "roster.edm", "--roster-key", "key"];
    let said = stdout(&lazaret(folder.path(), &redact, text));
    assert!(said.starts_with("**** *********** did well in *******.\n"), "{said}");
}

#[test]
fn nothing_tells_a_cell_and_nothing_opens_without_the_key() {
    let folder = folder();
    assert_eq!(lazaret(folder.path(), &BUILD, b"").status.code(), Some(0));
    let file = fs::read(folder.path().join("roster.edm")).unwrap();
    let text = String::from_utf8_lossy(&file);
    assert!(!text.contains("Jory") && !text.contains("99812"));
    let args = ["edm", "inspect", "roster.edm", "--key", "other"];
    let output = lazaret(folder.path(), &args, b"");
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("another key"), "{}", stderr(&output));
    let args = ["scan", "--roster", "roster.edm", "--roster-key", "other", "roster.csv"];
    assert_eq!(lazaret(folder.path(), &args, b"").status.code(), Some(2));
    let args = ["scan", "--roster", "roster.edm", "roster.csv"];
    assert_eq!(lazaret(folder.path(), &args, b"").status.code(), Some(2), "no key was given");
    let args = ["edm", "build", "--key", "key", "-o", "x", "-"];
    let output = lazaret(folder.path(), &args, b"name,visits\nJane Roe,1\n");
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("two columns"), "{}", stderr(&output));
    assert!(!stderr(&output).contains("Jane"));
    assert!(!folder.path().join("x").exists());
}

#[test]
fn a_content_profile_brings_its_roster_and_its_style() {
    let folder = folder();
    assert_eq!(lazaret(folder.path(), &BUILD, b"").status.code(), Some(0));
    let policy = "apiVersion: lazaret/v1\nkind: Policy\ncontent:\n  - name: notes\n    \
                  exact: [{file: ../roster.edm, keyFile: ../key}]\n    \
                  redaction: {style: token, keyFile: ../other}\n";
    fs::create_dir(folder.path().join("policy")).unwrap();
    fs::write(folder.path().join("policy/p.yaml"), policy).unwrap();
    let text = b"Jory Vantongeren did well in ZX99812.\n";
    for path in ["policy", "policy/p.yaml"] {
        let scan = ["scan", "--format", "json", "--content", "notes", "--policy", path, "-"];
        let output = lazaret(folder.path(), &scan, text);
        let said = stdout(&output);
        assert_eq!(output.status.code(), Some(1), "{said}{}", stderr(&output));
        assert!(said.contains("\"detector\":\"exact\""), "{said}");
        let redact = ["redact", "--content", "notes", "--policy", path];
        let said = stdout(&lazaret(folder.path(), &redact, text));
        let token = said.split(' ').next().unwrap();
        assert!(token.starts_with('*') && token.contains(char::is_alphabetic), "{said}");
        assert!(!said.contains("Vantongeren") && !said.contains("99812"), "{said}");
    }
    // A second roster on the command line is besides, not instead.
    let column = ["--column", "study=other", "second.csv", "-o", "second.edm"];
    let build: Vec<&str> = ["edm", "build", "--key", "key"].into_iter().chain(column).collect();
    fs::write(folder.path().join("second.csv"), "name,study\nOdalys Brambleton,QQ-30911\n")
        .unwrap();
    assert_eq!(lazaret(folder.path(), &build, b"").status.code(), Some(0));
    let scan = ["scan", "--format", "json", "--content", "notes", "--policy", "policy"];
    let more = ["--roster", "second.edm", "--roster-key", "key", "-"];
    let args: Vec<&str> = scan.into_iter().chain(more).collect();
    for text in ["Jory Vantongeren, ZX99812.", "Odalys Brambleton, QQ30911."] {
        let said = stdout(&lazaret(folder.path(), &args, text.as_bytes()));
        assert!(said.contains("\"detector\":\"exact\""), "{text} {said}");
    }

    let output = lazaret(folder.path(), &["policy", "check", "policy"], b"");
    let said = stdout(&output);
    assert!(said.contains("files: ../key, ../other, ../roster.edm (read"), "{said}");
    fs::write(folder.path().join("key"), "6b".repeat(32)).unwrap();
    let args: Vec<&str> = scan.into_iter().chain(["-"]).collect();
    let output = lazaret(folder.path(), &args, b"");
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(said.contains("p.yaml:5:20: the roster `../roster.edm` cannot be loaded"), "{said}");
}
