//! The texts in JSON, as a stream of objects has them: values, not the names that they stand under.

use super::TEXTS_MAX;
use crate::format::json::{self, unescaped};

/// Whether a text is JSON with texts in it.
pub(super) fn is_json(text: &[u8]) -> bool {
    matches!(text.trim_ascii_start().first(), Some(b'{' | b'[')) && text.contains(&b'"')
}

/// Tells each text.
pub(super) fn each(text: &[u8], mut tell: impl FnMut(&[u8])) {
    let (mut rest, mut told) = (text, 0);
    while let Some(start) = memchr::memchr(b'"', rest)
        && told < TEXTS_MAX
    {
        let inside = rest.get(start + 1..).unwrap_or_default();
        let end = end(inside);
        let (value, behind) = inside.split_at(end);
        rest = behind.get(1..).unwrap_or_default();
        if rest.trim_ascii_start().first() == Some(&b':') {
            continue;
        }
        told += 1;
        if value.contains(&b'\\') { tell(&unescaped(value)) } else { tell(value) }
    }
}

/// Where a text ends that begins with `inside`.
fn end(inside: &[u8]) -> usize {
    let mut at = 0;
    while let Some(found) = inside.get(at..).and_then(json::in_text) {
        at += found;
        match inside.get(at) {
            Some(b'\\') => at += 2,
            Some(b'"') => return at,
            _ => at += 1,
        }
    }
    inside.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_told_and_names_are_not() {
        let told = |text: &str| {
            let mut told = Vec::new();
            each(text.as_bytes(), |value| told.push(String::from_utf8(value.to_vec()).unwrap()));
            told
        };
        assert!(is_json(b" {\"a\": \"b\"}") && !is_json(b"{1}") && !is_json(b"a \"b\""));
        assert_eq!(told(r#"{"a": "b", "c": [1, "d\"\u0065", {"f" : "g"}]}"#), ["b", "d\"e", "g"]);
        assert_eq!(told(r#"{"a": "cut"#), ["cut"]);
        assert_eq!(told(r#"{"a": "cut\"#), ["cut"]);
        assert_eq!(told("{}"), [""; 0]);
    }
}
