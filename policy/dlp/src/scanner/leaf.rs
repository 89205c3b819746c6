//! A leaf: bytes that are read as they are. Finds anchors, lets the catalogue judge each once its
//! whole right context is there, keeps lines and columns and the ledger. Invariant: what is found
//! depends on offsets in the leaf only; at most `KEPT_MAX` bytes are held.

use std::sync::Arc;

use crate::coverage::{Blocks, Declared};
use crate::detector::{LOOK_AHEAD, LOOK_BACK, Match, REACH_BACK, RUN_MAX, View};
use crate::finding::{Confidence, Finding, Identifier, Span};
use crate::format::dialect::Dialect;
use crate::gate::{self, Anchor};
use crate::locus::{self, Field};
use crate::scanner::settling::Settling;
use crate::scanner::{Reader, Scan};

/// Bytes taken into the window at a time.
const PIECE: usize = 32 * 1024;
/// Bytes kept behind what has been judged: a detector's look-back, and the longest value of a
/// dialect as it is written.
const KEPT_BACK: usize = 4096;
/// Bytes held at most.
const KEPT_MAX: usize = PIECE + KEPT_BACK + LOOK_AHEAD;

/// Reads one leaf.
#[derive(Debug)]
pub(crate) struct Leaf {
    member: Option<Arc<str>>,
    blocks: Blocks,
    window: Vec<u8>,
    /// Offset in the leaf of the first byte of the window.
    base: u64,
    /// Index in the window up to which anchors have been judged.
    judged: usize,
    lines: Lines,
    /// The structured form that the leaf is written in.
    dialect: Option<Box<dyn Dialect>>,
    settling: Settling,
}

impl Leaf {
    pub(crate) fn new(member: Option<Arc<str>>, declared: Declared) -> Leaf {
        Leaf {
            member,
            blocks: Blocks::new(declared),
            window: Vec::new(),
            base: 0,
            judged: 0,
            lines: Lines::default(),
            dialect: None,
            settling: Settling::default(),
        }
    }

    /// A leaf whose values a structured form tells beside the detectors.
    pub(crate) fn with_dialect(mut self, dialect: Option<Box<dyn Dialect>>) -> Leaf {
        self.dialect = dialect;
        self
    }

    /// Takes the next bytes for the detectors alone: the caller counts them itself.
    pub(crate) fn watch(&mut self, scan: &mut Scan, bytes: &[u8]) {
        for piece in bytes.chunks(PIECE) {
            if self.window.len() + piece.len() > KEPT_MAX {
                self.drain();
            }
            self.window.extend_from_slice(piece);
            self.listen(|dialect, sink| dialect.feed(piece, sink));
            let to = self.window.len().saturating_sub(LOOK_AHEAD);
            self.judge(scan, to);
            self.settle(scan);
        }
    }

    /// Takes a name or another field that is text by its format. What is no text, though it stands
    /// where text belongs, is for the ledger to judge like any other bytes.
    pub(crate) fn field(&mut self, scan: &mut Scan, bytes: &[u8]) {
        if is_plain_text(bytes) {
            scan.evidence.coverage.read += bytes.len() as u64;
            self.watch(scan, bytes);
        } else {
            self.feed(scan, bytes);
        }
    }

    /// Says what the bytes from here on are declared as.
    pub(crate) fn declare(&mut self, scan: &mut Scan, declared: Declared) {
        self.blocks.finish(&mut scan.evidence.coverage);
        self.blocks = Blocks::new(declared);
    }

    /// How many bytes have been taken: the offset of the next one.
    pub(crate) fn offset(&self) -> u64 {
        self.base + self.window.len() as u64
    }

    /// Takes a value at a place that the caller's form knows. Its span is in offsets of this leaf:
    /// to be told when its bytes have been taken, and before many others are.
    pub(crate) fn locate(&mut self, field: &Field<'_>) {
        let Some(class) = locus::judge(field.family, field.text) else { return };
        self.add(field.form, field.locus, field.span, (class, field.is_json_number));
    }

    /// As [`Leaf::locate`], where the form has judged by itself what the value is.
    pub(crate) fn tell(
        &mut self,
        form: &'static str,
        locus: &str,
        span: Span,
        class: (Identifier, Confidence),
    ) {
        self.add(form, locus, span, (class, false));
    }

    fn add(
        &mut self,
        form: &'static str,
        locus: &str,
        span: Span,
        ((identifier, confidence), json_number): ((Identifier, Confidence), bool),
    ) {
        let (line, column) = self.place(span.start);
        self.settling.add(Finding {
            detector: form.into(),
            identifier,
            confidence,
            span,
            member: self.member.clone(),
            locus: Some(locus.into()),
            line,
            column,
            json_number,
        });
    }

    /// Lets the dialect tell what it knows.
    fn listen(&mut self, tell: impl FnOnce(&mut dyn Dialect, &mut dyn FnMut(&Field<'_>))) {
        let Some(mut dialect) = self.dialect.take() else { return };
        tell(dialect.as_mut(), &mut |field| self.locate(field));
        self.dialect = Some(dialect);
    }

    /// The offset at which, or behind which, every later finding starts.
    fn frontier(&self) -> u64 {
        let anchors = (self.base + self.judged as u64).saturating_sub(REACH_BACK as u64);
        self.dialect.as_ref().map_or(anchors, |dialect| anchors.min(dialect.settled()))
    }

    fn settle(&mut self, scan: &mut Scan) {
        let frontier = self.frontier();
        self.settling.settle(scan, frontier);
    }

    /// Drops what no detector can look at any more.
    fn drain(&mut self) {
        let spent = self.judged.saturating_sub(KEPT_BACK);
        self.lines.pass(self.base, self.window.get(..spent).unwrap_or_default());
        self.window.drain(..spent);
        self.base += spent as u64;
        self.judged -= spent;
    }

    fn judge(&mut self, scan: &mut Scan, to: usize) {
        while let Some((at, anchor)) = gate::next_anchor(&self.window, self.judged, to) {
            let start = at.saturating_sub(LOOK_BACK);
            let end = (at + LOOK_AHEAD).min(self.window.len());
            let bytes = self.window.get(start..end).unwrap_or_default();
            let mut view = View { bytes, at: at - start, anchor, run: 0 };
            view.run = view.digits(view.at);
            self.judged = at + view.run.max(1);
            if anchor == Anchor::Digits && view.run > RUN_MAX {
                continue;
            }
            if let Some((detector, found)) = scan.catalog.examine(anchor, &view) {
                self.judged = self.judged.max(start + found.end);
                let json_number = is_json_number(&view, &found);
                self.report(Arc::clone(detector), &found, (start, json_number));
            }
        }
        self.judged = self.judged.max(to);
    }

    fn report(&mut self, detector: Arc<str>, found: &Match, (start, json_number): (usize, bool)) {
        let first = self.base + (start + found.start) as u64;
        let (line, column) = self.place(first);
        self.settling.add(Finding {
            detector,
            identifier: found.identifier,
            confidence: found.confidence,
            span: Span { start: first, end: self.base + (start + found.end) as u64 },
            member: self.member.clone(),
            locus: None,
            line,
            column,
            json_number,
        });
    }

    /// Line and column, from 1, of an offset in the window.
    fn place(&mut self, offset: u64) -> (u64, u64) {
        let first = usize::try_from(offset.saturating_sub(self.base)).unwrap_or(usize::MAX);
        let before = self.window.get(..first).unwrap_or(&self.window);
        self.lines.place(self.base, before)
    }
}

impl Reader for Leaf {
    fn feed(&mut self, scan: &mut Scan, bytes: &[u8]) {
        self.blocks.feed(bytes, &mut scan.evidence.coverage);
        self.watch(scan, bytes);
    }

    fn finish(&mut self, scan: &mut Scan) {
        self.blocks.finish(&mut scan.evidence.coverage);
        self.judge(scan, self.window.len());
        self.listen(|dialect, sink| dialect.finish(sink));
        self.settling.settle(scan, u64::MAX);
    }

    fn cleared(&self) -> u64 {
        let anchors = self.frontier().min(self.settling.start());
        // A block whose class is not known yet may turn out to be unidentified.
        let fed = self.base + self.window.len() as u64;
        anchors.min(fed.saturating_sub(self.blocks.waiting() as u64))
    }
}

/// Whether bytes are UTF-8 without controls but white space and the NULs that end fields.
pub(crate) fn is_plain_text(bytes: &[u8]) -> bool {
    let is_plain = |c: char| !c.is_control() || c.is_whitespace() || c == '\0';
    std::str::from_utf8(bytes).is_ok_and(|text| text.chars().all(is_plain))
}

/// Whether the match stands as a bare number in JSON: behind a key's colon or in a list.
fn is_json_number(view: &View<'_>, found: &Match) -> bool {
    let is_space = |b: u8| matches!(b, b' ' | b'\t' | b'\r' | b'\n');
    let text = view.part(found.start, found.end);
    let mut before = view.part(0, found.start).iter().rev().copied().skip_while(|b| is_space(*b));
    let mut behind = view.bytes.get(found.end..).unwrap_or_default().iter().copied();
    let opens = match before.next() {
        Some(b':') => before.find(|b| !is_space(*b)) == Some(b'"'),
        Some(b'[') => true,
        _ => false,
    };
    let closes = matches!(behind.find(|b| !is_space(*b)), Some(b',' | b'}' | b']'));
    opens && closes && text.iter().all(u8::is_ascii_digit)
}

/// Lines passed so far. Counted as the window moves on, and from there only where something was
/// found.
#[derive(Debug, Default)]
struct Lines {
    /// Line feeds before the window.
    passed: u64,
    /// Offset behind the last of them.
    line_start: u64,
    /// How far into the window the count went last: offset, line feeds, offset behind the last.
    mark: (u64, u64, u64),
}

impl Lines {
    /// Notes that `gone`, at `base`, leaves the window.
    fn pass(&mut self, base: u64, gone: &[u8]) {
        self.passed += memchr::memchr_iter(b'\n', gone).count() as u64;
        if let Some(last) = memchr::memrchr(b'\n', gone) {
            self.line_start = base + last as u64 + 1;
        }
    }

    /// Line and column, from 1, of what follows `before`, which begins at `base`.
    fn place(&mut self, base: u64, before: &[u8]) -> (u64, u64) {
        let upto = base + before.len() as u64;
        if !(base..=upto).contains(&self.mark.0) {
            self.mark = (base, self.passed, self.line_start);
        }
        let (from, mut lines, mut line_start) = self.mark;
        let skip = usize::try_from(from - base).unwrap_or(usize::MAX);
        let fresh = before.get(skip..).unwrap_or_default();
        lines += memchr::memchr_iter(b'\n', fresh).count() as u64;
        if let Some(last) = memchr::memrchr(b'\n', fresh) {
            line_start = from + last as u64 + 1;
        }
        self.mark = (upto, lines, line_start);
        (lines + 1, upto - line_start + 1)
    }
}
