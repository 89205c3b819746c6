//! One name: authority and SNI.

use super::*;

#[test]
fn the_name_in_the_handshake_is_the_authority() {
    for (authority, sni, code) in [
        ("a.example", Some("a.example"), None),
        ("a.example", Some("A.Example"), None),
        ("a.example", Some("a.example."), None),
        ("xn--bcher-kva.example", Some("bücher.example"), None),
        ("127.0.0.1", None, None),
        ("[fd12::9]", None, None),
        ("a.example", None, Some("sni-missing")),
        ("a.example", Some("b.example"), Some("sni-mismatch")),
        ("a.example", Some("x.a.example"), Some("sni-mismatch")),
        ("a.example", Some("a.example.evil"), Some("sni-mismatch")),
        ("a.example", Some(""), Some("sni-mismatch")),
        ("a.example", Some("not a name"), Some("sni-mismatch")),
        ("127.0.0.1", Some("a.example"), Some("sni-mismatch")),
    ] {
        let hello = ClientHello { server_name: sni.map(str::to_owned), ..ClientHello::default() };
        let checked = check_name(&Host::parse(authority).unwrap(), ToldBy::Connect, &hello);
        assert_eq!(checked.err().map(|stop| stop.code()), code, "{authority} {sni:?}");
    }
}
