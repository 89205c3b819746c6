//! Text that stands in a leaf in another spelling: base64 and hexadecimal, UTF-16 and UTF-32, and the
//! escapes of JSON, URLs, mail and XML. Each is decoded beside the leaf and read like other content.
//! Invariant: what is decoded depends on blocks at fixed offsets of the leaf, never on its chunks.

mod bytes;
mod encoded;
mod escapes;
mod inlaid;
mod wide;

use std::sync::Arc;

use crate::evidence::IncompleteReason;
use crate::finding::Finding;
use crate::format::dialect::Form;
use crate::gate::{Census, census};
use crate::scanner::Scan;
use bytes::Lists;
use encoded::Encoded;
use encoded::escaped::Escaped;
use encoded::padded::Padded;
use escapes::Escapes;
pub(super) use escapes::folded::folded;
use inlaid::{Inlaid, Part};
use wide::Wide;

/// Bytes that are looked at together.
const BLOCK: usize = 4096;
/// How far before a block something may stand that is decoded with it.
pub(super) const REACH: u64 = 1024;

/// Where an overlay stands: its leaf.
#[derive(Clone, Debug, Default)]
pub(super) struct Around {
    pub(super) member: Option<Arc<str>>,
    /// Containers, encodings and spellings around the leaf.
    pub(super) depth: u32,
    /// What the leaf is written in.
    pub(super) form: Form,
}

impl Around {
    /// The way in to what is spelled so from `offset` on.
    fn member(&self, spelling: &str, offset: u64) -> Arc<str> {
        match &self.member {
            Some(member) => format!("{member}!{spelling}@{offset}").into(),
            None => format!("{spelling}@{offset}").into(),
        }
    }
}

/// Everything that is spelled otherwise in one leaf.
#[derive(Debug, Default)]
pub(super) struct Overlays {
    partial: Vec<u8>,
    /// Offset in the leaf of the first byte of the partial block.
    offset: u64,
    /// The end of the block before, which escapes are decoded with.
    before: Vec<u8>,
    encoded: Encoded,
    padded: Padded,
    escaped: Escaped,
    escapes: Escapes,
    quoted: Escapes,
    folded: Escapes,
    wide: Wide,
    inlaid: Inlaid,
    lists: Lists,
}

impl Overlays {
    /// Takes the next bytes of the leaf, not beyond [`Overlays::missing`], with the census of the block
    /// that they end, where one was taken. What the escapes hide is given back, at its place in the leaf.
    pub(super) fn feed(
        &mut self,
        scan: &mut Scan,
        around: &Around,
        (mut bytes, census): (&[u8], Option<Census>),
    ) -> Vec<Finding> {
        if around.depth == u32::MAX {
            // What has no spelling of its own comes in blocks already.
            let mut found = Vec::new();
            self.read_forms(around, bytes, &mut found);
            self.pass(bytes);
            return found;
        }
        if around.depth >= scan.limits.depth_max {
            // Nothing will be found here.
            self.offset = u64::MAX;
            if encoded::holds_content(bytes) {
                let member = around.member.as_ref();
                scan.evidence.add_incomplete(IncompleteReason::DepthMax, member);
            }
            return Vec::new();
        }
        let mut found = Vec::new();
        if !self.partial.is_empty() {
            let missing = BLOCK - self.partial.len();
            let Some((now, rest)) = bytes.split_at_checked(missing) else {
                self.partial.extend_from_slice(bytes);
                return found;
            };
            let mut block = std::mem::take(&mut self.partial);
            block.extend_from_slice(now);
            self.read(scan, around, (&block, census), &mut found);
            block.clear();
            self.partial = block;
            bytes = rest;
        }
        let mut blocks = bytes.chunks_exact(BLOCK);
        for block in &mut blocks {
            self.read(scan, around, (block, census), &mut found);
        }
        self.partial.extend_from_slice(blocks.remainder());
        found
    }

    /// Says that the leaf has ended.
    pub(super) fn finish(&mut self, scan: &mut Scan, around: &Around) -> Vec<Finding> {
        let mut found = Vec::new();
        let block = std::mem::take(&mut self.partial);
        if !block.is_empty() {
            self.read(scan, around, (&block, None), &mut found);
        }
        self.encoded.finish(scan, around);
        self.padded.finish(scan, around);
        self.escaped.finish(scan, around);
        self.wide.finish(scan);
        self.lists.finish(scan, around);
        self.escapes.finish(&mut found);
        self.quoted.finish(&mut found);
        self.folded.finish(&mut found);
        self.inlaid.finish(around.form, &mut found);
        found
    }

    /// How many bytes are missing until something is read.
    pub(super) fn missing(&self) -> usize {
        BLOCK - self.partial.len()
    }

    /// The offset in the leaf before which nothing more is found.
    pub(super) fn settled(&self) -> u64 {
        self.offset
            .saturating_sub(REACH)
            .min(self.escapes.settled())
            .min(self.quoted.settled())
            .min(self.folded.settled())
            .min(self.inlaid.settled())
    }

    /// The offset in the leaf before which everything has been read.
    pub(super) fn cleared(&self) -> u64 {
        let padded = self.padded.cleared().min(self.escaped.cleared());
        let runs = self.encoded.cleared().min(padded);
        self.offset.min(runs).min(self.wide.cleared()).min(self.lists.cleared())
    }

    fn read(
        &mut self,
        scan: &mut Scan,
        around: &Around,
        (block, counted): (&[u8], Option<Census>),
        found: &mut Vec<Finding>,
    ) {
        let Census { is_text, nul, pairs } = counted.unwrap_or_else(|| census(block));
        if is_text || self.encoded.is_open() || self.padded.is_open() {
            self.encoded.read(scan, around, (self.offset, block));
        } else {
            self.encoded.pass(block);
        }
        if is_text || self.padded.is_open() {
            self.padded.read(scan, around, (self.offset, block), self.encoded.letters());
        } else {
            self.padded.pass(block, self.offset + block.len() as u64);
        }
        // Letters alone hold no mark of an escape, a form or a list, and read as they stand.
        let has_marks = is_text && !self.encoded.is_all_letters(block.len());
        if has_marks || self.escaped.is_open() {
            self.escaped.read(scan, around, (&self.before, self.offset, block));
        }
        if has_marks || self.escapes.is_open() {
            self.escapes.read(
                scan,
                escapes::Kind::Marked,
                (&self.before, self.offset, block),
                found,
            );
        }
        if has_marks || self.quoted.is_open() {
            self.quoted.read(
                scan,
                escapes::Kind::Quoted,
                (&self.before, self.offset, block),
                found,
            );
        }
        if has_marks || self.folded.is_open() || !is_text && escapes::folded::is_utf8(block) {
            let kind = escapes::Kind::Folded;
            self.folded.read(scan, kind, (&self.before, self.offset, block), found);
        }
        if has_marks || self.lists.is_open() {
            self.lists.read(scan, around, (self.offset, block));
        }
        if nul >= wide::NUL_MIN || self.wide.is_open() {
            self.wide.read(scan, around, (self.offset, block), pairs);
        } else {
            self.wide.pass(block);
        }
        if has_marks || self.inlaid.is_open() {
            self.read_forms(around, block, found);
        }
        self.pass(block);
    }

    /// Reads the forms within a block.
    fn read_forms(&mut self, around: &Around, bytes: &[u8], found: &mut Vec<Finding>) {
        let (before, offset) = (self.before.as_slice(), self.offset);
        self.inlaid.read(Part { before, bytes, offset, form: around.form }, found);
    }

    /// Keeps the end of a block for the next one.
    fn pass(&mut self, block: &[u8]) {
        let context = block.len().saturating_sub(escapes::CONTEXT);
        if context > 0 || self.before.len() >= 2 * escapes::CONTEXT {
            self.before.clear();
        }
        self.before.extend_from_slice(block.get(context..).unwrap_or_default());
        self.offset += block.len() as u64;
    }
}
