//! Sizes as people write them: `64KiB`, `8GiB`.

/// Bytes of a whole number above 0 with an optional B, KiB, MiB, GiB or TiB; `None` for anything
/// else, also for more than 2^64.
pub fn parse(text: &str) -> Option<u64> {
    let written = text.trim();
    let digits = written.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == ' ');
    let unit = match written.get(digits.len()..)?.trim() {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1u64 << 40,
        _ => return None,
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse::<u64>().ok()?.checked_mul(unit).filter(|size| *size > 0)
}
