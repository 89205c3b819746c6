//! Frames: any cut reads the same, nothing panics, and what is not WebSocket is refused by name.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::http::websocket::{Code, Coded, close};

fn frame(kind: Kind, payload: &[u8], mask: Option<[u8; 4]>) -> BytesMut {
    crate::http::websocket::frame(kind, (Coded::Plain, payload), mask)
}

const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

fn read(sender: Sender, max: u64, pieces: &[&[u8]]) -> (Vec<Message>, Option<Broken>) {
    let (mut parser, mut input, mut messages) =
        (Parser::new(sender, max, false), BytesMut::new(), Vec::new());
    for piece in pieces {
        input.extend_from_slice(piece);
        loop {
            match parser.next(&mut input) {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(broken) => return (messages, Some(broken)),
            }
        }
    }
    (messages, None)
}

fn from_server(bytes: &[u8]) -> Result<Vec<Message>, Broken> {
    let (messages, broken) = read(Sender::Server, 1000, &[bytes]);
    broken.map_or(Ok(messages), Err)
}

fn message(kind: Kind, payload: &[u8]) -> Message {
    Message { kind, payload: Bytes::copy_from_slice(payload), is_deflated: false }
}

/// A frame with the bits and length form that a test wants, at most 125 bytes long.
fn raw(first: u8, payload: &[u8]) -> Vec<u8> {
    [&[first, u8::try_from(payload.len()).unwrap()], payload].concat()
}

#[test]
fn the_standards_own_examples() {
    let hello = message(Kind::Text, b"Hello");
    let masked = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    assert_eq!(frame(Kind::Text, b"Hello", Some(MASK))[..], masked);
    assert_eq!(read(Sender::Client, 9, &[&masked]), (vec![hello.clone()], None));
    let fragments = [raw(0x01, b"Hel"), raw(0x89, b"?"), raw(0x80, b"lo")].concat();
    let ping = message(Kind::Ping, b"?");
    assert_eq!(from_server(&fragments), Ok(vec![ping, hello]), "a ping comes in between");
    assert_eq!(frame(Kind::Binary, &[7; 256], None)[..4], [0x82, 0x7e, 1, 0]);
    assert_eq!(frame(Kind::Binary, &[7; 65536], None)[..10], [0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0]);
}

#[test]
fn what_has_no_single_meaning_is_refused() {
    for (bytes, why) in [
        (raw(0xc1, b"x"), Broken::Reserved),
        (raw(0x91, b"x"), Broken::Reserved),
        (raw(0x83, b"x"), Broken::Reserved),
        (raw(0x8b, b"x"), Broken::Reserved),
        (vec![0x81, 0x81, 0, 0, 0, 0, b'x'], Broken::Mask),
        (raw(0x80, b"x"), Broken::Fragments),
        ([raw(0x01, b"x"), raw(0x81, b"y")].concat(), Broken::Fragments),
        (raw(0x09, b"x"), Broken::Control),
        (vec![0x89, 126, 0, 126], Broken::Control),
        (vec![0x82, 126, 0, 125], Broken::Length),
        (vec![0x82, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff], Broken::Length),
        (vec![0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0], Broken::Length),
        (vec![0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0], Broken::TooBig),
        ([raw(0x02, &[0; 100]), vec![0x80, 126, 3, 0xe7]].concat(), Broken::TooBig),
        (raw(0x81, &[0xff]), Broken::NotText),
        (raw(0x88, &[3]), Broken::Close),
        (raw(0x88, &[3, 0xed]), Broken::Close),
        (raw(0x88, &[3, 0xe8, 0xff]), Broken::Close),
    ] {
        assert_eq!(from_server(&bytes), Err(why), "{bytes:02x?}");
    }
    assert_eq!(read(Sender::Client, 9, &[&raw(0x81, b"x")]).1, Some(Broken::Mask));
    assert_eq!(from_server(&raw(0x88, &close(Code::Policy, "finding"))).unwrap().len(), 1);
    assert_eq!(from_server(&raw(0x88, b"")).unwrap().len(), 1);
}

#[test]
fn a_length_that_is_only_told_takes_no_memory() {
    let mut parser = Parser::new(Sender::Server, 1 << 40, true);
    let mut input = BytesMut::from(&[0x82, 127, 0, 0, 0, 0xff, 0, 0, 0, 0, 1, 2][..]);
    assert_eq!(parser.next(&mut input), Ok(None));
    assert!(parser.joined.capacity() < 1024 && parser.held() == 2);
}

#[test]
fn a_message_says_once_where_it_begins_that_it_is_compressed() {
    let read = |bytes: &[u8]| {
        let mut parser = Parser::new(Sender::Server, 1000, true);
        parser.next(&mut BytesMut::from(bytes))
    };
    let payload = Bytes::from_static(&[0xf2, 0x48, 0xcd, 0xff]);
    let message = Message { kind: Kind::Text, payload: payload.clone(), is_deflated: true };
    let fragments = [raw(0x41, &payload[..1]), raw(0x80, &payload[1..])].concat();
    assert_eq!(read(&fragments), Ok(Some(message.clone())), "what it says is no text yet");
    let framed = crate::http::websocket::frame(Kind::Text, (Coded::Deflated, &payload), None);
    assert_eq!(read(&framed), Ok(Some(message)));
    let plain = read(&raw(0x81, b"x")).unwrap().unwrap();
    assert!(!plain.is_deflated, "nobody has to");
    for (bytes, why) in [
        ([raw(0x41, b"x"), raw(0xc0, b"y")].concat(), Broken::Reserved),
        (raw(0xc9, b"x"), Broken::Reserved),
        (raw(0xa1, b"x"), Broken::Reserved),
        (raw(0xd1, b"x"), Broken::Reserved),
    ] {
        assert_eq!(read(&bytes), Err(why), "{bytes:02x?}");
    }
}

fn cut<'a>(bytes: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut ends: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    ends.push(bytes.len());
    ends.sort_unstable();
    let mut start = 0;
    let pieces = ends.into_iter().map(|end| {
        let piece = &bytes[start..end];
        start = end;
        piece
    });
    pieces.collect()
}

proptest! {
    #[test]
    fn what_is_written_is_read_however_it_is_cut(
        messages in vec((0..4usize, vec(any::<u8>(), 0..300), any::<[u8; 4]>()), 0..6),
        cuts in vec(any::<prop::sample::Index>(), 0..12),
    ) {
        const KINDS: [Kind; 4] = [Kind::Text, Kind::Binary, Kind::Ping, Kind::Pong];
        let (mut bytes, mut sent) = (Vec::new(), Vec::new());
        for (kind, mut payload, mask) in messages {
            if KINDS[kind] == Kind::Text {
                payload.iter_mut().for_each(|byte| *byte &= 0x7f);
            } else if KINDS[kind].is_control() {
                payload.truncate(CONTROL_BYTES_MAX);
            }
            bytes.extend_from_slice(&frame(KINDS[kind], &payload, Some(mask)));
            sent.push(message(KINDS[kind], &payload));
        }
        prop_assert_eq!(read(Sender::Client, 300, &cut(&bytes, &cuts)), (sent, None));
    }

    #[test]
    fn any_bytes_read_the_same_however_they_are_cut(
        first in prop::sample::select(vec![0x01u8, 0x02, 0x81, 0x82, 0x88, 0x89, 0x80]),
        bytes in vec(any::<u8>(), 0..200),
        cuts in vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let bytes = [&[first], &bytes[..]].concat();
        for sender in [Sender::Client, Sender::Server] {
            let whole = read(sender, 150, &[&bytes]);
            prop_assert_eq!(&read(sender, 150, &cut(&bytes, &cuts)), &whole);
        }
    }
}
