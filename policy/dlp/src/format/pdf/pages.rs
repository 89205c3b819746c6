//! The fonts of a document: which map explains the codes shown under a font's name. Names are taken
//! as the same font on every page, as writers do. Invariant: what is learnt is bounded.

use std::collections::HashMap;

use super::OBJECTS_MAX;
use super::content::Fonts;
use super::font::Map;
use super::lexer::{Lexer, Token};

/// Codes of all maps of a document.
const CODES_MAX: usize = 1 << 20;

/// The fonts of all pages.
#[derive(Debug, Default)]
pub(super) struct Pages {
    /// Maps by the number of their object.
    maps: HashMap<u32, Map>,
    /// The maps that font objects point at.
    fonts: HashMap<u32, u32>,
    /// The fonts by the names that contents use.
    names: HashMap<Vec<u8>, u32>,
    /// Codes of all maps.
    codes: usize,
    /// Fonts of wide codes or of glyphs without known names, and how many of them have a map.
    odd: u32,
    mapped: u32,
}

impl Pages {
    /// Keeps the map that an object holds.
    pub(super) fn add(&mut self, object: u32, map: Map) {
        self.codes += map.len();
        if self.codes <= CODES_MAX {
            self.maps.insert(object, map);
        } else {
            self.odd += 1;
        }
    }

    /// Notes what objects tell of fonts.
    pub(super) fn learn(&mut self, bytes: &[u8]) {
        let mut object = 0;
        let mut last: Vec<Token<'_>> = Vec::new();
        for token in Lexer::new(bytes) {
            match (&token, last.as_slice()) {
                (Token::Keyword(b"obj"), [.., Token::Number(number), Token::Number(_)]) => {
                    object = unsigned(*number);
                }
                (
                    Token::Keyword(b"R"),
                    [.., Token::Name(name), Token::Number(number), Token::Number(_)],
                ) => {
                    self.point(object, name, unsigned(*number));
                }
                (Token::Name(b"Type0"), [.., Token::Name(b"Subtype")]) => self.odd += 1,
                (Token::Name(name), [.., Token::Number(_)]) if is_glyph_number(name) => {
                    self.odd += 1
                }
                _ => {}
            }
            if last.len() > 3 {
                last.remove(0);
            }
            last.push(token);
        }
    }

    /// The same for a stream of objects: numbers and offsets first.
    pub(super) fn learn_packed(&mut self, bytes: &[u8]) {
        let mut lexer = Lexer::new(bytes);
        let mut places: Vec<u32> = Vec::new();
        let mut first = 0;
        while let Some(Token::Number(number)) = lexer.next() {
            places.push(unsigned(number));
            first = lexer.at;
        }
        // The first object begins behind the last number's white space.
        let body = bytes.get(first..).unwrap_or_default();
        let body = body
            .get(body.iter().take_while(|b| b.is_ascii_whitespace()).count()..)
            .unwrap_or_default();
        for (i, pair) in places.chunks_exact(2).enumerate() {
            let [number, start] = *pair else { continue };
            let end =
                places.get(i * 2 + 3).map_or(usize::MAX, |end| usize::try_from(*end).unwrap_or(0));
            let start = usize::try_from(start).unwrap_or(usize::MAX);
            if let Some(object) = body.get(start..end.min(body.len())) {
                let head = format!("{number} 0 obj ");
                self.learn(&[head.as_bytes(), object].concat());
            }
        }
    }

    /// Notes that the value of `name` in an object is another object.
    fn point(&mut self, object: u32, name: &[u8], target: u32) {
        if self.names.len() >= OBJECTS_MAX || self.fonts.len() >= OBJECTS_MAX {
            return;
        }
        if name == b"ToUnicode" {
            self.fonts.insert(object, target);
            self.mapped += 1;
        } else {
            self.names.insert(name.to_vec(), target);
        }
    }

    /// Whether some font shows codes that nothing maps to characters.
    pub(super) fn is_unmapped(&self) -> bool {
        self.odd > self.mapped
    }
}

impl Fonts for Pages {
    fn map(&self, name: &[u8]) -> Option<&Map> {
        let map = self.fonts.get(self.names.get(name)?)?;
        self.maps.get(map)
    }
}

/// Whether a glyph's name is but a number (`g12`, `cid340`), which tells no character.
fn is_glyph_number(name: &[u8]) -> bool {
    let letters = name.iter().take_while(|b| b.is_ascii_alphabetic()).count();
    let digits = name.get(letters..).unwrap_or_default();
    let is_known = name.starts_with(b"uni") || name.starts_with(b"F") || name.starts_with(b"R");
    (1..=5).contains(&letters)
        && !digits.is_empty()
        && digits.iter().all(u8::is_ascii_digit)
        && !is_known
}

fn unsigned(number: f64) -> u32 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
    let number = number as u32;
    number
}
