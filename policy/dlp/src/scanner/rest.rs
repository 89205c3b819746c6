//! The end of a form whose bytes are read as they are: behind its structure, or where that broke.

use crate::coverage::Declared;
use crate::scanner::{Leaf, Place, Reader, Scan};

/// A plain leaf from some offset on.
#[derive(Debug)]
pub(crate) struct Rest {
    leaf: Leaf,
    /// Where it begins in the form.
    start: u64,
}

impl Rest {
    /// What begins at `start` of the form that stands at `place`.
    pub(crate) fn new(place: &Place, name: &str, declared: Declared, start: u64) -> Rest {
        Rest { leaf: place.leaf_inside(name, declared), start }
    }
}

impl Reader for Rest {
    fn feed(&mut self, scan: &mut Scan, bytes: &[u8]) {
        self.leaf.feed(scan, bytes);
    }

    fn finish(&mut self, scan: &mut Scan) {
        self.leaf.finish(scan);
    }

    /// Bytes from the start of the form, not of the rest.
    fn cleared(&self) -> u64 {
        self.start + self.leaf.cleared()
    }
}
