//! What has been read of a leaf around its matches: the words that tell its setting, marks of code,
//! credits. Kept from match to match, so that each byte is read once though matches stand side by
//! side. Invariant: it says of a view what its bytes say, as if they were read anew.

use std::collections::VecDeque;

/// What was read of one leaf.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(super) words: Track,
    pub(super) marks: Track,
    pub(super) credits: Track,
}

/// Things of one kind, in their order, and up to where they were looked for.
#[derive(Debug, Default)]
pub(super) struct Track {
    /// Offset in the leaf of the first byte of the last view.
    first: u64,
    /// Offset behind the bytes that need not be read again.
    upto: u64,
    spots: VecDeque<Spot>,
}

/// A thing, at offsets in the leaf.
#[derive(Clone, Copy, Debug)]
struct Spot {
    start: u64,
    end: u64,
    what: u64,
}

/// Takes a thing: where it begins and ends, and what it is.
pub(super) type Sink<'a> = &'a mut dyn FnMut(usize, usize, u64);

/// Reads `bytes` from an index on and says from which one to go on when more are there.
pub(super) type Read = fn(&[u8], usize, Sink<'_>) -> usize;

impl Track {
    /// Reads on to the end of a view whose first byte is at `first` of the leaf. Says up to which of
    /// its bytes all is known.
    pub(super) fn follow(&mut self, bytes: &[u8], first: u64, read: Read) -> usize {
        if self.upto < first || first < self.first {
            self.spots.clear();
            self.upto = first;
        }
        self.first = first;
        while self.spots.front().is_some_and(|spot| spot.end <= first) {
            self.spots.pop_front();
        }
        let from = usize::try_from(self.upto - first).unwrap_or(usize::MAX);
        if from >= bytes.len() {
            return bytes.len();
        }
        let mut add = |start: usize, end: usize, what| {
            let (start, end) = (first + start as u64, first + end as u64);
            self.spots.push_back(Spot { start, end, what });
        };
        let upto = read(bytes, from, &mut add);
        self.upto = first + upto as u64;
        upto
    }

    /// What stands wholly within `start..end` of the last view.
    pub(super) fn within(&self, start: usize, end: usize) -> impl Iterator<Item = u64> {
        let (start, end) = (self.first + start as u64, self.first + end as u64);
        let spots = self.spots.iter().skip_while(move |spot| spot.start < start);
        let spots = spots.take_while(move |spot| spot.start < end);
        spots.filter(move |spot| spot.end <= end).map(|spot| spot.what)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use proptest::prelude::*;

    use super::*;
    use crate::detector::{LOOK_AHEAD, LOOK_BACK, View};
    use crate::gate::Anchor;

    /// Words of either setting, cut ones, marks of code, credits, and what stands between.
    fn text() -> impl Strategy<Value = String> {
        let part = prop_oneof![
            prop::sample::select(vec![
                "patient",
                "dob",
                "commit",
                "bugs",
                "inpatient",
                "po",
                "xlib"
            ]),
            prop::sample::select(vec![
                "::",
                "()",
                " --all",
                "/*",
                "&&",
                "(c)",
                "reported by",
                "Editor"
            ]),
            prop::sample::select(vec![" ", " ", ".", "\n", "word", "longerword"]),
        ];
        prop::collection::vec(part, 0..400).prop_map(|parts| parts.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn what_was_seen_says_what_the_bytes_say(
            text in text(),
            steps in prop::collection::vec((1usize..400, 0usize..40, 0usize..40), 1..40),
            base in 0u64..3,
        ) {
            let bytes = text.as_bytes();
            let seen = RefCell::new(Seen::default());
            let mut at = 0;
            for (step, before, len) in steps {
                at += if step > 300 { step } else { step % 23 };
                if at >= bytes.len() {
                    break;
                }
                let start = at.saturating_sub(LOOK_BACK);
                let part = &bytes[start..(at + LOOK_AHEAD).min(bytes.len())];
                let fresh = View::new(part, at - start, Anchor::Caps);
                let mut kept = fresh.clone();
                kept.keep(&seen, base + start as u64);
                let first = fresh.at.saturating_sub(before);
                let end = (fresh.at + len).min(part.len());
                let told = |view: &View<'_>| (
                    view.is_about_care(first, end),
                    view.is_about_software(first, end),
                    view.is_credited((first.saturating_sub(100), first), false),
                    view.is_credited((first.saturating_sub(100), first), true),
                );
                prop_assert_eq!(told(&kept), told(&fresh));
            }
        }
    }
}
