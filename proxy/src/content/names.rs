//! PURE: the forms in which a name is read as content, whoever asks for it. Labels have no room for
//! much, and so data is spelled in what a name may hold: digits between dots, base32, hexadecimal,
//! spread over labels.

use std::cell::RefCell;
use std::collections::HashSet;

use policy::Host;

use crate::ongoing::printable;

/// Letters from which on a run of base32 is decoded; shorter ones hold no identifier.
const CODED_LETTERS_MIN: usize = 12;
/// Letters of a group of base32: where a run begins within one, all of it is out of phase.
const GROUP_LETTERS: usize = 8;
/// Labels from the first one on that are read joined. More of them than stand before a listed name.
const JOINED_LABELS_MAX: usize = 16;
/// Names that a thread remembers.
const PLAIN_NAMES_MAX: usize = 64;
/// Labels at a name's end that a record shows when the others tell something.
const SHOWN_LABELS: usize = 2;

/// The name as it stands, and what it may be a spelling of: labels as words, labels joined, and both
/// alphabets of base32 (RFC 4648) for each label and for runs of labels, where what comes out is text.
/// Percent signs, base64 and hexadecimal are the reader's own affair.
pub(super) fn forms(name: &str) -> Vec<String> {
    let mut forms = vec![name.to_owned()];
    let mut add = |form: String| {
        if !form.is_empty() && !forms.contains(&form) {
            forms.push(form);
        }
    };
    let labels: Vec<&str> = name.split('.').collect();
    add(name.replace('.', " "));
    add(name.replace(['.', '-', '_'], " "));
    // Whoever spreads data over labels puts it before the name that a policy lists.
    for end in 2..=labels.len().min(JOINED_LABELS_MAX) {
        add(labels.get(..end).unwrap_or_default().concat());
    }
    let mut coded: Vec<String> = labels.iter().map(|&label| label.to_owned()).collect();
    let joined = 2..=labels.len().min(JOINED_LABELS_MAX);
    coded.extend(joined.filter_map(|end| labels.get(..end)).map(<[&str]>::concat));
    for run in coded {
        for alphabet in [Alphabet::Plain, Alphabet::Hex] {
            spelled(&run, alphabet).into_iter().for_each(&mut add);
        }
    }
    forms
}

/// Whether a name tells anything, however sure, in any form.
pub fn is_telling(name: &str) -> bool {
    forms(name).iter().any(is_form_telling)
}

fn is_form_telling(form: &String) -> bool {
    dlp::scan(&dlp::Catalog::builtin(), form.as_bytes()).tally.total() > 0
}

/// The name as a record may show it.
pub fn seen(name: &str) -> String {
    if is_plain(name) {
        return name.to_owned();
    }
    // The name itself is masked where it tells something; what it is a spelling of has no place to
    // be masked at.
    if forms(name).iter().skip(1).any(is_form_telling) { covered(name) } else { printable(name) }
}

/// Whether a name tells nothing in any form and may be shown as it is. Each thread remembers those that
/// it was asked for last: most requests go to the same hosts.
fn is_plain(name: &str) -> bool {
    thread_local! {
        static PLAIN: RefCell<HashSet<String>> = RefCell::default();
    }
    PLAIN.with_borrow_mut(|plain| {
        if plain.contains(name) {
            return true;
        }
        let is_plain = printable(name) == name && !is_telling(name);
        if is_plain {
            if plain.len() >= PLAIN_NAMES_MAX {
                plain.clear();
            }
            plain.insert(name.to_owned());
        }
        is_plain
    })
}

/// A host that somebody asks for, as a record may show it: what is none may be any words, and is not shown.
pub fn host_seen(text: &str) -> String {
    match Host::parse(text) {
        Ok(_) => seen(text),
        Err(_) => format!("(no host, {} bytes)", text.len()),
    }
}

/// The name without the labels that carry something.
pub fn covered(name: &str) -> String {
    let labels: Vec<&str> = name.split('.').collect();
    // The first one is never shown.
    let hidden = labels.len().saturating_sub(SHOWN_LABELS).max(1);
    let shown = labels.get(hidden..).unwrap_or_default();
    printable(&format!("*.{}", shown.join(".")))
}

/// RFC 4648, sections 6 and 7.
#[derive(Clone, Copy)]
enum Alphabet {
    Plain,
    Hex,
}

impl Alphabet {
    fn value(self, letter: u8) -> Option<u8> {
        let letter = letter.to_ascii_lowercase();
        match (self, letter) {
            (Self::Plain, b'a'..=b'z') => Some(letter - b'a'),
            (Self::Plain, b'2'..=b'7') => Some(letter - b'2' + 26),
            (Self::Hex, b'0'..=b'9') => Some(letter - b'0'),
            (Self::Hex, b'a'..=b'v') => Some(letter - b'a' + 10),
            (Self::Plain | Self::Hex, _) => None,
        }
    }
}

/// The texts that letters of a run are base32 of, wherever among them these begin: what stands before
/// may be of the alphabet, too, and so may the listed name that follows.
fn spelled(run: &str, alphabet: Alphabet) -> Vec<String> {
    let letters: Vec<Option<u8>> =
        run.bytes().filter(|byte| *byte != b'-').map(|byte| alphabet.value(byte)).collect();
    let runs = letters.split(Option::is_none).filter(|run| run.len() >= CODED_LETTERS_MIN);
    let phases = runs.flat_map(|run| (0..GROUP_LETTERS).filter_map(|at| run.get(at..)));
    phases.flat_map(|run| texts(&decode(run))).collect()
}

fn decode(letters: &[Option<u8>]) -> Vec<u8> {
    let (mut held, mut bits) = (0u32, 0u32);
    let mut decoded = Vec::new();
    for value in letters.iter().flatten() {
        held = ((held << 5) | u32::from(*value)) & 0xfff;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            decoded.extend(u8::try_from((held >> bits) & 0xff));
        }
    }
    decoded
}

/// The texts in what was decoded that are long enough to hold something.
fn texts(decoded: &[u8]) -> Vec<String> {
    let texts = decoded.split(|byte| !is_text(*byte));
    let long = texts.filter(|text| text.len() * 8 >= CODED_LETTERS_MIN * 5);
    long.filter_map(|text| String::from_utf8(text.to_vec()).ok()).collect()
}

fn is_text(byte: u8) -> bool {
    byte.is_ascii_graphic() || matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(name: &str, text: &str) -> bool {
        forms(name).iter().any(|form| form == text)
    }

    #[test]
    fn base32_is_decoded_in_labels_and_over_them() {
        // "SSN 219-45-6183" by `base32`, without its padding.
        let coded = "KNJU4IBSGE4S2NBVFU3DCOBT";
        let (first, second) = coded.split_at(10);
        for name in [
            format!("{coded}.registry.ml.internal"),
            format!("{}.registry.ml.internal", coded.to_lowercase()),
            format!("{first}.{second}"),
            format!("{first}-{second}.registry.ml.internal"),
            format!("a{coded}.registry.ml.internal"),
            format!("1{coded}"),
            format!("zz{coded}1.registry.ml.internal"),
            format!("v1-abcdefg{}.registry.ml.internal", coded.to_lowercase()),
        ] {
            let is_there = forms(&name).iter().any(|form| form.contains("SSN 219-45-6183"));
            assert!(is_there, "{name}: {:?}", forms(&name));
        }
        assert!(
            forms(&format!("{first}.{second}.registry.ml.internal"))
                .iter()
                .any(|form| form.starts_with("SSN 219-45-6183")),
            "a run over labels goes into the listed name"
        );
        assert!(has("AD9KS81I64SIQD1L5KR32E1J.internal", "SSN 219-45-6183"), "the other alphabet");
    }

    #[test]
    fn names_are_read_as_they_stand_and_as_words() {
        assert!(has("219.45.6183.registry", "219 45 6183 registry"));
        assert!(has("219-45-6183.registry", "219 45 6183 registry"));
        assert!(has("2194.56183.registry", "219456183"));
        let plain = forms("registry.ml.internal");
        assert_eq!(plain.first().unwrap(), "registry.ml.internal");
        assert!(plain.iter().all(|form| form.is_ascii()));
        assert_eq!(forms(""), [""]);
    }

    #[test]
    fn what_is_no_text_when_decoded_is_no_form() {
        for name in ["registry-checkpoints", "s3.us-east-1.amazonaws.com", "aaaaaaaaaaaaaaaaaaaa"] {
            for alphabet in [Alphabet::Plain, Alphabet::Hex] {
                assert_eq!(spelled(name, alphabet), [""; 0], "{name}");
            }
        }
    }
}
