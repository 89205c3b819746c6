//! Streets: a house number, a name, a street word (USPS Publication 28, appendix C1), perhaps a unit
//! (C2), and the town behind it.

use super::state;
use crate::detector::word::Lower;
use crate::detector::{Near, View};
use crate::finding::Confidence;
use crate::word::{Table, Words};

/// Words of the longest street name.
const WORDS_MAX: usize = 4;

/// How much a street word says by itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Suffix {
    /// `Street`, `Ave`: hardly anything else.
    Strong,
    /// `Run`, `Pass`, `Point`: only with a unit, a town or a label.
    Weak,
}

/// Street words that are hardly anything else.
#[rustfmt::skip] // a table
const STRONG: &[&str] = &[
    "av", "ave", "avenue", "blvd", "boulevard", "cir", "circle", "court", "cres", "crescent",
    "ct", "dr", "drive", "expressway", "freeway", "highway", "hwy", "lane", "ln", "parkway",
    "pkwy", "pl", "rd", "road", "sq", "st", "street", "ter", "terrace", "tpke", "turnpike",
];

/// Street words that are other words as well.
#[rustfmt::skip] // a table
const WEAK: &[&str] = &[
    "alley", "aly", "anex", "annex", "bayou", "beach", "bend", "bluff", "bluffs", "bottom",
    "branch", "bridge", "brook", "brooks", "burg", "burgs", "bypass", "camp", "canyon", "cape",
    "causeway", "center", "centers", "circles", "cliff", "cliffs", "club", "common", "commons",
    "corner", "corners", "course", "courts", "cove", "coves", "creek", "crest", "crossing",
    "crossroad", "crossroads", "curve", "dale", "dam", "divide", "drives", "estate", "estates",
    "extension", "extensions", "fall", "falls", "ferry", "field", "fields", "flat", "flats",
    "ford", "fords", "forest", "forge", "forges", "fork", "forks", "fort", "garden", "gardens",
    "gateway", "glen", "glens", "green", "greens", "grove", "groves", "harbor", "harbors",
    "haven", "heights", "hill", "hills", "hollow", "inlet", "island", "islands", "isle",
    "junction", "junctions", "key", "keys", "knoll", "knolls", "lake", "lakes", "land", "landing",
    "light", "lights", "loaf", "lock", "locks", "lodge", "loop", "mall", "manor", "manors",
    "meadow", "meadows", "mews", "mill", "mills", "mission", "motorway", "mount", "mountain",
    "mountains", "neck", "orchard", "oval", "overpass", "park", "parks", "parkways", "pass",
    "passage", "path", "pike", "pine", "pines", "place", "plain", "plains", "plaza", "point",
    "points", "port", "ports", "prairie", "radial", "ramp", "ranch", "rapid", "rapids", "rest",
    "ridge", "ridges", "river", "roads", "route", "row", "rue", "run", "shoal", "shoals", "shore",
    "shores", "skyway", "spring", "springs", "spur", "spurs", "square", "squares", "station",
    "stravenue", "stream", "streets", "summit", "throughway", "trace", "track", "trafficway",
    "trail", "trailer", "trl", "tunnel", "underpass", "union", "unions", "valley", "valleys",
    "via", "viaduct", "view", "views", "village", "villages", "ville", "vista", "walk", "walks",
    "wall", "way", "ways", "well", "wells",
];

static STRONG_WORDS: Table = Table::new(|| Words::of(STRONG));
static WEAK_WORDS: Table = Table::new(|| Words::of(WEAK));

fn suffix(word: &[u8]) -> Option<Suffix> {
    if STRONG_WORDS.hold(word) {
        return Some(Suffix::Strong);
    }
    WEAK_WORDS.hold(word).then_some(Suffix::Weak)
}

/// Whether another word of a street's name may follow the one at the anchor, as one does in all but those
/// that are behind an ordinal.
pub(super) fn goes_on(near: &Near<'_>) -> bool {
    const LEN_MAX: usize = 24;
    let is_part = |ahead: &usize| {
        let byte = near.byte(*ahead);
        byte.is_ascii_alphanumeric() || matches!(byte, b'\'' | b'-') || byte >= 0x80
    };
    let len = (0..LEN_MAX).take_while(is_part).count();
    let end = len + usize::from(near.byte(len) == b'.');
    let next = near.byte(end + 1);
    near.byte(end) == b' ' && (next.is_ascii_uppercase() || next.is_ascii_digit() || next >= 0xc3)
}

/// A street at the capital behind its number: `12 Oak Street`, `221B N Baker St`, `5 42nd Ave`.
pub(super) fn examine(view: &View<'_>) -> Option<(Confidence, usize, usize)> {
    let start = number_before(view)?;
    let (kind, street_end) = street_end(view, view.at, false)?;
    let (unit_end, has_unit) = unit(view, street_end);
    let (end, has_town) = town(view, unit_end);
    let is_cued = is_cued(view, start);
    let has_more = has_unit || has_town || is_cued;
    let is_year =
        matches!(view.number(start, start + 4), Some(1800..=2099)) && view.digits(start) == 4;
    let is_doubtful = (kind == Suffix::Weak || is_year) && !has_more;
    if is_doubtful || !view.ends_text(end) || view.is_numeric_table(start, end) {
        return None;
    }
    let confidence = if is_organisation_s(view, start) {
        Confidence::Low
    } else if is_cued || has_unit && has_town {
        Confidence::High
    } else {
        Confidence::Medium
    };
    Some((confidence, start, end))
}

/// A street behind a label, in whatever case, from its number on: `12 oak street apt 4`.
pub(super) fn loose(view: &View<'_>, start: usize) -> Option<(usize, usize)> {
    let number_end = start + view.digits(start);
    let letter = usize::from(view.byte(number_end).is_ascii_alphabetic());
    if number_end - start > 6 || view.byte(number_end + letter) != b' ' {
        return None;
    }
    let (_, end) = street_end(view, number_end + letter + 1, true)?;
    let (end, _) = unit(view, end);
    Some((start, town(view, end).0))
}

/// Where the house number one blank before the anchor begins: one to six digits and a letter, or
/// another number before an ordinal.
fn number_before(view: &View<'_>) -> Option<usize> {
    let mut end = view.at - 1;
    let ordinal = view.part(end.saturating_sub(2), end);
    if matches!(ordinal, b"st" | b"nd" | b"rd" | b"th") && view.before(end, 3).is_ascii_digit() {
        let digits = (3..6).take_while(|&back| view.before(end, back).is_ascii_digit()).count();
        end = end.checked_sub(digits + 3)?;
        if view.byte(end) != b' ' {
            return None;
        }
        let direction = view.letters_before(end);
        if end - direction <= 2 && direction < end && view.before(direction, 1) == b' ' {
            end = direction - 1;
        }
    }
    let number_end = end - usize::from(view.before(end, 1).is_ascii_uppercase());
    let digits = (1..=7).take_while(|&back| view.before(number_end, back).is_ascii_digit()).count();
    let mut start = number_end - digits;
    if !(1..=6).contains(&digits) {
        return None;
    }
    // `12-14`, `1230-A` begin with their first number.
    if view.before(start, 1) == b'-' && view.before(start, 2).is_ascii_digit() {
        let more = (2..=6).take_while(|&back| view.before(start, back).is_ascii_digit()).count();
        start -= more + 1;
    }
    let near = view.before(start, 1);
    let opens = !near.is_ascii_alphanumeric()
        && !matches!(near, b'.' | b'_' | b'/' | b'-' | b'$' | b'*' | b':' | b'#')
        || near == b':' && !view.before(start, 2).is_ascii_digit();
    let is_unit_s = view.word_before(start, 2).is_some_and(|(word, _)| is_unit(&word));
    (opens && !is_unit_s && view.byte(start) != b'0').then_some(start)
}

/// What kind of street the words from `at` on name, and where its word ends, with a direction.
fn street_end(view: &View<'_>, at: usize, is_loose: bool) -> Option<(Suffix, usize)> {
    let mut next = at;
    let mut found = None;
    let first = view.byte(at);
    let is_behind_ordinal = view.before(at, 2).is_ascii_lowercase() && !is_loose;
    for count in 0..=WORDS_MAX {
        let begin = view.byte(next);
        let is_word = begin.is_ascii_uppercase()
            || begin >= 0xc3
            || is_loose && begin.is_ascii_alphanumeric();
        if !is_word {
            let is_ordinal = begin.is_ascii_digit() && count < 2;
            if !is_ordinal {
                break;
            }
        }
        let end = word_end(view, next);
        if count == 0
            && matches!(view.part(next, end), b"The" | b"A" | b"An" | b"Of" | b"In" | b"And")
        {
            return None;
        }
        if let Some(kind) = suffix(view.part(next, end)).filter(|_| count > 0 || is_behind_ordinal)
        {
            // The stronger, and of equals the later: `Park Avenue`, `Lake View Road`.
            if !found.is_some_and(|(known, _)| known == Suffix::Strong && kind == Suffix::Weak) {
                found = Some((kind, end));
            }
        }
        // A new sentence, or the mask of another finding.
        if view.byte(end) != b' ' || end == next {
            break;
        }
        next = end + 1;
    }
    let (kind, mut end) = found.filter(|_| first != 0)?;
    end += usize::from(view.byte(end) == b'.' && end - at < 40);
    let direction = view.letters_from(end + 1);
    if view.byte(end) == b' '
        && matches!(
            view.part(end + 1, direction),
            b"N" | b"S"
                | b"E"
                | b"W"
                | b"NE"
                | b"NW"
                | b"SE"
                | b"SW"
                | b"North"
                | b"South"
                | b"East"
                | b"West"
        )
    {
        end = direction;
    }
    Some((kind, end))
}

fn word_end(view: &View<'_>, from: usize) -> usize {
    let is_part = |b: &&u8| b.is_ascii_alphanumeric() || matches!(**b, b'\'' | b'-') || **b >= 0x80;
    let end = from
        + view.bytes.get(from..).unwrap_or_default().iter().take(24).take_while(is_part).count();
    // `St. John Street`, `N. Oak`.
    let is_short = end - from <= 2 && view.byte(end) == b'.' && view.byte(end + 1) == b' ';
    if is_short && view.byte(end + 2).is_ascii_uppercase() && suffix(view.part(from, end)).is_none()
    {
        end + 1
    } else {
        end
    }
}

/// Where `Apt 4`, `, Suite 500`, `#12` behind a street ends, and whether there is one.
fn unit(view: &View<'_>, end: usize) -> (usize, bool) {
    let comma = usize::from(view.byte(end) == b',');
    let gap = (end + comma..end + comma + 3)
        .take_while(|&i| matches!(view.byte(i), b' ' | b'\n'))
        .count();
    let start = end + comma + gap;
    if start == end {
        return (end, false);
    }
    let (word, word_end) = view.word_at(start);
    let id = if is_unit(&word) {
        let stop = word_end + usize::from(view.byte(word_end) == b'.');
        stop + usize::from(view.byte(stop) == b' ') + usize::from(view.byte(stop + 1) == b'#')
    } else if view.byte(start) == b'#' {
        start + 1
    } else {
        return (end, false);
    };
    let id_end = view.token(id).1;
    let fits = (1..=6).contains(&(id_end - id)) && (view.digits(id) > 0 || id_end - id <= 2);
    if fits && view.ends_text(id_end) { (id_end, true) } else { (end, false) }
}

fn is_unit(word: &Lower) -> bool {
    matches!(
        word.as_bytes(),
        b"apt"
            | b"apartment"
            | b"suite"
            | b"ste"
            | b"unit"
            | b"rm"
            | b"room"
            | b"fl"
            | b"floor"
            | b"bldg"
            | b"building"
            | b"lot"
            | b"trlr"
            | b"spc"
    )
}

/// Where `, Springfield, IL 62704` behind a street ends, and whether there is one.
fn town(view: &View<'_>, end: usize) -> (usize, bool) {
    const REACH: usize = 48;
    let from = end + usize::from(view.byte(end) == b',');
    let limit = (from + REACH).min(view.bytes.len());
    let is_state = |i: usize| {
        view.byte(i).is_ascii_uppercase()
            && view.byte(i + 1).is_ascii_uppercase()
            && matches!(view.before(i, 1), b' ' | b'\n')
    };
    for i in from..limit {
        let byte = view.byte(i);
        let is_part = byte.is_ascii_alphabetic() || byte >= 0x80 || b" ,.'-\n".contains(&byte);
        if !is_part {
            return (end, false);
        }
        if i > from + 2
            && is_state(i)
            && let Some(zip_end) = state::zip_behind(view, i)
        {
            return (zip_end, true);
        }
    }
    (end, false)
}

/// Where the town whose name ends at `end` begins: one to three capitalised words.
pub(super) fn town_before(view: &View<'_>, end: usize) -> Option<usize> {
    let mut start = None;
    let mut upto = end;
    for _ in 0..3 {
        let is_part =
            |b: u8| b.is_ascii_alphabetic() || b >= 0x80 || matches!(b, b'-' | b'\'' | b'.');
        let len = (1..=20).take_while(|&back| is_part(view.before(upto, back))).count();
        let begin = upto - len;
        if len < 2 || !view.byte(begin).is_ascii_uppercase() {
            break;
        }
        if is_mixed(view.part(begin, upto)) {
            return None;
        }
        start = Some(begin);
        if view.before(begin, 1) != b' ' {
            break;
        }
        upto = begin - 1;
    }
    start.filter(|&s| !view.before(s, 1).is_ascii_alphanumeric() && end - s >= 3)
}

/// Whether capitals stand within a word, other than in `McAllen`, `DeLand`, `LaGrange`.
pub(super) fn is_mixed(word: &[u8]) -> bool {
    const HEADS: &[&[u8]] = &[b"Mc", b"Mac", b"De", b"La", b"Le", b"Du", b"O'"];
    let rest = HEADS.iter().find_map(|head| word.strip_prefix(*head)).unwrap_or(word);
    rest.windows(2)
        .any(|pair| matches!(pair, [a, b] if a.is_ascii_lowercase() && b.is_ascii_uppercase()))
}

/// Whether words before say that someone lives there.
fn is_cued(view: &View<'_>, start: usize) -> bool {
    let mut upto = start;
    for _ in 0..2 {
        let Some((word, begin)) = view.word_before(upto, 4) else { return false };
        match word.as_bytes() {
            b"lives" | b"living" | b"lived" | b"resides" | b"residing" | b"address" | b"addr"
            | b"residence" | b"home" | b"street" | b"moved" => return true,
            b"at" | b"is" | b"to" | b"in" | b"line" => upto = begin,
            _ => return false,
        }
    }
    false
}

/// Whether a house or publisher stands directly before: `Foundation, Inc., 59 Temple Place`. Its
/// address is no patient's.
pub(super) fn is_organisation_s(view: &View<'_>, start: usize) -> bool {
    const NEAR: usize = 72;
    const WORDS: &[&[u8]] = &[
        b"Inc",
        b"LLC",
        b"Ltd",
        b"Corp",
        b"Foundation",
        b"Commons",
        b"University",
        b"Institute",
        b"Company",
        b"GmbH",
        b"Press",
        b"Laborator",
        b"Microsystems",
        b"Software",
        b"Consortium",
        b"Department of",
    ];
    let before = view.part(start.saturating_sub(NEAR), start);
    let begins = |at: usize| {
        let rest = before.get(at..).unwrap_or_default();
        WORDS.iter().any(|word| rest.starts_with(word))
    };
    before.iter().enumerate().any(|(at, byte)| byte.is_ascii_uppercase() && begins(at))
}

/// `PO Box 123`, `P.O. Box 9`, `RR 2 Box 152` at the capital of `Box`.
pub(super) fn post_box(view: &View<'_>) -> Option<(Confidence, usize, usize)> {
    let is_box = matches!(view.part(view.at, view.at + 4), b"Box " | b"BOX ");
    if !is_box {
        return None;
    }
    let number = view.at + 4;
    let end = number + view.digits(number);
    let before = view.part(view.at.saturating_sub(12), view.at - 1);
    let len = [&b"P.O."[..], b"P. O.", b"PO", b"Post Office", b"P.O"]
        .iter()
        .find(|box_of| before.ends_with(box_of))?
        .len();
    let start = view.at - 1 - len;
    if end == number
        || end - number > 7
        || !view.ends_text(end)
        || view.before(start, 1).is_ascii_alphanumeric()
    {
        return None;
    }
    let confidence =
        if is_organisation_s(view, start) { Confidence::Low } else { Confidence::Medium };
    Some((confidence, start, town(view, end).0))
}
