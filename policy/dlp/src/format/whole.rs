//! Forms that tell only at their end, or by offsets, what their bytes are: the input is held up to
//! `HELD_MAX` bytes and then read at once. Beyond it is read as plain bytes and told incomplete.
//! Invariant: what no structure claims is still read.

use crate::coverage::Declared;
use crate::evidence::IncompleteReason;
use crate::scanner::{Leaf, Place, Reader, Scan, Weight};

/// Bytes held of one input.
pub(crate) const HELD_MAX: usize = 64 << 20;

/// Reads a whole input.
pub(crate) type Read = fn(&mut Scan, &Place, &[u8]);

/// An input that is read when it is whole.
#[derive(Debug)]
pub(crate) struct Whole {
    place: Place,
    read: Read,
    held: Vec<u8>,
    weight: Weight,
    /// What is too large to be held.
    plain: Option<Box<Leaf>>,
}

impl Whole {
    pub(crate) fn new(place: Place, read: Read) -> Whole {
        Whole { place, read, held: Vec::new(), weight: Weight::default(), plain: None }
    }
}

impl Reader for Whole {
    fn feed(&mut self, scan: &mut Scan, bytes: &[u8]) {
        if let Some(leaf) = &mut self.plain {
            return leaf.feed(scan, bytes);
        }
        if self.held.len() + bytes.len() <= HELD_MAX {
            // Nobody reads what is of no use to anybody.
            if scan.goes_on() {
                self.held.extend_from_slice(bytes);
                scan.weigh(&mut self.weight, self.held.capacity());
            }
            return;
        }
        let member = self.place.member.clone();
        scan.evidence.add_incomplete(IncompleteReason::HeaderMax, member.as_ref());
        let mut leaf = Box::new(Leaf::new(member, Declared::Nothing));
        leaf.feed(scan, &std::mem::take(&mut self.held));
        scan.weigh(&mut self.weight, 0);
        leaf.feed(scan, bytes);
        self.plain = Some(leaf);
    }

    fn finish(&mut self, scan: &mut Scan) {
        match &mut self.plain {
            Some(leaf) => leaf.finish(scan),
            None => (self.read)(scan, &self.place, &std::mem::take(&mut self.held)),
        }
    }

    fn cleared(&self) -> u64 {
        self.plain.as_ref().map_or(0, |leaf| leaf.cleared())
    }
}

/// Which bytes of an input some structure has claimed, each once.
#[derive(Debug)]
pub(crate) struct Claims<'a> {
    bytes: &'a [u8],
    ranges: Vec<(usize, usize)>,
}

impl<'a> Claims<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Claims<'a> {
        Claims { bytes, ranges: Vec::new() }
    }

    /// Claims what is at a declared place; nothing where it does not lie within the input or was
    /// claimed before.
    pub(crate) fn take(&mut self, at: u64, len: u64) -> Option<&'a [u8]> {
        let start = usize::try_from(at).ok()?;
        let end = start.checked_add(usize::try_from(len).ok()?)?;
        let part = self.bytes.get(start..end)?;
        if part.is_empty() {
            return Some(part);
        }
        let next = self.ranges.partition_point(|range| range.0 < end);
        let is_free = next.checked_sub(1).and_then(|i| self.ranges.get(i));
        if is_free.is_some_and(|before| before.1 > start) {
            return None;
        }
        self.ranges.insert(next, (start, end));
        Some(part)
    }

    /// Reads what nothing has claimed, as the bytes that they are.
    pub(crate) fn read_rest(self, scan: &mut Scan, place: &Place) {
        let mut leaf = place.leaf_inside("unclaimed", Declared::Tensor);
        let mut at = 0;
        for (start, end) in self.ranges.iter().copied().chain([(self.bytes.len(), 0)]) {
            let gap = self.bytes.get(at..start).unwrap_or_default();
            if !gap.is_empty() {
                leaf.declare(scan, Declared::Tensor);
                leaf.feed(scan, gap);
                leaf.watch(scan, b"\n");
            }
            at = end;
        }
        leaf.finish(scan);
    }
}

/// Counts bytes of structure that were parsed and hold no text.
pub(crate) fn count_read(scan: &mut Scan, len: usize) {
    scan.evidence.coverage.read += len as u64;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_is_claimed_once() {
        let mut claims = Claims::new(b"0123456789");
        assert_eq!(claims.take(4, 2), Some(&b"45"[..]));
        assert_eq!(claims.take(5, 2), None);
        assert_eq!(claims.take(3, 2), None);
        assert_eq!(claims.take(0, 20), None);
        assert_eq!(claims.take(u64::MAX, 2), None);
        assert_eq!(claims.take(2, 2), Some(&b"23"[..]));
        assert_eq!(claims.take(6, 1), Some(&b"6"[..]));
        assert_eq!(claims.ranges, [(2, 4), (4, 6), (6, 7)]);
    }
}
