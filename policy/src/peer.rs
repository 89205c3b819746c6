//! Patterns for SPIFFE IDs: an id in which `*` stands for one whole path segment.
//!
//! The trust domain is always spelled out, so no pattern reaches over a trust boundary.

use std::fmt;
use std::sync::Arc;

use spiffe::SpiffeId;

/// A SPIFFE ID, or one with wildcard path segments, such as `spiffe://hospital.example/ns/train/sa/*`.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct PeerPattern {
    text: Arc<str>,
    domain_end: usize,
    wild: bool,
}

impl PeerPattern {
    /// Parses a pattern.
    ///
    /// # Errors
    ///
    /// [`InvalidPeerPattern`] where the text with its wildcards filled in is no SPIFFE ID, where `*`
    /// shares a segment with other characters or stands in the trust domain, or where there is no path:
    /// a bare trust domain is no workload.
    pub fn parse(text: &str) -> Result<PeerPattern, InvalidPeerPattern> {
        let rest = text.strip_prefix(SCHEME).ok_or(InvalidPeerPattern::Grammar)?;
        let (domain, path) = rest.split_once('/').ok_or(InvalidPeerPattern::NoPath)?;
        if domain.contains('*') {
            return Err(InvalidPeerPattern::WildDomain);
        }
        if path.split('/').any(|segment| segment.contains('*') && segment != "*") {
            return Err(InvalidPeerPattern::PartialWildcard);
        }
        SpiffeId::parse(&text.replace('*', "x")).map_err(|_| InvalidPeerPattern::Grammar)?;
        Ok(PeerPattern {
            text: Arc::from(text),
            domain_end: SCHEME.len() + domain.len(),
            wild: path.contains('*'),
        })
    }

    /// The pattern's text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the pattern covers the id.
    pub fn matches(&self, id: &SpiffeId) -> bool {
        self.covers_text(id.as_str())
    }

    /// Whether every id that `other` covers is covered by this pattern.
    pub(crate) fn covers(&self, other: &PeerPattern) -> bool {
        self.covers_text(&other.text)
    }

    fn covers_text(&self, id: &str) -> bool {
        if !self.wild {
            return *self.text == *id;
        }
        let (Some((domain, path)), Some((id_domain, id_path))) =
            (self.text.split_at_checked(self.domain_end), id.split_at_checked(self.domain_end))
        else {
            return false;
        };
        domain == id_domain
            && path.split('/').count() == id_path.split('/').count()
            && path.split('/').zip(id_path.split('/')).all(|(p, s)| p == "*" || p == s)
    }
}

impl fmt::Display for PeerPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Why a text is not a SPIFFE ID pattern.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidPeerPattern {
    /// Not a SPIFFE ID, also with the wildcards filled in.
    #[error("not a SPIFFE ID")]
    Grammar,
    /// A trust domain alone.
    #[error("a trust domain alone names no workload; add a path")]
    NoPath,
    /// `*` shares its segment.
    #[error(
        "`*` stands for one whole path segment and shares it with nothing; `**` is not known here"
    )]
    PartialWildcard,
    /// `*` in the trust domain.
    #[error("the trust domain must be spelled out")]
    WildDomain,
}

const SCHEME: &str = "spiffe://";

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(pattern: &str, id: &str) -> bool {
        PeerPattern::parse(pattern).unwrap().matches(&SpiffeId::parse(id).unwrap())
    }

    #[test]
    fn a_star_is_one_segment() {
        assert!(covers(
            "spiffe://h.example/ns/train/sa/*",
            "spiffe://h.example/ns/train/sa/trainer"
        ));
        assert!(!covers("spiffe://h.example/ns/train/sa/*", "spiffe://h.example/ns/train/sa"));
        assert!(!covers("spiffe://h.example/ns/train/sa/*", "spiffe://h.example/ns/train/sa/a/b"));
        assert!(!covers(
            "spiffe://h.example/ns/train/sa/*",
            "spiffe://h.example/ns/dev/sa/trainer"
        ));
    }

    #[test]
    fn another_trust_domain_never_matches() {
        assert!(!covers("spiffe://h.example/*", "spiffe://e.example/a"));
        assert!(!covers("spiffe://h.example/*", "spiffe://h.example.evil/a"));
        assert!(!covers("spiffe://h.example/a", "spiffe://h.exampl/ea"));
    }

    #[test]
    fn bad_patterns_are_refused_by_name() {
        let table = [
            ("spiffe://h.example", InvalidPeerPattern::NoPath),
            ("spiffe://*/a", InvalidPeerPattern::WildDomain),
            ("spiffe://h.example/a*", InvalidPeerPattern::PartialWildcard),
            ("spiffe://h.example/**", InvalidPeerPattern::PartialWildcard),
            ("https://h.example/a", InvalidPeerPattern::Grammar),
            ("spiffe://h.example//a", InvalidPeerPattern::Grammar),
            ("spiffe://h.example/a/", InvalidPeerPattern::Grammar),
            ("spiffe://H.example/a", InvalidPeerPattern::Grammar),
        ];
        for (text, want) in table {
            assert_eq!(PeerPattern::parse(text), Err(want), "{text}");
        }
    }
}
