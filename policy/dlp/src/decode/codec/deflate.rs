//! Deflate (RFC 1951), bare or as zlib (RFC 1950), which checks its own Adler-32.

use flate2::{Decompress, FlushDecompress, Status};

use super::{Ahead, Codec, Event, Fault, Turn, fill};
use crate::scanner::is_plain_text;

/// Bytes that the decoder may have taken in without having decoded them.
const AHEAD: u64 = 32;

/// A deflate stream.
#[derive(Debug)]
pub(super) struct Deflate(Decompress);

impl Deflate {
    pub(super) fn new(is_zlib: bool) -> Deflate {
        Deflate(Decompress::new(is_zlib))
    }
}

impl Codec for Deflate {
    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Result<Turn, Fault> {
        let before = (self.0.total_in(), self.0.total_out());
        let status = self.0.decompress(input, output, FlushDecompress::None);
        let used = usize::try_from(self.0.total_in() - before.0).unwrap_or(usize::MAX);
        let made = usize::try_from(self.0.total_out() - before.1).unwrap_or(usize::MAX);
        let status = status.map_err(|_| Fault { made, ..Fault::damaged(0) })?;
        Ok(match status {
            Status::StreamEnd => Turn::ended(used, made),
            Status::BufError | Status::Ok => Turn::goes_on(used, made),
        })
    }

    fn ahead(&self) -> Ahead {
        Ahead { encoded: AHEAD, decoded: 0 }
    }
}

/// Zlib by its header, else bare.
#[derive(Debug, Default)]
pub(super) struct Either {
    held: Vec<u8>,
    stream: Option<Deflate>,
}

impl Codec for Either {
    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Result<Turn, Fault> {
        let Some(stream) = &mut self.stream else {
            let used = fill(&mut self.held, input, 2);
            let Some(&header) = self.held.first_chunk() else { return Ok(Turn::goes_on(used, 0)) };
            let mut stream = Deflate::new(is_zlib(header));
            // Two bytes are taken in whole, and decode to nothing yet: a bare stream of one has
            // ended before, and gives the other back.
            let turn = stream.decode(&self.held, output).map_err(|_| Fault::damaged(used))?;
            self.held.drain(..turn.used.min(self.held.len()));
            self.stream = Some(stream);
            return Ok(Turn { used, ..turn });
        };
        stream.decode(input, output)
    }

    fn held(&self) -> &[u8] {
        &self.held
    }

    fn ahead(&self) -> Ahead {
        Ahead { encoded: AHEAD, decoded: 0 }
    }
}

/// Method, window and check bits of a zlib header (RFC 1950 section 2.2).
fn is_zlib([method, flags]: [u8; 2]) -> bool {
    method & 0x0f == 8 && method >> 4 <= 7 && u16::from_be_bytes([method, flags]).is_multiple_of(31)
}

/// Whether content is zlib, which has no magic: its header is right, it is no text, and its first
/// bytes decode to something.
pub(crate) fn looks_like_zlib(head: &[u8]) -> bool {
    const PRESET_DICTIONARY: u8 = 0x20;
    let Some(&header) = head.first_chunk() else { return false };
    if !is_zlib(header) || header[1] & PRESET_DICTIONARY != 0 || is_plain_text(head) {
        return false;
    }
    let mut output = [0; 4096];
    let turn = Deflate::new(true).decode(head, &mut output);
    turn.is_ok_and(|turn| turn.made > 0 || turn.event == Event::Ended)
}
