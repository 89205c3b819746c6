//! Path patterns: segment by segment, `*` for one segment, `**` for any number of them.
//!
//! Patterns and paths are compared with unreserved characters decoded and the hex of every other escape
//! in upper case (RFC 3986 section 6.2.2), so two spellings of one path are decided alike. A path that
//! could mean another one further on (dot segments, an encoded slash, a backslash, NUL) matches nothing.

use std::borrow::Cow;
use std::fmt;

/// Longest pattern, in bytes.
pub const PATTERN_BYTES_MAX: usize = 1024;

/// Most `**` in one pattern; each may cost a pass over the path.
pub const DOUBLE_STARS_MAX: usize = 4;

/// A path pattern, such as `/v2/models/**`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PathPattern {
    text: Box<str>,
    segments: Box<[Segment]>,
}

impl PathPattern {
    /// Parses a pattern.
    ///
    /// # Errors
    ///
    /// [`InvalidPathPattern`] where it does not start with `/`, has a query, a fragment, a dot segment, an
    /// encoded slash or a character that no path has, where a wildcard shares its segment, or where a
    /// limit is passed.
    pub fn parse(text: &str) -> Result<PathPattern, InvalidPathPattern> {
        if text.len() > PATTERN_BYTES_MAX {
            return Err(InvalidPathPattern::TooLong);
        }
        let rest = text.strip_prefix('/').ok_or(InvalidPathPattern::NotRooted)?;
        if rest.contains(['?', '#']) {
            return Err(InvalidPathPattern::Query);
        }
        let segments = rest.split('/').map(segment).collect::<Result<Box<[_]>, _>>()?;
        let stars = segments.iter().filter(|s| **s == Segment::Any).count();
        if stars > DOUBLE_STARS_MAX {
            return Err(InvalidPathPattern::TooManyStars);
        }
        Ok(PathPattern { text: Box::from(text), segments })
    }

    /// The pattern's text, as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the pattern covers a path that [`CanonicalPath::parse`] accepted.
    pub fn matches(&self, path: &CanonicalPath<'_>) -> bool {
        walk(&self.segments, &path.segments, |p, s| match p {
            Segment::One => !s.is_empty(),
            Segment::Exact(text) => **text == **s,
            Segment::Any => false,
        })
    }

    /// Whether every path that `other` covers is certainly covered by this pattern. May answer no for a
    /// pair where the answer is yes.
    pub(crate) fn covers(&self, other: &PathPattern) -> bool {
        self == other
            || walk(&self.segments, &other.segments, |p, s| match (p, s) {
                (Segment::One, Segment::One) => true,
                (Segment::One, Segment::Exact(text)) => !text.is_empty(),
                (Segment::Exact(a), Segment::Exact(b)) => a == b,
                (Segment::One | Segment::Exact(_), _) | (Segment::Any, _) => false,
            })
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A request's path, split and normalised once for all rules.
#[derive(Clone, Debug)]
pub struct CanonicalPath<'a> {
    segments: Vec<Cow<'a, str>>,
}

impl<'a> CanonicalPath<'a> {
    /// Splits a path. None where the path is not rooted or could be read as another path further on; the
    /// proxy answers such requests with 400 before it asks, and nothing here depends on that.
    pub fn parse(path: &'a str) -> Option<CanonicalPath<'a>> {
        let rest = path.strip_prefix('/')?;
        let segments = rest.split('/').map(normal).collect::<Option<Vec<_>>>()?;
        Some(CanonicalPath { segments })
    }
}

/// Why a text is not a path pattern.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidPathPattern {
    /// A dot segment, an encoded slash or NUL, a bad escape, or a character that no path has.
    #[error(
        "no canonical path has such a segment (dot segments, encoded slashes, backslashes, spaces)"
    )]
    Grammar,
    /// Does not start with `/`.
    #[error("a path starts with `/`")]
    NotRooted,
    /// A wildcard shares its segment.
    #[error("`*` and `**` stand for whole segments and share them with nothing")]
    PartialWildcard,
    /// Has a query or a fragment.
    #[error("a rule sees the path alone, without query and fragment")]
    Query,
    /// Over [`PATTERN_BYTES_MAX`].
    #[error("the pattern is longer than {PATTERN_BYTES_MAX} bytes")]
    TooLong,
    /// Over [`DOUBLE_STARS_MAX`].
    #[error("the pattern has more than {DOUBLE_STARS_MAX} `**`")]
    TooManyStars,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Segment {
    Any,
    Exact(Box<str>),
    One,
}

fn segment(text: &str) -> Result<Segment, InvalidPathPattern> {
    match text {
        "**" => Ok(Segment::Any),
        "*" => Ok(Segment::One),
        starred if starred.contains('*') => Err(InvalidPathPattern::PartialWildcard),
        exact => normal(exact)
            .map(|text| Segment::Exact(Box::from(text)))
            .ok_or(InvalidPathPattern::Grammar),
    }
}

/// Glob matching with the last `**` as the only point of return: linear for one `**`, never worse than
/// pattern times path.
fn walk<T>(pattern: &[Segment], path: &[T], same: impl Fn(&Segment, &T) -> bool) -> bool {
    let (mut p, mut s) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while let Some(part) = path.get(s) {
        match pattern.get(p) {
            Some(Segment::Any) => {
                back = Some((p, s));
                p += 1;
            }
            Some(segment) if same(segment, part) => {
                p += 1;
                s += 1;
            }
            Some(_) | None => match back {
                Some((star, taken)) => {
                    back = Some((star, taken + 1));
                    p = star + 1;
                    s = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(p).all(|segment| *segment == Segment::Any)
}

/// One segment with unreserved escapes decoded and the other ones in upper case; None where it is a dot
/// segment or holds something that no canonical path has.
fn normal(segment: &str) -> Option<Cow<'_, str>> {
    let bad = |b: u8| b <= b' ' || b == 0x7f || b == b'\\' || b == b'?' || b == b'#' || b >= 0x80;
    if segment.bytes().any(bad) {
        return None;
    }
    if !segment.contains('%') {
        return (!is_dots(segment)).then_some(Cow::Borrowed(segment));
    }
    let mut out = String::with_capacity(segment.len());
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(char::from(byte));
            continue;
        }
        let high = char::from(bytes.next()?).to_digit(16)?;
        let low = char::from(bytes.next()?).to_digit(16)?;
        let decoded = u8::try_from(high * 16 + low).ok()?;
        if matches!(decoded, 0 | b'/' | b'\\') {
            return None;
        }
        if decoded.is_ascii_alphanumeric() || b"-._~".contains(&decoded) {
            out.push(char::from(decoded));
        } else {
            out.push_str(&format!("%{decoded:02X}"));
        }
    }
    (!is_dots(&out)).then_some(Cow::Owned(out))
}

/// Also with path parameters (`..;x`), which some servers strip before they resolve dots.
fn is_dots(segment: &str) -> bool {
    let name = segment.split(';').next().unwrap_or(segment);
    name == "." || name == ".."
}

#[cfg(test)]
mod tests;
