//! Fields of zip structures: little-endian numbers at fixed offsets, and the extra fields. Pure.

/// The two bytes at `at`.
pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().copied().map(u16::from_le_bytes)
}

/// The four bytes at `at`.
pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_le_bytes)
}

/// The eight bytes at `at`.
pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().copied().map(u64::from_le_bytes)
}

/// A value of four bytes that says "see the zip64 field".
pub(super) const WIDE: u32 = u32::MAX;

/// The extra field with this id.
pub(super) fn extra(fields: &[u8], id: u16) -> Option<&[u8]> {
    Extra(fields).find(|field| field.0 == Some(id)).map(|field| field.1)
}

/// Zip64 sizes and offsets.
pub(super) const ZIP64: u16 = 0x0001;

/// The contents of extra fields other than the usual ones: anything could stand there.
pub(super) fn unusual_extra(fields: &[u8]) -> Vec<u8> {
    /// Zip64, NTFS and Unix times, owners: their contents are numbers, and few.
    const USUAL: [u16; 6] = [ZIP64, 0x000a, 0x5455, 0x5855, 0x7855, 0x7875];
    const USUAL_LEN: usize = 36;
    let unusual = |(id, content): &(Option<u16>, &[u8])| {
        !id.is_some_and(|id| USUAL.contains(&id)) || content.len() > USUAL_LEN
    };
    Extra(fields).filter(unusual).flat_map(|field| field.1.iter().copied()).collect()
}

/// Extra fields as id and content; a broken rest has no id.
struct Extra<'a>(&'a [u8]);

impl<'a> Iterator for Extra<'a> {
    type Item = (Option<u16>, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let header = u16_at(self.0, 0).zip(u16_at(self.0, 2));
        let split = header.and_then(|(id, len)| {
            let (content, rest) = self.0.get(4..)?.split_at_checked(usize::from(len))?;
            Some((id, content, rest))
        });
        let Some((id, content, rest)) = split else {
            return Some((None, std::mem::take(&mut self.0)));
        };
        self.0 = rest;
        Some((Some(id), content))
    }
}

/// A name's fingerprint: enough to see that two headers tell of different files.
pub(super) fn fingerprint(name: &[u8]) -> u64 {
    use std::hash::{DefaultHasher, Hasher};
    let mut hasher = DefaultHasher::new();
    hasher.write(name);
    hasher.finish()
}
