//! The ledger of bytes: read, numeric, unidentified, skipped. Invariant: each byte of a leaf is
//! counted once, and the blocks that are judged lie at fixed offsets of the leaf, whatever its
//! chunks.

mod floats;
mod integers;
mod text;

use serde::Serialize;

use crate::gate::distinct;
use text::Makeup;

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
/// A shorter rest of a leaf is too short for text in UTF-16 or UTF-32 to be told.
const WIDE_MIN: usize = 32;
/// A shorter rest of a leaf holds too few elements for statistics.
const STATISTICS_MIN: usize = 512;

/// What a container says about a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Declared {
    /// Floats: numeric unless the bytes are noise, which no float is.
    Floats,
    /// Integers of eight bits and fewer, quantised and packed ones too, which may well look like
    /// noise.
    Integers,
    /// Nothing: byte statistics decide.
    Nothing,
    /// A form that cannot be read, such as an unknown compression: unidentified whatever it looks
    /// like.
    Opaque,
    /// Some tensor: byte statistics decide, and where there are too few bytes for them it is
    /// numeric.
    Tensor,
    /// Integers of 16 bits and more: numeric unless the bytes are noise, which counts, indices and
    /// samples are not.
    WideIntegers,
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
    likely: Likely,
}

/// The kind of number and the alignment that fitted last: tried first, since neighbours are alike.
#[derive(Clone, Copy, Debug, Default)]
struct Likely {
    kind: Option<(&'static Kind, usize)>,
    /// The same told by a single comparison for each element.
    range: Option<floats::Range>,
    share: Option<integers::Share>,
}

impl Blocks {
    pub(crate) fn new(declared: Declared) -> Blocks {
        Blocks { declared, partial: Vec::new(), previous: None, likely: Likely::default() }
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

    /// Bytes that wait for the rest of their block, so that their class is not known.
    pub(crate) fn waiting(&self) -> usize {
        self.partial.len()
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
            Declared::WideIntegers if is_short || !is_noise(block) => Class::Numeric,
            Declared::WideIntegers => Class::Unidentified,
            Declared::Floats => {
                let is_numeric = is_short
                    || self.is_likely(block)
                    || self.fits_any(block, &floats::KINDS)
                    || !is_noise(block);
                if is_numeric { Class::Numeric } else { Class::Unidentified }
            }
            Declared::Nothing | Declared::Tensor => {
                let makeup = Makeup::of(block);
                // Wide text is read character by character beside the leaf.
                let is_wide = || block.len() >= WIDE_MIN && makeup.is_wide_text(block);
                if makeup.is_text(block) || is_wide() {
                    Class::Text
                } else if is_constant(block) {
                    Class::Numeric
                } else if is_short {
                    self.class_of_rest()
                } else {
                    self.statistics(block)
                }
            }
        }
    }

    /// Too few bytes for statistics are what stood before them; alone, or behind text, they are
    /// nothing known.
    fn class_of_rest(&self) -> Class {
        match (self.previous, self.declared) {
            (Some(Class::Numeric), _) | (Some(Class::Text) | None, Declared::Tensor) => {
                Class::Numeric
            }
            (Some(Class::Text | Class::Unidentified) | None, _) => Class::Unidentified,
        }
    }

    /// Whether any kind of number fits. The order is for speed only: the last one that fitted, then
    /// those that a single comparison an element tells from then on. Noise may fit all but bytes.
    fn statistics(&mut self, block: &[u8]) -> Class {
        let is_still_noise =
            || self.previous == Some(Class::Unidentified) && is_sampled_noise(block);
        if is_still_noise() {
            return Class::Unidentified;
        }
        let is_varied = || !is_noise(block);
        let is_numeric = self.is_likely(block)
            || is_varied() && self.fits_any(block, &floats::KINDS)
            || self.fits_any(block, integers::BYTES)
            || is_varied() && self.fits_any(block, integers::WIDE);
        if is_numeric { Class::Numeric } else { Class::Unidentified }
    }

    fn is_likely(&self, block: &[u8]) -> bool {
        let Likely { kind, range, share } = &self.likely;
        range.is_some_and(|range| range.holds(block))
            || share.is_some_and(|share| share.holds(block))
            || kind.is_some_and(|(kind, phase)| {
                block.get(phase..).is_some_and(|elements| (kind.fits)(elements))
            })
    }

    /// Tries each kind at every alignment: a header before the elements may have any length.
    fn fits_any(&mut self, block: &[u8], kinds: &'static [Kind]) -> bool {
        let mut places =
            kinds.iter().flat_map(|kind| (0..kind.width).map(move |phase| (kind, phase)));
        let found = places.find(|&(kind, phase)| {
            block.get(phase..).is_some_and(|elements| (kind.fits)(elements))
        });
        if let Some((kind, phase)) = found {
            self.likely = Likely {
                kind: Some((kind, phase)),
                range: floats::Range::of(kind, phase, block),
                share: if kind.width == 1 { integers::Share::of(block) } else { None },
            };
        }
        found.is_some()
    }
}

/// A kind of element that byte statistics tell from ciphertext.
#[derive(Debug)]
struct Kind {
    /// Bytes of an element.
    width: usize,
    /// Whether bytes that begin with an element are of this kind.
    fits: fn(&[u8]) -> bool,
}

fn is_constant(block: &[u8]) -> bool {
    let ahead = block.get(1..).unwrap_or_default();
    block.get(..ahead.len()) == Some(ahead)
}

/// Lanes in which an element of any width keeps its place.
const LANES: usize = 8;

/// Whether the bytes are as varied as random ones in each of the eight lanes: ciphertext,
/// compressed data. Any float has a lane (its exponent) with far fewer values.
fn is_noise(block: &[u8]) -> bool {
    is_noise_in([block; 1])
}

/// As [`is_noise`], of an eighth of a block: enough behind a block that was noise as a whole.
fn is_sampled_noise(block: &[u8]) -> bool {
    const SAMPLES: usize = 4;
    const SAMPLE: usize = BLOCK / 8 / SAMPLES;
    let sample = |at: usize| block.get(at * (BLOCK / SAMPLES)..)?.get(..SAMPLE);
    let samples: [_; SAMPLES] = std::array::from_fn(|at| sample(at).unwrap_or_default());
    block.len() == BLOCK && is_noise_in(samples)
}

/// Whether these parts together are noise.
fn is_noise_in<const PARTS: usize>(parts: [&[u8]; PARTS]) -> bool {
    let mut seen = [[0u8; 256]; LANES];
    for part in parts {
        for element in part.as_chunks::<LANES>().0 {
            for (lane, &byte) in seen.iter_mut().zip(element) {
                if let Some(value) = lane.get_mut(usize::from(byte)) {
                    *value = 1;
                }
            }
        }
    }
    let elements: usize = parts.iter().map(|part| part.len() / LANES).sum();
    let distinct = distinct(&seen);
    // Random bytes stay within 5 % of the expectation; the exponent lane of f16, the widest, below
    // 40 %.
    f64::from(distinct.into_iter().min().unwrap_or(0)) >= 0.8 * expected_distinct(elements)
}

/// How many different values that many random bytes have.
fn expected_distinct(samples: usize) -> f64 {
    256.0 * (1.0 - (-(samples as f64) / 256.0).exp())
}
