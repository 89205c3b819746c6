//! Passing over columns that announce nothing, many bytes at a time. Invariant: every separator up to
//! the byte that counts is counted.

use super::super::marks;

/// Bytes that are passed over together, where nothing in them counts.
const BLOCK: usize = 64;
/// Bytes that are looked at together.
const WORD: usize = 8;

/// The next byte that ends the row or is a quote, or that ends the column before `target`. Counts
/// the columns that were passed.
pub(super) fn next(
    bytes: &[u8],
    separator: u8,
    column: &mut usize,
    target: usize,
) -> Option<usize> {
    let mut done = 0;
    for block in bytes.chunks(BLOCK) {
        let passed = usize::from(count(block, |b| b == separator));
        let is_plain = || count(block, |b| b == b'\n' || b == b'"') == 0;
        if *column + passed < target && is_plain() {
            *column += passed;
        } else if let Some(at) = next_in(block, separator, column, target) {
            return Some(done + at);
        }
        done += block.len();
    }
    None
}

/// As [`next`], of one block.
fn next_in(block: &[u8], separator: u8, column: &mut usize, target: usize) -> Option<usize> {
    for (i, word) in block.chunks(WORD).enumerate() {
        let separators = bits(word, separator);
        let specials = bits(word, b'\n') | bits(word, b'"');
        let mut hits = separators | specials;
        while hits != 0 {
            let is_special = specials & hits & hits.wrapping_neg() != 0;
            *column += usize::from(!is_special);
            if is_special || *column == target {
                return Some(i * WORD + hits.trailing_zeros() as usize / 8);
            }
            hits &= hits - 1;
        }
    }
    None
}

/// How many bytes of a block are such.
fn count(block: &[u8], is_such: impl Fn(u8) -> bool) -> u8 {
    block.iter().map(|b| u8::from(is_such(*b))).sum()
}

/// The highest bit of each byte of a word that is `byte`, which is no NUL.
fn bits(word: &[u8], byte: u8) -> u64 {
    let word = match word.first_chunk() {
        Some(word) => u64::from_le_bytes(*word),
        // Fewer are left: the missing ones are NULs.
        None => word.iter().rev().fold(0, |bits, b| bits << 8 | u64::from(*b)),
    };
    marks::bits(word, byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_count_are_found_wherever_they_stand() {
        for at in 0..200 {
            for (byte, columns) in [(b'\n', 0), (b'"', 0), (b',', 1)] {
                let mut row = vec![b'-'; 220];
                row[at] = byte;
                let mut column = 0;
                assert_eq!(next(&row, b',', &mut column, 1), Some(at), "{byte} at {at}");
                assert_eq!(column, columns);
                row[at] = byte | 0x80;
                assert_eq!(next(&row, b',', &mut 0, 1), None, "{} at {at}", byte | 0x80);
            }
        }
    }

    #[test]
    fn columns_that_are_passed_are_counted() {
        let row = b"0.25,17,,x,".repeat(30);
        let ends: Vec<usize> = (0..row.len()).filter(|i| row[*i] == b',').collect();
        for (target, end) in (1..).zip(ends) {
            let mut column = 0;
            assert_eq!((next(&row, b',', &mut column, target), column), (Some(end), target));
        }
        let mut column = 0;
        assert_eq!((next(&row, b',', &mut column, usize::MAX), column), (None, 120));
    }
}
