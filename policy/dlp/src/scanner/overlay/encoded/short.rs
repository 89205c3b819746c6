//! Short runs: words, hashes and identifiers mostly, which decode to no text. Decoded in place and
//! given up as soon as that is plain; only what is text or a container is read.

use super::decode::{Beyond, Spelling, base32_within, decode_short, group, is_glue};
use super::{Around, GLUED_MAX, GLUED_MIN, RUN_MIN, place, spelling};
use crate::coverage::Declared;
use crate::detector::labelled::is_uuid;
use crate::format::dialect::dialect;
use crate::format::sniff::{self, Kind};
use crate::gate::{self, Area, is_printable};
use crate::scanner::overlay::wide::NUL_MIN;
use crate::scanner::{Leaf, Node, Reader, Scan};

/// One of so many bytes of a text may be other than printable.
const OTHER_PART: usize = 8;
/// Letters decoded at a time to see whether they are text: whole groups.
const PIECE: usize = 8;

/// Whether a run is the decimals of a number, or the most usual of all codes.
pub(super) fn is_code(letters: &[u8]) -> bool {
    is_uuid(letters) || letters.iter().all(u8::is_ascii_digit)
}

/// Reads a short run that begins at `start`; whether there was anything to read, which depends on its
/// letters alone. Bytes that are no container are not counted: keys and
/// hashes look like noise.
pub(super) fn read(
    scan: &mut Scan,
    around: &Around,
    start: u64,
    letters: &[u8],
    room: &mut Vec<u8>,
) -> bool {
    let (spelling, mark) = spelling(letters);
    let letters = letters.get(mark..).unwrap_or_default();
    let within = if spelling == Spelling::Base64 { base32_within(letters) } else { None };
    let (spelling, letters) = within.map_or((spelling, letters), |text| (Spelling::Base32, text));
    let beyond = if spelling == Spelling::Base64 { Beyond::of(letters) } else { None };
    decode_short(spelling, letters, room);
    let is_likely = beyond.is_none_or(|beyond| beyond.may_spell()) && is_likely_text(room);
    if !(is_likely && is_mostly_text(room)) && sniff::kind(room) == Kind::Plain {
        // Out of phase, too, some of it may look like text.
        let text = text_in_phase((spelling, letters), beyond, room);
        if text.is_none() && !is_likely {
            return false;
        }
        decode_short(spelling, text.unwrap_or(letters), room);
    }
    let place = || place(around, spelling, start + mark as u64);
    if sniff::kind(room) == Kind::Plain {
        let dialect = dialect(room.get(..sniff::LEN).unwrap_or(room));
        if !is_likely_text(room) || dialect.is_none() && scan.seam.is_none() && is_bare(scan, room)
        {
            return false;
        }
        let place = place();
        let leaf = Leaf::new(place.member, Declared::Nothing).nested(place.depth);
        let mut leaf = leaf.with_dialect(dialect);
        leaf.watch(scan, room);
        leaf.finish(scan);
    } else {
        // So few bytes look like a container by chance: what is missing of one is told of content only.
        let (told, ledger) = (scan.evidence.incomplete.len(), scan.evidence.coverage);
        let mut node = Node::new(place());
        node.feed(scan, room);
        node.finish(scan);
        scan.evidence.incomplete.truncate(told);
        scan.evidence.coverage = ledger;
    }
    true
}

/// Letters that are glued to the front of a run (`/u/`, `id-`, `v1_`) move it out of phase: the
/// letters from the first later beginning on that spell text.
fn text_in_phase<'a>(
    (spelling, letters): (Spelling, &'a [u8]),
    beyond: Option<Beyond>,
    room: &mut Vec<u8>,
) -> Option<&'a [u8]> {
    if letters.len() < GLUED_MIN {
        return None;
    }
    let mut text = |start: usize| {
        let rest = letters.get(start..)?;
        // Hardly any gets beyond the highest bits of its bytes.
        let most = spelling.decoded_len(rest.len()) / OTHER_PART;
        let may_be = beyond.is_none_or(|beyond| beyond.count(start) as usize <= most);
        (may_be && is_text(spelling, rest, room)).then_some(rest)
    };
    (1..4).find_map(&mut text).or_else(|| match beyond {
        Some(beyond) => beyond.glued().take(GLUED_MAX).find_map(text),
        None => {
            let glued = letters.iter().enumerate().filter(|(_, letter)| is_glue(**letter));
            glued.map(|(at, _)| at + 1).take(GLUED_MAX).find_map(text)
        }
    })
}

/// Whether nearly all of what `letters` spell is printable.
fn is_text(spelling: Spelling, letters: &[u8], piece: &mut Vec<u8>) -> bool {
    let len = spelling.decoded_len(letters.len());
    let mut left = len / OTHER_PART;
    let mut may_be = |bytes: &[u8]| {
        let other = bytes.iter().filter(|b| !is_printable(**b)).count();
        let is_left = other <= left;
        left = left.saturating_sub(other);
        is_left
    };
    if len < gate::RUN_MIN {
        return false;
    }
    // Most runs are this, and hardly any gets beyond its first groups.
    let (groups, rest) = match spelling {
        Spelling::Base64 => letters.as_chunks::<4>(),
        Spelling::Base32 | Spelling::Hex => (&[][..], letters),
    };
    groups.iter().all(|letters| may_be(&group(letters)))
        && rest.chunks(PIECE).all(|letters| {
            decode_short(spelling, letters, piece);
            may_be(piece)
        })
}

/// Whether a detector could find anything: words and hashes, which are no base64 text, decode to
/// hardly any printable bytes in a row.
pub(super) fn is_likely_text(decoded: &[u8]) -> bool {
    let mut run = 0;
    decoded.iter().any(|b| {
        run = if is_printable(*b) || *b == 0 { run + 1 } else { 0 };
        run >= gate::RUN_MIN
    })
}

/// Whether nearly all of it is printable.
fn is_mostly_text(decoded: &[u8]) -> bool {
    decoded.iter().filter(|byte| !is_printable(**byte)).count() <= decoded.len() / 8
}

/// Whether nothing that is known could be found: no anchor, nothing that is spelled otherwise again.
fn is_bare(scan: &Scan, decoded: &[u8]) -> bool {
    let (mut run, mut zeros) = (0, 0);
    let mut is_spelled = |b: &u8| {
        run = if gate::is_letter(*b) { run + 1 } else { 0 };
        zeros += usize::from(*b == 0);
        run >= RUN_MIN || zeros >= NUL_MIN || matches!(b, b'%' | b'&' | b'\\' | b'=')
    };
    let is_spelled = decoded.iter().any(&mut is_spelled);
    if is_spelled || !scan.catalog.custom().is_empty() || !scan.catalog.exact().is_empty() {
        return false;
    }
    let mut anchors = Vec::new();
    gate::sweep(
        Area { bytes: decoded, base: 0, from: 0, to: decoded.len(), knows_keys: false },
        &mut anchors,
    );
    anchors.is_empty()
}
