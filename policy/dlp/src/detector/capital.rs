//! Capitals behind a word and a blank: the commonest anchor of prose. Most are nobody's by the words on
//! either side, which is seen here for all detectors at once. Invariant: what is passed over here no
//! detector would be asked at.

use super::{Near, date, geographic, name};
use crate::gate::Anchor;

/// Whether any detector could report something at the anchor: yes of any but a capital.
#[inline]
pub(crate) fn may_matter(near: &Near<'_>) -> bool {
    near.anchor != Anchor::Caps
        || name::may_open(near)
        || geographic::may_open(near)
        || date::may_open(near)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::catalog::Catalog;
    use crate::detector::Room;

    const PIECES: &[&str] = &[
        "the",
        "saw",
        "Dr",
        "mr",
        "J",
        "John",
        "Smith",
        "Jos\u{e9}",
        "O'Brien",
        "Anna-Lena",
        "IL",
        "Box",
        "PO",
        "May",
        "Mar",
        "12",
        "5th",
        "12A",
        "62704",
        "3",
        "patient",
        "Monday",
        "BP",
        "111/71",
        ",",
        ".",
        " ",
        " ",
        " ",
        "-",
        "'",
        "\n",
        "*",
    ];

    proptest! {
        #[test]
        fn no_capital_is_passed_over_at_which_one_may_stand(
            pieces in prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..20),
        ) {
            let text = pieces.concat();
            let bytes = text.as_bytes();
            for at in 0..bytes.len() {
                let mut room = Room::default();
                let Some(near) = Near::of(bytes, at, &mut room) else { continue };
                prop_assert_eq!(may_matter(&near), Catalog::builtin().is_any_asked(&near) || near.anchor != Anchor::Caps);
            }
        }
    }
}
