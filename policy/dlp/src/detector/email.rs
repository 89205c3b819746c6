//! E-mail addresses: grown both ways from the `@` (RFC 5321 limits: local part 64, domain 253),
//! with a top-level domain that exists. Names that RFC 2606 keeps for documentation are told as
//! low, unless a label stands before.

use super::shape::Values;
use super::{Detector, Match, View};
use crate::finding::{Confidence, Identifier};
use crate::gate::Anchor;
use crate::label::Family;

pub(crate) const EMAIL: Detector = Detector {
    name: "email",
    identifiers: &[Identifier::Email],
    anchors: &[Anchor::At],
    shapes: &[],
    values: Values::NONE,
    words: &[],
    may_stand: super::always,
    examine,
};

const LOCAL_MAX: usize = 64;
const DOMAIN_MAX: usize = 253;
/// Shorter ones occur by chance in a gigabyte of tensors, so they must stand in text.
const CHANCE_LEN: usize = 12;
/// Shorter ones occur by chance in a gigabyte of pixels.
const JUMBLE_LEN: usize = 32;

fn examine(view: &View<'_>) -> Option<Match> {
    let start = local_start(view)?;
    let longest = domain_end(view)?;
    let (end, top_level) = top_level(view, longest)
        .or_else(|| top_level(view, before_next_sentence(view, longest)?))?;
    let local = view.part(start, view.at);
    if end - start < CHANCE_LEN && !stands_in_text(view, start, end) {
        return None;
    }
    if end - start < JUMBLE_LEN && view.is_jumble(start, end) {
        return None;
    }
    let confidence = match top_level {
        TopLevel::Reserved if is_labelled(view, start) => Confidence::Medium,
        TopLevel::Reserved => Confidence::Low,
        // `git@host:path` is an address of a repository.
        TopLevel::Public if local == b"git" => Confidence::Low,
        TopLevel::Public => Confidence::High,
    };
    Some(Match { identifier: Identifier::Email, confidence, start, end })
}

fn is_labelled(view: &View<'_>, start: usize) -> bool {
    view.label(start, 16, 0).is_some_and(|l| l.family == Family::Email)
}

/// Grows backward over the local part: letters, digits and the marks that mailboxes really use.
fn local_start(view: &View<'_>) -> Option<usize> {
    let is_part = |b: u8| b.is_ascii_alphanumeric() || b"._%+-".contains(&b);
    let mut start = view.at;
    while is_part(view.before(start, 1)) {
        start -= 1;
        if view.at - start > LOCAL_MAX {
            return None;
        }
    }
    while start < view.at && !view.byte(start).is_ascii_alphanumeric() {
        start += 1;
    }
    let ends_well =
        view.before(view.at, 1).is_ascii_alphanumeric() || view.before(view.at, 1) == b'_';
    // In `https://user@host` the name is no mailbox.
    let is_open = is_edge(view.before(start, 1)) && view.before(start, 1) != b'@';
    (start < view.at && ends_well && is_open).then_some(start)
}

/// Whether an address may stand beside this byte: in dense printable noise (base 85) it hardly ever
/// does.
fn is_edge(byte: u8) -> bool {
    !byte.is_ascii_alphanumeric() && !b"#$%@`~^*+{_\\".contains(&byte)
}

/// Grows forward over the domain, and back again to its last whole label.
fn domain_end(view: &View<'_>) -> Option<usize> {
    let first = view.at + 1;
    let rest = view.bytes.get(first..)?;
    let len = rest
        .iter()
        .take(DOMAIN_MAX + 1)
        .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'))
        .count();
    if len > DOMAIN_MAX || view.byte(first + len) == b'*' {
        return None;
    }
    let mut end = first + len;
    while matches!(view.before(end, 1), b'.' | b'-') {
        end -= 1;
    }
    (is_edge(view.byte(end)) || view.ends_by_escape(end)).then_some(end)
}

/// Whether the bytes around are printable, as text is and a tensor is not.
fn stands_in_text(view: &View<'_>, start: usize, end: usize) -> bool {
    const NEAR: usize = 8;
    let before = view.part(start.saturating_sub(NEAR), start);
    let behind = view.bytes.get(end..(end + NEAR).min(view.bytes.len())).unwrap_or_default();
    let is_text = |b: &u8| matches!(b, b' '..=b'~' | b'\t' | b'\r' | b'\n');
    before.iter().chain(behind).all(is_text)
}

enum TopLevel {
    Public,
    Reserved,
}

/// Where the domain ends if its last label is the next sentence's first word: `jane@roe.org.Seen`.
fn before_next_sentence(view: &View<'_>, end: usize) -> Option<usize> {
    let domain = view.part(view.at + 1, end);
    let dot = memchr::memrchr(b'.', domain)?;
    let is_word = !domain.get(dot + 1..)?.iter().all(u8::is_ascii_lowercase);
    is_word.then_some(view.at + 1 + dot)
}

/// What top-level domain the domain up to `end` has, where it is one.
fn top_level(view: &View<'_>, end: usize) -> Option<(usize, TopLevel)> {
    let domain = view.part(view.at + 1, end);
    let mut labels = domain.rsplit(|&b| b == b'.');
    let top = labels.next()?;
    let second = labels.next()?;
    if !is_label(top) || !is_label(second) || !labels.all(is_label) {
        return None;
    }
    let mut lower = [0u8; 12];
    let top = {
        let place = lower.get_mut(..top.len())?;
        place.copy_from_slice(top);
        place.make_ascii_lowercase();
        &*place
    };
    if RESERVED.contains(&top)
        || (matches!(top, b"com" | b"net" | b"org") && second.eq_ignore_ascii_case(b"example"))
    {
        return Some((end, TopLevel::Reserved));
    }
    let is_country = top.len() == 2 && COUNTRIES.chunks(2).any(|country| country == top);
    (is_country || GENERIC.contains(&top)).then_some((end, TopLevel::Public))
}

/// Whether a domain label is well formed (RFC 1035) and written as people do: not in mixed case.
fn is_label(label: &[u8]) -> bool {
    let is_even = !label.iter().skip(1).any(u8::is_ascii_uppercase)
        || !label.iter().any(u8::is_ascii_lowercase);
    is_even
        && (1..=63).contains(&label.len())
        && label.first() != Some(&b'-')
        && label.last() != Some(&b'-')
}

/// RFC 2606 and RFC 6761.
const RESERVED: &[&[u8]] = &[b"example", b"invalid", b"localhost", b"test"];

/// Generic top-level domains that mail is really sent to, and those of private networks. A list and
/// not a shape, since `matrix@weight.transpose` has the shape.
const GENERIC: &[&[u8]] = &[
    b"academy",
    b"aero",
    b"app",
    b"arpa",
    b"asia",
    b"biz",
    b"blog",
    b"bank",
    b"care",
    b"cat",
    b"clinic",
    b"cloud",
    b"com",
    b"coop",
    b"corp",
    b"dental",
    b"dev",
    b"digital",
    b"doctor",
    b"edu",
    b"email",
    b"foundation",
    b"global",
    b"gov",
    b"group",
    b"health",
    b"healthcare",
    b"home",
    b"hospital",
    b"info",
    b"institute",
    b"int",
    b"internal",
    b"international",
    b"jobs",
    b"lan",
    b"life",
    b"live",
    b"local",
    b"mail",
    b"med",
    b"medical",
    b"mil",
    b"mobi",
    b"museum",
    b"name",
    b"net",
    b"network",
    b"online",
    b"org",
    b"page",
    b"pharmacy",
    b"pro",
    b"services",
    b"site",
    b"solutions",
    b"store",
    b"surgery",
    b"systems",
    b"tech",
    b"tel",
    b"today",
    b"travel",
    b"university",
    b"website",
    b"world",
    b"xyz",
];

/// ISO 3166-1 and the other two-letter top-level domains of the root zone, two bytes each.
const COUNTRIES: &[u8] = b"acadaeafagaialamaoaqarasatauawaxazbabbbdbebfbgbhbibjbmbnbobrbsbtbwbybzcacccdcfcgchci\
ckclcmcncocrcucvcwcxcyczdedjdkdmdodzeceeegereseteufifjfkfmfofrgagbgdgegfggghgiglgmgngpgqgrgsgtgugwgyhkhmhnhrhthuidie\
iliminioiqirisitjejmjojpkekgkhkikmknkpkrkwkykzlalblclilklrlsltlulvlymamcmdmemgmhmkmlmmmnmompmqmrmsmtmumvmwmxmymznanc\
nenfngninlnonpnrnunzompapepfpgphpkplpmpnprpsptpwpyqarerorsrurwsasbscsdsesgshsisjskslsmsnsosrssstsusvsxsysztctdtftgth\
tjtktltmtntotrtttvtwtzuaugukusuyuzvavcvevgvivnvuwfwsyeytzazmzw";
