//! Where the open place of a document stands: the shown words of the places around it. Invariant: it is
//! as long as the deepest place can be, and never longer.

use super::DEPTH_MAX;
use super::words::SHOWN_MAX;

/// Bytes of the longest path: a word and its dot for each place, and room to write a whole word.
const PATH_MAX: usize = (DEPTH_MAX + 1) * (SHOWN_MAX + 1);

/// A path, joined by dots.
#[derive(Debug)]
pub(super) struct Path {
    bytes: Box<[u8; PATH_MAX]>,
    len: u16,
}

impl Default for Path {
    fn default() -> Path {
        Path { bytes: Box::new([0; PATH_MAX]), len: 0 }
    }
}

impl Path {
    pub(super) fn len(&self) -> u16 {
        self.len
    }

    /// Adds a word, behind a dot where the record's own path, which begins at `record`, has begun.
    #[inline]
    pub(super) fn push(&mut self, (word, len): (&[u8; SHOWN_MAX], u8), record: u16) {
        let dot = u16::from(self.len > record);
        let rest = self.bytes.get_mut(usize::from(self.len)..).unwrap_or_default();
        // All of the room for a word: a copy of known length takes the fewest steps.
        if let Some(([first, ..], _)) = rest.split_first_chunk_mut::<1>() {
            *first = b'.';
        }
        let rest = rest.get_mut(usize::from(dot)..).unwrap_or_default();
        if let Some(room) = rest.first_chunk_mut::<SHOWN_MAX>() {
            *room = *word;
            self.len += dot + u16::from(len);
        }
    }

    pub(super) fn truncate(&mut self, len: u16) {
        self.len = self.len.min(len);
    }

    /// The path from that of a record on.
    pub(super) fn from(&self, record: u16) -> &[u8] {
        self.bytes.get(usize::from(record)..usize::from(self.len)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str) -> ([u8; SHOWN_MAX], u8) {
        let mut word = [b'?'; SHOWN_MAX];
        word[..text.len()].copy_from_slice(text.as_bytes());
        (word, text.len().try_into().unwrap())
    }

    #[test]
    fn words_are_joined_and_taken_back() {
        let mut path = Path::default();
        for text in ["patient", "name", "x"] {
            let (word, len) = word(text);
            path.push((&word, len), 0);
        }
        assert_eq!(path.from(0), b"patient.name.x");
        path.truncate(7);
        let (word, len) = word("id");
        path.push((&word, len), 7);
        assert_eq!((path.from(7), path.from(0)), (&b"id"[..], &b"patientid"[..]));
    }

    #[test]
    fn the_deepest_path_of_the_longest_words_has_room() {
        let mut path = Path::default();
        let (word, len) = word(&"w".repeat(SHOWN_MAX));
        for _ in 0..DEPTH_MAX {
            path.push((&word, len), 0);
        }
        assert_eq!(usize::from(path.len()), DEPTH_MAX * (SHOWN_MAX + 1) - 1);
    }
}
