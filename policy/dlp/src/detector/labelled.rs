//! Values that have no shape of their own: only a label that stands directly before makes one. This
//! room finds the value and its label once; each family's room says whether the value is plausible.
//! Invariant: no label, no finding; a mask is no value.

mod doubt;

use super::shape::{Marks, Shape, Values, runs};
use super::{Detector, Match, Near, View};
use super::{account, device, health_plan, license, mrn, other_id};
use crate::finding::{Confidence, Identifier};
use crate::gate::Anchor;
use crate::label::{Families, Family, Label};

pub(crate) const LABELLED: Detector = Detector {
    name: "label",
    identifiers: &[
        Identifier::Account,
        Identifier::Device,
        Identifier::HealthPlan,
        Identifier::License,
        Identifier::Mrn,
        Identifier::OtherId,
    ],
    anchors: &[Anchor::Digits, Anchor::Mixed],
    shapes: &[
        Shape::labelled(runs(2, 24), FAMILIES),
        Shape::written(runs(2, 24), Marks::DASH, Marks::ANY),
    ],
    values: Values::NONE,
    words: &[],
    may_stand,
    examine,
};

/// What [`weigh`] knows.
const FAMILIES: Families = Families::of(&[
    Family::Accession,
    Family::Account,
    Family::Device,
    Family::HealthPlan,
    Family::Imei,
    Family::License,
    Family::Member,
    Family::Mrn,
    Family::Passport,
    Family::PatientId,
    Family::StudyId,
]);
/// Bytes between a label and its value.
const LABEL_NEAR: usize = 28;
/// Bytes of the longest value, a UUID.
const VALUE_MAX: usize = 36;
/// Letters of the longest abbreviation of a label.
const ABBREVIATION_MAX: usize = 5;
/// Letters of the longest prefix that a value has (`GRP-193847`).
const PREFIX_MAX: usize = 24;

/// What numbers begin with that are public, or none.
const PUBLIC: &[&str] = &["0x", "CVE-", "CWE-", "ISO", "RFC", "SHA", "UTF", "X509", "x0"];

/// A value behind its label.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Value<'a> {
    /// As it is written, with dashes and blanks within.
    pub(crate) text: &'a [u8],
    pub(crate) digits: usize,
    pub(crate) letters: usize,
    /// What the label says beside its family.
    pub(crate) announced: Announced,
}

/// How a label says that a value follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Announced {
    /// By a word for a number: `no`, `#`, `id`.
    Number,
    /// By a mark: `:`, `=`, a quote, a separator of fields.
    Mark,
    /// By standing there alone.
    Bare,
}

impl Value<'_> {
    /// Letters and digits, how many.
    pub(crate) fn len(&self) -> usize {
        self.digits + self.letters
    }

    /// Whether it is written as a UUID (RFC 9562 section 4).
    pub(crate) fn is_uuid(&self) -> bool {
        is_uuid(self.text)
    }

    /// Whether a small letter is among its letters.
    pub(crate) fn has_lower(&self) -> bool {
        self.text.iter().any(u8::is_ascii_lowercase)
    }

    /// Whether it is a small number of a program with its type: `10i32`.
    fn is_literal(&self) -> bool {
        const DIGITS_MAX: usize = 4;
        const TYPES: &[&[u8]] = &[b"8", b"16", b"32", b"64", b"128"];
        let digits = self.text.iter().take_while(|b| b.is_ascii_digit()).count();
        match self.text.get(digits..) {
            Some([b'f' | b'i' | b'u', bits @ ..]) => {
                (1..=DIGITS_MAX).contains(&digits) && TYPES.contains(&bits)
            }
            _ => false,
        }
    }

    /// Whether it may be a number at all: not only zeros, not hexadecimal, of one case, no name of
    /// a part or a standard (`pl2303`, `rfc4519`, `CVE-2025-40273`).
    fn is_plausible(&self) -> bool {
        const LOWER_MAX: usize = 2;
        let count = |kind: fn(&&u8) -> bool| self.text.iter().filter(kind).count();
        let lower = count(|b| b.is_ascii_lowercase());
        let is_even = lower == 0 || lower == self.letters;
        let is_word = lower > LOWER_MAX && !self.text.contains(&b'-') && !self.is_uuid();
        let is_float = self.letters == 1 && self.text.get(1) == Some(&b'e');
        let starts = |known: &&str| {
            let start = self.text.get(..known.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(known.as_bytes()))
        };
        count(|b| matches!(b, b'1'..=b'9')) > 0
            && is_even
            && !is_word
            && !is_float
            && !self.is_literal()
            && !PUBLIC.iter().any(starts)
    }
}

/// Whether `text` is written as a UUID: 8-4-4-4-12 hexadecimal digits.
pub(crate) fn is_uuid(text: &[u8]) -> bool {
    const DASHES: [usize; 4] = [8, 13, 18, 23];
    let Ok(text) = <&[u8; 36]>::try_from(text) else { return false };
    // Without branches, so that it takes many bytes at once.
    let is_digit = |b: u8| ((b | 0x20).wrapping_sub(b'a') < 6) | (b.wrapping_sub(b'0') < 10);
    DASHES.iter().all(|at| text.get(*at) == Some(&b'-'))
        && text.iter().map(|b| u8::from(is_digit(*b))).sum::<u8>() == 32
}

fn examine(view: &View<'_>) -> Option<Match> {
    let first = token_start(view)?;
    let (start, label) = labelled_start(view, first)?;
    let end = value_end(view, start);
    let opens = start > first || view.opens(start) || view.opens_joined(start);
    // Manuals of roff escape the dash of a longer one.
    let goes_on = view.byte(end) == b'/' || view.part(end, end + 2) == b"\\-";
    let closes = view.closes(end) && !goes_on || view.closes_joined(end);
    if !opens || !closes {
        return None;
    }
    let value = value_of(view, (start, end), label);
    if !value.is_plausible() || is_date(value.text) {
        return None;
    }
    let (identifier, confidence) = weigh(label.family, &value)?;
    let is_sure = confidence > Confidence::Low;
    let confidence = if is_sure && doubt::is_doubtful(view, label.family, &value, (start, end)) {
        Confidence::Low
    } else {
        confidence
    };
    Some(Match { identifier, confidence, start, end })
}

/// Whether more than digits stand here that are fewer than any family's value has, and a label may stand
/// before a code that begins with digits, or in one that begins with letters.
fn may_stand(near: &Near<'_>) -> bool {
    const LEN_MIN: usize = 4;
    let glued = usize::from(near.anchor == Anchor::Digits && near.before(1) == b'-');
    if near.anchor != Anchor::Digits || glued > 0 {
        let part = (glued + 1..Near::BEFORE)
            .take_while(|back| near.before(*back).is_ascii_alphanumeric())
            .count();
        let back = glued + part;
        let is_first = part > 0 && near.before(back + 1) != b'-' && back + 1 < Near::BEFORE;
        let may_be_within = !near.before(back).is_ascii_digit()
            && (near.anchor == Anchor::Digits || near.may_be_labelled(0));
        return !is_first || may_be_within || near.may_be_labelled(back);
    }
    let next = near.byte(near.run);
    let goes_on = next.is_ascii_alphanumeric()
        || next == b'-'
        || next == b' ' && near.byte(near.run + 1).is_ascii_digit();
    near.run >= LEN_MIN || goes_on
}

/// Where the token around the anchor begins: letters, digits and single dashes. Nothing where an
/// earlier part of it has an anchor of its own, which has been judged.
fn token_start(view: &View<'_>) -> Option<usize> {
    const UNANCHORED_MAX: usize = 3;
    let mut start = view.at;
    while view.before(start, 1).is_ascii_alphanumeric() {
        start -= 1;
        if view.at - start > PREFIX_MAX {
            return None;
        }
    }
    while view.before(start, 1) == b'-' && view.before(start, 2).is_ascii_alphanumeric() {
        let (part, end) = view.token(start - 2);
        let text = view.part(part, end);
        let letters = text.iter().filter(|b| b.is_ascii_alphabetic()).count();
        let is_short = text.len() == 1 || letters > 0 && text.len() <= UNANCHORED_MAX;
        if letters < text.len() && !is_short || view.at - part > PREFIX_MAX {
            return None;
        }
        start = part;
    }
    Some(start)
}

/// Where the value begins in the token from `first` on, and its label: the token itself, or what
/// stands behind words that are joined to it (`mrn-4481723`, `MRN4481723`).
fn labelled_start(view: &View<'_>, first: usize) -> Option<(usize, Label)> {
    let mut start = first;
    loop {
        if follows_word(view, start)
            && let Some(label) = view.label(start, LABEL_NEAR, 0)
            && joins(view, start, label)
        {
            let is_glued = view.before(start, 1).is_ascii_alphabetic();
            let is_digits = view.digits(start) >= 6
                && !view.byte(start + view.digits(start)).is_ascii_alphanumeric();
            let is_whole = !is_glued || label.family == Family::Mrn && is_digits;
            return is_whole.then_some((start, label));
        }
        let rest = view.bytes.get(start..=view.at)?;
        let letters = rest.iter().take_while(|b| b.is_ascii_alphabetic()).count();
        if letters == 0 {
            return None;
        }
        start += letters + usize::from(view.byte(start + letters) == b'-');
    }
}

/// Whether what lies between a label and a value may join them: no end of a sentence or statement,
/// on another line nothing but marks of a form, and no mark of base 64 behind the tail of a word.
pub(super) fn joins(view: &View<'_>, start: usize, label: Label) -> bool {
    let label_end = start - label.gap.len.min(start);
    let gap = view.part(label_end, start);
    let ends = gap.iter().any(|b| b";!?`".contains(b));
    let is_form = |b: &u8| b.is_ascii_alphabetic() || b" \t\r\n:=|\"'*-_>".contains(b);
    let is_broken = gap.contains(&b'\n') && !gap.iter().all(is_form);
    let capitals = view.part(0, label_end).iter().rev().take_while(|b| b.is_ascii_uppercase());
    let is_tail = view.before(label_end - capitals.count(), 1).is_ascii_alphanumeric();
    // An abbreviation has a full stop (`acct. 4481`), any other word ends a sentence with it.
    let word = view.part(0, label_end).iter().rev().take_while(|b| b.is_ascii_alphabetic()).count();
    let is_sentence = gap.starts_with(b". ") && word > ABBREVIATION_MAX;
    let is_base64 = matches!(gap, [b'/' | b'+']) && is_tail;
    !ends && !is_broken && !is_sentence && !is_base64
}

/// Whether a letter stands before `start` with nothing but a few marks between. A cheap way out of
/// tables of numbers.
fn follows_word(view: &View<'_>, start: usize) -> bool {
    const MARKS_MAX: usize = 20;
    (1..=MARKS_MAX)
        .map(|back| view.before(start, back))
        .find(|b| b.is_ascii_alphanumeric() || *b == 0)
        .is_some_and(|b| b.is_ascii_alphabetic())
}

/// Where a value ends: letters and digits with single dashes, or groups of digits with single
/// blanks (`448 172 390`).
fn value_end(view: &View<'_>, start: usize) -> usize {
    let mut end = start;
    while end - start <= VALUE_MAX {
        let is_dash = end > start && view.byte(end) == b'-';
        let joins = is_dash && view.byte(end + 1).is_ascii_alphanumeric();
        if !(view.byte(end).is_ascii_alphanumeric() || joins) {
            break;
        }
        end += 1;
    }
    let mut groups = 1;
    let mut grouped = end;
    while groups < 5 && view.byte(grouped) == b' ' && (2..=4).contains(&view.digits(grouped + 1)) {
        grouped += 1 + view.digits(grouped + 1);
        groups += 1;
    }
    let is_group = (2..=4).contains(&(end - start)) && view.digits(start) == end - start;
    if is_group && groups > 2 && !view.byte(grouped).is_ascii_alphanumeric() {
        grouped
    } else {
        end
    }
}

fn value_of<'a>(view: &View<'a>, (start, end): (usize, usize), label: Label) -> Value<'a> {
    let text = view.part(start, end);
    Value {
        text,
        digits: text.iter().filter(|b| b.is_ascii_digit()).count(),
        letters: text.iter().filter(|b| b.is_ascii_alphabetic()).count(),
        announced: announced(view, start, label),
    }
}

/// How what stands before `start` announces it.
fn announced(view: &View<'_>, start: usize, label: Label) -> Announced {
    const NUMBERS: &[&str] =
        &["id", "identifier", "nbr", "no", "nr", "num", "number", "numbers", "locator", "uid"];
    const LONGEST: usize = 10;
    let gap = view.part(start - label.gap.len.min(start), start);
    let is_letter = |b: &&u8| b.is_ascii_alphabetic();
    let before = view.part(0, start);
    let marks = before.iter().rev().take_while(|b| !b.is_ascii_alphabetic()).count();
    let before = before.get(..start - marks).unwrap_or_default();
    let letters = before.iter().rev().take(LONGEST).take_while(is_letter).count();
    let word = before.get(before.len() - letters..).unwrap_or_default();
    let ends = |number: &&str| {
        let tail = word.len().checked_sub(number.len()).and_then(|from| word.get(from..));
        tail.is_some_and(|tail| tail.eq_ignore_ascii_case(number.as_bytes()))
    };
    if gap.contains(&b'#') || NUMBERS.iter().any(ends) {
        Announced::Number
    } else if gap.iter().any(|b| b":=|\"'>*".contains(b)) {
        Announced::Mark
    } else {
        Announced::Bare
    }
}

/// Whether `text` is a date with dashes: they follow labels of numbers too (`policy 2024-05-01`).
fn is_date(text: &[u8]) -> bool {
    let is_shape = |shape: &[u8]| {
        let fits = |(b, s): (&u8, &u8)| if *s == b'-' { *b == b'-' } else { b.is_ascii_digit() };
        text.len() == shape.len() && text.iter().zip(shape).all(fits)
    };
    is_shape(b"1234-12-12") || is_shape(b"12-12-1234")
}

/// What a value is that a label of `family` announces.
fn weigh(family: Family, value: &Value<'_>) -> Option<(Identifier, Confidence)> {
    let confidence = match family {
        Family::Mrn | Family::PatientId => mrn::weigh(family, value),
        Family::HealthPlan | Family::Member => health_plan::weigh(family, value),
        Family::Account => account::weigh(value),
        Family::License | Family::Passport => license::weigh(family, value),
        Family::Device | Family::Imei => device::weigh(family, value),
        Family::Accession | Family::StudyId => other_id::weigh(family, value),
        Family::Address
        | Family::Admission
        | Family::Age
        | Family::AnyName
        | Family::Biometric
        | Family::Birth
        | Family::Card
        | Family::City
        | Family::Clinician
        | Family::Contact
        | Family::Dea
        | Family::Death
        | Family::Discharge
        | Family::Email
        | Family::Event
        | Family::Fax
        | Family::Iban
        | Family::Ip
        | Family::Mac
        | Family::Name
        | Family::Npi
        | Family::Other
        | Family::Phone
        | Family::Photo
        | Family::Plate
        | Family::Routing
        | Family::Ssn
        | Family::TaxId
        | Family::Url
        | Family::Vin
        | Family::Zip => None,
    }?;
    Some((family.identifier()?, confidence))
}
