//! Forms that are text as they stand: HL7, X12, CSV, JSON, XML. A dialect reads the bytes of a leaf
//! beside the detectors and tells each value that stands at a place it knows. Invariant: what it
//! tells depends on the bytes, never on the chunks.

use super::{csv, hl7, json, x12, xml};
use crate::locus::Field;
use crate::redact::MASK;

/// Bytes of a value that are kept; a longer one is free text, which the detectors read.
pub(crate) const FIELD_MAX: usize = 512;

/// Forms that also stand within other text, where they are looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Form {
    Hl7,
    Json,
    X12,
    #[default]
    Other,
}

/// A structured form that is text as it stands.
pub(crate) trait Dialect: std::fmt::Debug + Send + Sync {
    /// Takes the next bytes of the leaf and tells each value that ended in them. Spans are offsets
    /// in the leaf.
    fn feed(&mut self, bytes: &[u8], sink: &mut dyn FnMut(&Field<'_>));
    /// Says that there are no more.
    fn finish(&mut self, sink: &mut dyn FnMut(&Field<'_>));
    /// The offset in the leaf before which every value has been told. Never goes back, and never
    /// lags behind the end of the fed bytes by more than a named limit.
    fn settled(&self) -> u64;
    /// Which form it reads.
    fn form(&self) -> Form {
        Form::Other
    }
    /// The byte that may hide a value without parting it.
    fn mask(&self) -> u8 {
        MASK
    }
}

/// The dialect of a leaf that begins with `head` (up to [`crate::format::sniff::LEN`] bytes); most
/// leaves have none.
pub(crate) fn dialect(head: &[u8]) -> Option<Box<dyn Dialect>> {
    if hl7::is_hl7(head) {
        return Some(Box::new(hl7::Hl7::new()));
    }
    if json::is_json(head) {
        return Some(Box::new(json::Json::new()));
    }
    if xml::is_xml(head) {
        return Some(Box::new(xml::Xml::new()));
    }
    if let Some(x12) = x12::x12(head) {
        return Some(Box::new(x12));
    }
    csv::csv(head).map(|csv| Box::new(csv) as Box<dyn Dialect>)
}
