//! Numbers among numbers: in lists, columns and decimals a number without a label before it is
//! nobody's, and most bytes of numeric text are of this kind. Invariant: what this room passes over
//! no detector would report: a label never reaches beyond another number, and every shape that is
//! written in several groups has other separators.

use crate::detector::labelled::is_uuid;
use crate::detector::shape::table;
use crate::detector::{Near, RUN_MAX};
use crate::gate::{self, Anchor};
use crate::word::{all, digits_from, within};

/// Bytes between two numbers of a list.
const GAP_MAX: usize = 8;

/// Where the run of digits ends that begins at `at`, if it is a number of a list, or a decimal one.
pub(crate) fn listed_end(bytes: &[u8], at: usize) -> Option<usize> {
    let before = at.checked_sub(1).map_or(0, |i| byte(bytes, i));
    if !byte(bytes, at).is_ascii_digit() || before.is_ascii_alphanumeric() || before == b'.' {
        return None;
    }
    let len = digits_from(bytes, at, RUN_MAX + 1);
    let is_passed = len <= RUN_MAX && is_listed(bytes, at, len);
    (is_passed && !(len == 4 && is_year(bytes, at))).then_some(at + len)
}

/// Where a number ends that stands right behind the comma of another one, as nearly all of a list are that
/// the sweep has not set apart.
#[inline]
pub(crate) fn cell_end(near: &Near<'_>) -> Option<usize> {
    let is_behind_comma = match near.before(1) {
        b',' => near.before(2).is_ascii_digit(),
        b' ' => near.before(2) == b',' && near.before(3).is_ascii_digit(),
        _ => false,
    };
    if !is_behind_comma || near.anchor != Anchor::Digits || near.run > RUN_MAX {
        return None;
    }
    let (bytes, at) = near.place();
    let is_listed = matches!(near.byte(near.run), b',' | b';' | b'\t' | b'\n' | b'\r' | b']');
    (is_listed && !(near.run == 4 && is_year(bytes, at))).then_some(at + near.run)
}

/// Whether the number at `at` stands behind the day of a month: `Oct 4, 1938`.
fn is_year(bytes: &[u8], at: usize) -> bool {
    let Some(before) = bytes.get(..at).and_then(|b| b.strip_suffix(b", ")) else { return false };
    let digits = before.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let word = before.get(..before.len() - digits).unwrap_or_default();
    let is_word = matches!(word, [.., letter, b' ' | b'.'] if letter.is_ascii_alphabetic() || *letter == b'.');
    (1..=2).contains(&digits) && is_word
}

/// Whether the run of `len` digits at `at` is a number of a list, or a decimal one.
fn is_listed(bytes: &[u8], at: usize, len: usize) -> bool {
    let end = at + len;
    match byte(bytes, end) {
        b',' | b';' | b'\t' | b'\n' | b'\r' | b']' => is_behind_number(bytes, at),
        b'.' => is_decimal(bytes, end) && !super::is_whole(bytes, end),
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
            // Or the mask of one.
            b'0'..=b'9' | b'*' => return is_separated,
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

/// How a moment is written, eight bytes at a time: which of them are digits, letters and marks.
struct Form<const N: usize> {
    parts: [Part; 3],
    len: usize,
}

#[derive(Clone, Copy)]
struct Part {
    digits: u64,
    letters: u64,
    /// The marks, and all bits of their places.
    marks: u64,
    marked: u64,
}

/// `9` is any digit, `a` any letter, `?` anything.
#[expect(clippy::indexing_slicing, reason = "evaluated when compiled")]
const fn form<const N: usize>(text: &[u8; N]) -> Form<N> {
    let mut parts = [Part { digits: 0, letters: 0, marks: 0, marked: 0 }; 3];
    let mut at = 0;
    while at < N {
        let (part, place) = (&mut parts[at / 8], 8 * (at % 8));
        match text[at] {
            b'9' => part.digits |= 0x80 << place,
            b'a' => part.letters |= 0x80 << place,
            b'?' => {}
            mark => {
                part.marks |= (mark as u64) << place;
                part.marked |= 0xff << place;
            }
        }
        at += 1;
    }
    Form { parts, len: N }
}

impl<const N: usize> Form<N> {
    /// Whether `bytes` begin so.
    fn fits(&self, bytes: &[u8]) -> bool {
        let Some(text) = bytes.first_chunk::<N>() else { return false };
        let mut whole = [0; 24];
        whole.iter_mut().zip(text).for_each(|(to, from)| *to = *from);
        whole.as_chunks().0.iter().zip(&self.parts).all(|(eight, part)| {
            let eight = u64::from_le_bytes(*eight);
            let (digits, letters) =
                (within(eight, b'0', b'9'), within(eight | all(0x20), b'a', b'z'));
            let missing = part.digits & !digits | part.letters & !letters;
            missing | (eight & part.marked ^ part.marks) == 0
        })
    }
}

/// Where the date and time end that begin with the run of `len` digits at `at`: `2024-04-30
/// 12:15:03.123`, `30/Apr/2024:12:15:03`. Nothing else begins within them.
pub(crate) fn timestamp_end(bytes: &[u8], at: usize, len: usize) -> Option<usize> {
    const ISO: Form<19> = form(b"9999-99-99?99:99:99");
    const LOG: Form<20> = form(b"99/aaa/9999:99:99:99");
    let text = bytes.get(at..)?;
    let end = at
        + match len {
            4 if ISO.fits(text) && matches!(byte(text, 10), b'T' | b' ') => ISO.len,
            2 if LOG.fits(text) => LOG.len,
            _ => return None,
        };
    let has_point = matches!(byte(bytes, end), b'.' | b',');
    let fraction = if has_point { digits_from(bytes, end + 1, 9) } else { 0 };
    Some(if fraction > 0 { end + 1 + fraction } else { end })
}

/// Where the moment ends that begins at the anchor and a line of a log, or stands in its brackets: nobody's
/// date, unless the line before ends with a label.
#[inline]
pub(crate) fn leading_end(near: &Near<'_>) -> Option<usize> {
    let is_leading = match near.before(1) {
        b'[' => true,
        b'\n' => near.place().1 > 1 && !matches!(near.before(2), b':' | b'=' | b'|' | b'"'),
        0 => near.place().1 == 0,
        _ => false,
    };
    if !is_leading || near.anchor != Anchor::Digits || !matches!(near.run, 2 | 4) {
        return None;
    }
    let (bytes, at) = near.place();
    timestamp_end(bytes, at, near.run).filter(|_| near.label(0).is_none())
}

/// Where the UUID (RFC 9562) begins and ends that has `at` in its first groups, where `run` digits
/// stand: a code that nobody is
/// known by, unless a label says so.
pub(crate) fn uuid_at(bytes: &[u8], at: usize, run: usize) -> Option<(usize, usize)> {
    const LEN: usize = 36;
    /// Where its dashes stand, and how many digits are before each.
    const GROUPS: [(usize, usize); 4] = [(8, 8), (13, 4), (18, 4), (23, 4)];
    let ahead = bytes.get(at + run..bytes.len().min(at + 9))?;
    let dash = at + run + ahead.iter().position(|b| !b.is_ascii_hexdigit())?;
    let is_other = |b: u8| !b.is_ascii_alphanumeric() && b != b'-';
    let ends = GROUPS.into_iter().filter_map(|(dashed, len)| {
        let start = dash.checked_sub(dashed).filter(|_| dash - at <= len)?;
        is_uuid(bytes.get(start..start + LEN)?).then_some((start, start + LEN))
    });
    let alone = |(start, end): &(usize, usize)| {
        is_other(start.checked_sub(1).map_or(0, |i| byte(bytes, i))) && is_other(byte(bytes, *end))
    };
    (byte(bytes, dash) == b'-').then_some(ends)?.find(alone)
}

/// Whether the anchor could be the first of a timestamp, a UUID or a line of base64, by the bytes
/// beside it: what stands in those is passed over with them.
#[inline]
pub(crate) fn may_begin_code(near: &Near<'_>) -> bool {
    let behind = near.byte(near.run);
    let is_moment = || behind == b'/' && near.run == 2;
    let may_be_encoded = || {
        let ahead = near.behind().first_chunk::<10>();
        is_line_s(near.before(1))
            && ahead.is_none_or(|ahead| ahead.iter().all(|b| is_line_s(*b)))
            && (1..=NEAR)
                .map(|back| near.before(back))
                .take_while(|b| *b != b'\n')
                .all(may_be_plain)
    };
    // What none of them has behind its first digits ends most numbers.
    matches!(near.anchor, Anchor::Digits | Anchor::Mixed)
        && is_line_s(behind)
        && (near.byte(near.hex_len()) == b'-' || is_moment() || may_be_encoded())
}

/// Of the standard alphabet of base64: other numbers are written with dashes.
fn is_plain(byte: u8) -> bool {
    gate::is_letter(byte) & (byte != b'-') & (byte != b'_')
}

/// Whether it is so, or the leaf has none there.
fn may_be_plain(byte: u8) -> bool {
    byte == 0 || is_plain(byte)
}

/// Whether a line of base64, or what stands around it, has such a byte.
#[inline]
fn is_line_s(byte: u8) -> bool {
    LINE_S.get(usize::from(byte)) == Some(&1)
}

const LINE_S: [u8; 256] =
    table(&[(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_\n\r=", 1)], 0);

/// Bytes before an anchor that tell whether its line may be one of base64.
const NEAR: usize = 8;

/// Whether the bytes a few places around could all stand in a line of base64.
#[inline]
fn may_be_encoded(bytes: &[u8], at: usize) -> bool {
    let near = [at.wrapping_sub(1), at + 3, at + 6, at + 9];
    near.iter().all(|&at| bytes.get(at).is_none_or(|b| is_line_s(*b)))
}

/// Where the line ends that has `at`, if it is one of several of base64 (RFC 2045 section 6.8,
/// RFC 7468), which are read decoded.
pub(crate) fn encoded_end(bytes: &[u8], at: usize) -> Option<usize> {
    const LINE: std::ops::RangeInclusive<usize> = 60..=128;
    // Most anchors leave here: a blank or a mark stands near.
    if !may_be_encoded(bytes, at) {
        return None;
    }
    let (before, behind) = bytes.split_at_checked(at)?;
    // A line of text has a blank or a mark near.
    let line = before.iter().rev().take(NEAR).take_while(|b| **b != b'\n');
    if !line.copied().all(is_plain) {
        return None;
    }
    let end = at + memchr::memchr(b'\n', behind.get(..=*LINE.end() + 1).unwrap_or(behind))?;
    let start = memchr::memrchr(b'\n', before).map_or(0, |feed| feed + 1);
    let len = end - start;
    if !LINE.contains(&len) {
        return None;
    }
    let letters = |start: usize| {
        let line = bytes.get(start..start + len)?;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        gate::is_standard(line).then_some(line.len())
    };
    // Base64 has a slash or a plus among 32 letters; a path has more.
    let line = bytes.get(start..end)?;
    let marks = line.iter().filter(|b| matches!(b, b'/' | b'+')).count();
    let is_whole =
        letters(start).is_some_and(|len| len.is_multiple_of(4)) && marks * 10 <= line.len();
    let is_fed = |at: usize| bytes.get(at) == Some(&b'\n');
    let above = || start.checked_sub(len + 1).is_some_and(|above| letters(above).is_some());
    let below = || is_fed(end + 1 + len) && letters(end + 1).is_some();
    (is_whole && (above() || below())).then_some(end)
}
