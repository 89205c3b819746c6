//! `detectors` of a content profile: a site's own.

use std::sync::Arc;

use dlp::custom::{
    AUTOMATON_BYTES_MAX, CustomDetector, InvalidDetector, MATCH_MAX, PATTERN_MAX, WORD_BYTES_MAX,
    WORDS_MAX,
};
use dlp::{Catalog, Identifier};

use super::Faults;
use super::read;
use crate::file::{ContentFile, DetectorFile, Text};

/// Most detectors of one profile.
const DETECTORS_MAX: usize = 64;

/// The catalogue of a profile: what every installation has, and the site's own besides.
pub(super) fn compile(
    faults: &mut Faults,
    file: &ContentFile,
    builtin: &Arc<Catalog>,
) -> Arc<Catalog> {
    let Some(entries) = &file.detectors else { return Arc::clone(builtin) };
    let listed = read::list(faults, entries, "detectors", "leave it out: then there are none");
    if listed.len() > DETECTORS_MAX {
        let what = format!("{} detectors are too many for one profile", listed.len());
        faults.error(entries.referenced, &what, &format!("{DETECTORS_MAX} is the most"));
    }
    let mut detectors: Vec<CustomDetector> = Vec::new();
    for entry in listed.iter().take(DETECTORS_MAX) {
        let known = builtin.has_detector(&entry.name.value)
            || detectors.iter().any(|detector| **detector.name() == *entry.name.value);
        if known {
            let what = format!("a detector is called `{}` already", entry.name.value);
            faults.error(entry.name.referenced, &what, "give each its own name");
        }
        detectors.extend(detector(faults, entry));
    }
    Arc::new(builtin.with_custom(detectors))
}

fn detector(faults: &mut Faults, entry: &DetectorFile) -> Option<CustomDetector> {
    let name = read::name(faults, &entry.name, "the detector's name");
    let classes: Vec<(&str, Identifier)> =
        Identifier::ALL.iter().map(|class| (class.name(), *class)).collect();
    let identifier = read::word(faults, &entry.identifier, "identifier class", &classes);
    let words: &[Text] = match &entry.context {
        Some(list) => {
            let texts =
                read::list(faults, list, "context", "leave it out: then nothing must stand near");
            read::distinct(faults, texts, "context");
            texts
        }
        None => &[],
    };
    let words: Vec<String> = words.iter().map(|word| word.value.clone()).collect();
    // Built whatever else is wrong, so that one pass finds every fault.
    let class = identifier.unwrap_or(Identifier::OtherId);
    let built =
        CustomDetector::build(name.unwrap_or_default(), class, &entry.pattern.value, &words);
    match built {
        Ok(detector) => name.and(identifier).and(Some(detector)),
        Err(invalid) => {
            explain(faults, entry, &invalid);
            None
        }
    }
}

fn explain(faults: &mut Faults, entry: &DetectorFile, invalid: &InvalidDetector) {
    let at = entry.pattern.referenced;
    match invalid {
        InvalidDetector::Empty => {
            let what = "the pattern matches what has no length";
            faults.error(at, what, "say what must stand there at least");
        }
        InvalidDetector::Endless => {
            let what = format!("the pattern may match more than {MATCH_MAX} bytes");
            faults.error(at, &what, "bound what repeats: [0-9]{1,12} instead of [0-9]+");
        }
        InvalidDetector::Lines => {
            let what = "the pattern wants the start or end of a text or line";
            faults.error(at, what, r"leave out ^ and $; \b is the border of a word");
        }
        InvalidDetector::Syntax(why) => {
            let what = format!("the pattern is no regular expression that is read here: {why}");
            faults.error(at, &what, "write one over ASCII, without lookaround");
        }
        InvalidDetector::TooLarge => {
            let what = format!(
                "pattern too large: over {PATTERN_MAX} bytes, or {AUTOMATON_BYTES_MAX} bytes once it is built"
            );
            faults.error(at, &what, "make it shorter, or its repetitions fewer");
        }
        InvalidDetector::Words => {
            let at = entry.context.as_ref().map_or(at, |list| list.referenced);
            let fix = format!(
                "write at most {WORDS_MAX} words of 1 to {WORD_BYTES_MAX} bytes, without blanks around"
            );
            faults.error(at, "a context word is empty or too long, or they are too many", &fix);
        }
    }
}
