//! Context: the label that stands nearest before a value, as prose, form field, JSON key, XML
//! attribute or identifier in code (`Date of Birth`, `birthDate`, `date_of_birth`, `DOB`). Words
//! are split alike in all of them. Invariant: only the [`WINDOW`] bytes before the value are
//! judged.

mod family;
mod index;
mod phrase;
mod phrases;
mod recent;

use crate::word::{WORD_MAX, previous_word};
pub(crate) use family::{Families, Family};
pub(crate) use index::{may_be_last, meaning_of_short};
use phrase::{NUMBER, meaning_of, phrase_of};
pub(crate) use recent::{Recent, WORDS_MAX};

/// Bytes before a value in which a label may begin.
pub(crate) const WINDOW: usize = 72;
/// Words of a name that are looked at, from its end.
const NAME_WORDS_MAX: usize = 4;

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

#[cfg(test)]
mod tests {
    use super::phrase::{ALIASES, PHRASE_WORDS_MAX};
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
