//! The only map from a refusal or failure to a response. A client reads a stable code, the rule,
//! the exchange's id and what to do; never a byte of what was found, nothing of our inside.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use policy::Verdict;
use serde::Serialize;

use super::form::{Form, grpc_trailers, s3_document, said};
use crate::link::budget::{BYTES_CODES, EXCHANGES_CODES};
use crate::stop::Stop;
use crate::upstream::CARRIER_BUSY;

const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
const XML: HeaderValue = HeaderValue::from_static("application/xml");
/// RFC 9457.
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");
/// Seconds after which an overloaded or broken proxy may be asked again.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("5");

#[derive(Serialize)]
struct Problem<'a> {
    title: &'a str,
    status: u16,
    code: &'a str,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exchange: Option<&'a str>,
    hint: &'a str,
}

/// The response to an exchange that does not go on, in the form that its client reads. `exchange` is
/// its id, if it has one. A gRPC client gets it as a head without a body ("trailers-only").
pub fn stopped<B: From<Bytes>>(form: Form, stop: &Stop, exchange: Option<&str>) -> Response<B> {
    match form {
        Form::Grpc => {
            let mut response = Response::new(B::from(Bytes::new()));
            *response.headers_mut() = grpc_trailers(stop, exchange);
            response.headers_mut().insert(CONTENT_TYPE, GRPC);
            response
        }
        Form::Problem => problem(stop, exchange),
        Form::S3 => {
            let (status, text) = match stop {
                Stop::Refused(verdict) => (refusal_status(verdict), verdict.reason.text.clone()),
                Stop::Failed(error) => (error.kind().status(), said(error)),
            };
            let text = format!("{text} (lazaret: {})", stop.code());
            reply(s3_document(status, &text, exchange).into(), XML, status)
        }
    }
}

/// As [`stopped`] for a client of which nothing is known.
pub fn problem<B: From<Bytes>>(stop: &Stop, exchange: Option<&str>) -> Response<B> {
    let said = match stop {
        Stop::Refused(_) => String::new(),
        Stop::Failed(error) => said(error),
    };
    let (problem, status) = match stop {
        Stop::Refused(verdict) => refused(verdict, exchange),
        Stop::Failed(error) => {
            let status = error.kind().status();
            let problem = Problem {
                title: "the exchange failed",
                status: status.as_u16(),
                code: error.kind().code(),
                detail: &said,
                rule: None,
                exchange,
                hint: "the exchange id finds the record in lazaret's audit log",
            };
            (problem, status)
        }
    };
    reply(serde_json::to_vec(&problem).unwrap_or_default().into(), PROBLEM_JSON, status)
}

fn refused<'a>(verdict: &'a Verdict, exchange: Option<&'a str>) -> (Problem<'a>, StatusCode) {
    let status = refusal_status(verdict);
    let problem = Problem {
        title: "refused by policy",
        status: status.as_u16(),
        code: verdict.reason.code,
        detail: &verdict.reason.text,
        rule: verdict.rule.as_deref(),
        exchange,
        hint: "give the policy's owner this code and exchange id; `lazaret policy test` shows what a change would do",
    };
    (problem, status)
}

/// 403 and never 401, which makes some clients exit, nor a code that clients retry.
fn refusal_status(verdict: &Verdict) -> StatusCode {
    match verdict.reason.code {
        "drain-deadline" | CARRIER_BUSY => StatusCode::SERVICE_UNAVAILABLE,
        "hold-max" => StatusCode::PAYLOAD_TOO_LARGE,
        code if BYTES_CODES.contains(&code) => StatusCode::PAYLOAD_TOO_LARGE,
        code if EXCHANGES_CODES.contains(&code) => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::FORBIDDEN,
    }
}

fn reply<B: From<Bytes>>(text: Bytes, kind: HeaderValue, status: StatusCode) -> Response<B> {
    let mut response = Response::new(B::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, kind);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
        headers.insert(RETRY_AFTER, RETRY_AFTER_SECONDS);
    }
    if status == StatusCode::BAD_REQUEST {
        // What follows a request with two readings cannot be told from its body.
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
