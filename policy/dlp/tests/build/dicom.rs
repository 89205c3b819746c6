//! DICOM objects in every transfer syntax.

use super::deflate;

pub(crate) const EXPLICIT: &str = "1.2.840.10008.1.2.1";
pub(crate) const IMPLICIT: &str = "1.2.840.10008.1.2";
pub(crate) const BIG: &str = "1.2.840.10008.1.2.2";
pub(crate) const DEFLATED: &str = "1.2.840.10008.1.2.1.99";
pub(crate) const JPEG: &str = "1.2.840.10008.1.2.4.50";

/// Writes elements in one transfer syntax.
#[derive(Clone, Copy)]
pub(crate) struct Writer {
    pub(crate) is_explicit: bool,
    pub(crate) is_big: bool,
}

impl Writer {
    pub(crate) fn of(syntax: &str) -> Writer {
        Writer { is_explicit: syntax != IMPLICIT, is_big: syntax == BIG }
    }

    pub(crate) fn u16(self, value: u16) -> [u8; 2] {
        if self.is_big { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    pub(crate) fn u32(self, value: u32) -> [u8; 4] {
        if self.is_big { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    pub(crate) fn tag(self, tag: u32) -> Vec<u8> {
        [self.u16((tag >> 16) as u16), self.u16(tag as u16)].concat()
    }

    /// A header with this length.
    pub(crate) fn header(self, tag: u32, vr: &str, len: u32) -> Vec<u8> {
        let mut out = self.tag(tag);
        let is_long = ["OB", "OF", "OW", "SQ", "UN", "UT"].contains(&vr);
        match (self.is_explicit && tag >> 16 != 0xfffe, is_long) {
            (false, _) => out.extend(self.u32(len)),
            (true, true) => {
                out.extend([vr.as_bytes(), &[0, 0]].concat());
                out.extend(self.u32(len));
            }
            (true, false) => {
                out.extend(vr.as_bytes());
                out.extend(self.u16(len as u16));
            }
        }
        out
    }

    pub(crate) fn element(self, tag: u32, vr: &str, value: &[u8]) -> Vec<u8> {
        let mut value = value.to_vec();
        if value.len() % 2 == 1 {
            value.push(if vr == "UI" || vr == "OB" { 0 } else { b' ' });
        }
        [self.header(tag, vr, value.len() as u32), value].concat()
    }

    pub(crate) fn text(self, tag: u32, vr: &str, value: &str) -> Vec<u8> {
        self.element(tag, vr, value.as_bytes())
    }

    /// A sequence of one item, each of told length or closed by a delimiter.
    pub(crate) fn sequence(self, tag: u32, vr: &str, item: &[u8], is_told: bool) -> Vec<u8> {
        let told = |len: usize| if is_told { len as u32 } else { u32::MAX };
        let mut body = self.header(0xfffe_e000, "", told(item.len()));
        body.extend_from_slice(item);
        if !is_told {
            body.extend(self.header(0xfffe_e00d, "", 0));
        }
        let mut out = self.header(tag, vr, told(body.len()));
        out.extend(body);
        if !is_told {
            out.extend(self.header(0xfffe_e0dd, "", 0));
        }
        out
    }
}

/// A file: preamble, meta information, data set.
pub(crate) fn file(syntax: &str, data: &[u8]) -> Vec<u8> {
    let meta = Writer::of(EXPLICIT);
    let elements =
        [meta.element(0x0002_0001, "OB", &[0, 1]), meta.text(0x0002_0010, "UI", syntax)].concat();
    let length = meta.element(0x0002_0000, "UL", &(elements.len() as u32).to_le_bytes());
    [vec![0; 128], b"DICM".to_vec(), length, elements, data.to_vec()].concat()
}

/// Pixels as an image has them.
pub(crate) fn pixels() -> Vec<u8> {
    (0..4096u32).flat_map(|i| ((i % 64 * 12 + i / 64 * 5) as u16).to_le_bytes()).collect()
}

pub(crate) fn patient(w: Writer, is_told: bool) -> Vec<u8> {
    let other =
        [w.text(0x0010_0020, "LO", "ALT-55821"), w.text(0x0010_0022, "CS", "TEXT")].concat();
    let private = [w.text(0x0009_0010, "LO", "ACME"), w.text(0x0009_1001, "LO", "SSN 219-45-6183")];
    [
        w.text(0x0008_0005, "CS", "ISO_IR 100"),
        w.text(0x0008_0016, "UI", "1.2.840.10008.5.1.4.1.1.7"),
        w.text(0x0008_0020, "DA", "20240311"),
        w.text(0x0008_0090, "PN", "Harker^Jonathan"),
        private.concat(),
        w.text(0x0010_0010, "PN", "Westenra^Lucy"),
        w.text(0x0010_0020, "LO", "PX-7714203"),
        w.text(0x0010_0030, "DA", "19610908"),
        w.sequence(0x0010_1002, "SQ", &other, is_told),
        w.text(0x0010_1010, "AS", "063Y"),
        w.text(0x0018_1000, "LO", "SN20931-7"),
        w.element(0x0028_0010, "US", &w.u16(64)),
        w.element(0x7fe0_0010, "OW", &pixels()),
    ]
    .concat()
}

/// Sound files.
pub(crate) fn samples() -> Vec<Vec<u8>> {
    let big = patient(Writer::of(BIG), false);
    let implicit = patient(Writer::of(IMPLICIT), true);
    vec![
        file(EXPLICIT, &patient(Writer::of(EXPLICIT), true)),
        file(BIG, &big),
        file(IMPLICIT, &implicit),
        file(DEFLATED, &deflate(&patient(Writer::of(EXPLICIT), false), false)),
        implicit,
        encapsulated(),
    ]
}

pub(crate) fn encapsulated() -> Vec<u8> {
    let w = Writer::of(EXPLICIT);
    let fragment = [b"\xff\xd8\xff\xfe\0\x11SSN 219-45-6183".to_vec(), vec![7; 300]].concat();
    let data = [
        w.text(0x0008_0060, "CS", "OT"),
        w.header(0x7fe0_0010, "OB", u32::MAX),
        w.element(0xfffe_e000, "", &[]),
        w.element(0xfffe_e000, "", &fragment),
        w.header(0xfffe_e0dd, "", 0),
        w.text(0xfffc_fffc, "OB", "\0\0"),
    ];
    file(JPEG, &data.concat())
}
