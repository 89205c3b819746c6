//! The scanner: bytes in by any chunks, evidence out. Memory is bounded whatever the input.

mod artifact;
mod familiar;
mod held;
mod leaf;
mod node;
mod overlay;
mod rest;
mod rosters;
pub(crate) mod seam;
mod settling;

use std::sync::Arc;

use crate::catalog::Catalog;
use crate::coverage::Declared;
use crate::decode::{Encoding, percent};
use crate::evidence::Evidence;
use crate::finding::Finding;
use crate::format::told::Told;
use crate::payload::{Measure, Meter, Payload};
pub use artifact::Artifact;
use held::Held;
pub use held::Monitor;
pub(crate) use held::Weight;
pub(crate) use leaf::{Leaf, is_plain_text};
pub(crate) use node::{Node, Place, Reader};
pub(crate) use rest::Rest;
pub use seam::{SPLIT, Stream};

/// How far a scan goes before it says [`crate::IncompleteReason`] instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Containers and encodings inside each other.
    pub depth_max: u32,
    /// Decoded bytes, all levels together.
    pub decoded_bytes_max: u64,
    /// Decoded bytes for each encoded byte, after the first mebibyte; runs of one byte do not
    /// count, up to [`Limits::runs_max`].
    pub ratio_max: u64,
    /// Decoded bytes in runs of one byte, all levels together, that do not count for the ratio: what
    /// zero-filled tensors may be before they are a bomb.
    pub runs_max: u64,
    /// Bytes that one decoder may look back, by the format's own declaration (zstd's window, xz's
    /// dictionary).
    pub window_max: u64,
    /// Entries of archives, all together.
    pub entries_max: u64,
    /// Findings kept; the tally goes on counting.
    pub findings_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth_max: 6,
            decoded_bytes_max: 16 << 30,
            ratio_max: 200,
            runs_max: 1 << 30,
            // What `xz -9` declares; above the 8 MiB that HTTP allows (RFC 9659).
            window_max: 64 << 20,
            entries_max: 10_000,
            findings_max: 10_000,
        }
    }
}

/// What the sender says about the bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hint<'a> {
    /// As in HTTP `Content-Encoding`: tokens in the order they were applied. Unknown ones are
    /// incomplete.
    pub content_encoding: Option<&'a str>,
    /// As in HTTP `Content-Type`. Never trusted to skip anything.
    pub content_type: Option<&'a str>,
    /// As in gRPC's `grpc-encoding`: how compressed messages are compressed.
    pub grpc_encoding: Option<&'a str>,
}

/// What all parts of one scan share.
#[derive(Debug)]
pub(crate) struct Scan {
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) limits: Limits,
    pub(crate) evidence: Evidence,
    /// Bytes decoded, all levels together.
    decoded: u64,
    /// Of these, those in runs of one byte.
    runs: u64,
    /// Archive entries, all together.
    entries: u64,
    held: Held,
    monitor: Option<Arc<dyn Monitor>>,
    /// The monitor said no.
    is_stopped: bool,
    /// Where in the tensors the body is, where they are measured.
    pub(crate) meter: Option<Box<Meter>>,
    /// What the messages of a stream say together, where there are any.
    pub(crate) seam: Option<Box<seam::Seam>>,
}

impl Scan {
    pub(crate) fn new(catalog: Arc<Catalog>, limits: Limits) -> Scan {
        Scan {
            catalog,
            limits,
            evidence: Evidence::default(),
            decoded: 0,
            runs: 0,
            entries: 0,
            held: Held::default(),
            monitor: None,
            is_stopped: false,
            meter: None,
            seam: None,
        }
    }

    pub(crate) fn add(&mut self, finding: Finding) {
        self.evidence.add_finding(finding, self.limits.findings_max);
    }

    /// Notes that so many bytes were decoded; false beyond [`Limits::decoded_bytes_max`].
    pub(crate) fn may_decode(&mut self, bytes: usize) -> bool {
        self.decoded = self.decoded.saturating_add(bytes as u64);
        self.decoded <= self.limits.decoded_bytes_max
    }

    /// Notes that so many of the bytes decoded were in runs of one byte, and says by how many all of them
    /// exceed [`Limits::runs_max`].
    pub(crate) fn add_runs(&mut self, bytes: u64) -> u64 {
        self.runs = self.runs.saturating_add(bytes);
        self.runs.saturating_sub(self.limits.runs_max)
    }

    /// Notes that an archive has one more entry; false beyond [`Limits::entries_max`].
    pub(crate) fn may_enter(&mut self) -> bool {
        self.entries += 1;
        self.entries <= self.limits.entries_max
    }
}

/// Reads one body and gathers [`Evidence`].
#[derive(Debug)]
pub struct Scanner {
    scan: Scan,
    root: Node,
    fed: u64,
    is_finished: bool,
}

impl Scanner {
    /// A scanner for one body.
    pub fn new(catalog: Arc<Catalog>, hint: &Hint<'_>, limits: Limits) -> Scanner {
        let encodings = hint.content_encoding.map(Encoding::list).unwrap_or_default();
        let told = hint.content_type.and_then(|media| Told::of(media, hint.grpc_encoding));
        let root = Node::new(Place::root(encodings, told));
        Scanner { scan: Scan::new(catalog, limits), root, fed: 0, is_finished: false }
    }

    /// A scanner that also gathers what a contract on payloads judges: [`Evidence::payload`].
    pub fn measuring(
        catalog: Arc<Catalog>,
        hint: &Hint<'_>,
        limits: Limits,
        measure: Measure,
    ) -> Scanner {
        let mut scanner = Scanner::new(catalog, hint, limits);
        scanner.scan.evidence.payload = Some(Box::new(Payload::default()));
        scanner.scan.meter = Some(Box::new(Meter::new(measure)));
        scanner
    }

    /// A scanner for a stream of text, such as a log: it is never taken for a container, so that
    /// every finding outside of encodings stands where it can be masked.
    pub fn of_text(catalog: Arc<Catalog>, limits: Limits) -> Scanner {
        let root = Node::text(Place::root(Vec::new(), None));
        Scanner { scan: Scan::new(catalog, limits), root, fed: 0, is_finished: false }
    }

    /// Asks `monitor` whether the scan goes on.
    #[must_use]
    pub fn monitored(mut self, monitor: Arc<dyn Monitor>) -> Scanner {
        self.scan.monitor = Some(monitor);
        self
    }

    /// Reads the body as the next message of a stream: also what it says with those before it.
    #[must_use]
    pub fn continuing(mut self, mut stream: Stream) -> Scanner {
        stream.begin();
        self.scan.seam = Some(stream.0);
        self
    }

    /// What the messages of the stream leave open, with this one.
    pub fn into_stream(self) -> Stream {
        Stream(self.scan.seam.unwrap_or_default())
    }

    /// Takes the findings out of the evidence, so that a stream without end never comes to
    /// [`Limits::findings_max`]. The tally keeps them.
    pub fn take_findings(&mut self) -> Vec<Finding> {
        std::mem::take(&mut self.scan.evidence.findings)
    }

    /// Takes the next bytes of the body.
    pub fn feed(&mut self, chunk: &[u8]) {
        self.fed += chunk.len() as u64;
        self.root.feed(&mut self.scan, chunk);
        self.scan.goes_on();
    }

    /// Says that the body has ended. Idempotent; afterwards the evidence is final and all is
    /// cleared.
    pub fn finish(&mut self) {
        if !self.is_finished {
            self.is_finished = true;
            self.root.finish(&mut self.scan);
            if let Some(payload) = &mut self.scan.evidence.payload {
                payload.is_whole = true;
            }
        }
    }

    /// How many input bytes from the start may be released: nothing that starts before this offset
    /// can still become part of a finding.
    pub fn cleared(&self) -> u64 {
        if self.is_finished { self.fed } else { self.root.cleared().min(self.fed) }
    }

    /// Bytes held beyond a small fixed base: by decoders, and of what is read once it is whole.
    pub fn held(&self) -> u64 {
        self.scan.held.bytes()
    }

    /// What has been gathered so far.
    pub fn evidence(&self) -> &Evidence {
        &self.scan.evidence
    }
}

/// Scans a short whole text, such as a URL or a header line, as it is written and percent-decoded.
/// What only the decoded form shows has the member `percent`.
pub fn scan(catalog: &Arc<Catalog>, bytes: &[u8]) -> Evidence {
    scan_text(catalog, bytes).0
}

/// The member of a finding in what percent signs spell.
pub(crate) const PERCENT: &str = "percent";

/// As [`scan`], and where the findings stand in the written form.
pub(crate) fn scan_text(catalog: &Arc<Catalog>, bytes: &[u8]) -> (Evidence, Vec<(usize, usize)>) {
    let recalled = familiar::recall(catalog.number(), bytes);
    recalled.unwrap_or_else(|| {
        let found = read_text(catalog, bytes);
        familiar::remember(catalog.number(), bytes, &found);
        found
    })
}

fn read_text(catalog: &Arc<Catalog>, bytes: &[u8]) -> (Evidence, Vec<(usize, usize)>) {
    let mut scan = Scan::new(Arc::clone(catalog), Limits::default());
    read_leaf(&mut scan, None, bytes);
    let place = |finding: &Finding| {
        let place = |offset| usize::try_from(offset).unwrap_or(usize::MAX);
        (place(finding.span.start), place(finding.span.end))
    };
    let mut places: Vec<_> = scan.evidence.findings.iter().map(place).collect();
    let Some(decoded) = percent::decode(bytes) else { return (scan.evidence, places) };
    let mut inner = Scan::new(Arc::clone(catalog), Limits::default());
    read_leaf(&mut inner, Some(PERCENT.into()), &decoded.bytes);
    for finding in inner.evidence.findings {
        let (start, end) = place(&finding);
        let Some((start, end)) = decoded.written(start, end) else { continue };
        if !places.iter().any(|known| known.0 < end && start < known.1) {
            places.push((start, end));
            scan.add(finding);
        }
    }
    (scan.evidence, places)
}

/// Reads a text as it is: it is never a container.
fn read_leaf(scan: &mut Scan, member: Option<Arc<str>>, bytes: &[u8]) {
    let mut leaf = Leaf::new(member, Declared::Nothing);
    leaf.feed(scan, bytes);
    leaf.finish(scan);
}
