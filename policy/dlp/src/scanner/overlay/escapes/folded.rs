//! Characters that read like ASCII and are written otherwise: dashes, blanks that do not break or have
//! no width, and digits and letters of other blocks (Unicode 16.0, "General Punctuation", "Halfwidth
//! and Fullwidth Forms", "Arabic", "Mathematical Alphanumeric Symbols"). Invariant: never read beyond
//! one character.

use super::Escape;

/// What a character is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Folded {
    /// Nothing: it has no width.
    Nothing,
    Is(u8),
}

/// The character at the start of `text`, as it is read.
pub(super) fn character(text: &[u8]) -> Escape {
    let len = text.first().map_or(1, |first| len(*first));
    if text.len() < len && text.iter().skip(1).all(|b| b & 0xc0 == 0x80) {
        return Escape::Unknown;
    }
    match text.get(..len).and_then(fold) {
        Some(Folded::Nothing) => Escape::Is(None, len),
        Some(Folded::Is(byte)) => Escape::Is(Some(byte), len),
        None => Escape::IsNot,
    }
}

/// What reads like ASCII in ASCII, the rest as it is.
pub(in crate::scanner) fn folded(text: &[u8]) -> Vec<u8> {
    let mut read = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        let len = len(byte);
        let folded = if byte.is_ascii() { None } else { text.get(at..at + len).and_then(fold) };
        match folded {
            Some(Folded::Is(byte)) => read.push(byte),
            Some(Folded::Nothing) => {}
            None => {
                read.push(byte);
                at += 1;
                continue;
            }
        }
        at += len;
    }
    read
}

/// Whether a block holds any that may be part of a value: a digit or letter, or a mark beside one.
pub(super) fn is_in(block: &[u8]) -> bool {
    if block.is_ascii() {
        return false;
    }
    let is_value = |at: usize| {
        let text = block.get(at..).unwrap_or_default();
        let len = text.first().map_or(1, |first| len(*first));
        let near = |at: Option<usize>, kind: fn(&u8) -> bool| {
            at.and_then(|at| block.get(at)).is_none_or(kind)
        };
        if text.len() < len {
            // It goes on in the next block.
            return true;
        }
        match text.get(..len).and_then(fold) {
            Some(Folded::Is(b' ')) => {
                near(Some(at + len), |b| b.is_ascii_digit() || b.is_ascii_uppercase())
            }
            Some(Folded::Is(b)) if b.is_ascii_alphanumeric() => true,
            Some(Folded::Nothing | Folded::Is(b'-')) => {
                near(Some(at + len), u8::is_ascii_digit)
                    || near(at.checked_sub(1), u8::is_ascii_digit)
            }
            Some(Folded::Is(_)) | None => false,
        }
    };
    memchr::memchr3_iter(0xc2, 0xe2, 0xef, block).any(is_value)
        || memchr::memchr3_iter(0xd9, 0xdb, 0xf0, block).any(is_value)
}

/// Whether a block is text in UTF-8, whose ends may cut a character.
pub(in crate::scanner::overlay) fn is_utf8(block: &[u8]) -> bool {
    let lead = block.iter().take(3).take_while(|b| **b & 0xc0 == 0x80).count();
    let text = std::str::from_utf8(block.get(lead..).unwrap_or_default());
    text.map_or_else(|error| error.error_len().is_none(), |_| true)
}

/// Bytes of the character that begins with `first`.
fn len(first: u8) -> usize {
    match first {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 1,
    }
}

fn fold(bytes: &[u8]) -> Option<Folded> {
    let character = std::str::from_utf8(bytes).ok()?.chars().next()?;
    let code = u32::from(character);
    let from = |start: u32, ascii: u8, count: u32| {
        let digit = code.checked_sub(start).filter(|at| *at < count)?;
        u8::try_from(digit % 10).ok().map(|digit| Folded::Is(ascii + digit))
    };
    match code {
        0xa0 | 0x2000..=0x200a | 0x202f | 0x205f | 0x3000 => Some(Folded::Is(b' ')),
        0xad | 0x200b..=0x200f | 0x2060 | 0xfeff => Some(Folded::Nothing),
        0x2010..=0x2015 | 0x2212 | 0xfe58 | 0xfe63 => Some(Folded::Is(b'-')),
        0xff01..=0xff5e => u8::try_from(code - 0xfee0).ok().map(Folded::Is),
        0x660..=0x669 => from(0x660, b'0', 10),
        0x6f0..=0x6f9 => from(0x6f0, b'0', 10),
        0x1d7ce..=0x1d7ff => from(0x1d7ce, b'0', 50),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_reads_like_ascii_changes() {
        let text = "n\u{e4}he \u{ff12}1\u{669}\u{2011}45\u{ad} \u{2588}";
        assert_eq!(folded(text.as_bytes()), "n\u{e4}he 219-45 \u{2588}".as_bytes());
        for at in 0..text.len() {
            let (first, second) = text.as_bytes().split_at(at);
            assert!(folded(first).len() <= at && folded(second).len() <= text.len() - at);
        }
    }

    #[test]
    fn what_reads_like_ascii_is_folded() {
        for (text, folded) in [
            ("\u{2011}", Some(Folded::Is(b'-'))),
            ("\u{2212}", Some(Folded::Is(b'-'))),
            ("\u{a0}", Some(Folded::Is(b' '))),
            ("\u{200b}", Some(Folded::Nothing)),
            ("\u{ff17}", Some(Folded::Is(b'7'))),
            ("\u{663}", Some(Folded::Is(b'3'))),
            ("\u{6f9}", Some(Folded::Is(b'9'))),
            ("\u{1d7d9}", Some(Folded::Is(b'1'))),
            ("\u{2588}", None),
            ("\u{e9}", None),
        ] {
            assert_eq!(fold(text.as_bytes()), folded, "{text:?}");
        }
    }
}
