//! An artifact that arrives in parts, each a body of its own: the parts of an S3 multipart upload. What
//! stands across the border of two parts is found as in one piece, and a container that spans them is
//! read as one.
//!
//! Invariant: the content of the parts is read in the order of the calls, exactly once; each part's
//! evidence is told once.

use std::sync::Arc;

use super::{Hint, Limits, Monitor, Node, Place, Reader, Scan};
use crate::catalog::Catalog;
use crate::coverage::Coverage;
use crate::decode::Encoding;
use crate::decode::aws_chunked::Chunks;
use crate::evidence::{Evidence, IncompleteReason};
use crate::payload::{Measure, Meter, Payload};

/// The last bytes that are also read alone: more than a plain leaf keeps for what follows.
const TAIL_BYTES: usize = 8 * 1024;

/// Reads an artifact part by part. Memory is bounded as for [`super::Scanner`].
#[derive(Debug)]
pub struct Artifact {
    scan: Scan,
    root: Root,
    /// Content bytes of the parts that have ended.
    before: u64,
    part: Option<Part>,
    is_finished: bool,
}

/// The part under way.
#[derive(Debug)]
struct Part {
    chunks: Option<Chunks>,
    fed: u64,
}

/// The content of all parts, and its last bytes.
#[derive(Debug)]
struct Root {
    node: Node,
    tail: Vec<u8>,
}

impl Reader for Root {
    fn feed(&mut self, scan: &mut Scan, bytes: &[u8]) {
        self.node.feed(scan, bytes);
        let fresh = bytes.get(bytes.len().saturating_sub(TAIL_BYTES)..).unwrap_or(bytes);
        let over = (self.tail.len() + fresh.len()).saturating_sub(TAIL_BYTES);
        self.tail.drain(..over.min(self.tail.len()));
        self.tail.extend_from_slice(fresh);
    }

    fn finish(&mut self, scan: &mut Scan) {
        self.node.finish(scan);
    }

    fn cleared(&self) -> u64 {
        self.node.cleared()
    }
}

impl Artifact {
    /// An artifact of which nothing has been read. With a `measure`, its evidence has what a contract
    /// on payloads judges, whole once the artifact is [finished](Artifact::finish).
    pub fn new(catalog: Arc<Catalog>, limits: Limits, measure: Option<Measure>) -> Artifact {
        let mut scan = Scan::new(catalog, limits);
        if let Some(measure) = measure {
            scan.evidence.payload = Some(Box::new(Payload::default()));
            scan.meter = Some(Box::new(Meter::new(measure)));
        }
        let root = Root { node: Node::new(Place::root(Vec::new(), None)), tail: Vec::new() };
        Artifact { scan, root, before: 0, part: None, is_finished: false }
    }

    /// Asks `monitor` from here on whether the reading goes on, and nobody else. It is kept, and what it
    /// was told stands, until the next one comes.
    pub fn monitor(&mut self, monitor: Arc<dyn Monitor>) {
        // Whoever was asked before lets go of what it granted first.
        self.scan.monitor = None;
        self.scan.monitor = Some(monitor);
        self.scan.goes_on();
    }

    /// Bytes held beyond a small fixed base, as [`super::Scanner::held`].
    pub fn held(&self) -> u64 {
        self.scan.held.bytes()
    }

    /// Begins the next part. Of the sender's hints the encodings count: `aws-chunked` is undone, any
    /// other is incomplete, since a part cannot be decoded alone.
    pub fn begin_part(&mut self, hint: &Hint<'_>) {
        self.end_part();
        let encodings = hint.content_encoding.map(Encoding::list).unwrap_or_default();
        let chunks = match encodings.as_slice() {
            [] => None,
            [Encoding::AwsChunked] => Some(Chunks::part(Place::root(Vec::new(), None))),
            _ => {
                let reason = IncompleteReason::UnknownEncoding;
                self.scan.evidence.add_incomplete(reason, None);
                None
            }
        };
        self.part = Some(Part { chunks, fed: 0 });
    }

    /// Takes the next bytes of the part, which is begun, without encodings, if none is.
    pub fn feed(&mut self, bytes: &[u8]) {
        let part = self.part.get_or_insert(Part { chunks: None, fed: 0 });
        part.fed += bytes.len() as u64;
        match &mut part.chunks {
            Some(chunks) => chunks.feed(&mut self.scan, bytes, &mut self.root),
            None => self.root.feed(&mut self.scan, bytes),
        }
        self.scan.goes_on();
    }

    /// How many bytes of the part may be released, were the artifact to end with what has come so far
    /// read: nothing that starts before can still become part of a finding. All of a part that has
    /// ended.
    pub fn cleared(&self) -> u64 {
        let Some(part) = &self.part else { return 0 };
        let content = self.root.cleared().saturating_sub(self.before);
        let cleared = part.chunks.as_ref().map_or(content, |chunks| chunks.cleared(content));
        cleared.min(part.fed)
    }

    /// What the last bytes so far show as they stand. The artifact itself tells of them once it is
    /// known what follows; a part that leaves before that is judged by this, too.
    pub fn tail_evidence(&self) -> Evidence {
        let mut evidence = super::scan(&self.scan.catalog, &self.root.tail);
        // The artifact's own ledger has these bytes.
        evidence.coverage = Coverage::default();
        evidence.incomplete.clear();
        evidence
    }

    /// Says that the part has ended; the artifact goes on. Idempotent.
    pub fn end_part(&mut self) {
        let Some(mut part) = self.part.take() else { return };
        self.before += match &mut part.chunks {
            Some(chunks) => {
                chunks.finish(&mut self.scan, &mut self.root);
                chunks.output()
            }
            None => part.fed,
        };
    }

    /// Says that the artifact has ended. Idempotent.
    pub fn finish(&mut self) {
        self.end_part();
        if !self.is_finished {
            self.is_finished = true;
            self.root.finish(&mut self.scan);
            if let Some(payload) = &mut self.scan.evidence.payload {
                payload.is_whole = true;
            }
        }
    }

    /// What has been gathered since the evidence was last taken.
    pub fn evidence(&self) -> &Evidence {
        &self.scan.evidence
    }

    /// Takes the evidence out, so that the next part's is told apart. What a contract judges stays,
    /// since it is the whole artifact's.
    pub fn take_evidence(&mut self) -> Evidence {
        let payload = self.scan.evidence.payload.take();
        let taken = std::mem::take(&mut self.scan.evidence);
        self.scan.evidence.payload = payload;
        taken
    }
}
