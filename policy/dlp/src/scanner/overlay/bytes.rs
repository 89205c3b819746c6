//! Bytes that are written as a list of numbers: `[74, 111, 104, 110]`, as JSON and debuggers write
//! byte strings. Where the first of them spell text, the list is read as what it spells. Invariant:
//! a number above 255 ends a list; few bytes are held.

use super::Around;
use crate::coverage::Declared;
use crate::format::{dialect::dialect, sniff};
use crate::gate::{Places, is_printable};
use crate::scanner::{Leaf, Reader, Scan};

/// Printable bytes that a list begins with: small counts and classes are none.
const TEXT_MIN: usize = 8;

/// A list that goes on at the end of the bytes seen.
#[derive(Debug)]
struct List {
    start: u64,
    /// The number that is being read.
    number: Option<u32>,
    /// Whether a comma is still to come before the next number.
    is_ended: bool,
    /// How many numbers there were.
    count: usize,
    /// The first bytes, until the form of the text is known; then those to be read next.
    held: Vec<u8>,
    leaf: Option<Box<Leaf>>,
}

/// The lists of one leaf.
#[derive(Debug, Default)]
pub(super) struct Lists {
    open: Option<List>,
    /// Where one may begin in the block that is read.
    brackets: Places,
    /// What the last list held, for its room: most are short, and no text.
    room: Vec<u8>,
}

impl Lists {
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// The offset before which every list has been read.
    pub(super) fn cleared(&self) -> u64 {
        self.open.as_ref().map_or(u64::MAX, |list| list.start)
    }

    pub(super) fn read(&mut self, scan: &mut Scan, around: &Around, (offset, block): (u64, &[u8])) {
        self.brackets.find(block, *b"[{(");
        let mut at = 0;
        while let Some(rest) = block.get(at..).filter(|rest| !rest.is_empty()) {
            if let Some(list) = &mut self.open {
                let end = rest.iter().position(|b| !list.take(*b));
                at += end.unwrap_or(rest.len());
                list.read(scan, around);
                if end.is_some() {
                    self.finish(scan, around);
                }
                continue;
            }
            let Some(bracket) = self.brackets.next(at) else { return };
            at = bracket + 1;
            let is_near =
                block.get(at).is_none_or(|b| b.is_ascii_digit() || b.is_ascii_whitespace());
            if is_near && may_begin(block.get(at..).unwrap_or_default()) {
                let room = std::mem::take(&mut self.room);
                self.open = Some(List::new(offset + at as u64, room));
            }
        }
    }

    pub(super) fn finish(&mut self, scan: &mut Scan, around: &Around) {
        let Some(mut list) = self.open.take() else { return };
        if list.number.is_some() {
            list.end_number();
        }
        if list.count >= 2 * TEXT_MIN {
            list.open(around);
            list.flush(scan);
        }
        if let Some(leaf) = &mut list.leaf {
            leaf.finish(scan);
        }
        list.held.clear();
        self.room = list.held;
    }
}

/// Whether a list of numbers begins so, as far as it can be seen: at most three digits and a comma.
fn may_begin(text: &[u8]) -> bool {
    const DIGITS_MAX: usize = 3;
    let text = text.trim_ascii_start();
    let digits = text.iter().take(DIGITS_MAX).take_while(|b| b.is_ascii_digit()).count();
    let rest = text.get(digits..).unwrap_or_default().trim_ascii_start();
    text.is_empty() || digits > 0 && rest.first().is_none_or(|next| *next == b',')
}

impl List {
    /// A list whose first number stands at an offset, with `held` empty.
    fn new(start: u64, held: Vec<u8>) -> List {
        List { start, number: None, is_ended: false, count: 0, held, leaf: None }
    }

    /// Takes a byte of the list; false where it is none.
    fn take(&mut self, byte: u8) -> bool {
        match byte {
            b'0'..=b'9' if self.is_ended => false,
            b'0'..=b'9' => {
                let number = self.number.unwrap_or(0) * 10 + u32::from(byte - b'0');
                self.number = Some(number);
                number <= 255
            }
            b',' => {
                let had_number = self.number.is_some() || self.is_ended;
                let is_text = self.number.is_none() || self.end_number();
                self.is_ended = false;
                had_number && is_text
            }
            b' ' | b'\n' | b'\r' | b'\t' => {
                self.is_ended |= self.number.is_some();
                self.number.is_none() || self.end_number()
            }
            _ => false,
        }
    }

    /// Takes the number that has ended; false where it cannot belong to a list of text.
    fn end_number(&mut self) -> bool {
        let byte = self.number.take().and_then(|number| u8::try_from(number).ok()).unwrap_or(0);
        self.count += 1;
        self.held.push(byte);
        self.count > TEXT_MIN || is_printable(byte) || byte >= 0xc2
    }

    /// Reads what is held, once the form is known.
    fn read(&mut self, scan: &mut Scan, around: &Around) {
        if self.held.len() >= sniff::LEN {
            self.open(around);
        }
        self.flush(scan);
    }

    fn flush(&mut self, scan: &mut Scan) {
        if let Some(leaf) = &mut self.leaf {
            if scan.may_decode(self.held.len()) {
                leaf.watch(scan, &self.held);
            }
            self.held.clear();
        }
    }

    fn open(&mut self, around: &Around) {
        if self.leaf.is_none() {
            let member = Some(around.member("bytes", self.start));
            let head = self.held.get(..sniff::LEN).unwrap_or(&self.held);
            let leaf = Leaf::new(member, Declared::Nothing).nested(around.depth + 1);
            self.leaf = Some(Box::new(leaf.with_dialect(dialect(head))));
        }
    }
}
