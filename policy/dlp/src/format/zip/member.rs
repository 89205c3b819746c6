//! A member's data: stored, deflated, or of a form that is not read; and the descriptor behind it.
//! Where the size is not told before, a stored member ends at a descriptor that fits what was read.

use super::central::Entry;
use super::fields::{u32_at, u64_at};
use super::local::Local;
use crate::coverage::Declared;
use crate::decode::codec::Compression;
use crate::decode::marks::Marks;
use crate::decode::stream::{PIECE, Progress, Stream};
use crate::evidence::IncompleteReason;
use crate::scanner::{Leaf, Node, Place, Reader, Scan};

const DESCRIPTOR: &[u8; 4] = b"PK\x07\x08";
/// The longest descriptor: signature, check value, two sizes of eight bytes.
const DESCRIPTOR_MAX: usize = 24;

/// A member that is being read.
#[derive(Debug)]
pub(super) struct Member {
    place: Place,
    content: Box<dyn Reader>,
    phase: Phase,
    entry: Entry,
    data_start: u64,
    has_descriptor: bool,
    told: (u32, u64, u64),
    crc: crc32fast::Hasher,
    /// Encoded and decoded bytes so far.
    encoded: u64,
    decoded: u64,
    marks: Marks,
}

#[derive(Debug)]
enum Phase {
    /// Stored, with so many bytes left; or unreadable bytes of known size.
    Counted(u64),
    /// Compressed; with so many bytes left, where the size is told.
    Coded(Box<Stream>, Option<u64>),
    /// Before the descriptor.
    Descriptor,
    /// Unreadable, and of unknown size: up to whatever looks like a structure.
    Lost,
    /// Stored, up to a descriptor that fits.
    Searched,
}

/// What became of a piece of input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// More bytes are needed.
    More,
    /// So many were taken.
    Used(usize),
    /// So many were taken, and the member is over.
    Ended(usize),
}

impl Member {
    /// A member whose local header and data begin at these offsets.
    pub(super) fn new(
        scan: &mut Scan,
        place: Place,
        local: &Local,
        (offset, data_start): (u64, u64),
    ) -> Member {
        let has_size = !local.has_descriptor() || local.sizes.0 > 0;
        let compression = compression(local.method);
        let unreadable = match compression {
            _ if local.is_encrypted() => Some(IncompleteReason::Encrypted),
            None if local.method != 0 => Some(IncompleteReason::UnknownEncoding),
            Some(_) | None => None,
        };
        if let Some(reason) = unreadable {
            scan.evidence.add_incomplete(reason, place.member.as_ref());
        }
        let phase = match (unreadable, compression, has_size) {
            (Some(_), _, true) | (None, None, true) => Phase::Counted(local.sizes.0),
            (Some(_), _, false) => Phase::Lost,
            (None, None, false) => Phase::Searched,
            (None, Some(compression), _) => {
                let left = has_size.then_some(local.sizes.0);
                Phase::Coded(Box::new(Stream::new(compression, &place, &scan.limits)), left)
            }
        };
        let content: Box<dyn Reader> = match unreadable {
            Some(_) => Box::new(Leaf::new(place.member.clone(), Declared::Opaque)),
            None => Box::new(Node::new(place.clone())),
        };
        let found = unreadable.is_none().then_some((0, 0, 0));
        Member {
            place,
            content,
            phase,
            entry: Entry { offset, name: local.fingerprint(), found },
            data_start,
            has_descriptor: local.has_descriptor(),
            told: (local.crc, local.sizes.0, local.sizes.1),
            crc: crc32fast::Hasher::new(),
            encoded: 0,
            decoded: 0,
            marks: Marks::default(),
        }
    }

    /// What was found out, once the member is over.
    pub(super) fn entry(&self) -> Entry {
        self.entry
    }

    /// Takes some of the bytes, which may be the last of the archive.
    pub(super) fn step(&mut self, scan: &mut Scan, bytes: &[u8], is_last: bool) -> Step {
        match &mut self.phase {
            Phase::Counted(left) => {
                let part = bytes.get(..usize::try_from(*left).unwrap_or(usize::MAX));
                let part = part.unwrap_or(bytes);
                *left -= part.len() as u64;
                let is_over = *left == 0;
                self.take(scan, part);
                if is_over { self.end_data(scan, part.len()) } else { Step::Used(part.len()) }
            }
            Phase::Coded(..) => self.coded(scan, bytes, is_last),
            Phase::Descriptor => self.descriptor(scan, bytes),
            Phase::Lost => self.lost(scan, bytes),
            Phase::Searched => self.searched(scan, bytes),
        }
    }

    /// Takes the last bytes, of a member that is cut.
    pub(super) fn finish(&mut self, scan: &mut Scan, held: &[u8]) {
        if matches!(self.phase, Phase::Descriptor) {
            scan.evidence.coverage.read += held.len() as u64;
        } else {
            if let Phase::Coded(stream, _) = &mut self.phase {
                let content = &mut self.content;
                stream.finish(scan, &mut |scan, decoded| content.feed(scan, decoded));
                self.lose(scan, 0, IncompleteReason::Truncated);
            }
            self.take(scan, held);
            self.content.finish(scan);
        }
        self.complain(scan, IncompleteReason::Truncated);
    }

    /// Bytes from the start of the archive in which nothing more can begin.
    pub(super) fn cleared(&self) -> u64 {
        self.data_start
            + match &self.phase {
                Phase::Counted(_) | Phase::Lost | Phase::Searched => self.content.cleared(),
                Phase::Coded(..) => self.marks.cleared(self.content.cleared()),
                Phase::Descriptor => self.encoded,
            }
    }

    /// Takes data that is read as it stands.
    fn take(&mut self, scan: &mut Scan, part: &[u8]) {
        self.crc.update(part);
        self.encoded += part.len() as u64;
        self.decoded += part.len() as u64;
        self.content.feed(scan, part);
    }

    fn complain(&mut self, scan: &mut Scan, reason: IncompleteReason) {
        self.entry.found = None;
        scan.evidence.add_incomplete(reason, self.place.member.as_ref());
    }

    fn coded(&mut self, scan: &mut Scan, bytes: &[u8], is_last: bool) -> Step {
        let Phase::Coded(stream, left) = &mut self.phase else { return Step::More };
        let room = left.map_or(usize::MAX, |left| usize::try_from(left).unwrap_or(usize::MAX));
        let len = PIECE.min(room);
        if bytes.len() < len && !is_last {
            return Step::More;
        }
        let piece = bytes.get(..len).unwrap_or(bytes);
        let (content, crc) = (&mut self.content, &mut self.crc);
        let mut sink = |scan: &mut Scan, decoded: &[u8]| {
            crc.update(decoded);
            content.feed(scan, decoded);
        };
        let progress = stream.feed(scan, piece, &mut sink);
        self.decoded = stream.output;
        let used = match progress {
            Progress::More => piece.len(),
            Progress::Ended(used) | Progress::Failed(used, _) => used,
        };
        self.encoded += used as u64;
        if let Some(left) = left {
            *left -= used as u64;
        }
        let left = *left;
        match progress {
            Progress::More if left == Some(0) => self.lose(scan, used, IncompleteReason::Damaged),
            Progress::More => {
                if let Some(mark) = stream.mark() {
                    self.marks.set(mark, self.content.cleared());
                }
                Step::Used(used)
            }
            Progress::Ended(_) if left.is_some_and(|left| left > 0) => {
                self.lose(scan, used, IncompleteReason::Damaged)
            }
            Progress::Ended(_) => self.end_data(scan, used),
            Progress::Failed(_, reason) => self.lose(scan, used, reason),
        }
    }

    /// Reads on without decoding, behind a break or a limit.
    fn lose(&mut self, scan: &mut Scan, used: usize, reason: IncompleteReason) -> Step {
        self.content.finish(scan);
        self.complain(scan, reason);
        let Phase::Coded(stream, left) = &self.phase else { return Step::Ended(used) };
        let left = *left;
        let held = stream.held();
        self.data_start += std::mem::take(&mut self.encoded) - held.len() as u64;
        self.content = Box::new(Leaf::new(self.place.member.clone(), Declared::Opaque));
        self.content.feed(scan, held);
        match left {
            Some(0) => {
                self.content.finish(scan);
                return Step::Ended(used);
            }
            Some(left) => self.phase = Phase::Counted(left),
            None => self.phase = Phase::Lost,
        }
        Step::Used(used)
    }

    /// Unreadable data of unknown size.
    fn lost(&mut self, scan: &mut Scan, bytes: &[u8]) -> Step {
        let next = memchr::memchr(b'P', bytes).unwrap_or(bytes.len());
        if next > 0 {
            self.take(scan, bytes.get(..next).unwrap_or_default());
            return Step::Used(next);
        }
        match bytes.first_chunk::<4>() {
            None => Step::More,
            Some(b"PK\x01\x02" | b"PK\x03\x04" | b"PK\x07\x08") => {
                self.content.finish(scan);
                Step::Ended(0)
            }
            Some(_) => {
                self.take(scan, b"P");
                Step::Used(1)
            }
        }
    }

    /// A stored member of unknown size.
    fn searched(&mut self, scan: &mut Scan, bytes: &[u8]) -> Step {
        let next = memchr::memmem::find(bytes, DESCRIPTOR).unwrap_or_else(|| {
            // The signature may be cut by the end of the bytes.
            let cut =
                (1..4).rev().find(|n| bytes.ends_with(DESCRIPTOR.get(..*n).unwrap_or_default()));
            bytes.len() - cut.unwrap_or(0)
        });
        if next > 0 {
            self.take(scan, bytes.get(..next).unwrap_or_default());
            return Step::Used(next);
        }
        let crc = self.crc.clone().finalize();
        match fits(bytes, (crc, self.encoded, self.decoded)) {
            Some(len) => {
                self.entry.found = Some((crc, self.encoded, self.decoded));
                self.content.finish(scan);
                Step::Ended(len)
            }
            None if bytes.len() < DESCRIPTOR_MAX => Step::More,
            None => {
                self.take(scan, bytes.get(..1).unwrap_or_default());
                Step::Used(1)
            }
        }
    }

    /// The data are over.
    fn end_data(&mut self, scan: &mut Scan, used: usize) -> Step {
        self.content.finish(scan);
        let is_readable = self.entry.found.is_some();
        let found = (self.crc.clone().finalize(), self.encoded, self.decoded);
        self.entry.found = is_readable.then_some(found);
        if self.has_descriptor {
            self.phase = Phase::Descriptor;
            return Step::Used(used);
        }
        if is_readable && found != self.told {
            self.complain(scan, IncompleteReason::Damaged);
        }
        Step::Ended(used)
    }

    fn descriptor(&mut self, scan: &mut Scan, bytes: &[u8]) -> Step {
        let Some(found) = self.entry.found else {
            // Of unreadable data nothing is known that could be compared: the usual form is
            // assumed.
            let len = if bytes.starts_with(DESCRIPTOR) { 16 } else { 12 };
            return if bytes.len() < len { Step::More } else { Step::Ended(len) };
        };
        match fits(bytes, found) {
            Some(len) => {
                scan.evidence.coverage.read += len as u64;
                Step::Ended(len)
            }
            None if bytes.len() < DESCRIPTOR_MAX => Step::More,
            None => {
                self.complain(scan, IncompleteReason::Damaged);
                Step::Ended(0)
            }
        }
    }
}

/// The compression that a method stands for (APPNOTE section 4.4.5).
fn compression(method: u16) -> Option<Compression> {
    match method {
        8 => Some(Compression::Deflate),
        12 => Some(Compression::Bzip2),
        93 => Some(Compression::Zstd),
        95 => Some(Compression::Xz),
        _ => None,
    }
}

/// The length of the descriptor at the start of `bytes`, where it tells these values: with or
/// without signature, with sizes of four or eight bytes.
fn fits(bytes: &[u8], (crc, encoded, decoded): (u32, u64, u64)) -> Option<usize> {
    let signed = if bytes.starts_with(DESCRIPTOR) { 4 } else { 0 };
    [signed, 0].into_iter().find_map(|at| {
        if u32_at(bytes, at)? != crc {
            return None;
        }
        let narrow = u32_at(bytes, at + 4).map(u64::from).zip(u32_at(bytes, at + 8).map(u64::from));
        if narrow == Some((encoded, decoded)) {
            return Some(at + 12);
        }
        let wide = u64_at(bytes, at + 4).zip(u64_at(bytes, at + 12));
        (wide == Some((encoded, decoded))).then_some(at + 20)
    })
}
