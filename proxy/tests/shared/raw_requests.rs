//! Requests as bytes, for a proxy that has to read them as every server behind it would, or not at all.

/// The head of a request that the registry may get, without its end.
pub(crate) const PUT: &str =
    "PUT http://registry.ml.internal/v2/a HTTP/1.1\r\nHost: registry.ml.internal\r\n";
/// A request that stands where a body, or the next request, might.
pub(crate) const INSIDE: &str =
    "GET http://registry.ml.internal/v2/smuggled HTTP/1.1\r\nHost: registry.ml.internal\r\n\r\n";

/// Requests that a proxy and the server behind it could delimit differently, with the words that their
/// records must hold.
pub(crate) fn framed_twice() -> Vec<(String, &'static str)> {
    let chunked = "Transfer-Encoding: chunked\r\n";
    let old = |text: &str| text.replace("HTTP/1.1", "HTTP/1.0");
    vec![
        ("\x16\x03\x01\x02\x00\x01\x00\x01\x7c\x03\x03\r\n\r\n".to_owned(), "request line"),
        ("GET\r\n\r\n".to_owned(), "request line"),
        (PUT.replace("/v2/a HTTP", "/v2/a  HTTP") + "\r\n", "request line"),
        (PUT.replace("/v2/a HTTP", "/v2/a b HTTP") + "\r\n", "request line"),
        (PUT.replace("HTTP/1.1", "HTTP/1.2") + "\r\n", "request line"),
        (PUT.replace("HTTP/1.1", "HTTP/0.9") + "\r\n", "request line"),
        (PUT.replace("PUT ", "PUT\t") + "\r\n", "control character"),
        (PUT.replace("\r\n", "\n") + "\n", "LF without CR"),
        (format!("{PUT}X-A: a\n{chunked}\r\n0\r\n\r\n{INSIDE}"), "LF without CR"),
        (format!("{PUT}X-A: a\r{chunked}\r\n0\r\n\r\n{INSIDE}"), "CR without LF"),
        (format!("{PUT}X-A: a\0b\r\n\r\n"), "control character"),
        (format!("{PUT}X-A: a\x0bb\r\n\r\n"), "control character"),
        (format!("{PUT}X A: b\r\n\r\n"), "header name"),
        (format!("{PUT}X-A : b\r\n\r\n"), "header name"),
        (format!("{PUT}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n{INSIDE}"), "header name"),
        (format!("{PUT}no colon\r\n\r\n"), "header name"),
        (format!("{PUT}X-A: b\r\n folded\r\n\r\n"), "folded"),
        (format!("{PUT}X-A: b\r\n\t{chunked}\r\n"), "folded"),
        (format!("{PUT}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello"), "Content-Length"),
        (format!("{PUT}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"), "Content-Length"),
        (format!("{PUT}Content-Length: +5\r\n\r\nhello"), "Content-Length"),
        (format!("{PUT}Content-Length: 0x5\r\n\r\nhello"), "Content-Length"),
        (format!("{PUT}Content-Length: 5, 5\r\n\r\nhello"), "Content-Length"),
        (format!("{PUT}Content-Length: 99999999999999999999\r\n\r\n"), "Content-Length"),
        (format!("{PUT}Content-Length: 3\r\n{chunked}\r\n0\r\n\r\n{INSIDE}"), "both"),
        (format!("{PUT}{chunked}Content-Length: 3\r\n\r\n0\r\n\r\n{INSIDE}"), "both"),
        (format!("{PUT}{chunked}{chunked}\r\n0\r\n\r\n"), "Transfer-Encoding"),
        (format!("{PUT}Transfer-Encoding: chunked, gzip\r\n\r\n"), "Transfer-Encoding"),
        (format!("{PUT}Transfer-Encoding: gzip, chunked\r\n\r\n"), "Transfer-Encoding"),
        (format!("{PUT}Transfer-Encoding: xchunked\r\n\r\n"), "Transfer-Encoding"),
        (format!("{PUT}Transfer-Encoding: \"chunked\"\r\n\r\n"), "Transfer-Encoding"),
        (format!("{PUT}Transfer-Encoding:\r\n\r\n"), "Transfer-Encoding"),
        (format!("{PUT}Transfer-Encoding: identity\r\n\r\n"), "Transfer-Encoding"),
        (format!("{PUT}Transfer-Encoding:\x0bchunked\r\n\r\n"), "control character"),
        (old(PUT) + chunked + "\r\n0\r\n\r\n", "Transfer-Encoding"),
    ]
}

/// Requests whose target, method or type has two readings, with what the answer says of them.
pub(crate) fn named_twice() -> Vec<(String, &'static str)> {
    let host = "Host: registry.ml.internal\r\n";
    let at = "http://registry.ml.internal";

    let heads = vec![
        (format!("GET /v2/a HTTP/1.1\r\n{host}"), "absolute form"),
        (format!("OPTIONS * HTTP/1.1\r\n{host}"), "absolute form"),
        (format!("GET {at}/v2/a HTTP/1.1\r\n"), "no Host"),
        (format!("GET {at}/v2/a HTTP/1.1\r\n{host}{host}"), "more than one Host"),
        (format!("GET {at}/v2/a HTTP/1.1\r\nHost: evil.example\r\n"), "another host"),
        (format!("GET {at}/v2/a HTTP/1.1\r\nHost: registry.ml.internal:81\r\n"), "another host"),
        (format!("GET {at}:81/v2/a HTTP/1.1\r\n{host}"), "another host"),
        (
            format!("GET {at}/v2/a HTTP/1.1\r\nHost: x@registry.ml.internal\r\n"),
            "Host header is not",
        ),
        (
            format!("GET {at}/v2/a HTTP/1.1\r\nHost: registry.ml.internal/v2\r\n"),
            "Host header is not",
        ),
        (format!("GET {at}/v2/a HTTP/1.1\r\nHost: \r\n"), "Host header is not"),
        (format!("GET http://user:word@registry.ml.internal/v2/a HTTP/1.1\r\n{host}"), "authority"),
        (format!("GET {at}:0/v2/a HTTP/1.1\r\n{host}"), "authority"),
        (format!("GET {at}:/v2/a HTTP/1.1\r\n{host}"), "authority"),
        (format!("GET ftp://registry.ml.internal/v2/a HTTP/1.1\r\n{host}"), "scheme"),
        (format!("GET {at}/v2/a%2Fb HTTP/1.1\r\n{host}"), "encoded slash"),
        (format!("GET {at}/v2/a%5cb HTTP/1.1\r\n{host}"), "encoded slash or backslash"),
        (format!("GET {at}/v2/a\\b HTTP/1.1\r\n{host}"), "backslash"),
        (format!("GET {at}/v2/../a HTTP/1.1\r\n{host}"), "dot segment"),
        (format!("GET {at}/v2/%2e%2E/a HTTP/1.1\r\n{host}"), "dot segment"),
        (format!("GET {at}/v2/./a HTTP/1.1\r\n{host}"), "dot segment"),
        (format!("GET {at}/v2/..;x/a HTTP/1.1\r\n{host}"), "dot segment"),
        (format!("GET {at}/v2/%00 HTTP/1.1\r\n{host}"), "control character"),
        (format!("GET {at}/v2/%0d%0aX:1 HTTP/1.1\r\n{host}"), "control character"),
        (format!("GET {at}/v2/%4 HTTP/1.1\r\n{host}"), "percent escape"),
        (format!("GET {at}/v2/%zz HTTP/1.1\r\n{host}"), "percent escape"),
        (
            format!("GET {at}/v2/a HTTP/1.1\r\n{host}Connection: upgrade\r\nUpgrade: h2c\r\n"),
            "Upgrade",
        ),
        (
            format!("GET {at}/v2/a HTTP/1.1\r\n{host}Content-Type: a/b\r\nContent-Type: c/d\r\n"),
            "two readings",
        ),
        (
            format!(
                "GET {at}/v2/a HTTP/1.1\r\n{host}Content-Type: text/plain, application/json\r\n"
            ),
            "two readings",
        ),
        (format!("GET {at}/v2/a HTTP/1.1\r\n{host}X-HTTP-Method: PUT\r\n"), "x-http-method asks"),
        (
            format!("GET {at}/v2/a HTTP/1.1\r\n{host}X_HTTP_Method_Override: DELETE\r\n"),
            "x_http_method_override asks",
        ),
        (
            format!("GET {at}/v2/a HTTP/1.1\r\n{host}X-Original-URL: /admin\r\n"),
            "x-original-url asks",
        ),
    ];
    heads.into_iter().map(|(head, detail)| (head + "\r\n", detail)).collect()
}

/// Chunked requests whose chunks have two readings.
pub(crate) fn chunked_twice() -> Vec<String> {
    let long = "x".repeat(2000);
    let bodies = vec![
        format!("5\nhello\n0\n\n{INSIDE}"),
        format!("5;a\rb\r\nhello\r\n0\r\n\r\n{INSIDE}"),
        format!("5;{long}\r\nhello\r\n0\r\n\r\n"),
        "5 \t5\r\nhello\r\n0\r\n\r\n".to_owned(),
        "0x5\r\nhello\r\n0\r\n\r\n".to_owned(),
        "5\r\nhelloX\r\n0\r\n\r\n".to_owned(),
        "100000000000000005\r\nhello\r\n0\r\n\r\n".to_owned(),
        format!("0\r\nTransfer-Encoding : chunked\r\n\r\n{INSIDE}"),
    ];
    let whole = |body| format!("{PUT}Transfer-Encoding: chunked\r\n\r\n{body}");
    bodies.into_iter().map(whole).collect()
}

/// Requests with one reading, in forms that look much like the others; `{}` is where each has its own name.
/// With the body that the server has to see.
pub(crate) fn read_once() -> Vec<(String, String)> {
    let put = "PUT http://registry.ml.internal/v2/{} HTTP/1.1\r\nHost: registry.ml.internal\r\n";
    let chunked = |body: &str| format!("{put}Transfer-Encoding: chunked\r\n\r\n{body}");
    let counted =
        |head: &str, body: &str| format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
    let hello = "hello".to_owned();
    vec![
        (counted(put, "hello"), hello.clone()),
        (counted(put, INSIDE), INSIDE.to_owned()),
        (counted(&put.replace("registry.ml", "Registry.ML"), "hello"), hello.clone()),
        (counted(&put.replace("{} ", "{}?a=b&a=%3Cc%3E "), "hello"), hello.clone()),
        (counted(&put.replace("HTTP/1.1", "HTTP/1.0"), "hello"), hello.clone()),
        (counted(&format!("{put}X-A:\t a b \t\r\nX-B:\r\n"), "hello"), hello.clone()),
        (counted(&format!("{put}Connection: X-Hop\r\nX-Hop: a\r\n"), "hello"), hello.clone()),
        (counted(&format!("{put}Content-Type: a/b; c=\"d, e\"\r\n"), "hello"), hello.clone()),
        (counted(&format!("{put}X-HTTP-Method-Override: PUT\r\n"), "hello"), hello.clone()),
        (counted(&format!("{put}Expect: 100-continue\r\n"), "hello"), hello.clone()),
        (chunked("5\r\nhello\r\n0\r\n\r\n"), hello.clone()),
        (chunked("2\r\nhe\r\n003\r\nllo\r\n00\r\n\r\n"), hello.clone()),
        (chunked("5;a=b\r\nhello\r\n0;c\r\n\r\n"), hello.clone()),
        (chunked("5\r\nhello\r\n0\r\nX-After: a\r\n\r\n"), hello),
        (chunked(&format!("{:X}\r\n{INSIDE}\r\n0\r\n\r\n", INSIDE.len())), INSIDE.to_owned()),
    ]
}
