//! Fonts: from the codes in shown strings to text, by the `ToUnicode` maps that a document carries
//! (ISO 32000-1 section 9.10). Invariant: a font whose codes cannot be mapped is said to be so.

use std::collections::HashMap;

use super::lexer::{Lexer, Token};

/// Codes of one map.
const CODES_MAX: usize = 1 << 17;

/// A map from codes to text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Map {
    is_wide: bool,
    codes: HashMap<u32, String>,
}

impl Map {
    /// Reads a CMap: `bfchar` and `bfrange`.
    pub(super) fn of(cmap: &[u8]) -> Map {
        let mut map = Map::default();
        let mut texts: Vec<Vec<u8>> = Vec::new();
        let mut list: Option<Vec<Vec<u8>>> = None;
        for token in Lexer::new(cmap) {
            match token {
                Token::Text(text, _) => match &mut list {
                    Some(list) => list.push(text),
                    None => texts.push(text),
                },
                Token::ArrayStart => list = Some(Vec::new()),
                Token::ArrayEnd => {
                    // Ranges that list no texts of their own may stand before.
                    let (ranges, listed) = texts.split_at(texts.len().saturating_sub(2));
                    map.ranges(ranges);
                    let first = listed.first().map_or(0, |first| code(first));
                    for (code, text) in (first..).zip(list.take().unwrap_or_default()) {
                        map.put(code, wide(&text));
                    }
                }
                Token::Keyword(word) => {
                    match word {
                        b"endcodespacerange" => {
                            map.is_wide = texts.first().is_some_and(|first| first.len() > 1);
                        }
                        b"endbfchar" => map.characters(&texts),
                        b"endbfrange" => map.ranges(&texts),
                        _ => continue,
                    }
                    texts.clear();
                }
                Token::Comment(_)
                | Token::DictionaryEnd
                | Token::DictionaryStart
                | Token::Name(_)
                | Token::Number(_) => {}
            }
        }
        map
    }

    /// How many codes it maps.
    pub(super) fn len(&self) -> usize {
        self.codes.len()
    }

    fn characters(&mut self, texts: &[Vec<u8>]) {
        for pair in texts.chunks(2) {
            if let [from, to] = pair {
                self.put(code(from), wide(to));
            }
        }
    }

    fn ranges(&mut self, texts: &[Vec<u8>]) {
        for range in texts.chunks(3) {
            let [first, last, to] = range else { continue };
            let (first, last) = (code(first), code(last));
            let mut text = wide(to);
            for code in (first..=last).take(CODES_MAX) {
                let Some(character) = text.pop() else { break };
                let mut mapped = text.clone();
                mapped.push(character);
                self.put(code, mapped);
                text.push(char::from_u32(u32::from(character) + 1).unwrap_or('?'));
            }
        }
    }

    fn put(&mut self, code: u32, text: String) {
        if self.codes.len() < CODES_MAX {
            self.codes.insert(code, text);
        }
    }

    /// The text of a shown string.
    pub(super) fn text(&self, shown: &[u8]) -> String {
        shown
            .chunks(if self.is_wide { 2 } else { 1 })
            .map(|bytes| self.codes.get(&code(bytes)).cloned().unwrap_or_else(|| latin(bytes)))
            .collect()
    }
}

fn code(bytes: &[u8]) -> u32 {
    bytes.iter().take(4).fold(0, |code, byte| code << 8 | u32::from(*byte))
}

/// Text in UTF-16, big endian.
pub(super) fn wide(bytes: &[u8]) -> String {
    let units =
        bytes.chunks_exact(2).map(|unit| unit.iter().fold(0u16, |u, b| u << 8 | u16::from(*b)));
    char::decode_utf16(units).map(|c| c.unwrap_or('\u{fffd}')).collect()
}

/// Text in an encoding that has ASCII in its first half.
pub(super) fn latin(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

/// Text of a document's string: UTF-16 with a mark, else one byte a character.
pub(super) fn string(bytes: &[u8]) -> String {
    match bytes.strip_prefix(b"\xfe\xff") {
        Some(units) => wide(units),
        None => latin(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_mapped_alone_and_in_ranges() {
        let cmap = b"1 begincodespacerange <0000> <ffff> endcodespacerange
            1 beginbfchar <0003> <0020> endbfchar
            2 beginbfrange <0013> <001c> <0030> <0024> <0025> [<0041> <00420043>] endbfrange";
        let map = Map::of(cmap);
        assert_eq!(map.text(&[0, 0x15, 0, 3, 0, 0x25]), "2 BC");
    }
}
