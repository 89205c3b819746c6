//! PNG (ISO/IEC 15948): chunks, of which the textual ones and EXIF are read.

use super::{exif, tell_picture};
use crate::coverage::Declared;
use crate::decode::codec::Compression;
use crate::evidence::IncompleteReason;
use crate::format::unpack::{Packing, UNPACKED_MAX, unpack};
use crate::format::walk::{Grammar, WHOLE_MAX, Want, u32_at};
use crate::format::whole::count_read;
use crate::scanner::{Leaf, Place, Reader, Scan};

const SIGNATURE: usize = 8;
/// Length and type of a chunk.
const HEADER: usize = 8;
const CRC: usize = 4;

/// A PNG file.
#[derive(Debug)]
pub(crate) struct Png {
    place: Place,
    leaf: Leaf,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Behind,
    /// Behind a chunk's data; whether it was the last chunk.
    Crc(bool),
    /// In data that passes.
    Data,
    Header,
    Signature,
    /// In a chunk that is looked at whole.
    Text([u8; 4]),
}

impl Png {
    pub(crate) fn new(place: Place) -> Png {
        let leaf = Leaf::new(place.member.clone(), Declared::Nothing);
        Png { place, leaf, state: State::Signature }
    }

    fn structure(&mut self, scan: &mut Scan, bytes: &[u8]) {
        count_read(scan, bytes.len());
        self.leaf.watch(scan, bytes);
    }

    fn header(&mut self, scan: &mut Scan, bytes: &[u8]) -> Want {
        let len = u32_at(bytes, 0, true).unwrap_or(0);
        let kind = bytes.get(4..).and_then(|b| b.first_chunk::<4>()).copied().unwrap_or_default();
        if !kind.iter().all(u8::is_ascii_alphabetic) {
            self.leaf.declare(scan, Declared::Nothing);
            self.leaf.feed(scan, bytes);
            let member = self.place.member.as_ref();
            scan.evidence.add_incomplete(IncompleteReason::Damaged, member);
            self.state = State::Behind;
            return Want::Rest;
        }
        self.structure(scan, bytes);
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        let is_text = matches!(&kind, b"eXIf" | b"iTXt" | b"tEXt" | b"zTXt");
        if is_text && (1..=WHOLE_MAX).contains(&len) {
            self.state = State::Text(kind);
            return Want::Whole(len);
        }
        let declared = match &kind {
            b"IDAT" | b"fdAT" => Declared::Integers,
            _ if is_text => Declared::Nothing,
            // Palettes, profiles, chunks of one's own.
            _ => Declared::Tensor,
        };
        self.leaf.declare(scan, declared);
        self.state = if &kind == b"IEND" { State::Crc(true) } else { State::Data };
        if len == 0 && &kind == b"IEND" { Want::Whole(CRC) } else { Want::Stream(len as u64) }
    }

    /// A chunk of text, keyword first.
    fn text(&mut self, scan: &mut Scan, kind: [u8; 4], bytes: &[u8]) {
        let start = self.leaf.offset();
        self.leaf.declare(scan, Declared::Tensor);
        self.leaf.field(scan, bytes);
        if &kind == b"eXIf" {
            exif::tell(scan, &mut self.leaf, (&self.place, start), bytes);
        }
        let Some(end) = memchr::memchr(0, bytes) else { return };
        let rest = bytes.get(end + 1..).unwrap_or_default();
        // Keyword, compression method; international text also has a flag, a language and a
        // translated keyword before it.
        let packed = match (&kind, rest) {
            (b"zTXt", [_, packed @ ..]) => packed,
            (b"iTXt", [1, _, packed @ ..]) => {
                let mut fields = packed.splitn(3, |b| *b == 0);
                fields.nth(2).unwrap_or_default()
            }
            _ => return,
        };
        let packing = Packing::Coded(Compression::Zlib);
        match unpack(scan, &self.place, (packing, UNPACKED_MAX), packed) {
            Ok(text) => {
                let mut leaf = self.place.leaf_inside("text", Declared::Nothing);
                leaf.feed(scan, &text);
                leaf.finish(scan);
            }
            Err(reason) => scan.evidence.add_incomplete(reason, self.place.member.as_ref()),
        }
    }
}

impl Grammar for Png {
    fn first(&self) -> Want {
        Want::Whole(SIGNATURE)
    }

    fn whole(&mut self, scan: &mut Scan, _at: u64, bytes: &[u8]) -> Want {
        match self.state {
            State::Signature => {
                self.structure(scan, bytes);
                tell_picture(&mut self.leaf, "png");
            }
            State::Header => return self.header(scan, bytes),
            State::Text(kind) => {
                self.text(scan, kind, bytes);
                self.state = State::Crc(false);
                return Want::Whole(CRC);
            }
            State::Crc(is_last) => {
                self.structure(scan, bytes);
                if is_last {
                    self.leaf.declare(scan, Declared::Nothing);
                    self.state = State::Behind;
                    return Want::Rest;
                }
            }
            State::Behind | State::Data => {}
        }
        self.state = State::Header;
        Want::Whole(HEADER)
    }

    fn part(&mut self, scan: &mut Scan, bytes: &[u8]) {
        self.leaf.feed(scan, bytes);
    }

    fn over(&mut self, _scan: &mut Scan, _at: u64) -> Want {
        if matches!(self.state, State::Data) {
            self.state = State::Crc(false);
        }
        Want::Whole(CRC)
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
