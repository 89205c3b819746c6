//! DICOM objects built here in every transfer syntax, with planted identifiers.

use crate::support::{clean, deflate, reasons, scan, told};

const EXPLICIT: &str = "1.2.840.10008.1.2.1";
const IMPLICIT: &str = "1.2.840.10008.1.2";
const BIG: &str = "1.2.840.10008.1.2.2";
const DEFLATED: &str = "1.2.840.10008.1.2.1.99";
const JPEG: &str = "1.2.840.10008.1.2.4.50";

/// Writes elements in one transfer syntax.
#[derive(Clone, Copy)]
struct Writer {
    is_explicit: bool,
    is_big: bool,
}

impl Writer {
    fn of(syntax: &str) -> Writer {
        Writer { is_explicit: syntax != IMPLICIT, is_big: syntax == BIG }
    }

    fn u16(self, value: u16) -> [u8; 2] {
        if self.is_big { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    fn u32(self, value: u32) -> [u8; 4] {
        if self.is_big { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    fn tag(self, tag: u32) -> Vec<u8> {
        [self.u16((tag >> 16) as u16), self.u16(tag as u16)].concat()
    }

    /// A header with this length.
    fn header(self, tag: u32, vr: &str, len: u32) -> Vec<u8> {
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

    fn element(self, tag: u32, vr: &str, value: &[u8]) -> Vec<u8> {
        let mut value = value.to_vec();
        if value.len() % 2 == 1 {
            value.push(if vr == "UI" || vr == "OB" { 0 } else { b' ' });
        }
        [self.header(tag, vr, value.len() as u32), value].concat()
    }

    fn text(self, tag: u32, vr: &str, value: &str) -> Vec<u8> {
        self.element(tag, vr, value.as_bytes())
    }

    /// A sequence of one item, each of told length or closed by a delimiter.
    fn sequence(self, tag: u32, vr: &str, item: &[u8], is_told: bool) -> Vec<u8> {
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
fn file(syntax: &str, data: &[u8]) -> Vec<u8> {
    let meta = Writer::of(EXPLICIT);
    let elements =
        [meta.element(0x0002_0001, "OB", &[0, 1]), meta.text(0x0002_0010, "UI", syntax)].concat();
    let length = meta.element(0x0002_0000, "UL", &(elements.len() as u32).to_le_bytes());
    [vec![0; 128], b"DICM".to_vec(), length, elements, data.to_vec()].concat()
}

/// Pixels as an image has them.
fn pixels() -> Vec<u8> {
    (0..4096u32).flat_map(|i| ((i % 64 * 12 + i / 64 * 5) as u16).to_le_bytes()).collect()
}

fn patient(w: Writer, is_told: bool) -> Vec<u8> {
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

const TOLD: [&str; 8] = [
    "date medium (0008,0020)",
    "provider high (0008,0090)",
    "ssn high -",
    "name high (0010,0010)",
    "mrn high (0010,0020)",
    "date high (0010,0030)",
    "mrn high (0010,0020)",
    "device high (0018,1000)",
];

/// Sound files, for the tests of hostile input.
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

fn encapsulated() -> Vec<u8> {
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

#[test]
fn every_transfer_syntax_tells_the_same() {
    for syntax in [EXPLICIT, IMPLICIT, BIG] {
        for is_told in [true, false] {
            let evidence = scan(&file(syntax, &patient(Writer::of(syntax), is_told)));
            assert_eq!(told(&evidence), TOLD, "{syntax} {is_told}");
            assert_eq!(reasons(&evidence), [""; 0]);
            assert_eq!(evidence.coverage.unidentified, 0);
            assert!(evidence.coverage.numeric >= 8192, "pixels are numeric");
        }
    }
}

#[test]
fn a_deflated_data_set_is_read() {
    let data = deflate(&patient(Writer::of(EXPLICIT), true), false);
    let evidence = scan(&file(DEFLATED, &data));
    assert_eq!(told(&evidence), TOLD.map(|line| format!("{line} @deflate")));
    assert_eq!(reasons(&evidence), [""; 0]);
    let cut = scan(&file(DEFLATED, &data[..data.len() / 2]));
    assert_eq!(reasons(&cut).first(), Some(&"truncated"));
}

#[test]
fn a_data_set_without_preamble_is_known_by_its_first_elements() {
    for syntax in [EXPLICIT, IMPLICIT, BIG] {
        assert_eq!(told(&scan(&patient(Writer::of(syntax), true))), TOLD, "{syntax}");
    }
    // Two small integers are no data set.
    let numbers: Vec<u8> = (0..4000u32).flat_map(|i| (i % 9).to_le_bytes()).collect();
    clean(&numbers);
}

#[test]
fn a_preamble_may_be_another_header() {
    let mut bytes = file(EXPLICIT, &patient(Writer::of(EXPLICIT), true));
    bytes[..8].copy_from_slice(b"II*\0\x10\0\0\0");
    assert_eq!(told(&scan(&bytes)), TOLD);
}

#[test]
fn spans_are_offsets_in_the_file() {
    let bytes = file(EXPLICIT, &patient(Writer::of(EXPLICIT), true));
    let evidence = scan(&bytes);
    let values: Vec<&[u8]> = evidence
        .findings
        .iter()
        .map(|f| &bytes[f.span.start as usize..f.span.end as usize])
        .collect();
    assert_eq!(values[3], b"Westenra^Lucy");
    assert_eq!(values[4], b"PX-7714203");
    assert_eq!(values[5], b"19610908");
    assert_eq!(values[6], b"ALT-55821", "in a sequence, without its padding");
}

#[test]
fn each_of_several_values_is_told() {
    let w = Writer::of(EXPLICIT);
    let data = w.text(0x0010_1001, "PN", "Seward^John\\\\Holmwood^Arthur");
    let evidence = scan(&file(EXPLICIT, &data));
    assert_eq!(told(&evidence), ["name high (0010,1001)"; 2]);
}

#[test]
fn an_object_without_identifiers_is_clean_but_for_its_uids() {
    let w = Writer::of(EXPLICIT);
    let data = [
        w.text(0x0008_0016, "UI", "1.2.840.10008.5.1.4.1.1.7"),
        w.text(0x0008_0020, "DA", ""),
        w.text(0x0010_0010, "PN", "ANONYMIZED"),
        w.text(0x0010_0020, "LO", "XXXXXX"),
        w.text(0x0010_1010, "AS", "045Y"),
        w.text(0x0028_0301, "CS", "NO"),
        w.element(0x7fe0_0010, "OW", &pixels()),
    ]
    .concat();
    let (_, numeric) = clean(&file(EXPLICIT, &data));
    assert!(numeric >= 8192);
    let uid = w.text(0x0020_000d, "UI", "2.25.117049239041029112340190022");
    let data = [data.split_at(0).1.to_vec(), uid].concat();
    assert_eq!(told(&scan(&file(EXPLICIT, &data))), ["other-id low (0020,000D)"]);
}

#[test]
fn pictures_of_the_patient_are_told_by_what_the_object_says() {
    let w = Writer::of(EXPLICIT);
    for (tag, value, told_as) in [
        (0x0028_0301, "YES", "photo medium (0028,0301)"),
        (0x0028_0302, "YES", "photo high (0028,0302)"),
        (0x0008_0060, "XC", "photo medium (0008,0060)"),
    ] {
        assert_eq!(told(&scan(&file(EXPLICIT, &w.text(tag, "CS", value)))), [told_as]);
    }
    let overlay = w.element(0x6000_3000, "OW", &[0; 64]);
    assert_eq!(told(&scan(&file(EXPLICIT, &overlay))), ["photo low (6000,3000)"]);
}

#[test]
fn fragments_of_pixels_are_read_too() {
    let evidence = scan(&encapsulated());
    assert_eq!(told(&evidence), ["ssn high -"]);
    assert_eq!(reasons(&evidence), [""; 0]);
}

#[test]
fn what_a_private_sequence_of_unknown_representation_holds_is_read() {
    let w = Writer::of(EXPLICIT);
    let inner = Writer::of(IMPLICIT);
    let item = inner.text(0x0010_0010, "PN", "Westenra^Lucy");
    for is_told in [true, false] {
        let mut sequence = inner.sequence(0x0009_1010, "", &item, is_told);
        // The header as an explicit one, of unknown representation.
        let len = sequence.split_off(4);
        let data = [sequence, b"UN\0\0".to_vec(), len, w.text(0x0010_1010, "AS", "091Y")].concat();
        assert_eq!(
            told(&scan(&file(EXPLICIT, &data))),
            ["name high (0010,0010)", "age high (0010,1010)"],
            "{is_told}"
        );
    }
}

#[test]
fn what_is_cut_or_broken_is_told_and_read_on() {
    let bytes = file(EXPLICIT, &patient(Writer::of(EXPLICIT), true));
    assert_eq!(reasons(&scan(&bytes[..bytes.len() - 100])), ["truncated"]);
    let broken = file(EXPLICIT, b"\x10\x00\x10\x00p\x01\x02\x03 SSN 219-45-6183 and more text");
    let evidence = scan(&broken);
    assert_eq!(reasons(&evidence), ["damaged"]);
    assert_eq!(told(&evidence), ["ssn high -"]);
    let w = Writer::of(EXPLICIT);
    let deep = (0..100).fold(Vec::new(), |item, _| w.sequence(0x0040_a730, "SQ", &item, false));
    assert_eq!(reasons(&scan(&file(EXPLICIT, &deep))), ["depth-max"]);
}
