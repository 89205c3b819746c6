//! Names of elements and attributes that stand in the bytes that come, as nearly all do: they are read
//! there, and not byte by byte. Invariant: what is taken so is what the tokenizer would take in steps.

use super::{State, Xml};
use crate::format::outline::words::KEY_MAX;

impl Xml {
    /// Takes a blank, the name of an attribute, its equals sign and its quote, where all are there.
    pub(super) fn attribute_at_once(&mut self, bytes: &[u8]) -> Option<usize> {
        let (end, from) = whole_name(bytes, 1).filter(|_| bytes.first() == Some(&b' '))?;
        let [b'=', quote @ (b'"' | b'\''), ..] = bytes.get(end..)? else { return None };
        self.attribute = self.words.look_up(bytes, (from, end));
        self.held.clear();
        let taken = end + 2;
        self.start = self.at + taken as u64;
        self.role = self.attribute_role();
        self.state = State::Quoted(*quote);
        self.last = [0; 2];
        Some(taken)
    }

    /// Takes the name of an element, where all of it is there.
    pub(super) fn element_at_once(&mut self, bytes: &[u8]) -> Option<usize> {
        let (end, from) = whole_name(bytes, 0)?;
        let word = self.words.look_up(bytes, (from, end));
        let name = bytes.get(from..end)?;
        self.outline.open_element(word, name, &self.words);
        self.held.clear();
        self.state = State::Tag;
        self.last = [0; 2];
        Some(end)
    }
}

/// Where the name that begins at `at` ends, and where its part behind a namespace's prefix begins;
/// nothing where more of it may follow, or it is longer than any that is known.
fn whole_name(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let name = bytes.get(at..)?;
    let len = name.iter().position(|byte| !is_name(*byte))?;
    let colon = name.get(..len)?.iter().rposition(|byte| *byte == b':');
    let from = colon.map_or(0, |colon| colon + 1);
    let fits = len > from && colon != Some(0) && len - from <= KEY_MAX;
    fits.then_some((at + len, at + from))
}

pub(super) fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':') || !byte.is_ascii()
}
