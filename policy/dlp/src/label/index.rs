//! Looks a word up among the phrases. Most words of a text are in none: a filter of a few kilobytes
//! says so at once.

use std::sync::{Arc, LazyLock};

use super::phrases::{PHRASES, Phrase};
use super::{ALIASES, Family, key};

/// Bits of the filter, a power of two.
const FILTER_BITS: u32 = 15;

struct Index {
    filter: Vec<u64>,
    /// Sorted: the key of a last word, and its phrases.
    words: Vec<(u128, Arc<[Known]>)>,
}

/// A phrase without its last word.
pub(super) struct Known {
    /// The keys of the words before, the nearest first.
    pub(super) before: Vec<u128>,
    pub(super) meaning: Option<Family>,
}

impl Known {
    fn of((_, before, meaning): &Phrase) -> Known {
        Known {
            before: before
                .split(' ')
                .rev()
                .filter(|w| !w.is_empty())
                .map(|word| key(word.as_bytes()))
                .collect(),
            meaning: *meaning,
        }
    }
}

static INDEX: LazyLock<Index> = LazyLock::new(|| {
    let mut filter = vec![0u64; 1 << (FILTER_BITS - 6)];
    let alike = PHRASES.chunk_by(|a, b| a.0 == b.0);
    let mut words: Vec<(u128, Arc<[Known]>)> = alike
        .filter_map(|alike| {
            Some((key(alike.first()?.0.as_bytes()), alike.iter().map(Known::of).collect()))
        })
        .collect();
    let of_meant = |(alias, meant): &(&str, &str)| {
        let (_, known) = words.iter().find(|(word, _)| *word == key(meant.as_bytes()))?;
        Some((key(alias.as_bytes()), Arc::clone(known)))
    };
    let aliases: Vec<_> = ALIASES.iter().filter_map(of_meant).collect();
    words.extend(aliases);
    words.sort_by_key(|(word, _)| *word);
    for (key, _) in &words {
        let bit = hash(*key);
        if let Some(word) = filter.get_mut(bit >> 6) {
            *word |= 1 << (bit & 63);
        }
    }
    Index { filter, words }
});

/// The phrases whose last word has this key, or is meant by it.
pub(super) fn phrases(key: u128) -> &'static [Known] {
    let bit = hash(key);
    if INDEX.filter.get(bit >> 6).is_none_or(|word| word >> (bit & 63) & 1 == 0) {
        return &[];
    }
    let found = INDEX.words.binary_search_by_key(&key, |(key, _)| *key);
    found.ok().and_then(|at| INDEX.words.get(at)).map_or(&[], |(_, known)| &**known)
}

/// A bit of the filter.
fn hash(key: u128) -> usize {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let [high, low] =
        [key >> 64, key & u128::from(u64::MAX)].map(|half| u64::try_from(half).unwrap_or(0));
    let mixed = (high ^ low.rotate_left(29)).wrapping_mul(ODD) >> (64 - FILTER_BITS);
    usize::try_from(mixed).unwrap_or(0)
}
