//! What the writer thread and those who record share: the queue's way in, its places, the health
//! and the head. Invariant: whoever holds a place can hand its line over without waiting.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::rand;
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::chain::push_hex;
use super::key::Fingerprint;
use super::pending::Message;
use super::record::Payload;
use super::{AuditError, AuditUnavailable, NOTES_MAX};

const BOOT_BYTES: usize = 4;

/// How far the log is durable: what `/metrics` exports and `verify --expect-head` takes.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Head {
    /// Number of the newest durable line.
    pub seq: u64,
    /// Its hash, 64 hexadecimal digits.
    pub hash: String,
    /// Number of the newest durable signed head line.
    pub anchored_seq: u64,
}

/// Can the log be written?
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Health {
    /// Not any more in this run.
    Dead(String),
    /// Not while the disk is full.
    Full(String),
    Healthy,
    /// The run ends.
    Stopped,
}

#[derive(Debug)]
pub(super) struct Shared {
    /// Names the run: 8 hexadecimal digits.
    pub(super) boot: String,
    pub(super) now: fn() -> jiff::Timestamp,
    key: Fingerprint,
    queue: SyncSender<Message>,
    places: Arc<Semaphore>,
    note_places: Arc<Semaphore>,
    exchanges: AtomicU64,
    depth: AtomicUsize,
    notes_lost: AtomicU64,
    lines_lost: AtomicU64,
    is_healthy: AtomicBool,
    health: Mutex<Health>,
    trouble: Mutex<String>,
    head: Mutex<Head>,
    put_off: Mutex<PutOff>,
}

/// Lines that nobody waits for, and that the writer comes for by itself.
#[derive(Debug, Default)]
struct PutOff {
    /// The writer has just been busy and looks here before long.
    is_looked_for: bool,
    lines: Vec<Message>,
}

impl Shared {
    pub(super) fn new(
        queue: SyncSender<Message>,
        queue_max: usize,
        now: fn() -> jiff::Timestamp,
        key: Fingerprint,
    ) -> Result<Shared, AuditError> {
        let mut random = [0; BOOT_BYTES];
        rand::fill(&mut random)
            .map_err(|_| AuditError::Thread("no random bytes for its name".to_owned()))?;
        let mut boot = Vec::new();
        push_hex(&random, &mut boot);
        Ok(Shared {
            boot: String::from_utf8_lossy(&boot).into_owned(),
            now,
            key,
            queue,
            places: Arc::new(Semaphore::new(queue_max)),
            note_places: Arc::new(Semaphore::new(NOTES_MAX)),
            exchanges: AtomicU64::new(0),
            depth: AtomicUsize::new(0),
            notes_lost: AtomicU64::new(0),
            lines_lost: AtomicU64::new(0),
            is_healthy: AtomicBool::new(true),
            health: Mutex::new(Health::Healthy),
            trouble: Mutex::default(),
            head: Mutex::default(),
            put_off: Mutex::default(),
        })
    }

    pub(super) fn payload(&self, kind: &'static str) -> Payload {
        Payload::new((self.now)(), &self.boot, kind)
    }

    pub(super) fn key(&self) -> &Fingerprint {
        &self.key
    }

    pub(super) fn next_exchange(&self) -> u64 {
        self.exchanges.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// One place for the open line, one for the close line; `None` when there are not two.
    pub(super) fn take_places(&self) -> Option<(OwnedSemaphorePermit, OwnedSemaphorePermit)> {
        let mut both = Arc::clone(&self.places).try_acquire_many_owned(2).ok()?;
        let one = both.split(1)?;
        Some((both, one))
    }

    pub(super) fn places_free(&self) -> usize {
        self.places.available_permits()
    }

    pub(super) fn take_note_place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.note_places).try_acquire_owned().ok()
    }

    /// Hands a line over. Its place makes room certain, so this fails only after the end.
    pub(super) fn send(&self, message: Message) -> Result<(), AuditUnavailable> {
        self.depth.fetch_add(1, Ordering::Relaxed);
        self.queue.try_send(message).map_err(|error| {
            self.depth.fetch_sub(1, Ordering::Relaxed);
            match error {
                TrySendError::Disconnected(_) => AuditUnavailable::Stopped,
                TrySendError::Full(_) => AuditUnavailable::QueueFull,
            }
        })
    }

    /// As [`Shared::send`], for a line that nobody waits for.
    pub(super) fn send_or_count(&self, message: Message) {
        if self.send(message).is_err() {
            self.count_lost_lines(1);
        }
    }

    /// As [`Shared::send_or_count`], for a line that needs to stand behind none that is still in the
    /// queue: a writer that is awake is not woken for it.
    pub(super) fn put_off_or_count(&self, message: Message) {
        let mut put_off = lock(&self.put_off);
        if put_off.is_looked_for {
            self.depth.fetch_add(1, Ordering::Relaxed);
            put_off.lines.push(message);
            return;
        }
        drop(put_off);
        self.send_or_count(message);
    }

    /// The lines that were put off. With `looks_again` the writer comes for those that follow.
    pub(super) fn take_put_off(&self, looks_again: bool) -> Vec<Message> {
        let mut put_off = lock(&self.put_off);
        put_off.is_looked_for = looks_again;
        std::mem::take(&mut put_off.lines)
    }

    /// Tells the writer to end; it may have ended already.
    pub(super) fn tell(&self, how: Message) {
        let _ended = self.queue.send(how);
    }

    /// `lines` have left the queue.
    pub(super) fn leave_queue(&self, lines: usize) {
        self.depth.fetch_sub(lines, Ordering::Relaxed);
    }

    pub(super) fn depth(&self) -> usize {
        self.depth.load(Ordering::Relaxed)
    }

    pub(super) fn count_lost_note(&self) {
        self.notes_lost.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn notes_lost(&self) -> u64 {
        self.notes_lost.load(Ordering::Relaxed)
    }

    pub(super) fn count_lost_lines(&self, lines: u64) {
        self.lines_lost.fetch_add(lines, Ordering::Relaxed);
    }

    pub(super) fn lines_lost(&self) -> u64 {
        self.lines_lost.load(Ordering::Relaxed)
    }

    pub(super) fn is_healthy(&self) -> bool {
        self.is_healthy.load(Ordering::Acquire)
    }

    pub(super) fn may_open(&self) -> Result<(), AuditUnavailable> {
        if self.is_healthy() {
            return Ok(());
        }
        match *lock(&self.health) {
            Health::Dead(_) | Health::Full(_) => Err(AuditUnavailable::Unhealthy),
            Health::Healthy => Ok(()),
            Health::Stopped => Err(AuditUnavailable::Stopped),
        }
    }

    pub(super) fn is_dead(&self) -> bool {
        !self.is_healthy() && matches!(*lock(&self.health), Health::Dead(_))
    }

    /// What went wrong last, also after it was overcome or the run stopped.
    pub(super) fn last_trouble(&self) -> String {
        lock(&self.trouble).clone()
    }

    pub(super) fn why_unhealthy(&self) -> Option<String> {
        match &*lock(&self.health) {
            Health::Dead(why) => Some(why.clone()),
            Health::Full(why) => Some(format!("the disk is full: {why}")),
            Health::Healthy => None,
            Health::Stopped => Some("stopped".to_owned()),
        }
    }

    /// Changes the health and logs the change. A run that has stopped or died stays so.
    pub(super) fn set_health(&self, health: Health) {
        if let Health::Dead(why) | Health::Full(why) = &health {
            lock(&self.trouble).clone_from(why);
        }
        let mut current = lock(&self.health);
        let is_final = match &*current {
            Health::Dead(_) => true,
            Health::Full(_) | Health::Healthy => false,
            Health::Stopped => !matches!(health, Health::Dead(_)),
        };
        if is_final || *current == health {
            return;
        }
        match &health {
            Health::Dead(why) => tracing::error!(why, "the audit log can't be written any more"),
            Health::Full(why) => tracing::error!(why, "the audit disk is full"),
            Health::Healthy => tracing::info!("the audit log can be written again"),
            Health::Stopped => {}
        }
        self.is_healthy.store(health == Health::Healthy, Ordering::Release);
        *current = health;
    }

    /// Exports a durable head, unless a newer one is already out.
    pub(super) fn set_head(&self, head: Head) {
        let mut current = lock(&self.head);
        if head.seq >= current.seq {
            *current = head;
        }
    }

    pub(super) fn head(&self) -> Head {
        lock(&self.head).clone()
    }
}

/// Nothing that holds these locks can panic halfway through a change.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
