//! A single object that stands within other text: read from its brace to the one that closes it.

use super::{Json, Sink};

impl Json {
    /// A reader of an object whose first byte stands at `at`.
    pub(crate) fn at(at: u64) -> Json {
        Json { at, ..Json::new() }
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
