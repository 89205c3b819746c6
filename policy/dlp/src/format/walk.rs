//! Drives a grammar over a stream: what it wants whole is gathered up to `WHOLE_MAX` bytes, all
//! else passes as it comes. Invariant: a grammar sees the same pieces whatever the chunks, and a
//! size that the content declares is only ever counted down, never allocated.

use crate::scanner::{Reader, Scan};

/// Bytes that a grammar may want at once.
pub(crate) const WHOLE_MAX: usize = 1 << 20;

/// What a grammar wants next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    /// The piece that it was just given, once more and so long.
    Again(usize),
    /// Everything that follows, as it comes.
    Rest,
    /// Bytes as they come, up to where the grammar itself finds an end ([`Grammar::search`]).
    Search,
    /// So many bytes, as they come; then it is asked again.
    Stream(u64),
    /// So many bytes at once, at most [`WHOLE_MAX`], at least one.
    Whole(usize),
    /// The piece that it was just given once more, in smaller ones, the first so long.
    Within(usize),
}

/// A form of content as a sequence of wanted pieces.
pub(crate) trait Grammar: std::fmt::Debug + Send + Sync {
    /// What it wants first.
    fn first(&self) -> Want;
    /// Takes the piece that it wanted whole, which begins at the offset `at`.
    fn whole(&mut self, scan: &mut Scan, at: u64, bytes: &[u8]) -> Want;
    /// Takes some of what it wanted as it comes.
    fn part(&mut self, scan: &mut Scan, bytes: &[u8]);
    /// Takes bytes of what it searches an end in: how many, and what it wants behind the end if
    /// that was found. The end must not depend on the chunks.
    fn search(&mut self, scan: &mut Scan, bytes: &[u8]) -> (usize, Option<Want>) {
        self.part(scan, bytes);
        (bytes.len(), None)
    }
    /// Says that the stream which it wanted is over at the offset `at`.
    fn over(&mut self, scan: &mut Scan, at: u64) -> Want;
    /// Says that the input is over, with the bytes of an unfinished piece. `is_cut` where it had
    /// wanted more.
    fn finish(&mut self, scan: &mut Scan, held: &[u8], is_cut: bool);
    /// As [`Reader::cleared`].
    fn cleared(&self) -> u64;
}

/// A grammar as a reader.
#[derive(Debug)]
pub(crate) struct Walk<G> {
    grammar: G,
    want: Want,
    held: Vec<u8>,
    input: u64,
}

impl<G: Grammar> Walk<G> {
    pub(crate) fn new(grammar: G) -> Walk<G> {
        Walk { want: grammar.first(), grammar, held: Vec::new(), input: 0 }
    }

    /// Takes some of the bytes and says how many.
    fn step(&mut self, scan: &mut Scan, bytes: &[u8]) -> usize {
        match self.want {
            Want::Rest => {
                self.grammar.part(scan, bytes);
                bytes.len()
            }
            Want::Search => {
                let (used, want) = self.grammar.search(scan, bytes);
                self.want = want.unwrap_or(Want::Search);
                // Nothing used and nothing wanted would go on for ever.
                if used == 0 && want.is_none() { bytes.len() } else { used }
            }
            Want::Stream(left) => {
                let part = first(bytes, left);
                let left = left - part.len() as u64;
                self.want = Want::Stream(left);
                if !part.is_empty() {
                    self.grammar.part(scan, part);
                }
                if left == 0 {
                    self.want = self.grammar.over(scan, self.input + part.len() as u64);
                }
                part.len()
            }
            Want::Again(len) | Want::Whole(len) | Want::Within(len) => {
                let len = len.clamp(1, WHOLE_MAX);
                let part = first(bytes, len.saturating_sub(self.held.len()) as u64);
                let at = self.input - self.held.len() as u64;
                if part.len() == len {
                    self.ask(scan, at, part);
                    return len;
                }
                self.held.extend_from_slice(part);
                if self.held.len() >= len {
                    let held = std::mem::take(&mut self.held);
                    self.ask(scan, at, &held);
                }
                part.len()
            }
        }
    }
}

impl<G: Grammar> Walk<G> {
    /// Gives a whole piece.
    fn ask(&mut self, scan: &mut Scan, at: u64, bytes: &[u8]) {
        self.want = match self.grammar.whole(scan, at, bytes) {
            Want::Again(len) => {
                self.held = bytes.to_vec();
                // More than it had, or the same would be asked for ever.
                Want::Whole(len.max(bytes.len() + 1))
            }
            Want::Within(len) if len < bytes.len() => {
                self.want = Want::Whole(len);
                let input = std::mem::replace(&mut self.input, at);
                self.feed(scan, bytes);
                self.input = input;
                return;
            }
            Want::Within(len) => Want::Whole(len),
            want @ (Want::Rest | Want::Search | Want::Stream(_) | Want::Whole(_)) => want,
        };
    }
}

impl<G: Grammar> Reader for Walk<G> {
    fn feed(&mut self, scan: &mut Scan, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let used = self.step(scan, bytes);
            self.input += used as u64;
            bytes = bytes.get(used..).unwrap_or_default();
        }
    }

    fn finish(&mut self, scan: &mut Scan) {
        // A stream of no length that was wanted last.
        while self.want == Want::Stream(0) {
            self.want = self.grammar.over(scan, self.input);
        }
        let held = std::mem::take(&mut self.held);
        let is_cut = !held.is_empty() || matches!(self.want, Want::Search | Want::Stream(_));
        self.grammar.finish(scan, &held, is_cut);
    }

    fn cleared(&self) -> u64 {
        self.grammar.cleared()
    }
}

/// At most `len` of the bytes.
pub(crate) fn first(bytes: &[u8], len: u64) -> &[u8] {
    bytes.get(..usize::try_from(len).unwrap_or(usize::MAX)).unwrap_or(bytes)
}

/// Whether the first bytes hold an exact number, as `u16` in the named order.
pub(crate) fn u16_at(bytes: &[u8], at: usize, is_big: bool) -> Option<u16> {
    let raw = *bytes.get(at..)?.first_chunk::<2>()?;
    Some(if is_big { u16::from_be_bytes(raw) } else { u16::from_le_bytes(raw) })
}

/// Four bytes as a number in the named order.
pub(crate) fn u32_at(bytes: &[u8], at: usize, is_big: bool) -> Option<u32> {
    let raw = *bytes.get(at..)?.first_chunk::<4>()?;
    Some(if is_big { u32::from_be_bytes(raw) } else { u32::from_le_bytes(raw) })
}

/// Eight bytes as a number in the named order.
pub(crate) fn u64_at(bytes: &[u8], at: usize, is_big: bool) -> Option<u64> {
    let raw = *bytes.get(at..)?.first_chunk::<8>()?;
    Some(if is_big { u64::from_be_bytes(raw) } else { u64::from_le_bytes(raw) })
}

/// Up to `len` bytes at an offset that the content declares; nothing beyond the end.
pub(crate) fn part_at(bytes: &[u8], at: u64, len: u64) -> Option<&[u8]> {
    let start = usize::try_from(at).ok()?;
    let end = start.checked_add(usize::try_from(len).ok()?)?;
    bytes.get(start..end)
}
