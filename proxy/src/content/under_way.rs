//! PURE: the number at the end of what a tunnel holds or of a message, and how it might go on. A sender who pauses in
//! the middle of an identifier, once or after each digit, would otherwise have most of it through before
//! it is whole.
//!
//! Only numbers are looked at: an identifier of letters (a name, an address) is found or not by what
//! stands there already.

/// Bytes of printable text before a number, or digits of it, from which on it is one that somebody
/// writes, and not by chance the end of something binary.
const TEXT_BEFORE_MIN: usize = 12;
const DIGITS_MIN: usize = 5;
/// The longest number that is looked at, with what separates its digits.
const NUMBER_BYTES_MAX: usize = 24;

/// Numbers as they are written, whole. What is under way is compared with their beginnings by shape.
const WHOLE: &[&str] = &[
    "536-22-8941",
    "536 22 8941",
    "536.22.8941",
    "536228",
    "5362289",
    "53622894",
    "536228941",
    "2127365001",
    "212-736-5001",
    "212.736.5001",
    "212 736 5001",
    "(212) 736-5001",
    "(212)736-5001",
    "+1 212 736 5001",
    "+1-212-736-5001",
    "+12127365001",
    "4111 1111 1111 1111",
    "4111-1111-1111-1111",
    "4111111111111111",
];
/// Numbers that say nothing by themselves: where one is refused, what stands before it tells what it
/// is.
pub(super) const BARE: &[&[u8]] = &[b"536228", b"53622894", b"536228941", b"2127365001"];
/// Numbers with this many digits end in a check digit.
const CHECKED_DIGITS: usize = 16;

/// A number at the end of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Number<'a> {
    bytes: &'a [u8],
}

/// One way in which a number might go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rest {
    /// What would follow.
    pub(super) text: Vec<u8>,
    /// At least half of the digits are there already.
    pub(super) is_near: bool,
}

impl<'a> Number<'a> {
    /// The number that `text` ends with, if it ends within one.
    pub(super) fn at_end_of(text: &'a [u8]) -> Option<Self> {
        let is_part = |byte: &u8| byte.is_ascii_digit() || b"-. ()+".contains(byte);
        let length = text.iter().rev().take_while(|byte| is_part(byte)).count();
        let (before, bytes) = text.split_at(text.len() - length);
        // Blanks and dashes before it are the text's own.
        let start = bytes.iter().position(|byte| byte.is_ascii_digit() || b"(+".contains(byte))?;
        let bytes = bytes.get(start..).unwrap_or_default();
        let digits = digits(bytes);
        let is_text = |byte: &&u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
        let text_before = before.iter().rev().take_while(is_text).count() + start;
        let is_written = text_before >= TEXT_BEFORE_MIN || digits >= DIGITS_MIN;
        let is_number = digits > 0 && bytes.len() <= NUMBER_BYTES_MAX;
        (is_number && is_written).then_some(Self { bytes })
    }

    pub(super) fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// How it might go on to be one of the numbers that are looked for.
    pub(super) fn rests(self) -> impl Iterator<Item = Rest> {
        WHOLE.iter().map(|whole| whole.as_bytes()).flat_map(move |whole| {
            let rest = whole.get(self.bytes.len()..).filter(|rest| !rest.is_empty());
            let rest = rest.filter(|_| self.has_shape_of(whole));
            let is_near = digits(self.bytes) * 2 >= digits(whole);
            // Of sixteen digits the last one checks the others, and one of the ten is right.
            let last = if digits(whole) == CHECKED_DIGITS { b'0'..=b'9' } else { b'1'..=b'1' };
            let end = rest.map(|rest| rest.split_at(rest.len() - 1).0);
            end.into_iter().flat_map(move |end| {
                last.clone().map(move |last| Rest { text: [end, &[last]].concat(), is_near })
            })
        })
    }

    fn has_shape_of(self, whole: &[u8]) -> bool {
        self.bytes
            .iter()
            .zip(whole)
            .all(|(have, want)| have == want || have.is_ascii_digit() && want.is_ascii_digit())
    }
}

fn digits(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| byte.is_ascii_digit()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rests(text: &str) -> Vec<(String, bool)> {
        let number = Number::at_end_of(text.as_bytes());
        let rests = number.into_iter().flat_map(Number::rests);
        rests.map(|rest| (String::from_utf8(rest.text).unwrap(), rest.is_near)).collect()
    }

    #[test]
    fn a_number_that_was_begun_goes_on_by_its_shape() {
        let all = rests("the patient's ssn is 219-45-6");
        assert_eq!(all, [("941".to_owned(), true)]);
        let all = rests("the patient's ssn is 2");
        assert!(all.contains(&("36-22-8941".to_owned(), false)), "{all:?}");
        assert!(all.contains(&("36228941".to_owned(), false)));
        let all = rests("card number: 4111 1111 1111 111");
        assert_eq!(all.len(), 10, "each last digit");
    }

    #[test]
    fn what_ends_otherwise_or_is_no_writing_has_no_number() {
        for text in ["", "the ssn is 219-45-6183\n", "the ssn is 219-45-6183\0", "page 3 of it"] {
            assert_eq!(Number::at_end_of(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(Number::at_end_of(b"\x93\xf1\x82\x03\xff\x1212"), None, "by chance");
        assert!(Number::at_end_of(b"\x93\xf1\x82\x03\xff\x12123456").is_some());
        assert!(rests("id: 1234567890123456789012345").is_empty(), "longer than any");
        assert!(rests("the version is 1.2.3").is_empty(), "of another shape");
    }
}
