//! The thread that owns the log: takes lines from the bounded queue, writes them in groups and
//! sees to it that they become durable. Invariant: a line counts as written only when the file is
//! still ours; after a failure nothing opens until the disk is sound again, or ever in this run.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use serde_json::json;

use super::disk::{Damage, Disk};
use super::pending::{Ending, Message, Pending};
use super::record::Payload;
use super::shared::{Health, Shared};
use super::syncer::Syncer;
use super::{AuditError, Sync};

/// How long written lines wait for the group that makes them durable; while a sync runs, as long
/// again.
pub const SYNC_INTERVAL: Duration = Duration::from_millis(10);

/// How often the file is looked at while nothing is written, and a full disk tried again.
pub const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// How long a line that nobody waits for is put off while others are written.
pub const PUT_OFF_MAX: Duration = Duration::from_millis(5);

/// The most lines of one write.
pub const BATCH_LINES_MAX: usize = 1024;

/// The bytes after which one write takes no more lines.
pub const BATCH_BYTES_MAX: usize = 1 << 20;

/// When heads are due and segments end.
#[derive(Debug)]
pub(super) struct Limits {
    pub(super) sync: Sync,
    pub(super) head_records_max: u64,
    pub(super) head_interval: Duration,
    pub(super) segment_bytes_max: u64,
}

/// The state of the thread.
#[derive(Debug)]
pub(super) struct Log<D> {
    shared: Arc<Shared>,
    disk: D,
    syncer: Syncer,
    limits: Limits,
    pending: Pending,
    /// When written lines wait to become durable: the next try.
    sync_at: Option<Instant>,
    checked_at: Instant,
    /// When lines wait for a full disk: the next try.
    retry_at: Option<Instant>,
    full_since: Option<Instant>,
    /// When the next segment could not be begun: the next try.
    rotate_at: Option<Instant>,
    is_dead: bool,
    /// Lines came the last time that it looked: it looks again before long.
    is_awake: bool,
}

impl<D: Disk> Log<D> {
    pub(super) fn new(
        shared: &Arc<Shared>,
        disk: D,
        pending: Pending,
        limits: Limits,
    ) -> Result<Log<D>, AuditError> {
        Ok(Log {
            shared: Arc::clone(shared),
            disk,
            syncer: Syncer::spawn(shared)?,
            limits,
            pending,
            sync_at: None,
            checked_at: Instant::now(),
            retry_at: None,
            full_since: None,
            rotate_at: None,
            is_dead: false,
            is_awake: false,
        })
    }

    /// Writes the first lines of the run and their head, durably, before anything may open.
    /// `left_open`: exchanges that the last run left open.
    pub(super) fn begin(&mut self, lines: &[Payload], left_open: u64) -> Result<(), AuditError> {
        if self.disk.bytes() == 0 && self.disk.segment() > 1 {
            self.pending.append_segment(self.disk.segment(), left_open);
        }
        for line in lines {
            self.pending.append(line);
        }
        self.pending.append_head(None);
        self.disk.reserve().map_err(AuditError::Write)?;
        self.append().map_err(AuditError::Write)?;
        self.disk.check()?;
        self.disk.sync().map_err(AuditError::Write)?;
        self.is_durable();
        Ok(())
    }

    /// Runs until told to end.
    pub(super) fn run(mut self, queue: &Receiver<Message>) -> Result<(), AuditError> {
        loop {
            match self.gather(queue) {
                None => self.turn(),
                Some(Ending::Abandon) => {
                    self.take_put_off(false);
                    self.turn();
                    return Ok(());
                }
                Some(Ending::Stop) => return self.finish(queue),
            }
        }
    }

    /// Waits for a line, and takes those that came with it. What was put off has come before it.
    fn gather(&mut self, queue: &Receiver<Message>) -> Option<Ending> {
        let patience = self.patience();
        let patience = if self.is_awake { patience.min(PUT_OFF_MAX) } else { patience };
        let first = match queue.recv_timeout(patience) {
            Ok(message) => Some(message),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return Some(Ending::Abandon),
        };
        self.is_awake = first.is_some();
        self.take_put_off(self.is_awake);
        let mut ending = self.pending.take(first?);
        let mut rest = queue.try_iter().take(BATCH_LINES_MAX - 1);
        while ending.is_none() && self.pending.bytes().len() < BATCH_BYTES_MAX {
            let Some(message) = rest.next() else { break };
            ending = self.pending.take(message);
        }
        ending
    }

    fn take_put_off(&mut self, looks_again: bool) {
        for line in self.shared.take_put_off(looks_again) {
            // No line ends the run.
            let _none = self.pending.take(line);
        }
    }

    /// How long nothing needs to be done.
    fn patience(&self) -> Duration {
        let now = Instant::now();
        if self.is_dead {
            return CHECK_INTERVAL;
        }
        if let Some(at) = self.retry_at {
            return at.saturating_duration_since(now);
        }
        let (_, since_head) = self.pending.since_head();
        let sync = self.sync_at.map(|at| at.saturating_duration_since(now));
        let head = self.limits.head_interval.saturating_sub(since_head);
        CHECK_INTERVAL.min(head).min(sync.unwrap_or(CHECK_INTERVAL))
    }

    /// One round: write what was taken, and do whatever else is due.
    fn turn(&mut self) {
        let now = Instant::now();
        if self.is_dead || self.shared.is_dead() {
            return self.bury();
        }
        if self.retry_at.is_some_and(|at| now < at) {
            return self.pending.refuse();
        }
        let (records, since_head) = self.pending.since_head();
        if records >= self.limits.head_records_max || since_head >= self.limits.head_interval {
            self.pending.append_head(None);
        }
        let is_check_due = now.duration_since(self.checked_at) >= CHECK_INTERVAL;
        if is_check_due || !self.pending.bytes().is_empty() {
            self.write(now);
        }
        if self.sync_at.is_some_and(|at| at <= now) {
            self.sync_beside(now);
        }
        let is_long = self.disk.bytes() >= self.limits.segment_bytes_max;
        if is_long && self.shared.is_healthy() && self.rotate_at.is_none_or(|at| at <= now) {
            self.rotate(now);
        }
    }

    /// Writes what is pending, looks at the file, and answers those who wait.
    fn write(&mut self, now: Instant) {
        // What waited for a full disk waited long: the file may not be ours any more.
        if self.retry_at.take().is_some()
            && let Err(damage) = self.disk.check()
        {
            return self.damaged(&damage);
        }
        let reserved = self.disk.reserve();
        if let Err(error) = self.append() {
            return self.failed(&error, now);
        }
        if let Err(damage) = self.disk.check() {
            return self.damaged(&damage);
        }
        self.checked_at = now;
        if self.limits.sync == Sync::BeforeRelease && self.pending.has_waiting() {
            self.sync();
        }
        if self.is_dead || self.shared.is_dead() {
            return self.bury();
        }
        self.pending.answer();
        match reserved {
            Ok(()) => self.resume(),
            Err(error) => self.fill_up(&error),
        }
    }

    fn fill_up(&mut self, error: &io::Error) {
        self.full_since.get_or_insert_with(Instant::now);
        self.shared.set_health(Health::Full(error.to_string()));
    }

    /// There is room. The log says how long there was none.
    fn resume(&mut self) {
        self.shared.set_health(Health::Healthy);
        if let Some(since) = self.full_since.take() {
            let detail = json!({ "seconds": since.elapsed().as_secs_f64() });
            self.pending.append(&self.shared.payload("note").with_note("disk-was-full", &detail));
        }
    }

    fn append(&mut self) -> io::Result<()> {
        if self.pending.bytes().is_empty() {
            return Ok(());
        }
        self.disk.append(self.pending.bytes())?;
        self.pending.clear(2 * BATCH_BYTES_MAX);
        self.sync_at.get_or_insert_with(|| Instant::now() + SYNC_INTERVAL);
        Ok(())
    }

    /// Makes what is written durable, and waits for it.
    fn sync(&mut self) {
        match self.disk.sync() {
            Ok(()) => self.is_durable(),
            Err(error) => self.die(error.to_string()),
        }
    }

    /// Has what is written made durable while the next lines are written.
    fn sync_beside(&mut self, now: Instant) {
        let is_begun = self.syncer.begin(self.disk.sync_later(), self.pending.head());
        self.sync_at = (!is_begun).then(|| now + SYNC_INTERVAL);
    }

    fn is_durable(&mut self) {
        self.sync_at = None;
        self.shared.set_head(self.pending.head());
    }

    /// Ends the segment with a head that names the next one, and begins that. A segment that
    /// can't be followed yet goes on.
    fn rotate(&mut self, now: Instant) {
        if let Err(error) = self.disk.prepare_next() {
            tracing::warn!(%error, "cannot begin the next audit segment");
            self.rotate_at = Some(now + CHECK_INTERVAL);
            return;
        }
        self.rotate_at = None;
        let next = self.disk.segment() + 1;
        self.pending.append_head(Some(next));
        if let Err(error) = self.append() {
            return self.die(error.to_string());
        }
        self.sync();
        if !self.is_dead {
            self.disk.advance();
            self.pending.append_segment(next, self.pending.exchanges_open());
            self.write(now);
        }
    }

    /// Writes the last lines of the run.
    fn finish(mut self, queue: &Receiver<Message>) -> Result<(), AuditError> {
        self.take_put_off(false);
        for message in queue.try_iter() {
            // Whatever ends the run, it ends already.
            let _ending = self.pending.take(message);
            if self.pending.bytes().len() >= BATCH_BYTES_MAX {
                self.turn();
            }
        }
        self.retry_at = self.retry_at.map(|_| Instant::now());
        self.pending.append_stop();
        self.pending.append_head(None);
        self.turn();
        if !self.is_dead && self.retry_at.is_none() {
            self.sync();
        }
        if self.is_dead || self.retry_at.is_some() {
            return Err(AuditError::Unfinished { why: self.shared.last_trouble() });
        }
        Ok(())
    }

    /// A full disk is tried again, with the lines kept; anything else ends the run's log.
    fn failed(&mut self, error: &io::Error, now: Instant) {
        if !matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
            return self.die(error.to_string());
        }
        self.fill_up(error);
        self.pending.refuse();
        self.retry_at = Some(now + CHECK_INTERVAL);
    }

    fn damaged(&mut self, damage: &Damage) {
        self.die(damage.to_string());
    }

    fn die(&mut self, why: String) {
        self.shared.set_health(Health::Dead(why));
        self.bury();
    }

    /// Nothing more can be written in this run.
    fn bury(&mut self) {
        self.is_dead = true;
        self.pending.discard();
    }
}
