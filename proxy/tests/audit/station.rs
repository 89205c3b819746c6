//! A log in a scratch folder, and the tools to look at it and to change it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::Ed25519KeyPair;
use proxy::audit::verify::{Report, VerifyRequest, verify};
use proxy::audit::{
    Audit, AuditError, AuditUnavailable, Direction, Exchange, Fingerprint, Kind, Outcome, Settings,
    SigningKey, Sync, Writer,
};
use serde_json::Value;
use tempfile::TempDir;

/// The longest that a test waits for something that must happen.
const PATIENCE: Duration = Duration::from_secs(120);

const FOLDER: &str = "audit";
const KEY: &str = "audit-key.der";

/// A clock that goes on by a millisecond each time it is read.
pub(crate) fn clock() -> jiff::Timestamp {
    static NOW_MS: AtomicI64 = AtomicI64::new(1_790_000_000_000);
    jiff::Timestamp::from_millisecond(NOW_MS.fetch_add(1, Ordering::Relaxed)).unwrap()
}

pub(crate) struct Station {
    scratch: TempDir,
}

impl Station {
    pub(crate) fn new() -> Station {
        let station = Station { scratch: tempfile::tempdir().unwrap() };
        let key = Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new()).unwrap();
        fs::write(station.key_path(), key.as_ref()).unwrap();
        station
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.scratch.path().join(FOLDER)
    }

    pub(crate) fn key_path(&self) -> PathBuf {
        self.scratch.path().join(KEY)
    }

    pub(crate) fn key(&self) -> Fingerprint {
        SigningKey::load(&self.key_path()).unwrap().fingerprint().clone()
    }

    pub(crate) fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    pub(crate) fn settings(&self) -> Settings {
        settings_in(self.scratch())
    }

    pub(crate) fn start(&self) -> (Audit, Writer) {
        Audit::start(self.settings()).unwrap()
    }

    pub(crate) fn start_error(&self) -> AuditError {
        Audit::start(self.settings()).unwrap_err()
    }

    /// A log of `exchanges` in small segments with many heads, stopped.
    pub(crate) fn with_log(exchanges: usize) -> Station {
        Station::with_segments_of(3000, exchanges)
    }

    /// A log with many heads, in segments that end after so many bytes; stopped.
    pub(crate) fn with_segments_of(segment_bytes_max: u64, exchanges: usize) -> Station {
        let station = Station::new();
        let settings = Settings { segment_bytes_max, head_records_max: 5, ..station.settings() };
        let (audit, writer) = Audit::start(settings).unwrap();
        for number in 0..exchanges {
            run_exchange(&audit, number);
        }
        writer.stop().unwrap();
        station
    }

    pub(crate) fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| name.ends_with(".jsonl")).collect();
        names.sort();
        names
    }

    pub(crate) fn read(&self, file: &str) -> Vec<u8> {
        fs::read(self.folder().join(file)).unwrap()
    }

    pub(crate) fn write(&self, file: &str, bytes: &[u8]) {
        fs::write(self.folder().join(file), bytes).unwrap();
    }

    /// Each line with its file and its place in it, from 1; with its newline.
    pub(crate) fn lines(&self) -> Vec<(String, usize, Vec<u8>)> {
        let mut lines = Vec::new();
        for file in self.files() {
            for (at, line) in self.read(&file).split_inclusive(|byte| *byte == b'\n').enumerate() {
                lines.push((file.clone(), at + 1, line.to_vec()));
            }
        }
        lines
    }

    pub(crate) fn records(&self) -> Vec<Value> {
        self.lines().iter().map(|(_, _, line)| serde_json::from_slice(line).unwrap()).collect()
    }

    pub(crate) fn records_of(&self, kind: &str) -> Vec<Value> {
        self.records().into_iter().filter(|record| record["type"] == kind).collect()
    }

    /// The last line's hash.
    pub(crate) fn tip(&self) -> String {
        self.records().last().unwrap()["hash"].as_str().unwrap().to_owned()
    }

    pub(crate) fn verify(&self) -> Report {
        self.verify_against(None)
    }

    pub(crate) fn verify_against(&self, expect_head: Option<String>) -> Report {
        let keys = vec![self.key()];
        verify(&VerifyRequest { folder: self.folder(), keys, expect_head })
    }
}

/// Heads only at start and stop, one segment: tests that want more change it.
pub(crate) fn settings_in(scratch: &Path) -> Settings {
    Settings {
        folder: scratch.join(FOLDER),
        signing_key: Some(scratch.join(KEY)),
        sync: Sync::Batched,
        queue_max: 4096,
        head_records_max: 1_000_000,
        head_interval: Duration::from_secs(3600),
        segment_bytes_max: 1 << 30,
        now: clock,
    }
}

pub(crate) fn open(audit: &Audit) -> Result<Exchange, AuditUnavailable> {
    audit.open(Direction::Outbound, Kind::Http)
}

/// Announced and completed, with a record that tells it apart.
pub(crate) fn run_exchange(audit: &Audit, number: usize) {
    let mut exchange = open(audit).unwrap();
    exchange.record_mut().target = Some(format!("http://registry.ml.internal:80/v2/{number}"));
    let _announced = block_on(exchange.announce()).unwrap();
    exchange.record_mut().status = Some(200);
    exchange.close(Outcome::Completed);
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// Waits until `done`; a test that waits in vain fails.
pub(crate) fn until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain until {what}");
        std::thread::yield_now();
    }
}
