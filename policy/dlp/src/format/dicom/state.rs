//! Where a walk over data elements stands: open sequences, the piece that is awaited, and what a
//! value goes to.

use super::Dicom;
use super::element::{Syntax, Tag, Vr};
use crate::decode::stream::Stream;
use crate::scanner::Node;

/// An open sequence or item.
#[derive(Debug)]
pub(super) struct Frame {
    /// Where it ends, if its length is told.
    pub(super) end: Option<u64>,
    pub(super) holds: Holds,
    /// The syntax around it.
    pub(super) outer: Syntax,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    Elements,
    /// Fragments of pixels; whether the offset table, the first, is over.
    Fragments(bool),
    Items,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum State {
    /// No structure any more: plain bytes.
    Behind,
    /// In a deflated data set, or behind it.
    Deflated,
    /// Before an element or item.
    Header,
    /// In the length of a long header.
    Length(Tag, Vr),
    /// In the first bytes of a value whose kind is not told: a sequence begins with an item.
    Peek(Tag, u64),
    Preamble,
    /// In a value.
    Value(Tag, Option<Vr>),
}

#[derive(Debug)]
pub(super) enum Content {
    Deflated(Box<Stream>, Box<Dicom>),
    Node(Box<Node>),
}
