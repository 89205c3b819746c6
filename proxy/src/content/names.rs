//! PURE: the forms in which a name is read as content, whoever asks for it. Labels have no room for
//! much, and so data is spelled in what a name may hold: digits between dots, base32, hexadecimal,
//! spread over labels.

use crate::ongoing::printable;

/// Letters from which on a run of base32 is decoded; shorter ones hold no identifier.
const CODED_LETTERS_MIN: usize = 12;
/// Labels from the first one on that are read joined. More of them than stand before a listed name.
const JOINED_LABELS_MAX: usize = 16;
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
            add(decode(&run, alphabet).unwrap_or_default());
        }
    }
    forms
}

/// The name as a record may show it.
pub fn seen(name: &str) -> String {
    let catalog = dlp::Catalog::builtin();
    let is_telling = |form: &String| dlp::scan(&catalog, form.as_bytes()).tally.total() > 0;
    // The name itself is masked where it tells something; what it is a spelling of has no place to
    // be masked at.
    if forms(name).iter().skip(1).any(is_telling) { covered(name) } else { printable(name) }
}

/// The name without the labels that carry something.
pub fn covered(name: &str) -> String {
    let labels: Vec<&str> = name.split('.').collect();
    let shown = labels.get(labels.len().saturating_sub(SHOWN_LABELS)..).unwrap_or_default();
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

/// The text that a run of letters is base32 of, up to the first letter of another alphabet; none
/// where that is no text.
fn decode(run: &str, alphabet: Alphabet) -> Option<String> {
    let (mut held, mut bits, mut letters) = (0u32, 0u32, 0usize);
    let mut text = Vec::new();
    for value in run.bytes().filter(|byte| *byte != b'-').map_while(|byte| alphabet.value(byte)) {
        letters += 1;
        held = ((held << 5) | u32::from(value)) & 0xfff;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            text.push(u8::try_from((held >> bits) & 0xff).ok()?);
        }
    }
    // The listed name that follows a run may be of the same alphabet: the text before it counts.
    let end = text.iter().position(|byte| !is_text(*byte)).unwrap_or(text.len());
    text.truncate(end);
    let is_coded = letters >= CODED_LETTERS_MIN && text.len() * 8 >= CODED_LETTERS_MIN * 5;
    if is_coded { String::from_utf8(text).ok() } else { None }
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
        ] {
            assert!(has(&name, "SSN 219-45-6183"), "{name}: {:?}", forms(&name));
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
                let decoded = decode(name, alphabet);
                assert_eq!(decoded, None, "{name}");
            }
        }
    }
}
