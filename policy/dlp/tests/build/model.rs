//! Models in Protocol Buffers (ONNX) and GGUF.

use super::floats;

pub(crate) const NOTE: &str = "SSN 219-45-6183";

pub(crate) fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

pub(crate) fn bytes(number: u64, value: &[u8]) -> Vec<u8> {
    [varint(number << 3 | 2), varint(value.len() as u64), value.to_vec()].concat()
}

pub(crate) fn int(number: u64, value: u64) -> Vec<u8> {
    [varint(number << 3), varint(value)].concat()
}

/// A model with one node, one tensor of raw floats, and a note in the metadata.
pub(crate) fn onnx(note: &str, count: u32) -> Vec<u8> {
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

pub(crate) fn gguf(note: &str) -> Vec<u8> {
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

/// Sound files.
pub(crate) fn samples() -> Vec<Vec<u8>> {
    vec![onnx(NOTE, 300), onnx(NOTE, 20_000), gguf(NOTE)]
}
