//! Numbers among numbers: in lists, columns and decimals a number without a label before it is
//! nobody's, and most bytes of numeric text are of this kind. Invariant: what this room passes over
//! no detector would report: a label never reaches beyond another number, and every shape that is
//! written in several groups has other separators.

/// Bytes between two numbers of a list.
const GAP_MAX: usize = 8;

/// Whether the run of `len` digits at `at` is a number of a list, or a decimal one.
pub(crate) fn is_listed(bytes: &[u8], at: usize, len: usize) -> bool {
    let end = at + len;
    match byte(bytes, end) {
        b',' | b';' | b'\t' | b'\n' | b'\r' | b']' => is_behind_number(bytes, at),
        b'.' => is_decimal(bytes, end),
        _ => false,
    }
}

fn byte(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).copied().unwrap_or(0)
}

/// Whether another number stands before `at`, with a separator of lists between, not only blanks.
fn is_behind_number(bytes: &[u8], at: usize) -> bool {
    let before = bytes.get(at.saturating_sub(GAP_MAX)..at).unwrap_or_default();
    let mut is_separated = false;
    for &byte in before.iter().rev() {
        match byte {
            b',' | b';' | b'\t' | b'\n' | b'\r' => is_separated = true,
            b' ' | b'-' => {}
            b'0'..=b'9' => return is_separated,
            _ => return false,
        }
    }
    false
}

/// Whether the dot at `dot` begins decimals, and no further group of a date, an address or a number
/// in groups.
fn is_decimal(bytes: &[u8], dot: usize) -> bool {
    const DECIMALS_MAX: usize = 24;
    let rest = bytes.get(dot + 1..).unwrap_or_default();
    let len = rest.iter().take(DECIMALS_MAX).take_while(|b| b.is_ascii_digit()).count();
    let next = rest.get(len).copied().unwrap_or(0);
    len > 0 && !matches!(next, b'.' | b'-' | b'/' | b':') && !next.is_ascii_alphabetic()
}
