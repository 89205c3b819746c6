//! Rosters and keys that a policy names: handed in by whoever compiles, or nothing passes.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails there")]

use std::sync::Arc;

use dlp::exact::{Column, ColumnKind, ExactBuilder, ExactSet};
use dlp::redact::Style;
use dlp::{Hint, Key, Limits};
use jiff::Timestamp;
use policy::{Compiled, Materials, Place, Policy, Source, review};

const TEXT: &str = "quillfeather, xiomara walked 4481723 steps";

struct Shelf;

impl Materials for Shelf {
    fn roster(&self, file: &str, key_file: &str) -> Result<Arc<ExactSet>, String> {
        match (file, key_file) {
            ("roster.edm", "keys/roster.key") => Ok(roster()),
            (_, _) => Err("no such file".to_owned()),
        }
    }

    fn key(&self, file: &str) -> Result<Key, String> {
        if file == "/keys/token.key" { Ok(key()) } else { Err("no such file".to_owned()) }
    }
}

fn key() -> Key {
    Key::new(&[b'k'; 32]).unwrap()
}

fn roster() -> Arc<ExactSet> {
    let column = |name: &str, kind| Column { name: name.to_owned(), kind };
    let columns = vec![column("name", ColumnKind::Name), column("study", ColumnKind::Other)];
    let mut builder = ExactBuilder::new(columns, &key()).unwrap();
    assert!(builder.add(["Xiomara Quillfeather", "4481723"]));
    Arc::new(ExactSet::open(builder.finish().0, &key()).unwrap())
}

const EXACT: &str = "exact: [{file: roster.edm, keyFile: keys/roster.key}]";
const TOKEN: &str = "redaction: {style: token, keyFile: /keys/token.key}";

/// A profile `p` with `fields` in its fourth line, from the fifth column on.
fn sources(fields: &str) -> [Source; 1] {
    let text = format!(
        "apiVersion: lazaret/v1\nkind: Policy\ncontent: [{{name: p,\n    {fields}}}]\n\
         endpoints:\n  - {{name: e, hosts: [e.example.org], addresses: [192.0.2.0/24], ports: [443], \
         tls: {{mode: server}}}}\negress:\n  - {{name: out, to: [e], content: p}}\n"
    );
    [Source { name: "p.yaml".to_owned(), text }]
}

fn compiled(fields: &str) -> Compiled {
    Policy::compile_with(&sources(fields), &Shelf).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

fn stops(compiled: &Compiled, text: &str, place: Place) -> bool {
    let profile = compiled.profiles.first().unwrap();
    let mut scanner = profile.scanner(&Hint::default(), Limits::default());
    scanner.feed(text.as_bytes());
    scanner.finish();
    profile.judge(place, scanner.evidence()).stops()
}

#[test]
fn patients_of_a_roster_are_found() {
    for place in [Place::Body, Place::Head] {
        assert!(stops(&compiled(EXACT), TEXT, place));
        assert!(!stops(&compiled(EXACT), "it walked 4481723 steps", place));
        assert!(!stops(&compiled("inspect: hold"), TEXT, place), "only the roster knows her");
    }
    let beside =
        format!("{EXACT}, detectors: [{{name: s, pattern: 'ST-[0-9]{{4}}', identifier: mrn}}]");
    assert!(stops(&compiled(&beside), TEXT, Place::Body));
    assert!(stops(&compiled(&beside), "see ST-4711 there", Place::Body));
}

#[test]
fn the_style_is_the_profiles() {
    let style = |fields: &str| compiled(fields).profiles.first().unwrap().style().clone();
    assert!(matches!(style(TOKEN), Style::Token(_)));
    assert!(matches!(style("redaction: {style: mask}"), Style::Mask));
    assert!(matches!(style("inspect: hold"), Style::Mask));
}

#[test]
fn without_its_files_a_profile_lets_nothing_through() {
    for fields in [EXACT, TOKEN] {
        let bare = Policy::compile(&sources(fields)).unwrap();
        for place in [Place::Body, Place::Head] {
            assert!(stops(&bare, "the loss went down", place), "{fields}");
            assert!(!stops(&compiled(fields), "the loss went down", place), "{fields}");
        }
    }
    assert!(!stops(&Policy::compile(&sources("inspect: hold")).unwrap(), "fine", Place::Body));
}

#[test]
fn a_check_names_the_files() {
    let both = format!("{EXACT}, {TOKEN}");
    let files = ["/keys/token.key", "keys/roster.key", "roster.edm"];
    assert_eq!(compiled(&both).files, files);
    let report = review::check(&sources(&both), Timestamp::UNIX_EPOCH);
    let line = "files: /keys/token.key, keys/roster.key, roster.edm (read and checked at load)";
    assert!(report.text.lines().any(|l| l == line), "{}", report.text);
    let report = review::check(&sources("inspect: hold"), Timestamp::UNIX_EPOCH);
    assert!(!report.text.contains("files:"), "{}", report.text);
}

#[test]
fn what_is_wrong_with_them_is_told_where_it_stands() {
    let many = format!("exact: [{}]", vec!["{file: a, keyFile: b}"; 17].join(", "));
    let cases = [
        ("exact: []", "4:12: `exact` is empty"),
        ("exact: [{file: roster.edm}]", "4:14: `keyFile` is missing"),
        ("exact: [{file: roster.edm, keyFile: k, key: k}]", "4:"),
        ("exact: [{file: '', keyFile: k}]", "4:20: `file` is no path"),
        ("exact: [{file: a/, keyFile: k}]", "4:20: `file` is no path"),
        ("exact: [{file: a, keyFile: \"k\\n\"}]", "4:32: `keyFile` is no path"),
        ("exact: [{file: a, keyFile: a}]", "4:32: a roster is not its own key"),
        (
            "exact: [{file: ward.edm, keyFile: k}]",
            "4:20: the roster `ward.edm` cannot be loaded: no such file",
        ),
        (
            "exact: [{file: roster.edm, keyFile: keys/roster.key}, {file: roster.edm, keyFile: k}]",
            "4:66: the roster `roster.edm` stands in `exact` twice",
        ),
        (&many, "4:12: 17 rosters are too many"),
        ("redaction: {style: tokens, keyFile: k}", "4:24: `tokens` is no style of redaction"),
        ("redaction: {style: token}", "4:24: `style: token` needs a key"),
        ("redaction: {style: mask, keyFile: k}", "4:39: `keyFile` is the key of tokens"),
        (
            "redaction: {style: token, keyFile: k}",
            "4:40: the key `k` cannot be loaded: no such file",
        ),
        ("redaction: {style: token, keyFile: ' k'}", "4:40: `keyFile` is no path"),
    ];
    for (fields, wanted) in cases {
        let errors = Policy::compile_with(&sources(fields), &Shelf).map(|_| ()).unwrap_err();
        let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
        let wanted = format!("p.yaml:{wanted}");
        assert!(texts.iter().any(|text| text.starts_with(&wanted)), "{fields}: {texts:#?}");
        assert!(errors.iter().all(|error| !error.fix.is_empty()), "{fields}");
    }
}
