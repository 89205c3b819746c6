//! The only file access of the crate: reading material with limits, writing it without gaps.
//!
//! Invariant: a file is there whole or not at all, a private key is never readable by others, not
//! even for a moment, and nothing that exists is replaced unless the caller says so.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::ca::{Authority, InvalidAuthority, IssuedSvid};
pub use crate::pem::MATERIAL_BYTES_MAX;

/// The CA's certificate in its folder; also the trust bundle of its domain.
pub const CA_CERTIFICATE: &str = "ca.pem";
/// The CA's private key in its folder.
pub const CA_KEY: &str = "ca-key.pem";
/// The chain of an issued SVID in its folder.
pub const SVID_CHAIN: &str = "chain.pem";
/// The private key of an issued SVID in its folder.
pub const SVID_KEY: &str = "key.pem";
/// The trust bundle beside an issued SVID.
pub const SVID_BUNDLE: &str = "bundle.pem";

const FOLDER_MODE: u32 = 0o700;
const PUBLIC_MODE: u32 = 0o644;
const SECRET_MODE: u32 = 0o600;

/// What to do about a file that is already there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Leave it, and fail.
    Keep,
    /// Replace it in one step.
    Replace,
}

/// Why a file could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The operating system said no.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file is there, and was to be kept.
    #[error("{} exists and is kept; choose another folder, or say that it is to be replaced", .0.display())]
    Exists(PathBuf),
    /// A directory, pipe or device where a file was expected.
    #[error("{} is not a file", .0.display())]
    NotAFile(PathBuf),
    /// More than [`MATERIAL_BYTES_MAX`] bytes.
    #[error("{} has more than {MATERIAL_BYTES_MAX} bytes; is it the right file?", .0.display())]
    TooLarge(PathBuf),
    /// The CA files were read, but are no CA.
    #[error("the CA in {}: {problem}", folder.display())]
    Authority {
        /// The folder.
        folder: PathBuf,
        /// What is wrong.
        problem: InvalidAuthority,
    },
}

/// Reads a file of at most [`MATERIAL_BYTES_MAX`] bytes.
///
/// # Errors
///
/// It is missing, unreadable, no regular file, or too large.
pub fn read(path: &Path) -> Result<Vec<u8>, StoreError> {
    // Asked before opening: opening a pipe would wait for its writer.
    let metadata = fs::metadata(path).map_err(|source| io_error("read", path, source))?;
    if !metadata.is_file() {
        return Err(StoreError::NotAFile(path.to_owned()));
    }
    let file = File::open(path).map_err(|source| io_error("read", path, source))?;
    let mut bytes = Vec::new();
    let limit = u64::try_from(MATERIAL_BYTES_MAX).unwrap_or(u64::MAX);
    file.take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(|source| io_error("read", path, source))?;
    if bytes.len() > MATERIAL_BYTES_MAX {
        return Err(StoreError::TooLarge(path.to_owned()));
    }
    Ok(bytes)
}

/// Writes a private key, mode 0600, whole or not at all.
///
/// # Errors
///
/// The file exists and was to be kept, or the operating system says no.
pub fn write_secret(path: &Path, bytes: &[u8], existing: Existing) -> Result<(), StoreError> {
    write(path, bytes, existing, SECRET_MODE)
}

/// Writes a certificate, mode 0644 as far as the umask lets it, whole or not at all.
///
/// # Errors
///
/// As [`write_secret`].
pub fn write_public(path: &Path, bytes: &[u8], existing: Existing) -> Result<(), StoreError> {
    write(path, bytes, existing, PUBLIC_MODE)
}

/// Makes a folder and its parents, mode 0700. One that exists stays as it is.
///
/// # Errors
///
/// The operating system says no.
pub fn create_folder(path: &Path) -> Result<(), StoreError> {
    DirBuilder::new()
        .recursive(true)
        .mode(FOLDER_MODE)
        .create(path)
        .map_err(|source| io_error("create the folder", path, source))
}

/// Keeps a CA: [`CA_KEY`] and [`CA_CERTIFICATE`] in `folder`, which is made where it is missing.
///
/// # Errors
///
/// A CA is already there and was to be kept, or a file cannot be written.
pub fn save_authority(
    folder: &Path,
    authority: &Authority,
    existing: Existing,
) -> Result<(), StoreError> {
    create_folder(folder)?;
    let certificate = folder.join(CA_CERTIFICATE);
    if existing == Existing::Keep && certificate.symlink_metadata().is_ok() {
        return Err(StoreError::Exists(certificate));
    }
    write_secret(&folder.join(CA_KEY), authority.key_pem().as_bytes(), existing)?;
    write_public(&certificate, authority.certificate_pem().as_bytes(), existing)
}

/// Reads the CA that [`save_authority`] kept.
///
/// # Errors
///
/// A file is missing or unreadable, or they are no CA.
pub fn load_authority(folder: &Path) -> Result<Authority, StoreError> {
    let certificate = read(&folder.join(CA_CERTIFICATE))?;
    let key = read(&folder.join(CA_KEY))?;
    Authority::from_pem(&String::from_utf8_lossy(&certificate), &String::from_utf8_lossy(&key))
        .map_err(|problem| StoreError::Authority { folder: folder.to_owned(), problem })
}

/// Writes an issued SVID with the bundle that its owner is to trust: [`SVID_KEY`], [`SVID_CHAIN`],
/// [`SVID_BUNDLE`] in `folder`. A running process that watches them keeps its old identity until all
/// three fit together.
///
/// # Errors
///
/// A file exists and was to be kept, or cannot be written.
pub fn save_svid(
    folder: &Path,
    svid: &IssuedSvid,
    bundle_pem: &str,
    existing: Existing,
) -> Result<(), StoreError> {
    create_folder(folder)?;
    write_secret(&folder.join(SVID_KEY), svid.key_pem.as_bytes(), existing)?;
    write_public(&folder.join(SVID_CHAIN), svid.chain_pem.as_bytes(), existing)?;
    write_public(&folder.join(SVID_BUNDLE), bundle_pem.as_bytes(), existing)
}

/// What one path leads to, cheaply: enough to notice that it was replaced or rewritten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FileStamp {
    Missing,
    There { resolved: PathBuf, device: u64, inode: u64, changed: (i64, i64), bytes: u64 },
}

pub(crate) fn stamp(path: &Path) -> FileStamp {
    let Ok(resolved) = fs::canonicalize(path) else { return FileStamp::Missing };
    match fs::metadata(&resolved) {
        Ok(found) => FileStamp::There {
            resolved,
            device: found.dev(),
            inode: found.ino(),
            changed: (found.mtime(), found.mtime_nsec()),
            bytes: found.size(),
        },
        Err(_) => FileStamp::Missing,
    }
}

fn write(path: &Path, bytes: &[u8], existing: Existing, mode: u32) -> Result<(), StoreError> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    };
    let scratch = folder.join(scratch_name());
    let written = write_whole(&scratch, bytes, mode)
        .map_err(|source| io_error("write", path, source))
        .and_then(|()| put_in_place(&scratch, path, existing));
    if written.is_err() || existing == Existing::Keep {
        // A link keeps the scratch name; a failure may have left it.
        let _ = fs::remove_file(&scratch);
    }
    written?;
    // The name itself must survive a power cut too.
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|source| io_error("write", path, source))
}

fn write_whole(scratch: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(scratch)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn put_in_place(scratch: &Path, path: &Path, existing: Existing) -> Result<(), StoreError> {
    match existing {
        // Unlike a rename, a link fails where the name is taken, without a gap between asking and doing.
        Existing::Keep => fs::hard_link(scratch, path).map_err(|source| {
            if source.kind() == io::ErrorKind::AlreadyExists {
                StoreError::Exists(path.to_owned())
            } else {
                io_error("write", path, source)
            }
        }),
        Existing::Replace => {
            fs::rename(scratch, path).map_err(|source| io_error("replace", path, source))
        }
    }
}

fn scratch_name() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!(".lazaret-{}-{count}.tmp", std::process::id())
}

fn io_error(action: &'static str, path: &Path, source: io::Error) -> StoreError {
    StoreError::Io { action, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests;
