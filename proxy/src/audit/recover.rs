//! Finds where the last run's log ends, and takes a torn end off it before the next run writes.
//! Invariant: only an end that was never a whole line is cut, and it is kept aside; a log that is
//! damaged anywhere else is not continued: the run refuses to start, and the evidence stays.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest;

use super::AuditError;
use super::chain::{Fields, LINE_BYTES_MAX, LineHash, Seal, Tip, push_hex};
use super::disk::{FILE_MODE, segment_name, segments, sync_folder};
use super::lines::{Lines, Piece};

/// How much of a segment is read at a time, in bytes.
pub(super) const READ_BYTES: usize = 256 * 1024;

/// What a run takes up.
#[derive(Debug)]
pub(super) struct Recovered {
    /// The newest whole line.
    pub(super) tip: Tip,
    /// The segment to go on with, and its length without a torn end.
    pub(super) segment: u32,
    pub(super) bytes: u64,
    /// The run that wrote last.
    pub(super) boot: Option<String>,
    /// Did it end with a stop line and its head?
    pub(super) stopped: bool,
    /// Exchanges that it announced and never closed.
    pub(super) exchanges_open: u64,
    /// The torn end, where there was one.
    pub(super) cut: Option<Cut>,
}

/// A torn end, put aside.
#[derive(Debug)]
pub(super) struct Cut {
    pub(super) bytes: u64,
    /// Name of the file in the audit folder that holds it now.
    pub(super) file: String,
    pub(super) sha256: String,
}

impl Recovered {
    /// A folder without a log.
    pub(super) fn nothing() -> Recovered {
        Recovered {
            tip: Tip::GENESIS,
            segment: 1,
            bytes: 0,
            boot: None,
            stopped: true,
            exchanges_open: 0,
            cut: None,
        }
    }
}

/// Reads the newest segment of `folder`, cuts a torn end off it, and says where to go on.
pub(super) fn recover(folder: &Path) -> Result<Recovered, AuditError> {
    let at = |error| AuditError::Folder { folder: folder.to_owned(), error };
    let numbers = segments(folder).map_err(at)?;
    let Some(newest) = numbers.last().copied() else {
        return Ok(Recovered::nothing());
    };
    let before = newest.checked_sub(1).filter(|number| numbers.contains(number));
    let follows = match before {
        Some(number) => Some(last_hash(&folder.join(segment_name(number)))?),
        None => (newest == 1).then_some(LineHash::ZERO),
    };
    let found = Scan::run(&folder.join(segment_name(newest)), follows)?;
    let (bytes, torn_bytes) = (found.recovered.bytes, found.torn_bytes());
    let mut recovered = match before {
        // The newest segment has no line yet: the one before it says how things stand.
        Some(number) if found.lines == 0 => {
            Scan::run(&folder.join(segment_name(number)), None)?.recovered
        }
        None if found.lines == 0 && newest > 1 => return Err(found.damaged(1)),
        Some(_) | None => found.recovered,
    };
    (recovered.segment, recovered.bytes) = (newest, bytes);
    if torn_bytes > 0 {
        recovered.cut = Some(put_aside(folder, &recovered).map_err(at)?);
    }
    Ok(recovered)
}

/// Moves what follows the whole lines of a segment into a file of its own.
fn put_aside(folder: &Path, recovered: &Recovered) -> io::Result<Cut> {
    let path = folder.join(segment_name(recovered.segment));
    let name = format!("{}.{}.torn", segment_name(recovered.segment), recovered.tip.seq);
    let mut source = OpenOptions::new().read(true).write(true).open(path)?;
    source.seek(SeekFrom::Start(recovered.bytes))?;
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(FILE_MODE);
    let mut aside = options.open(folder.join(&name))?;
    let mut hashing = Hashing { to: &mut aside, context: digest::Context::new(&digest::SHA256) };
    let bytes = io::copy(&mut source, &mut hashing)?;
    let mut sha256 = Vec::new();
    push_hex(hashing.context.finish().as_ref(), &mut sha256);
    aside.sync_all()?;
    sync_folder(folder)?;
    source.set_len(recovered.bytes)?;
    source.sync_all()?;
    Ok(Cut { bytes, file: name, sha256: String::from_utf8_lossy(&sha256).into_owned() })
}

/// Writes on, and hashes what it writes.
struct Hashing<'a> {
    to: &'a mut File,
    context: digest::Context,
}

impl Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.context.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// The hash that the last line of a finished segment states.
fn last_hash(path: &Path) -> Result<LineHash, AuditError> {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let bytes = file.metadata()?.len();
        file.seek(SeekFrom::Start(bytes.saturating_sub(LINE_BYTES_MAX as u64 + 1)))?;
        let mut end = Vec::new();
        file.take(LINE_BYTES_MAX as u64 + 1).read_to_end(&mut end)?;
        Ok(end)
    };
    let end = read().map_err(|error| AuditError::Folder { folder: path.to_owned(), error })?;
    let seal = end.strip_suffix(b"\n").and_then(Seal::parse);
    seal.map(|seal| seal.hash)
        .ok_or_else(|| AuditError::Damaged { file: path.to_owned(), line: None })
}

/// One pass over one segment.
#[derive(Debug)]
struct Scan {
    path: PathBuf,
    recovered: Recovered,
    /// What the next line has to name; unknown only before the first.
    follows: Option<LineHash>,
    lines: u64,
    /// Number of the first piece that is not a whole line.
    torn_at: Option<u64>,
    file_bytes: u64,
}

impl Scan {
    fn run(path: &Path, follows: Option<LineHash>) -> Result<Scan, AuditError> {
        let at = |error| AuditError::Folder { folder: path.to_owned(), error };
        let file = File::open(path).map_err(at)?;
        let mut lines = Lines::new(BufReader::with_capacity(READ_BYTES, file));
        let mut scan = Scan {
            path: path.to_owned(),
            recovered: Recovered::nothing(),
            follows,
            lines: 0,
            torn_at: None,
            file_bytes: 0,
        };
        while let Some(piece) = lines.next().map_err(at)? {
            let is_whole = match piece {
                Piece::Line(line) => scan.take(line),
                Piece::Overlong | Piece::Torn(..) => None,
            };
            match (is_whole, scan.torn_at) {
                (Some(true), None) => scan.recovered.bytes = lines.offset,
                // A sealed line that does not follow, or that follows a broken one.
                (Some(_), torn_at) => return Err(scan.damaged(torn_at.unwrap_or(lines.number))),
                (None, torn_at) => scan.torn_at = torn_at.or(Some(lines.number)),
            }
        }
        scan.file_bytes = lines.offset;
        Ok(scan)
    }

    /// Does `line` follow the one before it? `None` where it bears no seal at all.
    fn take(&mut self, line: &[u8]) -> Option<bool> {
        let seal = Seal::parse(line)?;
        let Some(fields) = Fields::parse(line) else {
            return Some(false);
        };
        let state = &mut self.recovered;
        let follows = self.follows.is_none_or(|hash| hash == seal.prev)
            && (self.lines == 0 || fields.seq == state.tip.seq.saturating_add(1))
            && seal.computed() == seal.hash;
        if !follows || self.torn_at.is_some() {
            return Some(false);
        }
        match fields.kind {
            "start" => state.exchanges_open = 0,
            "segment" => state.exchanges_open = fields.exchanges_open.unwrap_or(0),
            "open" => state.exchanges_open += 1,
            "close" if fields.opened == Some(true) => {
                state.exchanges_open = state.exchanges_open.saturating_sub(1);
            }
            _ => {}
        }
        state.stopped = fields.kind == "stop" || (fields.kind == "head" && state.stopped);
        state.boot = Some(fields.boot.to_owned());
        state.tip = Tip { seq: fields.seq, hash: seal.hash };
        self.follows = Some(seal.hash);
        self.lines += 1;
        Some(true)
    }

    fn torn_bytes(&self) -> u64 {
        self.file_bytes.saturating_sub(self.recovered.bytes)
    }

    fn damaged(&self, line: u64) -> AuditError {
        AuditError::Damaged { file: self.path.clone(), line: Some(line) }
    }
}
