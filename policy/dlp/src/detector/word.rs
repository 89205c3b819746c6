//! Words around an anchor, and what they say without being a label: cues such as `seen by` or
//! `lives at`. Invariant: a word is ASCII letters only, and never reaches over the view's ends.

use super::View;
use crate::word::{self, key_of};

/// Letters of the longest word that is compared.
const LEN_MAX: usize = word::WORD_MAX;

/// Bytes of a mask that are looked at.
const MASK_MAX: usize = 26;

/// A word in lower case; empty where it is longer than any that is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lower {
    bytes: [u8; LEN_MAX],
    len: usize,
}

impl Lower {
    pub(crate) fn of(word: &[u8]) -> Lower {
        let len = if word.len() > LEN_MAX { 0 } else { word.len() };
        Lower { bytes: key_of(word).to_be_bytes(), len }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl<'a> View<'a> {
    /// Where the letters that end at `end` begin.
    pub(crate) fn letters_before(&self, end: usize) -> usize {
        let end = end.min(self.bytes.len());
        end - word::letters_before(self.bytes, end)
    }

    /// Where the letters from `start` on end.
    pub(crate) fn letters_from(&self, start: usize) -> usize {
        let behind = self.bytes.get(start..).unwrap_or_default();
        start + behind.iter().take_while(|b| b.is_ascii_alphabetic()).count()
    }

    /// The nearest word before `upto` in lower case, and where it begins. Between them at most
    /// `gap` bytes that are no letters or digits, and no line feed.
    pub(crate) fn word_before(&self, upto: usize, gap: usize) -> Option<(Lower, usize)> {
        let is_gap = |b: &&u8| !b.is_ascii_alphanumeric() && **b != b'\n' && b.is_ascii();
        let before = self.bytes.get(..upto)?;
        let skip = before.iter().rev().take(gap).take_while(is_gap).count();
        let end = upto - skip;
        let start = self.letters_before(end);
        // The letter of an escape is none of the word's.
        let is_escape = matches!(self.byte(start), b'n' | b'r' | b't')
            && self.before(start, 1) == b'\\'
            && self.byte(start + 1).is_ascii_uppercase();
        let start = start + usize::from(is_escape);
        (start < end).then(|| (Lower::of(self.part(start, end)), start))
    }

    /// The word that begins at `start`, in lower case, and where it ends.
    pub(crate) fn word_at(&self, start: usize) -> (Lower, usize) {
        let end = self.letters_from(start);
        (Lower::of(self.part(start, end)), end)
    }

    /// Whether text may end before `end` and nothing is joined to it, whatever a mask makes of it.
    pub(crate) fn ends_text(&self, end: usize) -> bool {
        let (near, far) = (self.byte(end), self.byte(end + 1));
        match near {
            b'.' => !far.is_ascii_alphanumeric() && far != b'*',
            _ => {
                near.is_ascii_control()
                    || near == b' '
                    || b",;:!?)\"'<|^&]}".contains(&near)
                    || self.ends_by_escape(end)
            }
        }
    }

    /// Whether the end of a line or of a string stands at `end` as JSON and source code write it.
    pub(crate) fn ends_by_escape(&self, end: usize) -> bool {
        self.byte(end) == b'\\' && matches!(self.byte(end + 1), b'n' | b'r' | b't' | b'"')
    }

    /// Whether a mask stands one blank behind `end` and hides what the text went on with; bold type
    /// has a word behind its stars.
    pub(crate) fn is_masked_behind(&self, end: usize) -> bool {
        let stars = (end + 1..end + MASK_MAX).take_while(|&i| self.byte(i) == b'*').count();
        let is_bold = self.byte(end + 1 + stars).is_ascii_alphanumeric();
        self.byte(end) == b' ' && stars > 0 && !is_bold
    }

    /// Whether a mask stands one blank before `start`; bold type has a word or its colon before its
    /// stars.
    pub(crate) fn is_masked_before(&self, start: usize) -> bool {
        let stars = (2..MASK_MAX).take_while(|&back| self.before(start, back) == b'*').count();
        let near = self.before(start, stars + 2);
        let is_bold = near.is_ascii_alphanumeric() || near == b':' || near == 0;
        self.before(start, 1) == b' ' && stars > 0 && !is_bold
    }
}
