//! Every policy under `examples/policies` compiles, alone and together, and does what its own tests say.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use std::path::PathBuf;

use jiff::Timestamp;
use policy::Source;
use policy::review::{Outcome, check, test};

fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn examples() -> Vec<Source> {
    sources("policies")
}

fn sources(folder: &str) -> Vec<Source> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples").join(folder);
    let mut sources = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            sources.push(Source { name, text: std::fs::read_to_string(&path).unwrap() });
        }
    }
    sources
}

#[test]
fn every_example_passes_its_check() {
    let sources = examples();
    assert!(sources.len() >= 3, "the examples are gone");
    for source in sources {
        let name = source.name.clone();
        let report = check(&[source], now());
        assert_eq!(report.outcome, Outcome::Pass, "{name}:\n{}", report.text);
    }
}

#[test]
fn the_examples_make_one_folder() {
    let report = check(&examples(), now());
    assert_eq!(report.outcome, Outcome::Pass, "{}", report.text);
    assert!(report.text.contains(", 0 warnings"), "{}", report.text);
}

#[test]
fn every_example_tests_itself() {
    for source in examples() {
        let name = source.name.clone();
        let report = test(&[source], now());
        assert!(report.text.contains("pass: "), "{name} has no tests:\n{}", report.text);
        assert!(report.text.contains(", 0 failed"), "{name}:\n{}", report.text);
    }
}

#[test]
fn both_sides_of_the_federation_pass_their_checks_and_tests() {
    for folder in ["federated/site-policy", "federated/hub-policy"] {
        let sources = sources(folder);
        let report = check(&sources, now());
        assert_eq!(report.outcome, Outcome::Pass, "{folder}:\n{}", report.text);
        assert!(report.text.contains(", 0 warnings"), "{folder}: {}", report.text);
        let report = test(&sources, now());
        assert!(report.text.contains("4 passed, 0 failed"), "{folder}:\n{}", report.text);
    }
}
