//! The opening handshake (RFC 6455, section 4), both roles: what a client asked is checked, and asked
//! anew with a key of our own, whose answer is checked before the client gets its own.
//!
//! Invariant: no extension crosses: each end agrees with us alone on whether messages are compressed.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64_simd::STANDARD;
use http::header::{
    CONNECTION, CONTENT_LENGTH, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, request, response};

use super::extension::{self, Deflate};
use crate::http::headers;

/// Section 1.3.
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// Bytes of a key before its base64 (section 4.1).
const KEY_BYTES: usize = 16;
const WEBSOCKET: HeaderValue = HeaderValue::from_static("websocket");
const VERSION: HeaderValue = HeaderValue::from_static("13");

/// What a client asked for.
#[derive(Clone, Debug)]
pub struct Asked {
    accept: HeaderValue,
    protocols: Vec<String>,
    deflate: Option<Deflate>,
}

/// What we ask for ourselves.
#[derive(Clone, Debug)]
pub struct Asking {
    key: HeaderValue,
    accept: HeaderValue,
}

/// Why an upgrade cannot be carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUpgrade {
    /// Another protocol, or a request that is no GET of HTTP/1.1.
    #[error(
        "Upgrade is understood for `websocket` alone, asked by a GET of HTTP/1.1 without a body"
    )]
    Other,
    /// `Connection` does not name the upgrade.
    #[error("Upgrade without `Connection: Upgrade`")]
    Connection,
    /// Not version 13.
    #[error("Sec-WebSocket-Version is not 13")]
    Version,
    /// No key, several, or one that is not 16 bytes.
    #[error("Sec-WebSocket-Key is not one key of 16 bytes")]
    Key,
}

/// Why an answer 101 goes no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAnswer {
    /// Not to this question.
    #[error("the upstream's answer to a WebSocket handshake is not one to our key")]
    Accept,
    /// Nobody offered one.
    #[error("the upstream chose a WebSocket extension that was not offered")]
    Extension,
    /// Nobody offered it.
    #[error("the upstream chose a WebSocket subprotocol that was not offered")]
    Protocol,
}

impl Asked {
    /// What the request asks to turn into; `None` if it stays HTTP.
    ///
    /// # Errors
    /// It asks for something that is not understood, or not as it must.
    pub fn of(head: &request::Parts) -> Result<Option<Self>, InvalidUpgrade> {
        let fields = &head.headers;
        if !headers::wants_upgrade(fields) {
            return Ok(None);
        }
        let has_body = fields.get(CONTENT_LENGTH).is_some_and(|length| length != "0")
            || fields.contains_key(TRANSFER_ENCODING);
        let is_plain = head.method == Method::GET && head.version == Version::HTTP_11;
        if !is_plain || has_body || !is_websocket(fields) {
            return Err(InvalidUpgrade::Other);
        }
        if !tokens(fields, &CONNECTION).any(|token| token.eq_ignore_ascii_case("upgrade")) {
            return Err(InvalidUpgrade::Connection);
        }
        if only(fields, &SEC_WEBSOCKET_VERSION) != Some(&VERSION) {
            return Err(InvalidUpgrade::Version);
        }
        let key = only(fields, &SEC_WEBSOCKET_KEY).ok_or(InvalidUpgrade::Key)?;
        let decoded = STANDARD.decode_to_vec(key.as_bytes()).map_err(|_| InvalidUpgrade::Key)?;
        if decoded.len() != KEY_BYTES {
            return Err(InvalidUpgrade::Key);
        }
        let protocols = tokens(fields, &SEC_WEBSOCKET_PROTOCOL).map(str::to_owned).collect();
        let accept = accept(key.as_bytes()).ok_or(InvalidUpgrade::Key)?;
        Ok(Some(Self { accept, protocols, deflate: Deflate::of_offers(fields) }))
    }

    /// What the client and we agree on, of what it offered.
    pub fn deflate(&self) -> Option<Deflate> {
        self.deflate
    }

    /// Whether what the server chose is what was offered, and answers `asking`. What it and we agree
    /// on is returned.
    ///
    /// # Errors
    /// Why it goes no further.
    pub fn check(
        &self,
        asking: &Asking,
        fields: &HeaderMap,
    ) -> Result<Option<Deflate>, InvalidAnswer> {
        let is_upgrade =
            tokens(fields, &CONNECTION).any(|token| token.eq_ignore_ascii_case("upgrade"));
        let is_accepted = only(fields, &SEC_WEBSOCKET_ACCEPT) == Some(&asking.accept);
        if !is_upgrade || !is_websocket(fields) || !is_accepted {
            return Err(InvalidAnswer::Accept);
        }
        let deflate = Deflate::of_answer(fields).map_err(|_| InvalidAnswer::Extension)?;
        if deflate.is_some() && self.deflate.is_none() {
            return Err(InvalidAnswer::Extension);
        }
        let chosen = fields.get_all(SEC_WEBSOCKET_PROTOCOL).iter().count();
        let is_offered = match only(fields, &SEC_WEBSOCKET_PROTOCOL).map(HeaderValue::to_str) {
            None => chosen == 0,
            Some(Ok(chosen)) => self.protocols.iter().any(|offered| offered == chosen),
            Some(Err(_)) => false,
        };
        if is_offered { Ok(deflate) } else { Err(InvalidAnswer::Protocol) }
    }

    /// Makes the head of a server's answer, whose hop-by-hop fields are gone, the client's 101.
    pub fn answer(&self, head: &mut response::Parts) {
        strip(&mut head.headers);
        head.status = StatusCode::SWITCHING_PROTOCOLS;
        head.version = Version::HTTP_11;
        head.headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        head.headers.insert(UPGRADE, WEBSOCKET);
        head.headers.insert(SEC_WEBSOCKET_ACCEPT, self.accept.clone());
        if let Some(deflate) = self.deflate {
            head.headers.insert(SEC_WEBSOCKET_EXTENSIONS, deflate.answer());
        }
    }
}

impl Asking {
    /// A question with a key of our own; `None` where the system has no random bytes.
    pub fn new() -> Option<Self> {
        let mut random = [0; KEY_BYTES];
        aws_lc_rs::rand::fill(&mut random).ok()?;
        let key = STANDARD.encode_to_string(random);
        let accept = accept(key.as_bytes())?;
        Some(Self { key: HeaderValue::from_str(&key).ok()?, accept })
    }

    /// Puts the question into a head whose hop-by-hop fields are gone. The server is offered
    /// compression where the client offered it.
    pub fn ask(&self, asked: &Asked, fields: &mut HeaderMap) {
        strip(fields);
        fields.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        fields.insert(UPGRADE, WEBSOCKET);
        fields.insert(SEC_WEBSOCKET_VERSION, VERSION);
        fields.insert(SEC_WEBSOCKET_KEY, self.key.clone());
        if asked.deflate.is_some() {
            fields.insert(SEC_WEBSOCKET_EXTENSIONS, extension::offer());
        }
    }
}

/// Removes the handshake's own fields; the subprotocol is the ends' affair.
pub fn strip(fields: &mut HeaderMap) {
    let own = [
        SEC_WEBSOCKET_ACCEPT,
        SEC_WEBSOCKET_EXTENSIONS,
        SEC_WEBSOCKET_KEY,
        SEC_WEBSOCKET_VERSION,
        CONTENT_LENGTH,
    ];
    for name in own {
        fields.remove(name);
    }
}

fn is_websocket(fields: &HeaderMap) -> bool {
    only(fields, &UPGRADE)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(WEBSOCKET.as_bytes()))
}

/// The answer to a key (section 4.2.2): not a secret, only proof of having read it.
fn accept(key: &[u8]) -> Option<HeaderValue> {
    let digest = digest(&SHA1_FOR_LEGACY_USE_ONLY, &[key, GUID.as_bytes()].concat());
    HeaderValue::from_str(&STANDARD.encode_to_string(digest.as_ref())).ok()
}

/// The value of a field that stands there once.
fn only<'a>(fields: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut values = fields.get_all(name).iter();
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

fn tokens<'a>(fields: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = fields.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|list| list.split(',')).map(str::trim).filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
    const DEFLATE: &str = "permessage-deflate; server_no_context_takeover";

    fn head(change: impl Fn(&mut HeaderMap)) -> request::Parts {
        let mut head = http::Request::get("/chat").body(()).unwrap().into_parts().0;
        for (name, value) in [
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "WebSocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", KEY),
            ("sec-websocket-protocol", "chat, superchat"),
        ] {
            head.headers.insert(name, HeaderValue::from_static(value));
        }
        change(&mut head.headers);
        head
    }

    #[test]
    fn the_standards_own_example() {
        let asked = Asked::of(&head(|_| {})).unwrap().unwrap();
        assert_eq!(asked.accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(asked.protocols, ["chat", "superchat"]);
    }

    #[test]
    fn what_is_not_asked_as_it_must_be_is_refused() {
        let set = |name: &'static str, value: &'static str| {
            head(|fields| {
                fields.insert(name, HeaderValue::from_static(value));
            })
        };
        for (head, why) in [
            (set("upgrade", "h2c"), InvalidUpgrade::Other),
            (set("upgrade", "websocket, h2c"), InvalidUpgrade::Other),
            (set("content-length", "3"), InvalidUpgrade::Other),
            (set("transfer-encoding", "chunked"), InvalidUpgrade::Other),
            (set("connection", "close"), InvalidUpgrade::Connection),
            (set("sec-websocket-version", "8"), InvalidUpgrade::Version),
            (set("sec-websocket-key", "c2hvcnQ="), InvalidUpgrade::Key),
            (set("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZR=="), InvalidUpgrade::Key),
        ] {
            assert_eq!(Asked::of(&head).err(), Some(why), "{head:?}");
        }
        let mut twice = head(|_| {});
        twice.headers.append("sec-websocket-key", HeaderValue::from_static(KEY));
        assert_eq!(Asked::of(&twice).err(), Some(InvalidUpgrade::Key));
        let mut post = head(|_| {});
        post.method = Method::POST;
        assert_eq!(Asked::of(&post).err(), Some(InvalidUpgrade::Other));
        let plain = head(|fields| {
            fields.remove(UPGRADE);
        });
        assert!(Asked::of(&plain).unwrap().is_none());
    }

    #[test]
    fn an_answer_is_to_our_key_and_chooses_what_was_offered() {
        let asked = Asked::of(&head(|_| {})).unwrap().unwrap();
        let asking = Asking::new().unwrap();
        let mut question = HeaderMap::new();
        question.insert(SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_static("permessage-deflate"));
        asking.ask(&asked, &mut question);
        assert!(!question.contains_key(SEC_WEBSOCKET_EXTENSIONS), "the client did not offer it");
        assert_ne!(question[SEC_WEBSOCKET_KEY], KEY);
        let good = [
            ("connection", "upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-accept", asking.accept.to_str().unwrap()),
        ];
        let answer = |more: Option<(&str, &str)>| {
            let mut fields = HeaderMap::new();
            for (name, value) in good.into_iter().chain(more) {
                let name: HeaderName = name.parse().unwrap();
                fields.insert(name, HeaderValue::from_str(value).unwrap());
            }
            asked.check(&asking, &fields)
        };
        assert_eq!(answer(None), Ok(None));
        assert_eq!(answer(Some(("sec-websocket-protocol", "superchat"))), Ok(None));
        for (more, why) in [
            (("sec-websocket-protocol", "other"), InvalidAnswer::Protocol),
            (("sec-websocket-extensions", "permessage-deflate"), InvalidAnswer::Extension),
            (("sec-websocket-extensions", DEFLATE), InvalidAnswer::Extension),
            (("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), InvalidAnswer::Accept),
            (("upgrade", "h2c"), InvalidAnswer::Accept),
            (("connection", "close"), InvalidAnswer::Accept),
        ] {
            assert_eq!(answer(Some(more)), Err(why));
        }
    }
}
