//! Names of persons (45 CFR 164.514(b)(2)(i)(A)), and of clinicians as `provider`. The lists alone
//! never make one: a pair needs a given and a family name, written as names, outside of code and
//! credits; anything less needs a title, a cue (`son`, `Dear`, `seen by`) or a label.

mod cue;
mod labelled;
mod list;
mod token;
mod words;

use super::shape::Values;
use super::word::Lower;
use super::{Detector, Match, Near, View};
use crate::finding::{Confidence, Identifier};
use crate::gate::Anchor;
use token::{Case, Run, Token};
use words::{is_stop, is_thing};

pub(crate) const NAME: Detector = Detector {
    name: "name",
    identifiers: &[Identifier::Name, Identifier::Provider],
    anchors: &[Anchor::Caps, Anchor::Colon],
    shapes: &[],
    values: Values::UPPER.or(Values::WIDE).or(Values::LOWER).or(Values::LIST),
    words: labelled::WORDS,
    may_stand,
    examine,
};

fn may_stand(near: &Near<'_>) -> bool {
    near.anchor == Anchor::Colon || may_open(near)
}

/// Whether a word begins at the capital, and the one before may be a name's or announce one.
#[inline]
pub(super) fn may_open(near: &Near<'_>) -> bool {
    let next = near.byte(1);
    let may_begin =
        next.is_ascii_alphabetic() || matches!(next, b'.' | b'\'' | b' ') || next >= 0xc3;
    may_begin
        && match near.before(2) {
            b',' => {
                let near_comma = near.before(3);
                (near_comma.is_ascii_alphabetic() || near_comma >= 0x80) && may_be_given(near)
            }
            b'.' => may_follow_stop(near),
            b'0'..=b'9' => false,
            _ => !is_unlisted(near),
        }
}

fn examine(view: &View<'_>) -> Option<Match> {
    if view.anchor == Anchor::Colon { labelled::examine(view) } else { capital(view) }
}

/// A capital behind a word: the word before it decides what it may be.
fn capital(view: &View<'_>) -> Option<Match> {
    match view.before(view.at, 2) {
        b',' => inverted(view),
        b'.' => cue::titled(view, view.at - 2).or_else(|| initialled(view)),
        _ => {
            let first = first_before(view, view.at - 1)?;
            let may_announce = cue::may_announce(view.part(first, view.at - 1));
            match view.byte(first) {
                b'a'..=b'z' if may_announce => cue::cued(view, first),
                b'a'..=b'z' => None,
                _ if may_announce => cue::titled(view, view.at - 1)
                    .or_else(|| cue::cued(view, first))
                    .or_else(|| pair(view, first)),
                _ => pair(view, first),
            }
        }
    }
}

/// Whether a given name may begin at the capital: most words behind a comma leave here.
fn may_be_given(near: &Near<'_>) -> bool {
    let (len, key) = near.word();
    let behind = near.byte(len);
    behind >= 0x80 || matches!(behind, b'-' | b'\'') || list::may_be_first(key)
}

/// Whether the full stop before the blank may be that of a title or of an initial: most end a sentence.
fn may_follow_stop(near: &Near<'_>) -> bool {
    let (_, key) = near.letters_and_key(2);
    near.before(3).is_ascii_uppercase() && near.before(4) == b' ' || cue::announces(key)
}

/// Whether the word before the blank is known to announce nothing and to be no given name: most words
/// before a capital leave here.
fn is_unlisted(near: &Near<'_>) -> bool {
    let is_plain = |len: usize| {
        let before = near.before(len + 2);
        let is_whole = len > 0 && len + 2 <= Near::BEFORE;
        is_whole && before < 0x80 && !matches!(before, b'-' | b'\'')
    };
    let is_capital = |len: usize| near.before(len + 1).is_ascii_uppercase();
    // Most words are short.
    if let Some((len, key)) = near.short_word(1) {
        let may_be_given = || is_capital(len) && list::may_be_short_first(key);
        return is_plain(len) && !cue::announces_short(key) && !may_be_given();
    }
    let (len, key) = near.letters_and_key(1);
    let may_be_given = || is_capital(len) && list::may_be_first(key);
    is_plain(len) && !cue::announces(key) && !may_be_given()
}

/// Where the word that ends at `end` begins, with the hyphens and apostrophes in it.
fn first_before(view: &View<'_>, end: usize) -> Option<usize> {
    const LEN_MAX: usize = 24;
    let is_part = |b: u8| b.is_ascii_alphabetic() || b >= 0x80 || matches!(b, b'-' | b'\'');
    let len = (1..=LEN_MAX).take_while(|&back| is_part(view.before(end, back))).count();
    let mut start = end - len;
    while matches!(view.byte(start), b'-' | b'\'') {
        start += 1;
    }
    (start < end && len < LEN_MAX).then_some(start)
}

/// Whether a name may begin at `i`, and is not the tail of a path, a key or a call.
fn opens(view: &View<'_>, i: usize) -> bool {
    let near = view.before(i, 1);
    !near.is_ascii_alphanumeric()
        && near < 0x80
        && !view.is_masked_before(i)
        && !matches!(near, b'_' | b'/' | b'\\' | b'@' | b'#' | b'$' | b'.' | b'&' | b'%' | b'-')
}

/// Whether a name may end at `end`, and is not the head of a path, a key or a call.
fn closes(view: &View<'_>, end: usize) -> bool {
    let is_path = view.byte(end) == b':' && view.byte(end + 1) == b':';
    view.ends_text(end) && !is_path && !view.is_masked_behind(end)
}

/// `John Smith`, `Mary A. Jones`, `JOHN SMITH`: from the given name at `first` on.
fn pair(view: &View<'_>, first: usize) -> Option<Match> {
    let given = Token::at(view, first)?;
    if !given.listed.is_first() || !given.is_capital() || !opens(view, first) {
        return None;
    }
    let mut run = Run::at(view, first, is_name_word);
    if run.is_inverted {
        return None;
    }
    // The family name is the last listed one; what follows belongs to something else.
    let is_end = |t: &&Token| t.listed.is_last() && t.case != Case::Initial;
    let len = (1..run.len)
        .rev()
        .find(|&at| run.tokens.get(at).and_then(Option::as_ref).filter(is_end).is_some())?;
    run.cut(len + 1);
    let family = *run.last()?;
    let is_shouted = family.case == Case::Upper && given.case == Case::Upper;
    let is_sure = if is_shouted {
        given.listed.is_sure() && family.end - family.start > 2
    } else {
        given.listed.is_sure() || family.listed.is_sure()
    };
    let rest = Token::at(view, family.end + 1).filter(|t| t.is_capital());
    let is_long = rest.is_some_and(|t| view.byte(family.end) == b' ' && is_thing(t.text(view)));
    // `Isaac Lodge Street`: the last word of three is no family's.
    let is_long =
        is_long || run.len > 2 && is_thing(family.text(view)) || is_house(given, family, view);
    if !is_sure || is_long || is_place(view, first) || !closes(view, family.end) {
        return None;
    }
    Some(finished(view, (first, family.end), confidence_among(view, (first, family.end))))
}

/// How sure a name is that nothing announces: real people stand in every licence and change log, so
/// it wants a word of care near, or one that has other senses directly beside it.
fn confidence_among(view: &View<'_>, (start, end): (usize, usize)) -> Confidence {
    const WEAK: &[&[u8]] = &[
        b"admit",
        b"born",
        b"doctor",
        b"patient",
        b"pt",
        b"referred",
        b"seen",
        b"treated",
        b"ward",
    ];
    const BESIDE: usize = 24;
    let is_weak = |text: &[u8]| {
        let mut words = text.split(|b| !(b.is_ascii_alphabetic() || matches!(b, b'"' | b'\'')));
        // `Ward` is a name as well.
        words.any(|word| word != b"Ward" && WEAK.contains(&Lower::of(word).as_bytes()))
    };
    let before = view.part(start.saturating_sub(BESIDE), start);
    let before = before.rsplit(|b| *b == b'\n').next().unwrap_or_default();
    let behind = view.bytes.get(end..(end + BESIDE).min(view.bytes.len())).unwrap_or_default();
    let behind = behind.split(|b| matches!(b, b'\n' | b'.')).next().unwrap_or_default();
    let is_near = view.is_about_care(start, end)
        || (is_weak(before) || is_weak(behind)) && !view.is_about_software(start, end);
    if is_near { Confidence::Medium } else { Confidence::Low }
}

/// `Smith, John`: both listed, and no list of towns or names.
fn inverted(view: &View<'_>) -> Option<Match> {
    let start = first_before(view, view.at - 2)?;
    let family = Token::at(view, start).filter(|t| t.listed.is_last() && t.is_capital())?;
    let given = Token::at(view, view.at).filter(|t| t.listed.is_first() && t.is_capital())?;
    let is_sure = given.listed.is_sure() && (family.listed.is_sure() || !family.listed.is_first());
    let same_case = family.case == given.case;
    if !is_sure || !same_case || family.end + 2 != view.at || !opens(view, start) {
        return None;
    }
    let middle = Token::at(view, given.end + 1).filter(|t| t.case == Case::Initial);
    let middle = middle.filter(|_| view.byte(given.end) == b' ');
    let end = middle.map_or(given.end, |t| t.end_with_stop(view));
    // One more in a series: `Austin, Jordan, and Taylor`; a word before: `Mary Smith, John`.
    let is_series = view.byte(end) == b','
        || view.before(start, 1) == b' ' && {
            let before = first_before(view, start - 1).and_then(|i| Token::at(view, i));
            before.is_some_and(|t| t.is_capital() && t.end + 1 == start)
                || matches!(view.before(start, 2), b',')
        };
    let goes_on = view.byte(end) == b' ' && {
        let next = Token::at(view, end + 1);
        next.is_some_and(|t| t.is_capital() && t.listed.is_last())
            || matches!(view.part(end + 1, end + 4), b"and" | b"or ")
    };
    let fits = !is_series && !goes_on && closes(view, end);
    fits.then(|| finished(view, (start, end), confidence_among(view, (start, end))))
}

/// `J. Smith`, `Mary A. Jones` at `Jones`: only with a listed given name before the initial.
fn initialled(view: &View<'_>) -> Option<Match> {
    let initial = view.at.checked_sub(3)?;
    let is_initial = view.byte(initial).is_ascii_uppercase() && view.before(initial, 1) == b' ';
    let first = first_before(view, initial.checked_sub(1)?).filter(|_| is_initial)?;
    pair(view, first)
}

/// Words of a run: capitals and initials that announce nothing.
fn is_name_word(view: &View<'_>, token: &Token) -> bool {
    let is_shape = token.is_capital() || token.case == Case::Initial;
    is_shape
        && (token.listed.is_sure() || !is_stop(token.text(view)))
        && (token.listed.is_last() || !is_thing(token.text(view)))
}

/// Firms and makes that are named like a person.
fn is_house(given: Token, family: Token, view: &View<'_>) -> bool {
    const HOUSES: &[(&[u8], &[u8])] = &[
        (b"calvin", b"klein"),
        (b"charles", b"schwab"),
        (b"ernst", b"young"),
        (b"harley", b"davidson"),
        (b"jack", b"daniels"),
        (b"marks", b"spencer"),
        (b"mary", b"kay"),
        (b"morgan", b"stanley"),
        (b"ralph", b"lauren"),
        (b"raymond", b"james"),
        (b"warner", b"brothers"),
    ];
    let (given, family) = (Lower::of(given.text(view)), Lower::of(family.text(view)));
    HOUSES.contains(&(given.as_bytes(), family.as_bytes()))
}

/// Whether the word before makes of the name a place or a house: `San`, `Fort`, `University of`.
fn is_place(view: &View<'_>, first: usize) -> bool {
    // `62573 Cassidy Street`: an address.
    if view.before(first, 1) == b' ' && view.before(first, 2).is_ascii_digit() {
        return true;
    }
    let Some((word, _)) = view.word_before(first, 2) else { return false };
    matches!(
        word.as_bytes(),
        b"city"
            | b"county"
            | b"east"
            | b"el"
            | b"fort"
            | b"ft"
            | b"hotel"
            | b"island"
            | b"lake"
            | b"los"
            | b"mount"
            | b"mt"
            | b"new"
            | b"north"
            | b"port"
            | b"san"
            | b"santa"
            | b"south"
            | b"st"
            | b"the"
            | b"university"
            | b"uss"
            | b"west"
    )
}

/// A finding, with its suffix; a clinician's by the letters behind it; low among credits and code.
fn finished(view: &View<'_>, (start, end): (usize, usize), confidence: Confidence) -> Match {
    let (end, is_clinician) = cue::suffix(view, end);
    let identifier = if is_clinician { Identifier::Provider } else { Identifier::Name };
    let is_labelled = confidence == Confidence::High;
    let is_credit = !is_labelled && (cue::is_credit(view, start, end) || view.is_soup(start, end));
    let confidence = if is_credit { Confidence::Low } else { confidence };
    Match { identifier, confidence, start, end }
}
