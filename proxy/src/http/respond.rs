//! The only map from a refusal or failure to a response. A client reads a stable code, the rule,
//! the exchange's id and what to do; never a byte of what was found, nothing of our inside.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use hyper::ext::ReasonPhrase;
use policy::Verdict;
use serde::Serialize;

use super::form::{Form, grpc_trailers, s3_document, said};
use crate::link::budget::{BYTES_CODES, EXCHANGES_CODES};
use crate::rooms::TurnedAway;
use crate::stop::Stop;
use crate::upstream::CARRIER_BUSY;

const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
const XML: HeaderValue = HeaderValue::from_static("application/xml");
/// RFC 9457.
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");
/// Seconds after which an overloaded or broken proxy may be asked again.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("5");
const FAILED_HINT: &str = "the exchange id finds the record in lazaret's audit log";
const REFUSED_HINT: &str = "give the policy's owner this code and exchange id; `lazaret policy test` shows what a change would do";

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
        Form::Flower => flower(stop, exchange),
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

/// As [`stopped`] for an exchange that never began.
pub fn turned_away<B: From<Bytes>>(form: Form, away: &TurnedAway) -> Response<B> {
    stopped(form, &away.stop, away.exchange.as_deref())
}

/// As [`stopped`] for a client of which nothing is known.
pub fn problem<B: From<Bytes>>(stop: &Stop, exchange: Option<&str>) -> Response<B> {
    problem_with(StatusCode::FORBIDDEN, stop, exchange)
}

/// Flower's HTTP clients take 403 for the end of the run and drop what they were told with it; of any
/// other status they log the reason phrase, and give up at once.
fn flower<B: From<Bytes>>(stop: &Stop, exchange: Option<&str>) -> Response<B> {
    let mut response = problem_with(StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS, stop, exchange);
    if let Ok(phrase) = ReasonPhrase::try_from(format!("lazaret: {}", stop.code())) {
        response.extensions_mut().insert(phrase);
    }
    response
}

/// A problem, with `forbidden` where the status would be 403.
fn problem_with<B: From<Bytes>>(
    forbidden: StatusCode,
    stop: &Stop,
    exchange: Option<&str>,
) -> Response<B> {
    let (said, plain) = match stop {
        Stop::Refused(verdict) => (verdict.reason.text.clone(), refusal_status(verdict)),
        Stop::Failed(error) => (said(error), error.kind().status()),
    };
    let status = if plain == StatusCode::FORBIDDEN { forbidden } else { plain };
    let (title, rule, hint) = match stop {
        Stop::Refused(verdict) => ("refused by policy", verdict.rule.as_deref(), REFUSED_HINT),
        Stop::Failed(_) => ("the exchange failed", None, FAILED_HINT),
    };
    let (code, detail) = (stop.code(), said.as_str());
    let problem = Problem { title, status: status.as_u16(), code, detail, rule, exchange, hint };
    reply(serde_json::to_vec(&problem).unwrap_or_default().into(), PROBLEM_JSON, status)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_flower_client_reads_why_and_not_that_its_run_is_over() {
        let refused = |code| {
            let stop = Stop::Refused(Box::new(Verdict::block(None, code, "why".to_owned())));
            stopped::<Bytes>(Form::Flower, &stop, Some("x-1"))
        };
        let response = refused("finding");
        assert_eq!(response.status(), StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS);
        let phrase = response.extensions().get::<ReasonPhrase>().unwrap();
        assert_eq!(phrase.as_bytes(), b"lazaret: finding");
        let problem: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!((&problem["status"], &problem["code"]), (&451.into(), &"finding".into()));
        assert_eq!(refused("link-bytes-max").status(), StatusCode::PAYLOAD_TOO_LARGE);
    }
}
