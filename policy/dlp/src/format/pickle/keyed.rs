//! Which string of a pickle stands behind which: a key before its value announces a person's name, as no
//! colon does here. Invariant: the start of one string is held.

use crate::finding::Span;
use crate::format::dialect::FIELD_MAX;
use crate::label::{self, Family};
use crate::locus::{Field, Written};
use crate::scanner::Leaf;

/// The string that is being read, and whether the one before is the key of a name.
#[derive(Debug, Default)]
pub(super) struct Keyed {
    held: Vec<u8>,
    /// Where the string begins in its leaf.
    start: u64,
    is_over: bool,
    /// What the string before shows of itself, where it announces a name.
    key: Option<String>,
}

impl Keyed {
    /// Takes a part of a string that stands at `at` of the leaf.
    pub(super) fn take(&mut self, part: &[u8], at: u64) {
        if self.held.is_empty() {
            self.start = at;
        }
        self.is_over |= self.held.len() + part.len() > FIELD_MAX;
        if !self.is_over {
            self.held.extend_from_slice(part);
        }
    }

    /// Ends the string: tells it where its key announces a name, else keeps what it announces itself.
    pub(super) fn end(&mut self, leaf: &mut Leaf) {
        let text = std::mem::take(&mut self.held);
        if std::mem::take(&mut self.is_over) {
            return self.forget();
        }
        if let Some(locus) = self.key.take() {
            let span = Span { start: self.start, end: self.start + text.len() as u64 };
            let (form, family, text) = ("pickle", Family::Name, text.as_slice());
            let locus = locus.as_str();
            leaf.locate(&Field {
                form,
                locus,
                family,
                span,
                text,
                written: Written::Text,
                seen: u64::MAX,
            });
        } else if label::of_name(&text) == Some(Family::Name) {
            self.key = String::from_utf8(label::known_end(&text).to_vec()).ok();
        }
        self.held = text;
        self.held.clear();
    }

    /// Another value than a string stands behind the key.
    pub(super) fn forget(&mut self) {
        self.key = None;
        self.held.clear();
    }
}
