//! Bodies: text, numbers, noise, and the containers around them. All of it deterministic.

use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};

/// Prose of exactly `len` bytes that no detector minds.
pub(crate) fn prose(len: usize) -> Vec<u8> {
    let line = b"the loss went down again and the learning rate was left as it is\n";
    line.iter().copied().cycle().take(len).collect()
}

/// Prose of `len` bytes with `secret` at `at`, between spaces.
pub(crate) fn prose_with(len: usize, secret: &str, at: usize) -> Vec<u8> {
    let mut body = prose(len);
    let secret = format!(" {secret} ");
    body[at..at + secret.len()].copy_from_slice(secret.as_bytes());
    body
}

/// Bytes as even as a cipher's.
pub(crate) fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// `count` little-endian f32 around zero, as weights are.
pub(crate) fn floats(count: usize) -> Vec<u8> {
    let uniform = noise(count * 16);
    let unit = |bytes: &[u8]| f64::from(u32::from_le_bytes(bytes.try_into().unwrap())) / 4.3e9;
    uniform
        .chunks_exact(16)
        .flat_map(|chunk| {
            // The sum of four even numbers is near enough to a bell.
            let sum: f64 = chunk.chunks_exact(4).map(unit).sum();
            #[expect(clippy::cast_possible_truncation, reason = "a weight is an f32")]
            let weight = ((sum - 2.0) * 0.05) as f32;
            weight.to_le_bytes()
        })
        .collect()
}

/// RFC 1952.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A zip of members; those whose name ends in `.txt` are deflated, others stored.
pub(crate) fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in members {
        let is_deflated = name.ends_with(".txt");
        let mut deflater = DeflateEncoder::new(Vec::new(), Compression::default());
        deflater.write_all(content).unwrap();
        let stored = if is_deflated { deflater.finish().unwrap() } else { content.to_vec() };
        let method: u16 = if is_deflated { 8 } else { 0 };
        let mut shared = Vec::new();
        shared.extend_from_slice(&20_u16.to_le_bytes());
        shared.extend_from_slice(&0_u16.to_le_bytes());
        shared.extend_from_slice(&method.to_le_bytes());
        shared.extend_from_slice(&0x5221_0000_u32.to_le_bytes());
        shared.extend_from_slice(&crc32fast::hash(content).to_le_bytes());
        shared.extend_from_slice(&u32::try_from(stored.len()).unwrap().to_le_bytes());
        shared.extend_from_slice(&u32::try_from(content.len()).unwrap().to_le_bytes());
        shared.extend_from_slice(&u16::try_from(name.len()).unwrap().to_le_bytes());
        shared.extend_from_slice(&0_u16.to_le_bytes());
        let offset = u32::try_from(archive.len()).unwrap();
        archive.extend_from_slice(b"PK\x03\x04");
        archive.extend_from_slice(&shared);
        archive.extend_from_slice(name.as_bytes());
        archive.extend_from_slice(&stored);
        directory.extend_from_slice(b"PK\x01\x02\x14\x00");
        directory.extend_from_slice(&shared);
        // Comment length, disk, internal and external attributes: all nothing.
        directory.extend_from_slice(&[0; 10]);
        directory.extend_from_slice(&offset.to_le_bytes());
        directory.extend_from_slice(name.as_bytes());
    }
    let (count, at) =
        (u16::try_from(members.len()).unwrap(), u32::try_from(archive.len()).unwrap());
    let size = u32::try_from(directory.len()).unwrap();
    archive.append(&mut directory);
    archive.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    archive.extend_from_slice(&count.to_le_bytes());
    archive.extend_from_slice(&count.to_le_bytes());
    archive.extend_from_slice(&size.to_le_bytes());
    archive.extend_from_slice(&at.to_le_bytes());
    archive.extend_from_slice(&[0, 0]);
    archive
}

/// A body in HTTP/1.1 chunks of at most `size` bytes.
pub(crate) fn chunked(body: &[u8], size: usize) -> Vec<u8> {
    let mut coded = Vec::new();
    for chunk in body.chunks(size) {
        coded.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        coded.extend_from_slice(chunk);
        coded.extend_from_slice(b"\r\n");
    }
    coded.extend_from_slice(b"0\r\n\r\n");
    coded
}
