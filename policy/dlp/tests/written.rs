//! Values that are written in unusual ways within plain text, and what only looks like them.

#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "tests")]

#[path = "build/pieces.rs"]
mod pieces;

use dlp::Confidence;
use dlp::redact::mask;

/// What is found of at least medium confidence: class and text.
fn found(text: &str) -> Vec<(&'static str, String)> {
    let evidence = pieces::evidence(text.as_bytes(), &[usize::MAX]);
    for size in [1, 5, 4096] {
        assert_eq!(pieces::evidence(text.as_bytes(), &[size]), evidence, "by {size}: {text:?}");
    }
    let sure = evidence.findings.iter().filter(|f| f.confidence >= Confidence::Medium);
    sure.map(|f| {
        let span = f.span.start as usize..f.span.end as usize;
        let bytes = text.as_bytes().get(span).filter(|_| f.member.is_none());
        (f.identifier.name(), String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned())
    })
    .collect()
}

#[track_caller]
fn finds(text: &str, wanted: &[(&str, &str)]) {
    let found = found(text);
    let found: Vec<_> = found.iter().map(|(class, text)| (*class, text.as_str())).collect();
    assert_eq!(found, wanted, "in {text:?}");
}

#[test]
fn a_label_announces_a_whole_list() {
    finds("ssn: 536904399, 536904400\n", &[("ssn", "536904399"), ("ssn", "536904400")]);
    finds(
        "MRNs: 1234567, 2345678 and 3456789.",
        &[("mrn", "1234567"), ("mrn", "2345678"), ("mrn", "3456789")],
    );
    finds("MRN A448172; B448173", &[("mrn", "A448172"), ("mrn", "B448173")]);
    let numbers: Vec<String> = (0..200).map(|n| (4_481_723 + n).to_string()).collect();
    assert_eq!(found(&format!("mrn: {}\n", numbers.join(", "))).len(), 200);
    // Another number, or one that is written otherwise.
    finds("MRN 4481723, 12 tablets, 2345678 steps", &[("mrn", "4481723")]);
    finds("values: 1234567, 2345678, 3456789", &[]);
    finds("MRN 4481723\n2345678\n", &[("mrn", "4481723")]);
}

#[test]
fn a_number_of_a_column_with_gaps_is_one() {
    finds("SSN: 536904399.0 on file", &[("ssn", "536904399")]);
    finds("mrn=4481723.0\n", &[("mrn", "4481723")]);
    finds("loss: 536904399.0, ssn 536904399.01, mrn 4481723.0.1", &[]);
}

#[test]
fn characters_that_read_like_ascii_are_read_so() {
    for (text, class, value) in [
        ("SSN 536\u{2011}90\u{2011}4399", "ssn", "536\u{2011}90\u{2011}4399"),
        ("536\u{2013}90\u{2013}4399 was given", "ssn", "536\u{2013}90\u{2013}4399"),
        ("SSN 536\u{2212}90\u{2212}4399", "ssn", "536\u{2212}90\u{2212}4399"),
        ("SSN 536\u{a0}90\u{a0}4399", "ssn", "536\u{a0}90\u{a0}4399"),
        ("SSN 53\u{200b}690\u{200b}4399", "ssn", "53\u{200b}690\u{200b}4399"),
        ("call (212)\u{a0}736\u{2011}5000 now", "phone", "(212)\u{a0}736\u{2011}5000"),
        ("DOB 04\u{2010}23\u{2010}1956", "date", "04\u{2010}23\u{2010}1956"),
        (
            "MRN: \u{ff14}\u{ff14}\u{ff18}\u{ff11}\u{ff17}\u{ff12}\u{ff13} ok",
            "mrn",
            "\u{ff14}\u{ff14}\u{ff18}\u{ff11}\u{ff17}\u{ff12}\u{ff13}",
        ),
        (
            "SSN: \u{665}\u{663}\u{666}-\u{669}\u{660}-\u{664}\u{663}\u{669}\u{669}",
            "ssn",
            "\u{665}\u{663}\u{666}-\u{669}\u{660}-\u{664}\u{663}\u{669}\u{669}",
        ),
        ("\u{ff33}\u{ff33}\u{ff2e} 536904399", "ssn", "536904399"),
    ] {
        finds(text, &[(class, value)]);
        let mut bytes = text.as_bytes().to_vec();
        mask(&pieces::evidence(&bytes, &[usize::MAX]).findings, 0, &mut bytes, |_| true);
        let masked = String::from_utf8(bytes).unwrap();
        finds(&masked, &[]);
    }
    let filler = "the quick brown fox jumps over\n".repeat(200);
    let value = "SSN 536\u{2011}90\u{2011}4399 ";
    for before in 4096 - value.len() - 2..4098 {
        let text = format!("{}\n{value}", filler.get(..before).unwrap());
        finds(&text, &[("ssn", "536\u{2011}90\u{2011}4399")]);
    }
    finds(
        "in 2010\u{2013}2015, pages 12\u{2013}18 (\u{a0}7\u{a0}% more) \u{2588}\u{2588} 87\u{a0}%",
        &[],
    );
}

const NOTE: &str = "Patient: Lucy Westenra, SSN 536-90-4399";

/// What is found inside of another spelling: member and class.
fn spelled(text: &str) -> Vec<(String, &'static str)> {
    let evidence = pieces::evidence(text.as_bytes(), &[usize::MAX]);
    for size in [1, 7, 4096] {
        assert_eq!(pieces::evidence(text.as_bytes(), &[size]), evidence, "by {size}: {text:?}");
    }
    let sure = evidence.findings.iter().filter(|f| f.confidence >= Confidence::Medium);
    let inside = |f: &dlp::Finding| Some((f.member.as_ref()?.to_string(), f.identifier.name()));
    sure.filter_map(inside).collect()
}

#[test]
fn a_list_of_bytes_is_read_as_what_it_spells() {
    let list = |joint: &str| -> String {
        let bytes: Vec<String> = NOTE.bytes().map(|b| b.to_string()).collect();
        bytes.join(joint)
    };
    for (text, at) in [
        (format!("[{}]", list(",")), 1),
        (format!("{{\"data\": [{}], \"n\": 3}}", list(", ")), 10),
        (format!("note = bytes([\n  {}\n])\n", list(",\n  ")), 14),
        (format!("Buffer {{ {} }}", list(", ")), 8),
    ] {
        let member = format!("bytes@{at}");
        assert_eq!(spelled(&text), [(member.clone(), "name"), (member, "ssn")], "{text}");
    }
    let filler = "the quick brown fox jumps over\n".repeat(200);
    for before in (3900..4100).step_by(9) {
        let text = format!("{}\n[{}]\n", filler.get(..before).unwrap(), list(", "));
        assert_eq!(spelled(&text).len(), 2, "behind {before}");
    }
    for text in ["[53, 54, 45]", "[300, 12, 7]", "shape (3, 224, 224), [1, 2, 3]"] {
        assert_eq!(found(text), [], "{text}");
    }
}

/// RFC 4648, section 6, without padding.
fn base32(text: &str) -> String {
    const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bits = text.bytes().flat_map(|b| (0..8).rev().map(move |i| b >> i & 1));
    let bits: Vec<u8> = bits.collect();
    let letter = |bits: &[u8]| {
        let value = bits.iter().chain([0; 5].iter()).take(5).fold(0, |v, b| v << 1 | b);
        LETTERS.chars().nth(usize::from(value)).unwrap()
    };
    bits.chunks(5).map(letter).collect()
}

#[test]
fn base32_is_read() {
    let note = base32(NOTE);
    for text in [
        format!("token {note}= end"),
        format!("{{\"a\":\"{}\"}}", note.to_lowercase()),
        format!("GET /v2/a{note}/1"),
        format!("/v2/zz{}?b", note.to_lowercase()),
        format!("v1-abcdefg{note}-1"),
    ] {
        let found: Vec<_> = spelled(&text).into_iter().map(|(_, class)| class).collect();
        assert_eq!(found, ["name", "ssn"], "{text}");
    }
    let long = base32(&format!("{NOTE}\n").repeat(60));
    assert!(spelled(&format!("x {long}")).len() >= 60);
    // What stands far behind the first letters may be of no base32.
    let long = base32(&format!("{NOTE}\n").repeat(200));
    assert!(spelled(&format!("x {long}0189+/01")).len() >= 190);
    assert_eq!(spelled("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), []);
}

#[test]
fn base64_in_padded_pieces_is_read() {
    let pieces = |size: usize| -> String {
        let piece = |piece: &[u8]| base64_simd::STANDARD.encode_to_string(piece);
        NOTE.as_bytes().chunks(size).map(piece).collect()
    };
    let filler = "nothing to be found here. ".repeat(200);
    for size in [1, 2, 4, 5, 7, 16, 40] {
        for text in
            [pieces(size), format!("note {} end", pieces(size)), format!("/u/{}", pieces(size))]
        {
            // A long piece tells by itself what it holds.
            let mut found: Vec<_> = spelled(&text).into_iter().map(|(_, class)| class).collect();
            found.dedup();
            assert_eq!(found, ["name", "ssn"], "{size}: {text}");
        }
        for before in (3900..4110).step_by(23) {
            let text = format!("{}\n{}\n", filler.get(..before).unwrap(), pieces(size));
            assert!(spelled(&text).len() >= 2, "{size} behind {before}");
        }
    }
    for text in [
        "key=value",
        "a=b&c=d&token=abcdefgh",
        "lr=0.01 bs=32 opt=adam",
        "x==y",
        "abc=defghijklmnopqrstuvwx",
    ] {
        assert_eq!(found(text), [], "{text}");
    }
}

#[test]
fn values_around_lines_of_base64_are_found() {
    let noise: Vec<u8> =
        (0..57 * 6u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let lines: Vec<String> =
        noise.chunks(57).map(|line| base64_simd::STANDARD.encode_to_string(line)).collect();
    for end in ["\n", "\r\n"] {
        let lines = lines.join(end);
        for (text, wanted) in [
            (format!("{lines}{end}MRN: 4481723{end}{lines}"), vec![("mrn", "4481723")]),
            (
                format!("{lines}{end}MRN: 4481723 {lines}{end}SSN 536-90-4399"),
                vec![("mrn", "4481723"), ("ssn", "536-90-4399")],
            ),
            (format!("MRN{end}{lines}{end}A448172 was seen{end}{lines}"), vec![]),
            // A label within a line, and at the end of the one before.
            (
                format!("{lines}{end}SSN/536904399/{}{end}{lines}", "ab".repeat(23)),
                vec![("ssn", "536904399")],
            ),
            (
                format!("{lines}{end}{}/SSN/536904399/aaaaa{end}{lines}", "a".repeat(40)),
                vec![("ssn", "536904399")],
            ),
        ] {
            finds(&text, &wanted);
        }
    }
}

#[test]
fn what_stands_right_behind_padded_pieces_is_no_part_of_their_value() {
    let piece = |piece: &[u8]| base64_simd::STANDARD.encode_to_string(piece);
    let pieces: String = NOTE.as_bytes().chunks(4).map(piece).collect();
    for behind in ["N1*PR*X", "DOB: ", "7, ", "a]"] {
        let found: Vec<_> =
            spelled(&format!("{pieces}{behind}")).into_iter().map(|f| f.1).collect();
        assert_eq!(found, ["name", "ssn"], "{behind}");
    }
}

#[test]
fn pieces_beside_binary_content_are_read_and_not_joined_over_it() {
    let piece = |piece: &[u8]| base64_simd::STANDARD.encode_to_string(piece);
    let pieces: String = NOTE.as_bytes().chunks(4).map(piece).collect();
    let filler = "nothing to be found here. ".repeat(200);
    let binary: Vec<u8> =
        (0..4096u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let inside = |bytes: &[u8]| {
        let evidence = pieces::evidence(bytes, &[usize::MAX]);
        assert_eq!(pieces::evidence(bytes, &[7]), evidence);
        evidence.findings.iter().filter(|f| f.member.is_some()).count()
    };
    for cut in 1..20 {
        let (first, rest) = pieces.split_at(cut);
        // The first piece begins at the end of a block that is not text.
        let begin = &binary[..4096 - cut];
        let glued = [begin, first.as_bytes(), rest.as_bytes(), b" ", filler.as_bytes()].concat();
        assert!(inside(&glued) >= 2, "{cut}");
        let before = format!("{}{first}", filler.get(..4096 - cut).unwrap());
        let apart = [before.as_bytes(), &binary, rest.as_bytes(), b" ", filler.as_bytes()].concat();
        let alone = [&binary, &binary[..], rest.as_bytes(), b" ", filler.as_bytes()].concat();
        assert_eq!(inside(&apart), inside(&alone), "{cut}");
    }
}

#[test]
fn padding_may_be_escaped_as_in_urls() {
    let pieces = |size: usize, sign: &str| -> String {
        let piece = |piece: &[u8]| base64_simd::STANDARD.encode_to_string(piece);
        let plain: String = NOTE.as_bytes().chunks(size).map(piece).collect();
        plain.replace('=', sign)
    };
    let filler = "nothing to be found here. ".repeat(200);
    for (size, sign) in [(1, "%3D"), (2, "%3d"), (4, "%3D"), (7, "%3D"), (16, "%3d")] {
        let pieces = pieces(size, sign);
        for text in [
            pieces.clone(),
            format!("a=1&note={pieces}&b=%20c%3Dd"),
            format!("GET /v2/a?note={pieces} HTTP/1.1"),
        ] {
            let mut found: Vec<_> = spelled(&text).into_iter().map(|(_, class)| class).collect();
            found.dedup();
            assert_eq!(found, ["name", "ssn"], "{size}: {text}");
        }
        for before in 3900..4110 {
            let text = format!("{}\n{pieces}\n", filler.get(..before).unwrap());
            assert!(spelled(&text).len() >= 2, "{size} behind {before}");
        }
        let twice = format!("x={pieces}&y={pieces}");
        let places: Vec<_> = spelled(&twice).into_iter().map(|(member, _)| member).collect();
        assert!(places.contains(&"base64@2".to_owned()), "{places:?}");
        assert!(places.contains(&format!("base64@{}", pieces.len() + 5)), "{places:?}");
    }
    for text in ["a%3Db", "next=%2Fa%3Fkey%3Dvalue%26token%3Dabcdefgh", "q=x%3D%3Dy", "100%", "5%3"]
    {
        assert_eq!(found(text), [], "{text}");
    }
}

#[test]
fn base64_is_read_in_whatever_phase_it_stands() {
    let letters = base64_simd::STANDARD_NO_PAD.encode_to_string(NOTE);
    for glued in ["/u/", "/v1/u/", "id-", "a/b/", "_", "x-y-z-", "/o/2/"] {
        for text in [format!("GET {glued}{letters}"), format!("{glued}{letters}%3D/1")] {
            let found: Vec<_> = spelled(&text).into_iter().map(|(_, class)| class).collect();
            assert_eq!(found, ["name", "ssn"], "{text}");
        }
    }
}

#[test]
fn base32_in_padded_pieces_is_read() {
    let padded = |piece: &[u8]| {
        let letters = base32(std::str::from_utf8(piece).unwrap());
        letters.clone() + &"=".repeat(letters.len().next_multiple_of(8) - letters.len())
    };
    let pieces = |size: usize| -> String { NOTE.as_bytes().chunks(size).map(padded).collect() };
    let filler = "nothing to be found here. ".repeat(200);
    for size in [1, 2, 3, 4, 7, 9, 13, 16] {
        let text = pieces(size);
        for text in [
            text.clone(),
            text.to_lowercase(),
            format!("note={text} end"),
            format!("/u/{text}/1"),
            format!("a=1&note={}&b=c%3Dd", text.replace('=', "%3D")),
        ] {
            let mut found: Vec<_> = spelled(&text).into_iter().map(|(_, class)| class).collect();
            found.dedup();
            assert_eq!(found, ["name", "ssn"], "{size}: {text}");
        }
        for before in (3900..4110).step_by(7) {
            let text = format!("{}\n{text}\n", filler.get(..before).unwrap());
            assert!(spelled(&text).len() >= 2, "{size} behind {before}");
        }
    }
    // The last piece without its padding.
    let whole = pieces(9);
    let text = format!("x {} y", whole.trim_end_matches('='));
    assert_eq!(spelled(&text).len(), 2, "{text}");
    for text in ["session=abc", "ab======cd======ef", "==== title ====", "a=b=c=d", "opt=adamw=x"] {
        assert_eq!(found(text), [], "{text}");
    }
}
