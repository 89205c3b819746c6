//! Sec-WebSocket-Extensions (RFC 6455, section 9, and RFC 7692, section 7.1): what is offered, agreed on
//! and answered. The two ends agree with us each on its own.
//!
//! Invariant: permessage-deflate without context takeover, or nothing.

use http::header::SEC_WEBSOCKET_EXTENSIONS;
use http::{HeaderMap, HeaderValue};

use super::deflate::{WINDOW_BITS_MAX, WINDOW_BITS_MIN};

const NAME: &str = "permessage-deflate";
const ALONE: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
/// The smallest window that may be named (section 7.1.2.1).
const NAMED_BITS_MIN: u8 = 8;

/// An agreement to compress messages, each alone, with one end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deflate {
    /// How far the other end looks back in what we send, as a power of two.
    pub window_bits: u8,
}

/// The parameters of an offer or an answer.
#[derive(Clone, Copy, Debug, Default)]
struct Parameters {
    server_alone: bool,
    client_alone: bool,
    server_bits: Option<u8>,
    /// `Some(None)`: named without a value.
    client_bits: Option<Option<u8>>,
}

impl Deflate {
    /// What we agree to of what a client offers: the first offer that we can keep.
    pub fn of_offers(fields: &HeaderMap) -> Option<Self> {
        let acceptable = |offer: &str| {
            let parameters = Parameters::of(offer)?;
            let window_bits = parameters.server_bits.unwrap_or(WINDOW_BITS_MAX);
            (window_bits >= WINDOW_BITS_MIN).then_some(Self { window_bits })
        };
        extensions(fields).find_map(acceptable)
    }

    /// What a server agreed to of [`offer`].
    ///
    /// # Errors
    /// It chose what was not offered.
    pub fn of_answer(fields: &HeaderMap) -> Result<Option<Self>, NotOffered> {
        let mut chosen = extensions(fields);
        let Some(answer) = chosen.next() else {
            return match fields.contains_key(SEC_WEBSOCKET_EXTENSIONS) {
                true => Err(NotOffered),
                false => Ok(None),
            };
        };
        let parameters = Parameters::of(answer).ok_or(NotOffered)?;
        let is_kept = parameters.server_alone && parameters.client_bits.is_none();
        if chosen.next().is_some() || !is_kept {
            return Err(NotOffered);
        }
        // What the server sends may look back less than we can; what we send may as far as we like.
        Ok(Some(Self { window_bits: WINDOW_BITS_MAX }))
    }

    /// The answer to a client whose offer this is.
    pub fn answer(self) -> HeaderValue {
        if self.window_bits == WINDOW_BITS_MAX {
            return offer();
        }
        let text = format!("{ALONE}; server_max_window_bits={}", self.window_bits);
        HeaderValue::from_str(&text).unwrap_or_else(|_| offer())
    }
}

/// What we offer to a server.
pub fn offer() -> HeaderValue {
    HeaderValue::from_static(ALONE)
}

/// The server chose an extension, or parameters of one, that nobody offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotOffered;

impl Parameters {
    /// None for another extension, and for what the standard does not define.
    fn of(extension: &str) -> Option<Self> {
        let mut parts = extension.split(';').map(str::trim);
        if parts.next() != Some(NAME) {
            return None;
        }
        let mut parameters = Self::default();
        for part in parts {
            let (name, value) = match part.split_once('=') {
                Some((name, value)) => (name.trim(), Some(bits(value)?)),
                None => (part, None),
            };
            let is_new = match (name, value) {
                ("server_no_context_takeover", None) => {
                    !std::mem::replace(&mut parameters.server_alone, true)
                }
                ("client_no_context_takeover", None) => {
                    !std::mem::replace(&mut parameters.client_alone, true)
                }
                ("server_max_window_bits", Some(_)) => {
                    std::mem::replace(&mut parameters.server_bits, value).is_none()
                }
                ("client_max_window_bits", value) => {
                    parameters.client_bits.replace(value).is_none()
                }
                _ => false,
            };
            if !is_new {
                return None;
            }
        }
        Some(parameters)
    }
}

/// A window's bits: a number without leading zeros, which may stand in quotes.
fn bits(value: &str) -> Option<u8> {
    let value = value.trim();
    let value = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
    let is_plain = !value.starts_with('0') && value.bytes().all(|byte| byte.is_ascii_digit());
    let bits = value.parse().ok().filter(|_| is_plain)?;
    (NAMED_BITS_MIN..=WINDOW_BITS_MAX).contains(&bits).then_some(bits)
}

fn extensions(fields: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = fields.get_all(SEC_WEBSOCKET_EXTENSIONS).iter();
    let lists = values.map(|value| value.to_str().unwrap_or_default());
    lists.flat_map(|list| list.split(',')).map(str::trim).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(values: &[&'static str]) -> HeaderMap {
        let mut fields = HeaderMap::new();
        for value in values {
            fields.append(SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_static(value));
        }
        fields
    }

    #[test]
    fn the_first_offer_that_can_be_kept_is_taken() {
        for (offers, window_bits) in [
            (&["permessage-deflate"][..], Some(15)),
            (&["permessage-deflate; client_max_window_bits"], Some(15)),
            (
                &["permessage-deflate; server_max_window_bits=12; client_max_window_bits=12"],
                Some(12),
            ),
            (&["permessage-deflate; server_max_window_bits=\"10\""], Some(10)),
            (&["permessage-deflate; server_max_window_bits=8, permessage-deflate"], Some(15)),
            (
                &["x-webkit-deflate-frame", "permessage-deflate ; server_no_context_takeover"],
                Some(15),
            ),
            (&["permessage-deflate; server_max_window_bits=8"], None),
            (&["permessage-deflate; server_max_window_bits"], None),
            (&["permessage-deflate; server_max_window_bits=16"], None),
            (&["permessage-deflate; client_max_window_bits=010"], None),
            (&["permessage-deflate; client_no_context_takeover=1"], None),
            (&["permessage-deflate; client_no_context_takeover; client_no_context_takeover"], None),
            (&["permessage-deflate; novel"], None),
            (&["permessage-bzip2"], None),
            (&[], None),
        ] {
            let agreed = Deflate::of_offers(&fields(offers)).map(|agreed| agreed.window_bits);
            assert_eq!(agreed, window_bits, "{offers:?}");
        }
        assert_eq!(Deflate { window_bits: 15 }.answer(), ALONE);
        let answer = Deflate { window_bits: 12 }.answer();
        assert!(
            answer
                .to_str()
                .unwrap()
                .ends_with("client_no_context_takeover; server_max_window_bits=12")
        );
    }

    #[test]
    fn a_server_chooses_what_was_offered_or_nothing() {
        let agreed = Ok(Some(Deflate { window_bits: 15 }));
        for (answer, expected) in [
            (&[][..], Ok(None)),
            (&[ALONE], agreed),
            (&["permessage-deflate; server_no_context_takeover"], agreed),
            (&["permessage-deflate; server_no_context_takeover; server_max_window_bits=8"], agreed),
            (&["permessage-deflate"], Err(NotOffered)),
            (
                &["permessage-deflate; server_no_context_takeover; client_max_window_bits=9"],
                Err(NotOffered),
            ),
            (&[ALONE, ALONE], Err(NotOffered)),
            (&["permessage-bzip2"], Err(NotOffered)),
            (&[""], Err(NotOffered)),
        ] {
            assert_eq!(Deflate::of_answer(&fields(answer)), expected, "{answer:?}");
        }
    }
}
