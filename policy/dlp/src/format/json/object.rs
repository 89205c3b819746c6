//! A single object that stands within other text: read from its brace to the one that closes it.

use super::{Json, Lines, Sink, State, Word};

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
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let was_open = !self.outline.is_empty();
            let used = self.step(rest, sink);
            self.at += used as u64;
            at += used;
            if was_open && self.outline.is_empty() {
                return Some(at);
            }
        }
        self.outline.expire(self.at, sink);
        None
    }
}
