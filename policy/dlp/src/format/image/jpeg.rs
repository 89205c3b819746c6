//! JPEG (ITU-T T.81): segments, of which comments, EXIF, XMP and other application data are read;
//! entropy-coded data is numeric, and ends where its own rules say.

use super::{exif, tell_picture};
use crate::coverage::Declared;
use crate::evidence::IncompleteReason;
use crate::format::walk::{Grammar, Want, u16_at};
use crate::format::whole::count_read;
use crate::scanner::{Leaf, Place, Reader, Scan};

const MARKER: u8 = 0xff;
const SOI: u8 = 0xd8;
const EOI: u8 = 0xd9;
const SOS: u8 = 0xda;
const COMMENT: u8 = 0xfe;
/// Application data 0 to 15.
const APPS: std::ops::RangeInclusive<u8> = 0xe0..=0xef;
/// What EXIF stands behind, in application data 1.
const EXIF: &[u8] = b"Exif\0\0";

/// A JPEG file.
#[derive(Debug)]
pub(crate) struct Jpeg {
    place: Place,
    leaf: Leaf,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Behind,
    /// In entropy-coded data; whether its last byte was the first of a marker.
    Coded(bool),
    Length(u8),
    /// Before a marker.
    Marker,
    Segment(u8),
}

impl Jpeg {
    pub(crate) fn new(place: Place) -> Jpeg {
        let leaf = Leaf::new(place.member.clone(), Declared::Nothing);
        Jpeg { place, leaf, state: State::Marker }
    }

    fn structure(&mut self, scan: &mut Scan, bytes: &[u8]) {
        count_read(scan, bytes.len());
        self.leaf.watch(scan, bytes);
    }

    fn behind(&mut self, scan: &mut Scan, reason: Option<IncompleteReason>) -> Want {
        if let Some(reason) = reason {
            scan.evidence.add_incomplete(reason, self.place.member.as_ref());
        }
        self.leaf.declare(scan, Declared::Nothing);
        self.state = State::Behind;
        Want::Rest
    }

    /// What comes behind this marker.
    fn marker(&mut self, scan: &mut Scan, kind: u8) -> Want {
        match kind {
            SOI | 0x01 | 0xd0..=0xd7 => {
                self.state = State::Marker;
                Want::Whole(2)
            }
            EOI => self.behind(scan, None),
            _ => {
                self.state = State::Length(kind);
                Want::Whole(2)
            }
        }
    }

    fn segment(&mut self, scan: &mut Scan, kind: u8, bytes: &[u8]) {
        let start = self.leaf.offset();
        let is_text = kind == COMMENT || APPS.contains(&kind);
        self.leaf.declare(scan, if is_text { Declared::Tensor } else { Declared::Integers });
        self.leaf.field(scan, bytes);
        if let (0xe1, Some(block)) = (kind, bytes.strip_prefix(EXIF)) {
            let start = start + EXIF.len() as u64;
            exif::tell(scan, &mut self.leaf, (&self.place, start), block);
        }
    }
}

impl Grammar for Jpeg {
    fn first(&self) -> Want {
        Want::Whole(2)
    }

    fn whole(&mut self, scan: &mut Scan, at: u64, bytes: &[u8]) -> Want {
        match (self.state, bytes) {
            // Markers may be filled with more of their first byte.
            (State::Marker, [MARKER, MARKER]) => Want::Again(3),
            (State::Marker, [MARKER, fill @ .., MARKER]) if fill.len() < 16 => {
                Want::Again(bytes.len() + 1)
            }
            (State::Marker, [MARKER, .., kind]) => {
                let kind = *kind;
                self.structure(scan, bytes);
                if at == 0 {
                    tell_picture(&mut self.leaf, "jpeg");
                }
                self.marker(scan, kind)
            }
            (State::Length(kind), _) => {
                let len = usize::from(u16_at(bytes, 0, true).unwrap_or(0));
                self.structure(scan, bytes);
                self.state = State::Segment(kind);
                match len.checked_sub(2) {
                    Some(0) => self.over(scan, at),
                    Some(len) => Want::Whole(len),
                    None => self.behind(scan, Some(IncompleteReason::Damaged)),
                }
            }
            (State::Segment(kind), _) => {
                self.segment(scan, kind, bytes);
                self.over(scan, at)
            }
            (State::Behind | State::Coded(_) | State::Marker, _) => {
                let want = self.behind(scan, Some(IncompleteReason::Damaged));
                self.leaf.feed(scan, bytes);
                want
            }
        }
    }

    fn part(&mut self, scan: &mut Scan, bytes: &[u8]) {
        self.leaf.feed(scan, bytes);
    }

    fn search(&mut self, scan: &mut Scan, bytes: &[u8]) -> (usize, Option<Want>) {
        let mut is_marked = matches!(self.state, State::Coded(true));
        for (at, byte) in bytes.iter().enumerate() {
            match (is_marked, *byte) {
                // Stuffing and restarts are part of the data.
                (true, 0 | 0xd0..=0xd7) => is_marked = false,
                (_, MARKER) => is_marked = true,
                (true, kind) => {
                    self.leaf.feed(scan, bytes.get(..=at).unwrap_or_default());
                    return (at + 1, Some(self.marker(scan, kind)));
                }
                (false, _) => {}
            }
        }
        self.state = State::Coded(is_marked);
        self.leaf.feed(scan, bytes);
        (bytes.len(), None)
    }

    fn over(&mut self, scan: &mut Scan, _at: u64) -> Want {
        if matches!(self.state, State::Segment(SOS)) {
            self.leaf.declare(scan, Declared::Integers);
            self.state = State::Coded(false);
            return Want::Search;
        }
        self.state = State::Marker;
        Want::Whole(2)
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
