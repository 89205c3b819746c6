//! Encodings: content in another form, one stream in and one out. Invariant: bounded memory; every
//! limit that is reached is told, and nothing that could not be decoded is called read.

pub(crate) mod aws_chunked;
pub(crate) mod codec;
pub(crate) mod coded;
pub(crate) mod marks;
pub(crate) mod percent;
pub(crate) mod stream;

use codec::Compression;

/// An encoding that a sender names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// Amazon S3's chunks within the body.
    AwsChunked,
    /// A compression.
    Coded(Compression),
    /// A name not known here.
    Unknown,
}

impl Encoding {
    /// The encodings of an HTTP `Content-Encoding` value, in the order they were applied (RFC 9110
    /// section 8.4).
    pub(crate) fn list(value: &str) -> Vec<Encoding> {
        let names = value.split(',').map(str::trim).filter(|name| !name.is_empty());
        let known = names.filter_map(Self::of);
        // More are never legitimate; the depth limit answers for the rest.
        const MAX: usize = 64;
        known.take(MAX).collect()
    }

    /// The encoding of this name; nothing where it changes nothing. Beyond the registry of HTTP,
    /// the names that gRPC and log senders use.
    pub(crate) fn of(name: &str) -> Option<Encoding> {
        let compression = match name.to_ascii_lowercase().as_str() {
            "identity" => return None,
            "aws-chunked" => return Some(Self::AwsChunked),
            "br" => Compression::Brotli,
            "bzip2" | "x-bzip2" => Compression::Bzip2,
            "deflate" => Compression::HttpDeflate,
            "gzip" | "x-gzip" => Compression::Gzip,
            "lz4" => Compression::Lz4,
            "snappy" | "x-snappy-framed" => Compression::SnappyBlock,
            "xz" | "x-xz" => Compression::Xz,
            "zlib" => Compression::Zlib,
            "zstd" => Compression::Zstd,
            _ => return Some(Self::Unknown),
        };
        Some(Self::Coded(compression))
    }
}
