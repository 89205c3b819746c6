//! HDF5 as far as its bytes go: superblock, filter message, chunks.

use super::{deflate, floats};

pub(crate) const NOTE: &[u8] = b"SSN 219-45-6183\0";

pub(crate) fn superblock() -> Vec<u8> {
    let mut bytes = b"\x89HDF\r\n\x1a\n\0\0\0\0\0\x08\x08\0\x04\0\x10\0".to_vec();
    bytes.resize(96, 0xff);
    bytes
}

/// The filter message of version 2: shuffle with elements of this size, then deflate.
pub(crate) fn filters(size: u8) -> Vec<u8> {
    [&[2, 2, 2, 0, 1, 0, 1, 0, size, 0, 0, 0], [1, 0, 1, 0, 1, 0, 4, 0, 0, 0, 0, 0].as_slice()]
        .concat()
}

pub(crate) fn shuffle(bytes: &[u8], size: usize) -> Vec<u8> {
    (0..size).flat_map(|lane| bytes.iter().skip(lane).step_by(size).copied()).collect()
}

pub(crate) fn file(parts: &[Vec<u8>]) -> Vec<u8> {
    [superblock(), parts.concat(), vec![0; 64]].concat()
}

/// Strings of sixteen bytes, of which one is telling.
pub(crate) fn strings() -> Vec<u8> {
    [b"nothing to see\0\0".repeat(20), NOTE.to_vec()].concat()
}

/// Sound files.
pub(crate) fn samples() -> Vec<Vec<u8>> {
    let shuffled = deflate(&shuffle(&strings(), 16), true);
    vec![file(&[filters(16), NOTE.to_vec(), shuffled, deflate(&floats(500), true)])]
}
