//! What crosses the proxy, and what framing has one reading.

use http::header::{ACCEPT, COOKIE};

use super::*;

fn map(fields: &[(&'static str, &'static str)]) -> HeaderMap {
    let pairs = fields
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(name, value);
    }
    headers
}

#[test]
fn hop_by_hop_and_identity_fields_end_here() {
    for name in HOP_BY_HOP.into_iter().chain(IDENTITY) {
        let mut headers = map(&[(name, "x"), (name, "y"), ("accept", "*/*")]);
        strip(&mut headers);
        assert_eq!(headers.len(), 1, "{name}");
        assert!(headers.contains_key(ACCEPT));
    }
    assert!(IDENTITY.contains(&FORWARDED_CLIENT_CERT.as_str()));
    let mut headers = map(&[
        ("x_forwarded_client_cert", "x"),
        ("x-forwarded_client-cert", "x"),
        ("ssl_client_cert", "x"),
        ("x_study", "x"),
    ]);
    strip(&mut headers);
    assert_eq!(headers.keys().collect::<Vec<_>>(), ["x_study"]);
}

#[test]
fn connection_names_what_ends_here() {
    let mut headers = map(&[
        ("connection", "close, X-One ,x-two"),
        ("connection", "x-three,, not a name"),
        ("x-one", "1"),
        ("x-two", "2"),
        ("x-three", "3"),
        ("x-four", "4"),
        ("cookie", "a=1"),
    ]);
    strip(&mut headers);
    let left: Vec<_> = headers.keys().cloned().collect();
    assert_eq!(left, [HeaderName::from_static("x-four"), COOKIE]);
}

#[test]
fn connection_drops_nothing_that_was_decided_on() {
    let mut headers = map(&[
        ("connection", "host, content-length"),
        ("host", "a.example"),
        ("content-length", "5"),
    ]);
    strip(&mut headers);
    assert!(headers.contains_key(HOST) && headers.contains_key(CONTENT_LENGTH));
}

#[test]
fn trailers_are_announced_anew() {
    assert_eq!(announced_trailers(&map(&[("trailer", "x-digest")])).unwrap(), "x-digest");
    assert!(announced_trailers(&map(&[])).is_none());
}

#[test]
fn a_body_has_one_reading_or_none() {
    let v11 = Version::HTTP_11;
    for (version, fields, is_ambiguous) in [
        (v11, &[][..], false),
        (v11, &[("content-length", "5")], false),
        (v11, &[("transfer-encoding", "chunked")], false),
        (v11, &[("transfer-encoding", "Chunked")], false),
        (v11, &[("content-length", "5"), ("content-length", "5")], true),
        (v11, &[("content-length", "5"), ("transfer-encoding", "chunked")], true),
        (v11, &[("transfer-encoding", "gzip, chunked")], true),
        (v11, &[("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")], true),
        (v11, &[("transfer-encoding", "chunked,")], true),
        (v11, &[("transfer-encoding", "identity")], true),
        (v11, &[("transfer-encoding", "")], true),
        (Version::HTTP_10, &[("transfer-encoding", "chunked")], true),
        (Version::HTTP_10, &[("content-length", "5")], false),
        (v11, &[("content-type", "text/plain")], false),
        (v11, &[("content-type", "text/plain"), ("content-type", "text/plain")], true),
        (v11, &[("content-type", "text/plain, application/json")], true),
        (v11, &[("content-type", "text/plain,")], true),
        (v11, &[("content-type", ", text/plain; a=\"b\"")], true),
        (v11, &[("content-type", "multipart/form-data; boundary=\"a,b\"; c=\"d, e\"")], false),
        (v11, &[("content-type", "text/plain; a=\"b\", application/json; c=\"d\"")], true),
        (v11, &[("content-type", "text/plain; a=\"b, application/json")], true),
        (v11, &[("content-type", "text/plain; a=\"b\\\", c/d; e=\"f\"")], true),
        (v11, &[("content-type", "text/plain; a=\"b\\\" c\"")], false),
        (v11, &[("content-type", "text/plain\", application/json; a=\"b\"")], true),
    ] {
        assert_eq!(has_ambiguous_body(version, &map(fields)), is_ambiguous, "{fields:?}");
    }
}

#[test]
fn an_upgrade_is_seen_with_and_without_connection() {
    assert!(wants_upgrade(&map(&[("upgrade", "websocket")])));
    assert!(!wants_upgrade(&map(&[("connection", "upgrade")])));
}

#[test]
fn a_request_is_the_one_that_its_line_says() {
    let uri = Uri::from_static("http://registry.ml.internal/v2/a?b=c");
    for (fields, is_another) in [
        (&[][..], false),
        (&[("x-http-method-override", "POST")], false),
        (&[("x-http-method-override", "post")], false),
        (&[("x-http-method-override", "DELETE")], true),
        (&[("x-http-method", "PATCH")], true),
        (&[("x-method-override", "GET")], true),
        (&[("x_http_method-override", "GET")], true),
        (&[("x-method-override", "POST"), ("x-method-override", "GET")], true),
        (&[("x-method-override", "")], true),
        (&[("x-original-url", "/v2/a?b=c")], false),
        (&[("x-original-url", "/v2/b")], true),
        (&[("x-rewrite-url", "/v2/a")], true),
        (&[("x-original-method", "GET")], true),
        (&[("x-original-method", "POST")], false),
        (&[("x-forwarded-uri", "/v2/b")], true),
        (&[("x_envoy_original_path", "/v2/b")], true),
        (&[("x-forwarded-host", "other.internal")], true),
        (&[("x-forwarded-host", "registry.ml.internal")], false),
        (&[("x-forwarded-for", "10.0.0.1")], false),
    ] {
        let checked = check_overrides(&Method::POST, &uri, &map(fields));
        assert_eq!(checked.is_err(), is_another, "{fields:?}");
    }
}
