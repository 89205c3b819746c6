//! Thrift's compact protocol (the thrift-compact-protocol specification): values by field number,
//! as much of it as Parquet uses. Invariant: a value never nests deeper than `NESTED_MAX`, and
//! there are never more than `VALUES_MAX` in one tree.

/// Structures inside each other; Parquet's own have six.
const NESTED_MAX: u32 = 16;
/// Values of one tree: a row group of ten thousand columns.
const VALUES_MAX: u32 = 1 << 20;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value<'a> {
    Bytes(&'a [u8]),
    /// Flags, integers of any width.
    Integer(i64),
    List(Vec<Value<'a>>),
    /// A double or a map, whose values nothing here needs.
    Other,
    Struct(Struct<'a>),
}

/// A structure's fields by their numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Struct<'a>(Vec<(i64, Value<'a>)>);

impl<'a> Struct<'a> {
    pub(super) fn field(&self, id: i64) -> Option<&Value<'a>> {
        self.0.iter().find(|(known, _)| *known == id).map(|(_, value)| value)
    }

    pub(super) fn integer(&self, id: i64) -> Option<i64> {
        match self.field(id)? {
            Value::Integer(value) => Some(*value),
            Value::Bytes(_) | Value::List(_) | Value::Other | Value::Struct(_) => None,
        }
    }

    pub(super) fn bytes(&self, id: i64) -> Option<&'a [u8]> {
        match self.field(id)? {
            Value::Bytes(value) => Some(value),
            Value::Integer(_) | Value::List(_) | Value::Other | Value::Struct(_) => None,
        }
    }

    pub(super) fn structure(&self, id: i64) -> Option<&Struct<'a>> {
        match self.field(id)? {
            Value::Struct(value) => Some(value),
            Value::Bytes(_) | Value::Integer(_) | Value::List(_) | Value::Other => None,
        }
    }

    pub(super) fn list(&self, id: i64) -> &[Value<'a>] {
        match self.field(id) {
            Some(Value::List(values)) => values,
            Some(Value::Bytes(_) | Value::Integer(_) | Value::Other | Value::Struct(_)) | None => {
                &[]
            }
        }
    }
}

/// Where a reader stands.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    values: u32,
}

const STOP: u8 = 0;

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Cursor<'a> {
        Cursor { bytes, at: 0, values: 0 }
    }

    /// Bytes taken so far.
    pub(super) fn taken(&self) -> usize {
        self.at
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn integer(&mut self) -> Option<i64> {
        self.varint().map(zigzag)
    }

    fn binary(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(self.varint()?).ok()?;
        let end = self.at.checked_add(len)?;
        let bytes = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(bytes)
    }

    /// The next field of a structure, number and type; nothing inside at its end.
    #[expect(clippy::option_option, reason = "broken, and over")]
    pub(super) fn next_field(&mut self, last: i64) -> Option<Option<(i64, u8)>> {
        let header = self.byte()?;
        if header == STOP {
            return Some(None);
        }
        let id = match header >> 4 {
            0 => self.integer()?,
            delta => last.checked_add(i64::from(delta))?,
        };
        Some(Some((id, header & 0x0f)))
    }

    /// The type and count of a list.
    pub(super) fn list_header(&mut self) -> Option<(u8, u64)> {
        let header = self.byte()?;
        let count = match header >> 4 {
            15 => self.varint()?,
            count => u64::from(count),
        };
        // Every element takes a byte, so that no count makes work that the input does not have.
        let left = self.bytes.len().saturating_sub(self.at) as u64;
        (count <= left).then_some((header & 0x0f, count))
    }

    pub(super) fn structure(&mut self) -> Option<Struct<'a>> {
        self.values = 0;
        self.structure_at(0)
    }

    fn structure_at(&mut self, depth: u32) -> Option<Struct<'a>> {
        let mut fields = Vec::new();
        let mut last = 0;
        while let Some((id, kind)) = self.next_field(last)? {
            let value = match kind {
                1 | 2 => Value::Integer(i64::from(kind == 1)),
                _ => self.value(kind, depth + 1)?,
            };
            fields.push((id, value));
            last = id;
        }
        Some(Struct(fields))
    }

    /// A value of this type.
    pub(super) fn value(&mut self, kind: u8, depth: u32) -> Option<Value<'a>> {
        self.values += 1;
        if depth > NESTED_MAX || self.values > VALUES_MAX {
            return None;
        }
        Some(match kind {
            1..=3 => Value::Integer(self.byte()?.cast_signed().into()),
            4..=6 => Value::Integer(self.integer()?),
            7 => {
                self.at = self.at.checked_add(8).filter(|end| *end <= self.bytes.len())?;
                Value::Other
            }
            8 => Value::Bytes(self.binary()?),
            9 | 10 => {
                let (kind, count) = self.list_header()?;
                let mut values = Vec::new();
                for _ in 0..count {
                    values.push(self.value(kind, depth + 1)?);
                }
                Value::List(values)
            }
            11 => {
                let count = self.varint()?;
                let kinds = if count > 0 { self.byte()? } else { 0 };
                for _ in 0..count {
                    self.value(kinds >> 4, depth + 1)?;
                    self.value(kinds & 0x0f, depth + 1)?;
                }
                Value::Other
            }
            12 => Value::Struct(self.structure_at(depth)?),
            _ => return None,
        })
    }
}

/// The signed number that was written so.
pub(super) fn zigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_number() {
        // 1: i32 -3, 2: "ab", 20: list of one struct { 1: true }
        let bytes = [0x15, 5, 0x18, 2, b'a', b'b', 0x09, 40, 0x1c, 0x11, 0, 0];
        let mut cursor = Cursor::new(&bytes);
        let found = cursor.structure().unwrap();
        assert_eq!(cursor.taken(), bytes.len());
        assert_eq!(found.integer(1), Some(-3));
        assert_eq!(found.bytes(2), Some(&b"ab"[..]));
        let [Value::Struct(inner)] = found.list(20) else { panic!() };
        assert_eq!(inner.integer(1), Some(1));
    }

    #[test]
    fn a_bottomless_structure_ends() {
        assert_eq!(Cursor::new(&[0x1c; 4000]).structure(), None);
        assert_eq!(Cursor::new(&[0x19, 0xfc, 0xff, 0xff, 0xff, 0x0f]).structure(), None);
    }
}
