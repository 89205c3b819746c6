//! Real and crafted ClientHellos, whole, in pieces and broken.

use std::sync::Arc;

use proptest::prelude::*;
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use super::*;

/// What rustls sends to `name`: with a post-quantum key share, as modern clients do.
fn hello(name: &str, alpn: &[&str]) -> Vec<u8> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let name = rustls_pki_types::ServerName::try_from(name.to_owned()).unwrap();
    let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut bytes = Vec::new();
    client.write_tls(&mut bytes).unwrap();
    bytes
}

/// The same message in records of `size` bytes.
fn in_records(whole: &[u8], size: usize) -> Vec<u8> {
    let message = &whole[5..];
    let mut bytes = Vec::new();
    for fragment in message.chunks(size) {
        bytes.extend([0x16, 3, 1]);
        bytes.extend(u16::try_from(fragment.len()).unwrap().to_be_bytes());
        bytes.extend(fragment);
    }
    bytes
}

/// A ClientHello with these extensions.
fn crafted(extensions: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let mut list = Vec::new();
    for (kind, data) in extensions {
        list.extend(kind.to_be_bytes());
        list.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        list.extend(data);
    }
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([0, 0, 2, 0x13, 1, 1, 0]);
    body.extend(u16::try_from(list.len()).unwrap().to_be_bytes());
    body.extend(list);
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    let message = [&[1], &length[1..], &body].concat();
    in_records(&[&[0; 5], &message[..]].concat(), RECORD_BYTES_MAX)
}

fn named(names: &[&str]) -> Vec<u8> {
    let mut list = Vec::new();
    for name in names {
        list.push(0);
        list.extend(u16::try_from(name.len()).unwrap().to_be_bytes());
        list.extend(name.as_bytes());
    }
    [&u16::try_from(list.len()).unwrap().to_be_bytes()[..], &list].concat()
}

#[test]
fn a_real_hello_names_its_server() {
    let bytes = hello("registry.ml.internal", &["h2", "http/1.1"]);
    assert!(bytes.len() > 1_300, "it is post-quantum: {} bytes", bytes.len());
    let expected = ClientHello {
        server_name: Some("registry.ml.internal".to_owned()),
        alpn: vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        offers_ech: false,
    };
    assert_eq!(read(&bytes), Read::Done(expected.clone()));
    for size in [20, 100, 517, 1024] {
        assert_eq!(read(&in_records(&bytes, size)), Read::Done(expected.clone()), "{size}");
    }
    let address = hello("127.0.0.1", &[]);
    assert_eq!(read(&address), Read::Done(ClientHello::default()));
}

#[test]
fn an_encrypted_hello_is_told() {
    let bytes =
        crafted(&[(SERVER_NAME, named(&["front.example"])), (ENCRYPTED_CLIENT_HELLO, vec![0])]);
    let Read::Done(hello) = read(&bytes) else { panic!("{:?}", read(&bytes)) };
    assert!(hello.offers_ech);
    assert_eq!(hello.server_name.as_deref(), Some("front.example"));
}

#[test]
fn what_has_two_readings_is_malformed() {
    let name = || (SERVER_NAME, named(&["a.example"]));
    for (what, bytes) in [
        ("two names", crafted(&[(SERVER_NAME, named(&["a.example", "b.example"]))])),
        ("the extension twice", crafted(&[name(), name()])),
        ("no name in it", crafted(&[(SERVER_NAME, named(&[]))])),
        ("an empty name", crafted(&[(SERVER_NAME, named(&[""]))])),
        ("no ASCII", crafted(&[(SERVER_NAME, named(&["b\u{fc}cher.example"]))])),
        ("bytes behind it", crafted(&[(SERVER_NAME, [named(&["a.example"]), vec![0]].concat())])),
        ("a ServerHello", vec![0x16, 3, 1, 0, 4, 2, 0, 0, 0]),
        ("an empty record", vec![0x16, 3, 1, 0, 0]),
        ("a long record", vec![0x16, 3, 1, 0xff, 0xff]),
        (
            "application data between",
            [in_records(&hello("a.example", &[]), 9)[..14].to_vec(), vec![0x17]].concat(),
        ),
        ("too long", vec![0x16, 3, 1, 0, 4, 1, 0, 0x40, 1]),
        ("too many records", in_records(&hello("a.example", &[]), 1)),
    ] {
        assert!(matches!(read(&bytes), Read::Malformed(_)), "{what}: {:?}", read(&bytes));
    }
}

proptest! {
    #[test]
    fn any_split_gives_the_same_answer(size in 12..600usize, ends in prop::collection::vec(0..3000usize, 0..20)) {
        let bytes = in_records(&hello("registry.ml.internal", &["h2"]), size);
        let whole = read(&bytes);
        prop_assert!(matches!(whole, Read::Done(_)));
        for end in ends {
            let part = read(bytes.get(..end).unwrap_or(&bytes));
            prop_assert!(part == Read::NeedMore || part == whole);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0..400usize, flip in 1..=255u8) {
        let _ = read(&bytes);
        let mut real = hello("registry.ml.internal", &["h2"]);
        if let Some(byte) = real.get_mut(at) {
            *byte ^= flip;
        }
        let told = read(&real);
        bytes.splice(0..0, real);
        prop_assert!(told == Read::NeedMore || told == read(&bytes));
    }
}
