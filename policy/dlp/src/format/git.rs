//! What git sends: packs (gitformat-pack, versions 2 and 3), alone or behind the lines of a push
//! (gitprotocol-pack). Each object is content of its own; of trees the names are read. A delta says only
//! what it adds to a base that may be elsewhere: it is read as it stands, and told as not understood.
//! Invariant: where the structure breaks, what is left is read as plain bytes.

mod object;

use std::num::NonZeroU64;

use crate::coverage::Declared;
use crate::decode::codec::Compression;
use crate::decode::stream::{PIECE, Progress, Stream};
use crate::evidence::IncompleteReason;
use crate::format::whole::count_read;
use crate::scanner::{Limits, Place, Reader, Rest, Scan};
use object::{Header, Object};

/// Digits of a line's length, which counts them, too.
const LENGTH: usize = 4;
/// The longest line.
const LINE_MAX: usize = 65_520;
/// Magic, version and count.
const HEADER: usize = 12;
/// The hash behind the objects: SHA-1, or in some repositories SHA-256.
const HASHES: [usize; 2] = [20, 32];
/// Hexadecimal digits of an object's name.
const NAME_DIGITS: usize = 40;

/// A pack, or a push.
#[derive(Debug)]
pub(crate) struct Git {
    place: Place,
    state: State,
    stream: Stream,
    /// Bytes that wait to be enough for what comes next.
    held: Vec<u8>,
    /// Bytes that have been dealt with.
    offset: u64,
    /// Up to where everything is settled.
    cleared: u64,
    objects: u64,
}

#[derive(Debug)]
enum State {
    /// In the content of an object, with so many to come, this one among them.
    Content(Box<Object>, NonZeroU64),
    Header,
    Lines,
    Object(NonZeroU64),
    /// Behind the objects.
    Hash,
    Rest(Box<Rest>),
}

enum Step {
    /// More bytes are needed.
    More,
    /// So many were dealt with.
    Used(usize),
}

/// Whether content is a pack, or a push: a line of hexadecimal length with two objects' names.
pub(crate) fn is_git(head: &[u8]) -> bool {
    let is_pack = matches!(head, [b'P', b'A', b'C', b'K', 0, 0, 0, 2 | 3, ..]);
    let name = |at: usize| {
        let digits = head.get(at..at + NAME_DIGITS);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
            && head.get(at + NAME_DIGITS) == Some(&b' ')
    };
    is_pack || (length(head).is_some() && name(LENGTH) && name(LENGTH + NAME_DIGITS + 1))
}

/// The length that a line begins with.
fn length(bytes: &[u8]) -> Option<usize> {
    let digits = bytes.get(..LENGTH).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
    usize::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

impl Git {
    pub(crate) fn new(place: Place, limits: &Limits) -> Git {
        Git {
            stream: Stream::new(Compression::Zlib, &place, limits),
            place,
            state: State::Lines,
            held: Vec::new(),
            offset: 0,
            cleared: 0,
            objects: 0,
        }
    }

    fn step(&mut self, scan: &mut Scan, bytes: &[u8], is_last: bool) -> Step {
        let step = match &mut self.state {
            State::Content(..) => return self.content(scan, bytes, is_last),
            State::Hash => return self.hash(scan, bytes, is_last),
            State::Header => self.header(scan, bytes),
            State::Lines => self.line(scan, bytes),
            State::Object(left) => {
                let left = *left;
                self.object(scan, bytes, left)
            }
            State::Rest(rest) => {
                rest.feed(scan, bytes);
                return Step::Used(bytes.len());
            }
        };
        match step {
            Ok(Some(used)) => Step::Used(used),
            Ok(None) if !is_last => Step::More,
            Ok(None) => self.broken(scan, IncompleteReason::Truncated),
            Err(reason) => self.broken(scan, reason),
        }
    }

    /// One line of a push, or the pack behind them.
    fn line(&mut self, scan: &mut Scan, bytes: &[u8]) -> Result<Option<usize>, IncompleteReason> {
        let Some(first) = bytes.get(..LENGTH) else { return Ok(None) };
        if first == b"PACK" {
            self.state = State::Header;
            return Ok(Some(0));
        }
        let length = length(bytes).filter(|length| *length <= LINE_MAX);
        match length.ok_or(IncompleteReason::Damaged)? {
            // Ends of lists.
            0..=2 => {
                count_read(scan, LENGTH);
                Ok(Some(LENGTH))
            }
            3 => Err(IncompleteReason::Damaged),
            length => {
                let Some(line) = bytes.get(LENGTH..length) else { return Ok(None) };
                count_read(scan, LENGTH);
                let mut leaf = self.place.leaf_inside("lines", Declared::Nothing);
                // Behind the first one's names stands what the client can do.
                for part in line.split(|byte| *byte == 0) {
                    leaf.field(scan, part);
                }
                leaf.finish(scan);
                Ok(Some(length))
            }
        }
    }

    fn header(&mut self, scan: &mut Scan, bytes: &[u8]) -> Result<Option<usize>, IncompleteReason> {
        let Some(header) = bytes.first_chunk::<HEADER>() else { return Ok(None) };
        let [b'P', b'A', b'C', b'K', 0, 0, 0, 2 | 3, a, b, c, d] = *header else {
            return Err(IncompleteReason::Damaged);
        };
        count_read(scan, HEADER);
        let count = NonZeroU64::new(u64::from(u32::from_be_bytes([a, b, c, d])));
        self.state = count.map_or(State::Hash, State::Object);
        Ok(Some(HEADER))
    }

    fn object(
        &mut self,
        scan: &mut Scan,
        bytes: &[u8],
        left: NonZeroU64,
    ) -> Result<Option<usize>, IncompleteReason> {
        let Some(header) = Header::parse(bytes)? else { return Ok(None) };
        if !scan.may_enter() {
            return Err(IncompleteReason::EntriesMax);
        }
        count_read(scan, header.len);
        self.objects += 1;
        let place = self.place.inside(&format!("git#{}", self.objects));
        self.state = State::Content(Box::new(Object::new(scan, place, header.kind)), left);
        Ok(Some(header.len))
    }

    fn content(&mut self, scan: &mut Scan, bytes: &[u8], is_last: bool) -> Step {
        let State::Content(object, left) = &mut self.state else { return Step::More };
        if bytes.len() < PIECE && !is_last {
            return Step::More;
        }
        let piece = bytes.get(..PIECE).unwrap_or(bytes);
        let mut sink = |scan: &mut Scan, decoded: &[u8]| object.feed(scan, decoded);
        match self.stream.feed(scan, piece, &mut sink) {
            Progress::More => Step::Used(piece.len()),
            Progress::Ended(used) => {
                object.finish(scan);
                self.stream.restart(Compression::Zlib, &scan.limits);
                let next = NonZeroU64::new(left.get() - 1);
                self.state = next.map_or(State::Hash, State::Object);
                self.cleared = self.offset + used as u64;
                Step::Used(used)
            }
            Progress::Failed(used, reason) => {
                object.finish(scan);
                self.offset += used as u64;
                let step = self.broken(scan, reason);
                self.offset -= used as u64;
                match step {
                    Step::More => Step::More,
                    Step::Used(_) => Step::Used(used),
                }
            }
        }
    }

    /// The hash over everything; its length tells itself by what is left.
    fn hash(&mut self, scan: &mut Scan, bytes: &[u8], is_last: bool) -> Step {
        if HASHES.contains(&bytes.len()) && is_last {
            count_read(scan, bytes.len());
            return Step::Used(bytes.len());
        }
        match (bytes.len() <= HASHES[1], is_last) {
            (true, false) => Step::More,
            (true, true) => self.broken(scan, IncompleteReason::Truncated),
            (false, _) => self.broken(scan, IncompleteReason::Damaged),
        }
    }

    /// Reads on without structure.
    fn broken(&mut self, scan: &mut Scan, reason: IncompleteReason) -> Step {
        scan.evidence.add_incomplete(reason, self.place.member.as_ref());
        let rest = Rest::new(&self.place, "behind", Declared::Nothing, self.offset);
        self.state = State::Rest(Box::new(rest));
        Step::Used(0)
    }

    fn take(&mut self, scan: &mut Scan, bytes: &[u8], is_last: bool) -> usize {
        let mut taken = 0;
        while let Some(rest) = bytes.get(taken..).filter(|rest| !rest.is_empty()) {
            match self.step(scan, rest, is_last) {
                Step::More => break,
                Step::Used(used) => {
                    taken += used;
                    self.offset += used as u64;
                    if !matches!(self.state, State::Content(..) | State::Rest(_)) {
                        self.cleared = self.offset;
                    }
                }
            }
        }
        taken
    }
}

impl Reader for Git {
    fn feed(&mut self, scan: &mut Scan, bytes: &[u8]) {
        let mut held = std::mem::take(&mut self.held);
        if held.is_empty() {
            let used = self.take(scan, bytes, false);
            held.extend_from_slice(bytes.get(used..).unwrap_or_default());
        } else {
            held.extend_from_slice(bytes);
            let used = self.take(scan, &held, false);
            held.drain(..used);
        }
        self.held = held;
    }

    fn finish(&mut self, scan: &mut Scan) {
        let held = std::mem::take(&mut self.held);
        self.take(scan, &held, true);
        match &mut self.state {
            State::Content(object, _) => {
                object.finish(scan);
                let member = self.place.member.as_ref();
                scan.evidence.add_incomplete(IncompleteReason::Truncated, member);
            }
            State::Header | State::Object(_) => {
                let member = self.place.member.as_ref();
                scan.evidence.add_incomplete(IncompleteReason::Truncated, member);
            }
            State::Rest(rest) => rest.finish(scan),
            // A push that only deletes has no pack.
            State::Hash | State::Lines => {}
        }
    }

    fn cleared(&self) -> u64 {
        match &self.state {
            State::Rest(rest) => rest.cleared(),
            // An object leaves whole, as a receiver can do nothing with half of one.
            State::Content(..) | State::Hash | State::Header | State::Lines | State::Object(_) => {
                self.cleared
            }
        }
    }
}
