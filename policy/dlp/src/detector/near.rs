//! The bytes directly beside an anchor, at hand without asking for each whether it exists: nearly
//! all anchors of a text are nobody's by these alone. Invariant: what is told here of an anchor is
//! what its whole view would tell; outside of the leaf stand NULs, which are part of no identifier.

mod label;

use std::cell::{Cell, RefCell};

use super::RUN_MAX;
use crate::gate::{self, Anchor};
use crate::label::Recent;
use crate::word::{
    TAIL, all, digits_from, first_word, key_of, letters_and_key, run, short_word, whole_key, within,
};
use label::Said;

/// Bytes before an anchor, and from it on, that are at hand.
const BEFORE: usize = 16;
const BEHIND: usize = 32;

/// An anchor and what stands beside it.
#[derive(Clone, Debug)]
pub(crate) struct Near<'a> {
    /// The bytes that are known around it.
    bytes: &'a [u8],
    at: usize,
    before: &'a [u8; BEFORE],
    behind: &'a [u8; BEHIND],
    pub(crate) anchor: Anchor,
    /// Length of the digit run at the anchor, at most `RUN_MAX + 1`; 0 where it is no digit.
    pub(crate) run: usize,
    said: Cell<Said>,
    recent: &'a RefCell<Recent>,
}

impl<'a> Near<'a> {
    /// The bytes that [`Near::before`] knows.
    pub(crate) const BEFORE: usize = BEFORE;

    /// The anchor at `at` of `bytes`, where one stands.
    #[inline]
    pub(crate) fn of(bytes: &'a [u8], at: usize, room: &'a mut Room) -> Option<Near<'a>> {
        let (head, rest) = bytes.split_at_checked(at)?;
        let Room { before, behind, recent } = room;
        let before = head.last_chunk().unwrap_or_else(|| last(head, before));
        let behind = rest.first_chunk().unwrap_or_else(|| first(rest, behind));
        let mut near = Near {
            bytes,
            at,
            before,
            behind,
            anchor: Anchor::Digits,
            run: 0,
            said: Cell::new(Said::Nothing),
            recent,
        };
        near.anchor = near.kind()?;
        if matches!(near.anchor, Anchor::Digits | Anchor::Mixed) {
            near.run = near.digits();
        }
        Some(near)
    }

    /// The byte `ahead` places behind the anchor.
    #[inline]
    pub(crate) fn byte(&self, ahead: usize) -> u8 {
        match self.behind.get(ahead) {
            Some(byte) => *byte,
            None => self.bytes.get(self.at + ahead).copied().unwrap_or(0),
        }
    }

    /// The byte `back` places before the anchor, at most [`BEFORE`].
    #[inline]
    pub(crate) fn before(&self, back: usize) -> u8 {
        BEFORE.checked_sub(back).and_then(|at| self.before.get(at)).copied().unwrap_or(0)
    }

    /// The bytes and the place of the anchor in there.
    pub(crate) fn place(&self) -> (&'a [u8], usize) {
        (self.bytes, self.at)
    }

    /// The bytes from the anchor on, as far as they are at hand.
    #[inline]
    pub(crate) fn behind(&self) -> &[u8; BEHIND] {
        self.behind
    }

    /// The eight bytes that end `back` places before the anchor, the nearest in the lowest place.
    #[inline(always)]
    fn tail(&self, back: usize) -> u64 {
        let end = BEFORE.saturating_sub(back);
        let tail = self.before.get(..end).and_then(<[u8]>::last_chunk::<TAIL>);
        tail.map_or(0, |tail| u64::from_be_bytes(*tail))
    }

    /// What stands here. The commonest kinds are told by the bytes at hand.
    #[inline]
    fn kind(&self) -> Option<Anchor> {
        let (byte, near, far) = (self.byte(0), self.before(1), self.before(2));
        match byte {
            b'0'..=b'9' if !near.is_ascii_alphanumeric() => {
                let is_decimals = near == b'.' && far.is_ascii_digit();
                (self.byte(1).is_ascii_digit() && !is_decimals).then_some(Anchor::Digits)
            }
            b'A'..=b'Z' if near == b' ' => {
                let is_caps = far.is_ascii_alphanumeric() || matches!(far, b',' | b'.');
                is_caps.then_some(Anchor::Caps)
            }
            b'=' if near.is_ascii_alphabetic() => Some(Anchor::Colon),
            b':' if near.is_ascii_alphabetic() && !near.is_ascii_hexdigit() => {
                let is_scheme = || (self.byte(2) == b'/').then_some(Anchor::Scheme);
                if self.byte(1) == b'/' { is_scheme() } else { Some(Anchor::Colon) }
            }
            _ => self.looked_up(),
        }
    }

    fn looked_up(&self) -> Option<Anchor> {
        gate::anchor_at(self.bytes, self.at)
    }

    /// How many digits stand from the anchor on, at most `RUN_MAX + 1`.
    #[inline]
    fn digits(&self) -> usize {
        let ahead = self.behind.first_chunk().map_or(0, |ahead| u64::from_le_bytes(*ahead));
        match run(within(ahead, b'0', b'9')) {
            TAIL => digits_from(self.bytes, self.at, RUN_MAX + 1),
            len => len,
        }
    }

    /// How many hexadecimal digits stand from the anchor on, at most eight.
    #[inline]
    pub(crate) fn hex_len(&self) -> usize {
        let ahead = self.behind.first_chunk().map_or(0, |ahead| u64::from_le_bytes(*ahead));
        run(within(ahead, b'0', b'9') | within(ahead | all(0x20), b'a', b'f'))
    }

    /// How many letters end `back` places before the anchor, and their short key, where they are few.
    #[inline(always)]
    pub(crate) fn short_word(&self, back: usize) -> Option<(usize, u64)> {
        short_word(self.tail(back))
    }

    /// How many letters end `back` places before the anchor, and their key.
    #[inline(always)]
    pub(crate) fn letters_and_key(&self, back: usize) -> (usize, u128) {
        if let Some((len, key)) = short_word(self.tail(back)) {
            return (len, whole_key(key));
        }
        let end = self.at - back;
        let (start, key) = letters_and_key(self.bytes, end);
        (end - start, key)
    }

    /// How many letters stand from the anchor on, and their key.
    pub(crate) fn word(&self) -> (usize, u128) {
        let head = self.behind.first_chunk().map_or(0, |head| u64::from_be_bytes(*head));
        first_word(head).unwrap_or_else(|| {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            let len = rest.iter().take_while(|b| b.is_ascii_alphabetic()).count();
            (len, key_of(rest.get(..len).unwrap_or_default()))
        })
    }

    /// How many letters and digits stand right before the anchor and from it on; nothing where they go
    /// beyond the bytes at hand.
    pub(crate) fn token(&self) -> Option<(usize, usize)> {
        let len = |words: &mut dyn Iterator<Item = u64>| {
            let mut len = 0;
            for word in words {
                let part = run(within(word | all(0x20), b'a', b'z') | within(word, b'0', b'9'));
                len += part;
                if part < TAIL {
                    return Some(len);
                }
            }
            None
        };
        let before = len(&mut [0, TAIL].into_iter().map(|back| self.tail(back)))?;
        let (parts, _) = self.behind.as_chunks();
        let behind = len(&mut parts.iter().map(|part| u64::from_le_bytes(*part)))?;
        Some((before, behind))
    }

    /// How many letters end `back` places before the anchor.
    pub(crate) fn letters_before(&self, back: usize) -> usize {
        self.letters_and_key(back).0
    }
}

/// Room for the bytes beside an anchor at either end of what is known, and the labels found last.
#[derive(Debug, Default)]
pub(crate) struct Room {
    before: [u8; BEFORE],
    behind: [u8; BEHIND],
    recent: RefCell<Recent>,
}

impl Room {
    pub(crate) fn new(recent: Recent) -> Room {
        Room { recent: RefCell::new(recent), ..Room::default() }
    }

    pub(crate) fn into_recent(self) -> Recent {
        self.recent.into_inner()
    }
}

/// The last bytes of fewer than there are places.
#[cold]
fn last<'a>(bytes: &[u8], room: &'a mut [u8; BEFORE]) -> &'a [u8; BEFORE] {
    room.fill(0);
    room.iter_mut().rev().zip(bytes.iter().rev()).for_each(|(to, from)| *to = *from);
    room
}

/// The first bytes of fewer than there are places.
#[cold]
fn first<'a>(bytes: &[u8], room: &'a mut [u8; BEHIND]) -> &'a [u8; BEHIND] {
    room.fill(0);
    room.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    room
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::detector::View;
    use crate::label;

    const PIECES: &[&str] = &[
        "ssn",
        "MRN",
        "memberId",
        "birthDate",
        "SSNs",
        "phone2",
        "acctnum",
        "number",
        "is",
        "hospitalization",
        "loss",
        "#",
        ":",
        "=",
        "\"",
        "'",
        "-",
        "_",
        "/",
        ".",
        " ",
        "\n",
        ",",
        "*",
        "448",
        "12",
        "7",
        "x",
        "Oct",
        "1.2.",
        "aa:bb:",
        "://",
        "@",
        "\u{e9}",
        "\0",
        "123456789012345678901234567",
    ];

    proptest! {
        #[test]
        fn near_an_anchor_the_same_is_seen_as_in_its_view(
            pieces in prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..30),
        ) {
            let text = pieces.concat();
            let bytes = text.as_bytes();
            for at in 0..bytes.len() {
                let mut room = Room::default();
                let near = Near::of(bytes, at, &mut room);
                prop_assert_eq!(near.as_ref().map(|near| near.anchor), gate::anchor_at(bytes, at));
                let Some(near) = near else { continue };
                let view = View::new(bytes, at, near.anchor);
                prop_assert_eq!(near.run, view.run);
                for away in 0..40 {
                    prop_assert_eq!(near.byte(away), view.byte(at + away));
                }
                if let Some((before, behind)) = near.token() {
                    prop_assert_eq!(view.token(at), (at - before, at + behind));
                }
                for away in 1..=BEFORE {
                    prop_assert_eq!(near.before(away), view.before(at, away));
                }
            }
        }

        #[test]
        fn a_label_stands_nowhere_but_where_one_may(
            pieces in prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..30),
        ) {
            let text = pieces.concat();
            let bytes = text.as_bytes();
            for at in 0..bytes.len() {
                let mut room = Room::default();
                let Some(near) = Near::of(bytes, at, &mut room) else { continue };
                let back = usize::from(near.before(1).is_ascii_alphanumeric());
                let direct = label::Near { len: label::WINDOW, words: 0 };
                let label = label::nearest(bytes, at - back, direct);
                prop_assert!(label.is_none() || near.may_be_labelled(back), "{:?} in {}", label, text);
            }
        }
    }
}
