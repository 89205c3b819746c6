//! Short texts that were read before and hold nothing, or addresses of the web: names of hosts, lines of
//! requests and headers, segments of paths, which come with each request. Each thread remembers its own,
//! by all their bytes and by the catalogue, so that what is said of a text is what reading it anew would
//! say.

use std::cell::RefCell;

use crate::evidence::Evidence;
use crate::finding::{Confidence, Finding, Identifier};

/// The longest text that is remembered, bytes.
const TEXT_MAX: usize = 119;
/// Texts that a thread remembers: 34 KiB, and what was found in those that hold something.
const TEXTS_MAX: usize = 256;

thread_local! {
    static TEXTS: RefCell<Texts> = const { RefCell::new(Texts(Vec::new())) };
}

/// What a text holds, and where it stands in it.
pub(super) type Found = (Evidence, Vec<(usize, usize)>);

/// What this thread has read in the text with that catalogue.
pub(super) fn recall(catalog: u64, text: &[u8]) -> Option<Found> {
    TEXTS.with_borrow(|texts| texts.get(catalog, text).cloned())
}

/// Remembers what is in a text, unless it is somebody's.
pub(super) fn remember(catalog: u64, text: &[u8], found: &Found) {
    let evidence = &found.0;
    // An address that is surer to be somebody's is one of a portal.
    let is_machine_s = |finding: &Finding| {
        finding.identifier == Identifier::Url && finding.confidence == Confidence::Low
    };
    let is_nobodys = evidence.findings.iter().all(is_machine_s)
        && evidence.tally.total() == evidence.findings.len() as u64;
    if is_nobodys && text.len() <= TEXT_MAX {
        TEXTS.with_borrow_mut(|texts| texts.put(catalog, text, found));
    }
}

/// Texts, each at the place that its bytes choose; a later one takes the place of an earlier one.
struct Texts(Vec<Option<Text>>);

struct Text {
    catalog: u64,
    len: u8,
    bytes: [u8; TEXT_MAX],
    found: Box<Found>,
}

impl Texts {
    fn get(&self, catalog: u64, text: &[u8]) -> Option<&Found> {
        let kept = self.0.get(place(catalog, text))?.as_ref()?;
        let is_same =
            kept.catalog == catalog && kept.bytes.get(..usize::from(kept.len)) == Some(text);
        is_same.then_some(&*kept.found)
    }

    fn put(&mut self, catalog: u64, text: &[u8], found: &Found) {
        let mut bytes = [0; TEXT_MAX];
        let (Ok(len), Some(room)) = (u8::try_from(text.len()), bytes.get_mut(..text.len())) else {
            return;
        };
        room.copy_from_slice(text);
        if self.0.is_empty() {
            self.0.resize_with(TEXTS_MAX, || None);
        }
        if let Some(place) = self.0.get_mut(place(catalog, text)) {
            *place = Some(Text { catalog, len, bytes, found: Box::new(found.clone()) });
        }
    }
}

/// Where a text is kept. Whoever makes texts share a place makes them be read, nothing more.
#[expect(
    clippy::cast_possible_truncation,
    reason = "halves are mixed, and one of few places chosen"
)]
fn place(catalog: u64, text: &[u8]) -> usize {
    const ODD: u128 = 0x9e37_79b9_7f4a_7c15;
    let (words, rest) = text.as_chunks::<8>();
    let mut last = [0; 8];
    last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    let words = words.iter().chain([&last]).map(|word| u64::from_le_bytes(*word));
    let mixed = words.fold(catalog ^ text.len() as u64, |mixed, word| {
        let wide = u128::from(mixed.rotate_left(5) ^ word) * ODD;
        (wide as u64) ^ ((wide >> 64) as u64)
    });
    mixed as usize % TEXTS_MAX
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;
    use crate::scanner::read_text;

    fn is_familiar(catalog: u64, text: &[u8]) -> bool {
        recall(catalog, text).is_some()
    }

    #[test]
    fn a_text_is_familiar_by_all_its_bytes_and_its_catalogue() {
        let text = b"content-type: application/json";
        let nothing = Found::default();
        assert!(!is_familiar(7, text));
        remember(7, text, &nothing);
        assert!(is_familiar(7, text));
        assert!(!is_familiar(8, text), "another catalogue may find something");
        assert!(!is_familiar(7, &text[1..]));
        for at in 0..text.len() {
            let mut other = *text;
            other[at] ^= 1;
            assert!(!is_familiar(7, &other), "{at}");
        }
        remember(7, b"", &nothing);
        assert!(is_familiar(7, b""));
        assert!(!is_familiar(8, b""));
    }

    #[test]
    fn an_address_is_recalled_as_it_was_found_and_what_is_somebodys_is_not_kept() {
        let catalog = Catalog::builtin();
        let text = b"PUT http://registry.ml.internal:8443/v2/models";
        let found = read_text(&catalog, text);
        assert_eq!(found.0.tally.total(), 1, "{found:?}");
        remember(7, text, &found);
        assert_eq!(recall(7, text), Some(found));

        let somebodys: [&[u8]; 2] = [
            b"patient ssn 219-45-6183 http://registry.ml.internal/",
            b"https://mychart.stlukes.org/patient/448172",
        ];
        for text in somebodys {
            let found = read_text(&catalog, text);
            assert!(found.0.tally.total() > 0, "{found:?}");
            remember(7, text, &found);
            assert_eq!(recall(7, text), None);
        }
    }

    #[test]
    fn a_long_text_is_not_remembered_and_many_texts_take_turns() {
        let nothing = Found::default();
        let long = [b'a'; TEXT_MAX + 1];
        remember(7, &long, &nothing);
        assert!(!is_familiar(7, &long));
        let text = |number: u64| number.to_be_bytes();
        for number in 0..10_000 {
            remember(7, &text(number), &nothing);
            assert!(is_familiar(7, &text(number)));
        }
        let kept = (0..10_000).filter(|number| is_familiar(7, &text(*number))).count();
        assert!((TEXTS_MAX / 4..=TEXTS_MAX).contains(&kept), "{kept}");
    }
}
