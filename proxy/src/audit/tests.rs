//! The writer on a disk that fails, fills up or waits when it is told to.

use std::io;
use std::sync::mpsc::{Receiver, Sender, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use super::chain::{LineHash, Seal};
use super::disk::{Damage, Disk};
use super::recover::Recovered;
use super::*;

const PATIENCE: Duration = Duration::from_secs(30);

/// What a disk was asked to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Call {
    Append,
    Sync,
}

/// The state of a [`FakeDisk`], which its test changes.
#[derive(Default)]
struct Knobs {
    segments: Vec<Vec<u8>>,
    append_error: Option<io::ErrorKind>,
    reserve_error: Option<io::ErrorKind>,
    sync_error: Option<io::ErrorKind>,
    next_error: Option<io::ErrorKind>,
    calls: Vec<Call>,
    /// With a gate, each sync says that it began and waits to be let through.
    gate: Option<Gate>,
}

#[derive(Clone)]
struct Gate {
    began: Sender<()>,
    let_through: Arc<Mutex<Receiver<()>>>,
}

#[derive(Clone)]
struct FakeDisk(Arc<Mutex<Knobs>>);

impl FakeDisk {
    fn new() -> FakeDisk {
        FakeDisk(Arc::new(Mutex::new(Knobs { segments: vec![Vec::new()], ..Knobs::default() })))
    }

    fn set(&self, change: impl FnOnce(&mut Knobs)) {
        change(&mut self.0.lock().unwrap());
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().segments.concat()).unwrap()
    }

    fn count(&self, kind: &str) -> usize {
        self.text().matches(&format!("\"type\":\"{kind}\"")).count()
    }

    /// Every line follows the one before it.
    fn is_chained(&self) -> bool {
        let mut prev = LineHash::ZERO;
        self.text().lines().all(|line| {
            let seal = Seal::parse(line.as_bytes()).unwrap();
            let follows = seal.prev == prev && seal.computed() == seal.hash;
            prev = seal.hash;
            follows
        })
    }

    fn start(&self, sync: Sync) -> (Audit, Writer) {
        self.start_with(|settings| settings.sync = sync)
    }

    fn start_with(&self, change: impl FnOnce(&mut Settings)) -> (Audit, Writer) {
        let mut settings = Settings {
            folder: PathBuf::new(),
            signing_key: None,
            sync: Sync::Batched,
            queue_max: 64,
            head_records_max: 1_000_000,
            head_interval: Duration::from_secs(3600),
            segment_bytes_max: 1 << 30,
            now: || jiff::Timestamp::UNIX_EPOCH,
        };
        change(&mut settings);
        let (signer, nothing) = (SigningKey::ephemeral().unwrap(), Recovered::nothing());
        Audit::start_on(self.clone(), &settings, signer, &nothing).unwrap()
    }
}

fn fail(error: Option<io::ErrorKind>) -> io::Result<()> {
    error.map_or(Ok(()), |kind| Err(kind.into()))
}

impl Disk for FakeDisk {
    fn bytes(&self) -> u64 {
        self.0.lock().unwrap().segments.last().unwrap().len() as u64
    }

    fn segment(&self) -> u32 {
        u32::try_from(self.0.lock().unwrap().segments.len()).unwrap()
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut knobs = self.0.lock().unwrap();
        knobs.calls.push(Call::Append);
        fail(knobs.append_error)?;
        knobs.segments.last_mut().unwrap().extend_from_slice(bytes);
        Ok(())
    }

    fn reserve(&mut self) -> io::Result<()> {
        fail(self.0.lock().unwrap().reserve_error)
    }

    fn sync(&mut self) -> io::Result<()> {
        let gate = {
            let mut knobs = self.0.lock().unwrap();
            knobs.calls.push(Call::Sync);
            fail(knobs.sync_error)?;
            knobs.gate.clone()
        };
        if let Some(gate) = gate {
            gate.began.send(()).unwrap();
            gate.let_through.lock().unwrap().recv().unwrap();
        }
        Ok(())
    }

    fn sync_later(&self) -> syncer::Sync {
        let mut disk = self.clone();
        Box::new(move || disk.sync())
    }

    fn prepare_next(&mut self) -> io::Result<()> {
        fail(self.0.lock().unwrap().next_error)
    }

    fn advance(&mut self) {
        self.0.lock().unwrap().segments.push(Vec::new());
    }

    fn check(&mut self) -> Result<(), Damage> {
        Ok(())
    }
}

/// A gate, and the test's two ends of it: what says that a sync began, what lets it through.
fn gate(disk: &FakeDisk) -> (Receiver<()>, SyncSender<()>) {
    #[expect(clippy::disallowed_methods, reason = "a test sends a handful")]
    let (began, has_begun) = std::sync::mpsc::channel();
    let (let_through, is_let) = sync_channel(64);
    let gate = Gate { began, let_through: Arc::new(Mutex::new(is_let)) };
    disk.set(|knobs| knobs.gate = Some(gate));
    (has_begun, let_through)
}

fn open(audit: &Audit) -> Result<Exchange, AuditUnavailable> {
    audit.open(Direction::Outbound, Kind::Http)
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain until {what}");
        thread::yield_now();
    }
}

#[test]
fn before_release_answers_only_after_the_sync() {
    let disk = FakeDisk::new();
    let (audit, writer) = disk.start(Sync::BeforeRelease);
    let (has_begun, let_through) = gate(&disk);
    let mut exchange = open(&audit).unwrap();
    {
        let mut announcing = std::pin::pin!(exchange.announce());
        let mut context = Context::from_waker(Waker::noop());
        assert!(announcing.as_mut().poll(&mut context).is_pending());
        has_begun.recv_timeout(PATIENCE).unwrap();
        assert_eq!(disk.count("open"), 1, "the line is written");
        assert!(announcing.as_mut().poll(&mut context).is_pending(), "and not durable yet");
        let_through.send(()).unwrap();
        let _announced = block_on(announcing).unwrap();
    }
    disk.set(|knobs| knobs.gate = None);
    exchange.close(Outcome::Completed);
    writer.stop().unwrap();
}

#[test]
fn batched_answers_after_the_write_and_syncs_soon() {
    let disk = FakeDisk::new();
    let (audit, writer) = disk.start(Sync::Batched);
    let (has_begun, let_through) = gate(&disk);
    let before = audit.head();
    let mut exchange = open(&audit).unwrap();
    let _announced = block_on(exchange.announce()).unwrap();
    assert_eq!(disk.count("open"), 1);
    assert_eq!(audit.head(), before, "what is not durable is not exported");
    has_begun.recv_timeout(PATIENCE).unwrap();
    let_through.send(()).unwrap();
    until("the line is exported", || audit.head().seq > before.seq);
    disk.set(|knobs| knobs.gate = None);
    exchange.close(Outcome::Completed);
    writer.stop().unwrap();
}

#[test]
fn lines_that_come_together_share_a_write_and_a_sync() {
    let disk = FakeDisk::new();
    let (audit, writer) = disk.start(Sync::BeforeRelease);
    let (has_begun, let_through) = gate(&disk);
    let mut exchanges: Vec<Exchange> = (0..20).map(|_| open(&audit).unwrap()).collect();
    let (first, rest) = exchanges.split_first_mut().unwrap();
    let mut context = Context::from_waker(Waker::noop());
    let mut announcing = Box::pin(first.announce());
    assert!(announcing.as_mut().poll(&mut context).is_pending());
    has_begun.recv_timeout(PATIENCE).unwrap();
    // While the first waits for its sync, the others queue up.
    let calls = disk.0.lock().unwrap().calls.len();
    let mut queued: Vec<_> =
        rest.iter_mut().map(|exchange| Box::pin(exchange.announce())).collect();
    for announcing in &mut queued {
        assert!(announcing.as_mut().poll(&mut context).is_pending());
    }
    let_through.send(()).unwrap();
    let_through.send(()).unwrap();
    for announcing in queued {
        let _announced = block_on(announcing).unwrap();
    }
    let _announced = block_on(announcing).unwrap();
    disk.set(|knobs| knobs.gate = None);
    assert_eq!(disk.0.lock().unwrap().calls.split_off(calls), [Call::Append, Call::Sync]);
    drop(exchanges);
    writer.stop().unwrap();
    assert_eq!((disk.count("open"), disk.count("close")), (20, 20));
}

#[test]
fn an_exchange_that_ends_while_its_open_line_is_queued_closes_behind_it() {
    let disk = FakeDisk::new();
    let (audit, writer) = disk.start(Sync::BeforeRelease);
    let (has_begun, let_through) = gate(&disk);
    let (mut first, mut left) = (open(&audit).unwrap(), open(&audit).unwrap());
    let mut context = Context::from_waker(Waker::noop());
    assert!(std::pin::pin!(first.announce()).as_mut().poll(&mut context).is_pending());
    has_begun.recv_timeout(PATIENCE).unwrap();
    // The writer is busy, and comes for what is put off before it takes more of the queue.
    assert!(std::pin::pin!(left.announce()).as_mut().poll(&mut context).is_pending());
    let id = left.id().to_owned();
    drop(left);
    disk.set(|knobs| knobs.gate = None);
    let_through.send(()).unwrap();
    let _announced = block_on(first.announce()).unwrap();
    first.close(Outcome::Completed);
    writer.stop().unwrap();

    let text = disk.text();
    let kinds: Vec<_> = text.lines().filter(|line| line.contains(&id)).collect();
    assert_eq!(kinds.len(), 2, "{text}");
    assert!(kinds[0].contains("\"type\":\"open\"") && kinds[1].contains("\"type\":\"close\""));
    assert_eq!(audit.queue_depth(), 0);
}

#[test]
fn a_full_disk_refuses_exchanges_and_keeps_the_lines_it_owes() {
    let disk = FakeDisk::new();
    let (audit, writer) = disk.start(Sync::Batched);
    let mut running = open(&audit).unwrap();
    let _announced = block_on(running.announce()).unwrap();
    let mut late = open(&audit).unwrap();
    disk.set(|knobs| knobs.append_error = Some(io::ErrorKind::StorageFull));
    assert_eq!(block_on(late.announce()).unwrap_err(), AuditUnavailable::Failed);
    assert!(!audit.is_healthy());
    assert_eq!(open(&audit).unwrap_err(), AuditUnavailable::Unhealthy);
    running.close(Outcome::Completed);
    late.close(Outcome::Failed);
    assert_eq!(disk.count("close"), 0);

    disk.set(|knobs| knobs.append_error = None);
    until("the log goes on", || audit.is_healthy());
    assert_eq!((disk.count("open"), disk.count("close")), (2, 2), "none is lost");
    drop(open(&audit).unwrap());
    writer.stop().unwrap();
    assert_eq!(audit.lines_lost(), 0);
    assert!(disk.text().contains("disk-was-full"));
    assert!(disk.is_chained());
}

#[test]
fn a_disk_that_fills_up_is_noticed_while_there_is_room_for_what_is_owed() {
    let disk = FakeDisk::new();
    let (audit, writer) = disk.start(Sync::Batched);
    let running = open(&audit).unwrap();
    disk.set(|knobs| knobs.reserve_error = Some(io::ErrorKind::StorageFull));
    until("the lack of room is noticed", || !audit.is_healthy());
    assert!(audit.why_unhealthy().unwrap().contains("full"));
    assert_eq!(open(&audit).unwrap_err(), AuditUnavailable::Unhealthy);
    running.close(Outcome::Completed);
    until("its line is written all the same", || disk.count("close") == 1);
    disk.set(|knobs| knobs.reserve_error = None);
    until("there is room again", || audit.is_healthy());
    writer.stop().unwrap();
    assert!(disk.is_chained());
}

#[test]
fn a_failed_sync_ends_the_log_for_this_run() {
    for sync in [Sync::Batched, Sync::BeforeRelease] {
        let disk = FakeDisk::new();
        let (audit, writer) = disk.start(sync);
        disk.set(|knobs| knobs.sync_error = Some(io::ErrorKind::Other));
        let mut exchange = open(&audit).unwrap();
        let announced = block_on(exchange.announce());
        assert_eq!(announced.is_err(), sync == Sync::BeforeRelease);
        until("the failure is noticed", || !audit.is_healthy());
        disk.set(|knobs| knobs.sync_error = None);
        let syncs = disk.0.lock().unwrap().calls.len();
        exchange.close(Outcome::Failed);
        until("the line is counted as lost", || audit.lines_lost() > 0);
        assert_eq!(open(&audit).unwrap_err(), AuditUnavailable::Unhealthy, "no second try");
        assert_eq!(disk.0.lock().unwrap().calls.len(), syncs);
        assert!(matches!(writer.stop(), Err(AuditError::Unfinished { .. })));
    }
}

#[test]
fn a_failed_write_answers_everybody_who_waits() {
    let disk = FakeDisk::new();
    let (audit, writer) = disk.start(Sync::Batched);
    disk.set(|knobs| knobs.append_error = Some(io::ErrorKind::PermissionDenied));
    for _ in 0..3 {
        if let Ok(mut exchange) = open(&audit) {
            assert_eq!(block_on(exchange.announce()).unwrap_err(), AuditUnavailable::Failed);
        }
    }
    assert!(!audit.is_healthy());
    until("no place is kept for ever", || audit.places_free() == 64);
    assert_eq!(audit.queue_depth(), 0);
    assert!(writer.stop().is_err());
}

#[test]
fn a_stop_on_a_full_disk_says_that_lines_are_missing() {
    let disk = FakeDisk::new();
    let (audit, writer) = disk.start(Sync::Batched);
    disk.set(|knobs| knobs.append_error = Some(io::ErrorKind::StorageFull));
    drop(open(&audit).unwrap());
    assert!(matches!(writer.stop(), Err(AuditError::Unfinished { .. })));
    assert_eq!(disk.count("stop"), 0);
}

#[test]
fn segments_follow_each_other_and_wait_for_room() {
    let disk = FakeDisk::new();
    let (audit, writer) = disk.start_with(|settings| settings.segment_bytes_max = 4000);
    disk.set(|knobs| knobs.next_error = Some(io::ErrorKind::StorageFull));
    let run_exchange = || {
        let mut exchange = open(&audit).unwrap();
        let _announced = block_on(exchange.announce()).unwrap();
        exchange.close(Outcome::Completed);
    };
    (0..20).for_each(|_| run_exchange());
    assert!(disk.bytes() > 4000 && disk.segment() == 1, "it goes on where it is");
    disk.set(|knobs| knobs.next_error = None);
    until("the next one has begun", || disk.segment() == 2);
    run_exchange();
    writer.stop().unwrap();
    assert_eq!((disk.count("open"), disk.count("close")), (21, 21));
    assert!(disk.text().contains("\"next_segment\":2"));
    assert!(disk.is_chained());
}
