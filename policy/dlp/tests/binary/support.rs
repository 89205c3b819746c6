//! What the tests of all forms share: scanning in chunks, findings as text.

pub(crate) use crate::build::{deflate, floats};
use dlp::{Catalog, Evidence, Hint, Limits, Scanner};

pub(crate) fn scan_by(bytes: &[u8], sizes: &[usize]) -> Evidence {
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
    assert!(cleared <= bytes.len() as u64);
    scanner.finish();
    scanner.evidence().clone()
}

pub(crate) fn scan(bytes: &[u8]) -> Evidence {
    scan_by(bytes, &[bytes.len().max(1)])
}

/// Each finding as `class confidence locus`, with the way in where there is one.
pub(crate) fn told(evidence: &Evidence) -> Vec<String> {
    let tell = |f: &dlp::Finding| {
        let place = f.locus.as_deref().unwrap_or("-");
        let member = f.member.as_ref().map(|m| format!(" @{m}")).unwrap_or_default();
        format!("{} {} {place}{member}", f.identifier, f.confidence.name())
    };
    evidence.findings.iter().map(tell).collect()
}

/// The reasons why something was not read.
pub(crate) fn reasons(evidence: &Evidence) -> Vec<&'static str> {
    evidence.incomplete.iter().map(|incomplete| incomplete.reason.name()).collect()
}

/// Scans what must be clean, and gives the ledger: read, numeric.
#[track_caller]
pub(crate) fn clean(bytes: &[u8]) -> (u64, u64) {
    let evidence = scan(bytes);
    assert_eq!(told(&evidence), [""; 0]);
    assert_eq!(reasons(&evidence), [""; 0]);
    let coverage = evidence.coverage;
    assert_eq!((coverage.unidentified, coverage.skipped), (0, 0), "{coverage:?}");
    (coverage.read, coverage.numeric)
}
