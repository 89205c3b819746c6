//! One request head in the two forms that go upstream. Pure.

use http::header::{HOST, TE};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Uri, Version, request};

/// A head that was built for sending and cannot be put into the other form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the request head names no authority")]
pub struct NoAuthority;

/// `Host` and the origin form. `TE` would need `Connection` beside it, and no answer depends on it.
///
/// # Errors
/// The head names no authority.
pub fn as_http1(head: &mut request::Parts) -> Result<(), NoAuthority> {
    if let Some(authority) = head.uri.authority() {
        let host = HeaderValue::from_str(authority.as_str()).map_err(|_| NoAuthority)?;
        head.headers.insert(HOST, host);
        let path = head.uri.path_and_query().cloned();
        head.uri = Uri::from(path.unwrap_or_else(|| PathAndQuery::from_static("/")));
    }
    if !head.headers.contains_key(HOST) {
        return Err(NoAuthority);
    }
    head.headers.remove(TE);
    head.version = Version::HTTP_11;
    Ok(())
}

/// `:scheme`, `:authority` and `:path`, from which `Host` is left out (RFC 9113, section 8.3.1).
///
/// # Errors
/// The head names no authority.
pub fn as_http2(head: &mut request::Parts, is_plaintext: bool) -> Result<(), NoAuthority> {
    head.version = Version::HTTP_2;
    let Some(host) = head.headers.remove(HOST) else {
        return if head.uri.authority().is_some() { Ok(()) } else { Err(NoAuthority) };
    };
    let authority = Authority::try_from(host.as_bytes()).map_err(|_| NoAuthority)?;
    let mut parts = std::mem::take(&mut head.uri).into_parts();
    parts.scheme = Some(if is_plaintext { Scheme::HTTP } else { Scheme::HTTPS });
    parts.authority = Some(authority);
    head.uri = Uri::from_parts(parts).map_err(|_| NoAuthority)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_goes_from_one_form_into_the_other_and_back() {
        let request = http::Request::post("/a/b?c=d").header(HOST, "a.example:8443");
        let (mut head, ()) = request.header(TE, "trailers").body(()).unwrap().into_parts();

        as_http2(&mut head, false).unwrap();
        assert_eq!(head.uri, "https://a.example:8443/a/b?c=d");
        assert_eq!((head.version, head.headers.contains_key(HOST)), (Version::HTTP_2, false));
        assert_eq!(head.headers[TE], "trailers");
        // A second try finds it as it is to be.
        as_http2(&mut head, false).unwrap();
        assert_eq!(head.uri, "https://a.example:8443/a/b?c=d");

        as_http1(&mut head).unwrap();
        assert_eq!((head.uri.to_string().as_str(), head.version), ("/a/b?c=d", Version::HTTP_11));
        assert_eq!(head.headers[HOST], "a.example:8443");
        assert!(!head.headers.contains_key(TE));
    }

    #[test]
    fn a_head_without_an_authority_goes_nowhere() {
        let (mut head, ()) = http::Request::get("/").body(()).unwrap().into_parts();
        assert_eq!(as_http1(&mut head), Err(NoAuthority));
        assert_eq!(as_http2(&mut head, true), Err(NoAuthority));
    }
}
