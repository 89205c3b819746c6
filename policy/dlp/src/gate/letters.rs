//! The letters of base64 (RFC 4648, both alphabets) in a block, a bit for each byte.

/// Bytes whose bits make a word.
const WORD: usize = 64;

/// Puts in `words` a bit for each of `bytes`, 64 to a word: whether it is a letter of base64.
pub(crate) fn encoded_letters(bytes: &[u8], words: &mut Vec<u64>) {
    words.clear();
    words.resize(bytes.len().div_ceil(WORD), 0);
    super::vectored(|| {
        let (blocks, rest) = bytes.as_chunks::<WORD>();
        for (word, block) in words.iter_mut().zip(blocks) {
            *word = letters(block);
        }
        if let Some(last) = words.last_mut().filter(|_| !rest.is_empty()) {
            let mut block = [0; WORD];
            block.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
            *last = letters(&block);
        }
    });
}

#[inline(always)]
fn letters(block: &[u8; WORD]) -> u64 {
    // Gathers the lowest bits of eight bytes into one byte.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let flags = block.map(|b| u8::from(is_letter(b)));
    let (eights, _) = flags.as_chunks::<8>();
    let byte = |eight: &[u8; 8]| u64::from_le_bytes(*eight).wrapping_mul(GATHER) >> 56;
    eights.iter().rev().fold(0, |mask, eight| mask << 8 | byte(eight))
}

/// Whether `byte` is a letter of either alphabet of base64.
#[inline(always)]
pub(crate) fn is_letter(byte: u8) -> bool {
    let is_alphanumeric = (byte | 0x20).wrapping_sub(b'a') < 26 || byte.wrapping_sub(b'0') < 10;
    is_alphanumeric | (byte == b'+') | (byte == b'/') | (byte == b'-') | (byte == b'_')
}
