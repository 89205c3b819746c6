//! xz: LZMA2 in blocks, with check values and an index. The dictionary is bounded by the limit on
//! windows.

use xz4rust::{XzDecoder, XzError};

use super::{Ahead, Codec, Fault, Turn};
use crate::evidence::IncompleteReason;

/// Bytes that the decoder may have taken in without having decoded them.
const AHEAD: u64 = 128;

/// An xz stream.
#[derive(Debug)]
pub(super) struct Xz(Box<XzDecoder<'static>>);

impl Xz {
    pub(super) fn new(window_max: u64) -> Xz {
        let window_max = usize::try_from(window_max).unwrap_or(usize::MAX);
        Xz(XzDecoder::in_heap_with_alloc_dict_size(0, window_max))
    }
}

impl Codec for Xz {
    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Result<Turn, Fault> {
        match self.0.decode(input, output) {
            Ok(turn) if turn.is_end_of_stream() => {
                Ok(Turn::ended(turn.input_consumed(), turn.output_produced()))
            }
            Ok(turn) => Ok(Turn::goes_on(turn.input_consumed(), turn.output_produced())),
            Err(XzError::NeedsLargerInputBuffer) => Ok(Turn::goes_on(0, 0)),
            Err(error) => Err(Fault::new(0, reason(&error))),
        }
    }

    fn ahead(&self) -> Ahead {
        Ahead { encoded: AHEAD, decoded: 0 }
    }
}

fn reason(error: &XzError) -> IncompleteReason {
    let is_unknown = matches!(
        error,
        XzError::Sha256NotSupported
            | XzError::UnsupportedBcjFilter(_)
            | XzError::UnsupportedBlockHeaderOption
            | XzError::UnsupportedCheckType(_)
            | XzError::UnsupportedStreamHeaderOption
    );
    if matches!(error, XzError::DictionaryTooLarge(_)) {
        IncompleteReason::WindowMax
    } else if is_unknown {
        IncompleteReason::UnknownEncoding
    } else {
        IncompleteReason::Damaged
    }
}
