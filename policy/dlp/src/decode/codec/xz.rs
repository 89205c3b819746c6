//! xz: LZMA2 in blocks, with check values and an index. The dictionary is bounded by the limit on
//! windows.

use xz4rust::{XzDecoder, XzError};

use super::{Ahead, Codec, Fault, Turn};
use crate::evidence::IncompleteReason;

/// Bytes that the decoder may have taken in without having decoded them.
const AHEAD: u64 = 128;

/// An xz stream.
#[derive(Debug)]
pub(super) struct Xz {
    decoder: Box<XzDecoder<'static>>,
    window_max: u64,
    /// Bytes of the dictionary, once a block has declared one.
    window: usize,
    /// What came before that: headers.
    head: Vec<u8>,
}

impl Xz {
    pub(super) fn new(window_max: u64) -> Xz {
        Xz { decoder: decoder(0), window_max, window: 0, head: Vec::new() }
    }

    /// Begins anew with a dictionary of the size that a block declares. That is known because a decoder
    /// that may have none has just refused it; what that one took is taken again.
    fn declared(&mut self, window: u64, input: &[u8], output: &mut [u8]) -> Result<Turn, Fault> {
        self.window = usize::try_from(window).unwrap_or(usize::MAX);
        self.decoder = decoder(self.window);
        let mut head = std::mem::take(&mut self.head);
        let before = head.len();
        head.extend_from_slice(input);
        let turn = self.turn(&head, output)?;
        // The header of a block is taken in one turn, and more stands before it than behind.
        let used = turn.used.checked_sub(before).ok_or(Fault::damaged(0))?;
        Ok(Turn { used, ..turn })
    }

    fn turn(&mut self, input: &[u8], output: &mut [u8]) -> Result<Turn, Fault> {
        match self.decoder.decode(input, output) {
            Ok(turn) if turn.is_end_of_stream() => {
                Ok(Turn::ended(turn.input_consumed(), turn.output_produced()))
            }
            Ok(turn) => Ok(Turn::goes_on(turn.input_consumed(), turn.output_produced())),
            Err(XzError::NeedsLargerInputBuffer) => Ok(Turn::goes_on(0, 0)),
            Err(XzError::DictionaryTooLarge(window))
                if self.window == 0 && window <= self.window_max =>
            {
                self.declared(window, input, output)
            }
            Err(error) => Err(Fault::new(0, reason(&error))),
        }
    }
}

/// A decoder that may have a dictionary of so many bytes.
fn decoder(window_max: usize) -> Box<XzDecoder<'static>> {
    XzDecoder::in_heap_with_alloc_dict_size(0, window_max)
}

impl Codec for Xz {
    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Result<Turn, Fault> {
        let turn = self.turn(input, output)?;
        if self.window == 0 {
            self.head.extend_from_slice(input.get(..turn.used).unwrap_or(input));
        }
        Ok(turn)
    }

    fn weight(&self) -> usize {
        self.window
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
