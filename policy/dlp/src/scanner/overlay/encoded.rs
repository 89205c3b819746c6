//! Base64 (RFC 4648, both alphabets) and hexadecimal: runs of their letters, which may go on over lines
//! of one length (RFC 2045 section 6.8, RFC 7468). A long run is content of its own; a short one, and
//! one of too few different letters, is read for what the detectors know, since keys, hashes and
//! sequences are written so too and are no binary content.

mod base32;
mod decode;
pub(super) mod escaped;
mod letters;
pub(super) mod padded;
mod pieces;
mod short;
mod vain;

use super::Around;
use crate::coverage::Declared;
use crate::gate::{is_letter, letters_start};
use crate::scanner::{Leaf, Node, Place, Reader, Scan};
use decode::{Spelling, decode};
use letters::Letters;
pub(super) use letters::holds_content;
use vain::Vain;

/// Letters of the shortest run that is decoded; shorter ones are words.
const RUN_MIN: usize = 16;
/// Letters from which on a run is content of its own.
const CONTENT_MIN: usize = 1024;
/// Marks within a short run behind which it is tried anew.
const GLUED_MAX: usize = 4;
/// Letters of the shortest run that is: a shorter one holds no value behind what is glued to it.
const GLUED_MIN: usize = 24;
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
    /// Which bytes of a block are letters; kept for its room.
    words: Vec<u64>,
    /// What a short run spells; kept for its room.
    room: Vec<u8>,
    /// Short runs that hold nothing.
    vain: Vain,
}

impl Encoded {
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// A bit for each byte of the block that was read last: whether it is a letter.
    pub(super) fn letters(&self) -> &[u64] {
        &self.words
    }

    /// Whether the block that was read last, of this length, is nothing but letters.
    pub(super) fn is_all_letters(&self, len: usize) -> bool {
        letters_start(&self.words, len) == 0
    }

    /// The offset before which every run has been read.
    pub(super) fn cleared(&self) -> u64 {
        let Some(run) = &self.open else { return u64::MAX };
        let Some((spelling, content)) = &run.content else { return run.start };
        let letters = match spelling {
            Spelling::Base32 => content.cleared() / 5 * 8,
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
        let mut words = std::mem::take(&mut self.words);
        let tail = std::mem::take(&mut self.tail);
        if self.open.is_none() && !tail.is_empty() {
            self.open = Some(Run::new(offset - tail.len() as u64));
            self.follow(scan, around, &Letters::of(&tail, &mut words), 0);
        }
        let letters = Letters::of(block, &mut words);
        let mut at = self.follow(scan, around, &letters, 0);
        while let Some((start, end)) = letters.next_run(at) {
            if is_whole(end - start, block.get(end)) {
                self.read_short(scan, around, offset + start as u64, letters.part(start, end));
                at = end;
            } else {
                self.open = Some(Run::new(offset + start as u64));
                at = self.follow(scan, around, &letters, start);
            }
        }
        self.words = words;
    }

    /// Takes what belongs to the open run from `from` on, over the ends of its lines, and says up to
    /// where that is.
    fn follow(
        &mut self,
        scan: &mut Scan,
        around: &Around,
        letters: &Letters<'_>,
        from: usize,
    ) -> usize {
        let mut at = from;
        while let Some(run) = &mut self.open {
            let Some(&byte) = letters.bytes.get(at) else { break };
            if let Some(pause) = run.pause.with(byte).filter(|_| ends_line(run.line)) {
                run.pause = pause;
                at += 1;
                continue;
            }
            let end = letters.run_end(at);
            let len = end - at;
            if len == 0 || !matches!(run.pause, Pause::None | Pause::Whole) {
                self.finish(scan, around);
                break;
            }
            run.line = if run.pause == Pause::Whole { len } else { run.line + len };
            run.pause = Pause::None;
            run.held.extend_from_slice(letters.part(at, end));
            if run.content.is_none() && run.held.len() >= CONTENT_MIN {
                open(around, run);
            }
            at = end;
        }
        self.flush(scan);
        at
    }

    /// Reads the whole groups of what is held of content.
    fn flush(&mut self, scan: &mut Scan) {
        let Some(run) = &mut self.open else { return };
        let Some((spelling, content)) = &mut run.content else { return };
        // Of base64 and of base32.
        let whole = run.held.len() / 8 * 8;
        let decoded = decode(*spelling, run.held.get(..whole).unwrap_or_default());
        if scan.may_decode(decoded.len()) {
            content.feed(scan, &decoded);
        }
        run.held.drain(..whole);
    }

    /// The run has ended.
    pub(super) fn finish(&mut self, scan: &mut Scan, around: &Around) {
        self.flush(scan);
        let Some(run) = self.open.take() else { return };
        if let Some((spelling, mut content)) = run.content {
            content.feed(scan, &decode(spelling, &run.held));
            content.finish(scan);
        } else if run.held.len() >= RUN_MIN {
            self.read_short(scan, around, run.start, &run.held);
        }
    }

    /// Reads a short run, unless it is known to hold nothing.
    fn read_short(&mut self, scan: &mut Scan, around: &Around, start: u64, run: &[u8]) {
        let is_known = short::is_code(run) || self.vain.holds(run);
        if !is_known && !short::read(scan, around, start, run, &mut self.room) {
            self.vain.add(run);
        }
    }
}

/// Whether a run of `len` letters before `next` is short and has ended: no line may follow that
/// belongs to it.
fn is_whole(len: usize, next: Option<&u8>) -> bool {
    len < CONTENT_MIN
        && next.is_some_and(|next| Pause::None.with(*next).is_none() || !ends_line(len))
}

/// Whether a line of so many letters is as long as those that go on.
fn ends_line(len: usize) -> bool {
    len >= LINE_MIN && len.is_multiple_of(4)
}

/// Opens the content of a long run.
fn open(around: &Around, run: &mut Run) {
    let (spelling, mark) = spelling(&run.held);
    run.held.drain(..mark);
    run.start += mark as u64;
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
        Spelling::Base32 => "base32",
        Spelling::Base64 => "base64",
        Spelling::Hex => "hex",
    };
    let mut place = Place::root(Vec::new(), None);
    place.member = Some(around.member(name, start));
    place.depth = around.depth + 1;
    place
}

/// How a run is spelled, by the letters that are known, and how many of them are no part of it: the
/// mark of a hexadecimal number, which C and JavaScript write `0x`, PostgreSQL `\x`.
fn spelling(letters: &[u8]) -> (Spelling, usize) {
    let is_hex = |letters: &[u8]| letters.iter().all(u8::is_ascii_hexdigit);
    if is_hex(letters) {
        return (Spelling::Hex, 0);
    }
    let mark = letters.iter().take(2).position(|b| matches!(b, b'x' | b'X')).map_or(0, |at| at + 1);
    let rest = letters.get(mark..).unwrap_or_default();
    if mark == 0 || rest.is_empty() || !is_hex(rest) {
        let is_base32 = decode::is_base32(letters);
        return (if is_base32 { Spelling::Base32 } else { Spelling::Base64 }, 0);
    }
    (Spelling::Hex, mark)
}

/// Whether the letters are those of content: not of a sequence of bases or amino acids, which have
/// few letters, or those of one case.
fn is_varied(letters: &[u8], spelling: Spelling) -> bool {
    if spelling != Spelling::Base64 {
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
