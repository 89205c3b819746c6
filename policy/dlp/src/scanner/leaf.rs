//! A leaf: bytes that are read as they are. Finds anchors, lets the catalogue judge each once its
//! whole right context is there, keeps lines and columns and the ledger. Invariant: what is found
//! depends on offsets in the leaf only; at most `KEPT_MAX` bytes are held.

mod lines;

use std::sync::Arc;

use crate::coverage::{Blocks, Declared};
use crate::detector::listed::is_listed;
use crate::detector::{LOOK_AHEAD, LOOK_BACK, Match, REACH_BACK, RUN_MAX, View};
use crate::finding::{Confidence, Finding, Identifier, Span};
use crate::format::dialect::Dialect;
use crate::gate::{self, Anchor, Area};
use crate::locus::{self, Field};
use crate::redact::MASK;
use crate::scanner::overlay::{Around, Overlays};
use crate::scanner::rosters::Rosters;
use crate::scanner::settling::Settling;
use crate::scanner::{Reader, Scan};
use lines::Lines;

/// Bytes of a chunk that are read at a time: they stay in the processor's nearest cache.
const PIECE: usize = 16 * 1024;
/// Shorter chunks are copied to the window.
const DIRECT_MIN: usize = 16 * 1024;
/// Longest chunk that is read at once.
const CHUNK_MAX: usize = 1 << 24;
/// Bytes that are waited for before the gate sweeps again: a body may come byte by byte.
const GRAIN: u64 = 64;
/// Bytes that the gate sweeps at a time.
const SWEEP: usize = 4 * 1024;
/// Bytes kept behind what has been judged: a detector's look-back, and the longest value of a
/// dialect or of an overlay as it is written.
const KEPT_BACK: usize = 8192;
/// Bytes held at most.
const KEPT_MAX: usize = DIRECT_MIN + KEPT_BACK + LOOK_AHEAD;

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
    /// Offset in the leaf up to which a site's own detectors have looked.
    looked: u64,
    /// Where anchors may stand, of one sweep.
    candidates: Vec<u32>,
    /// The structured form that the leaf is written in.
    dialect: Option<Box<dyn Dialect>>,
    /// The byte that hides what is found here.
    mask: u8,
    settling: Settling,
    /// What is spelled otherwise in here.
    overlays: Overlays,
    /// Containers, encodings and spellings around it.
    depth: u32,
    /// Compares the text with real patients' values.
    rosters: Rosters,
    /// Whether it stands beside the content.
    is_beside: bool,
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
            looked: 0,
            candidates: Vec::new(),
            dialect: None,
            mask: MASK,
            settling: Settling::default(),
            overlays: Overlays::default(),
            depth: 0,
            rosters: Rosters::default(),
            is_beside: false,
        }
    }

    /// A leaf of what stands beside the content, such as a comment or what fills a gap.
    pub(crate) fn beside(mut self) -> Leaf {
        self.is_beside = true;
        self
    }

    /// A leaf so deep in containers, encodings and spellings.
    pub(crate) fn nested(mut self, depth: u32) -> Leaf {
        self.depth = depth;
        self
    }

    /// A leaf whose values a structured form tells beside the detectors.
    pub(crate) fn with_dialect(mut self, dialect: Option<Box<dyn Dialect>>) -> Leaf {
        self.mask = dialect.as_ref().map_or(MASK, |dialect| dialect.mask());
        self.dialect = dialect;
        self
    }

    /// Takes the next bytes for the detectors alone: the caller counts them itself.
    pub(crate) fn watch(&mut self, scan: &mut Scan, bytes: &[u8]) {
        self.take(scan, bytes, false);
    }

    /// Takes the next bytes. Long chunks are read where they are; only their ends are kept, for what
    /// goes on in the next one.
    fn take(&mut self, scan: &mut Scan, bytes: &[u8], is_counted: bool) {
        for chunk in bytes.chunks(CHUNK_MAX) {
            if chunk.len() < DIRECT_MIN {
                self.take_short(scan, chunk, is_counted);
                continue;
            }
            let (seam, rest) = chunk.split_at(KEPT_BACK);
            self.take_short(scan, seam, is_counted);
            self.take_direct(scan, chunk, rest, is_counted);
        }
    }

    fn take_short(&mut self, scan: &mut Scan, piece: &[u8], is_counted: bool) {
        if self.window.len() + piece.len() > KEPT_MAX {
            self.drain();
        }
        self.window.extend_from_slice(piece);
        let window = std::mem::take(&mut self.window);
        let to = window.len().saturating_sub(LOOK_AHEAD);
        self.read(scan, piece, is_counted, (&window, to));
        self.window = window;
    }

    /// Takes `rest`, the end of `chunk`, of which the window holds what stands before.
    fn take_direct(&mut self, scan: &mut Scan, chunk: &[u8], rest: &[u8], is_counted: bool) {
        let before = self.window.len() - (chunk.len() - rest.len());
        self.leave(before);
        let mut window = std::mem::take(&mut self.window);
        let mut upto = chunk.len() - rest.len();
        for piece in rest.chunks(PIECE) {
            upto += piece.len();
            // Of what follows in the chunk only the look-ahead, as if it were not there yet.
            let seen = chunk.get(..upto).unwrap_or(chunk);
            self.read(scan, piece, is_counted, (seen, upto - LOOK_AHEAD));
        }
        let spent = self.judged.saturating_sub(KEPT_BACK);
        let (gone, kept) = chunk.split_at(spent.min(chunk.len()));
        window.clear();
        window.extend_from_slice(kept);
        self.window = window;
        self.lines.pass(self.base, gone);
        self.shift(gone.len());
    }

    /// Reads a piece that has become the end of `window`, and judges anchors up to `to` in there.
    fn read(
        &mut self,
        scan: &mut Scan,
        piece: &[u8],
        is_counted: bool,
        (window, to): (&[u8], usize),
    ) {
        if is_counted {
            self.blocks.feed(piece, &mut scan.evidence.coverage);
        }
        let around = self.around();
        let found = self.overlays.feed(scan, &around, piece);
        self.reveal(window, found);
        self.listen(window, |dialect, sink| dialect.feed(piece, sink));
        self.rosters.feed(&scan.catalog, piece);
        // A place in the leaf, whatever the chunks, so that findings of several leaves keep their order.
        let beyond = usize::try_from((self.base + to as u64) % GRAIN).unwrap_or(0);
        let to = to.saturating_sub(beyond);
        if to > self.judged {
            self.judge(scan, window, to);
            self.compare(window, self.base + to as u64);
            self.settle(scan);
        }
    }

    /// Takes a name or another field that is text by its format. What is no text, though it stands
    /// where text belongs, is for the ledger to judge like any other bytes.
    pub(crate) fn field(&mut self, scan: &mut Scan, bytes: &[u8]) {
        scan.saw_name(bytes);
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
        let window = std::mem::take(&mut self.window);
        self.locate_in(&window, field);
        self.window = window;
    }

    fn locate_in(&mut self, window: &[u8], field: &Field<'_>) {
        let Some(class) = locus::judge(field.family, field.text) else { return };
        let place = (field.form, field.locus, field.span);
        self.add(window, place, class, field.is_json_number);
    }

    /// As [`Leaf::locate`], where the form has judged by itself what the value is.
    pub(crate) fn tell(
        &mut self,
        form: &'static str,
        locus: &str,
        span: Span,
        class: (Identifier, Confidence),
    ) {
        let window = std::mem::take(&mut self.window);
        self.add(&window, (form, locus, span), class, false);
        self.window = window;
    }

    fn add(
        &mut self,
        window: &[u8],
        (form, locus, span): (&'static str, &str, Span),
        (identifier, confidence): (Identifier, Confidence),
        json_number: bool,
    ) {
        let (line, column) = self.place(window, span.start);
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
            mask: self.mask,
            is_escaped: false,
        });
    }

    /// Lets the dialect tell what it knows.
    fn listen(
        &mut self,
        window: &[u8],
        tell: impl FnOnce(&mut dyn Dialect, &mut dyn FnMut(&Field<'_>)),
    ) {
        let Some(mut dialect) = self.dialect.take() else { return };
        tell(dialect.as_mut(), &mut |field| self.locate_in(window, field));
        self.dialect = Some(dialect);
    }

    /// The offset at which, or behind which, every later finding starts.
    fn frontier(&self) -> u64 {
        let anchors = (self.base + self.judged as u64).saturating_sub(REACH_BACK as u64);
        let anchors = anchors.min(self.rosters.settled());
        let anchors = if self.looked > 0 { anchors.min(self.looked) } else { anchors };
        let anchors = anchors.min(self.overlays.settled());
        self.dialect.as_ref().map_or(anchors, |dialect| anchors.min(dialect.settled()))
    }

    fn around(&self) -> Around {
        Around { member: self.member.clone(), depth: self.depth }
    }

    /// Takes what the overlays found in the leaf's own text.
    fn reveal(&mut self, window: &[u8], found: Vec<Finding>) {
        for mut finding in found {
            (finding.line, finding.column) = self.place(window, finding.span.start);
            finding.member = self.member.clone();
            finding.mask = self.mask;
            self.settling.add(finding);
        }
    }

    fn settle(&mut self, scan: &mut Scan) {
        let frontier = self.frontier();
        self.settling.settle(scan, frontier);
    }

    /// Drops what no detector can look at any more.
    fn drain(&mut self) {
        self.leave(self.judged.saturating_sub(KEPT_BACK));
    }

    /// Drops the first `spent` bytes of the window.
    fn leave(&mut self, spent: usize) {
        let spent = spent.min(self.window.len());
        self.lines.pass(self.base, self.window.get(..spent).unwrap_or_default());
        self.window.drain(..spent);
        self.shift(spent);
    }

    /// Moves the base.
    fn shift(&mut self, by: usize) {
        self.base += by as u64;
        self.judged = self.judged.saturating_sub(by);
    }

    /// Judges the anchors of `window`, which begins at the base, up to `to`.
    fn judge(&mut self, scan: &mut Scan, window: &[u8], to: usize) {
        let mut candidates = std::mem::take(&mut self.candidates);
        while self.judged < to {
            let end = to.min(self.judged + SWEEP);
            candidates.clear();
            let area = Area { bytes: window, base: self.base, from: self.judged, to: end };
            gate::sweep(area, &mut candidates);
            for &at in &candidates {
                let at = at as usize;
                if at >= self.judged
                    && let Some(anchor) = gate::anchor_at(window, at)
                {
                    self.examine(scan, window, (at, anchor));
                }
            }
            self.judged = self.judged.max(end);
        }
        self.candidates = candidates;
        self.look(scan, window, to);
    }

    /// Lets a site's own detectors look at the window up to `to`.
    fn look(&mut self, scan: &mut Scan, window: &[u8], to: usize) {
        let catalog = Arc::clone(&scan.catalog);
        if catalog.custom().is_empty() {
            return;
        }
        let from = usize::try_from(self.looked.saturating_sub(self.base)).unwrap_or(usize::MAX);
        if from >= to {
            return;
        }
        let upto = catalog.custom().examine(window, (from, to), &mut |detector, found| {
            let start = found.start.saturating_sub(LOOK_BACK);
            let end = (found.start + LOOK_AHEAD).min(window.len());
            let bytes = window.get(start..end).unwrap_or_default();
            let (first, behind) = (found.start - start, found.end - start);
            let found = Match { start: first, end: behind, ..found };
            let view = View::new(bytes, first, Anchor::Digits);
            let json_number = is_json_number(&view, (first, behind));
            self.report(window, Arc::clone(detector), &found, (start, json_number));
        });
        self.looked = self.base + upto.max(to) as u64;
    }

    fn examine(&mut self, scan: &mut Scan, window: &[u8], (at, anchor): (usize, Anchor)) {
        let start = at.saturating_sub(LOOK_BACK);
        let end = (at + LOOK_AHEAD).min(window.len());
        let bytes = window.get(start..end).unwrap_or_default();
        let view = View::new(bytes, at - start, anchor);
        self.judged = at + view.run.max(1);
        let is_run = anchor == Anchor::Digits;
        if is_run && (view.run > RUN_MAX || is_listed(bytes, view.at, view.run)) {
            return;
        }
        if let Some((detector, found)) = scan.catalog.examine(anchor, &view) {
            // Within a web address other identifiers may stand, and surer ones.
            if found.identifier != Identifier::Url {
                self.judged = self.judged.max(start + found.end);
            }
            let json_number = is_json_number(&view, (found.start, found.end));
            self.report(window, Arc::clone(detector), &found, (start, json_number));
        }
    }

    /// Reports what the rosters know of, as far as all is there that stands behind it.
    fn compare(&mut self, window: &[u8], upto: u64) {
        for found in self.rosters.take(upto) {
            let index = |offset: u64| {
                usize::try_from(offset.saturating_sub(self.base)).unwrap_or(usize::MAX)
            };
            let (first, end) = (index(found.span.start), index(found.span.end));
            let start = first.saturating_sub(LOOK_BACK);
            let bytes = window.get(start..window.len().min(first + LOOK_AHEAD));
            let view = View::new(bytes.unwrap_or_default(), first - start, Anchor::Digits);
            let json_number = is_json_number(&view, (first - start, end - start));
            let class = (found.identifier, Confidence::High);
            self.add(window, ("exact", &found.column, found.span), class, json_number);
        }
    }

    fn report(
        &mut self,
        window: &[u8],
        detector: Arc<str>,
        found: &Match,
        (start, json_number): (usize, bool),
    ) {
        let first = self.base + (start + found.start) as u64;
        let (line, column) = self.place(window, first);
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
            mask: self.mask,
            is_escaped: false,
        });
    }

    /// Line and column, from 1, of an offset in the window.
    fn place(&mut self, window: &[u8], offset: u64) -> (u64, u64) {
        let first = usize::try_from(offset.saturating_sub(self.base)).unwrap_or(usize::MAX);
        let before = window.get(..first).unwrap_or(window);
        self.lines.place(self.base, before)
    }
}

impl Reader for Leaf {
    fn feed(&mut self, scan: &mut Scan, bytes: &[u8]) {
        if self.is_beside {
            scan.saw_slack(bytes.len());
        }
        self.take(scan, bytes, true);
    }

    fn finish(&mut self, scan: &mut Scan) {
        self.blocks.finish(&mut scan.evidence.coverage);
        let window = std::mem::take(&mut self.window);
        self.judge(scan, &window, window.len());
        self.rosters.finish();
        self.compare(&window, u64::MAX);
        self.listen(&window, |dialect, sink| dialect.finish(sink));
        let around = self.around();
        let found = self.overlays.finish(scan, &around);
        self.reveal(&window, found);
        self.window = window;
        self.settling.settle(scan, u64::MAX);
    }

    fn cleared(&self) -> u64 {
        let anchors = self.frontier().min(self.settling.start());
        // A block whose class is not known yet may turn out to be unidentified.
        let fed = self.base + self.window.len() as u64;
        let waiting = fed.saturating_sub(self.blocks.waiting() as u64);
        anchors.min(waiting).min(self.overlays.cleared())
    }
}

/// Whether bytes are UTF-8 without controls but white space and the NULs that end fields.
pub(crate) fn is_plain_text(bytes: &[u8]) -> bool {
    let is_plain = |c: char| !c.is_control() || c.is_whitespace() || c == '\0';
    std::str::from_utf8(bytes).is_ok_and(|text| text.chars().all(is_plain))
}

/// Whether the match stands as a bare number in JSON: behind a key's colon or in a list.
fn is_json_number(view: &View<'_>, (start, end): (usize, usize)) -> bool {
    let is_space = |b: u8| matches!(b, b' ' | b'\t' | b'\r' | b'\n');
    let text = view.part(start, end);
    let mut before = view.part(0, start).iter().rev().copied().skip_while(|b| is_space(*b));
    let mut behind = view.bytes.get(end..).unwrap_or_default().iter().copied();
    let opens = match before.next() {
        Some(b':') => before.find(|b| !is_space(*b)) == Some(b'"'),
        Some(b'[') => true,
        _ => false,
    };
    let closes = matches!(behind.find(|b| !is_space(*b)), Some(b',' | b'}' | b']'));
    opens && closes && text.iter().all(u8::is_ascii_digit)
}
