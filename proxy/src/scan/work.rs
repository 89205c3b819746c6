//! A bounded number of workers over the files of a walk, whose reports come out in the walk's
//! order. What waits for its turn is bounded in files and in findings.

use std::collections::BTreeMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::report::Report;
use super::walk::{Target, Walk};

/// Files that may be done ahead of the one whose turn it is.
const AHEAD_MAX: usize = 4096;
/// Findings that may wait for their turn before no further file is begun.
const WAITING_FINDINGS_MAX: usize = 50_000;

struct Line {
    walk: Walk,
    /// The place of the next file to begin.
    next: usize,
    /// The place of the next report to come out.
    turn: usize,
    waiting: BTreeMap<usize, Report>,
    waiting_findings: usize,
    is_walked: bool,
    is_stopped: bool,
}

impl Line {
    /// The next file, or nothing where none may begin now.
    fn begin(&mut self) -> Option<(usize, Target)> {
        let is_ahead = self.next > self.turn
            && (self.next - self.turn >= AHEAD_MAX
                || self.waiting_findings >= WAITING_FINDINGS_MAX);
        if is_ahead || self.is_walked || self.is_stopped {
            return None;
        }
        let Some(target) = self.walk.next() else {
            self.is_walked = true;
            return None;
        };
        self.next += 1;
        Some((self.next - 1, target))
    }

    fn is_over(&self) -> bool {
        self.is_stopped || self.is_walked && self.turn == self.next
    }
}

/// Scans each file of `walk` and hands the reports to `emit`, in order. Says how many symbolic
/// links the walk passed over.
///
/// # Errors
/// The first error of `emit`; then no further file is begun.
pub(super) fn run(
    walk: Walk,
    jobs: usize,
    scan: impl Fn(Target) -> Report + Sync,
    mut emit: impl FnMut(Report) -> io::Result<()>,
) -> io::Result<u64> {
    let line = Mutex::new(Line {
        walk,
        next: 0,
        turn: 0,
        waiting: BTreeMap::new(),
        waiting_findings: 0,
        is_walked: false,
        is_stopped: false,
    });
    let moved = Condvar::new();
    let (line, moved, scan) = (&line, &moved, &scan);
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(move || work(line, moved, scan));
        }
        let mut emitted = Ok(());
        let mut guard = lock(line);
        while !guard.is_over() {
            let turn = guard.turn;
            let Some(report) = guard.waiting.remove(&turn) else {
                guard = moved.wait(guard).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            guard.waiting_findings -= report.findings().len();
            guard.turn += 1;
            drop(guard);
            emitted = emit(report);
            guard = lock(line);
            guard.is_stopped = emitted.is_err();
            moved.notify_all();
        }
        emitted.map(|()| guard.walk.links())
    })
}

fn work(line: &Mutex<Line>, moved: &Condvar, scan: &(impl Fn(Target) -> Report + Sync)) {
    let mut guard = lock(line);
    while !guard.is_stopped && !guard.is_walked {
        let Some((place, target)) = guard.begin() else {
            if guard.is_walked {
                break;
            }
            guard = moved.wait(guard).unwrap_or_else(PoisonError::into_inner);
            continue;
        };
        drop(guard);
        // A file that breaks the scanner is told, and keeps no other file from being read.
        let name = target.name();
        let report = catch_unwind(AssertUnwindSafe(|| scan(target)))
            .unwrap_or_else(|_| Report::failed(name, "the scanner broke on it".to_owned()));
        guard = lock(line);
        guard.waiting_findings += report.findings().len();
        guard.waiting.insert(place, report);
        moved.notify_all();
    }
    moved.notify_all();
}

fn lock(line: &Mutex<Line>) -> MutexGuard<'_, Line> {
    line.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn walk(files: usize) -> Walk {
        Walk::new((0..files).map(|i| PathBuf::from(format!("/missing/{i:04}"))).collect(), false)
    }

    /// Files that are not there give reports all the same; later ones come first.
    fn slow_first(target: Target) -> Report {
        let name = target.name();
        if name.ends_with('0') {
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        assert!(!name.ends_with("0042"), "this file breaks the scanner");
        Report::failed(name, "x".to_owned())
    }

    #[test]
    fn reports_come_in_order_however_many_workers_there_are() {
        for jobs in [1, 2, 7] {
            let mut seen = Vec::new();
            run(walk(100), jobs, slow_first, |report| {
                seen.push((report.path.clone(), report.why().map(str::to_owned)));
                Ok(())
            })
            .unwrap();
            assert_eq!(seen.len(), 100);
            assert!(seen.is_sorted(), "{seen:?}");
            assert!(seen[42].1.as_ref().is_some_and(|why| why.contains("broke")), "{:?}", seen[42]);
        }
    }

    #[test]
    fn a_closed_output_ends_the_work() {
        let mut emitted = 0;
        let result = run(walk(1000), 4, slow_first, |_| {
            emitted += 1;
            if emitted == 3 { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(()) }
        });
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        assert_eq!(emitted, 3);
    }
}
