//! What messages of one stream say together: each is content of its own and leaves by itself, so a
//! value that is split between two is looked for where their texts meet.
//!
//! The texts of a message are numbered; the n-th goes on where the n-th of the messages before it
//! ended, and the first also where the last one did. Invariant: only what reaches across a seam is
//! told here, everything else is the messages' own to tell.

use std::sync::Arc;

use crate::coverage::Declared;
use crate::detector::{LOOK_AHEAD, LOOK_BACK};
use crate::evidence::Evidence;
use crate::finding::Confidence;
use crate::scanner::{Leaf, Reader, Scan};

/// Texts of a message that are followed into the next.
const TEXTS_MAX: usize = 16;

/// Where the texts of the messages so far end.
#[derive(Debug, Default)]
pub(crate) struct Seam {
    tails: Vec<Vec<u8>>,
    /// The number of the next text in this message.
    next: usize,
    /// Which text ended the message before.
    last: Option<usize>,
}

impl Seam {
    /// A message begins.
    pub(crate) fn begin(&mut self) {
        self.last = self.next.checked_sub(1).or(self.last);
        self.next = 0;
    }

    /// The ends that a text goes on from, and which it becomes part of.
    fn meet(&mut self, text: &[u8]) -> Vec<Vec<u8>> {
        let at = self.next;
        if at >= TEXTS_MAX {
            return Vec::new();
        }
        self.next += 1;
        let last = self.last.filter(|last| at == 0 && *last != at);
        let others = last.and_then(|last| self.tails.get(last)).cloned();
        if self.tails.len() <= at {
            self.tails.resize_with(at + 1, Vec::new);
        }
        let Some(tail) = self.tails.get_mut(at) else { return Vec::new() };
        let met = [Some(tail.clone()), others].into_iter().flatten();
        let met = met.filter(|tail| !tail.is_empty()).collect();
        tail.extend_from_slice(text.get(text.len().saturating_sub(LOOK_BACK)..).unwrap_or(text));
        let surplus = tail.len().saturating_sub(LOOK_BACK);
        tail.drain(..surplus);
        met
    }
}

/// Takes a text of a message, where the messages of a stream are read.
pub(crate) fn take(scan: &mut Scan, member: Option<&Arc<str>>, text: &[u8]) {
    let Some(seam) = &mut scan.seam else { return };
    let head = text.get(..LOOK_AHEAD).unwrap_or(text);
    for tail in seam.meet(text) {
        let own = std::mem::take(&mut scan.evidence);
        let mut leaf = Leaf::new(member.cloned(), Declared::Nothing);
        leaf.watch(scan, &tail);
        leaf.watch(scan, head);
        leaf.finish(scan);
        let Evidence { findings, .. } = std::mem::replace(&mut scan.evidence, own);
        let seam = tail.len() as u64;
        for finding in findings {
            let crosses = finding.span.start < seam && seam < finding.span.end;
            // Two texts side by side are no text, so a guess is worth nothing here.
            if crosses && finding.confidence >= Confidence::Medium {
                scan.add(finding);
            }
        }
    }
}
