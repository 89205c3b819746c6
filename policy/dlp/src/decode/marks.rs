//! The map from decoded offsets back to encoded ones, which says how much of an encoded input may
//! be released. Pure; bounded, and the less exact the more is held back.

use std::collections::VecDeque;

/// Which encoded offset belongs to which decoded one.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    marks: VecDeque<(u64, u64)>,
}

impl Marks {
    const MAX: usize = 256;

    /// Notes that the first `encoded` bytes give nothing beyond the first `decoded` ones, of which
    /// `cleared` are cleared.
    pub(crate) fn set(&mut self, (encoded, decoded): (u64, u64), cleared: u64) {
        while self.marks.get(1).is_some_and(|mark| mark.1 <= cleared) {
            self.marks.pop_front();
        }
        if self.marks.len() >= Self::MAX {
            self.marks.pop_back();
        }
        self.marks.push_back((encoded, decoded));
    }

    /// How many encoded bytes give nothing but the first `cleared` decoded ones.
    pub(crate) fn cleared(&self, cleared: u64) -> u64 {
        self.marks.iter().rev().find(|mark| mark.1 <= cleared).map_or(0, |mark| mark.0)
    }
}
