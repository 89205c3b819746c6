//! What the audit log costs: latency of `announce`, exchanges per second, CPU time, and how fast
//! `verify` reads. `cargo bench --bench audit -- [FOLDER]` measures on FOLDER's disk.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a measurement that can't go on ends there, and dates its lines itself"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use proxy::audit::verify::{VerifyRequest, verify};
use proxy::audit::{Audit, CoverageRecord, Direction, Exchange, Kind, Outcome, Settings, Sync};

const EXCHANGES: usize = 40_000;
const DURABLE_EXCHANGES: usize = 4_000;
const VERIFY_EXCHANGES: usize = 200_000;

fn main() {
    let given = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let parent = given.map_or_else(std::env::temp_dir, PathBuf::from);
    println!("folder {}; {EXCHANGES} exchanges of two lines each", parent.display());
    println!(
        "sync            tasks   p50 us   p99 us  p999 us   max us   exchanges/s  CPU us each"
    );
    for (sync, count) in [(Sync::Batched, EXCHANGES), (Sync::BeforeRelease, DURABLE_EXCHANGES)] {
        for tasks in [1, 16, 256] {
            let scratch = tempfile::tempdir_in(&parent).unwrap();
            let figures = run(scratch.path(), sync, tasks, count / tasks);
            println!("{:<15} {tasks:>5} {figures}", sync.name());
        }
    }
    let scratch = tempfile::tempdir_in(&parent).unwrap();
    run(scratch.path(), Sync::Batched, 256, VERIFY_EXCHANGES / 256);
    read(&scratch.path().join("audit"));
}

fn read(folder: &Path) {
    let bytes: u64 =
        fs::read_dir(folder).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum();
    let (begun, cpu) = (Instant::now(), cpu_us());
    let report =
        verify(&VerifyRequest { folder: folder.to_owned(), keys: vec![], expect_head: None });
    let took = begun.elapsed().as_secs_f64();
    assert_eq!(report.exit_code(), 0, "{report}");
    let cpu = (cpu_us() - cpu) / 1e6;
    let (mib, lines) = (bytes as f64 / (1 << 20) as f64, report.lines as f64);
    println!(
        "verify {mib:.0} MiB, {lines} lines: {:.0} MiB/s, {:.0} MiB per CPU second",
        mib / took,
        mib / cpu
    );
}

fn run(scratch: &Path, sync: Sync, tasks: usize, each: usize) -> String {
    let settings = Settings {
        folder: scratch.join("audit"),
        signing_key: None,
        sync,
        queue_max: 16_384,
        head_records_max: 1024,
        head_interval: Duration::from_secs(60),
        segment_bytes_max: 64 << 20,
        now: jiff::Timestamp::now,
    };
    let (audit, writer) = Audit::start(settings).unwrap();
    let workers = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let (begun, cpu) = (Instant::now(), cpu_us());
    let mut latencies: Vec<u64> = workers.block_on(async {
        let running: Vec<_> = (0..tasks).map(|_| tokio::spawn(load(audit.clone(), each))).collect();
        let mut all = Vec::new();
        for task in running {
            all.extend(task.await.unwrap());
        }
        all
    });
    let took = begun.elapsed().as_secs_f64();
    let cpu = cpu_us() - cpu;
    writer.stop().unwrap();
    latencies.sort_unstable();
    let count = latencies.len();
    let at = |per_mille: usize| latencies[count * per_mille / 1000];
    let max = latencies.last().unwrap();
    let (rate, cpu) = (count as f64 / took, cpu / count as f64);
    format!("{:>8} {:>8} {:>8} {max:>8} {rate:>13.0} {cpu:>12.1}", at(500), at(990), at(999))
}

async fn load(audit: Audit, count: usize) -> Vec<u64> {
    let mut latencies = Vec::with_capacity(count);
    for number in 0..count {
        let mut exchange = audit.open(Direction::Outbound, Kind::Http).unwrap();
        describe(&mut exchange, number);
        let begun = Instant::now();
        let _announced = exchange.announce().await.unwrap();
        latencies.push(u64::try_from(begun.elapsed().as_micros()).unwrap());
        exchange.record_mut().status = Some(201);
        exchange.close(Outcome::Completed);
        tokio::task::yield_now().await;
    }
    latencies
}

fn describe(exchange: &mut Exchange, number: usize) {
    let record = exchange.record_mut();
    let text = |text: &str| Some(text.to_owned());
    record.source = text("spiffe://hospital.example/ns/train/sa/trainer");
    record.downstream = text("10.20.1.7:41234");
    record.method = text("PUT");
    record.target = Some(format!("https://registry.ml.internal:443/v2/models/chest-xray/{number}"));
    record.address = text("10.20.3.4:443");
    record.endpoint = text("model-registry");
    record.region = text("us-east-1");
    record.rule = text("checkpoints-to-registry");
    record.policy = text("sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08");
    (record.action, record.enforcement) = (text("allow"), text("enforce"));
    record.reason = text("permitted");
    (record.tls_version, record.tls_group) = (text("1.3"), text("X25519MLKEM768"));
    record.tls_peer = text("spiffe://hospital.example/ns/mlops/sa/registry");
    record.coverage = Some(CoverageRecord { read: 1024, numeric: 1 << 20, ..Default::default() });
    (record.bytes_in, record.bytes_released, record.inspected) = (1 << 20, 1 << 20, true);
}

/// User and system time of this process so far.
fn cpu_us() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: f64 = [11, 12].iter().map(|at| fields[*at].parse::<f64>().unwrap()).sum();
    ticks * 10_000.0 // USER_HZ is 100 on Linux
}
