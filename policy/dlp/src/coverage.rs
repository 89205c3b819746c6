//! The ledger of bytes: read, numeric, unidentified, skipped. Invariant: each byte of a leaf is counted once, and
//! the blocks that are judged lie at fixed offsets of the leaf, whatever its chunks.

mod floats;
mod integers;
mod text;

use serde::Serialize;

/// How many bytes of the leaves (decoded; of a raw input: of the input) were of which kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// Text, and structure that was parsed.
    pub read: u64,
    /// Tensor elements, by a container's declaration or by byte statistics.
    pub numeric: u64,
    /// Other binary: random, encrypted, compressed, or of a format not known here.
    pub unidentified: u64,
    /// Not looked at, because a limit was reached.
    pub skipped: u64,
}

impl Coverage {
    fn add(&mut self, class: Class, len: usize) {
        let len = len as u64;
        match class {
            Class::Numeric => self.numeric += len,
            Class::Text => self.read += len,
            Class::Unidentified => self.unidentified += len,
        }
    }
}

/// Bytes that are judged together.
pub(crate) const BLOCK: usize = 4096;
/// A shorter rest of a leaf holds too few elements for statistics.
const STATISTICS_MIN: usize = 512;

/// What a container says about a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Declared {
    /// Floats: numeric unless the bytes are noise, which no float is.
    Floats,
    /// Integers of any width, quantised and packed ones too, which may well look like noise.
    Integers,
    /// Nothing: byte statistics decide.
    Nothing,
    /// A form that cannot be read, such as an unknown compression: unidentified whatever it looks like.
    Opaque,
    /// Some tensor: byte statistics decide, and where there are too few bytes for them it is numeric.
    Tensor,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Numeric,
    Text,
    Unidentified,
}

/// Sorts the bytes of one leaf into the ledger, block by block.
#[derive(Debug)]
pub(crate) struct Blocks {
    declared: Declared,
    partial: Vec<u8>,
    previous: Option<Class>,
    /// The kind of number that fitted last: tried first, since neighbours are alike.
    likely: usize,
}

impl Blocks {
    pub(crate) fn new(declared: Declared) -> Blocks {
        Blocks { declared, partial: Vec::new(), previous: None, likely: 0 }
    }

    /// Takes the next bytes of the leaf.
    pub(crate) fn feed(&mut self, mut bytes: &[u8], coverage: &mut Coverage) {
        if !self.partial.is_empty() {
            let missing = BLOCK - self.partial.len();
            let Some((now, rest)) = bytes.split_at_checked(missing) else {
                self.partial.extend_from_slice(bytes);
                return;
            };
            self.partial.extend_from_slice(now);
            let block = std::mem::take(&mut self.partial);
            self.judge(&block, coverage);
            bytes = rest;
            self.partial = block;
            self.partial.clear();
        }
        let mut blocks = bytes.chunks_exact(BLOCK);
        for block in &mut blocks {
            self.judge(block, coverage);
        }
        self.partial.extend_from_slice(blocks.remainder());
    }

    /// Judges what is left at the end of the leaf.
    pub(crate) fn finish(&mut self, coverage: &mut Coverage) {
        let rest = std::mem::take(&mut self.partial);
        if !rest.is_empty() {
            self.judge(&rest, coverage);
        }
    }

    fn judge(&mut self, block: &[u8], coverage: &mut Coverage) {
        let class = self.class_of(block);
        self.previous = Some(class);
        coverage.add(class, block.len());
    }

    fn class_of(&mut self, block: &[u8]) -> Class {
        let is_short = block.len() < STATISTICS_MIN;
        match self.declared {
            Declared::Integers => Class::Numeric,
            Declared::Opaque => Class::Unidentified,
            Declared::Floats if is_short || !is_noise(block) => Class::Numeric,
            Declared::Floats => Class::Unidentified,
            Declared::Nothing | Declared::Tensor if text::is_text(block) => Class::Text,
            Declared::Tensor if is_short => self.previous.unwrap_or(Class::Numeric),
            Declared::Nothing if is_short => self.class_of_rest(),
            Declared::Nothing | Declared::Tensor => self.statistics(block),
        }
    }

    /// A short rest is what stood before it; behind text, or alone, it is nothing known.
    fn class_of_rest(&self) -> Class {
        match self.previous {
            Some(Class::Numeric) => Class::Numeric,
            Some(Class::Text | Class::Unidentified) | None => Class::Unidentified,
        }
    }

    fn statistics(&mut self, block: &[u8]) -> Class {
        if is_constant(block) {
            return Class::Numeric;
        }
        if is_noise(block) || text::is_wide_text(block) {
            return Class::Unidentified;
        }
        // The order is a guess only: the answer is whether any of them fits.
        let kinds = KINDS.iter().enumerate().skip(self.likely).chain(KINDS.iter().enumerate());
        for (place, fits) in kinds.take(KINDS.len() + 1) {
            if fits(block) {
                self.likely = place;
                return Class::Numeric;
            }
        }
        Class::Unidentified
    }
}

/// The kinds of elements that byte statistics tell from ciphertext, by their test.
const KINDS: &[fn(&[u8]) -> bool] = &[
    floats::is_f32,
    floats::is_half,
    floats::is_f64,
    integers::is_wide,
    integers::is_i16,
    integers::is_i8,
    integers::is_smooth,
];

fn is_constant(block: &[u8]) -> bool {
    block.first().is_some_and(|first| block.iter().all(|byte| byte == first))
}

/// Lanes in which an element of any width keeps its place.
const LANES: usize = 8;

/// Whether the bytes are as varied as random ones in each of the eight lanes: ciphertext, compressed data. Any
/// float has a lane (its exponent) with far fewer values.
fn is_noise(block: &[u8]) -> bool {
    let mut seen = [[false; 256]; LANES];
    for element in block.chunks_exact(LANES) {
        for (lane, &byte) in seen.iter_mut().zip(element) {
            if let Some(flag) = lane.get_mut(usize::from(byte)) {
                *flag = true;
            }
        }
    }
    let samples = (block.len() / LANES) as f64;
    let expected = 256.0 * (1.0 - (-samples / 256.0).exp());
    let distinct = seen.iter().map(|lane| lane.iter().filter(|&&flag| flag).count()).min();
    // Random bytes stay within 5 % of the expectation; the exponent lane of f16, the widest, below 40 %.
    distinct.unwrap_or(0) as f64 >= 0.8 * expected
}
