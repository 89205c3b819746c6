//! WebP (RFC 9649): RIFF chunks, of which EXIF and XMP are read.

use super::{exif, tell_picture};
use crate::coverage::Declared;
use crate::evidence::IncompleteReason;
use crate::format::walk::{Grammar, WHOLE_MAX, Want, u32_at};
use crate::format::whole::count_read;
use crate::scanner::{Leaf, Place, Reader, Scan};

/// `RIFF`, size, `WEBP`.
const FILE_HEADER: usize = 12;
/// Type and size of a chunk.
const HEADER: usize = 8;

/// A WebP file.
#[derive(Debug)]
pub(crate) struct Riff {
    place: Place,
    leaf: Leaf,
    state: State,
    /// Where the file says that it ends.
    end: u64,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Behind,
    Data,
    /// In EXIF, of so many bytes; a byte of padding may follow.
    Exif(usize),
    FileHeader,
    Header,
}

impl Riff {
    pub(crate) fn new(place: Place) -> Riff {
        let leaf = Leaf::new(place.member.clone(), Declared::Nothing);
        Riff { place, leaf, state: State::FileHeader, end: 0 }
    }

    fn structure(&mut self, scan: &mut Scan, bytes: &[u8]) {
        count_read(scan, bytes.len());
        self.leaf.watch(scan, bytes);
    }

    /// What comes behind a chunk that ends at `at`.
    fn next(&mut self, scan: &mut Scan, at: u64) -> Want {
        if at >= self.end {
            self.leaf.declare(scan, Declared::Nothing);
            self.state = State::Behind;
            return Want::Rest;
        }
        self.state = State::Header;
        Want::Whole(HEADER)
    }
}

impl Grammar for Riff {
    fn first(&self) -> Want {
        Want::Whole(FILE_HEADER)
    }

    fn whole(&mut self, scan: &mut Scan, at: u64, bytes: &[u8]) -> Want {
        let end = at + bytes.len() as u64;
        let size = u32_at(bytes, 4, false).unwrap_or(0);
        match self.state {
            State::FileHeader => {
                self.structure(scan, bytes);
                tell_picture(&mut self.leaf, "webp");
                self.end = u64::from(size) + HEADER as u64;
                self.next(scan, end)
            }
            State::Header => {
                self.structure(scan, bytes);
                let len = usize::try_from(size).unwrap_or(usize::MAX);
                let padded = len.saturating_add(len % 2);
                let (state, declared) = match bytes.first_chunk::<4>() {
                    Some(b"EXIF") if (1..=WHOLE_MAX).contains(&padded) => {
                        self.state = State::Exif(len);
                        return Want::Whole(padded);
                    }
                    Some(b"ALPH" | b"ANMF" | b"VP8 " | b"VP8L") => {
                        (State::Data, Declared::Integers)
                    }
                    Some(_) | None => (State::Data, Declared::Tensor),
                };
                self.leaf.declare(scan, declared);
                self.state = state;
                Want::Stream(padded as u64)
            }
            State::Exif(len) => {
                let start = self.leaf.offset();
                self.leaf.declare(scan, Declared::Tensor);
                self.leaf.feed(scan, bytes);
                let block = bytes.get(..len).unwrap_or(bytes);
                let (block, start) = match block.strip_prefix(b"Exif\0\0") {
                    Some(block) => (block, start + 6),
                    None => (block, start),
                };
                exif::tell(scan, &mut self.leaf, (&self.place, start), block);
                self.next(scan, end)
            }
            State::Behind | State::Data => Want::Rest,
        }
    }

    fn part(&mut self, scan: &mut Scan, bytes: &[u8]) {
        self.leaf.feed(scan, bytes);
    }

    fn over(&mut self, scan: &mut Scan, at: u64) -> Want {
        self.next(scan, at)
    }

    fn finish(&mut self, scan: &mut Scan, held: &[u8], _is_cut: bool) {
        if !matches!(self.state, State::Behind) {
            let member = self.place.member.as_ref();
            scan.evidence.add_incomplete(IncompleteReason::Truncated, member);
        }
        self.leaf.declare(scan, Declared::Nothing);
        self.leaf.feed(scan, held);
        self.leaf.finish(scan);
    }

    fn cleared(&self) -> u64 {
        self.leaf.cleared()
    }
}
