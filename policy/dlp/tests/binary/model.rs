//! Models in Protocol Buffers (ONNX) and GGUF, built here.

pub(crate) use crate::build::model::*;
use crate::support::{clean, reasons, scan, told};

#[test]
fn strings_of_a_model_are_read_and_its_tensors_are_numeric() {
    for count in [300, 3000, 40_000] {
        let evidence = scan(&onnx(NOTE, count));
        assert_eq!(told(&evidence), ["ssn high - @protobuf"; 2], "{count}");
        assert_eq!(reasons(&evidence), [""; 0]);
        let (_, numeric) = clean(&onnx("made by hand", count));
        assert_eq!(numeric, u64::from(count) * 4);
    }
}

#[test]
fn a_value_is_no_part_of_the_length_before_it() {
    // The length of the field is the digit 2 as a character.
    let value = format!("219-45-6183{}", " ".repeat(39));
    let message = [int(1, 8), bytes(2, b"pytorch"), bytes(6, value.as_bytes())].concat();
    assert!(message.windows(4).any(|w| w == b"2219"));
    assert_eq!(told(&scan(&message)), ["ssn high - @protobuf"]);
}

#[test]
fn what_stands_inside_of_a_field_is_content() {
    let archive = crate::parquet::samples().remove(0);
    let message = [int(1, 8), bytes(2, b"pytorch"), bytes(9, &archive)].concat();
    let found = told(&scan(&message));
    assert!(found.contains(&"ssn high column ssn @protobuf!ssn".to_owned()), "{found:?}");
}

#[test]
fn a_broken_message_is_read_as_bytes() {
    let message = [onnx("nothing", 300), b"\x07\x07 and SSN 219-45-6183".to_vec()].concat();
    assert_eq!(told(&scan(&message)), ["ssn high - @protobuf"]);
    let deep = (0..200).fold(b"SSN 219-45-6183".to_vec(), |inner, _| bytes(1, &inner));
    let message = [int(1, 8), bytes(2, b"pytorch"), bytes(7, &deep)].concat();
    assert_eq!(told(&scan(&message)), ["ssn high - @protobuf"]);
}

#[test]
fn metadata_of_gguf_is_read() {
    let evidence = scan(&gguf(NOTE));
    assert_eq!(told(&evidence), ["ssn high - @gguf"; 2]);
    assert_eq!(reasons(&evidence), [""; 0]);
    let (_, numeric) = clean(&gguf("nothing of note"));
    assert_eq!(numeric, 8000 + 12);
    assert_eq!(reasons(&scan(&gguf(NOTE)[..150])), ["truncated"]);
}
