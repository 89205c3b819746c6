//! Decoders of one stream each, all driven the same way: some encoded bytes in, some decoded ones
//! out, nothing kept beyond what the format itself needs. Invariant: a turn that neither uses nor
//! makes anything says that more input is needed.

mod brotli;
mod bzip2;
mod deflate;
mod gzip;
mod lz4;
pub(crate) mod magic;
mod snappy;
mod transfer;
mod xz;
mod zstd;

use std::fmt;

use crate::evidence::IncompleteReason;
use crate::scanner::Limits;
pub(crate) use deflate::looks_like_zlib;

/// A compression that is read, or a transfer encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    /// RFC 2045 section 6.8. Only by a part's word.
    Base64,
    /// RFC 7932. Has no magic.
    Brotli,
    Bzip2,
    /// RFC 1951, bare.
    Deflate,
    /// RFC 1952.
    Gzip,
    /// HTTP's `deflate`: zlib, by some senders bare.
    HttpDeflate,
    /// LZ4 frames, the legacy ones too.
    Lz4,
    /// RFC 2045 section 6.7. Only by a part's word.
    QuotedPrintable,
    /// Snappy's framing format.
    Snappy,
    /// Snappy without frames. Has no magic.
    SnappyBlock,
    Xz,
    /// RFC 1950.
    Zlib,
    /// RFC 8878.
    Zstd,
}

/// Whether another stream of the same kind follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// More bytes are needed to tell.
    More,
    /// None does.
    Nothing,
    /// So many bytes of padding do.
    Padding(usize),
    /// One does.
    Stream,
}

impl Compression {
    /// The name by which the content stands in a finding's member.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Base64 => "base64",
            Self::Brotli => "br",
            Self::Bzip2 => "bzip2",
            Self::Deflate | Self::HttpDeflate => "deflate",
            Self::Gzip => "gzip",
            Self::Lz4 => "lz4",
            Self::QuotedPrintable => "quoted-printable",
            Self::Snappy | Self::SnappyBlock => "snappy",
            Self::Xz => "xz",
            Self::Zlib => "zlib",
            Self::Zstd => "zstd",
        }
    }

    /// A decoder at the start of a stream.
    pub(crate) fn codec(self, limits: &Limits) -> Box<dyn Codec> {
        match self {
            Self::Base64 => Box::new(transfer::Base64::default()),
            Self::Brotli => Box::new(brotli::Brotli::new()),
            Self::Bzip2 => Box::new(bzip2::Bzip2::new()),
            Self::Deflate => Box::new(deflate::Deflate::new(false)),
            Self::Gzip => Box::new(gzip::Gzip::new()),
            Self::HttpDeflate => Box::new(deflate::Either::default()),
            Self::Lz4 => Box::new(lz4::Lz4::default()),
            Self::QuotedPrintable => Box::new(transfer::QuotedPrintable::default()),
            Self::Snappy => Box::new(snappy::Frames::default()),
            Self::SnappyBlock => Box::new(snappy::Block::default()),
            Self::Xz => Box::new(xz::Xz::new(limits.window_max)),
            Self::Zlib => Box::new(deflate::Deflate::new(true)),
            Self::Zstd => Box::new(zstd::Zstd::new(limits.window_max)),
        }
    }

    /// What begins with `head`, behind a stream of this kind.
    pub(crate) fn next(self, head: &[u8]) -> Next {
        let starts = |magic: &[&[u8]]| {
            if magic.iter().any(|magic| head.starts_with(magic)) {
                Next::Stream
            } else if magic.iter().any(|magic| magic.starts_with(head)) {
                Next::More
            } else {
                Next::Nothing
            }
        };
        match self {
            Self::Base64
            | Self::Brotli
            | Self::Deflate
            | Self::HttpDeflate
            | Self::QuotedPrintable
            | Self::Snappy
            | Self::SnappyBlock
            | Self::Zlib => Next::Nothing,
            Self::Bzip2 => starts(&[b"BZh"]),
            Self::Gzip => starts(&[b"\x1f\x8b\x08"]),
            Self::Lz4 => next_frame(head, &[magic::LZ4, magic::LZ4_LEGACY]),
            Self::Xz => match head.iter().take_while(|byte| **byte == 0).count() {
                0 => starts(&[magic::XZ]),
                padding => Next::Padding(padding),
            },
            Self::Zstd => next_frame(head, &[magic::ZSTD]),
        }
    }
}

/// Frames of zstd and LZ4 begin with four bytes, and both have the same skippable ones.
fn next_frame(head: &[u8], known: &[u32]) -> Next {
    let Some(bytes) = head.first_chunk() else { return Next::More };
    let first = u32::from_le_bytes(*bytes);
    if known.contains(&first) || magic::is_skippable(first) { Next::Stream } else { Next::Nothing }
}

/// A decoder of one stream.
pub(crate) trait Codec: fmt::Debug + Send + Sync {
    /// Takes some of the bytes and gives some out.
    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Result<Turn, Fault>;

    /// Bytes taken in that nothing has been made of; behind the end of the stream: what follows it.
    fn held(&self) -> &[u8] {
        &[]
    }

    /// Bytes of windows and blocks that the decoder has in memory, beyond a few tens of KiB.
    fn weight(&self) -> usize {
        0
    }

    /// How far what was taken in may be ahead of what was given out, when the last turn did not
    /// fill its output.
    fn ahead(&self) -> Ahead;

    /// Whether the input may end here.
    fn may_end(&self) -> bool {
        false
    }

    /// Gives out what was decoded but kept back for the rest of the stream, which will not come.
    fn flush(&mut self, _output: &mut [u8]) -> usize {
        0
    }
}

/// What one call came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Turn {
    /// Bytes of the input.
    pub(crate) used: usize,
    /// Bytes of the output.
    pub(crate) made: usize,
    pub(crate) event: Event,
}

/// What a turn says besides.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// The stream is over.
    Ended,
    GoesOn,
    /// The header had these fields of the sender's own.
    Header(Vec<u8>),
    /// The input that was used is no part of the stream, but the sender's own.
    Skipped {
        /// Whether it ends here.
        is_last: bool,
    },
}

impl Turn {
    fn ended(used: usize, made: usize) -> Turn {
        Turn { used, made, event: Event::Ended }
    }

    fn goes_on(used: usize, made: usize) -> Turn {
        Turn { used, made, event: Event::GoesOn }
    }
}

/// Why a stream cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Bytes of the input that went into [`Codec::held`].
    pub(crate) used: usize,
    /// Bytes of the output that were made before.
    pub(crate) made: usize,
    pub(crate) reason: IncompleteReason,
}

impl Fault {
    fn new(used: usize, reason: IncompleteReason) -> Fault {
        Fault { used, made: 0, reason }
    }

    fn damaged(used: usize) -> Fault {
        Fault::new(used, IncompleteReason::Damaged)
    }
}

/// The distance between input and output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ahead {
    /// Bytes at the end of the input that may tell more than what was given out.
    pub(crate) encoded: u64,
    /// Bytes that all of the input before those may decode to beyond what was given out.
    pub(crate) decoded: u64,
}

/// Fills `held` up to `need` bytes and says how many of the input that took.
fn fill(held: &mut Vec<u8>, input: &[u8], need: usize) -> usize {
    let missing = need.saturating_sub(held.len());
    let part = input.get(..missing).unwrap_or(input);
    held.extend_from_slice(part);
    part.len()
}

/// Bytes that were decoded at once, to be given out piece by piece.
#[derive(Debug, Default)]
struct Ready {
    bytes: Vec<u8>,
    given: usize,
}

impl Ready {
    fn weight(&self) -> usize {
        self.bytes.capacity()
    }

    /// Gives out what fits.
    fn give(&mut self, output: &mut [u8]) -> usize {
        let rest = self.bytes.get(self.given..).unwrap_or_default();
        let made = rest.len().min(output.len());
        if let (Some(to), Some(from)) = (output.get_mut(..made), rest.get(..made)) {
            to.copy_from_slice(from);
        }
        self.given += made;
        made
    }

    /// Room for `len` bytes, to be filled and then cut to what was made.
    fn room(&mut self, len: usize) -> &mut Vec<u8> {
        self.given = 0;
        self.bytes.resize(len, 0);
        &mut self.bytes
    }
}
