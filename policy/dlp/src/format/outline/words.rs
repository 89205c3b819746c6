//! The words of keys and elements: what part of a record each names, in FHIR, C-CDA and the usual
//! keys of other JSON and XML. A word that is met again is not looked up twice. Invariant: what a
//! locus shows of a key are words of this vocabulary, since a key may hold a value.

use super::elements::ELEMENTS;
use crate::label::{self, Family};

/// Bytes of a key that are looked at; a longer one names nothing.
pub(crate) const KEY_MAX: usize = 64;
/// Bytes of a key that a locus shows.
pub(super) const SHOWN_MAX: usize = 24;
/// What is shown of others.
const UNKNOWN: &[u8] = b"*";
/// Words kept: as many as a byte can count.
const KEPT: usize = 256;
/// Bytes of a name that are kept as they are.
const NEAR: usize = 16;

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
    kept: Box<[Kept; KEPT]>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Kept {
    /// The name itself, or of a longer one its hash.
    letters: u128,
    /// 0 where no name is kept.
    len: u8,
    word: Word,
    shown: [u8; SHOWN_MAX],
    shown_len: u8,
}

impl Default for Words {
    fn default() -> Words {
        Words { kept: Box::new([Kept::default(); KEPT]) }
    }
}

impl Words {
    /// What the name at `from..end` of `bytes` names.
    #[inline]
    pub(crate) fn look_up(&mut self, bytes: &[u8], (from, end): (usize, usize)) -> Word {
        let len = end.saturating_sub(from);
        let near = bytes.get(from..).and_then(<[u8]>::first_chunk::<NEAR>);
        if let Some(near) = near.filter(|_| (1..=NEAR).contains(&len)) {
            let kept = KEPT_BYTES.get(len).copied().unwrap_or(0);
            let letters = u128::from_le_bytes(*near) & kept;
            let first = slot(letters, len);
            for slot in [first, first ^ 1] {
                let kept = self.kept.get(usize::from(slot));
                if let Some(kept) = kept.filter(|kept| kept.is(letters, len)) {
                    return kept.word;
                }
            }
        }
        self.of_name(bytes.get(from..end).unwrap_or_default())
    }

    /// What `name` names.
    pub(crate) fn of_name(&mut self, name: &[u8]) -> Word {
        if name.is_empty() || name.len() > KEY_MAX {
            return Word::default();
        }
        let letters = letters(name);
        let first = slot(letters, name.len());
        let mut slots = [first, first ^ 1].into_iter();
        let kept = |slot: &u8| self.kept.get(usize::from(*slot));
        let is_kept = |slot: &u8| kept(slot).is_some_and(|kept| kept.is(letters, name.len()));
        if let Some(kept) = slots.find(is_kept).as_ref().and_then(kept) {
            return kept.word;
        }
        let fresh = Kept::of(name, letters, first);
        // The one that was there goes to the other place.
        let gone = self.kept.get_mut(usize::from(first)).map(|at| std::mem::replace(at, fresh));
        if let (Some(mut gone), Some(at)) = (gone, self.kept.get_mut(usize::from(first ^ 1))) {
            gone.word.slot = first ^ 1;
            *at = gone;
        }
        fresh.word
    }

    /// What a locus shows of the word; good until another is looked up.
    pub(crate) fn shown(&self, word: Word) -> &[u8] {
        let (shown, len) = self.shown_padded(word);
        shown.get(..usize::from(len)).unwrap_or_default()
    }

    /// As [`Words::shown`], in as many bytes as the longest word has, and how many are shown.
    #[inline]
    pub(super) fn shown_padded(&self, word: Word) -> (&[u8; SHOWN_MAX], u8) {
        let kept = self.kept.get(usize::from(word.slot));
        kept.map_or((&[0; SHOWN_MAX], 0), |kept| (&kept.shown, kept.shown_len))
    }
}

impl Kept {
    #[inline]
    fn is(&self, letters: u128, len: usize) -> bool {
        self.letters == letters && usize::from(self.len) == len
    }

    fn of(name: &[u8], letters: u128, slot: u8) -> Kept {
        let known = element(name);
        let element = known.unwrap_or_default();
        let family = label::of_name(name);
        let joins =
            family.is_none() && (name.iter().all(u8::is_ascii_digit) || label::is_joint(name));
        let word = Word { element, family, joins, slot };
        let len = u8::try_from(name.len()).unwrap_or(0);
        let mut kept = Kept { letters, len, word, ..Kept::default() };
        let known = if known.is_some() { name } else { label::known_end(name) };
        let known = if known.is_empty() || known.len() > SHOWN_MAX { UNKNOWN } else { known };
        if let Some(shown) = kept.shown.get_mut(..known.len()) {
            shown.copy_from_slice(known);
            kept.shown_len = u8::try_from(known.len()).unwrap_or(0);
        }
        kept
    }
}

/// The first bytes of a name, as many as its length says.
#[expect(clippy::indexing_slicing, reason = "checked when it is compiled")]
const KEPT_BYTES: [u128; NEAR + 1] = {
    let mut masks = [0; NEAR + 1];
    let mut len = 1;
    while len <= NEAR {
        masks[len] = masks[len - 1] << 8 | 0xff;
        len += 1;
    }
    masks
};

/// A name as a number, the first byte in the lowest place, or of a long one its hash.
fn letters(name: &[u8]) -> u128 {
    let len = name.len();
    if len <= NEAR {
        return match (name.first_chunk(), name.last_chunk()) {
            (Some(first), Some(last)) => {
                let (first, last) = (u64::from_le_bytes(*first), u64::from_le_bytes(*last));
                u128::from(first) | u128::from(last) << (8 * (len - size_of::<u64>()))
            }
            _ => name.iter().rev().fold(0, |letters, byte| letters << 8 | u128::from(*byte)),
        };
    }
    const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |hash: u64, part: &[u8; 8]| {
        (hash.rotate_left(23) ^ u64::from_le_bytes(*part)).wrapping_mul(MIX)
    };
    let (parts, _) = name.as_chunks();
    let hash = parts.iter().fold(0, mix);
    name.last_chunk().map_or(0, |last| u128::from(mix(hash, last)))
}

/// The first of two places where a name is kept; the first two are those of no name.
#[inline]
fn slot(letters: u128, len: usize) -> u8 {
    const ODD: [u64; 2] = [0x9e37_79b9_7f4a_7c15, 0xf39c_c060_5ced_c835];
    let halves = letters.to_le_bytes();
    let (halves, _) = halves.as_chunks::<8>();
    let mixed =
        halves.iter().zip(ODD).map(|(half, odd)| u64::from_le_bytes(*half).wrapping_mul(odd));
    let mixed = mixed.fold(len as u64, |all, half| (all ^ half).rotate_left(23));
    mixed.wrapping_mul(ODD[0]).to_be_bytes()[0].max(2)
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
            assert_eq!(Words::default().of_name(name.as_bytes()).element, Element::Birth);
        }
        assert_eq!(Words::default().of_name(b"birthDateX").element, Element::Other);
    }

    #[test]
    fn a_name_is_the_same_wherever_it_stands() {
        let name = "aB3\0_ssn_of-the.Patient_that_was_born";
        for len in 0..name.len() {
            for behind in ["", "\"", "\": \"and what follows"] {
                let text = format!("\"{}{behind}", &name[..len]);
                let mut words = Words::default();
                for _ in 0..2 {
                    let found = words.look_up(text.as_bytes(), (1, 1 + len));
                    assert_eq!(found, words.of_name(&name.as_bytes()[..len]), "{text}");
                }
            }
        }
        let (short, padded) = (Kept::of(b"mrn", letters(b"mrn"), 0), letters(b"mrn\0"));
        assert!(short.is(padded, 3) && !short.is(padded, 4), "a NUL is a byte of a name");
    }

    #[test]
    fn words_that_share_a_slot_do_not_mix() {
        let mut words = Words::default();
        for round in 0..2 {
            for i in 0..2000 {
                assert_eq!(words.of_name(format!("k{i}").as_bytes()).family, None, "{round}");
                assert_eq!(words.of_name(b"ssn").family, Some(Family::Ssn));
            }
        }
    }
}
