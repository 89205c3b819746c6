//! What a scanner says that it holds, who may end it, and what runs of one byte may come to.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "tests"
)]

#[path = "build/encode.rs"]
#[allow(dead_code, reason = "shared")]
mod encode;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dlp::{Artifact, Catalog, Hint, IncompleteReason, Limits, Monitor, Scanner};

const MIB: u64 = 1 << 20;

/// Lets a scan hold and decode so much.
#[derive(Debug)]
struct Most {
    held_max: u64,
    decoded_max: u64,
    /// What it was told last.
    held: AtomicU64,
    decoded: AtomicU64,
}

impl Most {
    fn new(held_max: u64, decoded_max: u64) -> Arc<Most> {
        let (held, decoded) = (AtomicU64::new(0), AtomicU64::new(0));
        Arc::new(Most { held_max, decoded_max, held, decoded })
    }
}

impl Monitor for Most {
    fn may_go_on(&self, held: u64, decoded: u64) -> bool {
        self.held.store(held, Ordering::Relaxed);
        self.decoded.store(decoded, Ordering::Relaxed);
        held <= self.held_max && decoded <= self.decoded_max
    }
}

fn scanner(told: Option<&str>, limits: Limits) -> Scanner {
    let hint = Hint { content_encoding: told, ..Hint::default() };
    Scanner::new(Catalog::builtin(), &hint, limits)
}

/// Text in which nothing repeats soon, so that each encoder needs many bytes for it.
fn text(len: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        b'a' + u8::try_from((state >> 24) % 26).unwrap()
    };
    (0..len).map(|_| next()).collect()
}

fn reasons(scanner: &Scanner) -> Vec<IncompleteReason> {
    scanner.evidence().incomplete.iter().map(|incomplete| incomplete.reason).collect()
}

#[test]
fn decoders_tell_what_they_hold() {
    let content = text(2 << 20);
    for codec in encode::CODECS {
        let encoded = (codec.encode)(&content);
        let mut scanner = scanner(codec.told, Limits::default());
        assert_eq!(scanner.held(), 0);
        scanner.feed(&encoded[..encoded.len() - 1000]);
        let held = scanner.held();
        // Deflate looks back 32 KiB, snappy 64 KiB.
        let least = match codec.name {
            "xz" | "br" | "zstd" | "bzip2" => 256 << 10,
            _ => 32 << 10,
        };
        assert!((least..=17 * MIB).contains(&held), "{codec:?} holds {held}");
    }
    let mut plain = scanner(None, Limits::default());
    plain.feed(&content);
    assert_eq!(plain.held(), 0);
}

#[test]
fn what_is_read_once_it_is_whole_is_held() {
    let mut scanner = scanner(None, Limits::default());
    scanner.feed(b"%PDF-1.4\n");
    scanner.feed(&text(3 << 20));
    assert!(scanner.held() >= 3 * MIB, "{}", scanner.held());
}

#[test]
fn a_monitor_changes_nothing_of_a_scan_that_goes_on() {
    let members = encode::gzip(&encode::xz(&text(1 << 20)));
    let mut scanner = scanner(None, Limits::default()).monitored(Most::new(u64::MAX, u64::MAX));
    scanner.feed(&members);
    assert!(scanner.held() > 0);
    scanner.finish();
    assert_eq!(reasons(&scanner), []);
}

#[test]
fn a_scan_that_may_hold_no_more_is_incomplete() {
    let zeros = encode::xz(&vec![0; 8 << 20]);
    let most = Most::new(MIB / 2, u64::MAX);
    let mut scanner = scanner(None, Limits::default()).monitored(Arc::clone(&most) as _);
    scanner.feed(&zeros);
    scanner.finish();
    assert!(reasons(&scanner).contains(&IncompleteReason::Truncated));
    let (held, decoded) = (most.held.load(Ordering::Relaxed), most.decoded.load(Ordering::Relaxed));
    assert!(held > MIB / 2, "{held}");
    assert!(decoded <= 64 << 10, "{decoded} bytes were decoded all the same");
}

#[test]
fn a_scan_that_is_ended_decodes_no_more() {
    let nested = encode::xz(&encode::xz(&vec![0; 64 << 20]));
    let most = Most::new(u64::MAX, 4 * MIB);
    let mut scanner = scanner(None, Limits::default()).monitored(Arc::clone(&most) as _);
    scanner.feed(&nested);
    scanner.finish();
    assert!(reasons(&scanner).contains(&IncompleteReason::Truncated));
    let decoded = most.decoded.load(Ordering::Relaxed);
    assert!(decoded < 5 * MIB, "{decoded}");
}

#[test]
fn an_artifact_holds_its_decoders_between_parts() {
    let encoded = encode::xz(&text(1 << 20));
    let (first, second) = encoded.split_at(encoded.len() / 2);
    let mut artifact = Artifact::new(Catalog::builtin(), Limits::default(), None);
    let (one, two) = (Most::new(u64::MAX, u64::MAX), Most::new(u64::MAX, u64::MAX));
    artifact.monitor(Arc::clone(&one) as _);
    artifact.feed(first);
    artifact.end_part();
    let held = artifact.held();
    assert!(held >= MIB / 2, "{held}");
    assert_eq!(one.held.load(Ordering::Relaxed), held);
    artifact.monitor(Arc::clone(&two) as _);
    assert_eq!(Arc::strong_count(&one), 1, "whoever was asked before is let go");
    assert_eq!(two.held.load(Ordering::Relaxed), held);
    artifact.feed(second);
    artifact.finish();
    assert_eq!(artifact.evidence().incomplete, []);
}

#[test]
fn runs_of_one_byte_are_a_bomb_beyond_their_limit() {
    for encode in [encode::xz, encode::zstd, encode::gzip] {
        let zeros = encode(&vec![0; 16 << 20]);
        for (runs_max, expected) in [(1 << 30, vec![]), (4 * MIB, vec![IncompleteReason::RatioMax])]
        {
            let mut scanner = scanner(None, Limits { runs_max, ..Limits::default() });
            scanner.feed(&zeros);
            scanner.finish();
            assert_eq!(reasons(&scanner), expected, "{runs_max}");
        }
    }
}
