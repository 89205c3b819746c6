//! The ends of texts that came before: those at each place of a message, the last ones of any place, all
//! of them in a row, and numbers that were begun behind a label and may go on.

use std::collections::VecDeque;

use super::{Before, END_BYTES};
use crate::finding::Confidence;
use crate::label::{self, Near};

/// Texts of a message that are followed into the next by their place.
const PLACES_MAX: usize = 16;
/// Texts that a number may go on from, whatever stands between.
pub(super) const RECENT_MAX: usize = 32;
/// Numbers under way that are kept beside them.
const OPEN_MAX: usize = 16;
/// Bytes of a text that are looked at for a number which it begins or ends with.
const NUMBER_MAX: usize = 24;
/// Digits of the shortest number that is looked for, and of its part behind a label: fewer are a count.
const DIGITS_MIN: usize = 6;
const LABELLED_MIN: usize = 4;
/// Bytes between a label and its number, and words.
const LABELLED: Near = Near { len: 24, words: 2 };

/// A text's end.
#[derive(Clone, Debug, PartialEq, Eq)]
struct End {
    text: Vec<u8>,
    /// Bytes of the number, or of the address, that it ends with.
    number: usize,
    /// How many digits are among them.
    digits: usize,
    has_at: bool,
    has_dash: bool,
    /// Whether something announces the number.
    is_labelled: bool,
    /// Whether so few digits were announced that they may count things: `unique mrns: 412`.
    is_count: bool,
}

impl End {
    /// The end of a text that a number may go on from.
    fn of(text: &[u8]) -> Option<End> {
        let text = text.get(text.len().saturating_sub(END_BYTES)..).unwrap_or(text);
        let number = number_at_end(text).or_else(|| address_at_end(text))?;
        let digits = digits(number);
        let (has_at, has_dash) = (number.contains(&b'@'), number.contains(&b'-'));
        let before = text.len() - number.len();
        let is_labelled = digits > 0 && label::nearest(text, before, LABELLED).is_some();
        let (number, text, is_count) = (number.len(), text.to_vec(), digits < LABELLED_MIN);
        Some(End { text, number, digits, has_at, has_dash, is_labelled, is_count })
    }

    fn number(&self) -> &[u8] {
        self.text.get(self.text.len() - self.number..).unwrap_or_default()
    }

    /// Whether the address that it ends with could go on with `next`.
    fn may_be_address(&self, next: &Next<'_>) -> bool {
        (self.has_at || next.has_at) && next.is_word
    }

    /// Whether `next` could go on with its number, so that it were found.
    fn may_go_on(&self, next: &Next<'_>) -> bool {
        let is_grouped = || is_grouped(&[self.number(), next.number].concat());
        !next.number.is_empty()
            && (self.is_under_way() && self.digits + next.digits >= DIGITS_MIN
                || (self.has_dash || next.has_dash) && is_grouped())
    }

    /// Whether it is part of a number that something announces, and no count of things.
    fn is_under_way(&self) -> bool {
        self.is_labelled && !self.is_count
    }
}

/// What a text begins with.
struct Next<'a> {
    number: &'a [u8],
    digits: usize,
    has_dash: bool,
    /// A letter or a digit, or the sign of an address.
    is_word: bool,
    /// The first word is an address, or the end of one.
    has_at: bool,
}

impl<'a> Next<'a> {
    fn of(text: &'a [u8]) -> Next<'a> {
        let near = text.get(..NUMBER_MAX).unwrap_or(text);
        let len = (0..near.len()).take_while(|at| is_in(near, *at)).count();
        let is_date = is_date(text);
        let number = near.get(..len).filter(|_| !is_date).unwrap_or_default();
        let word = near.iter().take_while(|byte| is_of_address(**byte)).count();
        let has_at = near.get(..word).is_some_and(|word| word.contains(&b'@'));
        let is_word = near.first().is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'@');
        let (digits, has_dash) = (digits(number), number.contains(&b'-'));
        Next { number, digits, has_dash, is_word, has_at }
    }
}

/// The ends of all texts so far that matter.
#[derive(Debug, Default)]
pub(super) struct Ends {
    places: Vec<Vec<u8>>,
    recent: VecDeque<End>,
    row: Vec<u8>,
    open: VecDeque<End>,
}

impl Ends {
    /// The ends that a text at the place `at` goes on from, where it may.
    pub(super) fn before(&self, (at, last): (usize, Option<usize>), head: &[u8]) -> Vec<Before> {
        let place = |at: usize| self.places.get(at).filter(|text| !text.is_empty());
        let next = [place(at), last.and_then(place)].into_iter().flatten();
        let next = next.map(|text| (text, Confidence::Medium, true));
        let begins = Next::of(head);
        let may_be = !begins.number.is_empty() || begins.is_word;
        let row = if may_be { End::of(&self.row) } else { None };
        let ends = self.recent.iter().rev().chain(self.open.iter().rev());
        let ends = ends.filter(|end| end.may_go_on(&begins));
        // An address has nothing between its parts.
        let row = row.iter().filter(|end| end.may_be_address(&begins) || end.may_go_on(&begins));
        // By chance two numbers make a third, so here it must be sure.
        let ends = ends.chain(row);
        let ends = ends.map(|end| (&end.text, Confidence::High, false));
        let mut before: Vec<Before> = Vec::new();
        for (text, least, is_next) in next.chain(ends) {
            if !before.iter().any(|known| known.text == *text) {
                before.push(Before { text: text.clone(), least, is_next });
            }
        }
        before
    }

    /// A text with this end has come, at the place `at`.
    pub(super) fn add(&mut self, at: usize, tail: &[u8]) {
        if at < PLACES_MAX {
            if self.places.len() <= at {
                self.places.resize_with(at + 1, Vec::new);
            }
            if let Some(place) = self.places.get_mut(at) {
                push(place, tail);
            }
        }
        push(&mut self.row, tail);
        self.go_on(tail);
        let Some(end) = End::of(tail) else { return };
        if end.is_labelled {
            keep(&mut self.open, end.clone(), OPEN_MAX);
        }
        keep(&mut self.recent, end, RECENT_MAX);
    }

    /// A number under way goes on with a text that is nothing but a part of one.
    fn go_on(&mut self, text: &[u8]) {
        if !is_part(text) || text.is_empty() {
            return;
        }
        let longer = |(end, text): (&End, &[u8])| {
            let longer = End::of(&[&end.text, text].concat())?;
            Some(End { is_count: end.is_count, ..longer })
        };
        // A blank at either end of a part may be no part of the number.
        let trimmed = Some(text.trim_ascii()).filter(|trimmed| trimmed.len() < text.len());
        let texts = || [Some(text), trimmed].into_iter().flatten();
        let pairs = self.open.iter().flat_map(|end| texts().map(move |text| (end, text)));
        let more: Vec<_> = pairs.filter_map(longer).collect();
        for end in more.into_iter().filter(|end| end.number < NUMBER_MAX) {
            keep(&mut self.open, end, OPEN_MAX);
        }
    }
}

fn digits(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| byte.is_ascii_digit()).count()
}

/// Whether it says nothing, and ends nothing but a line.
pub(super) fn is_blank(text: &[u8]) -> bool {
    text.trim_ascii().is_empty() && (text.is_empty() || text.contains(&b'\n') || text.len() > 1)
}

/// Whether a text is nothing but a part of a number.
fn is_part(text: &[u8]) -> bool {
    text.len() <= NUMBER_MAX && (0..text.len()).all(|at| is_in(text, at))
}

/// What a text leaves open: a part of a number goes on with what was open before.
fn push(end: &mut Vec<u8>, text: &[u8]) {
    if !is_part(text) {
        end.clear();
    }
    end.extend_from_slice(text);
    let surplus = end.len().saturating_sub(END_BYTES);
    end.drain(..surplus);
}

/// Keeps an end as the last one; what is said again and again takes one place.
fn keep(ends: &mut VecDeque<End>, end: End, most: usize) {
    ends.retain(|known| *known != end);
    ends.push_back(end);
    if ends.len() > most {
        ends.pop_front();
    }
}

/// The number that a text ends with, with what separates its digits.
fn number_at_end(text: &[u8]) -> Option<&[u8]> {
    let near = text.get(text.len().saturating_sub(NUMBER_MAX)..).unwrap_or(text);
    let len = (0..near.len()).rev().take_while(|at| is_in(near, *at)).count();
    let number = near.get(near.len() - len..)?;
    number.iter().any(u8::is_ascii_digit).then_some(number)
}

/// The address that was begun at the end of a text.
fn address_at_end(text: &[u8]) -> Option<&[u8]> {
    let len = text.iter().rev().take_while(|byte| is_of_address(**byte)).count();
    let word = text.get(text.len() - len..).filter(|word| !word.is_empty())?;
    // Without its sign any word may begin one.
    word.contains(&b'@').then_some(word)
}

fn is_of_address(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"@._-+".contains(&byte)
}

/// Whether the byte is part of a number; a blank is between digits and at either end.
fn is_in(near: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|at| near.get(at));
    let is_before = before.is_none_or(|byte| byte.is_ascii_digit() || *byte == b')');
    let is_behind = near.get(at + 1).is_none_or(|byte| byte.is_ascii_digit() || *byte == b'(');
    match near.get(at) {
        Some(b' ') => is_before && is_behind,
        Some(byte) => byte.is_ascii_digit() || b"-.()+".contains(byte),
        None => false,
    }
}

/// Whether groups of digits stand in a number as in those that need no label.
fn is_grouped(number: &[u8]) -> bool {
    const GROUPS: [&[usize]; 4] = [&[3, 2, 4], &[3, 3, 4], &[4, 4, 4, 4], &[4, 6, 5]];
    let groups = number.split(|byte| !byte.is_ascii_digit()).map(<[u8]>::len);
    let groups: Vec<_> = groups.filter(|len| *len > 0).collect();
    number.contains(&b'-')
        && GROUPS.iter().any(|known| groups.windows(known.len()).any(|groups| groups == *known))
}

/// Whether a text begins with a date, as lines of logs do.
fn is_date(text: &[u8]) -> bool {
    let Some((year, rest)) = text.split_first_chunk::<4>() else { return false };
    let is_day = |a: &u8, b: &u8| a.is_ascii_digit() && b.is_ascii_digit();
    year.iter().all(u8::is_ascii_digit)
        && matches!(rest, [b'-' | b'/', a, b, b'-' | b'/', ..] if is_day(a, b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(ends: &Ends, head: &str) -> Vec<String> {
        let met = ends.before((9, None), head.as_bytes());
        met.into_iter().map(|before| String::from_utf8(before.text).unwrap()).collect()
    }

    #[test]
    fn a_number_goes_on_where_it_may_be_one() {
        for (text, head, may) in [
            ("the ssn is 219-45", "-6183 admitted", true),
            ("219 45", " 6183", false),
            ("ssn 219 45", " 6183", true),
            ("219-4", "5-6183.", true),
            ("the ssn is 219-45", "2026-11-22", false),
            ("missing mrn: 0", "48213 samples read", false),
            ("unique mrns: 412", "5512", false),
            ("mrn 0048", "2913 x", true),
            ("epoch 12 loss 0.35", "12 of 100", false),
            ("41111111", "12345678", false),
            ("conv1.weight123456", "conv2.weight", false),
            ("jane.doe@", "hospital.example", true),
            ("jane.doe", "@hospital.example", false),
            ("all is done", "-6183", false),
        ] {
            let mut ends = Ends::default();
            ends.add(0, text.as_bytes());
            assert_eq!(!met(&ends, head).is_empty(), may, "{text:?} {head:?}");
        }
    }

    #[test]
    fn what_is_said_again_and_again_takes_one_place() {
        let mut ends = Ends::default();
        ends.add(0, b"it is 219-45");
        for round in 0..200 {
            ends.add(0, format!("step {}", round % 4).as_bytes());
        }
        assert_eq!(met(&ends, "-6183"), ["it is 219-45"]);
        assert!(ends.recent.len() <= 5);
    }

    #[test]
    fn a_labelled_number_waits_longer_than_any_text() {
        let mut ends = Ends::default();
        ends.add(0, b"the ssn is 219-45");
        for round in 0..200 {
            ends.add(0, format!("done with {round} of 200").as_bytes());
            ends.add(0, format!("done with {round}").as_bytes());
        }
        assert_eq!((ends.recent.len(), ends.open.len()), (RECENT_MAX, 1));
        assert_eq!(met(&ends, "-6183"), ["the ssn is 219-45"]);
    }
}
