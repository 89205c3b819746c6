//! The filter between text in and text out. Pure. Invariant: what goes out has the length of what
//! came in, every wanted finding in it is masked, and at most `PENDING_MAX` bytes and one block
//! wait.

use std::sync::Arc;

use dlp::redact::{Style, cover, redact};
use dlp::{Catalog, Evidence, Finding, Limits, Scanner};

/// Bytes of a line that may wait for its end; of a longer one what is cleared goes out in pieces.
const LINE_MAX: usize = 64 * 1024;
/// Bytes that may wait in any case: what the scanner has not cleared by then is read without what
/// follows.
const PENDING_MAX: usize = 1024 * 1024;
/// Bytes taken at a time.
const PIECE: usize = 64 * 1024;
/// Bytes before a line that are read with it when it goes out before its followers came.
const BACK: usize = 1024;
/// Bytes of the first line, which may name the columns of all others.
const HEAD_MAX: usize = 4096;

/// Which findings are masked.
pub type Wanted = Box<dyn Fn(&Finding) -> bool + Send>;

/// Masks text as it passes.
pub struct Filter {
    catalog: Arc<Catalog>,
    wanted: Wanted,
    style: Style,
    /// Reads the stream as a whole.
    scanner: Scanner,
    /// The first line, as far as it is kept, until its end.
    head: Vec<u8>,
    is_head_whole: bool,
    /// What went out last, as it came in.
    back: Vec<u8>,
    /// What has not gone out.
    pending: Vec<u8>,
    /// Offset in the stream of the first pending byte.
    offset: u64,
    /// Findings in `pending`.
    findings: Vec<Finding>,
    /// Parts of the stream that hold a finding which stands in an encoding: all of it is masked.
    covered: Vec<(u64, u64)>,
}

impl std::fmt::Debug for Filter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Filter").field("offset", &self.offset).finish_non_exhaustive()
    }
}

impl Filter {
    /// Masks what is `wanted` in this style.
    pub fn new(catalog: Arc<Catalog>, style: Style, wanted: Wanted) -> Filter {
        let scanner = Scanner::of_text(Arc::clone(&catalog), Limits::default());
        Filter {
            catalog,
            wanted,
            style,
            scanner,
            head: Vec::new(),
            is_head_whole: false,
            back: Vec::new(),
            pending: Vec::new(),
            offset: 0,
            findings: Vec::new(),
            covered: Vec::new(),
        }
    }

    /// What was found in all that came, and how much of it was read. Findings themselves are not
    /// kept.
    pub fn evidence(&self) -> &Evidence {
        self.scanner.evidence()
    }

    /// Whether a finished line waits.
    pub fn has_line(&self) -> bool {
        self.pending.contains(&b'\n')
    }

    /// Takes what came, and puts out the lines that are cleared by what followed them.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        for piece in bytes.chunks(PIECE) {
            self.remember_head(piece);
            self.scanner.feed(piece);
            self.pending.extend_from_slice(piece);
            self.take_findings();
            let cleared = self.index(self.scanner.cleared()).min(self.pending.len());
            let seen = self.pending.get(..cleared).unwrap_or_default();
            match seen.iter().rposition(|byte| *byte == b'\n') {
                Some(last) => self.release(last + 1, out),
                None if self.pending.len() > LINE_MAX => {
                    let cut = self.cut_before(cleared);
                    self.release(cut, out);
                }
                None => {}
            }
            if self.pending.len() > PENDING_MAX {
                self.read_pending(self.pending.len());
                self.release(self.pending.len() - PENDING_MAX / 2, out);
            }
        }
    }

    /// Puts out the finished lines: nothing follows for now.
    pub fn pause(&mut self, out: &mut Vec<u8>) {
        if let Some(last) = self.pending.iter().rposition(|byte| *byte == b'\n') {
            self.read_pending(last + 1);
            self.release(last + 1, out);
        }
    }

    /// Puts out the rest: nothing follows.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        self.scanner.finish();
        self.take_findings();
        self.release(self.pending.len(), out);
    }

    fn remember_head(&mut self, piece: &[u8]) {
        if self.is_head_whole {
            return;
        }
        let end = piece.iter().position(|byte| *byte == b'\n').map_or(piece.len(), |at| at + 1);
        self.head.extend_from_slice(piece.get(..end).unwrap_or_default());
        self.is_head_whole = self.head.ends_with(b"\n") || self.head.len() > HEAD_MAX;
        if self.head.len() > HEAD_MAX {
            self.head.clear();
        }
    }

    /// The place in `pending` of an offset in the stream.
    fn index(&self, offset: u64) -> usize {
        usize::try_from(offset.saturating_sub(self.offset)).unwrap_or(usize::MAX)
    }

    /// The last place up to `index` that lies in no finding.
    fn cut_before(&self, index: usize) -> usize {
        let mut cut = self.offset + index as u64;
        while let Some(finding) =
            self.findings.iter().find(|f| f.span.start < cut && cut < f.span.end)
        {
            cut = finding.span.start;
        }
        self.index(cut)
    }

    fn take_findings(&mut self) {
        let found = self.scanner.take_findings();
        if found.iter().any(|finding| self.is_hidden(finding)) {
            self.cover_hidden(self.pending.len());
        }
        self.findings.extend(found.into_iter().filter(|f| f.member.is_none() && (self.wanted)(f)));
    }

    /// Whether a finding stands in an encoding, where it cannot be masked by itself.
    fn is_hidden(&self, finding: &Finding) -> bool {
        finding.member.is_some() && (self.wanted)(finding)
    }

    /// Covers the lines that hold a hidden finding; where no line does by itself, all of them.
    fn cover_hidden(&mut self, to: usize) {
        let mut at = self.offset;
        let known = self.covered.len();
        for line in self.pending.get(..to).unwrap_or_default().split_inclusive(|b| *b == b'\n') {
            let end = at + line.len() as u64;
            if self.read(line).iter().any(|finding| self.is_hidden(finding)) {
                self.covered.push((at, end));
            }
            at = end;
        }
        if self.covered.len() == known {
            self.covered.push((self.offset, self.offset + to as u64));
        }
    }

    /// Reads what is pending up to `to` as if nothing followed, with what stood before it.
    fn read_pending(&mut self, to: usize) {
        let head = if self.offset > 0 && self.is_head_whole { self.head.as_slice() } else { &[] };
        let before = head.len() + self.back.len();
        let text = [head, &self.back, self.pending.get(..to).unwrap_or_default()].concat();
        let found = self.read(&text);
        if found.iter().any(|f| self.is_hidden(f) && f.span.end > before as u64) {
            self.cover_hidden(to);
        }
        for mut finding in found {
            let span = &mut finding.span;
            if finding.member.is_some() || span.end <= before as u64 {
                continue;
            }
            span.start = (span.start + self.offset).saturating_sub(before as u64);
            span.end = span.end + self.offset - before as u64;
            let span = finding.span;
            let is_known = self.findings.iter().any(|known| known.span == span);
            if !is_known && (self.wanted)(&finding) {
                self.findings.push(finding);
            }
        }
    }

    /// Reads a text by itself.
    fn read(&self, text: &[u8]) -> Vec<Finding> {
        let mut scanner = Scanner::of_text(Arc::clone(&self.catalog), Limits::default());
        scanner.feed(text);
        scanner.finish();
        scanner.take_findings()
    }

    /// Puts out so many bytes, masked.
    fn release(&mut self, len: usize, out: &mut Vec<u8>) {
        let len = len.min(self.pending.len());
        let start = out.len();
        out.extend(self.pending.drain(..len));
        let piece = out.get_mut(start..).unwrap_or_default();
        remember(&mut self.back, piece);
        // Findings are already those that are wanted.
        redact(&self.style, &self.findings, self.offset, piece, |_| true);
        for (from, to) in &self.covered {
            let index = |offset: u64| {
                usize::try_from(offset.saturating_sub(self.offset)).unwrap_or(usize::MAX).min(len)
            };
            cover(piece.get_mut(index(*from)..index(*to)).unwrap_or_default());
        }
        self.offset += len as u64;
        let offset = self.offset;
        self.findings.retain(|finding| finding.span.end > offset);
        self.covered.retain(|(_, end)| *end > offset);
    }
}

/// Keeps the last bytes of all that went out, from the start of a line if there is one.
fn remember(back: &mut Vec<u8>, piece: &[u8]) {
    let tail = piece.get(piece.len().saturating_sub(BACK)..).unwrap_or_default();
    back.extend_from_slice(tail);
    let spare = back.len().saturating_sub(BACK);
    if spare > 0 {
        let line = back.get(spare..).and_then(|kept| kept.iter().position(|b| *b == b'\n'));
        let line = line.map_or(spare, |at| spare + at + 1);
        back.drain(..line.min(back.len().saturating_sub(1)));
    }
}

#[cfg(test)]
mod tests;
