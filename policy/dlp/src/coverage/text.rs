//! Whether a block is text: ASCII, UTF-8, an 8-bit charset, or text fields with NULs between; and
//! the wide forms (UTF-16, UTF-32), which are not read yet and must not pass as small integers.

use crate::gate::{is_text, kinds};

/// What kinds of bytes a block is made of.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Makeup {
    printable: usize,
    high: usize,
    nul: usize,
    control: usize,
}

impl Makeup {
    /// What the block is made of; of one that is no text in any form, as much as says so.
    pub(super) fn of(block: &[u8]) -> Makeup {
        const PART: usize = 512;
        let mut makeup = Makeup::default();
        let mut counted = 0;
        for part in block.chunks(PART) {
            let kinds = kinds(part);
            counted += part.len();
            makeup.printable += kinds.text;
            makeup.high += kinds.high;
            makeup.nul += kinds.nul;
            makeup.control = counted - makeup.printable - makeup.high - makeup.nul;
            let others = makeup.high + makeup.control;
            if makeup.control * 200 > block.len() && others * 20 > block.len() {
                break;
            }
        }
        makeup
    }

    /// Whether the block is text that the detectors read as it stands.
    pub(super) fn is_text(&self, block: &[u8]) -> bool {
        if self.control * 200 > block.len() {
            return false;
        }
        if self.nul * 200 <= block.len() {
            return self.high * 4 <= self.printable || is_utf8(block);
        }
        // Fields padded by NULs: what is there is ASCII, and it is not every second or fourth byte.
        self.high * 50 <= self.printable
            && self.printable * 4 >= block.len()
            && !self.is_wide_text(block)
    }

    /// Whether every second (fourth) byte is text and the others are zero: UTF-16 and UTF-32 of
    /// western languages.
    pub(super) fn is_wide_text(&self, block: &[u8]) -> bool {
        [2usize, 4].into_iter().any(|width| {
            let elements = block.len() / width;
            let is_possible = self.printable * 20 >= elements * 19
                && self.nul * 20 >= (block.len() - elements) * 19;
            is_possible && (0..width).any(|lane| is_text_lane(block, width, lane))
        })
    }
}

/// UTF-8, where the block may cut its first and last character.
fn is_utf8(block: &[u8]) -> bool {
    const CHARACTER_MAX: usize = 4;
    let lead = block.iter().take(CHARACTER_MAX - 1).take_while(|b| **b & 0xc0 == 0x80).count();
    match std::str::from_utf8(block.get(lead..).unwrap_or_default()) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    }
}

fn is_text_lane(block: &[u8], width: usize, lane: usize) -> bool {
    let (mut text, mut letters, mut elements) = (0, 0, 0);
    for element in block.chunks_exact(width) {
        elements += 1;
        let Some(&byte) = element.get(lane) else { continue };
        let is_alone = element.iter().filter(|b| **b == 0).count() == width - 1;
        text += usize::from(is_alone && is_text(byte));
        letters += usize::from(byte.is_ascii_alphabetic());
    }
    // Small integers may be printable as well, but hardly many of them letters.
    text * 20 >= elements * 19 && letters * 8 >= elements
}
