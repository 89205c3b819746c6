//! What is told of first bytes, and that no way of splitting them changes it.

use proptest::prelude::*;

use super::*;

#[test]
fn protocols_are_known_by_their_first_bytes() {
    for (bytes, sniffed) in [
        (&b""[..], Sniffed::NeedMore),
        (b"G", Sniffed::NeedMore),
        (b"GET /a HTTP", Sniffed::NeedMore),
        (b"GET / HTTP/1.1\r\n", Sniffed::Http1),
        (b"PURGE http://h.example/x?y HTTP/1.0\r\n", Sniffed::Http1),
        (b"P", Sniffed::NeedMore),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n", Sniffed::NeedMore),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Sniffed::Http2),
        (b"PRI * HTTP/2.0\r\n\r\nSX", Sniffed::Opaque),
        (b"PRI * HTTP/1.1\r\n", Sniffed::Opaque),
        (b"\x16\x03\x01\x02\x00", Sniffed::NeedMore),
        (b"\x16\x03\x01\x02\x00\x01", Sniffed::Tls),
        // A ServerHello, and a record of application data.
        (b"\x16\x03\x03\x02\x00\x02", Sniffed::Opaque),
        (b"\x17\x03\x03\x02\x00\x01", Sniffed::Opaque),
        (b"EHLO client.example\r\n", Sniffed::Opaque),
        (b"SSH-2.0-OpenSSH_9.2\r\n", Sniffed::Opaque),
        (b"GET /no-version\r\n", Sniffed::Opaque),
        (b"GET / HTTP/2.0\r\n", Sniffed::Opaque),
        (b" GET / HTTP/1.1\r\n", Sniffed::Opaque),
        (b"GET  HTTP/1.1\r\n", Sniffed::Opaque),
        (b"\0\0\0\x08\x04\xd2\x16\x2f", Sniffed::Opaque),
        (b"*1\r\n$4\r\nPING\r\n", Sniffed::Opaque),
        (b"AVERYVERYLONGWORDTHATISNOMETHODATALL", Sniffed::Opaque),
    ] {
        assert_eq!(sniff(bytes), sniffed, "{:?}", String::from_utf8_lossy(bytes));
    }
    let long = [b"GET /".to_vec(), vec![b'a'; LINE_BYTES_MAX]].concat();
    assert_eq!(sniff(&long), Sniffed::Http1, "whoever reads it says that it is too long");
}

fn beginnings() -> impl Strategy<Value = Vec<u8>> {
    let starts = prop::sample::select(vec![
        &b""[..],
        b"GET /abc HTTP/1.1\r\nHost: a\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01",
        b"POST / HTTP/1.",
    ]);
    (starts, prop::collection::vec(any::<u8>(), 0..64), 0..40usize).prop_map(
        |(start, noise, cut)| {
            let start = start.get(..cut.min(start.len())).unwrap_or_default();
            [start, &noise].concat()
        },
    )
}

proptest! {
    #[test]
    fn an_answer_stands_however_the_bytes_are_split(bytes in beginnings()) {
        let mut told = Sniffed::NeedMore;
        for end in 0..=bytes.len() {
            let now = sniff(&bytes[..end]);
            prop_assert!(told == Sniffed::NeedMore || told == now, "{:?} became {:?}", told, now);
            told = now;
        }
    }
}
