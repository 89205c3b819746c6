//! What a gateway answers when it is asked for a stream. A refusal of its policy is one of ours: whoever
//! asked reads it in its protocol's own form, with the gateway's word for the reason.

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use policy::Verdict;
use serde::Deserialize;

use crate::error::{Error, Kind};

/// The gateway's policy, or a budget of its link, does not permit the stream.
const REFUSED: &str = "carrier-refused";
/// The gateway has too much to do, and may be asked again.
pub const BUSY: &str = "carrier-busy";
/// Bytes of an answer that are looked at.
const ANSWER_BYTES_MAX: usize = 4096;
/// Longest word that is told on.
const WORD_CHARS_MAX: usize = 64;

/// What a gateway refused, as a verdict.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.reason.text)]
pub struct Refused(pub Box<Verdict>);

/// What of a gateway's answer is understood (RFC 9457, as Lazaret writes it).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Said {
    code: Option<String>,
    exchange: Option<String>,
}

/// The answer, if the stream is open.
#[expect(clippy::disallowed_methods, reason = "limited in bytes here and in time by the caller")]
pub(super) async fn taken(answer: Response<Incoming>) -> Result<Response<Incoming>, Error> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    // A gateway that says nothing more has answered all the same.
    let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await;
    let body = body.map_or_else(|_| Bytes::new(), |body| body.to_bytes());
    Err(refuse(status, &body))
}

fn refuse(status: StatusCode, body: &[u8]) -> Error {
    let Said { code, exchange } = serde_json::from_slice(body).unwrap_or_default();
    let mut text = format!("the gateway that carries it answered {}", status.as_u16());
    if let Some(code) = code.filter(|code| is_word(code)) {
        text = format!("{text}, {code}");
    }
    if let Some(exchange) = exchange.filter(|exchange| is_word(exchange)) {
        text = format!("{text} (exchange {exchange} there)");
    }
    let code = match status {
        StatusCode::FORBIDDEN | StatusCode::PAYLOAD_TOO_LARGE => REFUSED,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => BUSY,
        _ => return Error::new(Kind::UpstreamUnreachable, text),
    };
    Error::new(Kind::UpstreamRefused, Refused(Box::new(Verdict::block(None, code, text))))
}

/// A stable word, as codes and exchange ids are.
fn is_word(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=WORD_CHARS_MAX).contains(&text.len()) && text.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stop::Stop;

    #[test]
    fn a_refusal_is_told_on_in_words_alone() {
        let forbidden = StatusCode::FORBIDDEN;
        for (status, body, code, text) in [
            (
                forbidden,
                r#"{"code":"host-not-listed","exchange":"a1-7"}"#,
                REFUSED,
                "403, host-not-listed (exchange a1-7 there)",
            ),
            (forbidden, r#"{"code":"SSN 536-22-8941","exchange":7}"#, REFUSED, "answered 403"),
            (forbidden, "", REFUSED, "answered 403"),
            (
                StatusCode::TOO_MANY_REQUESTS,
                r#"{"code":"link-exchanges-max"}"#,
                BUSY,
                "link-exchanges-max",
            ),
            (StatusCode::BAD_GATEWAY, r#"{"code":"upstream-dns"}"#, "upstream-unreachable", ""),
            (StatusCode::UNAUTHORIZED, "", "upstream-unreachable", ""),
        ] {
            let stop = Stop::from(refuse(status, body.as_bytes()));
            assert_eq!(stop.code(), code, "{status} {body}");
            if let Stop::Refused(verdict) = stop {
                assert!(verdict.reason.text.ends_with(text), "{}", verdict.reason.text);
            }
        }
    }
}
