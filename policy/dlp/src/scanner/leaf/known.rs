//! Values that the leaf's form has told for sure. A detector that looked into one could only find
//! what loses against it when overlaps are settled, so it is not asked. Invariant: whether an anchor
//! lies in one depends on offsets alone: what the form had not seen within the anchor's look-ahead
//! does not count, whether it is told by then or not.

use std::collections::VecDeque;

use crate::detector::LOOK_AHEAD;
use crate::finding::{Confidence, Identifier};
use crate::locus::Field;

/// The values, in the order in which they were told.
#[derive(Debug, Default)]
pub(super) struct Known {
    values: VecDeque<Value>,
}

#[derive(Clone, Copy, Debug)]
struct Value {
    start: u64,
    end: u64,
    /// Offset behind all bytes that the form had to see before it told this.
    seen: u64,
}

impl Known {
    /// Takes a value that was judged so.
    pub(super) fn add(&mut self, field: &Field<'_>, class: (Identifier, Confidence)) {
        let (identifier, confidence) = class;
        let is_sure = identifier.is_safe_harbor() && confidence == Confidence::High;
        if (is_sure || is_moment(field, identifier)) && field.seen != u64::MAX {
            let (start, end) = (field.span.start, field.span.end);
            self.values.push_back(Value { start, end, seen: field.seen });
        }
    }

    /// Whether the anchor at `offset` lies in one. Anchors are asked for in their order.
    pub(super) fn holds(&mut self, offset: u64) -> bool {
        self.pass(offset);
        self.values
            .front()
            .is_some_and(|value| value.start <= offset && value.seen <= offset + LOOK_AHEAD as u64)
    }

    /// Forgets what ends at `offset` or before.
    pub(super) fn pass(&mut self, offset: u64) {
        while self.values.front().is_some_and(|value| value.end <= offset) {
            self.values.pop_front();
        }
    }
}

/// Whether a standard declares that a moment stands here, written in digits alone: they are nothing
/// else, whatever label stands before. What was observed (OBX-5) is declared by its code only.
fn is_moment(field: &Field<'_>, identifier: Identifier) -> bool {
    identifier == Identifier::Date
        && matches!(field.form, "hl7" | "x12")
        && (8..=14).contains(&field.text.len())
        && !field.locus.starts_with("OBX-5")
        && field.text.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Span;
    use crate::label::Family;
    use crate::locus::Written;

    fn field(start: u64, end: u64, seen: u64) -> Field<'static> {
        Field {
            form: "csv",
            locus: "mrn",
            family: Family::Mrn,
            span: Span { start, end },
            text: b"",
            written: Written::Text,
            seen,
        }
    }

    #[test]
    fn only_what_is_sure_and_a_patient_s_is_known() {
        let mut known = Known::default();
        known.add(&field(0, 9, 10), (Identifier::Mrn, Confidence::Medium));
        known.add(&field(0, 9, 10), (Identifier::Provider, Confidence::High));
        known.add(&field(0, 9, u64::MAX), (Identifier::Mrn, Confidence::High));
        assert!(!known.holds(4));
        known.add(&field(0, 9, 10), (Identifier::Mrn, Confidence::High));
        assert!(known.holds(4) && known.holds(8) && !known.holds(9));
    }

    #[test]
    fn what_was_seen_beyond_the_look_ahead_is_not_known() {
        let ahead = LOOK_AHEAD as u64;
        let mut known = Known::default();
        known.add(&field(10, 400, 20 + ahead), (Identifier::Mrn, Confidence::High));
        assert!(!known.holds(10) && !known.holds(19) && known.holds(20));
    }
}
