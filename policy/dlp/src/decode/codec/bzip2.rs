//! bzip2: blocks of up to 900 kB that are decoded whole, each with its own check value.

use std::fmt;

use bzip2::{Decompress, Status};

use super::{Ahead, Codec, Fault, Turn};

/// What a block of the largest size, and what it is sorted by, take.
const BLOCK_BYTES: usize = 4 << 20;

/// A bzip2 stream.
pub(super) struct Bzip2 {
    stream: Decompress,
    /// Input up to here is decoded and given out.
    settled: u64,
}

impl Bzip2 {
    pub(super) fn new() -> Bzip2 {
        Bzip2 { stream: Decompress::new(false), settled: 0 }
    }
}

impl fmt::Debug for Bzip2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bzip2").field("settled", &self.settled).finish_non_exhaustive()
    }
}

impl Codec for Bzip2 {
    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Result<Turn, Fault> {
        let before = (self.stream.total_in(), self.stream.total_out());
        let status = self.stream.decompress(input, output);
        let used = usize::try_from(self.stream.total_in() - before.0).unwrap_or(usize::MAX);
        let made = usize::try_from(self.stream.total_out() - before.1).unwrap_or(usize::MAX);
        let status = status.map_err(|_| Fault { made, ..Fault::damaged(0) })?;
        // A block is given out before the next one is taken in: where output is left over, all of
        // the blocks that had begun before this turn have been given out.
        if made > 0 && made < output.len() {
            self.settled = before.0;
        }
        match status {
            Status::StreamEnd => Ok(Turn::ended(used, made)),
            Status::MemNeeded => Err(Fault::damaged(0)),
            Status::FinishOk | Status::FlushOk | Status::Ok | Status::RunOk => {
                Ok(Turn::goes_on(used, made))
            }
        }
    }

    fn weight(&self) -> usize {
        BLOCK_BYTES
    }

    fn ahead(&self) -> Ahead {
        Ahead { encoded: self.stream.total_in() - self.settled, decoded: 0 }
    }
}
