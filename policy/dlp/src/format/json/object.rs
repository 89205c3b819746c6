//! A single object that stands within other text: read from its brace to the one that closes it.

use super::{Json, Lines, Sink, State, Word};

/// Bytes of an object that are read first.
const STEP: usize = 128;

impl Json {
    /// Begins with an object whose first byte stands at `at`. Of what was read before, only the words
    /// are remembered.
    pub(crate) fn begin(&mut self, at: u64) {
        self.outline.clear();
        self.held.clear();
        (self.state, self.lines, self.at, self.start) = (State::Between, Lines::Unknown, at, 0);
        self.word = Word::default();
        (self.is_key_next, self.has_escape, self.is_escaped) = (false, false, false);
    }

    /// Takes the bytes up to the end of the object; how many they are, where it ends among them.
    pub(crate) fn feed_object(&mut self, bytes: &[u8], sink: Sink<'_>) -> Option<usize> {
        // In steps that grow: most objects are short, and what follows one is not its own.
        let (mut at, mut step) = (0, STEP);
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let piece = rest.get(..step).unwrap_or(rest);
            if let Some(used) = self.take(piece, true, sink) {
                return Some(at + used);
            }
            at += piece.len();
            step *= 4;
        }
        self.outline.expire(self.at, sink);
        None
    }
}
