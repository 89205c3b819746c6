//! The window of a leaf: how chunks are taken, and what of them is kept for detectors that look back.
//! Invariant: at most `KEPT_MAX` bytes are held; long chunks are read where they are.

use super::Leaf;
use crate::detector::LOOK_AHEAD;
use crate::scanner::Scan;

/// Bytes of a chunk that are read at a time: they stay in the processor's nearest cache.
const PIECE: usize = 16 * 1024;
/// Shorter chunks are copied to the window.
const DIRECT_MIN: usize = 16 * 1024;
/// Longest chunk that is read at once.
const CHUNK_MAX: usize = 1 << 24;
/// Bytes kept behind what has been judged: a detector's look-back, and the longest value of a
/// dialect or of an overlay as it is written.
const KEPT_BACK: usize = 8192;
/// Bytes held at most.
const KEPT_MAX: usize = DIRECT_MIN + KEPT_BACK + LOOK_AHEAD;

impl Leaf {
    /// Takes the next bytes. Long chunks are read where they are; only their ends are kept, for what
    /// goes on in the next one.
    pub(super) fn take(&mut self, scan: &mut Scan, bytes: &[u8], is_counted: bool) {
        self.hear(scan, bytes);
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
        let mut window = std::mem::take(&mut self.window);
        let (gone, kept) = window.split_at(window.len() - (chunk.len() - rest.len()));
        self.pass(gone, kept);
        self.shift(gone.len());
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
        self.pass(gone, kept);
        self.shift(gone.len());
    }

    /// Drops what no detector can look at any more.
    fn drain(&mut self) {
        self.leave(self.judged.saturating_sub(KEPT_BACK));
    }

    /// Drops the first `spent` bytes of the window.
    fn leave(&mut self, spent: usize) {
        let spent = spent.min(self.window.len());
        let window = std::mem::take(&mut self.window);
        let (gone, kept) = window.split_at(spent);
        self.pass(gone, kept);
        self.window = window;
        self.window.drain(..spent);
        self.shift(spent);
    }

    /// Counts the lines of what leaves the window, by what the survey knows of what stays.
    fn pass(&mut self, gone: &[u8], kept: &[u8]) {
        let behind = self.base + gone.len() as u64;
        let known = self.survey.as_ref().and_then(|survey| survey.feeds(behind));
        let known = known.and_then(|(end, feeds)| {
            let upto = usize::try_from(end - behind).ok()?;
            Some((kept.get(..upto)?, feeds))
        });
        self.lines.pass(self.base, gone, known);
    }

    /// Moves the base.
    fn shift(&mut self, by: usize) {
        self.base += by as u64;
        self.judged = self.judged.saturating_sub(by);
    }
}
