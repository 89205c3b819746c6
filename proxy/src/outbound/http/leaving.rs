//! What goes upstream and what is known of its way back: built from what was decided. Pure.

use http::header::{EXPECT, HOST, TE, TRAILER};
use http::{HeaderMap, HeaderValue, Method, Uri, Version, request};
use policy::{EgressPermit, UpstreamTls};

use crate::error::{self, Error};
use crate::http::headers;
use crate::http::target::Target;
use crate::stop::Stop;
use crate::upstream::Offer;

/// What the permit says of the way back, kept because sending consumes the permit.
pub(super) struct Returning {
    pub(super) ruling: Option<policy::Ruling>,
    pub(super) peer: Option<String>,
    pub(super) is_head: bool,
}

impl Returning {
    pub(super) fn of(permit: &EgressPermit, method: &Method) -> Self {
        Self {
            ruling: permit.ruling_in(),
            peer: permit.tls().peer().map(ToString::to_string),
            is_head: method == Method::HEAD,
        }
    }
}

/// Upstream is spoken what downstream is spoken, as far as that can be settled: on plaintext nobody
/// can be asked, so that HTTP/2 goes there as HTTP/1.1 unless it is gRPC, which has no such form.
pub(super) fn offer(head: &request::Parts, permit: &EgressPermit) -> Offer {
    let is_plaintext = *permit.tls() == UpstreamTls::Plaintext;
    match head.version {
        Version::HTTP_2 if headers::is_native_grpc(&head.headers) => Offer::Http2,
        Version::HTTP_2 if !is_plaintext => Offer::Both,
        _ => Offer::Http1,
    }
}

/// The head that goes upstream, built anew from what was decided.
pub(super) fn outgoing(target: &Target, mut head: request::Parts) -> Result<request::Parts, Stop> {
    let malformed = || Error::from(error::Kind::Malformed);
    let trailers = headers::announced_trailers(&head.headers);
    let takes_trailers = headers::takes_trailers(&head.headers);
    headers::strip(&mut head.headers);
    head.headers.remove(EXPECT);
    headers::join_cookies(&mut head.headers);
    let host = HeaderValue::from_str(&target.authority()).map_err(|_| malformed())?;
    let mut fields = HeaderMap::with_capacity(head.headers.len() + 2);
    fields.insert(HOST, host);
    head.headers.remove(HOST);
    fields.extend(head.headers);
    if let Some(trailers) = trailers {
        fields.insert(TRAILER, trailers);
    }
    if takes_trailers {
        fields.insert(TE, HeaderValue::from_static("trailers"));
    }
    head.headers = fields;
    head.uri = target.path_and_query().parse::<Uri>().map_err(|_| malformed())?;
    head.version = Version::HTTP_11;
    head.extensions.clear();
    Ok(head)
}
