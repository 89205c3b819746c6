//! Zip archives (PKWARE APPNOTE 6.3.10) as a stream, from local header to local header. Members are
//! content of their own, names and comments text, and whatever stands between is read too. The
//! central directory must tell the same as the local headers, since other readers believe only one
//! of the two.

mod central;
mod fields;
mod local;
mod member;

use crate::coverage::Declared;
use crate::evidence::IncompleteReason;
use crate::format::entry;
use crate::scanner::{Leaf, Place, Reader, Scan};
use central::{Directory, Record};
use local::Local;
use member::{Member, Step};

/// A zip archive.
#[derive(Debug)]
pub(crate) struct Zip {
    place: Place,
    state: State,
    /// Bytes that wait for more: a structure that is not yet whole, at most three fields of 64 KiB.
    held: Vec<u8>,
    /// Offset of the first byte that has not been taken.
    offset: u64,
    directory: Directory,
    /// Members so far.
    members: u64,
    is_last: bool,
}

#[derive(Debug)]
enum State {
    /// Before a structure.
    Structure,
    /// In a member.
    Member(Box<Member>),
    /// In bytes that belong to no structure, which begin at this offset.
    Slack(Box<Leaf>, u64),
    /// Behind a limit.
    Skipping,
}

impl Zip {
    pub(crate) fn new(place: Place) -> Zip {
        Zip {
            place,
            state: State::Structure,
            held: Vec::new(),
            offset: 0,
            directory: Directory::default(),
            members: 0,
            is_last: false,
        }
    }

    fn add_incomplete(&self, scan: &mut Scan, reason: IncompleteReason) {
        scan.evidence.add_incomplete(reason, self.place.member.as_ref());
    }

    /// Takes what it can of the bytes and says how many.
    fn take(&mut self, scan: &mut Scan, bytes: &[u8]) -> usize {
        let mut taken = 0;
        while let Some(rest) = bytes.get(taken..).filter(|rest| !rest.is_empty()) {
            let Some(used) = self.step(scan, rest) else { break };
            self.offset += used as u64;
            taken += used;
        }
        taken
    }

    /// Takes some of the bytes and says how many; nothing where more are needed first.
    fn step(&mut self, scan: &mut Scan, bytes: &[u8]) -> Option<usize> {
        match &mut self.state {
            State::Structure => self.structure(scan, bytes),
            State::Member(member) => match member.step(scan, bytes, self.is_last) {
                Step::More => None,
                Step::Used(used) => Some(used),
                Step::Ended(used) => {
                    self.directory.add_local(member.entry());
                    self.state = State::Structure;
                    Some(used)
                }
            },
            State::Slack(leaf, _) => {
                let (used, is_over) = slack(scan, leaf, bytes)?;
                if is_over {
                    leaf.finish(scan);
                    self.state = State::Structure;
                }
                Some(used)
            }
            State::Skipping => {
                scan.evidence.coverage.skipped += bytes.len() as u64;
                Some(bytes.len())
            }
        }
    }

    fn structure(&mut self, scan: &mut Scan, bytes: &[u8]) -> Option<usize> {
        let signature = bytes.first_chunk::<4>()?;
        if signature == local::SIGNATURE {
            return self.local(scan, bytes);
        }
        let Some(record) = Record::of(signature) else {
            // The first byte is no structure's; one may begin at the next.
            let mut leaf = Box::new(self.place.leaf_inside("slack", Declared::Nothing));
            leaf.feed(scan, bytes.get(..1)?);
            self.state = State::Slack(leaf, self.offset);
            return Some(1);
        };
        let len = record.len(bytes)?;
        let whole = bytes.get(..len)?;
        let text = self.directory.take(record, whole);
        scan.evidence.coverage.read += (len - text.len()) as u64;
        let mut leaf = self.place.leaf_inside("directory", Declared::Nothing);
        leaf.feed(scan, &text);
        leaf.finish(scan);
        Some(len)
    }

    fn local(&mut self, scan: &mut Scan, bytes: &[u8]) -> Option<usize> {
        let (local, len) = Local::parse(bytes)?;
        if !scan.may_enter() {
            self.add_incomplete(scan, IncompleteReason::EntriesMax);
            self.state = State::Skipping;
            return Some(0);
        }
        self.members += 1;
        scan.evidence.coverage.read += (len - local.extra.len() - local.name.len()) as u64;
        let place = entry::place(scan, &self.place, self.members, [&local.name, &local.extra]);
        let member = Member::new(scan, place, &local, (self.offset, self.offset + len as u64));
        self.state = State::Member(Box::new(member));
        Some(len)
    }
}

impl Reader for Zip {
    fn feed(&mut self, scan: &mut Scan, bytes: &[u8]) {
        if self.held.is_empty() {
            let used = self.take(scan, bytes);
            self.held.extend_from_slice(bytes.get(used..).unwrap_or_default());
        } else {
            let mut held = std::mem::take(&mut self.held);
            held.extend_from_slice(bytes);
            let used = self.take(scan, &held);
            held.drain(..used);
            self.held = held;
        }
    }

    fn finish(&mut self, scan: &mut Scan) {
        let mut held = std::mem::take(&mut self.held);
        self.is_last = true;
        let used = self.take(scan, &held);
        held.drain(..used);
        match &mut self.state {
            State::Member(member) => {
                member.finish(scan, &held);
                self.directory.add_local(member.entry());
            }
            State::Slack(leaf, _) => {
                leaf.feed(scan, &held);
                leaf.finish(scan);
            }
            State::Structure => {
                let mut leaf = self.place.leaf_inside("slack", Declared::Nothing);
                leaf.feed(scan, &held);
                leaf.finish(scan);
                if !held.is_empty() {
                    self.add_incomplete(scan, IncompleteReason::Truncated);
                }
            }
            State::Skipping => return,
        }
        if let Some(reason) = self.directory.complaint() {
            self.add_incomplete(scan, reason);
        }
    }

    fn cleared(&self) -> u64 {
        match &self.state {
            State::Member(member) => member.cleared(),
            State::Skipping | State::Structure => self.offset,
            State::Slack(leaf, start) => start + leaf.cleared(),
        }
    }
}

/// Reads bytes between structures up to the next signature: how many it took, and whether one
/// follows. Nothing where more are needed to tell.
fn slack(scan: &mut Scan, leaf: &mut Leaf, bytes: &[u8]) -> Option<(usize, bool)> {
    let next = memchr::memchr(b'P', bytes).unwrap_or(bytes.len());
    if next > 0 {
        leaf.feed(scan, bytes.get(..next)?);
        return Some((next, false));
    }
    let is_possible = bytes.get(1).is_none_or(|second| *second == b'K');
    if is_possible {
        let signature = bytes.first_chunk::<4>()?;
        if signature == local::SIGNATURE || Record::of(signature).is_some() {
            return Some((0, true));
        }
    }
    leaf.feed(scan, bytes.get(..1)?);
    Some((1, false))
}
