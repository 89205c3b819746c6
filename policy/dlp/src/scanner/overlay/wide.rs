//! UTF-16 and UTF-32 of western languages, in either byte order: printable bytes with one or three
//! zeros between. NumPy keeps text so (`<U`), and so do Windows and Java.

use super::Around;
use crate::coverage::Declared;
use crate::format::{dialect::dialect, sniff};
use crate::gate::{census, is_printable};
use crate::scanner::{Leaf, Reader, Scan};

/// Zeros in a block below which there is no such text.
pub(super) const NUL_MIN: usize = 6;
/// Characters of the shortest run: fewer occur among small integers by chance.
const RUN_MIN: usize = 6;
/// Bytes of the widest character.
const WIDTH_MAX: usize = 4;

/// A run that goes on at the end of the bytes seen.
#[derive(Debug)]
struct Run {
    width: usize,
    start: u64,
    /// The first characters, until the form of the text is known.
    head: Option<Vec<u8>>,
    leaf: Box<Leaf>,
}

impl Run {
    fn take(&mut self, scan: &mut Scan, text: &[u8]) {
        let Some(head) = &mut self.head else { return self.leaf.watch(scan, text) };
        head.extend_from_slice(text);
        if head.len() >= sniff::LEN {
            self.open(scan);
        }
    }

    fn open(&mut self, scan: &mut Scan) {
        let Some(head) = self.head.take() else { return };
        self.leaf.speak(dialect(head.get(..sniff::LEN).unwrap_or(&head)));
        self.leaf.watch(scan, &head);
    }
}

/// The wide text of one leaf.
#[derive(Debug, Default)]
pub(super) struct Wide {
    open: Option<Run>,
    /// Bytes of the block before that have not been judged.
    held: Vec<u8>,
    /// The end of a block before that was not read.
    tail: Vec<u8>,
}

impl Wide {
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some() || !self.held.is_empty()
    }

    /// The offset before which every run has been read.
    pub(super) fn cleared(&self) -> u64 {
        let Some(run) = &self.open else { return u64::MAX };
        run.start + run.leaf.cleared() * run.width as u64
    }

    /// Keeps of a block that is not read what may be the start of a run.
    pub(super) fn pass(&mut self, block: &[u8]) {
        let from = block.len().saturating_sub(RUN_MIN * WIDTH_MAX);
        self.tail.clear();
        self.tail.extend_from_slice(block.get(from..).unwrap_or_default());
    }

    /// Takes a block, in which characters seem to follow each other so often.
    pub(super) fn read(
        &mut self,
        scan: &mut Scan,
        around: &Around,
        (offset, block): (u64, &[u8]),
        pairs: usize,
    ) {
        if self.held.is_empty() {
            std::mem::swap(&mut self.held, &mut self.tail);
        }
        self.tail.clear();
        let is_idle = || {
            let nul = self.held.iter().filter(|byte| **byte == 0).count();
            self.open.is_none() && (nul < 2 || census(&self.held).pairs == 0)
        };
        if pairs < RUN_MIN / 2 && is_idle() {
            self.held.clear();
            self.held.extend_from_slice(
                block.get(block.len().saturating_sub(RUN_MIN * WIDTH_MAX)..).unwrap_or_default(),
            );
            return;
        }
        let mut bytes = std::mem::take(&mut self.held);
        let offset = offset - bytes.len() as u64;
        bytes.extend_from_slice(block);
        let mut at = if self.open.is_some() { self.go_on(scan, &bytes, 0) } else { 0 };
        while self.open.is_none()
            && let Some((start, width)) = next_run(&bytes, at)
        {
            let member = Some(
                around.member(if width == 2 { "utf16" } else { "utf32" }, offset + start as u64),
            );
            let leaf = Leaf::new(member, Declared::Nothing).nested(around.depth + 1);
            let leaf = Box::new(leaf);
            self.open =
                Some(Run { width, start: offset + start as u64, head: Some(Vec::new()), leaf });
            at = self.go_on(scan, &bytes, start);
        }
        let kept = if self.open.is_some() {
            at
        } else {
            at.max(bytes.len().saturating_sub(RUN_MIN * WIDTH_MAX))
        };
        self.held = bytes.split_off(kept.min(bytes.len()));
    }

    /// Reads the characters of the open run from `from` on, and says up to where. Closes the run where
    /// it ends.
    fn go_on(&mut self, scan: &mut Scan, bytes: &[u8], from: usize) -> usize {
        let Some(run) = &mut self.open else { return from };
        let rest = bytes.get(from..).unwrap_or_default();
        let is_wide = |c: &&[u8]| is_character(c) || is_letter_of_latin(c);
        let text: Vec<u8> = rest
            .chunks_exact(run.width)
            .take_while(is_wide)
            .filter_map(|c| c.first().copied())
            .collect();
        let upto = from + text.len() * run.width;
        run.take(scan, &text);
        if upto + run.width <= bytes.len() {
            self.close(scan, bytes.get(upto).copied());
        }
        upto
    }

    /// Ends the run. In big-endian text the zeros of the last character stand before it.
    fn close(&mut self, scan: &mut Scan, last: Option<u8>) {
        let Some(mut run) = self.open.take() else { return };
        if let Some(last) = last.filter(|byte| is_printable(*byte)) {
            run.take(scan, &[last]);
        }
        run.open(scan);
        run.leaf.finish(scan);
    }

    pub(super) fn finish(&mut self, scan: &mut Scan) {
        let last = self.held.first().copied();
        self.held.clear();
        self.close(scan, last);
    }
}

/// Whether `bytes` are a printable one and zeros.
fn is_character(bytes: &[u8]) -> bool {
    bytes
        .split_first()
        .is_some_and(|(first, zeros)| is_printable(*first) && zeros.iter().all(|b| *b == 0))
}

/// Whether `bytes` are a letter of the rest of Latin-1 and zeros: José stays one word.
fn is_letter_of_latin(bytes: &[u8]) -> bool {
    bytes
        .split_first()
        .is_some_and(|(first, zeros)| *first >= 0xc0 && zeros.iter().all(|b| *b == 0))
}

/// Where the next run of at least [`RUN_MIN`] characters begins, and their width.
fn next_run(bytes: &[u8], from: usize) -> Option<(usize, usize)> {
    let mut at = from;
    loop {
        let nul = at + memchr::memchr(0, bytes.get(at..)?)?;
        let start = nul.checked_sub(1).filter(|start| *start >= from);
        let found = start.and_then(|start| {
            let rest = bytes.get(start..)?;
            let is_run = |width: &usize| {
                let characters = rest.chunks_exact(*width).take(RUN_MIN);
                characters.len() == RUN_MIN
                    && rest.chunks_exact(*width).take(RUN_MIN).all(is_character)
            };
            [2, 4].into_iter().find(is_run).map(|width| (start, width))
        });
        if found.is_some() {
            return found;
        }
        at = nul + 1;
    }
}
