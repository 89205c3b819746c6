//! What form content is of, by its first bytes alone; names and types that a sender gives are not
//! trusted. Never panics, and a form that turns out wrong is still read.

use super::told::Told;
use super::{binary, multipart, pickle, tar};
use crate::decode::Encoding;
use crate::decode::codec::{Compression, looks_like_zlib, magic};

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
    Coded(Compression),
    /// Only by the sender's word.
    Grpc,
    Multipart,
    /// NumPy array.
    Npy,
    /// Python pickle, protocol 2 or later.
    Pickle,
    /// Read as it is.
    Plain,
    Safetensors,
    /// Tape archive, of any flavour.
    Tar,
    /// A compression that is not read yet.
    Unknown,
    Zip,
}

impl Kind {
    /// The form of what is encoded so and begins with `head`.
    pub(crate) fn of(encoding: Encoding, head: &[u8]) -> Kind {
        match encoding {
            Encoding::AwsChunked => Kind::AwsChunked,
            // Senders who say so mean either form.
            Encoding::Coded(Compression::SnappyBlock) if head.starts_with(magic::SNAPPY) => {
                Kind::Coded(Compression::Snappy)
            }
            Encoding::Coded(compression) => Kind::Coded(compression),
            Encoding::Unknown => Kind::Unknown,
        }
    }

    /// The form that a sender tells.
    pub(crate) fn of_told(told: &Told) -> Option<Kind> {
        match told {
            Told::Grpc(..) | Told::GrpcWebText(..) => Some(Kind::Grpc),
            Told::Multipart(_) => Some(Kind::Multipart),
            // Content that has a magic is that first.
            Told::Protobuf => None,
        }
    }

    /// The stable name in contracts and reasons.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::AwsChunked => "aws-chunked",
            Kind::Binary(form) => form.name(),
            Kind::Coded(compression) => compression.name(),
            Kind::Grpc => "grpc",
            Kind::Multipart => "multipart",
            Kind::Npy => "npy",
            Kind::Pickle => "pickle",
            Kind::Plain => "plain",
            Kind::Safetensors => "safetensors",
            Kind::Tar => "tar",
            Kind::Unknown => "unknown",
            Kind::Zip => "zip",
        }
    }

    /// Whether content lies one level further in.
    pub(crate) fn is_nested(self) -> bool {
        match self {
            Kind::AwsChunked
            | Kind::Coded(_)
            | Kind::Grpc
            | Kind::Multipart
            | Kind::Pickle
            | Kind::Tar
            | Kind::Zip => true,
            Kind::Binary(form) => form.is_nested(),
            Kind::Npy | Kind::Plain | Kind::Safetensors | Kind::Unknown => false,
        }
    }
}

/// The form of what begins with `head`: [`LEN`] bytes, or fewer where there are no more.
pub(crate) fn kind(head: &[u8]) -> Kind {
    match head {
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Kind::Zip,
        [0x93, b'N', b'U', b'M', b'P', b'Y', 1..=3, ..] => Kind::Npy,
        [0x80, 2..=5, opcode, ..] if pickle::may_begin(*opcode) => Kind::Pickle,
        _ if is_safetensors(head) => Kind::Safetensors,
        _ if multipart::looks_like_multipart(head) => Kind::Multipart,
        _ if UNREAD.iter().any(|magic| head.starts_with(magic)) => Kind::Unknown,
        _ => {
            let compressed = || compression(head).map(Kind::Coded);
            let binary = || binary::form(head).map(Kind::Binary);
            let tar = || tar::is_header(head).then_some(Kind::Tar);
            let zlib = || looks_like_zlib(head).then_some(Kind::Coded(Compression::Zlib));
            compressed().or_else(binary).or_else(tar).or_else(zlib).unwrap_or(Kind::Plain)
        }
    }
}

/// The archive or compression that a message begins with, where its magic is long enough that nothing else
/// begins so by chance: for who reads a stream that is no container from its first byte on.
pub fn packed(head: &[u8]) -> Option<&'static str> {
    let kind = kind(head);
    let is_sure = match kind {
        Kind::Zip | Kind::Tar => true,
        Kind::Coded(compression) => compression != Compression::Zlib,
        // `compress` has two bytes.
        Kind::Unknown => !head.starts_with(b"\x1f\x9d"),
        Kind::AwsChunked
        | Kind::Binary(_)
        | Kind::Grpc
        | Kind::Multipart
        | Kind::Npy
        | Kind::Pickle
        | Kind::Plain
        | Kind::Safetensors => false,
    };
    is_sure.then(|| kind.name())
}

/// The compression whose magic `head` begins with. Brotli and bare deflate have none, zlib hardly
/// any.
fn compression(head: &[u8]) -> Option<Compression> {
    let magic = match head {
        [0x1f, 0x8b, 8, flags, ..] if flags & 0xe0 == 0 => Compression::Gzip,
        [b'B', b'Z', b'h', b'1'..=b'9', rest @ ..] if magic::BZIP2.contains(&rest.get(..6)?) => {
            Compression::Bzip2
        }
        _ if head.starts_with(magic::XZ) => Compression::Xz,
        _ if head.starts_with(magic::SNAPPY) => Compression::Snappy,
        _ => match head.first_chunk().copied().map(u32::from_le_bytes)? {
            magic::ZSTD => Compression::Zstd,
            magic::LZ4 | magic::LZ4_LEGACY => Compression::Lz4,
            first if magic::is_skippable(first) => Compression::Zstd,
            _ => return None,
        },
    };
    Some(magic)
}

/// Compressions that are known only by name: 7-Zip, RAR, lzip, `compress`.
const UNREAD: &[&[u8]] = &[b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07", b"LZIP\x01", b"\x1f\x9d"];

/// A length of eight bytes, and JSON behind it.
fn is_safetensors(head: &[u8]) -> bool {
    let Some((len, rest)) = head.split_first_chunk::<8>() else { return false };
    (2..=SAFETENSORS_HEADER_MAX).contains(&u64::from_le_bytes(*len)) && rest.first() == Some(&b'{')
}
