//! GIF (version 89a): blocks, of which comments, plain text and application data are read.

use super::tell_picture;
use crate::coverage::Declared;
use crate::evidence::IncompleteReason;
use crate::format::walk::{Grammar, Want};
use crate::format::whole::count_read;
use crate::scanner::{Leaf, Place, Reader, Scan};

/// Signature, version and screen.
const HEADER: usize = 13;
/// Place, size and flags of a picture, and the code size behind its palette.
const DESCRIPTOR: usize = 9;

/// A GIF file.
#[derive(Debug)]
pub(crate) struct Gif {
    place: Place,
    leaf: Leaf,
    /// Text that stands in pieces of 255 bytes, without their lengths.
    text: Leaf,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Behind,
    Block,
    /// In a piece of text, or of pixels.
    Data(bool),
    Descriptor,
    Header,
    Label,
    /// Before a piece of text, or of pixels.
    Length(bool),
    /// In a palette; whether pixels follow it.
    Palette(bool),
}

impl Gif {
    pub(crate) fn new(place: Place) -> Gif {
        let leaf = Leaf::new(place.member.clone(), Declared::Nothing);
        let text = place.leaf_inside("comment", Declared::Tensor);
        Gif { place, leaf, text, state: State::Header }
    }

    fn structure(&mut self, scan: &mut Scan, bytes: &[u8]) {
        count_read(scan, bytes.len());
        self.leaf.watch(scan, bytes);
    }

    fn become_one(&mut self, state: State) -> Want {
        self.state = state;
        Want::Whole(1)
    }

    /// The palette that these flags tell of, and what follows it.
    fn palette(&mut self, scan: &mut Scan, flags: u8, has_pixels: bool) -> Want {
        self.leaf.declare(scan, Declared::Integers);
        self.state = State::Palette(has_pixels);
        let colors = if flags & 0x80 == 0 { 0 } else { 2u64 << (flags & 7) };
        // The code size is one byte more.
        Want::Stream(colors * 3 + u64::from(has_pixels))
    }
}

impl Grammar for Gif {
    fn first(&self) -> Want {
        Want::Whole(HEADER)
    }

    fn whole(&mut self, scan: &mut Scan, _at: u64, bytes: &[u8]) -> Want {
        self.structure(scan, bytes);
        let first = bytes.first().copied().unwrap_or(0);
        match self.state {
            State::Header => {
                tell_picture(&mut self.leaf, "gif");
                self.palette(scan, bytes.get(10).copied().unwrap_or(0), false)
            }
            State::Block => match first {
                0x21 => self.become_one(State::Label),
                0x2c => {
                    self.state = State::Descriptor;
                    Want::Whole(DESCRIPTOR)
                }
                _ => {
                    if first != 0x3b {
                        let member = self.place.member.as_ref();
                        scan.evidence.add_incomplete(IncompleteReason::Damaged, member);
                    }
                    self.leaf.declare(scan, Declared::Nothing);
                    self.state = State::Behind;
                    Want::Rest
                }
            },
            State::Descriptor => self.palette(scan, bytes.last().copied().unwrap_or(0), true),
            State::Label => self.become_one(State::Length(true)),
            State::Length(is_text) => {
                if first == 0 {
                    return self.become_one(State::Block);
                }
                self.state = State::Data(is_text);
                Want::Stream(first.into())
            }
            State::Behind | State::Data(_) | State::Palette(_) => Want::Rest,
        }
    }

    fn part(&mut self, scan: &mut Scan, bytes: &[u8]) {
        match self.state {
            State::Data(true) => self.text.feed(scan, bytes),
            State::Behind
            | State::Block
            | State::Data(false)
            | State::Descriptor
            | State::Header
            | State::Label
            | State::Length(_)
            | State::Palette(_) => self.leaf.feed(scan, bytes),
        }
    }

    fn over(&mut self, _scan: &mut Scan, _at: u64) -> Want {
        match self.state {
            State::Data(is_text) => self.become_one(State::Length(is_text)),
            State::Palette(true) => self.become_one(State::Length(false)),
            State::Behind
            | State::Block
            | State::Descriptor
            | State::Header
            | State::Label
            | State::Length(_)
            | State::Palette(false) => self.become_one(State::Block),
        }
    }

    fn finish(&mut self, scan: &mut Scan, held: &[u8], _is_cut: bool) {
        if !matches!(self.state, State::Behind) {
            let member = self.place.member.as_ref();
            scan.evidence.add_incomplete(IncompleteReason::Truncated, member);
        }
        self.leaf.feed(scan, held);
        self.text.finish(scan);
        self.leaf.finish(scan);
    }

    fn cleared(&self) -> u64 {
        // Text in pieces may go on in the next one.
        0
    }
}
