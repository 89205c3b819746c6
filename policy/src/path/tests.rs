//! Path patterns: the table of what they cover, and a recursive oracle.

use proptest::prelude::*;

use super::*;

fn covers(pattern: &str, path: &str) -> bool {
    let pattern = PathPattern::parse(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
    CanonicalPath::parse(path).is_some_and(|path| pattern.matches(&path))
}

#[test]
fn what_patterns_cover() {
    let table = [
        ("/", "/", true),
        ("/", "/a", false),
        ("/**", "/", true),
        ("/**", "/a/b", true),
        ("/v2/**", "/v2", true),
        ("/v2/**", "/v2/", true),
        ("/v2/**", "/v2x", false),
        ("/v2/**", "/v2x/y", false),
        ("/v2/", "/v2", false),
        ("/v2/*", "/v2/", false),
        ("/v2/*", "/v2/a", true),
        ("/v2/*", "/v2/a/", false),
        ("/**/manifest", "/manifest", true),
        ("/**/manifest", "/a/b/manifest", true),
        ("/**/manifest", "/a/manifest/b", false),
        ("/a/**/b/**/c", "/a/b/c", true),
        ("/a/**/b/**/c", "/a/x/b/y/b/z/c", true),
        ("/a/**/b/**/c", "/a/c/b", false),
        ("/a/*/**", "/a/b", true),
        ("/a/*/**", "/a", false),
        ("/a%7Eb", "/a~b", true),
        ("/a~b", "/a%7eb", true),
        ("/a%2ab", "/a%2Ab", true),
        ("/a%20b", "/a b", false),
        ("/a%20b", "/a%20b", true),
    ];
    for (pattern, path, want) in table {
        assert_eq!(covers(pattern, path), want, "{pattern} on {path}");
    }
}

#[test]
fn paths_with_two_readings_match_nothing() {
    let odd = [
        "",
        "a",
        "*",
        "http://x/",
        "/..",
        "/.",
        "/a/./b",
        "/a/../b",
        "/%2e%2E/b",
        "/.%2e/b",
        "/..;/b",
        "/.;x=1/b",
        "/a%2fb",
        "/a%5Cb",
        "/a\\b",
        "/a%00",
        "/a\0",
        "/a%",
        "/a%2",
        "/a%zz",
        "/a b",
        "/a\tb",
        "/é",
        "/a?b",
        "/a#b",
        "/a\u{7f}",
    ];
    for path in odd {
        assert!(CanonicalPath::parse(path).is_none(), "{path:?}");
    }
    for path in
        ["/", "//", "/a//b", "/...", "/..a", "/a;b", "/a;..", "/%2a", "/a%3Fb", "/%C3%A9", "/a:b@c"]
    {
        assert!(covers("/**", path), "{path:?}");
    }
}

#[test]
fn limits_are_by_name() {
    let long = format!("/{}", "a".repeat(PATTERN_BYTES_MAX));
    assert_eq!(PathPattern::parse(&long), Err(InvalidPathPattern::TooLong));
    assert_eq!(
        PathPattern::parse("/**/a/**/a/**/a/**/a/**"),
        Err(InvalidPathPattern::TooManyStars)
    );
    assert_eq!(PathPattern::parse("/a/*.pt"), Err(InvalidPathPattern::PartialWildcard));
    assert_eq!(PathPattern::parse("/***"), Err(InvalidPathPattern::PartialWildcard));
}

/// A pattern against a path, said in the plainest way.
fn oracle(pattern: &[&str], path: &[&str]) -> bool {
    match (pattern.first(), path.first()) {
        (None, None) => true,
        (Some(&"**"), _) => {
            oracle(&pattern[1..], path) || (!path.is_empty() && oracle(pattern, &path[1..]))
        }
        (Some(&"*"), Some(segment)) => !segment.is_empty() && oracle(&pattern[1..], &path[1..]),
        (Some(want), Some(segment)) => want == segment && oracle(&pattern[1..], &path[1..]),
        (None, Some(_)) | (Some(_), None) => false,
    }
}

fn segments(from: &'static [&'static str]) -> impl Strategy<Value = Vec<&'static str>> {
    proptest::collection::vec(proptest::sample::select(from), 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn patterns_agree_with_the_oracle(
        pattern in segments(&["a", "b", "*", "**", ""]),
        path in segments(&["a", "b", "c", ""]),
    ) {
        let text = format!("/{}", pattern.join("/"));
        prop_assume!(pattern.iter().filter(|s| **s == "**").count() <= DOUBLE_STARS_MAX);
        prop_assert_eq!(covers(&text, &format!("/{}", path.join("/"))), oracle(&pattern, &path));
    }

    /// What one pattern is said to cover of another, it covers.
    #[test]
    fn coverage_is_sound(
        wide in segments(&["a", "b", "*", "**"]),
        narrow in segments(&["a", "b", "*", "**"]),
        path in segments(&["a", "b", "c", ""]),
    ) {
        let texts = [&wide, &narrow].map(|segments| format!("/{}", segments.join("/")));
        let [Ok(wide), Ok(narrow)] = texts.map(|text| PathPattern::parse(&text)) else { return Ok(()) };
        let path = format!("/{}", path.join("/"));
        let path = CanonicalPath::parse(&path).unwrap();
        if wide.covers(&narrow) && narrow.matches(&path) {
            prop_assert!(wide.matches(&path));
        }
    }

    #[test]
    fn no_path_panics(path in "\\PC{0,60}|/[a-z./%;0-9A-F]{0,40}") {
        if let Some(parsed) = CanonicalPath::parse(&path) {
            prop_assert!(PathPattern::parse("/**").unwrap().matches(&parsed));
            prop_assert!(!path.split('/').any(|s| s == ".." || s == "."));
        }
    }
}
