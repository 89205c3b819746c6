//! Models in Protocol Buffers (ONNX) and GGUF, built here.

use crate::support::{clean, floats, reasons, scan, told};

const NOTE: &str = "SSN 219-45-6183";

fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

fn bytes(number: u64, value: &[u8]) -> Vec<u8> {
    [varint(number << 3 | 2), varint(value.len() as u64), value.to_vec()].concat()
}

fn int(number: u64, value: u64) -> Vec<u8> {
    [varint(number << 3), varint(value)].concat()
}

/// A model with one node, one tensor of raw floats, and a note in the metadata.
fn onnx(note: &str, count: u32) -> Vec<u8> {
    let tensor =
        [int(1, count.into()), int(2, 1), bytes(8, b"encoder.weight"), bytes(9, &floats(count))]
            .concat();
    let node = [bytes(1, b"X"), bytes(2, b"Y"), bytes(4, b"MatMul"), bytes(6, note.as_bytes())];
    let graph = [bytes(1, &node.concat()), bytes(2, b"graph"), bytes(5, &tensor)].concat();
    let property = [bytes(1, b"author"), bytes(2, note.as_bytes())].concat();
    let opset = [bytes(1, b""), int(2, 17)].concat();
    [int(1, 8), bytes(2, b"pytorch"), bytes(7, &graph), bytes(8, &opset), bytes(14, &property)]
        .concat()
}

fn gguf(note: &str) -> Vec<u8> {
    let text = |value: &str| [&(value.len() as u64).to_le_bytes(), value.as_bytes()].concat();
    let key = |name: &str, kind: u32| [text(name), kind.to_le_bytes().to_vec()].concat();
    let list = |kind: u32, count: u64, values: Vec<u8>| {
        [kind.to_le_bytes().to_vec(), count.to_le_bytes().to_vec(), values].concat()
    };
    let tokens = [text("a"), text(note), text("")].concat();
    let tensor = [
        text("blk.0.weight"),
        1u32.to_le_bytes().to_vec(),
        2000u64.to_le_bytes().to_vec(),
        0u32.to_le_bytes().to_vec(),
        0u64.to_le_bytes().to_vec(),
    ];
    [
        b"GGUF\x03\0\0\0".to_vec(),
        1u64.to_le_bytes().to_vec(),
        4u64.to_le_bytes().to_vec(),
        [key("general.description", 8), text(note)].concat(),
        [key("context", 4), 4096u32.to_le_bytes().to_vec()].concat(),
        [key("tokens", 9), list(8, 3, tokens)].concat(),
        [key("scores", 9), list(6, 3, floats(3))].concat(),
        tensor.concat(),
        floats(2000),
    ]
    .concat()
}

/// Sound files, for the tests of hostile input.
pub(crate) fn samples() -> Vec<Vec<u8>> {
    vec![onnx(NOTE, 300), onnx(NOTE, 20_000), gguf(NOTE)]
}

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
