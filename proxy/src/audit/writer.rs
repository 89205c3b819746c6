//! The thread that owns the log: takes lines from the bounded queue, chains them, writes them in
//! groups and makes them durable. Invariant: a line counts as written only when the file is still
//! ours; the exported head is durable; after a failure nothing opens until the disk is sound.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::chain::{self, Tip};
use super::disk::Disk;
use super::key::SigningKey;
use super::record::Payload;
use super::shared::{Head, Health, Shared};
use super::{AuditError, Sync};

/// How long written lines may wait for the group that makes them durable.
pub const SYNC_INTERVAL: Duration = Duration::from_millis(10);

/// How often the file is looked at while nothing is written, and a full disk tried again.
pub const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// The most lines, and the bytes after which no more are taken, of one write.
pub const BATCH_LINES_MAX: usize = 1024;
/// See [`BATCH_LINES_MAX`].
pub const BATCH_BYTES_MAX: usize = 1 << 20;

/// What the queue carries. A place goes with each line and is free again once it is written.
#[derive(Debug)]
pub(super) enum Message {
    /// End without a word, as if killed.
    Abandon,
    Close {
        line: Payload,
        opened: bool,
        place: OwnedSemaphorePermit,
    },
    Note {
        line: Payload,
        place: OwnedSemaphorePermit,
    },
    Open {
        line: Payload,
        written: oneshot::Sender<()>,
        place: OwnedSemaphorePermit,
    },
    /// Write what is queued, `stop` and a head, and end.
    Stop,
}

/// When heads are due and segments end.
#[derive(Debug)]
pub(super) struct Limits {
    pub(super) sync: Sync,
    pub(super) head_records_max: u64,
    pub(super) head_interval: Duration,
    pub(super) segment_bytes_max: u64,
}

/// The state of the thread.
pub(super) struct Log<D> {
    shared: Arc<Shared>,
    disk: D,
    signer: SigningKey,
    limits: Limits,
    tip: Tip,
    /// Number of the newest head line.
    anchored_seq: u64,
    records_since_head: u64,
    head_at: Instant,
    /// Chained lines that are not written yet, who waits for them, and their places.
    buffer: Vec<u8>,
    waiting: Vec<oneshot::Sender<()>>,
    places: Vec<OwnedSemaphorePermit>,
    unsynced_since: Option<Instant>,
    checked_at: Instant,
    /// When lines wait for a full disk: the next try.
    retry_at: Option<Instant>,
    is_dead: bool,
    /// What was wrong last.
    why: String,
    notes_lost: u64,
    exchanges_open: u64,
}

/// How the thread was told to end.
#[derive(Clone, Copy, Debug)]
enum Ending {
    Abandon,
    Stop,
}

impl<D: Disk> Log<D> {
    pub(super) fn new(
        shared: &Arc<Shared>,
        disk: D,
        signer: SigningKey,
        limits: Limits,
        tip: Tip,
    ) -> Log<D> {
        let now = Instant::now();
        Log {
            shared: Arc::clone(shared),
            disk,
            signer,
            limits,
            tip,
            anchored_seq: 0,
            records_since_head: 0,
            head_at: now,
            buffer: Vec::new(),
            waiting: Vec::new(),
            places: Vec::new(),
            unsynced_since: None,
            checked_at: now,
            retry_at: None,
            is_dead: false,
            why: String::new(),
            notes_lost: 0,
            exchanges_open: 0,
        }
    }

    /// Writes the first lines of the run and their head, durably, before anything may open.
    pub(super) fn begin(&mut self, lines: &[Payload]) -> Result<(), AuditError> {
        if self.disk.bytes() == 0 && self.disk.segment() > 1 {
            self.append_segment();
        }
        for line in lines {
            self.append(line);
        }
        self.append_head(None);
        self.disk.reserve().map_err(AuditError::Write)?;
        self.disk.append(&self.buffer).map_err(AuditError::Write)?;
        self.disk.check()?;
        self.disk.sync().map_err(AuditError::Write)?;
        self.buffer.clear();
        self.export();
        Ok(())
    }

    /// Runs until told to end.
    pub(super) fn run(mut self, queue: &Receiver<Message>) -> Result<(), AuditError> {
        loop {
            match self.gather(queue) {
                None => self.turn(),
                Some(Ending::Abandon) => {
                    self.turn();
                    return Ok(());
                }
                Some(Ending::Stop) => return self.finish(queue),
            }
        }
    }

    /// Waits for a line, and takes those that came with it.
    fn gather(&mut self, queue: &Receiver<Message>) -> Option<Ending> {
        let first = match queue.recv_timeout(self.patience()) {
            Ok(message) => message,
            Err(RecvTimeoutError::Timeout) => return None,
            Err(RecvTimeoutError::Disconnected) => return Some(Ending::Abandon),
        };
        let mut ending = self.take(first);
        for message in queue.try_iter().take(BATCH_LINES_MAX - 1) {
            ending = ending.or(self.take(message));
            if ending.is_some() || self.buffer.len() >= BATCH_BYTES_MAX {
                break;
            }
        }
        ending
    }

    /// How long nothing needs to be done.
    fn patience(&self) -> Duration {
        if self.is_dead {
            return CHECK_INTERVAL;
        }
        if let Some(at) = self.retry_at {
            return at.saturating_duration_since(Instant::now());
        }
        let head = self.limits.head_interval.saturating_sub(self.head_at.elapsed());
        let sync = self.unsynced_since.map(|since| SYNC_INTERVAL.saturating_sub(since.elapsed()));
        CHECK_INTERVAL.min(head).min(sync.unwrap_or(CHECK_INTERVAL))
    }

    fn take(&mut self, message: Message) -> Option<Ending> {
        match message {
            Message::Abandon => return Some(Ending::Abandon),
            Message::Close { line, opened, place } => {
                self.exchanges_open = self.exchanges_open.saturating_sub(opened.into());
                self.append(&line);
                self.places.push(place);
            }
            Message::Note { line, place } => {
                self.append(&line);
                self.places.push(place);
            }
            Message::Open { line, written, place } => {
                self.exchanges_open += 1;
                self.append(&line);
                self.places.push(place);
                self.waiting.push(written);
            }
            Message::Stop => return Some(Ending::Stop),
        }
        None
    }

    /// One round: write what was taken, and whatever else is due.
    fn turn(&mut self) {
        let now = Instant::now();
        if self.is_dead {
            return self.discard();
        }
        if self.retry_at.is_some_and(|at| now < at) {
            return self.waiting.clear(); // they can't be told that their line is written
        }
        let is_head_due = self.records_since_head >= self.limits.head_records_max
            || self.head_at.elapsed() >= self.limits.head_interval;
        if is_head_due {
            self.append_head(None);
        }
        if !self.buffer.is_empty() || now.duration_since(self.checked_at) >= CHECK_INTERVAL {
            self.write(now);
        }
        if self.unsynced_since.is_some_and(|since| since.elapsed() >= SYNC_INTERVAL) {
            self.sync();
        }
        if self.disk.bytes() >= self.limits.segment_bytes_max && self.shared.is_healthy() {
            self.rotate();
        }
    }

    /// Writes the buffer and answers those who wait for it.
    fn write(&mut self, now: Instant) {
        if self.retry_at.take().is_some()
            && let Err(damage) = self.disk.check()
        {
            return self.die(&damage.to_string());
        }
        let reserved = self.disk.reserve();
        if let Err(error) = self.append_buffer() {
            return if is_full(&error) { self.stall(&error, now) } else { self.fail(&error) };
        }
        if let Err(damage) = self.disk.check() {
            return self.die(&damage.to_string());
        }
        self.checked_at = now;
        if self.limits.sync == Sync::BeforeRelease && !self.waiting.is_empty() {
            self.sync();
        }
        if self.is_dead {
            return;
        }
        for written in self.waiting.drain(..) {
            // The exchange may have gone meanwhile; its close line follows.
            let _gone = written.send(());
        }
        self.free_places();
        match reserved {
            Ok(()) => self.shared.set_health(Health::Healthy),
            Err(error) => self.shared.set_health(Health::Full(error.to_string())),
        }
    }

    fn append_buffer(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.disk.append(&self.buffer)?;
        self.unsynced_since.get_or_insert_with(Instant::now);
        self.buffer.clear();
        self.buffer.shrink_to(2 * BATCH_BYTES_MAX);
        Ok(())
    }

    fn sync(&mut self) {
        match self.disk.sync() {
            Ok(()) => self.export(),
            // After a failed fsync nobody knows what is on the disk: it is not tried again.
            Err(error) => self.fail(&error),
        }
    }

    /// Ends the segment with a head that names the next one, and begins that.
    fn rotate(&mut self) {
        if let Err(error) = self.disk.prepare_next() {
            return if is_full(&error) {
                self.stall(&error, Instant::now())
            } else {
                self.fail(&error)
            };
        }
        self.append_head(Some(self.disk.segment() + 1));
        if let Err(error) = self.append_buffer() {
            return self.fail(&error);
        }
        self.sync();
        if !self.is_dead {
            self.disk.advance();
            self.append_segment();
            self.write(Instant::now());
        }
    }

    /// Writes the last lines of the run.
    fn finish(mut self, queue: &Receiver<Message>) -> Result<(), AuditError> {
        for message in queue.try_iter() {
            let _second_stop = self.take(message);
            if self.buffer.len() >= BATCH_BYTES_MAX {
                self.turn();
            }
        }
        self.retry_at = self.retry_at.map(|_| Instant::now());
        let lost = self.shared.lines_lost();
        let stop = self.shared.payload("stop").with(&json!({
            "exchanges_open": self.exchanges_open,
            "lines_lost": lost,
        }));
        self.append(&stop);
        self.append_head(None);
        self.turn();
        if !self.is_dead {
            self.sync();
        }
        if self.is_dead || self.retry_at.is_some() {
            return Err(AuditError::Unfinished { why: self.why });
        }
        Ok(())
    }

    fn append(&mut self, line: &Payload) {
        chain::append(&mut self.tip, line.as_bytes(), &mut self.buffer);
        self.records_since_head += 1;
    }

    fn append_head(&mut self, next_segment: Option<u32>) {
        let lost = self.shared.notes_lost();
        if lost > self.notes_lost {
            let detail = json!({ "count": lost - self.notes_lost });
            self.notes_lost = lost;
            let note = self.shared.payload("note").with_note("notes-lost", &detail);
            self.append(&note);
        }
        let mut head = self.shared.payload("head");
        if let Some(number) = next_segment {
            head = head.with(&json!({ "next_segment": number }));
        }
        chain::append_head(&mut self.tip, head.as_bytes(), &self.signer, &mut self.buffer);
        self.anchored_seq = self.tip.seq;
        self.records_since_head = 0;
        self.head_at = Instant::now();
    }

    fn append_segment(&mut self) {
        let line = self.shared.payload("segment").with(&json!({
            "segment": self.disk.segment(),
            "exchanges_open": self.exchanges_open,
        }));
        self.append(&line);
    }

    /// Tells the world how far the log is durable.
    fn export(&mut self) {
        self.unsynced_since = None;
        self.shared.set_head(Head {
            seq: self.tip.seq,
            hash: self.tip.hash.to_string(),
            anchored_seq: self.anchored_seq,
        });
    }

    /// The disk is full: keep the lines, refuse new exchanges, try again.
    fn stall(&mut self, error: &io::Error, now: Instant) {
        self.why = error.to_string();
        self.shared.set_health(Health::Full(self.why.clone()));
        self.waiting.clear();
        self.retry_at = Some(now + CHECK_INTERVAL);
    }

    fn fail(&mut self, error: &io::Error) {
        self.die(&error.to_string());
    }

    /// Nothing more can be written in this run.
    fn die(&mut self, why: &str) {
        self.is_dead = true;
        self.why = why.to_owned();
        self.shared.set_health(Health::Dead(why.to_owned()));
        self.discard();
    }

    fn discard(&mut self) {
        self.shared.count_lost_lines(self.places.len() as u64);
        self.buffer.clear();
        self.waiting.clear();
        self.free_places();
    }

    fn free_places(&mut self) {
        self.shared.leave_queue(self.places.len());
        self.places.clear();
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
