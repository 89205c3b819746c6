//! Redaction: the same length, nothing left to find, and names that may be written into a record.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "tests"
)]

use dlp::redact::{Style, is_maskable, mask, printable, redact};
use dlp::{Catalog, Confidence, Evidence, Finding, Hint, Key, Limits, Scanner, scan};
use proptest::prelude::*;

/// The evidence of a body, which is read as it is written.
fn body(text: &[u8]) -> Evidence {
    let mut scanner = Scanner::new(Catalog::builtin(), &Hint::default(), Limits::default());
    scanner.feed(text);
    scanner.finish();
    scanner.evidence().clone()
}

fn masked(text: &[u8]) -> Vec<u8> {
    let evidence = body(text);
    let mut bytes = text.to_vec();
    mask(&evidence.findings, 0, &mut bytes, |_| true);
    bytes
}

fn masked_text(text: &str) -> String {
    String::from_utf8(masked(text.as_bytes())).unwrap()
}

#[test]
fn separators_and_length_stay() {
    assert_eq!(
        masked_text("SSN 219-45-6183, tel (212) 736-5000"),
        "SSN ***-**-****, tel (***) ***-****"
    );
    assert_eq!(masked_text("a jane.roe@stlukes.org b"), "a ****.***@*******.*** b");
    assert_eq!(masked_text("DOB: April 23, 1956"), "DOB: ***** **, ****");
}

#[test]
fn json_stays_json() {
    let text = r#"{"ssn": 219456183, "mrn":4481723,"name":"x","phones":["(212) 736-5000"]}"#;
    let masked = masked_text(text);
    assert_eq!(
        masked,
        r#"{"ssn": 0        , "mrn":0      ,"name":"x","phones":["(***) ***-****"]}"#
    );
    let value: serde_json::Value = serde_json::from_str(&masked).unwrap();
    assert_eq!(value["ssn"], 0);
}

/// The text with tokens for what is surely found.
fn tokens_of(text: &str) -> String {
    let style = Style::Token(Key::new(&[b'k'; 32]).unwrap());
    let mut bytes = text.as_bytes().to_vec();
    redact(&style, &surely(text.as_bytes()), 0, &mut bytes, |_| true);
    String::from_utf8(bytes).unwrap()
}

fn is_changed(before: &str, after: &str, at: u64) -> bool {
    before.as_bytes()[at as usize] != after.as_bytes()[at as usize]
}

fn surely(text: &[u8]) -> Vec<Finding> {
    let found = body(text).findings.into_iter();
    found.filter(|finding| finding.confidence >= Confidence::Medium).collect()
}

#[test]
fn a_masked_header_names_no_more_columns() {
    for text in [
        "DOB 04/23/1956, mrn,ssn,name\n4481723,219-45-6183,x, ",
        ",SSN 219-45-6183,\n,219456183,",
        "ssn 219456183 mrn,n,\n723,,",
        "MRN 56183 mrn,n,\n31,,",
        "mrn,n,e jane@stlukes.org\nMRN 448-17-23 3,,",
        "id,name\n1,SSN 219-45-6183",
        "ssn,name\n,DOB 4/3/1956",
    ] {
        let masked = masked_text(text);
        assert_eq!(surely(masked.as_bytes()), [], "{masked}");
        // Letters of a token are context for its neighbours; it is no value itself.
        let tokens = tokens_of(text);
        let mut found = surely(tokens.as_bytes());
        found.retain(|f| (f.span.start..f.span.end).any(|at| is_changed(text, &tokens, at)));
        assert_eq!(found, [], "{tokens}");
    }
}

#[test]
fn columns_stay_named_beside_stars() {
    for header in ["SSN*,Name*", "SSN ***,visits", "patient ssn *,x"] {
        let text = format!("{header}\n219456183,3\n");
        let found = surely(text.as_bytes());
        assert!(found.iter().any(|f| f.locus.is_some()), "{header}: {found:?}");
    }
}

#[test]
fn the_place_of_a_finding_tells_no_number() {
    let text = b"MRN 448-17-23,address 2,ssn\n4481999,12 Oak Lane,219456183\n";
    let places: Vec<_> = surely(text).iter().filter_map(|f| f.locus.clone()).collect();
    assert!(places.iter().any(|place| &**place == "column MRN ***-**-**"), "{places:?}");
    assert!(places.iter().any(|place| &**place == "column address 2"), "{places:?}");
}

#[test]
fn numbers_of_broken_json_hide_and_reveal_nothing_beside_them() {
    for (text, expected) in [
        ("{\"mrn\":183DOB 4/3/1956", "{\"mrn\":000DOB 4/3/1956"),
        ("{\"mrn\":183roe@stlukes.org", "{\"mrn\":******@*******.***"),
        ("{\"mrn\":183MRN 81723", "{\"mrn\":000MRN 81723"),
        ("{\"ssn\":219-45-6183,\"x\":1}", "{\"ssn\":000-00-0000,\"x\":1}"),
        ("{\"mrn\":4481723\n}", "{\"mrn\":0      \n}"),
        ("{\"mrn\": -4481.5e3}", "{\"mrn\": 0        }"),
    ] {
        let mut bytes = text.as_bytes().to_vec();
        mask(&surely(text.as_bytes()), 0, &mut bytes, |_| true);
        assert_eq!(String::from_utf8_lossy(&bytes), expected);
        assert_eq!(surely(&bytes), [], "{expected}");
    }
}

#[test]
fn only_what_is_wanted_is_masked() {
    let text = b"SSN 219-45-6183 jane@stlukes.org";
    let evidence = scan(&Catalog::builtin(), text);
    let mut bytes = text.to_vec();
    mask(&evidence.findings, 0, &mut bytes, |f| f.identifier.name() == "email");
    assert_eq!(bytes, b"SSN 219-45-6183 ****@*******.***");
}

#[test]
fn a_masked_body_in_pieces_is_the_masked_body() {
    let text = b"x SSN 219-45-6183 and {\"mrn\": 4481723} y".repeat(3);
    let evidence = scan(&Catalog::builtin(), &text);
    let whole = masked(&text);
    for size in 1..20 {
        let mut bytes = text.clone();
        let mut offset = 0;
        for piece in bytes.chunks_mut(size) {
            mask(&evidence.findings, offset, piece, |_| true);
            offset += piece.len() as u64;
        }
        assert_eq!(bytes, whole);
    }
}

#[test]
fn what_stands_in_a_container_is_not_maskable() {
    let evidence = scan(&Catalog::builtin(), b"/q?ssn=219%252D45%252D6183");
    assert_eq!(evidence.findings.len(), 1);
    assert!(!is_maskable(&evidence.findings[0]));
    assert!(is_maskable(&scan(&Catalog::builtin(), b"SSN 219-45-6183").findings[0]));
}

#[test]
fn a_url_is_found_out_however_it_is_written() {
    for url in [
        "/patients/219-45-6183",
        "/q?ssn=219456183&x=1",
        "/q?text=SSN+219-45-6183",
        "/q?text=SSN%20219%2D45%2D6183",
        "/q?text=SSN%2520219%252D45%252D6183",
    ] {
        let evidence = scan(&Catalog::builtin(), url.as_bytes());
        assert_eq!(evidence.tally.total(), 1, "{url}");
        let shown = printable(&Catalog::builtin(), url);
        assert!(!shown.contains("219") && !shown.contains("6183"), "{shown}");
    }
}

#[test]
fn printable_text_is_harmless_and_short() {
    let catalog = Catalog::builtin();
    assert_eq!(printable(&catalog, "/v2/models/x?step=3"), "/v2/models/x?step=3");
    let machine = "https://registry.example.com:443/v2 at 10.20.3.4";
    assert_eq!(printable(&catalog, machine), machine);
    assert_eq!(printable(&catalog, "a\u{1b}[31m\nb\u{202e}c"), "a\\u{1b}[31m\\u{a}b\\u{202e}c");
    assert!(printable(&catalog, &"é".repeat(5000)).len() <= dlp::redact::PRINTABLE_MAX);
    assert!(printable(&catalog, &"\n".repeat(5000)).len() <= dlp::redact::PRINTABLE_MAX);
    let late = format!("{}219-45-6183", "x".repeat(1010) + " ");
    assert!(!printable(&catalog, &late).contains("219"), "a value at the cut");
}

/// So many cases; a failure is told by its input, not kept in a file.
fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config(2000))]

    #[test]
    fn what_was_masked_is_not_found_again(pieces in prop::collection::vec(prop_oneof![
        6 => prop::sample::select(vec![
            "SSN 219-45-6183", "ssn: 219456183", "MRN 448-17-23", "\"mrn\": 4481723}", "{", "DOB 04/23/1956",
            "born 23rd April 1956", "(212) 736-5000", "212.736.5000", "fax 2127365000", "Phone: 0494 92 82 32",
            "jane.roe@stlukes-clinic.org", "card 4539 1488 0343 6467", "4539148803436467", "7K49QH2MD15",
            "NPI 1679576722", "+44 20 7946 0958", "Member ID: XYZ123456789", "acct # 8762322547", "IBAN GB82 WEST 1234 5698 7654 32",
            "routing 011000015", "DL# S123-4567-8901", "plate 7XY 6824", "VIN 1HGCM82633A004352", "SSN: XXX-XX-6183",
            "mac 00:1b:44:11:3a:b7", "(01)00643169001763(21)SN1", "study id ST-0448", "DEA BB1388568", "7k49qh2md15",
            "1.2.840.113619.2.55.3.604688119.971", "MRN 448 172 390", "serial SN448172", "accession # A448172", "219 45 6183", "admitted Apr 23",
            "Patient: John Smith", "Mr. Jones", "Mary Ann Miller", "Smith, John", "Dear Susan", "name=",
            "12 Oak Street Apt 4", "Springfield, IL 62704", "PO Box 77", "zip 62704", "City: Boston", "92 y/o", "aged 95", "95F with",
            "https://mychart.example.org/p/27474341", "http://example.com/x", "client 81.2.69.142", "2a02:26f0:10::5f64",
            "seen 04/23/2024", "the patient ", "visit Apr 5", "voiceprint: QUJDREVGR0hJSktMTU5PUFE0", "fax", " x123", "Dr. ", ", MD", "ssn", "npi", "tel",
        ]).prop_map(str::to_owned),
        3 => prop::sample::select(vec![" ", ", ", "\n", ": ", "-", "/", "*", "1", "44", "", "and then the ", "=", "\""])
            .prop_map(str::to_owned),
        1 => "[ -~]{0,12}",
    ], 0..16)) {
        let text = pieces.concat();
        let masked = masked_text(&text);
        prop_assert_eq!(masked.len(), text.len());
        // Nothing that a mask hides is found again. A value beside it, which letters or digits that
        // stood there had kept from being one, may be judged anew.
        let found = body(text.as_bytes()).findings;
        let mut left = body(masked.as_bytes()).findings;
        left.retain(|f| found.iter().any(|m| m.span.start < f.span.end && f.span.start < m.span.end));
        prop_assert_eq!(left, vec![], "{} -> {}", text, masked);
    }

    #[test]
    fn printable_never_panics_and_never_tells(text in "\\PC{0,60}(219-45-6183)?\\PC{0,60}") {
        let shown = printable(&Catalog::builtin(), &text);
        prop_assert!(shown.chars().all(|c| !c.is_control()));
        prop_assert_eq!(scan(&Catalog::builtin(), shown.as_bytes()).findings, vec![]);
    }
}
