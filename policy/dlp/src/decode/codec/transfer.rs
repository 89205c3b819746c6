//! The transfer encodings of MIME (RFC 2045 section 6): base64 and quoted-printable.

use super::{Ahead, Codec, Fault, Turn};

/// Base64, in either alphabet, between any white space.
#[derive(Debug, Default)]
pub(super) struct Base64 {
    /// Digits of a group that is not yet whole.
    bits: u32,
    digits: u8,
    is_padded: bool,
}

impl Codec for Base64 {
    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Result<Turn, Fault> {
        let (mut used, mut made) = (0, 0);
        for &byte in input {
            if made + 3 > output.len() {
                break;
            }
            let value = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'a'..=b'z' => byte - b'a' + 26,
                b'0'..=b'9' => byte - b'0' + 52,
                b'+' | b'-' => 62,
                b'/' | b'_' => 63,
                b' ' | b'\t' | b'\r' | b'\n' => {
                    used += 1;
                    continue;
                }
                b'=' => {
                    made += self.end_group(output.get_mut(made..).unwrap_or_default());
                    self.is_padded = true;
                    used += 1;
                    continue;
                }
                _ => return Err(Fault { made, ..Fault::damaged(0) }),
            };
            if self.is_padded {
                return Err(Fault { made, ..Fault::damaged(0) });
            }
            self.bits = self.bits << 6 | u32::from(value);
            self.digits += 1;
            used += 1;
            if self.digits == 4 {
                made += self.end_group(output.get_mut(made..).unwrap_or_default());
            }
        }
        Ok(Turn::goes_on(used, made))
    }

    fn ahead(&self) -> Ahead {
        Ahead { encoded: u64::from(self.digits), decoded: 0 }
    }

    fn may_end(&self) -> bool {
        self.digits == 0
    }

    fn flush(&mut self, output: &mut [u8]) -> usize {
        self.end_group(output)
    }
}

impl Base64 {
    /// Gives out the whole bytes of a group.
    fn end_group(&mut self, output: &mut [u8]) -> usize {
        let missing = 6 * u32::from(4 - self.digits.min(4));
        let [_, bytes @ ..] = (self.bits << missing).to_be_bytes();
        let len = usize::from(self.digits * 6 / 8);
        for (to, from) in output.iter_mut().zip(bytes.iter().take(len)) {
            *to = *from;
        }
        (self.bits, self.digits) = (0, 0);
        len
    }
}

/// Quoted-printable. What is no escape stands for itself.
#[derive(Debug, Default)]
pub(super) struct QuotedPrintable {
    /// An escape that is not yet whole.
    held: Vec<u8>,
}

impl Codec for QuotedPrintable {
    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Result<Turn, Fault> {
        let (mut used, mut made) = (0, 0);
        // What turns out to be no escape gives three bytes at once.
        let room = output.len() / 3;
        let mut give = |byte: u8, made: &mut usize| {
            if let Some(to) = output.get_mut(*made) {
                *to = byte;
                *made += 1;
            }
        };
        for &byte in input.iter().take(room) {
            used += 1;
            if self.held.is_empty() && byte != b'=' {
                give(byte, &mut made);
                continue;
            }
            self.held.push(byte);
            match self.held.as_slice() {
                [_] | [_, b'\r'] => continue,
                [_, b'\n'] | [_, b'\r', b'\n'] => {}
                [_, high] if high.is_ascii_hexdigit() => continue,
                [_, high, low] if low.is_ascii_hexdigit() && high.is_ascii_hexdigit() => {
                    give(digit(*high) << 4 | digit(*low), &mut made);
                }
                other => other.iter().for_each(|byte| give(*byte, &mut made)),
            }
            self.held.clear();
        }
        Ok(Turn::goes_on(used, made))
    }

    fn held(&self) -> &[u8] {
        &self.held
    }

    fn ahead(&self) -> Ahead {
        Ahead { encoded: self.held.len() as u64, decoded: 0 }
    }

    fn may_end(&self) -> bool {
        true
    }
}

/// The value of a hexadecimal digit.
fn digit(byte: u8) -> u8 {
    char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok()).unwrap_or(0)
}
