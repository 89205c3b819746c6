//! Context: the label that stands nearest before a value, as prose, form field, JSON key, XML
//! attribute or identifier in code (`Date of Birth`, `birthDate`, `date_of_birth`, `DOB`). Words
//! are split alike in all of them. Invariant: only the [`WINDOW`] bytes before the value are
//! judged.

mod family;
mod index;
mod phrases;
mod recent;

use crate::word::{WORD_MAX, Word, key, key_of, previous_word};
pub(crate) use family::{Families, Family};
pub(crate) use index::{may_be_last, meaning_of_short};
pub(crate) use recent::{Recent, WORDS_MAX};

/// Bytes before a value in which a label may begin.
pub(crate) const WINDOW: usize = 72;
/// Words of a name that are looked at, from its end.
const NAME_WORDS_MAX: usize = 4;
/// Words of a phrase before its last one.
const PHRASE_WORDS_MAX: usize = 4;

/// The nearest label before a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Label {
    /// What it announces.
    pub(crate) family: Family,
    /// What lies between it and the value.
    pub(crate) gap: Gap,
}

/// What lies between a label and its value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Gap {
    /// Bytes.
    pub(crate) len: usize,
    /// Words other than the connecting ones (`number`, `is`, `value`, ...).
    pub(crate) words: usize,
}

/// How near a label must stand to belong to a value. Never beyond another number or a second line
/// feed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Near {
    /// Most bytes between.
    pub(crate) len: usize,
    /// Most foreign words between.
    pub(crate) words: usize,
}

/// The nearest label that ends before `value`, an index of `bytes`, where no more than `near` lies
/// between.
pub(crate) fn nearest(bytes: &[u8], value: usize, near: Near) -> Option<Label> {
    let floor = value.saturating_sub(WINDOW.min(near.len + WORD_MAX));
    let mut gap = Gap::default();
    let mut newlines = 0;
    let mut upto = value;
    loop {
        let gap_end = skip_punctuation(bytes, upto, floor)?;
        newlines += gap_end.newlines;
        gap.len = value - gap_end.upto;
        if gap.len > near.len || newlines > 1 {
            return None;
        }
        let short = index::short_word(bytes, gap_end.upto).filter(|_| !gap_end.has_number_sign);
        if let Some((len, key, is_behind_digit)) =
            short.filter(|short| gap_end.upto > floor + short.0)
        {
            upto = gap_end.upto - len;
            let is_code = || bytes.get(gap_end.upto - 1).is_some_and(u8::is_ascii_uppercase);
            let meaning = match is_behind_digit && is_code() {
                true => None,
                false => phrase_of(bytes, key, upto, floor),
            };
            match meaning {
                Some(Some(family)) => return Some(Label { family, gap }),
                Some(None) => {}
                None if gap.words == near.words => return None,
                None => gap.words += 1,
            }
            continue;
        }
        let may_be_known = gap_end.has_number_sign || index::may_be_last(bytes, gap_end.upto);
        if gap.words == near.words && !may_be_known {
            return None;
        }
        let word = previous_word(bytes, gap_end.upto, floor)?;
        // `chart #` is `chart number`.
        let is_numbered = gap_end.has_number_sign && gap_end.newlines == 0;
        let numbered = is_numbered.then(|| phrase_of(bytes, NUMBER, word.end, floor)).flatten();
        if let Some(Some(family)) = numbered {
            return Some(Label { family, gap });
        }
        match meaning_of(bytes, word, floor) {
            Some(Some(family)) => return Some(Label { family, gap }),
            Some(None) => {}
            None if gap.words == near.words => return None,
            None => gap.words += 1,
        }
        upto = word.start;
    }
}

/// What a whole name announces: a JSON key, a column, an XML element, a form field. Words at its end
/// that only join (`number`, `value`) are passed over, and the last label of what is left counts.
pub(crate) fn of_name(name: &[u8]) -> Option<Family> {
    let mut upto = name.len();
    for _ in 0..NAME_WORDS_MAX {
        let word = previous_word(name, upto, 0)?;
        match meaning_of(name, word, 0) {
            Some(Some(family)) => return Some(family),
            Some(None) => upto = word.start,
            None => return None,
        }
    }
    None
}

/// Whether every word of a name only joins a label and its value (`value`, `number`, `text`).
pub(crate) fn is_joint(name: &[u8]) -> bool {
    let mut upto = name.len();
    let mut is_joint = false;
    while let Some(word) = previous_word(name, upto, 0) {
        is_joint = meaning_of(name, word, 0) == Some(None);
        if !is_joint {
            return false;
        }
        upto = word.start;
    }
    is_joint
}

/// The end of a name that is made of known words: what may be shown of a key, which may hold
/// anything before it.
pub(crate) fn known_end(name: &[u8]) -> &[u8] {
    let mut start = name.len();
    while let Some(word) = previous_word(name, start, 0)
        && meaning_of(name, word, 0).is_some()
        && name.get(word.end..start).is_none_or(|joint| joint.len() <= 2)
    {
        start = word.start;
    }
    name.get(start..).unwrap_or_default()
}

/// What stands between a word and the place before which it is looked for.
struct Marks {
    /// Where the word ends.
    upto: usize,
    newlines: usize,
    has_number_sign: bool,
}

/// What a byte before a value means to the search for its label.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Binary data: what stands before is no text that goes on here.
    Control,
    Digit,
    Letter,
    /// Everything that may stand between, each for itself.
    Mark,
    Newline,
    NumberSign,
    Star,
}

/// The kind of each byte.
#[expect(clippy::indexing_slicing, reason = "checked when it is compiled")]
const KINDS: [Kind; 256] = {
    let mut kinds = [Kind::Mark; 256];
    let mut byte = 0;
    while byte < kinds.len() {
        kinds[byte] = match byte {
            0x30..=0x39 => Kind::Digit,
            0x41..=0x5a | 0x61..=0x7a => Kind::Letter,
            0x0a => Kind::Newline,
            0x23 => Kind::NumberSign,
            0x2a => Kind::Star,
            1..=8 | 0x0e..=0x1b | 0x7f => Kind::Control,
            _ => Kind::Mark,
        };
        byte += 1;
    }
    kinds
};

#[inline(always)]
pub(crate) fn kind_of(byte: u8) -> Kind {
    KINDS.get(usize::from(byte)).copied().unwrap_or(Kind::Mark)
}

/// The marks before `upto`. Nothing where another number, or the mask of one, stands first; a digit
/// that counts a label (`phone2`) is none.
fn skip_punctuation(bytes: &[u8], upto: usize, floor: usize) -> Option<Marks> {
    let mut marks = Marks { upto, newlines: 0, has_number_sign: false };
    while marks.upto > floor {
        let byte = *bytes.get(marks.upto - 1)?;
        match kind_of(byte) {
            Kind::Mark => {}
            Kind::Letter => return Some(marks),
            Kind::Digit if !counts_a_label(bytes, marks.upto - 1) => return None,
            Kind::Star if is_mask(bytes, marks.upto) => return None,
            Kind::Control => return None,
            Kind::Newline => marks.newlines += 1,
            Kind::NumberSign => marks.has_number_sign = true,
            Kind::Digit | Kind::Star => {}
        }
        marks.upto -= 1;
    }
    None
}

/// Whether the bytes before `end` hide a number. Fewer stars are bold type, or X12's separators.
fn is_mask(bytes: &[u8], end: usize) -> bool {
    const MASK: &[u8] = b"***";
    bytes.get(..end).is_some_and(|before| before.ends_with(MASK))
}

fn counts_a_label(bytes: &[u8], digit: usize) -> bool {
    let letter = digit.checked_sub(1).and_then(|i| bytes.get(i));
    letter.is_some_and(u8::is_ascii_alphabetic)
        && !bytes.get(digit + 1).is_some_and(u8::is_ascii_digit)
}

/// What the longest phrase that ends with `word` means: a label, or only a connection. A word may
/// be joined to its last one: `memberid`.
fn meaning_of(bytes: &[u8], word: Word, floor: usize) -> Option<Option<Family>> {
    // Capitals behind a digit are the tail of a code: `7K4MRN`.
    let before = word.start.checked_sub(1).and_then(|i| bytes.get(i));
    if before.is_some_and(u8::is_ascii_digit) {
        let text = bytes.get(word.start..word.end)?;
        if text.iter().all(u8::is_ascii_uppercase) {
            return None;
        }
    }
    phrase_of(bytes, word.key, word.start, floor).or_else(|| joined(bytes, word, floor))
}

/// What a word means to which its last one is joined without a mark.
fn joined(bytes: &[u8], word: Word, floor: usize) -> Option<Option<Family>> {
    let len = word.end - word.start;
    if word.key == 0 {
        return None;
    }
    let spelled = word.key >> (8 * (WORD_MAX - len));
    // Nearly all words leave here.
    if !LAST_LETTERS.contains(&u8::try_from(spelled & 0xff).unwrap_or(0)) {
        return None;
    }
    let ends = |tail: &&Tail| len > tail.len && spelled & tail.mask == tail.spelled;
    let tail = TAILS.iter().find(ends)?;
    let found = phrase_of(bytes, tail.meant, word.end - tail.len, floor).flatten();
    let front = || {
        let front = bytes.get(word.start..word.end - tail.len)?;
        phrase_of(bytes, key_of(front), word.start, floor).flatten()
    };
    // A connection alone (`valid`) is none.
    found.or_else(front).map(Some)
}

/// What the longest phrase means whose last word, of this key, begins at `upto`.
fn phrase_of(bytes: &[u8], key: u128, upto: usize, floor: usize) -> Option<Option<Family>> {
    let phrases = index::phrases(key);
    if phrases.is_empty() {
        return None;
    }
    if let [phrase] = phrases
        && phrase.is_bare()
    {
        return Some(phrase.meaning);
    }
    let mut words = Before { bytes, upto, floor, keys: [0; PHRASE_WORDS_MAX], known: 0 };
    let near = words.key(0).unwrap_or(0);
    let from = phrases.partition_point(|phrase| phrase.nearest < near);
    let alike = phrases.iter().skip(from).take_while(|phrase| phrase.nearest == near);
    let mut alike = alike.filter(|phrase| words.are(&phrase.farther));
    let bare = || phrases.first().filter(|phrase| phrase.is_bare());
    alike.next().or_else(bare).map(|phrase| phrase.meaning)
}

/// Marks between two words of a phrase: `patient": {"id`.
const MARKS_MAX: usize = 12;

/// The words before a place, looked up as they are asked for.
struct Before<'a> {
    bytes: &'a [u8],
    upto: usize,
    floor: usize,
    keys: [u128; PHRASE_WORDS_MAX],
    known: usize,
}

impl Before<'_> {
    /// Whether those before the nearest are these, the nearer first.
    fn are(&mut self, wanted: &[u128]) -> bool {
        wanted.iter().enumerate().all(|(at, wanted)| self.key(at + 1) == Some(*wanted))
    }

    /// The key of one of them; 0 where there is none, or a longer one than labels have.
    fn key(&mut self, at: usize) -> Option<u128> {
        while self.known <= at {
            // No number and no more than the marks of a nested key may stand between.
            let word = previous_word(self.bytes, self.upto, self.floor);
            let gap = word.and_then(|word| self.bytes.get(word.end..self.upto));
            let is_near = gap
                .is_some_and(|gap| gap.len() <= MARKS_MAX && !gap.iter().any(u8::is_ascii_digit));
            let word = word.filter(|_| is_near);
            *self.keys.get_mut(self.known)? = word.map_or(0, |word| word.key);
            self.upto = word.map_or(self.floor, |word| word.start);
            self.known += 1;
        }
        self.keys.get(at).copied()
    }
}

/// The key of `number`.
const NUMBER: u128 = key(b"number");
/// Words that mean another one, the second: a phrase ends with the latter only.
const ALIASES: &[(&str, &str)] = &[
    ("ident", "id"),
    ("identification", "id"),
    ("identifier", "id"),
    ("identifiers", "id"),
    ("ids", "id"),
    ("nbr", "number"),
    ("no", "number"),
    ("nos", "number"),
    ("nr", "number"),
    ("num", "number"),
    ("numb", "number"),
    ("numbers", "number"),
];

/// A last word that is joined to the one before without a mark.
struct Tail {
    len: usize,
    /// Its letters in lower case, the last in the lowest place.
    spelled: u128,
    /// The places of its letters.
    mask: u128,
    /// The key of the word that it means.
    meant: u128,
}

const fn joint(word: &str, meant: &str) -> Tail {
    let len = word.len();
    let unused = 8 * (WORD_MAX - len);
    let spelled = key(word.as_bytes()) >> unused;
    Tail { len, spelled, mask: u128::MAX >> unused, meant: key(meant.as_bytes()) }
}

/// The last letters of those.
const LAST_LETTERS: &[u8] = b"dmor";
/// Last words that are joined.
const TAILS: &[Tail] = &[
    joint("id", "id"),
    joint("identifier", "id"),
    joint("nbr", "number"),
    joint("no", "number"),
    joint("num", "number"),
    joint("number", "number"),
    joint("uid", "uid"),
];

#[cfg(test)]
mod tests {
    use super::phrases::PHRASES;
    use super::*;

    fn label(text: &str) -> Option<Label> {
        nearest(text.as_bytes(), text.len(), Near { len: WINDOW, words: 8 })
    }

    fn family(text: &str) -> Option<Family> {
        label(text).map(|l| l.family)
    }

    #[test]
    fn phrases_are_sorted_by_their_last_word() {
        assert!(PHRASES.is_sorted_by_key(|phrase| phrase.0));
        assert!(PHRASES.iter().all(|(last, ..)| last.len() <= WORD_MAX));
        let words = |before: &str| before.split_whitespace().count();
        assert!(PHRASES.iter().all(|(_, before, _)| words(before) <= PHRASE_WORDS_MAX));
    }

    #[test]
    fn phrases_are_written_with_the_canonical_words() {
        for (last, ..) in PHRASES {
            let is_alias = ALIASES.iter().any(|(alias, _)| alias == last);
            assert!(!is_alias, "{last}: an alias of another word");
        }
    }

    #[test]
    fn a_number_is_one_in_every_spelling() {
        for text in [
            "member id: ",
            "Member ID# ",
            "member_identifier=",
            "memberId\":\"",
            "MEMBERID ",
            "memberID=",
            "Member Identification Number: ",
            "member #",
            "member no. ",
            "MemberNbr|",
        ] {
            assert_eq!(family(text), Some(Family::Member), "{text}");
        }
        for text in ["member: ", "remember id ", "valid ", "casino ", "members "] {
            assert_eq!(family(text), None, "{text}");
        }
    }

    #[test]
    fn one_label_in_every_spelling() {
        for text in [
            "Date of Birth: ",
            "date_of_birth=",
            "DATE-OF-BIRTH ",
            "\"birthDate\": \"",
            "<birthDate value=\"",
            "patientDOB = '",
            "D.O.B. ",
            "born on the ",
        ] {
            assert_eq!(family(text), Some(Family::Birth), "{text}");
        }
    }

    #[test]
    fn a_label_is_a_whole_word() {
        for text in ["discard ", "mrnx ", "lessn: ", "telescope ", "reborne "] {
            assert_eq!(family(text), None, "{text}");
        }
        assert_eq!(family("phone2: "), Some(Family::Phone), "a label may be counted");
        let far = format!("ssn{}", " ".repeat(WINDOW));
        assert_eq!(family(&far), None);
        let cut = format!("lessn{}", " ".repeat(WINDOW - 3));
        assert_eq!(family(&cut), None, "the tail of a word that the window cuts");
    }

    #[test]
    fn the_nearest_label_wins_and_tells_what_lies_between() {
        let found = label("SSN on file, phone number is ").unwrap();
        assert_eq!(found.family, Family::Phone);
        assert_eq!(found.gap, Gap { len: 11, words: 0 });
        assert_eq!(label("ssn see below at ").unwrap().gap.words, 2);
        assert_eq!(label("ssn 12 see below "), None, "another number lies between");
        assert_eq!(label("mrn ***** "), None, "a mask stands for the number it hides");
        assert_eq!(family("**MRN:** "), Some(Family::Mrn), "bold type");
        assert_eq!(family("REF*SY*"), Some(Family::Ssn), "X12");
    }
}
