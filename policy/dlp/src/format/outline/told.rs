//! Values that wait for what stands beside them, and how they are told. Invariant: at most
//! [`WAITING_MAX`] wait, none longer than [`WAIT_MAX`] bytes.

use std::collections::VecDeque;

use super::claim::{Claim, Role, Whose};
use super::{Frame, Value};
use crate::finding::Span;
use crate::format::fhir::Class;
use crate::label::Family;
use crate::locus::{Field, Written};

/// Bytes of the document that a value waits for what its neighbours say of it.
pub(crate) const WAIT_MAX: u64 = 3072;
/// Values that wait at most.
const WAITING_MAX: usize = 64;

/// A value that waits.
#[derive(Debug)]
pub(super) struct Candidate {
    role: Role,
    claim: Claim,
    /// The depth of the object that it waits for the end of.
    depth: usize,
    /// Whether that is the object in which it stands itself.
    is_fresh: bool,
    span: Span,
    written: Written,
    room: Room,
}

/// What of a candidate has no fixed length.
#[derive(Debug, Default)]
struct Room {
    text: Vec<u8>,
    /// Its place, from its record on, as [`join`] takes it.
    path: Vec<u8>,
    shown: Vec<u8>,
}

impl Candidate {
    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    pub(super) fn class(&self) -> Class {
        self.claim.class
    }

    pub(super) fn value(&self) -> Value<'_> {
        Value { span: self.span, text: &self.room.text, written: self.written, seen: u64::MAX }
    }

    /// Learns what the object says of it.
    pub(super) fn learn(&mut self, frame: &Frame) {
        self.claim.is_near_patient |= frame.is_near_patient;
        if self.is_fresh {
            self.claim.fact = self.claim.fact.or(frame.fact);
        }
        if self.claim.class == Class::Unknown && frame.class != Class::Unknown {
            self.claim.class = frame.class;
            if self.claim.whose == Whose::Unknown {
                self.claim.whose = Whose::of(frame.class);
            }
        }
        self.is_fresh = false;
    }

    pub(super) fn family(&self) -> Option<Family> {
        self.claim.family_of(self.role)
    }

    pub(super) fn locus(&self, locus: &mut String, resource: &str) {
        join(locus, resource, &self.room.path, &self.room.shown);
    }
}

/// The values that wait, in the order of their offsets; those that wait for an inner object stand
/// last.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    candidates: VecDeque<Candidate>,
    /// Of those that have been told, for the next ones.
    spare: Vec<Room>,
}

impl Waiting {
    /// Adds a value in its role and circumstances, which waits for the object at `depth` and stands at
    /// a path and a key.
    pub(super) fn add(
        &mut self,
        (role, claim, depth): (Role, Claim, usize),
        value: Value<'_>,
        (path, shown): (&[u8], &[u8]),
    ) {
        let mut room = self.spare.pop().unwrap_or_default();
        room.text.clear();
        room.text.extend_from_slice(value.text);
        room.path.clear();
        room.path.extend_from_slice(path);
        room.shown.clear();
        room.shown.extend_from_slice(shown);
        let Value { span, written, .. } = value;
        let is_fresh = true;
        self.candidates.push_back(Candidate { role, claim, depth, is_fresh, span, written, room });
    }

    /// Takes back the room of one that was told.
    pub(super) fn spare(&mut self, candidate: Candidate) {
        if self.spare.len() < WAITING_MAX {
            self.spare.push(candidate.room);
        }
    }

    pub(super) fn clear(&mut self) {
        self.candidates.clear();
    }

    pub(super) fn is_full(&self) -> bool {
        self.candidates.len() > WAITING_MAX
    }

    pub(super) fn start(&self) -> Option<u64> {
        self.candidates.front().map(|candidate| candidate.span.start)
    }

    /// Whether the first has waited too long at offset `at`.
    pub(super) fn is_late(&self, at: u64) -> bool {
        self.start().is_some_and(|start| start.saturating_add(WAIT_MAX) < at)
    }

    /// Whether any waits for an object at this depth or further in.
    pub(super) fn is_until(&self, depth: usize) -> bool {
        self.candidates.back().is_some_and(|candidate| candidate.depth >= depth)
    }

    /// The first that waits for an object at this depth or further in.
    pub(super) fn take_until(&mut self, depth: usize) -> Option<Candidate> {
        let at = self.candidates.partition_point(|candidate| candidate.depth < depth);
        self.candidates.remove(at)
    }

    pub(super) fn take_first(&mut self) -> Option<Candidate> {
        self.candidates.pop_front()
    }

    /// Lets those that wait for an object at `depth` wait for the one at `outer`.
    pub(super) fn defer(&mut self, depth: usize, outer: usize, frame: &Frame) {
        let from = self.candidates.partition_point(|candidate| candidate.depth < depth);
        for candidate in self.candidates.range_mut(from..) {
            candidate.learn(frame);
            candidate.depth = outer;
        }
    }
}

/// Puts a place together: the resource, the path, the key.
pub(super) fn join(locus: &mut String, resource: &str, path: &[u8], shown: &[u8]) {
    locus.clear();
    for part in [resource.as_bytes(), path, shown] {
        if let Ok(part) = std::str::from_utf8(part)
            && !part.is_empty()
        {
            if !locus.is_empty() {
                locus.push('.');
            }
            locus.push_str(part);
        }
    }
}

/// The field to be told. A resource that is known is FHIR.
pub(super) fn field<'a>(
    form: &'static str,
    class: Class,
    (family, locus): (Family, &'a str),
    value: Value<'a>,
) -> Field<'a> {
    let form = if class == Class::Unknown {
        form
    } else if class == Class::Document {
        "cda"
    } else {
        "fhir"
    };
    Field {
        form,
        locus,
        family,
        span: value.span,
        text: value.text,
        written: value.written,
        seen: value.seen,
    }
}
