//! Files of every form as other programs write them, for tests.

pub(crate) mod archive;
pub(crate) mod arrow;
pub(crate) mod dicom;
pub(crate) mod encode;
pub(crate) mod hdf5;
pub(crate) mod image;
pub(crate) mod model;
pub(crate) mod parquet;
pub(crate) mod pdf;
pub(crate) mod tape;

/// Values as a layer's weights have them.
pub(crate) fn floats(count: u32) -> Vec<u8> {
    (0..count).flat_map(|i| ((i as f32).sin() * 0.02).to_le_bytes()).collect()
}

/// Bytes that no statistics tell from ciphertext.
pub(crate) fn noise(count: usize) -> Vec<u8> {
    image::noise(count)
}

pub(crate) fn deflate(bytes: &[u8], has_header: bool) -> Vec<u8> {
    let mut stream = flate2::Compress::new(flate2::Compression::default(), has_header);
    let mut out = Vec::with_capacity(bytes.len() + 64);
    stream.compress_vec(bytes, &mut out, flate2::FlushCompress::Finish).unwrap();
    out
}
