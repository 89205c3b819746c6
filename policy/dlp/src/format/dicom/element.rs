//! The header of a data element (PS3.5 section 7.1): tag, value representation, length, in each
//! transfer syntax.

use crate::coverage::Declared;
use crate::format::walk::{u16_at, u32_at};

/// Group and element as one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Tag(pub(super) u32);

impl Tag {
    pub(super) const ITEM: Tag = Tag(0xfffe_e000);
    pub(super) const ITEM_END: Tag = Tag(0xfffe_e00d);
    pub(super) const SEQUENCE_END: Tag = Tag(0xfffe_e0dd);
    pub(super) const TRANSFER_SYNTAX: Tag = Tag(0x0002_0010);
    pub(super) const PIXELS: Tag = Tag(0x7fe0_0010);
    pub(super) const FLOAT_PIXELS: Tag = Tag(0x7fe0_0008);
    pub(super) const DOUBLE_PIXELS: Tag = Tag(0x7fe0_0009);
    /// Encapsulated Document: a PDF, a CDA.
    pub(super) const DOCUMENT: Tag = Tag(0x0042_0011);

    pub(super) fn group(self) -> u32 {
        self.0 >> 16
    }

    /// Overlay planes, 60xx,3000: drawn over the image, often as text.
    pub(super) fn is_overlay(self) -> bool {
        self.0 & 0xff01_ffff == 0x6000_3000
    }

    /// As the standard writes it.
    pub(super) fn name(self) -> String {
        format!("({:04X},{:04X})", self.0 >> 16, self.0 & 0xffff)
    }

    fn at(bytes: &[u8], is_big: bool) -> Option<Tag> {
        let group = u32::from(u16_at(bytes, 0, is_big)?);
        Some(Tag(group << 16 | u32::from(u16_at(bytes, 2, is_big)?)))
    }
}

/// How elements are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Syntax {
    pub(super) is_explicit: bool,
    pub(super) is_big: bool,
}

impl Syntax {
    pub(super) const EXPLICIT: Syntax = Syntax { is_explicit: true, is_big: false };
    pub(super) const IMPLICIT: Syntax = Syntax { is_explicit: false, is_big: false };
    pub(super) const BIG: Syntax = Syntax { is_explicit: true, is_big: true };
}

/// A value representation (PS3.5 section 6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Vr([u8; 2]);

impl Vr {
    pub(super) const AS: Vr = Vr(*b"AS");
    pub(super) const DA: Vr = Vr(*b"DA");
    pub(super) const DT: Vr = Vr(*b"DT");
    #[cfg(test)]
    pub(super) const LO: Vr = Vr(*b"LO");
    pub(super) const PN: Vr = Vr(*b"PN");
    pub(super) const SQ: Vr = Vr(*b"SQ");
    pub(super) const UN: Vr = Vr(*b"UN");

    /// Two capitals, which every representation is; one that is not known is read by its bytes.
    fn at(bytes: &[u8]) -> Option<Vr> {
        let vr = *bytes.get(4..)?.first_chunk::<2>()?;
        vr.iter().all(u8::is_ascii_uppercase).then_some(Vr(vr))
    }

    /// Whether two reserved bytes and a length of four follow (PS3.5 table 7.1-1).
    fn is_long(self) -> bool {
        const LONG: &[&[u8; 2]] = &[
            b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT",
            b"UV",
        ];
        LONG.contains(&&self.0)
    }

    /// Bytes or words, which may stand in fragments.
    pub(super) fn is_bytes(self) -> bool {
        matches!(&self.0, b"OB" | b"OW")
    }

    fn is_known(self) -> bool {
        self.is_long() || self.is_text() || self.declared() != Declared::Tensor
    }

    pub(super) fn is_text(self) -> bool {
        const TEXT: &[&[u8; 2]] = &[
            b"AE", b"AS", b"CS", b"DA", b"DS", b"DT", b"IS", b"LO", b"LT", b"PN", b"SH", b"ST",
            b"TM", b"UC", b"UI", b"UR", b"UT",
        ];
        TEXT.contains(&&self.0)
    }

    /// What its values are, where they are no text. Bytes of no told kind are judged by themselves.
    pub(super) fn declared(self) -> Declared {
        match &self.0 {
            b"FD" | b"FL" | b"OD" | b"OF" => Declared::Floats,
            b"AT" | b"OL" | b"OV" | b"OW" | b"SL" | b"SS" | b"SV" | b"UL" | b"US" | b"UV" => {
                Declared::Integers
            }
            _ => Declared::Tensor,
        }
    }
}

/// Bytes of a header, or of its first part.
pub(super) const HEADER: usize = 8;

/// The first eight bytes of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Header {
    /// All of it; no length where it is undefined.
    Whole(Tag, Option<Vr>, Option<u32>),
    /// Four bytes of length follow.
    Long(Tag, Vr),
}

/// Reads a header; nothing where the bytes are none.
pub(super) fn header(bytes: &[u8], syntax: Syntax) -> Option<Header> {
    let tag = Tag::at(bytes, syntax.is_big)?;
    // Items have no representation.
    if !syntax.is_explicit || tag.group() == 0xfffe {
        return Some(Header::Whole(tag, None, length(bytes.get(4..)?, syntax)?));
    }
    let vr = Vr::at(bytes)?;
    if vr.is_long() {
        return Some(Header::Long(tag, vr));
    }
    Some(Header::Whole(tag, Some(vr), Some(u16_at(bytes, 6, syntax.is_big)?.into())))
}

/// A length of four bytes: `None` inside where it is undefined.
#[expect(clippy::option_option, reason = "no bytes, and no length told")]
pub(super) fn length(bytes: &[u8], syntax: Syntax) -> Option<Option<u32>> {
    let length = u32_at(bytes, 0, syntax.is_big)?;
    Some((length != u32::MAX).then_some(length))
}

/// The transfer syntax of that UID (PS3.6 table A-1); whether the data set is deflated.
pub(super) fn syntax_of(uid: &[u8]) -> (Syntax, bool) {
    let is_pad = |b: &u8| *b == 0 || *b == b' ';
    let end = uid.iter().rposition(|b| !is_pad(b)).map_or(0, |last| last + 1);
    match uid.get(..end).unwrap_or_default() {
        b"1.2.840.10008.1.2" => (Syntax::IMPLICIT, false),
        b"1.2.840.10008.1.2.2" => (Syntax::BIG, false),
        b"1.2.840.10008.1.2.1.99" | b"1.2.840.10008.1.2.4.95" | b"1.2.840.10008.1.2.4.205" => {
            (Syntax::EXPLICIT, true)
        }
        _ => (Syntax::EXPLICIT, false),
    }
}

/// How a data set without preamble is written, where `head` begins with two elements of group 0002
/// or 0008 in ascending order.
pub(super) fn bare_syntax(head: &[u8]) -> Option<Syntax> {
    // Of all that is asked so, hardly anything gets beyond its first tag.
    if !matches!(head, [2 | 8, 0, ..] | [0, 2 | 8, ..]) {
        return None;
    }
    [Syntax::EXPLICIT, Syntax::BIG, Syntax::IMPLICIT]
        .into_iter()
        .find(|syntax| begins_bare(head, *syntax).is_some())
}

fn begins_bare(head: &[u8], syntax: Syntax) -> Option<()> {
    const LEN_MAX: usize = 128;
    let (mut at, mut previous, mut has_text) = (0, Tag(0), false);
    for _ in 0..2 {
        let rest = head.get(at..)?;
        let (tag, vr, len, size) = match header(rest, syntax)? {
            Header::Whole(tag, vr, len) => (tag, vr, len?, HEADER),
            Header::Long(tag, vr) => {
                (tag, Some(vr), length(rest.get(HEADER..)?, syntax)??, HEADER + 4)
            }
        };
        let len =
            usize::try_from(len).ok().filter(|len| *len <= LEN_MAX && len.is_multiple_of(2))?;
        let value = rest.get(size..size + len)?;
        let is_text = value.iter().all(|b| matches!(b, b' '..=b'~' | 0));
        has_text |= is_text && len > 2;
        let group_min = if syntax.is_explicit { 0x0002 } else { 0x0008 };
        let is_group = matches!(tag.group(), 0x0002 | 0x0008)
            && tag.group() >= group_min
            && tag.0 & 0xffff < 0x2000;
        // The only value in these groups' beginnings that is no text is their length.
        let is_length = tag.0 & 0xffff == 0 && len == 4;
        let is_plausible = is_group && tag > previous && vr.is_none_or(Vr::is_known);
        if !is_plausible || !(is_text || is_length) || syntax.is_explicit && vr.is_none() {
            return None;
        }
        (at, previous) = (at + size + len, tag);
    }
    // Small integers look like tags, but not like text behind them.
    has_text.then_some(())
}
