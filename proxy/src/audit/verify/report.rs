//! What a verification found, for people and for exit codes.
//! Invariant: the verdict follows from the findings alone; nothing here is set by hand.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::super::key::Fingerprint;

/// The most problems that a report lists; the rest is counted.
pub const PROBLEMS_MAX: usize = 100;
/// The most exchange ids that a report lists.
pub const OPEN_LISTED_MAX: usize = 20;
/// The most keys that a report lists.
pub const KEYS_LISTED_MAX: usize = 16;

/// The result of a verification.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every line is as it was written, up to and including a signed or expected head.
    Intact,
    /// Some line was edited, removed, repeated, moved or cut off.
    Tampered,
    /// What lies after the last signed head is sound, but nothing proves that it is all.
    UnanchoredTail,
    /// The log could not be read.
    Unreadable,
}

impl Verdict {
    /// The word in reports.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Intact => "intact",
            Verdict::Tampered => "tampered",
            Verdict::UnanchoredTail => "unanchored-tail",
            Verdict::Unreadable => "unreadable",
        }
    }

    /// The exit code of `lazaret audit verify`.
    pub fn exit_code(self) -> u8 {
        match self {
            Verdict::Intact => 0,
            Verdict::Tampered => 1,
            Verdict::Unreadable => 2,
            Verdict::UnanchoredTail => 3,
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Problem {
    /// Name of the segment file.
    pub file: String,
    /// Line in the file, from 1; `None` where the problem is the file's.
    pub line: Option<u64>,
    /// Number of the line in the log: the one due at this place, or the one it states.
    pub seq: Option<u64>,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if let Some(seq) = self.seq {
            write!(f, " (seq {seq})")?;
        }
        write!(f, ": {}", self.what)
    }
}

/// A key that signed heads.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct KeyUse {
    /// Names the key.
    pub fingerprint: Fingerprint,
    /// Was it given to the verification?
    pub is_trusted: bool,
    /// Heads it signed.
    pub heads: u64,
}

/// What a verification found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// The audit folder.
    pub folder: PathBuf,
    /// Lines read.
    pub lines: u64,
    /// Segment files.
    pub segments: u64,
    /// Number of the first sound line.
    pub first_seq: Option<u64>,
    /// Number of the last line.
    pub last_seq: u64,
    /// Hash of the last sound line.
    pub last_hash: Option<String>,
    /// Number of the last line whose signature holds.
    pub signed_seq: Option<u64>,
    /// Number of the expected head, where it was found.
    pub expected_seq: Option<u64>,
    /// Bytes at the very end that are the beginning of a line.
    pub torn_bytes: u64,
    /// What is wrong, the first [`PROBLEMS_MAX`].
    pub problems: Vec<Problem>,
    /// Further problems.
    pub problems_omitted: u64,
    /// Why the log could not be read.
    pub unreadable: Option<String>,
    /// Exchanges that were closed.
    pub exchanges: u64,
    /// Exchanges that were opened and never closed: still running, or killed.
    pub open_exchanges: u64,
    /// Their ids, the first [`OPEN_LISTED_MAX`].
    pub open_exchange_ids: Vec<String>,
    /// Runs that wrote to the log.
    pub runs: u64,
    /// Runs that began after one that did not stop.
    pub recoveries: u64,
    /// Bytes of torn lines that those put aside.
    pub cut_bytes: u64,
    /// Did the last run write its `stop`?
    pub stopped: bool,
    /// Heads that came much later than the run promised.
    pub late_heads: u64,
    /// The longest such wait, in seconds.
    pub late_head_s_max: f64,
    /// The keys that signed, the first [`KEYS_LISTED_MAX`].
    pub keys: Vec<KeyUse>,
    /// Were trusted keys given?
    pub is_key_given: bool,
}

impl Report {
    pub(super) fn new(folder: &Path) -> Report {
        Report { folder: folder.to_owned(), ..Report::default() }
    }

    pub(super) fn unreadable(folder: &Path, why: String) -> Report {
        Report { unreadable: Some(why), ..Report::new(folder) }
    }

    /// Number of the last line that a signature or the expected head anchors; 0 for none.
    pub fn anchored_seq(&self) -> u64 {
        self.signed_seq.max(self.expected_seq).unwrap_or(0)
    }

    /// Lines that nothing anchors.
    pub fn tail_lines(&self) -> u64 {
        self.last_seq.saturating_sub(self.anchored_seq())
    }

    /// The result.
    pub fn verdict(&self) -> Verdict {
        if !self.problems.is_empty() {
            Verdict::Tampered
        } else if self.unreadable.is_some() {
            Verdict::Unreadable
        } else if self.lines > 0 && self.tail_lines() == 0 && self.torn_bytes == 0 {
            Verdict::Intact
        } else {
            Verdict::UnanchoredTail
        }
    }

    /// The exit code of `lazaret audit verify`: 0 intact, 1 tampered, 2 unreadable, 3 unanchored
    /// tail.
    pub fn exit_code(&self) -> u8 {
        self.verdict().exit_code()
    }

    pub(super) fn add_problem(&mut self, problem: Problem) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(problem);
        } else {
            self.problems_omitted += 1;
        }
    }

    pub(super) fn count_head(&mut self, key: KeyUse) {
        let known = self.keys.iter_mut().find(|known| known.fingerprint == key.fingerprint);
        if let Some(known) = known {
            known.heads += key.heads;
        } else if self.keys.len() < KEYS_LISTED_MAX {
            self.keys.push(key);
        }
    }

    pub(super) fn leave_open(&mut self, boot: &str, numbers: &[u64]) {
        self.open_exchanges += numbers.len() as u64;
        let room = OPEN_LISTED_MAX.saturating_sub(self.open_exchange_ids.len());
        let listed = numbers.iter().take(room).map(|number| format!("{boot}-{number}"));
        self.open_exchange_ids.extend(listed);
    }

    fn write_anchor(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.signed_seq, self.expected_seq) {
            (None, None) => writeln!(f, "  anchored   nothing: no signed head holds")?,
            (signed, Some(expected)) if Some(expected) >= signed => {
                writeln!(f, "  anchored   up to seq {expected}, by the expected head")?;
            }
            (signed, _) => {
                let signed = signed.unwrap_or(0);
                writeln!(f, "  anchored   up to seq {signed}, by a signed head")?;
            }
        }
        if self.tail_lines() > 0 {
            let lines = self.tail_lines();
            writeln!(
                f,
                "  tail       {lines} line(s) after that: sound, but lines may be cut off"
            )?;
        }
        if self.torn_bytes > 0 {
            let bytes = self.torn_bytes;
            writeln!(f, "  torn       {bytes} bytes at the end are the beginning of a line")?;
        }
        for key in &self.keys {
            let trust = match (key.is_trusted, self.is_key_given) {
                (true, _) => "given",
                (false, true) => "NOT AMONG THE GIVEN KEYS",
                (false, false) => "stated only by the log itself; give the key to prove the signer",
            };
            writeln!(f, "  key        {} signed {} head(s): {trust}", key.fingerprint, key.heads)?;
        }
        Ok(())
    }

    fn write_runs(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = if self.stopped { "the last one stopped" } else { "the last one did not stop" };
        writeln!(
            f,
            "  runs       {}, {} after a kill or crash; {end}",
            self.runs, self.recoveries
        )?;
        if self.cut_bytes > 0 {
            let bytes = self.cut_bytes;
            writeln!(f, "  cut        {bytes} bytes of torn lines were put aside (*.torn)")?;
        }
        if self.late_heads > 0 {
            let (count, longest) = (self.late_heads, self.late_head_s_max);
            writeln!(f, "  heartbeat  {count} head(s) came late, the latest after {longest:.0} s")?;
        }
        write!(f, "  exchanges  {} closed", self.exchanges)?;
        if self.open_exchanges > 0 {
            let ids = self.open_exchange_ids.join(" ");
            write!(f, ", {} opened and never closed: {ids}", self.open_exchanges)?;
            if self.open_exchanges > self.open_exchange_ids.len() as u64 {
                f.write_str(" ...")?;
            }
        }
        writeln!(f)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = self.verdict().name().to_uppercase().replace('-', " ");
        writeln!(f, "audit log {}: {verdict}", self.folder.display())?;
        if let Some(why) = &self.unreadable {
            writeln!(f, "  cannot read: {why}")?;
        }
        if self.lines > 0 {
            let (first, last) = (self.first_seq.unwrap_or(0), self.last_seq);
            writeln!(f, "  lines      seq {first} to {last} in {} segment(s)", self.segments)?;
            self.write_anchor(f)?;
            self.write_runs(f)?;
        }
        for problem in &self.problems {
            writeln!(f, "  {problem}")?;
        }
        if self.problems_omitted > 0 {
            writeln!(f, "  and {} more", self.problems_omitted)?;
        }
        Ok(())
    }
}
