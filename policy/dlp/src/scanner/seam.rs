//! What texts of one stream say together: each message leaves by itself, so a value that is split over
//! several texts, of one message or of many, is looked for where they meet. A text goes on from the one at
//! its place in the message before, the first also from the last one there, an e-mail address from the
//! text before it; a number goes on from any of the last texts, whatever stands between. Invariant:
//! bounded memory and work, and only what reaches across a seam is told; the rest is the texts' own.

mod ends;
mod values;

use std::sync::Arc;

use crate::catalog::Catalog;
use crate::coverage::Declared;
use crate::evidence::Evidence;
use crate::finding::{Confidence, Finding, Identifier};
use crate::gate::is_printable;
use crate::scanner::overlay::folded;
use crate::scanner::{Leaf, Limits, Reader, Scan, is_plain_text};
use ends::Ends;

/// Bytes of the end and of the beginning of a text that are read together.
pub(super) const END_BYTES: usize = 128;
/// Texts of a message that are looked at.
const TEXTS_MAX: usize = 256;
/// Printable bytes that something else than text begins with, and ends with, to be looked at: fewer stand
/// there by chance.
const BEGUN_MIN: usize = 3;
const ENDED_MIN: usize = 12;
/// Bytes of a text in JSON whose values are texts of their own; a longer one is a text itself.
pub(super) const JSON_MAX: usize = 64 * 1024;

/// The last part of the member of a finding that no text shows alone.
pub const SPLIT: &str = "split";

/// What the messages of a stream that were read so far leave open.
#[derive(Debug, Default)]
pub struct Stream(pub(super) Box<Seam>);

impl Stream {
    /// What a text says with those before it, and does not say alone.
    pub fn read(&mut self, catalog: &Arc<Catalog>, text: &[u8]) -> Evidence {
        let mut scan = Scan::new(Arc::clone(catalog), Limits::default());
        scan.seam = Some(std::mem::take(&mut self.0));
        take(&mut scan, None, text);
        self.0 = scan.seam.take().unwrap_or_default();
        scan.evidence
    }

    /// A message begins.
    pub fn begin(&mut self) {
        self.0.begin();
    }
}

/// Where the texts of the messages so far end.
#[derive(Debug, Default)]
pub(crate) struct Seam {
    ends: Ends,
    /// The number of the next text in this message.
    next: usize,
    /// Which text ended the message before.
    last: Option<usize>,
    /// What was told of this message.
    told: Vec<Identifier>,
}

impl Seam {
    /// A message begins.
    pub(crate) fn begin(&mut self) {
        self.last = self.next.checked_sub(1).or(self.last);
        self.next = 0;
        self.told.clear();
    }
}

/// An end that a text may go on from, and how sure a finding must be there.
pub(super) struct Before {
    pub(super) text: Vec<u8>,
    pub(super) least: Confidence,
    /// Whether the text comes next to it: then also what it only announces is told.
    pub(super) is_next: bool,
}

/// Takes a text of a message, where the messages of a stream are read.
pub(crate) fn take(scan: &mut Scan, member: Option<&Arc<str>>, text: &[u8]) {
    if scan.seam.is_none() {
        return;
    }
    if text.len() <= JSON_MAX && values::is_json(text) {
        return values::each(text, |value| take_text(scan, member, (value, value)));
    }
    if text.contains(&0) {
        return take_ends(scan, member, (text, text));
    }
    take_text(scan, member, (text, text));
}

/// Takes a text of which only the first and last bytes are here. Of what is no text, such as a piece of
/// a large object, the text that it begins or ends with.
pub(crate) fn take_ends(scan: &mut Scan, member: Option<&Arc<str>>, ends: (&[u8], &[u8])) {
    let (head, tail) = ends;
    let is_text = |bytes: &[u8]| {
        // A character may be cut at either end.
        let cut = bytes.iter().take(3).take_while(|byte| *byte & 0xc0 == 0x80).count();
        let bytes = bytes.get(cut..).unwrap_or_default();
        let is_plain =
            |back| bytes.get(..bytes.len().saturating_sub(back)).is_some_and(is_plain_text);
        !bytes.contains(&0) && (0..4).any(is_plain)
    };
    if is_text(head) && is_text(tail) {
        return take_text(scan, member, ends);
    }
    let is_part = |byte: &&u8| is_printable(**byte);
    let first = head.iter().take_while(is_part).count();
    let last = tail.iter().rev().take_while(is_part).count();
    let first = if first < BEGUN_MIN { 0 } else { first };
    let last = if last < ENDED_MIN { 0 } else { last };
    let tail = tail.get(tail.len() - last..).unwrap_or_default();
    take_text(scan, member, (head.get(..first).unwrap_or_default(), tail));
}

fn take_text(scan: &mut Scan, member: Option<&Arc<str>>, (head, tail): (&[u8], &[u8])) {
    // Of a character that reads like one of ASCII there are four bytes at most.
    let head = head.get(..4 * END_BYTES).unwrap_or(head);
    let tail = tail.get(tail.len().saturating_sub(4 * END_BYTES)..).unwrap_or(tail);
    if head.is_ascii() && tail.is_ascii() {
        take_folded(scan, member, (head, tail));
    } else {
        take_folded(scan, member, (&folded(head), &folded(tail)));
    }
}

fn take_folded(scan: &mut Scan, member: Option<&Arc<str>>, (head, tail): (&[u8], &[u8])) {
    let Some(mut seam) = scan.seam.take() else { return };
    let at = seam.next;
    // What is spelled in wide characters comes as a text of its own, too.
    let is_blank = ends::is_blank(head) && ends::is_blank(tail);
    let is_text = !is_blank && !head.contains(&0);
    if at < TEXTS_MAX && is_text {
        seam.next += 1;
        let head = head.get(..END_BYTES).unwrap_or(head);
        let tail = tail.get(tail.len().saturating_sub(END_BYTES)..).unwrap_or(tail);
        let last = seam.last.filter(|last| at == 0 && *last != at);
        let is_begun = !ends::is_blank(head);
        let met = if is_begun { seam.ends.before((at, last), head) } else { Vec::new() };
        // What one of them shows the others need not.
        let found = met.iter().map(|before| judge(scan, member, before, head));
        for mut finding in found.into_iter().find(|found| !found.is_empty()).unwrap_or_default() {
            // What is spelled otherwise was told where it was read.
            let is_spelled = finding.member.as_ref() != member;
            if !is_spelled || !seam.told.contains(&finding.identifier) {
                if !seam.told.contains(&finding.identifier) {
                    seam.told.push(finding.identifier);
                }
                // Its place is in no text, so nothing of it can be masked.
                finding.member = Some(split(member));
                scan.add(finding);
            }
        }
        seam.ends.add(at, tail);
    }
    scan.seam = Some(seam);
}

fn split(member: Option<&Arc<str>>) -> Arc<str> {
    member.map_or_else(|| SPLIT.into(), |member| format!("{member}!{SPLIT}").into())
}

/// What only `head` behind `before` says.
fn judge(scan: &mut Scan, member: Option<&Arc<str>>, before: &Before, head: &[u8]) -> Vec<Finding> {
    let seam = before.text.len() as u64;
    let mut met = read(scan, member, &[&before.text, head]);
    let is_within = |finding: &Finding| finding.member.as_ref() == member;
    let reaches_in = |finding: &Finding| {
        let is_new = before.is_next || finding.span.start < seam;
        !is_within(finding) || finding.span.end > seam && is_new
    };
    // Two texts side by side are no text, so a guess is worth nothing here.
    met.retain(|finding| finding.confidence >= before.least && reaches_in(finding));
    if met.is_empty() {
        return met;
    }
    let alone = [(0, read(scan, member, &[&before.text])), (seam, read(scan, member, &[head]))];
    let alone = alone.iter().flat_map(|(at, found)| found.iter().map(move |one| (*at, one)));
    let is_known = |finding: &Finding| {
        alone.clone().any(|(at, known)| {
            let overlaps = known.span.start + at < finding.span.end
                && finding.span.start < known.span.end + at;
            // What was found in another spelling has its place in there.
            known.identifier == finding.identifier
                && known.confidence >= finding.confidence
                && (overlaps || !is_within(finding) && !is_within(known))
        })
    };
    met.retain(|finding| !is_known(finding));
    met
}

/// What `parts` say together.
fn read(scan: &mut Scan, member: Option<&Arc<str>>, parts: &[&[u8]]) -> Vec<Finding> {
    let own = std::mem::take(&mut scan.evidence);
    let mut leaf = Leaf::new(member.cloned(), Declared::Nothing);
    parts.iter().for_each(|part| leaf.watch(scan, part));
    leaf.finish(scan);
    std::mem::replace(&mut scan.evidence, own).findings
}
