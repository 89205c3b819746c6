//! Delta encodings: integers as packed differences, byte arrays behind all their lengths, and byte
//! arrays that share prefixes.

use super::thrift::zigzag;
use crate::coverage::Declared;
use crate::format::column::Column;
use crate::format::whole::count_read;
use crate::scanner::Scan;

/// Values of one page; pages hold some ten thousand.
const VALUES_MAX: u64 = 1 << 22;
/// Bytes of values that share prefixes, all of a page together.
const PREFIXED_MAX: usize = 64 << 20;

/// Integers (`DELTA_BINARY_PACKED`), and how many bytes they took.
pub(super) fn integers(bytes: &[u8]) -> Option<(Vec<i64>, usize)> {
    let mut at = 0;
    let block = varint(bytes, &mut at)?;
    let minis = varint(bytes, &mut at)?;
    let count = varint(bytes, &mut at)?;
    let mut value = zigzag(varint(bytes, &mut at)?);
    if count > VALUES_MAX || minis == 0 || minis > block || block > VALUES_MAX {
        return None;
    }
    let per_mini = usize::try_from(block / minis).ok()?;
    let count = usize::try_from(count).ok()?;
    let mut values = Vec::new();
    if count > 0 {
        values.push(value);
    }
    while values.len() < count {
        let least = zigzag(varint(bytes, &mut at)?);
        let widths = bytes.get(at..at.checked_add(usize::try_from(minis).ok()?)?)?;
        at += widths.len();
        for width in widths {
            if values.len() >= count {
                break;
            }
            let len = per_mini.checked_mul(usize::from(*width))?.div_ceil(8);
            let packed = bytes.get(at..at.checked_add(len)?)?;
            at += len;
            for i in 0..per_mini.min(count - values.len()) {
                let delta = bits(packed, i * usize::from(*width), *width)?;
                value = value.wrapping_add(least).wrapping_add(delta.cast_signed());
                values.push(value);
            }
        }
    }
    Some((values, at))
}

fn varint(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.get(*at)?;
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// `width` bits from bit `from` on, the least significant first.
fn bits(bytes: &[u8], from: usize, width: u8) -> Option<u64> {
    if width > 64 {
        return None;
    }
    let mut value = 0u128;
    let first = from / 8;
    for (i, byte) in bytes.iter().skip(first).take(9).enumerate() {
        value |= u128::from(*byte) << (8 * i);
    }
    let mask = if width == 64 { u64::MAX } else { (1 << width) - 1 };
    #[expect(clippy::cast_possible_truncation, reason = "masked to the width")]
    Some((value >> (from % 8)) as u64 & mask)
}

/// Byte arrays: lengths first, then all bytes; `is_prefixed` where each shares a told length with
/// the one before. False where they are damaged.
pub(super) fn strings(
    scan: &mut Scan,
    column: &mut Column,
    bytes: &[u8],
    is_prefixed: bool,
) -> bool {
    let mut rest = bytes;
    let mut take = || {
        let (values, used) = integers(rest)?;
        rest = rest.get(used..)?;
        Some(values)
    };
    let prefixes = if is_prefixed { take() } else { Some(Vec::new()) };
    let lengths = take();
    let (Some(prefixes), Some(lengths)) = (prefixes, lengths) else {
        column.numbers(scan, bytes, Declared::Nothing);
        return false;
    };
    count_read(scan, bytes.len() - rest.len());
    let mut value: Vec<u8> = Vec::new();
    let mut total = 0usize;
    for (i, len) in lengths.iter().enumerate() {
        let len = usize::try_from(*len).unwrap_or(usize::MAX);
        let keep = prefixes.get(i).map_or(Some(0), |keep| usize::try_from(*keep).ok());
        let (Some(part), Some(keep)) = (rest.get(..len), keep) else {
            column.numbers(scan, rest, Declared::Nothing);
            return false;
        };
        rest = rest.get(len..).unwrap_or_default();
        total = total.saturating_add(keep).saturating_add(len);
        if keep > value.len() || total > PREFIXED_MAX {
            column.numbers(scan, part, Declared::Nothing);
            column.numbers(scan, rest, Declared::Nothing);
            return false;
        }
        if keep == 0 {
            column.value(scan, part);
        } else {
            // The prefix was counted with the value that it comes from.
            count_read(scan, part.len());
        }
        value.truncate(keep);
        value.extend_from_slice(part);
        if keep > 0 {
            column.again(scan, &value);
        }
    }
    if !rest.is_empty() {
        column.numbers(scan, rest, Declared::Nothing);
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_add_up() {
        // Block 128, 4 minis, 5 values from 1 on, each one more (the specification's example).
        let bytes = [0x80, 0x01, 0x04, 0x05, 0x02, 0x02, 0, 0, 0, 0];
        assert_eq!(integers(&bytes), Some((vec![1, 2, 3, 4, 5], bytes.len())));
    }

    #[test]
    fn bits_are_taken_across_bytes() {
        assert_eq!(bits(&[0b1010_0000, 0b0000_0110], 5, 6), Some(0b11_0101));
        assert_eq!(bits(&[0xff; 9], 3, 64), Some(u64::MAX));
        assert_eq!(integers(&[0xff; 40]), None);
    }
}
