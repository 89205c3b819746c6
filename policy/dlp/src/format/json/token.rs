//! The texts and numbers of JSON. Most end in the bytes in which they begin, and are told from there;
//! of those that a chunk cuts no more is held than a value has.

use super::{Json, Part, Role, Sink, State, unescaped};
use crate::finding::Span;
use crate::format::dialect::FIELD_MAX;
use crate::format::outline::Value;
use crate::locus::Written;

/// Bytes of a photograph that are told at a time, so that none waits for its end.
const PHOTO_PIECE: usize = 2048;

/// How a text ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Quote,
    /// A line feed, which no text may hold.
    Line,
}

impl Json {
    /// Goes on with a token that began before the bytes, and says where what follows it begins.
    pub(super) fn go_on(&mut self, part: &mut Part<'_>, sink: Sink<'_>) -> usize {
        match self.state {
            State::Between => 0,
            State::Key | State::Text(_) => self.rest_of_text(part, 0, sink),
            State::Number(role) => self.number(part.bytes, 0, role, sink),
            State::Word => self.word(part.bytes),
        }
    }

    /// Reads the text behind the quote before `from`, and says where what follows it begins.
    #[inline]
    pub(super) fn text(&mut self, part: &mut Part<'_>, from: usize, sink: Sink<'_>) -> usize {
        let role = if self.is_key_next { None } else { self.outline.role_of_next(self.word) };
        let end = part.next_end(from).filter(|end| part.bytes.get(*end) == Some(&b'"'));
        if let Some(end) = end.filter(|_| role != Some(Role::Photo)) {
            if self.is_key_next {
                self.is_key_next = false;
                self.word = self.words.look_up(part.bytes, (from, end));
                return end + 1 + behind_key(part.bytes, end + 1);
            }
            if let Some(role) = role
                && end - from <= FIELD_MAX
            {
                let span = self.span(from, end);
                let text = part.bytes.get(from..end).unwrap_or_default();
                self.tell(role, text, (span, Written::Text), sink);
            }
            return end + 1 + self.behind_text(part.bytes, end + 1);
        }
        self.state = if self.is_key_next { State::Key } else { State::Text(role) };
        self.start = self.at + from as u64;
        self.has_escape = false;
        self.rest_of_text(part, from, sink)
    }

    fn span(&self, from: usize, end: usize) -> Span {
        Span { start: self.at + from as u64, end: self.at + end as u64 }
    }

    /// Passes over the comma behind a text, which mostly follows at once.
    #[inline]
    fn behind_text(&mut self, bytes: &[u8], at: usize) -> usize {
        let is_comma = bytes.get(at) == Some(&b',');
        if is_comma {
            self.is_key_next = !self.outline.is_in_list();
        }
        usize::from(is_comma)
    }

    /// Reads a text with escapes or without an end, or what is left of one, from `from` on.
    fn rest_of_text(&mut self, part: &mut Part<'_>, from: usize, sink: Sink<'_>) -> usize {
        let (end, how) = self.text_end(part, from);
        let bytes = part.bytes;
        let text = bytes.get(from..end).unwrap_or_default();
        let state = self.state;
        if state == State::Text(Some(Role::Photo)) {
            self.photo(text, self.at + from as u64, how.is_some(), sink);
        } else if how.is_some() {
            let span = Span { start: self.start, end: self.at + end as u64 };
            self.text_ended(text, (span, how == Some(End::Quote)), sink);
        } else if state != State::Text(None) {
            self.hold(text, FIELD_MAX + 1);
        }
        let Some(how) = how else { return end };
        self.state = State::Between;
        if how == End::Line {
            end
        } else if state == State::Key {
            end + 1 + behind_key(bytes, end + 1)
        } else {
            end + 1 + self.behind_text(bytes, end + 1)
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
    fn text_end(&mut self, part: &mut Part<'_>, from: usize) -> (usize, Option<End>) {
        let bytes = part.bytes;
        let mut at = from;
        if self.is_escaped && at < bytes.len() {
            self.is_escaped = false;
            at += 1;
        }
        loop {
            let Some(found) = part.next_end(at) else { return (bytes.len(), None) };
            match bytes.get(found) {
                Some(b'\\') => {
                    self.has_escape = true;
                    at = found + 2;
                    if at > bytes.len() {
                        self.is_escaped = true;
                        return (bytes.len(), None);
                    }
                }
                Some(b'\n') => return (found, Some(End::Line)),
                _ => return (found, Some(End::Quote)),
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
            self.words.of_name(&unescaped(raw))
        } else {
            self.words.of_name(raw)
        };
    }

    fn tell_text(&mut self, role: Role, raw: &[u8], span: Span, sink: Sink<'_>) {
        if self.has_escape {
            self.tell(role, &unescaped(raw), (span, Written::Text), sink);
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

    /// Reads a number, or what is left of one, of which the bytes begin at `at` of what is read: how
    /// long it is.
    pub(super) fn number(&mut self, bytes: &[u8], at: usize, role: Role, sink: Sink<'_>) -> usize {
        let ends =
            bytes.iter().position(|b| !matches!(b, b'0'..=b'9' | b'.' | b'+' | b'-' | b'e' | b'E'));
        let part = bytes.get(..ends.unwrap_or(bytes.len())).unwrap_or_default();
        self.hold(part, FIELD_MAX + 1);
        if let Some(next) = ends.and_then(|at| bytes.get(at)) {
            let end = self.at + (at + part.len()) as u64;
            self.number_ended((end, Some(*next)), role, sink);
        }
        part.len()
    }

    /// Tells a number that ends at the offset `end`, before `next` if there is any.
    pub(super) fn number_ended(
        &mut self,
        (end, next): (u64, Option<u8>),
        role: Role,
        sink: Sink<'_>,
    ) {
        self.state = State::Between;
        let held = std::mem::take(&mut self.held);
        let span = Span { start: self.start, end };
        if held.len() <= FIELD_MAX {
            self.tell(role, &held, (span, Written::bare(&held, next)), sink);
        }
        self.held = held;
        self.held.clear();
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
    pub(super) fn open_token(&self) -> u64 {
        let is_wanted = match self.state {
            State::Between | State::Key | State::Text(None) | State::Word => false,
            State::Text(Some(Role::Photo)) => true,
            State::Text(Some(_)) | State::Number(_) => self.held.len() <= FIELD_MAX,
        };
        if is_wanted { self.start } else { self.at }
    }
}

/// Length of the colon behind a key, and of a blank, which mostly follow at once.
#[inline]
fn behind_key(bytes: &[u8], at: usize) -> usize {
    let is_colon = bytes.get(at) == Some(&b':');
    let is_blank = is_colon && bytes.get(at + 1) == Some(&b' ');
    usize::from(is_colon) + usize::from(is_blank)
}
