//! What a detector is, and what it may look at. Each grows outward from one anchor and sees only
//! the bytes in `LOOK_BACK` before and `LOOK_AHEAD` behind it, so that a finding depends on the
//! bytes, never on the chunks.

pub(crate) mod account;
pub(crate) mod age;
pub(crate) mod capital;
pub(crate) mod card;
pub(crate) mod colon;
pub mod custom;
pub(crate) mod date;
pub(crate) mod device;
pub(crate) mod email;
pub(crate) mod geographic;
pub(crate) mod health_plan;
mod iban;
pub(crate) mod ip;
pub(crate) mod labelled;
pub(crate) mod license;
pub(crate) mod likeness;
pub(crate) mod listed;
pub(crate) mod mrn;
pub(crate) mod name;
pub(crate) mod near;
mod neighbourhood;
pub(crate) mod number;
pub(crate) mod other_id;
pub(crate) mod phone;
pub(crate) mod provider;
mod setting;
pub(crate) mod shape;
pub(crate) mod ssn;
pub(crate) mod url;
pub(crate) mod vehicle;
mod word;

use std::cell::{Cell, RefCell};

use crate::finding::{Confidence, Identifier};
use crate::gate::Anchor;
use crate::label::{self, Family, Label, Recent};
use crate::word::digits_from;
pub(crate) use near::{Near, Room};
pub(crate) use setting::Seen;
use shape::{Shape, Values};

/// Bytes before an anchor that a detector may look at: the longest span plus a label's window.
pub(crate) const LOOK_BACK: usize = 192;
/// Bytes from an anchor on that a detector may look at: an e-mail domain (253, RFC 1035) and what
/// follows it.
pub(crate) const LOOK_AHEAD: usize = 288;
/// Bytes before its anchor at which a finding may begin: an e-mail's local part (64, RFC 5321
/// section 4.5.3.1.1).
pub(crate) const REACH_BACK: usize = 72;
/// Digit runs longer than this are no identifier's.
pub(crate) const RUN_MAX: usize = 24;

/// One way of finding one family of identifiers.
#[derive(Debug)]
pub(crate) struct Detector {
    /// Stable name, told in findings.
    pub(crate) name: &'static str,
    /// The classes that it can report.
    pub(crate) identifiers: &'static [Identifier],
    /// What it grows from.
    pub(crate) anchors: &'static [Anchor],
    /// What it can report at [`Anchor::Digits`].
    pub(crate) shapes: &'static [Shape],
    /// What values it can report at [`Anchor::Colon`].
    pub(crate) values: Values,
    /// The words right before an [`Anchor::Colon`] that it knows; any where there are none.
    pub(crate) words: &'static [&'static [&'static str]],
    /// Whether it could report anything at an anchor, by the bytes beside it: at most anchors none
    /// could, and they are left at that.
    pub(crate) may_stand: fn(&Near<'_>) -> bool,
    /// Looks at one anchor where that is so.
    pub(crate) examine: fn(&View<'_>) -> Option<Match>,
}

/// What a detector says that has no cheaper test than to look.
fn always(_: &Near<'_>) -> bool {
    true
}

/// What a detector recognised, in indices of its view.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Match {
    pub(crate) identifier: Identifier,
    pub(crate) confidence: Confidence,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// The bytes around one anchor.
#[derive(Clone, Debug)]
pub(crate) struct View<'a> {
    /// From `LOOK_BACK` before the anchor (or the start of the leaf) to `LOOK_AHEAD` behind it (or
    /// its end).
    pub(crate) bytes: &'a [u8],
    /// Where the anchor stands.
    pub(crate) at: usize,
    /// What stands there.
    pub(crate) anchor: Anchor,
    /// Length of the digit run at the anchor, at most `RUN_MAX + 1`; 0 where it is no digit.
    pub(crate) run: usize,
    /// The label found last, and before what: detectors ask for the same one.
    pub(crate) known: Cell<Option<Known>>,
    /// What was read around matches before, and the offset in the leaf of the first byte of this view.
    seen: Option<(&'a RefCell<Seen>, u64)>,
    /// The labels that were looked for last.
    recent: Option<&'a RefCell<Recent>>,
}

/// The label before a place, looked for beyond at most so many foreign words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    before: usize,
    words: usize,
    label: Option<Label>,
}

impl<'a> View<'a> {
    /// What stands around `at` in `bytes`.
    pub(crate) fn new(bytes: &'a [u8], at: usize, anchor: Anchor) -> View<'a> {
        let run = match anchor {
            Anchor::Digits | Anchor::Mixed => digits_from(bytes, at, RUN_MAX + 1),
            Anchor::At
            | Anchor::Caps
            | Anchor::Colon
            | Anchor::Dots
            | Anchor::Pairs
            | Anchor::Scheme => 0,
        };
        View { bytes, at, anchor, run, known: Cell::new(None), seen: None, recent: None }
    }

    /// Of which leaf this was read, and where in there the view begins.
    pub(crate) fn keep(&mut self, seen: &'a RefCell<Seen>, first: u64) {
        self.seen = Some((seen, first));
    }

    /// Takes the label that was found before the anchor already.
    pub(crate) fn hear(&mut self, near: &Near<'a>) {
        let before = self.at;
        self.recent = Some(near.recent());
        let known = near.said().map(|(label, words)| Known { before, words, label });
        self.known.set(known);
    }

    /// The byte at `i`; outside of the leaf a NUL, which is part of no identifier.
    pub(crate) fn byte(&self, i: usize) -> u8 {
        self.bytes.get(i).copied().unwrap_or(0)
    }

    /// The byte `back` places before `i`.
    pub(crate) fn before(&self, i: usize, back: usize) -> u8 {
        i.checked_sub(back).map_or(0, |i| self.byte(i))
    }

    /// The bytes from `start` to `end`; nothing where they do not all exist.
    pub(crate) fn part(&self, start: usize, end: usize) -> &'a [u8] {
        self.bytes.get(start..end).unwrap_or_default()
    }

    /// How many digits stand from `i` on, at most `RUN_MAX + 1`.
    pub(crate) fn digits(&self, i: usize) -> usize {
        digits_from(self.bytes, i, RUN_MAX + 1)
    }

    /// The letters and digits around `i`, as far as the view goes: start and end.
    pub(crate) fn token(&self, i: usize) -> (usize, usize) {
        let is_part = |b: &&u8| b.is_ascii_alphanumeric();
        let before = self.bytes.get(..i).unwrap_or_default();
        let behind = self.bytes.get(i..).unwrap_or_default();
        let back = before.iter().rev().take_while(is_part).count();
        (i - back.min(i), i + behind.iter().take_while(is_part).count())
    }

    /// The value of the digits in `start..end`; nothing where another byte is among them or they
    /// are too many.
    pub(crate) fn number(&self, start: usize, end: usize) -> Option<u64> {
        let digits = self.bytes.get(start..end).filter(|d| !d.is_empty() && d.len() <= 18)?;
        digits.iter().try_fold(0u64, |value, &b| {
            b.is_ascii_digit().then(|| value * 10 + u64::from(b - b'0'))
        })
    }

    /// Whether a value may begin at `i`: not inside of a word, number, float or path of numbers,
    /// nor of what a mask left of one.
    pub(crate) fn opens(&self, i: usize) -> bool {
        let (near, far) = (self.before(i, 1), self.before(i, 2));
        match near {
            b'_' => false,
            b'-' | b'+' => !far.is_ascii_alphanumeric() && far != b'*',
            b'.' | b'/' => !far.is_ascii_digit() && far != b'*',
            _ => !near.is_ascii_alphanumeric(),
        }
    }

    /// Whether a value may begin at `i` behind a label that is joined to it: `ssn-`, `mrn_`.
    pub(crate) fn opens_joined(&self, i: usize) -> bool {
        matches!(self.before(i, 1), b'-' | b'_') && self.before(i, 2).is_ascii_alphabetic()
    }

    /// Whether a labelled value may end before `i`, where a word is joined to it: `_scan.dcm`.
    pub(crate) fn closes_joined(&self, i: usize) -> bool {
        matches!(self.byte(i), b'-' | b'_') && self.byte(i + 1).is_ascii_alphabetic()
    }

    /// Whether a value may end before `i`, the mirror of [`View::opens`].
    pub(crate) fn closes(&self, i: usize) -> bool {
        let (near, far) = (self.byte(i), self.byte(i + 1));
        match near {
            b'.' if is_whole(self.bytes, i) => true,
            b'_' => false,
            b'-' | b'+' => !far.is_ascii_alphanumeric() && far != b'*',
            b'.' | b'/' | b'@' => !far.is_ascii_digit() && far != b'*',
            _ => !near.is_ascii_alphanumeric(),
        }
    }

    /// The nearest label before `i`, with at most `len` bytes and `words` foreign words between.
    pub(crate) fn label(&self, i: usize, len: usize, words: usize) -> Option<Label> {
        let label = match self.known.get() {
            Some(Known { before, words: upto, label })
                if before == i && (label.is_some() || upto >= words) =>
            {
                label
            }
            Some(_) | None => {
                let (label, words) = match self.recent {
                    Some(recent) => recent.borrow_mut().nearest(self.bytes, i, words),
                    None => {
                        let near = label::Near { len: label::WINDOW, words };
                        (label::nearest(self.bytes, i, near), words)
                    }
                };
                self.known.set(Some(Known { before: i, words, label }));
                label
            }
        };
        label.filter(|label| label.gap.len <= len && label.gap.words <= words)
    }

    /// Whether one of `words` stands in the `len` bytes before `i`, as a whole word in any case.
    pub(crate) fn mentions(&self, i: usize, len: usize, words: &[&str]) -> bool {
        let end = i.min(self.bytes.len());
        let text = self.part(i.saturating_sub(len).min(end), end);
        text.split(|b| !b.is_ascii_alphabetic())
            .any(|word| words.iter().any(|known| word.eq_ignore_ascii_case(known.as_bytes())))
    }

    /// Whether a label of some other number stands directly before `i`.
    pub(crate) fn is_other_number(&self, i: usize) -> bool {
        self.label(i, 24, 0).is_some_and(|l| l.family == Family::Other)
    }

    /// Whether the word before or behind `start..end` on the same line holds a digit, as in a row
    /// of a table.
    pub(crate) fn is_in_row(&self, start: usize, end: usize) -> bool {
        const WORD: usize = 12;
        let is_space = |b: u8| matches!(b, b' ' | b'\t');
        let is_word = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'*' | b'.' | b'-' | b'+');
        let holds_digit = |word: &mut dyn Iterator<Item = u8>| {
            word.take(WORD).take_while(is_word).any(|b| b.is_ascii_digit() || b == b'*')
        };
        let mut before = (2..).map(|back| self.before(start, back));
        let mut behind = (end + 1..).map(|i| self.byte(i));
        is_space(self.before(start, 1)) && holds_digit(&mut before)
            || is_space(self.byte(end)) && holds_digit(&mut behind)
    }

    /// Whether the tokens before and behind `start..end` both mix letters and digits, or are masked:
    /// codes among codes, of which some are right by chance.
    pub(crate) fn is_among_codes(&self, start: usize, end: usize) -> bool {
        const GAP: usize = 4;
        const CODE: usize = 40;
        const MASK: usize = 5;
        let is_gap = |b: &&u8| !b.is_ascii_alphanumeric() && **b != b'*';
        let is_code = |bytes: &mut dyn Iterator<Item = &u8>| {
            let (mut letters, mut digits, mut stars) = (0, 0, 0);
            for byte in bytes.take(CODE) {
                match byte {
                    b'*' if letters + digits == 0 => stars += 1,
                    b'0'..=b'9' if stars == 0 => digits += 1,
                    b'A'..=b'Z' | b'a'..=b'z' if stars == 0 => letters += 1,
                    b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => return false,
                    0..=b'/' | b':'..=b'@' | b'['..=b'`' | b'{'.. => break,
                }
            }
            letters > 0 && digits > 0 || stars >= MASK
        };
        let before = self.part(0, start);
        let behind = self.bytes.get(end..).unwrap_or_default();
        let (back, ahead) = (
            before.iter().rev().take(GAP).take_while(is_gap).count(),
            behind.iter().take(GAP).take_while(is_gap).count(),
        );
        is_code(&mut before.iter().rev().skip(back)) && is_code(&mut behind.iter().skip(ahead))
    }
}

/// Whether the dot at `dot` ends a long whole number that is written as a decimal: `536904399.0`, as
/// tables that have gaps keep them.
pub(crate) fn is_whole(bytes: &[u8], dot: usize) -> bool {
    const DIGITS_MIN: usize = 7;
    if bytes.get(dot..).is_none_or(|rest| !rest.starts_with(b".0")) {
        return false;
    }
    let digits = dot.checked_sub(DIGITS_MIN).and_then(|from| bytes.get(from..dot));
    let behind = bytes.get(dot + 2).copied().unwrap_or(0);
    digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_digit))
        && !(behind.is_ascii_alphanumeric() || matches!(behind, b'.' | b'-' | b'/' | b':' | b'_'))
}
