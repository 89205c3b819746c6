//! The text of XML without its references, and whether bytes begin like XML.

/// Bytes of the longest reference that is resolved: `&#x10FFFF;`.
const REFERENCE_MAX: usize = 10;

/// `raw` with the five predefined entities and the character references resolved (XML 1.0, 4.1 and
/// 4.6); any other reference stays as it is.
pub(super) fn unescaped(raw: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((first, later)) = rest.split_first() {
        let end = later.iter().take(REFERENCE_MAX).position(|b| *b == b';');
        let resolved = end
            .filter(|_| *first == b'&')
            .and_then(|end| Some((character(later.get(..end)?)?, later.get(end + 1..)?)));
        if let Some((character, behind)) = resolved {
            text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            rest = behind;
        } else {
            text.push(*first);
            rest = later;
        }
    }
    text
}

fn character(name: &[u8]) -> Option<char> {
    match name {
        b"amp" => Some('&'),
        b"lt" => Some('<'),
        b"gt" => Some('>'),
        b"quot" => Some('"'),
        b"apos" => Some('\''),
        [b'#', b'x', hex @ ..] => code(hex, 16),
        [b'#', decimal @ ..] => code(decimal, 10),
        _ => None,
    }
}

fn code(digits: &[u8], radix: u32) -> Option<char> {
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, radix).ok().and_then(char::from_u32)
}

/// Whether `head` begins like an XML document that is no HTML.
pub(crate) fn is_xml(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    let has = |what: &[u8]| memchr::memmem::find(head, what).is_some();
    let is_html = || has(b"<html") || has(b"<HTML") || has(b"<!DOCTYPE html");
    let [b'<', second, ..] = head else { return false };
    let is_declared = head.starts_with(b"<?xml") || head.starts_with(b"<ClinicalDocument");
    let is_element = second.is_ascii_alphabetic() && (has(b"xmlns") || is_record(head));
    (is_declared || is_element) && !is_html()
}

/// Whether a document without declaration is a record: a second element right behind the first.
fn is_record(head: &[u8]) -> bool {
    let Some(end) = memchr::memchr(b'>', head) else { return false };
    let (first, behind) = head.split_at(end);
    let is_plain = !first.iter().any(|b| matches!(b, b'@' | b'/'));
    let behind = behind.get(1..).unwrap_or_default().trim_ascii_start();
    is_plain && matches!(behind, [b'<', second, ..] if second.is_ascii_alphabetic())
}
