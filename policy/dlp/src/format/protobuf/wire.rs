//! The wire format: keys, numbers, lengths; and by which first bytes a model is known.

use crate::scanner::is_plain_text;

/// How a field is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wire {
    Bytes,
    /// Four or eight bytes.
    Fixed(usize),
    Varint,
}

/// A field's number and form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) number: u64,
    pub(super) wire: Wire,
}

impl Key {
    /// The key of that value; nothing where it is none. Groups are not used any more.
    pub(super) fn of(value: u64) -> Option<Key> {
        const NUMBER_MAX: u64 = (1 << 29) - 1;
        let wire = match value & 7 {
            0 => Wire::Varint,
            1 => Wire::Fixed(8),
            2 => Wire::Bytes,
            5 => Wire::Fixed(4),
            _ => return None,
        };
        let number = value >> 3;
        (1..=NUMBER_MAX).contains(&number).then_some(Key { number, wire })
    }
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn take<'a>(bytes: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (part, rest) = bytes.split_at_checked(len)?;
    *bytes = rest;
    Some(part)
}

/// The fields of bytes that a whole message holds; nothing where it is none.
pub(super) fn fields(message: &[u8]) -> Option<Vec<&[u8]>> {
    let mut rest = message;
    let mut found = Vec::new();
    while !rest.is_empty() {
        match Key::of(varint(&mut rest)?)?.wire {
            Wire::Varint => {
                varint(&mut rest)?;
            }
            Wire::Fixed(len) => {
                take(&mut rest, len)?;
            }
            Wire::Bytes => {
                let len = usize::try_from(varint(&mut rest)?).ok()?;
                found.push(take(&mut rest, len)?);
            }
        }
    }
    Some(found)
}

/// Whether a message of `len` bytes may begin so: fields of low numbers that fit into it.
pub(super) fn may_begin(head: &[u8], len: u64) -> bool {
    const NUMBER_MAX: u64 = 64;
    let mut rest = head;
    let mut seen = 0;
    while let Some(key) = varint(&mut rest) {
        let Some(key) = Key::of(key).filter(|key| key.number <= NUMBER_MAX) else { return false };
        seen += 1;
        let used = (head.len() - rest.len()) as u64;
        let is_there = match key.wire {
            Wire::Varint => varint(&mut rest).is_some() || rest.is_empty(),
            Wire::Fixed(size) => take(&mut rest, size).is_some() || used + size as u64 <= len,
            Wire::Bytes => match varint(&mut rest) {
                None => rest.is_empty(),
                Some(size) => {
                    if used.saturating_add(size) > len {
                        return false;
                    }
                    match take(&mut rest, usize::try_from(size).unwrap_or(usize::MAX)) {
                        Some(_) => true,
                        // It goes on behind the head.
                        None => return true,
                    }
                }
            },
        };
        if !is_there {
            return false;
        }
    }
    seen > 0
}

/// Whether `head` begins an ONNX `ModelProto` or a TensorFlow `SavedModel`: a small version, then
/// text of the producer, or the graph.
pub(crate) fn is_onnx(head: &[u8]) -> bool {
    const VERSION_MAX: u8 = 32;
    let [0x08, 1..=VERSION_MAX, rest @ ..] = head else { return false };
    let mut fields = rest;
    let Some(key) = varint(&mut fields).and_then(Key::of) else { return false };
    let Some(len) = varint(&mut fields).filter(|len| *len > 0 && key.wire == Wire::Bytes) else {
        return false;
    };
    let value = fields.get(..usize::try_from(len).unwrap_or(usize::MAX));
    match (key.number, value) {
        // Names of producers are short: `pytorch`, `skl2onnx`.
        (2, Some(name)) if is_plain_text(name) => true,
        // Graphs (7) and opsets (8) are messages, and so are SavedModel's (2).
        (2 | 7, _) => may_begin(fields, len),
        (8, _) => may_begin(fields, len.max(fields.len() as u64)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_all_fields_or_none() {
        let message = b"\x08\x96\x01\x12\x03abc\x25\0\0\0\0";
        assert_eq!(fields(message), Some(vec![&b"abc"[..]]));
        assert_eq!(fields(&message[..5]), None, "cut");
        assert_eq!(fields(b"\x00\x01"), None, "no field has the number 0");
        assert_eq!(fields(b"\x0b\x01"), None, "a group");
    }

    #[test]
    fn models_are_known_by_their_first_fields() {
        assert!(is_onnx(b"\x08\x08\x12\x07pytorch\x1a\x052.1.0"));
        assert!(!is_onnx(b"\x08\x08\x12\x07\x01\x02\x03\x04\x05\x06\x07\x05"));
        assert!(!is_onnx(&[8, 0, 0, 0, 18, 0, 0, 0]));
        assert!(!is_onnx(b""));
    }
}
