//! What has one reading passes as it is, what has two is named; and no cut changes either.

use proptest::prelude::*;

use super::{CHUNK_LINE_BYTES_MAX, Fault, Framing};

/// Feeds the pieces as a connection would; the bytes that passed and the fault, if any.
fn pass(pieces: &[&[u8]]) -> (Vec<u8>, Option<Fault>) {
    let (mut framing, mut held, mut passed) = (Framing::default(), Vec::new(), Vec::new());
    for piece in pieces {
        held.extend_from_slice(piece);
        loop {
            let part = if framing.is_at_head() {
                framing.head(&held).map(|len| len.unwrap_or(0))
            } else {
                framing.body(&held)
            };
            match part {
                Ok(0) => break,
                Ok(len) => passed.extend(held.drain(..len)),
                Err(fault) => return (passed, Some(fault)),
            }
        }
    }
    (passed, None)
}

#[test]
fn requests_with_one_reading_pass() {
    for bytes in [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "PUT / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.0\r\n\r\n",
        "PUT / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nT: v\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        "PUT / HTTP/1.1\r\nX: \tcaf\u{e9}\t\r\nContent-Length: 0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        "CONNECT a:1 HTTP/1.1\r\n\r\n\0\n\r anything",
        "GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n\x01\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04",
    ] {
        assert_eq!(pass(&[bytes.as_bytes()]), (bytes.as_bytes().to_vec(), None), "{bytes:?}");
    }
}

#[test]
fn requests_with_two_readings_are_named() {
    let long = "a".repeat(CHUNK_LINE_BYTES_MAX);
    let put = "PUT / HTTP/1.1\r\n";
    let chunks = format!("{put}Transfer-Encoding: chunked\r\n\r\n");
    for (bytes, fault) in [
        ("\x16\x03\x01".to_owned(), Fault::RequestLine),
        ("GET  / HTTP/1.1\r\n".to_owned(), Fault::RequestLine),
        ("GET / HTTP/1.2\r\n".to_owned(), Fault::RequestLine),
        ("GET /\r\n".to_owned(), Fault::RequestLine),
        ("GET /\0 HTTP/1.1\r\n".to_owned(), Fault::Control),
        ("GET / HTTP/1.1\nHost: a\r\n\r\n".to_owned(), Fault::BareLf),
        ("GET / HTTP/1.1\r\nHost: a\n\r\n".to_owned(), Fault::BareLf),
        ("GET / HTTP/1.1\r\nX: a\rb\r\n\r\n".to_owned(), Fault::BareCr),
        (format!("{put}X: a\0\r\n"), Fault::Control),
        (format!("{put}X: a\r\n b\r\n"), Fault::Folded),
        (format!("{put}X : a\r\n"), Fault::Name),
        (format!("{put}X\r\n"), Fault::Name),
        (format!("{put}: a\r\n"), Fault::Name),
        (format!("{put}Content-Length: 5\r\nContent-Length: 5\r\n"), Fault::Length),
        (format!("{put}Content-Length: 5, 5\r\n"), Fault::Length),
        (format!("{put}Content-Length: +5\r\n"), Fault::Length),
        (format!("{put}Content-Length: 0x5\r\n"), Fault::Length),
        (format!("{put}Content-Length:\r\n"), Fault::Length),
        (format!("{put}Content-Length: 99999999999999999999\r\n"), Fault::Length),
        (
            format!("{put}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"),
            Fault::LengthAndEncoding,
        ),
        (format!("{put}Transfer-Encoding: gzip, chunked\r\n"), Fault::TransferEncoding),
        (format!("{put}Transfer-Encoding: identity\r\n"), Fault::TransferEncoding),
        (
            format!("{put}Transfer-Encoding: chunked\r\n").repeat(1)
                + "Transfer-Encoding: chunked\r\n",
            Fault::TransferEncoding,
        ),
        ("PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n".to_owned(), Fault::TransferEncoding),
        (format!("{chunks}5\nhello\r\n"), Fault::BareLf),
        (format!("{chunks}5\rx\r\n"), Fault::BareCr),
        (format!("{chunks}5 x\r\nhello"), Fault::ChunkLength),
        (format!("{chunks}-5\r\n"), Fault::ChunkLength),
        (format!("{chunks}0x5\r\n"), Fault::ChunkLength),
        (format!("{chunks}\r\n"), Fault::ChunkLength),
        (format!("{chunks}10000000000000005\r\n"), Fault::ChunkLength),
        (format!("{chunks}5\r\nhelloX"), Fault::ChunkEnd),
        (format!("{chunks}5;{long}"), Fault::ChunkLine),
        (format!("{chunks}0\r\nX : a\r\n"), Fault::Name),
        (format!("{chunks}0\r\n{}", "a: b\r\n".repeat(3000)), Fault::ChunkLine),
    ] {
        assert_eq!(pass(&[bytes.as_bytes()]).1, Some(fault), "{bytes:?}");
    }
}

#[test]
fn a_large_body_is_counted_and_not_kept() {
    let mut framing = Framing::default();
    let head = b"PUT / HTTP/1.1\r\nContent-Length: 18446744073709551615\r\n\r\n";
    assert_eq!(framing.head(head), Ok(Some(head.len())));
    assert_eq!(framing.body(&[b'\n'; 4096]), Ok(4096));
    assert!(!framing.is_at_head());
}

/// Pieces of requests, good and bad, that join into connections.
fn parts() -> impl Strategy<Value = Vec<u8>> {
    let part = prop::sample::select(vec![
        "GET / HTTP/1.1\r\n",
        "PUT / HTTP/1.1\r\n",
        "PUT / HTTP/1.0\r\n",
        "CONNECT a:1 HTTP/1.1\r\n",
        "Content-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Upgrade: websocket\r\n",
        "X: a\r\n",
        "\r\n",
        "\r",
        "\n",
        " ",
        "hello",
        "5\r\nhello\r\n",
        "0\r\n\r\n",
        "5;x=y\r\n",
        ":",
    ]);
    prop::collection::vec(part, 1..12).prop_map(|parts| parts.concat().into_bytes())
}

proptest! {
    #[test]
    fn no_cut_changes_the_answer(bytes in parts(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6)) {
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        at.extend([0, bytes.len()]);
        at.sort_unstable();
        let pieces: Vec<&[u8]> = at.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
        let (whole, whole_fault) = pass(&[&bytes]);
        let (cut, cut_fault) = pass(&pieces);
        prop_assert_eq!(whole_fault, cut_fault);
        // With a fault in its body, how much of the request has passed before depends on the cuts.
        let shorter = whole.len().min(cut.len());
        prop_assert_eq!(&whole[..shorter], &cut[..shorter]);
        prop_assert!(whole_fault.is_some() || whole.len() == cut.len());
    }

    #[test]
    fn nothing_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let (passed, _) = pass(&[&bytes]);
        prop_assert!(bytes.starts_with(&passed));
    }
}
