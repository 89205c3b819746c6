//! Encodings: content in another form, one stream in and one out. Invariant: bounded memory; every
//! limit that is reached is told, and nothing that could not be decoded is called read.

pub(crate) mod aws_chunked;
pub(crate) mod gzip;
pub(crate) mod inflate;
pub(crate) mod percent;

/// An encoding that a sender names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// Amazon S3's chunks within the body.
    AwsChunked,
    /// HTTP `deflate`: zlib (RFC 1950), by some senders bare (RFC 1951).
    Deflate,
    /// RFC 1952.
    Gzip,
    /// A name not known here.
    Unknown,
}

impl Encoding {
    /// The encodings of an HTTP `Content-Encoding` value, in the order they were applied (RFC 9110
    /// section 8.4).
    pub(crate) fn list(value: &str) -> Vec<Encoding> {
        let names = value.split(',').map(str::trim).filter(|name| !name.is_empty());
        let known = names.filter_map(|name| match name.to_ascii_lowercase().as_str() {
            "identity" => None,
            "aws-chunked" => Some(Self::AwsChunked),
            "deflate" => Some(Self::Deflate),
            "gzip" | "x-gzip" => Some(Self::Gzip),
            _ => Some(Self::Unknown),
        });
        // More are never legitimate; the depth limit answers for the rest.
        const MAX: usize = 64;
        known.take(MAX).collect()
    }
}
