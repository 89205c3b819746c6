//! gRPC-Web's text form (gRPC-Web protocol, "application/grpc-web-text"): gRPC in base64, of which each
//! piece that a sender flushes is padded by itself, so that padding may stand within. Invariant:
//! bounded memory, and what is read does not depend on how the bytes are cut.

use super::Grpc;
use crate::coverage::Declared;
use crate::decode::marks::Marks;
use crate::evidence::IncompleteReason;
use crate::scanner::{Place, Reader, Rest, Scan};

/// Characters of a group (RFC 4648 section 4).
const GROUP: usize = 4;
/// Groups that are decoded at a time.
const GROUPS_MAX: usize = 1024;

/// Messages in base64.
#[derive(Debug)]
pub(crate) struct WebText {
    place: Place,
    messages: Grpc,
    /// Characters of a group that is not yet whole.
    held: Vec<u8>,
    /// Bytes of groups that were not yet passed on, and how many each group has.
    decoded: Vec<u8>,
    lens: Vec<u8>,
    /// Characters of all whole groups.
    input: u64,
    /// Bytes that were passed on.
    output: u64,
    marks: Marks,
    /// Where a group broke.
    rest: Option<Box<Rest>>,
}

impl WebText {
    /// The text form of `messages`, which stand at `place`.
    pub(crate) fn new(place: Place, messages: Grpc) -> WebText {
        WebText {
            place,
            messages,
            held: Vec::with_capacity(GROUP),
            decoded: Vec::new(),
            lens: Vec::new(),
            input: 0,
            output: 0,
            marks: Marks::default(),
            rest: None,
        }
    }

    /// Takes what is missing of a group; false where that is none.
    fn take(&mut self, scan: &mut Scan, part: &[u8]) -> bool {
        self.held.extend_from_slice(part);
        let Some(&group) = self.held.first_chunk::<GROUP>() else { return true };
        let Some((bytes, len)) = decode(group) else { return false };
        self.held.clear();
        self.input += GROUP as u64;
        self.add(bytes, len);
        if self.lens.len() == GROUPS_MAX {
            self.pass_on(scan);
        }
        true
    }

    fn add(&mut self, bytes: [u8; 3], len: u8) {
        self.decoded.extend(bytes.iter().take(usize::from(len)));
        self.lens.push(len);
    }

    /// Passes on what was decoded, and notes which characters it came from.
    fn pass_on(&mut self, scan: &mut Scan) {
        if self.lens.is_empty() {
            return;
        }
        let before = self.output;
        self.messages.feed(scan, &self.decoded);
        self.output += self.decoded.len() as u64;
        let cleared = self.messages.cleared();
        if (before + 1..self.output).contains(&cleared) {
            // The end of a message, which need not wait for the next one.
            let mark = (self.input_at(cleared - before), cleared);
            self.marks.set(mark, cleared);
        }
        self.marks.set((self.input, self.output), cleared);
        self.decoded.clear();
        self.lens.clear();
    }

    /// The characters of all groups up to the one that goes beyond the first `wanted` bytes of those
    /// that are passed on now.
    fn input_at(&self, wanted: u64) -> u64 {
        let mut bytes = 0;
        let is_within = |len: &&u8| {
            bytes += u64::from(**len);
            bytes <= wanted
        };
        let within = self.lens.iter().take_while(is_within).count();
        self.input - (GROUP * (self.lens.len() - within)) as u64
    }

    /// Reads on as it is, from the group that is none.
    fn break_off(&mut self, scan: &mut Scan) -> Box<Rest> {
        self.pass_on(scan);
        self.messages.finish(scan);
        scan.evidence.add_incomplete(IncompleteReason::Damaged, self.place.member.as_ref());
        let mut rest = Box::new(Rest::new(&self.place, "behind", Declared::Nothing, self.input));
        rest.feed(scan, &std::mem::take(&mut self.held));
        rest
    }
}

impl Reader for WebText {
    fn feed(&mut self, scan: &mut Scan, mut bytes: &[u8]) {
        if let Some(rest) = &mut self.rest {
            return rest.feed(scan, bytes);
        }
        while !bytes.is_empty() {
            let missing = GROUP - self.held.len();
            let (part, behind) = bytes.split_at_checked(missing).unwrap_or((bytes, &[]));
            if !self.take(scan, part) {
                let mut rest = self.break_off(scan);
                rest.feed(scan, behind);
                self.rest = Some(rest);
                return;
            }
            bytes = behind;
        }
        self.pass_on(scan);
    }

    fn finish(&mut self, scan: &mut Scan) {
        if let Some(rest) = &mut self.rest {
            return rest.finish(scan);
        }
        if !self.held.is_empty() {
            // Some receivers take a last group without its padding.
            let mut group = [b'='; GROUP];
            group.iter_mut().zip(&self.held).for_each(|(to, from)| *to = *from);
            let Some((bytes, len)) = decode(group) else {
                let mut rest = self.break_off(scan);
                rest.finish(scan);
                self.rest = Some(rest);
                return;
            };
            scan.evidence.add_incomplete(IncompleteReason::Truncated, self.place.member.as_ref());
            self.input += self.held.len() as u64;
            self.held.clear();
            self.messages.feed(scan, bytes.get(..usize::from(len)).unwrap_or_default());
            self.output += u64::from(len);
            self.marks.set((self.input, self.output), self.messages.cleared());
        }
        self.messages.finish(scan);
    }

    fn cleared(&self) -> u64 {
        match &self.rest {
            Some(rest) => rest.cleared(),
            None => self.marks.cleared(self.messages.cleared()),
        }
    }
}

/// The bytes of a group and how many they are; nothing where it is none: another character, or
/// padding in the place of a digit.
fn decode(group: [u8; GROUP]) -> Option<([u8; 3], u8)> {
    let (padding, len) = match group {
        [_, _, b'=', b'='] => (2, 1),
        [_, _, _, b'='] => (1, 2),
        _ => (0, 3),
    };
    let digits = group.iter().take(GROUP - padding);
    let bits = digits.copied().try_fold(0, |bits, byte| Some(bits << 6 | digit(byte)?))?;
    let [_, bytes @ ..] = (bits << (6 * padding)).to_be_bytes();
    Some((bytes, len))
}

fn digit(byte: u8) -> Option<u32> {
    let value = match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}
