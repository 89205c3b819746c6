//! A member's local header, and the name by which the member is told.

use super::fields::{WIDE, ZIP64, extra, fingerprint, u16_at, u32_at, u64_at, unusual_extra};

pub(super) const SIGNATURE: &[u8; 4] = b"PK\x03\x04";
/// Bytes before the name.
const FIXED: usize = 30;

/// A local header.
#[derive(Debug)]
pub(super) struct Local {
    pub(super) flags: u16,
    pub(super) method: u16,
    pub(super) crc: u32,
    /// Encoded and decoded size, where the header tells them.
    pub(super) sizes: (u64, u64),
    pub(super) name: Vec<u8>,
    /// Contents of unusual extra fields.
    pub(super) extra: Vec<u8>,
}

impl Local {
    /// The header at the start of `bytes`, and its length; nothing where more bytes are needed.
    pub(super) fn parse(bytes: &[u8]) -> Option<(Local, usize)> {
        let name_len = usize::from(u16_at(bytes, 26)?);
        let extra_len = usize::from(u16_at(bytes, 28)?);
        let len = FIXED + name_len + extra_len;
        let (name, fields) = bytes.get(FIXED..len)?.split_at_checked(name_len)?;
        let (encoded, decoded) = (u32_at(bytes, 18)?, u32_at(bytes, 22)?);
        // In a local header the zip64 field holds both sizes, the decoded one first.
        let wide = extra(fields, ZIP64).and_then(|f| u64_at(f, 8).zip(u64_at(f, 0)));
        let sizes = match wide {
            Some(wide) if encoded == WIDE || decoded == WIDE => wide,
            Some(_) | None => (u64::from(encoded), u64::from(decoded)),
        };
        let local = Local {
            flags: u16_at(bytes, 6)?,
            method: u16_at(bytes, 8)?,
            crc: u32_at(bytes, 14)?,
            sizes,
            name: name.to_vec(),
            extra: unusual_extra(fields),
        };
        Some((local, len))
    }

    /// Whether check value and sizes stand behind the data.
    pub(super) fn has_descriptor(&self) -> bool {
        self.flags & 8 != 0
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.flags & (1 | 1 << 6) != 0
    }

    pub(super) fn fingerprint(&self) -> u64 {
        fingerprint(&self.name)
    }
}
