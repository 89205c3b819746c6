//! Brotli (RFC 7932), without the large windows that no browser or server reads: at most 16 MiB.

use std::fmt;

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};

use super::{Ahead, Codec, Fault, Turn};

/// Bytes that the decoder may have taken in without having decoded them.
const AHEAD: u64 = 64;

/// What a prefix code may take.
const TREE_BYTES: usize = 4 * 1080;

/// A brotli stream.
pub(super) struct Brotli(Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>);

impl Brotli {
    pub(super) fn new() -> Brotli {
        let alloc = StandardAlloc::default;
        Brotli(Box::new(BrotliState::new_strict(alloc(), alloc(), alloc())))
    }
}

impl fmt::Debug for Brotli {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Brotli").finish_non_exhaustive()
    }
}

impl Codec for Brotli {
    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Result<Turn, Fault> {
        let (mut left, mut used) = (input.len(), 0);
        let (mut room, mut made, mut total) = (output.len(), 0, 0);
        let result = BrotliDecompressStream(
            &mut left,
            &mut used,
            input,
            &mut room,
            &mut made,
            output,
            &mut total,
            &mut self.0,
        );
        match result {
            BrotliResult::ResultFailure => Err(Fault { made, ..Fault::damaged(0) }),
            BrotliResult::ResultSuccess => Ok(Turn::ended(used, made)),
            BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => {
                Ok(Turn::goes_on(used, made))
            }
        }
    }

    fn weight(&self) -> usize {
        let state = &self.0;
        let trees = [
            state.literal_hgroup.num_htrees,
            state.insert_copy_hgroup.num_htrees,
            state.distance_hgroup.num_htrees,
        ];
        let trees: usize = trees.into_iter().map(usize::from).sum();
        usize::try_from(state.ringbuffer_size).unwrap_or(0) + trees * TREE_BYTES
    }

    fn ahead(&self) -> Ahead {
        Ahead { encoded: AHEAD, decoded: 0 }
    }
}
