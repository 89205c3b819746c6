//! What keeps nearly every word of a text from being looked up: a keyed hash and Bloom filters over
//! it. Invariant: what is in a filter is never denied; and without the key a filter is noise.

use crate::keyed::Key;

/// SipHash-2-4 (Aumasson, Bernstein 2012): a keyed hash made for short inputs.
#[derive(Clone, Copy)]
pub(super) struct Hash {
    keys: (u64, u64),
}

impl std::fmt::Debug for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hash")
    }
}

impl Hash {
    pub(super) fn new(key: &Key) -> Hash {
        let digest = key.digest("lazaret exact filter 1", &[]);
        let word = |at: usize| {
            digest.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |b| u64::from_le_bytes(*b))
        };
        Hash { keys: (word(0), word(8)) }
    }

    pub(super) fn of(&self, bytes: &[u8]) -> u64 {
        let (k0, k1) = self.keys;
        let mut v = [
            k0 ^ 0x736f_6d65_7073_6575,
            k1 ^ 0x646f_7261_6e64_6f6d,
            k0 ^ 0x6c79_6765_6e65_7261,
            k1 ^ 0x7465_6462_7974_6573,
        ];
        let (blocks, rest) = bytes.as_chunks::<8>();
        for block in blocks {
            compress(&mut v, u64::from_le_bytes(*block));
        }
        let mut last = (bytes.len() as u64) << 56;
        for (at, byte) in rest.iter().enumerate() {
            last |= u64::from(*byte) << (8 * at);
        }
        compress(&mut v, last);
        v[2] ^= 0xff;
        (0..4).for_each(|_| round(&mut v));
        v[0] ^ v[1] ^ v[2] ^ v[3]
    }
}

fn compress(v: &mut [u64; 4], block: u64) {
    v[3] ^= block;
    round(v);
    round(v);
    v[0] ^= block;
}

fn round(v: &mut [u64; 4]) {
    v[0] = v[0].wrapping_add(v[1]);
    v[2] = v[2].wrapping_add(v[3]);
    v[1] = v[1].rotate_left(13) ^ v[0];
    v[3] = v[3].rotate_left(16) ^ v[2];
    v[0] = v[0].rotate_left(32);
    v[2] = v[2].wrapping_add(v[1]);
    v[0] = v[0].wrapping_add(v[3]);
    v[1] = v[1].rotate_left(17) ^ v[2];
    v[3] = v[3].rotate_left(21) ^ v[0];
    v[2] = v[2].rotate_left(32);
}

/// Bits for each entry: about 2 % of other values pass.
const BITS: usize = 10;

/// A Bloom filter whose four bits for a value lie in one word of 64.
pub(super) fn build(mut hashes: Vec<u64>) -> Vec<u8> {
    hashes.sort_unstable();
    hashes.dedup();
    let words = (hashes.len() * BITS).div_ceil(64).max(1);
    let mut filter = vec![0u64; words];
    for hash in hashes {
        let (at, bits) = place(hash, words);
        if let Some(word) = filter.get_mut(at) {
            *word |= bits;
        }
    }
    filter.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// Whether the filter holds the hash.
pub(super) fn holds(filter: &[[u8; 8]], hash: u64) -> bool {
    let (at, bits) = place(hash, filter.len());
    filter.get(at).is_some_and(|word| u64::from_le_bytes(*word) & bits == bits)
}

fn place(hash: u64, words: usize) -> (usize, u64) {
    let at = ((u128::from(hash) * words as u128) >> 64).try_into().unwrap_or(0);
    // The low bits choose the bits; the high ones chose the word.
    let mixed = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let bits = (0..4).fold(0, |bits, i| bits | 1 << (mixed >> (40 + 6 * i) & 63));
    (at, bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_published_one() {
        // The test vector of the SipHash paper, appendix A: key 00..0f, input 00..0e.
        let input: Vec<u8> = (0..15).collect();
        let hash = Hash { keys: (0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908) };
        assert_eq!(hash.of(&input), 0xa129_ca61_49be_45e5);
    }

    #[test]
    fn what_is_in_is_never_denied_and_little_else_passes() {
        let hash = Hash::new(&Key::new(&[b'k'; 32]).unwrap());
        let of = |i: u32| hash.of(&i.to_le_bytes());
        let bytes = build((0..10_000).map(of).collect());
        let (filter, _) = bytes.as_chunks::<8>();
        assert!((0..10_000).all(|i| holds(filter, of(i))));
        let passing = (10_000..110_000).filter(|i| holds(filter, of(*i))).count();
        assert!(passing < 5_000, "{passing} of 100000 pass");
        assert!(!holds(&[], 1), "an empty filter holds nothing");
    }
}
