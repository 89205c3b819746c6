//! Arrow streams built here: FlatBuffers written front to back, with planted identifiers.

pub(crate) use crate::build::arrow::*;
use crate::support::{clean, floats, reasons, scan, told};

const TOLD: [&str; 4] = [
    "ssn high column ssn @ssn",
    "ssn high - @note",
    "mrn high column mrn @mrn",
    "mrn high column mrn @mrn",
];

#[test]
fn every_field_is_read_under_its_name() {
    let evidence = scan(&patients());
    assert_eq!(told(&evidence), TOLD);
    assert_eq!(reasons(&evidence), [""; 0]);
    assert_eq!(evidence.coverage.unidentified, 0);
    assert!(evidence.coverage.numeric >= 2400 + 16);
}

#[test]
fn a_file_is_a_stream_between_magics() {
    let file = [b"ARROW1\0\0".to_vec(), patients(), b"footer\x06\0\0\0ARROW1".to_vec()].concat();
    assert_eq!(told(&scan(&file)), TOLD);
}

#[test]
fn what_lies_between_buffers_is_read() {
    let hidden = stream(&[strings("layer", &["a", "b"])], b" SSN 219-45-6183 ");
    let found = told(&scan(&hidden));
    assert!(found.contains(&"ssn high - @unclaimed".to_owned()), "{found:?}");
}

#[test]
fn numbers_are_numeric_and_a_cut_is_told() {
    let numbers = [
        ("loss", 3, vec![Vec::new(), floats(2000)]),
        ("step", 2, vec![Vec::new(), (0..500u64).flat_map(u64::to_le_bytes).collect()]),
    ];
    let (_, numeric) = clean(&stream(&numbers, &[]));
    assert_eq!(numeric, 8000 + 4000);
    let bytes = patients();
    assert_eq!(reasons(&scan(&bytes[..bytes.len() - 40])), ["truncated"]);
}
