//! Content that comes in pieces.

use dlp::{Evidence, Scanner};

/// What is found when content comes in pieces of `size` bytes, all of which is cleared at the end.
pub(crate) fn in_pieces(mut scanner: Scanner, bytes: &[u8], size: usize) -> Evidence {
    let mut cleared = 0;
    for chunk in bytes.chunks(size) {
        scanner.feed(chunk);
        assert!(scanner.cleared() >= cleared, "what was cleared stays cleared");
        cleared = scanner.cleared();
    }
    scanner.finish();
    assert_eq!(scanner.cleared(), bytes.len() as u64);
    scanner.evidence().clone()
}
