//! Percent-encoding (RFC 3986 section 2.1) and the `+` of forms, for short texts such as URLs; with
//! the way back, so that a finding in the decoded form can be masked in the written one.

/// How often a text may be encoded over itself.
const ROUNDS_MAX: usize = 3;

/// A decoded text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Decoded {
    pub(crate) bytes: Vec<u8>,
    /// Where each byte stands in the written form, and at last its length.
    starts: Vec<usize>,
}

impl Decoded {
    /// The place in the written form of `start..end` of the decoded one.
    pub(crate) fn written(&self, start: usize, end: usize) -> Option<(usize, usize)> {
        Some((*self.starts.get(start)?, *self.starts.get(end)?))
    }
}

/// The decoded form of `text`; nothing where it is the same.
pub(crate) fn decode(text: &[u8]) -> Option<Decoded> {
    memchr::memchr2(b'%', b'+', text)?;
    let mut decoded = Decoded { bytes: text.to_vec(), starts: (0..=text.len()).collect() };
    for round in 0..ROUNDS_MAX {
        let again = once(&decoded, round == 0);
        if again.bytes == decoded.bytes {
            break;
        }
        decoded = again;
    }
    (decoded.bytes != text).then_some(decoded)
}

fn once(text: &Decoded, has_plus: bool) -> Decoded {
    let len = text.bytes.len();
    let mut decoded =
        Decoded { bytes: Vec::with_capacity(len), starts: Vec::with_capacity(len + 1) };
    let mut at = 0;
    while let Some(&byte) = text.bytes.get(at) {
        let escape = text.bytes.get(at + 1..at + 3).filter(|_| byte == b'%').and_then(hex);
        let (byte, len) = match escape {
            Some(escaped) => (escaped, 3),
            None if byte == b'+' && has_plus => (b' ', 1),
            None => (byte, 1),
        };
        decoded.bytes.push(byte);
        decoded.starts.extend(text.starts.get(at));
        at += len;
    }
    decoded.starts.extend(text.starts.last());
    decoded
}

fn hex(digits: &[u8]) -> Option<u8> {
    digits.iter().try_fold(0u8, |value, &digit| {
        let digit = char::from(digit).to_digit(16)?;
        Some(value << 4 | u8::try_from(digit).ok()?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_and_finds_the_way_back() {
        let decoded = decode(b"q=a%2Db+%2541").unwrap();
        assert_eq!(decoded.bytes, b"q=a-b A");
        assert_eq!(decoded.written(3, 4), Some((3, 6)));
        assert_eq!(decoded.written(6, 7), Some((8, 13)));
    }

    #[test]
    fn leaves_what_is_not_encoded() {
        assert_eq!(decode(b"100% of %zz and %4"), None);
        assert_eq!(decode(b""), None);
    }
}
