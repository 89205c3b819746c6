//! Frames of NVIDIA FLARE, written by its own library (nvflare 2.9.0: `SfmConnection.send_data` of an
//! update with a float32 array of 200, an int64 array of 4 and metrics with a note), and what is made of
//! them here.

use crate::support::{clean, reasons, scan, scan_by, told};

const NOTE: &[u8] = b"the patient's ssn is 219-45-6183";

fn written(text: &str) -> Vec<u8> {
    let digit = |byte: u8| {
        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        alphabet.iter().position(|known| *known == byte)
    };
    let sextets: Vec<_> = text.bytes().filter_map(digit).collect();
    let bytes = sextets.chunks(4).flat_map(|four| {
        let bits = four.iter().fold(0u32, |bits, sextet| bits << 6 | *sextet as u32);
        let bits = bits << (6 * (4 - four.len()));
        bits.to_be_bytes()[1..four.len()].to_vec()
    });
    bytes.collect()
}

fn update() -> Vec<u8> {
    written(include_str!("flare/update.b64"))
}

/// The update with another note of the same length.
fn update_with(note: &[u8]) -> Vec<u8> {
    let mut frame = update();
    let at = frame.windows(NOTE.len()).position(|part| part == NOTE).unwrap();
    frame[at..at + NOTE.len()].copy_from_slice(note);
    frame
}

/// A frame of this kind with these headers.
fn frame(kind: u8, headers: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut frame = (16 + headers.len() as u32 + payload.len() as u32).to_be_bytes().to_vec();
    frame.extend((headers.len() as u16).to_be_bytes());
    frame.extend([kind, 0, 0, 0, 0, 1, 0, 20, 0, 5]);
    [&frame, headers, payload].concat()
}

fn text(text: &str) -> Vec<u8> {
    [&[0xd9, text.len() as u8], text.as_bytes()].concat()
}

fn section(kind: u8, content: &[u8]) -> Vec<u8> {
    [&[kind, 0][..], &(content.len() as u64).to_be_bytes(), content].concat()
}

#[test]
fn a_note_in_the_metrics_is_read_and_arrays_are_numeric() {
    let update = update();
    let evidence = scan(&update);
    assert_eq!(told(&evidence), ["ssn high - @flare"]);
    for sizes in [&[1][..], &[3, 500, 7], &[17]] {
        assert_eq!(scan_by(&update, sizes), evidence, "in chunks of {sizes:?}");
    }
    assert_eq!(reasons(&evidence), [""; 0]);
    let (_, numeric) = clean(&update_with(&[b'-'; 32]));
    assert!((200 * 4 + 4 * 8..200 * 4 + 4 * 8 + 64).contains(&numeric), "{numeric}");
    let hello = scan(&written(include_str!("flare/hello.b64")));
    assert_eq!((told(&hello), reasons(&hello)), (vec![], vec![]));
}

#[test]
fn a_name_tells_what_the_value_behind_it_is() {
    let headers =
        [&[0x82][..], &text("patient mrn"), &[0xce, 0, 0x51, 0x61, 0x52], &text("n"), &[7]];
    let found = told(&scan(&frame(1, &headers.concat(), b"")));
    assert!(found.iter().any(|found| found.starts_with("mrn ")), "{found:?}");
    let headers = [&[0x81][..], &text("ssn"), &[0xce, 0x0d, 0x14, 0x34, 0xd7]].concat();
    let found = told(&scan(&frame(6, b"", &headers)));
    assert_eq!(found.len(), 1, "{found:?}");
}

#[test]
fn what_was_too_large_for_the_object_is_content() {
    let headers = [&[0x81][..], &text("cn__topic"), &text("x")].concat();
    let main = section(100, &[0x81, 0xa1, b'a', 0xc4, 3, 1, 2, 3]);
    let note = section(101, &[&[9; 16], NOTE].concat());
    let blob = section(102, &[&[9; 16][..], b"{\"note\": \"", NOTE, b"\"}"].concat());
    for payload in [[&main[..], &note].concat(), [&main[..], &blob, &note].concat()] {
        let found = told(&scan(&frame(1, &headers, &payload)));
        assert!(found.iter().all(|found| found.starts_with("ssn high")), "{found:?}");
        assert!(!found.is_empty());
    }
    // A piece of a stream begins in the middle of something.
    assert_eq!(told(&scan(&frame(1, &headers, NOTE))), ["ssn high - @flare"]);
}

#[test]
fn a_broken_frame_is_read_as_bytes() {
    let update = update();
    let headers = [&[0x81][..], &text("cn__topic"), &text("x")].concat();
    for broken in [
        update[..update.len() - 40].to_vec(),
        [&update[..], b" and SSN 219-45-6183"].concat(),
        frame(1, &headers, &[&section(100, &[0xc1]), NOTE].concat()),
        frame(1, &headers, &section(100, &[&[0xdf, 0xff, 0xff, 0xff, 0xff], NOTE].concat())),
        frame(1, &headers, &section(100, &[&[0x91; 200], NOTE].concat())),
        frame(1, &headers, &[&section(100, &[0xc0]), &section(99, b"")[..], NOTE].concat()),
        [&frame(6, b"", &headers)[..], NOTE].concat(),
    ] {
        let found = told(&scan(&broken));
        assert!(found.iter().any(|found| found.starts_with("ssn ")), "{found:?} {broken:02x?}");
    }
}
