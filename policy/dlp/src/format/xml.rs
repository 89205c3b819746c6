//! XML: C-CDA documents (HL7 CDA R2), FHIR resources, and other records by the names of their
//! elements and attributes. A tokenizer (XML 1.0) that follows elements and reads only the values
//! whose place announces something. Entities of a document's own are never expanded.

mod tag;
mod text;

use crate::finding::Span;
use crate::format::dialect::{Dialect, FIELD_MAX};
use crate::format::outline::words::{Element, KEY_MAX, Word, Words};
use crate::format::outline::{Outline, Role, Sink, Value};
use crate::locus::{Field, Written};
use tag::is_name;
pub(crate) use text::is_xml;

/// A document.
#[derive(Debug)]
pub(crate) struct Xml {
    outline: Outline,
    words: Words,
    state: State,
    /// Offset of the next byte.
    at: u64,
    /// The token that is being read: its first bytes, and where it begins.
    held: Vec<u8>,
    start: u64,
    /// The attribute whose value is read.
    attribute: Word,
    /// What it is, if it is wanted.
    role: Option<Wanted>,
    /// The bytes before the next one, for what ends in several.
    last: [u8; 2],
    /// Angle and square brackets that are open in a document type declaration.
    brackets: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Text,
    /// Behind `<`.
    Open,
    /// Behind `<!`, until it is told what it is.
    Bang,
    Comment,
    Cdata,
    Instruction,
    Doctype,
    Name,
    EndName,
    /// Between the attributes of a start tag.
    Tag,
    AttributeName,
    /// Before the quote of an attribute's value.
    Equals,
    Quoted(u8),
}

/// A value that is wanted.
#[derive(Clone, Copy, Debug)]
enum Wanted {
    /// An attribute in its own right.
    Attribute(Role),
    /// The text of the open element, or the attribute that stands for it.
    Text,
}

impl Xml {
    pub(crate) fn new() -> Xml {
        Xml {
            outline: Outline::new("xml"),
            words: Words::default(),
            state: State::Text,
            at: 0,
            held: Vec::new(),
            start: 0,
            attribute: Word::default(),
            role: None,
            last: [0; 2],
            brackets: 0,
        }
    }

    /// Takes some of the bytes and says how many: at least one.
    fn step(&mut self, bytes: &[u8], sink: Sink<'_>) -> usize {
        if self.state == State::Tag
            && let Some(taken) = self.attribute_at_once(bytes)
        {
            return taken;
        }
        if self.state == State::Open
            && let Some(taken) = self.element_at_once(bytes)
        {
            return taken;
        }
        match self.state {
            State::Text => self.until(bytes, b'<', sink),
            State::Quoted(quote) => self.until(bytes, quote, sink),
            State::Comment | State::Cdata | State::Instruction => self.section(bytes, sink),
            State::Name | State::AttributeName => match self.name_part(bytes) {
                0 => bytes.first().map_or(0, |byte| self.name(*byte)),
                taken => taken,
            },
            State::EndName => {
                let Some(end) = memchr::memchr(b'>', bytes) else { return bytes.len() };
                let at = self.at + end as u64;
                self.outline.close(at, sink);
                self.begin_text(at + 1);
                end + 1
            }
            State::Open | State::Bang | State::Doctype | State::Tag | State::Equals => {
                let Some(first) = bytes.first() else { return 0 };
                self.byte(*first, sink)
            }
        }
    }

    /// Reads a text or a value up to the byte that ends it.
    fn until(&mut self, bytes: &[u8], end: u8, sink: Sink<'_>) -> usize {
        let found = memchr::memchr(end, bytes);
        let part = bytes.get(..found.unwrap_or(bytes.len())).unwrap_or_default();
        let is_whole = found.is_some() && self.held.is_empty();
        if self.role.is_some() && !is_whole {
            self.hold(part, FIELD_MAX + 1);
        }
        if found.is_none() {
            return bytes.len();
        }
        let end_at = self.at + part.len() as u64;
        if is_whole {
            self.tell(part, end_at, sink);
        } else {
            self.value_ended(end_at, sink);
        }
        self.state = if end == b'<' { State::Open } else { State::Tag };
        part.len() + 1
    }

    /// Reads a comment, a section of character data or an instruction up to its end.
    fn section(&mut self, bytes: &[u8], sink: Sink<'_>) -> usize {
        let end = memchr::memchr(b'>', bytes).unwrap_or(bytes.len());
        let part = bytes.get(..end).unwrap_or_default();
        for byte in part.iter().skip(part.len().saturating_sub(2)) {
            self.last = [self.last[1], *byte];
        }
        let is_cdata = self.state == State::Cdata;
        if is_cdata {
            self.hold(part, FIELD_MAX + 3);
        }
        if end == bytes.len() {
            return end;
        }
        let is_over = if self.state == State::Comment {
            self.last == *b"--"
        } else if is_cdata {
            self.last == *b"]]"
        } else {
            self.last[1] == b'?'
        };
        if is_over {
            if is_cdata {
                self.held.truncate(self.held.len().saturating_sub(2));
                self.value_ended(self.at + end as u64 - 2, sink);
            }
            self.begin_text(self.at + end as u64 + 1);
        } else if is_cdata {
            self.hold(b">", FIELD_MAX + 3);
        }
        self.last = [self.last[1], b'>'];
        end + 1
    }

    /// Takes one byte of a tag and says how many were used: none where it belongs to the next token.
    fn byte(&mut self, byte: u8, sink: Sink<'_>) -> usize {
        match self.state {
            State::Open => return self.opened(byte),
            State::Bang => self.bang(byte),
            State::Doctype => self.doctype(byte),
            State::Name | State::AttributeName => return self.name(byte),
            State::Tag => self.tag(byte, sink),
            State::Equals => self.equals(byte),
            State::EndName
            | State::Text
            | State::Comment
            | State::Cdata
            | State::Instruction
            | State::Quoted(_) => {}
        }
        1
    }

    fn opened(&mut self, byte: u8) -> usize {
        self.held.clear();
        self.last = [0; 2];
        self.state = match byte {
            b'/' => State::EndName,
            b'!' => State::Bang,
            b'?' => State::Instruction,
            _ if is_name(byte) => {
                self.state = State::Name;
                return 0;
            }
            // No tag: a bare `<` in a text.
            _ => State::Text,
        };
        1
    }

    fn bang(&mut self, byte: u8) {
        const CDATA: &[u8] = b"[CDATA[";
        self.held.push(byte);
        self.state = if self.held == b"--" {
            State::Comment
        } else if self.held == CDATA {
            self.start = self.at + 1;
            State::Cdata
        } else if b"--".starts_with(&self.held) || CDATA.starts_with(&self.held) {
            return;
        } else {
            self.brackets = 1;
            State::Doctype
        };
        self.held.clear();
        self.last = [0; 2];
    }

    fn doctype(&mut self, byte: u8) {
        match byte {
            b'<' | b'[' => self.brackets = self.brackets.saturating_add(1),
            b'>' | b']' => self.brackets -= 1,
            _ => {}
        }
        if self.brackets == 0 {
            self.begin_text(self.at + 1);
        }
    }

    /// Takes what belongs to a name for sure, and says how many bytes that were.
    fn name_part(&mut self, bytes: &[u8]) -> usize {
        let is_end = |b: &u8| !is_name(*b) || *b == b':';
        let len = bytes.iter().position(is_end).unwrap_or(bytes.len());
        self.hold(bytes.get(..len).unwrap_or_default(), KEY_MAX + 1);
        len
    }

    /// A byte of the name of an element or attribute; the prefix of a namespace is passed over.
    fn name(&mut self, byte: u8) -> usize {
        if byte == b':' {
            self.held.clear();
        } else if is_name(byte) {
            self.hold(&[byte], KEY_MAX + 1);
        } else {
            let word = self.words.of_name(&self.held);
            if self.state == State::Name {
                self.outline.open_element(word, &self.held, &self.words);
                self.state = State::Tag;
            } else {
                self.attribute = word;
                self.state = State::Equals;
            }
            self.held.clear();
            return 0;
        }
        1
    }

    fn tag(&mut self, byte: u8, sink: Sink<'_>) {
        match byte {
            b'>' => {
                if self.last[1] == b'/' {
                    self.outline.close(self.at, sink);
                }
                self.begin_text(self.at + 1);
            }
            _ if is_name(byte) => {
                self.held.clear();
                self.held.push(byte);
                self.state = State::AttributeName;
            }
            _ => {}
        }
        self.last = [0, byte];
    }

    fn equals(&mut self, byte: u8) {
        match byte {
            b'"' | b'\'' => {
                self.start = self.at + 1;
                self.role = self.attribute_role();
                self.state = State::Quoted(byte);
            }
            b'=' | b' ' | b'\t' | b'\r' | b'\n' => {}
            _ => self.state = State::Tag,
        }
        self.last = [0; 2];
    }

    fn attribute_role(&self) -> Option<Wanted> {
        let is_text = self.attribute.element == Element::Value;
        if is_text && self.outline.list_word().element != Element::Telecom {
            return Some(Wanted::Text);
        }
        self.outline.role(self.attribute).map(Wanted::Attribute)
    }

    fn begin_text(&mut self, at: u64) {
        self.state = State::Text;
        self.start = at;
        self.held.clear();
        self.role = (!self.outline.is_empty()).then_some(Wanted::Text);
    }

    /// Tells the value that is held, and ends at `end`.
    fn value_ended(&mut self, end: u64, sink: Sink<'_>) {
        let held = std::mem::take(&mut self.held);
        self.tell(&held, end, sink);
        self.held = held;
        self.held.clear();
    }

    /// Tells a value that ends at `end`.
    fn tell(&mut self, held: &[u8], end: u64, sink: Sink<'_>) {
        let value = held.trim_ascii();
        if let Some(wanted) = self.role.filter(|_| !value.is_empty() && held.len() <= FIELD_MAX) {
            let before = held.len() - held.trim_ascii_start().len();
            let start = self.start + before as u64;
            let span = Span { start, end: (start + value.len() as u64).min(end) };
            let plain;
            let text = if memchr::memchr(b'&', value).is_some() {
                plain = text::unescaped(value);
                plain.as_slice()
            } else {
                value
            };
            // At most `]]>` ends a text.
            let value = Value { span, text, written: Written::Text, seen: end + 3 };
            match wanted {
                Wanted::Text => self.outline.element_value(value, sink),
                Wanted::Attribute(role) => {
                    let shown = self.words.shown(self.attribute);
                    self.outline.value(role, shown, value, sink);
                }
            }
        }
    }

    fn hold(&mut self, part: &[u8], max: usize) {
        let room = max.saturating_sub(self.held.len());
        self.held.extend_from_slice(part.get(..room).unwrap_or(part));
    }
}

impl Dialect for Xml {
    fn feed(&mut self, bytes: &[u8], sink: &mut dyn FnMut(&Field<'_>)) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let before = self.state;
            let used = self.step(rest, sink);
            debug_assert!(used > 0 || self.state != before, "no progress");
            self.at += used as u64;
            rest = rest.get(used..).unwrap_or_default();
        }
        self.outline.expire(self.at, sink);
    }

    fn finish(&mut self, sink: &mut dyn FnMut(&Field<'_>)) {
        self.outline.close_all(self.at, sink);
    }

    fn settled(&self) -> u64 {
        let is_value = matches!(self.state, State::Text | State::Cdata | State::Quoted(_));
        let is_open = is_value && self.role.is_some() && self.held.len() <= FIELD_MAX;
        self.outline.settled(self.at).min(if is_open { self.start } else { self.at })
    }
}
