//! What the text around a match is about: the care of people, or the making of software. Asked only
//! after a detector has matched something that its shape alone does not make a patient's. Invariant:
//! a word of care outweighs any number of words of software.

use std::sync::LazyLock;

use super::View;
use super::word::Lower;

/// Words of care that hardly stand in other texts.
const CARE: &[&str] = &[
    "admission",
    "admit",
    "admitted",
    "appointment",
    "attending",
    "clinic",
    "diagnosed",
    "diagnosis",
    "discharged",
    "dob",
    "emergency",
    "examined",
    "hospital",
    "implant",
    "implanted",
    "insurance",
    "lives",
    "medication",
    "medications",
    "mrn",
    "nurse",
    "outpatient",
    "pacemaker",
    "patient",
    "patients",
    "physician",
    "prescribed",
    "prescription",
    "ssn",
    "surgeon",
    "surgery",
    "surgical",
    "symptoms",
];

/// Words of licences, change logs and manuals that stand neither in a clinical note nor in the logs and
/// records of a training job, where a patient's text may stand beside any other word of computing.
#[rustfmt::skip] // a table
const SOFTWARE: &[&str] = &[
    "bug", "bugfix", "bugs", "changelog", "closes", "commit", "commits", "copyright", "debconf",
    "debian", "deprecated", "fixes", "gnu", "gpl", "gtk", "javadoc", "licenses", "makefile",
    "manpage", "msgid", "patch", "patches", "plugin", "plugins", "po", "posix", "readme",
    "redistribute", "refactor", "rst", "translation", "translations", "upstream", "urgency",
    "warranty", "xlib",
];

/// Different words of software, or marks of code, that make a text one about it.
const ENOUGH: u32 = 2;
const MARKS_ENOUGH: usize = 3;
/// Bytes on either side in which a word of care counts.
const NEAR: usize = 160;

impl View<'_> {
    /// Whether a word of care stands near `start..end`.
    pub(super) fn is_about_care(&self, start: usize, end: usize) -> bool {
        let before = self.part(start.saturating_sub(NEAR), start);
        let behind = self.bytes.get(end..(end + NEAR).min(self.bytes.len())).unwrap_or_default();
        (known(before, &OF_CARE) | known(behind, &OF_CARE)) != 0
    }

    /// Whether the text around `start..end` is about software, and no word of care stands near.
    pub(super) fn is_about_software(&self, start: usize, end: usize) -> bool {
        let (before, behind) = (self.part(0, start), self.bytes.get(end..).unwrap_or_default());
        let words = known(before, &OF_SOFTWARE) | known(behind, &OF_SOFTWARE);
        let is_software =
            words.count_ones() >= ENOUGH || marks(before) + marks(behind) >= MARKS_ENOUGH;
        is_software && !self.is_about_care(start, end)
    }
}

/// Which words of a sorted table stand in `text`, in any case: a bit for each.
fn known(text: &[u8], table: &Table) -> u128 {
    let words = text.split(|b| !b.is_ascii_alphabetic()).filter(|word| table.may_hold(word));
    let places = words.filter_map(|word| {
        let word = Lower::of(word);
        table.words.binary_search_by(|known| known.as_bytes().cmp(word.as_bytes())).ok()
    });
    places.fold(0, |found, place| found | 1 << place)
}

/// A sorted table of words of more than one letter, and for each first and last letter the lengths of
/// those that have both: hardly any word of a text is looked up.
struct Table {
    words: &'static [&'static str],
    lens: [u32; LETTERS * LETTERS],
}

/// Letters by their last five bits.
const LETTERS: usize = 32;

impl Table {
    fn of(words: &'static [&'static str]) -> Table {
        let mut lens = [0; LETTERS * LETTERS];
        for word in words {
            if let Some(lens) = lens.get_mut(Table::ends(word.as_bytes())) {
                *lens |= len_bit(word.len());
            }
        }
        Table { words, lens }
    }

    fn may_hold(&self, word: &[u8]) -> bool {
        let lens = self.lens.get(Table::ends(word)).copied().unwrap_or(0);
        lens & len_bit(word.len()) != 0
    }

    /// The place of a word's first and last letter.
    fn ends(word: &[u8]) -> usize {
        let letter = |byte: Option<&u8>| usize::from(byte.copied().unwrap_or(0)) % LETTERS;
        letter(word.first()) * LETTERS + letter(word.last())
    }
}

/// A bit for a length of a word; all long ones share one.
fn len_bit(len: usize) -> u32 {
    1 << len.min(31)
}

static OF_CARE: LazyLock<Table> = LazyLock::new(|| Table::of(CARE));
static OF_SOFTWARE: LazyLock<Table> = LazyLock::new(|| Table::of(SOFTWARE));

/// How many marks of code stand in `text`, pairs that stand neither in prose nor in the arrows, rules
/// and blanks of notes and forms; an option of a command counts as two.
fn marks(text: &[u8]) -> usize {
    let mut marks = 0;
    for (at, byte) in text.iter().enumerate() {
        if !matches!(byte, b' ' | b'!' | b'$' | b'&' | b'('..=b'+' | b'/' | b':') {
            continue;
        }
        marks += match text.get(at..).unwrap_or_default() {
            [b'(', b')', ..]
            | [b')', b';', ..]
            | [b':', b':', ..]
            | [b'!' | b'+', b'=', ..]
            | [b'&', b'&', ..]
            | [b'$', b'{', ..]
            | [b'/', b'*', ..]
            | [b'*', b'/', ..] => 1,
            [b' ', b'-', b'-', b'a'..=b'z', ..] => 2,
            _ => 0,
        };
    }
    marks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::Anchor;

    #[test]
    fn the_tables_are_sorted_and_fit_their_bits() {
        for table in [CARE, SOFTWARE] {
            assert!(table.is_sorted() && table.len() <= 128);
        }
    }

    #[test]
    fn a_word_of_care_outweighs_those_of_software() {
        let is_software = |text: &str| {
            let at = text.find('@').unwrap();
            View::new(text.as_bytes(), at, Anchor::At).is_about_software(at, at + 1)
        };
        assert!(is_software("Closes: @ in the Debian package"));
        assert!(is_software("if (a != @) { b(); }"));
        assert!(!is_software("the package came with @ on Monday"));
        assert!(!is_software("----- == @ ___ -> up -> down => out, see https://example.org/"));
        assert!(!is_software("Closes: @ in the Debian package, patient well"));
    }
}
