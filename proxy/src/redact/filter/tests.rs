//! The filter, however its input comes: what is found is masked, and nothing else changes.

use dlp::{Confidence, Key};
use proptest::prelude::*;

use super::*;

fn filter(style: Style) -> Filter {
    Filter::new(Catalog::builtin(), style, Box::new(|f| f.confidence >= Confidence::Medium))
}

fn key() -> Style {
    Style::Token(Key::new(&[b'k'; 32]).unwrap())
}

/// What comes out of text that comes in pieces, with a pause after each of them or none.
fn filtered(style: Style, text: &[u8], size: usize, pauses: bool) -> Vec<u8> {
    let mut filter = filter(style);
    let mut out = Vec::new();
    for piece in text.chunks(size) {
        filter.push(piece, &mut out);
        if pauses {
            filter.pause(&mut out);
            let waiting = filter.pending.iter().filter(|byte| **byte == b'\n').count();
            assert_eq!(waiting, 0, "a finished line is held back");
        }
    }
    filter.finish(&mut out);
    out
}

fn found(text: &[u8]) -> Vec<Finding> {
    let mut scanner = Scanner::of_text(Catalog::builtin(), Limits::default());
    scanner.feed(text);
    scanner.finish();
    let mut found = scanner.take_findings();
    found.retain(|finding| finding.confidence >= Confidence::Medium);
    found
}

#[test]
fn lines_pass_masked_in_one_piece_and_in_many() {
    let text = b"step 1 loss 0.25\npatient SSN 219-45-6183 seen\n{\"mrn\": 4481723}\nlast";
    let expected = b"step 1 loss 0.25\npatient SSN ***-**-**** seen\n{\"mrn\": 0      }\nlast";
    for size in [1, 3, 7, 1000] {
        for pauses in [false, true] {
            let out = filtered(Style::Mask, text, size, pauses);
            assert_eq!(String::from_utf8_lossy(&out), String::from_utf8_lossy(expected));
        }
    }
}

#[test]
fn a_label_on_the_line_before_counts_after_a_pause_too() {
    let mut filter = filter(Style::Mask);
    let mut out = Vec::new();
    for line in ["Social security number:\n", "219456183\n"] {
        filter.push(line.as_bytes(), &mut out);
        filter.pause(&mut out);
    }
    assert_eq!(String::from_utf8(out).unwrap(), "Social security number:\n*********\n");
}

#[test]
fn a_line_without_end_goes_out_in_pieces_and_never_piles_up() {
    let text = b"loss 0.25 SSN 219-45-6183 and so on; ".repeat(20_000);
    let mut filter = filter(Style::Mask);
    let mut out = Vec::new();
    for piece in text.chunks(1000) {
        filter.push(piece, &mut out);
        filter.pause(&mut out);
        assert!(filter.pending.len() <= LINE_MAX + PIECE, "{} bytes wait", filter.pending.len());
    }
    filter.finish(&mut out);
    assert_eq!(out.len(), text.len());
    assert_eq!(found(&out), []);
    assert_eq!(out, b"loss 0.25 SSN ***-**-**** and so on; ".repeat(20_000));
}

#[test]
fn bytes_that_are_no_text_pass_as_they_are() {
    let noise: Vec<u8> =
        (0..300_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()[0]).collect();
    let mut filter = filter(Style::Mask);
    let mut out = Vec::new();
    filter.push(&noise, &mut out);
    filter.finish(&mut out);
    assert_eq!(out.len(), noise.len());
    assert!(filter.evidence().coverage.unidentified > 200_000);
}

#[test]
fn an_endless_stream_keeps_no_findings() {
    let mut filter = filter(Style::Mask);
    let mut out = Vec::new();
    for _ in 0..400 {
        filter.push(&b"SSN 219-45-6183\n".repeat(100), &mut out);
        out.clear();
    }
    assert_eq!(filter.evidence().dropped_findings, 0);
    assert!(filter.findings.len() < 10_000, "{}", filter.findings.len());
    assert!(filter.evidence().tally.total() > 39_000);
}

#[test]
fn json_csv_and_hl7_stay_what_they_are() {
    let json = "{\"ssn\": 219456183, \"note\": \"SSN 219-45-6183\\nMRN: 4481723\", \"x\": 1}\n";
    let csv = "mrn,ssn,visits\n4481723,219-45-6183,3\n\"4481724\",\"536-22-8147\",4\n";
    let hl7 =
        "PID|1||4481723^^^STL^MR||ROE^JANE||19560423|F|||||(212) 736-5000|||||||219-45-6183\r";
    for style in [Style::Mask, key()] {
        let out = filtered(style.clone(), json.as_bytes(), 1000, false);
        let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(value["x"], 1);
        for text in [csv, hl7] {
            let out =
                String::from_utf8(filtered(style.clone(), text.as_bytes(), 1000, false)).unwrap();
            assert_eq!(out.len(), text.len());
            assert!(!out.contains("219-45-6183"), "{out}");
            for mark in [',', '"', '|', '^', '\n', '\r'] {
                assert_eq!(out.matches(mark).count(), text.matches(mark).count(), "{mark:?} {out}");
            }
        }
    }
}

#[test]
fn tokens_join_the_same_value_and_no_other() {
    let text = "SSN 219-45-6183\nSSN 536-22-8147\nagain SSN 219-45-6183\n";
    let out = String::from_utf8(filtered(key(), text.as_bytes(), 1000, false)).unwrap();
    let tokens: Vec<&str> = out.lines().map(|line| line.rsplit(' ').next().unwrap()).collect();
    assert_eq!(tokens[0], tokens[2]);
    assert_ne!(tokens[0], tokens[1]);
    assert!(tokens.iter().all(|token| token.len() == 11 && token.starts_with('*')), "{out}");
}

/// So many cases; a failure is told by its input, not kept in a file.
fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => prop::sample::select(vec![
            "SSN 219-45-6183", "ssn: 219456183", "MRN 448-17-23", "{\"mrn\": 4481723}", "DOB 04/23/1956",
            "(212) 736-5000", "jane.roe@stlukes-clinic.org", "card 4539 1488 0343 6467", "NPI 1679576722",
            "4481723,219-45-6183,x", "mrn,ssn,name", "219456183",
        ]).prop_map(str::to_owned),
        4 => prop::sample::select(vec![" ", ", ", "\n", ": ", "-", "/", "*", "1", "\"", "\r\n", "and then the "])
            .prop_map(str::to_owned),
        1 => "[ -~]{0,12}",
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(config(500))]

    #[test]
    fn what_is_found_is_masked_and_nothing_else_changes(
        text in text(),
        tokens in any::<bool>(),
        size in 1usize..300,
    ) {
        let style = if tokens { key() } else { Style::Mask };
        let out = filtered(style, text.as_bytes(), size, false);
        prop_assert_eq!(out.len(), text.len());
        let left = found(&out);
        // Letters of a token are context for its neighbours, as any letters are; no token is found.
        let is_changed = |f: &Finding| (f.span.start..f.span.end).any(|at| {
            let at = usize::try_from(at).unwrap();
            out[at] != text.as_bytes()[at]
        });
        let is_left = |f: &Finding| !tokens || is_changed(f);
        prop_assert!(!left.iter().any(is_left), "{} -> {}", text, String::from_utf8_lossy(&out));
        let spans: Vec<_> = found(text.as_bytes()).iter().map(|f| f.span).collect();
        for (at, (before, after)) in text.bytes().zip(&out).enumerate() {
            let is_in = spans.iter().any(|span| (span.start..span.end).contains(&(at as u64)));
            prop_assert!(is_in || before == *after, "byte {} of {:?}", at, text);
        }
    }

    #[test]
    fn pauses_hold_no_line_back_and_keep_every_length(text in text(), size in 1usize..60) {
        let out = filtered(Style::Mask, text.as_bytes(), size, true);
        prop_assert_eq!(out.len(), text.len());
        for (before, after) in text.bytes().zip(&out) {
            prop_assert!(before == *after || matches!(after, b'*' | b'0' | b' '));
        }
    }
}
