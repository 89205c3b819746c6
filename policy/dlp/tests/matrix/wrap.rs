//! What a form is wrapped in: compressions, archives, spellings.

use crate::build::archive::{Entry, zip};
use crate::build::{encode, tape};

/// A way to wrap bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wrap {
    pub(crate) name: &'static str,
    /// Whether it writes characters, so that it fits text alone.
    pub(crate) of_text: bool,
    /// Whether text of its own stands before.
    pub(crate) leads: bool,
    /// The `Content-Encoding` that tells it, where its first bytes do not.
    pub(crate) told: Option<&'static str>,
    pub(crate) wrap: fn(&[u8]) -> Vec<u8>,
}

const fn bytes(name: &'static str, wrap: fn(&[u8]) -> Vec<u8>) -> Wrap {
    Wrap { name, of_text: false, leads: false, told: None, wrap }
}

const fn text(name: &'static str, wrap: fn(&[u8]) -> Vec<u8>) -> Wrap {
    Wrap { of_text: true, ..bytes(name, wrap) }
}

const fn within(name: &'static str, wrap: fn(&[u8]) -> Vec<u8>) -> Wrap {
    Wrap { leads: true, ..text(name, wrap) }
}

const fn told(name: &'static str, encoding: &'static str, wrap: fn(&[u8]) -> Vec<u8>) -> Wrap {
    Wrap { told: Some(encoding), ..bytes(name, wrap) }
}

pub(crate) const WRAPS: &[Wrap] = &[
    bytes("nothing", <[u8]>::to_vec),
    bytes("gzip", encode::gzip),
    bytes("zlib", encode::zlib),
    bytes("zstd", encode::zstd),
    bytes("lz4", encode::lz4),
    bytes("snappy", encode::snappy),
    bytes("bzip2", encode::bzip2),
    bytes("xz", encode::xz),
    told("told gzip", "gzip", encode::gzip),
    told("brotli", "br", encode::brotli),
    told("deflate", "deflate", encode::deflate),
    told("snappy block", "snappy", encode::snappy_block),
    told("aws-chunked", "aws-chunked", aws_chunked),
    bytes("zip stored", |b| zip(&[Entry::stored("inner", b)], b"")),
    bytes("zip deflated", |b| zip(&[Entry::deflated("inner", b).streamed()], b"")),
    bytes("tar", |b| tape::tar(&[tape::file("inner", b)])),
    bytes("gzip in tar in zip", |b| {
        let archive = tape::tar(&[tape::file("inner.gz", &encode::gzip(b))]);
        zip(&[Entry::deflated("inner.tar", &archive)], b"")
    }),
    bytes("base64", |b| base64(b).into()),
    bytes("base64 in json", |b| format!("{{\"data\": \"{}\"}}", base64(b)).into()),
    bytes("base64 in lines", |b| lines(&base64(b), "\n").into()),
    bytes("base64 in lines in json", |b| {
        format!("{{\"data\":\"{}\"}}", lines(&base64(b), "\\n")).into()
    }),
    bytes("data url", |b| {
        format!("<img src=\"data:application/octet-stream;base64,{}\">", base64(b)).into()
    }),
    bytes("hex", |b| hex(b).into()),
    bytes("hex in sql", |b| format!("INSERT INTO t VALUES (1, '\\x{}');", hex(b)).into()),
    bytes("hex of c", |b| format!("blob = 0x{}", hex(b).to_uppercase()).into()),
    bytes("base64 of gzip", |b| base64(&encode::gzip(b)).into()),
    text("utf-16le", |b| wide(b).flat_map(u16::to_le_bytes).collect()),
    text("utf-16le marked", |b| {
        [0xfeff].into_iter().chain(wide(b)).flat_map(u16::to_le_bytes).collect()
    }),
    text("utf-16be", |b| wide(b).flat_map(u16::to_be_bytes).collect()),
    text("utf-16be marked", |b| {
        [0xfeff].into_iter().chain(wide(b)).flat_map(u16::to_be_bytes).collect()
    }),
    text("utf-32le", |b| wide(b).flat_map(|c| u32::from(c).to_le_bytes()).collect()),
    text("utf-32be", |b| wide(b).flat_map(|c| u32::from(c).to_be_bytes()).collect()),
    text("percent", |b| {
        escaped(b, |byte| !byte.is_ascii_alphanumeric(), |byte| format!("%{byte:02X}"))
    }),
    text("percent of all", |b| escaped(b, |_| true, |byte| format!("%{byte:02x}"))),
    text("quoted-printable", quoted),
    within("json escapes", |b| {
        let inner = escaped(b, |_| true, |byte| format!("\\u{byte:04x}"));
        [b"{\"text\":\"".to_vec(), inner, b"\"}".to_vec()].concat()
    }),
    within("references of xml", |b| {
        let inner = escaped(b, |byte| !byte.is_ascii_lowercase(), |byte| format!("&#{byte};"));
        [b"<p>".to_vec(), inner, b"</p>".to_vec()].concat()
    }),
];

pub(crate) fn base64(bytes: &[u8]) -> String {
    base64_simd::STANDARD.encode_to_string(bytes)
}

/// Lines of 76 letters, as mail has them.
fn lines(letters: &str, end: &str) -> String {
    letters.as_bytes().chunks(76).map(|line| String::from_utf8_lossy(line) + end).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn wide(text: &[u8]) -> impl Iterator<Item = u16> {
    text.iter().map(|byte| u16::from(*byte))
}

fn escaped(text: &[u8], which: fn(u8) -> bool, how: fn(u8) -> String) -> Vec<u8> {
    text.iter().flat_map(|b| if which(*b) { how(*b).into_bytes() } else { vec![*b] }).collect()
}

/// As mail has it: what is no letter or blank escaped, lines broken softly (RFC 2045 section 6.7).
fn quoted(text: &[u8]) -> Vec<u8> {
    let mut out = String::new();
    let mut column = 0;
    for byte in text {
        let part = match byte {
            b'\n' => "\r\n".to_owned(),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b' ' => char::from(*byte).to_string(),
            _ => format!("={byte:02X}"),
        };
        if column + part.len() > 40 {
            out += "=\r\n";
            column = 0;
        }
        column = if part.ends_with('\n') { 0 } else { column + part.len() };
        out += &part;
    }
    out.into()
}

fn aws_chunked(bytes: &[u8]) -> Vec<u8> {
    let chunk = |c: &[u8]| [format!("{:x}\r\n", c.len()).as_bytes(), c, b"\r\n"].concat();
    let chunks: Vec<u8> = bytes.chunks(13).flat_map(chunk).collect();
    [chunks, b"0\r\n\r\n".to_vec()].concat()
}
