//! The first tier: one pass that finds where a detector could begin. A sweep over classes of bytes,
//! 64 at a time (AVX-512 or AVX2 where the processor has it, else a portable form), passes on
//! candidates; each is then looked at byte by byte. Invariant: whether an anchor stands at an offset
//! depends only on the bytes near it and on its block and the one before, which lie at fixed offsets
//! of the leaf; every form of the sweep passes on the same.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod kernel;
mod letters;
mod lists;
mod loops;
mod masks;
mod names;
mod padding;
mod places;
mod survey;
mod sweep;
mod swept;
mod tally;

pub(crate) use kernel::is_text;
pub(crate) use letters::{encoded_letters, is_letter, is_standard, letters_start};
pub(crate) use loops::{Window, decode_hex, distinct};
pub(crate) use names::segment_marks;
pub(crate) use padding::PADDED_MIN;
pub(crate) use places::Places;
pub(crate) use survey::{SURVEYED, Survey};
pub(crate) use sweep::{Area, sweep, sweep_apart};
pub(crate) use swept::Swept;
pub(crate) use tally::{Census, census, kinds, near_zero};

/// Printable bytes in a row that an anchor stands among: in binary data shorter runs are chance. The
/// ends of a leaf count as printable.
pub(crate) const RUN_MIN: usize = 6;
/// The same in a block of hardly any text, where runs of [`RUN_MIN`] are chance as well: five of six
/// anchors in random bytes, and in the elements of tensors.
const RUN_MIN_BINARY: usize = 8;
/// Bytes that are printable or zero, of a block and the one before together, below which there is
/// hardly any text. Of random bytes, and of tensors, less than half are so.
const PLAIN_MIN: u32 = 80;

/// What a candidate grows from. At most one stands at an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    /// An `@` between letters or digits.
    At,
    /// The capital that begins a word behind another word, number, comma or full stop and one
    /// blank: the second word of a name, of a street, of a city.
    Caps,
    /// A `:` or `=` behind a letter or a quote: the end of a label.
    Colon,
    /// The first digit of a run of at least two, behind anything but a letter or digit; not the
    /// decimals of a number.
    Digits,
    /// The second dot of digits between dots: `1.2.`: IP addresses, object identifiers.
    Dots,
    /// Where digits meet letters for the first time in a token of at most `TOKEN_MAX` letters and
    /// digits, and at least `TOKEN_MIN`: `MR448172`, `1EG4`.
    Mixed,
    /// The second separator of `hh:hh:` or `hh-hh-` (hexadecimal), or of `::` behind or before
    /// hexadecimal digits: MAC and IPv6 addresses.
    Pairs,
    /// The colon of `://` behind a letter.
    Scheme,
}

impl Anchor {
    /// Every anchor, each at the place of its discriminant.
    pub(crate) const ALL: &[Anchor] = &[
        Self::At,
        Self::Caps,
        Self::Colon,
        Self::Digits,
        Self::Dots,
        Self::Mixed,
        Self::Pairs,
        Self::Scheme,
    ];
}

/// Letters and digits of the longest token that a [`Anchor::Mixed`] can stand in, up to there.
pub(crate) const TOKEN_MAX: usize = 32;
/// Letters and digits of the shortest.
const TOKEN_MIN: usize = 4;
/// Hexadecimal digits between two separators of [`Anchor::Pairs`].
const GROUP_MAX: usize = 4;
/// Digits between two dots of [`Anchor::Dots`].
const OCTET_MAX: usize = 3;

/// Whether `byte` is one of a text: ASCII without most controls.
pub(crate) fn is_printable(byte: u8) -> bool {
    matches!(byte, b'\t'..=b'\r' | b' '..=0x7f)
}

/// Whether the byte at `at` stands in a run of at least `min` printable ones.
fn is_in_run(bytes: &[u8], at: usize, min: usize) -> bool {
    let is_printable =
        |i: Option<usize>| i.and_then(|i| bytes.get(i)).is_none_or(|byte| is_printable(*byte));
    let back = (1..min).take_while(|&n| is_printable(at.checked_sub(n))).count();
    let ahead = (0..min).take_while(|&n| is_printable(Some(at + n))).count();
    ahead > 0 && back + ahead >= min
}

/// The anchor that stands at `at`, given that it stands in a run of printable bytes.
pub(crate) fn anchor_at(bytes: &[u8], at: usize) -> Option<Anchor> {
    let byte = *bytes.get(at)?;
    match byte {
        b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => word_anchor(bytes, at, byte),
        b'@' => {
            let is_between = before(bytes, at, 1).is_ascii_alphanumeric()
                && after(bytes, at, 1).is_ascii_alphanumeric();
            is_between.then_some(Anchor::At)
        }
        b'.' => is_second(bytes, at, OCTET_MAX, |b| b.is_ascii_digit()).then_some(Anchor::Dots),
        b':' | b'=' | b'-' => separator_anchor(bytes, at, byte),
        _ => None,
    }
}

fn word_anchor(bytes: &[u8], at: usize, byte: u8) -> Option<Anchor> {
    let near = before(bytes, at, 1);
    let far = before(bytes, at, 2);
    if near.is_ascii_alphanumeric() {
        return is_first_mix(bytes, at, byte).then_some(Anchor::Mixed);
    }
    if byte.is_ascii_digit() {
        let is_decimals = near == b'.' && far.is_ascii_digit();
        return (after(bytes, at, 1).is_ascii_digit() && !is_decimals).then_some(Anchor::Digits);
    }
    let is_caps = byte.is_ascii_uppercase()
        && near == b' '
        && (far.is_ascii_alphanumeric() || matches!(far, b',' | b'.'));
    is_caps.then_some(Anchor::Caps)
}

/// Whether letters and digits meet at `at` and nowhere before in the token.
fn is_first_mix(bytes: &[u8], at: usize, byte: u8) -> bool {
    let is_digit = byte.is_ascii_digit();
    (1..=TOKEN_MAX + 1)
        .map(|back| before(bytes, at, back))
        .find(|b| !b.is_ascii_alphanumeric() || b.is_ascii_digit() == is_digit)
        .is_some_and(|b| !b.is_ascii_alphanumeric())
        && before(bytes, at, 1).is_ascii_digit() != is_digit
        && is_long_token(bytes, at)
}

/// Whether the token at `at` has at least [`TOKEN_MIN`] letters and digits: shorter ones are chance
/// in binary data, and nobody's number.
fn is_long_token(bytes: &[u8], at: usize) -> bool {
    let is_part = |b: u8| b.is_ascii_alphanumeric();
    let back = (1..TOKEN_MIN).take_while(|&n| is_part(before(bytes, at, n))).count();
    let ahead = (0..TOKEN_MIN).take_while(|&n| is_part(after(bytes, at, n))).count();
    back + ahead >= TOKEN_MIN
}

fn separator_anchor(bytes: &[u8], at: usize, byte: u8) -> Option<Anchor> {
    let near = before(bytes, at, 1);
    if byte == b':' && near.is_ascii_alphabetic() && after(bytes, at, 1) == b'/' {
        return (after(bytes, at, 2) == b'/').then_some(Anchor::Scheme);
    }
    let is_double = byte == b':' && near == b':' && {
        before(bytes, at, 2).is_ascii_hexdigit() || after(bytes, at, 1).is_ascii_hexdigit()
    };
    if byte != b'=' && (is_double || is_pair(bytes, at, byte)) {
        return Some(Anchor::Pairs);
    }
    let is_label = near.is_ascii_alphabetic() || matches!(near, b'"' | b'\'');
    (byte != b'-' && is_label).then_some(Anchor::Colon)
}

/// Whether `byte` at `at` is the second of its like, with hexadecimal digits between.
fn is_pair(bytes: &[u8], at: usize, byte: u8) -> bool {
    let most = if byte == b':' { GROUP_MAX } else { 2 };
    is_second(bytes, at, most, |b| b.is_ascii_hexdigit())
}

/// Whether the byte at `at` stands before too, with one to `most` bytes of `kind` between, and
/// another one before it.
fn is_second(bytes: &[u8], at: usize, most: usize, kind: fn(u8) -> bool) -> bool {
    let byte = after(bytes, at, 0);
    let len = (1..=most).take_while(|&back| kind(before(bytes, at, back))).count();
    len > 0 && before(bytes, at, len + 1) == byte && kind(before(bytes, at, len + 2))
}

fn before(bytes: &[u8], at: usize, back: usize) -> u8 {
    at.checked_sub(back).and_then(|i| bytes.get(i)).copied().unwrap_or(0)
}

fn after(bytes: &[u8], at: usize, ahead: usize) -> u8 {
    bytes.get(at + ahead).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<(usize, Anchor)> {
        let bytes = text.as_bytes();
        let mut found = Vec::new();
        sweep(Area { bytes, base: 0, from: 0, to: bytes.len(), knows_keys: false }, &mut found);
        let anchor = |at: u32| Some((at as usize, anchor_at(bytes, at as usize)?));
        found.into_iter().filter_map(anchor).collect()
    }

    #[test]
    fn each_anchor_by_an_example() {
        use Anchor::{At, Caps, Colon, Digits, Dots, Mixed, Pairs, Scheme};
        assert_eq!(all("7 12 345 @ a@b 9"), [(2, Digits), (5, Digits), (12, At)]);
        assert_eq!(all("0.1234 -12.5"), [(8, Digits)], "decimals are no anchor");
        assert_eq!(
            all("saw John Smith, Ann 5 Oak"),
            [(4, Caps), (9, Caps), (16, Caps), (22, Caps)]
        );
        assert_eq!(all("MR448172 1EG4TE5 x"), [(2, Mixed), (10, Mixed)]);
        assert_eq!(all("8.8.8.8"), [(3, Dots), (5, Dots)]);
        assert_eq!(all("https://a"), [(5, Scheme)]);
        assert_eq!(all("name: x, \"k\": y, a=b"), [(4, Colon), (12, Colon), (18, Colon)]);
        assert_eq!(all("aa:bb:cc"), [(2, Colon), (5, Pairs)]);
        assert_eq!(all("fe80::1"), [(2, Mixed), (5, Pairs)]);
        let long = format!("{}1", "a".repeat(TOKEN_MAX + 1));
        assert_eq!(all(&long), []);
    }
}
