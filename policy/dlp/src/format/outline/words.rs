//! The words of keys and elements: what part of a record each names, in FHIR, C-CDA and the usual
//! keys of other JSON and XML. A word that is met again is not looked up twice. Invariant: what a
//! locus shows of a key are words of this vocabulary, since a key may hold a value.

use super::elements::ELEMENTS;
use crate::label::{self, Family};

/// Bytes of a key that are looked at; a longer one names nothing.
pub(crate) const KEY_MAX: usize = 64;
/// Bytes of a key that a locus shows.
const SHOWN_MAX: usize = 24;
/// Words kept; a power of two.
const KEPT: usize = 256;

/// The part of a record that a key or element names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Element {
    Address,
    Birth,
    /// The start or end of a period.
    Bound,
    /// A care provider: a clinician and whatever is his.
    Caregiver,
    City,
    Code,
    Coding,
    /// An attachment's bytes.
    Data,
    Death,
    Display,
    /// The value of a C-CDA identifier, telephone or time, in an attribute.
    Extension,
    FullUrl,
    Id,
    Identifier,
    /// The type of an identifier, or of anything else.
    Kind,
    /// The name in a pair of name and value.
    Label,
    /// A date in the care of a patient.
    Moment,
    Name,
    NamePart,
    /// An organisation, a product or a piece of software, and whatever is its.
    Organization,
    #[default]
    Other,
    Period,
    /// A person who is cared for, or near to one.
    Person,
    Photo,
    Reference,
    /// What holds a FHIR resource.
    Resource,
    ResourceType,
    /// The root of a C-CDA identifier.
    Root,
    Serial,
    Street,
    /// A person, where FHIR or C-CDA says so; in other documents anything.
    Subject,
    Subscriber,
    System,
    Telecom,
    Text,
    Url,
    Value,
    /// The value of a FHIR extension that is a date or a text.
    ValueText,
    Zip,
}

/// What a key or element names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Word {
    /// The part of a record.
    pub(crate) element: Element,
    /// What its label announces.
    pub(crate) family: Option<Family>,
    /// Whether it is an index, or only joins a label and its value.
    pub(crate) joins: bool,
    /// Where its shown form is kept.
    slot: u8,
}

/// The words met so far.
#[derive(Debug)]
pub(crate) struct Words {
    kept: Vec<Kept>,
}

#[derive(Clone, Debug, Default)]
struct Kept {
    hash: u64,
    word: Word,
    shown: [u8; SHOWN_MAX],
    shown_len: u8,
}

impl Default for Words {
    fn default() -> Words {
        Words { kept: vec![Kept::default(); KEPT] }
    }
}

impl Words {
    /// What `name` names.
    pub(crate) fn look_up(&mut self, name: &[u8]) -> Word {
        if name.is_empty() || name.len() > KEY_MAX {
            return Word::default();
        }
        let hash = hash(name);
        let slot = (hash >> 56).to_le_bytes()[0];
        let Some(kept) = self.kept.get_mut(usize::from(slot)) else { return Word::default() };
        if kept.hash != hash {
            *kept = Kept::of(name, hash, slot);
        }
        kept.word
    }

    /// What a locus shows of the word; good until another is looked up.
    pub(crate) fn shown(&self, word: Word) -> &[u8] {
        let kept = self.kept.get(usize::from(word.slot));
        kept.and_then(|k| k.shown.get(..usize::from(k.shown_len))).unwrap_or_default()
    }
}

impl Kept {
    fn of(name: &[u8], hash: u64, slot: u8) -> Kept {
        let known = element(name);
        let element = known.unwrap_or_default();
        let family = label::of_name(name);
        let joins =
            family.is_none() && (name.iter().all(u8::is_ascii_digit) || label::is_joint(name));
        let mut kept =
            Kept { hash, word: Word { element, family, joins, slot }, ..Kept::default() };
        let known = if known.is_some() { name } else { label::known_end(name) };
        let known = if known.is_empty() || known.len() > SHOWN_MAX { b"*" } else { known };
        if let Some(shown) = kept.shown.get_mut(..known.len()) {
            shown.copy_from_slice(known);
            kept.shown_len = u8::try_from(known.len()).unwrap_or(0);
        }
        kept
    }
}

/// Never zero, so that an empty slot holds no word.
fn hash(name: &[u8]) -> u64 {
    const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |hash: u64, part: u64| (hash.rotate_left(23) ^ part).wrapping_mul(MIX);
    let mut hash = (name.len() as u64).wrapping_mul(MIX);
    let mut rest = name;
    while let Some((part, later)) = rest.split_first_chunk::<8>() {
        hash = mix(hash, u64::from_le_bytes(*part));
        rest = later;
    }
    if let (Some(first), Some(last)) = (rest.first_chunk::<4>(), rest.last_chunk::<4>()) {
        hash = mix(hash, u64::from(u32::from_le_bytes(*first)));
        hash = mix(hash, u64::from(u32::from_le_bytes(*last)));
    } else {
        hash = mix(hash, rest.iter().fold(0, |tail, byte| tail << 8 | u64::from(*byte)));
    }
    (hash ^ hash >> 32).wrapping_mul(MIX) | 1
}

/// The element that `name` names, whatever its case and joints.
fn element(name: &[u8]) -> Option<Element> {
    let mut plain = [0; SHOWN_MAX];
    let mut len = 0;
    for byte in name.iter().filter(|b| !matches!(b, b'_' | b'-')) {
        *plain.get_mut(len)? = byte.to_ascii_lowercase();
        len += 1;
    }
    let plain = plain.get(..len).unwrap_or_default();
    let found = ELEMENTS.binary_search_by(|(known, _)| known.as_bytes().cmp(plain)).ok()?;
    ELEMENTS.get(found).map(|(_, element)| *element)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_sorted_and_found_in_every_spelling() {
        assert!(ELEMENTS.is_sorted_by(|(a, _), (b, _)| a < b));
        for name in ["birthDate", "birth_date", "BIRTHDATE", "birth-date"] {
            assert_eq!(Words::default().look_up(name.as_bytes()).element, Element::Birth);
        }
        assert_eq!(Words::default().look_up(b"birthDateX").element, Element::Other);
    }

    #[test]
    fn words_that_share_a_slot_do_not_mix() {
        let mut words = Words::default();
        for round in 0..2 {
            for i in 0..2000 {
                assert_eq!(words.look_up(format!("k{i}").as_bytes()).family, None, "{round}");
                assert_eq!(words.look_up(b"ssn").family, Some(Family::Ssn));
            }
        }
    }
}
