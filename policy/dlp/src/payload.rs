//! What a body is made of, as a contract on payloads wants to know it: forms, element types, sizes,
//! the norm of the numbers, and whatever is no tensor. Gathered only where it is asked for
//! ([`crate::Scanner::measuring`]). Invariant: it counts, and keeps no byte or name of the content;
//! any chunking of the same bytes gives the same counts.

mod elements;
mod headers;
mod meter;

use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) use meter::Meter;

/// What is to be measured beside the findings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measure {
    /// Keys of safetensors' `__metadata__` whose values may be text.
    pub metadata_keys: Arc<[String]>,
}

/// Bytes that the value of a declared metadata key may have; a longer one is text like any other.
pub const METADATA_VALUE_MAX: usize = 256;

/// Bytes of a name (a tensor's, an archive member's). A longer one, or one of other characters than
/// letters, digits and `_ . - / : [ ]`, is text like any other.
pub const NAME_MAX: usize = 256;

/// The forms that a contract may permit, by their names: those that hold tensors and declare their
/// types, and the encodings around them. `npz` is a zip of npy arrays.
pub const FORMS: &[&str] = &[
    "br",
    "bzip2",
    "deflate",
    "gzip",
    "lz4",
    "npy",
    "npz",
    "safetensors",
    "snappy",
    "xz",
    "zip",
    "zlib",
    "zstd",
];

/// Of [`FORMS`] those that hold tensors themselves.
pub const TENSOR_FORMS: &[&str] = &["npy", "npz", "safetensors"];

/// What a body is made of. It only grows while the body is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Payload {
    /// The forms of the body and of all that it holds, by the scanner's names, counted.
    pub forms: BTreeMap<&'static str, u64>,
    /// The element types that were declared.
    pub dtypes: BTreeMap<Dtype, Declarations>,
    /// Tensors that were declared.
    pub tensors: u64,
    /// Their elements.
    pub elements: u64,
    /// NumPy arrays of Python objects.
    pub object_arrays: u64,
    /// Headers that are not what their format says, or too large to be understood.
    pub malformed: u64,
    /// Bytes that belong to no tensor and no structure: between or behind tensors, members, frames.
    pub slack_bytes: u64,
    /// Texts outside of declared metadata keys, and names that are no plain names.
    pub strings: u64,
    /// Their bytes.
    pub string_bytes: u64,
    /// Floats that are no numbers.
    pub nans: u64,
    /// Floats that are infinite.
    pub infinities: u64,
    /// Whether the body was read to its end: before that a share says nothing.
    pub is_whole: bool,
    squares: Squares,
}

/// How often an element type was declared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Declarations {
    /// Place of the first tensor of this type, from 1.
    pub first: u64,
    /// Tensors.
    pub tensors: u64,
    /// Elements.
    pub elements: u64,
}

/// A sum of squares. Compared by its bits, since the sum of the same bytes is the same.
#[derive(Clone, Copy, Debug, Default)]
struct Squares(f64);

impl PartialEq for Squares {
    fn eq(&self, other: &Squares) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}

impl Eq for Squares {}

impl Payload {
    /// The Euclidean norm over all floats of all tensors; infinite where one of them is. NaNs are
    /// left out.
    pub fn norm(&self) -> f64 {
        if self.infinities > 0 { f64::INFINITY } else { self.squares.0.sqrt() }
    }

    /// Elements among [`Payload::elements`] that [`Payload::norm`] takes in: those of floats.
    pub fn floats(&self) -> u64 {
        let floats = self.dtypes.iter().filter(|(dtype, _)| dtype.is_measured());
        floats.map(|(_, seen)| seen.elements).sum()
    }

    fn add_tensor(&mut self, dtype: Dtype, elements: u64) {
        self.tensors += 1;
        self.elements = self.elements.saturating_add(elements);
        let seen = self.dtypes.entry(dtype).or_default();
        if seen.tensors == 0 {
            seen.first = self.tensors;
        }
        seen.tensors += 1;
        seen.elements = seen.elements.saturating_add(elements);
    }

    fn add_string(&mut self, bytes: usize) {
        self.strings += 1;
        self.string_bytes = self.string_bytes.saturating_add(bytes as u64);
    }

    fn add(&mut self, sum: elements::Sum) {
        self.squares.0 += sum.squares;
        self.nans += sum.nans;
        self.infinities += sum.infinities;
    }
}

/// Whether bytes are a plain name, such as `model.layers.0.weight` or `arr_0.npy`.
fn is_name(bytes: &[u8]) -> bool {
    let is_plain = |b: &u8| b.is_ascii_alphanumeric() || b"_.-/:[]".contains(b);
    bytes.len() <= NAME_MAX && bytes.iter().all(is_plain)
}

macro_rules! dtypes {
    ($($(#[doc = $doc:literal])+ $variant:ident $name:literal $bits:literal),+ $(,)?) => {
        /// The type of a tensor's elements.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Dtype {
            $($(#[doc = $doc])+ $variant,)+
            /// Any other: strings, records, objects, long doubles.
            Unknown,
        }

        impl Dtype {
            /// Every type that has a name.
            pub const ALL: &'static [Dtype] = &[$(Self::$variant,)+];

            /// The stable name in policies and reasons.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                    Self::Unknown => "unknown",
                }
            }

            /// Bits of an element; nothing where that is not known.
            fn bits(self) -> Option<u64> {
                match self {
                    $(Self::$variant => Some($bits),)+
                    Self::Unknown => None,
                }
            }
        }
    };
}

dtypes! {
    /// Bfloat16.
    Bf16 "bf16" 16,
    /// True or false, a byte each.
    Bool "bool" 8,
    /// Two doubles.
    C128 "c128" 128,
    /// Two floats.
    C64 "c64" 64,
    /// IEEE 754 half.
    F16 "f16" 16,
    /// IEEE 754 single.
    F32 "f32" 32,
    /// Floats of four bits, two in a byte.
    F4 "f4" 4,
    /// IEEE 754 double.
    F64 "f64" 64,
    /// Floats of six bits.
    F6E2m3 "f6_e2m3" 6,
    /// Floats of six bits.
    F6E3m2 "f6_e3m2" 6,
    /// Floats of eight bits.
    F8E4m3 "f8_e4m3" 8,
    /// Floats of eight bits.
    F8E5m2 "f8_e5m2" 8,
    /// Scales of eight bits.
    F8E8m0 "f8_e8m0" 8,
    /// Signed integers.
    I16 "i16" 16,
    /// Signed integers.
    I32 "i32" 32,
    /// Signed integers.
    I64 "i64" 64,
    /// Signed integers.
    I8 "i8" 8,
    /// Unsigned integers.
    U16 "u16" 16,
    /// Unsigned integers.
    U32 "u32" 32,
    /// Unsigned integers.
    U64 "u64" 64,
    /// Unsigned integers.
    U8 "u8" 8,
}

impl Dtype {
    /// The type of that name, the inverse of [`Dtype::name`].
    pub fn parse(name: &str) -> Option<Dtype> {
        Self::ALL.iter().copied().find(|dtype| dtype.name() == name)
    }

    /// Whether [`Payload::norm`] takes in its elements.
    pub fn is_measured(self) -> bool {
        matches!(self, Self::Bf16 | Self::C128 | Self::C64 | Self::F16 | Self::F32 | Self::F64)
    }

    /// By safetensors' name of it.
    fn of_safetensors(name: &str) -> Dtype {
        let is_named = |dtype: &&Dtype| dtype.name().eq_ignore_ascii_case(name);
        let is_upper = !name.bytes().any(|b| b.is_ascii_lowercase());
        Self::ALL.iter().find(is_named).copied().filter(|_| is_upper).unwrap_or(Self::Unknown)
    }

    /// By NumPy's letter and width.
    fn of_numpy(code: &[u8]) -> Dtype {
        match code {
            b"?" | b"b1" => Self::Bool,
            b"c16" => Self::C128,
            b"c8" => Self::C64,
            b"f2" => Self::F16,
            b"f4" => Self::F32,
            b"f8" => Self::F64,
            b"i1" => Self::I8,
            b"i2" => Self::I16,
            b"i4" => Self::I32,
            b"i8" => Self::I64,
            b"u1" => Self::U8,
            b"u2" => Self::U16,
            b"u4" => Self::U32,
            b"u8" => Self::U64,
            _ => Self::Unknown,
        }
    }

    /// Bytes that so many elements take, where they fill whole bytes.
    fn bytes(self, elements: u64) -> Option<u64> {
        let bits = self.bits()?.checked_mul(elements)?;
        bits.is_multiple_of(8).then_some(bits / 8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_for_one_type() {
        for dtype in Dtype::ALL {
            assert_eq!(Dtype::parse(dtype.name()), Some(*dtype));
            let upper = dtype.name().to_ascii_uppercase();
            assert_eq!(Dtype::of_safetensors(&upper), *dtype);
            assert_eq!(Dtype::of_safetensors(dtype.name()), Dtype::Unknown, "not by lower case");
        }
        assert_eq!(Dtype::parse("unknown"), None, "what is unknown can not be permitted");
        assert_eq!(Dtype::of_numpy(b"U12"), Dtype::Unknown);
    }

    #[test]
    fn names_are_words_and_paths() {
        for name in ["model.layers.0.weight", "arr_0.npy", "blocks[3]/w:0", ""] {
            assert!(is_name(name.as_bytes()), "{name}");
        }
        for name in ["Jane Roe", "käse", "a\nb", "a=b", "\"a\""] {
            assert!(!is_name(name.as_bytes()), "{name}");
        }
        assert!(!is_name(&[b'a'; NAME_MAX + 1]));
    }
}
