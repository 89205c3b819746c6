//! What the quickstart's workload sends: gradients, a PyTorch-like checkpoint, a safetensors
//! file. All made here; the one patient in it does not exist.

use std::io::{self, Write as _};

use flate2::Compression;
use flate2::write::DeflateEncoder;

/// A small generator of normal deviates; the same seed gives the same bytes.
#[derive(Debug)]
pub(super) struct Noise(u64);

impl Noise {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// `count` little-endian f32 of mean 0 and deviation about `scale`.
    pub(super) fn floats(&mut self, count: usize, scale: f32) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(count * 4);
        for _ in 0..count {
            // Twelve uniforms: the classical approximation of a normal deviate.
            let sum: f32 = (0..12).map(|_| self.uniform()).sum();
            bytes.extend_from_slice(&((sum - 6.0) * scale).to_le_bytes());
        }
        bytes
    }

    fn uniform(&mut self) -> f32 {
        // xorshift64*, Marsaglia and Vigna.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let bits = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 40;
        #[expect(clippy::cast_precision_loss, reason = "24 bits fit f32 exactly")]
        let unit = bits as f32 / 16_777_216.0;
        unit
    }
}

/// A file in an archive.
pub(super) struct Member<'a> {
    pub(super) name: &'a str,
    pub(super) bytes: &'a [u8],
    pub(super) is_deflated: bool,
}

/// What `torch.save` writes: a zip of stored members, the pickle that names the tensors first.
/// `beside` is put into the same archive.
pub(super) fn checkpoint(weights: &[u8], beside: Option<&str>) -> io::Result<Vec<u8>> {
    let pickle = state_dict_pickle(weights.len() / 4);
    let mut members = vec![
        stored("model/data.pkl", &pickle),
        stored("model/byteorder", b"little"),
        stored("model/data/0", weights),
        stored("model/version", b"3\n"),
    ];
    members.extend(beside.map(|text| Member {
        name: "model/extra/worklist.txt",
        bytes: text.as_bytes(),
        is_deflated: true,
    }));
    zip(&members)
}

/// The safetensors layout: a length, a JSON header, the tensors.
pub(super) fn safetensors(weights: &[u8]) -> Vec<u8> {
    let header = format!(
        r#"{{"__metadata__":{{"format":"pt"}},"encoder.weight":{{"dtype":"F32","shape":[{}],"data_offsets":[0,{}]}}}}"#,
        weights.len() / 4,
        weights.len()
    );
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend_from_slice(header.as_bytes());
    file.extend_from_slice(weights);
    file
}

fn stored<'a>(name: &'a str, bytes: &'a [u8]) -> Member<'a> {
    Member { name, bytes, is_deflated: false }
}

/// An ordered dictionary with one float tensor, protocol 2, as `torch.save` pickles it.
fn state_dict_pickle(count: usize) -> Vec<u8> {
    let count = u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes();
    let mut pickle = b"\x80\x02ccollections\nOrderedDict\n)R(".to_vec();
    push_text(&mut pickle, "encoder.weight");
    pickle.extend_from_slice(b"ctorch._utils\n_rebuild_tensor_v2\n((");
    push_text(&mut pickle, "storage");
    pickle.extend_from_slice(b"ctorch\nFloatStorage\n");
    push_text(&mut pickle, "0");
    push_text(&mut pickle, "cpu");
    pickle.push(b'J');
    pickle.extend_from_slice(&count);
    pickle.extend_from_slice(b"tQK\x00J");
    pickle.extend_from_slice(&count);
    pickle.extend_from_slice(b"\x85K\x01\x85\x89ccollections\nOrderedDict\n)RtRu.");
    pickle
}

fn push_text(pickle: &mut Vec<u8>, text: &str) {
    pickle.push(b'X');
    pickle.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
    pickle.extend_from_slice(text.as_bytes());
}

/// APPNOTE 6.3: local headers and members, central directory, end record.
fn zip(members: &[Member<'_>]) -> io::Result<Vec<u8>> {
    let mut archive = Vec::new();
    let mut directory = Vec::new();
    for member in members {
        let (method, packed) = if member.is_deflated {
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(member.bytes)?;
            (8u16, encoder.finish()?)
        } else {
            (0u16, member.bytes.to_vec())
        };
        let offset = size_of_u32(archive.len())?;
        let mut common = Vec::new();
        common.extend_from_slice(&20u16.to_le_bytes());
        common.extend_from_slice(&0u16.to_le_bytes());
        common.extend_from_slice(&method.to_le_bytes());
        // Midnight of 1980-01-01, the format's zero.
        common.extend_from_slice(&[0, 0, 0x21, 0]);
        common.extend_from_slice(&crc32fast::hash(member.bytes).to_le_bytes());
        common.extend_from_slice(&size_of_u32(packed.len())?.to_le_bytes());
        common.extend_from_slice(&size_of_u32(member.bytes.len())?.to_le_bytes());
        common.extend_from_slice(&size_of_u16(member.name.len())?.to_le_bytes());
        common.extend_from_slice(&0u16.to_le_bytes());
        archive.extend_from_slice(b"PK\x03\x04");
        archive.extend_from_slice(&common);
        archive.extend_from_slice(member.name.as_bytes());
        archive.extend_from_slice(&packed);
        directory.extend_from_slice(b"PK\x01\x02\x14\x00");
        directory.extend_from_slice(&common);
        // Comment length, disk, internal and external attributes: all nothing.
        directory.extend_from_slice(&[0; 10]);
        directory.extend_from_slice(&offset.to_le_bytes());
        directory.extend_from_slice(member.name.as_bytes());
    }
    let count = size_of_u16(members.len())?.to_le_bytes();
    let start = size_of_u32(archive.len())?.to_le_bytes();
    let length = size_of_u32(directory.len())?.to_le_bytes();
    archive.extend_from_slice(&directory);
    archive.extend_from_slice(b"PK\x05\x06\x00\x00\x00\x00");
    archive.extend_from_slice(&count);
    archive.extend_from_slice(&count);
    archive.extend_from_slice(&length);
    archive.extend_from_slice(&start);
    archive.extend_from_slice(&0u16.to_le_bytes());
    Ok(archive)
}

fn size_of_u32(size: usize) -> io::Result<u32> {
    u32::try_from(size).map_err(io::Error::other)
}

fn size_of_u16(size: usize) -> io::Result<u16> {
    u16::try_from(size).map_err(io::Error::other)
}
