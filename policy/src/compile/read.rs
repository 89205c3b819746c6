//! Readers for the small things that files are made of: words, names, times, sizes, lists.
//!
//! Each takes a written value with its place, reports what is wrong with it, and gives None then; the
//! caller goes on, so that one pass finds every fault.

use jiff::Timestamp;
use serde_saphyr::Spanned;

use super::faults::Faults;
use crate::file::Text;
use crate::suggest::did_you_mean;

/// Longest name, in bytes.
pub(crate) const NAME_BYTES_MAX: usize = 64;

/// Longest reason (`because`, ticket), in bytes.
const REASON_BYTES_MAX: usize = 1000;

/// One of a table of words.
pub(super) fn word<T: Copy>(
    faults: &mut Faults,
    text: &Text,
    field: &str,
    table: &[(&str, T)],
) -> Option<T> {
    if let Some((_, value)) = table.iter().find(|(word, _)| *word == text.value) {
        return Some(*value);
    }
    let words: Vec<&str> = table.iter().map(|(word, _)| *word).collect();
    let fix =
        format!("write {}{}", words.join(" or "), did_you_mean(&text.value, words.iter().copied()));
    faults.error(text.referenced, &format!("`{}` is no {field}", text.value), &fix);
    None
}

/// A name: letters, digits, `-`, `_` and `.`, so that it can stand in records and metrics.
pub(super) fn name<'a>(faults: &mut Faults, text: &'a Text, field: &str) -> Option<&'a str> {
    let name = text.value.as_str();
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    let starts = name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    if starts && name.len() <= NAME_BYTES_MAX && name.bytes().all(plain) {
        return Some(name);
    }
    let fix = format!(
        "use 1 to {NAME_BYTES_MAX} letters, digits, `-`, `_` and `.`, starting with a letter or digit"
    );
    faults.error(text.referenced, &format!("{field} is no plain name"), &fix);
    None
}

/// A free text that must say something, such as a reason or a test's name.
pub(super) fn reason<'a>(faults: &mut Faults, text: &'a Text, field: &str) -> Option<&'a str> {
    let reason = text.value.trim();
    if !reason.is_empty() && reason.len() <= REASON_BYTES_MAX {
        return Some(reason);
    }
    let fix = format!("write 1 to {REASON_BYTES_MAX} characters");
    faults.error(text.referenced, &format!("{field} says nothing, or too much"), &fix);
    None
}

/// A point in time.
pub(super) fn time(faults: &mut Faults, text: &Text, field: &str) -> Option<Timestamp> {
    let time = text.value.parse().ok();
    if time.is_none() {
        faults.error(
            text.referenced,
            &format!("{field} is no point in time"),
            "write it as 2026-12-31T00:00:00Z, with an offset",
        );
    }
    time
}

/// A size in bytes: a whole number with an optional KiB, MiB, GiB or TiB.
pub(super) fn size(faults: &mut Faults, text: &Text, field: &str) -> Option<u64> {
    let size = crate::size::parse(&text.value);
    if size.is_none() {
        faults.error(
            text.referenced,
            &format!("{field} is no size"),
            "write a whole number above 0 with KiB, MiB, GiB or TiB, such as 8GiB",
        );
    }
    size
}

/// The entries of a list that is present; an empty one is an error, since leaving it out means something else.
pub(super) fn list<'a, T>(
    faults: &mut Faults,
    list: &'a Spanned<Vec<T>>,
    field: &str,
    fix: &str,
) -> &'a [T] {
    if list.value.is_empty() {
        faults.error(list.referenced, &format!("`{field}` is empty"), fix);
    }
    &list.value
}

/// Reports entries of a list that stand in it twice.
pub(super) fn distinct(faults: &mut Faults, texts: &[Text], field: &str) {
    let mut seen = std::collections::HashSet::with_capacity(texts.len());
    for text in texts {
        if !seen.insert(text.value.as_str()) {
            let what = format!("`{}` stands in `{field}` twice", text.value);
            faults.error(text.referenced, &what, "keep one of them");
        }
    }
}
