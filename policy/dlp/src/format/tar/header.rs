//! A tar header: 512 bytes of fields at fixed offsets (POSIX.1-2024 `pax`, ustar; GNU tar's
//! `tar.h`), and the records of pax headers. Pure.

/// Bytes of a block.
pub(super) const BLOCK: usize = 512;

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    /// A link, device, folder or pipe: nothing follows.
    Empty,
    /// Records for the next entry, or for all that follow.
    Pax,
    /// The name of the next entry.
    LongName,
    /// Where the next entry, a link, leads.
    LongLink,
    /// A file with holes: what follows is not the file as it will be.
    Sparse,
    /// A file, and whatever else has content.
    File,
}

/// A header.
#[derive(Clone, Debug)]
pub(super) struct Header {
    pub(super) kind: Type,
    pub(super) name: Vec<u8>,
    /// The other texts: link, owners; and whatever stands where numbers or nothing should.
    pub(super) texts: Vec<u8>,
    pub(super) size: u64,
    /// Whether more sparse blocks follow before the content.
    pub(super) is_extended: bool,
}

impl Header {
    /// The header in a block, if its check sum is right.
    pub(super) fn parse(block: &[u8]) -> Option<Header> {
        if !is_header(block) {
            return None;
        }
        let magic = block.get(257..265)?;
        let is_ustar = magic.starts_with(b"ustar\0");
        let is_gnu = magic == b"ustar  \0";
        let name = block.get(..100).map(text)?;
        let prefix = block.get(345..500).map(text)?.to_vec();
        let kind = kind(*block.get(156)?);
        let size = number(block.get(124..136)?)?;
        let mut texts = Vec::new();
        let mut add = |field: &[u8]| {
            if !field.is_empty() {
                texts.extend_from_slice(field);
                texts.push(b'\n');
            }
        };
        for field in [157..257, 265..297, 297..329] {
            add(text(block.get(field)?));
        }
        for field in [100..148, 329..345, 500..512] {
            let field = block.get(field)?;
            if !field.iter().all(|byte| is_octal(*byte)) && !is_wide(field) {
                add(field);
            }
        }
        let whole = match prefix.as_slice() {
            b"" => name.to_vec(),
            _ if is_ustar => [prefix.as_slice(), b"/", name].concat(),
            // GNU tar keeps times and maps of holes there.
            _ if !is_gnu || !prefix.iter().all(|byte| is_octal(*byte)) => {
                add(&prefix);
                name.to_vec()
            }
            _ => name.to_vec(),
        };
        let is_extended = kind == Type::Sparse && block.get(482) == Some(&1);
        Some(Header { kind, name: whole, texts, size, is_extended })
    }
}

/// Whether a block has the check sum of a header: that of its bytes, with blanks for itself.
pub(crate) fn is_header(block: &[u8]) -> bool {
    let Some(told) = block.get(148..156).and_then(number) else { return false };
    if block.len() < BLOCK || block.first() == Some(&0) {
        return false;
    }
    let bytes = || {
        let at = block.iter().take(BLOCK).enumerate();
        at.map(|(at, byte)| if (148..156).contains(&at) { b' ' } else { *byte })
    };
    let unsigned: u64 = bytes().map(u64::from).sum();
    // Some old programs took the bytes for signed ones.
    let signed: i64 = bytes().map(|byte| i64::from(byte.cast_signed())).sum();
    unsigned == told || i64::try_from(told) == Ok(signed)
}

/// A type by its flag; unknown ones are files (POSIX).
fn kind(flag: u8) -> Type {
    match flag {
        b'1'..=b'6' => Type::Empty,
        b'x' | b'g' | b'X' => Type::Pax,
        b'L' => Type::LongName,
        b'K' => Type::LongLink,
        b'S' => Type::Sparse,
        _ => Type::File,
    }
}

/// A field without the NULs that fill it; with whatever stands behind the first of them.
fn text(field: &[u8]) -> &[u8] {
    let end = field.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    field.get(..end).unwrap_or(field)
}

/// A number: octal digits between blanks and NULs, or (GNU) 0x80 and a big-endian one.
fn number(field: &[u8]) -> Option<u64> {
    if is_wide(field) {
        let (high, low) = field.split_at_checked(field.len().checked_sub(8)?)?;
        let (_, padding) = high.split_first()?;
        let is_small = padding.iter().all(|byte| *byte == 0);
        return is_small.then(|| low.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)));
    }
    let is_digit = |byte: &u8| matches!(byte, b'0'..=b'7');
    if !field.iter().all(|byte| is_octal(*byte)) {
        return None;
    }
    let digits = field.iter().skip_while(|byte| !is_digit(byte)).take_while(|byte| is_digit(byte));
    Some(digits.fold(0, |value, digit| value << 3 | u64::from(digit - b'0')))
}

fn is_wide(field: &[u8]) -> bool {
    field.first() == Some(&0x80)
}

fn is_octal(byte: u8) -> bool {
    matches!(byte, b'0'..=b'7' | b' ' | 0)
}

/// What pax records say of the next entry.
#[derive(Debug, Default)]
pub(super) struct Records {
    pub(super) path: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) is_sparse: bool,
}

impl Records {
    /// Reads `length key=value\n`, again and again; false where it is something else.
    pub(super) fn add(&mut self, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            let Some((key, value, rest)) = record(bytes) else { return false };
            match key {
                b"path" => self.path = Some(value.to_vec()),
                b"size" => {
                    self.size = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
                    if self.size.is_none() {
                        return false;
                    }
                }
                _ => self.is_sparse |= key.starts_with(b"GNU.sparse."),
            }
            bytes = rest;
        }
        true
    }
}

/// The first record, and what follows it.
fn record(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    const DIGITS_MAX: usize = 10;
    let blank = bytes.iter().take(DIGITS_MAX + 1).position(|byte| *byte == b' ')?;
    let len: usize = std::str::from_utf8(bytes.get(..blank)?).ok()?.parse().ok()?;
    let (record, rest) = bytes.split_at_checked(len)?;
    let (last, content) = record.get(blank + 1..)?.split_last()?;
    let equals = memchr::memchr(b'=', content)?;
    let (key, value) = content.split_at_checked(equals)?;
    (*last == b'\n').then_some((key, value.get(1..)?, rest))
}
