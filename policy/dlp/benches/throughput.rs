//! How fast one core scans what training pods send: `cargo bench -p dlp --bench throughput [NAME]`.
//! All detectors on, whole scanner with its ledger, Linux. Best and median of several rounds, in MB
//! for each second of processor time.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a report")]

mod corpora;

use dlp::{Catalog, Hint, Limits, Scanner};

const ROUNDS: usize = 7;
const CHUNK: usize = 64 << 10;

fn main() {
    let wanted = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
    println!("{:24} {:>9} {:>9}", "corpus", "best", "median");
    for (name, make) in corpora::ALL {
        if wanted.as_ref().is_none_or(|wanted| name.starts_with(wanted.as_str())) {
            report(name, &make());
        }
    }
}

/// Seconds that this thread has had a processor: what other processes do hardly counts.
fn busy() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn report(name: &str, bytes: &[u8]) {
    let catalog = Catalog::builtin();
    let mut findings = 0;
    let mut seconds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = busy();
            let mut scanner = Scanner::new(catalog.clone(), &Hint::default(), Limits::default());
            for chunk in bytes.chunks(CHUNK) {
                scanner.feed(chunk);
            }
            scanner.finish();
            findings = scanner.evidence().tally.total();
            busy() - start
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    let rate = |seconds: f64| bytes.len() as f64 / seconds / 1e6;
    let best = seconds.first().copied().map_or(0.0, rate);
    let median = seconds.get(ROUNDS / 2).copied().map_or(0.0, rate);
    println!("{name:24} {best:9.0} {median:9.0}  ({findings} findings)");
}
