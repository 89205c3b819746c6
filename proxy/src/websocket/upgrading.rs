//! Requests that ask to turn into a WebSocket: decided and read like any other, asked anew of whoever
//! serves them, and answered with a 101 of our own once the server's has been checked.

use http::{HeaderMap, request, response};
use hyper::upgrade::OnUpgrade;

use super::Agreed;
use crate::error::{Error, Kind};
use crate::http::headers;
use crate::http::websocket::handshake::{self, Asked, Asking};
use crate::stop::Stop;

/// A request's wish to become a WebSocket.
#[derive(Debug)]
pub struct Upgrading {
    asked: Asked,
    asking: Asking,
    client: OnUpgrade,
}

impl Upgrading {
    /// What the request asks to turn into; `None` if it stays HTTP.
    ///
    /// # Errors
    /// It asks for what is not understood.
    pub fn of(head: &mut request::Parts) -> Result<Option<Self>, Stop> {
        let malformed = |what| Error::new(Kind::Malformed, what);
        let Some(asked) = Asked::of(head).map_err(malformed)? else { return Ok(None) };
        let client = head.extensions.remove::<OnUpgrade>().ok_or(Kind::Malformed)?;
        let asking = Asking::new().ok_or(Kind::UpstreamIdentity)?;
        handshake::strip(&mut head.headers);
        Ok(Some(Self { asked, asking, client }))
    }

    /// Puts our own question into the head that goes on.
    pub fn ask(&self, fields: &mut HeaderMap) {
        self.asking.ask(&self.asked, fields);
    }

    /// Checks a 101 and makes it the client's, from a head that has its hop-by-hop fields. What each
    /// end agreed on with us is returned.
    ///
    /// # Errors
    /// It is no answer to what was asked.
    pub fn answer(&self, head: &mut response::Parts) -> Result<Agreed, Stop> {
        let broken = |what| Error::new(Kind::UpstreamBroken, what);
        let server = self.asked.check(&self.asking, &head.headers).map_err(broken)?;
        headers::strip(&mut head.headers);
        head.extensions.clear();
        self.asked.answer(head);
        Ok(Agreed { client: self.asked.deflate(), server })
    }

    /// The client's end, once it has read its answer.
    pub fn into_client(self) -> OnUpgrade {
        self.client
    }
}
