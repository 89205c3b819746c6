//! Lines and columns of a leaf. Invariant: they depend on offsets in the leaf, never on its chunks.

use crate::word::holds;

/// Lines passed so far. Counted as the window moves on, and from there only where something was
/// found.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// Line feeds before the window.
    passed: u64,
    /// Offset behind the last of them.
    line_start: u64,
    /// How far into the window the counts went last: forms tell what stands ahead of what the
    /// detectors find.
    marks: [Mark; 2],
}

/// Where a count stopped.
#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    offset: u64,
    lines: u64,
    /// Offset behind the last line feed.
    line_start: u64,
}

impl Lines {
    /// Notes that `gone`, at `base`, leaves the window. `known`: what follows, and how many line
    /// feeds there are in the leaf up to its end.
    pub(super) fn pass(&mut self, base: u64, gone: &[u8], known: Option<(&[u8], u64)>) {
        let count = |bytes: &[u8]| memchr::memchr_iter(b'\n', bytes).count() as u64;
        let passed = match known {
            Some((next, feeds)) if next.len() < gone.len() => feeds.saturating_sub(count(next)),
            Some(_) | None => self.passed + count(gone),
        };
        if passed > self.passed
            && let Some(last) = memchr::memrchr(b'\n', gone)
        {
            self.line_start = base + last as u64 + 1;
        }
        self.passed = passed;
    }

    /// Line and column, from 1, of what follows `before`, which begins at `base`.
    pub(super) fn place(&mut self, base: u64, before: &[u8]) -> (u64, u64) {
        let upto = base + before.len() as u64;
        let [first, second] = &mut self.marks;
        let is_near = |mark: &Mark| (base..=upto).contains(&mark.offset);
        let is_first = match (is_near(first), is_near(second)) {
            (true, true) => first.offset >= second.offset,
            (is_first, is_second) if is_first != is_second => is_first,
            // The one that is further ahead stays.
            _ => first.offset < second.offset,
        };
        let mark = if is_first { first } else { second };
        if !is_near(mark) {
            *mark = Mark { offset: base, lines: self.passed, line_start: self.line_start };
        }
        let skip = usize::try_from(mark.offset - base).unwrap_or(usize::MAX);
        let fresh = before.get(skip..).unwrap_or_default();
        if holds(fresh, b'\n')
            && let Some(last) = memchr::memrchr(b'\n', fresh)
        {
            mark.lines += memchr::memchr_iter(b'\n', fresh).count() as u64;
            mark.line_start = mark.offset + last as u64 + 1;
        }
        mark.offset = upto;
        (mark.lines + 1, upto - mark.line_start + 1)
    }
}
