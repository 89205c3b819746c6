//! The text of a JSON string, without its escapes (RFC 8259, section 7).

/// `raw` without escapes. A lone surrogate becomes U+FFFD; what is no escape stays as it is.
pub(crate) fn unescaped(raw: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((first, later)) = rest.split_first() {
        rest = later;
        if *first != b'\\' {
            text.push(*first);
            continue;
        }
        let Some((kind, later)) = rest.split_first() else { break };
        rest = later;
        match kind {
            b'b' => text.push(8),
            b'f' => text.push(12),
            b'n' => text.push(b'\n'),
            b'r' => text.push(b'\r'),
            b't' => text.push(b'\t'),
            b'u' => rest = unicode(rest, &mut text),
            other => text.push(*other),
        }
    }
    text
}

/// Takes the four digits behind `\u`, and the second half of a pair; gives what follows.
fn unicode<'a>(bytes: &'a [u8], text: &mut Vec<u8>) -> &'a [u8] {
    let Some((first, mut rest)) = unit(bytes) else { return bytes };
    let mut code = first;
    if (0xd800..0xdc00).contains(&first)
        && let Some(escaped) = rest.strip_prefix(b"\\u")
        && let Some((second, behind)) = unit(escaped)
        && (0xdc00..0xe000).contains(&second)
    {
        code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        rest = behind;
    }
    let shown = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
    text.extend_from_slice(shown.encode_utf8(&mut [0; 4]).as_bytes());
    rest
}

fn unit(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (digits, rest) = bytes.split_first_chunk::<4>()?;
    let digits = std::str::from_utf8(digits).ok()?;
    let is_hex = digits.bytes().all(|b| b.is_ascii_hexdigit());
    is_hex.then_some(())?;
    Some((u32::from_str_radix(digits, 16).ok()?, rest))
}
