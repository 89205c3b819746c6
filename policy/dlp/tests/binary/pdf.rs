//! PDF documents built here.

pub(crate) use crate::build::pdf::*;
use crate::support::{deflate, reasons, scan, told};

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
