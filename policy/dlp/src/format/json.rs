//! JSON and its lines (NDJSON), FHIR resources among them: a tokenizer (RFC 8259) that follows keys
//! and reads only the values whose place announces something. It checks no grammar: whatever is
//! written wrong is passed over, and the detectors read it all the same.

mod object;
mod skip;
mod text;

use crate::finding::Span;
use crate::format::dialect::{Dialect, FIELD_MAX, Form};
use crate::format::outline::words::{Word, Words};
use crate::format::outline::{Outline, Role, Sink, Value};
use crate::locus::{Field, Written};
pub(crate) use skip::{begins_object, in_text, is_json};
pub(crate) use text::unescaped;

/// Bytes of a photograph that are told at a time, so that none waits for its end.
const PHOTO_PIECE: usize = 2048;

/// A document, or several in a row.
#[derive(Debug)]
pub(crate) struct Json {
    outline: Outline,
    words: Words,
    state: State,
    /// Offset of the next byte.
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

/// How a text ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Quote,
    /// A line feed, which no text may hold.
    Line,
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
        }
    }

    /// Takes some of the bytes and says how many: at least one.
    fn step(&mut self, bytes: &[u8], sink: Sink<'_>) -> usize {
        match self.state {
            State::Between => self.between(bytes, sink),
            State::Key | State::Text(_) => self.text(bytes, 0, sink),
            State::Number(role) => self.number(bytes, role, sink),
            State::Word => self.word(bytes),
        }
    }

    fn between(&mut self, bytes: &[u8], sink: Sink<'_>) -> usize {
        let Some(first) = bytes.first() else { return 0 };
        match first {
            b'"' => {
                self.state = if self.is_key_next { State::Key } else { State::Text(self.role()) };
                self.start = self.at + 1;
                self.has_escape = false;
                return self.text(bytes, 1, sink);
            }
            b',' => self.is_key_next = !self.outline.is_in_list(),
            b':' => {}
            b'{' => self.open(false),
            b'[' => self.open(true),
            b'}' | b']' => self.close(sink),
            b'\n' => self.line(sink),
            b' ' => return skip::spaces(bytes),
            b'\t' | b'\r' => {}
            _ => return self.scalar(bytes, *first, sink),
        }
        1
    }

    /// What the next value is, if it is wanted.
    fn role(&self) -> Option<Role> {
        let word = if self.outline.is_in_list() { self.outline.list_word() } else { self.word };
        self.outline.role(word)
    }

    fn open(&mut self, is_list: bool) {
        self.outline.open(self.word, is_list, &self.words);
        self.is_key_next = !is_list;
    }

    fn close(&mut self, sink: Sink<'_>) {
        self.outline.close(self.at, sink);
        self.is_key_next = false;
        if self.outline.is_empty() && self.lines == Lines::Unknown {
            self.lines = Lines::Yes;
        }
    }

    fn line(&mut self, sink: Sink<'_>) {
        if self.outline.is_empty() {
            return;
        }
        match self.lines {
            Lines::Unknown => self.lines = Lines::No,
            Lines::Yes => {
                self.outline.close_all(self.at, sink);
                self.is_key_next = false;
            }
            Lines::No => {}
        }
    }

    /// A number, a word, or what has no place in JSON.
    fn scalar(&mut self, bytes: &[u8], first: u8, sink: Sink<'_>) -> usize {
        let role = self.role().filter(|role| !role.is_fact());
        if (first.is_ascii_digit() || first == b'-')
            && let Some(role) = role
        {
            self.start = self.at;
            self.state = State::Number(role);
            return self.number(bytes, role, sink);
        }
        if role.is_none() && self.outline.is_in_list() {
            return skip::to_structure(bytes, self.lines != Lines::No);
        }
        self.state = State::Word;
        self.word(bytes)
    }

    fn word(&mut self, bytes: &[u8]) -> usize {
        let end = skip::to_delimiter(bytes);
        if end < bytes.len() {
            self.state = State::Between;
        }
        end
    }

    fn number(&mut self, bytes: &[u8], role: Role, sink: Sink<'_>) -> usize {
        let ends =
            bytes.iter().position(|b| !matches!(b, b'0'..=b'9' | b'.' | b'+' | b'-' | b'e' | b'E'));
        let part = bytes.get(..ends.unwrap_or(bytes.len())).unwrap_or_default();
        self.hold(part, FIELD_MAX + 1);
        if let Some(next) = ends.and_then(|at| bytes.get(at)) {
            self.number_ended((part.len(), Some(*next)), role, sink);
        }
        part.len()
    }

    /// Tells a number that ends behind so many of the next bytes, before `next` if there is any.
    fn number_ended(&mut self, (used, next): (usize, Option<u8>), role: Role, sink: Sink<'_>) {
        self.state = State::Between;
        let held = std::mem::take(&mut self.held);
        let span = Span { start: self.start, end: self.at + used as u64 };
        if held.len() <= FIELD_MAX {
            self.tell(role, &held, (span, Written::bare(&held, next)), sink);
        }
        self.held = held;
        self.held.clear();
    }

    /// Reads a text, from `from` on.
    fn text(&mut self, bytes: &[u8], from: usize, sink: Sink<'_>) -> usize {
        let (end, how) = self.text_end(bytes, from);
        let part = bytes.get(from..end).unwrap_or_default();
        let state = self.state;
        if state == State::Text(Some(Role::Photo)) {
            self.photo(part, self.at + from as u64, how.is_some(), sink);
        } else if how.is_some() {
            let span = Span { start: self.start, end: self.at + end as u64 };
            self.text_ended(part, (span, how == Some(End::Quote)), sink);
        } else if state != State::Text(None) {
            self.hold(part, FIELD_MAX + 1);
        }
        match how {
            Some(End::Quote) => {
                self.state = State::Between;
                end + 1 + self.joint(bytes.get(end + 1..).unwrap_or_default(), state)
            }
            Some(End::Line) => {
                self.state = State::Between;
                end
            }
            None => end,
        }
    }

    /// Passes over the colon behind a key or the comma behind a value, which mostly follow at once.
    fn joint(&mut self, bytes: &[u8], ended: State) -> usize {
        match (ended, bytes) {
            (State::Key, [b':', b' ', ..]) => 2,
            (State::Key, [b':', ..]) => 1,
            (State::Text(_), [b',', ..]) => {
                self.is_key_next = !self.outline.is_in_list();
                1
            }
            _ => 0,
        }
    }

    fn text_ended(&mut self, part: &[u8], (span, is_whole): (Span, bool), sink: Sink<'_>) {
        let state = self.state;
        let held = if self.held.is_empty() {
            None
        } else {
            self.hold(part, FIELD_MAX + 1);
            Some(std::mem::take(&mut self.held))
        };
        let raw = held.as_deref().unwrap_or(part);
        match state {
            State::Key => self.key(raw),
            State::Text(Some(role)) if is_whole && raw.len() <= FIELD_MAX => {
                self.tell_text(role, raw, span, sink);
            }
            State::Text(_) | State::Between | State::Number(_) | State::Word => {}
        }
        if let Some(held) = held {
            self.held = held;
            self.held.clear();
        }
    }

    /// Where the text ends, and how if it does.
    fn text_end(&mut self, bytes: &[u8], from: usize) -> (usize, Option<End>) {
        let mut at = from;
        if self.is_escaped && at < bytes.len() {
            self.is_escaped = false;
            at += 1;
        }
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            let Some(found) = skip::in_text(rest) else { return (bytes.len(), None) };
            at += found;
            match rest.get(found) {
                Some(b'\\') => {
                    self.has_escape = true;
                    at += 2;
                    if at > bytes.len() {
                        self.is_escaped = true;
                        return (bytes.len(), None);
                    }
                }
                Some(b'\n') => return (at, Some(End::Line)),
                _ => return (at, Some(End::Quote)),
            }
        }
    }

    fn hold(&mut self, part: &[u8], max: usize) {
        let room = max.saturating_sub(self.held.len());
        self.held.extend_from_slice(part.get(..room).unwrap_or(part));
    }

    fn key(&mut self, raw: &[u8]) {
        self.is_key_next = false;
        self.word = if self.has_escape {
            self.words.look_up(&text::unescaped(raw))
        } else {
            self.words.look_up(raw)
        };
    }

    fn tell_text(&mut self, role: Role, raw: &[u8], span: Span, sink: Sink<'_>) {
        if self.has_escape {
            self.tell(role, &text::unescaped(raw), (span, Written::Text), sink);
        } else {
            self.tell(role, raw, (span, Written::Text), sink);
        }
    }

    fn tell(&mut self, role: Role, text: &[u8], (span, written): (Span, Written), sink: Sink<'_>) {
        let shown: &[u8] =
            if self.outline.is_in_list() { b"" } else { self.words.shown(self.word) };
        let value = Value { span, text, written, seen: span.end + 1 };
        self.outline.value(role, shown, value, sink);
    }

    /// Takes a part of a photograph that stands at `at`.
    fn photo(&mut self, part: &[u8], at: u64, is_over: bool, sink: Sink<'_>) {
        let (mut at, mut rest) = (at, part);
        while !rest.is_empty() {
            let room = PHOTO_PIECE - self.held.len().min(PHOTO_PIECE - 1);
            let (now, later) = rest.split_at_checked(room).unwrap_or((rest, &[]));
            self.held.extend_from_slice(now);
            (at, rest) = (at + now.len() as u64, later);
            if self.held.len() >= PHOTO_PIECE {
                self.photo_piece(at, sink);
            }
        }
        if is_over && !self.held.is_empty() {
            self.photo_piece(at, sink);
        }
    }

    fn photo_piece(&mut self, end: u64, sink: Sink<'_>) {
        let span = Span { start: self.start, end };
        self.start = end;
        let held = std::mem::take(&mut self.held);
        self.tell(Role::Photo, held.get(..FIELD_MAX).unwrap_or(&held), (span, Written::Text), sink);
        self.held = held;
        self.held.clear();
    }

    /// Where the token begins that may still be told.
    fn open_token(&self) -> u64 {
        let is_wanted = match self.state {
            State::Between | State::Key | State::Text(None) | State::Word => false,
            State::Text(Some(Role::Photo)) => true,
            State::Text(Some(_)) | State::Number(_) => self.held.len() <= FIELD_MAX,
        };
        if is_wanted { self.start } else { self.at }
    }
}

impl Dialect for Json {
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
        if let State::Number(role) = self.state {
            self.number_ended((0, None), role, sink);
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
