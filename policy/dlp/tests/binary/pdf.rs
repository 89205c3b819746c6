//! PDF documents built here.

use crate::support::{deflate, reasons, scan, told};

const NOTE: &str = "SSN 219-45-6183";

fn stream(number: u32, dictionary: &str, data: &[u8]) -> Vec<u8> {
    let head = format!("{number} 0 obj\n<<{dictionary} /Length {}>>\nstream\n", data.len());
    [head.as_bytes(), data, b"\nendstream\nendobj\n"].concat()
}

fn file(objects: &[Vec<u8>]) -> Vec<u8> {
    let tail = b"trailer\n<</Root 1 0 R>>\nstartxref\n9\n%%EOF\n".to_vec();
    [b"%PDF-1.7\n".to_vec(), objects.concat(), tail].concat()
}

fn packed(number: u32, content: &str) -> Vec<u8> {
    stream(number, "/Filter /FlateDecode", &deflate(content.as_bytes(), true))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Codes of two bytes: each character's, less 29.
fn coded(text: &str) -> String {
    text.bytes().map(|b| format!("{:04x}", u16::from(b) - 29)).collect()
}

const FONTS: &[u8] = b"3 0 obj\n<</Font <</F1 4 0 R>>>>\nendobj\n\
    4 0 obj\n<</Type /Font /Subtype /Type0 /Encoding /Identity-H /ToUnicode 5 0 R>>\nendobj\n";

fn cmap() -> Vec<u8> {
    let map = "1 begincodespacerange <0000> <ffff> endcodespacerange\n\
        1 beginbfrange <0003> <0060> <0020> endbfrange";
    packed(5, &format!("begincmap {map} endcmap"))
}

fn with_fonts() -> Vec<u8> {
    let page = format!("BT /F1 12 Tf <{}> Tj ET", coded(NOTE));
    file(&[FONTS.to_vec(), cmap(), packed(6, &page)])
}

/// Sound files, for the tests of hostile input.
pub(crate) fn samples() -> Vec<Vec<u8>> {
    let info = b"2 0 obj\n<</Title (SSN 219-45-6189)>>\nendobj\n".to_vec();
    vec![file(&[info, packed(6, "BT (SSN 219-45-) Tj (6183) Tj ET")]), with_fonts()]
}

#[test]
fn what_pages_show_is_read() {
    for content in [
        "BT /F1 12 Tf (SSN 219-45-6183) Tj ET".to_owned(),
        "BT [(SS)20(N)-400(219-)15(45-6183)] TJ ET".to_owned(),
        "BT (SSN 219-45-) Tj (6183) Tj ET".to_owned(),
        "BT (SSN) Tj 40 0 Td (219-45-6183) Tj ET".to_owned(),
        "BT (first) Tj (SSN 219\\05545\\0556183) ' ET".to_owned(),
        format!("BT <{}> Tj ET", hex(NOTE.as_bytes())),
    ] {
        let evidence = scan(&file(&[packed(6, &content)]));
        assert_eq!(told(&evidence), ["ssn high - @text"], "{content}");
        assert_eq!(reasons(&evidence), [""; 0]);
        assert_eq!(evidence.coverage.unidentified, 0);
    }
}

#[test]
fn codes_are_read_through_their_map() {
    let evidence = scan(&with_fonts());
    assert_eq!(told(&evidence), ["ssn high - @text"]);
    assert_eq!(reasons(&evidence), [""; 0]);
    let page = packed(6, &format!("BT /F1 12 Tf <{}> Tj ET", coded(NOTE)));
    let unmapped = FONTS.to_vec();
    let at = unmapped.windows(10).position(|w| w == b"/ToUnicode").unwrap();
    let evidence = scan(&file(&[[&unmapped[..at], b">>\nendobj\n"].concat(), page]));
    assert_eq!(reasons(&evidence), ["unknown-encoding"], "nothing tells what is shown");
}

#[test]
fn document_information_is_read_in_every_notation() {
    let wide: Vec<u8> = NOTE.encode_utf16().flat_map(u16::to_be_bytes).collect();
    for (value, members) in [
        (format!("({NOTE})"), &[""][..]),
        ("(SSN 219\\05545-6183)".to_owned(), &[" @text"]),
        // Hexadecimal is read wherever it stands, too.
        (format!("<feff{}>", hex(&wide)), &[" @hex@27!utf16@3", " @text"]),
    ] {
        let info = format!("2 0 obj\n<</Title {value}>>\nendobj\n").into_bytes();
        let wanted: Vec<String> = members.iter().map(|m| format!("ssn high -{m}")).collect();
        assert_eq!(told(&scan(&file(&[info]))), wanted);
    }
}

#[test]
fn objects_in_streams_and_other_filters_are_read() {
    let inner = format!("7 0 <</Title <{}>>>", hex(NOTE.as_bytes()));
    let dictionary = "/Type /ObjStm /N 1 /First 4 /Filter /FlateDecode";
    let objects = stream(8, dictionary, &deflate(inner.as_bytes(), true));
    let members = ["ssn high - @objects!hex@14", "ssn high - @text"];
    assert_eq!(told(&scan(&file(&[objects]))), members);
    let page = format!("BT ({NOTE}) Tj ET");
    let twice = stream(
        6,
        "/Filter [/ASCIIHexDecode /FlateDecode]",
        hex(&deflate(page.as_bytes(), true)).as_bytes(),
    );
    assert_eq!(told(&scan(&file(&[twice]))), ["ssn high - @text"]);
    let metadata = format!("<x:xmpmeta><dc:title>{NOTE}</dc:title></x:xmpmeta>");
    let metadata = stream(9, "/Type /Metadata /Subtype /XML", metadata.as_bytes());
    let found = told(&scan(&file(&[metadata])));
    assert!(found.len() == 1 && found[0].starts_with("ssn high") && found[0].ends_with("@content"));
}

#[test]
fn what_cannot_be_read_is_told() {
    let page = packed(6, "BT (SSN 219-45-6183) Tj ET");
    let encrypted = [file(&[page]), b"<</Encrypt 9 0 R>>".to_vec()].concat();
    assert_eq!(reasons(&scan(&encrypted)), ["encrypted"]);
    let lzw = stream(6, "/Filter /LZWDecode", b"\x80\x0b\x60\x50\x22\x0c\x0c\x85\x01");
    let evidence = scan(&file(&[lzw]));
    assert_eq!(reasons(&evidence), ["unknown-encoding"]);
    assert!(evidence.coverage.unidentified > 0);
    let broken = stream(6, "/Filter /FlateDecode", b"this is not deflated, SSN 219-45-6183");
    let evidence = scan(&file(&[broken]));
    assert_eq!(reasons(&evidence), ["damaged"]);
    assert_eq!(told(&evidence), ["ssn high - @stream"], "read as it stands");
}
