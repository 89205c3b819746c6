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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_binary_and_whole() {
        let table =
            [("1", 1), ("7B", 7), ("64KiB", 65_536), ("8 GiB", 8 << 30), (" 2TiB ", 2 << 40)];
        for (text, want) in table {
            assert_eq!(parse(text), Some(want), "{text}");
        }
        for bad in
            ["", "0", "0GiB", "GiB", "8GB", "8g", "1.5GiB", "-1", "8GiB8", "16777216TiB", "1 0"]
        {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
