//! Telephone and fax numbers. North American rule (NANPA): area and exchange begin with 2-9 and are
//! not N11, an area's middle digit is not 9; 555-0100 to 555-0199 are fictitious and 555-1212 is
//! directory assistance (ATIS-0300115), told as low. International: `+`, E.164 length.

use super::shape::{Marks, Shape, Values, runs};
use super::{Detector, Match, Near, RUN_MAX, View};
use crate::finding::{Confidence, Identifier};
use crate::gate::Anchor;
use crate::label::{Families, Family};

pub(crate) const PHONE: Detector = Detector {
    name: "phone",
    identifiers: &[Identifier::Phone, Identifier::Fax],
    anchors: &[Anchor::Digits],
    shapes: &[
        Shape::written(1 << 3, Marks::ANY, SEPARATORS.or(Marks::CLOSE)),
        Shape::written(runs(2, 15), Marks::PLUS, Marks::ANY),
        Shape::labelled(runs(2, 15), Families::of(&[Family::Contact, Family::Fax, Family::Phone])),
    ],
    values: Values::NONE,
    words: &[],
    may_stand,
    examine,
};

/// What stands between the parts of a number.
const SEPARATORS: Marks = Marks::BLANK.or(Marks::DASH).or(Marks::DOT).or(Marks::SLASH);

/// Whether another group of digits follows, a parenthesis or plus stands before, or all of a number's
/// digits stand together.
fn may_stand(near: &Near<'_>) -> bool {
    // No country's code begins with 0, and behind that of North America the number stands alone.
    let is_international = near.before(1) == b'+' && !matches!(near.byte(0), b'0' | b'1');
    if near.before(1) == b'(' || is_international || matches!(near.run, 10 | 11) {
        return true;
    }
    let (mark, next) = (near.byte(near.run), near.byte(near.run + 1));
    let is_next = next.is_ascii_digit() || near.byte(near.run + 2).is_ascii_digit();
    let goes_on = matches!(mark, b' ' | b'-' | b'.' | b')' | b'/') && (is_next || next == b'(');
    let is_separated = || {
        near.run == 3
            && (4..7).all(|at| near.byte(at).is_ascii_digit())
            && matches!(near.byte(7), b' ' | b'-' | b'.')
            && near.byte(8).is_ascii_digit()
    };
    (goes_on || mark == b'(') && (is_separated() || near.may_be_labelled(0))
}

fn examine(view: &View<'_>) -> Option<Match> {
    let found = match view.run {
        3 => separated(view).or_else(|| international(view)).or_else(|| labelled(view)),
        10 | 11 => bare(view).or_else(|| international(view)),
        _ => international(view).or_else(|| labelled(view)),
    }?;
    let is_fax = found.identifier == Identifier::Fax || is_fax_behind(view, found.end);
    let identifier = if is_fax { Identifier::Fax } else { found.identifier };
    // A number that nothing announces is an example or a publisher's there.
    let is_example = found.confidence > Confidence::Low
        && view.label(found.start, 40, 4).is_none_or(|l| reach(l.family).is_none())
        && view.is_about_software(found.start, found.end);
    let confidence = if is_example { Confidence::Low } else { found.confidence };
    Some(Match { identifier, confidence, end: extension(view, found.end), ..found })
}

/// Whether `fax` stands directly behind: `736-5000 (fax)`, `736-5000-Fax`.
fn is_fax_behind(view: &View<'_>, end: usize) -> bool {
    let gap = (end..end + 2).take_while(|&i| matches!(view.byte(i), b' ' | b'(' | b'-')).count();
    let (word, word_end) = view.word_at(end + gap);
    gap > 0 && matches!(word.as_bytes(), b"fax" | b"facsimile") && view.byte(word_end) != b':'
}

/// Where ` x123`, ` ext. 123` behind a number ends, or the number itself.
fn extension(view: &View<'_>, end: usize) -> usize {
    const DIGITS: std::ops::RangeInclusive<usize> = 1..=6;
    let gap = (end..end + 2).take_while(|&i| matches!(view.byte(i), b' ' | b',')).count();
    let (word, word_end) = view.word_at(end + gap);
    if !matches!(word.as_bytes(), b"x" | b"ext" | b"extn" | b"extension") {
        return end;
    }
    let stop = word_end + usize::from(view.byte(word_end) == b'.');
    let start = stop + usize::from(view.byte(stop) == b' ');
    let len = view.digits(start);
    if DIGITS.contains(&len) && view.closes(start + len) { start + len } else { end }
}

/// How a number is written: the more deliberate, the surer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `(212) 736-5000`, `212-736-5000`.
    Phone,
    /// `212.736.5000`, `212 736 5000`: columns and versions look alike.
    Loose,
}

/// `212-736-5000` and its like, with or without `+1`, parentheses, dots, spaces.
fn separated(view: &View<'_>) -> Option<Match> {
    let area = view.at;
    let is_in_parentheses = view.before(area, 1) == b'(' && view.byte(area + 3) == b')';
    let (exchange, form) = if is_in_parentheses {
        let skip = usize::from(matches!(view.byte(area + 4), b' ' | b'-' | b'.'));
        (area + 4 + skip, Form::Phone)
    } else {
        match view.byte(area + 3) {
            b'-' => (area + 4, Form::Phone),
            b'.' | b' ' | b'/' => (area + 4, Form::Loose),
            _ => return None,
        }
    };
    let separator = view.byte(exchange + 3);
    let is_even = separator == view.byte(area + 3)
        || separator == b'-' && view.byte(area + 3) != b'.'
        || is_in_parentheses;
    let is_shape = view.digits(exchange) == 3
        && matches!(separator, b'-' | b'.' | b' ')
        && view.digits(exchange + 4) == 4;
    if !is_even || !is_shape {
        return None;
    }
    let end = exchange + 8;
    if !view.closes(end) && extension(view, end) == end {
        return None;
    }
    let start = opening(view, if is_in_parentheses { area - 1 } else { area })?;
    let form = if separator == b'-' { Form::Phone } else { form };
    let base = match form {
        Form::Phone => Confidence::Medium,
        Form::Loose if view.is_numeric_table(start, end) || view.is_in_row(start, end) => {
            return None;
        }
        Form::Loose if is_list_s(view, start) => Confidence::Low,
        Form::Loose => Confidence::Medium,
    };
    let number = view.number(area, area + 3)? * 10_000_000
        + view.number(exchange, exchange + 3)? * 10_000
        + view.number(exchange + 4, end)?;
    judged(view, number, base, (start, end))
}

/// Whether tests are listed by their numbers: `failed tests: 571 612 1056`.
fn is_list_s(view: &View<'_>, start: usize) -> bool {
    const LISTED: &[&[u8]] = &[b" tests: ", b" testcases: "];
    let before = view.part(0, start);
    let is_plain = view.byte(start + 3) == b' ' && view.byte(start + 7) == b' ';
    // A laboratory's tests come from whoever is called there.
    is_plain
        && LISTED.iter().any(|listed| before.ends_with(listed))
        && !view.is_about_care(start, start)
}

/// Where the number begins, with its `+1`, `1-` or `(`; nothing where something else runs into it.
fn opening(view: &View<'_>, first: usize) -> Option<usize> {
    let gap = usize::from(matches!(view.before(first, 1), b' ' | b'-' | b'.' | b'/'));
    let trunk = first.checked_sub(gap + 1).filter(|&i| view.byte(i) == b'1');
    if let Some(trunk) = trunk {
        if view.before(trunk, 1) == b'+' {
            return Some(trunk - 1);
        }
        if gap == 1 && view.opens(trunk) {
            return Some(trunk);
        }
    }
    // A parenthesis is a boundary by itself.
    (view.byte(first) == b'(' || view.opens(first)).then_some(first)
}

/// Ten digits, or eleven with the trunk 1: only behind a label, or a `+`.
fn bare(view: &View<'_>) -> Option<Match> {
    let end = view.at + view.run;
    let area = end - 10;
    if !view.closes(end) || view.run == 11 && view.byte(view.at) != b'1' {
        return None;
    }
    let has_plus = view.run == 11 && view.before(view.at, 1) == b'+';
    let start = if has_plus { view.at - 1 } else { view.at };
    if !view.opens(start) {
        return None;
    }
    let is_labelled = is_telephone(view, start);
    let confidence = match (has_plus, is_labelled) {
        (_, true) => Confidence::High,
        (true, false) => Confidence::Medium,
        (false, false) => return None,
    };
    judged(view, view.number(area, end)?, confidence, (start, end))
}

/// `736-5000`, `0494 92 82 32`: groups of digits directly behind a label, in whatever country's
/// habit.
fn labelled(view: &View<'_>) -> Option<Match> {
    const DIGITS: std::ops::RangeInclusive<usize> = 7..=15;
    let is_in_parentheses = view.before(view.at, 1) == b'(';
    let start = if is_in_parentheses { view.at - 1 } else { view.at };
    if !matches!(view.byte(view.at + view.run), b' ' | b'-' | b'.' | b')' | b'/')
        || !view.opens(start)
    {
        return None;
    }
    let family = view.label(start, 20, 0)?.family;
    reach(family)?;
    let groups = Groups::of(view, view.at);
    // A date or an address of a machine may stand behind the word as well.
    let is_date = matches!(groups.lens(), [4, 2, 2] | [2, 2, 4]) && groups.digits == 8;
    let is_machine =
        groups.count == 4 && groups.digits <= 12 && view.byte(view.at + view.run) == b'.';
    let fits = groups.count >= 2 && DIGITS.contains(&groups.digits) && view.closes(groups.end);
    if !fits || is_date || is_machine {
        return None;
    }
    // Whom to call may be told by a date as well, or by a word's other sense.
    let is_stamp = view.run == 4 && matches!(view.byte(view.at), b'1' | b'2');
    let is_reach =
        family == Family::Contact && groups.count >= 3 && groups.digits >= 9 && !is_stamp;
    let identifier = if is_reach { Identifier::Phone } else { telephone(family)? };
    Some(Match { identifier, confidence: Confidence::Medium, start, end: groups.end })
}

/// Digits in groups, with single separators between.
struct Groups {
    end: usize,
    digits: usize,
    count: usize,
    first: [usize; 3],
}

impl Groups {
    /// Most groups that a number is written in.
    const MAX: usize = 7;

    fn of(view: &View<'_>, start: usize) -> Groups {
        let mut groups = Groups { end: start, digits: 0, count: 0, first: [0; 3] };
        while groups.count < Self::MAX {
            let run = view.digits(groups.end);
            groups.end += run;
            groups.digits += run;
            if let Some(len) = groups.first.get_mut(groups.count) {
                *len = run;
            }
            groups.count += 1;
            let skip = match (view.byte(groups.end), view.byte(groups.end + 1)) {
                // In parentheses stands an area, which is the second group at the latest.
                (b' ', b'(')
                    if groups.count == 1 && view.part(groups.end, groups.end + 4) == b" (0)" =>
                {
                    4 + usize::from(view.byte(groups.end + 4) == b' ')
                }
                (b' ' | b'-' | b'.', b'(') if groups.count == 1 => 2,
                (b'(', _) if groups.count == 1 => 1,
                (b')', b' ' | b'-') => 2,
                (b' ' | b'-' | b'.' | b'/' | b')', _) => 1,
                _ => break,
            };
            if view.byte(groups.end + skip) == b'*' {
                // A mask hides the rest of what was no telephone number.
                groups.digits += RUN_MAX;
            }
            if view.digits(groups.end + skip) < 2 {
                break;
            }
            groups.end += skip;
        }
        groups
    }

    fn lens(&self) -> &[usize] {
        &self.first
    }
}

/// `+44 20 7946 0958`: E.164 with at least two groups, or behind a label.
fn international(view: &View<'_>) -> Option<Match> {
    const DIGITS: std::ops::RangeInclusive<usize> = 8..=15;
    let start = view.at.checked_sub(1).filter(|&i| view.byte(i) == b'+')?;
    if !view.opens(start) || matches!(view.byte(view.at), b'0' | b'1') {
        return None;
    }
    let groups = Groups::of(view, view.at);
    let end = groups.end;
    let is_country = (1..=3).contains(&view.run) || groups.count == 1;
    let is_time = view.byte(end) == b':' && view.digits(end + 1) > 0;
    if !DIGITS.contains(&groups.digits) || !view.closes(end) || !is_country || is_time {
        return None;
    }
    let identifier = view.label(start, 40, 4).and_then(|l| telephone(l.family));
    let confidence = match (identifier.is_some(), groups.count) {
        (true, _) => Confidence::High,
        (false, 1) => return None,
        (false, _) if view.is_numeric_table(start, end) => return None,
        (false, 2) => Confidence::Low,
        (false, _) => Confidence::Medium,
    };
    let identifier = identifier.unwrap_or(Identifier::Phone);
    Some(Match { identifier, confidence, start, end })
}

fn judged(
    view: &View<'_>,
    number: u64,
    base: Confidence,
    (start, end): (usize, usize),
) -> Option<Match> {
    let (area, exchange, line) = (number / 10_000_000, number / 10_000 % 1000, number % 10_000);
    if !is_exchange(exchange) || !is_exchange(area) || area / 10 % 10 == 9 {
        return None;
    }
    let label = view.label(start, 40, 4);
    let identifier = label.and_then(|l| reach(l.family));
    let confidence = if exchange == 555 && ((100..200).contains(&line) || line == 1212) {
        Confidence::Low
    } else if identifier.is_some() {
        Confidence::High
    } else if view.is_other_number(start) {
        Confidence::Low
    } else if view.is_soup(start, end) {
        return None;
    } else {
        base
    };
    let identifier = identifier.unwrap_or(Identifier::Phone);
    Some(Match { identifier, confidence, start, end })
}

/// Whether the three digits may be an area or an exchange: 2-9 first, not N11.
fn is_exchange(code: u64) -> bool {
    (200..1000).contains(&code) && code % 100 != 11
}

fn is_telephone(view: &View<'_>, start: usize) -> bool {
    let label = view.label(start, 24, 0);
    label.is_some_and(|l| reach(l.family).is_some())
}

/// What the label of a well-formed number makes it.
fn reach(family: Family) -> Option<Identifier> {
    if family == Family::Contact { Some(Identifier::Phone) } else { telephone(family) }
}

fn telephone(family: Family) -> Option<Identifier> {
    matches!(family, Family::Fax | Family::Phone).then(|| family.identifier()).flatten()
}
