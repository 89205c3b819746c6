//! Check digits. Pure arithmetic over ASCII digits; a passed check is never confidence by itself,
//! since one number in ten passes by chance.

/// The Luhn check (ISO/IEC 7812-1 annex B) over ASCII digits; other bytes are skipped, fewer than
/// two digits fail.
pub(crate) fn luhn(digits: &[u8]) -> bool {
    let (sum, count) = luhn_sum(digits);
    count >= 2 && sum.is_multiple_of(10)
}

/// The check digit of a National Provider Identifier: Luhn over `80840` and the ten digits, which
/// equals adding 24 (CMS, "Requirements for NPI check digit").
pub(crate) fn npi(digits: &[u8]) -> bool {
    const PREFIX_SUM: u32 = 24;
    let (sum, count) = luhn_sum(digits);
    count == 10 && (sum + PREFIX_SUM).is_multiple_of(10)
}

/// Sum with every second digit from the right doubled, and how many digits there were.
fn luhn_sum(digits: &[u8]) -> (u32, usize) {
    let values = digits.iter().rev().filter(|b| b.is_ascii_digit()).map(|b| u32::from(b - b'0'));
    values.fold((0, 0), |(sum, count), digit| {
        let weighed =
            if count % 2 == 0 { digit } else { digit * 2 - if digit > 4 { 9 } else { 0 } };
        (sum + weighed, count + 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn luhn_accepts_right_check_digits_only() {
        assert!(luhn(b"79927398713"));
        assert!(luhn(b"4539-1488-0343-6467"));
        for last in b"012456789" {
            let mut number = *b"79927398713";
            number[10] = *last;
            assert!(!luhn(&number), "{last}");
        }
        assert!(!luhn(b"0") && !luhn(b""));
    }

    #[test]
    fn npi_is_luhn_behind_80840() {
        assert!(npi(b"1234567893"));
        assert!(luhn(b"808401234567893"));
        assert!(!npi(b"1234567894"));
        assert!(!npi(b"123456789"));
    }
}
