//! The letters of base64 (RFC 4648, both alphabets) and of hexadecimal, to bytes. Never fails: what is
//! no letter of the alphabet was left out before.

use crate::gate::{self, decode_hex, is_letter};

/// How a run is spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    Base32,
    Base64,
    Hex,
}

impl Spelling {
    /// How many bytes so many letters spell.
    pub(super) fn decoded_len(self, letters: usize) -> usize {
        match self {
            Self::Base32 => letters * 5 / 8,
            Self::Base64 => letters / 4 * 3 + (letters % 4).saturating_sub(1),
            Self::Hex => letters / 2,
        }
    }

    /// Letters that are decoded together.
    pub(super) fn group_len(self) -> usize {
        match self {
            Self::Base32 => BASE32_GROUP,
            Self::Base64 => 4,
            Self::Hex => 2,
        }
    }

    /// Whether a group, whole or padded, has so many letters.
    pub(super) fn is_group(self, letters: usize) -> bool {
        match self {
            Self::Base32 => matches!(letters, 2 | 4 | 5 | 7 | 8),
            Self::Base64 => (2..=4).contains(&letters),
            Self::Hex => letters == 2,
        }
    }

    /// Whether it is written with this letter.
    #[inline(always)]
    pub(super) fn has(self, letter: u8) -> bool {
        match self {
            Self::Base32 => is_of_base32(&letter),
            Self::Base64 => is_letter(letter),
            Self::Hex => letter.is_ascii_hexdigit(),
        }
    }
}

/// The bytes that few `letters` spell, in `decoded`; as [`decode`].
pub(super) fn decode_short(spelling: Spelling, letters: &[u8], decoded: &mut Vec<u8>) {
    decoded.clear();
    extend(spelling, letters, decoded);
}

/// Adds the bytes that few `letters` spell; as [`decode`].
pub(super) fn extend(spelling: Spelling, letters: &[u8], decoded: &mut Vec<u8>) {
    match spelling {
        Spelling::Base32 => extend_base32(letters, decoded),
        Spelling::Base64 => {
            let (groups, rest) = letters.as_chunks::<4>();
            let start = decoded.len();
            decoded.resize(start + groups.len() * 3, 0);
            let fresh = decoded.get_mut(start..).unwrap_or_default();
            for (to, letters) in fresh.as_chunks_mut::<3>().0.iter_mut().zip(groups) {
                *to = group(letters);
            }
            extend_last(rest, decoded);
        }
        Spelling::Hex => decoded.extend(letters.as_chunks::<2>().0.iter().map(pair)),
    }
}

/// The bytes that `letters` spell; of a group that is not whole as many as it tells.
pub(super) fn decode(spelling: Spelling, letters: &[u8]) -> Vec<u8> {
    match spelling {
        Spelling::Base32 => {
            let mut decoded = Vec::with_capacity(spelling.decoded_len(letters.len()));
            extend_base32(letters, &mut decoded);
            decoded
        }
        Spelling::Base64 => decode_base64(letters),
        Spelling::Hex => {
            let mut decoded = Vec::new();
            decode_hex(letters, &mut decoded);
            decoded
        }
    }
}

/// Letters of the shortest run of base32: fewer are words and codes.
const BASE32_MIN: usize = 24;

/// Letters of a group of base32.
const BASE32_GROUP: usize = 8;

/// Whether letters are base32 (RFC 4648 section 6, in either case), of text: those of no other are told
/// from codes and words.
pub(super) fn is_base32(letters: &[u8]) -> bool {
    begins_base32(letters) && letters.iter().all(is_of_base32)
}

/// As [`is_base32`], of the first letters.
fn begins_base32(letters: &[u8]) -> bool {
    let Some(first) = letters.get(..BASE32_MIN) else { return false };
    let mut text = Vec::new();
    first.iter().all(is_of_base32) && {
        extend_base32(first, &mut text);
        text.iter().all(|b| crate::gate::is_printable(*b))
    }
}

pub(super) fn is_of_base32(letter: &u8) -> bool {
    letter.is_ascii_alphabetic() || matches!(letter, b'2'..=b'7')
}

/// The base32 of text within a run: behind letters that are glued to its front and move it out of phase,
/// and before those of another alphabet.
pub(super) fn base32_within(letters: &[u8]) -> Option<&[u8]> {
    // Of so few letters every part that is long enough has those in the middle.
    let middle =
        letters.len().checked_sub(BASE32_MIN).and_then(|from| letters.get(from..BASE32_MIN));
    if letters.len() < BASE32_MIN || middle.is_some_and(|middle| !middle.iter().all(is_of_base32)) {
        return None;
    }
    let parts = letters.split(|letter| !is_of_base32(letter));
    let long = parts.filter(|part| part.len() >= BASE32_MIN);
    let mut starts = long.flat_map(|part| (0..BASE32_GROUP).filter_map(|at| part.get(at..)));
    starts.find(|part| begins_base32(part))
}

fn extend_base32(letters: &[u8], decoded: &mut Vec<u8>) {
    // A long run is told by its first letters: behind them others may stand.
    let value = |b: u8| match b {
        b'0'..=b'9' => b.wrapping_sub(b'2').wrapping_add(26),
        letter => (letter & 0x1f).wrapping_sub(1),
    };
    for group in letters.chunks(8) {
        let bits = group.iter().fold(0u64, |bits, b| bits << 5 | u64::from(value(*b) & 0x1f));
        let bits = bits << (64 - 5 * group.len());
        decoded.extend(bits.to_be_bytes().into_iter().take(group.len() * 5 / 8));
    }
}

/// Of a short run of base64, in each of the four phases in which it may stand, which letters begin a
/// byte beyond ASCII: a bit for each letter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Beyond {
    phases: [u64; 4],
    /// Behind which letters something may begin that those before are glued to.
    marks: u64,
    len: u32,
}

impl Beyond {
    /// Letters of the longest run that is told of.
    const LEN_MAX: usize = 64;

    pub(super) fn of(letters: &[u8]) -> Option<Beyond> {
        const GROUPS: u64 = 0x1111_1111_1111_1111;
        let mut bits = [0; Self::LEN_MAX];
        let len = u32::try_from(letters.len()).ok().filter(|len| (1..=64).contains(len))?;
        for (bits, letter) in bits.iter_mut().zip(letters) {
            *bits = HIGHEST.get(usize::from(*letter)).copied().unwrap_or(0);
        }
        let bits = bits.get(..letters.len().next_multiple_of(8)).unwrap_or_default();
        let [first, second, third, marks] = [0, 1, 2, 3].map(|place| gather(bits, place));
        // The last letter begins no byte.
        let whole = (1u64 << (len - 1)) - 1;
        let phases = [0, 1, 2, 3].map(|phase| {
            let at = |place: u32| GROUPS.rotate_left(phase + place);
            (first & at(0) | second & at(1) | third & at(2)) & whole
        });
        Some(Beyond { phases, marks: marks & whole, len })
    }

    /// How many bytes are none of ASCII that the letters from `start` on spell.
    pub(super) fn count(&self, start: usize) -> u32 {
        let bits = self.phases.get(start % 4).copied().unwrap_or(0);
        let from = u32::try_from(start).ok().and_then(|start| u64::MAX.checked_shl(start));
        (bits & from.unwrap_or(0)).count_ones()
    }

    /// Whether the letters may spell [`gate::RUN_MIN`] bytes of ASCII in a row.
    pub(super) fn may_spell(&self) -> bool {
        const { assert!(gate::RUN_MIN == 6) };
        let [bits, ..] = self.phases;
        let ascii = !bits & ((1u64 << (self.len - 1)) - 1);
        // Of eight letters, two or one begin no byte.
        let four = ascii & ascii >> 1 & ascii >> 2 & ascii >> 3;
        four & four >> 3 != 0
    }

    /// Where something may begin that the letters before are glued to.
    pub(super) fn glued(&self) -> impl Iterator<Item = usize> {
        let mut left = self.marks;
        std::iter::from_fn(move || {
            let at = left.trailing_zeros() as usize;
            left &= left.wrapping_sub(1);
            (at < Self::LEN_MAX).then_some(at + 1)
        })
    }
}

/// Whether what stands behind a letter may begin anew: it is no letter of a word.
pub(super) fn is_glue(letter: u8) -> bool {
    GLUE.contains(&letter)
}

const GLUE: [u8; 3] = *b"/-_";

/// The bit of this place of each byte, of at most 64.
fn gather(bytes: &[u8], place: u32) -> u64 {
    const LOWEST: u64 = 0x0101_0101_0101_0101;
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let eight =
        |eight: &[u8; 8]| (u64::from_le_bytes(*eight) >> place & LOWEST).wrapping_mul(GATHER) >> 56;
    bytes.as_chunks().0.iter().rev().fold(0, |bits, part| bits << 8 | eight(part))
}

/// Of each letter the bits of its value that are the highest of a byte: of the first byte, of the second
/// and of the third of a group; and whether it is glue.
#[expect(clippy::indexing_slicing, reason = "evaluated when compiled")]
static HIGHEST: [u8; 256] = {
    let mut bits = [0; 256];
    let mut byte = 0;
    while byte < bits.len() {
        let value = VALUES[byte];
        let glue = (byte == GLUE[0] as usize
            || byte == GLUE[1] as usize
            || byte == GLUE[2] as usize) as u8;
        bits[byte] = value >> 5 & 1 | (value >> 3 & 1) << 1 | (value >> 1 & 1) << 2 | glue << 3;
        byte += 1;
    }
    bits
};

fn decode_base64(letters: &[u8]) -> Vec<u8> {
    let whole = letters.len() / 4 * 4;
    let (groups, rest) = letters.split_at(whole);
    let mut decoded = base64_simd::STANDARD_NO_PAD
        .decode_to_vec(groups)
        .unwrap_or_else(|_| groups.as_chunks::<4>().0.iter().flat_map(group).collect());
    extend_last(rest, &mut decoded);
    decoded
}

/// Decodes the letters of a group that is not whole.
fn extend_last(rest: &[u8], decoded: &mut Vec<u8>) {
    if rest.len() > 1 {
        let mut last = [b'A'; 4];
        last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        decoded.extend(group(&last).into_iter().take(rest.len() - 1));
    }
}

/// What each letter of either alphabet stands for.
#[expect(clippy::indexing_slicing, reason = "evaluated when compiled")]
static VALUES: [u8; 256] = {
    let mut values = [63; 256];
    let mut value = 0;
    while value < 26 {
        values[b'A' as usize + value as usize] = value;
        values[b'a' as usize + value as usize] = value + 26;
        if value < 10 {
            values[b'0' as usize + value as usize] = value + 52;
        }
        value += 1;
    }
    values[b'+' as usize] = 62;
    values[b'-' as usize] = 62;
    values
};

/// Four letters of either alphabet.
#[inline(always)]
pub(super) fn group(letters: &[u8; 4]) -> [u8; 3] {
    let value = |byte: u8| u32::from(VALUES.get(usize::from(byte)).copied().unwrap_or(63));
    let bits = letters.iter().fold(0u32, |bits, b| bits << 6 | value(*b));
    let [_, a, b, c] = bits.to_be_bytes();
    [a, b, c]
}

#[inline(always)]
fn pair([high, low]: &[u8; 2]) -> u8 {
    let value = |byte: u8| (byte & 15) + 9 * (byte >> 6);
    value(*high) << 4 | value(*low)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bytes_beyond_ascii_are_told_without_decoding() {
        let letters: Vec<u8> = (0..64usize).map(|at| b"Sz8_q/0AbZ9-"[at * 7 % 12]).collect();
        for len in 1..=letters.len() {
            let beyond = Beyond::of(&letters[..len]).unwrap();
            for start in 0..len {
                let decoded = decode_base64(&letters[start..len]);
                let wanted = decoded.iter().filter(|b| !b.is_ascii()).count();
                assert_eq!(beyond.count(start) as usize, wanted, "{start} of {len}");
            }
            let glue = (0..len - 1).filter(|at| b"/-_".contains(&letters[*at])).map(|at| at + 1);
            assert!(beyond.glued().eq(glue), "{len}");
        }
        assert!(Beyond::of(&[b'A'; 65]).is_none() && Beyond::of(b"").is_none());
    }

    proptest! {
        #[test]
        fn text_is_never_denied(
            text in "[ -~]{6,9}",
            before in prop::collection::vec(any::<u8>(), 0..24),
            behind in prop::collection::vec(any::<u8>(), 0..15),
            cut in 0usize..4,
        ) {
            let bytes = [before.as_slice(), text.as_bytes(), behind.as_slice()].concat();
            let letters = base64_simd::STANDARD_NO_PAD.encode_to_string(bytes);
            let letters = &letters.as_bytes()[..letters.len().min(64)];
            let cut = letters.len() - cut.min(letters.len() - 1);
            let decoded = decode_base64(&letters[..cut]);
            let is_spelled = decoded.windows(6).any(|six| six.is_ascii());
            let beyond = Beyond::of(&letters[..cut]).unwrap();
            prop_assert!(beyond.may_spell() || !is_spelled);
        }
    }

    #[test]
    fn both_alphabets_and_any_length() {
        assert_eq!(decode_base64(b"SGVsbG8sIHdvcmxk"), b"Hello, world");
        assert_eq!(decode_base64(b"SGVsbG8"), b"Hello");
        assert_eq!(decode_base64(b"-_-_"), decode_base64(b"+/+/"));
        assert_eq!(decode(Spelling::Hex, b"48656C6c6f"), b"Hello");
        assert_eq!(decode(Spelling::Base32, b"JBSWY3DP"), b"Hello");
        assert_eq!(decode(Spelling::Base32, b"jbswy3dpfqqa"), b"Hello, ");
        let letters = b"SGVsbG8sIHdvcmxkLSBf-_0";
        for len in 0..letters.len() {
            let mut short = Vec::new();
            for spelling in [Spelling::Base32, Spelling::Base64, Spelling::Hex] {
                decode_short(spelling, &letters[..len], &mut short);
                assert_eq!(short, decode(spelling, &letters[..len]));
                assert_eq!(short.len(), spelling.decoded_len(len));
            }
        }
    }
}
