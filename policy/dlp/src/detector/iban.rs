//! International bank account numbers: country, length and structure by country (ISO 13616, SWIFT
//! IBAN registry), and the check digits (ISO 7064 MOD 97-10).

use super::{Match, Near, View};
use crate::check;
use crate::finding::{Confidence, Identifier};
use crate::label::Family;

/// Letters and digits of the longest one (ISO 13616-1 section 5).
const LEN_MAX: usize = 34;

/// Whether two capitals stand before two digits.
pub(super) fn may_stand(near: &Near<'_>) -> bool {
    near.run >= 2 && near.before(1).is_ascii_uppercase() && near.before(2).is_ascii_uppercase()
}

/// Grows from the token whose first letter and digit meet: two letters, two digits, then what the
/// country has, together or in groups of four.
pub(super) fn examine(view: &View<'_>) -> Option<Match> {
    let start = view.at.checked_sub(2)?;
    let country = view.part(start, view.at);
    let structure = structure_of(country)?;
    if view.digits(view.at) < 2 || !view.opens(start) {
        return None;
    }
    let mut text = [0u8; LEN_MAX];
    let len = 4 + places(structure).count();
    let end = gather(view, start, text.get_mut(..len)?)?;
    let text = text.get(..len)?;
    if !view.closes(end) || !fits(structure, text) || !check::iban(text) {
        return None;
    }
    let is_labelled = view
        .label(start, 40, 3)
        .is_some_and(|l| matches!(l.family, Family::Iban | Family::Account));
    let confidence = if is_labelled { Confidence::High } else { Confidence::Medium };
    Some(Match { identifier: Identifier::Account, confidence, start, end })
}

/// Fills `text` from `start` on and gives back where it ends. Blanks may stand behind every fourth
/// place only.
fn gather(view: &View<'_>, start: usize, text: &mut [u8]) -> Option<usize> {
    let mut at = start;
    for (i, place) in text.iter_mut().enumerate() {
        if i > 0 && i % 4 == 0 && view.byte(at) == b' ' {
            at += 1;
        }
        *place = view.byte(at);
        at += usize::from(place.is_ascii_alphanumeric());
        if !place.is_ascii_alphanumeric() {
            return None;
        }
    }
    Some(at)
}

/// Whether the places behind the check digits are what the country has.
fn fits(structure: &str, text: &[u8]) -> bool {
    places(structure).zip(text.iter().skip(4)).all(|(place, byte)| match place {
        'n' => byte.is_ascii_digit(),
        'a' => byte.is_ascii_uppercase(),
        _ => byte.is_ascii_digit() || byte.is_ascii_uppercase(),
    })
}

/// The places of a structure such as `4a14n`, one by one.
fn places(structure: &str) -> impl Iterator<Item = char> + '_ {
    structure.split_inclusive(['a', 'c', 'n']).flat_map(|run| {
        let (count, kind) = run.split_at(run.len() - 1);
        let count = count.parse().unwrap_or(0);
        std::iter::repeat_n(kind.chars().next().unwrap_or('n'), count)
    })
}

fn structure_of(country: &[u8]) -> Option<&'static str> {
    let found = COUNTRIES.binary_search_by(|(code, _)| code.as_bytes().cmp(country)).ok()?;
    COUNTRIES.get(found).map(|(_, structure)| *structure)
}

/// Countries and what follows their check digits: `n` digits, `a` capitals, `c` either.
const COUNTRIES: &[(&str, &str)] = &[
    ("AD", "8n12c"),
    ("AE", "19n"),
    ("AL", "8n16c"),
    ("AT", "16n"),
    ("AZ", "4a20c"),
    ("BA", "16n"),
    ("BE", "12n"),
    ("BG", "4a6n8c"),
    ("BH", "4a14c"),
    ("BR", "23n1a1c"),
    ("BY", "4c4n16c"),
    ("CH", "5n12c"),
    ("CR", "18n"),
    ("CY", "8n16c"),
    ("CZ", "20n"),
    ("DE", "18n"),
    ("DK", "14n"),
    ("DO", "4c20n"),
    ("EE", "16n"),
    ("EG", "25n"),
    ("ES", "20n"),
    ("FI", "14n"),
    ("FO", "14n"),
    ("FR", "10n11c2n"),
    ("GB", "4a14n"),
    ("GE", "2a16n"),
    ("GI", "4a15c"),
    ("GL", "14n"),
    ("GR", "7n16c"),
    ("GT", "4c20c"),
    ("HR", "17n"),
    ("HU", "24n"),
    ("IE", "4a14n"),
    ("IL", "19n"),
    ("IQ", "4a15n"),
    ("IS", "22n"),
    ("IT", "1a10n12c"),
    ("JO", "4a4n18c"),
    ("KW", "4a22c"),
    ("KZ", "3n13c"),
    ("LB", "4n20c"),
    ("LC", "4a24c"),
    ("LI", "5n12c"),
    ("LT", "16n"),
    ("LU", "3n13c"),
    ("LV", "4a13c"),
    ("MC", "10n11c2n"),
    ("MD", "2c18c"),
    ("ME", "18n"),
    ("MK", "3n10c2n"),
    ("MR", "23n"),
    ("MT", "4a5n18c"),
    ("MU", "4a19n3a"),
    ("NL", "4a10n"),
    ("NO", "11n"),
    ("PK", "4a16c"),
    ("PL", "24n"),
    ("PS", "4a21c"),
    ("PT", "21n"),
    ("QA", "4a21c"),
    ("RO", "4a16c"),
    ("RS", "18n"),
    ("SA", "2n18c"),
    ("SC", "4a20n3a"),
    ("SE", "20n"),
    ("SI", "15n"),
    ("SK", "20n"),
    ("SM", "1a10n12c"),
    ("ST", "21n"),
    ("SV", "4a20n"),
    ("TL", "19n"),
    ("TN", "20n"),
    ("TR", "5n1c16c"),
    ("UA", "6n19c"),
    ("VA", "18n"),
    ("VG", "4a16n"),
    ("XK", "16n"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registry_is_sorted_and_in_bounds() {
        assert!(COUNTRIES.is_sorted());
        for (country, structure) in COUNTRIES {
            let len = 4 + places(structure).count();
            assert!((15..=LEN_MAX).contains(&len), "{country}");
        }
        assert_eq!(structure_of(b"XX"), None);
    }
}
