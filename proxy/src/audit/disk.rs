//! The audit folder on disk: segment files, their lock, and the check that they are still ours.
//! Invariant: a segment is only ever appended to, at the length that we know; a file that was
//! unlinked, replaced, cut or written by somebody else is noticed before a line counts as written.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::mem;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::AuditError;
use super::syncer::Sync;

/// Bytes set aside on the disk ahead of the log, so that a disk that fills up is noticed while
/// the lines already promised still have room.
pub const RESERVE_BYTES: u64 = 1 << 20;

const FOLDER_MODE: u32 = 0o700;
pub(super) const FILE_MODE: u32 = 0o600;
const LOCK_NAME: &str = "audit.lock";

/// Where the writer puts its bytes; real, or made to fail by a test.
pub(super) trait Disk: Send {
    /// Length of the current segment in bytes, counting only what was appended whole.
    fn bytes(&self) -> u64;
    /// Number of the current segment.
    fn segment(&self) -> u32;
    /// Appends to the current segment: all of it, or nothing that counts.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Sets [`RESERVE_BYTES`] aside behind the current segment's end.
    fn reserve(&mut self) -> io::Result<()>;
    /// Makes everything appended durable.
    fn sync(&mut self) -> io::Result<()>;
    /// The same as a job for another thread.
    fn sync_later(&self) -> Sync;
    /// Creates the segment after this one; [`Disk::advance`] then moves onto it.
    fn prepare_next(&mut self) -> io::Result<()>;
    /// Moves onto the prepared segment.
    fn advance(&mut self);
    /// Is the current file still the one in the folder, with the length we know?
    fn check(&mut self) -> Result<(), Damage>;
}

/// What happened to a segment behind our back.
#[derive(Debug, thiserror::Error)]
pub enum Damage {
    /// Its length is not what we wrote.
    #[error("{file} has {found} bytes where {expected} were written: cut or written by another")]
    Length {
        /// The segment.
        file: String,
        /// Its length.
        found: u64,
        /// What we wrote.
        expected: u64,
    },
    /// Its name is gone, or leads to another file.
    #[error("{file} was removed or replaced")]
    Replaced {
        /// The segment.
        file: String,
    },
    /// Its state can't be asked for.
    #[error("cannot look at {file}: {error}")]
    Unreadable {
        /// The segment.
        file: String,
        /// Why.
        error: io::Error,
    },
}

/// `audit-00000001.jsonl` and so on.
pub(super) fn segment_name(number: u32) -> String {
    format!("audit-{number:08}.jsonl")
}

/// The segments of a folder in order, by number.
pub(super) fn segments(folder: &Path) -> io::Result<Vec<u32>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| {
            let digits = name.strip_prefix("audit-")?.strip_suffix(".jsonl")?;
            digits.parse().ok().filter(|number| *number > 0 && segment_name(*number) == name)
        });
        numbers.extend(number);
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Keeps a second process out of the folder.
#[derive(Debug)]
pub(super) struct FolderLock(File);

impl Drop for FolderLock {
    fn drop(&mut self) {
        // Closing alone would leave the lock to a child that was forked and has not called exec
        // yet. What can't be unlocked is unlocked by the end of the process.
        let _unlocked = self.0.unlock();
    }
}

/// Makes the folder (0700) or takes it over, and locks it against a second process.
pub(super) fn take_folder(folder: &Path) -> Result<FolderLock, AuditError> {
    let at = |error| AuditError::Folder { folder: folder.to_owned(), error };
    DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder).map_err(at)?;
    let mode = fs::metadata(folder).map_err(at)?.mode();
    if mode & 0o077 != 0 {
        let narrow = fs::Permissions::from_mode(FOLDER_MODE);
        fs::set_permissions(folder, narrow).map_err(|_| AuditError::Permissions {
            folder: folder.to_owned(),
            mode: mode & 0o777,
        })?;
    }
    let mut options = options();
    let lock = options.create(true).open(folder.join(LOCK_NAME)).map_err(at)?;
    match lock.try_lock() {
        Ok(()) => Ok(FolderLock(lock)),
        Err(TryLockError::WouldBlock) => Err(AuditError::Locked { folder: folder.to_owned() }),
        Err(TryLockError::Error(error)) => Err(at(error)),
    }
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    let no_follow = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
    options.append(true).mode(FILE_MODE).custom_flags(no_follow);
    options
}

/// The segments of one folder, open at the newest.
#[derive(Debug)]
pub(super) struct Segments {
    folder: PathBuf,
    _lock: FolderLock,
    current: Segment,
    next: Option<Segment>,
}

#[derive(Debug)]
struct Segment {
    number: u32,
    path: PathBuf,
    file: Arc<File>,
    bytes: u64,
    reserved: u64,
}

impl Segments {
    /// Opens segment `number` at `bytes`, creating it when it does not exist.
    pub(super) fn open(
        folder: &Path,
        lock: FolderLock,
        number: u32,
        bytes: u64,
    ) -> io::Result<Segments> {
        let current = Segment::open(folder, number, bytes)?;
        Ok(Segments { folder: folder.to_owned(), _lock: lock, current, next: None })
    }
}

impl Segment {
    fn open(folder: &Path, number: u32, bytes: u64) -> io::Result<Segment> {
        let path = folder.join(segment_name(number));
        let file = options().create(true).open(&path)?;
        sync_folder(folder)?;
        Ok(Segment { number, path, file: Arc::new(file), bytes, reserved: 0 })
    }

    fn check(&self) -> Result<(), Damage> {
        let file = || self.path.display().to_string();
        let unreadable = |error| Damage::Unreadable { file: file(), error };
        let ours = self.file.metadata().map_err(unreadable)?;
        match fs::symlink_metadata(&self.path) {
            Ok(named) if (named.dev(), named.ino()) == (ours.dev(), ours.ino()) => {}
            Ok(_) => return Err(Damage::Replaced { file: file() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Damage::Replaced { file: file() });
            }
            Err(error) => return Err(unreadable(error)),
        }
        if ours.len() == self.bytes {
            return Ok(());
        }
        Err(Damage::Length { file: file(), found: ours.len(), expected: self.bytes })
    }
}

impl Disk for Segments {
    fn bytes(&self) -> u64 {
        self.current.bytes
    }

    fn segment(&self) -> u32 {
        self.current.number
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let segment = &mut self.current;
        match (&*segment.file).write_all(bytes) {
            Ok(()) => {
                segment.bytes += bytes.len() as u64;
                Ok(())
            }
            Err(error) => {
                // What was written of it must not stay: it would be written again.
                segment.file.set_len(segment.bytes)?;
                segment.reserved = 0;
                Err(error)
            }
        }
    }

    fn reserve(&mut self) -> io::Result<()> {
        let segment = &mut self.current;
        if segment.reserved >= segment.bytes + RESERVE_BYTES / 2 {
            return Ok(());
        }
        let keep_size = rustix::fs::FallocateFlags::KEEP_SIZE;
        match rustix::fs::fallocate(&*segment.file, keep_size, segment.bytes, RESERVE_BYTES) {
            Ok(()) | Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {
                segment.reserved = segment.bytes + RESERVE_BYTES;
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        self.current.file.sync_data()
    }

    fn sync_later(&self) -> Sync {
        let file = Arc::clone(&self.current.file);
        Box::new(move || file.sync_data())
    }

    fn prepare_next(&mut self) -> io::Result<()> {
        if self.next.is_none() {
            self.next = Some(Segment::open(&self.folder, self.current.number + 1, 0)?);
        }
        Ok(())
    }

    fn advance(&mut self) {
        if let Some(next) = self.next.take() {
            let ended = mem::replace(&mut self.current, next);
            // Gives back what was set aside behind its end; without that it is only larger.
            let _kept = ended.file.set_len(ended.bytes);
        }
    }

    fn check(&mut self) -> Result<(), Damage> {
        self.current.check()
    }
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
