//! Other spellings beside the text: no chunk changes what is found, what is masked is gone, and what
//! is no content is not called any.

use dlp::{Catalog, Evidence, Hint, Limits, Scanner};
use proptest::prelude::*;

use crate::build::{floats, noise};
use crate::wrap::{WRAPS, base64};

/// Bytes that are looked at together.
const BLOCK: usize = 4096;

fn scan_by(bytes: &[u8], sizes: &[usize]) -> Evidence {
    let mut scanner = Scanner::new(Catalog::builtin(), &Hint::default(), Limits::default());
    let mut rest = bytes;
    let mut cleared = 0;
    for size in sizes.iter().cycle() {
        let (chunk, later) = rest.split_at((*size).min(rest.len()));
        scanner.feed(chunk);
        assert!(scanner.cleared() >= cleared, "what was cleared stays so");
        cleared = scanner.cleared();
        rest = later;
        if rest.is_empty() {
            break;
        }
    }
    scanner.finish();
    assert_eq!(scanner.cleared(), bytes.len() as u64);
    scanner.evidence().clone()
}

fn scan(bytes: &[u8]) -> Evidence {
    scan_by(bytes, &[bytes.len().max(1)])
}

/// What the wrapping of this name makes of the bytes.
fn spell(name: &str, bytes: &[u8]) -> Vec<u8> {
    let wrap = WRAPS.iter().find(|wrap| wrap.name == name).unwrap();
    (wrap.wrap)(bytes)
}

const SPELLINGS: &[&str] = &[
    "base64",
    "base64 in lines",
    "base64 in lines in json",
    "hex in sql",
    "utf-16le",
    "utf-16be",
    "utf-32le",
    "percent of all",
    "quoted-printable",
    "json escapes",
    "references of xml",
];

const NOTE: &str =
    "Patient: Lucy Westenra, MRN: 4481723, SSN 219-45-6183, write to jane.roe@stlukes-clinic.org";

/// A spelled note behind so much text.
fn behind(before: usize, spelling: &str) -> Vec<u8> {
    let text = "the quick brown fox jumps over the lazy dog. ".repeat(before / 45 + 1);
    let spelled = spell(spelling, NOTE.as_bytes());
    [&text.as_bytes()[..before], b"\n", &spelled, b"\nthe end\n"].concat()
}

/// The classes found, each once.
fn classes(evidence: &Evidence) -> Vec<&'static str> {
    let mut found: Vec<_> = evidence.findings.iter().map(|f| f.identifier.name()).collect();
    found.sort_unstable();
    found.dedup();
    found
}

#[test]
fn every_spelling_is_found_at_every_place_of_a_block() {
    let mut missed = Vec::new();
    for spelling in SPELLINGS {
        let len = spell(spelling, NOTE.as_bytes()).len();
        for before in (BLOCK - len - 8..BLOCK + 8).step_by(7) {
            let found = classes(&scan(&behind(before, spelling)));
            if found != ["email", "mrn", "name", "ssn"] {
                missed.push(format!("{spelling} behind {before}: {found:?}"));
            }
        }
    }
    assert!(missed.is_empty(), "{}:\n{}", missed.len(), missed.join("\n"));
}

#[test]
fn every_cut_gives_the_same_evidence() {
    for spelling in SPELLINGS {
        let len = spell(spelling, NOTE.as_bytes()).len();
        let bytes = behind(BLOCK - len / 2, spelling);
        let whole = scan(&bytes);
        for cut in (BLOCK - len..bytes.len()).step_by(3).chain([1, 63, 64, BLOCK - 1, BLOCK]) {
            assert_eq!(scan_by(&bytes, &[cut]), whole, "{spelling} cut at {cut}");
        }
        assert_eq!(scan_by(&bytes, &[1]), whole, "{spelling} byte by byte");
    }
}

#[test]
fn a_run_that_begins_in_other_bytes_is_read_from_its_start() {
    for spelling in ["base64", "hex", "utf-16le", "utf-32le"] {
        for short in 1..64 {
            let spelled = spell(spelling, &NOTE.as_bytes().repeat(20));
            // A mark between, or the letters before it would be those of the run.
            let before = &floats(1024)[..BLOCK - short];
            let bytes = [before, b"\"", &spelled].concat();
            let found = classes(&scan(&bytes));
            assert_eq!(found, ["email", "mrn", "name", "ssn"], "{spelling} {short} before");
        }
    }
}

#[test]
fn base64_of_noise_is_unidentified_and_of_numbers_numeric() {
    let json = |bytes: &[u8]| scan(&spell("base64 in json", bytes));
    for len in [1024, 5000, 20_000] {
        let sealed = json(&noise(len)).coverage;
        assert_eq!((sealed.unidentified, sealed.numeric), (len as u64, 0), "{len}");
        let weights = json(&floats(len as u32 / 4)).coverage;
        assert_eq!((weights.unidentified, weights.numeric), (0, len as u64 / 4 * 4), "{len}");
    }
    let broken = scan(&spell("base64 in lines", &noise(20_000))).coverage;
    assert_eq!(broken.unidentified, 20_000, "in lines too");
}

#[test]
fn hashes_keys_and_sequences_are_nothing() {
    let digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    let key = base64(&noise(32));
    let bases: String =
        noise(4000).iter().map(|b| char::from(b"ACGT"[usize::from(b & 3)])).collect();
    let protein: String = noise(4000)
        .iter()
        .map(|b| char::from(b"ACDEFGHIKLMNPQRSTVWY"[usize::from(b % 20)]))
        .collect();
    for text in [
        format!("{{\"sha256\": \"{digest}\", \"size\": 4}}"),
        format!("{{\"key\": \"{key}\"}}"),
        format!(">chr1\n{bases}\n"),
        format!(">chr1\n{}", String::from_utf8(spell("nothing", bases.as_bytes())).unwrap()),
        format!(">sp\n{protein}\n"),
        format!("{}\n", digest.repeat(3)),
        format!("{digest}  model.bin\n").repeat(200),
    ] {
        let evidence = scan(text.as_bytes());
        assert_eq!(evidence.findings, [], "{}", &text[..60]);
        assert_eq!(evidence.coverage.unidentified, 0, "{}", &text[..60]);
        assert_eq!(evidence.incomplete, [], "{}", &text[..60]);
    }
}

#[test]
fn a_wide_table_is_read_by_its_columns() {
    let table =
        "visit,mrn,dob,ward\r\n1,4481723,1956-04-23,\u{e9}st\r\n2,4481724,1956-04-24,west\r\n";
    for order in [u16::to_le_bytes, u16::to_be_bytes] {
        let wide: Vec<u8> =
            "\u{feff}".encode_utf16().chain(table.encode_utf16()).flat_map(order).collect();
        let evidence = scan(&wide);
        let found: Vec<_> =
            evidence.findings.iter().map(|f| f.locus.as_deref().unwrap_or("-")).collect();
        assert_eq!(found, ["column mrn", "column dob", "column mrn", "column dob"]);
        assert_eq!(evidence.coverage.read, wide.len() as u64);
    }
}

#[test]
fn a_form_of_the_web_is_read_and_masked() {
    let body = b"ssn=219%2D45%2D6183&note=DOB%3A%2004%2F23%2F1956&mail=jane.roe%40stlukes-clinic.org&step=3";
    let mut bytes = body.to_vec();
    let evidence = scan(&bytes);
    assert_eq!(classes(&evidence), ["date", "email", "ssn"]);
    dlp::redact::mask(&evidence.findings, 0, &mut bytes, |_| true);
    let masked = String::from_utf8(bytes.clone()).unwrap();
    assert!(masked.starts_with("ssn=*") && masked.ends_with("&step=3"), "{masked}");
    assert_eq!(scan(&bytes).findings, []);
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// Texts, plain and spelled, in a row.
fn mixture() -> impl Strategy<Value = Vec<u8>> {
    let values = prop::sample::select(vec![
        "SSN 219-45-6183",
        "MRN: 4481723",
        "DOB: 04/23/1956",
        "write to jane.roe@stlukes-clinic.org",
        "Phone: (212) 736-5000",
        "the quick brown fox",
    ]);
    let spellings = prop::sample::select(SPELLINGS.to_vec());
    let piece = prop_oneof![
        4 => (values.clone(), spellings).prop_map(|(v, s)| spell(s, format!("{v}, and so on.").as_bytes())),
        1 => values.prop_map(|value| value.as_bytes().to_vec()),
        1 => (1usize..BLOCK).prop_map(|len| b"some words go by. ".iter().copied().cycle().take(len).collect()),
        1 => (1u32..1200).prop_map(floats),
        1 => (1usize..3000).prop_map(|len| base64(&noise(len)).into_bytes()),
    ];
    prop::collection::vec(piece, 1..8).prop_map(|pieces| pieces.join(&b"\n"[..]))
}

/// Text with values in escapes.
fn escaped() -> impl Strategy<Value = String> {
    let spellings = ["percent of all", "percent", "json escapes", "references of xml"];
    let values = [
        "SSN 219-45-6183",
        "MRN: 4481723",
        "jane.roe@stlukes-clinic.org",
        "DOB: 04/23/1956",
        "Phone: (212) 736-5000",
    ];
    let piece = (prop::sample::select(values.to_vec()), prop::sample::select(spellings.to_vec()));
    let piece = piece.prop_map(|(v, s)| String::from_utf8(spell(s, v.as_bytes())).unwrap());
    prop::collection::vec(piece, 1..6).prop_map(|pieces| pieces.join(" and\n"))
}

proptest! {
    #![proptest_config(config(150))]

    #[test]
    fn any_chunking_gives_the_same_evidence(
        bytes in mixture(),
        sizes in prop::collection::vec(1usize..5000, 1..12),
    ) {
        prop_assert_eq!(scan_by(&bytes, &sizes), scan(&bytes));
    }

    #[test]
    fn no_escape_is_left_to_find(text in escaped()) {
        let mut bytes = text.clone().into_bytes();
        let evidence = scan(&bytes);
        prop_assert!(!evidence.findings.is_empty());
        dlp::redact::mask(&evidence.findings, 0, &mut bytes, |_| true);
        let left = scan(&bytes).findings;
        prop_assert_eq!(left, vec![], "{} -> {}", text, String::from_utf8_lossy(&bytes));
    }
}
