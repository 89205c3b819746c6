//! Containers and encodings: what is inside is found and told by its way in; what cannot be read is
//! told too.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "tests"
)]

#[path = "build/archive.rs"]
mod archive;

use archive::{Entry, gzip, zip};
use dlp::{Catalog, Evidence, Hint, Limits, Scanner, Status};

const NOTE: &[u8] = b"Patient note. SSN 219-45-6183.\n";

fn scan_with(bytes: &[u8], encoding: Option<&str>, limits: Limits) -> Evidence {
    let hint = Hint { content_encoding: encoding, ..Hint::default() };
    let mut scanner = Scanner::new(Catalog::builtin(), &hint, limits);
    for chunk in bytes.chunks(1000) {
        scanner.feed(chunk);
    }
    scanner.finish();
    assert_eq!(scanner.cleared(), bytes.len() as u64);
    scanner.evidence().clone()
}

fn scan(bytes: &[u8]) -> Evidence {
    scan_with(bytes, None, Limits::default())
}

/// The ways in of all findings.
fn members(evidence: &Evidence) -> Vec<String> {
    evidence.findings.iter().map(|f| f.member.as_deref().unwrap_or("-").to_owned()).collect()
}

/// The reasons why something was not read, with the place.
fn reasons(evidence: &Evidence) -> Vec<String> {
    let reason = |i: &dlp::Incomplete| {
        i.member.as_ref().map_or(i.reason.name().to_owned(), |m| format!("{}@{m}", i.reason.name()))
    };
    evidence.incomplete.iter().map(reason).collect()
}

fn floats(count: u32) -> Vec<u8> {
    (0..count).flat_map(|i| ((i as f32).sin() * 0.02).to_le_bytes()).collect()
}

/// Bytes that no statistics tell from ciphertext.
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

#[test]
fn gzip_is_read_through() {
    let evidence = scan(&gzip(NOTE));
    assert_eq!(members(&evidence), ["gzip"]);
    let finding = &evidence.findings[0];
    assert_eq!((finding.span.start, finding.line, finding.column), (18, 1, 19));
    assert_eq!(evidence.incomplete, []);
}

#[test]
fn gzip_members_in_a_row_are_one_stream() {
    let bytes = [gzip(b"SSN 219-45"), gzip(b"-6183 on file")].concat();
    assert_eq!(members(&scan(&bytes)), ["gzip"]);
}

#[test]
fn what_follows_gzip_is_read_too() {
    let bytes = [gzip(b"nothing here"), NOTE.to_vec()].concat();
    assert_eq!(members(&scan(&bytes)), ["behind"]);
}

#[test]
fn a_zip_in_a_zip_in_gzip_tells_its_way_in() {
    let inner = zip(&[Entry::deflated("patient.txt", NOTE)], b"");
    let outer = zip(&[Entry::stored("notes.zip", &inner)], b"");
    assert_eq!(members(&scan(&gzip(&outer))), ["gzip!notes.zip!patient.txt"]);
}

#[test]
fn zip_members_are_read_however_they_are_written() {
    let entries = [
        Entry::stored("a.txt", NOTE),
        Entry::deflated("b.txt", NOTE),
        Entry::stored("c.txt", NOTE).streamed(),
        Entry::deflated("d.txt", NOTE).streamed(),
        Entry::stored("e.txt", b"").streamed(),
    ];
    let evidence = scan(&zip(&entries, b""));
    assert_eq!(members(&evidence), ["a.txt", "b.txt", "c.txt", "d.txt"]);
    assert_eq!(evidence.incomplete, []);
}

#[test]
fn a_descriptor_inside_of_stored_data_does_not_end_it() {
    let data =
        [b"PK\x07\x08 and PK\x03\x04 and ".as_slice(), NOTE, b"PK\x07\x08PK\x01\x02"].concat();
    let evidence = scan(&zip(&[Entry::stored("a.txt", &data).streamed()], b""));
    assert_eq!(members(&evidence), ["a.txt"]);
    assert_eq!(evidence.incomplete, []);
}

#[test]
fn names_and_comments_are_content_and_a_telling_name_is_not_told() {
    let entries =
        [Entry::stored("clean.txt", b"hello"), Entry::stored("ssn-219-45-6183.txt", NOTE)];
    let evidence = scan(&zip(&entries, b"about 219-45-6184"));
    assert_eq!(members(&evidence), ["#2", "#2", "directory"]);
    assert!(!format!("{evidence:?}").contains("219-45"));
}

#[test]
fn a_pytorch_checkpoint_is_read_and_numeric() {
    let pickle = b"\x80\x02}q\x00(X\x05\x00\x00\x00epochq\x01K\x03X\x01\x00\x00\x00wq\x02ctorch\nFloatStorage\nq\x03u.";
    let entries = [
        Entry::stored("archive/data.pkl", pickle).streamed(),
        Entry::stored("archive/byteorder", b"little").streamed(),
        Entry::stored("archive/data/0", &floats(50_000)).streamed(),
        Entry::stored("archive/data/1", &floats(16)).streamed(),
        Entry::stored("archive/version", b"3\n").streamed(),
        Entry::stored("archive/.data/serialization_id", &[b'1'; 40]).streamed(),
    ];
    let evidence = scan(&zip(&entries, b""));
    assert_eq!(evidence.status(), Status::Clean, "{evidence:?}");
    assert_eq!(evidence.coverage.numeric, 4 * 50_016 + 1, "the tensors, and the epoch's number");
    assert_eq!(evidence.coverage.unidentified, 0);
}

#[test]
fn strings_and_numbers_of_a_pickle_are_read_by_their_keys() {
    let pickle =
        b"\x80\x04}\x94(\x8c\x03ssn\x94\x8c\x09219456183\x94\x8c\x03mrn\x94J\x3b\x62\x44\x00u.";
    let evidence = scan(pickle);
    let found: Vec<_> = evidence.findings.iter().map(|f| f.identifier.name()).collect();
    assert_eq!(found, ["ssn", "mrn"]);
    assert_eq!(members(&evidence), ["pickle", "pickle"]);
}

#[test]
fn what_follows_a_pickle_is_read_too() {
    let bytes = [b"\x80\x02}q\x00.".as_slice(), &floats(4096), NOTE].concat();
    let evidence = scan(&bytes);
    assert_eq!(members(&evidence), ["behind"]);
    assert!(evidence.coverage.numeric >= 4 * 4096 - 4096);
}

fn safetensors(header: &str, data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat()
}

#[test]
fn safetensors_are_numeric_by_declaration_and_their_header_is_text() {
    let header = r#"{"__metadata__":{"note":"MRN: 4481723"},"w":{"dtype":"F32","shape":[4096],"data_offsets":[0,16384]},"q":{"dtype":"I8","shape":[5000],"data_offsets":[16384,21384]}}"#;
    let data = [floats(4096), noise(5000)].concat();
    let evidence = scan(&safetensors(header, &data));
    assert_eq!(evidence.coverage.numeric, 21384);
    assert_eq!(evidence.coverage.unidentified, 0);
    assert_eq!(members(&evidence), ["-"], "the header stands in the input as it is");
}

#[test]
fn a_safetensors_header_cannot_make_noise_into_floats_or_hide_a_tail() {
    let header = r#"{"w":{"dtype":"F32","shape":[4096],"data_offsets":[0,16384]}}"#;
    assert_eq!(scan(&safetensors(header, &noise(16384))).coverage.unidentified, 16384);
    let tail = [floats(4096), noise(9000)].concat();
    assert_eq!(scan(&safetensors(header, &tail)).coverage.unidentified, 9000);
    let overlapping = r#"{"a":{"dtype":"U8","shape":[9],"data_offsets":[0,9000]},"b":{"dtype":"U8","shape":[9],"data_offsets":[8,9000]}}"#;
    assert_eq!(scan(&safetensors(overlapping, &noise(9000))).coverage.unidentified, 9000);
}

#[test]
fn numpy_arrays_are_numeric_by_declaration() {
    let npy = |descr: &str, data: &[u8]| {
        let digits = descr.trim_start_matches(|c: char| !c.is_ascii_digit());
        let shape = data.len() / digits.parse::<usize>().unwrap();
        let header =
            format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({shape},), }}\n");
        let len = (header.len() as u16).to_le_bytes();
        [b"\x93NUMPY\x01\x00", len.as_slice(), header.as_bytes(), data].concat()
    };
    assert_eq!(scan(&npy("<f4", &floats(5))).coverage.numeric, 20);
    assert_eq!(scan(&npy("|i1", &noise(5000))).coverage.numeric, 5000);
    assert_eq!(scan(&npy("<f4", &noise(8192))).coverage.unidentified, 8192);
    assert_eq!(scan(&npy("<i8", &noise(8192))).coverage.unidentified, 8192);
    assert_eq!(members(&scan(&npy("|S31", NOTE))), ["-", "strings"]);
    let array = npy("<f4", &floats(2000));
    assert_eq!(reasons(&scan(&array)), [""; 0]);
    let evidence = scan(&array[..array.len() - 1]);
    assert_eq!(reasons(&evidence), ["truncated"]);
    let evidence = scan(&[array, noise(5000)].concat());
    assert_eq!((evidence.coverage.numeric, evidence.coverage.unidentified), (8000, 5000));
}

#[test]
fn safetensors_must_cover_the_file() {
    let tensor = |name: &str, shape: u32, from: u32, to: u32| {
        format!(r#""{name}":{{"dtype":"F32","shape":[{shape}],"data_offsets":[{from},{to}]}}"#)
    };
    let file = |tensors: &[String], count: u32| {
        scan(&safetensors(&format!("{{{}}}", tensors.join(",")), &floats(count)))
    };
    let (a, b) = (tensor("a", 100, 0, 400), tensor("b", 100, 400, 800));
    assert_eq!(reasons(&file(&[b.clone(), a.clone(), tensor("e", 0, 0, 0)], 200)), [""; 0]);
    assert_eq!(reasons(&file(&[a.clone(), b.clone()], 199)), ["truncated"]);
    assert_eq!(reasons(&file(&[a.clone(), b.clone()], 201)), ["damaged"], "slack");
    assert_eq!(
        reasons(&file(&[a.clone(), tensor("b", 100, 404, 804)], 201)),
        ["damaged"],
        "a hole"
    );
    assert_eq!(reasons(&file(&[a.clone(), tensor("b", 100, 396, 796)], 199)), ["damaged"]);
    assert_eq!(reasons(&file(&[a, tensor("b", 99, 400, 800)], 200)), ["damaged"], "its shape");
    assert_eq!(reasons(&scan(&safetensors("{\"a\":", b""))), ["damaged"]);
    let wide = r#"{"a":{"dtype":"I64","shape":[1024],"data_offsets":[0,8192]}}"#;
    assert_eq!(scan(&safetensors(wide, &noise(8192))).coverage.unidentified, 8192);
    let counts: Vec<u8> = (0..1024u64).flat_map(u64::to_le_bytes).collect();
    assert_eq!(scan(&safetensors(wide, &counts)).coverage.numeric, 8192);
}

fn aws_chunked(data: &[u8], size: usize, trailer: &str) -> Vec<u8> {
    let mut body = Vec::new();
    for chunk in data.chunks(size) {
        body.extend(format!("{:x};chunk-signature={}\r\n", chunk.len(), "ab".repeat(32)).bytes());
        body.extend(chunk);
        body.extend(b"\r\n");
    }
    body.extend(format!("0;chunk-signature={}\r\n{trailer}\r\n", "cd".repeat(32)).bytes());
    body
}

#[test]
fn aws_chunks_are_joined_and_their_trailers_read() {
    let body = aws_chunked(NOTE, 7, "x-amz-checksum-crc32:AAAAAA==\r\n");
    let evidence = scan_with(&body, Some("aws-chunked"), Limits::default());
    assert_eq!(members(&evidence), ["aws-chunked"]);
    assert_eq!(evidence.incomplete, []);
    let body = aws_chunked(b"hello", 7, "x-note: SSN 219-45-6183\r\n");
    let evidence = scan_with(&body, Some("aws-chunked"), Limits::default());
    assert_eq!(members(&evidence), ["trailer"]);
}

#[test]
fn encodings_are_undone_in_reverse_order() {
    let body = aws_chunked(&gzip(NOTE), 9, "");
    let evidence = scan_with(&body, Some("gzip, aws-chunked"), Limits::default());
    assert_eq!(members(&evidence), ["aws-chunked!gzip"]);
    let evidence = scan_with(&gzip(NOTE), Some("identity"), Limits::default());
    assert_eq!(members(&evidence), ["gzip"]);
}

#[test]
fn http_deflate_is_read_with_and_without_its_wrapper() {
    use flate2::Compression;
    use std::io::Write;
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), Compression::default());
    zlib.write_all(NOTE).unwrap();
    let mut bare = flate2::write::DeflateEncoder::new(Vec::new(), Compression::default());
    bare.write_all(NOTE).unwrap();
    for body in [zlib.finish().unwrap(), bare.finish().unwrap()] {
        let evidence = scan_with(&body, Some("deflate"), Limits::default());
        assert_eq!(members(&evidence), ["deflate"]);
        assert_eq!(evidence.incomplete, []);
    }
}

#[test]
fn unknown_encodings_are_incomplete_and_still_scanned() {
    let evidence = scan_with(NOTE, Some("pack200-gzip"), Limits::default());
    assert_eq!(reasons(&evidence), ["unknown-encoding"]);
    assert_eq!(members(&evidence), ["-"]);
    assert_eq!(evidence.coverage.unidentified, NOTE.len() as u64);
    let evidence = scan(b"7z\xbc\xaf\x27\x1c some archive");
    assert_eq!(reasons(&evidence), ["unknown-encoding"]);
    assert_eq!(evidence.status(), Status::Incomplete);
}

#[test]
fn a_claimed_gzip_that_is_none_is_damaged_and_still_scanned() {
    let evidence = scan_with(NOTE, Some("gzip"), Limits::default());
    assert_eq!(reasons(&evidence), ["damaged"]);
    assert_eq!(members(&evidence), ["behind"]);
}

#[test]
fn damage_is_told() {
    let mut bytes = gzip(NOTE);
    let crc = bytes.len() - 6;
    bytes[crc] ^= 1;
    assert_eq!(reasons(&scan(&bytes)), ["damaged"]);
    let bytes = gzip(NOTE);
    assert_eq!(reasons(&scan(&bytes[..bytes.len() - 3])), ["truncated"]);
    let whole = zip(&[Entry::deflated("a.txt", NOTE)], b"");
    assert_eq!(reasons(&scan(&whole[..50])), ["truncated@a.txt", "truncated"]);
    assert_eq!(reasons(&scan(&whole[..whole.len() - 30])), ["truncated"]);
    let mut bytes = zip(&[Entry::stored("a.txt", NOTE)], b"");
    bytes[40] ^= 1;
    assert_eq!(reasons(&scan(&bytes)), ["damaged@a.txt"], "the check value is wrong");
}

#[test]
fn a_directory_that_tells_another_story_is_damage() {
    let honest = zip(&[Entry::stored("a.txt", NOTE), Entry::stored("b.txt", b"x")], b"");
    assert_eq!(reasons(&scan(&honest)), Vec::<String>::new());
    let directory = honest.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    let mut renamed = honest.clone();
    renamed[directory + 46] = b'z';
    assert_eq!(reasons(&scan(&renamed)), ["damaged"]);
    let mut resized = honest.clone();
    resized[directory + 24] ^= 1;
    assert_eq!(reasons(&scan(&resized)), ["damaged"]);
    let hidden = [&honest[..directory], &honest[directory + 51..]].concat();
    assert_eq!(reasons(&scan(&hidden)), ["damaged"], "a member that the directory leaves out");
}

#[test]
fn bytes_between_members_are_read() {
    let archive = zip(&[Entry::stored("a.txt", b"hello")], b"");
    let directory = archive.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    let bytes = [&archive[..directory], NOTE, &archive[directory..], NOTE].concat();
    assert_eq!(members(&scan(&bytes)), ["slack", "slack"]);
}

#[test]
fn encrypted_and_unknown_members_are_told_by_name() {
    let archive = zip(&[Entry::stored("a.bin", &noise(3000)), Entry::stored("b.txt", NOTE)], b"");
    let directory = archive.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    let mut encrypted = archive.clone();
    encrypted[6] |= 1;
    encrypted[directory + 8] |= 1;
    let evidence = scan(&encrypted);
    assert_eq!(reasons(&evidence), ["encrypted@a.bin"]);
    assert_eq!(evidence.coverage.unidentified, 3000);
    assert_eq!(members(&evidence), ["b.txt"]);
    let mut unknown = archive.clone();
    unknown[8] = 98;
    unknown[directory + 10] = 98;
    assert_eq!(reasons(&scan(&unknown)), ["unknown-encoding@a.bin"]);
}

#[test]
fn every_limit_is_told() {
    let limits = Limits::default();
    let mut deep = NOTE.to_vec();
    for _ in 0..=limits.depth_max {
        deep = gzip(&deep);
    }
    let evidence = scan(&deep);
    assert_eq!(reasons(&evidence), ["depth-max@gzip!gzip!gzip!gzip!gzip!gzip"]);
    assert_ne!(evidence.status(), Status::Clean);

    let bomb = gzip(&b"ab".repeat(4 << 20));
    assert_eq!(reasons(&scan(&bomb)), ["ratio-max"]);
    let zeros = scan(&gzip(&vec![0; 8 << 20]));
    assert_eq!(reasons(&zeros), Vec::<String>::new(), "a tensor of zeros is no bomb");
    assert_eq!(zeros.coverage.numeric, 8 << 20);

    let small = Limits { decoded_bytes_max: 10_000, ..limits };
    assert_eq!(reasons(&scan_with(&gzip(&noise(20_000)), None, small)), ["decoded-bytes-max"]);

    let few = Limits { entries_max: 2, ..limits };
    let entries = [1, 2, 3].map(|n| Entry::stored(&format!("{n}.txt"), b"hi"));
    let evidence = scan_with(&zip(&entries, b""), None, few);
    assert_eq!(reasons(&evidence), ["entries-max"]);
    assert!(evidence.coverage.skipped > 0);

    let one = Limits { findings_max: 1, ..limits };
    let evidence = scan_with(&NOTE.repeat(5), None, one);
    assert_eq!((evidence.findings.len(), evidence.dropped_findings), (1, 4));
    assert_eq!(evidence.tally.total(), 5);
}

#[test]
fn noise_in_a_member_name_is_unidentified() {
    let noise: Vec<u8> = noise(6000).into_iter().map(|byte| byte | 0x80).collect();
    let mut archive = zip(&[Entry::stored(&"n".repeat(noise.len()), b"text\n")], b"");
    while let Some(at) =
        archive.windows(noise.len()).position(|part| part.iter().all(|b| *b == b'n'))
    {
        archive[at..at + noise.len()].copy_from_slice(&noise);
    }
    let evidence = scan(&archive);
    assert!(evidence.coverage.unidentified >= 6000, "{:?}", evidence.coverage);
}
