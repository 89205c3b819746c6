//! Spans to masked bytes. Invariant: the length never changes, and what was masked is not found again.

pub(crate) mod token;

use std::sync::Arc;

use crate::catalog::Catalog;
use crate::finding::{Confidence, Finding, Identifier};
use crate::keyed::Key;
use crate::scanner::{PERCENT, scan_text};

/// The byte that hides letters and digits in most forms.
pub(crate) const MASK: u8 = b'*';

/// What takes the place of a finding.
#[derive(Clone, Debug, Default)]
pub enum Style {
    /// `*` for each letter and digit.
    #[default]
    Mask,
    /// A token of the same length, the same for the same value under the same key: `*` and letters.
    /// A mask where the value is too short, a bare JSON number, in a form that `*` would break,
    /// cut off or overlapped by another.
    Token(Key),
}

/// As [`mask`], in this style. Tokens need the whole value: cut between findings.
pub fn redact(
    style: &Style,
    findings: &[Finding],
    offset: u64,
    bytes: &mut [u8],
    wants: impl Fn(&Finding) -> bool,
) {
    let key = match style {
        Style::Mask => return mask(findings, offset, bytes, wants),
        Style::Token(key) => key,
    };
    let end = offset.saturating_add(bytes.len() as u64);
    let mut wanted: Vec<&Finding> = findings
        .iter()
        .filter(|f| f.span.start < end && f.span.end > offset && is_maskable(f) && wants(f))
        .collect();
    wanted.sort_by_key(|finding| (finding.span.start, finding.span.end));
    let mut rest = wanted.iter().peekable();
    let mut before = 0;
    while let Some(&finding) = rest.next() {
        let span = finding.span;
        let is_apart =
            before <= span.start && rest.peek().is_none_or(|next| next.span.start >= span.end);
        before = before.max(span.end);
        let from = span.start.checked_sub(offset).and_then(|from| usize::try_from(from).ok());
        let to = usize::try_from(span.end.saturating_sub(offset)).unwrap_or(usize::MAX);
        let value = from.and_then(|from| bytes.get_mut(from..to));
        let is_plain = !finding.json_number && !finding.is_escaped;
        let is_whole = is_apart && is_plain && finding.mask == MASK;
        let is_token =
            is_whole && value.is_some_and(|value| token::replace(key, finding.identifier, value));
        if !is_token {
            mask(std::slice::from_ref(finding), offset, bytes, |_| true);
        }
    }
}

/// Masks every letter and digit: for what a finding lies in, nobody knows where.
pub fn cover(bytes: &mut [u8]) {
    bytes.iter_mut().for_each(|byte| *byte = hidden(*byte, MASK));
}

/// Most bytes that [`printable`] gives back.
pub const PRINTABLE_MAX: usize = 1024;

/// Masks, in place and at the same length, the parts of `findings` that fall into `bytes`, which
/// stand at `offset` of the input. Only findings that `wants` and that [`is_maskable`] are masked.
/// Findings that were counted but not kept ([`crate::Evidence::dropped_findings`] and
/// [`crate::Evidence::dropped_low`]) are not masked: a caller must refuse then.
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
            *byte = masked(*byte, finding, at == span.start);
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
    let (evidence, places) = scan_text(catalog, &bytes);
    for (finding, (start, end)) in evidence.findings.iter().zip(places) {
        // A record must say which machine was spoken to.
        let is_machine_s = matches!(finding.identifier, Identifier::Ip | Identifier::Url)
            && finding.confidence == Confidence::Low;
        if is_machine_s {
            continue;
        }
        // What an encoding holds has its place in there: nothing of the text can be told apart.
        let is_placed = finding.member.as_deref().is_none_or(|member| member == PERCENT);
        let (start, end) = if is_placed { (start, end) } else { (0, seen) };
        for byte in bytes.get_mut(start..end).unwrap_or_default() {
            *byte = hidden(*byte, MASK);
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

/// The mask of one byte: letters, digits and the backslash of an escape become the finding's mask,
/// separators stay; a bare JSON number becomes a `0` padded by spaces, since a number may not begin
/// with several zeros.
fn masked(byte: u8, finding: &Finding, is_first: bool) -> u8 {
    match (finding.json_number, is_first) {
        (true, true) => b'0',
        (true, false) => b' ',
        (false, _) if finding.is_escaped => finding.mask,
        (false, _) => hidden(byte, finding.mask),
    }
}

fn hidden(byte: u8, mask: u8) -> u8 {
    if byte.is_ascii_alphanumeric() || byte == b'\\' || !byte.is_ascii() { mask } else { byte }
}
