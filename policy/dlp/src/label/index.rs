//! Looks a word up among the phrases. Most words of a text are in none: a filter of a few kilobytes
//! says so at once.

use std::sync::{Arc, LazyLock};

use super::phrases::{PHRASES, Phrase};
use super::{ALIASES, Family};
use crate::word::{Filter, key};

struct Index {
    filter: Filter,
    /// Sorted: the key of a last word, and its phrases by the word before, of equals the longer first.
    words: Vec<(u128, Arc<[Known]>)>,
}

/// A phrase without its last word.
pub(super) struct Known {
    /// The key of the word before, or 0.
    pub(super) nearest: u128,
    /// The keys of those before that, the nearer first.
    pub(super) farther: Vec<u128>,
    pub(super) meaning: Option<Family>,
}

impl Known {
    fn of((_, before, meaning): &Phrase) -> Known {
        let mut before = before.split_whitespace().rev().map(|word| key(word.as_bytes()));
        let nearest = before.next().unwrap_or(0);
        Known { nearest, farther: before.collect(), meaning: *meaning }
    }

    /// Whether the last word is the whole phrase.
    pub(super) fn is_bare(&self) -> bool {
        self.nearest == 0
    }
}

static INDEX: LazyLock<Index> = LazyLock::new(|| {
    let alike = PHRASES.chunk_by(|a, b| a.0 == b.0);
    let of_word = |alike: &[Phrase]| -> Option<(u128, Arc<[Known]>)> {
        let mut known: Vec<_> = alike.iter().map(Known::of).collect();
        known.sort_by_key(|known| known.nearest);
        Some((key(alike.first()?.0.as_bytes()), known.into()))
    };
    let mut words: Vec<_> = alike.filter_map(of_word).collect();
    let of_meant = |(alias, meant): &(&str, &str)| {
        let (_, known) = words.iter().find(|(word, _)| *word == key(meant.as_bytes()))?;
        Some((key(alias.as_bytes()), Arc::clone(known)))
    };
    let aliases: Vec<_> = ALIASES.iter().filter_map(of_meant).collect();
    words.extend(aliases);
    words.sort_by_key(|(word, _)| *word);
    let filter = Filter::of(words.iter().map(|(key, _)| *key));
    Index { filter, words }
});

/// The phrases whose last word has this key, or is meant by it.
pub(super) fn phrases(key: u128) -> &'static [Known] {
    if !INDEX.filter.may_hold(key) {
        return &[];
    }
    let found = INDEX.words.binary_search_by_key(&key, |(key, _)| *key);
    found.ok().and_then(|at| INDEX.words.get(at)).map_or(&[], |(_, known)| &**known)
}
