//! Ages over 89 (45 CFR 164.514(b)(2)(i)(C)): `92 y/o`, `aged 95`, `age: 101`, `95F with`, DICOM's
//! `093Y`. Only the number is the finding. A number alone is none: a unit, a label or a sex says it.

use super::shape::{Marks, Shape, Values, runs};
use super::word::Lower;
use super::{Detector, Match, Near, View};
use crate::finding::{Confidence, Identifier};
use crate::gate::Anchor;
use crate::label::{Families, Family};

pub(crate) const AGE: Detector = Detector {
    name: "age",
    identifiers: &[Identifier::Age],
    anchors: &[Anchor::Digits],
    shapes: &[
        Shape::written(AGE_RUNS, Marks::ANY, Marks::BLANK.or(Marks::DASH).or(Marks::LETTER)),
        Shape::labelled(AGE_RUNS, Families::of(&[Family::Age])),
    ],
    values: Values::NONE,
    words: &[],
    may_stand,
    examine,
};

/// Digits of an age that the rule withholds.
const AGE_RUNS: u32 = runs(2, 3);
/// Ages that the rule withholds; nobody has been older.
const AGES: std::ops::RangeInclusive<u64> = 90..=125;

/// Whether the number is an age that the rule withholds.
#[inline]
pub(super) fn may_stand(near: &Near<'_>) -> bool {
    let digit = |at| u64::from(near.byte(at).wrapping_sub(b'0'));
    let tens = digit(0) * 10 + digit(1);
    AGES.contains(&if near.run == 3 { tens * 10 + digit(2) } else { tens })
}

fn examine(view: &View<'_>) -> Option<Match> {
    let (start, end) = (view.at, view.at + view.run);
    if view.byte(end).is_ascii_alphabetic() {
        return suffixed(view);
    }
    if !view.opens(start) || matches!(view.byte(end), b'%' | b':') {
        return None;
    }
    let confidence = match unit(view, end) {
        Unit::Old => Confidence::High,
        Unit::Years | Unit::None => labelled(view, start)?,
        Unit::Other => return None,
    };
    let is_open = view.closes(end) || view.byte(end) == b'-' && view.byte(end + 1) != b'*';
    is_open.then_some(Match { identifier: Identifier::Age, confidence, start, end })
}

/// What stands behind the number.
enum Unit {
    /// `y/o`, `years old`.
    Old,
    /// `years`: of whatever.
    Years,
    /// Another unit.
    Other,
    /// No unit.
    None,
}

fn unit(view: &View<'_>, end: usize) -> Unit {
    let first = end + usize::from(matches!(view.byte(end), b' ' | b'-'));
    let (word, word_end) = view.word_at(first);
    match word.as_bytes() {
        b"yo" | b"yom" | b"yof" => Unit::Old,
        b"y" => {
            let is_old = matches!(view.byte(word_end), b'/' | b'.')
                && view.byte(word_end + 1).eq_ignore_ascii_case(&b'o');
            if is_old { Unit::Old } else { Unit::None }
        }
        b"year" | b"years" | b"yr" | b"yrs" => {
            let next = word_end + usize::from(view.byte(word_end) == b'.');
            let next = next + usize::from(matches!(view.byte(next), b' ' | b'-'));
            let (word, word_end) = view.word_at(next);
            match word.as_bytes() {
                b"old" | b"olds" => Unit::Old,
                b"of" if view.word_at(word_end + 1).0.as_bytes() == b"age" => Unit::Old,
                _ => Unit::Years,
            }
        }
        b"s" | b"ms" | b"us" | b"ns" | b"sec" | b"secs" | b"second" | b"seconds" | b"min"
        | b"mins" | b"minute" | b"minutes" | b"h" | b"hr" | b"hrs" | b"hour" | b"hours" | b"d"
        | b"day" | b"days" | b"week" | b"weeks" | b"wk" | b"wks" | b"mo" | b"month" | b"months"
        | b"percent" | b"mg" | b"kg" | b"cm" | b"mm" => Unit::Other,
        _ => Unit::None,
    }
}

/// `aged 95`, `age: 101`.
fn labelled(view: &View<'_>, start: usize) -> Option<Confidence> {
    let label = view.label(start, 16, 0).filter(|l| l.family == Family::Age)?;
    let gap = view.part(start - label.gap.len, start);
    if gap.windows(3).any(|part| part == b" **") {
        return None;
    }
    if is_defined(view, start) && !view.is_about_care(start, start) {
        return Some(Confidence::Low);
    }
    // In JSON the key path says whose it is, and caches and queues have ages as well.
    if gap.starts_with(b"\":") {
        return Some(Confidence::Low);
    }
    // `max-age=100`, `age=95` are how programs count seconds.
    let is_code = view.before(start, 1) == b'=' && label.gap.len == 1;
    let is_number = is_code && view.byte(view.at + view.run) == b',';
    (!is_number).then_some(if is_code { Confidence::Medium } else { Confidence::High })
}

/// Whether a macro of C is defined as the number: `#define CACHE_AGE 123`.
fn is_defined(view: &View<'_>, start: usize) -> bool {
    const LINE_MAX: usize = 64;
    let line = view.part(start.saturating_sub(LINE_MAX), start);
    let line = line.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    line.trim_ascii_start().starts_with(b"#define ")
}

/// `95yo`, `95F with`, `093Y`.
fn suffixed(view: &View<'_>) -> Option<Match> {
    let (start, end, len) = (view.at, view.at + view.run, view.run);
    let number = view.number(start, end).filter(|n| AGES.contains(n))?;
    if !view.opens(start) {
        return None;
    }
    let (word, word_end) = view.word_at(end);
    let closes = !view.byte(word_end).is_ascii_digit();
    let confidence = match view.part(end, word_end) {
        b"y" if matches!(view.part(word_end, word_end + 2), b"/o" | b".o") => Confidence::High,
        b"Y" if len == 3 && closes => dicom(view, start)?,
        b"F" | b"M" if presents(view, word_end) => Confidence::Medium,
        _ => match word.as_bytes() {
            b"yo" | b"yom" | b"yof" if closes => Confidence::High,
            b"yr" | b"yrs" | b"year" | b"years" if number < 120 => match unit(view, end) {
                Unit::Old => Confidence::High,
                Unit::Years | Unit::Other | Unit::None => labelled(view, start)?,
            },
            _ => return None,
        },
    };
    Some(Match { identifier: Identifier::Age, confidence, start, end })
}

/// DICOM's AS: three digits and a `Y` (PS3.5 6.2). Without a label only where it stands alone.
fn dicom(view: &View<'_>, start: usize) -> Option<Confidence> {
    let label = view.label(start, 16, 0);
    if label.is_some_and(|l| l.family == Family::Age) {
        return Some(Confidence::High);
    }
    (view.byte(start) == b'0' && !view.is_soup(start, start + 3)).then_some(Confidence::Medium)
}

/// Whether a clinical verb or preposition follows: `95F with`, `92M s/p`.
fn presents(view: &View<'_>, end: usize) -> bool {
    const WORDS: &[&[u8]] = &[
        b"w",
        b"with",
        b"who",
        b"admitted",
        b"presents",
        b"presented",
        b"presenting",
        b"c",
        b"s",
        b"h",
        b"hx",
        b"pmh",
        b"found",
        b"seen",
        b"transferred",
        b"brought",
        b"from",
        b"p",
    ];
    let (word, word_end) = view.word_at(end + 1);
    let word: Lower = word;
    let is_short = word.as_bytes().len() == 1;
    view.byte(end) == b' '
        && WORDS.contains(&word.as_bytes())
        && (!is_short || view.byte(word_end) == b'/')
}
