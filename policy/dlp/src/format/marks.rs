//! Where the marks stand that part a form's values, eight bytes at a time: they stand too close
//! together for the searches that are made for rare ones. Invariant: each place is told once, in order.

/// Bytes that are looked at together.
const WORD: usize = 8;

/// The places of some marks in bytes.
#[derive(Debug)]
pub(super) struct Places<'a, const N: usize> {
    rest: &'a [u8],
    marks: [u8; N],
    /// Where the word begins whose hits are left.
    at: usize,
    /// The highest bit of each byte of the word that is a mark.
    hits: u64,
}

impl<'a, const N: usize> Places<'a, N> {
    /// Those of `marks`, none of which is a NUL, in `bytes`.
    #[inline(always)]
    pub(super) fn of(bytes: &'a [u8], marks: [u8; N]) -> Places<'a, N> {
        let mut places = Places { rest: bytes, marks, at: 0, hits: 0 };
        places.look();
        places
    }

    /// Looks at the next word.
    #[inline(always)]
    fn look(&mut self) {
        let word = match self.rest.first_chunk::<WORD>() {
            Some(word) => u64::from_le_bytes(*word),
            // Fewer are left: the missing ones are NULs.
            None => self.rest.iter().rev().fold(0, |bits, b| bits << 8 | u64::from(*b)),
        };
        self.hits = self.marks.iter().fold(0, |hits, mark| hits | bits(word, *mark));
    }
}

impl<const N: usize> Iterator for Places<'_, N> {
    type Item = usize;

    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        while self.hits == 0 {
            self.rest = self.rest.get(WORD..)?;
            self.at += WORD;
            self.look();
        }
        let place = self.at + self.hits.trailing_zeros() as usize / 8;
        self.hits &= self.hits - 1;
        Some(place)
    }
}

/// The highest bit of each byte of a word that is `byte`, which is no NUL.
#[inline(always)]
pub(super) fn bits(word: u64, byte: u8) -> u64 {
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    let other = word ^ (u64::from(byte) * 0x0101_0101_0101_0101);
    !(((other & LOW) + LOW) | other | LOW)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mark_is_told_where_it_stands() {
        for len in 0..40 {
            for step in 1..12 {
                let mut bytes = vec![b'x' | 0x80; len];
                let wanted: Vec<usize> = (0..len).step_by(step).collect();
                wanted.iter().enumerate().for_each(|(i, at)| bytes[*at] = b"|\r\n"[i % 3]);
                let found: Vec<usize> = Places::of(&bytes, *b"|\r\n").collect();
                assert_eq!(found, wanted);
            }
        }
        assert_eq!(Places::of(b"\0\0|", [b'|']).collect::<Vec<_>>(), [2]);
    }
}
