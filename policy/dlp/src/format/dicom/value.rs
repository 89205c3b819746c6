//! Values of data elements: text is read, each of several values at an identifying attribute is
//! told by its tag, and what announces pictures of the patient is told too.

use super::element::{Tag, Vr};
use super::table::{self, Meaning};
use crate::coverage::Declared;
use crate::finding::{Confidence, Identifier, Span};
use crate::label::Family;
use crate::locus;
use crate::scanner::{Leaf, Reader, Scan, is_plain_text};

/// Years from which on an age identifies (45 CFR 164.514(b)(2)(i)(C)).
const AGE_MIN: u32 = 90;

pub(super) fn is_pixels(tag: Tag) -> bool {
    matches!(tag, Tag::PIXELS | Tag::FLOAT_PIXELS | Tag::DOUBLE_PIXELS)
}

/// What the bytes of a value are, where they are no text.
pub(super) fn declared(tag: Tag, vr: Option<Vr>) -> Declared {
    match (tag, vr) {
        (Tag::FLOAT_PIXELS | Tag::DOUBLE_PIXELS, _) => Declared::Floats,
        (Tag::PIXELS, _) => Declared::Integers,
        _ if tag.is_overlay() => Declared::Integers,
        (_, Some(vr)) if vr.is_text() => Declared::Nothing,
        (_, Some(vr)) => vr.declared(),
        (_, None) => Declared::Tensor,
    }
}

/// Reads a whole value into the leaf, at the leaf's end.
pub(super) fn read(scan: &mut Scan, leaf: &mut Leaf, (tag, vr): (Tag, Option<Vr>), bytes: &[u8]) {
    let start = leaf.offset();
    let is_text = match vr {
        Some(vr) if vr.is_text() => !bytes.iter().any(|b| is_binary(*b)),
        Some(_) | None => is_plain_text(bytes),
    };
    if is_text {
        scan.evidence.coverage.read += bytes.len() as u64;
        leaf.watch(scan, bytes);
    } else {
        leaf.declare(scan, declared(tag, vr));
        leaf.feed(scan, bytes);
    }
    let place = Place { leaf, tag };
    if let Some((identifier, confidence)) = picture(tag, bytes) {
        place.tell((start, bytes), identifier, confidence);
    } else if let Some(meaning) = table::meaning(tag, vr) {
        place.values(start, meaning, bytes);
    }
}

/// Whether a byte is in no character set of DICOM (PS3.5 section 6.1).
fn is_binary(byte: u8) -> bool {
    const ESCAPE: u8 = 0x1b;
    byte < b' ' && !byte.is_ascii_whitespace() && byte != ESCAPE && byte != 0
}

/// A value that says that the pixels show the patient.
fn picture(tag: Tag, bytes: &[u8]) -> Option<(Identifier, Confidence)> {
    // VL Photographic Image Storage and its video (PS3.4 table B.5-1).
    const PHOTOGRAPHIC: &[u8] = b"1.2.840.10008.5.1.4.1.1.77.1.4";
    let value = bytes.trim_ascii();
    let confidence = match tag.0 {
        // Recognizable Visual Features: a face.
        0x0028_0302 if value == b"YES" => Confidence::High,
        // Burned In Annotation: identifying text within the pixels.
        0x0028_0301 if value == b"YES" => Confidence::Medium,
        // Modality: external-camera photography.
        0x0008_0060 if value == b"XC" => Confidence::Medium,
        0x0008_0016 if bytes.starts_with(PHOTOGRAPHIC) => Confidence::Medium,
        _ if tag.is_overlay() => Confidence::Low,
        _ => return None,
    };
    Some((Identifier::Photo, confidence))
}

/// Where a value stands.
struct Place<'a> {
    leaf: &'a mut Leaf,
    tag: Tag,
}

impl Place<'_> {
    /// Tells each of the values, which backslashes separate (PS3.5 section 6.4).
    fn values(self, start: u64, meaning: Meaning, bytes: &[u8]) {
        let Place { leaf, tag } = self;
        let mut at = start;
        for value in bytes.split(|b| *b == b'\\') {
            let is_pad = |b: &u8| b.is_ascii_whitespace() || *b == 0;
            let lead = value.iter().take_while(|b| is_pad(b)).count();
            let end = value.iter().rposition(|b| !is_pad(b)).map_or(lead, |last| last + 1);
            let text = value.get(lead..end).unwrap_or_default();
            if let Some((identifier, confidence)) = judge(meaning, text) {
                let place = Place { leaf: &mut *leaf, tag };
                place.tell((at + lead as u64, text), identifier, confidence);
            }
            at += value.len() as u64 + 1;
        }
    }

    fn tell(self, (start, text): (u64, &[u8]), identifier: Identifier, confidence: Confidence) {
        let span = Span { start, end: start + text.len() as u64 };
        self.leaf.tell("dicom", &self.tag.name(), span, (identifier, confidence));
    }
}

/// What a value at an identifying attribute is. Where its shape is not the usual one it still
/// stands where the identifier does.
fn judge(meaning: Meaning, text: &[u8]) -> Option<(Identifier, Confidence)> {
    if text.is_empty() || locus::is_placeholder(text) {
        return None;
    }
    if meaning.family == Family::Age {
        let years = age(text)?;
        return (years >= AGE_MIN).then_some((Identifier::Age, meaning.sure_max));
    }
    match locus::judge(meaning.family, text) {
        Some((identifier, confidence)) => Some((identifier, confidence.min(meaning.sure_max))),
        // A number or a name whatever it looks like; but studies and their steps are counted from one.
        None if is_count(text) => Some((meaning.family.identifier()?, Confidence::Low)),
        None => {
            let (identifier, confidence) = locus::declared(meaning.family, text)
                .or(meaning.family.identifier().map(|identifier| (identifier, Confidence::Low)))?;
            Some((identifier, confidence.min(meaning.sure_max)))
        }
    }
}

/// Whether a value is a count: one or two digits.
fn is_count(text: &[u8]) -> bool {
    text.len() <= 2 && text.iter().all(u8::is_ascii_digit)
}

/// Years of an age string, `nnnD`, `nnnW`, `nnnM` or `nnnY` (PS3.5 section 6.2).
fn age(text: &[u8]) -> Option<u32> {
    let digits = text.get(..3)?;
    let value: u32 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (text.get(3) == Some(&b'Y')).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ages_over_89_years_identify() {
        let meaning = table::meaning(Tag(0x0010_1010), Some(Vr::AS)).unwrap();
        assert_eq!(judge(meaning, b"089Y"), None);
        assert_eq!(judge(meaning, b"400M"), None);
        assert_eq!(judge(meaning, b"090Y"), Some((Identifier::Age, Confidence::High)));
    }

    #[test]
    fn an_odd_value_at_an_identifying_tag_is_told_and_a_count_at_low() {
        let at = |tag, vr| table::meaning(Tag(tag), Some(vr)).unwrap();
        let study = at(0x0020_0010, Vr::LO);
        assert_eq!(judge(study, b"1"), Some((Identifier::OtherId, Confidence::Low)));
        assert_eq!(judge(study, b"sep30"), Some((Identifier::OtherId, Confidence::Medium)));
        assert_eq!(judge(study, b"UNKNOWN"), None);
        let station = at(0x0008_1010, Vr::LO);
        assert_eq!(judge(station, b"mvme87"), Some((Identifier::Device, Confidence::Medium)));
        assert_eq!(judge(station, b"----"), None);
        // A pseudonym where the name stands cannot be told from a patient's number.
        let name = at(0x0010_0010, Vr::PN);
        assert_eq!(judge(name, b"CQ500-CT-310"), Some((Identifier::Name, Confidence::Medium)));
        assert_eq!(judge(name, b"Anonymized"), None);
    }
}
