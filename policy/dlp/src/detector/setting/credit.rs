//! Words that credit the maker of a work: who stands behind them in code, licences and change logs is
//! no patient. Invariant: they count as parts of longer words too.

use super::View;
use super::seen::Sink;

/// Words that credit someone, in lower case.
const CREDITS: &[&[u8]] = &[
    b"(c)",
    b"author",
    b"based on",
    b"contribut",
    b"copyright",
    b"credit",
    b"edited by",
    b"editor",
    b"et al",
    b"implement",
    b"maintain",
    b"off-by",
    b"patch by",
    b"ported",
    b"reported by",
    b"suggested by",
    b"thanks",
    b"written by",
];
/// Those that stand before who signs a work.
const SIGNATURES: &[&[u8]] = &[b"(c)", b"copyright", b"off-by", b"patch by"];
/// What a credit is, and what such a one is.
const CREDIT: u64 = 1;
const SIGNATURE: u64 = 2;
/// Bytes of the longest.
const LEN_MAX: usize = "suggested by".len();

impl View<'_> {
    /// Whether one of the words of credits stands in `start..end`; one of signatures, where only those
    /// count.
    pub(in crate::detector) fn is_credited(
        &self,
        (start, end): (usize, usize),
        is_signature: bool,
    ) -> bool {
        let fits = |what: u64| !is_signature || what == SIGNATURE;
        let is_near = |start, end| {
            let part = self.part(start, end);
            (0..part.len()).any(|at| credit_at(part, at).is_some_and(|(_, what)| fits(what)))
        };
        let seen = self.seen.and_then(|(seen, first)| Some((seen.try_borrow_mut().ok()?, first)));
        let Some((mut seen, first)) = seen else { return is_near(start, end) };
        let known = seen.credits.follow(self.bytes, first, read_credits);
        seen.credits.within(start, end).any(fits) || is_near(known.max(start), end)
    }
}

/// The credit that begins at `at`: its length and kind.
fn credit_at(text: &[u8], at: usize) -> Option<(usize, u64)> {
    let pair = [at, at + 1].map(|i| text.get(i).copied().unwrap_or(0) | 0x20);
    // Most places leave here.
    let may_begin = matches!(
        &pair,
        b"(c"
            | b"au"
            | b"ba"
            | b"co"
            | b"cr"
            | b"ed"
            | b"et"
            | b"im"
            | b"ma"
            | b"of"
            | b"pa"
            | b"po"
            | b"re"
            | b"su"
            | b"th"
            | b"wr"
    );
    if !may_begin {
        return None;
    }
    let rest = text.get(at..)?;
    let begins = |credit: &&&[u8]| {
        rest.get(..credit.len()).is_some_and(|head| head.eq_ignore_ascii_case(credit))
    };
    let credit = CREDITS.iter().find(begins)?;
    let is_signature = SIGNATURES.contains(credit);
    Some((credit.len(), if is_signature { SIGNATURE } else { CREDIT }))
}

fn read_credits(bytes: &[u8], from: usize, found: Sink<'_>) -> usize {
    let upto = bytes.len().saturating_sub(LEN_MAX - 1).max(from);
    for at in from..upto {
        if let Some((len, what)) = credit_at(bytes, at) {
            found(at, at + len, what);
        }
    }
    upto
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::super::Seen;
    use super::*;
    use crate::gate::Anchor;

    #[test]
    fn every_credit_is_found_in_any_case_and_signatures_among_them() {
        for credit in CREDITS {
            assert!(credit.len() <= LEN_MAX);
            let is_signature = SIGNATURES.contains(credit);
            for word in [credit.to_ascii_lowercase(), credit.to_ascii_uppercase()] {
                let text = [b"x ", word.as_slice(), b"s Ann"].concat();
                let seen = RefCell::new(Seen::default());
                let fresh = View::new(&text, text.len() - 3, Anchor::Caps);
                let mut kept = fresh.clone();
                kept.keep(&seen, 0);
                for view in [fresh, kept] {
                    assert!(view.is_credited((0, view.at), false));
                    assert_eq!(view.is_credited((0, view.at), true), is_signature);
                    assert!(!view.is_credited((3, view.at), true));
                    assert!(!view.is_credited((0, 2 + credit.len() - 1), true));
                }
            }
        }
    }
}
