//! HDF5 as far as its bytes go: the superblock, a filter message, strings as they stand, chunks.

pub(crate) use crate::build::hdf5::*;
use crate::support::{clean, deflate, floats, reasons, scan, told};

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
