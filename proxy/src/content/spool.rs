//! A first-in-first-out queue of bytes that are held back: memory first, then an unlinked, 0600
//! file of AES-256-GCM records with ordered nonces, whose key exists only here.
//!
//! Invariant: what comes out is what went in, in order, or an error; nothing is readable on disk.

use std::collections::VecDeque;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use bytes::{Bytes, BytesMut};
use prometheus::IntGauge;

use super::pump::RECORDS_IN_MEMORY;
use crate::budget::{Budget, Holder, Share};
use crate::error::{Error, Kind};

/// Plaintext bytes of one sealed record, and of a piece that comes out of a file, where memory is left for
/// those that are on their way in or out at once.
const RECORD_BYTES: usize = 256 * 1024;
/// The same where it is not: then no more of them are in memory than the exchange has taken for what it does
/// not use while its body is held or given out ([`crate::budget::cost::of_exchange`]).
pub(super) const SHORT_RECORD_BYTES: usize = 64 * 1024;
/// Bytes that AES-GCM adds to a record.
const TAG_BYTES: usize = 16;
/// Chunks below this are joined, so that a body of one-byte chunks costs what it weighs.
const SMALL_CHUNK_BYTES: usize = 4096;

/// The process-wide room for spool files.
#[derive(Clone, Debug)]
pub struct SpoolRoom {
    folder: PathBuf,
    memory_max: usize,
    bytes_max: u64,
    used: Arc<AtomicU64>,
    gauge: IntGauge,
    budget: Budget,
}

/// One exchange's queue of held bytes.
#[derive(Debug)]
pub struct Spool {
    room: SpoolRoom,
    memory: VecDeque<Bytes>,
    small: BytesMut,
    memory_len: usize,
    share: Share,
    file: Option<SpoolFile>,
    len: u64,
}

#[derive(Debug)]
struct SpoolFile {
    file: Arc<File>,
    key: Arc<LessSafeKey>,
    pending: BytesMut,
    record_bytes: usize,
    /// Of the records that are in memory, where they are not short ones.
    _share: Share,
    records: VecDeque<usize>,
    written: u64,
    read: u64,
    sealed: u64,
    opened: u64,
    reserved: Reserved,
}

/// Spool bytes that this exchange has reserved; given back on drop.
#[derive(Debug)]
struct Reserved {
    room: SpoolRoom,
    bytes: u64,
}

impl SpoolRoom {
    /// A room in `folder` for at most `bytes_max` bytes of files; each spool keeps `memory_max`
    /// bytes in memory before its file begins, less where `budget` is spent.
    pub fn new(
        folder: PathBuf,
        memory_max: usize,
        (bytes_max, gauge): (u64, IntGauge),
        budget: Budget,
    ) -> Self {
        Self { folder, memory_max, bytes_max, used: Arc::default(), gauge, budget }
    }

    /// A share of the memory for bodies, of nothing yet.
    pub fn memory(&self, holder: Holder) -> Share {
        self.budget.share(holder)
    }

    /// An empty queue; what it keeps in memory is `holder`'s.
    pub fn spool(&self, holder: Holder) -> Spool {
        Spool {
            room: self.clone(),
            memory: VecDeque::new(),
            small: BytesMut::new(),
            memory_len: 0,
            share: self.budget.share(holder),
            file: None,
            len: 0,
        }
    }
}

impl Spool {
    /// Bytes in the queue.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether all of it is in memory.
    pub fn is_in_memory(&self) -> bool {
        self.file.is_none()
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// `SpoolMax` when the process's spool is used up, `SpoolBroken` when the disk refuses.
    pub async fn push(&mut self, chunk: Bytes) -> Result<(), Error> {
        self.len += chunk.len() as u64;
        let fits = self.memory_len + chunk.len() <= self.room.memory_max;
        // Order is kept by never going back to memory while the file holds something.
        let file_is_drained = self.file.as_ref().is_none_or(SpoolFile::is_drained);
        if fits && file_is_drained && self.share.try_grow_sparing(chunk.len()) {
            self.memory_len += chunk.len();
            if chunk.len() < SMALL_CHUNK_BYTES {
                self.small.extend_from_slice(&chunk);
            } else {
                self.flush_small();
                self.memory.push_back(chunk);
            }
            return Ok(());
        }
        if self.file.is_none() {
            self.file = Some(SpoolFile::create(&self.room, self.share.sibling()).await?);
        }
        match &mut self.file {
            Some(file) => file.push(&chunk).await,
            None => Err(Kind::SpoolBroken.into()),
        }
    }

    /// Takes at most `bytes_max` bytes from the front, in pieces as they come; `None` when empty.
    ///
    /// # Errors
    /// `SpoolBroken` when the disk refuses or a record does not open.
    pub async fn pop(&mut self, bytes_max: u64) -> Result<Option<Bytes>, Error> {
        if self.memory.is_empty() {
            self.flush_small();
        }
        if self.memory.is_empty()
            && let Some(file) = &mut self.file
            && let Some(record) = file.pop().await?
        {
            self.memory_len += record.len();
            self.memory.push_back(record);
        }
        let wanted = usize::try_from(bytes_max).unwrap_or(usize::MAX);
        let Some(front) = self.memory.front_mut().filter(|_| wanted > 0) else {
            return Ok(None);
        };
        let piece = front.split_to(front.len().min(wanted));
        if front.is_empty() {
            self.memory.pop_front();
        }
        self.memory_len -= piece.len();
        self.len -= piece.len() as u64;
        Ok(Some(self.share.hand_over(piece)))
    }

    fn flush_small(&mut self) {
        if !self.small.is_empty() {
            self.memory.push_back(self.small.split().freeze());
        }
    }
}

impl SpoolFile {
    async fn create(room: &SpoolRoom, mut share: Share) -> Result<Self, Error> {
        let folder = room.folder.clone();
        // tempfile_in opens with O_TMPFILE and 0600, or unlinks at once.
        let file = blocking(move || tempfile::tempfile_in(folder)).await?;
        let mut secret = [0; 32];
        aws_lc_rs::rand::fill(&mut secret).map_err(broken)?;
        let key = UnboundKey::new(&AES_256_GCM, &secret).map_err(broken)?;
        let in_memory = (RECORD_BYTES + TAG_BYTES) * RECORDS_IN_MEMORY;
        let is_ample = share.try_grow_sparing(in_memory);
        let record_bytes = if is_ample { RECORD_BYTES } else { SHORT_RECORD_BYTES };
        Ok(Self {
            file: Arc::new(file),
            key: Arc::new(LessSafeKey::new(key)),
            pending: BytesMut::with_capacity(record_bytes + TAG_BYTES),
            record_bytes,
            _share: share,
            records: VecDeque::new(),
            written: 0,
            read: 0,
            sealed: 0,
            opened: 0,
            reserved: Reserved { room: room.clone(), bytes: 0 },
        })
    }

    fn is_drained(&self) -> bool {
        self.records.is_empty() && self.pending.is_empty()
    }

    async fn push(&mut self, mut chunk: &[u8]) -> Result<(), Error> {
        while !chunk.is_empty() {
            let room = self.record_bytes - self.pending.len();
            let (now, later) = chunk.split_at(room.min(chunk.len()));
            self.pending.extend_from_slice(now);
            chunk = later;
            if self.pending.len() == self.record_bytes {
                self.seal().await?;
            }
        }
        Ok(())
    }

    async fn seal(&mut self) -> Result<(), Error> {
        let next = BytesMut::with_capacity(self.record_bytes + TAG_BYTES);
        let mut record = std::mem::replace(&mut self.pending, next);
        let plain_len = record.len();
        self.reserved.add((plain_len + TAG_BYTES) as u64)?;
        let (file, key) = (Arc::clone(&self.file), Arc::clone(&self.key));
        let (nonce, at) = (nonce(self.sealed), self.written);
        blocking(move || {
            let tag = key
                .seal_in_place_separate_tag(nonce, Aad::empty(), &mut record)
                .map_err(std::io::Error::other)?;
            record.extend_from_slice(tag.as_ref());
            file.write_all_at(&record, at)
        })
        .await?;
        self.sealed += 1;
        self.written += (plain_len + TAG_BYTES) as u64;
        self.records.push_back(plain_len);
        Ok(())
    }

    async fn pop(&mut self) -> Result<Option<Bytes>, Error> {
        let Some(plain_len) = self.records.pop_front() else {
            return Ok((!self.pending.is_empty()).then(|| self.pending.split().freeze()));
        };
        let (file, key) = (Arc::clone(&self.file), Arc::clone(&self.key));
        let (nonce, at) = (nonce(self.opened), self.read);
        let record = blocking(move || {
            let mut record = BytesMut::zeroed(plain_len + TAG_BYTES);
            file.read_exact_at(&mut record, at)?;
            key.open_in_place(nonce, Aad::empty(), &mut record).map_err(std::io::Error::other)?;
            record.truncate(plain_len);
            Ok(record.freeze())
        })
        .await?;
        self.opened += 1;
        self.read += (plain_len + TAG_BYTES) as u64;
        Ok(Some(record))
    }
}

impl Reserved {
    fn add(&mut self, bytes: u64) -> Result<(), Error> {
        let before = self.room.used.fetch_add(bytes, Ordering::Relaxed);
        self.bytes += bytes;
        self.room.gauge.add(bytes.cast_signed());
        if before + bytes > self.room.bytes_max {
            return Err(Kind::SpoolMax.into());
        }
        Ok(())
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.room.used.fetch_sub(self.bytes, Ordering::Relaxed);
        self.room.gauge.sub(self.bytes.cast_signed());
    }
}

/// Each record's nonce is its number; a key serves one file, so none repeats.
fn nonce(number: u64) -> Nonce {
    let mut bytes = [0; NONCE_LEN];
    let (_, counter) = bytes.split_at_mut(NONCE_LEN - 8);
    counter.copy_from_slice(&number.to_be_bytes());
    Nonce::assume_unique_for_key(bytes)
}

async fn blocking<T, F>(work: F) -> Result<T, Error>
where
    T: Send + 'static,
    F: FnOnce() -> std::io::Result<T> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result.map_err(broken),
        Err(error) => Err(broken(error)),
    }
}

fn broken(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(Kind::SpoolBroken, error)
}

#[cfg(test)]
mod tests;
