//! What form content is of, by its first bytes alone; names and types that a sender gives are not
//! trusted. Never panics, and a form that turns out wrong is still read.

use super::{binary, pickle};
use crate::decode::Encoding;

/// Bytes that tell every form: the magic of a tar stands at 257, of DICOM at 128.
pub(crate) const LEN: usize = 512;

/// The longest safetensors header that the format allows (100 MB).
const SAFETENSORS_HEADER_MAX: u64 = 100_000_000;

/// A form of content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Only by the sender's word.
    AwsChunked,
    /// A form of fields, tables, tensors or pictures.
    Binary(binary::Form),
    /// Only by the sender's word.
    Deflate,
    Gzip,
    /// NumPy array.
    Npy,
    /// Python pickle, protocol 2 or later.
    Pickle,
    /// Read as it is.
    Plain,
    Safetensors,
    /// A compression that is not read yet.
    Unknown,
    Zip,
}

impl Kind {
    /// The form of what is encoded so.
    pub(crate) fn of(encoding: Encoding) -> Kind {
        match encoding {
            Encoding::AwsChunked => Kind::AwsChunked,
            Encoding::Deflate => Kind::Deflate,
            Encoding::Gzip => Kind::Gzip,
            Encoding::Unknown => Kind::Unknown,
        }
    }

    /// The stable name in contracts and reasons.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::AwsChunked => "aws-chunked",
            Kind::Binary(form) => form.name(),
            Kind::Deflate => "deflate",
            Kind::Gzip => "gzip",
            Kind::Npy => "npy",
            Kind::Pickle => "pickle",
            Kind::Plain => "plain",
            Kind::Safetensors => "safetensors",
            Kind::Unknown => "unknown",
            Kind::Zip => "zip",
        }
    }

    /// Whether content lies one level further in.
    pub(crate) fn is_nested(self) -> bool {
        match self {
            Kind::AwsChunked | Kind::Deflate | Kind::Gzip | Kind::Pickle | Kind::Zip => true,
            Kind::Binary(form) => form.is_nested(),
            Kind::Npy | Kind::Plain | Kind::Safetensors | Kind::Unknown => false,
        }
    }
}

/// The form of what begins with `head`: [`LEN`] bytes, or fewer where there are no more.
pub(crate) fn kind(head: &[u8]) -> Kind {
    match head {
        [0x1f, 0x8b, 8, flags, ..] if flags & 0xe0 == 0 => Kind::Gzip,
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Kind::Zip,
        [0x93, b'N', b'U', b'M', b'P', b'Y', 1..=3, ..] => Kind::Npy,
        [0x80, 2..=5, opcode, ..] if pickle::may_begin(*opcode) => Kind::Pickle,
        _ if is_safetensors(head) => Kind::Safetensors,
        _ if UNREAD.iter().any(|magic| head.starts_with(magic)) => Kind::Unknown,
        _ => binary::form(head).map_or(Kind::Plain, Kind::Binary),
    }
}

/// Compressions that are known only by name: bzip2, xz, 7-Zip, zstd, RAR, LZ4 frames.
const UNREAD: &[&[u8]] = &[
    b"7z\xbc\xaf\x27\x1c",
    b"Rar!\x1a\x07",
    b"\x04\x22\x4d\x18",
    b"\x28\xb5\x2f\xfd",
    b"\xfd7zXZ\0",
    b"BZh11AY&SY",
    b"BZh21AY&SY",
    b"BZh31AY&SY",
    b"BZh41AY&SY",
    b"BZh51AY&SY",
    b"BZh61AY&SY",
    b"BZh71AY&SY",
    b"BZh81AY&SY",
    b"BZh91AY&SY",
];

/// A length of eight bytes, and JSON behind it.
fn is_safetensors(head: &[u8]) -> bool {
    let Some((len, rest)) = head.split_first_chunk::<8>() else { return false };
    (2..=SAFETENSORS_HEADER_MAX).contains(&u64::from_le_bytes(*len)) && rest.first() == Some(&b'{')
}
