//! Words that are no names: those of forms, and those that make of a name a place or a thing.
//! Invariant: every word is in lower case.

use crate::word::{Table, Words};

/// Words that stand before or behind names and are none.
#[rustfmt::skip] // a table
const STOP: &[&str] = &[
    "a", "account", "address", "admission", "admitted", "age", "aged", "allergies", "and",
    "anonymous", "any", "attending", "birth", "boolean", "by", "case", "cell", "char", "chart",
    "class", "code", "date", "days", "default", "diagnosis", "discharge", "dob", "dr", "email",
    "empty", "encounter", "error", "exam", "example", "false", "fax", "female", "field", "float",
    "for", "from", "gender", "has", "he", "her", "his", "history", "home", "hospital", "i", "id",
    "in", "incomplete", "info", "insurance", "int", "integer", "is", "it", "male", "md", "medical",
    "missing", "mobile", "mr", "mrn", "mrs", "ms", "name", "names", "no", "none", "not", "null",
    "number", "object", "of", "on", "optional", "or", "order", "patient", "person", "phone",
    "placeholder", "pt", "record", "redacted", "required", "results", "room", "sample", "self",
    "sex", "she", "ssn", "status", "str", "string", "subject", "tel", "test", "text", "the", "they",
    "this", "to", "true", "type", "undefined", "unknown", "user", "value", "varchar", "visit",
    "was", "we", "with", "you", "your", "zip",
];

/// Words that make of a name before them a place, a house or a thing.
#[rustfmt::skip] // a table
const THING: &[&str] = &[
    "airport", "algorithm", "associates", "ave", "avenue", "award", "bank", "bay", "beach",
    "boulevard", "bridge", "building", "cancer", "center", "centre", "church", "city", "clinic",
    "club", "co", "college", "company", "corp", "corporation", "county", "court", "creek",
    "disease", "distribution", "drive", "equation", "falls", "foundation", "fund", "group", "hall",
    "health", "healthcare", "high", "highway", "hill", "hills", "hospital", "house", "inc",
    "institute", "island", "islands", "journal", "lab", "laboratories", "laboratory", "labs",
    "lake", "lane", "law", "library", "license", "llc", "llp", "ltd", "magazine", "medical",
    "memorial", "method", "museum", "park", "parkway", "place", "plaza", "port", "prize", "project",
    "regional", "river", "road", "scale", "school", "score", "society", "square", "st", "stadium",
    "street", "studio", "studios", "syndrome", "system", "systems", "test", "theatre", "theorem",
    "tower", "township", "trail", "trust", "university", "valley", "village", "way", "worth",
];

static STOP_WORDS: Table = Table::new(|| Words::of(STOP));
static THING_WORDS: Table = Table::new(|| Words::of(THING));

/// Whether a word belongs to a form rather than to a name.
pub(super) fn is_stop(word: &[u8]) -> bool {
    STOP_WORDS.hold(word)
}

/// Whether a word makes of the name before it a place, a house or a thing.
pub(super) fn is_thing(word: &[u8]) -> bool {
    THING_WORDS.hold(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_in_lower_case() {
        let is_lower = |word: &&str| word.bytes().all(|b| b.is_ascii_lowercase());
        assert!(STOP.iter().chain(THING).all(is_lower));
        assert!(is_stop(b"MRN") && is_thing(b"Hospital") && !is_stop(b"Smith") && !is_thing(b""));
    }
}
