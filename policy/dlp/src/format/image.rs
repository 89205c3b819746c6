//! Pictures: their text is read, their pixels are numeric by the form's own word, and each is told as
//! `photo` at low confidence: what it shows is not looked at, so a policy may name it. Invariant:
//! every byte passes a leaf, also what is appended behind the picture.

pub(crate) mod exif;
mod gif;
mod jpeg;
mod png;
mod riff;
mod tiff;

use crate::coverage::Declared;
use crate::finding::{Confidence, Identifier, Span};
use crate::format::walk::{Walk, first};
use crate::format::whole::Whole;
use crate::scanner::{Leaf, Place, Reader, Scan};

pub(crate) use tiff::is_tiff;

/// The form that findings name.
const FORM: &str = "image";

pub(crate) fn gif(place: Place) -> Walk<gif::Gif> {
    Walk::new(gif::Gif::new(place))
}

pub(crate) fn jpeg(place: Place) -> Walk<jpeg::Jpeg> {
    Walk::new(jpeg::Jpeg::new(place))
}

pub(crate) fn png(place: Place) -> Walk<png::Png> {
    Walk::new(png::Png::new(place))
}

pub(crate) fn webp(place: Place) -> Walk<riff::Riff> {
    Walk::new(riff::Riff::new(place))
}

pub(crate) fn tiff(place: Place) -> Whole {
    Whole::new(place, tiff::read)
}

/// Tells that a picture begins with what the leaf took last.
fn tell_picture(leaf: &mut Leaf, locus: &'static str) {
    let end = leaf.offset();
    let class = (Identifier::Photo, Confidence::Low);
    leaf.tell(FORM, locus, Span { start: 0, end }, class);
}

/// A picture or print that is told by its magic alone, without metadata of its own.
#[derive(Debug)]
pub(crate) struct Print {
    leaf: Leaf,
    locus: &'static str,
    class: Option<(Identifier, Confidence)>,
}

/// Bytes that are told as the finding.
const MAGIC: u64 = 4;

impl Print {
    /// A bitmap (BMP): its pixels are bare, so that statistics tell them.
    pub(crate) fn bitmap(place: Place) -> Print {
        Print::new(place, Declared::Tensor, "bmp", (Identifier::Photo, Confidence::Low))
    }

    /// A fingerprint picture (WSQ, FBI IAFIS-IC-0110), compressed.
    pub(crate) fn wsq(place: Place) -> Print {
        Print::new(place, Declared::Integers, "wsq", (Identifier::Biometric, Confidence::Medium))
    }

    /// A template or picture of a finger, face or iris (ISO/IEC 19794, ANSI INCITS 378).
    pub(crate) fn record(place: Place) -> Print {
        let class = (Identifier::Biometric, Confidence::Medium);
        Print::new(place, Declared::Tensor, "biometric record", class)
    }

    fn new(
        place: Place,
        declared: Declared,
        locus: &'static str,
        class: (Identifier, Confidence),
    ) -> Print {
        Print { leaf: Leaf::new(place.member, declared), locus, class: Some(class) }
    }
}

impl Reader for Print {
    fn feed(&mut self, scan: &mut Scan, bytes: &[u8]) {
        let missing = MAGIC.saturating_sub(self.leaf.offset());
        let (magic, rest) = bytes.split_at(first(bytes, missing).len());
        self.leaf.feed(scan, magic);
        if self.leaf.offset() >= MAGIC
            && let Some(class) = self.class.take()
        {
            self.leaf.tell(FORM, self.locus, Span { start: 0, end: MAGIC }, class);
        }
        self.leaf.feed(scan, rest);
    }

    fn finish(&mut self, scan: &mut Scan) {
        self.leaf.finish(scan);
    }

    fn cleared(&self) -> u64 {
        if self.class.is_some() { 0 } else { self.leaf.cleared() }
    }
}

/// Whether `head` begins a bitmap: beside two letters, a header of a known size.
pub(crate) fn is_bitmap(head: &[u8]) -> bool {
    matches!(
        head,
        [
            b'B',
            b'M',
            _,
            _,
            _,
            _,
            0,
            0,
            0,
            0,
            _,
            _,
            0,
            0,
            12 | 40 | 52 | 56 | 64 | 108 | 124,
            0,
            0,
            0,
            ..
        ]
    )
}

/// Whether `head` begins a biometric record: its kind, then a version of three digits.
pub(crate) fn is_record(head: &[u8]) -> bool {
    let Some((kind, rest)) = head.split_first_chunk::<4>() else { return false };
    let is_version = matches!(rest, [b' ' | b'0', b'1'..=b'9', b'0'..=b'9', 0, ..]);
    [b"FAC\0", b"FIR\0", b"FMR\0", b"IIR\0"].contains(&kind) && is_version
}
