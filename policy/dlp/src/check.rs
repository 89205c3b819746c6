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

/// The check digit of a GTIN (GS1 General Specifications, section 7.9): weights 3 and 1 from the
/// right, for 8, 12, 13 or 14 digits.
pub(crate) fn gtin(digits: &[u8]) -> bool {
    let values = digits.iter().rev().zip([1u32, 3].iter().cycle());
    let sum: u32 = values.map(|(digit, weight)| value_of(*digit) * weight).sum();
    matches!(digits.len(), 8 | 12..=14)
        && digits.iter().all(u8::is_ascii_digit)
        && sum.is_multiple_of(10)
}

/// The check digit and the prefix of an ABA routing number (ABA routing number policy): weights
/// 3-7-1 over nine digits; 00 to 12, 21 to 32, 61 to 72 or 80 first.
pub(crate) fn aba(digits: &[u8]) -> bool {
    let [first, second, ..] = *digits else { return false };
    let prefix = value_of(first) * 10 + value_of(second);
    let values = digits.iter().zip([3u32, 7, 1].iter().cycle());
    let sum: u32 = values.map(|(digit, weight)| value_of(*digit) * weight).sum();
    digits.len() == 9
        && digits.iter().all(u8::is_ascii_digit)
        && matches!(prefix, 0..=12 | 21..=32 | 61..=72 | 80)
        && sum > 0
        && sum.is_multiple_of(10)
}

/// The check digits of an IBAN without its spaces (ISO 13616, ISO 7064 MOD 97-10): country and check
/// digits moved to the end, letters as 10 to 35, the remainder by 97 is 1.
pub(crate) fn iban(text: &[u8]) -> bool {
    let Some((head, body)) = text.split_at_checked(4) else { return false };
    let rest = body.iter().chain(head).try_fold(0u32, |rest, &byte| match byte {
        b'0'..=b'9' => Some((rest * 10 + value_of(byte)) % 97),
        b'A'..=b'Z' => Some((rest * 100 + u32::from(byte - b'A') + 10) % 97),
        _ => None,
    });
    rest == Some(1)
}

/// The check digit of a vehicle identification number (49 CFR 565.15(c)): 17 places without I, O and
/// Q, letters transliterated, weighed and summed; the ninth is the remainder by 11, X for ten.
pub(crate) fn vin(text: &[u8]) -> bool {
    const WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
    const LETTERS: &[u8; 26] = b"12345678_12345_7_923456789";
    let value = |byte: u8| match byte.to_ascii_uppercase() {
        digit @ b'0'..=b'9' => Some(value_of(digit)),
        letter @ b'A'..=b'Z' => {
            LETTERS.get(usize::from(letter - b'A')).filter(|v| **v != b'_').map(|v| value_of(*v))
        }
        _ => None,
    };
    let sum = text.iter().zip(WEIGHTS).try_fold(0u32, |sum, (&b, w)| Some(sum + value(b)? * w));
    let (Some(sum), 17, Some(check)) = (sum, text.len(), text.get(8)) else { return false };
    match sum % 11 {
        10 => check.eq_ignore_ascii_case(&b'X'),
        rest => check.is_ascii_digit() && value_of(*check) == rest,
    }
}

/// The check digit of a DEA registration (21 CFR 1301.13 numbers; DEA Diversion Control): behind two
/// letters seven digits, the last of them that of the odd places plus twice the even ones.
pub(crate) fn dea(digits: &[u8]) -> bool {
    let [a, b, c, d, e, f, check] = *digits else { return false };
    let odd = value_of(a) + value_of(c) + value_of(e);
    let even = value_of(b) + value_of(d) + value_of(f);
    digits.iter().all(u8::is_ascii_digit) && (odd + 2 * even) % 10 == value_of(check)
}

/// The check character of a HIBC symbol (ANSI/HIBC 2.6, appendix B): the sum by 43 of all before it,
/// in the alphabet of Code 39.
pub(crate) fn hibc(text: &[u8]) -> bool {
    const ALPHABET: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-. $/+%";
    let place = |byte: &u8| ALPHABET.iter().position(|known| known == byte);
    let Some((check, body)) = text.split_last() else { return false };
    let sum = body.iter().try_fold(0, |sum, byte| Some(sum + place(byte)?));
    sum.is_some_and(|sum| place(check) == Some(sum % ALPHABET.len()))
}

/// The value of an ASCII digit; 0 for any other byte.
fn value_of(digit: u8) -> u32 {
    if digit.is_ascii_digit() { u32::from(digit - b'0') } else { 0 }
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

    /// Whether `check` passes for `right` and for none of its copies with one digit changed.
    fn catches_digits(check: fn(&[u8]) -> bool, right: &str) {
        assert!(check(right.as_bytes()), "{right}");
        for (at, digit) in right.bytes().enumerate().filter(|(_, b)| b.is_ascii_digit()) {
            for other in (b'0'..=b'9').filter(|other| *other != digit) {
                let mut wrong = right.as_bytes().to_vec();
                wrong[at] = other;
                assert!(!check(&wrong), "{right} with {} at {at}", char::from(other));
            }
        }
    }

    #[test]
    fn every_scheme_catches_one_wrong_digit() {
        catches_digits(gtin, "00643169001763");
        catches_digits(gtin, "4006381333931");
        catches_digits(aba, "011000015");
        catches_digits(iban, "DE89370400440532013000");
        catches_digits(iban, "GB82WEST12345698765432");
        catches_digits(hibc, "+A123BJC5D6E71G");
        assert!(dea(b"1388568") && !dea(b"1388567") && !dea(b"2388568"));
        assert!(vin(b"1M8GDM9AXKP042788") && vin(b"11111111111111111"));
        assert!(!vin(b"1M8GDM9A1KP042788") && !vin(b"1M8GDM9AXKP04278"));
        assert!(!vin(b"1M8GDM9AXKPO42788"), "no letter O");
    }

    #[test]
    fn lengths_and_prefixes_count_too() {
        assert!(!gtin(b"0") && !gtin(b"") && !gtin(b"000000000"));
        assert!(!aba(b"000000000") && !aba(b"991000015"));
        assert!(!iban(b"") && !iban(b"DE") && !iban(b"de89370400440532013000"));
        assert!(!dea(b"13885681") && !hibc(b""));
    }
}
