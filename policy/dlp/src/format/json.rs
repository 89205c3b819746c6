//! JSON and its lines (NDJSON), FHIR resources among them: a tokenizer (RFC 8259) that follows keys
//! and reads only the values whose place announces something. It checks no grammar: whatever is
//! written wrong is passed over, and the detectors read it all the same.

mod object;
mod skip;
mod text;
mod token;

use crate::format::dialect::{Dialect, Form};
use crate::format::outline::words::{Word, Words};
use crate::format::outline::{Outline, Role, Sink};
use crate::gate::Places;
use crate::locus::Field;
pub(crate) use skip::{begins_object, in_text, is_json};
pub(crate) use text::unescaped;

/// A document, or several in a row.
#[derive(Debug)]
pub(crate) struct Json {
    outline: Outline,
    words: Words,
    state: State,
    /// Offset of the first byte of what is read, or behind the last.
    at: u64,
    /// What the value that comes next stands under.
    word: Word,
    is_key_next: bool,
    lines: Lines,
    /// The first bytes of a token that a chunk cut, and where it begins.
    held: Vec<u8>,
    start: u64,
    has_escape: bool,
    /// Whether the next byte is escaped by the last one.
    is_escaped: bool,
    /// Where a text may end in what is read; kept for its room.
    ends: Places,
}

/// Bytes that are read together.
struct Part<'a> {
    bytes: &'a [u8],
    /// Where the bytes stand that may end a text or escape in it, once that was asked: lists of numbers
    /// have no text.
    ends: Places,
    is_known: bool,
}

impl Part<'_> {
    /// Where the first byte stands from `from` on that may end a text or escape in it.
    #[inline]
    fn next_end(&mut self, from: usize) -> Option<usize> {
        if !self.is_known {
            self.ends.find(self.bytes, *b"\"\\\n");
            self.is_known = true;
        }
        self.ends.next(from)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Between,
    Key,
    /// In a text, and what it is if it is wanted.
    Text(Option<Role>),
    /// In a number that is wanted.
    Number(Role),
    /// In a word, or in a number that is not wanted.
    Word,
}

/// Whether each line is a document of its own, so that a broken one ends with its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lines {
    Unknown,
    Yes,
    No,
}

impl Default for Json {
    fn default() -> Json {
        Json::new()
    }
}

impl Json {
    pub(crate) fn new() -> Json {
        Json {
            outline: Outline::new("json"),
            words: Words::default(),
            state: State::Between,
            at: 0,
            word: Word::default(),
            is_key_next: false,
            lines: Lines::Unknown,
            held: Vec::new(),
            start: 0,
            has_escape: false,
            is_escaped: false,
            ends: Places::default(),
        }
    }

    /// Takes the bytes, or of a single object those up to its end: how many, where it ends there.
    fn take(&mut self, bytes: &[u8], is_single: bool, sink: Sink<'_>) -> Option<usize> {
        let mut part = Part { bytes, ends: std::mem::take(&mut self.ends), is_known: false };
        let mut at = self.go_on(&mut part, sink);
        let mut end = None;
        while let Some(first) = bytes.get(at) {
            at = match first {
                b'"' => self.text(&mut part, at + 1, sink),
                b' ' => at + skip::spaces(bytes.get(at..).unwrap_or_default()),
                b'}' | b']' => {
                    let was_open = !self.outline.is_empty();
                    self.close(self.at + at as u64, sink);
                    if is_single && was_open && self.outline.is_empty() {
                        end = Some(at + 1);
                        break;
                    }
                    at + 1
                }
                b',' | b':' | b'\t' | b'\r' | b'{' | b'[' | b'\n' => {
                    self.mark(*first, at, sink);
                    at + 1
                }
                _ => self.scalar(bytes, at, sink),
            };
        }
        self.ends = part.ends;
        self.at += end.unwrap_or(bytes.len()) as u64;
        end
    }

    /// Takes a byte of the structure, or one that stands between.
    #[inline]
    fn mark(&mut self, mark: u8, at: usize, sink: Sink<'_>) {
        match mark {
            b',' => self.is_key_next = !self.outline.is_in_list(),
            b'{' => self.open(false),
            b'[' => self.open(true),
            b'\n' => self.line(self.at + at as u64, sink),
            _ => {}
        }
    }

    fn open(&mut self, is_list: bool) {
        self.outline.open(self.word, is_list, &self.words);
        self.is_key_next = !is_list;
    }

    fn close(&mut self, at: u64, sink: Sink<'_>) {
        self.outline.close(at, sink);
        self.is_key_next = false;
        if self.outline.is_empty() && self.lines == Lines::Unknown {
            self.lines = Lines::Yes;
        }
    }

    fn line(&mut self, at: u64, sink: Sink<'_>) {
        if self.outline.is_empty() {
            return;
        }
        match self.lines {
            Lines::Unknown => self.lines = Lines::No,
            Lines::Yes => {
                self.outline.close_all(at, sink);
                self.is_key_next = false;
            }
            Lines::No => {}
        }
    }

    /// Takes what begins at `at`: a number, a word, or what has no place in JSON.
    fn scalar(&mut self, bytes: &[u8], at: usize, sink: Sink<'_>) -> usize {
        let rest = bytes.get(at..).unwrap_or_default();
        let role = self.outline.role_of_next(self.word).filter(|role| !role.is_fact());
        if let (Some(role), Some(b'0'..=b'9' | b'-')) = (role, rest.first()) {
            self.start = self.at + at as u64;
            self.state = State::Number(role);
            return at + self.number(rest, at, role, sink);
        }
        if role.is_none() && self.outline.is_in_list() {
            return at + skip::to_structure(rest, self.lines != Lines::No);
        }
        self.state = State::Word;
        at + self.word(rest)
    }

    fn word(&mut self, bytes: &[u8]) -> usize {
        let end = skip::to_delimiter(bytes);
        if end < bytes.len() {
            self.state = State::Between;
        }
        end
    }
}

impl Dialect for Json {
    fn feed(&mut self, bytes: &[u8], sink: &mut dyn FnMut(&Field<'_>)) {
        self.take(bytes, false, sink);
        self.outline.expire(self.at, sink);
    }

    fn finish(&mut self, sink: &mut dyn FnMut(&Field<'_>)) {
        if let State::Number(role) = self.state {
            self.number_ended((self.at, None), role, sink);
        }
        self.outline.close_all(self.at, sink);
    }

    fn settled(&self) -> u64 {
        self.outline.settled(self.at).min(self.open_token())
    }

    fn form(&self) -> Form {
        Form::Json
    }
}
