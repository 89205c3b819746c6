//! A member's local header, and the name by which the member is told.

use super::fields::{WIDE, ZIP64, extra, fingerprint, u16_at, u32_at, u64_at, unusual_extra};
use crate::coverage::Declared;
use crate::scanner::{Place, Reader, Scan};

pub(super) const SIGNATURE: &[u8; 4] = b"PK\x03\x04";
/// Bytes before the name.
const FIXED: usize = 30;
/// Characters of a name that are told; a longer one is told by its place.
const NAME_MAX: usize = 160;

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

    /// Reads name and unusual extra fields as content, and says where the member's own content
    /// stands. A name that holds a finding is told by its place.
    pub(super) fn place(&self, scan: &mut Scan, archive: &Place, number: u64) -> Place {
        let number = format!("#{number}");
        let findings = scan.evidence.tally.total();
        let mut leaf = archive.leaf_inside(&number, Declared::Nothing);
        leaf.field(scan, &self.name);
        leaf.finish(scan);
        let mut leaf = archive.leaf_inside(&number, Declared::Nothing);
        leaf.feed(scan, &self.extra);
        leaf.finish(scan);
        let is_clean = scan.evidence.tally.total() == findings;
        let shown = shown_name(&self.name).filter(|_| is_clean).unwrap_or(number);
        let mut place = archive.inside(&shown);
        place.declared = if is_tensor(&self.name) { Declared::Tensor } else { Declared::Nothing };
        place
    }
}

/// Digits in a row that a told name may have.
const NUMBER_SHOWN_MAX: usize = 4;
/// Digits that a told name may have: fewer than a date.
const DIGITS_SHOWN_MAX: usize = 6;

/// The name as it may be told: nothing of it that could be taken for structure or control a
/// terminal.
fn shown_name(name: &[u8]) -> Option<String> {
    let name = std::str::from_utf8(name).ok().filter(|name| !name.is_empty())?;
    // Names of patients' files are often dates, numbers or addresses that no label tells from others.
    let is_plain = |c: char| !c.is_control() && c != '!' && c != '@';
    let is_short = name.chars().count() <= NAME_MAX;
    let longest = name.split(|c: char| !c.is_ascii_digit()).map(str::len).max().unwrap_or(0);
    let digits = name.bytes().filter(u8::is_ascii_digit).count();
    let tells_no_number = longest <= NUMBER_SHOWN_MAX && digits <= DIGITS_SHOWN_MAX;
    (is_short && tells_no_number && name.chars().all(is_plain)).then(|| name.to_owned())
}

/// Whether PyTorch gives such names to tensors: `archive/data/0`, `archive/constants/12`.
fn is_tensor(name: &[u8]) -> bool {
    let mut parts = name.rsplit(|b| *b == b'/');
    let is_number = parts.next().is_some_and(|n| !n.is_empty() && n.iter().all(u8::is_ascii_digit));
    is_number && matches!(parts.next(), Some(b"data" | b"constants" | b"tensors"))
}
