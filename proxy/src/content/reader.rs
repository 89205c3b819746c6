//! What reads a body: a scanner of its own, or the artifact that the body is a part of.

use std::sync::Arc;

use dlp::{Evidence, Scanner};

use super::allowance::Allowance;
use super::uploads::{Again, Joint, Turn};

/// What reads one body.
#[derive(Debug)]
pub(super) enum Reader {
    /// A part that was read before.
    Again(Box<Again>),
    Body(Box<Scanner>),
    /// Nothing is read, because of an exemption, and the record says so.
    None,
    Part(Box<Joint>),
    /// A part that was read; its artifact has gone on.
    PartRead,
}

impl Reader {
    pub(super) fn of_body(scanner: Scanner) -> Self {
        Self::Body(Box::new(scanner))
    }

    /// The reader of a body that is a part of an upload, as far as `allowance` goes.
    pub(super) fn of_part(turn: Turn, allowance: &Arc<Allowance>) -> Self {
        match turn {
            Turn::Again(again) => Self::Again(again),
            Turn::Next(mut joint) => {
                joint.read_within(allowance);
                Self::Part(joint)
            }
        }
    }

    /// Whether anything is read.
    pub(super) fn reads(&self) -> bool {
        !matches!(self, Self::None)
    }

    pub(super) fn feed(&mut self, bytes: &[u8]) {
        match self {
            Self::Again(again) => again.feed(bytes),
            Self::Body(scanner) => scanner.feed(bytes),
            Self::None | Self::PartRead => {}
            Self::Part(joint) => joint.feed(bytes),
        }
    }

    /// The body has ended. False where it should have been one that was read before, and is not.
    pub(super) fn finish(&mut self) -> bool {
        match self {
            Self::Again(again) => return again.is_same(),
            Self::Body(scanner) => scanner.finish(),
            Self::None | Self::PartRead => {}
            Self::Part(joint) => joint.end(),
        }
        true
    }

    /// How many of the `taken` bytes may be released while the body has not ended. A part is held, so
    /// nothing of it is.
    pub(super) fn cleared(&self, taken: u64) -> u64 {
        match self {
            Self::Body(scanner) => scanner.cleared(),
            Self::None => taken,
            Self::Again(_) | Self::Part(_) | Self::PartRead => 0,
        }
    }

    pub(super) fn evidence(&self) -> Option<&Evidence> {
        match self {
            Self::Body(scanner) => Some(scanner.evidence()),
            Self::Part(joint) => joint.evidence(),
            Self::Again(_) | Self::None | Self::PartRead => None,
        }
    }

    /// What the end of a part shows by itself, before the part is [finished](Reader::finish).
    pub(super) fn tail_evidence(&self) -> Option<Evidence> {
        match self {
            Self::Part(joint) => joint.tail_evidence(),
            Self::Again(_) | Self::Body(_) | Self::None | Self::PartRead => None,
        }
    }

    /// Lets the artifact of a part go on.
    pub(super) fn part_read(&mut self) {
        if let Self::Part(_) = self {
            *self = Self::PartRead;
        }
    }
}
