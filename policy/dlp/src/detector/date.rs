//! Dates of a person: birth, admission, visits, death (45 CFR 164.514(b)(2)(i)(C)). A date is one of
//! the commonest things in any file, so a label or a verb of care makes it a person's, or, where it
//! is written as people write, the word `patient` beside it. Timestamps of logs, commits and builds
//! are nobody's. Grown from the digits that end it (or, in ISO form, from the year), and valid in
//! the calendar.

mod near;

use super::shape::{Marks, Shape, Values};
use super::{Detector, Match, View};
use crate::finding::{Confidence, Identifier};
use crate::gate::Anchor;
use crate::label::{Families, Family, Label};
use near::may_stand;
pub(super) use near::{may_end_short, may_follow_colon, may_open};

pub(crate) const DATE: Detector = Detector {
    name: "date",
    identifiers: &[Identifier::Date],
    anchors: &[Anchor::Caps, Anchor::Colon, Anchor::Digits],
    shapes: &[
        Shape::written(1 << 4, Marks::ANY, Marks::DASH.or(Marks::DOT).or(Marks::SLASH)),
        Shape::written(1 << 4, PARTS.or(Marks::CODE), Marks::ANY),
        Shape::written(1 << 2, PARTS, Marks::ANY),
        Shape::near_label(
            1 << 8 | 1 << 12 | 1 << 14,
            Families::of(&[
                Family::Admission,
                Family::Birth,
                Family::Death,
                Family::Discharge,
                Family::Event,
            ]),
        ),
    ],
    values: Values::UPPER,
    words: &[],
    may_stand,
    examine,
};

/// What stands between the parts of a date.
const PARTS: Marks = Marks::COMMA.or(Marks::DASH).or(Marks::DOT).or(Marks::SLASH).or(Marks::WORD);
/// Years in which a living or lately dead person can have been born, admitted or discharged.
const YEARS: std::ops::RangeInclusive<u64> = 1880..=2099;

fn examine(view: &View<'_>) -> Option<Match> {
    let (start, end) = match (view.anchor, view.run) {
        (Anchor::Caps, _) => month_and_digit(view, view.at),
        (Anchor::Colon, _) => month_and_digit(view, view.at + 2),
        (_, 2) => slashed(view).or_else(|| named(view)).or_else(|| month_and_day(view)),
        (_, 4) => iso(view)
            .or_else(|| slashed(view))
            .or_else(|| named(view))
            .or_else(|| month_and_year(view)),
        _ => compact(view),
    }?;
    if !view.opens(start) || !closes(view, end) {
        return None;
    }
    let labelled = view.label(start, 40, 4).and_then(|label| confidence_of(view, start, label));
    let clinical = || is_clinical(view, start, end).then_some(Confidence::Medium);
    let confidence = labelled.or_else(clinical)?;
    // Change logs follow up and releases are dated; only birth, death and stays are a person's there.
    let is_release = confidence == Confidence::Medium
        && (is_stamped(view, start, end)
            || is_work_s(view, start, end)
            || view.is_about_software(start, end));
    let confidence = if is_release { Confidence::Low } else { confidence };
    Some(Match { identifier: Identifier::Date, confidence, start, end })
}

/// Whether the date names a piece of work on software: `followup to the 2013-01-30 change`.
fn is_work_s(view: &View<'_>, start: usize, end: usize) -> bool {
    const WORKS: &[&[u8]] = &[b"change", b"changes", b"commit", b"fix", b"patch", b"release"];
    let (word, word_end) = view.word_at(end + 1);
    let ends = !matches!(view.byte(word_end), b' ' | b'-');
    let is_work = view.byte(end) == b' ' && ends && WORKS.contains(&word.as_bytes());
    is_work && !view.is_about_care(start, end)
}

/// Whether a machine wrote the moment: to fractions of a second, in universal time.
fn is_stamped(view: &View<'_>, start: usize, end: usize) -> bool {
    const TIME: usize = "T00:00:00.".len();
    let fraction = end + TIME;
    end == start + "2000-01-01".len()
        && view.byte(end) == b'T'
        && view.byte(fraction - 1) == b'.'
        && view.digits(fraction) > 0
        && view.byte(fraction + view.digits(fraction)) == b'Z'
}

/// As [`View::closes`], but a time may follow (`T10:30`), or the fraction and zone of an HL7 one.
fn closes(view: &View<'_>, end: usize) -> bool {
    let is_stamp = view.run >= 12;
    let has_zone = matches!(view.byte(end), b'+' | b'-') && view.digits(end + 1) == 4;
    let has_fraction = view.byte(end) == b'.' && (1..=6).contains(&view.digits(end + 1));
    view.closes(end)
        || view.byte(end) == b'T' && view.digits(end + 1) == 2
        || is_stamp && (has_zone || has_fraction)
}

fn confidence_of(view: &View<'_>, start: usize, label: Label) -> Option<Confidence> {
    let is_care = matches!(label.family, Family::Admission | Family::Discharge);
    let is_life = matches!(label.family, Family::Birth | Family::Death);
    let is_event = label.family == Family::Event;
    let words = label.gap.words;
    // The stamp of a log's next line, behind a line that ends with such a word.
    let gap = view.part(start.saturating_sub(label.gap.len), start);
    if !is_life && gap.contains(&b'\n') && view.run == 4 && view.at == start {
        return None;
    }
    if is_life && words <= 1 || is_care && words == 0 {
        Some(Confidence::High)
    } else {
        (is_life || is_care || is_event && words <= 2).then_some(Confidence::Medium)
    }
}

/// Whether a date that is written as people write stands beside the word `patient`.
fn is_clinical(view: &View<'_>, start: usize, end: usize) -> bool {
    const NEAR: usize = 48;
    const WORDS: &[&[u8]] = &[b"patient ", b"Patient ", b" pt ", b"Pt "];
    let is_machine_s = view.at == start && view.anchor == Anchor::Digits;
    let before = view.part(start.saturating_sub(NEAR), start);
    let behind = view.bytes.get(end..(end + NEAR).min(view.bytes.len())).unwrap_or_default();
    let ends = |text: &[u8]| WORDS.iter().any(|word| text.ends_with(word));
    let is_near =
        |text: &[u8]| memchr::memchr_iter(b' ', text).any(|at| text.get(..=at).is_some_and(ends));
    !is_machine_s && (is_near(before) || is_near(behind))
}

/// `1980-01-02`, `1980/01/02`, `1980.01.02`.
fn iso(view: &View<'_>) -> Option<(usize, usize)> {
    let start = view.at;
    let separator = view.byte(start + 4);
    let is_shape = matches!(separator, b'-' | b'/' | b'.')
        && view.digits(start + 5) == 2
        && view.byte(start + 7) == separator
        && view.digits(start + 8) == 2;
    let (year, month) = (view.number(start, start + 4)?, view.number(start + 5, start + 7)?);
    let day = view.number(start + 8, start + 10)?;
    (is_shape && is_date(year, month, day)).then_some((start, start + 10))
}

/// `1/2/1980`, `01-02-80`, `2.1.1980`: month first or day first, from the year backward.
fn slashed(view: &View<'_>) -> Option<(usize, usize)> {
    let separator = view.before(view.at, 1);
    if !matches!(separator, b'/' | b'-' | b'.') {
        return None;
    }
    let second = number_before(view, view.at - 1)?;
    let first = number_before(view, second.checked_sub(1).filter(|&i| view.byte(i) == separator)?)?;
    let a = view.number(first, second - 1)?;
    let b = view.number(second, view.at - 1)?;
    let year = year_at(view)?;
    (is_date(year, a, b) || is_date(year, b, a)).then_some((first, view.at + view.run))
}

/// `2-Jan-1980`, `2 January 1980`, `January 2, 1980`, `Jan 2 1980`.
fn named(view: &View<'_>) -> Option<(usize, usize)> {
    let year = year_at(view)?;
    let end = view.at + view.run;
    let upto = skip_before(view, view.at, b" -,/")?;
    if let Some((month_start, month)) = month_before(view, upto) {
        let day_end = skip_before(view, month_start, b" -/.")?;
        let day_end = skip_ordinal(view, day_end);
        let start = number_before(view, day_end)?;
        let day = view.number(start, day_end)?;
        return is_date(year, month, day).then_some((start, end));
    }
    let day_end = skip_ordinal(view, upto);
    let day_start = number_before(view, day_end)?;
    let (start, month) = month_before(view, skip_before(view, day_start, b" .-")?)?;
    let day = view.number(day_start, day_end)?;
    (view.run == 4 && is_date(year, month, day)).then_some((start, end))
}

/// `Apr 23`, where no year follows.
fn month_and_day(view: &View<'_>) -> Option<(usize, usize)> {
    const LEAP_YEAR: u64 = 2000;
    let (start, month) = month_before(view, skip_before(view, view.at, b" .")?)?;
    let end = view.at + view.run;
    let day = view.number(view.at, end)?;
    if let Some(year_end) = year_behind(view, end, month, day) {
        return Some((start, year_end));
    }
    // A year behind it, or the mask of one.
    let is_number = |i| view.byte(i).is_ascii_digit() || view.byte(i) == b'*';
    let goes_on = matches!(view.byte(end), b',' | b' ') && is_number(end + 1)
        || view.byte(end) == b',' && is_number(end + 2);
    (!goes_on && is_date(LEAP_YEAR, month, day)).then_some((start, end))
}

/// Where `, 1956` behind a day ends.
fn year_behind(view: &View<'_>, end: usize, month: u64, day: u64) -> Option<usize> {
    let gap = (end..end + 2).take_while(|&i| matches!(view.byte(i), b',' | b' ')).count();
    let start = end + gap;
    let is_year = gap > 0 && view.digits(start) == 4;
    let year = view.number(start, start + 4).filter(|_| is_year)?;
    is_date(year, month, day).then_some(start + 4)
}

/// `Apr 5` at its capital, where no year follows.
fn month_and_digit(view: &View<'_>, at: usize) -> Option<(usize, usize)> {
    let word_end = view.letters_from(at);
    let gap = usize::from(view.byte(word_end) == b'.') + 1;
    let day = word_end + gap;
    let is_day = view.byte(day - 1) == b' ' && view.digits(day) == 1 && view.byte(day) != b'0';
    if !is_day || !(3..=9).contains(&(word_end - at)) {
        return None;
    }
    let (start, month) = month_before(view, word_end)?;
    let end = day + 1;
    let number = view.number(day, end)?;
    if let Some(year_end) = year_behind(view, end, month, number).filter(|_| start == at) {
        return Some((start, year_end));
    }
    let is_number = |i| view.byte(i).is_ascii_digit() || view.byte(i) == b'*';
    let goes_on = matches!(view.byte(end), b',' | b' ')
        && (is_number(end + 1) || is_number(end + 2))
        || view.byte(end).is_ascii_alphanumeric();
    (start == at && !goes_on).then_some((start, end))
}

/// `January 2024`, `01/2024`: finer than a year.
fn month_and_year(view: &View<'_>) -> Option<(usize, usize)> {
    let end = view.at + view.run;
    let year = view.number(view.at, end).filter(|year| YEARS.contains(year))?;
    if view.before(view.at, 1) == b'/' {
        let start = number_before(view, view.at - 1)?;
        let month = view.number(start, view.at - 1)?;
        return (is_date(year, month, 1) && view.before(start, 1) != b'/').then_some((start, end));
    }
    let (start, _) = month_before(view, skip_before(view, view.at, b" -,")?)?;
    Some((start, end))
}

/// `19800102`, `198001021030`, `19800102103000`: HL7 v2 DT and TS.
fn compact(view: &View<'_>) -> Option<(usize, usize)> {
    let start = view.at;
    let (year, month) = (view.number(start, start + 4)?, view.number(start + 4, start + 6)?);
    let day = view.number(start + 6, start + 8)?;
    let has_time = view.run == 8
        || view.number(start + 8, start + 10)? < 24 && view.number(start + 10, start + 12)? < 60;
    (has_time && is_date(year, month, day)).then_some((start, start + view.run))
}

/// The year in the run at the anchor: four digits, or two of this or the last century.
fn year_at(view: &View<'_>) -> Option<u64> {
    let year = view.number(view.at, view.at + view.run)?;
    match view.run {
        4 => Some(year),
        2 => Some(year + 1900),
        _ => None,
    }
}

/// Where the one or two digits that end at `end` begin.
fn number_before(view: &View<'_>, end: usize) -> Option<usize> {
    let len = (1..=3).take_while(|&back| view.before(end, back).is_ascii_digit()).count();
    (1..=2).contains(&len).then(|| end - len)
}

/// `end` less the separators before it: at least one, at most three.
fn skip_before(view: &View<'_>, end: usize, separators: &[u8]) -> Option<usize> {
    let len = (1..=3).take_while(|&back| separators.contains(&view.before(end, back))).count();
    (len > 0).then(|| end - len)
}

/// `end` less an ordinal's `st`, `nd`, `rd` or `th`.
fn skip_ordinal(view: &View<'_>, end: usize) -> usize {
    let suffix =
        [view.before(end, 2).to_ascii_lowercase(), view.before(end, 1).to_ascii_lowercase()];
    let is_ordinal = matches!(&suffix, b"st" | b"nd" | b"rd" | b"th");
    if is_ordinal && view.before(end, 3).is_ascii_digit() { end - 2 } else { end }
}

/// The English month name or abbreviation that ends at `end`: where it begins, and its number.
fn month_before(view: &View<'_>, end: usize) -> Option<(usize, u64)> {
    const LENS: std::ops::RangeInclusive<usize> = 3..=9;
    let start = view.letters_before(end);
    let word = view.part(start, end);
    let month = month_of(word).filter(|_| LENS.contains(&word.len()))?;
    let is_whole =
        word.len() == 3 || MONTHS.iter().any(|name| word.eq_ignore_ascii_case(name.as_bytes()));
    is_whole.then_some((start, month))
}

/// The month whose name begins as `word` does.
#[inline]
fn month_of(word: &[u8]) -> Option<u64> {
    /// The first letters of the months, a bit for each.
    const FIRST: u32 = 1 << 1 | 1 << 4 | 1 << 6 | 1 << 10 | 1 << 13 | 1 << 14 | 1 << 15 | 1 << 19;
    let first = word.first_chunk::<3>()?.map(|letter| letter | 0x20);
    if FIRST >> (first[0] & 31) & 1 == 0 {
        return None;
    }
    Some(match &first {
        b"jan" => 1,
        b"feb" => 2,
        b"mar" => 3,
        b"apr" => 4,
        b"may" => 5,
        b"jun" => 6,
        b"jul" => 7,
        b"aug" => 8,
        b"sep" => 9,
        b"oct" => 10,
        b"nov" => 11,
        b"dec" => 12,
        _ => return None,
    })
}

/// Month names longer than their usual abbreviation.
const MONTHS: &[&str] = &[
    "january",
    "february",
    "march",
    "april",
    "june",
    "july",
    "august",
    "sept",
    "september",
    "october",
    "november",
    "december",
];

/// Whether the Gregorian calendar has this day.
fn is_date(year: u64, month: u64, day: u64) -> bool {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        _ => return false,
    };
    YEARS.contains(&year) && (1..=days).contains(&day)
}
