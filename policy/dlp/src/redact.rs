//! Spans to masked bytes. Invariant: the length never changes, and a second scan finds nothing.

use std::sync::Arc;

use crate::catalog::Catalog;
use crate::finding::Finding;
use crate::scanner::scan_text;

/// Most bytes that [`printable`] gives back.
pub const PRINTABLE_MAX: usize = 1024;

/// Masks, in place and at the same length, the parts of `findings` that fall into `bytes`, which
/// stand at `offset` of the input. Only findings that `wants` and that [`is_maskable`] are masked.
/// Findings that were counted but not kept ([`crate::Evidence::dropped_findings`]) are not masked:
/// a caller must refuse then.
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

/// Whether the finding's bytes stand in the input as they are: false inside any container or
/// encoding.
pub fn is_maskable(finding: &Finding) -> bool {
    finding.member.is_none()
}

/// `text` as it may be written into a record: findings masked (also those in its percent-decoded
/// form), control and direction characters escaped, at most [`PRINTABLE_MAX`] bytes with an
/// ellipsis where it was cut.
pub fn printable(catalog: &Arc<Catalog>, text: &str) -> String {
    // More than is given back, so that what stands at the cut is still recognised.
    let seen = text.floor_char_boundary(2 * PRINTABLE_MAX);
    let mut bytes = text.as_bytes().get(..seen).unwrap_or_default().to_vec();
    for (start, end) in scan_text(catalog, &bytes).1 {
        for byte in bytes.get_mut(start..end).unwrap_or_default() {
            *byte = masked(*byte, false, false);
        }
    }
    const ELLIPSIS: &str = "…";
    let mut shown = String::new();
    for c in String::from_utf8_lossy(&bytes).chars() {
        let len = shown.len();
        if c.is_control() || is_format(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
        if shown.len() > PRINTABLE_MAX - ELLIPSIS.len() {
            shown.truncate(len);
            shown.push_str(ELLIPSIS);
            break;
        }
    }
    shown
}

/// Characters that are not seen, or that turn the direction of others.
fn is_format(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// The mask of one byte: letters and digits become `*`, separators stay; a bare JSON number becomes
/// a `0` padded by spaces, since a number may not begin with several zeros.
fn masked(byte: u8, json_number: bool, is_first: bool) -> u8 {
    match (json_number, is_first) {
        (true, true) => b'0',
        (true, false) => b' ',
        (false, _) if byte.is_ascii_alphanumeric() || !byte.is_ascii() => b'*',
        (false, _) => byte,
    }
}
