//! Bodies as they come from a network: in pieces.

use dlp::{Catalog, Evidence, Hint, Limits, Scanner};

/// The evidence of a body that comes in pieces of these sizes, in turn.
pub(crate) fn evidence(bytes: &[u8], sizes: &[usize]) -> Evidence {
    let mut scanner = Scanner::new(Catalog::builtin(), &Hint::default(), Limits::default());
    let mut rest = bytes;
    for size in sizes.iter().cycle() {
        let (chunk, later) = rest.split_at((*size).min(rest.len()));
        scanner.feed(chunk);
        rest = later;
        if rest.is_empty() {
            break;
        }
    }
    scanner.finish();
    scanner.evidence().clone()
}
