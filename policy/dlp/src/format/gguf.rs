//! GGUF (the ggml GGUF specification, versions 2 and 3): keys and values of metadata, tensor names,
//! then tensors. Text is read with its key before it; arrays of numbers and tensors are numeric.

use crate::coverage::Declared;
use crate::evidence::IncompleteReason;
use crate::format::walk::{Grammar, WHOLE_MAX, Walk, Want, u32_at, u64_at};
use crate::format::whole::count_read;
use crate::scanner::{Leaf, Place, Reader, Scan};

/// Magic, version, counts of tensors and of keys.
const HEADER: usize = 24;
/// The most dimensions of a tensor, of which the format uses four.
const DIMENSIONS_MAX: u32 = 16;
/// Arrays inside each other.
const ARRAYS_MAX: usize = 8;

const STRING: u32 = 8;
const ARRAY: u32 = 9;

/// A GGUF file.
pub(crate) type Gguf = Walk<Entries>;

/// A reader of a GGUF file.
pub(crate) fn reader(place: Place) -> Gguf {
    Walk::new(Entries::new(place))
}

/// The grammar of the file.
#[derive(Debug)]
pub(crate) struct Entries {
    place: Place,
    /// Keys, strings and names, a line each.
    text: Leaf,
    /// Numbers and tensors.
    numbers: Leaf,
    state: State,
    keys: u64,
    tensors: u64,
    /// Open arrays: type and count of what is still to come.
    arrays: Vec<(u32, u64)>,
    /// Whether a tensor is of integers or quantised, which look like any bytes.
    has_integers: bool,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// In the type and count of an array.
    Array,
    Broken,
    /// In a tensor's dimensions, type and offset.
    Dimensions,
    /// In the number of a tensor's dimensions.
    DimensionsLength,
    Header,
    Key,
    Kind,
    /// In the length of a text.
    Length(Text),
    /// In the name of a tensor.
    Name,
    /// In a number.
    Number,
    Tensors,
    Value,
}

/// What a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Text {
    Key,
    TensorName,
    Value,
}

impl Entries {
    fn new(place: Place) -> Entries {
        Entries {
            text: place.leaf_inside("gguf", Declared::Nothing),
            numbers: Leaf::new(place.member.clone(), Declared::Tensor),
            place,
            state: State::Header,
            keys: 0,
            tensors: 0,
            arrays: Vec::new(),
            has_integers: false,
        }
    }

    fn broken(&mut self, scan: &mut Scan) -> Want {
        let member = self.place.member.as_ref();
        scan.evidence.add_incomplete(IncompleteReason::Damaged, member);
        self.numbers.declare(scan, Declared::Nothing);
        self.state = State::Broken;
        Want::Rest
    }

    fn become_one(&mut self, state: State, len: usize) -> Want {
        self.state = state;
        Want::Whole(len)
    }

    /// What comes behind a value, a key or a tensor's description.
    fn next(&mut self, scan: &mut Scan) -> Want {
        while let Some((kind, left)) = self.arrays.last_mut() {
            if let Some(less) = left.checked_sub(1) {
                *left = less;
                let kind = *kind;
                return self.value(scan, kind);
            }
            self.arrays.pop();
        }
        if let Some(less) = self.keys.checked_sub(1) {
            self.keys = less;
            return self.become_one(State::Length(Text::Key), 8);
        }
        if let Some(less) = self.tensors.checked_sub(1) {
            self.tensors = less;
            return self.become_one(State::Length(Text::TensorName), 8);
        }
        let declared = if self.has_integers { Declared::Integers } else { Declared::Tensor };
        self.numbers.declare(scan, declared);
        self.state = State::Tensors;
        Want::Rest
    }

    /// Begins a value of this type.
    fn value(&mut self, scan: &mut Scan, kind: u32) -> Want {
        match (kind, width(kind)) {
            (STRING, _) => self.become_one(State::Length(Text::Value), 8),
            (ARRAY, _) if self.arrays.len() < ARRAYS_MAX => self.become_one(State::Array, 12),
            (_, Some(width)) => self.become_one(State::Number, width),
            (_, None) => self.broken(scan),
        }
    }

    fn array(&mut self, scan: &mut Scan, bytes: &[u8]) -> Want {
        let kind = u32_at(bytes, 0, false).unwrap_or(u32::MAX);
        let count = u64_at(bytes, 4, false).unwrap_or(0);
        match width(kind) {
            Some(width) => {
                self.numbers.declare(scan, Declared::Integers);
                self.state = State::Value;
                Want::Stream(count.saturating_mul(width as u64))
            }
            None => {
                self.arrays.push((kind, count));
                self.next(scan)
            }
        }
    }

    /// Begins a text of this length.
    fn text(&mut self, scan: &mut Scan, text: Text, len: u64) -> Want {
        match usize::try_from(len) {
            Ok(0) => self.end_text(scan, text),
            Ok(len) if len <= WHOLE_MAX => {
                let state = match text {
                    Text::Key => State::Key,
                    Text::TensorName => State::Name,
                    Text::Value => State::Value,
                };
                self.become_one(state, len)
            }
            Ok(_) | Err(_) if text == Text::Value => {
                self.state = State::Value;
                self.numbers.declare(scan, Declared::Nothing);
                Want::Stream(len)
            }
            Ok(_) | Err(_) => self.broken(scan),
        }
    }

    fn end_text(&mut self, scan: &mut Scan, text: Text) -> Want {
        self.text.watch(scan, b"\n");
        match text {
            Text::Key => self.become_one(State::Kind, 4),
            Text::TensorName => self.become_one(State::DimensionsLength, 4),
            Text::Value => self.next(scan),
        }
    }
}

impl Grammar for Entries {
    fn first(&self) -> Want {
        Want::Whole(HEADER)
    }

    fn whole(&mut self, scan: &mut Scan, _at: u64, bytes: &[u8]) -> Want {
        if let State::Key | State::Name | State::Value = self.state {
            self.text.field(scan, bytes);
        } else {
            count_read(scan, bytes.len());
            self.numbers.watch(scan, bytes);
        }
        let narrow = u32_at(bytes, 0, false).unwrap_or(u32::MAX);
        match self.state {
            State::Header => {
                self.tensors = u64_at(bytes, 8, false).unwrap_or(0);
                self.keys = u64_at(bytes, 16, false).unwrap_or(0);
                self.next(scan)
            }
            State::Length(text) => self.text(scan, text, u64_at(bytes, 0, false).unwrap_or(0)),
            State::Name => self.end_text(scan, Text::TensorName),
            State::Key => self.end_text(scan, Text::Key),
            State::Kind => self.value(scan, narrow),
            State::Value => self.end_text(scan, Text::Value),
            State::Array => self.array(scan, bytes),
            State::Number => {
                self.text.watch(scan, b"\n");
                self.next(scan)
            }
            State::DimensionsLength if narrow <= DIMENSIONS_MAX => {
                let dimensions = usize::try_from(narrow).unwrap_or(0);
                self.become_one(State::Dimensions, dimensions * 8 + 12)
            }
            State::DimensionsLength => self.broken(scan),
            State::Dimensions => {
                // F32, F16, F64, BF16.
                let kind = bytes.len().checked_sub(12).and_then(|at| u32_at(bytes, at, false));
                self.has_integers |= !matches!(kind, Some(0 | 1 | 28 | 30));
                self.next(scan)
            }
            State::Broken | State::Tensors => Want::Rest,
        }
    }

    fn part(&mut self, scan: &mut Scan, bytes: &[u8]) {
        self.numbers.feed(scan, bytes);
    }

    fn over(&mut self, scan: &mut Scan, _at: u64) -> Want {
        self.next(scan)
    }

    fn finish(&mut self, scan: &mut Scan, held: &[u8], _is_cut: bool) {
        if !matches!(self.state, State::Broken | State::Tensors) {
            let member = self.place.member.as_ref();
            scan.evidence.add_incomplete(IncompleteReason::Truncated, member);
        }
        self.numbers.declare(scan, Declared::Nothing);
        self.numbers.feed(scan, held);
        self.text.finish(scan);
        self.numbers.finish(scan);
    }

    fn cleared(&self) -> u64 {
        0
    }
}

/// Bytes of a number of this type.
fn width(kind: u32) -> Option<usize> {
    match kind {
        0 | 1 | 7 => Some(1),
        2 | 3 => Some(2),
        4..=6 => Some(4),
        10..=12 => Some(8),
        _ => None,
    }
}
