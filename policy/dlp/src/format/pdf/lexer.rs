//! The tokens of PDF syntax (ISO 32000-1 section 7.2 and 7.3), in objects and in page contents.

/// A token.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token<'a> {
    ArrayEnd,
    ArrayStart,
    /// What stands behind a percent sign.
    Comment(&'a [u8]),
    DictionaryEnd,
    DictionaryStart,
    /// An operator, or a word such as `obj`, `R`, `true`.
    Keyword(&'a [u8]),
    /// Without its slash, as written.
    Name(&'a [u8]),
    Number(f64),
    /// Its bytes, and whether they stand in the file as they are.
    Text(Vec<u8>, bool),
}

impl<'a> Token<'a> {
    pub(super) fn name(&self) -> Option<&'a [u8]> {
        if let Token::Name(name) = self { Some(name) } else { None }
    }

    pub(super) fn number(&self) -> Option<f64> {
        if let Token::Number(number) = self { Some(*number) } else { None }
    }
}

/// Reads tokens one after another.
#[derive(Clone, Debug)]
pub(super) struct Lexer<'a> {
    bytes: &'a [u8],
    pub(super) at: usize,
}

fn is_space(byte: u8) -> bool {
    matches!(byte, 0 | b'\t' | b'\n' | 0x0c | b'\r' | b' ')
}

fn is_regular(byte: u8) -> bool {
    !is_space(byte) && !b"()<>[]{}/%".contains(&byte)
}

impl<'a> Lexer<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Lexer<'a> {
        Lexer { bytes, at: 0 }
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    /// The bytes from here on for which `is_part` holds.
    fn run(&mut self, is_part: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let len = rest.iter().take_while(|b| is_part(**b)).count();
        self.at += len;
        rest.get(..len).unwrap_or_default()
    }

    /// A string between parentheses, behind the first.
    fn literal(&mut self) -> (Vec<u8>, bool) {
        let (mut out, mut depth, mut is_plain) = (Vec::new(), 1, true);
        while let Some(byte) = self.peek(0) {
            self.at += 1;
            match byte {
                b'(' => depth += 1,
                b')' => depth -= 1,
                b'\\' => {
                    is_plain = false;
                    self.escape(&mut out);
                    continue;
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
            out.push(byte);
        }
        (out, is_plain)
    }

    fn escape(&mut self, out: &mut Vec<u8>) {
        let Some(byte) = self.peek(0) else { return };
        self.at += 1;
        match byte {
            b'n' | b'r' => out.push(b'\n'),
            b't' | b'b' | b'f' => out.push(b' '),
            b'0'..=b'7' => {
                let mut value = u16::from(byte - b'0');
                for _ in 0..2 {
                    let Some(digit @ b'0'..=b'7') = self.peek(0) else { break };
                    value = value * 8 + u16::from(digit - b'0');
                    self.at += 1;
                }
                out.push(value.to_le_bytes()[0]);
            }
            // A line that goes on.
            b'\r' if self.peek(0) == Some(b'\n') => self.at += 1,
            b'\r' | b'\n' => {}
            other => out.push(other),
        }
    }
}

/// The value of a hexadecimal digit.
pub(super) fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Bytes written in hexadecimal digits; an odd last one has a zero behind it.
pub(super) fn unhex(digits: &[u8]) -> Vec<u8> {
    let digits: Vec<u8> = digits.iter().filter_map(|b| hex_digit(*b)).collect();
    digits
        .chunks(2)
        .map(|pair| pair.iter().fold(0, |v, d| v << 4 | d) << (4 * (2 - pair.len())))
        .collect()
}

impl<'a> Iterator for Lexer<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        self.run(is_space);
        let first = self.peek(0)?;
        let second = self.peek(1);
        let mut skip = |len: usize, token| {
            self.at += len;
            Some(token)
        };
        match (first, second) {
            (b'<', Some(b'<')) => skip(2, Token::DictionaryStart),
            (b'>', Some(b'>')) => skip(2, Token::DictionaryEnd),
            (b'[', _) => skip(1, Token::ArrayStart),
            (b']', _) => skip(1, Token::ArrayEnd),
            (b'%', _) => Some(Token::Comment(self.run(|b| b != b'\n' && b != b'\r'))),
            (b'(', _) => {
                self.at += 1;
                let (text, is_plain) = self.literal();
                Some(Token::Text(text, is_plain))
            }
            (b'<', _) => {
                self.at += 1;
                let digits = self.run(|b| b != b'>');
                self.at += 1;
                Some(Token::Text(unhex(digits), false))
            }
            (b'/', _) => {
                self.at += 1;
                Some(Token::Name(self.run(is_regular)))
            }
            (byte, _) if is_regular(byte) => {
                let word = self.run(is_regular);
                let number = std::str::from_utf8(word).ok().and_then(|word| word.parse().ok());
                let is_number = byte.is_ascii_digit() || b"+-.".contains(&byte);
                Some(match number.filter(|_| is_number) {
                    Some(number) => Token::Number(number),
                    None => Token::Keyword(word),
                })
            }
            _ => skip(1, Token::Keyword(b"")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_read_in_both_notations() {
        let text = |bytes: &[u8]| match Lexer::new(bytes).next() {
            Some(Token::Text(text, is_plain)) => (text, is_plain),
            other => panic!("{other:?}"),
        };
        assert_eq!(text(b"(a(b)c)"), (b"a(b)c".to_vec(), true));
        assert_eq!(text(b"(a\\)\\101\\\nb"), (b"a)Ab".to_vec(), false));
        assert_eq!(text(b"<41 4>"), (b"A@".to_vec(), false));
    }
}
