//! Short runs that hold nothing: the same names, paths and hosts stand in a document again and again.
//! Invariant: only a run that is the same byte by byte is known, so that nothing else is passed over.

/// Letters of the longest run that is remembered.
const LEN_MAX: usize = 48;
/// Runs remembered.
const KEPT: usize = 64;

/// The runs met last.
#[derive(Debug, Default)]
pub(super) struct Vain {
    kept: Vec<Kept>,
}

#[derive(Clone, Copy, Debug)]
struct Kept {
    len: u8,
    letters: [u8; LEN_MAX],
}

impl Vain {
    /// Whether it is one of them.
    pub(super) fn holds(&self, run: &[u8]) -> bool {
        self.kept.get(slot(run)).is_some_and(|kept| kept.run() == run)
    }

    /// Remembers a run.
    pub(super) fn add(&mut self, run: &[u8]) {
        let Ok(len) = u8::try_from(run.len()) else { return };
        if self.kept.is_empty() {
            self.kept = vec![Kept { len: 0, letters: [0; LEN_MAX] }; KEPT];
        }
        if let Some(kept) = self.kept.get_mut(slot(run))
            && let Some(letters) = kept.letters.get_mut(..run.len())
        {
            letters.copy_from_slice(run);
            kept.len = len;
        }
    }
}

impl Kept {
    fn run(&self) -> &[u8] {
        self.letters.get(..usize::from(self.len)).unwrap_or_default()
    }
}

/// Where a run is kept. Names differ in the middle and at the end mostly.
fn slot(run: &[u8]) -> usize {
    const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
    let part = |from: usize| {
        run.get(from..).and_then(<[u8]>::first_chunk).map_or(0, |part| u64::from_le_bytes(*part))
    };
    let parts = [0, run.len() / 2, run.len().saturating_sub(8)].map(part);
    let hash = parts.iter().fold(run.len() as u64, |hash, part| (hash ^ part).wrapping_mul(MIX));
    usize::try_from(hash >> 58).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_run_is_known() {
        let mut vain = Vain::default();
        assert!(!vain.holds(b"a_name_of_some_length"));
        vain.add(b"a_name_of_some_length");
        assert!(vain.holds(b"a_name_of_some_length"));
        assert!(!vain.holds(b"a_name_oF_some_length"), "another byte between those that are mixed");
        assert!(!vain.holds(b"a_name_of_some_lengt"));
        let long = [b'x'; LEN_MAX + 1];
        vain.add(&long);
        assert!(!vain.holds(&long) && !vain.holds(&long[1..]));
        for run in 0..u64::try_from(KEPT).unwrap() * 8 {
            let run = format!("{run:020}");
            vain.add(run.as_bytes());
            assert!(vain.holds(run.as_bytes()));
        }
    }
}
