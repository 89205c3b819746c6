//! What a sweep leaves for the second tier.

use std::ops::Range;

use super::masks::BLOCK;

/// Where anchors may stand in an area that was swept, in order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Swept {
    pub(crate) candidates: Vec<u32>,
    /// The first digits of the numbers of lists, which are no candidates: blocks, and a bit for each byte.
    listed: Vec<(u32, u64)>,
    /// Whether these are kept apart, or are candidates too.
    pub(super) sets_apart: bool,
}

impl Swept {
    pub(crate) fn clear(&mut self) {
        self.candidates.clear();
        self.listed.clear();
    }

    /// Adds the anchors of the block at `at`. Most blocks have a few, and as many as that are written
    /// whether they are there or not: how many there are nobody can foresee.
    #[inline(always)]
    pub(super) fn add(&mut self, at: usize, hits: u64) {
        const FEW: usize = 4;
        let base = u32::try_from(at).unwrap_or(u32::MAX);
        let found = &mut self.candidates;
        let count = found.len() + hits.count_ones() as usize;
        let mut hits = hits;
        let mut next = || {
            let place = base.saturating_add(hits.trailing_zeros());
            hits &= hits.wrapping_sub(1);
            place
        };
        found.extend_from_slice(&std::array::from_fn::<_, FEW, _>(|_| next()));
        while found.len() < count {
            found.push(next());
        }
        found.truncate(count);
    }

    /// Notes which numbers of the block at `at` are of a list.
    #[inline(always)]
    pub(super) fn set_apart(&mut self, at: usize, listed: u64) {
        if listed != 0 {
            self.listed.push((u32::try_from(at).unwrap_or(u32::MAX), listed));
        }
    }

    /// Leaves what stands at `from` up to `to` only.
    pub(super) fn keep(&mut self, from: usize, to: usize) {
        // They come in order.
        let before = self.candidates.iter().take_while(|at| (**at as usize) < from).count();
        self.candidates.drain(..before);
        while self.candidates.pop_if(|at| *at as usize >= to).is_some() {}
    }

    /// The anchors of the area `from` up to `to` that was swept.
    pub(crate) fn anchors(&self, (from, to): (usize, usize)) -> Anchors<'_> {
        Anchors { candidates: &self.candidates, listed: &self.listed, from, to }
    }
}

/// What is left of an area's anchors.
pub(crate) struct Anchors<'a> {
    candidates: &'a [u32],
    listed: &'a [(u32, u64)],
    /// Up to where numbers of lists have been passed, and where the area ends.
    from: usize,
    to: usize,
}

impl Anchors<'_> {
    /// The next candidate, or number of a list that stands in `reach`.
    #[inline]
    pub(crate) fn next_anchor(&mut self, reach: &Range<usize>) -> Option<usize> {
        let next = self.candidates.split_first();
        if reach.end > self.from {
            let upto = next.map_or(self.to, |(at, _)| *at as usize);
            let listed = self.listed(self.from.max(reach.start), upto.min(reach.end));
            if let Some(at) = listed {
                self.from = at + 1;
                return listed;
            }
        }
        let (at, rest) = next?;
        self.candidates = rest;
        Some(*at as usize)
    }

    /// The first number of a list from `from` on, and before `to`.
    #[cold]
    fn listed(&self, from: usize, to: usize) -> Option<usize> {
        let first = self.listed.partition_point(|(at, _)| *at as usize + BLOCK <= from);
        let blocks = self.listed.get(first..)?.iter().take_while(|(at, _)| (*at as usize) < to);
        let mut numbers = blocks.filter_map(|(at, bits)| {
            let at = *at as usize;
            let left = bits & (u64::MAX << from.saturating_sub(at).min(BLOCK - 1));
            (left != 0).then(|| at + left.trailing_zeros() as usize)
        });
        numbers.next().filter(|at| (from..to).contains(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_lists_are_found_again_in_their_order() {
        let mut swept = Swept::default();
        swept.set_apart(64, 1 << 3 | 1 << 63);
        swept.set_apart(128, 0);
        swept.set_apart(192, 1);
        swept.candidates.push(130);
        let among = |reach: Range<usize>| {
            let mut anchors = swept.anchors((0, 1000));
            std::iter::from_fn(move || anchors.next_anchor(&reach)).collect::<Vec<_>>()
        };
        assert_eq!(among(0..0), [130]);
        assert_eq!(among(0..1000), [67, 127, 130, 192]);
        assert_eq!(among(68..127), [130]);
        assert_eq!(among(68..192), [127, 130]);
    }
}
