//! Structured forms within other text: a message of HL7 or X12 behind the prefix of a log line or in
//! a string, a cell or a section of another form, and JSON objects likewise. Each is read by the rules
//! of its own dialect, where it stands. Invariant: what is found depends on blocks at fixed offsets.

mod objects;
mod segments;

use crate::finding::Finding;
use crate::format::dialect::Form;
use crate::locus::{self, Field, Written};
use objects::Objects;
use segments::Segments;

/// What of a leaf is looked at.
#[derive(Clone, Copy)]
pub(super) struct Part<'a> {
    /// What stands before the bytes.
    pub(super) before: &'a [u8],
    pub(super) bytes: &'a [u8],
    /// Offset in the leaf of the first of the bytes.
    pub(super) offset: u64,
    /// What the leaf itself is written in: its own dialect reads that.
    pub(super) form: Form,
}

impl Part<'_> {
    /// The byte `back` places before the index `at`; outside a NUL.
    fn byte_before(&self, at: usize, back: usize) -> u8 {
        let byte = match at.checked_sub(back) {
            Some(i) => self.bytes.get(i),
            None => self.before.len().checked_sub(back - at).and_then(|i| self.before.get(i)),
        };
        byte.copied().unwrap_or(0)
    }
}

/// The forms within one leaf.
#[derive(Debug, Default)]
pub(super) struct Inlaid {
    objects: Objects,
    segments: Segments,
}

impl Inlaid {
    pub(super) fn is_open(&self) -> bool {
        self.objects.is_open() || self.segments.is_open()
    }

    /// The offset in the leaf before which nothing more is found.
    pub(super) fn settled(&self) -> u64 {
        self.objects.settled().min(self.segments.settled())
    }

    pub(super) fn read(&mut self, part: Part<'_>, found: &mut Vec<Finding>) {
        self.segments.read(part, &mut |field| found.extend(finding(field, false)));
        self.objects.read(part, &mut |field, is_escaped| found.extend(finding(field, is_escaped)));
    }

    pub(super) fn finish(&mut self, form: Form, found: &mut Vec<Finding>) {
        self.segments.finish(&mut |field| found.extend(finding(field, false)));
        let tell = &mut |field: &Field<'_>, escaped| found.extend(finding(field, escaped));
        self.objects.finish(form, tell);
    }
}

/// What a value is, if it is any. The leaf adds where it stands.
fn finding(field: &Field<'_>, is_escaped: bool) -> Option<Finding> {
    let (identifier, confidence) = locus::judge_field(field)?;
    Some(Finding {
        detector: field.form.into(),
        identifier,
        confidence,
        span: field.span,
        member: None,
        locus: Some(field.locus.into()),
        line: 0,
        column: 0,
        json_number: field.written == Written::Number,
        mask: field.written.mask().unwrap_or_default(),
        is_escaped,
    })
}
