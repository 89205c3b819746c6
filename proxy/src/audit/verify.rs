//! Proves that a log is whole: every line unedited, in its place and under a signed head.
//! Reads segments as a stream, in bounded memory, without a running proxy. Invariant: one wrong
//! byte anywhere is never called intact, and the report says where it is. What this can't see
//! without [`VerifyRequest::expect_head`]: a cut right behind a signed head.

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use super::chain::LineHash;
use super::disk::{segment_name, segments};
use super::key::Fingerprint;
use super::lines::{Lines, Piece};
use super::recover::READ_BYTES;

mod report;
mod walk;

pub use report::{
    KEYS_LISTED_MAX, KeyUse, OPEN_LISTED_MAX, PROBLEMS_MAX, Problem, Report, Verdict,
};
use walk::Walk;

/// What to verify, and against what.
#[derive(Clone, Debug)]
pub struct VerifyRequest {
    /// The audit folder.
    pub folder: PathBuf,
    /// The keys that may have signed heads. Empty: any key that the log itself states, which the
    /// report then says.
    pub keys: Vec<Fingerprint>,
    /// A head noted elsewhere (`/metrics`, a witness): 64 hexadecimal digits, or `seq:` and these.
    /// The log must hold that line; up to it the log is anchored.
    pub expect_head: Option<String>,
}

/// The line that `expect_head` names.
#[derive(Clone, Copy, Debug)]
struct Expected {
    seq: Option<u64>,
    hash: LineHash,
}

impl Expected {
    fn parse(text: &str) -> Option<Expected> {
        let (seq, digits) = match text.trim().split_once(':') {
            Some((seq, digits)) => (Some(seq.parse().ok()?), digits),
            None => (None, text.trim()),
        };
        Some(Expected { seq, hash: LineHash::parse(digits.to_ascii_lowercase().as_bytes())? })
    }
}

/// Reads the whole log and reports. Never fails: what can't be read is in the report.
pub fn verify(request: &VerifyRequest) -> Report {
    let expected = match request.expect_head.as_deref().map(Expected::parse) {
        None => None,
        Some(Some(expected)) => Some(expected),
        Some(None) => {
            let why = "the expected head is neither 64 hexadecimal digits nor `seq:` and these";
            return Report::unreadable(&request.folder, why.to_owned());
        }
    };
    let lengths = match lengths(&request.folder) {
        Ok(lengths) => lengths,
        Err(error) => return Report::unreadable(&request.folder, error.to_string()),
    };
    let Some((newest, _)) = lengths.last().copied() else {
        return Report::unreadable(&request.folder, "there is no audit log in it".to_owned());
    };
    let mut walk = Walk::new(&request.folder, &request.keys, expected);
    let mut next = 1;
    for (number, bytes) in lengths {
        walk.begin_segment(number, next, number == newest);
        if let Err(error) =
            read_segment(&request.folder.join(segment_name(number)), bytes, &mut walk)
        {
            walk.unreadable(format!("{}: {error}", segment_name(number)));
        }
        walk.end_segment();
        next = number.saturating_add(1);
    }
    // A run that goes on may have begun the next segment meanwhile.
    walk.finish(request.folder.join(segment_name(next)).exists())
}

/// The segments in order, each with its length. The newest is measured first: a run that goes on
/// writes to it only after it has ended the one before, so that what is read holds together. One that
/// is still empty has not begun: the one before may be in the middle of its last line.
fn lengths(folder: &Path) -> io::Result<Vec<(u32, u64)>> {
    let mut lengths = Vec::new();
    for number in segments(folder)?.into_iter().rev() {
        lengths.push((number, fs::metadata(folder.join(segment_name(number)))?.len()));
    }
    if lengths.len() > 1 && lengths.first().is_some_and(|(_, bytes)| *bytes == 0) {
        lengths.remove(0);
    }
    lengths.reverse();
    Ok(lengths)
}

fn read_segment(path: &Path, bytes: u64, walk: &mut Walk) -> io::Result<()> {
    let file = File::open(path)?.take(bytes);
    let mut lines = Lines::new(BufReader::with_capacity(READ_BYTES, file));
    while let Some(piece) = lines.next()? {
        match piece {
            Piece::Line(line) => walk.line(line),
            Piece::Overlong => walk.overlong(),
            Piece::Torn(begin, bytes) => walk.torn(begin, bytes),
        }
    }
    Ok(())
}
