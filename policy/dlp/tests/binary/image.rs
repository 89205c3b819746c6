//! Pictures built here, with text in each place where their forms keep any.

use crate::support::{deflate, reasons, scan, told};

const NOTE: &[u8] = b"SSN 219-45-6183";
const FOUND: &str = "ssn high -";

/// What is told, whatever the order of the leaves.
fn sorted(evidence: &dlp::Evidence) -> Vec<String> {
    let mut told = told(evidence);
    told.sort();
    told
}

/// Bytes as entropy coding makes them.
fn noise(count: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    })
    .take(count)
    .collect()
}

fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    [&(data.len() as u32).to_be_bytes(), kind.as_slice(), data, &[1, 2, 3, 4]].concat()
}

fn png(chunks: &[Vec<u8>]) -> Vec<u8> {
    let pixels = chunk(b"IDAT", &noise(6000));
    let head = chunk(b"IHDR", &[0, 0, 0, 64, 0, 0, 0, 64, 8, 2, 0, 0, 0]);
    let magic = b"\x89PNG\r\n\x1a\n".to_vec();
    [magic, head, chunks.concat(), pixels, chunk(b"IEND", &[])].concat()
}

fn segment(kind: u8, data: &[u8]) -> Vec<u8> {
    [&[0xff, kind], (data.len() as u16 + 2).to_be_bytes().as_slice(), data].concat()
}

fn jpeg(segments: &[Vec<u8>]) -> Vec<u8> {
    // No marker within, but a stuffed byte and a restart.
    let mut coded: Vec<u8> = noise(6000).into_iter().filter(|b| *b != 0xff).collect();
    coded.extend([0xff, 0, 7, 0xff, 0xd3]);
    let scan = segment(0xda, &[1, 1, 0, 0, 63, 0]);
    let start = segment(0xe0, b"JFIF\0\x01\x02\0\0\x01\0\x01\0\0");
    [vec![0xff, 0xd8], start, segments.concat(), scan, coded, vec![0xff, 0xd9]].concat()
}

/// A TIFF block with a description, an artist, and a position, whose values stand behind it.
fn exif() -> Vec<u8> {
    let entry = |tag: u16, kind: u16, count: u32, value: u32| {
        let numbers = [count.to_le_bytes(), value.to_le_bytes()].concat();
        [tag.to_le_bytes().to_vec(), kind.to_le_bytes().to_vec(), numbers].concat()
    };
    let first = [
        3u16.to_le_bytes().to_vec(),
        entry(0x010e, 2, 16, 200),
        entry(0x013b, 2, 14, 220),
        entry(0x8825, 4, 1, 60),
        vec![0; 4],
    ];
    let gps = [1u16.to_le_bytes().to_vec(), entry(0x0002, 5, 3, 240), vec![0; 4]].concat();
    let mut block = [b"II*\0\x08\0\0\0".to_vec(), first.concat()].concat();
    block.resize(60, 0);
    block.extend(gps);
    block.resize(200, 0);
    block.extend(b"SSN 219-45-6183\0");
    block.resize(220, 0);
    block.extend(b"Lucy Westenra\0");
    block.resize(240, 0);
    block.extend([51u32, 1, 30, 1, 12, 1].iter().flat_map(|n| n.to_le_bytes()));
    block
}

fn webp() -> Vec<u8> {
    let chunk = |kind: &[u8; 4], data: &[u8]| {
        [kind, (data.len() as u32).to_le_bytes().as_slice(), data, &vec![0; data.len() % 2]]
            .concat()
    };
    let body = [chunk(b"VP8L", &noise(999)), chunk(b"EXIF", &exif())].concat();
    [b"RIFF", (body.len() as u32 + 4).to_le_bytes().as_slice(), b"WEBP", &body].concat()
}

fn gif() -> Vec<u8> {
    // The note is cut by the length of its second piece.
    let comment = [b"\x21\xfe\x0a", &NOTE[..10], b"\x05", &NOTE[10..], b"\0"].concat();
    let pixels = [b"\x2c\0\0\0\0\x08\0\x08\0\0\x02\xfa".to_vec(), noise(250), vec![0]].concat();
    let head = b"GIF89a\x08\0\x08\0\x80\0\0".to_vec();
    [head, vec![0; 6], comment, pixels, vec![0x3b]].concat()
}

fn tiff() -> Vec<u8> {
    let mut bytes = exif();
    // Not a value behind a directory, but a strip of pixels.
    bytes.resize(300, 0);
    bytes
}

/// Sound files, for the tests of hostile input.
pub(crate) fn samples() -> Vec<Vec<u8>> {
    let exif = [b"Exif\0\0".to_vec(), exif()].concat();
    vec![
        png(&[chunk(b"tEXt", &[b"Comment\0", NOTE].concat()), packed_text()]),
        jpeg(&[segment(0xfe, NOTE), segment(0xe1, &exif)]),
        gif(),
        webp(),
        tiff(),
        [b"FMR\0 20\0".to_vec(), noise(300)].concat(),
    ]
}

fn packed_text() -> Vec<u8> {
    chunk(b"zTXt", &[b"Comment\0\0".to_vec(), deflate(NOTE, true)].concat())
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
