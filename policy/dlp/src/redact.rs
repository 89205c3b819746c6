//! Spans to masked bytes. Invariant: the length never changes, and a second scan finds nothing.

use std::sync::Arc;

use crate::catalog::Catalog;
use crate::finding::Finding;

/// Most bytes that [`printable`] gives back.
pub const PRINTABLE_MAX: usize = 1024;

/// Masks, in place and at the same length, the parts of `findings` that fall into `bytes`, which stand at
/// `offset` of the input. Only findings that `wants` and that [`is_maskable`] are masked.
pub fn mask(findings: &[Finding], offset: u64, bytes: &mut [u8], wants: impl Fn(&Finding) -> bool) {
    let end = offset.saturating_add(bytes.len() as u64);
    for finding in findings {
        let span = finding.span;
        if span.end <= offset || span.start >= end || !is_maskable(finding) || !wants(finding) {
            continue;
        }
        let from = usize::try_from(span.start.saturating_sub(offset)).unwrap_or(usize::MAX);
        let to = usize::try_from(span.end.min(end) - offset).unwrap_or(usize::MAX);
        let Some(part) = bytes.get_mut(from..to) else { continue };
        for (at, byte) in (span.start.max(offset)..).zip(part) {
            *byte = masked(*byte, finding.json_number, at == span.start);
        }
    }
}

/// Whether the finding's bytes stand in the input as they are: false inside any container or encoding.
pub fn is_maskable(finding: &Finding) -> bool {
    finding.member.is_none()
}

/// `text` as it may be written into a record.
pub fn printable(_catalog: &Arc<Catalog>, text: &str) -> String {
    text.chars().take(PRINTABLE_MAX).flat_map(char::escape_debug).collect()
}

/// The mask of one byte: letters and digits become `*`, separators stay; a bare JSON number becomes a `0`
/// padded by spaces, since a number may not begin with several zeros.
fn masked(byte: u8, json_number: bool, is_first: bool) -> u8 {
    match (json_number, is_first) {
        (true, true) => b'0',
        (true, false) => b' ',
        (false, _) if byte.is_ascii_alphanumeric() || !byte.is_ascii() => b'*',
        (false, _) => byte,
    }
}
