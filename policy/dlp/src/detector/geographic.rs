//! Units smaller than a state (45 CFR 164.514(b)(2)(i)(B)): street addresses, `City, ST ZIP`, post
//! office boxes, and what a label calls a ZIP, a city or an address. A state alone is none.
//! Invariant: an unlabelled address has a number and a street word, or a state and a ZIP.

mod state;
mod street;

use super::shape::{Shape, Values};
use super::word::Lower;
use super::{Detector, Match, Near, View};
use crate::finding::{Confidence, Identifier};
use crate::gate::Anchor;
use crate::label::{Families, Family};

pub(crate) const ADDRESS: Detector = Detector {
    name: "address",
    identifiers: &[Identifier::Geographic],
    anchors: &[Anchor::Caps, Anchor::Colon, Anchor::Digits],
    shapes: &[Shape::labelled(1 << 3 | 1 << 5, Families::of(&[Family::Zip]))],
    values: Values::UPPER.or(Values::DIGIT),
    words: &[STREETS, TOWNS],
    may_stand,
    examine,
};

/// Words before a colon that announce an address.
const STREETS: &[&str] =
    &["addr", "address", "addressline", "line", "residence", "street", "streetaddress"];
/// Words before a colon that announce a town.
const TOWNS: &[&str] = &["birthplace", "city", "county", "hometown", "town", "township", "village"];

fn is_one(words: &[&str], word: &[u8]) -> bool {
    words.iter().any(|known| known.as_bytes() == word)
}

/// Whether a whole value is a postal code finer than a state: of three digits only a restricted one.
pub(crate) fn is_zip(text: &[u8]) -> bool {
    let view = View::new(text, 0, Anchor::Digits);
    if text.len() == 3 && view.run == 3 {
        return view.number(0, 3).is_some_and(state::is_restricted);
    }
    let is_part = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b' ' | b'-' | b'*');
    (4..=10).contains(&text.len())
        && text.iter().all(is_part)
        && text.iter().any(u8::is_ascii_digit)
        && text.iter().any(|b| matches!(b, b'1'..=b'9'))
}

fn may_stand(near: &Near<'_>) -> bool {
    near.anchor != Anchor::Caps || may_open(near)
}

/// Whether a capital could be that of a state, of a street behind its number, or of a post office box.
#[inline]
pub(super) fn may_open(near: &Near<'_>) -> bool {
    let (second, third) = (near.byte(1), near.byte(2));
    let is_before_zip = || (3..8).all(|at| near.byte(at).is_ascii_digit());
    second.is_ascii_uppercase() && third == b' ' && is_before_zip()
        || matches!(second, b'o' | b'O') && near.byte(0) == b'B' && matches!(third, b'x' | b'X')
        || match near.before(2) {
            b'0'..=b'9' => street::goes_on(near),
            // `12A Main`, `5th Avenue`.
            b'A'..=b'Z' => near.before(3).is_ascii_digit() && street::goes_on(near),
            b'd' | b'h' | b't' => near.before(4).is_ascii_digit(),
            _ => false,
        }
}

fn examine(view: &View<'_>) -> Option<Match> {
    let (confidence, start, end) = match view.anchor {
        Anchor::Digits => zip(view)?,
        Anchor::Colon => labelled(view)?,
        Anchor::Caps
        | Anchor::At
        | Anchor::Dots
        | Anchor::Mixed
        | Anchor::Pairs
        | Anchor::Scheme => capital(view)?,
    };
    // The seats of those who publish software stand in its licence.
    let is_seat = confidence == Confidence::Medium
        && (is_anywhere(view, start, end) || view.is_about_software(start, end));
    let confidence = if is_seat { Confidence::Low } else { confidence };
    Some(Match { identifier: Identifier::Geographic, confidence, start, end })
}

/// Whether it is in the street or town that manuals call so: `123 Any Street`, `12 Main St, Anytown`.
fn is_anywhere(view: &View<'_>, start: usize, end: usize) -> bool {
    const PLACES: &[&[u8]] = &[b", Any Town", b", Anytown", b", Anywhere"];
    let behind = view.bytes.get(end..).unwrap_or_default();
    let is_street = view.part(start, end).windows(5).any(|part| part == b" Any ");
    is_street || PLACES.iter().any(|place| behind.starts_with(place))
}

fn capital(view: &View<'_>) -> Option<(Confidence, usize, usize)> {
    let far = view.before(view.at, 2);
    if view.byte(view.at).is_ascii_uppercase()
        && view.byte(view.at + 1).is_ascii_uppercase()
        && view.byte(view.at + 2) == b' '
        && let Some(found) = city(view, far)
    {
        return Some(found);
    }
    let is_behind_number = far.is_ascii_digit()
        || view.before(view.at, 3).is_ascii_digit()
        || matches!(far, b'd' | b'h' | b't') && view.before(view.at, 4).is_ascii_digit();
    if is_behind_number {
        return street::examine(view);
    }
    street::post_box(view)
}

/// `Springfield, IL 62704` from its state, `Boston MA 02110` where the ZIP is that state's.
fn city(view: &View<'_>, far: u8) -> Option<(Confidence, usize, usize)> {
    let end = state::zip_behind(view, view.at)?;
    let name_end = view.at - 1 - usize::from(far == b',');
    let start = street::town_before(view, name_end)?;
    let is_consistent = state::is_consistent(view, view.at);
    if !is_consistent && (far != b',' || state::is_word(view.part(view.at, view.at + 2))) {
        return None;
    }
    let confidence =
        if street::is_organisation_s(view, start) { Confidence::Low } else { Confidence::Medium };
    Some((confidence, start, end))
}

/// Five digits that a label calls a ZIP, with their four more; three where the label and the
/// census say that even they identify.
fn zip(view: &View<'_>) -> Option<(Confidence, usize, usize)> {
    let (start, mut end) = (view.at, view.at + view.run);
    if !view.opens(start) {
        return None;
    }
    if view.run == 5 && view.byte(end) == b'-' && view.digits(end + 1) == 4 {
        end += 5;
    }
    if !view.closes(end) || is_decimal(view, end) {
        return None;
    }
    let label = view.label(start, 16, 0).filter(|l| l.family == Family::Zip)?;
    // In JSON the key path says whose it is.
    let gap = view.part(start - label.gap.len, start);
    let is_far = label.gap.len > 12 || gap.contains(&b'\n') || gap.starts_with(b"\":");
    let fits = if view.run == 3 {
        state::is_restricted(view.number(start, end)?)
    } else {
        view.number(start, start + 5)? > 500
    };
    (fits && !is_far).then_some((Confidence::High, start, end))
}

fn is_decimal(view: &View<'_>, end: usize) -> bool {
    matches!(view.byte(end), b'.' | b',') && view.byte(end + 1).is_ascii_digit()
}

/// `City: Springfield`, `Address: 12 oak street`.
fn labelled(view: &View<'_>) -> Option<(Confidence, usize, usize)> {
    let mut start = view.at + 1;
    while matches!(view.byte(start), b' ' | b'"' | b'\'') && start < view.at + 5 {
        start += 1;
    }
    let first = view.byte(start);
    let is_number = first.is_ascii_digit();
    if !first.is_ascii_uppercase() && !is_number {
        return None;
    }
    let is_key = matches!(view.before(view.at, 1), b'"' | b'\'');
    let label_end = view.at - usize::from(is_key);
    let (word, word_start) = view.word_before(label_end, 1)?;
    match word.as_bytes() {
        word if is_number && is_one(STREETS, word) => {
            let (_, end) = street::loose(view, start)?;
            Some((Confidence::High, start, end))
        }
        word if !is_number && !is_key && is_one(TOWNS, word) => {
            let before = view.word_before(word_start, 1);
            let is_other = before.is_some_and(|(w, _)| matches!(w.as_bytes(), b"sim" | b"smart"));
            let end = town_at(view, start).filter(|_| !is_other)?;
            Some((Confidence::Low, start, end))
        }
        _ => None,
    }
}

/// Where the one to four capitalised words from `start` on end, with their field.
fn town_at(view: &View<'_>, start: usize) -> Option<usize> {
    const WORDS_MAX: usize = 4;
    let mut end = start;
    for count in 0..WORDS_MAX {
        let begin = if count == 0 { start } else { end + 1 };
        let is_word = view.byte(begin).is_ascii_uppercase()
            && (count == 0 || matches!(view.byte(end), b' ' | b'-'));
        if !is_word {
            break;
        }
        let word_end = view.letters_from(begin);
        // The next field's label, in whatever case.
        if count > 0 && matches!(view.byte(word_end), b':' | b'=') {
            break;
        }
        if street::is_mixed(view.part(begin, word_end)) {
            return None;
        }
        end = word_end;
    }
    let word = Lower::of(view.part(start, end));
    let is_none = matches!(
        word.as_bytes(),
        b"" | b"unknown"
            | b"none"
            | b"null"
            | b"na"
            | b"n"
            | b"true"
            | b"false"
            | b"string"
            | b"text"
            | b"optional"
            | b"str"
            | b"varchar"
    );
    (end - start >= 3 && !is_none && view.ends_text(end) && !view.is_masked_behind(end))
        .then_some(end)
}
