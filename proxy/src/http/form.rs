//! The protocol that a refusal is put into, so that the client's library tells its user what
//! happened instead of trying again.

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, request};
use policy::Verdict;

use super::headers;
use crate::error::{Error, Kind};
use crate::link::budget::{BYTES_CODES, EXCHANGES_CODES};
use crate::link::federated::Rpc;
use crate::stop::Stop;
use crate::upstream::CARRIER_BUSY;

/// A gRPC status code (gRPC's `statuscodes`).
pub const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
/// Its text, percent-encoded.
pub const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// Longest `grpc-message`, bytes before encoding: clients bound what they take in trailers.
const MESSAGE_MAX: usize = 1024;

/// The form of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// RFC 9457 under another status: to Flower's HTTP clients 403 means that the run is over.
    Flower,
    /// `grpc-status` in trailers.
    Grpc,
    /// RFC 9457.
    Problem,
    /// An S3 error document.
    S3,
}

impl Form {
    /// The form that the client of this request reads.
    pub fn of(head: &request::Parts) -> Self {
        if headers::is_grpc(&head.headers) {
            Self::Grpc
        } else if is_s3(head) {
            Self::S3
        } else if Rpc::of(&head.method, head.uri.path(), &head.headers).is_some() {
            // What is named and no gRPC is of Flower's HTTP wire.
            Self::Flower
        } else {
            Self::Problem
        }
    }
}

/// Signed as S3's clients sign (AWS Signature Version 4, in a header or in the query), or with one
/// of its fields.
fn is_s3(head: &request::Parts) -> bool {
    const SIGNED: &[u8] = b"AWS4-";
    let is_signed = |value: &HeaderValue| value.as_bytes().starts_with(SIGNED);
    head.headers.get(AUTHORIZATION).is_some_and(is_signed)
        || head.headers.keys().any(|name| name.as_str().starts_with("x-amz-"))
        || head.uri.query().is_some_and(|query| query.contains("X-Amz-Signature="))
}

/// The fields that end a gRPC call that does not go on: as trailers, or as the only head.
pub fn grpc_trailers(stop: &Stop, exchange: Option<&str>) -> HeaderMap {
    let (code, said) = match stop {
        Stop::Refused(verdict) => (grpc_refused(verdict), verdict.reason.text.clone()),
        Stop::Failed(error) => (grpc_failed(error.kind()), said(error)),
    };
    let exchange = exchange.map_or_else(String::new, |id| format!(", exchange {id}"));
    let text = format!("{said} (lazaret: {}{exchange})", stop.code());
    let mut fields = HeaderMap::new();
    fields.insert(GRPC_STATUS, HeaderValue::from(code));
    if let Ok(message) = HeaderValue::from_str(&percent(&text)) {
        fields.insert(GRPC_MESSAGE, message);
    }
    fields
}

/// What a client may read of a failure: of a malformed request its own fault, else our words.
pub fn said(error: &Error) -> String {
    let own_words = (error.kind() == Kind::Malformed)
        .then(|| std::error::Error::source(error).map(ToString::to_string))
        .flatten();
    own_words.unwrap_or_else(|| error.kind().public().to_owned())
}

/// PERMISSION_DENIED, or RESOURCE_EXHAUSTED for a limit: neither is tried again.
fn grpc_refused(verdict: &Verdict) -> u16 {
    match verdict.reason.code {
        "drain-deadline" | CARRIER_BUSY => 14,
        "hold-max" => 8,
        code if BYTES_CODES.contains(&code) || EXCHANGES_CODES.contains(&code) => 8,
        _ => 7,
    }
}

/// By the status that an HTTP client gets. UNAVAILABLE, which clients try again, only where we are
/// overloaded or the upstream cannot be reached, as without us.
fn grpc_failed(kind: Kind) -> u16 {
    match kind {
        Kind::BodyAborted => 1,
        Kind::Malformed | Kind::DownstreamTls => 3,
        Kind::BodyTimeout | Kind::HeaderTimeout | Kind::TunnelTimeout | Kind::UpstreamTimeout => 4,
        Kind::UpstreamRefused | Kind::UpstreamUnverified => 7,
        Kind::HeadTooLarge => 8,
        Kind::InterceptBroken | Kind::ReceiverGone | Kind::SpoolBroken | Kind::UpstreamBroken => 13,
        Kind::AppUnreachable
        | Kind::AuditUnavailable
        | Kind::BufferedBytesMax
        | Kind::ConnectionsMax
        | Kind::ExchangesMax
        | Kind::SourceRequestsMax
        | Kind::SpoolMax
        | Kind::UpstreamConnectionsMax
        | Kind::UpstreamDns
        | Kind::UpstreamEjected
        | Kind::UpstreamIdentity
        | Kind::UpstreamUnreachable => 14,
    }
}

/// gRPC's `Percent-Encoded`: all but printable ASCII, and the percent sign.
fn percent(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes().take(MESSAGE_MAX) {
        match byte {
            b' '..=b'$' | b'&'..=b'~' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// S3's error document. The codes are S3's own, so that its clients know which to try again.
pub fn s3_document(status: StatusCode, said: &str, exchange: Option<&str>) -> String {
    let code = match status {
        StatusCode::FORBIDDEN => "AccessDenied",
        StatusCode::PAYLOAD_TOO_LARGE => "EntityTooLarge",
        StatusCode::REQUEST_TIMEOUT => "RequestTimeout",
        StatusCode::SERVICE_UNAVAILABLE => "SlowDown",
        _ if status.is_client_error() => "InvalidRequest",
        _ => "InternalError",
    };
    let (said, exchange) = (escaped(said), escaped(exchange.unwrap_or_default()));
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code>\
         <Message>{said}</Message><RequestId>{exchange}</RequestId></Error>"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(fields: &[(&'static str, &'static str)], uri: &str) -> request::Parts {
        let mut request = http::Request::post(uri);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn the_form_is_the_one_that_the_client_reads() {
        for (fields, uri, form) in [
            (&[("content-type", "application/grpc")][..], "/a", Form::Grpc),
            (&[("content-type", "Application/gRPC+proto")], "/a", Form::Grpc),
            (&[("content-type", "application/grpc-web+proto")], "/a", Form::Grpc),
            (&[("content-type", "application/json")], "/a", Form::Problem),
            (&[("content-type", "application/protobuf")], "/v1/fleet/push-object", Form::Flower),
            (&[("content-type", "application/protobuf")], "/v1/traces", Form::Problem),
            (&[("authorization", "AWS4-HMAC-SHA256 Credential=x")], "/a", Form::S3),
            (&[("authorization", "Bearer x")], "/a", Form::Problem),
            (&[("x-amz-content-sha256", "UNSIGNED-PAYLOAD")], "/a", Form::S3),
            (&[], "/a?X-Amz-Expires=3&X-Amz-Signature=1", Form::S3),
        ] {
            assert_eq!(Form::of(&head(fields, uri)), form, "{fields:?} {uri}");
        }
    }

    #[test]
    fn a_grpc_message_is_printable_ascii() {
        assert_eq!(percent("a 100% ü\n~"), "a 100%25 %C3%BC%0A~");
        assert_eq!(percent(&"ü".repeat(2000)).len(), MESSAGE_MAX * 3);
    }

    #[test]
    fn a_refusal_is_never_a_code_that_clients_try_again() {
        let verdict = Verdict::block(None, "finding", "an ssn".to_owned());
        let fields = grpc_trailers(&Stop::Refused(Box::new(verdict)), Some("x-1"));
        assert_eq!(fields[GRPC_STATUS], "7");
        assert_eq!(fields[GRPC_MESSAGE], "an ssn (lazaret: finding, exchange x-1)");
        let fields = grpc_trailers(&Kind::ExchangesMax.into(), None);
        assert_eq!(fields[GRPC_STATUS], "14");
    }

    #[test]
    fn an_s3_document_is_well_formed() {
        let document = s3_document(StatusCode::FORBIDDEN, "a <b> & c", Some("x-1"));
        assert!(document.ends_with(
            "<Error><Code>AccessDenied</Code><Message>a &lt;b&gt; &amp; c</Message>\
             <RequestId>x-1</RequestId></Error>"
        ));
    }
}
