//! Base64 (RFC 4648, both alphabets) and hexadecimal: runs of their letters, which may go on over lines
//! of one length (RFC 2045 section 6.8, RFC 7468). A long run is content of its own; a short one, and
//! one of too few different letters, is read for what the detectors know, since keys, hashes and
//! sequences are written so too and are no binary content.

mod decode;

use super::Around;
use crate::coverage::Declared;
use crate::detector::labelled::is_uuid;
use crate::format::dialect::dialect;
use crate::format::sniff::{self, Kind};
use crate::scanner::{Leaf, Node, Place, Reader, Scan};
use decode::{Spelling, decode};

/// Letters of the shortest run that is decoded; shorter ones are words.
const RUN_MIN: usize = 16;
/// Letters from which on a run is content of its own.
const CONTENT_MIN: usize = 1024;
/// Aligned letters by which a run of [`RUN_MIN`] is noticed.
const PROBE: usize = 8;
/// Marks within a short run behind which it is tried anew.
const GLUED_MAX: usize = 4;
/// Letters of the shortest run that is: a shorter one holds no value behind what is glued to it.
const GLUED_MIN: usize = 24;
/// Letters decoded at a time: a multiple of 4.
const PIECE: usize = 4096;
/// What may still change of what was decoded, in letters.
const SLACK: u64 = 16;
/// Letters of the shortest line behind which a run goes on in the next one; whole groups only.
const LINE_MIN: usize = 60;
/// Different letters that base64 of any content has at least; sequences of bases have fewer.
const VARIETY_MIN: u32 = 8;

/// A run of letters that goes on at the end of the bytes seen.
#[derive(Debug)]
struct Run {
    start: u64,
    /// Letters that wait: for [`CONTENT_MIN`], or for a whole group.
    held: Vec<u8>,
    content: Option<(Spelling, Box<dyn Reader>)>,
    /// Letters of the line so far.
    line: usize,
    pause: Pause,
}

impl Run {
    fn new(start: u64) -> Run {
        Run { start, held: Vec::new(), content: None, line: 0, pause: Pause::None }
    }
}

/// How far the end of a line has come, as it stands or as JSON writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pause {
    None,
    Return,
    Escape,
    EscapedReturn,
    SecondEscape,
    Whole,
}

impl Pause {
    /// What it is with the next byte; nothing where that belongs to no end of a line.
    fn with(self, byte: u8) -> Option<Pause> {
        Some(match (self, byte) {
            (Self::None | Self::Return, b'\n') | (Self::Escape | Self::SecondEscape, b'n') => {
                Self::Whole
            }
            (Self::None, b'\r') => Self::Return,
            (Self::None, b'\\') => Self::Escape,
            (Self::Escape, b'r') => Self::EscapedReturn,
            (Self::EscapedReturn, b'\\') => Self::SecondEscape,
            (
                Self::None
                | Self::Return
                | Self::Escape
                | Self::EscapedReturn
                | Self::SecondEscape
                | Self::Whole,
                _,
            ) => return None,
        })
    }
}

/// The runs of one leaf.
#[derive(Debug, Default)]
pub(super) struct Encoded {
    open: Option<Run>,
    /// The letters at the end of a block that was not read.
    tail: Vec<u8>,
}

impl Encoded {
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// The offset before which every run has been read.
    pub(super) fn cleared(&self) -> u64 {
        let Some(run) = &self.open else { return u64::MAX };
        let Some((spelling, content)) = &run.content else { return run.start };
        let letters = match spelling {
            Spelling::Base64 => content.cleared() / 3 * 4,
            Spelling::Hex => content.cleared() * 2,
        };
        run.start + letters.saturating_sub(SLACK)
    }

    /// Keeps of a block that is not read what may be the start of a run.
    pub(super) fn pass(&mut self, block: &[u8]) {
        let len = block.iter().rev().take_while(|b| is_letter(**b)).count();
        self.tail.clear();
        self.tail.extend_from_slice(block.get(block.len() - len..).unwrap_or_default());
    }

    pub(super) fn read(&mut self, scan: &mut Scan, around: &Around, (offset, block): (u64, &[u8])) {
        let tail = std::mem::take(&mut self.tail);
        if self.open.is_none() && !tail.is_empty() {
            self.open = Some(Run::new(offset - tail.len() as u64));
            self.follow(scan, around, &tail);
        }
        let mut at = self.follow(scan, around, block);
        while let Some(probe) = next_probe(block, at) {
            let before = block.get(at..probe).unwrap_or_default();
            let start = probe - before.iter().rev().take_while(|b| is_letter(**b)).count();
            let letters = block.get(start..).unwrap_or_default();
            let len = run_len(letters);
            at = start + len.max(1);
            if len >= RUN_MIN || at >= block.len() {
                self.open = Some(Run::new(offset + start as u64));
                at = start + self.follow(scan, around, letters);
            }
        }
        if self.open.is_none() {
            self.open_at_end(scan, around, (offset, block));
        }
    }

    /// A run may begin with fewer letters at the end of the block than a probe takes.
    fn open_at_end(&mut self, scan: &mut Scan, around: &Around, (offset, block): (u64, &[u8])) {
        let len = block.iter().rev().take(PROBE).take_while(|b| is_letter(**b)).count();
        if (1..PROBE).contains(&len) {
            let start = block.len() - len;
            self.open = Some(Run::new(offset + start as u64));
            self.follow(scan, around, block.get(start..).unwrap_or_default());
        }
    }

    /// Takes what belongs to the open run, over the ends of its lines, and says how much that is.
    fn follow(&mut self, scan: &mut Scan, around: &Around, bytes: &[u8]) -> usize {
        let mut at = 0;
        while let Some(run) = &mut self.open {
            let Some(&byte) = bytes.get(at) else { break };
            if let Some(pause) = run.pause.with(byte).filter(|_| ends_line(run)) {
                run.pause = pause;
                at += 1;
                continue;
            }
            let rest = bytes.get(at..).unwrap_or_default();
            let len = run_len(rest);
            if len == 0 || !matches!(run.pause, Pause::None | Pause::Whole) {
                self.finish(scan, around);
                break;
            }
            run.line = if run.pause == Pause::Whole { len } else { run.line + len };
            run.pause = Pause::None;
            self.go_on(scan, around, rest.get(..len).unwrap_or_default());
            at += len;
        }
        at
    }

    fn go_on(&mut self, scan: &mut Scan, around: &Around, letters: &[u8]) {
        let Some(run) = &mut self.open else { return };
        for piece in letters.chunks(PIECE) {
            run.held.extend_from_slice(piece);
            if run.content.is_none() && run.held.len() >= CONTENT_MIN {
                open(around, run);
            }
            let Some((spelling, content)) = &mut run.content else { continue };
            let whole = run.held.len() / 4 * 4;
            let rest = run.held.split_off(whole);
            let decoded = decode(*spelling, &run.held);
            if scan.may_decode(decoded.len()) {
                content.feed(scan, &decoded);
            }
            run.held = rest;
        }
    }

    /// The run has ended.
    pub(super) fn finish(&mut self, scan: &mut Scan, around: &Around) {
        let Some(mut run) = self.open.take() else { return };
        if let Some((spelling, mut content)) = run.content {
            content.feed(scan, &decode(spelling, &run.held));
            content.finish(scan);
        } else if run.held.len() >= RUN_MIN {
            let spelling = spelling(&mut run);
            read_short(scan, around, &run, spelling);
        }
    }
}

/// Whether the line of a run is as long as those that go on.
fn ends_line(run: &Run) -> bool {
    run.line >= LINE_MIN && run.line.is_multiple_of(4)
}

/// Opens the content of a long run.
fn open(around: &Around, run: &mut Run) {
    let spelling = spelling(run);
    let place = place(around, spelling, run.start);
    let content: Box<dyn Reader> = if is_varied(&run.held, spelling) {
        Box::new(Node::new(place))
    } else {
        Box::new(Watched(Leaf::new(place.member, Declared::Nothing).nested(place.depth)))
    };
    run.content = Some((spelling, content));
}

/// A leaf that is not counted.
#[derive(Debug)]
struct Watched(Leaf);

impl Reader for Watched {
    fn feed(&mut self, scan: &mut Scan, bytes: &[u8]) {
        self.0.watch(scan, bytes);
    }

    fn finish(&mut self, scan: &mut Scan) {
        self.0.finish(scan);
    }

    fn cleared(&self) -> u64 {
        self.0.cleared()
    }
}

fn place(around: &Around, spelling: Spelling, start: u64) -> Place {
    let name = match spelling {
        Spelling::Base64 => "base64",
        Spelling::Hex => "hex",
    };
    let mut place = Place::root(Vec::new(), None);
    place.member = Some(around.member(name, start));
    place.depth = around.depth + 1;
    place
}

/// Reads a short run. Bytes that are no container are not counted: keys and hashes look like noise.
fn read_short(scan: &mut Scan, around: &Around, run: &Run, spelling: Spelling) {
    // Decimals of a number, and the most usual of all codes.
    if run.held.iter().all(u8::is_ascii_digit) || is_uuid(&run.held) {
        return;
    }
    let decoded = in_phase(spelling, &run.held);
    let place = place(around, spelling, run.start);
    if sniff::kind(&decoded) == Kind::Plain {
        if !is_likely_text(&decoded) {
            return;
        }
        let leaf = Leaf::new(place.member, Declared::Nothing).nested(place.depth);
        let head = decoded.get(..sniff::LEN).unwrap_or(&decoded);
        let mut leaf = leaf.with_dialect(dialect(head));
        leaf.watch(scan, &decoded);
        leaf.finish(scan);
    } else {
        // So few bytes look like a container by chance: what is missing of one is told of content only.
        let (told, ledger) = (scan.evidence.incomplete.len(), scan.evidence.coverage);
        let mut node = Node::new(place);
        node.feed(scan, &decoded);
        node.finish(scan);
        scan.evidence.incomplete.truncate(told);
        scan.evidence.coverage = ledger;
    }
}

/// What a short run spells. Letters that are glued to its front (`/u/`, `id-`, `v1_`) move it out of
/// phase: where it is no text as it stands, the later beginnings are tried.
fn in_phase(spelling: Spelling, letters: &[u8]) -> Vec<u8> {
    let decoded = decode(spelling, letters);
    if letters.len() < GLUED_MIN || is_likely_text(&decoded) || sniff::kind(&decoded) != Kind::Plain
    {
        return decoded;
    }
    let is_text = |text: &Vec<u8>| {
        let printable = text.iter().filter(|b| crate::gate::is_printable(**b)).count();
        text.len() >= crate::gate::RUN_MIN && printable * 8 >= text.len() * 7
    };
    let glued = letters.iter().enumerate().filter(|(_, b)| matches!(b, b'/' | b'-' | b'_'));
    let starts = (1..4).chain(glued.map(|(at, _)| at + 1).take(GLUED_MAX));
    let mut texts = starts.filter_map(|at| Some(decode(spelling, letters.get(at..)?)));
    texts.find(is_text).unwrap_or(decoded)
}

/// Whether a detector could find anything: words and hashes, which are no base64 text, decode to
/// hardly any printable bytes in a row.
fn is_likely_text(decoded: &[u8]) -> bool {
    let is_text = |part: &[u8]| part.iter().all(|b| crate::gate::is_printable(*b) || *b == 0);
    decoded.windows(crate::gate::RUN_MIN).any(is_text)
}

/// How a run is spelled, by what is held of it. The mark of a hexadecimal number is no part of it:
/// C and JavaScript write `0x`, PostgreSQL `\x`.
fn spelling(run: &mut Run) -> Spelling {
    let is_hex = |letters: &[u8]| letters.iter().all(u8::is_ascii_hexdigit);
    let letters = run.held.as_slice();
    if is_hex(letters) {
        return Spelling::Hex;
    }
    let mark = letters.iter().take(2).position(|b| matches!(b, b'x' | b'X')).map_or(0, |at| at + 1);
    let rest = letters.get(mark..).unwrap_or_default();
    if mark == 0 || rest.is_empty() || !is_hex(rest) {
        return Spelling::Base64;
    }
    run.held.drain(..mark);
    run.start += mark as u64;
    Spelling::Hex
}

/// Whether the letters are those of content: not of a sequence of bases or amino acids, which have
/// few letters, or those of one case.
fn is_varied(letters: &[u8], spelling: Spelling) -> bool {
    if spelling == Spelling::Hex {
        return true;
    }
    let seen = letters.iter().fold(0u128, |seen, b| seen | 1u128 << (b & 127));
    let has = |kind: fn(&u8) -> bool| letters.iter().any(kind);
    seen.count_ones() == 1
        || seen.count_ones() >= VARIETY_MIN
            && has(u8::is_ascii_uppercase)
            && has(|b| !b.is_ascii_uppercase())
            && has(|b| !b.is_ascii_lowercase())
}

#[inline(always)]
fn is_letter(byte: u8) -> bool {
    let is_alphanumeric = (byte | 0x20).wrapping_sub(b'a') < 26 || byte.wrapping_sub(b'0') < 10;
    is_alphanumeric | (byte == b'+') | (byte == b'/') | (byte == b'-') | (byte == b'_')
}

/// How many letters stand at the start of `bytes`.
fn run_len(bytes: &[u8]) -> usize {
    let whole =
        bytes.chunks(64).take_while(|part| crate::gate::vectored(|| are_letters(part))).count();
    let from = (whole * 64).min(bytes.len());
    let rest = bytes.get(from..).unwrap_or_default();
    from + rest.iter().take_while(|b| is_letter(**b)).count()
}

/// Whether letters enough for content of its own stand in a row.
pub(super) fn holds_content(bytes: &[u8]) -> bool {
    let mut run = 0;
    bytes.chunks(64).any(|part| {
        run = if crate::gate::vectored(|| are_letters(part)) { run + part.len() } else { 0 };
        run >= CONTENT_MIN
    })
}

#[inline(always)]
fn are_letters(part: &[u8]) -> bool {
    part.iter().fold(true, |all, b| all & is_letter(*b))
}

/// Where the next [`PROBE`] letters in a row stand, at a multiple of it.
fn next_probe(block: &[u8], from: usize) -> Option<usize> {
    let mut at = from.next_multiple_of(PROBE);
    while let Some(part) =
        block.get(at..).and_then(|rest| rest.get(..PROBE.max(rest.len().min(64))))
    {
        let probes = letter_probes(part);
        if probes != 0 {
            return Some(at + probes.trailing_zeros() as usize * PROBE);
        }
        at += part.len() / PROBE * PROBE;
    }
    None
}

/// Which of the (up to eight) groups of [`PROBE`] bytes are all letters, a bit for each.
fn letter_probes(part: &[u8]) -> u32 {
    crate::gate::vectored(|| {
        let mut flags = [0u8; 64];
        for (flag, byte) in flags.iter_mut().zip(part) {
            *flag = u8::from(is_letter(*byte));
        }
        let groups = flags.as_chunks::<PROBE>().0.iter().enumerate();
        groups.fold(0, |bits, (at, group)| {
            bits | u32::from(u64::from_le_bytes(*group) == 0x0101_0101_0101_0101) << at
        })
    })
}
