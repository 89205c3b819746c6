//! A line about the way so far, on a terminal's standard error only. It is taken away before
//! anything else is written.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::text::size;

/// How often the line changes.
const INTERVAL: Duration = Duration::from_millis(200);

/// Counts what is read and shows it.
#[derive(Debug)]
pub(super) struct Progress {
    counts: Arc<Counts>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Counts {
    bytes: AtomicU64,
    files: AtomicU64,
    is_over: AtomicBool,
    /// Held by whoever writes to the terminal; true while the line stands there.
    screen: Mutex<bool>,
}

impl Progress {
    /// Shows a line if standard error is a terminal. Of a single file the share is shown, too.
    pub(super) fn start(paths: &[PathBuf]) -> Progress {
        let counts = Arc::new(Counts::default());
        let thread = std::io::stderr().is_terminal().then(|| {
            let total = match paths {
                [path] => std::fs::metadata(path).ok().filter(|m| m.is_file()).map(|m| m.len()),
                _ => None,
            };
            let counts = Arc::clone(&counts);
            std::thread::spawn(move || counts.show(total))
        });
        Progress { counts, thread }
    }

    pub(super) fn add(&self, bytes: usize) {
        self.counts.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn file_done(&self) {
        self.counts.files.fetch_add(1, Ordering::Relaxed);
    }

    /// Writes something else, without the line in its way.
    pub(super) fn around<T>(&self, write: impl FnOnce() -> T) -> T {
        let mut shown = self.counts.screen.lock().unwrap_or_else(PoisonError::into_inner);
        clear(&mut shown);
        write()
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.counts.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It only counts and writes; that it broke would change no report.
            let _joined = thread.join();
        }
        self.around(|| ());
    }
}

impl Counts {
    fn show(&self, total: Option<u64>) {
        let begun = Instant::now();
        loop {
            std::thread::park_timeout(INTERVAL);
            if self.is_over.load(Ordering::Relaxed) {
                return;
            }
            let bytes = self.bytes.load(Ordering::Relaxed);
            let files = self.files.load(Ordering::Relaxed);
            let text = line(bytes, files, total, begun.elapsed());
            let mut shown = self.screen.lock().unwrap_or_else(PoisonError::into_inner);
            *shown = true;
            // A terminal that is gone needs no progress.
            let _written = write!(std::io::stderr(), "\r\x1b[K{text}");
        }
    }
}

fn clear(shown: &mut bool) {
    if std::mem::take(shown) {
        let _written = write!(std::io::stderr(), "\r\x1b[K");
    }
}

fn line(bytes: u64, files: u64, total: Option<u64>, elapsed: Duration) -> String {
    let rate = bytes as f64 / elapsed.as_secs_f64().max(0.001);
    let share = match total {
        Some(total) if total > 0 => format!(" of {} ({} %)", size(total), bytes * 100 / total),
        Some(_) | None => String::new(),
    };
    format!("{}{share}, {files} files done, {:.0} MB/s", size(bytes), rate / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_how_far_and_how_fast() {
        let text = line(5 << 30, 0, Some(10 << 30), Duration::from_secs(5));
        assert_eq!(text, "5.0 GiB of 10.0 GiB (50 %), 0 files done, 1074 MB/s");
        assert_eq!(line(100, 2, None, Duration::ZERO), "100 bytes, 2 files done, 0 MB/s");
    }
}
