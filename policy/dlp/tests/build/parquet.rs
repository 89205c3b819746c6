//! Parquet files, page by page.

use super::floats;

/// Thrift's compact protocol, field by field.
#[derive(Default)]
pub(crate) struct Thrift {
    pub(crate) bytes: Vec<u8>,
    pub(crate) last: i16,
}

pub(crate) fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

pub(crate) fn zigzag(value: i64) -> Vec<u8> {
    varint(((value << 1) ^ (value >> 63)) as u64)
}

impl Thrift {
    pub(crate) fn field(mut self, id: i16, kind: u8, value: &[u8]) -> Thrift {
        self.bytes.push(((id - self.last) as u8) << 4 | kind);
        self.last = id;
        self.bytes.extend_from_slice(value);
        self
    }

    pub(crate) fn int(self, id: i16, value: i64) -> Thrift {
        self.field(id, 6, &zigzag(value))
    }

    pub(crate) fn text(self, id: i16, value: &[u8]) -> Thrift {
        self.field(id, 8, &[varint(value.len() as u64), value.to_vec()].concat())
    }

    pub(crate) fn inner(self, id: i16, value: Thrift) -> Thrift {
        self.field(id, 12, &value.end())
    }

    pub(crate) fn list(self, id: i16, kind: u8, values: &[Vec<u8>]) -> Thrift {
        let header = [vec![0xf0 | kind], varint(values.len() as u64)].concat();
        self.field(id, 9, &[header, values.concat()].concat())
    }

    pub(crate) fn end(mut self) -> Vec<u8> {
        self.bytes.push(0);
        self.bytes
    }
}

pub(crate) fn new() -> Thrift {
    Thrift::default()
}

#[derive(Clone, Default)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) physical: i64,
    pub(crate) encoding: i64,
    /// What the page holds, and how many values that is.
    pub(crate) page: Vec<u8>,
    pub(crate) count: i64,
    pub(crate) dictionary: Option<Vec<u8>>,
    pub(crate) is_gzip: bool,
    pub(crate) statistic: Option<&'static [u8]>,
}

pub(crate) fn strings(values: &[&str]) -> Vec<u8> {
    let one = |v: &&str| [&(v.len() as u32).to_le_bytes(), v.as_bytes()].concat();
    values.iter().flat_map(one).collect()
}

impl Column {
    pub(crate) fn text(name: &'static str, values: &[&str]) -> Column {
        let count = values.len() as i64;
        Column { name, physical: 6, page: strings(values), count, ..Column::default() }
    }

    pub(crate) fn integers(name: &'static str, values: &[i64]) -> Column {
        let page = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        Column { name, physical: 2, page, count: values.len() as i64, ..Column::default() }
    }

    pub(crate) fn gzipped(mut self) -> Column {
        self.is_gzip = true;
        self
    }

    pub(crate) fn page(&self, body: &[u8], is_dictionary: bool) -> Vec<u8> {
        let packed = if self.is_gzip { gzip(body) } else { body.to_vec() };
        let header = new()
            .int(1, if is_dictionary { 2 } else { 0 })
            .int(2, body.len() as i64)
            .int(3, packed.len() as i64);
        let inner = new().int(1, self.count);
        let header = if is_dictionary {
            header.inner(7, inner.int(2, 0))
        } else {
            header.inner(5, inner.int(2, self.encoding).int(3, 3).int(4, 3))
        };
        [header.end(), packed].concat()
    }
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

pub(crate) fn file(columns: &[Column]) -> Vec<u8> {
    let mut out = b"PAR1".to_vec();
    let (mut schema, mut chunks) = (Vec::new(), Vec::new());
    schema.push(new().text(4, b"schema").int(5, columns.len() as i64).end());
    for column in columns {
        let start = out.len() as i64;
        if let Some(dictionary) = &column.dictionary {
            out.extend(column.page(dictionary, true));
        }
        let data = out.len() as i64;
        out.extend(column.page(&column.page, false));
        schema.push(new().int(1, column.physical).int(3, 0).text(4, column.name.as_bytes()).end());
        let path = [varint(column.name.len() as u64), column.name.into()].concat();
        let mut meta = new()
            .int(1, column.physical)
            .list(2, 5, &[zigzag(column.encoding)])
            .list(3, 8, &[path])
            .int(4, if column.is_gzip { 2 } else { 0 })
            .int(5, column.count)
            .int(6, out.len() as i64 - start)
            .int(7, out.len() as i64 - start)
            .int(9, data);
        if column.dictionary.is_some() {
            meta = meta.int(11, start);
        }
        if let Some(value) = column.statistic {
            meta = meta.inner(12, new().text(5, value));
        }
        chunks.push(new().int(2, start).inner(3, meta).end());
    }
    let group = new().list(1, 12, &chunks).int(2, 0).int(3, columns[0].count).end();
    let note = new().text(1, b"about").text(2, b"made for SSN 219-45-6189").end();
    let footer = new()
        .int(1, 2)
        .list(2, 12, &schema)
        .int(3, columns[0].count)
        .list(4, 12, &[group])
        .list(5, 12, &[note])
        .end();
    let len = (footer.len() as u32).to_le_bytes();
    [out, footer, len.to_vec(), b"PAR1".to_vec()].concat()
}

pub(crate) fn patients() -> Vec<Column> {
    vec![
        Column::text("ssn", &["219-45-6183", "219456184", "unknown"]),
        Column::text("note", &["SSN 219-45-6185", "none", "all well"]).gzipped(),
        Column::integers("mrn", &[4_481_723, 4_481_724, 0]),
        Column::integers("date_of_birth", &[-5000, 3000, 1]),
        Column { physical: 5, page: floats(1500), ..Column::integers("loss", &[0; 3]) },
    ]
}

/// Sound files.
pub(crate) fn samples() -> Vec<Vec<u8>> {
    vec![file(&patients()), file(&[dictionary(), prefixed()])]
}

/// A column of indices into a dictionary.
pub(crate) fn dictionary() -> Column {
    Column {
        encoding: 8,
        dictionary: Some(strings(&["SSN 219-45-6183", "well"])),
        page: vec![1, 3, 0b0101],
        ..Column::text("remark", &["", "", ""])
    }
}

/// Two strings of which the second shares all but its last byte with the first.
pub(crate) fn prefixed() -> Column {
    let prefixes = [0x80, 0x01, 0x04, 2, 0, 20, 0, 0, 0, 0];
    let mut prefixes = prefixes.to_vec();
    // First 0, then 10 more, as a least delta of 10 with no bits.
    prefixes[5] = 20;
    let lengths = [0x80, 0x01, 0x04, 2, 22, 19, 0, 0, 0, 0];
    let page = [prefixes, lengths.to_vec(), b"219-45-61833".to_vec()].concat();
    let page = [page.as_slice(), b""].concat();
    Column { encoding: 7, page, ..Column::text("ssn", &["", ""]) }
}
