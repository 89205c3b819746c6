//! Capitals behind a word and a blank: the commonest anchor of prose. Most are nobody's by the words on
//! either side, which each detector is asked for once. Invariant: every detector that grows from a
//! capital is known here.

use super::{Detector, Near, date, geographic, name};

/// The detectors that grow from a capital, each as a set with the bit of its place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Capitals {
    date: u32,
    address: u32,
    name: u32,
}

impl Capitals {
    /// Of a list of at most 32.
    pub(crate) fn of(detectors: &[&Detector]) -> Capitals {
        let set = |known: &Detector| {
            let place = detectors.iter().position(|detector| detector.name == known.name);
            place.map_or(0, |place| 1 << place)
        };
        Capitals {
            date: set(&date::DATE),
            address: set(&geographic::ADDRESS),
            name: set(&name::NAME),
        }
    }

    /// Those that could report something at the capital.
    #[inline]
    pub(crate) fn asked(&self, near: &Near<'_>) -> u32 {
        let if_so = |is_asked: bool, detector: u32| if is_asked { detector } else { 0 };
        if_so(name::may_open(near), self.name)
            | if_so(geographic::may_open(near), self.address)
            | if_so(date::may_open(near), self.date)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::catalog::Catalog;
    use crate::detector::Room;
    use crate::gate::Anchor;

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
        fn at_a_capital_those_are_asked_that_are_asked_by_themselves(
            pieces in prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..20),
        ) {
            let text = pieces.concat();
            let bytes = text.as_bytes();
            for at in 0..bytes.len() {
                let mut room = Room::default();
                let Some(near) = Near::of(bytes, at, &mut room) else { continue };
                if near.anchor == Anchor::Caps {
                    let catalog = Catalog::builtin();
                    prop_assert_eq!(catalog.asked(&near), catalog.asked_of_all(&near));
                }
            }
        }
    }
}
