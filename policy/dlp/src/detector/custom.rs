//! Detectors of a site's own: a pattern, and words that may have to stand near. The pattern is built
//! whole into an automaton of limited size at load, so that a match costs a step for each byte.
//! Invariant: what is found depends on offsets in the leaf only, and matches do not overlap.

use std::sync::Arc;

use aho_corasick::AhoCorasick;
use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::nfa::thompson;
use regex_automata::util::{start, syntax};
use regex_automata::{Anchored, Input, MatchKind};

use super::{LOOK_AHEAD, LOOK_BACK, Match};
use crate::finding::{Confidence, Identifier};

/// Bytes of a pattern as it is written.
pub const PATTERN_MAX: usize = 1000;
/// Bytes that a pattern may match; one that could match more is refused at load.
pub const MATCH_MAX: usize = 128;
/// Bytes of the automaton that a pattern is built into, and of each step on the way there.
pub const AUTOMATON_BYTES_MAX: usize = 1 << 20;
/// Context words of one detector.
pub const WORDS_MAX: usize = 64;
/// Bytes of a context word.
pub const WORD_BYTES_MAX: usize = 64;

/// Why a detector cannot be built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvalidDetector {
    /// The pattern matches nothing, or nothing that has a length.
    Empty,
    /// The pattern may match more than [`MATCH_MAX`] bytes.
    Endless,
    /// The pattern wants the start or end of a text or line, which a stream does not have.
    Lines,
    /// The pattern is no regular expression, or one that looks around: why.
    Syntax(String),
    /// The pattern, or its automaton, is over its limit.
    TooLarge,
    /// A context word is empty or over its limit, or they are too many.
    Words,
}

/// One detector of a site's own. Cheap to clone.
#[derive(Clone, Debug)]
pub struct CustomDetector {
    name: Arc<str>,
    identifier: Identifier,
    automaton: Arc<dense::DFA<Vec<u32>>>,
    /// The bytes that a match may begin with.
    first: Arc<[bool; 256]>,
    /// Words of which one must stand near.
    words: Option<Arc<AhoCorasick>>,
}

impl CustomDetector {
    /// Builds a detector. The pattern is a regular expression over bytes: classes are ASCII's, a match
    /// is the longest, and begins where a word does. With `words` one of them must stand near, in any
    /// ASCII case and as a whole word, which makes findings high; without any they are medium.
    ///
    /// # Errors
    /// [`InvalidDetector`].
    pub fn build(
        name: &str,
        identifier: Identifier,
        pattern: &str,
        words: &[String],
    ) -> Result<CustomDetector, InvalidDetector> {
        if words.len() > WORDS_MAX || words.iter().any(|word| !is_word(word)) {
            return Err(InvalidDetector::Words);
        }
        let automaton = automaton(pattern)?;
        let first = Arc::new(first_bytes(&automaton));
        let words = (!words.is_empty()).then(|| {
            AhoCorasick::builder().ascii_case_insensitive(true).build(words).map(Arc::new)
        });
        Ok(CustomDetector {
            name: name.into(),
            identifier,
            automaton: Arc::new(automaton),
            first,
            words: words.transpose().map_err(|_| InvalidDetector::Words)?,
        })
    }

    /// Its name, as findings carry it.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The class that it reports.
    pub fn identifier(&self) -> Identifier {
        self.identifier
    }

    /// Where the longest match from `start` on ends.
    fn longest(&self, window: &[u8], start: usize) -> Option<usize> {
        let end = (start + MATCH_MAX).min(window.len());
        let input = Input::new(window).range(start..end).anchored(Anchored::Yes);
        // It stops early only at bytes that it was told to stop at, which are none.
        let found = self.automaton.try_search_fwd(&input).ok().flatten()?;
        Some(found.offset()).filter(|end| *end > start)
    }
}

fn is_word(word: &str) -> bool {
    (1..=WORD_BYTES_MAX).contains(&word.len()) && word.trim() == word
}

fn automaton(pattern: &str) -> Result<dense::DFA<Vec<u32>>, InvalidDetector> {
    if pattern.len() > PATTERN_MAX {
        return Err(InvalidDetector::TooLarge);
    }
    let config = syntax::Config::new().unicode(false).utf8(false);
    let parsed = syntax::parse_with(pattern, &config)
        .map_err(|error| InvalidDetector::Syntax(last_line(&error.to_string())))?;
    let properties = parsed.properties();
    if properties.look_set().contains_anchor() {
        return Err(InvalidDetector::Lines);
    }
    match (properties.minimum_len(), properties.maximum_len()) {
        (None | Some(0), _) => return Err(InvalidDetector::Empty),
        (Some(_), Some(most)) if most <= MATCH_MAX => {}
        (Some(_), _) => return Err(InvalidDetector::Endless),
    }
    let thompson = thompson::Config::new().utf8(false).nfa_size_limit(Some(AUTOMATON_BYTES_MAX));
    let nfa = thompson::Compiler::new()
        .configure(thompson)
        .build_from_hir(&parsed)
        .map_err(|_| InvalidDetector::TooLarge)?;
    let dense = dense::Config::new()
        .start_kind(StartKind::Anchored)
        .match_kind(MatchKind::All)
        .dfa_size_limit(Some(AUTOMATON_BYTES_MAX))
        .determinize_size_limit(Some(AUTOMATON_BYTES_MAX));
    let built = dense::Builder::new().configure(dense).build_from_nfa(&nfa);
    built.map_err(|error| {
        if error.is_size_limit_exceeded() {
            InvalidDetector::TooLarge
        } else {
            InvalidDetector::Syntax(error.to_string())
        }
    })
}

/// The reason, without the pattern and the mark under it.
fn last_line(error: &str) -> String {
    let line = error.lines().last().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

/// The bytes that lead anywhere from the start, whatever stands before.
fn first_bytes(automaton: &dense::DFA<Vec<u32>>) -> [bool; 256] {
    let mut first = [false; 256];
    for before in [None, Some(b'a'), Some(b' '), Some(b'\n'), Some(b'\r')] {
        let config = start::Config::new().anchored(Anchored::Yes).look_behind(before);
        let Ok(state) = automaton.start_state(&config) else { return [true; 256] };
        for (byte, leads) in (0..=u8::MAX).zip(&mut first) {
            *leads |= !automaton.is_dead_state(automaton.next_state(state, byte));
        }
    }
    first
}

/// All detectors of one profile.
#[derive(Clone, Debug, Default)]
pub(crate) struct CustomDetectors {
    detectors: Vec<CustomDetector>,
    /// The bytes that a match of any may begin with.
    first: Vec<bool>,
}

impl CustomDetectors {
    pub(crate) fn new(detectors: Vec<CustomDetector>) -> CustomDetectors {
        let leads = |byte: usize| {
            detectors.iter().any(|detector| detector.first.get(byte).is_some_and(|leads| *leads))
        };
        CustomDetectors { first: (0..256).map(leads).collect(), detectors }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.detectors.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &CustomDetector> {
        self.detectors.iter()
    }

    /// Tells every match that begins in `window[from..to]`, in indices of the window, and says where
    /// the last one ends. Behind `to` there must be `LOOK_AHEAD` bytes, or the end of the leaf; before
    /// `from` one and `LOOK_BACK` bytes, or its start.
    pub(crate) fn examine(
        &self,
        window: &[u8],
        (from, to): (usize, usize),
        sink: &mut dyn FnMut(&Arc<str>, Match),
    ) -> usize {
        let mut contexts: Vec<Option<Vec<(usize, usize)>>> = vec![None; self.detectors.len()];
        let mut upto = from;
        let bytes = window.get(from..to).unwrap_or_default();
        let mut before = from.checked_sub(1).and_then(|i| window.get(i)).copied().unwrap_or(0);
        for (at, &byte) in (from..).zip(bytes) {
            let opens = !(before.is_ascii_alphanumeric() && byte.is_ascii_alphanumeric());
            before = byte;
            if at < upto || !opens || !self.first.get(usize::from(byte)).is_some_and(|leads| *leads)
            {
                continue;
            }
            let mut best: Option<(&Arc<str>, Match)> = None;
            for (detector, words) in self.detectors.iter().zip(&mut contexts) {
                let Some(found) = detector.examine(window, (from, to), at, words) else { continue };
                let rank = |found: &Match| (found.confidence, found.end);
                if best.as_ref().is_none_or(|(_, known)| rank(&found) > rank(known)) {
                    best = Some((&detector.name, found));
                }
            }
            if let Some((name, found)) = best {
                upto = found.end;
                sink(name, found);
            }
        }
        upto
    }
}

impl CustomDetector {
    /// What begins at `at`. `words` are where the context words of the window stand, once looked for.
    fn examine(
        &self,
        window: &[u8],
        (from, to): (usize, usize),
        at: usize,
        words: &mut Option<Vec<(usize, usize)>>,
    ) -> Option<Match> {
        let byte = *window.get(at)?;
        if !self.first.get(usize::from(byte)).is_some_and(|leads| *leads) {
            return None;
        }
        let end = self.longest(window, at)?;
        let confidence = match &self.words {
            None => Confidence::Medium,
            Some(automaton) => {
                let words = words.get_or_insert_with(|| {
                    let region = (from.saturating_sub(LOOK_BACK), to + LOOK_AHEAD);
                    places(automaton, window, region)
                });
                is_near(words, at, end).then_some(Confidence::High)?
            }
        };
        Some(Match { identifier: self.identifier, confidence, start: at, end })
    }
}

/// Where whole words of the automaton stand, by their starts.
fn places(
    automaton: &AhoCorasick,
    window: &[u8],
    (start, end): (usize, usize),
) -> Vec<(usize, usize)> {
    let end = end.min(window.len());
    let region = window.get(start..end).unwrap_or_default();
    let is_part =
        |i: Option<usize>| i.and_then(|i| window.get(i)).is_some_and(u8::is_ascii_alphanumeric);
    let mut found: Vec<(usize, usize)> = automaton
        .find_overlapping_iter(region)
        .map(|word| (start + word.start(), start + word.end()))
        .filter(|(first, behind)| !is_part(first.checked_sub(1)) && !is_part(Some(*behind)))
        .collect();
    found.sort_unstable();
    found
}

/// Whether a word stands in the look-back or look-ahead of a match, beside it.
fn is_near(words: &[(usize, usize)], start: usize, end: usize) -> bool {
    let first = words.partition_point(|word| word.0 + LOOK_BACK < start);
    let last = start + LOOK_AHEAD;
    words
        .iter()
        .skip(first)
        .take_while(|word| word.0 < last)
        .any(|word| word.1 <= start || word.0 >= end && word.1 < last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detector(name: &str, pattern: &str, words: &[&str]) -> CustomDetector {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        CustomDetector::build(name, Identifier::OtherId, pattern, &words).unwrap()
    }

    fn all(detectors: &[CustomDetector], text: &str) -> Vec<(String, Confidence, String)> {
        let mut found = Vec::new();
        let window = text.as_bytes();
        CustomDetectors::new(detectors.to_vec()).examine(window, (0, window.len()), &mut |n, m| {
            found.push((n.to_string(), m.confidence, text[m.start..m.end].to_owned()));
        });
        found
    }

    fn texts(pattern: &str, text: &str) -> Vec<String> {
        all(&[detector("d", pattern, &[])], text).into_iter().map(|found| found.2).collect()
    }

    #[test]
    fn a_match_is_the_longest_and_begins_with_a_word() {
        assert_eq!(
            texts("ST-[0-9]{6}", "ST-123456, xST-123456, _ST-654321"),
            ["ST-123456", "ST-654321"]
        );
        assert_eq!(
            texts("ST-[0-9]|ST-[0-9]{3}", "ST-1234"),
            ["ST-123"],
            "not the first alternative"
        );
        assert_eq!(texts("#[0-9]{3}", "a#123 #45"), ["#123"], "no word, so it begins anywhere");
        assert_eq!(texts(r"[0-9]{4}\b", "12345 1234 1234x"), ["1234"]);
        assert_eq!(texts("(?i)st-[0-9]{2}", "St-12 sT-34"), ["St-12", "sT-34"]);
        assert_eq!(texts("[a-c]{1,3}", "abcabc"), ["abc"], "what follows is inside of the word");
        assert_eq!(texts("ST-[0-9]{6}", "ST-12345"), [""; 0]);
        assert_eq!(texts("a b|b c", "a b c"), ["a b"], "matches do not overlap");
    }

    #[test]
    fn context_words_stand_near_and_whole_in_any_case() {
        let study = [detector("study-id", "[0-9]{6}", &["study id", "subject"])];
        let high = [("study-id".to_owned(), Confidence::High, "123456".to_owned())];
        for text in ["Study ID: 123456", "123456 is the subject", "SUBJECT\n123456"] {
            assert_eq!(all(&study, text), high, "{text}");
        }
        for text in ["number 123456", "subjective 123456", "asubject 123456", "study-id 123456"] {
            assert_eq!(all(&study, text), [], "{text}");
        }
        let far = format!("subject{}123456", " ".repeat(LOOK_BACK));
        assert_eq!(all(&study, &far), []);
        let far = format!("123456{}subject", " ".repeat(LOOK_AHEAD));
        assert_eq!(all(&study, &far), []);
        let bare = [detector("study-id", "[0-9]{6}", &[])];
        assert_eq!(all(&bare, "x 123456")[0].1, Confidence::Medium, "no context is declared");
    }

    #[test]
    fn a_word_inside_of_the_match_is_no_context() {
        let own = [detector("d", "subject [0-9]{3}", &["subject"])];
        assert_eq!(all(&own, "subject 123"), []);
        assert_eq!(all(&own, "subject 123, a subject").len(), 1);
    }

    #[test]
    fn where_two_detectors_match_the_surer_one_is_told() {
        let two = [detector("any", "[0-9]{3,6}", &[]), detector("study", "[0-9]{4}", &["subject"])];
        assert_eq!(all(&two, "subject 123456")[0].0, "study");
        assert_eq!(all(&two, "nothing 123456")[0].0, "any");
    }

    #[test]
    fn what_cannot_be_read_in_a_stream_is_refused() {
        use InvalidDetector::{Empty, Endless, Lines, Syntax, TooLarge, Words};
        let build = |pattern: &str, words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            CustomDetector::build("d", Identifier::OtherId, pattern, &words).unwrap_err()
        };
        assert_eq!(build("ST-[0-9]*", &[]), Endless);
        assert_eq!(build("[0-9]{1,129}", &[]), Endless);
        assert_eq!(build("[0-9]*", &[]), Empty);
        assert_eq!(build("", &[]), Empty);
        assert_eq!(build("^ST-[0-9]", &[]), Lines);
        assert_eq!(build(r"(?m)ST-[0-9]$", &[]), Lines);
        assert_eq!(build(&"a".repeat(PATTERN_MAX + 1), &[]), TooLarge);
        assert_eq!(build("[ab]{0,60}a[ab]{16}", &[]), TooLarge);
        for pattern in ["ST-(?=[0-9])", "(a", "[z-a]", r"(a)\1"] {
            let error = build(pattern, &[]);
            let Syntax(why) = error else { panic!("{pattern}: {error:?}") };
            assert!(!why.is_empty() && !why.contains('\n'), "{why}");
        }
        assert_eq!(build("a", &[""]), Words);
        assert_eq!(build("a", &[" padded"]), Words);
        assert_eq!(build("a", &["w"; WORDS_MAX + 1]), Words);
    }
}
