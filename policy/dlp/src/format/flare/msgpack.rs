//! MessagePack, token by token (the MessagePack specification, "Formats"): what a first byte begins, and
//! which of a map's values are named by which of its texts.

/// Arrays and maps inside each other.
const OPEN_MAX: usize = 64;

/// What a first byte begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Array(u64),
    /// So many bytes, and for an extension the byte of its type before them.
    Bytes {
        len: u64,
        is_extension: bool,
    },
    /// A float of so many bytes.
    Float(usize),
    /// An integer of so many bytes, with a sign or without.
    Integer(usize, bool),
    /// A small integer that stands in the first byte.
    Inline(i64),
    Map(u64),
    /// A length of so many bytes follows, and tells how long this is.
    Sized(Sized, usize),
    Text(u64),
    /// Nil, true or false.
    Word,
}

/// What a length tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sized {
    Array,
    Bytes,
    Extension,
    Map,
    Text,
}

impl Token {
    /// None for the one byte that is never used.
    pub(super) fn of(first: u8) -> Option<Token> {
        let small = u64::from(first);
        Some(match first {
            0x00..=0x7f => Token::Inline(i64::from(first)),
            0x80..=0x8f => Token::Map(small & 0x0f),
            0x90..=0x9f => Token::Array(small & 0x0f),
            0xa0..=0xbf => Token::Text(small & 0x1f),
            0xc0 | 0xc2 | 0xc3 => Token::Word,
            0xc1 => return None,
            0xc4..=0xc6 => Token::Sized(Sized::Bytes, 1 << (first - 0xc4)),
            0xc7..=0xc9 => Token::Sized(Sized::Extension, 1 << (first - 0xc7)),
            0xca => Token::Float(4),
            0xcb => Token::Float(8),
            0xcc..=0xcf => Token::Integer(1 << (first - 0xcc), false),
            0xd0..=0xd3 => Token::Integer(1 << (first - 0xd0), true),
            0xd4..=0xd8 => Token::Bytes { len: 1 << (first - 0xd4), is_extension: true },
            0xd9..=0xdb => Token::Sized(Sized::Text, 1 << (first - 0xd9)),
            0xdc | 0xdd => Token::Sized(Sized::Array, 2 << (first - 0xdc)),
            0xde | 0xdf => Token::Sized(Sized::Map, 2 << (first - 0xde)),
            0xe0..=0xff => Token::Inline(i64::from(first.cast_signed())),
        })
    }
}

impl Sized {
    /// What it is, once its length is known.
    pub(super) fn of(self, len: u64) -> Token {
        match self {
            Sized::Array => Token::Array(len),
            Sized::Bytes => Token::Bytes { len, is_extension: false },
            Sized::Extension => Token::Bytes { len, is_extension: true },
            Sized::Map => Token::Map(len),
            Sized::Text => Token::Text(len),
        }
    }
}

/// A number of at most eight bytes, the highest first.
pub(super) fn number(bytes: &[u8]) -> u64 {
    bytes.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// An integer as it is written.
pub(super) fn written(bytes: &[u8], is_signed: bool) -> String {
    let number = number(bytes);
    if !is_signed {
        return number.to_string();
    }
    let unused = 64 - 8 * u32::try_from(bytes.len().clamp(1, 8)).unwrap_or(8);
    (number.cast_signed() << unused >> unused).to_string()
}

/// The arrays and maps that are open.
#[derive(Debug, Default)]
pub(super) struct Open(Vec<Level>);

#[derive(Clone, Copy, Debug)]
struct Level {
    left: u64,
    is_map: bool,
}

impl Open {
    /// Whether what comes next names the value behind it.
    pub(super) fn is_at_name(&self) -> bool {
        self.0.last().is_some_and(|level| level.is_map && level.left.is_multiple_of(2))
    }

    /// Whether what comes next is a value that a name stands before.
    pub(super) fn is_at_named(&self) -> bool {
        self.0.last().is_some_and(|level| level.is_map && !level.left.is_multiple_of(2))
    }

    /// Takes one value.
    pub(super) fn take(&mut self) {
        if let Some(level) = self.0.last_mut() {
            level.left = level.left.saturating_sub(1);
        }
        while self.0.last().is_some_and(|level| level.left == 0) {
            self.0.pop();
        }
    }

    /// Opens an array or a map of so many values or pairs, which is itself a value. False where that is
    /// one too many.
    pub(super) fn enter(&mut self, len: u64, is_map: bool) -> bool {
        if let Some(level) = self.0.last_mut() {
            level.left = level.left.saturating_sub(1);
        }
        let left = if is_map { len.saturating_mul(2) } else { len };
        self.0.push(Level { left, is_map });
        while self.0.last().is_some_and(|level| level.left == 0) {
            self.0.pop();
        }
        self.0.len() <= OPEN_MAX
    }

    /// Forgets all of them.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_first_byte_has_its_meaning() {
        for (first, token) in [
            (0x07, Some(Token::Inline(7))),
            (0xff, Some(Token::Inline(-1))),
            (0xc1, None),
            (0xc6, Some(Token::Sized(Sized::Bytes, 4))),
            (0xc8, Some(Token::Sized(Sized::Extension, 2))),
            (0xcd, Some(Token::Integer(2, false))),
            (0xd3, Some(Token::Integer(8, true))),
            (0xd8, Some(Token::Bytes { len: 16, is_extension: true })),
            (0xd9, Some(Token::Sized(Sized::Text, 1))),
            (0xdd, Some(Token::Sized(Sized::Array, 4))),
            (0xde, Some(Token::Sized(Sized::Map, 2))),
        ] {
            assert_eq!(Token::of(first), token, "{first:02x}");
        }
        assert_eq!(written(&[0xff, 0xfe], true), "-2");
        assert_eq!(written(&[0xff, 0xfe], false), "65534");
    }

    #[test]
    fn names_are_told_from_values() {
        let mut open = Open::default();
        assert!(open.enter(2, true) && open.is_at_name());
        open.take();
        assert!(open.is_at_named() && open.enter(1, false) && !open.is_at_named());
        open.take();
        assert!(open.is_at_name(), "the array was a value");
        assert!((0..OPEN_MAX - 1).all(|_| open.enter(1, false)) && !open.enter(1, false));
    }
}
