//! Targets: what has one reading, in which form it is decided and sent, and what has two.

use http::header::HOST;
use http::{HeaderMap, HeaderValue, Uri, Version};
use proptest::prelude::*;

use super::*;

fn headers(hosts: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for host in hosts {
        headers.append(HOST, HeaderValue::from_str(host).unwrap());
    }
    headers
}

#[test]
fn http2_needs_no_host_beside_its_authority() {
    let read = |uri: &str, hosts: &[&str]| {
        Target::from_absolute(&uri.parse().unwrap(), Version::HTTP_2, &headers(hosts))
    };
    assert_eq!(read("http://a.example/x", &[]).unwrap().to_string(), "http://a.example/x");
    assert!(read("http://a.example/x", &["a.example"]).is_ok());
    assert_eq!(read("http://a.example/x", &["b.example"]), Err(InvalidTarget::HostDisagrees));
    assert_eq!(read("/x", &["a.example"]), Err(InvalidTarget::NotAbsolute));
    let inbound = |uri: &str, hosts: &[&str]| {
        Target::inbound_path(&uri.parse().unwrap(), Version::HTTP_2, &headers(hosts))
    };
    assert!(inbound("https://a.example/x", &[]).is_ok());
    assert_eq!(inbound("/x", &[]), Err(InvalidTarget::MissingHost));
    let pinned = Pinned { scheme: Scheme::Http, ..pinned("a.example", 80) };
    let inside = |uri: &str| {
        Target::from_pinned(&pinned, &uri.parse().unwrap(), Version::HTTP_2, &headers(&[]))
    };
    assert!(inside("http://a.example/x").is_ok());
    assert_eq!(inside("https://a.example/x"), Err(InvalidTarget::SchemeDisagrees));
}

fn absolute(uri: &str, host: &str) -> Result<Target, InvalidTarget> {
    Target::from_absolute(&uri.parse().unwrap(), Version::HTTP_11, &headers(&[host]))
}

#[test]
fn a_websockets_scheme_is_https_where_one_is_asked_for() {
    let mut asking = headers(&["a.example:8080"]);
    let read = |headers: &HeaderMap, scheme: &str| {
        let uri = format!("{scheme}://a.example:8080/talk").parse().unwrap();
        Target::from_absolute(&uri, Version::HTTP_11, headers).map(|target| target.to_string())
    };
    assert_eq!(read(&asking, "ws"), Err(InvalidTarget::UnknownScheme));
    asking.insert("upgrade", HeaderValue::from_static("websocket"));
    assert_eq!(read(&asking, "ws").unwrap(), "http://a.example:8080/talk");
    assert_eq!(read(&asking, "wss").unwrap(), "https://a.example:8080/talk");
    assert_eq!(read(&asking, "ftp"), Err(InvalidTarget::UnknownScheme));
}

fn pinned(host: &str, port: u16) -> Pinned {
    let host = Some(Host::parse(host).unwrap());
    Pinned { scheme: Scheme::Https, host, port, aimed: None, told_by: ToldBy::Connect }
}

#[test]
fn a_target_is_kept_in_one_form() {
    for (uri, host, shown, port) in [
        ("http://a.example/x", "a.example", "http://a.example/x", None),
        ("http://a.example", "a.example", "http://a.example/", None),
        ("http://A.Example/X", "a.eXample", "http://a.example/X", None),
        ("http://a.example./x", "a.example", "http://a.example/x", None),
        ("http://a.example:80/x", "a.example", "http://a.example/x", None),
        ("http://a.example/x", "a.example:80", "http://a.example/x", None),
        ("http://a.example:8080/x", "a.example:8080", "http://a.example:8080/x", Some(8080)),
        ("https://a.example:443/x", "a.example", "https://a.example/x", None),
        ("HTTPS://a.example:80/x", "a.example:80", "https://a.example:80/x", Some(80)),
        (
            "http://xn--bcher-kva.example/",
            "xn--bcher-kva.example",
            "http://xn--bcher-kva.example/",
            None,
        ),
        ("http://127.0.0.1:9000/x", "127.0.0.1:9000", "http://127.0.0.1:9000/x", Some(9000)),
        ("http://[fd12:0::9]/x", "[fd12::9]", "http://[fd12::9]/x", None),
        ("http://[fd12::9]:9/x", "[fd12::9]:9", "http://[fd12::9]:9/x", Some(9)),
        ("http://a.example/x?y=%20z&%41", "a.example", "http://a.example/x?y=%20z&%41", None),
        ("http://a.example/?", "a.example", "http://a.example/?", None),
        ("http://a.example?q", "a.example", "http://a.example/?q", None),
    ] {
        let target = absolute(uri, host).unwrap_or_else(|error| panic!("{uri}: {error}"));
        assert_eq!((target.to_string().as_str(), target.port()), (shown, port), "{uri}");
    }
}

#[test]
fn paths_are_canonical() {
    for (path, canonical) in [
        ("/", "/"),
        ("/a/b/", "/a/b/"),
        ("//a//b", "//a//b"),
        ("/%61%7E%2d%2E%5f", "/a~-._"),
        ("/%c3%a4", "/%C3%A4"),
        ("/a%20b%3f%23%25", "/a%20b%3F%23%25"),
        ("/a;v=1/b,c", "/a;v=1/b,c"),
        ("/...", "/..."),
        ("/.a/b.", "/.a/b."),
        ("/a..b/c", "/a..b/c"),
    ] {
        let target = absolute(&format!("http://a.example{path}"), "a.example").unwrap();
        assert_eq!((target.path(), target.path_and_query().as_str()), (canonical, canonical));
    }
}

#[test]
fn paths_with_two_readings_are_none() {
    for path in [
        "/a/../b",
        "/..",
        "/.",
        "/a/.",
        "/./a",
        "/%2e%2e/a",
        "/.%2E/a",
        "/%2e/a",
        "/..;x=1/a",
        "/.;/a",
        "/a%2fb",
        "/a%2Fb",
        "/a%5cb",
        "/a\\b",
        "/%00",
        "/a%0d%0ab",
        "/%1f",
        "/%7f",
        "/%",
        "/%4",
        "/%g1",
        "/%1g",
    ] {
        let error = absolute(&format!("http://a.example{path}"), "a.example").unwrap_err();
        assert!(matches!(error, InvalidTarget::PathAmbiguous(_)), "{path}: {error}");
    }
}

#[test]
fn request_line_and_host_name_one_target() {
    use InvalidTarget as Invalid;
    for (uri, hosts, error) in [
        ("/x", &["a.example"][..], Invalid::NotAbsolute),
        ("a.example:443", &["a.example"], Invalid::NotAbsolute),
        ("ftp://a.example/x", &["a.example"], Invalid::UnknownScheme),
        ("http://a.example/x", &[], Invalid::MissingHost),
        ("http://a.example/x", &["a.example", "a.example"], Invalid::DuplicateHost),
        ("http://a.example/x", &["b.example"], Invalid::HostDisagrees),
        ("http://a.example/x", &["a.example.evil"], Invalid::HostDisagrees),
        ("http://a.example:81/x", &["a.example"], Invalid::HostDisagrees),
        ("http://a.example/x", &["a.example:81"], Invalid::HostDisagrees),
        // The default of http is not https's.
        ("http://a.example/x", &["a.example:443"], Invalid::HostDisagrees),
        ("http://a.example/x", &[""], Invalid::InvalidHost),
        ("http://a.example/x", &["a.example/x"], Invalid::InvalidHost),
        ("http://a.example/x", &["a.example, b.example"], Invalid::InvalidHost),
        ("http://a.example/x", &["u@a.example"], Invalid::InvalidHost),
        ("http://a.example/x", &["a.example:"], Invalid::InvalidHost),
        ("http://a.example/x", &["a.example:0"], Invalid::InvalidHost),
        ("http://a.example/x", &["a.example:+80"], Invalid::InvalidHost),
        ("http://a.example/x", &["a.example:65536"], Invalid::InvalidHost),
        ("http://u@a.example/x", &["a.example"], Invalid::InvalidAuthority),
        ("http://u:p@a.example/x", &["a.example"], Invalid::InvalidAuthority),
        ("http://a.example:/x", &["a.example"], Invalid::InvalidAuthority),
    ] {
        let uri: Uri = uri.parse().unwrap();
        let read = Target::from_absolute(&uri, Version::HTTP_11, &headers(hosts));
        assert_eq!(read, Err(error), "{uri} {hosts:?}");
    }
    let uri: Uri = "http://a.example/x".parse().unwrap();
    assert!(Target::from_absolute(&uri, Version::HTTP_10, &headers(&[])).is_ok());
}

#[test]
fn inside_a_tunnel_the_authority_is_pinned() {
    let read = |pinned: &Pinned, uri: &str, host: &str| {
        Target::from_pinned(pinned, &uri.parse().unwrap(), Version::HTTP_11, &headers(&[host]))
    };
    let https = pinned("a.example", 443);
    for (uri, host) in
        [("/x", "a.example"), ("/x", "A.example:443"), ("https://a.example/x", "a.example")]
    {
        let target = read(&https, uri, host).unwrap();
        assert_eq!(target.to_string(), "https://a.example/x");
        assert_eq!((target.port(), target.authority().as_str()), (Some(443), "a.example"));
    }
    let other = pinned("a.example", 8443);
    assert_eq!(read(&other, "/x", "a.example:8443").unwrap().authority(), "a.example:8443");
    let disagrees = InvalidTarget::ConnectionDisagrees("CONNECT authority");
    for (pinned, uri, host, error) in [
        (&https, "/x", "b.example", disagrees),
        (&https, "/x", "a.example:80", disagrees),
        (&other, "/x", "a.example", disagrees),
        (&https, "http://a.example/x", "a.example", InvalidTarget::SchemeDisagrees),
        (&https, "https://b.example/x", "a.example", disagrees),
        (&https, "https://a.example/x", "b.example", disagrees),
    ] {
        assert_eq!(read(pinned, uri, host), Err(error), "{uri} {host}");
    }
}

#[test]
fn a_redirected_request_names_its_own_host_and_goes_where_it_was_aimed() {
    let aimed = Some("10.20.0.7".parse().unwrap());
    let told_by = ToldBy::Redirect;
    let pinned = Pinned { scheme: Scheme::Http, host: None, port: 8080, aimed, told_by };
    let read = |uri: &str, hosts: &[&str], version| {
        Target::from_pinned(&pinned, &uri.parse().unwrap(), version, &headers(hosts))
    };
    for (uri, host) in [
        ("/x", "a.example:8080"),
        ("/x", "A.example"),
        ("http://a.example:8080/x", "a.example:8080"),
    ] {
        let target = read(uri, &[host], Version::HTTP_11).unwrap();
        assert_eq!(target.to_string(), "http://a.example:8080/x", "{uri} {host}");
    }
    let disagrees = InvalidTarget::ConnectionDisagrees("original destination");
    for (uri, hosts, version, error) in [
        ("/x", &["a.example:80"][..], Version::HTTP_11, disagrees),
        ("http://a.example/x", &["b.example"], Version::HTTP_11, InvalidTarget::HostDisagrees),
        ("/x", &["a.example", "a.example"], Version::HTTP_11, InvalidTarget::DuplicateHost),
        ("/x", &[], Version::HTTP_11, InvalidTarget::MissingHost),
        ("/x", &[], Version::HTTP_10, InvalidTarget::MissingHost),
        ("https://a.example/x", &["a.example"], Version::HTTP_11, InvalidTarget::SchemeDisagrees),
    ] {
        assert_eq!(read(uri, hosts, version), Err(error), "{uri} {hosts:?}");
    }
    assert_eq!(pinned.to_string(), "10.20.0.7:8080");
}

#[test]
fn a_connect_names_host_and_port() {
    let read =
        |uri: &str, hosts: &[&str]| Pinned::from_connect(&uri.parse().unwrap(), &headers(hosts));
    for hosts in [&[][..], &["a.example"], &["a.example:443"], &["A.EXAMPLE.:443"]] {
        assert_eq!(read("a.example:443", hosts), Ok(pinned("a.example", 443)));
    }
    assert_eq!(read("[fd12::9]:9000", &[]).unwrap().to_string(), "[fd12::9]:9000");
    let disagrees = InvalidTarget::ConnectionDisagrees("CONNECT authority");
    for (uri, hosts, error) in [
        ("a.example", &[][..], InvalidTarget::InvalidAuthority),
        ("a.example:0", &[], InvalidTarget::InvalidAuthority),
        ("u@a.example:443", &[], InvalidTarget::InvalidAuthority),
        ("/x", &[], InvalidTarget::InvalidAuthority),
        ("a.example:443", &["b.example:443"], disagrees),
        ("a.example:443", &["a.example:80"], disagrees),
        ("a.example:443", &["a.example", "a.example"], InvalidTarget::DuplicateHost),
    ] {
        assert_eq!(read(uri, hosts), Err(error), "{uri} {hosts:?}");
    }
}

#[test]
fn a_peer_chooses_no_host_and_one_path() {
    let read = |uri: &str, hosts: &[&str]| {
        Target::inbound_path(&uri.parse().unwrap(), Version::HTTP_11, &headers(hosts))
    };
    let answer = Ok(("/updates/7".to_owned(), Some("a=1".to_owned())));
    assert_eq!(read("/updates/%37?a=1", &["any.example"]), answer);
    assert_eq!(read("https://any.example/updates/7?a=1", &["any.example"]), answer);
    let two_names = read("https://other.example/updates/7", &["any.example"]);
    assert_eq!(two_names, Err(InvalidTarget::HostDisagrees));
    assert_eq!(read("/x", &["a.example", "b.example"]), Err(InvalidTarget::DuplicateHost));
    assert_eq!(read("/x", &[]), Err(InvalidTarget::MissingHost));
    assert!(read("/updates/../x", &["a.example"]).is_err());
    assert!(read("*", &["a.example"]).is_err());
}

#[test]
fn records_show_no_user_information() {
    for (uri, shown) in [
        ("http://a.example/x?y=z", "http://a.example/x?y=z"),
        ("http://user:word@a.example/x", "http://a.example/x"),
        ("http://a:a@a.example/a:a", "http://a.example/a:a"),
        ("user:word@a.example:443", "a.example:443"),
        ("/a@b", "/a@b"),
        ("wss://a.example/x", "wss://a.example/x"),
        ("jane-doe-has-hiv://a.example/x", "(scheme)://a.example/x"),
    ] {
        assert_eq!(masked(&uri.parse().unwrap(), str::to_owned, str::to_owned), shown);
    }
}

proptest! {
    /// What was decided is what is read again from what is sent, and it never changes once more.
    #[test]
    fn canonical_targets_stay_as_they_are(
        path in "/[a-zA-Z0-9%./;~_=+-]{0,24}",
        query in proptest::option::of("[a-zA-Z0-9%./?&=+-]{0,12}"),
        port in proptest::option::of(1..=u16::MAX),
    ) {
        let authority = port.map_or_else(|| "a.example".to_owned(), |port| format!("a.example:{port}"));
        let uri = format!("http://{authority}{}", join_query(&path, query.as_deref()));
        if let Ok(first) = absolute(&uri, &authority) {
            let second = absolute(&first.to_string(), &first.authority()).unwrap();
            prop_assert_eq!(&first, &second);
            prop_assert!(!first.path().split('/').any(|segment| segment == ".." || segment == "."));
            prop_assert_eq!(first.path_and_query(), join_query(first.path(), query.as_deref()));
        }
    }

    #[test]
    fn no_bytes_panic(uri in proptest::collection::vec(any::<u8>(), 0..40), host in ".{0,20}") {
        let Ok(uri) = Uri::try_from(uri.as_slice()) else { return Ok(()) };
        let mut fields = HeaderMap::new();
        if let Ok(host) = HeaderValue::from_str(&host) {
            fields.append(HOST, host);
        }
        for version in [Version::HTTP_10, Version::HTTP_11] {
            let _any = Target::from_absolute(&uri, version, &fields);
            let _any = Target::inbound_path(&uri, version, &fields);
            let _any = Target::from_pinned(&pinned("a.example", 443), &uri, version, &fields);
        }
        let _any = Pinned::from_connect(&uri, &fields);
        let _any = masked(&uri, str::to_owned, str::to_owned);
    }
}
