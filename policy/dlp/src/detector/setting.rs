//! What the text around a match is about: the care of people, or the making of software. Asked only
//! after a detector has matched something that its shape alone does not make a patient's. Invariant:
//! a word of care outweighs any number of words of software.

use std::sync::LazyLock;

mod credit;
mod seen;

use super::View;
use crate::word::key_of;
pub(crate) use seen::Seen;
use seen::Sink;

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
const MARKS_ENOUGH: u64 = 3;
/// Bytes on either side in which a word of care counts.
const NEAR: usize = 160;
/// The bit of any word of care; those of software have the lower ones.
const OF_CARE: u64 = 1 << 63;

impl View<'_> {
    /// Whether a word of care stands near `start..end`.
    pub(super) fn is_about_care(&self, start: usize, end: usize) -> bool {
        let behind = (end + NEAR).min(self.bytes.len());
        let near = [(start.saturating_sub(NEAR), start), (end, behind)];
        self.words_in(near) & OF_CARE != 0
    }

    /// Whether the text around `start..end` is about software, and no word of care stands near.
    pub(super) fn is_about_software(&self, start: usize, end: usize) -> bool {
        let all = [(0, start), (end, self.bytes.len())];
        let words = self.words_in(all) & !OF_CARE;
        let is_software = words.count_ones() >= ENOUGH || self.marks_in(all) >= MARKS_ENOUGH;
        is_software && !self.is_about_care(start, end)
    }

    /// The bits of the words in some parts.
    fn words_in(&self, parts: [(usize, usize); 2]) -> u64 {
        let mut seen =
            self.seen.and_then(|(seen, first)| Some((seen.try_borrow_mut().ok()?, first)));
        let kept = seen.as_mut().map(|(seen, first)| {
            seen.words.follow(self.bytes, *first, read_words);
            &seen.words
        });
        let of_part = |(start, end): (usize, usize)| match kept {
            Some(words) => {
                let whole = words.within(start, end).fold(0, |found, what| found | what);
                whole | self.cut_words(start, end)
            }
            None => {
                let mut found = 0;
                let part = self.part(start, end);
                let cut = read_words(part, 0, &mut |_, _, what| found |= what);
                found | WORDS.bit(part.get(cut..).unwrap_or_default())
            }
        };
        parts.map(of_part).into_iter().fold(0, |found, part| found | part)
    }

    /// The bits of the words that the ends of a part cut: what is left of them counts as a word.
    fn cut_words(&self, start: usize, end: usize) -> u64 {
        let is_letter = |i: usize| self.byte(i).is_ascii_alphabetic();
        let is_inside = start < end;
        let first = is_inside && is_letter(start) && (start == 0 || is_letter(start - 1));
        let last = is_inside && is_letter(end - 1) && (end == self.bytes.len() || is_letter(end));
        let head = if first { self.part(start, self.letters_from(start).min(end)) } else { &[] };
        let tail = if last { self.part(self.letters_before(end).max(start), end) } else { &[] };
        WORDS.bit(head) | WORDS.bit(tail)
    }

    /// How many marks of code stand in some parts.
    fn marks_in(&self, parts: [(usize, usize); 2]) -> u64 {
        let count = |start, end| {
            let part = self.part(start, end);
            (0..part.len()).filter_map(|at| mark_at(part, at)).map(|(_, marks)| marks).sum::<u64>()
        };
        let seen = self.seen.and_then(|(seen, first)| Some((seen.try_borrow_mut().ok()?, first)));
        let Some((mut seen, first)) = seen else {
            return parts.into_iter().map(|(start, end)| count(start, end)).sum();
        };
        let known = seen.marks.follow(self.bytes, first, read_marks);
        let of_part = |(start, end): (usize, usize)| {
            seen.marks.within(start, end).sum::<u64>() + count(known.max(start), end)
        };
        parts.into_iter().map(of_part).sum()
    }
}

/// The words that a table knows; a word that the end cuts is left for later.
fn read_words(bytes: &[u8], from: usize, found: Sink<'_>) -> usize {
    let mut at = from;
    while let Some(byte) = bytes.get(at) {
        if !byte.is_ascii_alphabetic() {
            at += 1;
            continue;
        }
        let rest = bytes.get(at..).unwrap_or_default();
        let len = rest.iter().take_while(|b| b.is_ascii_alphabetic()).count();
        if at + len == bytes.len() {
            return at;
        }
        let bit = WORDS.bit(rest.get(..len).unwrap_or_default());
        if bit != 0 {
            found(at, at + len, bit);
        }
        at += len;
    }
    at
}

/// The words of both tables, and for each first and last letter the lengths of those that have both:
/// hardly any word of a text is looked up.
struct Table {
    /// Sorted by their keys.
    words: Vec<(u128, u64)>,
    lens: [u32; LETTERS * LETTERS],
}

/// Letters by their last five bits.
const LETTERS: usize = 32;

impl Table {
    fn of(words: impl Iterator<Item = (&'static str, u64)>) -> Table {
        let mut table = Table { words: Vec::new(), lens: [0; LETTERS * LETTERS] };
        for (word, bit) in words {
            if let Some(lens) = table.lens.get_mut(Table::ends(word.as_bytes())) {
                *lens |= len_bit(word.len());
            }
            table.words.push((key_of(word.as_bytes()), bit));
        }
        table.words.sort_unstable();
        table
    }

    /// The bit of a word; 0 where it is none of these.
    fn bit(&self, word: &[u8]) -> u64 {
        let lens = self.lens.get(Table::ends(word)).copied().unwrap_or(0);
        if lens & len_bit(word.len()) == 0 {
            return 0;
        }
        let key = key_of(word);
        let place = self.words.binary_search_by_key(&key, |(known, _)| *known).ok();
        place.and_then(|at| self.words.get(at)).map_or(0, |(_, bit)| *bit)
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

static WORDS: LazyLock<Table> = LazyLock::new(|| {
    let care = CARE.iter().map(|word| (*word, OF_CARE));
    Table::of(care.chain(SOFTWARE.iter().enumerate().map(|(at, word)| (*word, 1 << at))))
});

/// The mark of code that begins at `at`: its length, and how many it counts as. Pairs that stand
/// neither in prose nor in the arrows, rules and blanks of notes and forms; an option of a command
/// counts as two.
fn mark_at(text: &[u8], at: usize) -> Option<(usize, u64)> {
    let byte = text.get(at)?;
    if !matches!(byte, b' ' | b'!' | b'$' | b'&' | b'('..=b'+' | b'/' | b':') {
        return None;
    }
    match text.get(at..).unwrap_or_default() {
        [b'(', b')', ..]
        | [b')', b';', ..]
        | [b':', b':', ..]
        | [b'!' | b'+', b'=', ..]
        | [b'&', b'&', ..]
        | [b'$', b'{', ..]
        | [b'/', b'*', ..]
        | [b'*', b'/', ..] => Some((2, 1)),
        [b' ', b'-', b'-', b'a'..=b'z', ..] => Some((MARK_MAX, 2)),
        _ => None,
    }
}

/// Bytes of the longest mark.
const MARK_MAX: usize = 4;

fn read_marks(bytes: &[u8], from: usize, found: Sink<'_>) -> usize {
    let upto = bytes.len().saturating_sub(MARK_MAX - 1).max(from);
    for at in from..upto {
        if let Some((len, marks)) = mark_at(bytes, at) {
            found(at, at + len, marks);
        }
    }
    upto
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::Anchor;

    #[test]
    fn the_tables_are_sorted_and_fit_their_bits() {
        for table in [CARE, SOFTWARE] {
            assert!(table.is_sorted() && table.len() < 63);
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
