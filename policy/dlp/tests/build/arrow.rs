//! Arrow streams: FlatBuffers written front to back.

use super::floats;

/// Writes tables so that each stands behind what points at it.
#[derive(Default)]
pub(crate) struct Flat {
    pub(crate) bytes: Vec<u8>,
}

impl Flat {
    pub(crate) fn align(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
    }

    /// Lets the offset at `at` point at what comes next.
    pub(crate) fn land(&mut self, at: usize) {
        self.align();
        let offset = (self.bytes.len() - at) as u32;
        self.bytes[at..at + 4].copy_from_slice(&offset.to_le_bytes());
    }

    /// A table of eight bytes a field, and where each field's value stands.
    pub(crate) fn table(&mut self, fields: &[Option<u64>]) -> Vec<usize> {
        // Where something points to the table itself, the way back to its layout comes first.
        let start = self.bytes.len();
        let layout = start + 8 + fields.len() * 8;
        self.bytes.extend((-((layout - start) as i32)).to_le_bytes());
        self.bytes.extend([0; 4]);
        let places: Vec<usize> = (0..fields.len()).map(|i| start + 8 + i * 8).collect();
        fields.iter().for_each(|field| self.bytes.extend(field.unwrap_or(0).to_le_bytes()));
        self.bytes.extend((4 + fields.len() as u16 * 2).to_le_bytes());
        self.bytes.extend((8 + fields.len() as u16 * 8).to_le_bytes());
        for (field, place) in fields.iter().zip(&places) {
            let offset = if field.is_some() { place - start } else { 0 };
            self.bytes.extend((offset as u16).to_le_bytes());
        }
        self.align();
        places
    }

    pub(crate) fn text(&mut self, at: usize, text: &str) {
        self.land(at);
        self.bytes.extend((text.len() as u32).to_le_bytes());
        self.bytes.extend(text.as_bytes());
    }

    pub(crate) fn structs(&mut self, at: usize, structs: &[[u64; 2]]) {
        self.land(at);
        self.bytes.extend((structs.len() as u32).to_le_bytes());
        structs.iter().flatten().for_each(|value| self.bytes.extend(value.to_le_bytes()));
    }

    /// A message around a header: kind, and where the header's offset stands.
    pub(crate) fn message(kind: u64, body: usize) -> (Flat, usize) {
        let mut flat = Flat { bytes: vec![0; 4] };
        flat.land(0);
        let places = flat.table(&[Some(4), Some(kind), Some(0), Some(body as u64)]);
        (flat, places[2])
    }

    pub(crate) fn framed(mut self, body: &[u8]) -> Vec<u8> {
        self.align();
        let len = (self.bytes.len() as u32).to_le_bytes();
        [&[0xff; 4], len.as_slice(), &self.bytes, body].concat()
    }
}

/// A field's name, type, and buffers: validity, then the others.
pub(crate) type Column<'a> = (&'a str, u64, Vec<Vec<u8>>);

pub(crate) fn strings<'a>(name: &'a str, values: &[&str]) -> Column<'a> {
    let mut offsets = vec![0u32];
    values.iter().for_each(|v| offsets.push(offsets[offsets.len() - 1] + v.len() as u32));
    let offsets = offsets.iter().flat_map(|o| o.to_le_bytes()).collect();
    (name, 5, vec![Vec::new(), offsets, values.concat().into_bytes()])
}

pub(crate) fn stream(columns: &[Column<'_>], padding: &[u8]) -> Vec<u8> {
    let (mut flat, header) = Flat::message(1, 0);
    flat.land(header);
    let schema = flat.table(&[None, Some(0)]);
    flat.land(schema[1]);
    flat.bytes.extend((columns.len() as u32).to_le_bytes());
    let start = flat.bytes.len();
    flat.bytes.extend(vec![0; columns.len() * 4]);
    for (i, (name, kind, _)) in columns.iter().enumerate() {
        flat.land(start + i * 4);
        let field = flat.table(&[Some(0), Some(1), Some(*kind), Some(0)]);
        flat.text(field[0], name);
        flat.land(field[3]);
        // Of integers the width, of floats the precision.
        flat.table(&[Some(if *kind == 2 { 64 } else { 1 })]);
    }
    let schema = flat.framed(&[]);
    let (mut body, mut places) = (Vec::new(), Vec::new());
    for buffer in columns.iter().flat_map(|(.., buffers)| buffers) {
        places.push([body.len() as u64, buffer.len() as u64]);
        body.extend(buffer);
        body.extend(padding);
    }
    let (mut flat, header) = Flat::message(3, body.len());
    flat.land(header);
    let batch = flat.table(&[Some(2), None, Some(0)]);
    flat.structs(batch[2], &places);
    let end = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];
    [schema, flat.framed(&body), end.to_vec()].concat()
}

pub(crate) fn patients() -> Vec<u8> {
    let records: Vec<u8> = [4_481_723i64, 4_481_724].iter().flat_map(|v| v.to_le_bytes()).collect();
    stream(
        &[
            strings("ssn", &["219-45-6183", "unknown"]),
            strings("note", &["SSN 219-45-6184", "well"]),
            ("mrn", 2, vec![Vec::new(), records]),
            ("loss", 3, vec![Vec::new(), floats(600)]),
        ],
        &[0; 8],
    )
}

/// Sound files.
pub(crate) fn samples() -> Vec<Vec<u8>> {
    vec![patients()]
}
