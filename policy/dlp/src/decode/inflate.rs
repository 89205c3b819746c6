//! Deflate (RFC 1951) as a stream, with the limits on size and ratio, and the map from decoded
//! offsets back to encoded ones that says how much of the input may be released.

use std::collections::VecDeque;

use flate2::{Decompress, FlushDecompress, Status};

use crate::evidence::IncompleteReason;
use crate::scanner::Scan;

/// Bytes decoded at a time.
const BUFFER: usize = 32 * 1024;
/// Output up to here is never called a bomb.
const RATIO_FREE: u64 = 1 << 20;
/// Encoded bytes fed between two marks.
const STRIDE: usize = 8 * 1024;

/// What became of a piece of input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// All of it was used and the stream goes on.
    More,
    /// The stream ended after this many of its bytes.
    Ended(usize),
    /// The stream broke, or a limit was reached, after this many of its bytes.
    Failed(usize, IncompleteReason),
}

/// A deflate stream.
#[derive(Debug)]
pub(crate) struct Inflate {
    stream: Decompress,
    buffer: Vec<u8>,
    /// Check value and size of the output.
    pub(crate) crc: crc32fast::Hasher,
    input: u64,
    pub(crate) output: u64,
    /// Output without runs of one byte: zero-filled tensors are no bombs.
    telling: u64,
}

impl Inflate {
    /// A stream with a zlib wrapper (RFC 1950) or without.
    pub(crate) fn new(has_zlib_header: bool) -> Inflate {
        Inflate {
            stream: Decompress::new(has_zlib_header),
            buffer: vec![0; BUFFER],
            crc: crc32fast::Hasher::new(),
            input: 0,
            output: 0,
            telling: 0,
        }
    }

    /// Decodes the next bytes into `sink`.
    pub(crate) fn feed(
        &mut self,
        scan: &mut Scan,
        bytes: &[u8],
        sink: &mut dyn FnMut(&mut Scan, &[u8]),
    ) -> Progress {
        let mut used = 0;
        loop {
            let rest = bytes.get(used..).unwrap_or_default();
            let before = (self.stream.total_in(), self.stream.total_out());
            let status = self.stream.decompress(rest, &mut self.buffer, FlushDecompress::None);
            let taken = self.stream.total_in() - before.0;
            let made = self.stream.total_out() - before.1;
            used += usize::try_from(taken).unwrap_or(usize::MAX);
            self.input += taken;
            let made = usize::try_from(made).unwrap_or(usize::MAX);
            let decoded = self.buffer.get(..made).unwrap_or_default();
            self.crc.update(decoded);
            self.output += decoded.len() as u64;
            self.telling += telling(decoded);
            sink(scan, decoded);
            if !scan.may_decode(decoded.len()) {
                return Progress::Failed(used, IncompleteReason::DecodedBytesMax);
            }
            if self.telling > RATIO_FREE && self.telling / scan.limits.ratio_max.max(1) > self.input
            {
                return Progress::Failed(used, IncompleteReason::RatioMax);
            }
            match status {
                Err(_) => return Progress::Failed(used, IncompleteReason::Damaged),
                Ok(Status::StreamEnd) => return Progress::Ended(used),
                Ok(Status::Ok | Status::BufError) if taken == 0 && made == 0 => {
                    return Progress::More;
                }
                Ok(Status::Ok | Status::BufError) => {}
            }
        }
    }
}

/// How many of the bytes are not in a long run of one byte.
fn telling(bytes: &[u8]) -> u64 {
    const RUN: usize = 1024;
    let varied = |part: &&[u8]| part.first().is_some_and(|first| part.iter().any(|b| b != first));
    bytes.chunks(RUN).filter(varied).map(|part| part.len() as u64).sum()
}

/// The piece of input after which a mark is set.
pub(crate) fn first_stride(bytes: &[u8]) -> &[u8] {
    bytes.get(..STRIDE).unwrap_or(bytes)
}

/// Which encoded offset belongs to which decoded one.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    marks: VecDeque<(u64, u64)>,
}

impl Marks {
    const MAX: usize = 256;
    /// Bytes that the decoder may have taken in without having decoded them.
    const AHEAD: u64 = 32;

    /// Notes that the first `encoded` bytes give the first `decoded` ones, of which `cleared` are
    /// cleared.
    pub(crate) fn set(&mut self, encoded: u64, decoded: u64, cleared: u64) {
        while self.marks.get(1).is_some_and(|mark| mark.1 <= cleared) {
            self.marks.pop_front();
        }
        if self.marks.len() >= Self::MAX {
            self.marks.pop_back();
        }
        self.marks.push_back((encoded, decoded));
    }

    /// How many encoded bytes give nothing but the first `cleared` decoded ones.
    pub(crate) fn cleared(&self, cleared: u64) -> u64 {
        let mark = self.marks.iter().rev().find(|mark| mark.1 <= cleared);
        mark.map_or(0, |mark| mark.0.saturating_sub(Self::AHEAD))
    }
}
