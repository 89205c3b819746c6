//! What the 64 bytes before a value and behind it are made of: text, a table of numbers, pixels, binary
//! data. In all but the first short shapes stand by chance.

use super::View;

impl<'a> View<'a> {
    /// Whether the neighbourhood of `start..end` is a table of numbers: hardly a letter among many
    /// bytes. Masks can only make it more so.
    pub(crate) fn is_numeric_table(&self, start: usize, end: usize) -> bool {
        const ENOUGH: usize = 24;
        let (before, behind) = self.neighbourhood(start, end);
        let bytes = before.len() + behind.len();
        let letters = usize::from(count_letters(before)) + usize::from(count_letters(behind));
        bytes >= ENOUGH && letters * 5 < bytes
    }

    /// Whether `start..end` stands in binary data: bytes around it are neither text nor the zeros
    /// that end its fields. Short shapes occur there by chance.
    pub(crate) fn is_in_binary(&self, start: usize, end: usize) -> bool {
        let (before, behind) = self.neighbourhood(start, end);
        let all = before.len() + behind.len();
        let odd = usize::from(count_odd(before)) + usize::from(count_odd(behind));
        // The view may cut a character at either end.
        let is_text = |part: &[u8]| {
            let lead = part.iter().take(3).take_while(|b| **b & 0xc0 == 0x80).count();
            match std::str::from_utf8(part.get(lead..).unwrap_or_default()) {
                Ok(text) => {
                    !text.chars().any(|c| c.is_control() && !c.is_whitespace() && c != '\0')
                }
                Err(error) => error.error_len().is_none(),
            }
        };
        odd * 4 > all && !(is_text(before) && is_text(behind))
    }

    /// Whether `start..end` stands among printable bytes that are no text, without the separators
    /// of a list. Dark pixels are digits and punctuation in any order, so every shape occurs among
    /// them; a list of numbers has the same few separators throughout.
    pub(crate) fn is_soup(&self, start: usize, end: usize) -> bool {
        const LIST_MARKS: u32 = 3;
        let is_edge = |b: u8| b.is_ascii_whitespace() || b == 0 || b"\"',;|()<>:=[]{}".contains(&b);
        let is_list = is_edge(self.before(start, 1)) && is_edge(self.byte(end));
        if self.is_numeric_table(start, end) {
            !is_list || self.marks(start, end).count_ones() > LIST_MARKS
        } else {
            !is_list && self.is_jumble(start, end)
        }
    }

    /// Whether the neighbourhood of `start..end` is a jumble of many different marks with hardly a
    /// space: pixels, base 85. For shapes so short that they occur there by chance.
    pub(crate) fn is_jumble(&self, start: usize, end: usize) -> bool {
        /// Marks other than those of JSON and of paths.
        const RARE_MARKS: u32 = 6;
        const SPACES: usize = 4;
        if self.has_spaces(start, end, SPACES) {
            return false;
        }
        let usual = b"\"',-./:@[]_{}".iter().fold(0, |marks, mark| marks | mark_of(*mark));
        (self.marks(start, end) & !usual).count_ones() > RARE_MARKS
    }

    /// The punctuation marks in the neighbourhood, a bit for each.
    fn marks(&self, start: usize, end: usize) -> u32 {
        let (before, behind) = self.neighbourhood(start, end);
        let of_part = |part: &[u8]| part.iter().fold(0, |marks, byte| marks | mark_of(*byte));
        of_part(before) | of_part(behind)
    }

    /// Whether at least so many spaces are in the neighbourhood.
    fn has_spaces(&self, start: usize, end: usize, enough: usize) -> bool {
        let (before, behind) = self.neighbourhood(start, end);
        let mut previous = b' ';
        let is_space = |byte: &&u8| {
            // Not those behind numbers, which masks may add or take away.
            let is_open =
                !previous.is_ascii_digit() && previous != b'*' && !previous.is_ascii_whitespace();
            previous = **byte;
            byte.is_ascii_whitespace() && is_open
        };
        before.iter().chain(behind).filter(is_space).take(enough).count() == enough
    }

    fn neighbourhood(&self, start: usize, end: usize) -> (&'a [u8], &'a [u8]) {
        const NEAR: usize = 64;
        let behind = self.bytes.get(end..(end + NEAR).min(self.bytes.len()));
        (self.part(start.saturating_sub(NEAR), start), behind.unwrap_or_default())
    }
}

/// Letters in at most 255 bytes; counted in one byte, which the compiler keeps in vectors.
fn count_letters(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |count: u8, b| count.wrapping_add(u8::from(b.is_ascii_alphabetic())))
}

/// The same, of bytes that are neither text nor NUL.
fn count_odd(bytes: &[u8]) -> u8 {
    let is_odd = |b: u8| matches!(b, 1..=8 | 0x0e..=0x1f | 0x7f..);
    bytes.iter().fold(0, |count: u8, b| count.wrapping_add(u8::from(is_odd(*b))))
}

/// The bit of a punctuation mark; 0 of any other byte.
fn mark_of(byte: u8) -> u32 {
    MARK_BITS.get(usize::from(byte)).copied().unwrap_or(0)
}

/// The bit of each of the 32 marks of ASCII.
#[expect(clippy::indexing_slicing, reason = "checked when it is compiled")]
const MARK_BITS: [u32; 256] = {
    let mut bits = [0; 256];
    let (mut byte, mut marks) = (0u8, 0);
    while byte < 128 {
        if byte.is_ascii_punctuation() {
            bits[byte as usize] = 1 << marks;
            marks += 1;
        }
        byte += 1;
    }
    bits
};
