//! Finger, voice and face prints, and photographs (45 CFR 164.514(b)(2)(i)(P) and (Q)) that stand in
//! text: only behind a label that names one, and only where a template, a vector or an encoded image
//! follows. A finding ends with the view, so a longer value is masked in its first part only.

use super::shape::{Values, table};
use super::word::Lower;
use super::{Detector, Match, Near, View};
use crate::finding::{Confidence, Identifier};
use crate::gate::Anchor;
use crate::label::Family;

pub(crate) const LIKENESS: Detector = Detector {
    name: "likeness",
    identifiers: &[Identifier::Biometric, Identifier::Photo],
    anchors: &[Anchor::Colon],
    shapes: &[],
    values: Values::UPPER.or(Values::LOWER).or(Values::DIGIT).or(Values::LIST).or(Values::CODED),
    words: &[],
    may_stand,
    examine,
};

/// Blanks and quotes before a value.
const BLANKS_MAX: usize = 4;
/// Bytes of the shortest template or image.
const LEN_MIN: usize = 16;

/// Whether the value is a list or long.
#[inline]
pub(super) fn may_stand(near: &Near<'_>) -> bool {
    let is_blank = |at: &usize| matches!(near.byte(*at), b' ' | b'"' | b'\'');
    let start = 1 + (1..=BLANKS_MAX).take_while(is_blank).count();
    let head = near.behind().get(start..start + LEN_MIN).unwrap_or_default();
    // From its end: a short value is followed by other things.
    near.byte(start) == b'[' || head.iter().rev().all(|b| is_part(*b))
}

fn examine(view: &View<'_>) -> Option<Match> {
    let start = value_start(view);
    let is_list = view.byte(start) == b'[';
    let label = view.label(start, 24, 0)?;
    if !matches!(label.family, Family::Biometric | Family::Photo) {
        return None;
    }
    let len = if is_list { list_len(view, start) } else { encoded_len(view, start) };
    if len < LEN_MIN {
        return None;
    }
    let is_data = Lower::of(view.part(start, start + 4)).as_bytes() == b"data";
    let identifier = label.family.identifier()?;
    let (start, len) = if is_data { (start, data_len(view, start)?) } else { (start, len) };
    let is_photo = label.family == Family::Photo && !is_list && (is_data || is_image(view, start));
    let fits = label.family == Family::Biometric || is_photo;
    let word = view.word_before(view.at, 1);
    let is_of_key = word.is_some_and(|(word, _)| {
        matches!(word.as_bytes(), b"fingerprint" | b"fingerprints" | b"thumbprint")
    });
    let is_digest = is_of_key && is_digest(view.part(start, start + len));
    let confidence = if is_digest { Confidence::Low } else { Confidence::High };
    let found = Match { identifier, confidence, start, end: start + len };
    let is_cut = start + len == view.bytes.len();
    (fits && (is_cut || view.ends_text(start + len))).then_some(found)
}

/// Where the value behind the label begins.
fn value_start(view: &View<'_>) -> usize {
    let from = view.at + 1;
    let is_blank = |i: &usize| matches!(view.byte(*i), b' ' | b'"' | b'\'');
    from + (from..from + BLANKS_MAX).take_while(is_blank).count()
}

/// Whether base64, hexadecimal or the head of a data URL has such a byte.
#[inline]
fn is_part(byte: u8) -> bool {
    PARTS.get(usize::from(byte)) == Some(&1)
}

const PARTS: [u8; 256] =
    table(&[(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=_-:;,", 1)], 0);

/// Base64, base64url or hexadecimal without blanks, or the head of a data URL.
fn encoded_len(view: &View<'_>, start: usize) -> usize {
    let value = view.bytes.get(start..).unwrap_or_default();
    let len = value.iter().take_while(|b| is_part(**b)).count();
    let text = value.get(..len).unwrap_or_default();
    let is_word = !text.iter().any(u8::is_ascii_digit);
    // `WINBIO_SENSOR_INFO_0`: base64 has small letters among so many.
    let is_constant = text.first().is_some_and(u8::is_ascii_uppercase)
        && text.contains(&b'_')
        && !text.iter().any(u8::is_ascii_lowercase);
    if is_word || is_constant { 0 } else { len }
}

/// Whether it is as long as a digest and hexadecimal: the fingerprint of a key, a certificate or a
/// file (MD5, SHA-1 and SHA-2; FIPS 180-4), with or without colons. The header of a finger's minutiae
/// alone is longer than the shorter ones (ISO/IEC 19794-2: 24 bytes and 6 for each of them).
fn is_digest(text: &[u8]) -> bool {
    let digits = text.iter().filter(|b| b.is_ascii_hexdigit()).count();
    let colons = text.iter().filter(|b| **b == b':').count();
    let is_grouped = colons == 0 || colons + 1 == digits / 2;
    matches!(digits, 32 | 40 | 56 | 64 | 96 | 128) && digits + colons == text.len() && is_grouped
}

/// A list of numbers, as far as it is seen.
fn list_len(view: &View<'_>, start: usize) -> usize {
    let is_part = |b: &&u8| b.is_ascii_digit() || b"[], .-+eE\n".contains(b);
    let value = view.bytes.get(start..).unwrap_or_default();
    let len = value.iter().take_while(is_part).count();
    let text = value.get(..len).unwrap_or_default();
    let end = text.iter().rposition(|b| *b == b']').map_or(len, |at| at + 1);
    if text.contains(&b'.') { end } else { 0 }
}

/// A data URL of an image.
fn data_len(view: &View<'_>, start: usize) -> Option<usize> {
    let value = view.bytes.get(start..)?;
    let is_image = value.starts_with(b"data:image/") && !value.starts_with(b"data:image/svg");
    is_image.then(|| encoded_len(view, start))
}

/// Whether base64 begins as a JPEG or PNG does.
fn is_image(view: &View<'_>, start: usize) -> bool {
    let head = view.part(start, start + 8);
    head.starts_with(b"/9j/") || head.starts_with(b"iVBORw0K")
}
