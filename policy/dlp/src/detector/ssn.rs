//! Social Security numbers. Rule: area not 000, 666 or 9xx, group not 00, serial not 0000
//! (SSA POMS RM 10201.035). Values that SSA or advertisers printed are told as low, not dropped.
//! Beside them individual taxpayer numbers (IRS Publication 1915: 9xx with certain groups), and the
//! last four digits behind a label.

use super::labelled::LABELLED;
use super::shape::{Marks, Shape, Values};
use super::{Detector, Match, Near, View};
use crate::finding::{Confidence, Identifier};
use crate::gate::Anchor;
use crate::label::{Families, Family, Label};
use crate::word::all;

pub(crate) const SSN: Detector = Detector {
    name: "ssn",
    identifiers: &[Identifier::Ssn],
    anchors: &[Anchor::Digits, Anchor::Mixed],
    shapes: &[
        Shape::written(1 << 3, Marks::ANY, Marks::BLANK.or(Marks::DASH).or(Marks::DOT)),
        Shape::written(1 << 4, Marks::DASH.or(Marks::MARK), Marks::ANY),
        // The last four may stand behind the label of another number too: `ssn on account 4481`.
        Shape::near_label(1 << 4, Families::ANY),
        Shape::near_label(1 << 9, Families::of(&[Family::Ssn, Family::TaxId])),
    ],
    values: Values::NONE,
    words: &[],
    may_stand,
    examine,
};

/// Bytes within which a label must stand before bare digits.
const LABEL_NEAR: usize = 48;
/// Bytes of three groups with separators.
const GROUPED: usize = 11;

/// Bytes before the last four digits in which a word says what they are.
const TOLD_NEAR: usize = 32;

/// Whether one of the words may stand before that [`last_four`] asks for: `last`, `ends`, `ending`.
fn may_be_last(near: &Near<'_>) -> bool {
    const LETTERS: usize = 3;
    let (bytes, at) = near.place();
    let before = bytes.get(..at).and_then(<[u8]>::last_chunk::<{ TOLD_NEAR + LETTERS - 1 }>);
    let Some(before) = before else { return true };
    // Eight places at a time: a byte is zero where all three letters are right.
    let eight = |from: usize| {
        let part = before.get(from..).and_then(<[u8]>::first_chunk);
        part.map_or(0, |part| u64::from_le_bytes(*part) | all(0x20))
    };
    let holds = |[a, b, c]: [u64; LETTERS], word: [u8; LETTERS]| {
        let [first, second, third] = word.map(all);
        let other = (a ^ first) | (b ^ second) | (c ^ third);
        other.wrapping_sub(all(1)) & !other & all(0x80) != 0
    };
    (0..TOLD_NEAR).step_by(8).any(|from| {
        let letters = [eight(from), eight(from + 1), eight(from + 2)];
        holds(letters, *b"las") || holds(letters, *b"end")
    })
}

/// Whether two more groups follow that of three digits; whether a word or a mask stands
/// before the last four; whether a label is glued to a whole number.
fn may_stand(near: &Near<'_>) -> bool {
    match near.run {
        9 if near.anchor == Anchor::Mixed => near.may_be_labelled(0),
        3 if near.anchor == Anchor::Mixed => {
            let is_dashed = near.byte(3) == b'-' && near.byte(6) == b'-';
            is_dashed && near.byte(7).is_ascii_digit() && near.may_be_labelled(0)
        }
        _ if near.anchor == Anchor::Mixed => false,
        3 => {
            let is_pair = near.byte(4).is_ascii_digit() && near.byte(5).is_ascii_digit();
            is_pair && near.byte(6) == near.byte(3) && near.byte(7).is_ascii_digit()
        }
        4 => {
            let word = (1..=4).map(|back| near.before(back)).find(u8::is_ascii_alphanumeric);
            word.is_some_and(|b| b.is_ascii_alphabetic() || b == b'4') && may_be_last(near)
                || near.before(2) == near.before(3) && near.before(1) == near.before(4)
        }
        _ => true,
    }
}

fn examine(view: &View<'_>) -> Option<Match> {
    match view.run {
        _ if view.anchor == Anchor::Mixed => glued(view),
        4 => last_four(view),
        9 => bare(view),
        _ => separated(view),
    }
}

fn is_ssn(family: Family) -> bool {
    matches!(family, Family::Ssn | Family::TaxId)
}

/// `123-45-6789` and `123 45 6789`.
fn separated(view: &View<'_>) -> Option<Match> {
    let start = view.at;
    let end = start + GROUPED;
    let separator = view.byte(start + 3);
    let is_shape = matches!(separator, b'-' | b' ' | b'.')
        && view.digits(start + 4) == 2
        && view.byte(start + 6) == separator
        && view.digits(start + 7) == 4;
    if !is_shape {
        return None;
    }
    let is_labelled = view.label(start, LABEL_NEAR, 6).is_some_and(|l| is_ssn(l.family));
    let is_slug = separator == b'-' && is_in_slug(view, start, end);
    if !stands_free(view, start, end, is_labelled) && !is_slug {
        return None;
    }
    let number = grouped(view, start)?;
    let confidence = match separator {
        _ if is_labelled => Confidence::High,
        _ if view.is_other_number(start) => Confidence::Low,
        b'-' if view.is_soup(start, end) => return None,
        b'-' if is_slug && is_another_s(view, start) => Confidence::Low,
        b'-' if is_slug => Confidence::Medium,
        b'-' => Confidence::High,
        b'.' => return None,
        // Three columns of numbers look the same.
        _ if view.is_in_row(start, end) || view.is_numeric_table(start, end) => return None,
        _ => Confidence::Medium,
    };
    judged(number, confidence, start, end)
}

/// `SSN219-45-6183` and `ssn219456183`: behind letters that are a label and nothing else.
fn glued(view: &View<'_>) -> Option<Match> {
    let start = view.at;
    let label = view.label(start, LABEL_NEAR, 0).filter(|label| is_ssn(label.family))?;
    // Words that join (`ssnNumber`) may be between, marks may not.
    let between = view.part(start - label.gap.len.min(start), start);
    if !between.iter().all(u8::is_ascii_alphabetic) {
        return None;
    }
    let is_dash = |at| view.byte(at) == b'-';
    let is_dashed = is_dash(start + 3) && is_dash(start + 6);
    let (number, end) = if view.run == 9 {
        (view.number(start, start + 9)?, start + 9)
    } else if is_dashed {
        (grouped(view, start)?, start + GROUPED)
    } else {
        return None;
    };
    let closes = view.closes(end) || view.closes_joined(end);
    closes.then(|| judged(number, Confidence::High, start, end))?
}

/// The number of three groups, with any separators.
fn grouped(view: &View<'_>, start: usize) -> Option<u64> {
    let area = view.number(start, start + 3)?;
    let group = view.number(start + 4, start + 6)?;
    Some(area * 1_000_000 + group * 10_000 + view.number(start + 7, start + GROUPED)?)
}

/// Whether the value is no part of a longer one. A label may be joined to it, as in file names.
fn stands_free(view: &View<'_>, start: usize, end: usize, is_labelled: bool) -> bool {
    let opens = view.opens(start) || is_labelled && view.opens_joined(start);
    let closes = view.closes(end) || is_labelled && view.closes_joined(end);
    opens && closes
}

/// Whether words are joined to the front of the value, and perhaps to its end, as in the segment of a
/// path or the name of a file: `jane-doe-219-45-6183`. Codes have digits in their other parts, too.
fn is_in_slug(view: &View<'_>, start: usize, end: usize) -> bool {
    const SLUG_MAX: usize = 64;
    if !view.opens_joined(start) || !view.closes(end) && !view.closes_joined(end) {
        return false;
    }
    let before = (1..=SLUG_MAX).map(|back| view.before(start, back));
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    before.take_while(is_part).all(|byte| !byte.is_ascii_digit())
}

/// Whether the word that is joined to a value says what other number it is, which is then told as such.
fn is_another_s(view: &View<'_>, start: usize) -> bool {
    let is_number = |label: Label| {
        let identifier = label.family.identifier();
        identifier.is_some_and(|identifier| LABELLED.identifiers.contains(&identifier))
    };
    view.label(start, LABEL_NEAR, 0).is_some_and(is_number)
}

/// Nine digits behind a label.
fn bare(view: &View<'_>) -> Option<Match> {
    let (start, end) = (view.at, view.at + 9);
    let label = view.label(start, LABEL_NEAR, 6).filter(|l| is_ssn(l.family))?;
    if !stands_free(view, start, end, true) {
        return None;
    }
    let confidence = if label.gap.words <= 2 { Confidence::High } else { Confidence::Medium };
    judged(view.number(start, end)?, confidence, start, end)
}

/// `XXX-XX-6183`, `***-**-6183`, or four digits behind a label and the word for what they are.
fn last_four(view: &View<'_>) -> Option<Match> {
    const MASKED: usize = 7;
    const TOLD: usize = 24;
    let end = view.at + 4;
    let label = |start| view.label(start, LABEL_NEAR, 4).filter(|l| is_ssn(l.family));
    let masked = view.part(view.at.saturating_sub(MASKED), view.at);
    let start = if is_masked(masked) {
        label(view.at - MASKED)?;
        view.at - MASKED
    } else {
        // Behind a word, or `last 4`: not behind other numbers.
        let mut near = (1..=4).map(|back| view.before(view.at, back));
        let near = near.find(u8::is_ascii_alphanumeric)?;
        if near.is_ascii_digit() && near != b'4' {
            return None;
        }
        // `last 4` is no other number.
        let told = view.at - TOLD.min(view.at);
        let counted = || {
            let near = view.part(told, view.at);
            memchr::memchr2(b'l', b'L', near)?;
            near.windows(4).rposition(|w| w.eq_ignore_ascii_case(b"last"))
        };
        label(view.at).or_else(|| label(told + counted()?))?;
        let is_last = view.mentions(view.at, TOLD_NEAR, &["last", "ending", "ends", "lastfour"]);
        is_last.then_some(view.at)?
    };
    let opens = view.before(start, 1);
    let is_free = !opens.is_ascii_alphanumeric() && !matches!(opens, b'*' | b'-' | b'.');
    (is_free && view.closes(end)).then_some(Match {
        identifier: Identifier::Ssn,
        confidence: Confidence::Medium,
        start,
        end,
    })
}

/// Whether `text` hides the first five digits: `XXX-XX-`, `***-**-`, `###-##-`.
fn is_masked(text: &[u8]) -> bool {
    let &[a, b, c, first, d, e, second] = text else { return false };
    let hides = |mark: u8| [a, b, c, d, e].iter().all(|byte| *byte == mark);
    first == second && matches!(first, b'-' | b' ') && b"xX*#".iter().any(|mark| hides(*mark))
}

fn judged(number: u64, confidence: Confidence, start: usize, end: usize) -> Option<Match> {
    let confidence = match kind_of(number)? {
        Kind::Printed => Confidence::Low,
        Kind::Ssn | Kind::Itin => confidence,
    };
    Some(Match { identifier: Identifier::Ssn, confidence, start, end })
}

/// What nine digits can be.
enum Kind {
    /// An individual taxpayer number.
    Itin,
    /// A number that was printed for all to see.
    Printed,
    /// A Social Security number.
    Ssn,
}

fn kind_of(number: u64) -> Option<Kind> {
    let (area, group, serial) = (number / 1_000_000, number / 10_000 % 100, number % 10_000);
    if is_printed_value(number) {
        Some(Kind::Printed)
    } else if area >= 900 {
        matches!(group, 50..=65 | 70..=88 | 90..=92 | 94..=99).then_some(Kind::Itin)
    } else {
        (area != 0 && area != 666 && group != 0 && serial != 0).then_some(Kind::Ssn)
    }
}

/// Whether nine digits can be a number of either kind.
pub(crate) fn is_plausible(digits: &[u8]) -> bool {
    let number = digits.iter().fold(0, |value, b| value * 10 + u64::from(b.saturating_sub(b'0')));
    digits.len() == 9 && kind_of(number).is_some()
}

/// Numbers known from wallets and pamphlets, the range kept for advertisements (987-65-4320 to 4329),
/// and those whose three groups repeat one digit each, which are typed to fill a form (`111-22-3333`):
/// fewer than one in a million of those that were issued.
fn is_printed_value(number: u64) -> bool {
    let is_typed = !matches!(number / 1_000_000, 0 | 666 | 900..)
        && !matches!((number / 10_000 % 100, number % 10_000), (0, _) | (_, 0))
        && (number / 1_000_000).is_multiple_of(111)
        && (number / 10_000 % 100).is_multiple_of(11)
        && (number % 10_000).is_multiple_of(1111);
    is_typed || matches!(number, 78_051_120 | 219_099_999 | 987_654_320..=987_654_329)
}
