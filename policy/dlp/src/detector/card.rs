//! Payment cards: issuer prefix and length (ISO/IEC 7812), Luhn, and grouping or a label.
//! Processors' published test numbers are told as low.

use super::shape::{Marks, Shape, Values, runs};
use super::{Detector, Match, Near, View};
use crate::check;
use crate::finding::{Confidence, Identifier};
use crate::gate::Anchor;
use crate::label::Family;

pub(crate) const CARD: Detector = Detector {
    name: "payment-card",
    identifiers: &[Identifier::Account],
    anchors: &[Anchor::Digits],
    shapes: &[
        Shape::written(1 << 4, Marks::ANY, Marks::BLANK.or(Marks::DASH)),
        Shape::written(runs(12, 19), Marks::ANY, Marks::ANY),
    ],
    values: Values::NONE,
    words: &[],
    may_stand,
    examine,
};

/// Most digits of a card number.
const DIGITS_MAX: usize = 19;

/// Whether the second of four groups follows.
fn may_stand(near: &Near<'_>) -> bool {
    near.run != 4 || near.byte(5).is_ascii_digit()
}

fn examine(view: &View<'_>) -> Option<Match> {
    if view.run == 4 { grouped(view) } else { bare(view) }
}

/// `4539 1488 0343 6467`, `4539-1488-0343-6467`, and 4-6-5 or 4-6-4.
fn grouped(view: &View<'_>) -> Option<Match> {
    let start = view.at;
    let separator = view.byte(start + 4);
    if !matches!(separator, b'-' | b' ') || !view.opens(start) {
        return None;
    }
    let end = match view.digits(start + 5) {
        4 if view.digits(start + 10) == 4 && view.digits(start + 15) == 4 => {
            let has_fifth = view.byte(start + 19) == separator && view.digits(start + 20) == 3;
            start + if has_fifth { 23 } else { 19 }
        }
        6 => match view.digits(start + 12) {
            len @ (4 | 5) => start + 12 + len,
            _ => return None,
        },
        _ => return None,
    };
    let text = view.part(start, end);
    let is_even = text.iter().all(|&b| b.is_ascii_digit() || b == separator);
    if !is_even || !view.closes(end) {
        return None;
    }
    let confidence = match separator {
        _ if is_labelled(view, start) => Confidence::High,
        _ if view.is_other_number(start) => Confidence::Low,
        b'-' if view.is_soup(start, end) => return None,
        b'-' => Confidence::High,
        // Columns of four digits look the same.
        _ if view.is_numeric_table(start, end) || view.is_in_row(start, end) => return None,
        _ => Confidence::Medium,
    };
    judged(text, confidence, start, end)
}

/// Digits without separators.
fn bare(view: &View<'_>) -> Option<Match> {
    let (start, end) = (view.at, view.at + view.run);
    if !view.opens(start) || !view.closes(end) {
        return None;
    }
    let confidence = if is_labelled(view, start) {
        Confidence::High
    } else if stands_in_prose(view, start, end) {
        if is_in_column(view, start, end) { Confidence::Low } else { Confidence::Medium }
    } else {
        return None;
    };
    judged(view.part(start, end), confidence, start, end)
}

fn is_labelled(view: &View<'_>, start: usize) -> bool {
    view.label(start, 40, 3).is_some_and(|l| l.family == Family::Card)
}

/// Whether a number stands between words: not a field's value, not in a table or list, not some
/// other number's.
fn stands_in_prose(view: &View<'_>, start: usize, end: usize) -> bool {
    let opens = matches!(view.before(start, 1), 0 | b' ' | b'\n' | b'\t' | b'(');
    let text = view.part(0, start).trim_ascii_end();
    let is_value = text.last().is_some_and(|b| b":=,|{[".contains(b));
    let is_listed = view.byte(end) == b','
        && !view.byte(end + 1).is_ascii_alphabetic()
        && !(view.byte(end + 1) == b' ' && view.byte(end + 2).is_ascii_alphabetic());
    let is_free = opens && !is_value && !is_listed;
    is_free && !view.is_numeric_table(start, end) && !view.is_other_number(start)
}

/// Whether another number as long that is no card's stands before or behind it with blanks between, as
/// in the columns of a table.
fn is_in_column(view: &View<'_>, start: usize, end: usize) -> bool {
    const BLANKS: usize = 4;
    const LEN_MIN: usize = 12;
    let is_blank = |i: usize| matches!(view.byte(i), b' ' | b'\t');
    let is_digit = |i: usize| view.byte(i).is_ascii_digit() || view.byte(i) == b'*';
    let is_other = |from: usize, upto: usize| {
        let number = view.part(from, upto);
        number.len() >= LEN_MIN && (number.contains(&b'*') || !check::luhn(number))
    };
    let before = || {
        let upto = start - (1..=BLANKS).take_while(|back| is_blank(start - back)).count();
        let len =
            (1..=DIGITS_MAX).take_while(|back| upto >= *back && is_digit(upto - back)).count();
        upto < start && is_other(upto - len, upto)
    };
    let behind = || {
        let from = end + (0..BLANKS).take_while(|ahead| is_blank(end + ahead)).count();
        let len = (0..DIGITS_MAX).take_while(|ahead| is_digit(from + ahead)).count();
        from > end && is_other(from, from + len)
    };
    behind() || start > BLANKS && before()
}

fn judged(text: &[u8], confidence: Confidence, start: usize, end: usize) -> Option<Match> {
    let mut digits = [0u8; DIGITS_MAX];
    let mut len = 0;
    for &byte in text.iter().filter(|b| b.is_ascii_digit()) {
        *digits.get_mut(len)? = byte;
        len += 1;
    }
    let digits = digits.get(..len)?;
    if !check::luhn(digits) || digits.iter().all(|b| *b == b'0') {
        return None;
    }
    let confidence = match confidence {
        _ if is_test_number(digits) => Confidence::Low,
        _ if is_issued(digits) => confidence,
        // Ranges change; a label and a right check digit outweigh an unknown one.
        Confidence::High if digits.len() >= 14 => Confidence::Medium,
        Confidence::High | Confidence::Low | Confidence::Medium => return None,
    };
    Some(Match { identifier: Identifier::Account, confidence, start, end })
}

/// Whether an issuer uses this prefix with this length (public issuer ranges of the card schemes).
fn is_issued(digits: &[u8]) -> bool {
    let Some(prefix) = digits.first_chunk::<4>() else { return false };
    let prefix = prefix.iter().fold(0u32, |value, b| value * 10 + u32::from(b - b'0'));
    match digits.len() {
        12 => matches!(prefix, 5018 | 5020 | 5038 | 6304),
        13 => matches!(prefix, 4000..=4999),
        14 => matches!(prefix, 3000..=3059 | 3600..=3699 | 3800..=3999),
        15 => matches!(prefix, 1800 | 2131 | 3400..=3499 | 3700..=3799),
        16 => {
            matches!(prefix, 3000..=3059 | 3600..=3699 | 4000..=4999 | 5100..=5599 | 2221..=2720)
                || is_long_range(prefix)
        }
        17..=18 => is_long_range(prefix),
        19 => matches!(prefix, 4000..=4999) || is_long_range(prefix),
        _ => false,
    }
}

/// Discover, JCB, UnionPay and Maestro issue 16 to 19 digits.
fn is_long_range(prefix: u32) -> bool {
    let is_maestro = matches!(prefix, 5018 | 5020 | 5038 | 6759..=6763);
    is_maestro || matches!(prefix, 3528..=3589 | 6011 | 6200..=6304 | 6440..=6599)
}

/// Numbers that card processors publish for tests.
fn is_test_number(digits: &[u8]) -> bool {
    const ZEROS: usize = 8;
    const PUBLISHED: &[&[u8]] = &[
        b"2223003122003222",
        b"3056930009020004",
        b"30569309025904",
        b"3530111333300000",
        b"3566002020360505",
        b"36227206271667",
        b"371260714673002",
        b"371449635398431",
        b"371544868764018",
        b"378267515471109",
        b"378282246310005",
        b"378734493671000",
        b"38520000023237",
        b"4000056655665556",
        b"4000111111111115",
        b"4009348888881881",
        b"4012888888881881",
        b"4111111111111111",
        b"4222222222222",
        b"4242424242424242",
        b"4500600000000061",
        b"4917610000000000",
        b"4988438843884305",
        b"5105105105105100",
        b"5200828282828210",
        b"5431111111111111",
        b"5454545454545454",
        b"5555555555554444",
        b"6011000990139424",
        b"6011111111111117",
        b"6200000000000005",
        b"6304000000000000",
        b"6555900000604105",
    ];
    // The first accounts of a range are the processors' own.
    let is_first = digits.windows(ZEROS).any(|run| run.iter().all(|b| *b == b'0'));
    is_first
        || PUBLISHED.binary_search(&digits).is_ok()
        || digits.windows(2).all(|pair| pair.first() == pair.last())
}
