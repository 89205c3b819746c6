//! HDF5 as far as its bytes go: the superblock, a filter message, strings as they stand, chunks.

use crate::support::{clean, deflate, floats, reasons, scan, told};

const NOTE: &[u8] = b"SSN 219-45-6183\0";

fn superblock() -> Vec<u8> {
    let mut bytes = b"\x89HDF\r\n\x1a\n\0\0\0\0\0\x08\x08\0\x04\0\x10\0".to_vec();
    bytes.resize(96, 0xff);
    bytes
}

/// The filter message of version 2: shuffle with elements of this size, then deflate.
fn filters(size: u8) -> Vec<u8> {
    [&[2, 2, 2, 0, 1, 0, 1, 0, size, 0, 0, 0], [1, 0, 1, 0, 1, 0, 4, 0, 0, 0, 0, 0].as_slice()]
        .concat()
}

fn shuffle(bytes: &[u8], size: usize) -> Vec<u8> {
    (0..size).flat_map(|lane| bytes.iter().skip(lane).step_by(size).copied()).collect()
}

fn file(parts: &[Vec<u8>]) -> Vec<u8> {
    [superblock(), parts.concat(), vec![0; 64]].concat()
}

/// Strings of sixteen bytes, of which one is telling.
fn strings() -> Vec<u8> {
    [b"nothing to see\0\0".repeat(20), NOTE.to_vec()].concat()
}

/// Sound files, for the tests of hostile input.
pub(crate) fn samples() -> Vec<Vec<u8>> {
    let shuffled = deflate(&shuffle(&strings(), 16), true);
    vec![file(&[filters(16), NOTE.to_vec(), shuffled, deflate(&floats(500), true)])]
}

#[test]
fn strings_are_read_as_they_stand_and_in_chunks() {
    assert_eq!(told(&scan(&file(&[NOTE.to_vec()]))), ["ssn high -"]);
    let chunk = deflate(&strings(), true);
    assert_eq!(told(&scan(&file(&[chunk]))), ["ssn high - @chunk"]);
    let shuffled = [filters(16), deflate(&shuffle(&strings(), 16), true)];
    assert_eq!(told(&scan(&file(&shuffled))), ["ssn high - @chunk"]);
}

#[test]
fn numbers_in_chunks_are_numeric() {
    let weights = floats(4096);
    let parts =
        [filters(4), deflate(&shuffle(&weights, 4), true), vec![0; 32], deflate(&weights, true)];
    let (_, numeric) = clean(&file(&parts));
    assert!(numeric >= 2 * 16_384, "{numeric}");
}

#[test]
fn what_merely_begins_like_a_chunk_is_read_as_it_stands() {
    let mut chunk = deflate(&strings(), true);
    let last = chunk.len() - 1;
    chunk[last] ^= 1;
    let evidence = scan(&file(&[chunk, NOTE.to_vec()]));
    assert_eq!(told(&evidence), ["ssn high -"]);
    // Many beginnings, each of a block that goes on to the end.
    let hostile = b"\x78\x01\x00\xff\xff\x00\x00".repeat(4000);
    assert_eq!(reasons(&scan(&file(&[hostile]))), ["ratio-max"]);
}
