//! Lines and columns of a leaf. Invariant: they depend on offsets in the leaf, never on its chunks.

/// Lines passed so far. Counted as the window moves on, and from there only where something was
/// found.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// Line feeds before the window.
    passed: u64,
    /// Offset behind the last of them.
    line_start: u64,
    /// How far into the window the count went last: offset, line feeds, offset behind the last.
    mark: (u64, u64, u64),
}

impl Lines {
    /// Notes that `gone`, at `base`, leaves the window.
    pub(super) fn pass(&mut self, base: u64, gone: &[u8]) {
        self.passed += memchr::memchr_iter(b'\n', gone).count() as u64;
        if let Some(last) = memchr::memrchr(b'\n', gone) {
            self.line_start = base + last as u64 + 1;
        }
    }

    /// Line and column, from 1, of what follows `before`, which begins at `base`.
    pub(super) fn place(&mut self, base: u64, before: &[u8]) -> (u64, u64) {
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
