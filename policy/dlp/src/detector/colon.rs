//! Colons and equals signs behind a word: the commonest anchor of code and of keys. Most are nobody's by
//! the first byte of their value and the last letters of the word before, which is seen here for all
//! detectors at once. Invariant: what is passed over here no detector would report.

use super::shape::Values;
use super::{Detector, Near, date, geographic, likeness, name};
use crate::gate::Anchor;

/// Whether any detector could report something at the anchor: yes of any but a colon.
#[inline]
pub(crate) fn may_matter(near: &Near<'_>) -> bool {
    if near.anchor != Anchor::Colon {
        return true;
    }
    let value = Values::of(near);
    let ending = ending(near);
    ENDINGS.hold(ending) && value.meets(NAMED) && (!value.meets(Values::LOWER) || SURE.hold(ending))
        || value.meets(date::DATE.values) && date::may_follow_colon(near)
        || value.meets(likeness::LIKENESS.values)
            && likeness::may_stand(near)
            && near.may_follow_label(marks(near))
}

/// The values of what a word announces.
const NAMED: Values = name::NAME.values.or(geographic::ADDRESS.values);
/// How the words end that announce something.
const ENDINGS: Endings = Endings::of(&[]).with(&name::NAME).with(&geographic::ADDRESS);
/// How those end that announce a name in small letters.
const SURE: Endings = Endings::of(&["name", "patient"]);

/// The quote of a key, with the escapes of the texts that it is a text in.
#[inline]
fn marks(near: &Near<'_>) -> usize {
    if !matches!(near.before(1), b'"' | b'\'') {
        return 0;
    }
    (1..=ESCAPES_MAX).take_while(|escape| near.before(1 + escape) == b'\\').count() + 1
}

/// Backslashes before a quote: of a text within texts so deep that a label is no longer near.
const ESCAPES_MAX: usize = 32;

/// The last two bytes of the word before, the nearer first. One mark may stand between.
#[inline]
fn ending(near: &Near<'_>) -> (u8, u8) {
    let mut back = marks(near);
    back += usize::from(!near.before(back + 1).is_ascii_alphabetic());
    (near.before(back + 1), near.before(back + 2))
}

/// Pairs of letters that words end with: by the last one a bit for each before it.
struct Endings([u32; 32]);

impl Endings {
    #[expect(clippy::indexing_slicing, reason = "evaluated when compiled")]
    const fn of(words: &[&str]) -> Endings {
        let mut pairs = [0; 32];
        let mut place = 0;
        while place < words.len() {
            if let [.., far, near] = words[place].as_bytes() {
                pairs[(*near & 31) as usize] |= 1 << (*far & 31);
            }
            place += 1;
        }
        Endings(pairs)
    }

    /// With those of the words before a colon that a detector knows.
    #[expect(clippy::indexing_slicing, reason = "evaluated when compiled")]
    const fn with(mut self, detector: &Detector) -> Endings {
        let mut list = 0;
        while list < detector.words.len() {
            let Endings(more) = Endings::of(detector.words[list]);
            let mut last = 0;
            while last < more.len() {
                self.0[last] |= more[last];
                last += 1;
            }
            list += 1;
        }
        self
    }

    /// Whether a word may end so, which holds letters of either case.
    #[inline]
    fn hold(&self, (near, far): (u8, u8)) -> bool {
        let before = self.0.get(usize::from(near & 31)).copied().unwrap_or(0);
        before >> (far & 31) & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::catalog::Catalog;
    use crate::detector::{Room, View};

    const PIECES: &[&str] = &[
        "name",
        "patientName",
        "pt",
        "SON",
        "child",
        "city",
        "street",
        "addr",
        "photo",
        "iris",
        "template",
        "faceprint",
        "\\\\",
        "finger",
        "print",
        "date",
        "value",
        "self",
        "int",
        "John",
        "Smith",
        "john",
        "smith",
        "Springfield",
        "12 Oak Street",
        "Jan 5",
        "iVBORw0KGgoAAAANSUhEUg==",
        "/9j/4AAQSkZJRgABAQEASABIAAD",
        "[0.25, 0.5, 0.125]",
        "\\n",
        "\\\"",
        "\"",
        "'",
        ":",
        "=",
        ":",
        "=",
        " ",
        " ",
        "\n",
        ",",
        "}",
        "[",
        "_",
        "-",
        "7",
        "\u{e9}",
        "\0",
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2048))]

        #[test]
        fn no_colon_is_passed_over_behind_which_something_stands(
            pieces in prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..16),
        ) {
            let text = pieces.concat();
            let bytes = text.as_bytes();
            let catalog = Catalog::builtin();
            for at in 0..bytes.len() {
                let mut room = Room::default();
                let Some(near) = Near::of(bytes, at, &mut room) else { continue };
                if may_matter(&near) {
                    continue;
                }
                let found = catalog.found(&near, &View::new(bytes, at, near.anchor));
                prop_assert!(found.is_none(), "{text:?} at {at}");
            }
        }
    }

    #[test]
    fn colons_of_code_are_passed_over() {
        let is_passed = |text: &str| {
            let at = text.find([':', '=']).unwrap();
            !may_matter(&Near::of(text.as_bytes(), at, &mut Room::default()).unwrap())
        };
        for text in ["value: int = 5", "x=y)", "else:\n    f()", "name: }", "name: int", "the: Cat"]
        {
            let is_name = text == "name: int";
            assert_eq!(is_passed(text), !is_name, "{text}");
        }
        for text in ["name: John", "patient=Smith", "\"city\": \"York\"", "when: Jan 5"] {
            assert!(!is_passed(text), "{text}");
        }
    }
}
