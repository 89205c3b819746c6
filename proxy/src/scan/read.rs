//! Blocks of a source, read ahead on a second thread so that reading and scanning overlap. At most
//! `BLOCKS` blocks are held, and reused.

use std::io::{self, Read};
use std::sync::mpsc::sync_channel;

/// Bytes of a block: all of them stay in the processor's second cache while they are scanned.
const BLOCK: usize = 256 * 1024;
/// Blocks of a source: one being scanned, one waiting, one being filled.
const BLOCKS: usize = 3;

/// Hands every block of `source` to `take`, and says how many bytes they were. All blocks but the
/// last are full.
///
/// # Errors
/// The source cannot be read to its end.
pub(super) fn blocks(mut source: impl Read + Send, mut take: impl FnMut(&[u8])) -> io::Result<u64> {
    let first = fill(&mut source, Vec::new())?;
    take(&first);
    let mut total = first.len() as u64;
    // Most files are one block: no thread for them.
    if first.len() < BLOCK {
        return Ok(total);
    }
    std::thread::scope(|scope| {
        let (full, filled) = sync_channel::<io::Result<Vec<u8>>>(1);
        let (empty, emptied) = sync_channel::<Vec<u8>>(BLOCKS);
        for block in std::iter::once(first).chain(std::iter::repeat_n(Vec::new(), BLOCKS - 1)) {
            // There is room for all of them.
            let _sent = empty.send(block);
        }
        scope.spawn(move || {
            while let Ok(block) = emptied.recv() {
                let read = fill(&mut source, block);
                let is_last = read.as_ref().map_or(true, |block| block.len() < BLOCK);
                if full.send(read).is_err() || is_last {
                    return;
                }
            }
        });
        while let Ok(read) = filled.recv() {
            let block = read?;
            take(&block);
            total += block.len() as u64;
            // The reader is gone after the last block.
            let _sent = empty.send(block);
        }
        Ok(total)
    })
}

/// Fills a block as far as the source goes.
fn fill(source: &mut impl Read, mut block: Vec<u8>) -> io::Result<Vec<u8>> {
    // Of a block that was full nothing is written twice.
    block.resize(BLOCK, 0);
    let mut len = 0;
    while let Some(room) = block.get_mut(len..).filter(|room| !room.is_empty()) {
        match source.read(room) {
            Ok(0) => break,
            Ok(read) => len += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    block.truncate(len);
    Ok(block)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(source: impl Read + Send) -> io::Result<(u64, Vec<u8>)> {
        let mut seen = Vec::new();
        let total = blocks(source, |block| seen.extend_from_slice(block))?;
        Ok((total, seen))
    }

    #[test]
    fn every_byte_comes_once_and_in_order() {
        for len in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK + 7] {
            let bytes: Vec<u8> = (0..=250).cycle().take(len).collect();
            let (total, seen) = read(bytes.as_slice()).unwrap();
            assert_eq!(total, len as u64);
            assert!(seen == bytes, "{len} bytes");
        }
    }

    #[test]
    fn a_source_that_breaks_is_an_error_not_an_end() {
        struct Broken(usize);
        impl Read for Broken {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                if self.0 == 0 {
                    return Err(io::Error::other("broken"));
                }
                let len = buffer.len().min(self.0);
                self.0 -= len;
                Ok(len)
            }
        }
        assert!(read(Broken(10)).is_err());
        assert!(read(Broken(3 * BLOCK + 10)).is_err());
    }
}
