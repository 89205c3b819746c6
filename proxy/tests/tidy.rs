//! The house rules that no lint knows: sizes, purity, directions, leftovers. Every test names all
//! offenders at once.

#![expect(
    clippy::unwrap_used,
    reason = "clippy.toml's leave for tests does not reach their helpers; a test fails by panicking"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Lines of a source file, without its tests.
const SOURCE_LINES_MAX: usize = 400;
/// Lines of a file of tests.
const TEST_LINES_MAX: usize = 600;
/// Lines of `//!` that open a file.
const OPENING_LINES_MAX: usize = 6;

/// What the top level holds beside dotfiles, and cargo's own folder.
const TOP_LEVEL: [&str; 9] = [
    "Cargo.lock",
    "Cargo.toml",
    "Dockerfile",
    "README.md",
    "certs",
    "examples",
    "loadtest",
    "policy",
    "proxy",
];

/// Folders that tools make.
const MADE: [&str; 5] = [".git", ".venv", "__pycache__", "node_modules", "target"];

/// A file of the repository.
struct File {
    /// From the repository's root, with `/`.
    name: String,
    text: String,
}

impl File {
    fn is_test(&self) -> bool {
        let in_folder =
            ["/tests/", "/benches/", "/fuzz/"].iter().any(|part| self.name.contains(part));
        in_folder || self.name.ends_with("/tests.rs") || self.name.ends_with("/testing.rs")
    }

    /// The lines before the tests that stand at a file's end.
    fn source_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().take_while(|line| *line != "#[cfg(test)]");
        lines.enumerate().map(|(at, line)| (at + 1, line))
    }

    /// Lines with a word in them, as `file:line: word`.
    fn lines_with(&self, words: &[String], keep: impl Fn(&str) -> bool) -> Vec<String> {
        let found = self.source_lines().filter(|(_, line)| keep(line)).flat_map(|(at, line)| {
            let hits = words.iter().filter(move |word| line.contains(word.as_str()));
            hits.map(move |word| format!("{}:{at}: {word}", self.name))
        });
        found.collect()
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every file of text below the root, but for what tools make.
fn files() -> Vec<File> {
    let root = root();
    let (mut files, mut folders) = (Vec::new(), vec![root.clone()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy();
            if path.is_dir() && !MADE.contains(&&*name) {
                folders.push(path);
            } else if path.is_file()
                && let Ok(text) = std::fs::read_to_string(&path)
            {
                let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
                files.push(File { name, text });
            }
        }
    }
    assert!(files.len() > 100, "the repository was not found");
    files.sort_by(|a, b| a.name.cmp(&b.name));
    files
}

fn rust_files() -> Vec<File> {
    files().into_iter().filter(|file| file.name.ends_with(".rs")).collect()
}

/// Words put together here, so that this file does not hold them.
fn words(halves: &[(&str, &str)]) -> Vec<String> {
    halves.iter().map(|(first, second)| format!("{first}{second}")).collect()
}

#[track_caller]
fn assert_none(offenders: &[String], rule: &str) {
    assert!(offenders.is_empty(), "{rule}:\n  {}", offenders.join("\n  "));
}

#[test]
fn files_are_rooms_and_no_halls() {
    let mut offenders = Vec::new();
    for file in rust_files() {
        let (lines, lines_max) = if file.is_test() {
            (file.text.lines().count(), TEST_LINES_MAX)
        } else {
            (file.source_lines().count(), SOURCE_LINES_MAX)
        };
        if lines > lines_max {
            offenders.push(format!("{}: {lines} lines, at most {lines_max}", file.name));
        }
    }
    assert_none(&offenders, "a longer file is two rooms");
}

#[test]
fn files_say_what_they_are_for() {
    let mut offenders = Vec::new();
    for file in rust_files() {
        let opening = file.text.lines().take_while(|line| line.starts_with("//!")).count();
        // A map of a crate, and rules shown not to compile, may be longer.
        let is_long = opening > OPENING_LINES_MAX
            && !file.name.ends_with("src/lib.rs")
            && !file.text.contains("//! ```compile_fail");
        if opening == 0 || is_long {
            offenders.push(format!("{}: {opening} lines of `//!`", file.name));
        }
    }
    assert_none(&offenders, "each file opens with 1 to 6 lines of `//!`");
}

#[test]
fn modules_stand_beside_their_folders() {
    let offenders: Vec<String> = rust_files()
        .into_iter()
        .map(|file| file.name)
        .filter(|name| name.ends_with("/mod.rs"))
        .collect();
    assert_none(&offenders, "`foo.rs` beside `foo/`, no `mod.rs`");
}

#[test]
fn pure_code_has_no_clock_files_sockets_logs_or_tasks() {
    let impure = words(&[
        ("std::f", "s"),
        ("File::", "open"),
        ("std::net::T", "cp"),
        ("std::net::U", "dp"),
        ("std::pro", "cess"),
        ("std::thr", "ead"),
        ("std::e", "nv"),
        ("tok", "io"),
        ("System", "Time"),
        ("time::Ins", "tant"),
        ("Timestamp::", "now"),
        ("trac", "ing"),
        ("print", "ln!"),
        ("async ", "fn"),
    ]);
    let folders = ["certs/spiffe/src/", "policy/src/", "policy/dlp/src/"];
    let rooms = [
        "proxy/src/audit/chain.rs",
        "proxy/src/audit/record.rs",
        "proxy/src/audit/record/counts.rs",
        "proxy/src/content/names.rs",
        "proxy/src/content/under_way.rs",
        "proxy/src/dns/message.rs",
        "proxy/src/http/headers.rs",
        "proxy/src/http/framing.rs",
        "proxy/src/http/percent.rs",
        "proxy/src/http/s3.rs",
        "proxy/src/http/target.rs",
        "proxy/src/net/rules.rs",
        "proxy/src/websocket/pings.rs",
    ];
    let is_pure = |file: &File| {
        !file.is_test()
            && (rooms.contains(&file.name.as_str())
                || folders.iter().any(|folder| file.name.starts_with(folder)))
    };
    let pure: Vec<File> = rust_files().into_iter().filter(is_pure).collect();
    for room in rooms {
        assert!(pure.iter().any(|file| file.name == room), "{room} is gone");
    }
    let is_code = |line: &str| !line.trim_start().starts_with("//");
    let offenders: Vec<String> =
        pure.iter().flat_map(|file| file.lines_with(&impure, is_code)).collect();
    assert_none(&offenders, "pure code takes values and gives values");
}

#[test]
fn crates_depend_in_one_direction() {
    let ours: BTreeSet<&str> = ["certs", "dlp", "lazaret", "loadtest", "policy", "spiffe"].into();
    let mut offenders = Vec::new();
    for (folder, may) in [
        ("certs", &["spiffe"][..]),
        ("certs/spiffe", &[]),
        ("loadtest", &[]),
        ("policy", &["dlp", "spiffe"]),
        ("policy/dlp", &[]),
        ("proxy", &["certs", "dlp", "policy", "spiffe"]),
    ] {
        let text = std::fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
        let manifest: toml::Table = text.parse().unwrap();
        for part in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let named = manifest.get(part).and_then(toml::Value::as_table);
            let wrong = named
                .into_iter()
                .flat_map(toml::Table::keys)
                .filter(|name| ours.contains(name.as_str()) && !may.contains(&name.as_str()));
            offenders.extend(wrong.map(|name| format!("{folder} {part}: {name}")));
        }
    }
    assert_none(&offenders, "proxy -> policy -> dlp and certs -> spiffe, no other way");
}

/// Whether one of the words stands in a line as a mark does, alone or before a colon. Crosses that
/// stand for hidden digits or letters, such as a masked number's, are a text's own.
fn is_marked(line: &str, words: &[String]) -> bool {
    let mut parts = line.split(|c: char| c.is_whitespace() || matches!(c, ':' | '(' | '/' | '#'));
    parts.any(|part| words.iter().any(|word| word == part))
}

#[test]
fn a_mark_is_no_masked_number() {
    let crosses = words(&[("XX", "X")]);
    for marked in ["// @", "# @: later", "//@ later", "let a = 1; // @(me) why"] {
        assert!(is_marked(&marked.replace('@', &crosses[0]), &crosses), "{marked}");
    }
    for masked in ["SSN: @-XX-6183", "'@-XX-@X'", "NM1*IL*1*@*@X", "@X@X@"] {
        assert!(!is_marked(&masked.replace('@', &crosses[0]), &crosses), "{masked}");
    }
}

#[test]
fn nothing_is_left_over() {
    let macros = words(&[("to", "do!"), ("unimple", "mented!"), ("db", "g!("), ("#[ig", "nore")]);
    let marks = words(&[("FIX", "ME"), ("HA", "CK:"), ("TO", "DO")]);
    let crosses = words(&[("XX", "X")]);
    // What is shown not to compile may say so with anything.
    let is_code = |line: &str| !line.trim_start().starts_with("//");
    let offenders: Vec<String> = files()
        .iter()
        .filter(|file| !file.name.ends_with("Cargo.lock"))
        .flat_map(|file| {
            let whole =
                File { name: file.name.clone(), text: file.text.replace("#[cfg(test)]", "") };
            let mut found = whole.lines_with(&marks, |_| true);
            found.extend(whole.lines_with(&crosses, |line| is_marked(line, &crosses)));
            if file.name.ends_with(".rs") {
                found.extend(whole.lines_with(&macros, is_code));
            }
            found
        })
        .collect();
    assert_none(&offenders, "finish it, or leave it out");
}

#[test]
fn no_file_knows_the_machine_it_was_written_on() {
    let paths = words(&[("/wo", "rk/"), ("/tmp/", "lz"), ("/ro", "ot/")]);
    let offenders: Vec<String> = files()
        .iter()
        .map(|file| File { name: file.name.clone(), text: file.text.replace("#[cfg(test)]", "") })
        .flat_map(|file| file.lines_with(&paths, |_| true))
        .collect();
    assert_none(&offenders, "paths are relative, or a user's to choose");
}

#[test]
fn only_the_gate_is_unsafe() {
    let unsafe_words = words(&[
        ("uns", "afe {"),
        ("uns", "afe fn"),
        ("uns", "afe impl"),
        ("uns", "afe extern"),
        ("allow(uns", "afe_code"),
        ("expect(\n    uns", "afe_code"),
        ("expect(uns", "afe_code"),
    ]);
    let offenders: Vec<String> = rust_files()
        .iter()
        .filter(|file| !file.name.starts_with("policy/dlp/src/gate"))
        .map(|file| File { name: file.name.clone(), text: file.text.replace("#[cfg(test)]", "") })
        .flat_map(|file| {
            file.lines_with(&unsafe_words, |line| !line.trim_start().starts_with("//"))
        })
        .collect();
    assert_none(&offenders, "`policy/dlp/src/gate.rs` is the one module that may");
}

#[test]
fn the_top_level_holds_what_the_design_says() {
    let found: BTreeSet<String> = std::fs::read_dir(root())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| !name.starts_with('.') && name != "target")
        .collect();
    let expected: BTreeSet<String> = TOP_LEVEL.map(str::to_owned).into();
    assert_eq!(found, expected);
}

/// The lock file names what some feature could bring; the tree is what is built.
#[test]
fn one_crypto_library_is_built() {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["tree", "--offline", "--locked", "--workspace", "--prefix", "none"]);
    cargo.args(["--edges", "normal,build,dev", "--format", "{p}"]).current_dir(root());
    let output = cargo.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let built: BTreeSet<&str> = text.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(built.contains("aws-lc-rs") && built.contains("lazaret"), "{built:?}");
    let banned = ["native-tls", "openssl", "openssl-sys", "ring"];
    let found: Vec<String> = banned
        .iter()
        .filter(|name| built.contains(**name))
        .map(|name| (*name).to_owned())
        .collect();
    assert_none(&found, "aws-lc-rs is the one crypto library");
}
