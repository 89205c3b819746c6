//! The audit log: who sent what where, and what was decided, as a signed chain of JSON lines.
//! An exchange takes its places in the queue when it opens ([`Audit::open`]), is announced before
//! its first byte leaves ([`Exchange::announce`]) and recorded when it ends, also when it is
//! dropped. Invariant: what can't be recorded does not happen; [`Audit::open`] refuses while the
//! queue is full or the disk is not sound. `chain.rs` has the format, `verify.rs` the proof.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;

pub mod chain;
pub mod disk;
pub mod error;
pub mod exchange;
pub mod key;
mod lines;
mod pending;
pub mod record;
mod recover;
mod shared;
mod syncer;
#[cfg(test)]
mod tests;
pub mod verify;
pub mod writer;

pub use error::{AuditError, AuditUnavailable};
pub use exchange::{Announced, Direction, Exchange, Kind, Outcome};
pub use key::{Fingerprint, SigningKey};
pub use record::{CoverageRecord, DnsRecord, FindingCount, MessageCount, Record};
pub use shared::Head;

use pending::{Message, Pending};
use record::Payload;
use recover::Recovered;
use shared::{Health, Shared};
use writer::{Limits, Log};

/// The most notes that wait in the queue; further ones are lost and counted.
pub const NOTES_MAX: usize = 256;

/// The largest `queue_max`.
pub const QUEUE_MAX_MAX: usize = 1 << 20;

/// Places in the queue for telling the writer to end.
const CONTROL_MAX: usize = 2;

/// When an exchange's open line counts as written.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sync {
    /// After `write(2)`; made durable in groups, [`writer::SYNC_INTERVAL`] later at the most. A
    /// killed process loses nothing, a power cut at most one group.
    #[default]
    Batched,
    /// After `fsync`: not even a power cut loses the line of an exchange that sent something.
    BeforeRelease,
}

impl Sync {
    /// The word in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Sync::Batched => "batched",
            Sync::BeforeRelease => "before_release",
        }
    }
}

/// How to keep the log.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The folder; made with mode 0700, files with 0600. One process at a time.
    pub folder: PathBuf,
    /// An Ed25519 key in PKCS#8, PEM or DER, outside the folder. `None`: a key made in memory,
    /// for this run alone; then the log itself is the only witness of the key.
    pub signing_key: Option<PathBuf>,
    /// When an open line counts as written.
    pub sync: Sync,
    /// Places in the queue. Each exchange takes two when it opens and keeps the second until it
    /// is closed and written, so this also bounds the exchanges that are open.
    pub queue_max: usize,
    /// A signed head follows at the latest after this many lines.
    pub head_records_max: u64,
    /// A signed head follows at the latest after this time, also while nothing happens: a
    /// missing heartbeat shows.
    pub head_interval: Duration,
    /// A segment ends after the write that reaches this many bytes.
    pub segment_bytes_max: u64,
    /// The clock that dates lines.
    pub now: fn() -> jiff::Timestamp,
}

/// The way into the log, shared by all who record.
#[derive(Clone, Debug)]
pub struct Audit {
    shared: Arc<Shared>,
}

impl Audit {
    /// Takes the folder, recovers what the last run left, writes the `start` line and a signed
    /// head durably, and starts the writer.
    ///
    /// A torn last line is cut, kept aside and recorded. A log that is damaged elsewhere is not
    /// continued: that is [`AuditError::Damaged`].
    pub fn start(settings: Settings) -> Result<(Audit, Writer), AuditError> {
        settings.check()?;
        let folder = &settings.folder;
        let lock = disk::take_folder(folder)?;
        let signer = settings.signer()?;
        let recovered = recover::recover(folder)?;
        let disk = disk::Segments::open(folder, lock, recovered.segment, recovered.bytes)
            .map_err(|error| AuditError::Folder { folder: folder.clone(), error })?;
        Audit::start_on(disk, &settings, signer, &recovered)
    }

    fn start_on<D: disk::Disk + 'static>(
        disk: D,
        settings: &Settings,
        signer: SigningKey,
        recovered: &Recovered,
    ) -> Result<(Audit, Writer), AuditError> {
        let (queue, receiver) = sync_channel(settings.queue_max + NOTES_MAX + CONTROL_MAX);
        let key = signer.fingerprint().clone();
        let shared = Arc::new(Shared::new(queue, settings.queue_max, settings.now, key)?);
        let lines = first_lines(settings, &shared, &signer, recovered);
        let pending = Pending::new(&shared, signer, recovered.tip);
        let mut log = Log::new(&shared, disk, pending, settings.limits())?;
        log.begin(&lines, recovered.exchanges_open)?;
        let thread = Writer::spawn(log, receiver)?;
        Ok((Audit { shared: Arc::clone(&shared) }, Writer { shared, thread: Some(thread) }))
    }

    /// Opens an exchange and takes the places of both its lines. Never blocks.
    pub fn open(&self, direction: Direction, kind: Kind) -> Result<Exchange, AuditUnavailable> {
        let shared = &self.shared;
        shared.may_open()?;
        let places = shared.take_places().ok_or(AuditUnavailable::QueueFull)?;
        Ok(Exchange::new(Arc::clone(shared), direction, kind, places))
    }

    /// Records an event of the process, such as `policy-swapped`. A note that finds no place is
    /// lost and counted; the count is written with the next head.
    pub fn note(&self, event: &'static str, detail: serde_json::Value) {
        let shared = &self.shared;
        let sent = shared.take_note_place().is_some_and(|place| {
            let line = shared.payload("note").with_note(event, &detail);
            shared.send(Message::Note { line, place }).is_ok()
        });
        if !sent {
            shared.count_lost_note();
        }
    }

    /// May exchanges open? `false` while the disk is full, and for good after a failed write or
    /// fsync, after a segment was removed, replaced or cut, and after the stop.
    pub fn is_healthy(&self) -> bool {
        self.shared.is_healthy()
    }

    /// What is wrong, for people; `None` while healthy.
    pub fn why_unhealthy(&self) -> Option<String> {
        self.shared.why_unhealthy()
    }

    /// How far the log is durable.
    pub fn head(&self) -> Head {
        self.shared.head()
    }

    /// Lines handed over and not written yet.
    pub fn queue_depth(&self) -> usize {
        self.shared.depth()
    }

    /// Free places: half as many exchanges can still open.
    pub fn places_free(&self) -> usize {
        self.shared.places_free()
    }

    /// Notes lost for want of a place, in this run.
    pub fn notes_lost(&self) -> u64 {
        self.shared.notes_lost()
    }

    /// Lines lost in this run because the log could not be written.
    pub fn lines_lost(&self) -> u64 {
        self.shared.lines_lost()
    }

    /// Names the key that signs this run's heads.
    pub fn key(&self) -> &Fingerprint {
        self.shared.key()
    }
}

/// The writer thread. Dropped without [`Writer::stop`] it ends the log without a `stop` line, as
/// a killed process does.
#[derive(Debug)]
#[must_use]
pub struct Writer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<Result<(), AuditError>>>,
}

impl Writer {
    fn spawn<D: disk::Disk + 'static>(
        log: Log<D>,
        queue: Receiver<Message>,
    ) -> Result<JoinHandle<Result<(), AuditError>>, AuditError> {
        thread::Builder::new()
            .name("audit".to_owned())
            .spawn(move || log.run(&queue))
            .map_err(|error| AuditError::Thread(error.to_string()))
    }

    /// Refuses new exchanges, writes what is queued, a `stop` line and a signed head, durably.
    /// Blocks until that is done; exchanges still open lose their close lines, so drain first.
    pub fn stop(mut self) -> Result<(), AuditError> {
        self.end(Message::Stop)
    }

    fn end(&mut self, how: Message) -> Result<(), AuditError> {
        let Some(thread) = self.thread.take() else {
            return Ok(());
        };
        self.shared.set_health(Health::Stopped);
        self.shared.tell(how);
        thread.join().map_err(|_| AuditError::Thread("it panicked".to_owned()))?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if let Err(error) = self.end(Message::Abandon) {
            tracing::error!(%error, "the audit log did not end well");
        }
    }
}

impl Settings {
    fn check(&self) -> Result<(), AuditError> {
        let wrong = |name, problem| Err(AuditError::Setting { name, problem });
        if !(2..=QUEUE_MAX_MAX).contains(&self.queue_max) {
            return wrong("queue_max", "must be from 2 to 1048576");
        }
        if self.head_records_max == 0 {
            return wrong("head_records_max", "must not be 0");
        }
        if self.head_interval.is_zero() {
            return wrong("head_interval", "must not be 0");
        }
        if self.segment_bytes_max == 0 {
            return wrong("segment_bytes_max", "must not be 0");
        }
        Ok(())
    }

    fn signer(&self) -> Result<SigningKey, AuditError> {
        let Some(path) = &self.signing_key else {
            return Ok(SigningKey::ephemeral()?);
        };
        let (key, folder) = (path.canonicalize(), self.folder.canonicalize());
        if let (Ok(key), Ok(folder)) = (key, folder)
            && key.starts_with(&folder)
        {
            return Err(AuditError::KeyInFolder { folder });
        }
        Ok(SigningKey::load(path)?)
    }

    fn limits(&self) -> Limits {
        Limits {
            sync: self.sync,
            head_records_max: self.head_records_max,
            head_interval: self.head_interval,
            segment_bytes_max: self.segment_bytes_max,
        }
    }
}

/// The lines that a run begins with: `start`, and `recovery` unless the last run stopped.
fn first_lines(
    settings: &Settings,
    shared: &Shared,
    signer: &SigningKey,
    recovered: &Recovered,
) -> Vec<Payload> {
    let mut lines = vec![shared.payload("start").with(&json!({
        "program": concat!("lazaret ", env!("CARGO_PKG_VERSION")),
        "public_key": signer.public().to_string(),
        "key": signer.fingerprint(),
        "key_from": if settings.signing_key.is_some() { "file" } else { "memory" },
        "sync": settings.sync.name(),
        "head_records_max": settings.head_records_max,
        "head_interval_s": settings.head_interval.as_secs_f64(),
    }))];
    if !recovered.stopped || recovered.cut.is_some() {
        let cut = recovered.cut.as_ref();
        lines.push(shared.payload("recovery").with(&json!({
            "from_seq": recovered.tip.seq,
            "from_boot": recovered.boot,
            "exchanges_open": recovered.exchanges_open,
            "cut_bytes": cut.map_or(0, |cut| cut.bytes),
            "cut_file": cut.map(|cut| &cut.file),
            "cut_sha256": cut.map(|cut| &cut.sha256),
        })));
    }
    lines
}
