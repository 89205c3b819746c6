//! How tables that leave some rows empty write numbers. Invariant: a value that is no such number stays as
//! it is.

use crate::label::Family;

/// The value as it is told, without the `.0` of a whole number; nothing where it is empty or has a
/// fraction.
pub(super) fn plain(value: &[u8], family: Family) -> Option<&[u8]> {
    let is_part = |b: &u8| matches!(b, b'+' | b'-' | b'.' | b'e' | b'E' | b'0'..=b'9');
    let is_number = value.first().is_some_and(is_part) && value.last().is_some_and(is_part);
    let dots = || value.iter().filter(|b| **b == b'.').count();
    if !(is_number || value.ends_with(b".0")) || family == Family::Ip || dots() != 1 {
        return Some(value).filter(|value| !value.is_empty());
    }
    let value = value.strip_suffix(b".0").unwrap_or(value);
    let has_fraction = value.contains(&b'.') && value.iter().all(is_part);
    (!has_fraction && !value.is_empty()).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_number_is_told_and_a_fraction_is_none() {
        let plain = |value: &'static str| plain(value.as_bytes(), Family::Mrn);
        assert_eq!(plain("536904399.0"), Some(b"536904399".as_slice()));
        assert_eq!(plain("St. Mary"), Some(b"St. Mary".as_slice()));
        assert_eq!(plain("1.5.0"), Some(b"1.5.0".as_slice()));
        assert_eq!((plain("53690.4399"), plain(""), plain(".0")), (None, None, None));
    }
}
