//! A leaf: bytes that are read as they are. Finds anchors, lets the catalogue judge each once its
//! whole right context is there, keeps lines and columns and the ledger. Invariant: what is found
//! depends on offsets in the leaf only; at most `window::KEPT_MAX` bytes are held.

mod anchors;
mod heard;
mod known;
mod lines;
mod report;
mod series;
mod window;

use std::sync::Arc;

use crate::coverage::{Blocks, Declared};
use crate::detector::{LOOK_AHEAD, LOOK_BACK, Match, REACH_BACK, Seen, View};
use crate::format::dialect::Dialect;
use crate::gate::{Anchor, Census, SURVEYED, Survey, Swept};
use crate::label::Recent;
use crate::redact::MASK;
use crate::scanner::overlay::{Around, Overlays};
use crate::scanner::rosters::Rosters;
use crate::scanner::settling::Settling;
use crate::scanner::{Reader, Scan};
use known::Known;
use lines::Lines;
use report::Names;
use series::Series;

/// Bytes that are waited for before the gate sweeps again: a body may come byte by byte.
const GRAIN: u64 = 64;

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
    names: Names,
    /// Offset in the leaf up to which a site's own detectors have looked.
    looked: u64,
    /// Where anchors may stand, of one sweep.
    swept: Swept,
    /// The labels before the last numbers.
    recent: Recent,
    /// The structured form that the leaf is written in.
    dialect: Option<Box<dyn Dialect>>,
    /// What it has told for sure.
    known: Known,
    /// The byte that hides what is found here.
    mask: u8,
    settling: Settling,
    /// What is known of the last blocks, from the first whole one on.
    survey: Option<Box<Survey>>,
    /// What is spelled otherwise in here.
    overlays: Overlays,
    /// Containers, encodings and spellings around it.
    depth: u32,
    /// Offset of the line feed behind the line of base64 that was passed over last.
    coded: u64,
    /// Compares the text with real patients' values.
    rosters: Rosters,
    /// Whether it stands beside the content.
    is_beside: bool,
    /// What the number that was found last may go on with.
    series: Option<Series>,
    /// What was read around matches.
    seen: Seen,
    /// Its first bytes, for the other texts of a stream.
    heard: Vec<u8>,
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
            names: Names::default(),
            looked: 0,
            swept: Swept::default(),
            recent: Recent::default(),
            dialect: None,
            known: Known::default(),
            mask: MASK,
            settling: Settling::default(),
            survey: None,
            overlays: Overlays::default(),
            depth: 0,
            coded: 0,
            rosters: Rosters::default(),
            is_beside: false,
            series: None,
            seen: Seen::default(),
            heard: Vec::new(),
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
        self.speak(dialect);
        self
    }

    /// Says in which dialect everything is written that will be taken.
    pub(crate) fn speak(&mut self, dialect: Option<Box<dyn Dialect>>) {
        self.mask = dialect.as_ref().map_or(MASK, |dialect| dialect.mask());
        self.dialect = dialect;
    }

    /// Takes the next bytes for the detectors alone: the caller counts them itself.
    pub(crate) fn watch(&mut self, scan: &mut Scan, bytes: &[u8]) {
        self.take(scan, bytes, false);
    }

    /// Reads a piece that has become the end of `window`, and judges anchors up to `to` in there.
    fn read(
        &mut self,
        scan: &mut Scan,
        piece: &[u8],
        is_counted: bool,
        (window, to): (&[u8], usize),
    ) {
        // Up to each place where the overlays read, whatever the chunks, so that what they find keeps
        // its order among what is found here.
        let mut rest = piece;
        while !rest.is_empty() {
            let (part, behind) = rest.split_at(self.overlays.missing().min(rest.len()));
            let seen = window.get(..window.len() - behind.len()).unwrap_or(window);
            let census = self.survey(seen);
            if is_counted {
                self.blocks.feed(part, &mut scan.evidence.coverage);
            }
            self.listen(seen, |dialect, sink| dialect.feed(part, sink));
            self.rosters.feed(&scan.catalog, part);
            self.judge_up_to(scan, seen, to.saturating_sub(behind.len()));
            let around = self.around();
            let decoded = self.overlays.settled();
            let found = self.overlays.feed(scan, &around, (part, census));
            self.reveal(seen, found);
            if self.overlays.settled() > decoded {
                // Now, and not at the next anchors, whose place in time is the chunks'.
                self.settle(scan);
            }
            rest = behind;
        }
    }

    /// Surveys the block that `window` ends with, where one ends there.
    fn survey(&mut self, window: &[u8]) -> Option<Census> {
        let upto = self.base + window.len() as u64;
        if !upto.is_multiple_of(SURVEYED as u64) {
            return None;
        }
        let block = window.last_chunk::<SURVEYED>()?;
        if upto == SURVEYED as u64 {
            self.survey = Some(Box::new(Survey::new()));
        }
        let before = upto - SURVEYED as u64;
        self.survey.as_mut().filter(|survey| survey.upto() == before).map(|kept| kept.take(block))
    }

    fn judge_up_to(&mut self, scan: &mut Scan, window: &[u8], to: usize) {
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

    /// The offset at which, or behind which, every later finding starts.
    fn frontier(&self) -> u64 {
        let anchors = (self.base + self.judged as u64).saturating_sub(REACH_BACK as u64);
        let anchors = anchors.min(self.rosters.settled());
        let anchors = if self.looked > 0 { anchors.min(self.looked) } else { anchors };
        let anchors = anchors.min(self.overlays.settled());
        self.dialect.as_ref().map_or(anchors, |dialect| anchors.min(dialect.settled()))
    }

    fn around(&self) -> Around {
        let form = self.dialect.as_ref().map(|dialect| dialect.form()).unwrap_or_default();
        Around { member: self.member.clone(), depth: self.depth, form }
    }

    fn settle(&mut self, scan: &mut Scan) {
        let frontier = self.frontier();
        self.settling.settle(scan, frontier);
    }

    /// Lets a site's own detectors look at the window up to `to`.
    fn look(&mut self, scan: &mut Scan, window: &[u8], to: usize) {
        if scan.catalog.custom().is_empty() {
            return;
        }
        let catalog = Arc::clone(&scan.catalog);
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
        self.tell_stream(scan);
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
