//! Devices: unique device identifiers (21 CFR 801.20; GS1, HIBCC and ICCBBA are FDA's issuing
//! agencies), network interfaces, IMEI, and serial numbers by label.
//!
//! A MAC address without a label is low: logs of machines are full of them.

use super::labelled::{Announced, Value};
use super::shape::{Marks, Shape, Values, runs};
use super::{Detector, Match, Near, View};
use crate::check;
use crate::finding::{Confidence, Identifier};
use crate::gate::Anchor;
use crate::label::{Families, Family};

pub(crate) const UDI: Detector = Detector {
    name: "udi",
    identifiers: &[Identifier::Device],
    anchors: &[Anchor::Digits, Anchor::Mixed],
    shapes: &[
        Shape::written(1 << 2, Marks::OPEN, Marks::ANY),
        Shape::near_label(runs(16, 24), Families::of(&[Family::Device])),
    ],
    values: Values::NONE,
    words: &[],
    may_stand: may_be_udi,
    examine: udi,
};

pub(crate) const MAC: Detector = Detector {
    name: "mac",
    identifiers: &[Identifier::Device],
    anchors: &[Anchor::Digits, Anchor::Mixed, Anchor::Pairs],
    shapes: &[Shape::written(1 << 4, Marks::ANY, Marks::DOT)],
    values: Values::NONE,
    words: &[],
    may_stand: may_be_mac,
    examine: mac,
};

/// Digits of a global trade item number in a UDI.
const GTIN_LEN: usize = 14;
/// Characters of a value behind an application identifier (GS1 General Specifications, section 3).
const ELEMENT_MAX: usize = 20;

/// Whether the brackets of a symbol's text, or the mark that begins a labeller's code, stand before.
fn may_be_udi(near: &Near<'_>) -> bool {
    match (near.anchor, near.run) {
        (Anchor::Digits, 2) => near.byte(0) == b'0' && near.byte(1) == b'1',
        (Anchor::Digits, _) => true,
        _ => {
            let letters = (1..8).take_while(|&back| near.before(back).is_ascii_uppercase()).count();
            letters == 7 || letters > 0 && matches!(near.before(letters + 1), b'+' | b'/')
        }
    }
}

/// Whether the two marks of three groups stand at their places.
fn may_be_mac(near: &Near<'_>) -> bool {
    let is_dotted = |dot| near.byte(dot) == b'.' && near.byte(dot + 5) == b'.';
    let is_grouped = near.anchor == Anchor::Pairs;
    let is_run = near.anchor == Anchor::Digits;
    is_grouped || if is_run { near.byte(9) == b'.' } else { (1..4).any(is_dotted) }
}

fn udi(view: &View<'_>) -> Option<Match> {
    let found = match (view.run, view.before(view.at, 1)) {
        (2, b'(') => gs1(view),
        (16.., _) => gs1_plain(view),
        _ => hibc(view).or_else(|| iccbba(view)),
    };
    let (start, end, confidence) = found?;
    Some(Match { identifier: Identifier::Device, confidence, start, end })
}

/// `(01)00643169001763(17)251231(10)A1(21)SN4471`: a trade item, and which one of its kind.
fn gs1(view: &View<'_>) -> Option<(usize, usize, Confidence)> {
    let start = view.at - 1;
    if view.part(start, start + 4) != b"(01)" || view.digits(start + 4) != GTIN_LEN {
        return None;
    }
    let mut end = start + 4 + GTIN_LEN;
    if !check::gtin(view.part(start + 4, end)) {
        return None;
    }
    let mut confidence = Confidence::Medium;
    while let Some((identifier, next)) = element(view, end) {
        end = next;
        // Lot and serial number tell one device or batch from the others.
        if matches!(identifier, b"10" | b"21") {
            confidence = Confidence::High;
        }
    }
    Some((start, end, confidence))
}

/// An application identifier in brackets and where its value ends.
fn element<'a>(view: &View<'a>, start: usize) -> Option<(&'a [u8], usize)> {
    let len = view.digits(start + 1);
    let close = start + 1 + len;
    if view.byte(start) != b'(' || !(2..=4).contains(&len) || view.byte(close) != b')' {
        return None;
    }
    let rest = view.bytes.get(close + 1..)?;
    let is_value = |b: &&u8| b.is_ascii_alphanumeric() || b"-/._+*".contains(b);
    let value = rest.iter().take(ELEMENT_MAX).take_while(is_value);
    // A full stop at the end is the sentence's.
    let used = value.enumerate().filter(|(_, b)| b.is_ascii_alphanumeric()).last()?.0 + 1;
    Some((view.part(start + 1, close), close + 1 + used))
}

/// The same as it is read from a symbol, behind a label: `010064316900176321SN4471`.
fn gs1_plain(view: &View<'_>) -> Option<(usize, usize, Confidence)> {
    let start = view.at;
    let end = view.token(start).1;
    let is_device = view.part(start, start + 2) == b"01"
        && check::gtin(view.part(start + 2, start + 2 + GTIN_LEN))
        && end - start <= 64
        && view.label(start, 40, 2).is_some_and(|label| label.family == Family::Device);
    (is_device && view.opens(start)).then_some((start, end, Confidence::High))
}

/// `+H123PARTNO1234567890120`: a labeller, a product, a unit and a check character. One in 43 passes
/// by chance, so a label or the secondary data (`/$$`) must speak for it.
fn hibc(view: &View<'_>) -> Option<(usize, usize, Confidence)> {
    let token = view.token(view.at).0;
    let start = token.checked_sub(1).filter(|start| view.byte(*start) == b'+')?;
    let rest = view.bytes.get(start..)?;
    let is_part = |b: &&u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b"+-./$%*".contains(b);
    let len = rest.iter().take(64).take_while(is_part).count();
    let text = rest.get(..len).map(|text| text.strip_suffix(b".").unwrap_or(text))?;
    let body = text.strip_suffix(b"*").unwrap_or(text);
    let is_primary = text.get(1).is_some_and(u8::is_ascii_uppercase) && body.len() >= 8;
    let before = view.before(start, 1);
    if !is_primary || before.is_ascii_alphanumeric() || matches!(before, b'+' | b'/' | b'=') {
        return None;
    }
    let is_labelled = view.label(start, 40, 2).is_some_and(|l| l.family == Family::Device);
    let has_more = body.windows(2).any(|pair| pair == b"/$");
    let end = start + text.len();
    let confidence = match (is_labelled, check::hibc(body)) {
        (true, true) => Confidence::High,
        (false, true) if has_more && !view.is_soup(start, end) => Confidence::Medium,
        (false, true) if body.len() >= 10 && !view.is_soup(start, end) => Confidence::Low,
        (true | false, true | false) => return None,
    };
    Some((start, end, confidence))
}

/// `=/A9999XYZ100T0944`: facility, product and division of a device of human origin (ICCBBA ST-011).
fn iccbba(view: &View<'_>) -> Option<(usize, usize, Confidence)> {
    const LEN: usize = 18;
    let start = view.at.checked_sub(3).filter(|start| view.part(*start, start + 2) == b"=/")?;
    let text = view.part(start + 2, start + LEN);
    let is_facility = view.byte(view.at - 1).is_ascii_uppercase() && view.digits(view.at) == 4;
    let is_device = text.len() == LEN - 2
        && text.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        && !view.before(start, 1).is_ascii_alphanumeric();
    if !is_facility || !is_device {
        return None;
    }
    let rest = view.bytes.get(start + LEN..)?;
    let is_more = |b: &&u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b"=,>&".contains(b);
    let end = start + LEN + rest.iter().take(64).take_while(is_more).count();
    Some((start, end, Confidence::High))
}

/// `00:1B:44:11:3A:B7`, `00-1b-44-11-3a-b7`, `001b.4411.3ab7` (IEEE 802 section 8.1).
fn mac(view: &View<'_>) -> Option<Match> {
    let (start, len, group) = match view.anchor {
        Anchor::Pairs => (view.at.checked_sub(5)?, 17, 2),
        Anchor::Digits | Anchor::Mixed => (view.token(view.at).0, 14, 4),
        Anchor::At | Anchor::Caps | Anchor::Colon | Anchor::Dots | Anchor::Scheme => return None,
    };
    let end = start + len;
    let text = view.part(start, end);
    let separator = if group == 4 { b'.' } else { view.byte(view.at) };
    let is_shape = text.len() == len
        && text.iter().enumerate().all(|(i, b)| {
            if i % (group + 1) == group { *b == separator } else { b.is_ascii_hexdigit() }
        });
    let ends = |b: u8| !b.is_ascii_alphanumeric() && b != separator && b != b'_';
    if !is_shape
        || !ends(view.before(start, 1))
        || !ends_free(view, end, separator)
        || !view.closes(end)
    {
        return None;
    }
    let is_device = view.mentions(start, 28, &["device"]);
    let is_labelled = is_device
        || view.label(start, 32, 2).is_some_and(|label| label.family == Family::Mac)
        || view.mentions(start, 28, &["mac", "adapter", "interface"]);
    let confidence = match group {
        // Neither nobody's nor everybody's.
        _ if is_same(text) => return None,
        _ if is_example(text) => Confidence::Low,
        _ if !is_device && is_virtual(view, (start, end)) => Confidence::Low,
        _ if is_labelled => Confidence::Medium,
        2 => Confidence::Low,
        _ => return None,
    };
    Some(Match { identifier: Identifier::Device, confidence, start, end })
}

/// Whether the address ends before `end`; a full stop or a dash may follow.
fn ends_free(view: &View<'_>, end: usize, separator: u8) -> bool {
    let (near, far) = (view.byte(end), view.byte(end + 1));
    !near.is_ascii_alphanumeric() && near != b'_' && !(near == separator && far.is_ascii_hexdigit())
}

/// Whether all digits of an address are alike: the null and the broadcast address.
fn is_same(text: &[u8]) -> bool {
    let mut digits = text.iter().filter(|b| b.is_ascii_alphanumeric());
    let first = digits.next();
    digits.all(|digit| first.is_some_and(|first| first.eq_ignore_ascii_case(digit)))
}

/// Whether an address stands in manuals: its octets count up by the same step, it spells a word, it is
/// nearly all zeros, of a group (IEEE 802 section 8.2.2), or of the range for documentation (RFC 7042
/// section 2.1.2).
fn is_example(text: &[u8]) -> bool {
    let Some(octets) = octets(text) else { return false };
    let [first, second, ..] = octets;
    let step = second.wrapping_sub(first);
    let counts = octets.array_windows().all(|[a, b]| b.wrapping_sub(*a) == step);
    let zeros = octets.iter().filter(|octet| **octet == 0).count();
    let is_spelt = octets.windows(4).any(|word| word == [0xde, 0xad, 0xbe, 0xef]);
    counts
        || is_spelt
        || zeros >= 4
        || first & 1 == 1
        || octets.starts_with(&[0x00, 0x00, 0x5e, 0x00, 0x53])
}

/// Whether an address by itself says little: an example, or one that no factory gave.
pub(crate) fn is_weak(text: &[u8]) -> bool {
    is_example(text) || octets(text).is_some_and(|[first, ..]| first & 2 == 2)
}

/// Whether it is a virtual machine's: of the range of a hypervisor's maker, or with the bit of local
/// administration (IEEE 802 section 8.2.2) among words of a network's configuration. A telephone that
/// hides its own address sets that bit too.
fn is_virtual(view: &View<'_>, (start, end): (usize, usize)) -> bool {
    const MAKERS: &[[u8; 3]] = &[
        [0x00, 0x05, 0x69],
        [0x00, 0x0c, 0x29],
        [0x00, 0x15, 0x5d],
        [0x00, 0x16, 0x3e],
        [0x00, 0x1c, 0x14],
        [0x00, 0x1c, 0x42],
        [0x00, 0x50, 0x56],
        [0x08, 0x00, 0x27],
        [0x52, 0x54, 0x00],
    ];
    const NETWORK: &[&str] = &[
        "bond",
        "bridge",
        "cidr",
        "dev",
        "eth",
        "interfacetype",
        "ipaddress",
        "kind",
        "netdev",
        "netmask",
        "networkinterfaceid",
        "qdisc",
        "sourcedestcheck",
        "subnet",
        "subnetid",
        "vlan",
        "vpcid",
    ];
    const NEAR: usize = 160;
    let Some(octets) = octets(view.part(start, end)) else { return false };
    let [first, ..] = octets;
    let is_configured =
        || view.mentions(start, NEAR, NETWORK) || view.mentions(end + NEAR, NEAR, NETWORK);
    MAKERS.iter().any(|maker| octets.starts_with(maker)) || first & 2 == 2 && is_configured()
}

/// The six octets of an address.
fn octets(text: &[u8]) -> Option<[u8; 6]> {
    let digits = text.iter().filter_map(|b| char::from(*b).to_digit(16));
    let mut address = 0u64;
    for digit in digits {
        address = address << 4 | u64::from(digit);
    }
    let [0, 0, octets @ ..] = address.to_be_bytes() else { return None };
    Some(octets)
}

/// How sure a value is behind a label of a device.
pub(crate) fn weigh(family: Family, value: &Value<'_>) -> Option<Confidence> {
    if family == Family::Imei {
        // 3GPP TS 23.003 section 6.2: 15 digits with a Luhn check, 14 hexadecimal for a MEID.
        let is_imei = value.digits == 15 && value.letters == 0 && check::luhn(value.text);
        let is_meid = value.len() == 14 && value.text.iter().all(u8::is_ascii_hexdigit);
        return (is_imei || is_meid).then_some(Confidence::High);
    }
    let is_number = (5..=24).contains(&value.len()) && value.digits >= 3 && value.letters <= 12;
    match value.announced {
        _ if !is_number => None,
        // Names of parts and drivers are written small; certificates have long serials of digits.
        _ if value.has_lower() || value.letters == 0 && value.digits > 14 => Some(Confidence::Low),
        Announced::Number => (value.digits >= 4).then_some(Confidence::Medium),
        // A serial of digits alone counts anything: zones, certificates, blocks.
        Announced::Mark | Announced::Bare if value.letters > 0 && value.digits >= 4 => {
            Some(Confidence::Medium)
        }
        Announced::Mark | Announced::Bare => (value.digits >= 6).then_some(Confidence::Low),
    }
}
