//! Archives as other programs write them, for tests.

use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};

/// A zip member and how it is written.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) data: Vec<u8>,
    pub(crate) deflated: bool,
    /// With zero sizes in the local header and a descriptor behind the data, as to a pipe.
    pub(crate) streamed: bool,
}

impl Entry {
    pub(crate) fn stored(name: &str, data: &[u8]) -> Entry {
        Entry { name: name.into(), data: data.into(), deflated: false, streamed: false }
    }

    pub(crate) fn deflated(name: &str, data: &[u8]) -> Entry {
        Entry { deflated: true, ..Entry::stored(name, data) }
    }

    pub(crate) fn streamed(self) -> Entry {
        Entry { streamed: true, ..self }
    }
}

pub(crate) fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn deflate(data: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

/// A zip archive with a central directory and a comment.
pub(crate) fn zip(entries: &[Entry], comment: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut directory = Vec::new();
    for entry in entries {
        let offset = out.len() as u32;
        let data = if entry.deflated { deflate(&entry.data) } else { entry.data.clone() };
        let crc = crc32fast::hash(&entry.data);
        let flags: u16 = if entry.streamed { 8 } else { 0 };
        let method: u16 = if entry.deflated { 8 } else { 0 };
        let told = [crc, data.len() as u32, entry.data.len() as u32];
        let told: Vec<u8> = told.iter().flat_map(|value| value.to_le_bytes()).collect();
        let head = |values: &[u8]| {
            let mut head = Vec::new();
            for field in [20, flags, method, 0, 0x21] {
                head.extend(field.to_le_bytes());
            }
            head.extend(values);
            head.extend((entry.name.len() as u16).to_le_bytes());
            head.extend(0u16.to_le_bytes());
            head
        };
        out.extend(b"PK\x03\x04");
        out.extend(head(if entry.streamed { &[0; 12] } else { &told }));
        out.extend(entry.name.as_bytes());
        out.extend(&data);
        if entry.streamed {
            out.extend(b"PK\x07\x08");
            out.extend(&told);
        }
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(head(&told));
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(entry.name.as_bytes());
    }
    let start = out.len() as u32;
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    let count = (entries.len() as u16).to_le_bytes();
    out.extend(count);
    out.extend(count);
    out.extend((directory.len() as u32).to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend((comment.len() as u16).to_le_bytes());
    out.extend(comment);
    out
}
