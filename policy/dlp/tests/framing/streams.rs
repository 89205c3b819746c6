//! What the messages of a stream say together.

use super::{GRPC, encode, members, message, scan, scan_by, text_message};
use dlp::{Catalog, Confidence, Evidence, Hint, Limits, Scanner, Stream};

#[test]
fn a_value_that_is_split_across_grpc_messages_is_found() {
    for split in [
        &[&["the ssn is 219-45"][..], &["-6183 and no more"]][..],
        &[&["the ssn is 2"], &["1"], &["9-4"], &["5-61"], &["83"]],
        // Beside others, and around a message without text.
        &[&["site a", "the ssn is 219-45"], &[], &["site a", "-6183"]],
        // From the last text of a message to the first of the next.
        &[&["site a", "the ssn is 219-45"], &["-6183", "site a"]],
    ] {
        let body: Vec<u8> = split.iter().flat_map(|texts| text_message(texts)).collect();
        for size in [1, 7, body.len()] {
            let evidence = scan_by(&body, &GRPC, size);
            assert_eq!(evidence.findings.len(), 1, "{split:?}: {:?}", evidence.findings);
            assert!(members(&evidence)[0].starts_with("grpc#"));
        }
    }
    for apart in [
        &[&["the ssn is 219-45"][..], &["nothing of it"]][..],
        &[&["2026-11-22"], &["2026-11-23"]],
        &[&["219", "45"], &["6183", "1"]],
    ] {
        let body: Vec<u8> = apart.iter().flat_map(|texts| text_message(texts)).collect();
        let evidence = scan(&body, &GRPC);
        let sure = evidence.findings.iter().filter(|f| f.confidence > dlp::Confidence::Low);
        assert_eq!(sure.count(), 0, "{apart:?}: {:?}", evidence.findings);
    }
}

fn sure(evidence: &Evidence) -> Vec<&str> {
    let sure = evidence.findings.iter().filter(|finding| finding.confidence > Confidence::Low);
    sure.map(|finding| finding.identifier.name()).collect()
}

/// Reads messages of one stream, each by itself; what the last one adds.
fn last_of(messages: &[Vec<u8>]) -> Evidence {
    let mut stream = Stream::default();
    let mut evidence = Evidence::default();
    for message in messages {
        let scanner = Scanner::new(Catalog::builtin(), &Hint::default(), Limits::default());
        let mut scanner = scanner.continuing(stream);
        scanner.feed(message);
        scanner.finish();
        evidence = scanner.evidence().clone();
        stream = scanner.into_stream();
    }
    evidence
}

#[test]
fn what_stands_between_the_halves_hides_nothing() {
    let (first, second) = ("Patient SSN 219-4", "5-6183 admitted");
    let heartbeat = vec!["alive"; 300];
    let steps: Vec<_> = (0..25).map(|step| format!("step {step} of 25")).collect();
    let steps: Vec<_> = steps.iter().map(String::as_str).collect();
    for between in [&["\n"][..], &["ok"], &["a", "b", "1 of 2"], &heartbeat, &steps] {
        let texts: Vec<_> = [&[first], between, &[second]].concat();
        let body: Vec<u8> = texts.iter().flat_map(|text| text_message(&[text])).collect();
        assert_eq!(sure(&scan_by(&body, &GRPC, 4096)), ["ssn"], "grpc, {} between", between.len());
        let texts: Vec<_> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
        assert_eq!(sure(&last_of(&texts)), ["ssn"], "text, {} between", between.len());
    }
}

#[test]
fn the_parts_may_stand_in_any_field() {
    for split in [
        &[&["Patient SSN 219-4", "5-6183 admitted"][..]][..],
        &[&["s1", "Patient SSN 219-4", "zz"], &["5-6183 admitted", "zz"]],
        &[&["Patient SSN 219-4", "zz"], &["ok", "5-6183 admitted", "zz"]],
        &[&["a", "ssn is 2", "b"], &["1", "c"], &["9-", "d"], &["e", "45"], &["-61"], &["83"]],
    ] {
        let body: Vec<u8> = split.iter().flat_map(|texts| text_message(texts)).collect();
        assert_eq!(sure(&scan(&body, &GRPC)), ["ssn"], "{split:?}");
    }
}

#[test]
fn the_parts_may_be_written_differently() {
    let (first, second) = ("Patient SSN 219-4", "5-6183 admitted");
    let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    let json = |text: &str| format!(r#"{{"seq": "7", "text": "{text}"}}"#).into_bytes();
    type Write<'a> = &'a dyn Fn(&str) -> Vec<u8>;
    let forms: [(&str, Write<'_>); 6] = [
        ("plain", &|text| text.as_bytes().to_vec()),
        ("json", &json),
        ("gzip", &|text| encode::gzip(text.as_bytes())),
        ("utf16", &wide),
        ("hex", &|text| hex(text).into_bytes()),
        ("base64", &|text| base64_simd::STANDARD.encode_type(text.as_bytes())),
    ];
    for (one, first_form) in &forms {
        for (other, second_form) in &forms {
            let messages = [first_form(first), b"go on".to_vec(), second_form(second)];
            assert_eq!(sure(&last_of(&messages)), ["ssn"], "{one}, then {other}");
        }
    }
    let compressed = message(1, &encode::gzip(&text_message(&[first])[5..]));
    let body = [compressed, text_message(&["ok"]), text_message(&[second])].concat();
    assert_eq!(sure(&scan(&body, &GRPC)), ["ssn"]);
}

/// A frame of NVIDIA FLARE with a piece of a large object.
fn piece(bytes: &[u8]) -> Vec<u8> {
    let headers = b"\x82\xabcn__channel\xaasm__STREAM\xa9cn__topic\xa8sm__DATA";
    let length = u32::try_from(16 + headers.len() + bytes.len()).unwrap().to_be_bytes();
    let prefix = [0, headers.len() as u8, 1, 0, 0, 0, 0, 1, 0, 20, 0, 5];
    [&length[..], &prefix, headers, bytes].concat()
}

#[test]
fn the_border_of_two_pieces_hides_nothing() {
    let floats: Vec<u8> = (0..4000u32).flat_map(|n| (n as f32 / 7.3).sin().to_le_bytes()).collect();
    let object = [
        &b"\x64\x01\x83\xa4note\xd9\x28"[..],
        b"Patient SSN 219-45-6183 admitted twice. \xa1w\xc5\x3e\x80",
        &floats,
    ];
    let object = object.concat();
    for at in [24, 27, 30, 32] {
        let (first, second) = object.split_at(at);
        let messages = [piece(first), piece(second), piece(&floats), piece(&floats)];
        assert_eq!(sure(&last_of(&messages[..2])), ["ssn"], "cut at {at}");
        assert_eq!(sure(&last_of(&messages)), [""; 0], "told once");
    }
}

#[test]
fn a_control_among_the_letters_hides_nothing() {
    for [first, second] in [
        ["\0Patient SSN 219-4", "5-6183 admitted"],
        ["\u{1}Patient SSN 219-4", "5-6183 admitted"],
        ["Patient SSN 219-4", "5-6183 admitted \u{7f}"],
        ["\u{1}MRN: 004829", "13482 x"],
    ] {
        let body: Vec<u8> = [first, second].iter().flat_map(|text| text_message(&[text])).collect();
        assert_eq!(sure(&scan(&body, &GRPC)).len(), 1, "{first:?} {second:?}");
    }
}

#[test]
fn digits_and_dashes_of_other_scripts_hide_nothing() {
    for texts in [
        &["Patient SSN 219\u{2011}4", "ok", "5\u{2011}6183 admitted"][..],
        &["Patient SSN 219-4", "5\u{2212}6183 admitted"],
        &[
            "Patient SSN \u{ff12}\u{ff11}\u{ff19}-\u{ff14}",
            "ok",
            "\u{ff15}-\u{ff16}\u{ff11}\u{ff18}\u{ff13}",
        ],
        &["MRN: 004\u{668}29", "ok", "1\u{663}482"],
        &["the ssn is 2", "1\u{ad}9", "\u{2010}4", "5-6", "183"],
    ] {
        let body: Vec<u8> = texts.iter().flat_map(|text| text_message(&[text])).collect();
        assert_eq!(sure(&scan(&body, &GRPC)).len(), 1, "{texts:?}");
    }
}

#[test]
fn a_blank_at_the_end_of_a_part_hides_nothing() {
    for texts in [
        ["the ssn is 219-4", "ok", "5 ", "-6183 admitted"],
        ["the ssn is 219-4", " 5-", "ok", "6183"],
        ["MRN: 0048", " 29 ", "ok", "13482"],
    ] {
        let body: Vec<u8> = texts.iter().flat_map(|text| text_message(&[text])).collect();
        assert_eq!(sure(&scan(&body, &GRPC)).len(), 1, "{texts:?}");
    }
}

#[test]
fn a_count_is_no_number_under_way() {
    for texts in [
        ["unmasked mrn: 0", "ok", "21273"],
        ["mrn 12", "loss 0.3", "5512 tokens"],
        ["unique mrns: 412", "ok", "5512 tokens"],
        ["ssn count 219", "ok", "456183"],
        ["Apache License 2", "ok", "1273650"],
        ["Patient SSN \u{2011}", "ok", "\u{ff15}\u{2011}6183"],
        ["loss 0\u{ff0e}35", "ok", "\u{ff11}2 of 100"],
        ["connecting as root@", "ok", "node1.cluster.local"],
    ] {
        let body: Vec<u8> = texts.iter().flat_map(|text| text_message(&[text])).collect();
        assert_eq!(sure(&scan(&body, &GRPC)), [""; 0], "{texts:?}");
    }
}

#[test]
fn ordinary_streams_say_nothing_together() {
    let log = |n: u32| format!("2026-11-22T10:00:{:02}Z epoch {n} account 12 loss 0.{n}", n % 60);
    let metrics = |n: u32| {
        format!(
            r#"{{"run_id": "{}", "lr": "0.{n}", "step": "{n}", "sum": "-{}"}}"#,
            n * 7919,
            n * 31
        )
    };
    let ids = |n: u32| format!("{}", 41_111_111 + n * 1_234_567 % 10_000_000);
    let ranges = |n: u32| format!("rows {}-{}", n * 100, n * 100 + 99);
    let spaced = |n: u32| format!(" {} ", n * 7919);
    let wide = |n: u32| format!("\u{5b66}\u{7fd2} {n}\u{2013}{} \u{ff11}{n}\u{ff0f}400", n + 9);
    let kinds: [&dyn Fn(u32) -> String; 6] = [&log, &metrics, &ids, &ranges, &spaced, &wide];
    for (kind, text) in kinds.iter().enumerate() {
        let mut stream = Stream::default();
        for n in 0..400 {
            let scanner = Scanner::new(Catalog::builtin(), &Hint::default(), Limits::default());
            let mut scanner = scanner.continuing(stream);
            scanner.feed(text(n).as_bytes());
            scanner.finish();
            assert_eq!(sure(scanner.evidence()), [""; 0], "{kind}: {}", text(n));
            stream = scanner.into_stream();
        }
    }
    let texts = ["conv1.weight", "float32", "client-7", "212", "555", "0.35", "-45", "2026-11-22"];
    let body: Vec<u8> = (0..50).flat_map(|_| text_message(&texts)).collect();
    assert_eq!(sure(&scan(&body, &GRPC)), [""; 0]);
}
