//! IP addresses (45 CFR 164.514(b)(2)(i)(O)). Every log is full of them, and nearly all are
//! machines': only a public address that the text gives to a person (`client`, `login from`) is
//! medium. Private and other public ones are low; loopback, link-local, documentation and
//! multicast addresses, version numbers and object identifiers are none.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::shape::Values;
use super::{Detector, Match, Near, View};
use crate::finding::{Confidence, Identifier};
use crate::gate::Anchor;

pub(crate) const IP: Detector = Detector {
    name: "ip",
    identifiers: &[Identifier::Ip],
    anchors: &[Anchor::Dots, Anchor::Pairs],
    shapes: &[],
    values: Values::NONE,
    words: &[],
    may_stand,
    examine,
};

/// Letters of the longest address (RFC 4291, with an embedded IPv4 address).
const LEN_MAX: usize = 45;

/// Whether two more octets follow the second dot.
fn may_stand(near: &Near<'_>) -> bool {
    let third = (1..=3).take_while(|at| near.byte(*at).is_ascii_digit()).count();
    let has_fourth = || near.byte(third + 1) == b'.' && near.byte(third + 2).is_ascii_digit();
    near.anchor != Anchor::Dots || has_fourth()
}

fn examine(view: &View<'_>) -> Option<Match> {
    let (start, end, is_public) =
        if view.anchor == Anchor::Dots { version_4(view)? } else { version_6(view)? };
    if view.is_soup(start, end) {
        return None;
    }
    let is_network = view.byte(end) == b'/' && view.digits(end + 1) > 0;
    let is_example = matches!(view.part(start, end), b"1.2.3.4" | b"5.6.7.8");
    let confidence = if is_public && !is_network && !is_example && is_person_s(view, start) {
        Confidence::Medium
    } else {
        Confidence::Low
    };
    Some(Match { identifier: Identifier::Ip, confidence, start, end })
}

/// Four octets and whether they are public; nothing where they are no host's.
fn version_4(view: &View<'_>) -> Option<(usize, usize, bool)> {
    let second =
        view.at - view.bytes.get(..view.at)?.iter().rev().take_while(|b| **b != b'.').count();
    let start = second.checked_sub(1)?;
    let first = (1..=4).take_while(|&back| view.before(start, back).is_ascii_digit()).count();
    let start = start.checked_sub(first)?;
    let third = view.digits(view.at + 1);
    let fourth = view.at + 2 + third;
    let end = fourth + view.digits(fourth);
    if end - start > 15 || view.byte(fourth - 1) != b'.' || end == fourth {
        return None;
    }
    let near = view.before(start, 1);
    let opens = !near.is_ascii_alphanumeric() && !matches!(near, b'.' | b'_' | b'*');
    let goes_on = matches!(view.byte(end), b'.' | b'-' | b'+' | b'_')
        && (view.byte(end + 1).is_ascii_alphanumeric() || view.byte(end + 1) == b'*');
    if !opens || goes_on || view.byte(end).is_ascii_alphanumeric() || is_version(view, start) {
        return None;
    }
    let text = std::str::from_utf8(view.part(start, end)).ok()?;
    let [a, b, c, _] = text.parse::<Ipv4Addr>().ok()?.octets();
    match (a, b, c) {
        (0 | 127 | 224..=255, ..) | (169, 254, _) => None,
        (192, 0, 2) | (198, 51, 100) | (203, 0, 113) => None,
        (10, ..) | (172, 16..=31, _) | (192, 168, _) | (100, 64..=127, _) | (198, 18 | 19, _) => {
            Some((start, end, false))
        }
        _ => Some((start, end, true)),
    }
}

/// Whether a word before says that the number is a version, a section or an object identifier.
fn is_version(view: &View<'_>, start: usize) -> bool {
    let Some((word, _)) = view.word_before(start, 4) else { return false };
    matches!(
        word.as_bytes(),
        b"v" | b"ver"
            | b"version"
            | b"release"
            | b"rev"
            | b"revision"
            | b"build"
            | b"oid"
            | b"section"
            | b"sec"
            | b"chapter"
            | b"chrome"
            | b"firmware"
            | b"driver"
            | b"driverversion"
            | b"safari"
            | b"edg"
            | b"firefox"
            | b"opera"
            | b"sdk"
            | b"table"
            | b"figure"
            | b"clause"
    )
}

/// An address of the global unicast range 2000::/3, or a local one (fc00::/7).
fn version_6(view: &View<'_>) -> Option<(usize, usize, bool)> {
    let is_part = |b: &&u8| b.is_ascii_hexdigit() || matches!(b, b':' | b'.');
    let before = view.bytes.get(..view.at)?.iter().rev().take(LEN_MAX).take_while(is_part).count();
    let rest = view.bytes.get(view.at..)?;
    let behind = rest.iter().take(LEN_MAX).take_while(is_part).count();
    let start = view.at - before;
    let mut end = view.at + behind;
    while matches!(view.before(end, 1), b'.' | b':') && !view.part(start, end).ends_with(b"::") {
        end -= 1;
    }
    let near = view.before(start, 1);
    let is_alone = !near.is_ascii_alphanumeric() && !matches!(near, b'_' | b'*' | b'-');
    let closes = view.ends_text(end) || matches!(view.byte(end), b'/' | b'%');
    if end - start > LEN_MAX || !is_alone || !closes {
        return None;
    }
    let text = std::str::from_utf8(view.part(start, end)).ok()?;
    let segments = text.parse::<Ipv6Addr>().ok()?.segments();
    let [first, second, ..] = segments;
    match first {
        0x2001 if second == 0xdb8 => None,
        0x2000..=0x3fff => Some((start, end, true)),
        0xfc00..=0xfdff => Some((start, end, false)),
        _ => None,
    }
}

/// Whether the words directly before give the address to a person: `client:`, `login from`,
/// `remote_addr=`, `patient IP address`.
fn is_person_s(view: &View<'_>, start: usize) -> bool {
    const WORDS_MAX: usize = 5;
    let mut upto = start;
    for _ in 0..WORDS_MAX {
        let Some((word, begin)) = view.word_before(upto, 6) else { return false };
        match word.as_bytes() {
            b"client" | b"clientip" | b"caller" | b"login" | b"logins" | b"logged" | b"member"
            | b"patient" | b"remote" | b"remoteip" | b"subject" | b"user" | b"userip"
            | b"visitor" | b"his" | b"her" => {
                return true;
            }
            b"address" | b"addr" | b"at" | b"forwarded" | b"from" | b"host" | b"in" | b"ip"
            | b"ips" | b"ipv" | b"is" | b"s" | b"the" | b"was" | b"with" => upto = begin,
            _ => return false,
        }
    }
    false
}
