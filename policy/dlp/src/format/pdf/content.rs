//! Page contents: the strings that text operators show, gathered to lines (ISO 32000-1 section 9.4).

use super::font::{Map, latin};
use super::lexer::{Lexer, Token};

/// Space between two glyphs, in thousandths of the size, from which on it parts words.
const GAP: f64 = -180.0;
/// Operands of one operator.
const OPERANDS_MAX: usize = 4096;
/// Bytes of one line.
const LINE_MAX: usize = 4096;

/// Maps of fonts by the names that contents use.
pub(super) trait Fonts {
    /// The map of the font; nothing where its codes are characters.
    fn map(&self, name: &[u8]) -> Option<&Map>;
}

/// The lines of a content stream.
pub(super) fn lines(content: &[u8], fonts: &dyn Fonts, sink: &mut dyn FnMut(&str)) {
    let mut page =
        Page { fonts, font: None, line: String::new(), height: None, operands: Vec::new(), sink };
    let mut array = 0u32;
    for token in Lexer::new(content) {
        match token {
            Token::Keyword(operator) if array == 0 => {
                page.operator(operator);
                page.rest();
            }
            Token::ArrayStart => array += 1,
            Token::ArrayEnd => array = array.saturating_sub(1),
            Token::Comment(comment) => {
                page.end_line();
                (page.sink)(&latin(comment));
            }
            Token::Text(..) | Token::Number(_) | Token::Name(_) => {
                if page.operands.len() >= OPERANDS_MAX {
                    page.rest();
                }
                page.operands.push(token);
            }
            Token::DictionaryEnd | Token::DictionaryStart | Token::Keyword(_) => {}
        }
    }
    page.rest();
    page.end_line();
}

struct Page<'a, 's> {
    fonts: &'a dyn Fonts,
    font: Option<&'a Map>,
    line: String,
    /// Where the current line stands.
    height: Option<f64>,
    operands: Vec<Token<'a>>,
    sink: &'s mut dyn FnMut(&str),
}

impl Page<'_, '_> {
    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        if !line.trim().is_empty() {
            (self.sink)(&line);
        }
    }

    /// Strings that no operator showed, such as replacement text, are lines of their own.
    fn rest(&mut self) {
        for token in std::mem::take(&mut self.operands) {
            if let Token::Text(text, _) = token {
                (self.sink)(&super::font::string(&text));
            }
        }
    }

    fn show(&mut self) {
        for token in std::mem::take(&mut self.operands) {
            if token.number().is_some_and(|gap| gap < GAP) {
                self.space();
            }
            if let Token::Text(text, _) = token {
                let text = self.font.map_or_else(|| latin(&text), |map| map.text(&text));
                self.line.push_str(&text);
            }
        }
        if self.line.len() > LINE_MAX {
            self.end_line();
        }
    }

    fn space(&mut self) {
        if !self.line.is_empty() && !self.line.ends_with(' ') {
            self.line.push(' ');
        }
    }

    /// The last operand but `back`, where it is a number.
    fn number(&self, back: usize) -> Option<f64> {
        self.operands.iter().rev().nth(back)?.number()
    }

    fn operator(&mut self, operator: &[u8]) {
        match operator {
            b"Tj" | b"TJ" => self.show(),
            b"'" | b"\"" => {
                self.end_line();
                self.show();
            }
            b"T*" | b"ET" => self.end_line(),
            b"Td" | b"TD" => match self.number(0) {
                Some(0.0) => self.space(),
                _ => self.end_line(),
            },
            b"Tm" => {
                let height = self.number(0);
                if height == self.height {
                    self.space()
                } else {
                    self.end_line()
                }
                self.height = height;
            }
            b"Tf" => {
                let name = self.operands.iter().rev().find_map(Token::name);
                self.font = name.and_then(|name| self.fonts.map(name));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct NoFonts;

    impl Fonts for NoFonts {
        fn map(&self, _name: &[u8]) -> Option<&Map> {
            None
        }
    }

    #[test]
    fn shown_strings_are_gathered_to_lines() {
        let content = b"BT /F1 12 Tf 72 700 Td [(SS)20(N)-300(219-)] TJ (45) Tj 5 0 Td (-6183) Tj \
            0 -14 Td (next) Tj ET /Span <</ActualText (other)>> BDC";
        let mut found = Vec::new();
        lines(content, &NoFonts, &mut |line| found.push(line.to_owned()));
        assert_eq!(found, ["SSN 219-45 -6183", "next", "other"]);
    }
}
