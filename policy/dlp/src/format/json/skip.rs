//! Passing over bytes that say nothing, in blocks that compile to vector instructions; and whether
//! bytes begin like JSON.

/// Bytes looked at together.
const BLOCK: usize = 64;

/// Where the first byte stands that can end a text or escape in it.
pub(crate) fn in_text(bytes: &[u8]) -> Option<usize> {
    const NEAR: usize = 32;
    let near = bytes.get(..NEAR).unwrap_or(bytes);
    let (mut rest, mut at) = (near, 0);
    while let Some((part, later)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*part);
        let hits = zeros(word ^ all(b'"')) | zeros(word ^ all(b'\\')) | zeros(word ^ all(b'\n'));
        if hits != 0 {
            return Some(at + hits.trailing_zeros() as usize / 8);
        }
        (rest, at) = (later, at + 8);
    }
    if let Some(found) = rest.iter().position(|b| matches!(b, b'"' | b'\\' | b'\n')) {
        return Some(at + found);
    }
    let far = bytes.get(near.len()..).filter(|far| !far.is_empty())?;
    memchr::memchr3(b'"', b'\\', b'\n', far).map(|found| near.len() + found)
}

const fn all(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// The high bit of each zero byte; above the first one possibly of others.
const fn zeros(word: u64) -> u64 {
    word.wrapping_sub(all(1)) & !word & all(0x80)
}

/// How many bytes stand before the next text, list or object, or, with `lines`, line feed.
pub(super) fn to_structure(bytes: &[u8], lines: bool) -> usize {
    // A text's quote stands for the line feed where lines do not matter.
    let line = if lines { b'\n' } else { b'"' };
    let is_structure =
        |b: &u8| (*b | 0x20 == b'{') | (*b | 0x20 == b'}') | (*b == b'"') | (*b == line);
    let (mut rest, mut at) = (bytes, 0);
    while let Some((block, later)) = rest.split_first_chunk::<BLOCK>() {
        if block.iter().fold(0, |hits, b| hits | u8::from(is_structure(b))) != 0 {
            break;
        }
        (rest, at) = (later, at + BLOCK);
    }
    at + rest.iter().position(is_structure).unwrap_or(rest.len())
}

/// How many bytes stand before the next byte that ends a number or a word.
pub(super) fn to_delimiter(bytes: &[u8]) -> usize {
    let is_delimiter = |b: &u8| matches!(b, b',' | b'{' | b'}' | b'[' | b']' | b'"' | b'\n');
    bytes.iter().position(is_delimiter).unwrap_or(bytes.len())
}

/// How many spaces `bytes` begin with.
pub(super) fn spaces(bytes: &[u8]) -> usize {
    let mut rest = bytes;
    while let Some((part, later)) = rest.split_first_chunk::<8>() {
        if u64::from_le_bytes(*part) != all(b' ') {
            break;
        }
        rest = later;
    }
    let left = rest.iter().position(|b| *b != b' ').map_or(0, |at| rest.len() - at);
    bytes.len() - left
}

/// Whether `head` begins like a JSON document: an object with a key, or a list with an item.
pub(crate) fn is_json(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    match head.split_first() {
        Some((b'{', rest)) => is_member(rest.trim_ascii_start()).unwrap_or(true),
        Some((b'[', rest)) => is_item(rest.trim_ascii_start()),
        _ => false,
    }
}

/// Whether a brace and what follows it begin an object; nothing where more must be seen to tell.
pub(crate) fn begins_object(head: &[u8]) -> Option<bool> {
    is_member(head.get(1..)?.trim_ascii_start())
}

/// Whether the first member of an object begins so, or its end; nothing where more must be seen.
fn is_member(bytes: &[u8]) -> Option<bool> {
    let (first, rest) = bytes.split_first()?;
    match first {
        b'"' => {
            let (_, ending) = rest.split_at_checked(in_text(rest)?)?;
            match ending {
                [b'"', behind @ ..] => behind.trim_ascii_start().first().map(|next| *next == b':'),
                _ => Some(ending.first() == Some(&b'\\')),
            }
        }
        b'}' => Some(true),
        _ => Some(false),
    }
}

fn is_item(bytes: &[u8]) -> bool {
    let begins = |word: &[u8]| bytes.starts_with(word) || word.starts_with(bytes);
    match bytes.first() {
        Some(b'{' | b'[' | b']' | b'"' | b'-' | b'0'..=b'9') | None => true,
        Some(_) => [&b"true"[..], b"false", b"null", b"NaN"].into_iter().any(begins),
    }
}
