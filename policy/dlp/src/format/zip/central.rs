//! The records behind the members: central directory, its end, zip64 forms; and the comparison with
//! what the local headers told. Pure.

use std::collections::BTreeMap;

use super::fields::{WIDE, ZIP64, extra, fingerprint, u16_at, u32_at, u64_at, unusual_extra};
use crate::evidence::IncompleteReason;

/// What is known of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Where its local header stands.
    pub(super) offset: u64,
    pub(super) name: u64,
    /// Check value, encoded and decoded size, as found; nothing where the data could not be
    /// decoded.
    pub(super) found: Option<(u32, u64, u64)>,
}

/// A kind of record, by its signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Record {
    Header,
    End,
    End64,
    Locator64,
}

impl Record {
    pub(super) fn of(signature: &[u8; 4]) -> Option<Record> {
        match signature {
            b"PK\x01\x02" => Some(Record::Header),
            b"PK\x05\x06" => Some(Record::End),
            b"PK\x06\x06" => Some(Record::End64),
            b"PK\x06\x07" => Some(Record::Locator64),
            _ => None,
        }
    }

    /// The length of the record at the start of `bytes`; nothing where more bytes are needed to
    /// tell.
    pub(super) fn len(self, bytes: &[u8]) -> Option<usize> {
        let field = |at| u16_at(bytes, at).map(usize::from);
        match self {
            Record::Header => Some(46 + field(28)? + field(30)? + field(32)?),
            Record::End => Some(22 + field(20)?),
            // Its data sector is for extensions nobody uses; what is longer reads on as slack.
            Record::End64 => {
                Some(usize::try_from(u64_at(bytes, 4)?).map_or(56, |n| n.clamp(44, 4096) + 12))
            }
            Record::Locator64 => Some(20),
        }
    }
}

/// The members as the local headers told them, less those that the directory has confirmed.
#[derive(Debug, Default)]
pub(super) struct Directory {
    locals: BTreeMap<u64, Entry>,
    headers: u64,
    is_wrong: bool,
    is_ended: bool,
}

impl Directory {
    /// Notes a member. Bounded by the limit on entries.
    pub(super) fn add_local(&mut self, entry: Entry) {
        self.locals.insert(entry.offset, entry);
    }

    /// Takes a whole record, and gives back what of it is to be read as text: comments, unusual
    /// fields, and a name that no local header had.
    pub(super) fn take(&mut self, record: Record, bytes: &[u8]) -> Vec<u8> {
        match record {
            Record::Header => self.header(bytes).unwrap_or_default(),
            Record::End => {
                self.is_ended = true;
                let count = u16_at(bytes, 10);
                self.is_wrong |=
                    count.is_none_or(|n| n != u16::MAX && u64::from(n) != self.headers);
                bytes.get(22..).unwrap_or_default().to_vec()
            }
            Record::End64 => {
                self.is_wrong |= u64_at(bytes, 32) != Some(self.headers);
                bytes.get(56..).unwrap_or_default().to_vec()
            }
            Record::Locator64 => Vec::new(),
        }
    }

    fn header(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        self.headers += 1;
        let name_len = usize::from(u16_at(bytes, 28)?);
        let extra_len = usize::from(u16_at(bytes, 30)?);
        let (name, rest) = bytes.get(46..)?.split_at_checked(name_len)?;
        let (fields, comment) = rest.split_at_checked(extra_len)?;
        // The zip64 field holds only what does not fit, in this order.
        let mut wide = extra(fields, ZIP64).unwrap_or_default().as_chunks::<8>().0.iter();
        let mut value = |at| {
            let value = u32_at(bytes, at)?;
            let wide = if value == WIDE { wide.next() } else { None };
            Some(wide.map_or(u64::from(value), |wide| u64::from_le_bytes(*wide)))
        };
        let (decoded, encoded, offset) = (value(24)?, value(20)?, value(42)?);
        let local = self.locals.remove(&offset);
        let is_same_name = local.is_some_and(|local| local.name == fingerprint(name));
        let told = (u32_at(bytes, 16)?, encoded, decoded);
        let is_same = local.is_some_and(|local| local.found.is_none_or(|found| found == told));
        self.is_wrong |= !is_same_name || !is_same;
        let mut text = if is_same_name { Vec::new() } else { name.to_vec() };
        text.extend(unusual_extra(fields));
        text.extend_from_slice(comment);
        Some(text)
    }

    /// What is wrong with the archive at its end.
    pub(super) fn complaint(&self) -> Option<IncompleteReason> {
        if !self.is_ended {
            Some(IncompleteReason::Truncated)
        } else if self.is_wrong || !self.locals.is_empty() {
            Some(IncompleteReason::Damaged)
        } else {
            None
        }
    }
}
