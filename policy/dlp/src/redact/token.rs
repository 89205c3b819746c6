//! Tokens: the same value of the same class under the same key is the same token, and nobody
//! without the key learns the value. Invariant: a token has the length of the value, keeps what
//! structures the text around it, and begins with `*` as masks do, so that nothing finds it again.

use super::MASK;
use crate::finding::Identifier;
use crate::keyed::Key;
use crate::word::holds;

/// Letters of tokens: four bits each, and no vowel to make a word with.
const LETTERS: &[u8; 16] = b"bcdfghjkmnpqrtvw";
/// A token with fewer letters than these 24 bits would join too many patients into one.
const LETTERS_MIN: usize = 6;

/// Replaces `value` by its token; false where it is too short for one, and is left as it was.
pub(super) fn replace(key: &Key, class: Identifier, value: &mut [u8]) -> bool {
    let runs = || value.split(|byte| is_kept(*byte)).map(|run| run.len().saturating_sub(1));
    if runs().sum::<usize>() < LETTERS_MIN {
        return false;
    }
    // However it is written, the same number is the same.
    let alphanumeric = |byte: &&u8| byte.is_ascii_alphanumeric() || !byte.is_ascii();
    let canonical: Vec<u8> =
        value.iter().filter(alphanumeric).map(u8::to_ascii_lowercase).collect();
    let digest = key.digest("lazaret token 1", &[class.name().as_bytes(), &canonical]);
    let nibbles = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let mut letters = nibbles.filter_map(|nibble| LETTERS.get(usize::from(nibble)).copied());
    let mut begins = true;
    for byte in value {
        if is_kept(*byte) {
            begins = true;
            continue;
        }
        *byte = if std::mem::take(&mut begins) { b'*' } else { letters.next().unwrap_or(b'*') };
    }
    true
}

/// Whether a token stands in `text`: its letters are in the place of a value that has others, or none.
pub(crate) fn stands_in(text: &[u8]) -> bool {
    /// Letters behind the first `*`; a name has a vowel by then.
    const SEEN: usize = 4;
    let is_token = |star: usize| {
        let letters = text.get(star + 1..star + 1 + SEEN);
        letters.is_some_and(|letters| letters.iter().all(|b| LETTERS.contains(b)))
    };
    holds(text, MASK) && memchr::memchr_iter(MASK, text).any(is_token)
}

/// What structures JSON, CSV, XML, HL7 and lines; a value that spans it keeps it.
fn is_kept(byte: u8) -> bool {
    byte.is_ascii_control() || b"\"'<>|^~&,;{}[]".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(key: u8, class: Identifier, value: &str) -> Option<String> {
        let key = Key::new(&[key; 32]).unwrap();
        let mut bytes = value.as_bytes().to_vec();
        replace(&key, class, &mut bytes).then(|| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn the_same_value_is_the_same_token_however_it_is_written() {
        let plain = token(b'k', Identifier::Ssn, "219456183").unwrap();
        let dashed = token(b'k', Identifier::Ssn, "219-45-6183").unwrap();
        assert_eq!(plain.len(), 9);
        assert_eq!(dashed.len(), 11);
        assert!(dashed.starts_with(&plain), "{plain} {dashed}");
        assert!(plain.starts_with('*') && plain[1..].bytes().all(|b| LETTERS.contains(&b)));
    }

    #[test]
    fn key_class_and_value_make_the_token() {
        let tokens = [
            token(b'k', Identifier::Ssn, "219456183"),
            token(b'l', Identifier::Ssn, "219456183"),
            token(b'k', Identifier::Mrn, "219456183"),
            token(b'k', Identifier::Ssn, "219456184"),
        ];
        for (i, one) in tokens.iter().enumerate() {
            assert!(one.is_some() && !tokens[i + 1..].contains(one), "{tokens:?}");
        }
    }

    #[test]
    fn a_token_is_known_in_a_text_and_no_name_is_one() {
        let key = Key::new(&[b'k'; 32]).unwrap();
        let mut email = *b"roe@stlukes.org";
        assert!(replace(&key, Identifier::Email, &mut email));
        assert!(stands_in(&[b"e-mail ", email.as_slice(), b" of"].concat()));
        for text in ["Name*", "*Smith", "*mrn", "Roe * Doe", "**bold**", "a*bcd"] {
            assert!(!stands_in(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn short_values_get_no_token_and_structure_stays() {
        assert_eq!(token(b'k', Identifier::Mrn, "448123"), None);
        assert_eq!(token(b'k', Identifier::Name, "A,B,C,D,E,F,G"), None);
        let name = token(b'k', Identifier::Name, "Roe-Doe^Jane").unwrap();
        assert_eq!((name.find('^'), name.find("^*")), (Some(7), Some(7)), "{name}");
        let long = token(b'k', Identifier::Name, &"x".repeat(100)).unwrap();
        assert_eq!(long.len(), 100);
    }
}
