//! Pictures built here, with text in each place where their forms keep any.

pub(crate) use crate::build::image::*;
use crate::support::{deflate, reasons, scan, told};

const FOUND: &str = "ssn high -";

/// What is told, whatever the order of the leaves.
fn sorted(evidence: &dlp::Evidence) -> Vec<String> {
    let mut told = told(evidence);
    told.sort();
    told
}

#[test]
fn text_chunks_of_png_are_read() {
    let international = [b"XML\0\x01\0en\0\0".to_vec(), deflate(NOTE, true)].concat();
    for (chunk, found) in [
        (chunk(b"tEXt", &[b"Comment\0", NOTE].concat()), FOUND),
        (packed_text(), "ssn high - @text"),
        (chunk(b"iTXt", &international), "ssn high - @text"),
        (chunk(b"prVt", &[NOTE, b" in a chunk of one's own"].concat()), FOUND),
    ] {
        let evidence = scan(&png(&[chunk]));
        assert_eq!(sorted(&evidence), ["photo low png", found]);
        assert_eq!(reasons(&evidence), [""; 0]);
        assert_eq!(evidence.coverage.unidentified, 0);
        assert!(evidence.coverage.numeric >= 6000);
    }
}

#[test]
fn comments_and_exif_of_jpeg_are_read() {
    let evidence = scan(&jpeg(&[segment(0xfe, NOTE)]));
    assert_eq!(told(&evidence), ["photo low jpeg", FOUND]);
    assert_eq!(evidence.coverage.unidentified, 0);
    let block = [b"Exif\0\0".to_vec(), exif()].concat();
    let evidence = scan(&jpeg(&[segment(0xe1, &block)]));
    assert_eq!(
        told(&evidence),
        ["photo low jpeg", FOUND, "name low exif Artist", "geographic high exif GPS"]
    );
    assert_eq!(reasons(&evidence), [""; 0]);
}

#[test]
fn wide_text_of_exif_is_read() {
    let comment: Vec<u8> = "SSN 219-45-6183".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let value = [b"UNICODE\0".to_vec(), comment].concat();
    let entry = [0x86, 0x92, 7, 0, value.len() as u8, 0, 0, 0, 26, 0, 0, 0];
    let block = [b"II*\0\x08\0\0\0\x01\0".to_vec(), entry.to_vec(), vec![0; 4], value].concat();
    let block = [b"Exif\0\0".to_vec(), block].concat();
    let found = told(&scan(&jpeg(&[segment(0xe1, &block)])));
    assert!(found.contains(&"ssn high - @exif".to_owned()), "{found:?}");
}

#[test]
fn other_pictures_are_read() {
    assert_eq!(sorted(&scan(&gif())), ["photo low gif", "ssn high - @comment"]);
    let webp = scan(&webp());
    let exif = [FOUND, "name low exif Artist", "geographic high exif GPS"];
    assert_eq!(told(&webp)[0], "photo low webp");
    assert_eq!(told(&webp)[1..], exif);
    let tiff = sorted(&scan(&tiff()));
    assert_eq!(tiff, ["geographic high exif GPS", "name low exif Artist", "photo low tiff", FOUND]);
    for evidence in [webp, scan(&gif())] {
        assert_eq!(reasons(&evidence), [""; 0]);
        assert_eq!(evidence.coverage.unidentified, 0);
    }
}

#[test]
fn what_is_appended_to_a_picture_is_read() {
    for picture in [png(&[]), jpeg(&[]), gif(), webp()] {
        let evidence = scan(&[&picture, b" SSN 219-45-6190 ".as_slice()].concat());
        assert!(told(&evidence).contains(&FOUND.to_owned()), "{:?}", told(&evidence));
        let hidden = scan(&[picture, noise(5000)].concat());
        assert!(hidden.coverage.unidentified >= 4096, "{:?}", hidden.coverage);
    }
}

#[test]
fn prints_are_biometric() {
    let wsq = [b"\xff\xa0\xff\xa4\0\x3a".to_vec(), noise(900)].concat();
    assert_eq!(told(&scan(&wsq)), ["biometric medium wsq"]);
    let template = [b"FMR\0 20\0".to_vec(), noise(300)].concat();
    assert_eq!(told(&scan(&template)), ["biometric medium biometric record"]);
    assert_eq!(told(&scan(b"FMR\0 of something else")), [""; 0]);
}

#[test]
fn a_cut_picture_is_told() {
    for picture in [png(&[]), jpeg(&[]), gif(), webp()] {
        assert_eq!(reasons(&scan(&picture[..picture.len() - 3])), ["truncated"]);
    }
}
