//! Context: the label that stands nearest before a value, as prose, form field, JSON key, XML attribute or
//! identifier in code (`Date of Birth`, `birthDate`, `date_of_birth`, `DOB`). Words are split alike in all of them.
//! Invariant: only the [`WINDOW`] bytes before the value are judged.

/// Bytes before a value in which a label may begin.
pub(crate) const WINDOW: usize = 72;

/// What a label announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// Admission of a patient.
    Admission,
    /// Birth.
    Birth,
    /// A payment card.
    Card,
    /// Death.
    Death,
    /// Discharge of a patient.
    Discharge,
    /// A fax number.
    Fax,
    /// A Medicare beneficiary.
    HealthPlan,
    /// A medical record number.
    Mrn,
    /// A provider's NPI.
    Npi,
    /// Some other number: orders, lots, versions. It speaks against all the others.
    Other,
    /// A patient's number in whatever system: weaker than a medical record number.
    PatientId,
    /// A telephone number.
    Phone,
    /// A Social Security number.
    Ssn,
}

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
    /// Line feeds.
    pub(crate) newlines: usize,
    /// Whether another number, or the mask of one, lies between.
    pub(crate) number: bool,
}

impl Gap {
    /// Whether the label belongs to this very value: near, no other number, at most `words` foreign words.
    pub(crate) fn joins(&self, len: usize, words: usize) -> bool {
        self.len <= len && self.words <= words && self.newlines <= 1 && !self.number
    }
}

/// The nearest label that ends before `value`, an index of `bytes`.
pub(crate) fn nearest(bytes: &[u8], value: usize) -> Option<Label> {
    let floor = value.saturating_sub(WINDOW);
    let mut gap = Gap::default();
    let mut upto = value;
    while let Some(word) = previous_word(bytes, upto, floor) {
        note_between(bytes.get(word.end..upto)?, &mut gap);
        if let Some(family) = family_of(bytes, word, floor) {
            gap.len = value - word.end;
            return Some(Label { family, gap });
        }
        if !is_connector(bytes.get(word.start..word.end)?) {
            gap.words += 1;
        }
        upto = word.start;
    }
    None
}

/// A word's place: ASCII letters only.
#[derive(Clone, Copy)]
struct Word {
    start: usize,
    end: usize,
}

/// The last word that ends at or before `upto`. Words are split at anything but letters and at a change from
/// lower to upper case, so that `birthDate` is two and `SSNNumber` as well.
fn previous_word(bytes: &[u8], upto: usize, floor: usize) -> Option<Word> {
    let letter = |i: usize| bytes.get(i).copied().filter(u8::is_ascii_alphabetic);
    let mut end = upto;
    while end > floor && letter(end - 1).is_none() {
        end -= 1;
    }
    let mut start = end;
    while start > floor && letter(start - 1).is_some_and(|b| b.is_ascii_lowercase()) {
        start -= 1;
    }
    if start < end {
        if start > floor && letter(start - 1).is_some() {
            start -= 1;
        }
    } else {
        while start > floor && letter(start - 1).is_some_and(|b| b.is_ascii_uppercase()) {
            start -= 1;
        }
    }
    // A word that the window cuts could be the tail of any other.
    let is_cut = start == floor && floor > 0 && letter(floor - 1).is_some();
    (start < end && !is_cut).then_some(Word { start, end })
}

fn note_between(between: &[u8], gap: &mut Gap) {
    for byte in between {
        match byte {
            b'\n' => gap.newlines += 1,
            b'0'..=b'9' | b'*' => gap.number = true,
            _ => {}
        }
    }
}

/// The family of the longest phrase that ends with `word`.
fn family_of(bytes: &[u8], word: Word, floor: usize) -> Option<Family> {
    let last = Lower::of(bytes.get(word.start..word.end)?)?;
    let first = PHRASES.partition_point(|(phrase, _)| last_word(phrase) < last.as_bytes());
    let candidates = PHRASES.get(first..)?;
    candidates
        .iter()
        .take_while(|(phrase, _)| last_word(phrase) == last.as_bytes())
        .find(|(phrase, _)| ends_with(bytes, word, floor, phrase))
        .map(|&(_, family)| family)
}

fn last_word(phrase: &'static str) -> &'static [u8] {
    phrase.rsplit(' ').next().unwrap_or(phrase).as_bytes()
}

/// Whether the words before `word` are those of `phrase` before its last.
fn ends_with(bytes: &[u8], word: Word, floor: usize, phrase: &str) -> bool {
    let mut upto = word.start;
    phrase.rsplit(' ').skip(1).all(|wanted| {
        let Some(found) = previous_word(bytes, upto, floor) else { return false };
        upto = found.start;
        bytes.get(found.start..found.end).is_some_and(|w| w.eq_ignore_ascii_case(wanted.as_bytes()))
    })
}

fn is_connector(word: &[u8]) -> bool {
    CONNECTORS.iter().any(|c| word.eq_ignore_ascii_case(c.as_bytes()))
}

/// A word in lower case, without a heap: longer ones are no label.
struct Lower {
    bytes: [u8; Lower::MAX],
    len: usize,
}

impl Lower {
    const MAX: usize = 16;

    fn of(word: &[u8]) -> Option<Lower> {
        let mut bytes = [0; Self::MAX];
        let place = bytes.get_mut(..word.len())?;
        place.copy_from_slice(word);
        place.make_ascii_lowercase();
        Some(Lower { bytes, len: word.len() })
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// Words that join a label and its value without loosening the bond.
const CONNECTORS: &[&str] = &[
    "a",
    "as",
    "be",
    "code",
    "date",
    "for",
    "her",
    "his",
    "id",
    "identifier",
    "is",
    "my",
    "no",
    "nr",
    "num",
    "number",
    "of",
    "on",
    "patient",
    "patients",
    "s",
    "str",
    "string",
    "text",
    "the",
    "their",
    "to",
    "us",
    "val",
    "value",
    "was",
    "x",
    "your",
];

/// Labels by their last word; where several end alike the longer stands first.
const PHRASES: &[(&str, Family)] = &[
    ("account", Family::Other),
    ("acct", Family::Other),
    ("date of admission", Family::Admission),
    ("admission", Family::Admission),
    ("admissions", Family::Admission),
    ("admit", Family::Admission),
    ("admitted", Family::Admission),
    ("admitting", Family::Admission),
    ("amex", Family::Card),
    ("d o b", Family::Birth),
    ("do b", Family::Birth),
    ("batch", Family::Other),
    ("beneficiary", Family::HealthPlan),
    ("birth", Family::Birth),
    ("birthdate", Family::Birth),
    ("birthday", Family::Birth),
    ("born", Family::Birth),
    ("build", Family::Other),
    ("call", Family::Phone),
    ("card", Family::Card),
    ("case", Family::Other),
    ("catalog", Family::Other),
    ("cc", Family::Card),
    ("cell", Family::Phone),
    ("cellphone", Family::Phone),
    ("chart", Family::Mrn),
    ("claim", Family::Other),
    ("commit", Family::Other),
    ("contact", Family::Phone),
    ("creditcard", Family::Card),
    ("death", Family::Death),
    ("deceased", Family::Death),
    ("discharge", Family::Discharge),
    ("discharged", Family::Discharge),
    ("discharging", Family::Discharge),
    ("dob", Family::Birth),
    ("dod", Family::Death),
    ("facsimile", Family::Fax),
    ("fax", Family::Fax),
    ("hash", Family::Other),
    ("hicn", Family::HealthPlan),
    ("patient id", Family::PatientId),
    ("patient identifier", Family::PatientId),
    ("invoice", Family::Other),
    ("isbn", Family::Other),
    ("lot", Family::Other),
    ("mastercard", Family::Card),
    ("mbi", Family::HealthPlan),
    ("medicare", Family::HealthPlan),
    ("medrec", Family::Mrn),
    ("mobile", Family::Phone),
    ("mrn", Family::Mrn),
    ("m r n", Family::Mrn),
    ("hospital no", Family::Mrn),
    ("patient no", Family::PatientId),
    ("ss no", Family::Ssn),
    ("npi", Family::Npi),
    ("hospital number", Family::Mrn),
    ("patient number", Family::PatientId),
    ("ss number", Family::Ssn),
    ("order", Family::Other),
    ("pan", Family::Card),
    ("part", Family::Other),
    ("patientid", Family::PatientId),
    ("ph", Family::Phone),
    ("phone", Family::Phone),
    ("provider", Family::Npi),
    ("med rec", Family::Mrn),
    ("medical rec", Family::Mrn),
    ("med record", Family::Mrn),
    ("medical record", Family::Mrn),
    ("ref", Family::Other),
    ("reference", Family::Other),
    ("routing", Family::Other),
    ("soc sec", Family::Ssn),
    ("social security", Family::Ssn),
    ("serial", Family::Other),
    ("sku", Family::Other),
    ("social", Family::Ssn),
    ("ssn", Family::Ssn),
    ("step", Family::Other),
    ("tel", Family::Phone),
    ("telephone", Family::Phone),
    ("ticket", Family::Other),
    ("tracking", Family::Other),
    ("version", Family::Other),
    ("visa", Family::Card),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn label(text: &str) -> Option<Label> {
        nearest(text.as_bytes(), text.len())
    }

    fn family(text: &str) -> Option<Family> {
        label(text).map(|l| l.family)
    }

    #[test]
    fn phrases_are_sorted_by_their_last_word() {
        assert!(PHRASES.is_sorted_by_key(|(phrase, _)| last_word(phrase)));
        assert!(PHRASES.iter().all(|(phrase, _)| phrase.len() < WINDOW));
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
        let far = format!("ssn{}", " ".repeat(WINDOW));
        assert_eq!(family(&far), None);
        let cut = format!("lessn{}", " ".repeat(WINDOW - 3));
        assert_eq!(family(&cut), None, "the tail of a word that the window cuts");
    }

    #[test]
    fn the_nearest_label_wins_and_tells_what_lies_between() {
        let found = label("SSN on file, phone number is ").unwrap();
        assert_eq!(found.family, Family::Phone);
        assert_eq!(found.gap, Gap { len: 11, words: 0, newlines: 0, number: false });
        let found = label("ssn 12 see below ").unwrap();
        assert_eq!(found.family, Family::Ssn);
        assert!(found.gap.number && found.gap.words == 2);
        assert!(label("mrn ***** ").unwrap().gap.number, "a mask stands for the number it hides");
    }
}
