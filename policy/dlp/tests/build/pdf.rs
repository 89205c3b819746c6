//! PDF documents.

use super::deflate;

pub(crate) const NOTE: &str = "SSN 219-45-6183";

pub(crate) fn stream(number: u32, dictionary: &str, data: &[u8]) -> Vec<u8> {
    let head = format!("{number} 0 obj\n<<{dictionary} /Length {}>>\nstream\n", data.len());
    [head.as_bytes(), data, b"\nendstream\nendobj\n"].concat()
}

pub(crate) fn file(objects: &[Vec<u8>]) -> Vec<u8> {
    let tail = b"trailer\n<</Root 1 0 R>>\nstartxref\n9\n%%EOF\n".to_vec();
    [b"%PDF-1.7\n".to_vec(), objects.concat(), tail].concat()
}

pub(crate) fn packed(number: u32, content: &str) -> Vec<u8> {
    stream(number, "/Filter /FlateDecode", &deflate(content.as_bytes(), true))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Codes of two bytes: each character's, less 29.
pub(crate) fn coded(text: &str) -> String {
    text.bytes().map(|b| format!("{:04x}", u16::from(b) - 29)).collect()
}

pub(crate) const FONTS: &[u8] = b"3 0 obj\n<</Font <</F1 4 0 R>>>>\nendobj\n\
    4 0 obj\n<</Type /Font /Subtype /Type0 /Encoding /Identity-H /ToUnicode 5 0 R>>\nendobj\n";

pub(crate) fn cmap() -> Vec<u8> {
    let map = "1 begincodespacerange <0000> <ffff> endcodespacerange\n\
        1 beginbfrange <0003> <0060> <0020> endbfrange";
    packed(5, &format!("begincmap {map} endcmap"))
}

pub(crate) fn with_fonts() -> Vec<u8> {
    let page = format!("BT /F1 12 Tf <{}> Tj ET", coded(NOTE));
    file(&[FONTS.to_vec(), cmap(), packed(6, &page)])
}

/// Sound files.
pub(crate) fn samples() -> Vec<Vec<u8>> {
    let info = b"2 0 obj\n<</Title (SSN 219-45-6189)>>\nendobj\n".to_vec();
    vec![file(&[info, packed(6, "BT (SSN 219-45-) Tj (6183) Tj ET")]), with_fonts()]
}
