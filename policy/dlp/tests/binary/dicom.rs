//! DICOM objects built here in every transfer syntax, with planted identifiers.

pub(crate) use crate::build::dicom::*;
use crate::support::{clean, deflate, reasons, scan, told};

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
