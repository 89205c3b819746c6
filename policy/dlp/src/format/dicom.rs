//! DICOM (PS3.5, PS3.10): a walk over the data elements of every transfer syntax, with sequences,
//! private groups and encapsulated pixels. Text is read, values at identifying attributes are told
//! by their tag, pixels are numeric. Invariant: every byte passes the leaf at its offset in the
//! file; a length is counted down, never trusted.

mod element;
mod state;
mod table;
mod value;

use crate::coverage::Declared;
use crate::decode::codec::Compression;
use crate::decode::stream::{PIECE, Progress, Stream};
use crate::evidence::IncompleteReason;
use crate::format::walk::{Grammar, Walk, Want};
use crate::scanner::{Leaf, Node, Place, Reader, Scan};
use element::{HEADER, Header, Syntax, Tag, Vr};
use state::{Content, Frame, Holds, State};

/// The preamble and `DICM` behind it (PS3.10 section 7.1).
const PREAMBLE: usize = 132;
/// Values up to here are looked at whole; longer ones, which no identifier is, pass as they come.
const VALUE_MAX: usize = 64 * 1024;
/// Sequences inside each other; real ones have hardly ten.
const SEQUENCES_MAX: usize = 64;

/// A DICOM file, or its data set.
pub(crate) type Dicom = Walk<Elements>;

/// Whether `head` begins a file with preamble.
pub(crate) fn has_preamble(head: &[u8]) -> bool {
    head.get(PREAMBLE - 4..PREAMBLE) == Some(b"DICM")
}

/// Whether `head` begins a data set without preamble.
pub(crate) fn is_bare(head: &[u8]) -> bool {
    element::bare_syntax(head).is_some()
}

/// A reader for what begins with `head`.
pub(crate) fn reader(place: Place, head: &[u8]) -> Dicom {
    let (state, syntax) = match element::bare_syntax(head) {
        Some(syntax) if !has_preamble(head) => (State::Header, syntax),
        Some(_) | None => (State::Preamble, Syntax::EXPLICIT),
    };
    Walk::new(Elements::new(place, state, syntax))
}

/// The grammar of data elements.
#[derive(Debug)]
pub(crate) struct Elements {
    place: Place,
    leaf: Leaf,
    syntax: Syntax,
    /// The syntax behind the meta information; whether it is deflated.
    later: Option<(Syntax, bool)>,
    frames: Vec<Frame>,
    state: State,
    /// What the value that passes goes to, where it is not the leaf.
    content: Option<Content>,
}

impl Elements {
    fn new(place: Place, state: State, syntax: Syntax) -> Elements {
        Elements {
            leaf: Leaf::new(place.member.clone(), Declared::Nothing),
            place,
            syntax,
            later: None,
            frames: Vec::new(),
            state,
            content: None,
        }
    }

    /// Bytes of structure.
    fn structure(&mut self, scan: &mut Scan, bytes: &[u8]) {
        scan.evidence.coverage.read += bytes.len() as u64;
        self.leaf.watch(scan, bytes);
    }

    /// What comes behind the element that ends at `at`.
    fn next(&mut self, at: u64) -> Want {
        while let Some(frame) = self.frames.last()
            && frame.end.is_some_and(|end| end <= at)
        {
            self.leave();
        }
        self.state = State::Header;
        Want::Whole(HEADER)
    }

    fn leave(&mut self) {
        if let Some(frame) = self.frames.pop() {
            self.syntax = frame.outer;
        }
    }

    /// Opens a sequence or item whose content begins at `at`.
    fn enter(&mut self, scan: &mut Scan, at: u64, len: Option<u32>, holds: Holds) -> Want {
        if self.frames.len() >= SEQUENCES_MAX {
            return self.go_behind(scan, IncompleteReason::DepthMax);
        }
        let end = len.map(|len| at.saturating_add(len.into()));
        self.frames.push(Frame { end, holds, outer: self.syntax });
        self.next(at)
    }

    /// Reads on as plain bytes.
    fn go_behind(&mut self, scan: &mut Scan, reason: IncompleteReason) -> Want {
        scan.evidence.add_incomplete(reason, self.place.member.as_ref());
        self.leaf.declare(scan, Declared::Nothing);
        self.frames.clear();
        self.state = State::Behind;
        Want::Rest
    }

    fn header(&mut self, scan: &mut Scan, at: u64, bytes: &[u8]) -> Want {
        if let Some(want) = self.end_meta(scan, bytes) {
            return want;
        }
        let end = at + bytes.len() as u64;
        match element::header(bytes, self.syntax) {
            Some(Header::Whole(tag, vr, len)) => {
                self.structure(scan, bytes);
                self.begin(scan, end, (tag, vr), len)
            }
            Some(Header::Long(tag, vr)) => {
                self.structure(scan, bytes);
                self.state = State::Length(tag, vr);
                Want::Whole(4)
            }
            // Nothing but padding is allowed to follow, and some writers pad with zeros.
            None if bytes.iter().all(|b| *b == 0) && self.frames.is_empty() => {
                self.leaf.feed(scan, bytes);
                self.state = State::Behind;
                Want::Rest
            }
            None => {
                let want = self.go_behind(scan, IncompleteReason::Damaged);
                self.leaf.feed(scan, bytes);
                want
            }
        }
    }

    /// Leaves the meta information (group 0002) where `bytes` are the first behind it.
    fn end_meta(&mut self, scan: &mut Scan, bytes: &[u8]) -> Option<Want> {
        if bytes.starts_with(&[2, 0]) {
            return None;
        }
        let (syntax, is_deflated) = self.later.take()?;
        self.syntax = syntax;
        if !is_deflated {
            return None;
        }
        let place = self.place.inside("deflate");
        if place.depth > scan.limits.depth_max {
            let want = self.go_behind(scan, IncompleteReason::DepthMax);
            self.leaf.declare(scan, Declared::Opaque);
            self.leaf.feed(scan, bytes);
            return Some(want);
        }
        let stream = Stream::new(Compression::Deflate, &place, &scan.limits);
        let inner = Walk::new(Elements::new(place, State::Header, Syntax::EXPLICIT));
        self.content = Some(Content::Deflated(Box::new(stream), Box::new(inner)));
        self.state = State::Deflated;
        self.part(scan, bytes);
        Some(Want::Whole(PIECE))
    }

    /// Begins the value of an element, at the offset `at`.
    fn begin(
        &mut self,
        scan: &mut Scan,
        at: u64,
        (tag, vr): (Tag, Option<Vr>),
        len: Option<u32>,
    ) -> Want {
        let holds = self.frames.last().map(|frame| frame.holds);
        match (tag, holds) {
            (Tag::ITEM, Some(Holds::Fragments(has_table))) => {
                if let Some(frame) = self.frames.last_mut() {
                    frame.holds = Holds::Fragments(true);
                }
                let Some(len) = len else { return self.go_behind(scan, IncompleteReason::Damaged) };
                self.leaf.declare(scan, Declared::Integers);
                if has_table && len > 0 {
                    self.state = State::Value(Tag::PIXELS, None);
                } else {
                    self.state = State::Value(Tag::ITEM, None);
                }
                Want::Stream(len.into())
            }
            (Tag::ITEM, Some(Holds::Items)) => self.enter(scan, at, len, Holds::Elements),
            (Tag::ITEM_END | Tag::SEQUENCE_END, Some(holds)) => {
                // An item of told length has closed already; the end of a sequence closes also an
                // item that forgot its own.
                if holds == Holds::Elements {
                    self.leave();
                }
                if tag == Tag::SEQUENCE_END {
                    self.leave();
                }
                self.next(at)
            }
            (Tag::ITEM | Tag::ITEM_END | Tag::SEQUENCE_END, _) => {
                self.go_behind(scan, IncompleteReason::Damaged)
            }
            _ if len.is_none() && (tag == Tag::PIXELS || vr.is_some_and(Vr::is_bytes)) => {
                self.enter(scan, at, len, Holds::Fragments(false))
            }
            _ if vr == Some(Vr::SQ) => self.enter(scan, at, len, Holds::Items),
            _ => match len {
                Some(len) => self.value(scan, at, (tag, vr), len.into()),
                None => {
                    // Of unknown representation it is a sequence in implicit little endian (PS3.5
                    // section 6.2.2).
                    let want = self.enter(scan, at, None, Holds::Items);
                    if vr == Some(Vr::UN) {
                        self.syntax = Syntax::IMPLICIT;
                    }
                    want
                }
            },
        }
    }

    /// Begins a value of known length.
    fn value(&mut self, scan: &mut Scan, at: u64, (tag, vr): (Tag, Option<Vr>), len: u64) -> Want {
        if len == 0 {
            return self.next(at);
        }
        let is_told = vr.is_some_and(|vr| vr != Vr::UN);
        if !is_told && len >= HEADER as u64 && !value::is_pixels(tag) {
            self.state = State::Peek(tag, len);
            return Want::Whole(HEADER);
        }
        self.state = State::Value(tag, vr);
        if tag == Tag::DOCUMENT {
            self.content = Some(Content::Node(Box::new(Node::new(self.place.inside(&tag.name())))));
            return Want::Stream(len);
        }
        if value::is_pixels(tag) || len > VALUE_MAX as u64 {
            self.leaf.declare(scan, value::declared(tag, vr));
            return Want::Stream(len);
        }
        Want::Whole(usize::try_from(len).unwrap_or(VALUE_MAX))
    }

    /// The first bytes of a value of untold kind.
    fn peek(&mut self, scan: &mut Scan, at: u64, (tag, len): (Tag, u64), bytes: &[u8]) -> Want {
        let header = element::header(bytes, Syntax::IMPLICIT);
        if matches!(header, Some(Header::Whole(Tag::ITEM, ..))) {
            let want = self.enter(scan, at, u32::try_from(len).ok(), Holds::Items);
            if matches!(self.state, State::Header) {
                self.syntax = Syntax::IMPLICIT;
                return self.header(scan, at, bytes);
            }
            self.leaf.feed(scan, bytes);
            return want;
        }
        self.state = State::Value(tag, None);
        if len == bytes.len() as u64 {
            return self.whole(scan, at, bytes);
        }
        if len <= VALUE_MAX as u64 {
            return Want::Again(usize::try_from(len).unwrap_or(VALUE_MAX));
        }
        self.leaf.declare(scan, value::declared(tag, None));
        self.leaf.feed(scan, bytes);
        Want::Stream(len - bytes.len() as u64)
    }
}

impl Grammar for Elements {
    fn first(&self) -> Want {
        match self.state {
            State::Preamble => Want::Whole(PREAMBLE),
            State::Behind
            | State::Deflated
            | State::Header
            | State::Length(..)
            | State::Peek(..)
            | State::Value(..) => Want::Whole(HEADER),
        }
    }

    fn whole(&mut self, scan: &mut Scan, at: u64, bytes: &[u8]) -> Want {
        let end = at + bytes.len() as u64;
        match self.state {
            State::Preamble => {
                // Free for any use: another format's header, or text.
                let (free, magic) = bytes.split_at_checked(PREAMBLE - 4).unwrap_or((bytes, &[]));
                self.leaf.declare(scan, Declared::Tensor);
                self.leaf.feed(scan, free);
                self.structure(scan, magic);
                self.later = Some((Syntax::EXPLICIT, false));
                self.next(end)
            }
            State::Header => self.header(scan, at, bytes),
            State::Length(tag, vr) => {
                self.structure(scan, bytes);
                match element::length(bytes, self.syntax) {
                    Some(len) => self.begin(scan, end, (tag, Some(vr)), len),
                    None => self.go_behind(scan, IncompleteReason::Damaged),
                }
            }
            State::Peek(tag, len) => self.peek(scan, at, (tag, len), bytes),
            State::Value(tag, vr) => {
                if tag == Tag::TRANSFER_SYNTAX {
                    self.later = Some(element::syntax_of(bytes));
                }
                value::read(scan, &mut self.leaf, (tag, vr), bytes);
                self.next(end)
            }
            State::Deflated => {
                self.part(scan, bytes);
                Want::Whole(PIECE)
            }
            State::Behind => Want::Rest,
        }
    }

    fn part(&mut self, scan: &mut Scan, bytes: &[u8]) {
        match &mut self.content {
            None => self.leaf.feed(scan, bytes),
            Some(Content::Node(node)) => node.feed(scan, bytes),
            Some(Content::Deflated(stream, inner)) => {
                let progress = stream.feed(scan, bytes, &mut |scan, part| inner.feed(scan, part));
                let used = match progress {
                    Progress::More => return,
                    Progress::Ended(used) => used,
                    Progress::Failed(used, reason) => {
                        scan.evidence.add_incomplete(reason, self.place.member.as_ref());
                        used
                    }
                };
                inner.finish(scan);
                let held = stream.held().to_vec();
                self.content = None;
                self.leaf.declare(scan, Declared::Tensor);
                self.leaf.feed(scan, &held);
                self.leaf.feed(scan, bytes.get(used..).unwrap_or_default());
            }
        }
    }

    fn over(&mut self, scan: &mut Scan, at: u64) -> Want {
        if let Some(Content::Node(node)) = &mut self.content {
            node.finish(scan);
            self.content = None;
        }
        self.next(at)
    }

    fn finish(&mut self, scan: &mut Scan, held: &[u8], is_cut: bool) {
        let is_deflated = matches!(self.state, State::Deflated);
        if is_deflated {
            self.part(scan, held);
        } else {
            self.leaf.declare(scan, Declared::Nothing);
            self.leaf.feed(scan, held);
        }
        let is_open = matches!(self.state, State::Length(..) | State::Peek(..) | State::Value(..))
            || !self.frames.is_empty()
            || matches!(self.content, Some(Content::Deflated(..)));
        if is_open || is_cut && !is_deflated {
            let member = self.place.member.as_ref();
            scan.evidence.add_incomplete(IncompleteReason::Truncated, member);
        }
        match &mut self.content {
            Some(Content::Deflated(stream, inner)) => {
                stream.finish(scan, &mut |scan, part| inner.feed(scan, part));
                inner.finish(scan);
            }
            Some(Content::Node(node)) => node.finish(scan),
            None => {}
        }
        self.leaf.finish(scan);
    }

    fn cleared(&self) -> u64 {
        // Content that is read elsewhere moves the leaf's offsets away from the file's.
        self.leaf.cleared()
    }
}
