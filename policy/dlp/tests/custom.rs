//! A site's own detectors in a scan: beside the others, in containers, masked, and the same for any
//! chunks.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::sync::Arc;

use dlp::custom::CustomDetector;
use dlp::{Catalog, Confidence, Evidence, Hint, Identifier, Limits, Scanner};
use proptest::prelude::*;

fn catalog() -> Arc<Catalog> {
    let words = ["study id".to_owned(), "subject".to_owned()];
    let build = |name, pattern, words: &[String]| {
        CustomDetector::build(name, Identifier::OtherId, pattern, words).unwrap()
    };
    let detectors = vec![
        build("study-id", "ST-[0-9]{6}", &words),
        build("kit", r"KIT [A-Z]{2}[0-9]{4}\b", &[]),
        build("phrase", "[a-z]{1,5} [a-z ]{1,100}!", &[]),
    ];
    Arc::new(Catalog::builtin().with_custom(detectors))
}

fn scan(chunks: &[&[u8]]) -> Evidence {
    let mut scanner = Scanner::new(catalog(), &Hint::default(), Limits::default());
    let (mut cleared, mut seen) = (0, 0);
    for chunk in chunks {
        scanner.feed(chunk);
        let fresh = &scanner.evidence().findings[seen..];
        assert!(fresh.iter().all(|finding| finding.span.start >= cleared), "it has left");
        seen += fresh.len();
        cleared = scanner.cleared();
    }
    scanner.finish();
    scanner.evidence().clone()
}

fn told(evidence: &Evidence) -> Vec<(&str, Confidence, u64, u64)> {
    let all = evidence.findings.iter();
    all.map(|f| (&*f.detector, f.confidence, f.span.start, f.line)).collect()
}

#[test]
fn a_site_finds_its_own_identifiers_beside_the_others() {
    let text = b"Subject ST-123456, SSN 219-45-6183\nKIT AB1234 and KIT AB12345\n";
    let evidence = scan(&[text]);
    let want = [
        ("study-id", Confidence::High, 8, 1),
        ("ssn", Confidence::High, 23, 1),
        ("kit", Confidence::Medium, 35, 2),
    ];
    assert_eq!(told(&evidence), want);
    assert_eq!(evidence.findings[0].identifier, Identifier::OtherId);
    assert_eq!(told(&scan(&[b"ST-123456 alone"])), [], "without a word of its context");
}

#[test]
fn a_catalogue_covers_what_its_detectors_report() {
    let own = CustomDetector::build("face", Identifier::Photo, "PH[0-9]{4}", &[]).unwrap();
    let catalog = Catalog::builtin().with_custom(vec![own]);
    assert!(catalog.covers(Identifier::Photo) && catalog.covers(Identifier::Ssn));
    assert!(catalog.has_detector("face") && catalog.has_detector("ssn"));
    assert!(!Catalog::builtin().has_detector("face"));
}

#[test]
fn a_finding_is_masked_and_not_found_again() {
    let mut text = b"subject ST-123456, subject ST-654321".to_vec();
    let evidence = scan(&[&text]);
    assert_eq!(evidence.findings.len(), 2);
    dlp::redact::mask(&evidence.findings, 0, &mut text, |_| true);
    assert_eq!(scan(&[&text]).findings, []);
}

#[test]
fn a_chain_of_overlaps_has_an_end() {
    // Each phone number overlaps the phrase before and the one behind it.
    let text = "call us on 617-484-2931 or so! ".repeat(20_000);
    let evidence = scan(&[text.as_bytes()]);
    assert!(evidence.tally.total() >= 20_000, "{:?}", evidence.tally.total());
}

fn bodies() -> Vec<Vec<u8>> {
    let prose = "subject ST-123456 said so! KIT AB1234 call 617-484-2931 today! ";
    let spread = format!("study id{}ST-123456{}subject ", " ".repeat(150), " ".repeat(260));
    vec![
        prose.repeat(40).into_bytes(),
        spread.repeat(20).into_bytes(),
        prose.repeat(900).into_bytes(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_chunks_give_the_same_findings(
        body in proptest::sample::select(bodies()),
        cuts in proptest::collection::vec(0usize..60_000, 0..12),
    ) {
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut % (body.len() + 1)).collect();
        cuts.sort_unstable();
        let mut chunks = Vec::new();
        let mut from = 0;
        for cut in cuts {
            chunks.push(&body[from..cut]);
            from = cut;
        }
        chunks.push(&body[from..]);
        prop_assert_eq!(scan(&chunks), scan(&[&body]));
    }

    #[test]
    fn any_small_chunks_give_the_same_findings(size in 1usize..200) {
        let body = bodies().remove(1);
        let chunks: Vec<&[u8]> = body.chunks(size).collect();
        prop_assert_eq!(scan(&chunks), scan(&[&body]));
    }
}
