//! `lazaret scan`: files, folders and standard input, read as the proxy reads a body. Reports come
//! in the order of the paths whatever the workers' pace. Invariant: memory is bounded by workers and
//! limits, never by a file; and no report holds a byte of what was found.

mod json;
mod progress;
mod read;
mod report;
mod sarif;
mod text;
mod walk;
mod work;

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dlp::{Catalog, Confidence, Hint, Limits, Scanner};
use policy::ContentProfile;

use self::progress::Progress;
pub use self::report::{Outcome, Report, Totals};
pub use self::walk::Target;
use self::walk::Walk;

/// Workers at most: each holds a few blocks and a scanner.
pub const JOBS_MAX: usize = 64;

/// How reports are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// One JSON object a line: each finding, then a summary of its file.
    Json,
    /// SARIF 2.1.0, for code scanning and viewers.
    Sarif,
    /// For people.
    Text,
}

/// How to read and judge.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The detectors.
    pub catalog: Arc<Catalog>,
    /// Judges as the proxy would.
    pub profile: Option<Arc<ContentProfile>>,
    /// How far a scan goes.
    pub limits: Limits,
    /// As in HTTP `Content-Type`, or without a slash as in `Content-Encoding`.
    pub hint: Option<String>,
    /// Less sure findings are counted, not reported.
    pub confidence: Confidence,
    /// Files under way at a time, 1 to [`JOBS_MAX`].
    pub jobs: usize,
    /// Whether symbolic links inside folders are followed.
    pub follow: bool,
    /// How reports are written.
    pub format: Format,
}

/// Reads all paths and writes the reports to `out`.
///
/// # Errors
/// `out` cannot be written; then the rest is not read.
pub fn run(paths: Vec<PathBuf>, settings: &Settings, mut out: impl Write) -> io::Result<Totals> {
    let mut layout: Box<dyn Layout> = match settings.format {
        Format::Json => Box::new(json::Lines),
        Format::Sarif => Box::new(sarif::Log::default()),
        Format::Text => Box::new(text::Page::new(settings.confidence)),
    };
    let progress = Progress::start(&paths);
    let mut totals = Totals::default();
    out.write_all(layout.begin().as_bytes())?;
    let walk = Walk::new(paths, settings.follow);
    let links = work::run(
        walk,
        settings.jobs.clamp(1, JOBS_MAX),
        |target| scan_target(target, settings, &progress),
        |report| {
            totals.add(&report);
            progress.around(|| {
                out.write_all(layout.file(&report).as_bytes())?;
                out.flush()
            })
        },
    )?;
    totals.links = links;
    drop(progress);
    out.write_all(layout.end(&totals).as_bytes())?;
    out.flush()?;
    Ok(totals)
}

/// A way to write reports. Pure: text out.
trait Layout {
    /// What stands before all reports.
    fn begin(&mut self) -> String;
    /// One file.
    fn file(&mut self, report: &Report) -> String;
    /// What stands behind all reports.
    fn end(&mut self, totals: &Totals) -> String;
}

fn scan_target(target: Target, settings: &Settings, progress: &Progress) -> Report {
    let catalog = &settings.catalog;
    let shown = dlp::redact::printable(catalog, &target.name());
    let read = match &target {
        Target::Failed(_, why) => Err(why.clone()),
        Target::File(path) => {
            open(path).and_then(|file| scan(file, settings, progress)).map_err(plain)
        }
        Target::Stdin => scan(io::stdin(), settings, progress).map_err(plain),
    };
    progress.file_done();
    match read {
        Err(why) => Report::failed(shown, why),
        Ok((bytes_in, scanner)) => {
            let verdict = settings
                .profile
                .as_ref()
                .map(|profile| report::judge(profile, bytes_in, scanner.evidence()));
            Report::of(shown, bytes_in, scanner.evidence(), settings.confidence, verdict)
        }
    }
}

fn scan(
    source: impl Read + Send,
    settings: &Settings,
    progress: &Progress,
) -> io::Result<(u64, Scanner)> {
    let is_type = settings.hint.as_ref().is_some_and(|hint| hint.contains('/'));
    let given = settings.hint.as_deref();
    let hint = Hint {
        content_encoding: given.filter(|_| !is_type),
        content_type: given.filter(|_| is_type),
        ..Hint::default()
    };
    let catalog = Arc::clone(&settings.catalog);
    let mut scanner = match &settings.profile {
        Some(profile) => profile.scanner_with(catalog, &hint, settings.limits),
        None => Scanner::new(catalog, &hint, settings.limits),
    };
    let bytes_in = read::blocks(source, |block| {
        scanner.feed(block);
        progress.add(block.len());
    })?;
    scanner.finish();
    Ok((bytes_in, scanner))
}

/// Opens a regular file. What became a pipe or a device in the meantime is refused, without
/// waiting for it.
fn open(path: &Path) -> io::Result<File> {
    let nonblocking = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
    let file = File::options().read(true).custom_flags(nonblocking).open(path)?;
    let kind = file.metadata()?.file_type();
    if !kind.is_file() {
        return Err(io::Error::other(walk::refusal(kind)));
    }
    // Only a hint to the kernel: where it is not taken, reading is slower and no less right.
    let _hinted = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::Sequential);
    Ok(file)
}

/// An error's text without the number of the operating system.
fn plain(error: io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}
