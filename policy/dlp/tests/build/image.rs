//! Pictures, with text in each place where their forms keep any.

use super::deflate;

pub(crate) const NOTE: &[u8] = b"SSN 219-45-6183";

/// Bytes as entropy coding makes them.
pub(crate) fn noise(count: usize) -> Vec<u8> {
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

pub(crate) fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    [&(data.len() as u32).to_be_bytes(), kind.as_slice(), data, &[1, 2, 3, 4]].concat()
}

pub(crate) fn png(chunks: &[Vec<u8>]) -> Vec<u8> {
    let pixels = chunk(b"IDAT", &noise(6000));
    let head = chunk(b"IHDR", &[0, 0, 0, 64, 0, 0, 0, 64, 8, 2, 0, 0, 0]);
    let magic = b"\x89PNG\r\n\x1a\n".to_vec();
    [magic, head, chunks.concat(), pixels, chunk(b"IEND", &[])].concat()
}

pub(crate) fn segment(kind: u8, data: &[u8]) -> Vec<u8> {
    [&[0xff, kind], (data.len() as u16 + 2).to_be_bytes().as_slice(), data].concat()
}

pub(crate) fn jpeg(segments: &[Vec<u8>]) -> Vec<u8> {
    // No marker within, but a stuffed byte and a restart.
    let mut coded: Vec<u8> = noise(6000).into_iter().filter(|b| *b != 0xff).collect();
    coded.extend([0xff, 0, 7, 0xff, 0xd3]);
    let scan = segment(0xda, &[1, 1, 0, 0, 63, 0]);
    let start = segment(0xe0, b"JFIF\0\x01\x02\0\0\x01\0\x01\0\0");
    [vec![0xff, 0xd8], start, segments.concat(), scan, coded, vec![0xff, 0xd9]].concat()
}

/// A TIFF block with a description, an artist, and a position, whose values stand behind it.
pub(crate) fn exif() -> Vec<u8> {
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

pub(crate) fn webp() -> Vec<u8> {
    let chunk = |kind: &[u8; 4], data: &[u8]| {
        [kind, (data.len() as u32).to_le_bytes().as_slice(), data, &vec![0; data.len() % 2]]
            .concat()
    };
    let body = [chunk(b"VP8L", &noise(999)), chunk(b"EXIF", &exif())].concat();
    [b"RIFF", (body.len() as u32 + 4).to_le_bytes().as_slice(), b"WEBP", &body].concat()
}

pub(crate) fn gif() -> Vec<u8> {
    gif_of(NOTE)
}

/// A picture whose comment is cut by the length of its second piece.
pub(crate) fn gif_of(note: &[u8]) -> Vec<u8> {
    let piece = |piece: &[u8]| [&[piece.len() as u8], piece].concat();
    let comment = [b"\x21\xfe".to_vec(), note.chunks(10).flat_map(piece).collect(), vec![0]];
    let comment = comment.concat();
    let pixels = [b"\x2c\0\0\0\0\x08\0\x08\0\0\x02\xfa".to_vec(), noise(250), vec![0]].concat();
    let head = b"GIF89a\x08\0\x08\0\x80\0\0".to_vec();
    [head, vec![0; 6], comment, pixels, vec![0x3b]].concat()
}

pub(crate) fn tiff() -> Vec<u8> {
    let mut bytes = exif();
    // Not a value behind a directory, but a strip of pixels.
    bytes.resize(300, 0);
    bytes
}

/// Sound files.
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

pub(crate) fn packed_text() -> Vec<u8> {
    chunk(b"zTXt", &[b"Comment\0\0".to_vec(), deflate(NOTE, true)].concat())
}
