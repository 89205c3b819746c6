//! Which headers may cross the proxy. What goes on is built anew from what is allowed through;
//! hop-by-hop fields end here and identity fields are ours alone to set. Pure.

use http::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, IF_RANGE, RANGE, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, Version};

use crate::config::Limits;
use crate::error::{Error, Kind};

/// The header by which a local application learns who its peer is, in the syntax that Envoy
/// defined for it.
pub const FORWARDED_CLIENT_CERT: HeaderName = HeaderName::from_static("x-forwarded-client-cert");

/// RFC 9110, section 7.6.1, and the older fields that proxies must also end.
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Fields by which servers learn a client's certificate from a proxy in front of them. A copy
/// that came from outside is a claim nobody checked.
const IDENTITY: [&str; 16] = [
    "client-cert",
    "client-cert-chain",
    "l5d-client-id",
    "ssl-client-cert",
    "ssl-client-s-dn",
    "ssl-client-verify",
    "x-amzn-mtls-clientcert",
    "x-client-cert",
    "x-client-certificate",
    "x-forwarded-client-cert",
    "x-forwarded-tls-client-cert",
    "x-spiffe-id",
    "x-ssl-cert",
    "x-ssl-client-cert",
    "x-ssl-client-s-dn",
    "x-ssl-client-verify",
];

/// Fields by which a client says where a request came from, that it is another one than it says, or what
/// the trace it belongs to carries along. Servers believe them of a proxy in front of them, which has to
/// have them from somebody it trusts (Envoy's edge does as much to `x-forwarded-*` and `x-envoy-*`; W3C
/// Baggage, section 4).
const CLAIMS: [&str; 48] = [
    "baggage",
    "cf-connecting-ip",
    "client-ip",
    "fastly-client-ip",
    "forwarded",
    "remote-user",
    "true-client-ip",
    "x-auth-request-email",
    "x-auth-request-user",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-envoy-external-address",
    "x-envoy-internal",
    "x-envoy-original-host",
    "x-envoy-original-path",
    "x-envoy-peer-metadata",
    "x-forwarded",
    "x-forwarded-by",
    "x-forwarded-email",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-method",
    "x-forwarded-path",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-proto",
    "x-forwarded-protocol",
    "x-forwarded-scheme",
    "x-forwarded-server",
    "x-forwarded-ssl",
    "x-forwarded-uri",
    "x-forwarded-user",
    "x-host",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-forwarded-for",
    "x-original-host",
    "x-original-method",
    "x-original-path",
    "x-original-url",
    "x-originating-ip",
    "x-real-ip",
    "x-remote-addr",
    "x-remote-ip",
    "x-remote-user",
    "x-rewrite-url",
    "x-trusted-client-ip",
];

/// Removes what a peer may not claim of its request. `strip` has the identities.
pub fn strip_claims(headers: &mut HeaderMap) {
    remove_all(headers, |name| is_read_as(name, &CLAIMS));
}

/// Removes the fields of a trailer section that would be believed in a head, where some servers put them.
pub fn strip_trailers(trailers: &mut HeaderMap) {
    strip(trailers);
    strip_claims(trailers);
}

/// Whether a server may read the name as one of these: CGI, WSGI and their kin read both spellings as one.
fn is_read_as(name: &str, names: &[&str]) -> bool {
    names.contains(&name) || name.contains('_') && names.contains(&name.replace('_', "-").as_str())
}

/// Few fields come, and many names are looked for: each field is asked once.
fn remove_all(headers: &mut HeaderMap, is_unwanted: impl Fn(&str) -> bool) {
    let unwanted: Vec<HeaderName> =
        headers.keys().filter(|name| is_unwanted(name.as_str())).cloned().collect();
    for name in unwanted {
        headers.remove(name);
    }
}

/// Removes the fields that end at this hop, those that `Connection` names, and all identity
/// fields. `Content-Length` and `Host` are left for the caller, who sets them anew.
pub fn strip(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|list| list.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named {
        // Some names would change what was decided or how the body is framed; a client cannot
        // have them dropped by listing them.
        if name != HOST && name != CONTENT_LENGTH {
            headers.remove(name);
        }
    }
    remove_all(headers, |name| HOP_BY_HOP.contains(&name) || is_read_as(name, &IDENTITY));
}

/// Joins the cookie lines that HTTP/2 may split a `Cookie` into (RFC 9113, section 8.2.3): HTTP/1.1
/// takes one, and what is read is what is sent.
pub fn join_cookies(headers: &mut HeaderMap) {
    let lines: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if lines.len() > 1
        && let Ok(joined) = HeaderValue::from_bytes(&lines.join(&b"; "[..]))
    {
        headers.insert(COOKIE, joined);
    }
}

/// Fields by which a part of an answer is asked for (RFC 9110, section 14; Azure's own).
const PARTIAL: [HeaderName; 3] = [RANGE, IF_RANGE, HeaderName::from_static("x-ms-range")];

/// Asks for the whole, where the answer is to be read: nothing can be found in an identifier's halves,
/// each in an answer of its own. Says whether a part was asked for.
pub fn ask_for_the_whole(headers: &mut HeaderMap) -> bool {
    let mut was_partial = false;
    for name in PARTIAL {
        was_partial |= headers.remove(name).is_some();
    }
    was_partial
}

/// Keeps trailers possible upstream: `Trailer` is announced anew where the request had it.
pub fn announced_trailers(headers: &HeaderMap) -> Option<HeaderValue> {
    headers.get(TRAILER).cloned()
}

/// `te: trailers`, which gRPC asks for and servers check (RFC 9110, section 10.1.4). Nothing else of
/// `TE` crosses.
pub fn takes_trailers(headers: &HeaderMap) -> bool {
    let is_trailers = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"trailers");
    headers.get_all(TE).iter().any(is_trailers)
}

/// Whether the request is gRPC: by content type, as gRPC over HTTP/2 has it. gRPC-Web counts, too.
pub fn is_grpc(headers: &HeaderMap) -> bool {
    const GRPC: &[u8] = b"application/grpc";
    let of = |value: &HeaderValue| {
        let start = value.as_bytes().get(..GRPC.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(GRPC))
    };
    headers.get(CONTENT_TYPE).is_some_and(of)
}

/// gRPC as such, which only HTTP/2 carries; gRPC-Web is made for HTTP/1.1.
pub fn is_native_grpc(headers: &HeaderMap) -> bool {
    const WEB: &[u8] = b"application/grpc-web";
    let is_web = |value: &HeaderValue| {
        let start = value.as_bytes().get(..WEB.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(WEB))
    };
    is_grpc(headers) && !headers.get(CONTENT_TYPE).is_some_and(is_web)
}

/// Whether the request wants to leave HTTP (RFC 9110, section 7.8).
pub fn wants_upgrade(headers: &HeaderMap) -> bool {
    headers.contains_key(UPGRADE)
}

/// Whether the head is within the limits; for HTTP/2, where nobody has counted before.
///
/// # Errors
/// `HeadTooLarge`.
pub fn check_size(headers: &HeaderMap, limits: &Limits) -> Result<(), Error> {
    if bytes(headers) > limits.header_bytes_max || headers.len() > limits.headers_max {
        return Err(Kind::HeadTooLarge.into());
    }
    Ok(())
}

/// What a request's head weighs, bytes, as HTTP/1.1 has it.
pub fn head_bytes(method: &Method, uri: &Uri, headers: &HeaderMap) -> usize {
    let authority = uri.authority().map_or(0, |authority| authority.as_str().len());
    let target = uri.path_and_query().map_or(0, |target| target.as_str().len());
    method.as_str().len() + authority + target + bytes(headers)
}

/// What the fields weigh on the wire, bytes: names, values and what separates them.
pub fn bytes(headers: &HeaderMap) -> usize {
    const SEPARATORS: usize = ": \r\n".len();
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + SEPARATORS).sum()
}

/// Whether what the body is has two readings: by the framing that hyper has left standing (several
/// `Content-Length`, a coding that is no single `chunked`, or one in HTTP/1.0; RFC 9112, section 6.1
/// and 6.3), or by its type, of which servers take the first, the last or none where there are several,
/// in lines of their own or in one (RFC 9110, section 8.3). hyper itself drops a `Content-Length` beside
/// `Transfer-Encoding` and folds equal duplicates; what goes on is framed anew in any case.
pub fn has_ambiguous_body(version: Version, headers: &HeaderMap) -> bool {
    if has_several_types(headers) {
        return true;
    }
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let Some(coding) = codings.next() else {
        return headers.get_all(CONTENT_LENGTH).iter().count() > 1;
    };
    let is_chunked = coding.as_bytes().eq_ignore_ascii_case(b"chunked");
    let is_alone = codings.next().is_none() && !headers.contains_key(CONTENT_LENGTH);
    !is_chunked || !is_alone || version < Version::HTTP_11
}

/// Refuses an answer that is to be read and whose body has several types, as
/// [`has_ambiguous_body`] does a request: who takes another than the reader reads something else.
///
/// # Errors
/// [`Kind::UpstreamBroken`].
pub fn check_answer(headers: &HeaderMap) -> Result<(), Error> {
    if has_several_types(headers) {
        let text = "what the body of the answer is has two readings: several Content-Type";
        return Err(Error::new(Kind::UpstreamBroken, text));
    }
    Ok(())
}

fn has_several_types(headers: &HeaderMap) -> bool {
    let mut lines = headers.get_all(CONTENT_TYPE).iter();
    lines.next().is_some_and(|first| is_list(first.as_bytes())) || lines.next().is_some()
}

/// Whether a comma stands outside of a quoted parameter: a field with one value has none there, and who
/// joins lines writes one (RFC 9110, section 5.3). A quote that does not end hides nothing.
fn is_list(value: &[u8]) -> bool {
    let mut rest = value;
    while let Some(place) = rest.iter().position(|byte| matches!(byte, b',' | b'"')) {
        let (before, from) = rest.split_at(place);
        let quoted = from.strip_prefix(b"\"").filter(|_| before.ends_with(b"="));
        let end = quoted.and_then(|quoted| quoted_end(quoted));
        match (end, from) {
            (Some(after), _) => rest = after,
            (None, [b',', ..]) => return true,
            (None, _) => rest = from.get(1..).unwrap_or_default(),
        }
    }
    false
}

/// What follows a quoted string that begins before `text`. One with a backslash in it ends in one place
/// for whom that is an escape, in another for whom it is none, so it counts as not quoted.
fn quoted_end(text: &[u8]) -> Option<&[u8]> {
    let end = text.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
    text.get(end..)?.strip_prefix(b"\"")
}

/// Fields by which some servers take a request for one with another method than its line has.
const METHOD_OVERRIDES: [&str; 6] = [
    "x-forwarded-method",
    "x-http-method",
    "x-http-method-override",
    "x-method",
    "x-method-override",
    "x-original-method",
];
/// Fields by which some servers take it for one to another target.
const TARGET_OVERRIDES: [&str; 6] = [
    "x-envoy-original-path",
    "x-forwarded-uri",
    "x-original-path",
    "x-original-uri",
    "x-original-url",
    "x-rewrite-url",
];
/// Fields by which some servers take it for one to another host.
const HOST_OVERRIDES: [&str; 4] =
    ["x-envoy-original-host", "x-forwarded-host", "x-host", "x-original-host"];

/// Refuses a request that says of itself that it is another one than its line says: the line is what is
/// decided. Both spellings count, as in [`strip_claims`].
///
/// # Errors
/// [`Kind::Malformed`], with the field's name.
pub fn check_overrides(method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), Error> {
    for (name, value) in headers {
        let is_one_of = |names: &[&str]| names.iter().any(|of| is_spelled(name.as_str(), of));
        let is_same = if !name.as_str().starts_with('x') {
            true
        } else if is_one_of(&METHOD_OVERRIDES) {
            value.as_bytes().eq_ignore_ascii_case(method.as_str().as_bytes())
        } else if is_one_of(&TARGET_OVERRIDES) {
            uri.path_and_query().is_some_and(|target| target.as_str() == *value)
        } else if is_one_of(&HOST_OVERRIDES) {
            let is = |host: &[u8]| value.as_bytes().eq_ignore_ascii_case(host);
            headers.get(HOST).is_some_and(|host| is(host.as_bytes()))
                || uri.authority().is_some_and(|named| {
                    is(named.as_str().as_bytes()) || is(named.host().as_bytes())
                })
        } else {
            true
        };
        if !is_same {
            let text = format!("{name} asks for another request than the one that is decided");
            return Err(Error::new(Kind::Malformed, text));
        }
    }
    Ok(())
}

/// Whether a name is `of`, or it with underscores, which some servers take for dashes.
fn is_spelled(name: &str, of: &str) -> bool {
    let same = |(a, b): (u8, u8)| a == b || a == b'_' && b == b'-';
    name.len() == of.len() && name.bytes().zip(of.bytes()).all(same)
}

#[cfg(test)]
mod tests;
