//! Words that a name may be made of: `John`, `O'Brien`, `Smith-Jones`, `McCoy`, `J.`, `JR`.
//! Invariant: a token never reaches over white space.

use super::list::{Key, Listed};
use crate::detector::View;

/// Bytes of the longest word of a name.
const LEN_MAX: usize = 24;
/// Most words of a name.
pub(super) const WORDS_MAX: usize = 4;

/// How a word is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    /// One capital, alone or with a full stop.
    Initial,
    Lower,
    /// Neither of the others: `iPhone`, `GitHub`.
    Mixed,
    Title,
    Upper,
}

/// A word that may be part of a name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) case: Case,
    pub(super) listed: Listed,
}

impl Token {
    /// The word that begins at `start`; nothing where none does, or one too long for a name.
    pub(super) fn at(view: &View<'_>, start: usize) -> Option<Token> {
        let mut token = Token { start, end: start, case: Case::Lower, listed: Listed::default() };
        let mut key = Key::default();
        let (mut uppers, mut lowers, mut inner) = (0, 0, 0);
        loop {
            match view.byte(token.end) {
                b @ b'a'..=b'z' => {
                    lowers += 1;
                    key.push(b);
                }
                b @ b'A'..=b'Z' => {
                    inner += usize::from(lowers > 0 && !opens_part(view, token.start, token.end));
                    uppers += 1;
                    key.push(b);
                }
                0xc3 => {
                    key.push_accented(view.byte(token.end + 1));
                    token.end += 1;
                    lowers += 1;
                }
                0x80.. => {
                    key.push_foreign();
                    lowers += 1;
                }
                b'\'' | b'-' if joins(view, token.end) && uppers + lowers > 0 => {
                    if view.byte(token.end) == b'-' {
                        token.listed = token.listed.or(key.look_up());
                        key = Key::default();
                    }
                }
                _ => break,
            }
            token.end += 1;
            if token.end - start > LEN_MAX {
                return None;
            }
        }
        token.listed = token.listed.or(key.look_up());
        token.case = match (uppers, lowers) {
            (0, 0) => return None,
            (0, _) => Case::Lower,
            (1, 0) => Case::Initial,
            (_, 0) => Case::Upper,
            _ if inner > 0 || !is_capital(view.byte(start)) => Case::Mixed,
            _ => Case::Title,
        };
        Some(token)
    }

    /// Where the full stop of an initial or of `Jr.` ends, if it has one.
    pub(super) fn end_with_stop(&self, view: &View<'_>) -> usize {
        self.end + usize::from(view.byte(self.end) == b'.')
    }

    /// Whether it is written as names are.
    pub(super) fn is_capital(&self) -> bool {
        matches!(self.case, Case::Title | Case::Upper)
    }

    pub(super) fn text<'a>(&self, view: &View<'a>) -> &'a [u8] {
        view.part(self.start, self.end)
    }
}

fn is_capital(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte >= 0x80
}

fn joins(view: &View<'_>, at: usize) -> bool {
    let next = view.byte(at + 1);
    next.is_ascii_alphabetic() || next >= 0xc3
}

/// Whether a capital at `at` may stand inside of a name: behind a hyphen or apostrophe, `Mc`,
/// `Mac`, `De`.
fn opens_part(view: &View<'_>, start: usize, at: usize) -> bool {
    let before = view.part(start, at);
    matches!(before.last(), Some(b'-' | b'\''))
        || before.ends_with(b"Mc")
        || matches!(before, b"Mac" | b"De" | b"Di" | b"Du" | b"La" | b"Le" | b"Van" | b"Fitz")
}

/// Consecutive words that may be one name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    pub(super) tokens: [Option<Token>; WORDS_MAX],
    pub(super) len: usize,
    /// Whether the first word is followed by a comma: `Smith, John`.
    pub(super) is_inverted: bool,
}

impl Run {
    /// The words from `start` on that `fits`, with single blanks (or the carets of HL7) between.
    pub(super) fn at(view: &View<'_>, start: usize, fits: fn(&View<'_>, &Token) -> bool) -> Run {
        let mut run = Run { tokens: [None; WORDS_MAX], len: 0, is_inverted: false };
        let mut next = start;
        while let Some(slot) = run.tokens.get_mut(run.len) {
            let Some(token) = Token::at(view, next).filter(|token| fits(view, token)) else {
                break;
            };
            // What a colon follows is the next label.
            if matches!(view.byte(token.end), b':' | b'=' | b'(' | b'_' | b'@' | b'0'..=b'9') {
                break;
            }
            *slot = Some(token);
            run.len += 1;
            let is_initial = token.case == Case::Initial;
            let end = if is_initial { token.end_with_stop(view) } else { token.end };
            next = match (view.byte(end), view.byte(end + 1)) {
                (b' ' | b'^', b) if b != b' ' => end + 1,
                (b',', b' ') if run.len == 1 => {
                    run.is_inverted = true;
                    end + 2
                }
                _ => break,
            };
        }
        run.is_inverted &= run.len > 1;
        run
    }

    pub(super) fn first(&self) -> Option<&Token> {
        self.tokens.first()?.as_ref()
    }

    pub(super) fn last(&self) -> Option<&Token> {
        self.tokens.get(self.len.checked_sub(1)?)?.as_ref()
    }

    /// Drops the words from `len` on.
    pub(super) fn cut(&mut self, len: usize) {
        self.len = len.min(self.len);
        self.is_inverted &= self.len > 1;
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Token> {
        self.tokens.iter().take(self.len).flatten()
    }
}
